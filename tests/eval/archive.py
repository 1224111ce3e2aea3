"""The archive of real headlines, put into a store as polls would have brought it.

An archive is a folder of `*.ndjson` or `*.ndjson.gz`, one collected item a line: id, title, description, link, source,
pubDate, collectedAt. Each outlet becomes a feed, a link one entry of it, other words for it later an edit.
"""

from __future__ import annotations

import gzip
import html
import itertools
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from news.store import Schedule, Store, Validators
from news.text import line, plain
from news.types import ParsedEntry, ParsedFeed
from storage.engine import connect

_LANGUAGES = {"NHK World": "ja"}


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the archive. `id` is the archive's own."""

    id: str
    title: str
    text: str
    link: str
    source: str
    published_at: datetime
    collected_at: datetime


def weeks(folder: Path, wanted: Sequence[str] = ()) -> list[Path]:
    """The archive's files, oldest first; `wanted` are the ends of their names without suffixes ("W20")."""
    files = sorted(path for path in folder.iterdir() if ".ndjson" in path.suffixes)
    return [path for path in files if not wanted or path.name.partition(".")[0].endswith(tuple(wanted))]


def read(paths: Iterable[Path]) -> Iterator[Item]:
    """The items of these files."""
    for path in paths:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
            for row in map(json.loads, lines):
                yield Item(
                    row["id"], line(row["title"]), plain(row["description"]), html.unescape(row["link"]),
                    row["source"], _moment(row["pubDate"]), _moment(row["collectedAt"]),
                )  # fmt: skip


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def entry(item: Item) -> ParsedEntry:
    """What a feed would have brought."""
    return ParsedEntry(item.link, item.link, item.title, item.text, published_at=item.published_at)


def fill(database: Path | str, items: Sequence[Item]) -> Store:
    """A store that has polled all of it, in the order of collection; one that is filled is taken as it is.

    `database` is a SQLite file or the address of a database.
    """
    store = Store(connect(database if isinstance(database, str) else f"sqlite:///{database}"))
    if store.feeds():
        return store
    sources = list(dict.fromkeys(item.source for item in items))
    start = min(item.collected_at for item in items)
    store.add_feeds([(address(name), name, "", _LANGUAGES.get(name, "en")) for name in sources], now=start)
    ids = {feed.title: feed.id for feed in store.feeds()}
    ordered = sorted(items, key=lambda item: (item.collected_at, item.source, item.published_at))
    for (at, source), polled in itertools.groupby(ordered, key=lambda item: (item.collected_at, item.source)):
        entries = tuple(map(entry, polled))[::-1]  # feeds list their newest first
        store.save_success(
            ids[source],
            now=at,
            schedule=Schedule(at),
            validators=Validators(),
            parsed=ParsedFeed(source, "", _LANGUAGES.get(source, "en"), "rss20", entries),
        )
    return store


def address(source: str) -> str:
    """The address that an outlet's feed has in the store."""
    return f"https://{'-'.join(source.lower().split())}.example/feed"
