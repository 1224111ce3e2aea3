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
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from llm.evidence import text_of
from llm.facts import lowered
from llm.grounding import Checked, check, review
from news.terms import sentences, terms
from news.types import Passage
from tests.eval import archive
from tests.eval.errors import KINDS, Change, changed, names

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


def own_pairs(folder: Path | None) -> list[Pair]:
    """The pairs of this project; those over entries of the archive only where it is."""
    articles: dict[str, Passage | str] = {row["id"]: row["text"] for row in _rows(DATA / "articles.jsonl")}
    rows = _rows(DATA / "pairs.jsonl")
    wanted = {row["entry"] for row in rows if "entry" in row}
    entries = {name: passage for name, passage in _archived(folder) if name in wanted} if folder else {}
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


def _archived(folder: Path, last: int = 0) -> Iterator[tuple[str, Passage]]:
    """Every item of the archive, or of its last weeks, as a passage, by its id."""
    for item in archive.read(archive.weeks(folder)[-last:]):
        yield item.id, Passage(0, item.title, item.text, item.link, item.source, item.published_at)


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
        label: [float(a == label) for a, its in zip(said, labels, strict=True) if its == label]
        for label in (True, False)
    }
    return statistics.mean(statistics.mean(found) for found in right.values() if found)


def overlap(sentence: str, article: Passage | str) -> float:
    """The share of a sentence's word pairs that the article has: the plain rival."""
    words = lowered(sentence)
    text = article if isinstance(article, str) else f"{article.title}\n{article.text}"
    known = lowered(text)
    pairs, held = list(pairwise(words)), set(pairwise(known))
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


# Seeded errors

PASSAGES = 10
CHANGED = 300


@dataclass(frozen=True, slots=True)
class Seeded:
    """An answer made from real passages, its `kind` of error ("" for none) and what was changed to what."""

    passages: tuple[Passage, ...]
    answer: str
    kind: str = ""
    change: Change = ("", "")

    def caught(self) -> bool:
        """Whether the check says that something is wrong where something was changed."""
        return any(_is_flagged(checked) for checked in review(self.answer, self.passages))


def _is_flagged(checked: Checked) -> bool:
    return checked.support.verdict != "supported"


def seeded(folder: Path, count: int = CHANGED, seed: int = 20260610) -> tuple[list[Seeded], list[Seeded]]:
    """Answers with one error each, kinds in turn, and the same answers without.

    An answer is one or two sentences of an article, each cited, among ten passages of those days with the most words
    in common; a name or a speaker is replaced by one from these passages or from others of the week.
    """
    rng = random.Random(seed)
    items = [
        passage for _, passage in _archived(folder, last=1) if passage.feed != "NHK World" and len(passage.text) > 200
    ]
    kinds = list(KINDS)
    wrong: list[Seeded] = []
    right: list[Seeded] = []
    while len(wrong) < count:
        at = rng.randrange(len(items))
        kind = kinds[len(wrong) % len(kinds)]
        passage = items[at]
        whole = [sentence for sentence in sentences(passage.text) if _is_whole(sentence)][:3]
        around = items[max(0, at - 150) : at] + items[at + 1 : at + 150]
        known = set(terms(f"{passage.title} {passage.text}"))
        others = sorted(around, key=lambda other: -len(known & set(terms(other.title))))[: PASSAGES - 1]
        pool = names(" ".join(other.text for other in [passage, *others, *rng.sample(around, 20)]))
        rng.shuffle(whole)
        for n, sentence in enumerate(whole):
            made = changed(sentence, kind, rng, pool)
            if made is None:
                continue
            place = rng.randrange(PASSAGES)
            passages = (*others[:place], passage, *others[place:])
            kept = whole[: n + 1][-2:]
            texts = [_cited(made[0] if one is sentence else one, place + 1) for one in kept]
            wrong.append(Seeded(passages, " ".join(texts), kind, made[1]))
            right.append(Seeded(passages, " ".join(_cited(one, place + 1) for one in kept)))
            break
    return wrong, right


def _is_whole(sentence: str) -> bool:
    words = sentence.split()
    return 7 <= len(words) <= 45 and sentence[-1] in ".!" and words[0][0].isupper() and "appeared first" not in sentence


def _cited(sentence: str, number: int) -> str:
    return f"{sentence[:-1]} [{number}]."


def seeded_figures(folder: Path) -> dict[str, Any]:
    """The share of the changed answers that are caught, by kind, and of the untouched that are flagged."""
    wrong, right = seeded(folder)
    found = {kind: [case.caught() for case in wrong if case.kind == kind] for kind in KINDS}
    return {
        "answers": len(wrong),
        "caught": round(statistics.mean(float(one) for group in found.values() for one in group), 3),
        "flagged": round(statistics.mean(float(case.caught()) for case in right), 3),
        "by_kind": {kind: f"{sum(group)}/{len(group)}" for kind, group in found.items()},
    }


def milliseconds(folder: Path, count: int = 300) -> dict[str, float]:
    """Processor time of one `check` over ten passages, the passages read before or not: medians, worst twentieth."""
    _, right = seeded(folder, count)
    warm, cold = [], []
    for case in right:
        sentence = case.answer.split(" [")[0]
        text_of.cache_clear()
        for times in (cold, warm):
            start = time.process_time()
            check(sentence, case.passages)
            times.append(1000 * (time.process_time() - start))
    return {
        "median": round(statistics.median(warm), 2),
        "p95": round(statistics.quantiles(warm, n=20)[-1], 2),
        "first_of_an_answer_median": round(statistics.median(cold), 2),
    }


def measure(pairs: Path | None = None, folder: Path | None = None) -> dict[str, Any]:
    """All figures. With `pairs`, those of that file alone; without the archive, what needs no archive."""
    if pairs is not None:
        return figures(given_pairs(pairs))
    own = own_pairs(folder)
    halves = by(own, lambda pair: pair.half)
    out: dict[str, Any] = {
        half: {style: figures(group) for style, group in by(halves[half], lambda pair: pair.style).items()}
        for half in ("tune", "report")
    }
    out["report"]["caught"] = caught(halves["report"])
    if folder is not None:
        out["seeded"] = seeded_figures(folder)
        out["milliseconds"] = milliseconds(folder)
    return out


def main(arguments: Sequence[str]) -> dict[str, Any]:
    """`[--pairs FILE] [--archive DIR]` -> figures. The archive may also be named by BROADSHEET_ARCHIVE."""
    parser = argparse.ArgumentParser(prog="python -m tests.eval grounding")
    parser.add_argument("--pairs", type=Path, help="a file of JSON objects, one a line: article, sentence, supported")
    parser.add_argument(
        "--archive", type=Path, default=os.environ.get("BROADSHEET_ARCHIVE"), help="folder of *.ndjson.gz"
    )
    told = parser.parse_args(arguments)
    return measure(told.pairs, told.archive)
