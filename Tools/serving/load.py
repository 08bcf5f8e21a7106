#!/usr/bin/env python3
"""Loads a server of its own: 10,000 streamed requests, of which a fifth leave midway, then one client and 64 for their speed.

    swift build -c release --traits Serving --scratch-path .build-serving --product unroll
    Tools/serving/load.py                     # also --requests 1000 --hidden 512 --build FOLDER

Every text that was read to its end must be the one that the same request gives alone, and memory must stay where it was after
the first thousand requests. Prints the median and the 99th percentile of the time to the first token and of tokens per second,
and with the program `wrk` the tokens per second of one client and of 64, beside `unroll benchmark` in the same run.
"""
import argparse
import asyncio
import json
import pathlib
import random
import re
import shutil
import statistics
import subprocess
import tempfile
import time

from server import BUILD, Checks, Server, request, train

TOKENS = 200
KINDS = 50


def body(kind, stream, tokens=TOKENS):
    return {"prompt": ["The ferry ", "A", "It was late when "][kind % 3], "max_tokens": tokens, "seed": kind, "stream": stream}


async def streamed(server, kind, leaves_after):
    """The text of a streamed request, seconds to its first piece and in all; no text if it left midway."""
    begin = time.monotonic()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    content = json.dumps(body(kind, True)).encode()
    writer.write(b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n"
                 b"Content-Length: %d\r\n\r\n%b" % (len(content), content))
    text, first, count = "", None, 0
    while line := await reader.readline():
        if not line.startswith(b"data: "):
            continue
        if line.startswith(b"data: [DONE]"):
            break
        piece = json.loads(line[6:])["choices"][0]["text"]
        first = first or time.monotonic() - begin
        text += piece
        count += 1
        if leaves_after is not None and len(text) >= leaves_after:
            writer.transport.abort()
            return None, first, time.monotonic() - begin
    writer.close()
    return text, first, time.monotonic() - begin


async def soak(checks, server, count, concurrency, expected):
    source = random.Random(1)
    jobs = iter([(source.randrange(KINDS), source.randrange(1, TOKENS) if source.random() < 0.2 else None)
                 for _ in range(count)])
    firsts, speeds, wrong, lost, done = [], [], 0, 0, 0
    memory = None

    async def client():
        nonlocal wrong, lost, done, memory
        for kind, leaves_after in jobs:
            try:
                text, first, seconds = await streamed(server, kind, leaves_after)
            except OSError as error:
                lost += 1
                print(f"lost: {error}")
                continue
            finally:
                done += 1
                if done == min(1000, count // 2):
                    memory = server.memory()
            if text is None:
                continue
            wrong += text != expected[kind]
            firsts.append(first)
            speeds.append(TOKENS / seconds)

    begin = time.monotonic()
    await asyncio.gather(*[client() for _ in range(concurrency)])
    seconds = time.monotonic() - begin
    grown = server.memory() / memory - 1
    checks.require(lost == 0, f"{lost} requests were lost")
    checks.require(wrong == 0, f"{wrong} texts are wrong")
    checks.require(grown < 0.1, f"memory has grown by {grown:.0%} after the first thousand requests")

    def facts(values, scale=1.0):
        ordered = sorted(values)
        return f"{scale * statistics.median(ordered):.1f} (99th percentile {scale * ordered[int(0.99 * len(ordered))]:.1f})"

    print(f"{count} streamed requests of {TOKENS} tokens, {concurrency} at once, in {seconds:.0f} s: {len(firsts)} read to the end")
    print(f"milliseconds to the first piece: {facts(firsts, 1000)}")
    print(f"tokens/s of a text: {facts([-speed for speed in speeds], -1)}")
    print(f"resident memory: {server.memory() / 1e6:.0f} MB, {grown:+.1%} after the first thousand")


def speeds(checks, server, unroll, seconds):
    """Tokens per second of one client and of 64, and of samples without a server."""
    if shutil.which("wrk") is None:
        print("skipped: no program wrk")
        return
    found = {}
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(f"wrk.method = 'POST'\nwrk.headers['Content-Type'] = 'application/json'\n"
                     f"wrk.body = '{json.dumps(body(0, False, 2 * TOKENS))}'\n")
        script.flush()
        for clients in [1, 64]:
            output = subprocess.run(
                ["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "-s", script.name, f"{server.url}/v1/completions"],
                check=True, capture_output=True, text=True).stdout
            found[clients] = float(re.search(r"Requests/sec:\s+([\d.]+)", output)[1]) * 2 * TOKENS
            checks.require("Non-2xx" not in output, f"not all requests of {clients} clients were answered")
    print(f"tokens/s: one client {found[1]:,.0f}, 64 clients {found[64]:,.0f}, {found[64] / found[1]:.1f} times")
    output = subprocess.run([unroll, "benchmark", "--workload", "samples-lstm512", "--json"], check=True,
                            capture_output=True, text=True).stdout
    samples = next(line["charactersPerSecond"] for line in map(json.loads, output.splitlines())
                   if "charactersPerSecond" in line)
    print(f"samples-lstm512: {samples:,.0f}; 64 clients have {found[64] / samples:.2f} of it")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, default=BUILD, help="where the program is")
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--hidden", type=int, default=512, help="units of the LSTM")
    parser.add_argument("--seconds", type=int, default=10, help="how long each speed is measured")
    arguments = parser.parse_args()
    unroll = arguments.build.resolve() / "unroll"
    checks = Checks()
    with tempfile.TemporaryDirectory() as folder:
        model = train(unroll, f"{folder}/model", "--cell", "lstm", "--hidden", str(arguments.hidden), "--epochs", "1")
        with Server(unroll, [model]) as server:
            expected = [request(f"{server.url}/v1/completions", body(kind, False))[1]["choices"][0]["text"]
                        for kind in range(KINDS)]
            asyncio.run(soak(checks, server, arguments.requests, arguments.concurrency, expected))
            speeds(checks, server, unroll, arguments.seconds)
            checks.require(server.stop() == 0, "the server ends with 0")
    checks.finish()


main()
