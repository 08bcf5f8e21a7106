#!/usr/bin/env python3
"""Cuts the power of training at random moments, on paper: what the disk might hold then must be resumed from.

Training runs under strace, which notes every change of a file or folder. At a random place of these notes, what has been
written since a file's last fsync is lost wholly or from some place on, or reads as zeros; and of what has happened to a
folder's names since the folder's last fsync, any part is lost. From what is left training must go on, with no checkpoint
lost whose saving had returned, to the same bits as a run that nobody disturbed.
"""

import dataclasses
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile

import workload

CALLS = "openat,open,creat,close,write,pwrite64,ftruncate,fsync,fdatasync,rename,renameat,renameat2,link,linkat," \
    "unlink,unlinkat,rmdir,mkdir,mkdirat"
LINE = re.compile(r"^\d+ +(\w+)\((.*)\) += (-?\d+)")
STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')


class Inode:
    """A file with its data, or a folder with its names; and what of it the disk is sure to have."""

    def __init__(self, is_folder):
        self.is_folder = is_folder
        self.data, self.synced_data = bytearray(), b""
        self.names, self.synced_names = {}, {}
        # What has happened to the names since the last fsync, each a dictionary of names to inodes or None.
        self.changes = []

    def change(self, names):
        for name, inode in names.items():
            if inode is None:
                self.names.pop(name, None)
            else:
                self.names[name] = inode
        self.changes.append(names)

    def synchronize(self):
        if self.is_folder:
            self.synced_names, self.changes = dict(self.names), []
        else:
            self.synced_data = bytes(self.data)

    def after_power_cut(self):
        """The data, or the names, that the disk may hold."""
        if self.is_folder:
            names = dict(self.synced_names)
            for change in self.changes:
                if random.random() < 0.5:
                    names.update(change)
            return {name: inode for name, inode in names.items() if inode is not None}
        # What is sure stays at the beginning when lines are added behind it; else nothing of the file is sure.
        sure = len(self.synced_data) if self.data.startswith(self.synced_data) else 0
        kept = random.choice([sure, random.randint(sure, len(self.data)), len(self.data)])
        zeros = random.choice([0, len(self.data) - kept])
        return bytes(self.data[:kept]) + bytes(zeros)


@dataclasses.dataclass
class Opened:
    inode: Inode
    offset: int
    appends: bool


class Disk:
    """What the calls of a process make of a folder that was empty."""

    def __init__(self, root):
        self.root, self.inode = root, Inode(is_folder=True)
        self.opened = {}

    def place(self, path):
        """The folder and the name of a path, or None for paths elsewhere."""
        path = pathlib.PurePath(path if path.startswith("/") else f"{self.root}/{path}")
        if not path.is_relative_to(self.root) or path == self.root:
            return None
        folder = self.inode
        for part in path.relative_to(self.root).parts[:-1]:
            folder = folder.names[part]
        return folder, path.name

    def apply(self, call, text, strings, result):
        first = text.split(",")[0]
        takes_number = call in ("close", "write", "pwrite64", "ftruncate", "fsync", "fdatasync")
        paths = [] if takes_number else [string.decode() for string in strings]
        assert takes_number or not first.isdigit(), f"{call} in an opened folder is not understood here"
        if call in ("openat", "open", "creat"):
            place = self.place(paths[0])
            is_root = pathlib.PurePath(paths[0]) == self.root
            self.opened.pop(result, None)
            if place is None and not is_root:
                return
            inode = self.inode if is_root else place[0].names.get(place[1])
            if inode is None:
                inode = Inode(is_folder=False)
                place[0].change({place[1]: inode})
            if "O_TRUNC" in text:
                inode.data.clear()
            self.opened[result] = Opened(inode, 0, "O_APPEND" in text)
        elif call == "close":
            self.opened.pop(int(first), None)
        elif call in ("write", "pwrite64", "ftruncate", "fsync", "fdatasync"):
            opened = self.opened.get(int(first))
            if opened is None:
                return
            inode = opened.inode
            if call in ("fsync", "fdatasync"):
                inode.synchronize()
            elif call == "ftruncate":
                size = int(text.split(",")[1])
                inode.data[size:] = bytes(max(0, size - len(inode.data)))
            else:
                data = strings[0][:result]
                assert len(data) == result, "strace has cut off what was written"
                offset = int(text.rsplit(",", 1)[1]) if call == "pwrite64" else opened.offset
                if opened.appends:
                    offset = len(inode.data)
                inode.data[offset:offset + len(data)] = data
                opened.offset = offset + len(data)
        elif call in ("rename", "renameat", "renameat2", "link", "linkat"):
            source, target = (self.place(path) for path in paths)
            inode = source[0].names[source[1]]
            if call.startswith("link"):
                target[0].change({target[1]: inode})
            elif source[0] is target[0]:
                source[0].change({source[1]: None, target[1]: inode})
            else:
                target[0].change({target[1]: inode})
                source[0].change({source[1]: None})
        elif call in ("unlink", "unlinkat", "rmdir"):
            if place := self.place(paths[0]):
                place[0].change({place[1]: None})
        elif call in ("mkdir", "mkdirat"):
            if place := self.place(paths[0]):
                place[0].change({place[1]: Inode(is_folder=True)})

    def contents(self, path):
        """The data that a process would read."""
        folder, name = self.place(path)
        return folder.names[name].data

    def write_after_power_cut(self, folder, inode=None):
        """Makes a folder of what the disk may hold."""
        for name, other in (inode or self.inode).after_power_cut().items():
            if other.is_folder:
                (folder / name).mkdir()
                self.write_after_power_cut(folder / name, other)
            else:
                (folder / name).write_bytes(other.after_power_cut())


def traced(run):
    """Trains to the end under strace; returns the calls that succeeded: names, arguments, strings, results."""
    log = run.work / "strace"
    process = run.train(prefix=[
        "strace", "-f", "-xx", "-s", str(1 << 24), "-e", f"trace={CALLS}", "-e", "signal=none", "-o", log])
    _, error = process.communicate()
    workload.check(process.returncode == 0, f"under strace: {error}")
    unfinished, calls = {}, []
    for line in log.read_text().splitlines():
        # A call during which another thread called is told in two lines.
        thread, rest = line.split(maxsplit=1)
        if rest.endswith("<unfinished ...>"):
            unfinished[thread] = rest.removesuffix("<unfinished ...>")
            if closed := re.match(r"close\((\d+)", rest):
                # The number may be another file's before the call returns.
                calls.append(("close", closed[1], [], 0))
                unfinished[thread] = ""
            continue
        if rest.startswith("<..."):
            rest = unfinished.pop(thread) + re.sub(r"^<\.\.\. \w+ resumed>", "", rest)
        match = LINE.match(f"0 {rest}")
        if match and int(match[3]) >= 0:
            strings = [bytes.fromhex(found.replace("\\x", "")) for found in STRING.findall(match[2])]
            calls.append((match[1], STRING.sub("", match[2]), strings, int(match[3])))
    log.unlink()
    return calls


def saved_checkpoints(calls, folder):
    """The places in the calls after which a checkpoint's saving has surely returned: where a later one begins.

    The parameters are what is saved last, so that the first file that is made after their renaming is another's.
    """
    places, is_renamed = set(), False
    for place, (call, text, strings, _) in enumerate(calls):
        if call.startswith("rename") and strings[-1].decode() == f"{folder}/model.safetensors":
            is_renamed = True
        elif is_renamed and call.startswith("open") and "O_EXCL" in text:
            places.add(place)
            is_renamed = False
    return places


def main():
    options = workload.arguments(__doc__, cuts=100, epochs=6)
    if shutil.which("strace") is None:
        print("skipped: strace is not installed")
        return
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work).resolve()
        run = workload.Run(options, work / "traced", epochs=options.epochs)
        run.work.mkdir()
        try:
            calls = traced(run)
        except OSError as error:
            sys.exit(f"strace: {error}")
        expected = run.result()
        saved = saved_checkpoints(calls, run.folder)
        print(f"{len(calls)} calls on files, {len(saved)} checkpoints before the last", flush=True)
        workload.check(len(saved) > 3, "too few checkpoints to lose one")

        missing = 0
        for cut in range(options.cuts):
            place = random.randrange(len(calls))
            disk, reached = Disk(run.work), (0, 0)
            for number, call in enumerate(calls[:place]):
                if number in saved:
                    reached = workload.position(disk.contents("model/training.safetensors"))
                disk.apply(*call)
            after = workload.Run(options, work / "after", epochs=options.epochs)
            after.work.mkdir()
            disk.write_after_power_cut(after.work)
            where = f"cut {cut}, after {place} calls"
            if after.folder.exists():
                position = after.check_whole()
                workload.check(position >= reached, f"{where}: back at {position}, saved was {reached}")
            else:
                workload.check(reached == (0, 0), f"{where}: the folder is gone")
                missing += 1
            after.finish()
            after.check_result(expected, where)
            shutil.rmtree(after.work)
        print(f"{options.cuts} power cuts, 0 failures; {missing} before the folder was there")


main()
