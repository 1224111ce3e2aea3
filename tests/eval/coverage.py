"""What is refused: the weights of `news.coverage` and `llm.answerable`, learned, and what they are worth.

`python -m tests.eval coverage --archive DIR`. Learned from the labelled questions of the weeks for tuning. For the
first, those that nothing answers are few, so two more are made of each that something does, at less weight: the same
with every article that answers it left out of what was found, and asked three hours before the first of them was there.
The second has hard questions of its own (`labels.refusals`). Both are logistic regressions with a ridge.

What is counted in the end is what a reader sees: an answer that says first that nothing was found to answer, or that no
article says what the question takes for granted. Beside it, those that get any sentence on what is missing.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from llm import answerable
from llm.extractive import ExtractiveModel
from llm.premise import unsupported
from llm.prompt import Turn
from llm.request import prepare
from news import coverage
from news.search import search
from news.store import Store
from news.types import Found, Passage
from tests.eval.archive import fill, read, weeks
from tests.eval.grounding import auc
from tests.eval.retrieval import share
from tests.labels import article_key, questions, refusals

MADE = 0.4
"""What a question made by program counts."""
NATURAL = 2.0
"""What one counts that was put as readers put them, beside one of the hard kinds, of which there are more."""
RIDGE = 5.0
ANSWERABLE_RIDGE = 20.0
BEFORE = timedelta(hours=3)
PLACES, DEPTH = 8, 40
"""Passages of an answer, and how many are looked for where those that answer are left out."""
WRONG = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3)
"""Shares of answerable questions that are refused, at which the others are counted."""


@dataclass(frozen=True, slots=True)
class Case:
    """A question with its evidence; `evidence` is None if it was decided before any was looked at, as `refused`."""

    kind: str
    answerable: bool
    tuned: bool
    made: bool
    natural: bool
    unspaced: bool
    evidence: coverage.Evidence | None
    measures: answerable.Measures | None
    refused: bool = False
    told: bool = False


def cases(
    store: Store, asked: Iterable[Mapping[str, Any]], first: Mapping[str, datetime], *, natural: bool
) -> list[Case]:
    """The labelled questions and what is made of them; `first` is when each article was first there."""
    out = []
    for one in asked:
        now = datetime.fromisoformat(one["now"])
        out.append(_case(store, one, now, one["kind"], answerable=one["answerable"], natural=natural))
        if one["answerable"] and natural:
            without = frozenset(one["answers"])
            out.append(_case(store, one, now, "left out", answerable=False, without=without))
            early = min(first[key] for key in one["answers"]) - BEFORE
            if early > min(first.values()) + timedelta(days=1):
                out.append(_case(store, one, early, "before", answerable=False))
    return out


def _case(
    store: Store,
    one: Mapping[str, Any],
    now: datetime,
    kind: str,
    *,
    answerable: bool,
    natural: bool = True,
    without: frozenset[str] = frozenset(),
) -> Case:
    seen: list[tuple[str, coverage.Asked, Sequence[Passage], int]] = []
    kept = coverage.confidence

    def record(question: str, told: coverage.Asked, passages: Sequence[Passage], articles: int) -> float:
        seen.append((question, told, passages, articles))
        return kept(question, told, passages, articles)

    with patch.object(coverage, "confidence", record):
        found = search(store, one["question"], now=now, k=DEPTH if without else PLACES, earlier=one["earlier"])
    made = kind in ("left out", "before")
    evidence, unspaced = None, False
    if seen:
        question, told, passages, articles = seen[0]
        left = [passage for passage in passages if article_key(passage.url) not in without]
        evidence, unspaced = coverage.evidence(question, told, left), coverage.is_unspaced(told)
        if without:
            found = replace(found, passages=tuple(left[:PLACES]), confidence=kept(question, told, left, articles))
    measured = None
    if not unsupported(one["question"], found.passages):
        measured = _measured(one["question"], found, one["earlier"])
    refused, told_so = _shown(one["question"], found, one["earlier"], now)
    return Case(kind, answerable, one["set"] == "tune", made, natural, unspaced, evidence, measured, refused, told_so)


def _measured(question: str, found: Found, earlier: Sequence[str]) -> answerable.Measures | None:
    return answerable.measures(question, found, follows=bool(earlier))


def _shown(question: str, found: Found, earlier: Sequence[str], now: datetime) -> tuple[bool, bool]:
    """Whether the reader is told that it is not answered, and whether anything of what is missing."""
    turns = [Turn(asked, "") for asked in earlier]
    draft = prepare(question, turns, model=ExtractiveModel(), found=found, now=now).draft
    return not draft.found.covered or not found.passages, bool(draft.caveats) or not draft.found.covered


def fit(x: np.ndarray, labels: np.ndarray, counts: np.ndarray, ridge: float) -> tuple[np.ndarray, float]:
    """Weights and bias of the measures `x`, a row each, by Newton's method."""
    mean, scale = x.mean(axis=0), x.std(axis=0) + 1e-9
    z = np.c_[(x - mean) / scale, np.ones(len(x))]
    held = np.eye(z.shape[1]) * ridge
    held[-1, -1] = 1e-6
    weights = np.zeros(z.shape[1])
    for _ in range(100):
        p = 1 / (1 + np.exp(-z @ weights))
        gradient = z.T @ (counts * (p - labels)) + held @ weights
        weights -= np.linalg.solve((z * (counts * p * (1 - p))[:, None]).T @ z + held, gradient)
    plain = weights[:-1] / scale
    return plain, float(weights[-1] - mean @ plain)


def curve(judged: Sequence[tuple[Case, float]]) -> list[tuple[float, float, float]]:
    """Of the real questions: (share of the answerable refused, share of the others refused, least score to answer)."""
    right = np.array([score for case, score in judged if case.answerable and not case.made])
    wrong = np.array([score for case, score in judged if not case.answerable and not case.made])
    out = []
    for refused in WRONG:
        least = float(np.quantile(right, refused))
        out.append((refused, round(float((wrong < least).mean()), 3), round(least, 2)))
    return out


def learned(every: Sequence[tuple[Case, Sequence[float]]], ridge: float) -> dict[str, Any]:
    """Weights from the cases for tuning, each with what was measured of it, and the trade-off for both halves."""
    tuned = [(case, measured) for case, measured in every if case.tuned]
    counts = [MADE if case.made else NATURAL if case.natural else 1.0 for case, _ in tuned]
    if all(case.natural for case, _ in tuned):
        counts = [min(1.0, count) for count in counts]
    labels = np.array([case.answerable for case, _ in tuned], float)
    weights, bias = fit(np.array([measured for _, measured in tuned]), labels, np.array(counts), ridge)
    out: dict[str, Any] = {"weights": [round(float(weight), 2) for weight in weights], "bias": round(bias, 2)}
    for part, is_tuned in (("tuned", True), ("reported", False)):
        judged = [(case, float(weights @ measured + bias)) for case, measured in every if case.tuned == is_tuned]
        real = [(case, score) for case, score in judged if not case.made]
        out[part] = {
            "auc": round(auc([score for _, score in real], [case.answerable for case, _ in real]), 3),
            "curve": curve(judged),
        }
    return out


def shown(every: Iterable[Case]) -> dict[str, Any]:
    """Of the real questions, the share that is refused and the share told of anything missing; and refusals by kind."""
    real = [case for case in every if not case.made]
    kinds: dict[str, list[bool]] = defaultdict(list)
    for case in real:
        kinds[case.kind].append(case.refused)
    return {
        "answerable": {
            "refused": share(c.refused for c in real if c.answerable),
            "of": sum(c.answerable for c in real),
        },
        "others": {
            "refused": share(c.refused for c in real if not c.answerable),
            "told": share(c.told for c in real if not c.answerable),
            "of": sum(not c.answerable for c in real),
        },
        "answerable, told": share(c.told for c in real if c.answerable),
        "by kind": {kind: [sum(refused), len(refused)] for kind, refused in sorted(kinds.items())},
    }


def main(given: list[str]) -> dict[str, Any]:
    """Weights learned on W20 to W23, and for those and the later weeks the trade-off between both kinds of refusal."""
    parser = argparse.ArgumentParser(prog="python -m tests.eval coverage", description=main.__doc__)
    parser.add_argument("--archive", type=Path, required=True, help="folder of *.ndjson or *.ndjson.gz files")
    parser.add_argument("--database", type=Path, help="keep the filled store here, or take the one that is")
    told = parser.parse_args(given)
    items = list(read(weeks(told.archive)))
    first: dict[str, datetime] = {}
    for item in sorted(items, key=lambda item: item.collected_at):
        first.setdefault(article_key(item.link), item.collected_at)
    with tempfile.TemporaryDirectory() as folder:
        store = fill(told.database or Path(folder) / "eval.db", items)
        plain = cases(store, questions(), first, natural=True)
        hard = cases(store, refusals(), first, natural=False)
        store.engine.dispose()
    out: dict[str, Any] = {"measures": coverage.measures()}
    for name, unspaced in (("spaced", False), ("unspaced", True)):
        out[name] = learned([(c, astuple(c.evidence)) for c in plain if c.evidence and c.unspaced == unspaced], RIDGE)
    out["answerable"] = {"measures": answerable.names()} | learned(
        [(c, astuple(c.measures)) for c in (*plain, *hard) if c.measures and c.kind != "before"], ANSWERABLE_RIDGE
    )
    out["shown"] = {
        f"{name}, {part}": shown(case for case in every if case.tuned == tuned)
        for name, every in (("as readers ask", plain), ("hard", hard), ("all", plain + hard))
        for part, tuned in (("tuned", True), ("reported", False))
    }
    return out
