"""The refresher of the running app: it polls what is due, does what it is asked, and survives."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest

from news.background import PRUNE_EVERY, Refresher
from news.errors import Unreachable
from news.store import Store
from news.story_store import Stories
from storage import tables as t
from storage.engine import writing
from tests.conftest import NOW
from tests.news.made import FakeFetcher, FakeParser, ago, collect, entry, subscribe

SOON_S = 0.02


class Clock:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> datetime:
        return self.at


@contextmanager
def running(
    store: Store,
    fetcher: FakeFetcher,
    *,
    clock: Clock | None = None,
    look_every_s: float = SOON_S,
    elsewhere: Callable[[], bool] = lambda: False,
    tidy: Callable[[datetime], object] = lambda _: None,
) -> Iterator[Refresher]:
    @contextmanager
    def parsers() -> Iterator[FakeParser]:
        yield FakeParser()

    refresher = Refresher(
        store, fetcher, clock=clock or Clock(), look_every_s=look_every_s, parsers=parsers, elsewhere=elsewhere,
        tidy=tidy,
    )  # fmt: skip
    refresher.start()
    try:
        yield refresher
    finally:
        refresher.close(wait_s=10)
        assert not any(thread.name == "refresher" for thread in threading.enumerate())


def wait_until(true: Callable[[], object], *, seconds: float = 10) -> None:
    give_up = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < give_up, "it never happened"
        time.sleep(0.005)


def test_what_is_due_is_polled_at_once_and_again_when_it_is_due_again(store: Store) -> None:
    outlet = subscribe(store)
    clock, fetcher = Clock(), FakeFetcher()
    with running(store, fetcher, clock=clock):
        wait_until(lambda: store.entries())
        assert fetcher.asked[outlet.url] == 1
        clock.at += timedelta(minutes=40)
        wait_until(lambda: fetcher.asked[outlet.url] == 2)
        wait_until(lambda: store.feed(outlet.id).checked_at == clock.at)


def test_a_feed_that_is_not_due_is_left_alone_until_someone_asks(store: Store) -> None:
    outlet = subscribe(store)
    collect(store, outlet, entry("a"))
    fetcher = FakeFetcher()
    with running(store, fetcher) as refresher:
        job = refresher.ask([store.feed(outlet.id)])
        assert job.finished.wait(10)
        assert (job.total, [o.kind for o in job.outcomes], job.error, job.failed) == (1, ["updated"], "", [])
        assert fetcher.asked[outlet.url] == 1


def test_what_a_job_brought_has_its_stories_when_it_is_finished(store: Store) -> None:
    outlet = subscribe(store)
    with running(store, FakeFetcher(), look_every_s=60) as refresher:
        assert refresher.ask([store.feed(outlet.id)]).finished.wait(10)
        assert refresher.stories.waiting() == 0
        assert [one.story for one in store.entries()] == [1]


def test_what_was_stored_before_there_were_stories_is_grouped_between_refreshes(store: Store) -> None:
    collect(store, subscribe(store), *(entry(f"{n}", f"Headline{n} of{n} the{n} hour{n}") for n in range(900)))
    assert Stories(store).waiting() == 900
    with running(store, FakeFetcher()) as refresher:
        wait_until(lambda: refresher.stories.waiting() == 0)


def test_a_job_tells_which_feeds_failed_and_why(store: Store) -> None:
    dead, live = subscribe(store, "dead"), subscribe(store, "live")
    for outlet in (dead, live):
        collect(store, outlet, entry(outlet.title))
    fetcher = FakeFetcher({dead.url: Unreachable("There is no such host.")})
    with running(store, fetcher) as refresher:
        job = refresher.ask(store.feeds())
        assert job.finished.wait(10)
    assert [(o.feed.id, o.error) for o in job.failed] == [(dead.id, "There is no such host.")]
    assert len(job.outcomes) == 2


def test_a_job_for_no_feeds_is_finished(store: Store) -> None:
    with running(store, FakeFetcher()) as refresher:
        job = refresher.ask([])
        assert job.finished.wait(10)
        assert (job.total, job.outcomes, job.error) == (0, [], "")


def test_jobs_are_done_one_after_the_other(store: Store) -> None:
    feeds = [subscribe(store, name) for name in ("one", "two", "three")]
    for outlet in feeds:
        collect(store, outlet, entry(outlet.title))
    with running(store, FakeFetcher()) as refresher:
        jobs = [refresher.ask([store.feed(outlet.id)]) for outlet in feeds]
        assert all(job.finished.wait(10) for job in jobs)
        assert [o.feed.id for job in jobs for o in job.outcomes] == [outlet.id for outlet in feeds]


def test_someone_who_asks_all_the_time_does_not_keep_the_others_from_being_polled(store: Store) -> None:
    busy = subscribe(store, "busy")
    collect(store, busy, entry("a"))
    clock, fetcher = Clock(), FakeFetcher()
    with running(store, fetcher, clock=clock, look_every_s=0.2) as refresher:
        refresher.ask([]).finished.wait(10)
        waiting = subscribe(store, "waiting")

        def ask_again() -> bool:
            clock.at += timedelta(seconds=1)
            refresher.ask([store.feed(busy.id)]).finished.wait(10)
            return fetcher.asked[waiting.url] > 0

        wait_until(ask_again)


def test_a_broken_database_is_told_and_survived(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    outlet = subscribe(store)
    collect(store, outlet, entry("a"))
    fetcher = FakeFetcher()
    with running(store, fetcher, look_every_s=30) as refresher, caplog.at_level(logging.CRITICAL, "news"):
        assert refresher.ask([]).finished.wait(10)
        with writing(store.engine) as connection:
            connection.exec_driver_sql("ALTER TABLE entries RENAME TO lost")
        job = refresher.ask([store.feed(outlet.id)])
        assert job.finished.wait(10)
        assert job.error == "The database did not answer as expected; the log has the reason."
        with writing(store.engine) as connection:
            connection.exec_driver_sql("ALTER TABLE lost RENAME TO entries")
        job = refresher.ask([store.feed(outlet.id)])
        assert job.finished.wait(10)
        assert (job.error, [o.kind for o in job.outcomes]) == ("", ["updated"])


def test_a_mistake_while_polling_does_not_end_the_refresher(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    looked = threading.Event()

    def broken(*_: object, **__: object) -> list[object]:
        looked.set()
        raise RuntimeError("a mistake of ours")

    with monkeypatch.context() as patched, caplog.at_level(logging.CRITICAL, "news"):
        patched.setattr(store, "due", broken)
        with running(store, FakeFetcher()) as refresher:
            assert looked.wait(10)
            assert refresher.ask([]).finished.wait(10)


def test_closing_stops_after_the_feed_at_hand_and_leaves_nobody_waiting(store: Store) -> None:
    urls = [f"https://one.example/{number}" for number in range(50)]
    store.add_feeds([(url, "", "", "") for url in urls], now=NOW)
    entered, let_go = threading.Event(), threading.Event()

    def slowly() -> bytes:
        entered.set()
        assert let_go.wait(10)
        return b"body"

    fetcher = FakeFetcher(dict.fromkeys(urls, slowly))
    with running(store, fetcher) as refresher:
        assert entered.wait(10)
        waiting = refresher.ask(store.feeds())
        closing = threading.Thread(target=refresher.close, kwargs={"wait_s": 10})
        closing.start()
        let_go.set()
        closing.join(10)
        assert waiting.finished.wait(10)
        assert "is closing" in waiting.error
        late = refresher.ask(store.feeds())
        assert late.finished.is_set()
        assert "is closing" in late.error
    assert sum(fetcher.asked.values()) < 50
    wait_until(lambda: not store.lease_owners())


def test_old_entries_are_pruned_at_the_start_and_then_every_few_hours(store: Store) -> None:
    outlet = subscribe(store)
    collect(store, outlet, entry("old", at=ago(24 * 100)), entry("soon", at=ago(24 * 90 - 1)), entry("new", at=ago(1)))
    clock = Clock()

    def kept() -> list[str]:
        return [found.title for found in store.entries() if found.url.startswith("https://outlet.example/")]

    with running(store, FakeFetcher({outlet.url: Unreachable("No.")}), clock=clock):
        wait_until(lambda: len(store.entries()) == 2)
        clock.at += PRUNE_EVERY
        wait_until(lambda: kept() == ["Title of new"])


def test_what_else_is_past_its_time_is_tidied_as_often_whoever_polls(store: Store) -> None:
    clock = Clock()
    tidied: list[datetime] = []
    with running(store, FakeFetcher(), clock=clock, elsewhere=lambda: True, tidy=tidied.append):
        wait_until(lambda: tidied == [NOW])
        clock.at += PRUNE_EVERY
        wait_until(lambda: tidied == [NOW, NOW + PRUNE_EVERY])


def test_a_refresher_that_was_never_started_can_be_closed(store: Store) -> None:
    refresher = Refresher(store, FakeFetcher(), clock=Clock())
    job = refresher.ask([])
    refresher.close(wait_s=1)
    assert job.finished.is_set()
    assert "is closing" in job.error


def test_leases_in_the_tables_are_gone_when_a_job_is_finished(store: Store) -> None:
    outlet = subscribe(store)
    collect(store, outlet, entry("a"))
    with running(store, FakeFetcher()) as refresher:
        assert refresher.ask([store.feed(outlet.id)]).finished.wait(10)
        assert store.lease_owners() == set()
    with store.engine.connect() as connection:
        assert connection.execute(t.feeds.select().where(t.feeds.c.lease_owner != "")).all() == []
