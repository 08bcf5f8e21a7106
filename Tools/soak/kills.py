#!/usr/bin/env python3
"""Kills training at random moments, and compares what comes of it with a run that nobody disturbed."""

import collections
import random
import shutil
import tempfile
import time

import workload


def main():
    options = workload.arguments(__doc__, rounds=200)
    with tempfile.TemporaryDirectory() as work:
        whole = workload.Run(options, work, "whole")
        seconds = whole.finish()
        expected = whole.result()
        print(f"an undisturbed run takes {seconds:.1f} s", flush=True)

        run = workload.Run(options, work)
        counts = collections.Counter()
        places = set()
        position = (0, 0)
        kills = 0
        while kills < options.rounds:
            before = set(run.temporaries())
            process = run.train()
            # Half of them soon, when the folder is made and checkpoints are read; the others anywhere.
            if workload.wait(process, random.uniform(0, random.choice([0.1, seconds / 4]))):
                workload.check(process.returncode == 0, f"ended by itself: {process.stderr.read()}")
                compare(run, expected)
                counts["runs to the end"] += 1
                shutil.rmtree(run.folder)
                position = (0, 0)
                continue
            process.kill()
            process.communicate()
            kills += 1
            if set(run.temporaries()) - before:
                counts["kills in the middle of a write"] += 1
            if not run.folder.exists():
                counts["kills before the folder was there"] += 1
                continue
            reached = run.check_whole()
            workload.check(reached >= position, f"went back from {position} to {reached}")
            counts["kills after which the checkpoint had moved"] += reached > position
            counts["kills inside an epoch"] += reached[1] > 0
            position = reached
            places.add(position)
            if kills % 20 == 0:
                print(f"{kills} kills, at epoch {position[0]}, minibatch {position[1]}", flush=True)
        run.finish()
        compare(run, expected)
        counts["runs to the end"] += 1

        # Writers of now do not hold those any more; the next run in the folder takes them away.
        left = len(run.temporaries())
        time.sleep(3)
        run.finish()
        shutil.rmtree(run.folder)
        run.finish()
        workload.check(not run.temporaries(), f"temporary files stay: {run.temporaries()}")
        print(f"{kills} kills, 0 failures; resumed from {len(places)} different checkpoints")
        for name, count in sorted(counts.items()):
            print(f"{count:5} {name}")
        print(f"{left:5} temporary files were left in the end, and taken away by the next run")


def compare(run, expected):
    run.check_whole()
    run.check_result(expected, "after kills")


main()
