"""Loads a model folder into PyTorch and checks that it finds a text as probable as `unroll evaluate` does.

    unroll evaluate MODEL FILE --json | python Tools/oracles/check_export.py MODEL FILE

Run in an environment with torch and safetensors. The model's tokens are characters, without preprocessing. The first one is
predicted after a line feed or, if the model knows none, as one of V equally probable tokens.
"""

import json
import math
import pathlib
import sys

import torch
from safetensors.torch import load_file

folder, text = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]).read_bytes().decode()
config = json.loads((folder / "config.json").read_text())
if config.get("ngrams"):
    sys.exit(f"{folder}: has n-grams beside the network, which PyTorch does not know; train one with --ngrams none")
vocabulary = json.loads((folder / "vocabulary.json").read_text())
if (vocabulary["kind"], vocabulary["preprocessing"]) != ("characters", "none"):
    sys.exit("only a model of characters, without preprocessing, can be checked")
V, H, E = len(vocabulary["tokens"]), config["hiddenSize"], config["embeddingSize"]
ids = {token: index for index, token in enumerate(vocabulary["tokens"])}

cells = {"lstm": (torch.nn.LSTM, {}), "gru": (torch.nn.GRU, {})}
rnn, options = cells.get(config["cell"], (torch.nn.RNN, {"nonlinearity": config["cell"]}))
model = torch.nn.Module()
if E:
    model.embedding = torch.nn.Embedding(V, E)
model.rnn = rnn(E or V, H, config["layerCount"], **options)
model.decoder = torch.nn.Linear(H, V)
tensors = load_file(folder / "model.safetensors")
if config["tiesWeights"]:
    tensors["decoder.weight"] = tensors["embedding.weight"]
model.load_state_dict(tensors)
model.double()

separator = [ids["\n"]] if "\n" in ids else []
tokens = torch.tensor(separator + [ids.get(character, 0) for character in text.removeprefix("\ufeff")])
with torch.no_grad():
    inputs = model.embedding(tokens[:-1]) if E else torch.nn.functional.one_hot(tokens[:-1], V).double()
    logits = model.decoder(model.rnn(inputs)[0])
    nats = torch.nn.functional.cross_entropy(logits, tokens[1:], reduction="sum").item()
    nats += 0 if separator else math.log(V)
expected = json.load(sys.stdin)["nats"]
print(f"PyTorch {nats} nats, Unroll {expected} nats")
sys.exit(not abs(nats / expected - 1) < 1e-5)
