"""The run that soak scripts disturb: a small LSTM on the bundled story, with all kinds of state, often saved."""

import argparse
import json
import pathlib
import random
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
TEXT = ROOT / "Sources/UnrollText/Resources/sample.txt"
CHECKPOINTS = ["--checkpoint-steps", "1", "--keep", "2"]


def arguments(description, **counts):
    """Parses the options that all soak scripts have, and counts with their defaults."""
    parser = argparse.ArgumentParser(
        description=description, epilog="Options of 'unroll train' may follow after --.")
    parser.add_argument("--unroll", type=pathlib.Path, default=ROOT / ".build/release/unroll",
                        help="the program (default: the release build)")
    parser.add_argument("--seed", type=int, default=1, help="of what is random here (default: 1)")
    for name, default in counts.items():
        parser.add_argument(f"--{name}", type=int, default=default, help=f"default: {default}")
    own, others = sys.argv[1:], []
    if "--" in own:
        own, others = own[:own.index("--")], own[own.index("--") + 1:]
    options = parser.parse_args(own)
    options.unroll = options.unroll.resolve()
    options.others = others
    random.seed(options.seed)
    return options


class Run:
    """Commands on a model folder that lies in a working folder."""

    def __init__(self, options, work, name="model", epochs=30):
        self.unroll, self.work, self.folder = options.unroll, pathlib.Path(work), pathlib.Path(work) / name
        self.beginning = [
            "train", str(TEXT), "--preset", "book", "--output", name, "--cell", "lstm", "--hidden", "32", "--layers", "2",
            "--batch", "4", "--sequence-length", "16", "--epochs", str(epochs), "--optimizer", "adam",
            "--learning-rate", "0.003", "--dropout", "0.2", "--weight-drop", "0.2", "--ngrams", "4", "--validation", "0.1",
            "--validate-steps", "200", "--no-baselines", "--threads", "1", *CHECKPOINTS,
            *options.others]
        self.resuming = ["train", "--resume", name, "--threads", "1", *CHECKPOINTS]

    def train(self, prefix=(), **popen):
        """Starts training, or goes on with it, as a process."""
        arguments = self.resuming if self.folder.exists() else self.beginning
        return subprocess.Popen(
            [*prefix, self.unroll, *arguments], cwd=self.work, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, **popen)

    def finish(self):
        """Trains to the end; returns the seconds."""
        start = time.monotonic()
        process = self.train()
        _, error = process.communicate()
        check(process.returncode == 0, f"training ended with {process.returncode}: {error}")
        return time.monotonic() - start

    def check_whole(self):
        """Checks that the folder holds a model that every command takes."""
        for command in (
            ["info", self.folder], ["generate", self.folder, "--prompt", "The ", "--length", "5"],
            ["evaluate", self.folder, TEXT],
        ):
            result = subprocess.run(
                [self.unroll, *command], cwd=self.work, stdin=subprocess.DEVNULL, capture_output=True, text=True)
            # A run that was killed early has a model that is untrained, and the commands say so.
            others = [line for line in result.stderr.splitlines() if not line.startswith("note: ")]
            check(result.returncode == 0 and not others, f"{command[0]}: {result.stderr}")
        return self.position()

    def position(self):
        """The epoch and minibatch of the checkpoint."""
        return position((self.folder / "training.safetensors").read_bytes())

    def result(self):
        """What must be equal however often the run was disturbed: all bits of models, reports without speeds."""
        reports = [json.loads(line) for line in (self.folder / "metrics.jsonl").read_text().splitlines()]
        for report in reports:
            del report["seconds"], report["tokensPerSecond"]
        models = {
            str(file.relative_to(self.folder)): file.read_bytes()
            for file in sorted(self.folder.glob("**/model.safetensors")) if "checkpoints" not in file.parts}
        return models, reports

    def check_result(self, expected, where):
        """Checks that all is as in the result of an undisturbed run."""
        models, reports = self.result()
        check(models == expected[0], f"{where}: the model is not that of an undisturbed run")
        check(reports == expected[1], f"{where}: metrics.jsonl is not that of an undisturbed run")

    def temporaries(self):
        """What writers that were killed have left."""
        return sorted(self.work.glob("**/.unroll-*"))


def position(checkpoint):
    """The epoch and minibatch of a checkpoint in bytes."""
    header = json.loads(checkpoint[8:8 + int.from_bytes(checkpoint[:8], "little")])
    found = json.loads(header["__metadata__"]["position"])
    return found["epoch"], found["minibatch"]


def check(condition, message):
    if not condition:
        sys.exit(f"FAILED: {message}")


def wait(process, seconds):
    """Waits for the end of a process for so long; returns whether it came."""
    try:
        process.wait(seconds)
        return True
    except subprocess.TimeoutExpired:
        return False
