"""Reads a folder of event files with TensorBoard's own reader and compares it with the metrics of the run.

    python Tools/oracles/check_events.py EVENTS MODEL

Needs tensorboard. EVENTS is what `unroll train --tensorboard` was given, MODEL the run's folder. Event files keep
numbers in float32: those of metrics.jsonl, rounded to it, have to be there in every bit, each once and no others,
whatever interruptions and resumptions there were. Samples and the configuration have to be there as well.
"""

import json
import math
import pathlib
import sys

import numpy
from tensorboard.backend.event_processing import event_accumulator, plugin_event_accumulator

events, model = sys.argv[1], pathlib.Path(sys.argv[2])
accumulator = event_accumulator.EventAccumulator(events, size_guidance={"scalars": 0})
accumulator.Reload()
# For this reader everything is a tensor; the other one, for which texts alone are, keeps those that were taken back.
texts = plugin_event_accumulator.EventAccumulator(events, size_guidance={"tensors": 0})
texts.Reload()


def written(tag):
    tensors = texts.Tensors(tag) if tag in texts.Tags()["tensors"] else []
    return [(event.step, event.tensor_proto.string_val[0].decode()) for event in tensors]


lines = [json.loads(line) for line in (model / "metrics.jsonl").read_text().splitlines()]
samples = [json.loads(line) for line in (model / "samples.jsonl").read_text().splitlines()]
rate = json.loads((model / "training.json").read_text())["options"]["optimizer"].get("learningRate")


def place(line):
    return line.get("step") or line["epoch"]


curves = {
    "perplexity/training": lambda line: line["perplexity"],
    "loss/training": lambda line: math.log(line["perplexity"]),
    "perplexity/validation": lambda line: line.get("validationPerplexity"),
    "loss/validation": lambda line: line.get("validationPerplexity") and math.log(line["validationPerplexity"]),
    "gradient_norm": lambda line: line.get("gradientNorm"),
    "learning_rate": lambda line: line.get("learningRate", rate),
    "tokens_per_second": lambda line: line.get("tokensPerSecond"),
}
failures = 0
tags = accumulator.Tags()["scalars"]
for tag in sorted(set(curves) | set(tags)):
    expected = [
        (place(line), float(numpy.float32(curves[tag](line)))) for line in lines
        if tag in curves and curves[tag](line) is not None]
    found = [(event.step, event.value) for event in accumulator.Scalars(tag)] if tag in tags else []
    failures += expected != found
    print(f"{tag:24} {len(found):6} numbers  {'equal' if expected == found else 'DIFFERENT'}")

found = written("sample")
expected = [
    (place(sample), "\n".join("    " + line for line in (sample["prompt"] + sample["text"]).split("\n")))
    for sample in samples]
failures += expected != found
print(f"{'sample':24} {len(found):6} texts    {'equal' if expected == found else 'DIFFERENT'}")
found = written("configuration")
failures += len(found) != 1
print(f"{'configuration':24} {len(found):6} text")
sys.exit(1 if failures else 0)
