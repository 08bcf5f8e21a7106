"""Writes the gradients of regularized language models by PyTorch, as the JSON vectors that the engine tests read.

    python Tools/oracles/regularization_vectors.py Tests/UnrollEngineTests/Oracles/Regularization

The masks are drawn by a Philox of this script's own, at the places that RandomMask documents, and multiplied in by
hand; the rest is PyTorch's: its functions, its label smoothing, its differentiation. Without masks the cells written
out here are checked against nn.LSTM and nn.GRU. Parameters are exact in float32, gradients are float64. Sizes are
pairwise different, and hidden units are no multiple of the eight that a block of Philox decides about.
"""

import json
import pathlib
import sys

import torch
from torch.nn import functional as F

torch.set_default_dtype(torch.float64)
T, B, V, E, H, L = 4, 3, 7, 6, 9, 2
SEED, STEP = 0x1234_5678_9ABC_DEF0, 5_000_000_007
OUTPUT, EMBEDDING, WEIGHTS, STATE = 1 << 28, 2 << 28, 3 << 28, 4 << 28
MASKS = 4  # the purpose

NOTHING = {"dropout": 0, "usesVariationalDropout": False, "embeddingDropout": 0, "weightDrop": 0, "labelSmoothing": 0}
NO_ZONEOUT = {"output": 0, "memory": 0}
CASES = {
    "dropout": ("lstm", {"dropout": 0.375}, {}),
    "variational-dropout": ("gru", {"dropout": 0.375, "usesVariationalDropout": True}, {}),
    "embedding-dropout": ("gru", {"embeddingDropout": 0.375}, {}),
    "weight-drop": ("lstm", {"weightDrop": 0.375}, {}),
    "label-smoothing": ("gru", {"labelSmoothing": 0.125}, {}),
    "zoneout": ("lstm", {}, {"output": 0.25, "memory": 0.5}),
    "everything": (
        "gru",
        {"dropout": 0.25, "embeddingDropout": 0.25, "weightDrop": 0.5, "labelSmoothing": 0.125},
        {"output": 0.25},
    ),
}


def philox(counter, key):
    x, k = list(counter), list(key)
    for _ in range(10):
        a, b = x[0] * 0xD2511F53, x[2] * 0xCD9E8D57
        x = [(b >> 32) ^ x[1] ^ k[0], b & 0xFFFFFFFF, (a >> 32) ^ x[3] ^ k[1], a & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return x


def mask(site, share, times, rows, units):
    """One where a number is kept, zero elsewhere: [times, rows, units]."""
    key = philox((STEP & 0xFFFFFFFF, STEP >> 32, site, MASKS), (SEED & 0xFFFFFFFF, SEED >> 32))[:2]

    def keeps(time, row, unit):
        word = philox((unit // 8, row, time, 0), key)[unit % 8 // 2]
        return (word >> (unit % 2 * 16) & 0xFFFF) >= round(share * 65536)

    return torch.tensor(
        [[[float(keeps(t, r, u)) for u in range(units)] for r in range(rows)] for t in range(times)])


def run(cell, parameters, inputs, regularization, zoneout):
    """Logits, [T B, V], from zero states."""
    share = regularization["embeddingDropout"]
    kept = torch.tensor([mask(EMBEDDING, share, 1, V, 1)[0, v, 0] for v in range(V)]) / (1 - share)
    values = (parameters["embedding.weight"] * kept[:, None])[inputs]
    gates = 4 if cell == "lstm" else 3
    for layer in range(L):
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        w_ih, w_hh, b_ih, b_hh = (parameters[f"rnn.{name}_l{layer}"] for name in names)
        share = regularization["weightDrop"]
        # [gate, input row, unit] as the mask has it; PyTorch's weight is [gate, unit, input row].
        kept = mask(WEIGHTS | layer, share, gates, H, H).transpose(1, 2).reshape(gates * H, H)
        w_hh = w_hh * kept / (1 - share)
        changes = {
            name: mask(STATE | index << 8 | layer, zoneout[part], T, B, H)
            for index, (name, part) in enumerate([("h", "output"), ("c", "memory")])
        }
        h = c = torch.zeros(B, H)
        outputs = []
        for t in range(T):
            x, y = F.linear(values[t], w_ih, b_ih), F.linear(h, w_hh, b_hh)
            if cell == "lstm":
                i, f, g, o = (x + y).chunk(4, 1)
                new_c = f.sigmoid() * c + i.sigmoid() * g.tanh()
                new_h = o.sigmoid() * new_c.tanh()
                c = torch.where(changes["c"][t] > 0, new_c, c)
            else:
                (xr, xz, xn), (yr, yz, yn) = x.chunk(3, 1), y.chunk(3, 1)
                z = (xz + yz).sigmoid()
                new_h = (1 - z) * (xn + (xr + yr).sigmoid() * yn).tanh() + z * h
            h = torch.where(changes["h"][t] > 0, new_h, h)
            outputs.append(h)
        values = torch.stack(outputs)
        share = regularization["dropout"]
        if regularization["usesVariationalDropout"]:
            kept = mask(OUTPUT | layer, share, 1, B, H).expand(T, B, H)
        else:
            kept = mask(OUTPUT | layer, share, T, B, H)
        values = values * kept / (1 - share)
    return F.linear(values, parameters["decoder.weight"], parameters["decoder.bias"]).reshape(-1, V)


def check(cell, parameters, inputs):
    module = (torch.nn.LSTM if cell == "lstm" else torch.nn.GRU)(E, H, L)
    module.load_state_dict({name[4:]: value.detach() for name, value in parameters.items() if name[:4] == "rnn."})
    outputs, _ = module(parameters["embedding.weight"][inputs])
    expected = F.linear(outputs, parameters["decoder.weight"], parameters["decoder.bias"]).reshape(-1, V)
    assert torch.allclose(run(cell, parameters, inputs, NOTHING, NO_ZONEOUT), expected, atol=1e-12)


def vectors(cell, regularization, zoneout):
    torch.manual_seed(len(cell))
    gates = 4 if cell == "lstm" else 3
    shapes = {"embedding.weight": (V, E)}
    for layer in range(L):
        shapes |= {
            f"rnn.weight_ih_l{layer}": (gates * H, E if layer == 0 else H), f"rnn.weight_hh_l{layer}": (gates * H, H),
            f"rnn.bias_ih_l{layer}": (gates * H,), f"rnn.bias_hh_l{layer}": (gates * H,),
        }
    shapes |= {"decoder.weight": (V, H), "decoder.bias": (V,)}
    # Few digits, so that the files stay small.
    parameters = {
        name: (torch.randn(shape) * 0.6 * 64).round().div(64).requires_grad_() for name, shape in shapes.items()}
    inputs, targets = torch.randint(V, (T, B)), torch.randint(V, (T, B))
    check(cell, parameters, inputs)
    logits = run(cell, parameters, inputs, regularization, zoneout)
    smoothing = regularization["labelSmoothing"]
    F.cross_entropy(logits, targets.reshape(-1), label_smoothing=smoothing).backward()
    return {
        "cell": cell, "sequenceLength": T, "batchSize": B, "vocabularySize": V, "hiddenSize": H, "layerCount": L,
        "embeddingSize": E, "regularization": regularization, "zoneout": zoneout, "seed": str(SEED), "step": STEP,
        "inputs": inputs.reshape(-1).tolist(), "targets": targets.reshape(-1).tolist(),
        "loss": F.cross_entropy(logits, targets.reshape(-1)).item(),
        "parameters": {name: value.detach().reshape(-1).tolist() for name, value in parameters.items()},
        "gradients": {
            name: [float(f"{x:.12g}") for x in value.grad.reshape(-1).tolist()] for name, value in parameters.items()},
    }


folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
for name, (cell, regularization, zoneout) in CASES.items():
    result = vectors(cell, NOTHING | regularization, NO_ZONEOUT | zoneout)
    (folder / f"{name}.json").write_text(json.dumps(result) + "\n")
