"""Computes texts with exported networks in ONNX Runtime and PyTorch, and compares nats with those of Unroll.

    python compare.py FOLDER TEXT [FOUND] < LINES

Each line of standard input is a JSON object with the name of a `model` and its `nats` of TEXT, as Unroll counts them;
FOLDER has NAME-onnx, NAME-pytorch and NAME-safetensors. The model's tokens are characters, bytes or subwords; it predicts
the first one after a line feed. FOUND is a file for the nats that were found. Needs torch, numpy, onnx, onnxruntime and safetensors, for subwords tokenizers.
"""

import importlib.util
import json
import math
import pathlib
import sys

import numpy
import onnx
import onnxruntime
import torch
from safetensors.torch import load_file

TOLERANCE = 1e-5
# Folders of fixtures stay as they are.
sys.dont_write_bytecode = True


def module(folder):
    """The file model.py of an export."""
    specification = importlib.util.spec_from_file_location("model", folder / "model.py")
    loaded = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(loaded)
    return loaded


def nats_of(logits, tokens):
    return torch.nn.functional.cross_entropy(torch.as_tensor(logits).double(), torch.as_tensor(tokens), reduction="sum").item()


def session(path):
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    # What the messages' own library makes of them, which writes fields in the order of their numbers.
    assert model.SerializeToString(deterministic=True) == path.read_bytes(), f"{path}: other bytes than ONNX's own library writes"
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def zeros(session, batch):
    """The names of the states that go in, and their values before any text."""
    return {
        each.name: numpy.zeros([each.shape[0], batch, each.shape[2]], numpy.float32)
        for each in session.get_inputs() if each.name != "tokens"
    }


def advance(session, tokens, states):
    logits, *after = session.run(None, {"tokens": tokens} | states)
    assert [output.name for output in session.get_outputs()][1:] == [name[:-1] + "n" for name in states]
    return logits, dict(zip(states, after))


def by_sequence(path, inputs, targets):
    """All of the text in parts of different lengths, with the text again, backward, as a second text of the batch."""
    run = session(path)
    states, logits = zeros(run, 2), []
    both = numpy.stack([inputs, inputs[::-1]])
    for part in numpy.split(both, [1, 8, len(inputs) // 2], axis=1):
        result, states = advance(run, part, states)
        logits.append(result[0])
    return nats_of(numpy.concatenate(logits), targets)


def by_step(path, inputs, targets):
    run = session(path)
    states, logits = zeros(run, 1), []
    for token in inputs:
        result, states = advance(run, numpy.array([token]), states)
        logits.append(result[0])
    return nats_of(numpy.stack(logits), targets)


def by_torch(loaded, inputs, targets):
    model = loaded.load()
    with torch.no_grad():
        first, state = model(torch.tensor(inputs[:5])[:, None])
        rest, _ = model(torch.tensor(inputs[5:])[:, None], state)
    return nats_of(torch.cat([first, rest])[:, 0], targets)


def check_tensors(name, folder):
    """The files of PyTorch and of safetensors hold the same, tied weights under both names in the first."""
    one = torch.load(folder / f"{name}-pytorch" / "model.pt", weights_only=True)
    other = load_file(folder / f"{name}-safetensors" / "model.safetensors")
    if "decoder.weight" not in other:
        assert one["decoder.weight"].data_ptr() == one["embedding.weight"].data_ptr(), f"{name}: weights are not tied"
        other["decoder.weight"] = other["embedding.weight"]
    assert one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one), f"{name}: other tensors"


def main():
    folder, text = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]).read_bytes().decode()
    worst, all_found = 0.0, {}
    for line in map(json.loads, sys.stdin):
        name, expected = line["model"], line["nats"]
        loaded = module(folder / f"{name}-pytorch")
        check_tensors(name, folder)
        tokens = numpy.array(loaded.encode("\n") + loaded.encode(text))
        inputs, targets = tokens[:-1], tokens[1:]
        found = {
            "step.onnx": by_step(folder / f"{name}-onnx" / "step.onnx", inputs, targets),
            "sequence.onnx": by_sequence(folder / f"{name}-onnx" / "sequence.onnx", inputs, targets),
            "model.pt": by_torch(loaded, inputs, targets),
        }
        errors = {file: abs(nats / expected - 1) for file, nats in found.items()}
        print(f"{name:32} {expected:12.5f} nats   " + "   ".join(f"{file} {error:.1e}" for file, error in errors.items()))
        assert not math.isnan(sum(errors.values())), name
        worst, all_found[name] = max(worst, *errors.values()), found
    print(f"{len(all_found)} models, greatest relative error {worst:.1e}")
    if sys.argv[3:]:
        pathlib.Path(sys.argv[3]).write_text(json.dumps(all_found, indent=2) + "\n")
    return worst < TOLERANCE and len(all_found) > 0


sys.exit(0 if main() else 1)
