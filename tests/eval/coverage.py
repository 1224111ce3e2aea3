"""The weights of `news.coverage`, learned, and what they are worth: `python -m tests.eval coverage --archive DIR`.

Learned from the labelled questions of the weeks for tuning. Those that nothing answers are few, so two more are made of
each that something does, at less weight: the same with every article that answers it left out of what was found, and
asked three hours before the first of them was there. A logistic regression with a ridge.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from news import coverage
from news.search import search
from news.store import Store
from news.types import Passage
from tests.eval.archive import fill, read, weeks
from tests.eval.grounding import auc
from tests.labels import article_key, questions

MADE = 0.4
"""What a question made by program counts."""
RIDGE = 5.0
BEFORE = timedelta(hours=3)
DEPTH = 40
WRONG = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3)
"""Shares of answerable questions that are refused, at which the others are counted."""


@dataclass(frozen=True, slots=True)
class Case:
    """A question with its evidence; `evidence` is None if it was decided before any was looked at, as `refused`."""

    kind: str
    answerable: bool
    tuned: bool
    made: bool
    unspaced: bool
    evidence: coverage.Evidence | None
    refused: bool = False


def cases(store: Store, asked: Iterable[Mapping[str, Any]], first: Mapping[str, datetime]) -> list[Case]:
    """The labelled questions and what is made of them; `first` is when each article was first there."""
    out = []
    for one in asked:
        now = datetime.fromisoformat(one["now"])
        out.append(_case(store, one, now, one["kind"], answerable=one["answerable"]))
        if one["answerable"]:
            out.append(_case(store, one, now, "left out", answerable=False, without=frozenset(one["answers"])))
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
    without: frozenset[str] = frozenset(),
) -> Case:
    seen: list[tuple[str, coverage.Asked, Sequence[Passage]]] = []
    kept = coverage.evidence

    def record(question: str, told: coverage.Asked, passages: Sequence[Passage]) -> coverage.Evidence:
        seen.append((question, told, passages))
        return kept(question, told, passages)

    depth = DEPTH if without else 8
    with patch.object(coverage, "evidence", record):
        found = search(store, one["question"], now=now, k=depth, earlier=one["earlier"])
    made = kind in ("left out", "before")
    if not seen:
        return Case(kind, answerable, one["set"] == "tune", made, False, None, not found.covered)
    question, told, passages = seen[0]
    left = [passage for passage in passages if article_key(passage.url) not in without]
    return Case(kind, answerable, one["set"] == "tune", made, coverage.is_unspaced(told), kept(question, told, left))


def fit(learned: Sequence[Case]) -> tuple[np.ndarray, float]:
    """Weights and bias, by Newton's method."""
    values = np.array([astuple(case.evidence) for case in learned if case.evidence])
    labels = np.array([case.answerable for case in learned], float)
    counts = np.array([MADE if case.made else 1.0 for case in learned])
    mean, scale = values.mean(axis=0), values.std(axis=0) + 1e-9
    x = np.c_[(values - mean) / scale, np.ones(len(values))]
    ridge = np.eye(x.shape[1]) * RIDGE
    ridge[-1, -1] = 1e-6
    weights = np.zeros(x.shape[1])
    for _ in range(100):
        p = 1 / (1 + np.exp(-x @ weights))
        gradient = x.T @ (counts * (p - labels)) + ridge @ weights
        weights -= np.linalg.solve((x * (counts * p * (1 - p))[:, None]).T @ x + ridge, gradient)
    plain = weights[:-1] / scale
    return plain, float(weights[-1] - mean @ plain)


def curve(judged: Sequence[tuple[Case, float]]) -> list[tuple[float, float, float]]:
    """Of the real questions: (share of the answerable refused, share of the others refused, least score to answer)."""
    right = np.array([score for case, score in judged if case.answerable and not case.made])
    wrong = np.array([score for case, score in judged if not case.answerable and not case.made])
    out = []
    for share in WRONG:
        least = float(np.quantile(right, share))
        out.append((share, round(float((wrong < least).mean()), 3), round(least, 2)))
    return out


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
        every = cases(store, questions(), first)
        store.engine.dispose()
    out: dict[str, Any] = {"measures": coverage.measures()}
    for name, unspaced in (("spaced", False), ("unspaced", True)):
        mine = [case for case in every if case.evidence and case.unspaced == unspaced]
        weights, bias = fit([case for case in mine if case.tuned])
        out[name] = {"weights": [round(float(weight), 2) for weight in weights], "bias": round(bias, 2)}
        for part, tuned in (("tuned", True), ("reported", False)):
            judged = [(case, float(weights @ astuple(case.evidence) + bias)) for case in mine if case.tuned == tuned]
            real = [(case, score) for case, score in judged if not case.made]
            out[name][part] = {
                "auc": round(auc([score for _, score in real], [case.answerable for case, _ in real]), 3),
                "curve": curve(judged),
            }
    out["decided before"] = {
        part: {
            "answerable, refused": sum(case.refused for case in before if case.answerable),
            "others, refused": sum(case.refused for case in before if not case.answerable),
            "of": len(before),
        }
        for part, tuned in (("tuned", True), ("reported", False))
        if (before := [case for case in every if case.evidence is None and case.tuned == tuned and not case.made])
    }
    return out
