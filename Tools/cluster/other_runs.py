"""Runs of several processes that must work, or fail, as those of one do: output, plans, recipes, disks, large texts."""

import json
import signal
import subprocess

import launch
import same_bits
from failures import INTERRUPTED, RUN, SHORT, TEXT, USAGE, Disturbances
from launch import Model, by_rank, check


class OtherRuns(Disturbances):
    """What must work on several processes as on one."""

    def checks(self, is_all):
        yield "other numbers of threads", self.other_threads
        yield "--json", self.json_lines
        if is_all:
            yield "--dry-run", lambda: self.once(["train", "text.txt", "--preset", "book", "--dry-run"], "tokens/s")
            yield "unroll info", lambda: self.once(["info", self.trained()], "lstm")
            yield "unroll generate", lambda: self.once(["generate", self.trained(), "--prompt", "The ", "--length", "5"], "The ")
            yield "unroll evaluate", self.evaluation
            yield "--recipe", self.recipe
            yield "a plan", self.plan
            yield "a learning rate that is far too large", self.divergence
            yield "two runs at once", self.two_runs
            yield "a full disk", self.full_disk
            yield "a large text", self.large_text

    def same(self, name, words, program, environment=()):
        """Trains on two processes and alone, and compares."""
        ended = self.start(2, words, program, environment).end()
        check(ended.code == 0 and not ended.left, f"{ended}")
        alone = [name + "-alone" if word == name else word for word in words]
        ended = launch.run([self.program, *alone], self.folder)
        check(ended.code == 0, f"alone: {ended}")
        difference = Model(self.folder / (name + "-alone")).difference(Model(self.folder / name))
        check(difference is None, f"{difference} is not the same")

    def other_threads(self):
        name = self.new_name()
        words = self.words(name, "--shards", "2", options=SHORT)
        self.same(name, words, by_rank(1, 'set -- "$@" --threads 2', self.program))

    def json_lines(self):
        name = self.new_name()
        words = [*self.words(name, "--shards", "4", options=SHORT), "--json"]
        ended = self.start(4, words).end()
        check(ended.code == 0, f"{ended}")
        check(all(line.startswith("{") for line in ended.output.splitlines()), f"{ended}")
        last = json.loads(ended.output.splitlines()[-1])
        check(last["event"] == "finished" and last["model"] == name, f"{ended}")
        alone = launch.run([self.program, *[name + "-alone" if word == name else word for word in words]], self.folder)
        expected, found = same_bits.events(alone.output), same_bits.events(ended.output)
        check(expected == found, f"{same_bits.first_difference(expected, found)}")
        return f"{len(found)} events"

    def trained(self):
        name = self.folder / "trained"
        if not name.exists():
            ended = launch.run([self.program, *self.words("trained", options=[*SHORT, "--cell", "lstm"])], self.folder)
            check(ended.code == 0, f"{ended}")
        return name

    def once(self, words, said):
        """Runs a command that has nothing to share out: its output is there once."""
        ended = self.start(3, words).end()
        alone = launch.run([self.program, *words], self.folder)
        check(ended.code == 0 and not ended.lines and not ended.left, f"{ended}")
        check(said in ended.output and len(ended.output.splitlines()) == len(alone.output.splitlines()), f"{ended}{alone}")

    def evaluation(self):
        """The figures of a text in shards, which are the same by any number of processes."""
        words = ["evaluate", self.trained(), "text.txt", "--shards", "5", "--json"]
        alone = launch.run([self.program, *words], self.folder)
        check(alone.code == 0, f"alone: {alone}")
        for count in 2, 3:
            ended = self.start(count, words).end()
            check(ended.code == 0 and not ended.left, f"{ended}")
            check(ended.output == alone.output, f"{ended.output}is not {alone.output}")

    def recipe(self):
        name = self.new_name()
        words = ["train", "sample", "--recipe", "d2l-scratch-sequential", "--epochs", "2", "--output", name]
        # It has one shard.
        return self.refused(words, [USAGE, 1], "shards")

    def plan(self):
        name = self.new_name()
        words = ["train", "text.txt", "--minutes", "0.1", "--shards", "2", "--output", name]
        ended = self.start(2, words).end()
        check(ended.code == 0 and not ended.left, f"{ended}")
        check(ended.seconds < 60, f"{ended}")
        return f"{ended.seconds:.0f} s for 6 s of training"

    def divergence(self):
        name = self.new_name()
        run = ["--hidden", "16", "--batch", "2", "--epochs", "3", "--learning-rate", "1e20", "--max-gradient-norm", "0"]
        words = [*self.words(name, "--shards", "4", options=run), "--json"]
        ended = self.start(3, words).end()
        check(ended.code in self.mpi.failure_codes and len(ended.lines) == 1 and not ended.left, f"{ended}")
        check("--learning-rate" in ended.lines[0], f"{ended}")
        alone = launch.run([self.program, *[name + "-alone" if word == name else word for word in words]], self.folder)
        expected, found = same_bits.events(alone.output), same_bits.events(ended.output)
        check(expected == found, f"{same_bits.first_difference(expected, found)}")
        return f"{len(found)} events; {ended.lines[0]}"

    def two_runs(self):
        name = self.new_name()
        first = self.start(2, self.words(name, options=same_bits.lasting(RUN, 100000)))
        model = Model(self.folder / name)
        first.reach(model, 5)
        second = self.refused(self.words(name), [1], name)
        first.reach(model, model.steps + 1)
        first.signal(signal.SIGTERM, rank=0)
        ended = first.end()
        check(ended.code == INTERRUPTED and len(ended.lines) == 1, f"the first: {ended}")
        return second

    def full_disk(self):
        name = self.new_name()
        disk = self.folder / "disk"
        disk.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", disk]
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode != 0:
            return f"skipped, as no file system can be mounted: {result.stderr.strip()}"
        try:
            job = self.start(3, self.words(f"disk/{name}"))
            model = Model(disk / name)
            job.reach(model, 20)
            with open(disk / "filler", "wb", buffering=0) as file:
                try:
                    while True:
                        file.write(bytes(4096))
                except OSError:
                    pass
            ended = job.end()
            check(ended.code in self.mpi.failure_codes and not ended.left and len(ended.lines) == 1, f"{ended}")
            check("no space left" in ended.lines[0].lower() and "--resume" in ended.lines[0], f"{ended}")
            (disk / "filler").unlink()
            return f"{self.is_as_undisturbed(f'disk/{name}')}; {ended.lines[0]}"
        finally:
            subprocess.run(["umount", "-l", disk], check=True)

    def large_text(self):
        """One whose tokens are kept in a file, which all processes use."""
        name = self.new_name()
        story = launch.TEXT.read_text()
        with open(self.folder / "large.txt", "w") as file:
            for number in range(34_000_000 // len(story.encode())):
                file.write(f"{number} {story}")
        run = ["--hidden", "8", "--batch", "4", "--max-steps", "30"]
        words = [word if word != TEXT else "large.txt" for word in self.words(name, "--shards", "2", options=run)]
        self.same(name, words, [self.program])
        check((self.folder / name / "tokens.cache").exists(), "there is no cache")
        (self.folder / "large.txt").unlink()
