#!/usr/bin/env python3
"""Compares architectures at equal work, in PyTorch: what an engine would be made to compute only if it pays.

    Tools/planning/variants.py TEXT... --results FILE [--seeds 3] [--work 5e12]

All are character-level models of one or two recurrent layers, trained by AdamW with a cosine schedule on the first nine tenths of
a text and evaluated on the rest. Each gets the same number of floating-point operations, counted as six for each weight of its
matrix products and token: what is heavier sees fewer tokens. Each learns at every rate of `--rates` on the first text with the
first seed, and at its best one from then on. Needs PyTorch (pip install torch); appends JSON lines, and leaves out what is in
FILE already. `--table` prints FILE as the table of the article.
"""
import argparse
import json
import math
import pathlib
import statistics
import time

import torch
from torch import nn
from torch.nn import functional as F

LENGTH = 64


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
    def __init__(
            self, vocabulary, hidden, layers=2, residual=False, normalized=False, mogrifies=False, experts=1, scale=1,
            dropout=0.1):
        super().__init__()
        # Residual connections need an embedding of the layers' size.
        self.embedding = nn.Embedding(vocabulary, hidden)
        kind = Mogrifier if mogrifies else nn.LSTM
        self.layers = nn.ModuleList(kind(hidden, hidden) for _ in range(layers))
        self.norms = nn.ModuleList(nn.LayerNorm(hidden) for _ in range(layers)) if normalized else None
        self.residual, self.experts, self.scale, self.dropout = residual, experts, scale, nn.Dropout(dropout)
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
            y = self.dropout(y)
            x = x + y if self.residual else y
        x = x * self.scale
        if self.experts == 1:
            return F.log_softmax(self.decoder(x), -1), after
        latent = torch.tanh(self.latent(x)).view(*x.shape[:-1], self.experts, x.shape[-1])
        parts = F.log_softmax(self.decoder(latent), -1) + F.log_softmax(self.prior(x), -1)[..., None]
        return torch.logsumexp(parts, -2), after


VARIANTS = {
    "one layer": {"layers": 1, "hidden": 180}, "one layer, normalized": {"layers": 1, "hidden": 180, "normalized": True},
    "one layer, residual": {"layers": 1, "hidden": 180, "residual": True},
    "two layers": {}, "two layers, residual": {"residual": True}, "two layers, normalized": {"normalized": True},
    "mogrifier": {"layers": 1, "hidden": 140, "mogrifies": True}, "4 softmaxes": {"layers": 1, "hidden": 160, "experts": 4},
    "64 sequences": {"layers": 1, "hidden": 180, "batch": 64},
    # What normalization does to the decoder's steps, without its statistics.
    "outputs times 4": {"layers": 1, "hidden": 180, "scale": 4},
}


def run(text, name, seed, work, rate):
    torch.manual_seed(seed)
    characters = sorted(set(text))
    ids = {c: i for i, c in enumerate(characters)}
    tokens = torch.tensor([ids[c] for c in text])
    cut = len(tokens) * 9 // 10
    options = {"hidden": 128, "batch": 32, **VARIANTS[name]}
    batch = options.pop("batch")
    model = Model(len(characters), **options)
    steps = int(work / (6 * model.weights * batch * LENGTH))
    rows = tokens[:cut // batch * batch].view(batch, -1).t()
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


def table(results):
    """A row for each variant: its rate, and the median nats of each text with what they are more or less than the first one's."""
    texts = list(dict.fromkeys(r["text"] for r in results))
    rates = {}
    for r in sorted((r for r in results if (r["text"], r["seed"]) == (texts[0], 0)), key=lambda r: -r["nats"]):
        rates[r["variant"]] = r["rate"]
    print("| variant | rate | " + " | ".join(texts) + " |")
    print("|---|--:|" + "--:|" * len(texts))
    first = {}
    for name in dict.fromkeys(r["variant"] for r in results):
        cells = []
        for text in texts:
            found = [r["nats"] for r in results if (r["text"], r["variant"], r["rate"]) == (text, name, rates[name])]
            if not found:
                cells.append("")
                continue
            median = statistics.median(found)
            first.setdefault(text, median)
            cells.append(f"{median:.3f} ({min(found):.3f} to {max(found):.3f}), {100 * (median / first[text] - 1):+.1f} %")
        print(f"| {name} | {rates[name]} | " + " | ".join(cells) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("texts", nargs="*", type=pathlib.Path)
    parser.add_argument("--results", type=pathlib.Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--work", type=float, default=5e12)
    parser.add_argument("--rates", default="0.006,0.015", help="learning rates, between commas")
    parser.add_argument("--characters", type=int, default=1_000_000)
    parser.add_argument("--variants", default=";".join(VARIANTS), help="names, between semicolons")
    parser.add_argument("--table", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    results = []
    if arguments.results.exists():
        results = [json.loads(line) for line in arguments.results.read_text().splitlines()]
    results = [r for r in results if r["work"] == arguments.work]
    if arguments.table:
        return table(results)

    def nats(file, name, seed, rate):
        for r in results:
            if (r["text"], r["variant"], r["seed"], r["rate"]) == (file.stem, name, seed, rate):
                return r["nats"]
        text = file.read_bytes().decode()[:arguments.characters]
        found = {"text": file.stem, "variant": name, "seed": seed, "rate": rate, "work": arguments.work,
                 **run(text, name, seed, arguments.work, rate)}
        results.append(found)
        with arguments.results.open("a") as output:
            output.write(json.dumps(found) + "\n")
        print(f"{found['nats']:.4f} {found['seconds']:5.0f} s {file.stem} {name} at {rate} {seed}", flush=True)
        return found["nats"]

    if not arguments.texts:
        parser.error("name a text")
    names = arguments.variants.split(";")
    rates = [float(rate) for rate in arguments.rates.split(",")]
    best = {name: min(rates, key=lambda rate: nats(arguments.texts[0], name, 0, rate)) for name in names}
    for seed in range(arguments.seeds):
        for file in arguments.texts:
            for name in names:
                nats(file, name, seed, best[name])


main()
