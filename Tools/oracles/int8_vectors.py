"""Writes the models of interchange_vectors.py in eight bits, and what NumPy finds of a text under them.

    python Tools/oracles/int8_vectors.py Tests/UnrollGenerationTests/Interchange

Run in an environment with numpy and safetensors, after interchange_vectors.py. Each row of a matrix of weights becomes whole
numbers and a scale: a 127th of its greatest magnitude in float32, rounded up to 17 significant bits. A vector that is
multiplied becomes whole numbers and a scale too, without that rounding. Sums of products are integers of 64 bits; what is
done with them is float64, in which the products of scales are exact.
"""

import json
import pathlib
import sys

import numpy as np
from safetensors.numpy import load_file, save_file

V = 9
TEXT = [(5 * i * i + 2 * i + i // 3) % V for i in range(90)]


def quantized(matrix):
    greatest = np.abs(matrix).max(axis=1)
    scales = (greatest / np.float32(127)).astype(np.float32)
    bits = scales.view(np.uint32)
    scales = ((bits + 0x7F) // 0x80 * 0x80).astype(np.uint32).view(np.float32)
    return np.rint(matrix / scales[:, None]).astype(np.int8), scales


def product(weights, vector):
    numbers, scales = weights
    x = vector.astype(np.float32)
    greatest = np.abs(x).max()
    if greatest == 0:
        return np.zeros(len(scales))
    whole = np.rint(x * (np.float32(127) / greatest)).astype(np.int64)
    sums = numbers.astype(np.int64) @ whole
    return sums * scales.astype(np.float64) * np.float64(greatest / np.float32(127))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


class Model:
    def __init__(self, expectation, tensors):
        self.cell, self.layers, self.H = expectation["cell"], expectation["layerCount"], expectation["hiddenSize"]
        self.vectors = {name: t.astype(np.float64) for name, t in tensors.items() if t.ndim == 1}
        self.matrices = {name: quantized(t) for name, t in tensors.items() if t.ndim == 2}
        self.decoder = self.matrices["embedding.weight" if expectation["tiesWeights"] else "decoder.weight"]
        self.states = [(np.zeros(self.H), np.zeros(self.H)) for _ in range(self.layers)]

    def input(self, layer, token, x):
        weights = self.matrices[f"rnn.weight_ih_l{layer}"]
        if x is not None:
            return product(weights, x)
        return weights[0][:, token] * weights[1].astype(np.float64)

    def step(self, token):
        embedding = self.matrices.get("embedding.weight")
        x = None if embedding is None else embedding[0][token] * embedding[1].astype(np.float64)[token]
        for layer in range(self.layers):
            h, c = self.states[layer]
            i = self.input(layer, token, x) + self.vectors[f"rnn.bias_ih_l{layer}"]
            r = product(self.matrices[f"rnn.weight_hh_l{layer}"], h) + self.vectors[f"rnn.bias_hh_l{layer}"]
            H = self.H
            if self.cell == "tanh":
                h = np.tanh(i + r)
            elif self.cell == "gru":
                reset, update = sigmoid((i + r)[:H]), sigmoid((i + r)[H:2 * H])
                new = np.tanh(i[2 * H:] + reset * r[2 * H:])
                h = (1 - update) * new + update * h
            else:
                gates = i + r
                c = sigmoid(gates[H:2 * H]) * c + sigmoid(gates[:H]) * np.tanh(gates[2 * H:3 * H])
                h = sigmoid(gates[3 * H:]) * np.tanh(c)
            self.states[layer] = (h, c)
            x = h
        return product(self.decoder, x) + self.vectors["decoder.bias"]

    def losses(self, tokens):
        losses = []
        for token, following in zip(tokens, tokens[1:]):
            logits = self.step(token)
            losses.append(float(np.log(np.exp(logits).sum()) - logits[following]))
        return losses


def main(folder):
    for name in ["tanh-embedding", "gru-one-hot", "lstm-tied"]:
        expectation = json.loads((folder / f"{name}.json").read_text())
        tensors = load_file(folder / f"{name}.safetensors")
        if expectation["tiesWeights"] and "embedding.weight" not in tensors:
            tensors["embedding.weight"] = tensors.pop("decoder.weight")
        if expectation["tiesWeights"]:
            tensors.pop("decoder.weight", None)
        model = Model(expectation, tensors)
        saved = {key: t for key, t in tensors.items() if t.ndim == 1}
        for key, (numbers, scales) in model.matrices.items():
            saved[key], saved[f"{key}.scale"] = numbers, scales
        save_file(saved, folder / f"{name}-int8.safetensors")
        scores = {"tokens": TEXT, "losses": model.losses(TEXT)}
        (folder / f"{name}-int8.json").write_text(json.dumps(scores) + "\n")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
