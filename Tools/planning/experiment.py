#!/usr/bin/env python3
"""Trains on texts with settings side by side, and appends what came of each to a file of JSON lines.

    Tools/planning/experiment.py RUNS --texts FOLDER --results FILE [--jobs 2] [--rate 240e9]

RUNS is a file with a line for each run: the name of a text, the minutes that it stands for, and options of `unroll train`, which
otherwise has the book's defaults. Lines that are in FILE already are left out.

A minute is work, not time, so that it does not matter what else the machine does: as many floating-point operations as a quiet
machine does in a minute, `--rate` a second. A step's work is that of its matrix products, six operations for each weight and
token.
"""
import argparse
import concurrent.futures
import json
import pathlib
import shlex
import tempfile
import time

from runs import events, halves, nats_of_character

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
UNROLL = ROOT / ".build/release/unroll"
GATES = {"tanh": 1, "relu": 1, "gru": 3, "lstm": 4}
VALIDATIONS = 12
WEIGHTS = [0.001, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.999]


def option(options, name, default):
    return options[options.index(name) + 1] if name in options else default


def work_of_token(options, vocabulary):
    """Floating-point operations of training on one token."""
    hidden, layers = int(option(options, "--hidden", 512)), int(option(options, "--layers", 1))
    gates = GATES[option(options, "--cell", "tanh")]
    embedding = option(options, "--embedding", "one-hot")
    weights = gates * hidden * hidden * (2 * layers - 1) + hidden * vocabulary
    if embedding != "one-hot":
        weights += gates * hidden * int(embedding)
    return 6 * weights


def set_weight(folder, weight):
    """Gives the model of a folder another share of n-grams, and takes away the seal by which that would be noticed."""
    configuration = json.loads((folder / "config.json").read_text())
    configuration["ngrams"]["weight"] = weight
    (folder / "config.json").write_text(json.dumps(configuration))
    data = (folder / "model.safetensors").read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8:8 + size])
    header.pop("__metadata__", None)
    header = json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + data[8 + size:])


def weighed(folder, heldOut, unroll):
    """The held-out nats of a character with other shares of n-grams."""
    found = {}
    for weight in WEIGHTS:
        set_weight(folder, weight)
        found[weight] = nats_of_character(folder, heldOut, unroll)
    return found


def thinned(curve):
    """A dozen of the points, the last one too."""
    return curve[:-1:max(1, len(curve) // 12)] + curve[-1:]


def measure(line, arguments, unroll):
    name, minutes, *options = shlex.split(line)
    text = arguments.texts / f"{name}.txt"
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        training, heldOut = halves(text, folder)
        command = [unroll, "train", training, "--validation-file", heldOut, "--preset", "book", "--json", *options,
                   "--engine", "cpu", "--threads", "1"]
        dry = events(command + ["--dry-run"])[-1]
        batch, length = int(option(options, "--batch", 32)), int(option(options, "--sequence-length", 35))
        work = work_of_token(options, dry["vocabulary"])
        steps = max(1, round(float(minutes) * 60 * arguments.rate / (work * batch * length)))
        epochs = steps // dry["minibatchesPerEpoch"] + 1
        interval = max(1, min(steps // VALIDATIONS, dry["minibatchesPerEpoch"] * epochs - 1))
        begin = time.time()
        lines = events(command + [
            "--epochs", str(epochs), "--max-steps", str(steps), "--validate-steps", str(interval), "--no-baselines",
            "--checkpoint-seconds", "3600", "--output", folder / "model"])
        seconds = time.time() - begin
        best = folder / "model/best"
        nats = nats_of_character(best, heldOut, unroll)
        weights = weighed(best, heldOut, unroll) if (best / "ngrams.bin").exists() else {}
    finished = lines[-1]
    return {
        "run": line, "text": name, "bytes": text.stat().st_size, "minutes": float(minutes), "options": options,
        "steps": steps, "epochs": steps / dry["minibatchesPerEpoch"], "tokens": steps * batch * length,
        "trainingTokens": dry["trainingTokens"], "heldOutTokens": dry["validationTokens"],
        "vocabulary": dry["vocabulary"], "parameters": dry["parameterCount"], "seconds": round(seconds),
        "nats": nats, "validation": finished["validationPerplexity"], "best": finished["bestValidationPerplexity"],
        "training": finished["perplexity"], "weights": weights,
        "curve": thinned([(x["step"], x["validationPerplexity"]) for x in lines if x.get("validationPerplexity") and "step" in x]),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=pathlib.Path)
    parser.add_argument("--texts", type=pathlib.Path, required=True)
    parser.add_argument("--results", type=pathlib.Path, required=True)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--rate", type=float, default=240e9)
    parser.add_argument("--program", type=pathlib.Path, default=UNROLL)
    arguments = parser.parse_args()
    done = set()
    if arguments.results.exists():
        done = {json.loads(line)["run"] for line in arguments.results.read_text().splitlines()}
    runs = [line for line in map(str.strip, arguments.runs.read_text().splitlines()) if line and not line.startswith("#")]
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        for result in pool.map(lambda line: measure(line, arguments, arguments.program), [r for r in runs if r not in done]):
            with arguments.results.open("a") as file:
                file.write(json.dumps(result) + "\n")
            print(f"{result['nats']:.4f} {result['epochs']:6.1f} {result['run']}", flush=True)


main()
