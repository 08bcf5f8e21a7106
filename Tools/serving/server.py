"""What the checks of the server share: a server of their own, and requests to it."""
import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = ROOT / ".build-serving/release"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def train(unroll, folder, *options, text=None):
    """A small model of the bundled story, or of a text."""
    subprocess.run([unroll, "train", *([text] if text else []), "--preset", "book", "--seed", "1", "--json", "--output", folder,
                    *(options if "--epochs" in options else ["--epochs", "3", *options])], check=True, capture_output=True)
    return folder


class Server:
    """A running server."""

    def __init__(self, unroll, models, *options, environment=None):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.command = [unroll, "serve", *models, "--port", self.port, *options]
        self.environment = {**os.environ, **(environment or {})}
        self.start()

    def start(self):
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen([str(part) for part in self.command], stderr=self.log, stdout=self.log,
                                        env=self.environment)
        for _ in range(600):
            with contextlib.suppress(OSError):
                if request(f"{self.url}/ready")[0] == 200:
                    return
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise SystemExit(f"the server did not start:\n{self.messages()}")

    def messages(self):
        self.log.seek(0)
        return self.log.read()

    def memory(self):
        """Resident bytes."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def stop(self, sign=signal.SIGTERM, within=30):
        self.process.send_signal(sign)
        return self.process.wait(within)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.log.close()


def request(url, body=None, key=None, method=None, timeout=60):
    """The status and the decoded body of a request; JSON where it is."""
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
    try:
        with urllib.request.urlopen(
                urllib.request.Request(url, data, headers, method=method), timeout=timeout) as answer:
            status, content = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        status, content = error.code, error.read()
    with contextlib.suppress(ValueError):
        return status, json.loads(content)
    return status, content


class Checks:
    """Counts what holds, and names what does not."""

    def __init__(self):
        self.failed = []
        self.count = 0

    def require(self, condition, what):
        self.count += 1
        if not condition:
            self.failed.append(what)
            print(f"FAILED: {what}", file=sys.stderr)

    def finish(self):
        print(f"{self.count - len(self.failed)} passed, {len(self.failed)} failed")
        sys.exit(1 if self.failed else 0)
