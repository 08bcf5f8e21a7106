"""What a person does on the page: writing, generating, taking tokens, settings, units, comparing."""
import json
import subprocess
import time

from visit import NARROW, PROMPT, WIDE, check, until

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
