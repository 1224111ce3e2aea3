"""How well `llm.grounding` tells what a passage supports from what it does not: `python -m tests.eval grounding`.

Three measures. Of pairs of an article and a sentence: the area under the ROC curve of the score and the balanced
accuracy of the verdict, next to plain bigram overlap. Of answers made from real passages by one change: how many are
caught, and how many untouched ones are flagged. Of time: milliseconds a sentence over ten passages.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from llm.facts import lowered, read
from llm.grounding import Support, check
from news.types import Passage

DATA = Path(__file__).parents[1] / "data" / "grounding"


@dataclass(frozen=True, slots=True)
class Pair:
    """A sentence, what it is to rest on, and whether it does. `style` and `error` say how it was made."""

    article: Passage | str
    sentence: str
    supported: bool
    style: str = ""
    error: str = ""
    half: str = ""


def own_pairs(archive: Path | None) -> list[Pair]:
    """The pairs of this project; those over entries of the archive only where it is."""
    articles: dict[str, Passage | str] = {row["id"]: row["text"] for row in _rows(DATA / "articles.jsonl")}
    rows = _rows(DATA / "pairs.jsonl")
    wanted = {row["entry"] for row in rows if "entry" in row}
    entries = {name: passage for name, passage in _archived(archive) if name in wanted} if archive else {}
    return [
        Pair(
            articles[row["article"]] if "article" in row else entries[row["entry"]],
            row["sentence"], row["supported"], row["style"], row.get("error", ""), row["half"],
        )
        for row in rows
        if "article" in row or row["entry"] in entries
    ]  # fmt: skip


def given_pairs(file: Path) -> list[Pair]:
    """The pairs of a file of somebody else's."""
    return [Pair(row["article"], row["sentence"], bool(row["supported"])) for row in _rows(file)]


def _rows(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines() if line.strip()]


def _archived(folder: Path) -> Iterator[tuple[str, Passage]]:
    """Every item of the archive as a passage, by its id."""
    import gzip

    from news.text import line, plain

    for file in sorted(folder.glob("*.ndjson*")):
        with gzip.open(file, "rt", encoding="utf-8") if file.suffix == ".gz" else file.open(encoding="utf-8") as lines:
            for row in map(json.loads, lines):
                moment = datetime.fromisoformat(row["pubDate"].replace("Z", "+00:00")).astimezone(UTC)
                title, text = line(row["title"]), plain(row["description"])
                yield row["id"], Passage(0, title, text, row["link"], row["source"], moment)


# Figures


def auc(scores: Sequence[float], labels: Sequence[bool]) -> float:
    """The area under the ROC curve: how often a true one scores above a false one, ties counting half."""
    true = [score for score, label in zip(scores, labels, strict=True) if label]
    false = [score for score, label in zip(scores, labels, strict=True) if not label]
    if not true or not false:
        return float("nan")
    won = sum((a > b) + 0.5 * (a == b) for a in true for b in false)
    return won / (len(true) * len(false))


def balanced(said: Sequence[bool], labels: Sequence[bool]) -> float:
    """The mean of the shares of the true and of the false that were told right."""
    right = {
        label: [float(a == label) for a, its in zip(said, labels, strict=True) if its == label] for label in (True, False)
    }
    return statistics.mean(statistics.mean(found) for found in right.values() if found)


def overlap(sentence: str, article: Passage | str) -> float:
    """The share of a sentence's word pairs that the article has: the plain rival."""
    words = lowered(sentence)
    text = article if isinstance(article, str) else f"{article.title}\n{article.text}"
    known = lowered(text)
    pairs, held = list(zip(words, words[1:], strict=False)), set(zip(known, known[1:], strict=False))
    return sum(pair in held for pair in pairs) / len(pairs) if pairs else 0.0


def figures(pairs: Sequence[Pair]) -> dict[str, Any]:
    """The figures of these pairs."""
    labels = [pair.supported for pair in pairs]
    found = [check(pair.sentence, [pair.article]) for pair in pairs]
    return {
        "pairs": len(pairs),
        "auc": round(auc([support.score for support in found], labels), 3),
        "balanced_accuracy": round(balanced([support.verdict == "supported" for support in found], labels), 3),
        "bigram_auc": round(auc([overlap(pair.sentence, pair.article) for pair in pairs], labels), 3),
    }


def by(pairs: Iterable[Pair], key: Callable[[Pair], str]) -> dict[str, list[Pair]]:
    out: dict[str, list[Pair]] = {}
    for pair in pairs:
        out.setdefault(key(pair), []).append(pair)
    return out


def caught(pairs: Iterable[Pair]) -> dict[str, str]:
    """Of each kind of error, how many are not called supported."""
    out = {}
    for error, group in sorted(by((pair for pair in pairs if not pair.supported), lambda pair: pair.error).items()):
        verdicts = [check(pair.sentence, [pair.article]).verdict for pair in group]
        out[error or "any"] = f"{sum(verdict != 'supported' for verdict in verdicts)}/{len(group)}"
    return out
