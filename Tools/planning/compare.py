#!/usr/bin/env python3
"""Compares planned runs with published settings in the same time, and appends what came of each to a file of JSON lines.

    Tools/planning/compare.py TEXT... --results FILE [--minutes 5] [--settings plan,char-rnn]
    Tools/planning/compare.py --results FILE [--minutes 5] --table [--chart PICTURE.svg]

Every run has one thread, and `--jobs` of them run side by side. First, while the machine does nothing else, it is decided what fits
into the time: for the plan what it says itself, for the others as many minibatches as the measured speed allows. From then on it
does not matter what else the machine does; only the seconds of the plans mean nothing then. All have the plan's number format
and the same held-out text, and the others twenty validations, of which the best counts. What is in FILE already is left out. `--table`
prints FILE as the table of the article, `--chart` writes it as its chart.
"""
import argparse
import concurrent.futures
import json
import math
import pathlib
import shlex
import tempfile
import time

from runs import events, halves, nats_of_character

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
VALIDATIONS = 20
COMMON = ["--json", "--engine", "cpu", "--threads", "1"]
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


def named(lines, event):
    return next((line for line in lines if line["event"] == event), {})


def dry(command):
    return events([*command, "--dry-run"])


def planned(unroll, files, minutes):
    """The command of a planned run: the plan, and what it decided."""
    command = [unroll, "train", files[0], "--validation-file", files[1], "--minutes", minutes, *COMMON]
    plan = named(dry(command), "plan")
    if plan["tokens"] == "bpe":
        command += ["--tokens", f"bpe:{plan['vocabulary']}"]
    return command + ["--hidden", plan["model"]["hiddenSize"], "--max-steps", plan["steps"]], plan


def published(unroll, files, minutes, setting, plan):
    """The command of a run with a published setting."""
    command = [unroll, "train", files[0], "--validation-file", files[1], "--preset", "book", *COMMON,
               *shlex.split(SETTINGS[setting]), "--precision", plan["training"]["precision"]]
    found = dry(command)[-1]
    batch, length = (int(command[command.index(name) + 1]) for name in ("--batch", "--sequence-length"))
    steps = max(1, int(found["tokensPerSecond"] * minutes * 60 / (batch * length)))
    command += ["--epochs", steps // found["minibatchesPerEpoch"] + 1, "--max-steps", steps, "--no-baselines"]
    interval = steps // VALIDATIONS
    return command + (["--validate-steps", interval] if 0 < interval < found["minibatchesPerEpoch"] else [])


def measure(text, files, setting, minutes, command):
    with tempfile.TemporaryDirectory() as folder:
        begin = time.time()
        lines = events([*command, "--output", f"{folder}/model"])
        seconds = round(time.time() - begin)
        nats = nats_of_character(f"{folder}/model/best", files[1], command[0])
    result = {"text": text.stem, "setting": setting, "minutes": minutes, "bytes": text.stat().st_size, "nats": nats,
              "seconds": seconds, "epochs": named(lines, "finished")["epochs"]}
    if plan := named(lines, "plan"):
        tokens = plan["heldOutTokens"] / len(files[1].read_bytes().decode())
        gram = named(lines, "baselines").get("fiveGramPerplexity")
        result |= {"fiveGram": gram and math.log(gram) * tokens, "plan": plan}
    return result


def bits(nats):
    return f"{nats / math.log(2):.3f}" if nats else ""


def table(results):
    rows = {}
    for result in results:
        rows.setdefault(result["text"], {})[result["setting"]] = result
    print("| text | bytes | " + " | ".join(SETTINGS) + " | 5-gram | plan |")
    print("|---|--:|" + "--:|" * (len(SETTINGS) + 2))
    for text, found in rows.items():
        if plan := found.get("plan"):
            values = [bits(found[s]["nats"]) if s in found else "" for s in SETTINGS]
            print(f"| {text} | {plan['bytes']:,} | " + " | ".join(values)
                  + f" | {bits(plan['fiveGram'])} | **{bits(plan['nats'])}** |")


def chart(results, file):
    """A row for each text: how many more bits than the plan the settings and counts need, in percent."""
    rows = {}
    for result in results:
        rows.setdefault(result["text"], {})[result["setting"]] = result
    rows = {text: found for text, found in rows.items() if "plan" in found}
    width, left, right, top, height = 720, 130, 30, 40, 26
    bottom = top + height * len(rows)

    def percent(nats, found):
        return 100 * (nats / found["plan"]["nats"] - 1)

    def points(found):
        yield 0, "#c0392b", "plan"
        for setting in SETTINGS:
            if setting in found:
                yield percent(found[setting]["nats"], found), "#999", setting
        if gram := found["plan"]["fiveGram"]:
            yield percent(gram, found), "#2471a3", "5-gram"

    greatest = 10 * math.ceil(max(value for found in rows.values() for value, _, _ in points(found)) / 10)
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{bottom + 50}" font-family="sans-serif" '
             'font-size="12">', '<rect width="100%" height="100%" fill="white"/>']
    for index, (name, color) in enumerate([("plan", "#c0392b"), ("5-gram", "#2471a3"), ("published settings", "#999")]):
        x = left + 170 * index
        parts.append(f'<circle cx="{x}" cy="16" r="5" fill="{color}"/><text x="{x + 10}" y="20">{name}</text>')

    def place(value):
        return round(left + value / greatest * (width - left - right), 1)

    for value in range(0, greatest + 1, 10):
        parts.append(f'<line x1="{place(value)}" x2="{place(value)}" y1="{top}" y2="{bottom}" stroke="#ddd"/>'
                     f'<text x="{place(value)}" y="{bottom + 16}" text-anchor="middle">{value}</text>')
    for index, (text, found) in enumerate(rows.items()):
        y = top + height * (index + 0.5)
        parts.append(f'<text x="{left - 12}" y="{y + 4}" text-anchor="end">{text}</text>')
        for value, color, name in points(found):
            parts.append(f'<circle cx="{place(value)}" cy="{y}" r="5" fill="{color}" fill-opacity="0.8">'
                         f'<title>{name}: {value:.1f} %</title></circle>')
    parts.append(f'<text x="{(left + width) / 2}" y="{bottom + 38}" text-anchor="middle">'
                 'bits more than the plan on text that was held out, in percent</text></svg>')
    file.write_text("\n".join(parts) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("texts", nargs="*", type=pathlib.Path)
    parser.add_argument("--results", type=pathlib.Path, required=True)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--program", type=pathlib.Path, default=ROOT / ".build/release/unroll")
    parser.add_argument("--settings", default=",".join(["plan", *SETTINGS]))
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--chart", type=pathlib.Path)
    arguments = parser.parse_args()
    lines = arguments.results.read_text().splitlines() if arguments.results.exists() else []
    results = [json.loads(line) for line in lines]
    results = [r for r in results if r["minutes"] == arguments.minutes]
    if arguments.chart:
        chart(results, arguments.chart)
    if arguments.table or arguments.chart:
        return table(results)
    done = {(r["text"], r["setting"]) for r in results}
    settings = arguments.settings.split(",")
    runs = {setting: [] for setting in settings}
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        for text in arguments.texts:
            missing = [setting for setting in settings if (text.stem, setting) not in done]
            if not missing:
                continue
            files = halves(text, pathlib.Path(folder))
            command, plan = planned(arguments.program, files, arguments.minutes)
            for setting in missing:
                if setting != "plan":
                    command = published(arguments.program, files, arguments.minutes, setting, plan)
                runs[setting].append((text, files, setting, arguments.minutes, command))
        started = [pool.submit(measure, *one) for setting in settings for one in runs[setting]]
        for one in concurrent.futures.as_completed(started):
            result = one.result()
            with arguments.results.open("a") as file:
                file.write(json.dumps(result) + "\n")
            print(f"{result['nats']:.4f} {result['seconds']:4} s {result['text']} {result['setting']}", flush=True)


main()
