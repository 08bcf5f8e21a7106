"""Writes what Hugging Face's logits processors make of logits, as the JSON vectors that the sampling tests read.

    python Tools/oracles/sampling_vectors.py Tests/UnrollGenerationTests/Oracles

Needs torch and transformers (made with torch 2.15.0 and transformers 5.23.0). Logits are exact in float32 and computed
with in float64. Token 0 stands for `<unk>`, which is banned in every case. The processors come in the order in which
`generate` applies them. Which of equally probable tokens top-p keeps at its border depends on the sort, so that cases
with such tokens are marked: their sorted probabilities agree.
"""

import itertools
import json
import pathlib
import sys

import torch
from transformers.generation import logits_process

generator = torch.Generator().manual_seed(20)


def probabilities(case):
    """The probabilities that tokens are drawn with, after the processors that a case asks for."""
    processors = logits_process.LogitsProcessorList()
    if "repetitionPenalty" in case:
        processors.append(logits_process.RepetitionPenaltyLogitsProcessor(case["repetitionPenalty"]))
    processors.append(logits_process.SuppressTokensLogitsProcessor([0] + case.get("bannedTokens", [])))
    if "temperature" in case:
        processors.append(logits_process.TemperatureLogitsWarper(case["temperature"]))
    if "topK" in case:
        processors.append(logits_process.TopKLogitsWarper(case["topK"]))
    if "topP" in case:
        processors.append(logits_process.TopPLogitsWarper(case["topP"]))
    if "minP" in case:
        processors.append(logits_process.MinPLogitsWarper(case["minP"]))
    scores = torch.tensor([case["logits"]], dtype=torch.float64)
    tokens = torch.tensor([case["tokens"]], dtype=torch.long)
    return processors(tokens, scores).softmax(-1)[0].tolist()


def random_logits(count, spread):
    return (torch.randn(count, generator=generator) * spread).float().tolist()


def choice(values):
    return values[torch.randint(len(values), (1,), generator=generator).item()]


def tokens(count, length):
    return torch.randint(1, count, (length,), generator=generator).tolist()


def random_cases():
    """Every combination of options, each on logits of another size."""
    options = {
        "repetitionPenalty": [0.8, 1.1, 1.3, 2.0, 10.0], "bannedTokens": None,
        "temperature": [0.2, 0.7, 1.5, 4.0], "topK": [1, 2, 5, 40, 1000], "topP": [0.1, 0.5, 0.9, 0.95, 0.999],
        "minP": [0.02, 0.1, 0.5, 1.0],
    }
    for count in range(len(options) + 1):
        for names in itertools.combinations(options, count):
            for size in [choice([2, 3, 4, 7]), choice([28, 66]), choice([129, 301])]:
                case = {
                    "logits": random_logits(size, choice([0.1, 1, 3, 20])), "tokens": tokens(size, choice([1, 9, 40])),
                }
                for name in names:
                    if name == "bannedTokens":
                        case[name] = sorted(set(tokens(size, size // 4))) if size > 4 else []
                    else:
                        case[name] = choice(options[name])
                yield case


def extreme_cases():
    equal = {"logits": [9.0] + [0.5] * 8, "tokens": [3, 4]}
    steps = {"logits": [0.0, 2.0, 1.0, 2.0, 0.0, 1.0, 2.0, 0.0, -1.0, -1.0], "tokens": [1, 2, 5, 9]}
    far = {"logits": [1e30, 1e30, -1e30, 0.0, 1.0, 1e-30, -1e-30], "tokens": [1, 2]}
    single = {"logits": [3.0, -2.0], "tokens": [1]}
    zeros = {"logits": [0.0] * 6, "tokens": [2, 2, 2]}
    for base in [equal, steps, far, single, zeros]:
        yield base
        for name, values in {
            "repetitionPenalty": [0.5, 1.5, 100.0], "temperature": [1e-3, 1e-1, 1e3, 1e6], "topK": [1, 2, 3, 4, 9],
            "topP": [1e-9, 0.125, 0.3, 0.5, 0.999999, 1.0], "minP": [0.0, 1e-9, 0.3, 0.99, 1.0],
        }.items():
            for value in values:
                yield base | {name: value}
        yield base | {"repetitionPenalty": 1.2, "temperature": 0.7, "topK": 4, "topP": 0.75, "minP": 0.05}


def main(folder):
    cases = []
    for case in itertools.chain(random_cases(), extreme_cases()):
        case["logits"] = torch.tensor(case["logits"]).tolist()
        unfiltered = {name: value for name, value in case.items() if name not in ["topK", "topP", "minP"]}
        before = [value for value in probabilities(unfiltered) if value > 0]
        case["hasEqualTokens"] = len(set(before)) < len(before)
        case["probabilities"] = [float(f"{value:.12g}") for value in probabilities(case)]
        cases.append(case)
    folder = pathlib.Path(folder)
    folder.mkdir(exist_ok=True)
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    (folder / "sampling.json").write_text(f"[\n{lines}\n]\n")
    print(len(cases), "cases")


main(sys.argv[1])
