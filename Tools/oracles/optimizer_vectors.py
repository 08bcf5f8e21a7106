"""Writes what PyTorch's optimizers make of a small LSTM in 20 steps, as the JSON vectors that the engine tests read.

    python Tools/oracles/optimizer_vectors.py Tests/UnrollEngineTests/Oracles

Every number that goes in is exact in float32; everything that comes out is float64. Sizes are pairwise different and
none is 1, but for one layer. The steps go over several minibatches in turn, whose state is carried over and detached.
Gradients are clipped as the book does, without the 1e-6 that PyTorch's own clipping adds to the norm. Of each case
there are the losses of all steps and the parameters after 1, 2 and 20 of them, and the average where there is one.

PyTorch's ASGD copies the parameters into its average up to step t0 + 2, with which its mean begins.
"""

import json
import pathlib
import sys

import torch
from recurrent_vectors import B, T, V, LanguageModel, Stack, clip, detached, numbers

STEPS, SNAPSHOTS = 20, (1, 2, 20)
CELL, STACK = "lstm", Stack("", hidden=6, layers=1, embedding=8, chunks=3)


def single(number):
    """The nearest number that float32 holds."""
    return torch.tensor(number, dtype=torch.float32).item()


BETAS = {"beta1": single(0.9), "beta2": single(0.999), "epsilon": single(1e-8)}
SQUARES = {"decay": single(0.99), "epsilon": single(1e-8)}
CLIPPED = {"maxGradientNorm": 0.25}
DECAYING = {"weightDecay": single(0.03), **CLIPPED}
EXPONENTIAL = {"averaging": "exponential", "averagingDecay": 0.625}

# Optimizers under the names that ours are saved with; a mean of parameters begins with the step that is said.
CASES = {
    "sgd": ({"rule": "sgd", "learningRate": 0.5, **CLIPPED}, None),
    "sgd with decay": ({"rule": "sgd", "learningRate": 0.5, **DECAYING}, None),
    "momentum": ({"rule": "momentum", "momentum": single(0.9), "learningRate": 0.125}, None),
    "momentum with decay": ({"rule": "momentum", "momentum": 0.75, "learningRate": 0.25, **DECAYING}, None),
    "nesterov": ({"rule": "nesterov", "momentum": single(0.9), "learningRate": 0.125}, None),
    "nesterov with decay": ({"rule": "nesterov", "momentum": 0.75, "learningRate": 0.25, **DECAYING}, None),
    "rmsprop": ({"rule": "rmsprop", **SQUARES, "learningRate": single(0.01)}, None),
    "rmsprop with decay": (
        {"rule": "rmsprop", "decay": 0.875, "epsilon": single(1e-3), "learningRate": single(0.01), **DECAYING}, None),
    "adam": ({"rule": "adam", **BETAS, "learningRate": single(0.01)}, None),
    "adam with decay": (
        {"rule": "adam", "beta1": 0.75, "beta2": 0.875, "epsilon": single(1e-3), "learningRate": single(0.01),
         **DECAYING}, None),
    "adamw": ({"rule": "adamw", **BETAS, "learningRate": single(0.01), **DECAYING, "weightDecay": 2.0}, None),
    "mean": ({"rule": "sgd", "learningRate": 0.5, **DECAYING, "averaging": "mean"}, 1),
    "mean from step 7": ({"rule": "sgd", "learningRate": 0.5, **CLIPPED, "averaging": "mean"}, 7),
    "exponential": ({"rule": "adamw", **BETAS, "learningRate": single(0.01), **EXPONENTIAL}, None),
}


def optimizer_of(options, averaging_start, parameters):
    common = {"lr": options["learningRate"], "weight_decay": options.get("weightDecay", 0)}
    if averaging_start:
        return torch.optim.ASGD(parameters, lambd=0, t0=averaging_start - 2, **common)
    match options["rule"]:
        case "sgd":
            return torch.optim.SGD(parameters, **common)
        case "momentum" | "nesterov" as rule:
            return torch.optim.SGD(
                parameters, momentum=options["momentum"], nesterov=rule == "nesterov", **common)
        case "rmsprop":
            return torch.optim.RMSprop(parameters, alpha=options["decay"], eps=options["epsilon"], **common)
        case "adam" | "adamw" as rule:
            kind = torch.optim.Adam if rule == "adam" else torch.optim.AdamW
            return kind(
                parameters, betas=(options["beta1"], options["beta2"]), eps=options["epsilon"], **common)


def averaged(model, decay):
    """PyTorch's average of a model, with a factor that grows to `decay`; the first update copies."""

    def average(mean, parameter, count):
        factor = min(decay, (1 + count.item()) / (10 + count.item()))
        return mean + (1 - factor) * (parameter - mean)

    return torch.optim.swa_utils.AveragedModel(model, avg_fn=average)


def train(start, minibatches, options, averaging_start):
    model = LanguageModel(CELL, STACK)
    model.load_state_dict(start)
    optimizer = optimizer_of(options, averaging_start, model.parameters())
    average = averaged(model, options["averagingDecay"]) if "averagingDecay" in options else None
    losses, snapshots, state = [], {}, None
    for step in range(1, STEPS + 1):
        inputs, targets = minibatches[(step - 1) % len(minibatches)]
        optimizer.zero_grad()
        logits, state = model(inputs, state)
        loss = model.loss(logits, targets)
        loss.backward()
        state = detached(state)
        clip(model.parameters(), options.get("maxGradientNorm", float("inf")))
        optimizer.step()
        if average:
            average.update_parameters(model)
        losses.append(loss.item())
        if step in SNAPSHOTS:
            snapshots[step] = {name: numbers(value) for name, value in model.named_parameters()}
    result = {
        "optimizer": {"weightDecay": 0.0, "averaging": "none", **options}, "averagingStart": averaging_start or 1, "losses": losses, "parameters": snapshots}
    if averaging_start:
        result["average"] = {
            name: numbers(optimizer.state[value]["ax"]) for name, value in model.named_parameters()}
    if average:
        result["average"] = {name: numbers(value) for name, value in average.module.named_parameters()}
    return result


torch.manual_seed(6)
model = LanguageModel(CELL, STACK)
with torch.no_grad():
    for parameter in model.parameters():
        parameter.copy_((torch.randn_like(parameter) * 0.6).float().double())
start = {name: value.clone() for name, value in model.state_dict().items()}
minibatches = [(torch.randint(V, (T, B)), torch.randint(V, (T, B))) for _ in range(STACK.chunks)]
vectors = {
    "sequenceLength": T, "batchSize": B, "vocabularySize": V, "hiddenSize": STACK.hidden,
    "embeddingSize": STACK.embedding,
    "parameters": {name: numbers(value) for name, value in start.items()},
    "minibatches": [
        {"inputs": inputs.reshape(-1).tolist(), "targets": targets.reshape(-1).tolist()}
        for inputs, targets in minibatches],
    "cases": {
        name: train(start, minibatches, options, averaging_start)
        for name, (options, averaging_start) in CASES.items()},
}
folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
(folder / "optimizers.json").write_text(json.dumps(vectors) + "\n")
