"""A refreshing process killed thirty times at any moment: what it told is stored, and nothing is there by half."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from news.fetch import Fetcher
from news.parse import ParserPool
from news.refresh import refresh
from news.store import Store
from tests import feeds
from tests.conftest import NOW
from tests.feed_server import FeedServer
from tests.news.made import hours

ROOT = Path(__file__).parents[2]
NAMES = [f"feed{number}" for number in range(9)]
EACH = 5  # items of a feed
# Starting Python thirty times would take longer than all that is tested: one process reads the modules and forks, and
# the parser has a process of its own in every third turn.
FORKS = """
import os, sys
from datetime import datetime
from news import parse
from news.fetch import Fetcher
from news.refresh import refresh
from news.store import Store
from storage.engine import connect
def tell(*words):
    os.write(1, (" ".join(map(str, words)) + "\\n").encode())  # a line or nothing of it, unlike print
url = sys.argv[1]
for row in sys.stdin:
    child = os.fork()
    if child:
        tell("child", child)
        os.waitpid(child, 0)
        tell("gone")
        continue
    kind, at = row.split()
    store, now, parser = Store(connect(url)), datetime.fromisoformat(at), parse
    if kind == "pool":
        parser = parse.ParserPool(1)
    with Fetcher(allow_private=True) as fetcher:
        for outcome in refresh(store, store.due(now, everything=True), fetcher=fetcher, parser=parser, now=now):
            tell(outcome.kind, outcome.feed.url)
    os._exit(0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has neither fork nor kill -9")
def test_thirty_times_kill_9_in_the_middle_of_a_refresh_and_nothing_is_lost_or_stored_by_half(
    store: Store, database: Path
) -> None:
    chance = random.Random(9)
    mother = subprocess.Popen(
        [sys.executable, "-c", FORKS, f"sqlite:///{database}"],
        cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    assert mother.stdin
    cut_short = 0
    try:
        with FeedServer() as server, Fetcher(allow_private=True) as fetcher, ParserPool(1) as pool:
            store.add_feeds([(server.url(f"/{name}"), "", "", "") for name in NAMES], now=NOW)
            for turn in range(30):
                at = NOW + hours(turn)
                for name in NAMES:
                    # A turn's items bear its number, so that a feed that was stored by half would show.
                    server.serve(f"/{name}", made(name, turn))
                mother.stdin.write(f"{'own' if turn % 3 else 'pool'} {at.isoformat()}\n")
                mother.stdin.flush()
                child = int(heard(mother).split()[1])
                told = [heard(mother) for _ in range(chance.choice((0, 0, 1, 2, 3, 4, 5)))]
                time.sleep(chance.choice((0, 0.001, 0.004, 0.01, 0.03)))
                with suppress(ProcessLookupError):  # it was quicker this time
                    os.kill(child, signal.SIGKILL)
                while (row := heard(mother)) != "gone":
                    told.append(row)
                done, whole = stored(database, turn, f"{at:%F %T}.000000")
                assert done == whole, "each feed has all of its new items or none"
                assert whole >= {row.split()[1] for row in told if row.startswith("updated http")}, "and if told, all"
                cut_short += len(whole) < len(NAMES)

                outcomes = list(refresh(store, store.due(at, everything=True), fetcher=fetcher, parser=pool, now=at))
                kinds = {outcome.feed.url: outcome.kind for outcome in outcomes}
                assert kinds == {
                    server.url(f"/{n}"): "unchanged" if server.url(f"/{n}") in whole else "updated" for n in NAMES
                }
                assert store.stats().entries == len(NAMES) * EACH * (turn + 1)
    finally:
        mother.kill()
        mother.communicate()
    assert cut_short >= 15, "most kills came in the middle"


def heard(mother: subprocess.Popen[str]) -> str:
    """The next line of what is told; fails if nobody is there to tell any more."""
    assert mother.stdout
    line = mother.stdout.readline()
    assert line, "the process has ended"
    return line.strip()


def made(name: str, turn: int) -> bytes:
    """What a feed shows in a turn."""
    return feeds.rss(*(feeds.entry(f"{name} {turn} {n}", guid=f"{name}-turn{turn}-{n}", date=NOW) for n in range(EACH)))


def stored(database: Path, turn: int, at: str) -> tuple[set[str], set[str]]:
    """The URLs of feeds that are marked as read in this turn, and of those that have anything of it, which is whole."""
    raw = sqlite3.connect(database)
    try:
        assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert raw.execute("PRAGMA foreign_key_check").fetchall() == []
        raw.execute("INSERT INTO versions_text(versions_text) VALUES ('integrity-check')")
        raw.rollback()
        found = raw.execute(
            "SELECT f.url, count(*), count(v.id) FROM entries e JOIN feeds f ON f.id = e.feed_id "
            "LEFT JOIN versions v ON v.entry_id = e.id WHERE e.key LIKE ? GROUP BY f.url",
            (f"%-turn{turn}-%",),
        ).fetchall()
        done = {url for (url,) in raw.execute("SELECT url FROM feeds WHERE checked_at = ?", (at,))}
    finally:
        raw.close()
    assert {(entries, versions) for _, entries, versions in found} <= {(EACH, EACH)}, "no feed is stored by half"
    return done, {url for url, _, _ in found}
