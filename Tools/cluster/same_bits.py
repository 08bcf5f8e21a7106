"""Runs whose bits must not depend on the number of processes, threads and launchers, nor on interruptions."""

import json
import pathlib
import shutil
import signal

import launch
from launch import Model, check

COMMON = [
    "--preset", "book", "--shards", "8", "--engine", "cpu", "--no-baselines", "--checkpoint-steps", "5", "--prompt", "The ",
]
# The last minibatch of windows is not full: the sixth shard has half of its rows, and the last two none.
TANH = [
    "--cell", "tanh", "--hidden", "24", "--batch", "4", "--sequence-length", "16", "--partitioning", "windows", "--windows",
    "150", "--validation-windows", "60", "--epochs", "8", "--schedule", "plateau", "--decay-after", "0", "--learning-rate", "4",
]
LSTM = [
    "--cell", "lstm", "--hidden", "20", "--embedding", "12", "--batch", "3", "--sequence-length", "11", "--epochs", "12",
    "--validation", "0.1", "--test", "0.05", "--validate-steps", "9", "--optimizer", "asgd", "--learning-rate", "8",
    "--zoneout", "0.1", "--zoneout-memory", "0.3", "--ngrams", "4", "--patience", "4", "--keep", "2",
    "--minimum-improvement", "0.02", "--minimum-epochs", "8",
]
TWO_LAYERS = [
    "--cell", "lstm", "--layers", "2", "--hidden", "16", "--batch", "4", "--sequence-length", "16", "--epochs", "3",
    "--optimizer", "adam", "--learning-rate", "0.01", "--dropout", "0.2", "--weight-drop", "0.2", "--average-decay", "0.95",
    "--partitioning", "random", "--validate-steps", "7",
]

# Epochs of a run that can be disturbed several times in its middle.
LONG = {"tanh": 400, "lstm": 200, "two layers": 200}
# What is to happen in a run, by its position at the end; otherwise it shows nothing.
HAPPENS = {
    "tanh": lambda position: position["plateau"]["reductions"] > 0,
    "lstm": lambda position: position["averages"] and position["isStopped"],
}


class Runs:
    """Runs of a program in a folder."""

    def __init__(self, program, folder):
        self.program = program
        self.folder = pathlib.Path(folder)
        story = launch.TEXT.read_text()
        texts = {"text.txt": story[:9000], "validation.txt": story[9000:10500], "test.txt": story[10500:11500]}
        for name, text in texts.items():
            (self.folder / name).write_text(text)
        held_out = ["--validation-file", "validation.txt", "--test-file", "test.txt"]
        self.options = {"tanh": TANH, "lstm": LSTM, "two layers": TWO_LAYERS + held_out}
        self.expected = {}

        self.options |= {f"long {name}": lasting(options, LONG[name]) for name, options in self.options.items()}

    def alone(self, name):
        """The result of a process alone with one thread."""
        if name not in self.expected:
            self.expected[name] = self.result(self.train(name, "alone"), [], "alone")
            position = self.expected[name][0].position
            check(HAPPENS.get(name, bool)(position), f"nothing happens in the run: {position}")
        return self.expected[name]

    def train(self, name, output):
        output = f"{name.replace(' ', '-')}-{output}"
        return ["train", "text.txt", *COMMON, *self.options[name], "--threads", "1", "--json", "--output", output]

    def result(self, words, launcher, what):
        """Runs to the end, and returns the model and the lines of output without times."""
        ended = launch.run([*launcher, self.program, *words], self.folder)
        check(ended.code == 0 and not ended.lines and not ended.left, f"{what}: {ended}")
        return Model(self.folder / words[words.index("--output") + 1]), events(ended.output)

    def compare(self, name, mpi, count, threads):
        """Compares a run of several processes with one alone."""
        expected, expected_events = self.alone(name)
        what = f"{count}-{threads}-{mpi.key}"
        words = self.train(name, what)
        words[words.index("--threads") + 1] = str(threads)
        model, found = self.result(words, mpi.command(count), what)
        difference = expected.difference(model)
        check(difference is None, f"{difference} is not that of a process alone")
        check(found == expected_events, f"not the events of a process alone: {first_difference(expected_events, found)}")
        shutil.rmtree(model.folder)
        return f"{expected.steps} steps"

    def compare_interrupted(self, name, stages):
        """Compares a run that is killed and resumed with other processes with one that is not.

        Each stage is a launcher or None, the number of processes, and the one that is killed, or None to go on to the end.
        """
        name = f"long {name}"
        expected, _ = self.alone(name)
        whole = self.train(name, "interrupted")
        output = whole[whole.index("--output") + 1]
        folder = Model(self.folder / output)
        said = []
        for index, (mpi, count, victim) in enumerate(stages):
            words = ["train", "--resume", output, "--threads", "1", "--checkpoint-steps", "1"] if index else whole
            job = launch.Job([*(mpi.command(count) if mpi else []), self.program, *words], self.folder)
            before = folder.steps
            # In the first half: a run does not wait until the kill has come.
            target = expected.steps * (index + 1) // (2 * len(stages))
            if victim is not None and job.wait_for(lambda: folder.steps >= target and folder.steps > before):
                # A process alone is its own launcher.
                job.signal(signal.SIGKILL, rank=victim if mpi else None)
            ended = job.end()
            check(not ended.left, f"processes are left: {ended}")
            if victim is not None:
                check(ended.code != 0 and folder.steps < expected.steps,
                      f"the run was over before a process could be killed: {ended}")
                check(ended.seconds < launch.SECONDS, f"the others end late: {ended}")
                check(len(ended.lines) <= 1, f"more than one line: {ended}")
            else:
                check(ended.code == 0, f"{ended}")
            said.append(f"{count} to step {folder.steps}")
        difference = expected.difference(folder)
        check(difference is None, f"after {', '.join(said)}: {difference} is not that of an undisturbed run")
        shutil.rmtree(folder.folder)
        return ", ".join(said)


def lasting(options, epochs):
    """The same options with so many epochs, of which early stopping takes none away."""
    options = list(options)
    for flag, value in [("--epochs", epochs), ("--patience", 9999)]:
        if flag in options:
            options[options.index(flag) + 1] = str(value)
    return options


def events(output):
    """The lines of --json without what differs from run to run."""
    import json
    found = []
    for line in output.splitlines():
        event = launch.without_times(json.loads(line))
        if event["event"] not in ("checkpoint", "progress"):
            event.pop("model", None)
            event.pop("best", None)
            found.append(event)
    return found


def first_difference(expected, found):
    pairs = [pair for pair in zip(expected, found) if pair[0] != pair[1]]
    return pairs[0] if pairs else f"{len(expected)} and {len(found)} events"
