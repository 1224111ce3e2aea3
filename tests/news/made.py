"""A small language for what fetchers bring and parsers read, at our own seams; times are counted from `NOW`."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Engine, select, text

from news.store import Changes, Filter, Schedule, Store, Validators
from news.types import Entry, Feed, Fetched, ParsedEntry, ParsedFeed
from storage import tables as t
from storage.engine import writing
from storage.fulltext import version
from tests.conftest import NOW


def hours(number: float) -> timedelta:
    return timedelta(hours=number)


def ago(number: float) -> datetime:
    """So many hours before `NOW`."""
    return NOW - hours(number)


def entry(
    key: str, title: str = "", text: str = "", *, at: datetime | None = None, url: str | None = None, author: str = ""
) -> ParsedEntry:
    """An item of a feed; its address is made of its key, and it has no date unless `at` gives one."""
    return ParsedEntry(
        key=key,
        url=f"https://outlet.example/{key}" if url is None else url,
        title=title or f"Title of {key}",
        text=text,
        author=author,
        published_at=at,
    )


def feed(*entries: ParsedEntry, title: str = "The Outlet", language: str = "en") -> ParsedFeed:
    """A feed as parsed, newest entry first, as outlets list them."""
    return ParsedFeed(title, "https://outlet.example/", language, "rss20", entries)


def subscribe(store: Store, name: str = "outlet", *, topic: str = "", language: str = "en") -> Feed:
    """A stored feed at https://{name}.example/feed that has no entries yet."""
    added, _ = store.add_feed(
        f"https://{name}.example/feed", title=name.title(), topic=topic, language=language, now=ago(24 * 365)
    )
    return added


def collect(
    store: Store,
    subscribed: Feed,
    *entries: ParsedEntry,
    at: datetime = NOW,
    moved_to: str = "",
    found_at: str = "",
    validators: Validators = Validators("etag", "then", "hash"),  # noqa: B008 - frozen
) -> Changes:
    """What a successful poll at `at` stores."""
    return store.save_success(
        subscribed.id,
        now=at,
        schedule=Schedule(due_at=at + hours(0.5)),
        validators=validators,
        parsed=feed(*entries, title=subscribed.title),
        moved_to=moved_to,
        found_at=found_at,
    )


def holding(store: Store, terms: Sequence[str], wanted: Filter = Filter()) -> list[Entry]:  # noqa: B008 - frozen
    """The entries of which the full-text index says that their wording holds one of these terms."""
    found = store.newest([terms], wanted, limit=10_000)
    rows = dict.fromkeys(row for lists in found.values() for row in lists[0])
    return list(store.wordings([version(row) for row in rows], wanted).values())


def check_index(engine: Engine) -> None:
    """Let SQLite compare the index with itself: a term that was taken out wrongly shows here.

    Postgres takes out rows: there it must hold exactly the wordings that are stored.
    """
    with writing(engine) as connection:
        if engine.dialect.name == "sqlite":
            connection.execute(text("INSERT INTO versions_text(versions_text) VALUES ('integrity-check')"))
        else:
            rows = connection.execute(text("SELECT id FROM versions_text")).scalars()
            assert sorted(map(version, rows)) == sorted(connection.execute(select(t.versions.c.id)).scalars())


class FakeFetcher:
    """Answers from `answers`: bytes, an error to raise, None for 304, or a function that makes one of them.

    `asked` counts the requests by URL; `validators` are those that came with the last request for a URL.
    """

    def __init__(self, answers: Mapping[str, object] | None = None) -> None:
        self.answers: dict[str, object] = dict(answers or {})
        self.asked: Counter[str] = Counter()
        self.validators: dict[str, tuple[str, str]] = {}
        self.headers: dict[str, str] = {}
        self.moved: dict[str, str] = {}
        self._lock = threading.Lock()

    def get(self, url: str, *, etag: str = "", last_modified: str = "") -> Fetched:
        with self._lock:
            self.asked[url] += 1
            self.validators[url] = (etag, last_modified)
        answer = self.answers.get(url, f"body of {url}".encode())
        if callable(answer) and not isinstance(answer, BaseException):
            answer = answer()
        if isinstance(answer, BaseException):
            raise answer
        assert answer is None or isinstance(answer, bytes)
        moved = self.moved.get(url, "")
        return Fetched(moved or url, 304 if answer is None else 200, dict(self.headers), answer, moved)


class FakeParser:
    """Reads a body as one entry whose text is the body, unless `feeds` has something for it; counts what it read."""

    def __init__(self, feeds: Mapping[bytes, object] | None = None) -> None:
        self.feeds: dict[bytes, object] = dict(feeds or {})
        self.parsed: Counter[str] = Counter()
        self._lock = threading.Lock()

    def parse(self, body: bytes, url: str, headers: Mapping[str, str], *, now: datetime) -> ParsedFeed:
        with self._lock:
            self.parsed[url] += 1
        made = self.feeds.get(body) or feed(entry(f"of-{url}", text=body.decode()), title=f"Feed at {url}")
        if isinstance(made, BaseException):
            raise made
        assert isinstance(made, ParsedFeed)
        return made


Answer = Callable[[], bytes | None]
