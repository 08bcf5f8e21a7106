"""PyTorch at the workloads of `unroll benchmark`, on a CPU: one JSON line a run.

    python pytorch.py WORKLOAD [--variant NAME] [--precision float32|bfloat16] [--threads N] [--repeats N]
    python pytorch.py WORKLOAD --list        the variants that a workload can be written in

A variant is a way in which a careful user may write the workload; which is fastest depends on the machine, so whoever
compares tries all of them. A training step is what ours is: forward through T steps from the state of the step before
(detached), mean cross-entropy, backward, clipping to norm 1, plain SGD.
"""

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional as F

LEARNING_RATE = 1e-6  # so small that the work stays the same throughout
CLIP = 1.0
PROMPT = "time traveller"
LETTERS = "\0abcdefghijklmnopqrstuvwxyz "  # the first stands for <unk>


class Workload(NamedTuple):
    cell: str
    hidden: int  # H
    variants: tuple
    batch: int = 32  # B
    steps: int = 35  # T
    layers: int = 1  # L
    vocabulary: int = 28  # V
    embedding: int = 0  # E; 0 for one-hot vectors


WORKLOADS = {
    "rnn512": Workload("tanh", 512, ("manual", "loop", "module")),
    "rnn32": Workload("tanh", 32, ("manual", "loop", "compiled", "module"), batch=1024, steps=32),
    "rnn256-relu": Workload("relu", 256, ("manual", "loop", "module")),
    "lstm512": Workload("lstm", 512, ("module", "loop")),
    "gru512": Workload("gru", 512, ("module", "loop", "compiled")),
    "lstm1024x2": Workload("lstm", 1024, ("module", "loop"), batch=64, steps=100, layers=2),
    "words": Workload("lstm", 512, ("module", "loop"), vocabulary=20_000, embedding=512),
    "generate-rnn512": Workload("tanh", 512, ("vectors", "loop", "module", "compiled")),
    "generate-lstm512": Workload("lstm", 512, ("vectors", "loop", "module", "compiled")),
    "first-character": Workload("tanh", 512, ("vectors",)),
}
GATES = {"tanh": 1, "relu": 1, "lstm": 4, "gru": 3}


class Module(nn.Module):
    """torch.nn's own layers."""

    def __init__(self, w):
        super().__init__()
        self.w = w
        if w.embedding:
            self.embedding = nn.Embedding(w.vocabulary, w.embedding)
        size = w.embedding or w.vocabulary
        if w.cell in ("tanh", "relu"):
            self.rnn = nn.RNN(size, w.hidden, w.layers, nonlinearity=w.cell)
        else:
            self.rnn = {"lstm": nn.LSTM, "gru": nn.GRU}[w.cell](size, w.hidden, w.layers)
        self.decoder = nn.Linear(w.hidden, w.vocabulary)

    def begin(self, batch):
        zeros = torch.zeros(self.w.layers, batch, self.w.hidden)
        return (zeros, zeros.clone()) if self.w.cell == "lstm" else zeros

    def forward(self, x, state):  # [T, B]
        inputs = self.embedding(x) if self.w.embedding else F.one_hot(x, self.w.vocabulary).float()
        outputs, state = self.rnn(inputs, state)
        return self.decoder(outputs.flatten(0, 1)), state


class Loop(nn.Module):
    """The time loop by hand: what does not depend on the state is computed for all steps at once."""

    def __init__(self, w):
        super().__init__()
        self.w = w
        gates = GATES[w.cell] * w.hidden

        def weight(*shape):
            return nn.Parameter(torch.empty(*shape).uniform_(-1, 1) / math.sqrt(w.hidden))

        if w.embedding:
            self.embedding = weight(w.vocabulary, w.embedding)
        sizes = [w.embedding or w.vocabulary] + [w.hidden] * (w.layers - 1)
        self.input = nn.ParameterList([weight(size, gates) for size in sizes])
        self.recurrent = nn.ParameterList([weight(w.hidden, gates) for _ in sizes])
        self.bias = nn.ParameterList([weight(gates) for _ in sizes])
        self.recurrent_bias = nn.ParameterList([weight(gates) for _ in sizes]) if w.cell == "gru" else None
        self.decoder = weight(w.hidden, w.vocabulary)
        self.decoder_bias = weight(w.vocabulary)

    def begin(self, batch):
        states = 2 if self.w.cell == "lstm" else 1
        return [tuple(torch.zeros(batch, self.w.hidden) for _ in range(states)) for _ in range(self.w.layers)]

    def forward(self, x, state):
        outputs, ends = None, []
        for layer, state in enumerate(state):
            if layer > 0:
                rows = outputs @ self.input[layer]
            elif self.w.embedding:
                rows = F.embedding(x, self.embedding) @ self.input[0]
            else:
                rows = F.embedding(x, self.input[0])
            outputs = []
            for row in (rows + self.bias[layer]).unbind(0):
                state = self.step(row, state, layer)
                outputs.append(state[0])
            outputs = torch.stack(outputs)
            ends.append(state)
        return torch.addmm(self.decoder_bias, outputs.flatten(0, 1), self.decoder), ends

    def step(self, row, state, layer):
        weight = self.recurrent[layer]
        if self.w.cell == "lstm":
            i, f, g, o = torch.addmm(row, state[0], weight).chunk(4, 1)
            c = torch.sigmoid(f) * state[1] + torch.sigmoid(i) * torch.tanh(g)
            return torch.sigmoid(o) * torch.tanh(c), c
        if self.w.cell == "gru":
            h = state[0]
            r, z, n = row.chunk(3, 1)
            hr, hz, hn = torch.addmm(self.recurrent_bias[layer], h, weight).chunk(3, 1)
            n = torch.tanh(n + torch.sigmoid(r + hr) * hn)
            return (torch.lerp(n, h, torch.sigmoid(z + hz)),)
        activation = torch.tanh if self.w.cell == "tanh" else torch.relu
        return (activation(torch.addmm(row, state[0], weight)),)


class Manual:
    """One layer of tanh or ReLU with its gradient by hand: no tape, buffers that stay."""

    def __init__(self, w):
        self.w = w

        def weight(*shape):
            return torch.empty(*shape).uniform_(-1, 1) / math.sqrt(w.hidden)

        self.input, self.recurrent = weight(w.vocabulary, w.hidden), weight(w.hidden, w.hidden)
        self.bias, self.decoder = weight(w.hidden), weight(w.hidden, w.vocabulary)
        self.decoder_bias = weight(w.vocabulary)
        self.outputs = torch.zeros(w.steps + 1, w.batch, w.hidden)
        self.gradient = torch.empty(w.steps, w.batch, w.hidden)

    @torch.inference_mode()
    def step(self, x, y):
        w, gradient = self.w, self.gradient
        x, y = x.flatten(), y.flatten()
        self.outputs[0].copy_(self.outputs[-1])
        before, after = self.outputs[:-1], self.outputs[1:]
        rows = F.embedding(x, self.input).add_(self.bias).view_as(after)
        for row, h, next_h in zip(rows.unbind(0), before.unbind(0), after.unbind(0)):
            torch.addmm(row, h, self.recurrent, out=next_h)
            next_h.tanh_() if w.cell == "tanh" else next_h.relu_()
        flat = after.view(-1, w.hidden)
        logs = F.log_softmax(torch.addmm(self.decoder_bias, flat, self.decoder), 1)
        loss = F.nll_loss(logs, y)
        d = logs.exp_()
        d[torch.arange(len(y)), y] -= 1
        d /= len(y)
        torch.mm(d, self.decoder.T, out=gradient.view(-1, w.hidden))
        transposed = self.recurrent.T.contiguous()
        for t in reversed(range(w.steps)):
            if t + 1 < w.steps:
                gradient[t].addmm_(gradient[t + 1], transposed)
            if w.cell == "tanh":
                torch.ops.aten.tanh_backward.grad_input(gradient[t], after[t], grad_input=gradient[t])
            else:
                torch.ops.aten.threshold_backward.grad_input(gradient[t], after[t], 0, grad_input=gradient[t])
        dz = gradient.view(-1, w.hidden)
        gradients = [
            F.one_hot(x, w.vocabulary).float().T @ dz,
            before.view(-1, w.hidden).T @ dz,
            dz.sum(0),
            flat.T @ d,
            d.sum(0),
        ]
        norm = torch.stack(torch._foreach_norm(gradients)).norm().item()
        weights = [self.input, self.recurrent, self.bias, self.decoder, self.decoder_bias]
        torch._foreach_add_(weights, gradients, alpha=-LEARNING_RATE * min(1, CLIP / norm))
        return loss.item()


class Vectors:
    """Generation as products of a matrix and a vector, with the weights as they lie best for that."""

    def __init__(self, w, weights=None):
        self.w = w
        loop = Loop(w)
        weights = weights or {
            "rows": (loop.input[0] + loop.bias[0]).detach(),
            "recurrent": loop.recurrent[0].detach().T.contiguous(),
            "decoder": loop.decoder.detach().T.contiguous(),
            "decoder_bias": loop.decoder_bias.detach(),
        }
        self.weights = weights
        self.rows = weights["rows"].unbind(0)
        self.recurrent, self.decoder = weights["recurrent"], weights["decoder"]
        self.decoder_bias = weights["decoder_bias"]
        self.state = tuple(torch.zeros(w.hidden) for _ in range(2 if w.cell == "lstm" else 1))

    def next(self, token):
        z = torch.addmv(self.rows[token], self.recurrent, self.state[0])
        if self.w.cell == "lstm":
            i, f, g, o = z.chunk(4)
            c = torch.sigmoid(f).mul_(self.state[1]).addcmul_(torch.sigmoid(i), torch.tanh(g))
            self.state = (torch.sigmoid(o).mul_(torch.tanh(c)), c)
        else:
            self.state = (z.tanh_(),)
        return torch.addmv(self.decoder_bias, self.decoder, self.state[0]).argmax().item()


class Sequences:
    """Generation with a model that takes whole sequences."""

    def __init__(self, model, compiles):
        self.model = torch.compile(model, dynamic=False) if compiles else model
        self.state = model.begin(1)

    def next(self, token):
        logits, self.state = self.model(torch.tensor([[token]]), self.state)
        return logits.argmax().item()


def detached(state):
    return state.detach() if torch.is_tensor(state) else type(state)(map(detached, state))


def random_tokens(w):
    """Letters are drawn evenly, words nearly as Zipf has it."""
    points = torch.rand(w.steps, w.batch, dtype=torch.float64)
    return ((w.vocabulary + 1.0) ** points - 1 if w.embedding else w.vocabulary * points).long()


def trainer(w, variant, precision):
    """A function that makes one step and returns the loss."""
    x, y = random_tokens(w), random_tokens(w)
    if variant == "manual":
        manual = Manual(w)
        return lambda: manual.step(x, y)
    model = Module(w) if variant == "module" else Loop(w)

    def forward(x, y, state):
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            logits, state = model(x, state)
        return F.cross_entropy(logits.float(), y.flatten()), state

    if variant == "compiled":
        forward = torch.compile(forward, dynamic=False)
    parameters = list(model.parameters())
    optimizer = torch.optim.SGD(parameters, lr=LEARNING_RATE, foreach=True)
    state = model.begin(w.batch)

    def step():
        nonlocal state
        loss, state = forward(x, y, detached(state))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, CLIP, foreach=True)
        optimizer.step()
        return loss.item()

    return step


def training_speed(w, variant, precision, seconds):
    step = trainer(w, variant, precision)
    for _ in range(2):
        step()

    def measure():
        times, start = [], time.perf_counter()
        while time.perf_counter() - start < seconds:
            begin = time.perf_counter()
            loss = step()
            times.append(time.perf_counter() - begin)
        assert math.isfinite(loss)
        return w.batch * w.steps / statistics.median(times)

    return measure


def generation_speed(w, variant, seconds):
    if variant == "vectors":
        generator = Vectors(w)
    else:
        generator = Sequences(Module(w) if variant == "module" else Loop(w), variant == "compiled")

    @torch.inference_mode()
    def measure():
        for letter in PROMPT:
            token = generator.next(LETTERS.index(letter))
        text, start = [], time.perf_counter()
        while time.perf_counter() - start < seconds:
            text.append(LETTERS[token])
            token = generator.next(token)
        return len(text) / (time.perf_counter() - start)

    measure()
    return measure


def first_character_time(w):
    def measure():
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "model.pt")
            torch.save(Vectors(w).weights, path)
            start = time.perf_counter()
            child = subprocess.Popen([sys.executable, __file__, "--generate", path], stdout=subprocess.PIPE)
            child.stdout.read(len(PROMPT) + 1)
            milliseconds = (time.perf_counter() - start) * 1e3
            child.communicate()
            assert child.returncode == 0
            return milliseconds

    return measure


@torch.inference_mode()
def generate_one(path):
    generator = Vectors(WORKLOADS["first-character"], torch.load(path))
    for letter in PROMPT:
        token = generator.next(LETTERS.index(letter))
    print(PROMPT + LETTERS[token], flush=True)


def choose_products(precision):
    """Takes oneDNN's products, which "medium" stands for and which are the fastest, where they are as exact as float32.

    On processors that multiply matrices of bfloat16 by themselves they are not, and are no float32 workload then.
    """
    torch.set_float32_matmul_precision("medium")
    a, b = torch.randn(64, 512), torch.randn(512, 64)
    error = ((a @ b).double() - a.double() @ b.double()).abs().max().item()
    if precision == "float32" and error > 1e-3:
        torch.set_float32_matmul_precision("highest")


def main():
    if sys.argv[1:2] == ["--generate"]:
        return generate_one(sys.argv[2])
    parser = argparse.ArgumentParser(description="PyTorch at the workloads of `unroll benchmark`.")
    parser.add_argument("workload", choices=WORKLOADS)
    parser.add_argument("--list", action="store_true", help="print the names of the variants")
    parser.add_argument("--variant", help="default: the first of the list")
    parser.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.5, help="of one repeat")
    options = parser.parse_args()
    w = WORKLOADS[options.workload]
    # By hand there are no casts.
    variants = [v for v in w.variants if options.precision == "float32" or v != "manual"]
    if options.list:
        return print(*variants)
    variant = options.variant or variants[0]
    if variant not in variants:
        parser.error(f"{options.workload} has no variant {variant}; it has {', '.join(variants)}")

    torch.manual_seed(0)
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    choose_products(options.precision)
    if options.workload == "first-character":
        key, measure = "milliseconds", first_character_time(w)
    elif options.workload.startswith("generate"):
        key, measure = "charactersPerSecond", generation_speed(w, variant, options.seconds)
    else:
        key, measure = "tokensPerSecond", training_speed(w, variant, options.precision, options.seconds)
    values = [measure() for _ in range(options.repeats)]
    capital = key[0].upper() + key[1:]
    print(
        json.dumps(
            {
                "workload": options.workload,
                "engine": f"PyTorch {torch.__version__}",
                "variant": variant,
                "precision": options.precision,
                "threads": options.threads,
                key: statistics.median(values),
                f"minimum{capital}": min(values),
                f"maximum{capital}": max(values),
            }
        )
    )


if __name__ == "__main__":
    main()
