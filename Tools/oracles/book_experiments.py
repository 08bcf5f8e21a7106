"""Two of the recipes in PyTorch, to see what spread of results another implementation has.

    python Tools/oracles/book_experiments.py sequential TEXT --seeds 3     # d2l-scratch-sequential, with one bias
    python Tools/oracles/book_experiments.py slides TEXT --seeds 14        # d2l-slides

TEXT is timemachine.txt. Prints for each seed the last perplexity, of the training text or of what is held out, and for
`sequential` the share of the last 150 epochs above 1.08. Needs torch and numpy.
"""

import argparse
import math
import re

import numpy as np
import torch
from torch.nn import functional as F


class Network:
    """The chapter's: W_xh, W_hh, b_h, W_hq, b_q, weights from a normal distribution of 0.01."""

    def __init__(self, vocabulary, hidden):
        self.hidden = hidden
        shapes = [(vocabulary, hidden), (hidden, hidden), (hidden,), (hidden, vocabulary), (vocabulary,)]
        self.parameters = [
            (torch.randn(shape) * 0.01 if len(shape) == 2 else torch.zeros(shape)).requires_grad_()
            for shape in shapes
        ]

    def loss(self, inputs, targets, state):
        """inputs, targets: [B, T]. The mean loss in nats, and the state after the last step."""
        wxh, whh, bh, whq, bq = self.parameters
        outputs = []
        for x in F.embedding(inputs.T, wxh):
            state = torch.tanh(torch.addmm(x + bh, state, whh))
            outputs.append(state)
        logits = torch.stack(outputs) @ whq + bq
        return F.cross_entropy(logits.flatten(0, 1), targets.T.flatten()), state

    def step(self, inputs, targets, state):
        loss, state = self.loss(inputs, targets, state)
        gradients = torch.autograd.grad(loss, self.parameters)
        norm = torch.sqrt(sum((g * g).sum() for g in gradients))
        with torch.no_grad():
            for parameter, gradient in zip(self.parameters, gradients):
                parameter -= gradient * min(1.0, 1.0 / float(norm))
        return float(loss.detach()), state.detach()


def sequential(ids, seed):
    ids, network, random = ids[:10000], Network(28, 512), np.random.default_rng(seed)
    batch, steps, curve = 32, 35, []
    for _ in range(500):
        offset = int(random.integers(0, steps + 1))
        length = (len(ids) - offset - 1) // batch
        xs = ids[offset : offset + batch * length].reshape(batch, length)
        ys = ids[offset + 1 : offset + 1 + batch * length].reshape(batch, length)
        state, losses = torch.zeros(batch, network.hidden), []
        for i in range(0, length // steps * steps, steps):
            loss, state = network.step(xs[:, i : i + steps], ys[:, i : i + steps], state)
            losses.append(loss)
        curve.append(math.exp(sum(losses) / len(losses)))
    late = curve[-150:]
    return f"{curve[-1]:.3f}, {sum(p > 1.08 for p in late) / len(late):.0%} of the last 150 epochs above 1.08"


def slides(ids, seed):
    network, random = Network(28, 32), np.random.default_rng(seed)
    windows = ids.unfold(0, 33, 1)
    for _ in range(100):
        order = torch.from_numpy(random.permutation(10000))
        for chosen in windows[order].split(1024):
            network.step(chosen[:, :-1], chosen[:, 1:], torch.zeros(len(chosen), 32))
    held_out = windows[10000:15000]
    with torch.no_grad():
        loss, _ = network.loss(held_out[:, :-1], held_out[:, 1:], torch.zeros(len(held_out), 32))
    return f"{math.exp(float(loss)):.3f}"


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("experiment", choices=["sequential", "slides"])
parser.add_argument("text")
parser.add_argument("--seeds", type=int, default=3)
options = parser.parse_args()
torch.set_flush_denormal(True)
# The small network is faster so.
torch.set_num_threads(1 if options.experiment == "slides" else torch.get_num_threads())
text = re.sub("[^A-Za-z]+", " ", open(options.text, encoding="utf-8").read()).lower()
# The most frequent first, after <unk>.
order = sorted(set(text), key=lambda c: -text.count(c))
ids = torch.tensor([order.index(c) + 1 for c in text])
for seed in range(1, options.seeds + 1):
    torch.manual_seed(seed)
    run = sequential if options.experiment == "sequential" else slides
    print(f"seed {seed}: {run(ids, seed)}", flush=True)
