"""Writes Tests/UnrollTrainingTests/Oracles/schedules.json: the learning rates of PyTorch's schedulers.

Run with a Python that has PyTorch: python Tools/oracles/schedule_vectors.py
"""

import json
import pathlib

import torch
from torch.optim import lr_scheduler

COUNT = 20


def rates(learning_rate, make, metrics=None):
    """The rate of each of 20 steps; the scheduler steps after each, with a metric where it wants one."""
    parameter = torch.nn.Parameter(torch.zeros(1, dtype=torch.float64))
    optimizer = torch.optim.SGD([parameter], lr=learning_rate)
    scheduler = make(optimizer)
    found = []
    for index in range(COUNT):
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
    "plateau": rates(0.8, lambda o: lr_scheduler.ReduceLROnPlateau(o, factor=0.3, patience=2), LOSSES),
    "plateauLosses": LOSSES,
}

folder = pathlib.Path(__file__).resolve().parents[2] / "Tests/UnrollTrainingTests/Oracles"
folder.mkdir(exist_ok=True)
text = ",\n".join(f"  {json.dumps(name)}: {json.dumps(values)}" for name, values in vectors.items())
(folder / "schedules.json").write_text("{\n" + text + "\n}\n")
