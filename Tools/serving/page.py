#!/usr/bin/env python3
"""Drives the page of `unroll serve` in Chromium: it types, streams, stops, points, takes tokens, moves sliders, compares two
models and provokes every error, checks accessibility, and takes screenshots.

    Tools/serving/page.py --mock PICTURES           # a stand-in for the server, which this script has
    Tools/serving/page.py http://127.0.0.1:8080     # a server that runs; one model is enough, two are better

Screenshots in light, dark and 360 pixels wide go into the folder PICTURES, if it is given. Errors are made on the way between
page and server, so that any server with a model of characters will do. Needs Chromium (Debian's package `chromium`, or
UNROLL_CHROMIUM names it), and playwright and axe-playwright-python, which go into a virtual environment in the folder
`.build-python`; UNROLL_PYTHON names another Python that has them. Where they cannot be had, nothing is checked, and the
script says so. Fails at the first thing that is not as it should be, and if the page has logged an error or asked another
server.
"""

import argparse
import contextlib
import functools
import http.server
import importlib
import json
import math
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PAGE = ROOT / "Sources/UnrollServing/Page/index.html"
STORY = ROOT / "Sources/UnrollText/Resources/sample.txt"
PROMPT = "The ferry at Brindle was called the Patience, and she crossed the river. "
# Seconds to wait for anything at most.
PATIENCE = 20
WIDE = {"width": 1280, "height": 900}
NARROW = {"width": 360, "height": 740}


# The stand-in for the server


class NGrams:
    """A model of characters: counts of all contexts up to a length, smoothed as Witten and Bell (1991) do."""

    def __init__(self, name, text, order):
        self.name, self.order, self.text = name, order, text
        self.vocabulary = sorted(set(text))
        self.counts = {}
        for place, letter in enumerate(text):
            for length in range(order):
                following = self.counts.setdefault(text[max(place - length, 0):place], {})
                following[letter] = following.get(letter, 0) + 1
        self.probabilities = functools.lru_cache(maxsize=1 << 16)(self.probabilities)

    def probabilities(self, context):
        """The probability of each character after the last characters of a text."""
        context = context[max(len(context) - self.order + 1, 0):]
        shorter = self.probabilities(context[1:]) if context else dict.fromkeys(self.vocabulary, 1 / len(self.vocabulary))
        following = self.counts.get(context)
        if not following:
            return shorter
        total = sum(following.values()) + len(following)
        return {letter: (following.get(letter, 0) + len(following) * shorter[letter]) / total for letter in self.vocabulary}

    def likeliest(self, context, count):
        return sorted(self.probabilities(context).items(), key=lambda item: -item[1])[:count]

    def sample(self, context, source, temperature, top_p):
        if temperature == 0:
            return self.likeliest(context, 1)[0][0]
        kept, mass = [], 0
        for letter, probability in self.likeliest(context, None):
            kept.append((letter, probability ** (1 / temperature)))
            mass += probability
            if mass >= top_p:
                break
        letters, weights = zip(*kept)
        return source.choices(letters, weights)[0]

    def facts(self):
        facts = {
            "tokens": "characters", "vocabulary": len(self.vocabulary), "parameters": sum(map(len, self.counts.values())),
            "description": f"Counts of {self.order} characters"}
        return {"id": self.name, "object": "model", "created": 0, "owned_by": "unroll", "unroll": facts}

    def pieces(self, prompt, max_tokens, temperature, top_p, seed, logprobs, **_):
        """The choices of a stream, a token each."""
        source, text = random.Random(seed), prompt or "\n"
        for index in range(max_tokens):
            letter = self.sample(text[-9:], source, temperature, top_p)
            likeliest = {other: math.log(value) for other, value in self.likeliest(text[-9:], logprobs)}
            details = {
                "tokens": [letter], "token_logprobs": [math.log(self.probabilities(text[-9:])[letter])],
                "top_logprobs": [likeliest], "text_offset": [len(prompt) + index]}
            reason = "length" if index + 1 == max_tokens else None
            yield {"index": 0, "text": letter, "logprobs": details, "finish_reason": reason}
            text += letter

    def inspect(self, text, alternatives):
        tokens, offset = [], 0
        for place, letter in enumerate(text):
            context = ("\n" + text)[max(place - 8, 0):place + 1]
            probabilities = self.probabilities(context)
            likeliest = [
                {"text": other, "id": self.vocabulary.index(other), "probability": value}
                for other, value in self.likeliest(context, alternatives)]
            tokens.append({
                "text": letter, "id": 0, "surprisal": -math.log(probabilities.get(letter, 1e-6)),
                "entropy": -sum(value * math.log(value) for value in probabilities.values()), "offset": offset,
                "alternatives": likeliest})
            offset += len(letter.encode())
        return {"object": "inspection", "model": self.name, "tokens": tokens, "units": units(text)}


def units(text):
    """Made-up units that track features of a text with more or less noise."""
    lines = text.split("\n")
    features = {
        "inside quotes": [float(text[:end].count('"') % 2) for end in range(1, len(text) + 1)],
        "position in the line": [float(place) for line in lines for place in range(1, len(line) + 2)][:len(text)],
        "position in the word": [],
    }
    for letter in text:
        words = features["position in the word"]
        words.append(words[-1] + 1 if letter.isalpha() and words else float(letter.isalpha()))
    source, found = random.Random(1), []
    for feature, values in features.items():
        if len(set(values)) < 2:
            continue
        scale = max(values)
        for noise in [0.1, 0.25, 0.4]:
            sign = source.choice([-1, 1])
            activations = [math.tanh(sign * (2 * value / scale - 1) + source.gauss(0, noise)) for value in values]
            found.append({
                "state": "h", "layer": 0, "index": source.randrange(512), "feature": feature,
                "correlation": statistics.correlation(values, activations), "activations": activations})
    return found


class StandIn(http.server.BaseHTTPRequestHandler):
    """The part of the server that the page asks."""

    models = {}

    def log_message(self, *_):
        pass

    def answer(self, content, kind="application/json", status=200):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(content if isinstance(content, bytes) else json.dumps(content).encode())

    def do_GET(self):
        if self.path == "/":
            self.answer(PAGE.read_bytes(), "text/html; charset=utf-8")
        elif self.path == "/v1/models":
            self.answer({"object": "list", "data": [model.facts() for model in self.models.values()]})
        else:
            self.answer({"error": {"message": f"There is nothing at {self.path}."}}, status=404)

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        model = self.models[body.pop("model")]
        # The page may leave at any time.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            if self.path == "/v1/inspect":
                self.answer(model.inspect(body["input"], body["alternatives"]))
                return
            self.answer(b"", "text/event-stream")
            for choice in model.pieces(**body):
                self.send({"id": "cmpl-1", "object": "text_completion", "created": 0, "model": model.name, "choices": [choice]})
                time.sleep(0.003)
            self.wfile.write(b"data: [DONE]\n\n")

    def send(self, event):
        self.wfile.write(f"data: {json.dumps(event)}\n\n".encode())


@contextlib.contextmanager
def stand_in():
    story = STORY.read_text(encoding="utf-8")
    StandIn.models = {name: NGrams(name, story, order) for name, order in [("ferry", 7), ("ferry-small", 3)]}
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), StandIn)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


# What the checks are made of


class Checks:
    """A page in a browser, and what one does with it."""

    def __init__(self, browser, base, pictures, **options):
        self.base, self.pictures, self.errors = base, pictures, []
        self.context = browser.new_context(**{"viewport": WIDE, "color_scheme": "light"} | options)
        self.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=base)
        self.page = self.context.new_page()
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", self.note)
        self.page.on("request", self.follow)

    def note(self, message):
        # Chromium logs every answer that is an error, also those that are provoked here.
        if message.type in ["error", "warning"] and not message.text.startswith("Failed to load resource"):
            self.errors.append(message.text)

    def follow(self, request):
        if not request.url.startswith((self.base, "data:", "about:")):
            self.errors.append(f"a request to {request.url}")

    def open(self):
        self.page.goto("about:blank")
        self.page.goto(self.base + "/")
        until(lambda: self.page.locator("#model option").count() > 0, "the models are listed")

    def column(self, index=0):
        return self.page.locator(".column").nth(index)

    def tokens(self, index=0):
        return self.column(index).locator("[role=option]")

    def text(self, index=0):
        return self.column(index).locator(".reading").text_content()

    def facts(self, index=0):
        return self.column(index).locator(".facts").text_content()

    def value(self):
        return self.page.locator("#text").input_value()

    def write(self, text):
        """Puts a text into the field and waits until it is colored."""
        self.page.locator("#text").fill(text)
        self.until_read()

    def until_read(self, index=0):
        until(lambda: self.tokens(index).count() > 0 and self.column(index).locator(".unread").count() == 0, "all is colored")

    def generate(self, length=40, seed=7):
        """Generates to the end, and returns what was written."""
        self.page.locator("#max_tokens").fill(str(length))
        self.page.locator("#seed").fill(str(seed))
        self.page.locator("#go").click()
        self.until_done()
        check(self.text().startswith(self.value()), "the text begins with what was written")
        return self.text()[len(self.value()):]

    def until_done(self):
        until(lambda: "Generate" in self.page.locator("#go").text_content(), "the text is complete")

    def picture(self, name, full=True):
        if self.pictures:
            self.page.screenshot(path=self.pictures / f"{name}.png", full_page=full)

    def on_the_way(self, path, *answers):
        """Answers the next requests to a path as told, and lets further ones pass."""
        answers = iter(answers)

        def handle(route):
            answer = next(answers, None)
            if answer is None:
                route.continue_()
            elif answer == "gone":
                route.abort("connectionrefused")
            else:
                route.fulfill(**answer)

        self.page.route(f"**/v1/{path}", handle)

    def slow_down(self):
        """Lets 60 kB/s through, so that a text can be interrupted however fast the server is."""
        conditions = {"offline": False, "latency": 0, "downloadThroughput": 60_000, "uploadThroughput": -1}
        self.context.new_cdp_session(self.page).send("Network.emulateNetworkConditions", conditions)

    def as_it_is(self):
        self.page.unroute_all(behavior="wait")


def until(condition, what):
    """Waits. Playwright's own `wait_for_function` needs more than the page's Content-Security-Policy allows."""
    end = time.monotonic() + PATIENCE
    while not condition():
        check(time.monotonic() < end, f"waited in vain until {what}")
        time.sleep(0.02)


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def error(status, message, param=None, headers=None):
    body = {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": None}}
    return {"status": status, "json": body, "headers": headers or {}}


# The checks


def check_writing(it):
    """What is typed is colored by surprisal."""
    it.open()
    check(it.column().locator(".invitation").is_visible(), "an empty text has a hint")
    it.page.locator("#text").press_sequentially(PROMPT, delay=2)
    it.until_read()
    check(it.text() == PROMPT, "the colored text is what was typed")
    check(it.column().locator(".hot").count() >= it.tokens().count(), "tokens are colored by surprisal")
    check("surprisal in bits" in it.column().locator(".legend").text_content(), "the legend names surprisal")
    check("bits/token" in it.facts(), "the bits are told")
    first = it.tokens().first.element_handle()
    it.page.locator("#text").press("End")
    it.page.locator("#text").press_sequentially("<img src=x onerror=alert(1)> 時間 😀")
    it.until_read()
    check(it.page.locator(".reading img").count() == 0 and "<img src=x" in it.text(), "markup that is typed is text")
    check(it.text().endswith("時間 😀"), "characters of several bytes are whole")
    check(first.evaluate("element => element.isConnected"), "what is the same keeps its elements")
    it.page.locator("#text").press("Control+z")
    check(it.value() == it.text() and not it.text().endswith("😀"), "typing is undone")
    it.page.locator("#text").fill("<b>bold</b>")
    check(it.page.locator(".reading b").count() == 0 and it.text() == "<b>bold</b>", "markup is text before it is read, too")


def check_streaming(it):
    """A text streams in, and stops when it is told to."""
    it.open()
    it.write(PROMPT)
    it.slow_down()
    it.page.locator("#max_tokens").fill("2000")
    it.page.locator("#text").press("Control+Enter")
    until(lambda: len(it.text()) > len(PROMPT) + 20, "the text streams in")
    check("Stop" in it.page.locator("#go").text_content(), "the button stops while a text streams in")
    it.page.keyboard.press("Escape")
    it.until_done()
    check("stopped" in it.facts(), "the facts say that it was stopped")
    time.sleep(0.2)
    check(it.column().locator(".failure").is_hidden(), "to stop is no failure")
    length = len(it.text())
    it.page.locator("#go").click()
    until(lambda: len(it.text()) > len(PROMPT) + 20, "another text streams in")
    it.page.locator("#go").click()
    it.until_done()
    check(len(it.text()) < 2000, "the button stops")
    it.page.locator("#back").click()
    check(len(it.text()) == length, "the text before is back")
    first, second = it.generate(), it.generate()
    check(first == second and "seed 7" in it.facts(), "the same seed gives the same text")
    check(it.column().locator(".made").count() == 1, "the beginning of the model's part is marked")
    it.until_read()


def check_curl(it):
    """The command gives the same text."""
    it.open()
    it.write(PROMPT + "It's")
    written = it.generate(30)
    it.column().locator(".curl").click()
    command = it.page.evaluate("navigator.clipboard.readText()")
    check(it.base in command and "Copied" in it.column().locator(".curl").text_content(), "the command is copied")
    output = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True).stdout
    events = [json.loads(line[6:]) for line in output.split("\n") if line.startswith("data: {")]
    pieces = [choice["text"] for event in events for choice in event["choices"]]
    check("".join(pieces) == written, "the command gives the same text")


def check_taking(it):
    """Tokens show the likeliest ones in their place, and these can be taken with pointer and keyboard."""
    it.open()
    it.write(PROMPT)
    card = it.page.locator("#card")
    it.tokens().nth(20).hover()
    until(card.is_visible, "the card is open")
    shares = [float(text.split()[0]) for text in card.locator(".number").all_text_contents()[1:]]
    check(len(shares) == 5 and shares == sorted(shares, reverse=True), "the five likeliest are sorted")
    choice = card.locator("button").nth(1)
    letter = choice.locator("b").text_content()[1:-1].replace("␣", " ").replace("↵", "\n")
    it.picture("card", full=False)
    before = "".join(it.tokens().all_text_contents()[:20])
    choice.hover()
    time.sleep(0.4)
    check(card.is_visible(), "the card stays under the pointer")
    choice.click()
    it.until_done()
    check(it.value() == before + letter, "the text is cut, and the choice is put there")
    check(it.text().startswith(it.value()) and len(it.text()) > len(it.value()), "it goes on from there")
    it.page.keyboard.press("Control+z")
    check(it.value() == PROMPT and it.text() == PROMPT, "the text before is back")

    it.until_read()
    it.page.locator("#go").focus()
    it.page.keyboard.press("Tab")
    check(it.tokens().first.evaluate("token => token === document.activeElement"), "Tab goes to the text")
    check("surprisal" in it.tokens().first.get_attribute("aria-label"), "the label tells what was read")
    it.page.keyboard.press("Escape")
    check(card.is_hidden(), "Escape closes the card of a focused token")
    it.tokens().nth(3).click()
    it.page.keyboard.press("Escape")
    it.tokens().nth(3).click()
    check(card.is_visible(), "another click opens the card again")
    for key in ["ArrowRight", "ArrowRight", "ArrowLeft", "End", "Home", "ArrowDown", "ArrowUp", "ArrowRight"]:
        it.page.keyboard.press(key)
    focused = it.page.locator("[role=option]:focus")
    check(focused.count() == 1 and "surprisal" in focused.get_attribute("aria-label"), "the focused token has a label")
    check(it.column().locator("[role=option][tabindex='0']").count() == 1, "the text is one tab stop")
    it.page.keyboard.press("Enter")
    check(card.locator("button").first.evaluate("button => button === document.activeElement"), "Enter goes into the card")
    it.page.keyboard.press("Escape")
    check(card.is_hidden(), "Escape closes the card")
    it.page.keyboard.press("Enter")
    it.page.keyboard.press("ArrowDown")
    it.page.keyboard.press("Enter")
    it.until_done()
    check(it.value() != PROMPT, "Enter takes a token")
    length = len(it.value())
    it.page.keyboard.press("ArrowLeft")
    it.page.keyboard.press("3")
    it.until_done()
    check(len(it.value()) <= length, "a digit takes a token")
    it.page.locator("#back").click()
    it.page.locator("#back").click()
    check(it.value() == PROMPT and it.page.locator("#back").is_disabled(), "two steps back")

    it.generate()
    text = it.text()
    it.column().locator(".continue").click()
    it.until_done()
    check(it.value() == text and len(it.text()) > len(text), "Continue goes on from the whole text")
    text = it.text()
    it.column().locator(".edit").click()
    check(it.value() == text and it.page.locator("#text:focus").count() == 1, "Edit brings the text into the field")


def check_touch(it):
    """On a narrow screen, tokens are tapped, and what is written comes into sight."""
    it.open()
    it.write(PROMPT)
    it.tokens().nth(10).tap()
    card = it.page.locator("#card")
    until(card.is_visible, "a tap opens the card")
    box = card.bounding_box()
    check(box["x"] >= 0 and box["x"] + box["width"] <= NARROW["width"], "the card is inside the screen")
    it.picture("card-narrow", full=False)
    card.locator("button").nth(2).tap()
    it.until_done()
    check(len(it.value()) == len("".join(it.tokens().all_text_contents()[:11])), "a tap takes a token")
    it.page.locator(".settings summary").tap()
    it.page.locator("#max_tokens").fill("100")
    it.page.locator("#go").tap()
    it.until_done()
    until(lambda: it.column().locator(".reading").bounding_box()["y"] < NARROW["height"] - 100, "the text is in sight")


def check_settings(it):
    """Sliders and fields are in the requests and in the address."""
    it.open()
    it.write(PROMPT)
    slider = it.page.locator("#temperature")
    slider.focus()
    for _ in range(4):
        slider.press("ArrowRight")
    check(it.page.locator("output[for=temperature]").text_content() == "1.00", "the slider's value is shown")
    it.page.locator("#top_p").fill("0.9")
    with it.page.expect_request("**/v1/completions") as request:
        it.generate(12, 3)
    sent = request.value.post_data_json
    expected = {"prompt": PROMPT, "temperature": 1, "top_p": 0.9, "max_tokens": 12, "seed": 3, "stream": True, "logprobs": 5}
    check(expected.items() <= sent.items(), f"the request has the settings: {sent}")
    background = "getComputedStyle(document.body).backgroundColor"
    light = it.page.evaluate(background)
    it.page.locator("#theme").select_option("dark")
    check(it.page.evaluate(background) != light, "the switch changes the colors")
    it.page.reload()
    until(lambda: it.page.locator("#model option").count() > 0, "the models are listed again")
    check(it.value() == PROMPT, "a reload keeps the text")
    values = [it.page.locator(f"#{name}").input_value() for name in ["temperature", "top_p", "max_tokens", "seed", "theme"]]
    check(values == ["1", "0.9", "12", "3", "dark"], f"a reload keeps the settings: {values}")
    it.page.locator("#max_tokens").fill("")
    it.page.locator("#go").click()
    check(it.page.locator("#max_tokens:focus").count() == 1, "a length that is missing is asked for")


def check_units(it):
    """A unit that tracks something colors the text."""
    it.open()
    it.write('The bell hung from a post.\n"A bell is a question," he told Hetty. "It is rude\nnot to answer."\n' * 3)
    radios = it.column().get_by_role("radio")
    check(radios.count() > 3, "units are listed")
    radios.nth(1).focus()
    it.page.keyboard.press("Space")
    check("activation of layer" in it.column().locator(".legend").text_content(), "the legend names the unit")
    signs = it.page.evaluate("columns[0].unit.activations.map(Math.sign)")
    for sign, name in [(1, "plus"), (-1, "minus")]:
        check((sign in signs) == (it.column().locator(f".reading .{name}").count() > 0), f"the colors tell the sign: {name}")
    it.picture("unit")
    it.page.keyboard.press("ArrowUp")
    check("surprisal" in it.column().locator(".legend").text_content(), "arrows go through the list")


def check_comparison(it):
    """Two models write from the same text and seed."""
    it.open()
    it.page.locator("#compare").check()
    it.write(PROMPT)
    requests = []
    it.page.on("request", lambda request: requests.append(request) if "completions" in request.url else None)
    it.generate(120)
    it.until_read(1)
    first, second = [request.post_data_json for request in requests[-2:]]
    check(first | {"model": ""} == second | {"model": ""}, "the requests are the same but for the model")
    models = it.page.locator("#model option").count()
    check(models == 1 or first["model"] != second["model"], "the second model is another one")
    check(len(it.text(1)) > len(PROMPT) and (models == 1 or it.text() != it.text(1)), "both have written")
    boxes = [it.column(index).bounding_box() for index in range(2)]
    check(boxes[0]["y"] == boxes[1]["y"], "columns are side by side")
    it.page.set_viewport_size(NARROW)
    boxes = [it.column(index).bounding_box() for index in range(2)]
    check(boxes[0]["y"] < boxes[1]["y"], "columns are one below the other on a narrow screen")
    it.picture("comparison-narrow")
    it.page.set_viewport_size(WIDE)
    it.page.locator("#compare").uncheck()
    check(it.column(1).is_hidden(), "the second column is gone")


def check_errors(it):
    """Each error is shown in its place, with a way out."""
    it.open()
    it.write(PROMPT)
    failure, again = it.column().locator(".failure"), it.column().locator(".failure button")
    go = it.page.locator("#go")

    it.on_the_way("completions", error(429, "too many texts are running", headers={"Retry-After": "2"}))
    go.click()
    until(failure.is_visible, "the queue is full")
    told = failure.text_content()
    check("Too many texts are running." in told and "Try again in 2 s" in told, f"it is told when to try again: {told}")
    check(again.is_disabled(), "not before the time")
    it.picture("busy")
    until(again.is_enabled, "it is time")
    again.click()
    it.until_done()
    check(failure.is_hidden() and len(it.text()) > len(PROMPT), "trying again helps")
    it.as_it_is()

    broken = 'data: {"choices":[{"text":"One","logprobs":null,"finish_reason":null}]}\n\n'
    stopping = 'data: {"error":{"message":"The server stops."}}\n\n'
    cases = {
        "cannot be reached": "gone",
        "answered 502": {"status": 502, "body": "<h1>Bad gateway</h1>"},
        "The server stops.": {"status": 200, "content_type": "text/event-stream", "body": broken + stopping},
        "ended before the text": {"status": 200, "content_type": "text/event-stream", "body": broken},
        "not JSON": {"status": 200, "content_type": "text/event-stream", "body": "data: {\n\n"},
    }
    for message, answer in cases.items():
        it.on_the_way("completions", answer)
        go.click()
        until(failure.is_visible, message)
        check(message in failure.text_content(), f"{message}: {failure.text_content()}")
        again.click()
        it.until_done()
        check(failure.is_hidden() and len(it.text()) > len(PROMPT) + 3, f"trying again helps: {message}")
        it.as_it_is()

    it.on_the_way("completions", error(400, "max_tokens is 40, but must be in 1...20.", "max_tokens"))
    go.click()
    until(failure.is_visible, "the request is refused")
    control = it.page.locator("#max_tokens")
    check(control.get_attribute("aria-invalid") == "true", "the control is marked")
    check("1...20" in it.page.locator("#max_tokens-problem").text_content(), "the control has the message")
    again.click()
    check(it.page.locator("#max_tokens:focus").count() == 1, "the button leads to the control")
    it.picture("refused")
    control.fill("20")
    check(it.page.locator("#max_tokens-problem").count() == 0, "another value is not marked")
    it.as_it_is()

    it.on_the_way("inspect", "gone", error(503, "The server is starting.", headers={"Retry-After": "1"}))
    it.page.locator("#text").press_sequentially("a")
    note = it.column().locator(".inspection")
    until(note.is_visible, "colors are missing")
    note.locator("button").click()
    until(lambda: "is starting" in note.text_content(), "colors are still missing")
    until(note.locator("button").is_enabled, "it is time")
    note.locator("button").click()
    it.until_read()
    check(note.is_hidden(), "colors are back")
    it.as_it_is()

    it.on_the_way("models", "gone")
    it.page.reload()
    notice = it.page.locator("#notice")
    until(notice.is_visible, "models cannot be had")
    it.picture("gone")
    notice.locator("button").click()
    until(lambda: it.page.locator("#model option").count() > 0 and notice.is_hidden(), "models are listed")
    it.as_it_is()


def check_key(it):
    """The page asks for a key, says if it is wrong, and keeps it out of the address and of commands."""
    def handle(route):
        if route.request.headers.get("authorization") == "Bearer right":
            route.continue_()
        else:
            route.fulfill(**error(401, "An API key is missing or unknown."))

    it.page.route("**/v1/**", handle)
    it.page.goto(it.base + "/")
    form = it.page.locator("#key")
    until(form.is_visible, "the page asks for a key")
    check(it.page.locator("#key-field:focus").count() == 1, "the field for the key has the focus")
    it.picture("key")
    it.page.keyboard.type("wrong")
    it.page.keyboard.press("Enter")
    until(lambda: "does not accept" in form.text_content() and form.is_visible(), "the key is refused")
    it.page.keyboard.type("right")
    it.page.keyboard.press("Enter")
    until(lambda: it.page.locator("#model option").count() > 0, "the models are listed")
    check(form.is_hidden() and "right" not in it.page.url, "the key is kept elsewhere")
    it.write(PROMPT)
    it.generate(10)
    it.column().locator(".curl").click()
    command = it.page.evaluate("navigator.clipboard.readText()")
    check("$UNROLL_API_KEY" in command and "right" not in command, "the command takes the key from the environment")
    it.page.reload()
    it.until_read()
    check(form.is_hidden(), "a reload keeps the key")
    it.as_it_is()
    it.page.evaluate("sessionStorage.clear()")


def check_interruptions(it):
    """Whatever is done while a text streams in, the columns show the text of the field and what follows it."""
    it.open()
    it.write(PROMPT)
    it.slow_down()
    it.page.locator("#max_tokens").fill("150")
    go, field, compare = (it.page.locator(name) for name in ["#go", "#text", "#compare"])
    second = it.page.locator("#second")
    streams = lambda: until(lambda: len(it.text()) > len(it.value()) + 5, "a text streams in")

    go.click()
    streams()
    field.press("End")
    field.press_sequentially("Then", delay=5)
    check(it.value() == PROMPT + "Then" == it.text(), "typing takes the model's part away")
    it.until_read()
    field.press("Control+Enter")
    field.press("Control+Enter")
    streams()
    compare.check()
    it.page.keyboard.press("Control+Enter")
    streams()
    second.select_option(index=0)
    compare.uncheck()
    compare.check()
    it.until_done()
    check(it.text().startswith(it.value()) and it.text(1).startswith(it.value()), "both columns begin with the text")
    go.click()
    streams()
    it.page.locator("#back").click()
    check("Generate" in go.text_content(), "going back stops")
    while it.page.locator("#back").is_enabled():
        it.page.locator("#back").click()
        check(it.text().startswith(it.value()), "each text before is whole")
    check(it.value().startswith(PROMPT), f"the first text is back: {it.value()}")
    go.click()
    streams()
    it.column().locator(".continue").click()
    streams()
    field.fill("")
    check(it.text() == "", "an empty text has no continuation")
    go.click()
    it.until_done()
    check(len(it.text()) > 100, "models go on from nothing, too")


MARKS = r"""() => {
  const told = marks => marks.map(({text, surprisal}) => [text, surprisal]);
  const inspected = (text, ...tokens) => told(marksOfInspection(text, {
    tokens: tokens.map(([text, offset]) => ({text, offset, surprisal: 1, entropy: 1, alternatives: []})), units: []}));
  const streamed = (text, ...tokens) => told(marksOfPiece({text, logprobs: {
    tokens, token_logprobs: tokens.map(() => -1), top_logprobs: tokens.map(token => ({[token]: -1}))}}));
  const letters = text => [...text].map((letter, offset) => [letter, offset]);
  return {
    characters: inspected("é😀a", ["é", 0], ["😀", 2], ["a", 6]),
    bytes: inspected("aé時", ["a", 0], ...[1, 2, 3, 4, 5].map(offset => ["\uFFFD", offset])),
    words: inspected("the  cat", ["the  ", 0], ["cat", 5]),
    lowercase: inspected("A  B\nc ", ...letters("a b c")),
    letters: inspected("“No,” 7 I–said!", ...letters(" no i said ")),
    noToken: inspected("abc"),
    streamedBytes: streamed("aéb", "a", "<0xC3>", "é", "b"),
    streamedEnd: streamed("é", "<0xC3>", "<0xA9>"),
    streamedWords: streamed("the cat sat", "the", "cat", "sat"),
    streamedPlain: told(marksOfPiece({text: "abc", logprobs: null})),
    unwritable: ["<0xE2>", " <0xE2>", "<unk>", "", "\uFFFD"].filter(isText),
    window: [4000, 4001, 5500].map(length => windowStart("x".repeat(length))),
    line: windowStart("x".repeat(2100) + "\n" + "x".repeat(3000)),
  };
}"""


def check_marks(it):
    """Tokens of all kinds become marks that tile the text, also where a model reads it in lower case or letters alone."""
    it.open()
    expected = {
        "characters": [["é", 1], ["😀", 1], ["a", 1]],
        "bytes": [["a", 1], ["é", 2], ["時", 3]],
        "words": [["the  ", 1], ["cat", 1]],
        "lowercase": [["A", 1], ["  ", 1], ["B", 1], ["\n", 1], ["c ", 1]],
        "letters": [[part, 1] for part in ["“", "N", "o", ",” 7 ", "I", "–", "s", "a", "i", "d", "!"]],
        "noToken": [["abc", None]],
        "streamedBytes": [["a", 1], ["é", 2], ["b", 1]],
        "streamedEnd": [["é", 2]],
        "streamedWords": [["the", 1], [" cat", 1], [" sat", 1]],
        "streamedPlain": [["abc", None]],
        "unwritable": [],
        "window": [0, 1000, 2000],
        "line": 2101,
    }
    found = it.page.evaluate(MARKS)
    for name, value in expected.items():
        check(found[name] == value, f"{name}: {found[name]}, not {value}")


def check_policy(it):
    """The page's policy lets nothing in from elsewhere."""
    it.open()
    refused = it.page.evaluate("""() => new Promise(resolve => {
      const refused = [];
      document.addEventListener("securitypolicyviolation", event => {
        if (refused.push(event.effectiveDirective) === 3) resolve(refused.sort());
      });
      new Image().src = "http://127.0.0.1:9/picture.png";
      fetch("http://127.0.0.1:9/").catch(() => {});
      document.head.append(Object.assign(document.createElement("script"), {src: "http://127.0.0.1:9/script.js"}));
    })""")
    check(refused == ["connect-src", "img-src", "script-src-elem"], f"refused: {refused}")
    it.errors.clear()


def check_long_text(it):
    """A text of 20,000 characters stays smooth, and its last 4,000 are read."""
    it.open()
    it.page.evaluate("""() => {
      window.longest = 0;
      new PerformanceObserver(list => list.getEntries().forEach(entry => {
        window.longest = Math.max(window.longest, entry.duration);
      })).observe({type: "longtask"});
    }""")
    text = STORY.read_text(encoding="utf-8")[:20000]
    longest = {}
    # Pasted as a person does: what playwright fills in is typed line by line.
    it.page.evaluate("text => navigator.clipboard.writeText(text)", text)
    it.page.locator("#text").focus()
    with it.page.expect_request("**/v1/inspect") as request:
        it.page.keyboard.press("Control+v")
    check(3000 <= len(request.value.post_data_json["input"]) <= 4000, "the last characters are read")
    until(lambda: it.tokens().count() > 500, "they are colored")
    longest["pasting"] = it.page.evaluate("longest")
    it.page.evaluate("window.longest = 0")
    it.page.locator("#text").press("Control+End")
    it.page.locator("#text").press_sequentially("and then the ferry ", delay=30)
    it.page.locator("#text").press("Control+Home")
    it.page.locator("#text").press_sequentially("A story. ", delay=30)
    time.sleep(0.5)
    longest["typing"] = it.page.evaluate("longest")
    it.page.evaluate("window.longest = 0")
    it.generate(400)
    longest["streaming"] = it.page.evaluate("longest")
    check(it.text().startswith(it.value()) and len(it.text()) > 20400, "the whole text is shown")
    print("  longest tasks:", ", ".join(f"{name} {value:.0f} ms" for name, value in longest.items()))
    check(max(longest.values()) < 400, f"the page stays smooth: {longest}")


CONTRAST = """() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", {willReadFrequently: true});
  const paint = colors => {
    canvas.clearRect(0, 0, 1, 1);
    for (const color of colors) { canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1); }
    return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const linear = value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const luminance = ([r, g, b]) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
  const low = [];
  let count = 0;
  for (const element of document.querySelectorAll("body *")) {
    const hasText = [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim())
      || element.matches("select, textarea, input");
    if (!hasText || !element.checkVisibility() || element.closest(".unseen, script, style, option")) continue;
    const backgrounds = [];
    for (let each = element; each; each = each.parentElement) backgrounds.unshift(getComputedStyle(each).backgroundColor);
    const [below, above] = [paint(backgrounds), paint([...backgrounds, getComputedStyle(element).color])].map(luminance);
    const contrast = (Math.max(below, above) + 0.05) / (Math.min(below, above) + 0.05);
    count += 1;
    const name = `${element.tagName} ${element.className} “${element.textContent.slice(0, 20)}”`;
    if (contrast < 4.5) low.push(`${name} ${contrast.toFixed(2)}`);
  }
  return {count, low};
}"""
CONTROLS = {
    ("combobox", "Colors of the page"), ("button", "Help"), ("combobox", "Model"), ("checkbox", "Compare with"),
    ("combobox", "Second model"), ("slider", "Temperature"), ("slider", "Top-p"), ("spinbutton", "Length"),
    ("spinbutton", "Seed"), ("textbox", "Your text"), ("button", "Generate"), ("button", "Back to the text before"),
    ("button", "Continue"), ("button", "Edit"), ("button", "Copy as curl"), ("radio", "surprisal"),
}
INTERACTIVE = {role for role, _ in CONTROLS} | {"listbox", "option", "link", "group", "dialog", "form"}


def axe(page):
    """What axe-core, another judge of accessibility, finds on a page."""
    from axe_playwright_python.sync_playwright import Axe

    violations = Axe().run(page).response["violations"]
    return [(violation["id"], violation["nodes"][0]["html"][:100]) for violation in violations]


def check_accessibility(it):
    """Roles and names, identifiers, what axe-core finds, contrast in both schemes, and no scrolling sideways."""
    it.open()
    it.page.locator("#compare").check()
    # Rare letters have strong colors.
    it.write('Zq(X)[K]7 "A bell is a question," he told Hetty.\n"It is rude" & {odd} QQ not to answer.\n' * 3)
    it.generate(60)
    it.tokens().nth(5).hover()
    until(it.page.locator("#card").is_visible, "the card is open")
    tree = it.context.new_cdp_session(it.page).send("Accessibility.getFullAXTree")["nodes"]
    named = [
        (node["role"]["value"], node.get("name", {}).get("value", "").strip())
        for node in tree if not node["ignored"] and node.get("role", {}).get("value") in INTERACTIVE]
    # The combobox of a select has a popup that is not on the page.
    nameless = [role for role, name in named if not name and role not in ["option", "group"]]
    check(not nameless, f"controls without names: {nameless}")
    known = {(role, " ".join(name.split())) for role, name in named}
    check(CONTROLS <= known, f"controls that are missing: {CONTROLS - known}, of {sorted(known)[:60]}")
    found = axe(it.page)
    check(not found, f"axe finds: {found}")
    ids = it.page.locator("[id]").evaluate_all("elements => elements.map(element => element.id)")
    check(len(ids) == len(set(ids)), f"identifiers are used once: {sorted(ids)}")
    for scheme in ["light", "dark"]:
        it.page.emulate_media(color_scheme=scheme)
        for radio in [0, 1]:
            for index in range(2):
                it.column(index).get_by_role("radio").nth(radio).check()
            found = it.page.evaluate(CONTRAST)
            check(not found["low"], f"contrast in {scheme}: {found['low'][:10]}")
            print(f"  contrast of {found['count']} texts in {scheme}, {'a unit' if radio else 'surprisal'}: 4.5 or more")
    it.page.emulate_media(color_scheme="light", reduced_motion="reduce")
    moving = it.page.evaluate("document.getAnimations().length")
    check(moving == 0, "nothing moves if motion is to be reduced")
    it.page.emulate_media(reduced_motion="no-preference")
    it.page.locator("#help-button").click()
    check(it.page.get_by_role("dialog", name="How this page works").is_visible(), "the help is open")
    check(not axe(it.page), f"axe finds in the help: {axe(it.page)}")
    it.picture("help", full=False)
    it.page.keyboard.press("Escape")
    check(it.page.get_by_role("dialog").count() == 0, "Escape closes the help")
    it.page.set_viewport_size(NARROW)
    check(it.page.evaluate("document.documentElement.scrollWidth") <= 360, "nothing is wider than a narrow screen")
    it.page.locator("#help-button").click()
    check(it.page.locator("#help-title").bounding_box()["y"] > 0, "the help begins at its beginning")
    it.page.keyboard.press("Escape")
    it.page.set_viewport_size(WIDE)


def take_pictures(it):
    """The page with a text, in light and dark and on a narrow screen."""
    for scheme in ["light", "dark"]:
        it.page.emulate_media(color_scheme=scheme)
        for width, size in [("wide", WIDE), ("narrow", NARROW)]:
            it.page.set_viewport_size(size)
            it.open()
            it.page.locator("#text").fill("")
            it.picture(f"empty-{width}-{scheme}")
            it.write(PROMPT + '"A bell is a question," he told Hetty.')
            it.page.locator(".settings").evaluate("details => { details.open = true; }")
            it.generate(500)
            it.until_read()
            it.picture(f"{width}-{scheme}")
        it.page.set_viewport_size(WIDE)
        it.page.locator("#compare").check()
        it.generate(300)
        it.tokens(1).nth(120).hover()
        until(it.page.locator("#card").is_visible, "the card is open")
        it.picture(f"comparison-{scheme}", full=False)
        it.page.locator("#compare").uncheck()


CHECKS = [
    check_writing, check_streaming, check_curl, check_taking, check_touch, check_settings, check_units, check_comparison,
    check_errors, check_key, check_interruptions, check_marks, check_policy, check_long_text, check_accessibility,
    take_pictures,
]


def playwright():
    """Playwright, if need be with another Python, which runs this script instead; None where it cannot be had."""
    try:
        importlib.import_module("axe_playwright_python")
        return importlib.import_module("playwright.sync_api")
    except ImportError:
        # This is the other Python already.
        if "UNROLL_PAGE" in os.environ:
            return None
    folder = ROOT / ".build-python"
    program = os.environ.get("UNROLL_PYTHON") or folder / "bin" / "python"
    if "UNROLL_PYTHON" not in os.environ:
        if not program.exists() and subprocess.run([sys.executable, "-m", "venv", folder]).returncode != 0:
            return None
        if subprocess.run([program, "-c", "import playwright, axe_playwright_python"], capture_output=True).returncode != 0:
            subprocess.run([program, "-m", "pip", "install", "--quiet", "playwright", "axe-playwright-python"])
    os.execve(program, [program, *sys.argv], os.environ | {"UNROLL_PAGE": "1"})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("base", nargs="?", help="the address of a server that runs")
    parser.add_argument("pictures", nargs="?", type=pathlib.Path, help="a folder for screenshots")
    parser.add_argument("--mock", action="store_true", help="check with a stand-in for the server")
    checks = {each.__name__.partition("_")[2]: each for each in CHECKS}
    parser.add_argument("--only", choices=checks, help="only this check")
    options = parser.parse_args()
    if options.mock and options.base:
        options.base, options.pictures = None, pathlib.Path(options.base)
    if not options.mock and not options.base:
        parser.error("the address of a server is missing; --mock has a stand-in")
    chromium = shutil.which(os.environ.get("UNROLL_CHROMIUM", "chromium"))
    browsers = playwright() if chromium else None
    if browsers is None:
        print("skipped: no Chromium, or no Python with playwright and axe can be had")
        return 0
    if options.pictures:
        options.pictures.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        base = stack.enter_context(stand_in()) if options.mock else options.base.rstrip("/")
        program = stack.enter_context(browsers.sync_playwright())
        # Chromium's sandbox does not start for root, as in a container; the page is our own.
        browser = program.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name, each in checks.items():
            if options.only not in [None, name]:
                continue
            touched = {"viewport": NARROW, "has_touch": True} if each is check_touch else {}
            it = Checks(browser, base, options.pictures, **touched)
            begin = time.monotonic()
            each(it)
            check(it.page.locator(".note:visible").count() == 0, "no error is left")
            check(not it.errors, f"the page has logged errors: {it.errors}")
            it.context.close()
            print(f"{name}: {each.__doc__.strip().splitlines()[0]} ({time.monotonic() - begin:.1f} s)", flush=True)
        browser.close()
    print("the page is as it should be")
    return 0


if __name__ == "__main__":
    sys.exit(main())
