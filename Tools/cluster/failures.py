"""Runs of several processes that fail or are disturbed: all must end soon, say why in one line, and lose nothing."""

import pathlib
import shutil
import signal
import subprocess

import launch
from launch import Model, by_rank, check

# Each process finds it in its working folder, though process 0 tells the others where it is.
TEXT = "/proc/self/cwd/text.txt"
# Long enough that a process can be disturbed in the middle.
RUN = [
    "--cell", "lstm", "--layers", "2", "--hidden", "32", "--batch", "4", "--sequence-length", "16", "--epochs", "100",
    "--optimizer", "adam", "--learning-rate", "0.003", "--dropout", "0.2", "--validation", "0.1", "--checkpoint-steps", "5",
]
SHORT = ["--hidden", "16", "--batch", "2", "--epochs", "1"]
USAGE = 64
INTERRUPTED = 130


class Disturbances:
    """Runs under a launcher that something happens to."""

    def __init__(self, program, folder, mpi):
        self.program, self.mpi = program, mpi
        self.folder = pathlib.Path(folder) / mpi.key
        self.folder.mkdir()
        (self.folder / "text.txt").write_text(launch.TEXT.read_text()[:8000])
        self.expected = None
        self.number = 0

    def new_name(self):
        self.number += 1
        return f"model-{self.number}"

    def words(self, name, *further, options=RUN):
        return ["train", TEXT, "--preset", "book", "--engine", "cpu", "--threads", "1", "--no-baselines",
                "--prompt", "The ", "--output", name, *(further or ["--shards", "4"]), *options]

    def start(self, count, words, program=None, environment=()):
        return launch.Job(
            self.mpi.command(count, *(program or [self.program]), *words), self.folder, environment)

    def is_as_undisturbed(self, name):
        """Goes on with a run in this process alone, and compares it with one that nothing has happened to."""
        if self.expected is None:
            self.expected = Model(self.folder / "undisturbed")
            ended = launch.run([self.program, *self.words("undisturbed")], self.folder)
            check(ended.code == 0, f"undisturbed: {ended}")
        found = Model(self.folder / name)
        steps = found.steps
        check(0 < steps < self.expected.steps, f"the last checkpoint is of step {steps}")
        ended = launch.run([self.program, "train", "--resume", name, "--threads", "1"], self.folder)
        check(ended.code == 0, f"resuming after step {steps}: {ended}")
        difference = self.expected.difference(found)
        check(difference is None, f"going on after step {steps}: {difference} is not that of an undisturbed run")
        shutil.rmtree(found.folder)
        return f"the checkpoint of step {steps}"

    def disturbed(self, disturb, words=(), codes=None, lines=(1,), count=4):
        """Disturbs a run in its middle: all processes end, and the checkpoint is whole.

        The line must have the words; the codes and numbers of lines are those that are allowed, and None is for all codes
        but 0.
        """
        name = self.new_name()
        job = self.start(count, self.words(name))
        model = Model(self.folder / name)
        job.reach(model, 20)
        disturb(job)
        ended = job.end()
        check(not ended.left, f"processes are left: {ended}")
        check(ended.seconds < launch.SECONDS, f"late: {ended}")
        check(ended.code in codes if codes else ended.code != 0, f"{ended}")
        check(len(ended.lines) in lines, f"{len(ended.lines)} lines: {ended}")
        for word in words if ended.lines else []:
            check(word in ended.lines[0], f"'{word}' is not said: {ended}")
        kept = self.is_as_undisturbed(name)
        return f"{ended.seconds:.1f} s, code {ended.code}, {kept}" + "".join(f"; {line}" for line in ended.lines)

    def killed(self, rank):
        # What there is to say, the launcher says.
        return self.disturbed(lambda job: job.signal(signal.SIGKILL, rank), lines=[0])

    def stopped(self, rank):
        return self.disturbed(
            lambda job: job.signal(signal.SIGSTOP, rank), [f"process {rank} on ", "--resume"], self.mpi.failure_codes)

    def asked_to_end(self, number, rank):
        # Open MPI's launcher has a code of its own for a signal that it was sent.
        codes = None if rank is None and self.mpi.is_open_mpi else [INTERRUPTED]
        lines = [0, 1] if rank is None and self.mpi.is_hasty else [1]
        return self.disturbed(
            lambda job: job.signal(number, rank), ["interrupted; checkpoint written", "--resume"], codes, lines)

    def refused(self, words, codes, *said, program=None, count=2, environment=()):
        """Starts a run that must end with one line, and save nothing."""
        names = {path.name for path in self.folder.iterdir()}
        ended = self.start(count, words, program, environment).end()
        check(not ended.left, f"processes are left: {ended}")
        check(ended.seconds < launch.SECONDS, f"late: {ended}")
        check(ended.code in [*codes, *self.mpi.failure_codes[1:]], f"{ended}")
        check(len(ended.lines) == 1, f"{len(ended.lines)} lines: {ended}")
        for word in said:
            check(word in ended.lines[0], f"'{word}' is not said: {ended}")
        new = {path.name for path in self.folder.iterdir()} - names
        check(not new, f"{new} are there")
        return f"{ended.seconds:.1f} s, code {ended.code}; {ended.lines[0]}"


class Signals(Disturbances):
    def checks(self, is_all):
        yield "process 0 is killed", lambda: self.killed(0)
        yield "process 2 is killed", lambda: self.killed(2)
        yield "process 3 is stopped", lambda: self.stopped(3)
        yield "TERM to the launcher", lambda: self.asked_to_end(signal.SIGTERM, None)
        yield "Ctrl-C", lambda: self.asked_to_end(signal.SIGINT, None)
        yield "TERM to process 1", lambda: self.asked_to_end(signal.SIGTERM, 1)
        if is_all:
            yield "process 0 is stopped", lambda: self.stopped(0)
            yield "the launcher is killed", self.launcher_killed
            yield "TERM to process 0", lambda: self.asked_to_end(signal.SIGTERM, 0)
            yield "INT to process 3", lambda: self.asked_to_end(signal.SIGINT, 3)

    def launcher_killed(self):
        """What remains of the launcher ends the processes, or they do it themselves; what they say is lost or not."""
        name = self.new_name()
        job = self.start(4, self.words(name))
        job.reach(Model(self.folder / name), 20)
        job.signal(signal.SIGKILL)
        ended = job.end()
        check(not ended.left and ended.seconds < launch.SECONDS, f"{ended}")
        return f"{ended.seconds:.1f} s, {self.is_as_undisturbed(name)}" + "".join(f"; {line}" for line in ended.lines)


class Refusals(Disturbances):
    def checks(self, is_all):
        text, other = self.folder / "text.txt", self.folder / "other"
        other.mkdir()
        (self.folder / "missing").mkdir()
        (other / "text.txt").write_text(text.read_text()[:-1] + "!")
        new = lambda *further, options=SHORT: self.words("refused", *further, options=options)
        two = lambda *further: new("--shards", "2", *further)
        yield "more processes than shards", lambda: self.refused(new("--shards", "1"), [USAGE], "--shards", "2")
        yield "another text", lambda: self.refused(
            two(), [1], "process 1", "text", program=by_rank(1, "cd other", self.program))
        yield "no text", lambda: self.refused(
            two(), [1], "process 1 on ", "text.txt", program=by_rank(1, "cd missing", self.program))
        yield "other kernels", lambda: self.refused(
            two(), [1], "process 1", "portable", "UNROLL_KERNELS",
            program=by_rank(1, "export UNROLL_KERNELS=portable", self.program))
        yield "other options", lambda: self.refused(
            two(), [USAGE], "process 1", "other options",
            program=by_rank(1, 'set -- "$@" --seed 3', self.program))
        if not is_all:
            return
        yield "no shards", lambda: self.refused(new("--shards", "0"), [USAGE], "--shards", "1...4096")
        yield "standard input", lambda: self.refused(
            [word if word != TEXT else "-" for word in two()], [USAGE], "standard input")
        yield "no text on process 0", lambda: self.refused(
            two(), [1], "text.txt", program=by_rank(0, "cd missing", self.program))
        yield "no text anywhere", lambda: self.refused(
            [word if word != TEXT else "nowhere.txt" for word in two()], [1], "nowhere.txt")
        yield "a folder that is there", lambda: self.refused(
            ["train", "text.txt", "--preset", "book", "--shards", "2", "--output", "other"], [1], "other", "exists already")
        yield "a model that is nowhere", lambda: self.refused(["train", "--resume", "nowhere"], [1], "nowhere")
        for name, contents, said in [("empty.txt", "", "empty.txt"), ("short.txt", "abc", "")]:
            (self.folder / name).write_text(contents)
            yield f"a text of {len(contents)} characters", lambda: self.refused(
                [name if word == TEXT else word for word in two()], [1, USAGE], said)
        if (changed := self.other_version()) is not None:
            yield "another version", lambda: self.refused(
                two(), [1], "process 1 is unroll 9.9.9", program=by_rank(1, f"shift; set -- {changed} \"$@\"", self.program))
        else:
            print("skipped: another version of the program, as that of this one is not found in its file")
        yield "no library", lambda: self.refused(
            two(), [1], "libunroll-missing.so", environment={"UNROLL_MPI": "libunroll-missing.so"})
        foreign = "libmpich.so.12" if self.mpi.is_open_mpi else "libmpi.so.40"
        yield "another launcher's library", lambda: self.refused(
            two(), [1], foreign, environment={"UNROLL_MPI": foreign})

    def other_version(self):
        """A copy of the program that says it is another version, and nothing where that cannot be made."""
        version = subprocess.run([self.program, "--version"], capture_output=True, text=True).stdout.strip()
        changed = self.folder / "unroll-9.9.9"
        changed.write_bytes(self.program.read_bytes().replace(version.encode(), b"9.9.9"))
        changed.chmod(0o755)
        said = subprocess.run([changed, "--version"], capture_output=True, text=True).stdout.strip()
        return changed if said == "9.9.9" else None


KINDS = [Signals, Refusals]


def checks(kinds, program, folder, mpis, is_all):
    for mpi in mpis if is_all else mpis[:1]:
        for kind in kinds:
            group = pathlib.Path(folder) / kind.__name__
            group.mkdir(exist_ok=True)
            for name, body in kind(program, group, mpi).checks(is_all):
                yield f"{mpi.name}, {name}", body
