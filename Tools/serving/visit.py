"""What the checks of the page share: a visit of it in a browser, with what a person does there and sees."""
import time

PROMPT = "The ferry at Brindle was called the Patience, and she crossed the river. "
# Seconds to wait for anything at most.
PATIENCE = 20
WIDE = {"width": 1280, "height": 900}
NARROW = {"width": 360, "height": 740}


class Visit:
    """A visit of the page in a browser, and what one does there."""

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
