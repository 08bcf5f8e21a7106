#!/usr/bin/env python3
"""Misuses a server of its own: slow and half-closed sockets, broken and huge requests, thousands of idle connections, a kill.

    swift build -c release --traits Serving --scratch-path .build-serving --product unroll
    Tools/serving/misuse.py                   # also --requests 500 --build FOLDER

With the package `schemathesis` from PyPI, it also sends requests made from the server's OpenAPI document. After everything the
server must live, hold no descriptor more than before, and have used the right status codes.
"""
import argparse
import contextlib
import json
import pathlib
import random
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time

from server import BUILD, Checks, Server, request, train

COMPLETION = {"prompt": "The ", "max_tokens": 5}


def connect(server):
    return socket.create_connection(("127.0.0.1", server.port), timeout=30)


def message(body, length=None):
    return (f"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body) if length is None else length}\r\n\r\n").encode() + body


def answer(connection, seconds=2):
    """All that the server says until it closes, or for a while."""
    found = b""
    connection.settimeout(seconds)
    with contextlib.suppress(OSError):
        while part := connection.recv(65536):
            found += part
    return found


def slow(checks, server):
    """Those who write or read a byte at a time, or stop."""
    body = json.dumps(COMPLETION).encode()
    with connect(server) as connection:
        for byte in message(body):
            connection.sendall(bytes([byte]))
            time.sleep(0.001)
        connection.settimeout(5)
        checks.require(connection.recv(65536).startswith(b"HTTP/1.1 200"), "a slow writer is answered")
    with connect(server) as connection:
        connection.sendall(message(body)[:40])
        begin = time.monotonic()
        answer(connection, seconds=30)
        checks.require(time.monotonic() - begin < 25, "one who stops writing is closed")
    with connect(server) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(message(json.dumps(COMPLETION | {"max_tokens": 4_000, "stream": True}).encode()))
        time.sleep(1)
        checks.require(request(f"{server.url}/health")[0] == 200, "a slow reader disturbs no one")
        read, end = 0, b""
        while b"[DONE]" not in end and (part := connection.recv(997)):
            read, end = read + len(part), end[-10:] + part
        checks.require(read > 4_000, "a slow reader gets all")
    with connect(server) as connection:
        connection.sendall(message(body))
        connection.shutdown(socket.SHUT_WR)
        # It may be taken for a client that has left, or be answered; it is not to hang.
        begin = time.monotonic()
        answer(connection)
        checks.require(time.monotonic() - begin < 10, "a half-closed connection is closed")
    for _ in range(50):
        with connect(server) as connection:
            connection.sendall(message(json.dumps(COMPLETION | {"max_tokens": 50_000, "stream": True}).encode()))
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


# What fields are replaced by.
VALUES = [None, True, -1, 0, 1, 3, 1e308, 2 ** 63, 0.5, "", "x", "The ferry", [], [[]], [1, 2], [[1], [2]], [-1], {}, {"5": 1}, {"x": 1},
          ["a", "b"], "\ud800", "\0"]


def broken(checks, server, count):
    """Requests with other values, or of which some bytes are others."""
    source = random.Random(1)
    valid = {**COMPLETION, "temperature": 0.5, "n": 2, "stop": ["x"], "logit_bias": {"3": 1.5}, "seed": 7, "logprobs": 2}
    statuses = {}
    for index in range(count):
        body = dict(valid)
        for _ in range(source.randrange(3)):
            body[source.choice([*valid, "echo", "best_of", "stream", "input", "messages", "state"])] = source.choice(VALUES)
        raw = bytearray(json.dumps(body).encode())
        for _ in range(source.randrange(1, 6) if index % 2 else 0):
            kind, place = source.randrange(3), source.randrange(len(raw))
            if kind == 0:
                raw[place] = source.randrange(256)
            elif kind == 1:
                del raw[place:place + source.randrange(1, 10)]
            else:
                raw[place:place] = source.choice([b"[", b"{", b'"', b"-1e999", b"null", b"\\ud800", b"9" * 40, b"\0"])
            raw = raw or bytearray(b"{")
        path = source.choice(["completions"] * 5 + ["chat/completions", "embeddings", "score", "complete", "state", "inspect"])
        status, content = request(f"{server.url}/v1/{path}", bytes(raw))
        statuses[status] = statuses.get(status, 0) + 1
        if status >= 500 or status != 200 and not (isinstance(content, dict) and "message" in content.get("error", {})):
            checks.require(False, f"{status} for {bytes(raw)!r} at {path}: {content!r}")
    checks.require(set(statuses) <= {200, 400, 404, 413}, f"statuses are {statuses}")
    print(f"{count} broken requests: {statuses}")


def shapes(checks, server):
    """What each kind of misuse is called."""
    def status(path, body=None, **options):
        return request(f"{server.url}{path}", body, **options)[0]

    checks.require(status("/nothing") == 404, "an unknown path is 404")
    checks.require(status("/v1/completions", method="GET") == 405, "another method is 405")
    checks.require(status("/v1/completions", b"") == 400, "no body is 400")
    checks.require(status("/v1/completions", b"[" * 100_000) == 400, "a deep body is 400")
    checks.require(status("/v1/completions", b"\xff\xfe") == 400, "a body that is no text is 400")
    checks.require(status("/v1/completions", COMPLETION | {"prompt": "a" * 3_000_000}) in (400, 413), "a long prompt is refused")
    checks.require(status("/v1/state/state-none") == 404, "an unknown state is 404")
    memory = server.memory()
    with connect(server) as connection:
        connection.sendall(message(b"", length=1 << 30))
        sent = 0
        with contextlib.suppress(OSError):
            while sent < 1 << 30:
                sent += connection.send(bytes(1 << 20))
        found = answer(connection)
        checks.require(b" 413 " in found[:20] or not found, f"a body of 1 GB is refused: {found[:80]!r}")
        checks.require(server.memory() < memory + (64 << 20), "a body of 1 GB is not kept")
    with connect(server) as connection:
        connection.sendall(b"\x16\x03\x01 this is no HTTP\r\n\r\n")
        answer(connection)
    with connect(server) as connection:
        connection.sendall(b"GET /v1/models HTTP/1.1\r\nHost: example.org\r\nConnection: close\r\n\r\n")
        checks.require(b" 403 " in answer(connection)[:20], "a request for another name is refused")
    with connect(server) as connection:
        with contextlib.suppress(OSError):
            connection.sendall(b"GET /health HTTP/1.1\r\n" + b"X-Header: " + b"a" * 10_000_000 + b"\r\n\r\n")
        answer(connection)


def idle(checks, server, count):
    """Many connections that say nothing."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, count + 200)), hard))
    connections = [connect(server) for _ in range(count)]
    checks.require(request(f"{server.url}/v1/completions", COMPLETION)[0] == 200,
                   f"beside {count} idle connections, a request is answered")
    for connection in connections:
        connection.close()


def generated(checks, server, count, folder):
    """Requests by schemathesis, from the OpenAPI document."""
    program = pathlib.Path(sys.executable).parent / "schemathesis"
    if not program.exists():
        print("skipped: no schemathesis")
        return
    result = subprocess.run(
        [program, "run", f"{server.url}/openapi.json", "--max-examples", str(count), "--seed", "1",
         # What a right request is depends on several fields together, and on the model, which a document cannot say.
         "--generation-database", "none", "--exclude-checks", "positive_data_acceptance"], cwd=folder, capture_output=True,
        text=True)
    print(result.stdout[-6000:])
    checks.require(result.returncode == 0, "requests made from the OpenAPI document found faults")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, default=BUILD, help="where the program is")
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--examples", type=int, default=100, help="of schemathesis, for each operation")
    arguments = parser.parse_args()
    unroll = arguments.build.resolve() / "unroll"
    checks = Checks()
    with tempfile.TemporaryDirectory() as folder:
        model = train(unroll, f"{folder}/model")
        with Server(unroll, [model], "--idle-timeout", 5, "--max-tokens", 100_000) as server:
            request(f"{server.url}/v1/completions", COMPLETION)
            before = server.descriptors()
            for misuse, arguments_of in [(shapes, []), (slow, []), (broken, [arguments.requests]),
                                         (generated, [arguments.examples, folder]), (idle, [2_000])]:
                begin = time.monotonic()
                misuse(checks, server, *arguments_of)
                print(f"{misuse.__name__}: {time.monotonic() - begin:.0f} s")
            checks.require(server.process.poll() is None, f"the server has ended:\n{server.messages()[-2000:]}")
            end = time.monotonic() + 20
            while server.descriptors() > before + 2 and time.monotonic() < end:
                time.sleep(0.1)
            checks.require(server.descriptors() <= before + 2, f"descriptors: {before} before, {server.descriptors()} after")
            server.stop(signal.SIGKILL)
            server.start()
            checks.require(request(f"{server.url}/v1/completions", COMPLETION)[0] == 200, "killed and restarted, it serves")
            checks.require(server.stop() == 0, "it ends with 0")
    checks.finish()


main()
