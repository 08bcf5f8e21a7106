"""What the page looks like: marks, long texts, accessibility, pictures."""
import time

from server import ROOT
from visit import NARROW, PROMPT, WIDE, check, until

STORY = ROOT / "Sources/UnrollText/Resources/sample.txt"

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
