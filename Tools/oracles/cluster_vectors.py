"""Writes what the tests of UnrollCluster compare with: sums over a tree of shards, and the messages that make them.

    python Tools/oracles/cluster_vectors.py Tests/UnrollClusterTests/Oracles

It needs `numpy`, whose float32 additions make `sums.json`: for each case the gradients of all shards and their sum, as
the bits of floats. `messages.json` has plans of Tools/cluster/plan.py, which the simulation uses: for each number of
shards, processes and elements, the number of messages and the SHA-256 digest of their lines "round sender receiver first
end", and the lines themselves if there are few.
"""

import json
import pathlib
import sys

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Tools" / "cluster"))
import plan  # noqa: E402

folder = pathlib.Path(sys.argv[1])
random = np.random.default_rng(20261130)


def tree_sum(gradients):
    if len(gradients) == 1:
        return gradients[0]
    half = -(-len(gradients) // 2)
    return tree_sum(gradients[:half]) + tree_sum(gradients[half:])


def gradients(shards, elements):
    """Floats of very different sizes, with some that are zero, denormal, huge, infinite or not a number."""
    values = random.standard_normal((shards, elements)) * 2.0 ** random.integers(-30, 30, (shards, elements))
    values = values.astype(np.float32)
    special = np.array([0.0, -0.0, 1e-45, -1e-40, 3e38, -3e38, np.inf, -np.inf, np.nan], np.float32)
    rare = random.random((shards, elements)) < 0.05
    values[rare] = random.choice(special, rare.sum())
    return values


def bits(values):
    return values.view(np.uint32).tolist()


with np.errstate(over="ignore", invalid="ignore"):
    sums = []
    for shards, elements in [(1, 20), (2, 40), (3, 50), (5, 33), (6, 48), (7, 40), (8, 64), (12, 40), (17, 35)]:
        values = gradients(shards, elements)
        sums.append({"gradients": [bits(row) for row in values], "sum": bits(tree_sum(values))})
(folder / "sums.json").write_text(json.dumps(sums, separators=(",", ":")) + "\n")

cases = [
    (1, 1, 100), (2, 2, 100), (2, 2, 0), (3, 3, 1000), (4, 3, 20), (6, 3, 1000), (8, 3, 1000), (8, 5, 4000),
    (8, 8, 5000), (12, 5, 777), (17, 9, 64), (17, 17, 3000), (33, 16, 2000), (64, 64, 1_300_000), (100, 64, 1_300_000),
    (100, 99, 1_300_000), (145, 99, 1_300_000), (1000, 999, 300_000), (4096, 3, 13_100_000), (4096, 4096, 1_300_000),
    (5000, 4095, 1_300_000),
]
plans = [plan.case(*case) for case in cases]
(folder / "messages.json").write_text("[\n" + ",\n".join(json.dumps(case) for case in plans) + "\n]\n")
