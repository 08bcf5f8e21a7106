"""Hosts on this machine: each a namespace with a network card, a name and a folder of its own, joined by a switch."""

import os
import pathlib
import subprocess

# Of the networks for documentation, so that it is no one's.
ADDRESS = "192.0.2."
# What a program for remote shells does: it takes options, a host, and words for the shell there.
AGENT = """#!/bin/sh
while [ "${1#-}" != "$1" ]; do shift; done
host=$1
shift
exec nsenter --target "$(cat FOLDER/$host.pid)" --net --mount --uts sh -c "cd HOME && $*"
"""


class Unavailable(Exception):
    """What this machine does not allow."""


def sh(*words, **options):
    result = subprocess.run([str(word) for word in words], capture_output=True, text=True, **options)
    if result.returncode != 0:
        raise Unavailable(f"{' '.join(map(str, words))}: {result.stderr.strip() or result.returncode}")
    return result.stdout


class Network:
    """Hosts with names, on which the same path is a folder of each one's own."""

    def __init__(self, folder, count):
        self.folder = pathlib.Path(folder)
        self.home = self.folder / "home"
        self.home.mkdir()
        self.prefix = f"unroll-{os.getpid()}"
        self.hosts = [f"node{number}" for number in range(count)]
        self.keepers = []
        self.shaping = "as fast as the machine"
        self.agent = self.folder / "agent"
        self.agent.write_text(AGENT.replace("FOLDER", str(self.folder)).replace("HOME", str(self.home)))
        self.agent.chmod(0o755)

    def __enter__(self):
        try:
            self._build()
        except (OSError, Unavailable):
            self.__exit__()
            raise
        return self

    def _build(self):
        names = "127.0.0.1 localhost\n" + "".join(
            f"{ADDRESS}{number + 1} {host}\n" for number, host in enumerate(self.hosts))
        (self.folder / "hosts").write_text(names)
        sh("ip", "netns", "add", self.switch)
        sh("ip", "-n", self.switch, "link", "add", "switch", "type", "bridge")
        sh("ip", "-n", self.switch, "link", "set", "switch", "up")
        for number, host in enumerate(self.hosts):
            self._add(number, host)

    @property
    def switch(self):
        return f"{self.prefix}-switch"

    def _add(self, number, host):
        space = f"{self.prefix}-{host}"
        sh("ip", "netns", "add", space)
        sh("ip", "-n", self.switch, "link", "add", host, "type", "veth", "peer", "name", "eth0", "netns", space)
        sh("ip", "-n", self.switch, "link", "set", host, "master", "switch", "up")
        sh("ip", "-n", space, "addr", "add", f"{ADDRESS}{number + 1}/24", "dev", "eth0")
        for device in "lo", "eth0":
            sh("ip", "-n", space, "link", "set", device, "up")
        self._shape(space)
        own = self.folder / f"files-{host}"
        own.mkdir()
        script = (f"mount --bind {own} {self.home} && mount --bind {self.folder}/hosts /etc/hosts && hostname {host} "
                  f"&& echo $$ > {self.folder}/{host}.pid && exec sleep infinity")
        self.keepers.append(subprocess.Popen(
            ["ip", "netns", "exec", space, "unshare", "--mount", "--uts", "sh", "-c", script],
            stderr=subprocess.PIPE, text=True))
        file = self.folder / f"{host}.pid"
        while not (file.exists() and file.read_text().strip()):
            if self.keepers[-1].poll() is not None:
                raise Unavailable(f"a mount namespace: {self.keepers[-1].stderr.read().strip()}")

    def _shape(self, space):
        """Makes a card as slow as a network, as far as the system can."""
        device = ["tc", "-n", space, "qdisc", "add", "dev", "eth0", "root"]
        ways = {
            "1 Gbit/s and 1 ms": ["netem", "delay", "1ms", "rate", "1gbit"],
            "1 Gbit/s, without a delay, as the kernel has no netem": ["tbf", "rate", "1gbit", "burst", "64kb", "latency", "50ms"],
        }
        for name, words in ways.items():
            try:
                sh(*device, *words)
                self.shaping = name
                return
            except (OSError, Unavailable):
                continue

    def files(self, host):
        """The folder of a host, as this program sees it."""
        return self.folder / f"files-{host}"

    def on(self, host, *words):
        """Words that run a command on a host, in its folder."""
        process = (self.folder / f"{host}.pid").read_text().strip()
        return ["nsenter", "--target", process, "--net", "--mount", "--uts", f"--wdns={self.home}", *map(str, words)]

    def connect(self, host, isUp):
        """Plugs the cable of a host in, or pulls it."""
        sh("ip", "-n", self.switch, "link", "set", host, "up" if isUp else "down")

    def __exit__(self, *_):
        for keeper in self.keepers:
            keeper.kill()
            keeper.wait()
        for name in [self.switch, *(f"{self.prefix}-{host}" for host in self.hosts)]:
            subprocess.run(["ip", "netns", "delete", name], capture_output=True)
