"""Runs of the program under the launchers of MPI that are here, for the checks beside this file."""

import contextlib
import dataclasses
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
import uuid

ROOT = pathlib.Path(__file__).resolve().parents[2]
TEXT = ROOT / "Sources/UnrollText/Resources/sample.txt"
# Debian's names, which tell the launchers apart.
LAUNCHERS = ["mpirun.openmpi", "mpirun.mpich"]
PACKAGES = ["openmpi-bin", "mpich"]
# What all processes may need to end after one of them cannot go on.
SECONDS = 10
failed = []
# Those that may still be running.
jobs = []


class MPI:
    """A launcher."""

    def __init__(self, launcher):
        version = subprocess.run([launcher, "--version"], capture_output=True, text=True).stdout
        self.launcher = launcher
        self.is_open_mpi = "Open MPI" in version or "OpenRTE" in version
        number = re.search(r"\d+\.\d+(\.\d+)?", version)
        kind = "Open MPI" if self.is_open_mpi else "Intel MPI" if "Intel" in version else "MPICH"
        self.name = f"{kind} {number[0] if number else '(unknown version)'}"
        # For names of files.
        self.key = self.name.replace(" ", "-").lower()
        # From 5.0 on, Open MPI's kills processes a quarter of a second after it has asked them to end.
        self.is_hasty = self.is_open_mpi and bool(number) and int(number[0].split(".")[0]) >= 5
        # Those of MPICH and Intel MPI have codes of their own for the processes that they kill after another has failed.
        self.failure_codes = [1] if self.is_open_mpi else [1, signal.SIGKILL, 255]

    def command(self, count, *words):
        flags = ["--allow-run-as-root", "--oversubscribe"] if self.is_open_mpi else []
        return [self.launcher, *flags, "-n", str(count), *map(str, words)]


def launchers(folders=(), installs=False):
    """The launchers that are here, and those in virtual environments; where none is, one is installed if it is to be."""
    others = [str(folder.resolve() / "bin" / "mpiexec") for folder in folders]
    found = [path for name in LAUNCHERS if (path := shutil.which(name))]
    if not found + others and installs:
        commands = [["apt-get", "update"], ["apt-get", "install", "-y", "--no-install-recommends", PACKAGES[0]]]
        for command in commands if shutil.which("apt-get") else []:
            subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        found = [path for name in LAUNCHERS if (path := shutil.which(name))]
    return [MPI(path) for path in found + others]


def by_rank(rank, change, program):
    """Words that run a program, in one of the processes after a change in the language of the shell."""
    script = f'if [ "${{OMPI_COMM_WORLD_RANK:-$PMI_RANK}}" = {rank} ]; then {change}; fi; exec "$@"'
    return ["sh", "-c", script, "sh", str(program)]


@dataclasses.dataclass
class Ended:
    """How a job has ended."""
    code: int
    output: str
    errors: str
    # The seconds that it has taken to its end, since it started or was disturbed.
    seconds: float
    # Processes that are still there.
    left: dict

    @property
    def lines(self):
        """What the program says of failures."""
        return [line for line in self.errors.splitlines() if line.startswith("unroll: ")]

    def __str__(self):
        said = [*self.output.splitlines()[-3:], *self.errors.splitlines()[-20:]]
        return "\n    ".join([f"code {self.code} after {self.seconds:.1f} s, left {self.left}", *said])


class Job:
    """A command that is running, and all processes that come of it."""

    def __init__(self, command, folder, environment=()):
        # Each process has it in its environment, whoever has started it.
        self.tag = f"UNROLL_JOB={uuid.uuid4()}"
        self.files = [tempfile.TemporaryFile("w+") for _ in range(2)]
        self.process = subprocess.Popen(
            list(map(str, command)), cwd=folder, stdin=subprocess.DEVNULL, stdout=self.files[0], stderr=self.files[1],
            env=os.environ | dict([self.tag.split("=")]) | dict(environment))
        self.start = time.monotonic()
        jobs.append(self)

    def processes(self):
        """The environment of each process that has come of the command, by its identifier; not of the command itself."""
        found = {}
        for folder in pathlib.Path("/proc").iterdir():
            try:
                values = (folder / "environ").read_text(errors="replace").split("\0") if folder.name.isdigit() else []
            except OSError:
                continue
            if self.tag in values and int(folder.name) != self.process.pid:
                found[int(folder.name)] = dict(value.split("=", 1) for value in values if "=" in value)
        return found

    def ranks(self):
        """The number of each process of the program, by its identifier."""
        names = ["OMPI_COMM_WORLD_RANK", "PMI_RANK"]
        ranks = {process: next((values[name] for name in names if name in values), None)
                 for process, values in self.processes().items()}
        return {process: int(rank) for process, rank in ranks.items() if rank is not None}

    def signal(self, number, rank=None):
        """Sends a signal to the launcher or to one of the processes; from now on the seconds count."""
        processes = [self.process.pid] if rank is None else [key for key, value in self.ranks().items() if value == rank]
        check(processes, f"there is no process {rank}")
        self.start = time.monotonic()
        for process in processes:
            os.kill(process, number)

    def disturb(self, change):
        """Changes something around the processes; from now on the seconds count."""
        self.start = time.monotonic()
        change()

    def wait_until_gone(self, ranks, seconds):
        """Waits until these processes have ended; returns the seconds since the job was disturbed."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and set(self.ranks().values()) & set(ranks):
            time.sleep(0.02)
        return time.monotonic() - self.start

    def wait_for(self, what, seconds=60):
        """Waits until something is so; returns whether the job is still running."""
        deadline = time.monotonic() + seconds
        while self.process.poll() is None and not what():
            if time.monotonic() > deadline:
                check(False, f"nothing has happened in {seconds} s: {self.end(0)}")
            time.sleep(0.01)
        return self.process.poll() is None

    def reach(self, model, steps):
        """Waits until a checkpoint is of so many steps."""
        if not self.wait_for(lambda: model.steps >= steps):
            check(False, f"the run has ended before step {steps} was saved: {self.end()}")

    def end(self, seconds=120):
        """Waits for the end of all processes."""
        deadline = time.monotonic() + seconds
        while (self.process.poll() is None or self.ranks()) and time.monotonic() < deadline:
            time.sleep(0.02)
        taken, left = time.monotonic() - self.start, self.ranks()
        for process in [*self.processes(), *([self.process.pid] if self.process.poll() is None else [])]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        code = self.process.wait()
        jobs.remove(self)
        texts = []
        for file in self.files:
            file.seek(0)
            texts.append(file.read())
            file.close()
        return Ended(code, *texts, taken, left)


def run(command, folder, environment=()):
    """Runs a command to its end."""
    return Job(command, folder, environment).end()


class Model:
    """What a run has saved."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    def _tensors(self, name):
        """The header of a file without its metadata, those, and the bytes."""
        data = (self.folder / name).read_bytes()
        start = 8 + int.from_bytes(data[:8], "little")
        header = json.loads(data[8:start])
        return header.pop("__metadata__"), (header, data[start:])

    @property
    def position(self):
        """Where the run is, without times."""
        return without_times(json.loads(self._tensors("training.safetensors")[0]["position"]))

    @property
    def steps(self):
        """The steps of the last checkpoint; -1 where there is none."""
        try:
            return self.position["steps"]
        except FileNotFoundError:
            return -1

    @property
    def reports(self):
        lines = (self.folder / "metrics.jsonl").read_text().splitlines()
        return [without_times(json.loads(line)) for line in lines]

    def _models(self):
        """The last model and the best; the checkpoints that are kept are of moments."""
        files = {file.relative_to(self.folder) for file in self.folder.glob("**/model.safetensors")}
        return {file for file in files if "checkpoints" not in file.parts}

    def difference(self, other):
        """What is not the same in another; nothing where all bits are."""
        names = self._models()
        if names != other._models():
            return "the set of models"
        for name in sorted(names):
            if (self.folder / name).read_bytes() != (other.folder / name).read_bytes():
                return name
        if self._tensors("training.safetensors")[1] != other._tensors("training.safetensors")[1]:
            return "training.safetensors"
        if self.position != other.position:
            return "the position of the run"
        return None if self.reports == other.reports else "metrics.jsonl"


def without_times(value):
    if not isinstance(value, dict):
        return value
    return {key: without_times(part) for key, part in value.items()
            if key not in ("seconds", "tokensPerSecond", "communicationShare")}


def check(condition, message):
    if not condition:
        raise AssertionError(message)


def report(name, body):
    """Runs a check, which may return what there is to tell of it, and prints a line about it."""
    start = time.monotonic()
    try:
        detail, is_right = body() or "", True
    except AssertionError as error:
        detail, is_right = error, False
        failed.append(name)
        for job in list(jobs):
            job.end(0)
    print(f"{'ok    ' if is_right else 'FAILED'} {name} ({time.monotonic() - start:.1f} s){detail and ': '}{detail}", flush=True)
