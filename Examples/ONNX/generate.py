"""Generates text with a network that `unroll export --format onnx` has written, in ONNX Runtime: generate.py FOLDER PROMPT"""
import json, pathlib, sys

import numpy
import onnxruntime

folder, prompt = pathlib.Path(sys.argv[1]), sys.argv[2] if sys.argv[2:] else "\n"
network = onnxruntime.InferenceSession(folder / "step.onnx")
metadata = network.get_modelmeta().custom_metadata_map
names = json.loads(metadata["vocabulary"])["tokens"]
assert metadata["tokens"] == "characters", "other tokens are cut as model.py of an export to PyTorch does"

# A text begins with states of zeros, [L, B, H] each.
states = {each.name: numpy.zeros([each.shape[0], 1, each.shape[2]], numpy.float32) for each in network.get_inputs()[1:]}


def advance(token):
    logits, *after = network.run(None, {"tokens": [token], **states})
    states.update(zip(states, after))
    return logits[0]


for character in prompt:
    logits = advance(names.index(character) if character in names else 0)
for _ in range(300):
    probabilities = numpy.exp((logits - logits.max()).astype(float))
    probabilities[0] = 0  # never <unk>
    token = numpy.random.choice(len(names), p=probabilities / probabilities.sum())
    print(names[token], end="", flush=True)
    logits = advance(token)
print()
