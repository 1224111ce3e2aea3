"""One refresh: what is decided, what is stored, what happens to feeds that fail, and who may refresh at once."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from sqlalchemy import Engine

from news.errors import Detail, FetchError, HTTPFailure, NewsError, NotAFeed, Unreachable
from news.fetch import Fetcher
from news.parse import ParserPool
from news.refresh import (
    FAILURES_UNTIL_REST,
    INTERVAL,
    LONGEST,
    SHORTEST,
    Outcome,
    _here,
    after_failure,
    after_success,
    refresh,
)
from news.store import LEASE, Schedule, Store
from news.types import Feed, ParsedFeed
from storage import tables as t
from storage.engine import StorageError, reading, writing
from tests import feeds
from tests.conftest import NOW
from tests.feed_server import Connection, FeedServer, reset
from tests.news.made import FakeFetcher, FakeParser, ago, collect, entry, feed, holding, hours, subscribe

MINUTE = timedelta(minutes=1)
ROOT = Path(__file__).parents[2]


def run(
    store: Store, fetcher: FakeFetcher, parser: FakeParser, *, now: object = NOW, all_: bool = True
) -> list[Outcome]:
    """Refresh every feed to the end; the outcomes by URL."""
    assert isinstance(now, type(NOW))
    outcomes = refresh(
        store, store.due(now, everything=all_), fetcher=fetcher, parser=parser, now=now, jitter=lambda: 0.0
    )
    return sorted(outcomes, key=lambda outcome: outcome.feed.url)


def kinds(outcomes: list[Outcome]) -> list[str]:
    return [outcome.kind for outcome in outcomes]


def leased(store: Store) -> set[str]:
    return store.lease_owners()


def wait_until(true: object, *, seconds: float = 10) -> None:
    """Wait for another thread; fails when it takes far too long."""
    assert callable(true)
    give_up = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < give_up, "it never happened"
        time.sleep(0.005)


# ---------------------------------------------------------------- when a feed is polled next


@pytest.mark.parametrize(
    ("fresh_for", "jitter", "wait"),
    [
        (None, 0.0, INTERVAL),
        (None, 1.0, INTERVAL * 1.1),
        (timedelta(seconds=1), 0.0, INTERVAL),
        (timedelta(hours=2), 0.0, timedelta(hours=2)),
        (timedelta(hours=2), 0.5, timedelta(hours=2.1)),
        (timedelta(days=40), 0.0, LONGEST),
        (timedelta(days=40), 1.0, LONGEST),
        (timedelta(days=-1), 0.0, INTERVAL),
    ],
)
def test_a_success_is_polled_again_after_half_an_hour_or_when_it_is_no_longer_fresh(
    fresh_for: timedelta | None, jitter: float, wait: timedelta
) -> None:
    assert after_success(NOW, fresh_for, jitter) == Schedule(due_at=NOW + wait, failures=0, rested=False)


def failed_before(store: Store, failures: int) -> Feed:
    outlet = subscribe(store)
    store.save_failure(outlet.id, now=ago(1), schedule=Schedule(NOW, failures), error="No.")
    return store.feed(outlet.id)


def status(code: int, retry_after: timedelta | None = None) -> HTTPFailure:
    return HTTPFailure("No.", url="https://outlet.example/feed", status=code, retry_after=retry_after)


@pytest.mark.parametrize(
    ("failures", "error", "wait", "rested"),
    [
        (0, Unreachable("No."), 30 * MINUTE, False),
        (1, Unreachable("No."), 60 * MINUTE, False),
        (2, Unreachable("No."), 120 * MINUTE, False),
        (5, NotAFeed("No."), 16 * 60 * MINUTE, False),
        (6, Unreachable("No."), LONGEST, False),
        (7, Unreachable("No."), LONGEST, True),
        (1_000, Unreachable("No."), LONGEST, True),
        (0, status(429, timedelta(hours=3)), timedelta(hours=3), False),
        (0, status(503, timedelta(seconds=1)), 30 * MINUTE, False),
        (3, status(429, timedelta(hours=1)), timedelta(hours=4), False),
        (0, status(429, timedelta(days=40)), LONGEST, False),
        (0, status(404), 30 * MINUTE, False),
        (0, status(410), 30 * MINUTE, True),
    ],
)
def test_a_failure_is_polled_later_each_time_and_rested_in_the_end(
    store: Store, failures: int, error: NewsError, wait: timedelta, rested: bool
) -> None:
    schedule = after_failure(NOW, failed_before(store, failures), error, 0.0)
    assert schedule == Schedule(due_at=NOW + wait, failures=failures + 1, rested=rested)


def test_no_schedule_is_sooner_than_five_minutes_or_later_than_a_day(store: Store) -> None:
    outlet = failed_before(store, 3)
    for jitter in (0.0, 0.3, 1.0):
        for seconds in (0, 1, 300, 10_000, 10_000_000):
            wait = timedelta(seconds=seconds)
            for schedule in (after_success(NOW, wait, jitter), after_failure(NOW, outlet, status(503, wait), jitter)):
                assert NOW + SHORTEST <= schedule.due_at <= NOW + LONGEST


def test_two_feeds_that_were_polled_together_do_not_come_due_together() -> None:
    assert after_success(NOW, None, 0.1).due_at != after_success(NOW, None, 0.9).due_at


# ---------------------------------------------------------------- one refresh


def test_new_feeds_are_fetched_parsed_and_stored(store: Store) -> None:
    for name in ("one", "two", "three"):
        subscribe(store, name)
    outcomes = run(store, FakeFetcher(), FakeParser())
    assert [(o.kind, o.new, o.edited, o.error) for o in outcomes] == [("updated", 1, 0, "")] * 3
    assert len(store.entries()) == 3
    assert all(kept.succeeded_at == kept.checked_at == NOW for kept in store.feeds())
    assert store.due(NOW + INTERVAL - MINUTE) == []
    assert len(store.due(NOW + INTERVAL)) == 3
    assert leased(store) == set()


def test_nothing_due_is_nothing_done(store: Store) -> None:
    assert run(store, FakeFetcher(), FakeParser()) == []


def test_an_unchanged_body_is_never_parsed(store: Store) -> None:
    outlet = subscribe(store)
    fetcher, parser = FakeFetcher(), FakeParser()
    assert kinds(run(store, fetcher, parser)) == ["updated"]
    for number in range(3):
        outcomes = run(store, fetcher, parser, now=NOW + hours(1 + number))
        assert [(o.kind, o.new, o.edited) for o in outcomes] == [("unchanged", 0, 0)]
    assert fetcher.asked[outlet.url] == 4
    assert parser.parsed[outlet.url] == 1
    assert store.feed(outlet.id).succeeded_at == NOW + hours(3)


def test_a_304_is_never_parsed_and_validators_are_sent_back(store: Store) -> None:
    outlet = subscribe(store)
    fetcher, parser = FakeFetcher(), FakeParser()
    fetcher.headers = {"etag": '"one"', "last-modified": "Wed, 10 Jun 2026 10:00:00 GMT"}
    run(store, fetcher, parser)
    assert fetcher.validators[outlet.url] == ("", "")
    fetcher.answers[outlet.url], fetcher.headers = None, {}
    for number in range(2):
        assert kinds(run(store, fetcher, parser, now=NOW + hours(1 + number))) == ["unchanged"]
        assert fetcher.validators[outlet.url] == ('"one"', "Wed, 10 Jun 2026 10:00:00 GMT")
    fetcher.headers = {"etag": '"two"'}
    run(store, fetcher, parser, now=NOW + hours(3))
    run(store, fetcher, parser, now=NOW + hours(4))
    assert fetcher.validators[outlet.url] == ('"two"', "Wed, 10 Jun 2026 10:00:00 GMT")
    assert parser.parsed[outlet.url] == 1


def test_validators_of_a_body_that_could_not_be_read_are_not_kept(store: Store) -> None:
    outlet = subscribe(store)
    fetcher = FakeFetcher({outlet.url: b"broken"})
    fetcher.headers = {"etag": '"broken"'}
    parser = FakeParser({b"broken": NotAFeed("This is no feed.")})
    assert kinds(run(store, fetcher, parser)) == ["failed"]
    parser.feeds.clear()
    assert kinds(run(store, fetcher, parser, now=NOW + hours(1))) == ["updated"]
    assert fetcher.validators[outlet.url] == ("", "")


def test_edits_are_counted(store: Store) -> None:
    outlet = subscribe(store)
    fetcher, parser = FakeFetcher({outlet.url: b"first"}), FakeParser()
    run(store, fetcher, parser)
    fetcher.answers[outlet.url] = b"second"
    (outcome,) = run(store, fetcher, parser, now=NOW + hours(1))
    assert (outcome.kind, outcome.new, outcome.edited) == ("updated", 0, 1)
    assert [found.text for found in store.entries()] == ["second"]


@pytest.mark.parametrize(
    ("trouble", "told"),
    [
        (Unreachable("There is no such host."), "There is no such host."),
        (status(500), "No."),
        (RuntimeError("a mistake of ours"), "Broadsheet failed to read this feed; the log has the reason."),
        (MemoryError(), "Broadsheet failed to read this feed; the log has the reason."),
    ],
)
def test_one_dead_feed_never_stops_the_others(store: Store, trouble: Exception, told: str) -> None:
    dead = subscribe(store, "dead")
    for number in range(8):
        subscribe(store, f"live{number}")
    outcomes = run(store, FakeFetcher({dead.url: trouble}), FakeParser())
    assert kinds(outcomes) == ["failed"] + ["updated"] * 8
    assert outcomes[0].error == store.feed(dead.id).error == told
    assert store.feed(dead.id).failures == 1
    assert leased(store) == set()


def test_a_feed_that_the_database_cannot_take_never_stops_the_others(store: Store) -> None:
    poison, well = subscribe(store, "poison"), subscribe(store, "well")
    broken = feed(replace(entry("a"), terms=("one", "too", "many")))
    parser = FakeParser({f"body of {poison.url}".encode(): broken})
    outcomes = run(store, FakeFetcher(), parser)
    assert [(o.feed.id, o.kind) for o in outcomes] == [(poison.id, "failed"), (well.id, "updated")]
    assert "failed to keep" in store.feed(poison.id).error
    assert [found.feed for found in store.entries()] == ["Well"]


def test_a_failure_keeps_what_the_server_answered_for_its_owner(store: Store) -> None:
    outlet = subscribe(store)
    detail = Detail(503, (("server", "nginx"),), "busy")
    run(store, FakeFetcher({outlet.url: FetchError("Busy.", detail=detail)}), FakeParser())
    assert store.failure_detail(outlet.id) == detail


def test_a_feed_rests_after_eight_failures_and_recovers_by_hand(store: Store) -> None:
    outlet = subscribe(store)
    fetcher, at = FakeFetcher({outlet.url: Unreachable("No.")}), NOW
    for _ in range(FAILURES_UNTIL_REST):
        assert kinds(run(store, fetcher, FakeParser(), now=at, all_=False)) == ["failed"]
        at = store.feed(outlet.id).due_at
    assert store.feed(outlet.id).rested
    assert run(store, fetcher, FakeParser(), now=at + hours(1_000), all_=False) == []
    fetcher.answers.clear()
    assert kinds(run(store, fetcher, FakeParser(), now=at + hours(1_000))) == ["updated"]
    kept = store.feed(outlet.id)
    assert (kept.rested, kept.failures, kept.error) == (False, 0, "")


def test_a_server_that_asks_to_wait_is_not_polled_before(store: Store) -> None:
    one, two = subscribe(store, "one"), subscribe(store, "two")
    fetcher = FakeFetcher({one.url: status(429, timedelta(hours=5))})
    fetcher.headers = {"cache-control": "max-age=7200"}
    run(store, fetcher, FakeParser())
    assert store.feed(one.id).due_at == NOW + hours(5)
    assert store.feed(two.id).due_at == NOW + hours(2)


def test_a_feed_moves_after_two_permanent_redirects(store: Store) -> None:
    outlet = subscribe(store)
    fetcher = FakeFetcher()
    fetcher.moved[outlet.url] = "https://new.example/feed"
    run(store, fetcher, FakeParser())
    assert store.feed(outlet.id).url == outlet.url
    run(store, fetcher, FakeParser(), now=NOW + hours(1))
    assert store.feed(outlet.id).url == "https://new.example/feed"
    run(store, fetcher, FakeParser(), now=NOW + hours(2))
    assert fetcher.asked == {outlet.url: 2, "https://new.example/feed": 1}


def test_a_page_leads_to_the_feed_it_announces_once(store: Store) -> None:
    outlet = subscribe(store)
    real = "https://outlet.example/real.xml"
    fetcher = FakeFetcher({outlet.url: b"<html>"})
    parser = FakeParser({b"<html>": NotAFeed("This is a page.", announced=(real, "https://outlet.example/other"))})
    assert kinds(run(store, fetcher, parser)) == ["updated"]
    assert store.feed(outlet.id).url == real
    assert kinds(run(store, fetcher, parser, now=NOW + hours(1))) == ["unchanged"]
    assert fetcher.asked == {outlet.url: 1, real: 2}


def test_a_page_that_announces_a_page_is_an_error_and_no_endless_search(store: Store) -> None:
    outlet = subscribe(store)
    fetcher = FakeFetcher(dict.fromkeys((outlet.url, "https://outlet.example/2"), b"<html>"))
    parser = FakeParser({b"<html>": NotAFeed("This is a page.", announced=("https://outlet.example/2",))})
    (outcome,) = run(store, fetcher, parser)
    assert (outcome.kind, outcome.error) == ("failed", "This is a page.")
    assert fetcher.asked.total() == 2
    detail = store.failure_detail(outlet.id)  # what the server sent, for "why is this failing"
    assert detail is not None
    assert detail.start == "<html>"


def test_a_feed_that_was_deleted_meanwhile_breaks_nothing(store: Store) -> None:
    outlet, other = subscribe(store, "a"), subscribe(store, "b")

    def deleted_meanwhile() -> bytes:
        with writing(store.engine) as connection:
            connection.execute(t.feeds.delete().where(t.feeds.c.id == outlet.id))
        return b"late"

    outcomes = run(store, FakeFetcher({outlet.url: deleted_meanwhile}), FakeParser())
    assert [(o.feed.id, o.kind) for o in outcomes] == [(outlet.id, "failed"), (other.id, "updated")]
    assert "removed while it was being refreshed" in outcomes[0].error


# ---------------------------------------------------------------- manners


class Crowd:
    """Counts who is inside at once."""

    def __init__(self, *, hold_s: float = 0.02) -> None:
        self.inside = self.most = 0
        self._hold_s = hold_s
        self._lock = threading.Lock()

    def __call__(self) -> bytes:
        with self._lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        time.sleep(self._hold_s)
        with self._lock:
            self.inside -= 1
        return b"body"


def test_a_public_host_is_asked_one_thing_at_a_time(store: Store) -> None:
    host, others = Crowd(), Crowd(hold_s=0.1)
    urls = [f"https://big.example/{number}" for number in range(6)]
    alone = [f"https://host{number}.example/" for number in range(6)]
    store.add_feeds([(url, "", "", "") for url in urls + alone], now=NOW)
    run(store, FakeFetcher({**dict.fromkeys(urls, host), **dict.fromkeys(alone, others)}), FakeParser())
    assert host.most == 1
    assert others.most > 1


def test_a_private_host_is_the_owners_own_and_may_be_asked_more(store: Store) -> None:
    host = Crowd(hold_s=0.05)
    urls = [f"http://127.0.0.1:8000/{number}" for number in range(12)]
    store.add_feeds([(url, "", "", "") for url in urls], now=NOW)
    assert kinds(run(store, FakeFetcher(dict.fromkeys(urls, host)), FakeParser())) == ["updated"] * 12
    assert 1 < host.most <= 8


# ---------------------------------------------------------------- never two on one feed


def test_two_refreshers_never_fetch_the_same_feed(store: Store) -> None:
    urls = [f"https://host{number}.example/" for number in range(20)]
    store.add_feeds([(url, "", "", "") for url in urls], now=NOW)
    crowds = {url: Crowd(hold_s=0.01) for url in urls}
    fetcher = FakeFetcher(crowds)
    waiting = store.due(NOW)
    together: list[list[Outcome]] = []
    begin = threading.Barrier(3)

    def work() -> None:
        begin.wait()
        together.append(list(refresh(store, waiting, fetcher=fetcher, parser=FakeParser(), now=NOW, fetchers=6)))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(fetcher.asked.values()) == {1}
    every = [outcome.kind for outcomes in together for outcome in outcomes]
    assert (every.count("updated"), every.count("skipped"), len(every)) == (20, 40, 60)
    assert leased(store) == set()


def test_a_feed_that_another_refresher_holds_is_skipped_and_stays_due(store: Store) -> None:
    held, free = subscribe(store, "held"), subscribe(store, "open")
    assert store.lease(held, owner="another host 1 x", now=NOW)
    fetcher = FakeFetcher()
    outcomes = run(store, fetcher, FakeParser())
    assert [(o.feed.id, o.kind) for o in outcomes] == [(held.id, "skipped"), (free.id, "updated")]
    assert fetcher.asked[held.url] == 0
    assert store.due(NOW) == [store.feed(held.id)]
    assert leased(store) == {"another host 1 x"}
    assert kinds(run(store, fetcher, FakeParser(), now=NOW + LEASE, all_=False)) == ["updated"]


def test_leases_of_a_dead_process_of_this_host_are_void_and_those_of_a_live_one_are_not(store: Store) -> None:
    one, two = subscribe(store, "one"), subscribe(store, "two")
    host = _here().split(" ")[0]
    assert store.lease(one, owner=f"{host} 999999999 x", now=NOW)  # beyond any process number
    assert store.lease(two, owner=f"{_here()} x", now=NOW)
    assert [(o.feed.id, o.kind) for o in run(store, FakeFetcher(), FakeParser())] == [
        (one.id, "updated"), (two.id, "skipped"),
    ]  # fmt: skip


def test_a_lease_taken_late_in_a_long_refresh_ends_late(store: Store) -> None:
    first, late = subscribe(store, "first"), subscribe(store, "late")
    clock = [0.0]

    def an_hour_passes() -> bytes:
        clock[0] += 3600
        return b"first"

    asked_at_last: list[bool] = []

    def another_looks() -> bytes:
        asked_at_last.append(store.lease(late, owner="another", now=NOW + hours(1) + timedelta(minutes=1)))
        return b"late"

    fetcher = FakeFetcher({first.url: an_hour_passes, late.url: another_looks})
    outcomes = refresh(
        store, [first, late], fetcher=fetcher, parser=FakeParser(), now=NOW, fetchers=1, seconds=lambda: clock[0]
    )
    assert [o.kind for o in outcomes] == ["updated", "updated"]
    assert asked_at_last == [False]


# ---------------------------------------------------------------- stopping


def test_closing_midway_keeps_what_was_stored_and_gives_every_lease_back(store: Store) -> None:
    urls = [f"https://host{number}.example/" for number in range(30)]
    store.add_feeds([(url, "", "", "") for url in urls], now=NOW)
    outcomes = refresh(store, store.due(NOW), fetcher=FakeFetcher(), parser=FakeParser(), now=NOW, fetchers=4)
    done = [next(outcomes) for _ in range(3)]
    outcomes.close()
    wait_until(lambda: not leased(store))
    wait_until(lambda: not any(thread.name.startswith("refresh-") for thread in threading.enumerate()))
    assert leased(store) == set()
    assert len(store.entries(limit=100)) == 3
    assert {kept.id for kept in store.feeds() if kept.succeeded_at} == {outcome.feed.id for outcome in done}
    assert len(store.due(NOW)) == 27
    assert kinds(run(store, FakeFetcher(), FakeParser(), all_=False)) == ["updated"] * 27


def test_a_feed_that_is_being_fetched_when_the_refresh_is_closed_is_given_back_when_its_fetch_ends(
    store: Store,
) -> None:
    quick, slow = subscribe(store, "quick"), subscribe(store, "slow")
    entered, let_go = threading.Event(), threading.Event()

    def slowly() -> bytes:
        entered.set()
        assert let_go.wait(10)
        return b"slow"

    fetcher = FakeFetcher({slow.url: slowly})
    outcomes = refresh(store, store.due(NOW), fetcher=fetcher, parser=FakeParser(), now=NOW)
    assert next(outcomes).feed.id == quick.id
    assert entered.wait(10)
    outcomes.close()
    assert not store.lease(slow, owner="another", now=NOW), "it is still being fetched"
    let_go.set()
    wait_until(lambda: store.lease(slow, owner="another", now=NOW))
    assert len(store.entries()) == 1


def test_a_broken_database_ends_the_refresh_with_its_own_error(store: Store, engine: Engine) -> None:
    subscribe(store)
    waiting = store.due(NOW)

    def breaks() -> bytes:
        with writing(engine) as connection:
            connection.exec_driver_sql("ALTER TABLE entries RENAME TO lost")
        return b"body"

    fetcher = FakeFetcher({waiting[0].url: breaks})
    with pytest.raises(StorageError, match="did not answer as expected"):
        list(refresh(store, waiting, fetcher=fetcher, parser=FakeParser(), now=NOW))
    assert leased(store) == set()
    with reading(engine) as connection:
        assert connection.exec_driver_sql("SELECT failures, error FROM feeds").all() == [(0, "")]


def test_a_busy_database_is_no_failure_of_the_feed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    outlet = subscribe(store)

    def busy(*_: object, **__: object) -> bool:
        raise StorageError("The database is busy.")

    monkeypatch.setattr(store, "lease", busy)
    fetcher = FakeFetcher()
    with pytest.raises(StorageError, match="busy"):
        list(refresh(store, [outlet], fetcher=fetcher, parser=FakeParser(), now=NOW))
    assert store.feed(outlet.id) == outlet
    assert fetcher.asked.total() == 0


def test_a_success_is_stored_whole_or_not_at_all(store: Store, engine: Engine) -> None:
    outlet = subscribe(store)
    items = [entry("good", "Volcano"), replace(entry("bad"), terms=("one", "too", "many"))]
    with pytest.raises(TypeError):
        collect(store, outlet, *reversed(items))
    assert store.entries() == []
    assert holding(store, ["volcano"]) == []
    assert store.feed(outlet.id).checked_at is None


# ---------------------------------------------------------------- the real parts, end to end


class CountingParser:
    """The real parser's processes, and how often they were asked."""

    def __init__(self, pool: ParserPool) -> None:
        self.pool = pool
        self.parsed: Counter[str] = Counter()

    def parse(self, body: bytes, url: str, headers: Mapping[str, str], *, now: datetime) -> ParsedFeed:
        self.parsed[urlsplit(url).path] += 1
        return self.pool.parse(body, url, headers, now=now)


@pytest.fixture(scope="module")
def pool() -> Iterator[ParserPool]:
    with ParserPool(2) as pool:
        yield pool


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer() as server:
        yield server


@pytest.fixture
def fetcher() -> Iterator[Fetcher]:
    with Fetcher(allow_private=True, timeout_s=60) as fetcher:
        yield fetcher


def items(name: str, count: int, *, version: str = "") -> list[feeds.Item]:
    return [
        feeds.entry(
            f"{name} {number}{version}", guid=f"{name}-{number}", link=f"https://outlet.example/{name}/{number}",
            summary=f"<p>Text {number} of {name}.</p>", date=ago(number + 1),
        )
        for number in range(count)
    ]  # fmt: skip


def test_real_feeds_are_fetched_parsed_stored_and_then_left_unchanged(
    store: Store, server: FeedServer, fetcher: Fetcher, pool: ParserPool
) -> None:
    server.serve("/rss", feeds.rss(*items("rss", 20), title="An RSS feed"), etag='"1"')
    server.serve(
        "/atom", feeds.atom(*items("atom", 10), title="An Atom feed"), last_modified="Wed, 10 Jun 2026 09:00:00 GMT"
    )
    server.serve("/json", feeds.json(*items("東京の火山", 5), title="ニュース"))
    server.serve("/site", feeds.page(announces=["/announced"]), headers={"Content-Type": "text/html"})
    server.serve("/announced", feeds.rss(*items("announced", 3)))
    server.serve("/broken", b"Oops", status=500)
    server.serve("/page", feeds.page())
    server.redirect("/moved", "/new", status=301)
    server.serve("/new", feeds.rss(*items("moved", 4)))
    paths = ["/rss", "/atom", "/json", "/site", "/broken", "/page", "/moved", "/gone"]
    store.add_feeds([(server.url(path), "", "", "") for path in paths], now=NOW)
    parser = CountingParser(pool)

    def poll(at: datetime) -> dict[str, tuple[str, int, int]]:
        outcomes = refresh(store, store.due(at, everything=True), fetcher=fetcher, parser=parser, now=at)
        return {urlsplit(o.feed.url).path: (o.kind, o.new, o.edited) for o in outcomes}

    failed = dict.fromkeys(("/broken", "/page", "/gone"), ("failed", 0, 0))
    assert poll(NOW) == failed | {
        "/rss": ("updated", 20, 0), "/atom": ("updated", 10, 0), "/json": ("updated", 5, 0),
        "/site": ("updated", 3, 0), "/moved": ("updated", 4, 0),
    }  # fmt: skip
    errors = {urlsplit(kept.url).path: kept.error for kept in store.feeds() if kept.error}
    assert set(errors) == set(failed)
    assert len(set(errors.values())) == 3, "each fails with its own sentence"
    detail = store.failure_detail(next(kept.id for kept in store.feeds() if kept.url.endswith("/broken")))
    assert detail
    assert (detail.status, detail.start) == (500, "Oops")
    assert {kept.title for kept in store.feeds()} >= {"An RSS feed", "An Atom feed", "ニュース", "The Outlet"}
    assert {found.title for found in holding(store, ["火山"])} == {f"東京の火山 {number}" for number in range(5)}

    parser.parsed.clear()
    server.requests.clear()
    unchanged = dict.fromkeys(("/rss", "/atom", "/json", "/announced", "/moved"), ("unchanged", 0, 0))
    assert poll(NOW + hours(1)) == failed | unchanged
    assert set(parser.parsed) == {"/page"}, "what has not changed is never parsed"
    sent = {request.path: request.headers for request in server.requests}
    assert sent["/rss"]["if-none-match"] == '"1"'
    assert sent["/atom"]["if-modified-since"] == "Wed, 10 Jun 2026 09:00:00 GMT"
    assert "if-none-match" not in sent["/page"]
    assert {urlsplit(kept.url).path for kept in store.feeds()} >= {"/new", "/announced"}

    edited = items("rss", 20)
    edited[3] = feeds.entry("An edited title", guid="rss-3", link="https://outlet.example/rss/3", date=ago(4))
    server.serve("/rss", feeds.rss(*items("more", 2), *edited, title="An RSS feed"), etag='"2"')
    server.serve("/broken", feeds.rss(*items("mended", 1)))
    after = poll(NOW + hours(2))
    assert after["/rss"] == ("updated", 2, 1)
    assert after["/broken"] == ("updated", 1, 0)
    assert after["/new"] == ("unchanged", 0, 0)
    assert next(kept.error for kept in store.feeds() if kept.url.endswith("/broken")) == ""
    assert store.stats().entries == 20 + 10 + 5 + 3 + 4 + 2 + 1


def test_a_server_that_does_not_answer_delays_nobody_else(
    store: Store, server: FeedServer, fetcher: Fetcher, pool: ParserPool
) -> None:
    others_are_stored = threading.Event()

    def hang(connection: Connection) -> None:
        others_are_stored.wait(30)

    server.fault("/hang", hang)
    server.fault("/reset", reset)
    for number in range(12):
        server.serve(f"/{number}", feeds.rss(*items(str(number), 2)))
    paths = ["/hang", "/reset", *(f"/{number}" for number in range(12))]
    store.add_feeds([(server.url(path), "", "", "") for path in paths], now=NOW)
    kinds_by_path: dict[str, str] = {}
    for outcome in refresh(store, store.due(NOW), fetcher=fetcher, parser=pool, now=NOW):
        kinds_by_path[urlsplit(outcome.feed.url).path] = outcome.kind
        if len(kinds_by_path) == 13:
            assert "/hang" not in kinds_by_path
            others_are_stored.set()
    assert others_are_stored.is_set()
    assert [path for path, kind in kinds_by_path.items() if kind == "failed"] == ["/reset", "/hang"]
    assert store.stats().entries == 24


REFRESHES = """
import sys
from datetime import datetime
from news.fetch import Fetcher
from news.parse import ParserPool
from news.refresh import refresh
from news.store import Store
from storage.engine import connect
store, now = Store(connect(sys.argv[1])), datetime.fromisoformat(sys.argv[2])
with Fetcher(allow_private=True) as fetcher, ParserPool(2) as parser:
    for outcome in refresh(store, store.due(now, everything=True), fetcher=fetcher, parser=parser, now=now):
        print(outcome.feed.url, outcome.kind, flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no kill -9, and leases of dead processes end by time there")
def test_kill_9_in_the_middle_of_a_refresh_harms_nothing_and_the_next_one_works_at_once(
    store: Store, database: Path, server: FeedServer, fetcher: Fetcher, pool: ParserPool
) -> None:
    names, each = [f"feed{number}" for number in range(16)], 8
    store.add_feeds([(server.url(f"/{name}"), "", "", "") for name in names], now=NOW)
    for turn, stored_before_the_kill in enumerate((0, 3, 10)):
        at = NOW + hours(turn)
        for name in names:
            # A round's items have its number, so that a feed that was stored by half would show.
            server.serve(f"/{name}", feeds.rss(*items(f"{name}-turn{turn}", each)))
        server.requests.clear()
        process = subprocess.Popen(
            [sys.executable, "-c", REFRESHES, f"sqlite:///{database}", at.isoformat()],
            cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        assert process.stdout
        acknowledged = [process.stdout.readline().split()[0] for _ in range(stored_before_the_kill)]
        wait_until(lambda: len(server.requests) >= 4, seconds=30)
        process.kill()
        acknowledged += [row.split()[0] for row in process.stdout.read().splitlines() if row.endswith(" updated")]
        process.stdout.close()
        process.wait()

        with sqlite3.connect(database) as raw:
            assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert raw.execute("PRAGMA foreign_key_check").fetchall() == []
            raw.execute("INSERT INTO versions_text(versions_text) VALUES ('integrity-check')")
            found = raw.execute(
                "SELECT f.url, count(*), count(v.id) FROM entries e JOIN feeds f ON f.id = e.feed_id "
                "LEFT JOIN versions v ON v.entry_id = e.id WHERE e.key LIKE ? GROUP BY f.url",
                (f"%-turn{turn}-%",),
            ).fetchall()
            done = {
                row[0] for row in raw.execute("SELECT url FROM feeds WHERE checked_at = ?", (f"{at:%F %T}.000000",))
            }
        raw.close()
        whole = {url for url, entries, versions in found if (entries, versions) == (each, each)}
        assert len(found) == len(whole), "no feed was stored by half"
        assert whole == done
        assert whole >= set(acknowledged), "what was told to be stored is stored"

        outcomes = list(refresh(store, store.due(at, everything=True), fetcher=fetcher, parser=pool, now=at))
        assert {o.kind for o in outcomes} <= {"updated", "unchanged"}, "nothing waits for the lease of the dead"
        assert {o.feed.url for o in outcomes if o.kind == "updated"} == {
            server.url(f"/{name}") for name in names
        } - done
        assert store.stats().entries == len(names) * each * (turn + 1)
        assert len(holding(store, [f"turn{turn}"])) == len(names) * each
