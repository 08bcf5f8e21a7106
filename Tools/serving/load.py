#!/usr/bin/env python3
"""Asks a running server for many streams at once and checks every text: load.py URL [--requests 10000] [--concurrency 64]

Every fifth client leaves midway. A request is lost if it does not end, and wrong if its text is not the one that its seed has
without a stream. Prints a JSON object: what was lost or wrong, the time until the first event and tokens a second of each
stream (median and 99th percentile), tokens a second of all, and, with --process, its memory after the first thousand requests
and at the end. Needs nothing but Python.
"""
import argparse
import asyncio
import json
import pathlib
import sys
import time
from urllib.parse import urlsplit

parser = argparse.ArgumentParser()
parser.add_argument("url")
parser.add_argument("--model")
parser.add_argument("--requests", type=int, default=10_000)
parser.add_argument("--concurrency", type=int, default=64)
parser.add_argument("--tokens", type=int, default=200)
parser.add_argument("--seeds", type=int, default=50, help="different texts")
parser.add_argument("--process", type=int, help="the server's number, for its memory and descriptors")
options = parser.parse_args()
place = urlsplit(options.url)


def request(seed, stream):
    body = {"prompt": "The ", "max_tokens": options.tokens, "seed": seed, "stream": stream}
    if options.model:
        body["model"] = options.model
    data = json.dumps(body).encode()
    return (
        f"POST /v1/completions HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(data)}\r\nConnection: close\r\n\r\n").encode() + data


async def ask(seed, stream, leaves=False):
    """The text, the time until the first event, and the whole time; no text where the client leaves."""
    begin = time.perf_counter()
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    try:
        writer.write(request(seed, stream))
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in head.split(b"\r\n")[0]:
            raise RuntimeError(head.split(b"\r\n")[0].decode())
        if not stream:
            body = await reader.read()
            return json.loads(body)["choices"][0]["text"], 0, 0
        text, first, raw = "", None, b""
        while data := await reader.read(65536):
            first = first or time.perf_counter() - begin
            if leaves:
                return None, first, 0
            raw += data
        # Chunks of HTTP/1.1: a size in a line, and so many bytes.
        body, rest = b"", raw
        while rest:
            size, rest = rest.split(b"\r\n", 1)
            body, rest = body + rest[: int(size, 16)], rest[int(size, 16) + 2:]
        events = body.decode().split("\n\n")
        if events[-2:] != ["data: [DONE]", ""]:
            raise RuntimeError("the stream has no end")
        for event in events[:-2]:
            text += json.loads(event[6:])["choices"][0]["text"]
        return text, first, time.perf_counter() - begin
    finally:
        writer.close()


def usage():
    if not options.process:
        return {}
    folder = pathlib.Path(f"/proc/{options.process}")
    pages = int((folder / "statm").read_text().split()[1])
    return {"megabytes": pages * 4096 // 1_000_000, "descriptors": len(list((folder / "fd").iterdir()))}


def quantile(values, share):
    values = sorted(values)
    return round(values[min(int(share * len(values)), len(values) - 1)], 4) if values else None


async def main():
    expected = {}
    for seed in range(options.seeds):
        expected[seed] = (await ask(seed, stream=False))[0]
    numbers, firsts, rates = iter(range(options.requests)), [], []
    counts = {"complete": 0, "left": 0, "lost": 0, "wrong": 0}
    reasons, after_first_thousand = set(), {}

    async def worker():
        for number in numbers:
            leaves, seed = number % 5 == 4, number % options.seeds
            try:
                text, first, whole = await asyncio.wait_for(ask(seed, True, leaves), 120)
            except Exception as error:
                counts["lost"] += 1
                reasons.add(f"{type(error).__name__}: {error}")
                continue
            firsts.append(first)
            counts["left" if leaves else "complete" if text == expected[seed] else "wrong"] += 1
            if not leaves:
                rates.append(options.tokens / whole)
            if number == 1000:
                after_first_thousand.update(usage())

    begin = time.perf_counter()
    await asyncio.gather(*[worker() for _ in range(options.concurrency)])
    seconds = time.perf_counter() - begin
    print(json.dumps({
        **counts, "reasons": sorted(reasons)[:5], "seconds": round(seconds, 2),
        "firstEventSeconds": {"p50": quantile(firsts, 0.5), "p99": quantile(firsts, 0.99)},
        "tokensPerSecondOfAStream": {"p50": quantile(rates, 0.5), "p1": quantile(rates, 0.01)},
        "tokensPerSecond": round(counts["complete"] * options.tokens / seconds),
        "after1000": after_first_thousand, "atTheEnd": usage()}))
    sys.exit(counts["lost"] + counts["wrong"] > 0)


asyncio.run(main())
