"""Writes Tests/UnrollTrainingTests/Oracles/schedules.json: the learning rates of PyTorch's schedulers.

Run with a Python that has PyTorch: python Tools/oracles/schedule_vectors.py
"""

import json
import pathlib

import torch
from torch.optim import lr_scheduler

COUNT = 20


def rates(learning_rate, make, metrics=None, count=COUNT):
    """The rate of each of so many steps; the scheduler steps after each, with a metric where it wants one."""
    parameter = torch.nn.Parameter(torch.zeros(1, dtype=torch.float64))
    optimizer = torch.optim.SGD([parameter], lr=learning_rate)
    scheduler = make(optimizer)
    found = []
    for index in range(count):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if metrics is None:
            scheduler.step()
        else:
            scheduler.step(metrics[index])
    return found


def warm_up(steps, then):
    """A rate that grows in equal parts in so many steps, and another schedule after them."""

    def make(optimizer):
        linear = lr_scheduler.LinearLR(optimizer, start_factor=1 / steps, total_iters=steps - 1)
        return lr_scheduler.SequentialLR(optimizer, [linear, then(optimizer)], milestones=[steps])

    return make


def cosine_run(steps, warm_up_steps):
    """A cosine over a run of so many steps, from the end of its warm-up."""
    left = steps - warm_up_steps
    # A warm-up that takes the whole run leaves no step to the cosine, whose length cannot be zero.
    cosine = lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=max(left, 1), eta_min=0.05)
    return rates(0.8, warm_up(warm_up_steps, cosine) if warm_up_steps > 0 else cosine, count=steps)


def chained(epochs, minibatches, warm_up_steps, decay):
    """A warm-up that steps after each minibatch and a decay that steps after each epoch, both on the same rate."""
    parameter = torch.nn.Parameter(torch.zeros(1, dtype=torch.float64))
    optimizer = torch.optim.SGD([parameter], lr=0.8)
    linear = lr_scheduler.LinearLR(optimizer, start_factor=1 / warm_up_steps, total_iters=warm_up_steps - 1)
    decay = decay(optimizer)
    found = []
    for _ in range(epochs):
        for _ in range(minibatches):
            found.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            linear.step()
        decay.step()
    return found


# Falls, stands still within and beyond the threshold, rises, falls again.
LOSSES = [3.0, 2.5, 2.4999, 2.4996, 2.51, 2.5, 2.2, 2.3, 2.3, 2.3, 2.3, 2.3, 2.3, 2.3, 2.19995, 2.1, 2.2, 2.2, 2.2, 2.0]

vectors = {
    "step": rates(0.8, lambda o: lr_scheduler.StepLR(o, step_size=3, gamma=0.5)),
    "exponential": rates(0.8, lambda o: lr_scheduler.ExponentialLR(o, gamma=0.9)),
    "cosine": rates(0.8, lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=COUNT, eta_min=0.05)),
    "cosineAfterWarmUp": rates(
        0.8, warm_up(6, lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=COUNT - 6, eta_min=0.05))
    ),
    "constantAfterWarmUp": rates(0.8, warm_up(4, lambda o: lr_scheduler.ConstantLR(o, factor=1, total_iters=1))),
    # The edges: one step, two, a warm-up of one step, all but one, all, and more than the run has.
    "cosineOfOneStep": cosine_run(1, 0),
    "cosineOfTwoSteps": cosine_run(2, 0),
    "cosineAfterOneStep": cosine_run(COUNT, 1),
    "cosineOfOneStepAfterWarmUp": cosine_run(COUNT, COUNT - 1),
    "cosineAllWarmUp": cosine_run(COUNT, COUNT),
    "cosineMoreWarmUp": cosine_run(COUNT, COUNT + 10),
    "cosineOfOneStepAllWarmUp": cosine_run(1, 1),
    "exponentialInWarmUp": chained(5, 4, 10, lambda o: lr_scheduler.ExponentialLR(o, gamma=0.9)),
    "stepInWarmUp": chained(5, 4, 10, lambda o: lr_scheduler.StepLR(o, step_size=2, gamma=0.5)),
    "exponentialAllWarmUp": chained(5, 4, 20, lambda o: lr_scheduler.ExponentialLR(o, gamma=0.9)),
    # The last reductions are smaller than PyTorch's eps, 1e-8.
    "plateauOfSmallRates": rates(
        1e-6, lambda o: lr_scheduler.ReduceLROnPlateau(o, factor=0.5, patience=0), [1.0] * COUNT
    ),
    "plateau": rates(0.8, lambda o: lr_scheduler.ReduceLROnPlateau(o, factor=0.3, patience=2), LOSSES),
    "plateauLosses": LOSSES,
}

folder = pathlib.Path(__file__).resolve().parents[2] / "Tests/UnrollTrainingTests/Oracles"
folder.mkdir(exist_ok=True)
text = ",\n".join(f"  {json.dumps(name)}: {json.dumps(values)}" for name, values in vectors.items())
(folder / "schedules.json").write_text("{\n" + text + "\n}\n")
