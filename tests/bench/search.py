"""What a search costs by what is stored: an archive of real headlines, repeated with changed words and dates.

Each copy keeps the words that all news shares and changes half of the others ("Nairobi" becomes "Nairobic"), so that
frequent words grow with what is stored and names do not. Without an archive the articles are invented.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from news.search import search
from news.store import Filter, Schedule, Store, Validators
from news.types import ParsedFeed
from storage.engine import connect
from tests.bench.press import NOW, Press
from tests.eval.archive import Item, address, entry, read, weeks
from tests.eval.retrieval import Clock, reworded
from tests.postgres_server import PostgresServer

QUESTIONS = 200
USUAL = 60
"""A word that is in so many articles of the archive is shared by all news."""
_WORD = re.compile(r"[^\W\d_]+")


def measure_search(articles: int, *, postgres: bool = False) -> dict[str, Any]:
    """Size, rate of insertion and milliseconds of a search among so many articles, and the memory of a process."""
    items, questions = _material()
    with _database(postgres) as url:
        started = time.perf_counter(), time.process_time()
        database_bytes, index_bytes = _fill(url, _copies(items, articles))
        wall, cpu = time.perf_counter() - started[0], time.process_time() - started[1]
        asked = json.dumps([[question, now.isoformat()] for question, now in questions])
        ran = subprocess.run(
            [sys.executable, "-m", "tests.bench.search", url],
            input=asked,
            text=True,
            capture_output=True,
            check=True,
        )
        return {
            "articles": articles,
            "load": round(os.getloadavg()[0], 1),
            "inserted_a_second": round(articles / wall),
            "inserted_a_cpu_second": round(articles / cpu),
            "database_mb": round(database_bytes / 1e6, 1),
            "index_mb": round(index_bytes / 1e6, 1),
            "index_bytes_an_article": round(index_bytes / articles),
            **json.loads(ran.stdout),
        }


def _material() -> tuple[list[Item], list[tuple[str, datetime]]]:
    if archive := os.environ.get("BROADSHEET_ARCHIVE"):
        items = list(read(weeks(Path(archive))))
        newest = {item.link: item for item in sorted(items, key=lambda item: item.collected_at)}
        asked = random.Random(5).sample([(one.question, one.now) for one in reworded(items)], QUESTIONS)
        return list(newest.values()), asked
    press = Press(seed=2)
    made = (press.entry(number, hours=24 * 49) for number in range(10_000))
    items = [
        Item(str(n), one.title, one.text, one.url, f"Press {n % 24}", one.published_at or NOW, one.published_at or NOW)
        for n, one in enumerate(made)
    ]
    return items, [(press.sentence(8), NOW) for _ in range(QUESTIONS)]


def _copies(items: Sequence[Item], number: int) -> Iterator[Item]:
    """So many articles, oldest first; the first of each are as they were."""
    usual = Counter(word for item in items for word in set(_WORD.findall(f"{item.title} {item.text}".casefold())))
    shared = {word for word, count in usual.items() if count >= USUAL}

    def copy(item: Item, n: int) -> Item:
        def changed(match: re.Match[str]) -> str:
            word = match[0]
            if word.casefold() in shared or zlib.crc32(f"{word.casefold()}{n}".encode()) % 2:
                return word
            return word + "bcdfghjklmnpqrstvwxz"[n % 20] + "aeiou"[n // 20 % 5]

        later = timedelta(minutes=37 * n)
        return replace(
            item,
            title=_WORD.sub(changed, item.title),
            text=_WORD.sub(changed, item.text),
            link=f"{item.link}{'&' if '?' in item.link else '?'}copy={n}",
            published_at=item.published_at + later,
            collected_at=item.collected_at + later,
        )

    chosen = random.Random(5).sample(items, min(number, len(items)))
    times, rest = divmod(number, len(chosen))
    made = [(chosen[i], n) for n in range(times) for i in range(len(chosen))] + [
        (item, times) for item in chosen[:rest]
    ]
    made.sort(key=lambda pair: pair[0].collected_at + timedelta(minutes=37 * pair[1]))
    return (copy(item, n) if n else item for item, n in made)


@contextmanager
def _database(postgres: bool) -> Iterator[str]:
    """The address of a new database, gone in the end."""
    if not postgres:
        with tempfile.TemporaryDirectory() as folder:
            yield f"sqlite:///{folder}/bench.db"
        return
    server = PostgresServer(autovacuum="on", autovacuum_naptime="5s", shared_buffers="1GB", max_wal_size="4GB")
    try:
        server.start()
        yield server.url()
    finally:
        server.close()


def _fill(url: str, items: Iterator[Item]) -> tuple[int, int]:
    """A store with these articles, in polls of about forty; gives the bytes of all and of the full-text index."""
    store = Store(connect(url))
    ids: dict[str, int] = {}
    for chunk in iter(lambda: list(itertools.islice(items, 1_000)), []):
        now = max(item.collected_at for item in chunk)
        by_source: dict[str, list[Item]] = {}
        for item in chunk:
            by_source.setdefault(item.source, []).append(item)
        for source, found in by_source.items():
            if source not in ids:
                ids[source] = store.add_feed(address(source), title=source, language="en", now=now)[0].id
            store.save_success(
                ids[source],
                now=now,
                schedule=Schedule(now),
                validators=Validators(),
                parsed=ParsedFeed("", "", "en", "rss20", tuple(map(entry, found))[::-1]),
            )
    with store.engine.connect() as connection:
        if store.engine.dialect.name == "sqlite":
            index = connection.exec_driver_sql("SELECT sum(length(block)) FROM versions_text_data").scalar_one()
        else:
            index = connection.exec_driver_sql("SELECT pg_total_relation_size('versions_text')").scalar_one()
            connection.exec_driver_sql("ANALYZE")  # as the server does by itself within a minute
            connection.commit()
    size = store.stats().bytes
    store.engine.dispose()
    return size, int(index)


def _ask(url: str, questions: Sequence[tuple[str, datetime]]) -> dict[str, float]:
    """Each question once, after some that warm the connection up as a running app is warm."""
    store = Store(connect(url))
    started = time.process_time()
    store.horizon(Filter())
    counting = time.process_time() - started
    for question, now in questions[:20]:
        search(store, question, now=now)
    clock = Clock()
    for question, now in questions[20:]:
        with clock:
            search(store, question, now=now)
    listing = Clock()
    for _, now in questions[:20]:
        with listing:
            store.entries(Filter(as_of=now), limit=20)
    store.engine.dispose()
    return {
        **clock.figures(),
        "front_page_ms": listing.figures()["p50_ms"],
        "first_count_cpu_s": round(counting, 3),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }


if __name__ == "__main__":
    told = [(question, datetime.fromisoformat(now)) for question, now in json.load(sys.stdin)]
    print(json.dumps(_ask(sys.argv[1], told)))
