"""Writes merges and token ids of Hugging Face's `tokenizers`, for the tests of subword tokens.

    python Tools/oracles/bpe_vectors.py Tests/UnrollTextTests/Oracles

Two byte-level BPE vocabularies are trained: of the bundled story and of hard texts. Each encodes all hard texts and the
story's beginning. Ids are those of the library, where 0 is `<unk>` and 1 to 256 are the bytes in the order of GPT-2.
"""

import json
import pathlib
import sys

from tokenizers import Tokenizer, models, pre_tokenizers, trainers

STORY = (pathlib.Path(__file__).parents[2] / "Sources/UnrollText/Resources/sample.txt").read_bytes().decode()

HARD = [
    "",
    " ",
    "a",
    "Hello, world! Hello, worlds; hello world.",
    "don't can't I'll we've they're I'm he'd it's 'tis 'S 'LL rock'n'roll 'right '' 's",
    "l'l 'l 'v 'r 're've'll 'rex 'lx 'v",
    "  two  spaces   three    four \t tab\t\ttabs \n line\n\nlines\r\n\r\n  indented\n    more\n",
    "trailing spaces   ",
    "trailing lines \n\n\n",
    "   leading",
    "\t\n \n\t x",
    " ".join(["a"] * 40),
    "a" * 1000,
    "ab" * 700 + "abcabc" * 100,
    " " * 1000 + "x",
    "\n" * 300 + "y" + "\n" * 77,
    "-" * 257 + "=" * 64 + "-=" * 50,
    "0123456789 3.14159 1,000,000 2026-11-29 ²³ ½ Ⅷ ٣٤٥ १२३ 𝟘𝟙",
    "👍 👍🏽 👍🏿 👩‍👩‍👧‍👦 👨‍💻 🏳️‍🌈 🇩🇪🇫🇷🇯🇵 ❤️ 1️⃣ #️⃣ 😀😀😀😀",
    "e\u0301 a\u0308\u0304 Z\u0351\u036b\u0343\u036a n\u0303o\u0308 caf\u00e9 cafe\u0301 \u0301",
    "Привет, мир! Ёлка и ёж. Ўзбек Ґанок",
    "Ελληνικά: Ὀδυσσεὺς πολύτροπος· τί;",
    "שלום עולם, אֱלֹהִים",
    "السلام عليكم، مُحَمَّد ۱۲۳",
    "हिन्दी में कुछ शब्द। தமிழ் ไทยไม่มีช่องว่าง",
    "中文没有空格。日本語もスペースがない、カタカナ。한국어 띄어쓰기",
    "mixedСмешанныйテキストtext123數字abc_def.ghi@例え.jp",
    "naïve façade Ærø straße ǅ ŉ ﬁ ﬂ İstanbul ıssız",
    "\u00a0nbsp\u00a0\u00a0two\u2003em\u3000ideographic\u2028line\u2029paragraph\u1680ogham\u0085nel\u200bzero\ufeffmark",
    "\ufeffbyte order mark",
    "nul\0bell\x07esc\x1b[31mred\x1b[0m del\x7f",
    "def f(x):\n    return x**2  # square\n\n\nclass A:\n\tpass\n",
    "<unk> <|endoftext|> <0xE2> &amp; %20",
    "\U0010ffff\U000e0001\U0001f9ff\U00020000\U0002a6df𝒜𝓫𝕮",
    "𐐀𐐨 𒀀𒀁 𓀀 ꙮ ߀߁ \u0e33\u0eb3",
]


def train(text: str, size: int) -> dict:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.train_from_iterator(
        [text],
        trainers.BpeTrainer(
            vocab_size=size,
            min_frequency=2,
            special_tokens=["<unk>"],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    # Without it, the special token would be cut out of texts.
    model = json.loads(tokenizer.to_str())["model"]
    plain = Tokenizer(models.BPE(model["vocab"], [tuple(pair) for pair in model["merges"]]))
    plain.pre_tokenizer = tokenizer.pre_tokenizer
    vocabulary = model["vocab"]
    return {
        "size": size,
        "merges": [[vocabulary[left], vocabulary[right]] for left, right in model["merges"]],
        "ids": [plain.encode(text).ids for text in HARD],
        "story": plain.encode(STORY[:5000]).ids,
    }


vectors = {
    "texts": HARD,
    "ofStory": train(STORY, 700),
    "ofTexts": train("\n".join(HARD), 900),
}
(pathlib.Path(sys.argv[1]) / "bpe.json").write_text(json.dumps(vectors, separators=(",", ":")) + "\n")
