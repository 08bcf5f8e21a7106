"""PyTorch at the workloads of `unroll benchmark`, on a GPU: one JSON line a run.

    python pytorch_cuda.py WORKLOAD [--variant NAME] [--precision float32|bfloat16] [--device N] [--repeats N]
    python pytorch_cuda.py WORKLOAD --list                  the variants that a workload can be written in
    python pytorch_cuda.py WORKLOAD --device cpu --tiny     on any machine: whether the script itself works

A training step is what ours is: one-hot inputs, torch.nn's own layers from the state of the step before, mean
cross-entropy, backward, clipping to norm 1, SGD. A variant is a number format and a way to run the step: eager, the whole
step as a CUDA graph, in which the processor has no part, or that with a compiled forward and backward pass. Which is the
fastest depends on the machine, so whoever compares tries all of them.

float32 is without TF32, which PyTorch's recurrent layers use unless told otherwise; tf32 is with it. float16 and
bfloat16 are autocast. In float16, inputs are padded to 128: multiples of it let cuDNN use its persistent kernels.
"""

import argparse
import json
import statistics
import time

import torch
from torch import nn
from torch.nn import functional as F

from pytorch import CLIP, LEARNING_RATE, WORKLOADS, random_tokens

TRAINED = [name for name in WORKLOADS if not name.startswith(("generate", "first"))]
TYPES = {"float32": None, "tf32": None, "float16": torch.float16, "bfloat16": torch.bfloat16}
# What is set beside ours: the same format, and the one that PyTorch is faster in.
RIVALS = {"float32": ["float32", "tf32"], "bfloat16": ["bfloat16", "float16"]}
WAYS = ["eager", "graph", "compiled"]


class Model(nn.Module):
    def __init__(self, w, type):
        super().__init__()
        if w.embedding:
            inputs = w.embedding
            self.vectors = nn.Parameter(torch.randn(w.vocabulary, inputs))
        else:
            inputs = 128 if type == "float16" else w.vocabulary
            # Rows of it are one-hot vectors.
            self.register_buffer("vectors", torch.eye(w.vocabulary, inputs))
        if w.cell in ("tanh", "relu"):
            self.rnn = nn.RNN(inputs, w.hidden, w.layers, nonlinearity=w.cell)
        else:
            self.rnn = {"lstm": nn.LSTM, "gru": nn.GRU}[w.cell](inputs, w.hidden, w.layers)
        self.decoder = nn.Linear(w.hidden, w.vocabulary)

    def forward(self, x, state):  # [T, B]
        outputs, state = self.rnn(F.embedding(x, self.vectors), state)
        return self.decoder(outputs.flatten(0, 1)), state


class Training:
    """A workload in a number format, whose step can be made again and again."""

    def __init__(self, w, type, device, compiles=False):
        # "cuda:0" or "cpu".
        self.type, self.device, self.kind = type, device, device.split(":")[0]
        self.model = Model(w, type).to(device)
        self.parameters = list(self.model.parameters())
        fused = {"fused": True} if self.kind == "cuda" else {}
        self.optimizer = torch.optim.SGD(self.parameters, lr=LEARNING_RATE, **fused)
        states = 2 if w.cell == "lstm" else 1
        self.state = [torch.zeros(w.layers, w.batch, w.hidden, device=device) for _ in range(states)]
        self.x, self.y = (random_tokens(w).to(device) for _ in range(2))
        self.forward = torch.compile(self.losses, dynamic=False) if compiles else self.losses

    def set_precision(self):
        """Sets what is global in PyTorch."""
        for backend in [torch.backends.cuda.matmul, torch.backends.cudnn]:
            backend.allow_tf32 = self.type == "tf32"

    def losses(self, x, y, state):
        type = TYPES[self.type]
        # Within a graph, casts that are kept would be those of another step.
        with torch.autocast(self.kind, type, enabled=type is not None, cache_enabled=False):
            logits, state = self.model(x, tuple(state) if len(state) == 2 else state[0])
        return F.cross_entropy(logits.float(), y.flatten()), state

    def step(self):
        self.optimizer.zero_grad(set_to_none=True)
        self.loss, state = self.forward(self.x, self.y, self.state)
        self.loss.backward()
        nn.utils.clip_grad_norm_(self.parameters, CLIP, foreach=True)
        self.optimizer.step()
        with torch.no_grad():
            for kept, new in zip(self.state, state if isinstance(state, tuple) else (state,)):
                kept.copy_(new)

    def graph(self):
        """The whole step as a graph: a function that replays it."""
        side = torch.cuda.Stream(self.device)
        side.wait_stream(torch.cuda.current_stream(self.device))
        with torch.cuda.stream(side):
            for _ in range(3):
                self.step()
        torch.cuda.current_stream(self.device).wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self.step()
        return graph.replay

    def runner(self, way):
        """A function that makes a step in one of the WAYS; without a GPU there are no graphs."""
        self.set_precision()
        return self.step if way == "eager" or self.kind == "cpu" else self.graph()

    def timed(self, run, count):
        """Seconds of so many steps that are enqueued one after the other and waited for once."""
        self.synchronize()
        start = time.perf_counter()
        for _ in range(count):
            run()
        self.synchronize()
        return (time.perf_counter() - start) / count

    def synchronize(self):
        if self.kind == "cuda":
            torch.cuda.synchronize(self.device)

    def median_time(self, run, seconds):
        """Median seconds of a step, of runs of up to 32 steps in so many seconds."""
        self.set_precision()
        count = min(32, max(1, int(seconds / self.timed(run, 1))))
        found, start = [], time.perf_counter()
        while not found or time.perf_counter() - start < seconds:
            found.append(self.timed(run, count))
        if not torch.isfinite(self.loss).item():
            raise RuntimeError("the loss is not finite")
        return statistics.median(found)


def main():
    parser = argparse.ArgumentParser(description="PyTorch at the workloads of `unroll benchmark`, on a GPU.")
    parser.add_argument("workload", choices=TRAINED)
    parser.add_argument("--list", action="store_true", help="print the names of the variants")
    parser.add_argument("--variant", help="default: the first of the list")
    parser.add_argument("--precision", choices=RIVALS, default="float32")
    parser.add_argument("--device", default="0", help="the number of the GPU, or cpu (default: 0)")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.5, help="of one repeat")
    parser.add_argument("--tiny", action="store_true", help="a model of 16 hidden units, T 5, B 3")
    options = parser.parse_args()
    w = WORKLOADS[options.workload]
    if options.tiny:
        w = w._replace(hidden=16, steps=5, batch=3, vocabulary=28, embedding=min(w.embedding, 16))
    variants = [f"{type}-{way}" for type in RIVALS[options.precision] for way in WAYS]
    if options.list:
        return print(*variants)
    variant = options.variant or variants[0]
    if variant not in variants:
        parser.error(f"{options.workload} has no variant {variant}; it has {', '.join(variants)}")

    torch.manual_seed(0)
    type, way = variant.split("-")
    device = "cpu" if options.device == "cpu" else f"cuda:{options.device}"
    if device != "cpu":
        torch.cuda.set_device(device)
    training = Training(w, type, device, compiles=way == "compiled")
    run = training.runner(way)
    training.timed(run, 3)
    speeds = [w.steps * w.batch / training.median_time(run, options.seconds) for _ in range(options.repeats)]
    print(
        json.dumps(
            {
                "workload": options.workload,
                "engine": f"PyTorch {torch.__version__}",
                "device": "cpu" if device == "cpu" else torch.cuda.get_device_name(),
                "variant": variant,
                "precision": options.precision,
                "tokensPerSecond": statistics.median(speeds),
                "minimumTokensPerSecond": min(speeds),
                "maximumTokensPerSecond": max(speeds),
            }
        )
    )


if __name__ == "__main__":
    main()
