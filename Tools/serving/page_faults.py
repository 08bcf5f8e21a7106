"""What goes wrong on the page: answers that are errors, keys, interruptions, and what it may ask of whom."""
from visit import PROMPT, check, error, until

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
