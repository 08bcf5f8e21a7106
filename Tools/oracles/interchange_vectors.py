"""Writes models as PyTorch saves them, and the logits that it computes with them, for the tests of UnrollGeneration.

    python Tools/oracles/interchange_vectors.py Tests/UnrollGenerationTests/Interchange

Run in an environment with torch and safetensors. A model is a state_dict of embedding, recurrent layers and decoder in
float32, with PyTorch's own initial values; logits are computed in float64.
"""

import json
import pathlib
import sys

import torch
from safetensors.torch import save_file, save_model

V, TOKENS = 9, [3, 1, 4, 1, 5, 0, 2, 6, 8, 7]


class LanguageModel(torch.nn.Module):
    def __init__(self, rnn, embedding=None, tied=False):
        super().__init__()
        self.embedding = embedding
        self.rnn = rnn
        self.decoder = torch.nn.Linear(rnn.hidden_size, V)
        if tied:
            self.decoder.weight = embedding.weight

    def forward(self, tokens):
        inputs = self.embedding(tokens) if self.embedding else torch.nn.functional.one_hot(tokens, V).double()
        return self.decoder(self.rnn(inputs)[0])


def write(folder, name, cell, model, save):
    save(model, folder / f"{name}.safetensors")
    rnn, embedding = model.rnn, model.embedding
    expectation = {
        "cell": cell, "hiddenSize": rnn.hidden_size, "layerCount": rnn.num_layers,
        "embeddingSize": embedding.embedding_dim if embedding else None,
        "tiesWeights": embedding is not None and model.decoder.weight is embedding.weight,
        "tokens": TOKENS, "logits": model.double()(torch.tensor(TOKENS)).tolist(),
    }
    (folder / f"{name}.json").write_text(json.dumps(expectation) + "\n")


def save_both(model, path):
    """Tied weights under both of their names, as in the state_dict."""
    save_file({name: value.clone() for name, value in model.state_dict().items()}, path)


def tied():
    torch.manual_seed(1)
    return LanguageModel(torch.nn.LSTM(4, 4, num_layers=2), torch.nn.Embedding(V, 4), tied=True)


folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
write(folder, "lstm-tied", "lstm", tied(), save_model)
write(folder, "lstm-tied-under-both-names", "lstm", tied(), save_both)
write(folder, "gru-one-hot", "gru", LanguageModel(torch.nn.GRU(V, 5)), save_model)
write(folder, "tanh-embedding", "tanh", LanguageModel(torch.nn.RNN(3, 5, 2), torch.nn.Embedding(V, 3)), save_both)
