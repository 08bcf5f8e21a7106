#!/usr/bin/env python3
"""Compares architectures at equal work, in PyTorch: what an engine would be made to compute only if it pays.

    Tools/planning/variants.py TEXT... --results FILE [--seeds 3] [--work 6e12]

All are character-level models of one or two recurrent layers, trained by AdamW with a cosine schedule on the first nine tenths of a text
and evaluated on the rest. Each gets the same number of floating-point operations, counted as six for each weight of its matrix
products and token: what is heavier sees fewer tokens. Needs PyTorch (pip install torch); appends JSON lines, and leaves out what
is in FILE already.
"""
import argparse
import json
import math
import pathlib
import time

import torch
from torch import nn
from torch.nn import functional as F

BATCH, LENGTH = 32, 64


class Mogrifier(nn.Module):
    """An LSTM whose input and state gate each other first, `rounds` times (Melis, Kocisky, Blunsom 2020)."""

    def __init__(self, inputs, hidden, rounds=5):
        super().__init__()
        self.cell = nn.LSTMCell(inputs, hidden)
        self.gates = nn.ModuleList(
            nn.Linear(hidden, inputs) if r % 2 == 0 else nn.Linear(inputs, hidden) for r in range(rounds))

    def forward(self, x, state):
        h, c = state if state is not None else (x.new_zeros(x.shape[1], self.cell.hidden_size),) * 2
        outputs = []
        for step in x:
            for r, gate in enumerate(self.gates):
                if r % 2 == 0:
                    step = 2 * torch.sigmoid(gate(h)) * step
                else:
                    h = 2 * torch.sigmoid(gate(step)) * h
            h, c = self.cell(step, (h, c))
            outputs.append(h)
        return torch.stack(outputs), (h, c)


class Model(nn.Module):
    def __init__(self, vocabulary, hidden, layers=2, residual=False, normalized=False, mogrifies=False, experts=1, dropout=0.1, scale=1):
        super().__init__()
        # Residual connections need an embedding of the layers' size.
        self.embedding = nn.Embedding(vocabulary, hidden)
        kind = Mogrifier if mogrifies else nn.LSTM
        self.layers = nn.ModuleList(kind(hidden, hidden) for _ in range(layers))
        self.norms = nn.ModuleList(nn.LayerNorm(hidden) for _ in range(layers)) if normalized else None
        self.residual, self.experts, self.dropout, self.scale = residual, experts, nn.Dropout(dropout), scale
        if experts > 1:
            self.prior, self.latent = nn.Linear(hidden, experts), nn.Linear(hidden, experts * hidden)
        self.decoder = nn.Linear(hidden, vocabulary)

    @property
    def weights(self):
        """Weights of matrix products on each token; the embedding is looked up."""
        count = sum(p.numel() for name, p in self.named_parameters() if p.dim() == 2 and "embedding" not in name)
        return count + (self.experts - 1) * self.decoder.weight.numel()

    def forward(self, tokens, states):
        x = self.embedding(tokens)
        after = []
        for index, layer in enumerate(self.layers):
            y, state = layer(x, states[index] if states else None)
            after.append(tuple(part.detach() for part in state))
            if self.norms:
                y = self.norms[index](y)
            y = self.dropout(self.scale * y)
            x = x + y if self.residual else y
        if self.experts == 1:
            return F.log_softmax(self.decoder(x), -1), after
        latent = torch.tanh(self.latent(x)).view(*x.shape[:-1], self.experts, x.shape[-1])
        parts = F.log_softmax(self.decoder(latent), -1) + F.log_softmax(self.prior(x), -1)[..., None]
        return torch.logsumexp(parts, -2), after


VARIANTS = {
    "two layers": {}, "one wider layer": {"layers": 1, "hidden": 180}, "residual": {"residual": True},
    "normalized": {"normalized": True}, "residual, normalized": {"residual": True, "normalized": True},
    "one wider layer, normalized": {"layers": 1, "hidden": 180, "normalized": True},
    "one wider layer, scaled": {"layers": 1, "hidden": 180, "scale": 8},
    "mogrifier": {"mogrifies": True}, "4 softmaxes": {"experts": 4},
}


def run(text, name, seed, work, rate):
    torch.manual_seed(seed)
    characters = sorted(set(text))
    ids = {c: i for i, c in enumerate(characters)}
    tokens = torch.tensor([ids[c] for c in text])
    cut = len(tokens) * 9 // 10
    model = Model(len(characters), **{"hidden": 128, **VARIANTS[name]})
    steps = int(work / (6 * model.weights * BATCH * LENGTH))
    rows = tokens[:cut // BATCH * BATCH].view(BATCH, -1).t()
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.1)
    begin, states, position = time.time(), None, 0
    for step in range(steps):
        if position + LENGTH >= len(rows):
            states, position = None, 0
        loss, states = model(rows[position:position + LENGTH], states)
        loss = F.nll_loss(loss.flatten(0, 1), rows[position + 1:position + LENGTH + 1].flatten())
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1, (step + 1) / 50) * (1 + math.cos(math.pi * step / steps)) / 2
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1)
        optimizer.step()
        position += LENGTH
    model.eval()
    heldOut, states, nats = tokens[cut:], None, 0.0
    with torch.no_grad():
        for begin_ in range(0, len(heldOut) - 1, 1000):
            part = heldOut[begin_:begin_ + 1001]
            if len(part) > 1:
                found, states = model(part[:-1, None], states)
                nats += F.nll_loss(found.flatten(0, 1), part[1:], reduction="sum").item()
    return {"steps": steps, "weights": model.weights, "nats": nats / (len(heldOut) - 1), "seconds": time.time() - begin}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("texts", nargs="+", type=pathlib.Path)
    parser.add_argument("--results", type=pathlib.Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--work", type=float, default=6e12)
    parser.add_argument("--rate", type=float, default=0.006)
    parser.add_argument("--characters", type=int, default=1_000_000)
    parser.add_argument("--variants", default=";".join(VARIANTS), help="names, between semicolons")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    done = set()
    if arguments.results.exists():
        lines = map(json.loads, arguments.results.read_text().splitlines())
        done = {(line["text"], line["variant"], line["seed"]) for line in lines}
    for seed in range(arguments.seeds):
        for file in arguments.texts:
            text = file.read_bytes().decode()[:arguments.characters]
            for name in arguments.variants.split(";"):
                if (file.stem, name, seed) in done:
                    continue
                result = {"text": file.stem, "variant": name, "seed": seed, "rate": arguments.rate, "work": arguments.work, **run(text, name, seed, arguments.work, arguments.rate)}
                with arguments.results.open("a") as output:
                    output.write(json.dumps(result) + "\n")
                print(f"{result['nats']:.4f} {result['seconds']:5.0f} s {file.stem} {name} {seed}", flush=True)


main()
