"""Writes what other implementations compute for LSTM and GRU, as the JSON vectors that the example tests read.

    python Tools/oracles/scratch_vectors.py Tests/ExamplesTests/Oracles

Needs torch and onnx (made with torch 2.15.0 and onnx 1.23.2). Every number that goes in is exact in float32;
everything that comes out is float64. Sizes are pairwise different and none is 1. Parameters, and gradients with them,
have PyTorch's names and layout: gates i, f, g, o and r, z, n.

PyTorch has only the GRU that resets the product. The other form, the book's, is written out here; ONNX's reference
evaluator is the judge of its values, and the same lines reset the other way must give what PyTorch's own GRU gives,
gradients included.
"""

import json
import pathlib
import sys

import numpy
import onnx.helper
import onnx.reference
import torch

torch.set_default_dtype(torch.float64)
T, B, V, H = 5, 3, 7, 4


def random(*shape):
    return (torch.randn(shape) * 0.6).float().double().requires_grad_()


def numbers(tensor):
    return tensor.detach().reshape(-1).tolist()


def lstm(one_hot, state, parameters):
    module = torch.nn.LSTM(V, H)
    outputs, (h, c) = torch.func.functional_call(
        module, parameters, (one_hot, (state["h"][None], state["c"][None])))
    return outputs, {"h": h[0], "c": c[0]}


def torch_gru(one_hot, state, parameters):
    outputs, h = torch.func.functional_call(torch.nn.GRU(V, H), parameters, (one_hot, state["h"][None]))
    return outputs, {"h": h[0]}


def written_gru(reset):
    def run(one_hot, state, parameters):
        # r, z, n, each [H, V], [H, H], [H], [H]
        wr, wz, wn = parameters["weight_ih_l0"].chunk(3)
        ur, uz, un = parameters["weight_hh_l0"].chunk(3)
        br, bz, bn = parameters["bias_ih_l0"].chunk(3)
        cr, cz, cn = parameters["bias_hh_l0"].chunk(3)
        h, outputs = state["h"], []
        for x in one_hot:
            r = torch.sigmoid(x @ wr.T + br + h @ ur.T + cr)
            z = torch.sigmoid(x @ wz.T + bz + h @ uz.T + cz)
            hidden = (r * h) @ un.T + cn if reset == "before" else r * (h @ un.T + cn)
            n = torch.tanh(x @ wn.T + bn + hidden)
            h = z * h + (1 - z) * n
            outputs.append(h)
        return torch.stack(outputs), {"h": h}
    return run


def onnx_gru(reset, one_hot, state, parameters):
    """The outputs, [T, B, H], of ONNX's GRU, whose gates are z, r, h."""
    def reordered(name):
        r, z, n = parameters[name].detach().numpy().reshape(3, H, -1)
        return numpy.concatenate([z, r, n])
    feed = {
        "X": one_hot.numpy(),
        "W": reordered("weight_ih_l0")[None],
        "R": reordered("weight_hh_l0")[None],
        "B": numpy.concatenate([reordered("bias_ih_l0"), reordered("bias_hh_l0")]).reshape(1, -1),
        "lengths": numpy.full(B, T, dtype=numpy.int32),
        "initial_h": state["h"].detach().numpy()[None],
    }
    double = onnx.TensorProto.DOUBLE
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node(
            "GRU", list(feed), ["Y"], hidden_size=H, linear_before_reset=int(reset == "after"))],
        "gru",
        [onnx.helper.make_tensor_value_info(
            name, onnx.TensorProto.INT32 if name == "lengths" else double, value.shape)
         for name, value in feed.items()],
        [onnx.helper.make_tensor_value_info("Y", double, (T, 1, B, H))])
    (outputs,) = onnx.reference.ReferenceEvaluator(onnx.helper.make_model(graph)).run(None, feed)
    return torch.from_numpy(outputs[:, 0])


def evaluate(network, inputs, targets, state, parameters):
    """Logits, final states, loss, and its gradients."""
    recurrent = {name[4:]: value for name, value in parameters.items() if name.startswith("rnn.")}
    outputs, final = network(torch.nn.functional.one_hot(inputs, V).double(), state, recurrent)
    logits = outputs @ parameters["decoder.weight"].T + parameters["decoder.bias"]
    loss = torch.nn.functional.cross_entropy(logits.reshape(-1, V), targets.reshape(-1))
    variables = list(parameters.values()) + list(state.values())
    gradients = [numbers(gradient) for gradient in torch.autograd.grad(loss, variables)]
    return {
        "logits": numbers(logits),
        "finalState": {name: numbers(value) for name, value in final.items()},
        "loss": loss.item(),
        "gradients": dict(zip(list(parameters) + list(state), gradients)),
    }


def check_equal(one, other):
    """Two results of `evaluate`."""
    for key in ["logits", "loss"]:
        assert numpy.allclose(one[key], other[key], rtol=0, atol=1e-12), key
    for key in ["finalState", "gradients"]:
        for name in one[key]:
            assert numpy.allclose(one[key][name], other[key][name], rtol=0, atol=1e-12), name


def vectors(seed, gates, states, network):
    torch.manual_seed(seed)
    parameters = {
        "rnn.weight_ih_l0": random(gates * H, V), "rnn.weight_hh_l0": random(gates * H, H),
        "rnn.bias_ih_l0": random(gates * H), "rnn.bias_hh_l0": random(gates * H),
        "decoder.weight": random(V, H), "decoder.bias": random(V),
    }
    state = {name: random(B, H) for name in states}
    inputs, targets = torch.randint(V, (T, B)), torch.randint(V, (T, B))
    case = (inputs, targets, state, parameters)
    written = {
        "sequenceLength": T, "batchSize": B, "vocabularySize": V, "hiddenSize": H,
        "inputs": inputs.reshape(-1).tolist(), "targets": targets.reshape(-1).tolist(),
        "parameters": {name: numbers(value) for name, value in parameters.items()},
        "initialState": {name: numbers(value) for name, value in state.items()},
        **evaluate(network, *case),
    }
    return written, case


def gru_vectors(reset):
    network = torch_gru if reset == "after" else written_gru(reset)
    result, case = vectors(31 + len(reset), 3, ["h"], network)
    inputs, _, state, parameters = case
    # What is written out above is right in PyTorch's form, gradients included ...
    check_equal(evaluate(torch_gru, *case), evaluate(written_gru("after"), *case))
    # ... and ONNX computes the same outputs in this form.
    one_hot = torch.nn.functional.one_hot(inputs, V).double()
    recurrent = {name[4:]: value for name, value in parameters.items() if name.startswith("rnn.")}
    outputs, _ = network(one_hot, state, recurrent)
    assert torch.allclose(outputs, onnx_gru(reset, one_hot, state, recurrent), rtol=0, atol=1e-12)
    # The two forms differ by far more than the tests tolerate.
    other, _ = written_gru("before" if reset == "after" else "after")(one_hot, state, recurrent)
    assert (outputs - other).abs().max() > 1e-2
    return result


folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
for name, result in {
    "lstm": vectors(30, 4, ["h", "c"], lstm)[0],
    "gru-after": gru_vectors("after"),
    "gru-before": gru_vectors("before"),
}.items():
    (folder / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")
