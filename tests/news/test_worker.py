"""Workers over one Postgres: they share what is due, take over from one another, and the app leaves it to them."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, select, text

from news.errors import NewsError
from news.fetch import Fetcher
from news.store import Store
from news.worker import _lay_out, run, working
from storage import tables as t
from storage.engine import connect, reading, writing
from tests import feeds
from tests.conftest import NOW
from tests.feed_server import Connection, FeedServer
from tests.news.made import FakeFetcher, subscribe
from tests.news.test_background import running, wait_until
from tests.postgres_server import PostgresServer

ROOT = Path(__file__).parents[2]
# A look a second, and a worker is gone when it was not heard of for one.
WORKS = """
import sys
from datetime import UTC, datetime
import logs
from news.fetch import Fetcher
from news.store import Store
from news.worker import Pace, run
from storage.engine import connect
logs.begin()
pace = Pace("* * * * * *", "* * * * * *", "0 0 1 1 *", heartbeat_s=0.2, gone_after_s=1, back_after_s=0.2, finish_s=10)
with Fetcher(allow_private=True) as fetcher:
    store = Store(connect(sys.argv[1], busy_timeout_ms=200))
    run(store, fetcher, clock=lambda: datetime.now(UTC), threads=8, pace=pace)
"""


@pytest.fixture
def engine(postgres_url: str) -> Iterator[Engine]:
    engine = connect(postgres_url)
    yield engine
    engine.dispose()


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer() as server:
        yield server


@pytest.fixture
def worker(engine: Engine) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Starts workers, and stops in the end those that are left."""
    with ExitStack() as opened:

        def start() -> subprocess.Popen[str]:
            url = engine.url.render_as_string(hide_password=False)
            process = subprocess.Popen(
                [sys.executable, "-c", WORKS, url], cwd=ROOT, text=True, stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )  # fmt: skip
            opened.callback(_end, process)
            return process

        yield start


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    if process.stderr:
        process.stderr.close()


def served(store: Store, server: FeedServer, number: int, hosts: int = 1) -> list[str]:
    """So many feeds of the server, subscribed, in turn by so many of its names."""
    added = []
    for n in range(number):
        url = server.serve(f"/{n}", feeds.rss(feeds.entry(f"Entry of {n}", link=f"https://x.example/{n}")))
        added.append(url.replace("127.0.0.1", ("127.0.0.1", "localhost")[n % hosts]))
    store.add_feeds([(url, "", "", "") for url in added], now=NOW)
    return added


def succeeded(store: Store) -> int:
    with reading(store.engine) as connection:
        return connection.execute(select(func.count()).where(t.feeds.c.succeeded_at.is_not(None))).scalar_one()


def test_workers_share_what_is_due_and_each_feed_is_fetched_once(
    store: Store, server: FeedServer, worker: Callable[[], subprocess.Popen[str]]
) -> None:
    served(store, server, 40, hosts=2)
    both = [worker(), worker()]
    wait_until(lambda: succeeded(store) == 40, seconds=60)
    assert Counter(server.paths()) == Counter(f"/{n}" for n in range(40))
    assert store.stats().entries == 40
    assert working(store.engine)
    for one in both:
        one.send_signal(signal.SIGTERM)
    logs = [one.communicate(timeout=30)[1] for one in both]
    assert [one.returncode for one in both] == [0, 0]
    assert not working(store.engine)
    lines = [line for log in logs for line in log.splitlines() if "event=refreshed" in line]
    assert sorted(line.partition("host=")[2].split()[0] for line in lines) == ["127.0.0.1", "localhost"]
    assert sum(int(line.partition("feeds=")[2].split()[0]) for line in lines) == 40


def test_a_host_is_asked_by_one_worker_at_a_time(
    store: Store, server: FeedServer, worker: Callable[[], subprocess.Popen[str]]
) -> None:
    lock, now, most = threading.Lock(), [0], [0]

    def slow(connection: Connection) -> None:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        connection.wait(0.1)
        with lock:
            now[0] -= 1
        connection.head("404 Not Found", Content_Length="0")

    for n in range(30):
        store.add_feed(server.fault(f"/{n}", slow), now=NOW)
    for _ in range(3):
        worker()
    wait_until(lambda: len(server.requests) >= 30 and now[0] == 0, seconds=60)
    assert 1 < most[0] <= 8  # what one worker may ask of a private host at once


def test_a_worker_killed_in_mid_task_loses_nothing_and_another_takes_over(
    store: Store, server: FeedServer, worker: Callable[[], subprocess.Popen[str]]
) -> None:
    asked, go = threading.Event(), threading.Event()
    body = feeds.rss(feeds.entry("Entry", link="https://x.example/1"))

    def hang(connection: Connection) -> None:
        asked.set()
        while not go.is_set() and connection.wait(0.02):
            pass
        connection.head("200 OK", Content_Length=str(len(body)), Content_Type="application/rss+xml")
        connection.send(body)

    outlet, _ = store.add_feed(server.fault("/feed", hang), now=NOW)
    first = worker()
    assert asked.wait(60)
    first.kill()
    first.communicate()
    assert store.feed(outlet.id).succeeded_at is None
    go.set()
    second = worker()
    wait_until(lambda: succeeded(store) == 1, seconds=60)
    assert store.stats().entries == 1
    assert store.lease_owners() == set()
    second.send_signal(signal.SIGTERM)
    assert "event=job_taken_off job=refresh" in second.communicate(timeout=30)[1]


def test_a_worker_that_is_told_to_stop_finishes_the_feed_at_hand(
    store: Store, server: FeedServer, worker: Callable[[], subprocess.Popen[str]]
) -> None:
    asked, go = threading.Event(), threading.Event()
    body = feeds.rss(feeds.entry("Entry", link="https://x.example/1"))

    def hang(connection: Connection) -> None:
        asked.set()
        while not go.is_set() and connection.wait(0.02):
            pass
        connection.head("200 OK", Content_Length=str(len(body)), Content_Type="application/rss+xml")
        connection.send(body)

    store.add_feed(server.fault("/feed", hang), now=NOW)
    process = worker()
    assert asked.wait(60)
    process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    go.set()
    process.communicate(timeout=30)
    assert (process.returncode, store.stats().entries) == (0, 1)


def test_a_feed_that_fails_waits_as_long_as_its_own_back_off_says(
    store: Store, server: FeedServer, worker: Callable[[], subprocess.Popen[str]]
) -> None:
    server.serve("/gone", b"", status=503)
    outlet, _ = store.add_feed(server.url("/gone"), now=NOW)
    served(store, server, 1)
    worker()
    wait_until(lambda: store.feed(outlet.id).failures == 1, seconds=60)
    looks = "SELECT count(*) FROM procrastinate.procrastinate_periodic_defers WHERE task_name = 'look'"
    with reading(store.engine) as connection:
        assert connection.execute(text(looks)).scalar() == 1
    time.sleep(3)  # three looks
    assert Counter(server.paths()) == {"/gone": 1, "/0": 1}
    assert store.feed(outlet.id).due_at > datetime.now(UTC) + timedelta(minutes=20)


def test_a_worker_outlives_a_database_that_goes_away(postgres: PostgresServer, server: FeedServer) -> None:
    own = PostgresServer(synchronous_commit="on")
    own.start()
    process = None
    try:
        store = Store(connect(own.url()))
        served(store, server, 1)
        process = subprocess.Popen(
            [sys.executable, "-c", WORKS, own.url()], cwd=ROOT, text=True, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )  # fmt: skip
        wait_until(lambda: succeeded(store) == 1, seconds=60)
        own.stop()
        time.sleep(1)
        own.start()
        store.add_feed(server.serve("/new", feeds.rss(feeds.entry("New", link="https://x.example/new"))), now=NOW)
        wait_until(lambda: succeeded(store) == 2, seconds=60)
        process.send_signal(signal.SIGTERM)
        log = process.communicate(timeout=60)[1]
        assert process.returncode == 0, log
        store.engine.dispose()
    finally:
        if process and process.poll() is None:
            process.kill()
            process.communicate()
        own.close()


# ---------------------------------------------------------------- the app and its workers


def test_the_app_polls_by_itself_until_there_are_workers_and_again_when_they_are_gone(store: Store) -> None:
    outlet = subscribe(store)
    fetcher, workers = FakeFetcher(), [True]
    with running(store, fetcher, elsewhere=lambda: workers[0]) as refresher:
        job = refresher.ask([])
        assert job.finished.wait(10)
        time.sleep(0.2)
        assert fetcher.asked == {}, "others poll"
        asked = refresher.ask([store.feed(outlet.id)])
        assert asked.finished.wait(10)
        assert fetcher.asked == {outlet.url: 1}, "a reader's wish is done at once all the same"
        subscribe(store, "other")
        workers[0] = False
        wait_until(lambda: fetcher.asked["https://other.example/feed"] == 1)


def test_nobody_works_where_nobody_ever_did_or_the_last_was_not_heard_of_lately(engine: Engine) -> None:
    assert not working(engine)
    _lay_out(engine)
    assert not working(engine)
    with writing(engine) as connection:
        insert = "INSERT INTO procrastinate.procrastinate_workers (last_heartbeat) VALUES (now() - interval '20 s')"
        connection.execute(text(insert))
    assert working(engine)
    assert not working(engine, gone_after_s=10)


def test_the_line_is_made_anew_when_it_was_made_by_another_version_and_else_left_alone(engine: Engine) -> None:
    _lay_out(engine)
    with writing(engine) as connection:
        connection.execute(text("INSERT INTO procrastinate.procrastinate_workers DEFAULT VALUES"))
    _lay_out(engine)
    assert working(engine)
    with writing(engine) as connection:
        connection.execute(text("COMMENT ON SCHEMA procrastinate IS '2.0.0'"))
    _lay_out(engine)
    assert not working(engine)


def test_with_sqlite_there_are_no_workers_and_that_is_said(database: Path) -> None:
    lite = connect(f"sqlite:///{database}")
    assert not working(lite)
    with Fetcher() as fetcher, pytest.raises(NewsError, match="Workers need Postgres"):
        run(Store(lite), fetcher, clock=lambda: NOW)
    lite.dispose()


def test_python_m_news_worker_works_and_stops(engine: Engine, store: Store, server: FeedServer) -> None:
    served(store, server, 3)
    environment = {"DATABASE_URL": str(engine.url), "ALLOW_PRIVATE_FEEDS": "1", "PATH": "/usr/bin:/bin"}
    process = subprocess.Popen(
        [sys.executable, "-m", "news", "worker", "--threads", "4"], cwd=ROOT, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        wait_until(lambda: succeeded(store) == 3, seconds=90)
    finally:
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "")
    assert "event=worker_started threads=4" in err
    assert "event=refreshed host=127.0.0.1 feeds=3 new=3" in err
