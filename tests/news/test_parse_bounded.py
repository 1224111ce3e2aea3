"""Any five megabytes end in bounded time, and whoever waits for them goes on answering meanwhile."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime

from news.errors import ParseError
from news.parse import ParserPool

NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)
SIZE = 5 * 2**20  # what the fetcher lets through
SECONDS = 4.0  # the app gives a feed ten
HEAD = b'<rss version="2.0"><channel><title>T</title>'
TAIL = b"</channel></rss>"


def filled(start: bytes, piece: bytes, end: bytes = b"") -> bytes:
    return (start + piece * (SIZE // len(piece)))[: SIZE - len(end)] + end


BOMBS: dict[str, Callable[[], bytes]] = {
    "items with everything": lambda: filled(
        HEAD, b"<item><title>a &amp; b</title><author>a@b.c (D)</author><description>&lt;p&gt;x</description></item>"
    ),
    "one item of ever deeper markup": lambda: filled(HEAD + b"<item><description>", b"<p a='b'><b>&#38;lt;"),
    "one long text of references": lambda: filled(HEAD + b"<item><title>", b"&amp;lt;", b"</title></item>" + TAIL),
    "categories": lambda: filled(HEAD + b"<item>", b"<category>x</category>", b"</item>" + TAIL),
    "random bytes behind a good beginning": lambda: HEAD + random.Random(5).randbytes(SIZE - len(HEAD)),
}  # fmt: skip


def test_bombs_of_five_megabytes_end_in_bounded_time_and_this_process_answers_meanwhile() -> None:
    beats = [time.monotonic()]
    over = threading.Event()

    def beat() -> None:
        while not over.wait(0.01):
            beats.append(time.monotonic())

    took: dict[str, float] = {}

    def read(name: str) -> None:
        body = BOMBS[name]()
        started = time.monotonic()
        with suppress(ParseError):  # being given up is an end too
            pool.parse(body, "https://outlet.example/feed", {}, now=NOW)
        took[name] = time.monotonic() - started

    heart = threading.Thread(target=beat)
    heart.start()
    try:
        with ParserPool(len(BOMBS), seconds=SECONDS) as pool, ThreadPoolExecutor(len(BOMBS)) as threads:
            list(threads.map(read, BOMBS))
    finally:
        over.set()
        heart.join()
    assert took.keys() == BOMBS.keys()
    # That and the start of a process, with wide room for a busy machine; one of them would take half a minute.
    assert max(took.values()) < 8 * SECONDS
    gaps = [after - before for before, after in itertools.pairwise(beats)]
    assert len(beats) > 20
    assert max(gaps) < 3
