#!/usr/bin/env python3
"""Takes the disk away from training: full, limited, read-only or gone. The last checkpoint must stay whole."""

import pathlib
import resource
import shutil
import subprocess
import tempfile
import time

import workload


def main():
    options = workload.arguments(__doc__, megabytes=2)
    with tempfile.TemporaryDirectory() as work:
        whole = workload.Run(options, work, "whole")
        whole.finish()
        expected = whole.result()
        disk = pathlib.Path(work) / "disk"
        disk.mkdir()
        limited(options, expected, pathlib.Path(work))
        command = ["mount", "-t", "tmpfs", "-o", f"size={options.megabytes}m", "tmpfs", disk]
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode != 0:
            print(f"skipped: full and read-only disks; no file system can be mounted: {result.stderr.strip()}")
            return
        try:
            full(options, expected, disk)
            read_only(options, expected, disk)
        finally:
            subprocess.run(["umount", "-l", disk], check=True)


def begun(run, **popen):
    """Starts training and waits until it has got somewhere."""
    process = run.train(**popen)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        if (run.folder / "metrics.jsonl").exists() and run.position() > (0, 0):
            return process
        time.sleep(0.01)
    process.kill()
    workload.check(False, f"training has not begun: {process.communicate()[1]}")


def failed(process, run, *words):
    """Checks that training ends, says why in one line, and leaves a whole checkpoint behind."""
    _, error = process.communicate()
    last = error.splitlines()[-1] if error else ""
    workload.check(process.returncode == 1, f"ended with {process.returncode}: {error}")
    for word in [run.folder.name, *words]:
        workload.check(word in last, f"'{word}' is not said: {error}")
    position = run.check_whole()
    workload.check(position > (0, 0), "the last checkpoint is lost")
    print(f"at epoch {position[0]}, minibatch {position[1]}: {last}", flush=True)


def finished(run, expected):
    run.finish()
    run.check_result(expected, "after the disk had come back")
    shutil.rmtree(run.folder)


def full(options, expected, disk):
    run = workload.Run(options, disk)
    process = begun(run)
    filler = disk / "filler"
    with open(filler, "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
    failed(process, run, "no space left")
    filler.unlink()
    finished(run, expected)


def read_only(options, expected, disk):
    run = workload.Run(options, disk)
    process = begun(run)
    # Refused while a file is open for writing.
    while subprocess.run(["mount", "-o", "remount,ro", disk], capture_output=True).returncode != 0:
        workload.check(process.poll() is None, "training was faster than the change to read-only")
    failed(process, run, "Read-only")
    subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
    finished(run, expected)


def limited(options, expected, work):
    """A limit of the size of files, whose signal ends programs that do not expect it."""
    run = workload.Run(options, work)
    process = begun(run)
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    failed(process, run, "File too large")
    finished(run, expected)


main()
