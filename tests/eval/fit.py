"""The weights of `llm.grounding`, learned: `python -m tests.eval.fit FEED_FILE …` prints them as they stand there.

Learned from the half of our own pairs that is for tuning, and from pairs made by program out of the whole articles in
the feed files that are named: sentences as they are, sentences with one error, halves of two sentences sewn together,
headlines of the article and of others about the same. Our own pairs were made to deceive a count of words; the made
ones keep it in its place.

A logistic regression with a ridge; each weight is held to the side on which it makes sense.
"""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from llm.grounding import findings
from news.errors import NewsError
from news.parse import parse
from news.terms import sentences, terms
from tests.eval.errors import KINDS, changed, names
from tests.eval.grounding import Pair, auc, own_pairs

# How much each group of pairs counts.
SHARES = {
    "copies": 1.0, "rewrites": 0.5, "archive": 0.5, "extracts": 1.0, "leads": 0.5,
    "made copies": 1.0, "made rewrites": 2.0,
}  # fmt: skip
LEFT_OUT = frozenset({"one sentence", "evidence", "anywhere", "joined", "copied"})
"""Measures that only stand in others, or are there for the verdict."""
HELD = {"unknown": -2.5, "pieces": -2.5, "broken": -4.0, "untold": -0.7, "name": -0.7}
"""Weights that are not learned. Our own false sentences keep to the words of their article on purpose, so from them one
learns that new words are nothing bad; in what summarisers write they are the first sign of something made up."""


@dataclass(frozen=True, slots=True)
class Article:
    """A whole article: its headline, its sentences, and the terms by which others about the same are found."""

    headline: str
    sentences: tuple[str, ...]
    terms: frozenset[str]


def articles(files: Iterable[Path]) -> list[Article]:
    """The English articles of at least eight sentences in these feed files, each once."""
    found: dict[str, Article] = {}
    for file in files:
        try:
            parsed = parse(file.read_bytes(), "https://feed.example/", {}, now=datetime.now(UTC))
        except NewsError:
            continue
        for entry in parsed.entries:
            cut = tuple(sentence for sentence in sentences(entry.text) if len(sentence) > 20)[:40]
            if len(cut) >= 8 and entry.text[:300].isascii() and " the " in entry.text[:400]:
                about = frozenset(terms(f"{entry.title} {entry.text[:600]}"))
                found.setdefault(entry.title, Article(entry.title, cut, about))
    return list(found.values())


def made_pairs(given: Sequence[Article], rng: random.Random) -> list[Pair]:
    """Pairs of an article and a sentence, by program: what summarisers that copy, and those that write freely, do."""
    out: list[Pair] = []
    for article in given:
        text = " ".join(article.sentences)
        own = names(text)
        foreign = names(
            " ".join(" ".join(other.sentences[:15]) for other in rng.sample(given, 5) if other is not article)
        )
        near = sorted(
            (other for other in given if other is not article), key=lambda other: -len(other.terms & article.terms)
        )[:3]
        pools = [own, own, foreign]
        made = [
            ("made rewrites", "", article.headline),
            ("made rewrites", "other", rng.choice(near).headline),
            ("made rewrites", "led astray", _led_astray(article.headline, rng.choice(near).headline, rng)),
            ("made rewrites", "changed", _changed(article.headline, rng, rng.choice(pools))),
        ]
        body = article.sentences[1:15]
        made += [
            ("made copies", "", _shortened(rng.choice(body), rng)),
            ("made copies", "", _joined(article.sentences, rng)),
            ("made copies", "sewn", _sewn(*rng.sample(body, 2), rng)),
            ("made copies", "garbled", _garbled(rng.choice(body), rng)),
            ("made copies", "changed", _changed(rng.choice(body), rng, rng.choice(pools))),
        ]
        out += [Pair(text, sentence, not error, style, error) for style, error, sentence in made if sentence]
    return out


def _shortened(sentence: str, rng: random.Random) -> str:
    """A sentence, half the time without what follows its last comma."""
    parts = sentence.split(", ")
    return ", ".join(parts[:-1]) + "." if len(parts) > 2 and rng.random() < 0.5 else sentence


def _joined(told: Sequence[str], rng: random.Random) -> str:
    """Two sentences in a row made one."""
    at = rng.randrange(1, min(12, len(told) - 1))
    one, other = told[at].rstrip('.!?"\u201d'), told[at + 1]
    return f"{one} and {other[:1].lower()}{other[1:]}" if len(one) + len(other) < 260 else ""


def _sewn(one: str, other: str, rng: random.Random) -> str:
    """The beginning of a sentence and the end of another."""
    head, tail = one.split(), other.split()
    if min(len(head), len(tail)) < 9:
        return ""
    return " ".join(head[: rng.randint(2, len(head) - 4)] + tail[rng.randint(3, len(tail) - 4) :])


def _garbled(sentence: str, rng: random.Random) -> str:
    """A sentence that lost words in two places, so that it no longer says what it said."""
    words = sentence.split()
    if len(words) < 12:
        return ""
    for _ in range(2):
        at = rng.randrange(1, len(words) - 4)
        del words[at : at + rng.randint(1, 4)]
    return " ".join(words)


def _led_astray(headline: str, other: str, rng: random.Random) -> str:
    """The beginning of a headline that goes on as another: what a model writes that knows many articles."""
    head, tail = headline.split(), other.split()
    if min(len(head), len(tail)) < 6:
        return ""
    return " ".join(head[: len(head) - rng.randint(2, len(head) // 2)] + tail[-rng.randint(2, len(tail) // 2) :])


def _changed(sentence: str, rng: random.Random, pool: Sequence[str]) -> str:
    kinds = list(KINDS)
    rng.shuffle(kinds)
    made = next(filter(None, (changed(sentence, kind, rng, pool) for kind in kinds)), None)
    return made[0] if made else ""


def measured(pairs: Sequence[Pair]) -> tuple[list[str], np.ndarray]:
    """The names of the measures, and their values by pair."""
    found = [findings(pair.sentence, [pair.article]) for pair in pairs]
    names = [name for name in next(filter(None, found)).measures if name not in LEFT_OUT]
    return names, np.array([[each.measures[name] if each else 0.0 for name in names] for each in found])


def fit(
    names: Sequence[str], values: np.ndarray, pairs: Sequence[Pair], ridge: float = 0.01
) -> tuple[np.ndarray, float]:
    """Weights and bias, by projected gradient. Nothing speaks for a sentence: all measures count what is amiss."""
    labels = np.array([pair.supported for pair in pairs], float)
    groups = np.array([f"{pair.style} {pair.supported}" for pair in pairs])
    count = {group: (groups == group).sum() for group in set(groups)}
    share = np.array([SHARES[pair.style] / count[group] for pair, group in zip(pairs, groups, strict=True)])
    share /= share.sum()
    held = np.array([HELD.get(name, 0.0) for name in names])
    learned = np.array([name not in HELD for name in names], float)
    mean, scale = values.mean(axis=0), values.std(axis=0) + 1e-6
    x = (values - mean) / scale
    weights, bias = np.zeros(len(names)), 0.0
    for _ in range(4000):
        error = (1 / (1 + np.exp(-(x @ weights + values @ held + bias))) - labels) * share
        weights = np.minimum(0, weights - 0.5 * (x.T @ error + ridge * weights) * learned)
        bias -= 0.5 * error.sum()
    return held + weights / scale, float(bias - (mean * weights / scale).sum())


def measured_halves(
    files: Iterable[Path], folder: Path | None
) -> tuple[list[str], dict[str, tuple[np.ndarray, list[Pair]]]]:
    """The names of the measures; values and pairs of the half to learn from and of the half to report on."""
    own = own_pairs(folder)
    made = made_pairs(articles(files), random.Random(7))
    halves = {
        "tune": [pair for pair in own if pair.half == "tune"] + made[::2],
        "report": [pair for pair in own if pair.half == "report"] + made[1::2],
    }
    names: list[str] = []
    out = {}
    for half, pairs in halves.items():
        names, values = measured(pairs)
        out[half] = values, pairs
    return names, out


def areas(weights: np.ndarray, values: np.ndarray, pairs: Sequence[Pair]) -> dict[str, float]:
    """The area under the ROC curve by style."""
    scores = values @ weights
    out = {}
    for style in SHARES:
        mine = [n for n, pair in enumerate(pairs) if pair.style == style]
        out[style] = round(auc([float(scores[n]) for n in mine], [pairs[n].supported for n in mine]), 3)
    return out


def main(arguments: list[str]) -> int:
    """Learn and print. With `--ablate`, print instead what each measure adds, on the half that was not learned from."""
    folder = os.environ.get("BROADSHEET_ARCHIVE")
    files = [Path(name) for name in arguments if not name.startswith("--")]
    names, halves = measured_halves(files, Path(folder) if folder else None)
    values, pairs = halves["tune"]
    if "--ablate" in arguments:
        for left_out in ("", *names):
            kept = np.array([name != left_out for name in names], float)
            weights, _ = fit(names, values * kept, pairs)
            print(f"{left_out or 'all measures':>15}", areas(weights * kept, *halves["report"]))
        return 0
    weights, bias = fit(names, values, pairs)
    print(f"_BIAS = {bias:.2f}\n_WEIGHTS = {{")
    for name, weight in zip(names, weights, strict=True):
        if abs(weight) >= 0.02:
            print(f'    "{name}": {weight:.2f},')
    print("}")
    print(areas(weights, *halves["report"]), file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
