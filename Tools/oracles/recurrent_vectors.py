"""Writes what PyTorch computes for small language models, as the JSON vectors that the engine tests read.

    python Tools/oracles/recurrent_vectors.py Tests/UnrollEngineTests/Oracles

Every number that goes in is exact in float32; everything that comes out is float64. Sizes are pairwise different and
none is 1, but for one layer and for tied weights, whose embedding is of the layers' size. Cells that PyTorch does not have
are formulas here, differentiated by autograd. A file holds, for each cell and each stack of layers, several minibatches
in a row whose state is carried over and detached (logits, loss, all gradients and the final states of each), and some
steps of clipped SGD.
"""

import dataclasses
import json
import math
import pathlib
import sys

import torch

torch.set_default_dtype(torch.float64)
T, B, V = 5, 3, 7
LEARNING_RATE, CLIP = 0.5, 0.25


@dataclasses.dataclass
class Stack:
    suffix: str
    hidden: int = 4
    layers: int = 2
    embedding: int | None = None
    tied: bool = False
    chunks: int = 2
    steps: int = 4


STACKS = [
    Stack("", hidden=6, layers=1, chunks=3, steps=10),
    Stack("-2-layers"),
    Stack("-embedding", layers=1, embedding=6),
    Stack("-2-layers-embedding", embedding=6),
    Stack("-2-layers-tied", embedding=4, tied=True),
]
# For cells that read their layer's input unit by unit.
SQUARE_STACKS = [Stack("-2-layers-square", embedding=4), Stack("-2-layers-tied", embedding=4, tied=True)]


def functions(a, b, c, d, h, s, m):
    """The cell `FunctionsCell` of the tests: every function of the language. A gate is a pair of halves."""
    (a, b_input, b_hidden, c, d) = (sum(a), *b, sum(c), sum(d))
    b = b_input + b_hidden
    positive = torch.nn.functional.softplus(a) + 0.1
    ratio = b / (2 + torch.exp(-c))
    root = 0.3 * torch.sqrt(positive) - torch.log(positive) / 3
    total = torch.nn.functional.silu(d) + positive**1.5 * 0.1
    total = total + torch.minimum(root, torch.ones(()))
    total = (total - (torch.abs(s) * 0.2 + math.tanh(0.3))) * 0.5 / (1 + 0.3 * torch.sigmoid(b_input))
    twins = torch.maximum(total, -(-total)) + torch.minimum(ratio, -(-ratio))
    m = torch.maximum(0.8 * m - torch.nn.functional.softplus(-d), torch.minimum(torch.tensor(-0.5), ratio))
    damping = (1 + s**2) ** -1 + 2 / (1 + torch.exp(m)) ** 0.5 - total**3 * 0.01
    h = (torch.tanh(0.5 * twins) * damping + torch.relu(b_hidden) * 0.1) * 0.5
    return h, torch.maximum(ratio - 0.2, 0.5 * s) * 0.6, m


def slstm(z, i, f, o, h, c, n, m):
    """The sLSTM of Beck et al., "xLSTM", NeurIPS 2024, equations 8 to 17, with a forget gate through the sigmoid."""
    (z, i, f, o) = (sum(z), sum(i), sum(f), sum(o))
    forget = torch.nn.functional.logsigmoid(f) + m
    m = torch.maximum(forget, i)
    f, i = torch.exp(forget - m), torch.exp(i - m)
    c, n = f * c + i * torch.tanh(z), f * n + i
    return torch.sigmoid(o) * c / n, c, n, m


def peepholes(i, f, g, o, h, c, input_peephole, forget_peephole, output_peephole):
    """The LSTM of Gers and Schmidhuber, "Recurrent nets that time and count", 2000."""
    (i, f, g, o) = (sum(i), sum(f), sum(g), sum(o))
    gate_i, gate_f = torch.sigmoid(i + input_peephole * c), torch.sigmoid(f + forget_peephole * c)
    c = gate_f * c + gate_i * torch.tanh(g)
    return torch.sigmoid(o + output_peephole * c) * torch.tanh(c), c


def learned_leak(z, h, leak):
    """A leaky cell each of whose units learns its rate."""
    return (torch.lerp(h, torch.tanh(sum(z)), torch.sigmoid(leak)),)


def highway(t, z, h, layer_input):
    """The cell `HighwayCell` of the tests."""
    t = torch.sigmoid(sum(t))
    return (t * torch.tanh(sum(z)) + (1 - t) * layer_input,)


def residual(i, f, g, o, h, c, layer_input, share):
    """The cell `ResidualCell` of the tests."""
    g = torch.tanh(sum(g) + share * layer_input)
    c = torch.sigmoid(sum(f)) * c + torch.sigmoid(sum(i)) * g
    return torch.sigmoid(sum(o)) * torch.tanh(c) + layer_input, c


class FormulaRNN(torch.nn.Module):
    """Layers of a cell that is a function of gates, states and learned vectors, in the form of `torch.nn.RNN`."""

    def __init__(self, formula, gates, states, vectors, input_size, hidden_size, layers, reads_input=False):
        super().__init__()
        self.formula, self.gates, self.states, self.hidden, self.layers = formula, gates, states, hidden_size, layers
        self.vectors, self.reads_input = vectors, reads_input
        for layer in range(layers):
            for name, *shape in [("weight_ih", gates * hidden_size, hidden_size if layer else input_size),
                                 ("weight_hh", gates * hidden_size, hidden_size),
                                 ("bias_ih", gates * hidden_size), ("bias_hh", gates * hidden_size),
                                 *((vector, hidden_size) for vector in vectors)]:
                self.register_parameter(f"{name}_l{layer}", torch.nn.Parameter(torch.zeros(shape)))

    def forward(self, inputs, state):
        if state is None:
            state = tuple(torch.zeros(self.layers, inputs.shape[1], self.hidden) for _ in range(self.states))
        final = []
        for layer in range(self.layers):
            values, outputs = [part[layer] for part in state], []
            parts = [getattr(self, f"{name}_l{layer}") for name in ["weight_ih", "bias_ih", "weight_hh", "bias_hh"]]
            vectors = {name: getattr(self, f"{name}_l{layer}") for name in self.vectors}
            for step in inputs:
                of_input = torch.nn.functional.linear(step, *parts[:2]).chunk(self.gates, -1)
                of_hidden = torch.nn.functional.linear(values[0], *parts[2:]).chunk(self.gates, -1)
                own = {"layer_input": step} if self.reads_input else {}
                values = self.formula(*zip(of_input, of_hidden), *values, **own, **vectors)
                outputs.append(values[0])
            inputs = torch.stack(outputs)
            final.append(values)
        return inputs, tuple(torch.stack(part) for part in zip(*final))


# The names of the states.
STATES = {
    "tanh": "h", "relu": "h", "lstm": "hc", "gru": "h", "functions": "hsm", "slstm": "hcnm", "peepholes": "hc",
    "learned-leak": "h", "highway": "h", "residual": "hc",
}

CELLS = {
    "tanh": lambda *sizes: torch.nn.RNN(*sizes, nonlinearity="tanh"),
    "relu": lambda *sizes: torch.nn.RNN(*sizes, nonlinearity="relu"),
    "lstm": torch.nn.LSTM,
    "gru": torch.nn.GRU,
    "functions": lambda *sizes: FormulaRNN(functions, 4, 3, [], *sizes),
    "slstm": lambda *sizes: FormulaRNN(slstm, 4, 4, [], *sizes),
    "peepholes": lambda *sizes: FormulaRNN(
        peepholes, 4, 2, ["input_peephole", "forget_peephole", "output_peephole"], *sizes),
    "learned-leak": lambda *sizes: FormulaRNN(learned_leak, 1, 1, ["leak"], *sizes),
    "highway": lambda *sizes: FormulaRNN(highway, 2, 1, [], *sizes, reads_input=True),
    "residual": lambda *sizes: FormulaRNN(residual, 4, 2, ["share"], *sizes, reads_input=True),
}


class LanguageModel(torch.nn.Module):
    def __init__(self, cell, stack):
        super().__init__()
        self.embedding = torch.nn.Embedding(V, stack.embedding) if stack.embedding else None
        self.rnn = CELLS[cell](stack.embedding or V, stack.hidden, stack.layers)
        self.decoder = torch.nn.Linear(stack.hidden, V)
        if stack.tied:
            self.decoder.weight = self.embedding.weight

    def forward(self, inputs, state):
        if self.embedding is None:
            inputs = torch.nn.functional.one_hot(inputs, V).to(torch.get_default_dtype())
        else:
            inputs = self.embedding(inputs)
        outputs, state = self.rnn(inputs, state)
        return self.decoder(outputs), state

    def loss(self, logits, targets):
        return torch.nn.functional.cross_entropy(logits.reshape(-1, V), targets.reshape(-1))


def detached(state):
    return tuple(part.detach() for part in state) if isinstance(state, tuple) else state.detach()


def named(cell, state):
    """The states by our names; PyTorch starts from zeros where there is none."""
    return {name: numbers(part) for name, part in zip(STATES[cell], state if isinstance(state, tuple) else (state,))}


def numbers(tensor):
    return tensor.detach().reshape(-1).tolist()


def clip(parameters, bound):
    """Global-norm clipping as the book defines it; PyTorch's own adds 1e-6 to the norm."""
    gradients = [parameter.grad for parameter in parameters]
    norm = sum((gradient**2).sum() for gradient in gradients).sqrt().item()
    for gradient in gradients:
        gradient *= min(1, bound / norm)
    return norm


def vectors(cell, stack):
    torch.manual_seed(20 + len(cell))
    model = LanguageModel(cell, stack)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_((torch.randn_like(parameter) * 0.6).float().double())
    start = {name: value.clone() for name, value in model.state_dict().items()}
    minibatches = [(torch.randint(V, (T, B)), torch.randint(V, (T, B))) for _ in range(stack.chunks)]

    chunks, state = [], None
    for inputs, targets in minibatches:
        model.zero_grad()
        logits, state = model(inputs, state)
        loss = model.loss(logits, targets)
        loss.backward()
        state = detached(state)
        chunks.append({
            "inputs": inputs.reshape(-1).tolist(),
            "targets": targets.reshape(-1).tolist(),
            "logits": numbers(logits),
            "loss": loss.item(),
            "gradients": {name: numbers(p.grad) for name, p in model.named_parameters()},
            "states": named(cell, state),
        })

    optimizer = torch.optim.SGD(model.parameters(), lr=LEARNING_RATE)
    losses, norms, state = [], [], None
    for step in range(stack.steps):
        inputs, targets = minibatches[step % stack.chunks]
        optimizer.zero_grad()
        logits, state = model(inputs, state)
        loss = model.loss(logits, targets)
        loss.backward()
        state = detached(state)
        norms.append(clip(model.parameters(), CLIP))
        optimizer.step()
        losses.append(loss.item())

    return {
        "cell": cell, "sequenceLength": T, "batchSize": B, "vocabularySize": V, "hiddenSize": stack.hidden,
        "layerCount": stack.layers, "embeddingSize": stack.embedding, "tiesWeights": stack.tied,
        "parameters": {name: numbers(value) for name, value in start.items()},
        "chunks": chunks,
        "training": {
            "learningRate": LEARNING_RATE, "maxGradientNorm": CLIP, "losses": losses, "gradientNorms": norms,
            "finalParameters": {name: numbers(value) for name, value in model.state_dict().items()},
        },
    }


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for cell in CELLS:
        for stack in SQUARE_STACKS if cell in ("highway", "residual") else STACKS:
            text = json.dumps(vectors(cell, stack), indent=1)
            (folder / f"{cell}{stack.suffix}.json").write_text(text + "\n")
