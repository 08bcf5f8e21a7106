"""Writes what PyTorch finds of lines and of a text under the models of interchange_vectors.py, for the tests of scores.

    python Tools/oracles/score_vectors.py Tests/UnrollGenerationTests/Interchange

Run in an environment with torch and safetensors, after interchange_vectors.py. Losses and entropies are computed token by
token in float64. Every token of a text is predicted: the first one after the separator or, for a vocabulary without one,
as one of V equally probable tokens. Dynamic evaluation is written out by hand: the loss of a piece, then a step of
gradient descent on its mean, clipped as torch clips, with the state carried from piece to piece; or a step of Adam without
momentum, as torch has it.
"""

import json
import math
import pathlib
import sys

import torch
from safetensors.torch import load_file

V, SEPARATOR = 9, 1
LINES = [[2, 3, 4, 5], [], [8, 8, 0, 2, 7, 1, 3, 6, 4, 2, 2, 5], [6], [2, 3, 4, 5, 6, 7, 8] * 10]
TEXT = [(7 * i * i + 3 * i + i // 5) % V for i in range(83)]
LEARNING_RATE, SCALED_RATE, PIECE, BOUND = 0.5, 0.01, 20, 0.25


class LanguageModel(torch.nn.Module):
    def __init__(self, expectation, tensors):
        super().__init__()
        E, H = expectation["embeddingSize"], expectation["hiddenSize"]
        cell = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "tanh": torch.nn.RNN}[expectation["cell"]]
        self.embedding = torch.nn.Embedding(V, E) if E else None
        self.rnn = cell(E or V, H, expectation["layerCount"])
        self.decoder = torch.nn.Linear(H, V)
        self.load_state_dict(tensors)
        if expectation["tiesWeights"]:
            self.decoder.weight = self.embedding.weight
        self.double()

    def forward(self, tokens, state=None):
        inputs = self.embedding(tokens) if self.embedding else torch.nn.functional.one_hot(tokens, V).double()
        outputs, state = self.rnn(inputs, state)
        return self.decoder(outputs), state


def load(folder, name):
    expectation = json.loads((folder / f"{name}.json").read_text())
    tensors = load_file(folder / f"{name}.safetensors")
    if expectation["tiesWeights"]:
        shared = tensors.get("embedding.weight", tensors.get("decoder.weight"))
        tensors["embedding.weight"] = tensors["decoder.weight"] = shared
    return LanguageModel(expectation, tensors)


@torch.no_grad()
def line_scores(model, line):
    tokens, state, losses, entropies = [SEPARATOR] + line + [SEPARATOR], None, [], []
    for token, following in zip(tokens, tokens[1:]):
        logits, state = model(torch.tensor([token]), state)
        logs = torch.log_softmax(logits[0], 0)
        losses.append(-logs[following].item())
        entropies.append(-(logs.exp() * logs).sum().item())
    return {"tokens": line, "losses": losses, "entropies": entropies}


def dynamic_losses(model, tokens, learning_rate, is_scaled):
    state, losses = None, []
    scaled = torch.optim.Adam(model.parameters(), lr=learning_rate, betas=(0.0, 0.999), eps=1e-3)
    for start in range(0, len(tokens) - 1, PIECE):
        piece = torch.tensor(tokens[start:start + PIECE + 1])
        logits, state = model(piece[:-1], state)
        state = tuple(part.detach() for part in state) if isinstance(state, tuple) else state.detach()
        loss = torch.nn.functional.cross_entropy(logits, piece[1:])
        losses.append(loss.item() * (len(piece) - 1))
        model.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), BOUND)
        if is_scaled:
            scaled.step()
            continue
        with torch.no_grad():
            for parameter in model.parameters():
                parameter -= learning_rate * parameter.grad
    return losses


folder = pathlib.Path(sys.argv[1])
for name in ["lstm-tied", "gru-one-hot", "tanh-embedding"]:
    def nats(separator, learning_rate, is_scaled=False):
        return sum(dynamic_losses(load(folder, name), separator + TEXT, learning_rate, is_scaled))

    scores = {
        "lines": [line_scores(load(folder, name), line) for line in LINES],
        "text": TEXT, "nats": nats([SEPARATOR], 0), "natsWithoutSeparator": math.log(V) + nats([], 0),
        "learningRate": LEARNING_RATE, "segmentLength": PIECE, "maxGradientNorm": BOUND,
        "dynamicNats": nats([SEPARATOR], LEARNING_RATE),
        "dynamicNatsWithoutSeparator": math.log(V) + nats([], LEARNING_RATE),
        "scaledLearningRate": SCALED_RATE, "scaledNats": nats([SEPARATOR], SCALED_RATE, True),
        "scaledNatsWithoutSeparator": math.log(V) + nats([], SCALED_RATE, True),
    }
    (folder / f"{name}-scores.json").write_text(json.dumps(scores) + "\n")
