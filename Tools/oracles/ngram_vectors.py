"""Writes the probabilities of n-gram models, as the JSON vectors that the tests of baselines read.

    python Tools/oracles/ngram_vectors.py Tests/UnrollModelTests/Oracles

Interpolated modified Kneser-Ney straight from its definition: sequences are tuples, and the count of a shorter one is
the size of the set of what stands before it, where the beginning of the text is one more thing to stand there. The text
is the beginning of the bundled story.
"""

import collections
import json
import math
import pathlib
import sys


def grams(tokens, n):
    return [tuple(tokens[i:i + n]) for i in range(len(tokens) - n + 1)]


class KneserNey:
    def __init__(self, tokens, order, vocabulary):
        self.vocabulary = vocabulary
        self.counts, self.discounts, self.followers = {}, {}, {}
        for n in range(1, order + 1):
            if n == order:
                counts = dict(collections.Counter(grams(tokens, n)))
            else:
                before = collections.defaultdict(set)
                for longer in grams(tokens, n + 1):
                    before[longer[1:]].add(longer[0])
                before[tuple(tokens[:n])].add("beginning of the text")
                counts = {gram: len(neighbors) for gram, neighbors in before.items()}
            frequency = collections.Counter(counts.values())
            n1, n2, n3, n4 = (frequency[k] for k in (1, 2, 3, 4))
            single = n1 / (n1 + 2 * n2) if n1 and n2 else 0.5
            self.discounts[n] = [single] * 3
            if n1 and n2 and n3:
                three = [1 - 2 * single * n2 / n1, 2 - 3 * single * n3 / n2, 3 - 4 * single * n4 / n3]
                if all(0 <= discount <= k for k, discount in enumerate(three, 1)):
                    self.discounts[n] = three
            self.counts[n] = counts
            self.followers[n] = collections.defaultdict(list)
            for gram, count in counts.items():
                self.followers[n][gram[:-1]].append(count)

    def discount(self, n, count):
        return self.discounts[n][min(count, 3) - 1] if count else 0

    def probability(self, context, token):
        """The context has at most order - 1 tokens."""
        n = len(context) + 1
        shorter = self.probability(context[1:], token) if context else 1 / self.vocabulary
        counts = self.followers[n].get(context)
        if not counts:
            return shorter
        count = self.counts[n].get(context + (token,), 0)
        freed = sum(self.discount(n, other) for other in counts)
        return (count - self.discount(n, count) + freed * shorter) / sum(counts)


def case(name, kind, tokens, held_out, orders):
    training, others = tokens[:-held_out], tokens[-held_out:]
    vocabulary = len(set(tokens)) + 1
    unigram = collections.Counter(training)
    models = []
    for order in orders:
        model = KneserNey(training, order, vocabulary)
        models.append({
            "order": order,
            "probabilities": [
                model.probability(tuple(others[max(0, i - order + 1):i]), others[i])
                for i in range(1, len(others))],
        })
    return {
        "name": name, "tokens": kind, "text": (" " if kind == "words" else "").join(tokens),
        "heldOut": held_out, "vocabularySize": vocabulary, "models": models,
        "unigramNats": sum(
            -math.log((unigram[token] + 0.5) / (len(training) + vocabulary / 2)) for token in others[1:])
        / (len(others) - 1),
    }


root = pathlib.Path(__file__).resolve().parents[2]
story = (root / "Sources/UnrollText/Resources/sample.txt").read_text(encoding="utf-8")
folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
cases = [
    case("characters", "characters", list(story[:4000]), 300, [1, 2, 5]),
    case("words", "words", story[:6000].split(), 150, [1, 3, 5]),
    # Too short to estimate three discounts, and with a held-out token that the training text lacks.
    case("short", "characters", list("abracadabracab?abba"), 6, [1, 2, 3, 5]),
]
for one in cases:
    (folder / f"{one['name']}.json").write_text(json.dumps(one, ensure_ascii=False) + "\n")
