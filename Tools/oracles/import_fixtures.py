"""Writes networks as PyTorch, Keras, Flax and MLX save them, and the logits that they compute, for the tests of import.

    python Tools/oracles/import_fixtures.py torch Tests/UnrollInterchangeTests/Fixtures
    KERAS_BACKEND=jax python Tools/oracles/import_fixtures.py keras Tests/UnrollInterchangeTests/Fixtures

and the same with `flax`, `mlx` and `tokenizers`, each in an environment with the framework and safetensors (made with torch
2.15, keras 3.15, flax 0.12, jax 0.10, mlx 0.32 and tokenizers 0.23). NAME.pt or NAME.safetensors holds a network, NAME.json the logits after each of
some tokens, computed by the framework in one pass over all of them.
"""

import json
import pathlib
import sys
import zipfile

CHARACTERS = sorted(set("hello world\n"))
V, E, H = len(CHARACTERS), 4, 5
IDS = [4, 3, 5, 5, 6, 1, 8, 6, 7, 5, 2, 0]
framework, folder = sys.argv[1], pathlib.Path(sys.argv[2])


def expect(name, cell, logits, layers=1, embedding=E, tied=False, hidden=H):
    expectation = {
        "framework": {"torch": "PyTorch", "keras": "Keras", "flax": "Flax", "mlx": "MLX"}[framework],
        "cell": cell, "hiddenSize": hidden, "layerCount": layers, "embeddingSize": embedding, "tiesWeights": tied,
        "ids": IDS, "logits": logits,
    }
    (folder / f"{name}.json").write_text(json.dumps(expectation) + "\n")


def write_torch():
    import numpy
    import torch
    from safetensors.torch import save_file, save_model

    torch.manual_seed(0)

    class Network(torch.nn.Module):
        def __init__(self, rnn, embedding=None, tied=False, bias=True):
            super().__init__()
            self.encoder = embedding
            self.rnn = rnn
            self.fc = torch.nn.Linear(rnn.hidden_size, V, bias=bias)
            if tied:
                self.fc.weight = embedding.weight

        def forward(self, ids):
            return self.fc(self.rnn(self.encoder(ids) if self.encoder else torch.eye(V)[ids])[0])

    def logits(network):
        with torch.no_grad():
            return network(torch.tensor(IDS)).tolist()

    def save(name, cell, network, contents=None, **facts):
        torch.save(network.state_dict() if contents is None else contents, folder / f"{name}.pt")
        expect(name, cell, logits(network), **facts)

    lstm = Network(torch.nn.LSTM(E, H, 2), torch.nn.Embedding(V, E))
    checkpoint = {
        "epoch": 3, "loss": 1.25, "seed": 1 << 90, "best": None, "shape": torch.Size([V, E]),
        "model": {f"module.{name}": value for name, value in lstm.state_dict().items()},
        "optimizer": torch.optim.Adam(lstm.parameters()).state_dict(), "chars": tuple(CHARACTERS),
    }
    save("torch-lstm-checkpoint", "lstm", lstm, checkpoint, layers=2)
    save("torch-gru-one-hot", "gru", Network(torch.nn.GRU(V, H)), embedding=None)
    save("torch-gru-no-bias", "gru", Network(torch.nn.GRU(E, H, bias=False), torch.nn.Embedding(V, E), bias=False))
    save("torch-lstm-tied", "lstm", Network(torch.nn.LSTM(H, H), torch.nn.Embedding(V, H), tied=True),
         embedding=H, tied=True)
    tied = Network(torch.nn.LSTM(H, H), torch.nn.Embedding(V, H), tied=True)
    save_model(tied, folder / "torch-lstm-tied-once.safetensors")
    expect("torch-lstm-tied-once", "lstm", logits(tied), embedding=H, tied=True)

    # Views of one storage: offsets, transposed matrices, and a slice of columns.
    relu = Network(torch.nn.RNN(E, H, 2, nonlinearity="relu"), torch.nn.Embedding(V, E))
    flat = torch.cat([value.t().flatten() for value in relu.state_dict().values()])
    views, offset = {}, 0
    for name, value in relu.state_dict().items():
        size = value.numel()
        views[name] = flat[offset : offset + size].reshape(value.t().shape).t()
        offset += size
        assert torch.equal(views[name], value)
    views["fc.weight"] = torch.cat([views["fc.weight"], torch.ones(V, 2)], 1)[:, :H]
    views["steps"] = torch.tensor(7)
    save("torch-relu-views", "relu", relu, views, layers=2)

    # Each type of floats; the logits are those of the rounded numbers.
    for name, dtype in [("float64", torch.float64), ("float16", torch.float16), ("bfloat16", torch.bfloat16)]:
        network = Network(torch.nn.RNN(E, H), torch.nn.Embedding(V, E))
        rounded = {key: value.to(dtype) for key, value in network.state_dict().items()}
        network.load_state_dict(rounded)
        save(f"torch-tanh-{name}", "tanh", network, rounded)
        save_file(rounded | {"steps": torch.tensor([7])}, folder / f"torch-tanh-{name}-2.safetensors")
        expect(f"torch-tanh-{name}-2", "tanh", logits(network))

    class Cells(torch.nn.Module):
        """Two cells in a loop of the script's own."""

        def __init__(self):
            super().__init__()
            self.embed = torch.nn.Embedding(V, E)
            self.cells = torch.nn.ModuleList([torch.nn.GRUCell(E, H), torch.nn.GRUCell(H, H)])
            self.out = torch.nn.Linear(H, V)

        def forward(self, ids):
            states, outputs = [torch.zeros(H), torch.zeros(H)], []
            for x in self.embed(ids):
                for index, cell in enumerate(self.cells):
                    x = states[index] = cell(x, states[index])
                outputs.append(self.out(x))
            return torch.stack(outputs)

    save("torch-gru-cells", "gru", Cells(), layers=2)

    # Two networks in a file: the second is the one of the expectation.
    names = {"model": tied.state_dict(), "averages": {"ema": lstm.state_dict()}}
    save("torch-two-networks", "lstm", lstm, names, layers=2)

    # What is refused.
    small = torch.nn.RNN(2, 2)
    torch.save(small, folder / "torch-module.pt")
    torch.save(small.state_dict(), folder / "torch-legacy.pt", _use_new_zipfile_serialization=False)
    torch.jit.save(torch.jit.trace(torch.nn.Linear(1, 1), torch.zeros(1)), folder / "torch-script.pt")
    expanded = {"weight_hh_l0": torch.zeros(1, 1).expand(4, 4)}
    torch.save(expanded, folder / "torch-expanded.pt")
    with zipfile.ZipFile(folder / "torch-gru-no-bias.pt") as stored:
        with zipfile.ZipFile(folder / "torch-compressed.pt", "w", zipfile.ZIP_DEFLATED) as compressed:
            for name in stored.namelist():
                compressed.writestr(zipfile.ZipInfo(name), stored.read(name), zipfile.ZIP_DEFLATED)
    numpy.savez(folder / "arrays.npz", weights=numpy.zeros(1))


def write_keras():
    import keras
    import numpy
    from safetensors.numpy import save_file

    def save(name, cell, *layers, one_hot=False, **facts):
        keras.utils.set_random_seed(len(name))
        inputs = keras.Input((None,), dtype="int32")
        x = keras.ops.one_hot(inputs, V) if one_hot else keras.layers.Embedding(V, E)(inputs)
        for layer in layers:
            x = layer(x)
        network = keras.Model(inputs, keras.layers.Dense(V)(x))
        # Biases that are not zero.
        random = numpy.random.default_rng(1)
        for variable in network.weights:
            if variable.name == "bias":
                variable.assign(random.normal(size=variable.shape).astype("float32"))
        save_file({v.path: keras.ops.convert_to_numpy(v) for v in network.weights}, folder / f"{name}.safetensors")
        logits = numpy.array(network(numpy.array([IDS])))[0].tolist()
        expect(name, cell, logits, layers=len(layers), **facts)

    layers = keras.layers
    save("keras-lstm", "lstm", layers.LSTM(H, return_sequences=True), layers.LSTM(H, return_sequences=True))
    save("keras-gru", "gru", layers.GRU(H, return_sequences=True))
    save("keras-tanh-one-hot", "tanh", layers.SimpleRNN(H, return_sequences=True), one_hot=True, embedding=None)
    save("keras-lstm-no-bias", "lstm", layers.LSTM(H, return_sequences=True, use_bias=False))
    refused = {
        "keras-gru-reset-before": layers.GRU(H, reset_after=False),
        "keras-bidirectional": layers.Bidirectional(layers.LSTM(H, return_sequences=True)),
    }
    for name, layer in refused.items():
        network = keras.Sequential([keras.Input((None,)), layers.Embedding(V, E), layer, layers.Dense(V)])
        save_file({v.path: keras.ops.convert_to_numpy(v) for v in network.weights}, folder / f"{name}.safetensors")


def write_flax():
    import jax
    import numpy
    from flax import linen, nnx, traverse_util
    from safetensors.numpy import save_file

    def disturb(parameters):
        """Biases that are not zero."""
        random = numpy.random.default_rng(2)
        return {
            name: random.normal(size=value.shape).astype("float32") if name.endswith("bias") else numpy.array(value)
            for name, value in parameters.items()
        }

    class Linen(linen.Module):
        cell: type
        layers: int = 1
        tied: bool = False

        @linen.compact
        def __call__(self, ids):
            embedding = linen.Embed(V, H if self.tied else E)
            x = embedding(ids)
            for _ in range(self.layers):
                x = linen.RNN(self.cell(H))(x)
            return embedding.attend(x) if self.tied else linen.Dense(V)(x)

    def save_linen(name, cell, network, **facts):
        ids = numpy.array([IDS])
        variables = network.init(jax.random.key(0), ids)
        parameters = disturb(traverse_util.flatten_dict(variables, sep="/"))
        save_file(parameters, folder / f"{name}.safetensors")
        logits = network.apply(traverse_util.unflatten_dict(parameters, sep="/"), ids)
        if cell:
            expect(name, cell, numpy.array(logits)[0].tolist(), **facts)

    save_linen("linen-lstm", "lstm", Linen(linen.LSTMCell, 2), layers=2)
    save_linen("linen-optimized-lstm", "lstm", Linen(linen.OptimizedLSTMCell))
    save_linen("linen-gru", "gru", Linen(linen.GRUCell))
    save_linen("linen-tanh", "tanh", Linen(linen.SimpleCell))
    save_linen("linen-gru-tied", "gru", Linen(linen.GRUCell, tied=True), embedding=H, tied=True)
    save_linen("linen-minimal", None, Linen(linen.MGUCell))

    class NNX(nnx.Module):
        def __init__(self, cell):
            rngs = nnx.Rngs(0)
            self.embed = nnx.Embed(V, E, rngs=rngs)
            self.rnn = nnx.RNN(cell(E, H, rngs=rngs), rngs=rngs)
            self.head = nnx.Linear(H, V, rngs=rngs)

        def __call__(self, ids):
            return self.head(self.rnn(self.embed(ids)))

    for name, cell, kind in [
        ("nnx-lstm", "lstm", nnx.LSTMCell), ("nnx-optimized-lstm", "lstm", nnx.OptimizedLSTMCell),
        ("nnx-gru", "gru", nnx.GRUCell), ("nnx-tanh", "tanh", nnx.SimpleCell),
    ]:
        network = NNX(kind)
        state = nnx.state(network, nnx.Param)
        flat = {".".join(map(str, path)): variable for path, variable in nnx.to_flat_state(state)}
        parameters = disturb({path: numpy.array(variable[...]) for path, variable in flat.items()})
        for path, variable in flat.items():
            variable[...] = parameters[path]
        nnx.update(network, state)
        save_file(parameters, folder / f"{name}.safetensors")
        expect(name, cell, numpy.array(network(numpy.array([IDS])))[0].tolist())


def write_mlx():
    import mlx.core as mx
    from mlx import nn

    mx.random.seed(0)
    mx.set_default_device(mx.cpu)

    class Network(nn.Module):
        def __init__(self, *layers):
            super().__init__()
            self.embedding = nn.Embedding(V, E)
            self.layers = list(layers)
            self.decoder = nn.Linear(H, V)

        def __call__(self, ids):
            x = self.embedding(ids)
            for layer in self.layers:
                x = layer(x)
                x = x[0] if isinstance(x, tuple) else x
            return self.decoder(x)

    for name, cell, layers in [
        ("mlx-lstm", "lstm", [nn.LSTM(E, H), nn.LSTM(H, H)]), ("mlx-gru", "gru", [nn.GRU(E, H)]),
        ("mlx-tanh", "tanh", [nn.RNN(E, H)]), ("mlx-gru-no-bias", "gru", [nn.GRU(E, H, bias=False)]),
    ]:
        network = Network(*layers)
        network.save_weights(str(folder / f"{name}.safetensors"))
        expect(name, cell, network(mx.array([IDS]))[0].tolist(), layers=len(layers))


def write_tokenizers():
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    text = "the lamp was burning there, in the garden; the été was long.\n" * 3
    for name, special in [("tokenizer", ["<unk>"]), ("tokenizer-special", ["<unk>", "<|endoftext|>"])]:
        tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.train_from_iterator(
            [text], trainers.BpeTrainer(
                vocab_size=270, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
                show_progress=False))
        tokenizer.save(str(folder / f"{name}.json"), pretty=False)
    ids = tokenizer.from_file(str(folder / "tokenizer.json")).encode(text).ids
    (folder / "tokenizer-ids.json").write_text(json.dumps({"text": text, "ids": ids}) + "\n")


folder.mkdir(parents=True, exist_ok=True)
{"tokenizers": write_tokenizers, "torch": write_torch, "keras": write_keras, "flax": write_flax, "mlx": write_mlx}[framework]()
