#!/usr/bin/env python3
"""Drives a server of its own with OpenAI's client: what a program that was written for it gets.

    swift build -c release --traits Serving --scratch-path .build-serving --product unroll
    Tools/serving/clients.py                  # also Tools/serving/clients.py --build FOLDER

Needs the package `openai` from PyPI.
"""
import argparse
import asyncio
import math
import pathlib
import tempfile
import threading
import time

import openai
from server import BUILD, Checks, Server, request, train

KEY = "a-key-for-the-check"


def expect_error(checks, kind, what, body, **facts):
    try:
        body()
    except kind as error:
        for name, value in facts.items():
            checks.require(getattr(error, name, None) == value, f"{what}: {name} is {getattr(error, name, None)!r}")
        return
    except Exception as error:  # noqa: BLE001: another kind is what this finds
        checks.require(False, f"{what}: {type(error).__name__}: {error}")
        return
    checks.require(False, f"{what}: no error")


def completions(checks, client):
    models = [model.id for model in client.models.list()]
    checks.require(models == ["letters", "subwords"], f"the models are {models}")
    checks.require(client.models.retrieve("letters").owned_by == "unroll", "a model tells its owner")
    one = client.completions.create(model="letters", prompt="The ", max_tokens=30, seed=3)
    checks.require(len(one.choices) == 1 and len(one.choices[0].text) == 30, "a completion has its length")
    checks.require(one.choices[0].finish_reason == "length", "it ends by length")
    checks.require(one.usage.completion_tokens == 30 and one.usage.prompt_tokens == 4
                   and one.usage.total_tokens == 34, f"usage is {one.usage}")
    again = client.completions.create(model="letters", prompt="The ", max_tokens=30, seed=3)
    checks.require(again.choices[0].text == one.choices[0].text, "the same seed gives the same text")
    other = client.completions.create(model="letters", prompt="The ", max_tokens=30, seed=4)
    checks.require(other.choices[0].text != one.choices[0].text, "another seed gives another text")
    greedy = [client.completions.create(model="letters", prompt="The ", max_tokens=30, temperature=0).choices[0].text
              for _ in range(2)]
    checks.require(greedy[0] == greedy[1], "without temperature, no seed is needed")
    echoed = client.completions.create(model="letters", prompt="The ", max_tokens=5, echo=True, seed=3)
    checks.require(echoed.choices[0].text.startswith("The "), "the prompt is echoed")

    several = client.completions.create(model="letters", prompt="The ", max_tokens=20, n=3, seed=3)
    checks.require([choice.index for choice in several.choices] == [0, 1, 2], "n choices have their indices")
    checks.require(several.choices[0].text == one.choices[0].text[:20], "the first of n is that of its seed")
    checks.require(len({choice.text for choice in several.choices}) == 3, "n choices differ")
    checks.require(several.usage.completion_tokens == 60, "usage counts all choices")
    best = client.completions.create(model="letters", prompt="The ", max_tokens=20, n=1, best_of=4, seed=3, logprobs=0)
    four = client.completions.create(model="letters", prompt="The ", max_tokens=20, n=4, seed=3, logprobs=0)

    def mean(choice):
        return sum(choice.logprobs.token_logprobs) / len(choice.logprobs.token_logprobs)

    checks.require(best.choices[0].text == max(four.choices, key=mean).text, "best_of is the most probable")
    batch = client.completions.create(model="letters", prompt=["The ", "A ferry "], max_tokens=10, seed=3)
    checks.require(len(batch.choices) == 2 and batch.choices[0].text == one.choices[0].text[:10],
                   "several prompts have a choice each")
    ids = client.completions.create(model="letters", prompt=[1, 2, 3], max_tokens=4, seed=1)
    checks.require(ids.usage.prompt_tokens == 3, "token ids are a prompt")

    stopped = client.completions.create(model="letters", prompt="The ", max_tokens=500, seed=3, stop=["e", "zzz"])
    checks.require(stopped.choices[0].finish_reason == "stop" and "e" not in stopped.choices[0].text,
                   "a stop string ends the text")
    banned = client.completions.create(model="letters", prompt="The ", max_tokens=200, seed=3,
                                       logit_bias={str(token): -100 for token in range(2, 30)})
    checks.require(len(set(banned.choices[0].text)) < len(set(
        client.completions.create(model="letters", prompt="The ", max_tokens=200, seed=3).choices[0].text)),
        "logit_bias has a say")
    penalized = client.completions.create(model="letters", prompt="The ", max_tokens=60, seed=3, frequency_penalty=2,
                                          presence_penalty=2)
    checks.require(len(set(penalized.choices[0].text)) > len(set(
        client.completions.create(model="letters", prompt="The ", max_tokens=60, seed=3).choices[0].text)),
        "penalties make texts more varied")
    ours = client.completions.create(model="letters", prompt="The ", max_tokens=30, seed=3,
                                     extra_body={"top_k": 1, "min_p": 0.0, "repetition_penalty": 1.0})
    checks.require(ours.choices[0].text == greedy[0], "top_k of 1 is the most probable token")


def logprobs(checks, client):
    for model in ["letters", "subwords"]:
        answer = client.completions.create(model=model, prompt="The ferry ", max_tokens=12, seed=1, logprobs=5, echo=True)
        found, text = answer.choices[0].logprobs, answer.choices[0].text
        checks.require("".join(found.tokens) == text, f"{model}: tokens make up the text")
        checks.require(found.token_logprobs[0] is None and found.top_logprobs[0] is None,
                       f"{model}: nothing is before the first token")
        checks.require(all(value <= 0 for value in found.token_logprobs[1:]), f"{model}: logarithms are negative")
        checks.require(all(1 <= len(top) <= 5 for top in found.top_logprobs[1:]), f"{model}: five alternatives")
        checks.require(all(sum(map(math.exp, top.values())) <= 1 + 1e-6 for top in found.top_logprobs[1:]),
                       f"{model}: alternatives are probabilities")
        checks.require([text[at:at + len(token)] for at, token in zip(found.text_offset, found.tokens)] == found.tokens,
                       f"{model}: offsets are those of the tokens")
        scored = client.completions.create(model=model, prompt="The ferry", max_tokens=0, logprobs=0, echo=True)
        checks.require(scored.choices[0].text == "The ferry" and scored.usage.completion_tokens == 0,
                       f"{model}: a prompt alone is scored")


def streams(checks, client):
    whole = client.completions.create(model="letters", prompt="The ", max_tokens=200, seed=5, logprobs=2)
    pieces = list(client.completions.create(model="letters", prompt="The ", max_tokens=200, seed=5, logprobs=2, stream=True,
                                            stream_options={"include_usage": True}))
    usage, pieces = pieces[-1].usage, pieces[:-1]
    checks.require("".join(piece.choices[0].text for piece in pieces) == whole.choices[0].text,
                   "a stream is the same text")
    checks.require([token for piece in pieces if piece.choices[0].logprobs for token in piece.choices[0].logprobs.tokens]
                   == whole.choices[0].logprobs.tokens, "a stream has the same tokens")
    checks.require([piece.choices[0].finish_reason for piece in pieces][-1] == "length", "the last piece says why")
    checks.require(usage is not None and usage.completion_tokens == 200, f"usage comes last: {usage}")
    texts = {}
    for piece in client.completions.create(model="letters", prompt=["The ", "A "], n=2, max_tokens=40, seed=5, stream=True):
        for choice in piece.choices:
            texts[choice.index] = texts.get(choice.index, "") + choice.text
    checks.require(sorted(texts) == [0, 1, 2, 3] and all(len(text) == 40 for text in texts.values()),
                   "a stream of several choices has all of them")

    chat = client.chat.completions.create(model="letters", messages=[{"role": "user", "content": "Where is the ferry?"}],
                                          max_completion_tokens=40, seed=1)
    checks.require(chat.choices[0].message.role == "assistant" and chat.choices[0].message.content,
                   "a chat has an answer")
    said = "".join(piece.choices[0].delta.content or "" for piece in client.chat.completions.create(
        model="letters", messages=[{"role": "user", "content": "Where is the ferry?"}], max_tokens=40, seed=1, stream=True)
        if piece.choices)
    checks.require(said == chat.choices[0].message.content, "a streamed chat says the same")


def embeddings(checks, client):
    found = client.embeddings.create(model="letters", input=["a ferry", "a ferry", "the river"])
    first, second, third = [entry.embedding for entry in found.data]
    checks.require(first == second and first != third and len(first) > 8, "embeddings are of the text")
    plain = client.embeddings.create(model="letters", input="a ferry", encoding_format="float")
    checks.require(all(abs(a - b) < 1e-6 for a, b in zip(plain.data[0].embedding, first)), "both encodings agree")
    checks.require(found.usage.prompt_tokens == 7 + 7 + 9, f"usage is {found.usage}")


def errors(checks, client, server):
    def ask(**fields):
        return lambda: client.completions.create(**{"model": "letters", "prompt": "The ", "max_tokens": 5} | fields)

    expect_error(checks, openai.NotFoundError, "another model", ask(model="gpt-4"), code="model_not_found")
    for name, value in [("max_tokens", -1), ("temperature", -1), ("top_p", 0), ("n", 0), ("logprobs", 100),
                        ("presence_penalty", 3), ("suffix", "end"), ("stop", [7]), ("logit_bias", {"x": 1}),
                        ("prompt", {"a": 1}), ("seed", "one"), ("max_tokens", 10 ** 30)]:
        expect_error(checks, openai.BadRequestError, f"{name} of {value!r}", ask(**{name: value}), param=name)
    expect_error(checks, openai.BadRequestError, "an unknown field",
                 ask(extra_body={"temprature": 1}), param="temprature")
    checks.require(len(ask(prompt="")().choices[0].text) == 5, "an empty prompt begins a text")
    stranger = openai.OpenAI(base_url=f"{server.url}/v1", api_key="another", max_retries=0)
    expect_error(checks, openai.AuthenticationError, "another key", lambda: stranger.models.list())
    checks.require(request(f"{server.url}/health")[0] == 200, "health needs no key")
    expect_error(checks, openai.APITimeoutError, "a client that does not wait", lambda: client.with_options(
        timeout=0.2, max_retries=0).completions.create(model="letters", prompt="The ", max_tokens=100_000))


def running(server):
    """Texts that the server is generating."""
    metrics = request(f"{server.url}/metrics")[1]
    text = metrics.decode() if isinstance(metrics, bytes) else metrics
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
               if line.startswith(("unroll_texts_running", "unroll_texts_waiting")))


def wait_for_quiet(server, seconds=5):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if running(server) == 0:
            return True
        time.sleep(0.02)
    return False


async def cancellation(checks, server):
    client = openai.AsyncOpenAI(base_url=f"{server.url}/v1", api_key=KEY)
    stream = await client.completions.create(model="letters", prompt="The ", max_tokens=100_000, stream=True)
    async for _ in stream:
        break
    await stream.close()
    checks.require(wait_for_quiet(server), "leaving a stream ends its text")
    task = asyncio.create_task(client.completions.create(model="letters", prompt="The ", max_tokens=100_000))
    await asyncio.sleep(0.3)
    task.cancel()
    checks.require(wait_for_quiet(server), "canceling a request ends its text")
    answers = await asyncio.gather(*[
        client.completions.create(model="letters", prompt="The ", max_tokens=50, seed=seed % 10) for seed in range(100)])
    checks.require(all(answers[seed].choices[0].text == answers[seed % 10].choices[0].text for seed in range(100)),
                   "a hundred at once are those of their seeds")
    await client.close()


def stopping(checks, server, client):
    """What runs when the server is asked to stop is finished."""
    texts = []
    thread = threading.Thread(target=lambda: texts.append(
        client.completions.create(model="letters", prompt="The ", max_tokens=20_000, seed=1).choices[0].text))
    thread.start()
    while running(server) == 0:
        time.sleep(0.01)
    status = server.stop()
    thread.join()
    checks.require(status == 0, f"the server exits with {status}")
    checks.require(len(texts) == 1 and len(texts[0]) == 20_000, "what ran has been finished")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=pathlib.Path, default=BUILD, help="where the program is")
    unroll = parser.parse_args().build.resolve() / "unroll"
    checks = Checks()
    with tempfile.TemporaryDirectory() as folder:
        letters = train(unroll, f"{folder}/letters")
        subwords = train(unroll, f"{folder}/subwords", "--tokens", "bpe:300")
        with Server(unroll, [letters, subwords], "--max-tokens", 100_000, environment={"UNROLL_API_KEYS": KEY}) as server:
            client = openai.OpenAI(base_url=f"{server.url}/v1", api_key=KEY)
            completions(checks, client)
            logprobs(checks, client)
            streams(checks, client)
            embeddings(checks, client)
            errors(checks, client, server)
            checks.require(wait_for_quiet(server), "a client that timed out has ended its text")
            asyncio.run(cancellation(checks, server))
            stopping(checks, server, client)
    checks.finish()


main()
