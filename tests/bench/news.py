"""What the news side costs: a refresh beside feedparser alone on the same bytes, and a search by what is stored."""

from __future__ import annotations

import io
import os
import statistics
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import feedparser

from news.fetch import Fetcher
from news.parse import ParserPool
from news.refresh import refresh
from news.search import search
from news.store import Filter, Schedule, Store, Validators
from news.types import ParsedFeed
from storage.engine import connect
from tests.bench.press import NOW, Press
from tests.bench.stand import Stand

CORES = os.cpu_count() or 1


def measure_refresh(feeds: int = 200, items: int = 40) -> dict[str, float]:
    """A first and an unchanged refresh of feeds over loopback, and feedparser's own time for the same bytes."""
    press = Press()
    bodies = [press.rss(n, items) for n in range(feeds)]
    started = time.perf_counter()
    for body in bodies:
        feedparser.parse(io.BytesIO(body))
    alone = time.perf_counter() - started
    with tempfile.TemporaryDirectory() as folder, Stand(feeds, items) as stand, ParserPool(CORES) as parser:
        store = Store(connect(f"sqlite:///{Path(folder) / 'bench.db'}"))
        store.add_feeds([(url, "", "", "") for url in stand.urls], now=NOW)
        fetcher = Fetcher(allow_private=True)
        times = []
        for run in range(3):
            now = NOW + timedelta(minutes=run)
            started = time.perf_counter()
            outcomes = list(refresh(store, store.due(now, everything=True), fetcher=fetcher, parser=parser, now=now))
            times.append(time.perf_counter() - started)
            wanted = "updated" if run == 0 else "unchanged"
            assert all(outcome.kind == wanted for outcome in outcomes), outcomes[0]
        fetcher.close()
    unchanged = min(times[1:])
    return {
        "feeds": feeds,
        "items_a_feed": items,
        "cores": CORES,
        "first_feeds_a_second": round(feeds / times[0], 1),
        "unchanged_feeds_a_second": round(feeds / unchanged, 1),
        "unchanged_ms_a_feed": round(1000 * unchanged / feeds, 2),
        "feedparser_alone_s": round(alone, 3),
        "first_s": round(times[0], 3),
        "first_over_feedparser_by_cores": round(times[0] / (alone / CORES), 3),
        "unchanged_over_first": round(unchanged / times[0], 4),
    }


def measure_search(articles: int, questions: int = 60) -> dict[str, float]:
    """Milliseconds of a search of four words among so many articles."""
    press = Press(seed=2)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.db"
        store = Store(connect(f"sqlite:///{path}"))
        store.add_feeds([(f"https://{n}.example/feed", f"Press {n}", "", "") for n in range(24)], now=NOW)
        ids = [feed.id for feed in store.feeds()]
        started = time.perf_counter()
        hours = 24 * 90
        for start in range(0, articles, 1_000):
            entries = tuple(press.entry(start + n, hours=hours) for n in range(min(1_000, articles - start)))
            store.save_success(
                ids[(start // 1_000) % 24],
                now=NOW,
                schedule=Schedule(NOW),
                validators=Validators(),
                parsed=ParsedFeed("", "", "en", "rss20", entries),
            )
        inserting = time.perf_counter() - started
        asked = [f"What about {press.sentence(4)}?" for _ in range(questions)]
        times = []
        for question in asked:
            started = time.perf_counter()
            search(store, question, now=NOW, k=10)
            times.append(1000 * (time.perf_counter() - started))
        started = time.perf_counter()
        store.entries(Filter(as_of=NOW), limit=20)
        listing = 1000 * (time.perf_counter() - started)
        size = path.stat().st_size
        store.engine.dispose()
    ordered = sorted(times)
    return {
        "articles": articles,
        "p50_ms": round(statistics.median(times), 1),
        "p95_ms": round(ordered[int(0.95 * len(ordered))], 1),
        "front_page_ms": round(listing, 1),
        "inserted_a_second": round(articles / inserting),
        "database_bytes_an_article": round(size / articles),
    }
