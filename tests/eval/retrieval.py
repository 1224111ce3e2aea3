"""How well search finds: reworded headlines, other outlets' articles on an event, and questions as readers ask them.

Everything is asked as the app asks it, `news.search.search` on a store that polled the archive. Figures follow from the
archive alone, but for the milliseconds.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from llm.prompt import fence
from llm.tokens import counter
from news.search import search
from news.store import Store
from news.terms import words
from news.types import Passage
from tests.eval.archive import Item, fill, read, weeks
from tests.labels import article_key, events, questions

ALIKE = 0.4
DEPTH = 10
PLACES, BUDGET = 8, 3_500
"""Passages of an answer, and the tokens that they may take."""


_tokens = counter("openai/gpt-oss-20b").count


@dataclass(frozen=True, slots=True)
class Event:
    """An article, and the articles about the same event, itself among them; as first collected."""

    seed: Item
    articles: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Reworded:
    """A headline as it was first, asked a day after the article's newest wording was collected; `link` answers it."""

    question: str
    link: str
    collected_at: datetime

    @property
    def now(self) -> datetime:
        """The moment of asking."""
        return self.collected_at + timedelta(days=1)


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
            out.append(Reworded(first.title, link, last.collected_at))
    return out


def measure_reworded(store: Store, asked: Sequence[Reworded]) -> dict[str, float]:
    """hit@1, hit@3, hit@10, the mean reciprocal rank within ten, and the milliseconds of a search."""
    ranks, clock = [], Clock()
    for one in asked:
        with clock:
            found = search(store, one.question, now=one.now, k=DEPTH)
        urls = [passage.url for passage in found.passages]
        ranks.append(urls.index(one.link) + 1 if one.link in urls else 0)
    return {
        "questions": len(ranks),
        **{f"hit@{depth}": share(0 < rank <= depth for rank in ranks) for depth in (1, 3, 10)},
        "mrr": round(statistics.fmean(1 / rank if rank else 0.0 for rank in ranks), 3),
        **clock.figures(),
    }


def labelled(items: Sequence[Item], events: Sequence[Mapping[str, Any]]) -> list[Event]:
    """The labelled events whose articles are among `items`."""
    first: dict[str, Item] = {}
    for item in sorted(items, key=lambda item: item.collected_at):
        first.setdefault(article_key(item.link), item)
    return [
        Event(first[event["seed"]], tuple(first[key] for key in event["articles"] if key in first))
        for event in events
        if event["seed"] in first
    ]


def measure_events(store: Store, events: Sequence[Event]) -> dict[str, float]:
    """recall@10 of the articles of other outlets on the event of an article, asked when all of them are there.

    Of more than ten such articles ten are all that can be found.
    """
    recalls, clock = [], Clock()
    for event in events:
        seed = event.seed
        wanted = {article_key(item.link) for item in event.articles if item.source != seed.source}
        now = max(item.collected_at for item in event.articles) + timedelta(hours=1)
        with clock:
            found = search(store, f"How do other outlets report this: {seed.title}", now=now, k=DEPTH + 4)
        others = [passage for passage in found.passages if passage.feed != seed.source][:DEPTH]
        keys = {article_key(passage.url) for passage in others}
        recalls.append(len(keys & wanted) / min(DEPTH, len(wanted)))
    return {"events": len(recalls), "recall@10": round(statistics.fmean(recalls), 3), **clock.figures()}


def measure_questions(store: Store, asked: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """recall@8 within a budget of tokens for the questions that have an answer, and what is said of those without.

    Of more than eight right articles eight are all that can be found. A right refusal is `covered` False where nothing
    answers; a wrong one where something does.
    """
    recalls: dict[str, list[float]] = defaultdict(list)
    answered: list[bool] = []
    refused: dict[bool, list[bool]] = {True: [], False: []}
    by_kind: dict[str, list[bool]] = defaultdict(list)
    clock = Clock()
    for one in asked:
        with clock:
            found = search(
                store, one["question"], now=datetime.fromisoformat(one["now"]), k=PLACES, earlier=one["earlier"]
            )
        refused[one["answerable"]].append(not found.covered)
        by_kind[one["kind"]].append(not found.covered)
        if one["answerable"]:
            keys = {article_key(passage.url) for passage in _within(found.passages)}
            right = set(one["answers"])
            recalls[one["kind"]].append(len(keys & right) / min(PLACES, len(right)))
            answered.append(bool(keys & right))
    every = [recall for of_kind in recalls.values() for recall in of_kind]
    return {
        "questions": len(asked),
        "recall@8": round(statistics.fmean(every), 3),
        "answered": share(answered),
        "recall@8_by_kind": {kind: round(statistics.fmean(of_kind), 3) for kind, of_kind in sorted(recalls.items())},
        "right_refusals": share(refused[False]),
        "wrong_refusals": share(refused[True]),
        "refusals_by_kind": {kind: share(of_kind) for kind, of_kind in sorted(by_kind.items())},
        **clock.figures(),
    }


def _within(passages: Sequence[Passage]) -> list[Passage]:
    """As many passages, in their order, as the budget of tokens holds the way they are sent."""
    kept, tokens = [], 0
    for passage, line in zip(passages, fence(passages), strict=True):
        tokens += _tokens(line)
        if tokens > BUDGET:
            break
        kept.append(passage)
    return kept


def share(held: Iterable[bool]) -> float:
    """How many of them are so, 0 to 1."""
    every = list(held)
    return round(sum(every) / len(every), 3) if every else 0.0


class Clock:
    """Milliseconds of what is done inside `with`, by the clock and by the processor; load changes that less."""

    def __init__(self) -> None:
        self.wall: list[float] = []
        self.cpu: list[float] = []

    def __enter__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.thread_time()

    def __exit__(self, *_: object) -> None:
        self.wall.append(1000 * (time.perf_counter() - self._wall))
        self.cpu.append(1000 * (time.thread_time() - self._cpu))

    def figures(self) -> dict[str, float]:
        """The middle and the 95th percentile of both."""
        return {
            f"{name}{unit}": round(sorted(times)[int(at * len(times))], 1)
            for unit, times in (("_ms", self.wall), ("_cpu_ms", self.cpu))
            for name, at in (("p50", 0.5), ("p95", 0.95))
        }


REPORTED_FROM = datetime(2026, 6, 8, tzinfo=UTC)
"""The beginning of W24."""


def main(given: list[str]) -> dict[str, Any]:
    """The figures of the archive's weeks. They were tuned on W20 to W23; what counts is W24 to W26."""
    parser = argparse.ArgumentParser(prog="python -m tests.eval retrieval", description=main.__doc__)
    parser.add_argument("--archive", type=Path, required=True, help="folder of *.ndjson or *.ndjson.gz files")
    parser.add_argument("--weeks", nargs="*", default=(), metavar="W20", help="only these files")
    parser.add_argument("--database", help="address of a database to keep the filled store in, or to take it from")
    told = parser.parse_args(given)
    with tempfile.TemporaryDirectory() as folder:
        return measure(weeks(told.archive, told.weeks), told.database or f"sqlite:///{folder}/eval.db")


def measure(files: list[Path], database: str) -> dict[str, Any]:
    """The three tasks, each for the weeks it was tuned on and for those it was not."""
    items = list(read(files))
    store = fill(database, items)
    asked = reworded(items)
    told = labelled(items, events())
    last = max(item.collected_at for item in items)
    questioned = [one for one in questions() if datetime.fromisoformat(one["now"]) <= last]
    out: dict[str, Any] = {"articles": store.stats().entries}
    for name, late in (("tuned", False), ("reported", True)):
        out[name] = {
            "reworded": measure_reworded(store, [one for one in asked if (one.collected_at >= REPORTED_FROM) == late]),
            "events": measure_events(store, [one for one in told if (one.seed.collected_at >= REPORTED_FROM) == late]),
            "questions": measure_questions(store, [one for one in questioned if (one["set"] == "report") == late]),
        }
    store.engine.dispose()
    return out
