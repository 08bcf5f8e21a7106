#!/usr/bin/env python3
"""Compares planned runs with published settings in the same time, and appends what came of each to a file of JSON lines.

    Tools/planning/compare.py TEXT... --results FILE [--minutes 5] [--settings plan,char-rnn]

Every run has the machine to itself: nothing else may compute meanwhile. The others get as many minibatches as fit into the time
at the speed that is measured first, the plan's number format, the plan's held-out text, and twenty validations of which the best
counts. What is in FILE already is left out. `--table` prints FILE as the table of the article.
"""
import argparse
import json
import pathlib
import shlex
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
UNROLL = ROOT / ".build/release/unroll"
VALIDATIONS = 20
# Sizes and rates as published; what a setting does not say has the defaults of the tool that it comes from.
SETTINGS = {
    # github.com/karpathy/char-rnn, train.lua
    "char-rnn": "--cell lstm --layers 2 --hidden 128 --batch 50 --sequence-length 50 --optimizer rmsprop --learning-rate 0.002 "
                "--max-gradient-norm 5 --schedule exponential --decay 0.97",
    # github.com/jcjohnson/torch-rnn, train.lua
    "torch-rnn": "--cell lstm --layers 2 --hidden 128 --embedding 64 --batch 50 --sequence-length 50 --optimizer adam "
                 "--learning-rate 0.002 --max-gradient-norm 5 --schedule step --decay 0.5 --decay-after 5",
    # github.com/pytorch/examples, word_language_model/main.py
    "word-language-model": "--cell lstm --layers 2 --hidden 200 --embedding 200 --batch 20 --sequence-length 35 --optimizer sgd "
                           "--learning-rate 20 --max-gradient-norm 0.25 --dropout 0.2 --schedule plateau --decay 0.25 "
                           "--decay-after 0",
    # The recipe tinyshakespeare-lstm of Unroll 0.2
    "unroll 0.2": "--cell lstm --layers 2 --hidden 512 --batch 32 --sequence-length 64 --optimizer adamw --learning-rate 0.003 "
                  "--dropout 0.5 --average-decay 0.998 --schedule cosine --warmup 200",
    # Merity, Keskar, Socher, "An analysis of neural language modeling at multiple scales", 2018: the settings for characters of
    # Penn Treebank, with a quarter of the units and half of the minibatch
    "awd-lstm": "--cell lstm --layers 3 --hidden 256 --embedding 128 --batch 64 --sequence-length 100 --optimizer adam "
                "--learning-rate 0.0027 --weight-decay 1.2e-6 --dropout 0.25 --variational-dropout --weight-drop 0.5 "
                "--max-gradient-norm 0.25",
}


def events(command):
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"{shlex.join(map(str, command))}\n{result.stderr}")
    return [json.loads(line) for line in result.stdout.splitlines()]


def named(lines, event):
    return next((line for line in lines if line["event"] == event), {})


def run(command):
    with tempfile.TemporaryDirectory() as folder:
        begin = time.time()
        lines = events([*command, "--output", f"{folder}/model"])
        finished = named(lines, "finished")
        return {
            "validation": finished["bestValidationPerplexity"], "seconds": round(time.time() - begin),
            "epochs": finished["epochs"], "baselines": named(lines, "baselines"), "plan": named(lines, "plan"),
        }


def planned(text, minutes):
    return run([UNROLL, "train", text, "--minutes", minutes, "--json", "--engine", "cpu"])


def published(text, minutes, setting, plan):
    command = [UNROLL, "train", text, "--preset", "book", "--json", "--engine", "cpu", *shlex.split(SETTINGS[setting]),
               "--validation", plan["training"]["validationFraction"], "--precision", plan["training"]["precision"]]
    dry = events([*command, "--dry-run"])[-1]
    batch, length = (int(command[command.index(name) + 1]) for name in ("--batch", "--sequence-length"))
    steps = max(1, int(dry["tokensPerSecond"] * minutes * 60 / (batch * length)))
    epochs = steps // dry["minibatchesPerEpoch"] + 1
    options = ["--epochs", epochs, "--max-steps", steps, "--no-baselines"]
    interval = steps // VALIDATIONS
    if 0 < interval < dry["minibatchesPerEpoch"]:
        options += ["--validate-steps", interval]
    return run(command + options)


def table(results):
    rows = {}
    for result in results:
        rows.setdefault(result["text"], {})[result["setting"]] = result
    print("| text | bytes | " + " | ".join(SETTINGS) + " | 5-gram | plan | seconds |")
    print("|---|--:|" + "--:|" * (len(SETTINGS) + 3))
    for text, found in rows.items():
        plan = found.get("plan")
        if not plan:
            continue
        values = [f"{found[s]['validation']:.3f}" if s in found else "" for s in SETTINGS]
        gram = plan["baselines"].get("fiveGramPerplexity")
        print(f"| {text} | {plan['bytes']:,} | " + " | ".join(values)
              + f" | {gram and f'{gram:.3f}'} | **{plan['validation']:.3f}** | {plan['seconds']} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("texts", nargs="*", type=pathlib.Path)
    parser.add_argument("--results", type=pathlib.Path, required=True)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--settings", default=",".join(["plan", *SETTINGS]))
    parser.add_argument("--table", action="store_true")
    arguments = parser.parse_args()
    lines = arguments.results.read_text().splitlines() if arguments.results.exists() else []
    results = [json.loads(line) for line in lines]
    if arguments.table:
        return table(results)
    for setting in arguments.settings.split(","):
        for text in arguments.texts:
            if any((r["text"], r["setting"], r["minutes"]) == (text.stem, setting, arguments.minutes) for r in results):
                continue
            if setting == "plan":
                result = planned(text, arguments.minutes)
            else:
                dry = events([UNROLL, "train", text, "--minutes", arguments.minutes, "--json", "--engine", "cpu", "--dry-run"])
                result = published(text, arguments.minutes, setting, named(dry, "plan"))
            result = {"text": text.stem, "setting": setting, "minutes": arguments.minutes, "bytes": text.stat().st_size, **result}
            results.append(result)
            with arguments.results.open("a") as file:
                file.write(json.dumps(result) + "\n")
            print(f"{result['validation']:.4f} {result['seconds']:4} s {text.stem} {setting}", flush=True)


main()
