"""Reading in processes that can be killed: the same answers, and no feed that holds up the others."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from news import parse as module
from news.errors import EmptyFeed, NotAFeed, ParseError, ParseTimedOut
from news.parse import ParserPool, parse
from news.types import ParsedFeed
from tests import feeds

NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)
URL = "https://outlet.example/feed.xml"
ROOT = Path(module.__file__).resolve().parent.parent
posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")

GOOD = feeds.rss(
    feeds.entry("Rain", guid="1", link="https://outlet.example/1", summary="It <b>rains</b>.", date=NOW, author="Ada"),
    feeds.entry("日本", guid="2", categories=["x", "y"], enclosures=[("https://outlet.example/a.mp3", "audio/mpeg")]),
)


@pytest.fixture(scope="module")
def pool() -> Iterator[ParserPool]:
    with ParserPool(2) as pool:
        yield pool


def read(pool: ParserPool, body: bytes, content_type: str = "") -> ParsedFeed:
    return pool.parse(body, URL, {"content-type": content_type}, now=NOW)


# ---------------------------------------------------------------- the same answers


@pytest.mark.parametrize(
    "body",
    [
        GOOD,
        feeds.atom(feeds.entry("T", guid="1")),
        feeds.rdf(feeds.entry("T")),
        feeds.json(feeds.entry("T")),
        GOOD[:-40],
    ],
    ids=["RSS", "Atom", "RDF", "JSON", "broken"],
)
def test_a_worker_reads_a_feed_as_this_process_would(pool: ParserPool, body: bytes) -> None:
    assert read(pool, body) == parse(body, URL, {}, now=NOW)


def test_a_worker_is_told_the_content_type(pool: ParserPool) -> None:
    body = feeds.rss(feeds.entry("Привет"), encoding="koi8-r").replace(b' encoding="koi8-r"', b"")
    assert read(pool, body, "text/xml; charset=koi8-r").entries[0].title == "Привет"


@pytest.mark.parametrize(
    ("body", "kind"), [(b"", EmptyFeed), (feeds.rss(), EmptyFeed), (b"nothing", NotAFeed), (b"{}", NotAFeed)]
)
def test_errors_arrive_as_what_they_are(pool: ParserPool, body: bytes, kind: type[ParseError]) -> None:
    with pytest.raises(kind) as here:
        parse(body, URL, {}, now=NOW)
    with pytest.raises(kind) as there:
        read(pool, body)
    assert (str(there.value), there.value.url) == (str(here.value), URL)


def test_a_page_s_announced_feeds_arrive_too(pool: ParserPool) -> None:
    with pytest.raises(NotAFeed) as caught:
        read(pool, feeds.page(announces=["/a", "/b"]))
    assert caught.value.announced == ("https://outlet.example/a", "https://outlet.example/b")


def test_a_body_of_five_megabytes_goes_through(pool: ParserPool) -> None:
    body = feeds.rss(feeds.entry("T", summary="x" * (5 * 2**20 - 1000)))
    assert read(pool, body).entries[0].title == "T"


def test_many_threads_share_few_workers() -> None:
    bodies = [feeds.rss(feeds.entry(f"T{n}")) for n in range(20)]
    most = 0
    with ParserPool(2) as pool:

        def work(body: bytes) -> str:
            nonlocal most
            title = read(pool, body).entries[0].title
            most = max(most, len(pool._alive))
            return title

        with ThreadPoolExecutor(6) as threads:
            assert list(threads.map(work, bodies)) == [f"T{n}" for n in range(20)]
    assert 1 <= most <= 2


def test_workers_start_when_they_are_needed_and_stay() -> None:
    with ParserPool(4) as pool:
        assert len(pool._alive) == 0
        for _ in range(5):
            read(pool, GOOD)
        assert len(pool._alive) == 1


# ---------------------------------------------------------------- hostile feeds


def rss(inside: bytes) -> bytes:
    return (
        b'<rss version="2.0"><channel><title>T</title><item><title>good</title></item>' + inside + b"</channel></rss>"
    )


BOMBS: dict[str, Callable[[], bytes]] = {
    "attributes": lambda: rss(b"<item><a " + b" ".join(b'a%d="x"' % n for n in range(50_000)) + b"/></item>"),
    "entity declarations": lambda: (
        b"<!DOCTYPE rss [" + b"".join(b'<!ENTITY e%d "x">\n' % n for n in range(100_000)) + b"]>" + rss(b"")
    ),
    "billion laughs": lambda: (
        b'<!DOCTYPE x [<!ENTITY l0 "lol">'
        + b"".join(b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, 10))
        + b"]>"
        + rss(b"<item><title>&l9;</title></item>")
    ),
    "items": lambda: rss(b"<item><title>more</title></item>" * 100_000),
    "nested tags": lambda: rss(b"<item><title>" + b"<a>" * 100_000 + b"</a>" * 100_000 + b"</title></item>"),
    "nested divs": lambda: feeds.atom(
        feeds.entry("good", guid="1"),
        feeds.entry(guid="2", raw='<content type="xhtml">' + "<div>" * 50_000 + "</div>" * 50_000 + "</content>"),
    ),
    "open tags": lambda: rss(b"<item>" + b"<a>" * 500_000),
    "authors": lambda: rss((b"<item><title>T</title><author>" + b"a" * 16_000 + b"</author></item>") * 50),
    "html": lambda: rss(b"<item><description>" + b"&lt;b&gt;x&lt;/b&gt;" * 10_000 + b"</description></item>"),
    "less-than signs": lambda: rss(b"<item><description><![CDATA[" + b"<" * 500_000 + b"]]></description></item>"),
    "ampersands": lambda: rss(b"<item><description>" + b"&" * 100_000 + b"</description></item>"),
    "open CDATA": lambda: rss(b"<item><description>" + b"<![CDATA[" * 100_000),
    "open comments": lambda: rss(b"") + b"<!--" * 200_000,
    "character references": lambda: rss(b"<item><title>" + b"&#0;&#xD800;" * 50_000 + b"</title></item>"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_neither_holds_up_the_reader_nor_loses_the_good_entries(pool: ParserPool, name: str) -> None:
    feed = read(pool, BOMBS[name]())  # within the pool's ten seconds; each took minutes, or all memory, before
    assert feed.entries[0].title == "good"


@pytest.mark.parametrize("name", ["NUL", "noise", "JSON"])
def test_a_bomb_that_is_no_feed_is_an_error_at_once(pool: ParserPool, name: str) -> None:
    body = {
        "NUL": b"\x00" * 2**20,
        "noise": bytes(range(256)) * 4000,
        "JSON": b'{"version": "https://jsonfeed.org/version/1", "items": ' + b"[" * 500_000,
    }[name]
    with pytest.raises(ParseError):
        read(pool, body)


SLOW = rss(b"<item>" + b"".join(b"<category>%d</category>" % n for n in range(100_000)) + b"</item>")


def test_a_feed_that_takes_too_long_is_given_up_and_the_next_is_read() -> None:
    with ParserPool(1, seconds=0.5) as pool:
        read(pool, GOOD)
        started = time.monotonic()
        with pytest.raises(ParseTimedOut, match=r"outlet\.example took too much time"):
            read(pool, SLOW)
        assert time.monotonic() - started < 8
        assert read(pool, GOOD).entries


def test_other_feeds_are_read_while_one_hangs() -> None:
    with ParserPool(2, seconds=1.5) as pool, ThreadPoolExecutor(1) as thread:
        read(pool, GOOD)
        hangs = thread.submit(read, pool, SLOW)
        for _ in range(5):
            assert read(pool, GOOD).entries
        assert not hangs.done()
        with pytest.raises(ParseTimedOut):
            hangs.result()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux bounds a process's memory")
def test_a_feed_that_takes_too_much_memory_is_given_up_and_the_next_is_read() -> None:
    wide = b'{"version": "https://jsonfeed.org/version/1", "items": [{"title": "T"}' + b', {"": 0}' * 600_000 + b"]}"
    with ParserPool(1, memory_mb=100) as pool:
        with pytest.raises(ParseTimedOut, match="memory"):
            read(pool, wide)
        assert read(pool, GOOD).entries


# ---------------------------------------------------------------- workers that die


def processes(pool: ParserPool) -> list[subprocess.Popen[bytes]]:
    return [worker._process for worker in pool._alive]


def test_a_worker_that_died_in_its_sleep_is_replaced() -> None:
    with ParserPool(1) as pool:
        read(pool, GOOD)
        (process,) = processes(pool)
        process.kill()
        process.wait()
        assert read(pool, GOOD).entries
        assert processes(pool) != [process]


def test_a_worker_that_dies_at_work_is_an_error_for_that_feed_alone() -> None:
    with ParserPool(1) as pool:
        read(pool, GOOD)
        (process,) = processes(pool)
        assassin = threading.Timer(0.3, process.kill)
        assassin.start()
        with pytest.raises(ParseError, match="could not be read") as caught:
            read(pool, SLOW)
        assassin.join()
        assert not isinstance(caught.value, ParseTimedOut)
        assert read(pool, GOOD).entries


@posix
@pytest.mark.parametrize("body", [GOOD, b"<rss>" + b" " * 5 * 2**20], ids=["small", "5 MB"])
def test_a_worker_that_neither_reads_nor_answers_is_not_waited_for(body: bytes) -> None:
    with ParserPool(1, seconds=0.5) as pool:
        read(pool, GOOD)
        (process,) = processes(pool)
        process.send_signal(signal.SIGSTOP)
        with pytest.raises(ParseTimedOut):
            read(pool, body)
        assert read(pool, GOOD).entries


def test_a_closed_pool_leaves_no_process_and_reads_nothing_more() -> None:
    pool = ParserPool(2)
    read(pool, GOOD)
    (process,) = processes(pool)
    pool.close()
    pool.close()
    assert process.poll() is not None
    with pytest.raises(ParseError):
        read(pool, GOOD)
    assert processes(pool) == []


def test_closing_a_pool_ends_what_is_under_way() -> None:
    pool = ParserPool(1, seconds=30)
    read(pool, GOOD)
    with ThreadPoolExecutor(1) as thread:
        hangs = thread.submit(read, pool, SLOW)
        time.sleep(0.2)
        pool.close()
        with pytest.raises(ParseError):
            hangs.result()


# ---------------------------------------------------------------- the worker itself


def test_a_worker_ends_when_its_parent_is_gone() -> None:
    worker = subprocess.Popen(
        [sys.executable, "-m", "news.parse"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    )
    with worker:
        assert worker.stdin
        assert worker.stdout
        assert worker.stdout.read(1) == module._READY
        worker.stdin.close()
        assert worker.wait(timeout=30) == 0


def test_a_worker_loads_nothing_of_the_app() -> None:
    code = "import sys, news.parse; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert not {"streamlit", "sqlalchemy", "groq", "urllib3", "pandas", "multiprocessing"} & set(loaded.split())


def test_a_worker_bounds_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    resource = pytest.importorskip("resource")
    limits: dict[int, Any] = {}
    monkeypatch.setattr(resource, "setrlimit", lambda which, values: limits.__setitem__(which, values))

    class Ends:
        buffer = None

        def read(self, _: int) -> bytes:
            return b""

        def write(self, _: bytes) -> int:
            return 0

        def flush(self) -> None:
            pass

    ends = Ends()
    ends.buffer = ends  # type: ignore[assignment]
    monkeypatch.setattr(sys, "stdin", ends)
    monkeypatch.setattr(sys, "stdout", ends)
    try:
        module.serve(512)
    finally:
        gc.enable()
        gc.unfreeze()
    assert limits[resource.RLIMIT_AS][0] == 512 * 2**20


def test_without_limits_of_the_system_a_worker_still_serves() -> None:
    code = (
        "import sys; sys.modules['resource'] = None; sys.argv = ['x', '512']; import news.parse; "
        "assert news.parse.resource is None; news.parse.serve(512)"
    )
    worker = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT)
    with worker:
        assert worker.stdin
        assert worker.stdout
        assert worker.stdout.read(1) == module._READY
        question = (
            b'{"url": "https://a.example/", "content_type": "", "now": "2026-06-10T12:00:00+00:00", "seconds": 10}'
        )
        with suppress(BrokenPipeError):
            worker.stdin.write(module._HEADER.pack(len(question), len(GOOD)) + question + GOOD)
            worker.stdin.close()
        assert b'"Rain"' in worker.stdout.read()
        assert worker.wait(timeout=30) == 0
