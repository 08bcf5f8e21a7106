#!/usr/bin/env python3
"""Drives a running server with OpenAI's own client, unchanged: openai_client.py URL [KEY]

Needs `openai` from PyPI. The server has one model; `check` starts one.
"""
import asyncio
import sys
import time

import openai

url, key = sys.argv[1], (sys.argv[2:] or ["none"])[0]
client = openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0, timeout=60)


def models():
    names = [model.id for model in client.models.list()]
    assert names, "no model"
    assert client.models.retrieve(names[0]).owned_by == "unroll"
    return names[0]


def completions(model):
    options = dict(model=model, prompt="The ", max_tokens=40, temperature=0.8, seed=7)
    answer = client.completions.create(**options)
    assert answer.choices[0].finish_reason == "length" and answer.usage.completion_tokens == 40, answer
    again = client.completions.create(**options)
    assert again.choices[0].text == answer.choices[0].text and again.id != answer.id
    stream = list(client.completions.create(**options, stream=True, stream_options={"include_usage": True}))
    text = "".join(event.choices[0].text for event in stream if event.choices)
    assert text == answer.choices[0].text, (text, answer)
    assert stream[-1].usage.completion_tokens == 40 and stream[-2].choices[0].finish_reason == "length"
    several = client.completions.create(**{**options, "prompt": ["The ", "A "], "n": 3})
    assert [choice.index for choice in several.choices] == list(range(6))
    assert several.choices[0].text == text and len({choice.text for choice in several.choices}) == 6
    best = client.completions.create(**options, best_of=4, logprobs=2)
    assert len(best.choices) == 1 and len(best.choices[0].logprobs.tokens) == 40
    own = client.completions.create(**options, extra_body={"top_k": 1})
    assert own.choices[0].text == client.completions.create(**{**options, "temperature": 0}).choices[0].text


def log_probabilities(model):
    answer = client.completions.create(model=model, prompt="The ", max_tokens=5, logprobs=3, echo=True, seed=1)
    details = answer.choices[0].logprobs
    assert "".join(details.tokens) == answer.choices[0].text and answer.choices[0].text.startswith("The ")
    assert details.token_logprobs[0] is None and all(value <= 0 for value in details.token_logprobs[1:])
    assert [answer.choices[0].text[at:].startswith(token) for at, token in zip(details.text_offset, details.tokens)]
    assert all(len(top) <= 3 for top in details.top_logprobs[1:])


def stops(model):
    text = client.completions.create(model=model, prompt="The ", max_tokens=40, seed=7).choices[0].text
    stop = text[10:12]
    answer = client.completions.create(model=model, prompt="The ", max_tokens=40, seed=7, stop=[stop])
    assert answer.choices[0].finish_reason == "stop" and answer.choices[0].text == text[: text.index(stop)]


def chats(model):
    options = dict(model=model, messages=[{"role": "user", "content": "The ferry"}], max_tokens=20, seed=3)
    answer = client.chat.completions.create(**options, logprobs=True, top_logprobs=2)
    assert answer.choices[0].message.role == "assistant" and len(answer.choices[0].logprobs.content[0].top_logprobs) == 2
    text = "".join(
        event.choices[0].delta.content or "" for event in client.chat.completions.create(**options, stream=True))
    assert text == answer.choices[0].message.content


def embeddings(model):
    # The client asks for base64 by itself.
    packed = client.embeddings.create(model=model, input=["The ferry", "A lamp"]).data
    plain = client.embeddings.create(model=model, input="The ferry", encoding_format="float").data
    assert len(packed) == 2 and len(packed[0].embedding) == len(plain[0].embedding)
    assert max(abs(a - b) for a, b in zip(packed[0].embedding, plain[0].embedding)) < 1e-6


def errors(model):
    for kind, options in [
        (openai.BadRequestError, dict(model=model, prompt="a", max_tokens=-1)),
        (openai.BadRequestError, dict(model=model, prompt="a", suffix="b")),
        (openai.BadRequestError, dict(model=model, prompt="a", extra_body={"what": 1})),
        (openai.NotFoundError, dict(model="nothing", prompt="a")),
    ]:
        try:
            client.completions.create(**options)
        except kind as error:
            assert error.body["message"] and error.type == "invalid_request_error", error.body
        else:
            raise AssertionError(f"no error: {options}")


def timeouts(model):
    start = time.monotonic()
    try:
        client.with_options(timeout=0.2).completions.create(model=model, prompt="The ", max_tokens=4096, n=64)
    except openai.APITimeoutError:
        assert time.monotonic() - start < 5
    else:
        print("note: the server was faster than the timeout")


def cancellation(model):
    async def run():
        async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0) as client:
            stream = await client.completions.create(model=model, prompt="The ", max_tokens=4096, stream=True)
            async for _ in stream:
                break
            await stream.close()
            tasks = [
                asyncio.create_task(client.completions.create(model=model, prompt="The ", max_tokens=4096))
                for _ in range(8)
            ]
            await asyncio.sleep(0.05)
            for task in tasks[:4]:
                task.cancel()
            done = await asyncio.gather(*tasks, return_exceptions=True)
            assert all(answer.usage.completion_tokens == 4096 for answer in done[4:]), done
            # What was canceled leaves nothing behind.
            for _ in range(100):
                text = (await client._client.get(f"{url}/metrics")).text
                if f'unroll_texts_running{{model="{model}"}} 0' in text:
                    return
                await asyncio.sleep(0.1)
            raise AssertionError("texts are still generated")

    asyncio.run(run())


name = models()
for check in [completions, log_probabilities, stops, chats, embeddings, errors, timeouts, cancellation]:
    check(name)
    print(f"{check.__name__.replace('_', ' ')}: as expected")
