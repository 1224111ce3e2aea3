"""How well search finds: reworded headlines, other outlets' articles on an event, and questions as readers ask them.

Everything is asked as the app asks it, `news.search.search` on a store that polled the archive. Figures follow from the
archive alone, but for the milliseconds.
"""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from news.search import search
from news.store import Store
from news.terms import words
from tests.eval.archive import Item

ALIKE = 0.4
DEPTH = 10


@dataclass(frozen=True, slots=True)
class Reworded:
    """A headline as it was first, asked a day after the article's newest wording was collected. `link` is the answer."""

    question: str
    link: str
    now: datetime


def reworded(items: Iterable[Item]) -> list[Reworded]:
    """The articles whose first and newest titles share less than `ALIKE` of their words, by link."""
    by_link: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        by_link[item.link].append(item)
    out = []
    for link in sorted(by_link):
        wordings = sorted(by_link[link], key=lambda item: item.collected_at)
        first, last = wordings[0], wordings[-1]
        one, other = frozenset(words(first.title)), frozenset(words(last.title))
        if one and other and len(one & other) < ALIKE * len(one | other):
            out.append(Reworded(first.title, link, last.collected_at + timedelta(days=1)))
    return out


def measure_reworded(store: Store, asked: Sequence[Reworded]) -> dict[str, float]:
    """hit@1, hit@3, hit@10, the mean reciprocal rank within ten, and the milliseconds of a search."""
    ranks, times = [], []
    for one in asked:
        started = time.perf_counter()
        found = search(store, one.question, now=one.now, k=DEPTH)
        times.append(1000 * (time.perf_counter() - started))
        urls = [passage.url for passage in found.passages]
        ranks.append(urls.index(one.link) + 1 if one.link in urls else 0)
    return {
        "questions": len(ranks),
        **{f"hit@{depth}": share(0 < rank <= depth for rank in ranks) for depth in (1, 3, 10)},
        "mrr": round(statistics.fmean(1 / rank if rank else 0.0 for rank in ranks), 3),
        **milliseconds(times),
    }


def share(held: Iterable[bool]) -> float:
    """How many of them are so, 0 to 1."""
    every = list(held)
    return round(sum(every) / len(every), 3) if every else 0.0


def milliseconds(times: Sequence[float]) -> dict[str, float]:
    """The middle and the 95th percentile."""
    ordered = sorted(times)
    return {"p50_ms": round(statistics.median(ordered), 1), "p95_ms": round(ordered[int(0.95 * len(ordered))], 1)}
