"""Writes the files against which Tests/UnrollModelTests/SafetensorsTests.swift checks the reading of safetensors.

Run in an environment with torch and safetensors (made with torch 2.15.0 and safetensors 0.8.0):

    python Tools/oracles/safetensors_fixtures.py Tests/UnrollModelTests/Fixtures
"""

import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)

# Exactly representable in every type, so that one expectation serves for all four.
exact = torch.tensor([[0.0, -0.0, 1.0], [-1.5, 0.09375, 208.0]])
for name, dtype in {
    "f32": torch.float32,
    "f64": torch.float64,
    "f16": torch.float16,
    "bf16": torch.bfloat16,
}.items():
    save_file({"exact": exact.to(dtype)}, folder / f"{name}.safetensors")

# Corners of half precision: smallest and largest subnormal, smallest and largest normal, infinities.
corners = torch.tensor([2**-24, 1023 * 2**-24, 2**-14, 65504.0, torch.inf, -torch.inf])
save_file({"corners": corners.to(torch.float16)}, folder / "f16-corners.safetensors")

save_file(
    {
        "embedding.weight": torch.arange(6, dtype=torch.float64).reshape(2, 3),
        "scalar": torch.tensor(3.25),
        "empty": torch.zeros(0, 5),
        "half": torch.tensor([0.5], dtype=torch.float16),
    },
    folder / "mixed.safetensors",
    metadata={"format": "pt", "note": 'quotes " backslash \\ newline \n and é'},
)

save_file({"tokens": torch.tensor([1, 2, 3])}, folder / "i64.safetensors")
