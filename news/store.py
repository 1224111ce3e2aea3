"""Feeds, entries and their versions, kept. Every method is one short transaction; none talks to a network.

An entry's wording lives in its versions: the first is valid from the entry's publication (from when it was first seen
if the feed gave no date), each later one from when it was collected. So one question, "which version was valid at t?",
answers both "now" and "as of".

Raises `UnknownFeed` for an id that is not stored, and `storage.engine.StorageError` when the database fails.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Row,
    Select,
    Table,
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal_column,
    or_,
    select,
    text,
    update,
)

from news.errors import Detail, UnknownFeed
from news.terms import ANALYSIS, terms
from news.text import canonical_url
from news.types import Entry, Feed, Horizon, ParsedEntry, ParsedFeed, Version
from storage import tables as t
from storage.engine import reading, sweep, writing
from storage.fulltext import FTS5, Document

_T = TypeVar("_T")
_ENTRY = tuple(field.name for field in fields(Entry) if field.name != "also")
_FEED = [t.feeds.c[field.name] for field in fields(Feed)]
LEASE = timedelta(minutes=3)
"""Longer than one feed can take, so that only the lease of a refresher that died runs out."""
REMOVED_FOR_GOOD_AFTER = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a feed is polled next, and what its failures in a row amount to; `rested` waits for the reader's hand."""

    due_at: datetime
    failures: int = 0
    rested: bool = False


@dataclass(frozen=True, slots=True)
class Validators:
    """What a success said, to be sent back with the next request."""

    etag: str = ""
    last_modified: str = ""
    body_hash: str = ""


@dataclass(frozen=True, slots=True)
class Changes:
    """What one body changed: entries that were new, and entries whose wording was edited."""

    new: int = 0
    edited: int = 0


@dataclass(frozen=True, slots=True)
class Stats:
    """What is stored. `bytes` is the size of the database file, 0 where it is not a file of ours."""

    feeds: int
    failing: int
    entries: int
    versions: int
    edited: int
    oldest: datetime | None
    newest: datetime | None
    bytes: int


@dataclass(frozen=True, slots=True)
class Filter:
    """Which entries a list shows. Empty fields do not filter; times are half-open: since <= published < until."""

    feeds: tuple[int, ...] = ()
    topics: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    as_of: datetime | None = None


class Store:
    """The news that is kept, behind an engine of `storage.engine.connect`. Safe to share by threads."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.fulltext = FTS5()
        self._keep_index_current()

    # Feeds

    def add_feed(
        self, url: str, *, now: datetime, title: str = "", topic: str = "", language: str = "", sample: bool = False
    ) -> tuple[Feed, bool]:
        """Store the feed at `url`, due at once; True if it was not there. A removed feed comes back as it was."""
        added = self.add_feeds([(url, title, topic, language)], now=now, sample=sample)
        with reading(self.engine) as connection:
            row = connection.execute(select(*_FEED).where(t.feeds.c.url == url)).one()
        return _feed(row), bool(added)

    def add_feeds(
        self, feeds: Sequence[tuple[str, str, str, str]], *, now: datetime, sample: bool = False
    ) -> list[str]:
        """Store many (url, title, topic, language) in one transaction; returns the URLs that were not there before."""
        added = []
        with writing(self.engine) as connection:
            known = {row.url: row for row in connection.execute(select(t.feeds.c.url, t.feeds.c.removed_at))}
            seen: set[str] = set()
            fresh: list[dict[str, Any]] = []
            for url, title, topic, language in feeds:
                if url in seen or (url in known and known[url].removed_at is None):
                    continue
                seen.add(url)
                added.append(url)
                if url in known:
                    connection.execute(
                        update(t.feeds)
                        .where(t.feeds.c.url == url)
                        .values(removed_at=None, due_at=now, failures=0, rested=False, paused=False, error="")
                    )
                    continue
                fresh.append(
                    {
                        "url": url, "title": title, "topic": topic, "language": language, "sample": sample,
                        "added_at": now, "due_at": now,
                    }
                )  # fmt: skip
            if fresh:
                connection.execute(insert(t.feeds), fresh)
        return added

    def feeds(self) -> list[Feed]:
        """All feeds that are not removed, by title."""
        with reading(self.engine) as connection:
            rows = connection.execute(
                select(*_FEED)
                .where(t.feeds.c.removed_at.is_(None))
                .order_by(func.lower(t.feeds.c.title), t.feeds.c.url)
            )
            return [_feed(row) for row in rows]

    def feed(self, feed_id: int) -> Feed:
        """One feed, removed or not."""
        with reading(self.engine) as connection:
            row = connection.execute(select(*_FEED).where(t.feeds.c.id == feed_id)).one_or_none()
        if row is None:
            raise UnknownFeed("This feed is not stored (any more).")
        return _feed(row)

    def failure_detail(self, feed_id: int) -> Detail | None:
        """What the server answered when the feed last failed, None after a success."""
        with reading(self.engine) as connection:
            kept = connection.execute(
                select(t.feeds.c.error_detail).where(t.feeds.c.id == feed_id)
            ).scalar_one_or_none()
        if not kept:
            return None
        return Detail(
            status=kept["status"],
            headers=tuple((name, value) for name, value in kept["headers"]),
            start=kept["start"],
            note=kept["note"],
        )

    def remove_feed(self, feed_id: int, *, now: datetime) -> None:
        """Hide the feed and its entries; `restore_feed` brings them back until `prune` removes them for good."""
        self._set(feed_id, removed_at=now)

    def restore_feed(self, feed_id: int) -> None:
        """Undo `remove_feed`."""
        self._set(feed_id, removed_at=None)

    def pause_feed(self, feed_id: int, paused: bool) -> None:
        """Stop or start polling the feed; its entries stay."""
        self._set(feed_id, paused=paused)

    def wake_feed(self, feed_id: int, *, now: datetime) -> None:
        """Poll a rested feed again, its failures forgotten."""
        self._set(feed_id, rested=False, failures=0, due_at=now)

    def change_feed(self, feed_id: int, *, title: str | None = None, topic: str | None = None) -> None:
        """Give the feed another title or topic."""
        changes = {name: value for name, value in (("title", title), ("topic", topic)) if value is not None}
        if changes:
            self._set(feed_id, **changes)

    def remove_sample(self) -> int:
        """Delete the sample edition's feeds with all they hold, for good; returns how many feeds that were."""
        with writing(self.engine) as connection:
            ids = list(connection.execute(select(t.feeds.c.id).where(t.feeds.c.sample)).scalars())
            self._delete_entries(connection, select(t.entries.c.id).where(t.entries.c.feed_id.in_(ids)))
            connection.execute(delete(t.feeds).where(t.feeds.c.id.in_(ids)))
        return len(ids)

    def delete_everything(self) -> None:
        """Delete all feeds and all entries."""
        with writing(self.engine) as connection:
            self.fulltext.clear(connection)
            connection.execute(delete(t.versions))
            connection.execute(delete(t.entries))
            connection.execute(delete(t.feeds))
        sweep(self.engine)

    # Refreshing

    def due(self, now: datetime, *, everything: bool = False) -> list[Feed]:
        """The feeds to poll now, the longest waiting first: those that are due, or every one that may be polled."""
        query = select(*_FEED).where(t.feeds.c.removed_at.is_(None), ~t.feeds.c.sample, ~t.feeds.c.paused)
        if not everything:
            query = query.where(t.feeds.c.due_at <= now, ~t.feeds.c.rested)
        with reading(self.engine) as connection:
            return [_feed(row) for row in connection.execute(query.order_by(t.feeds.c.due_at, t.feeds.c.id))]

    def lease(self, feed: Feed, *, owner: str, now: datetime) -> bool:
        """Take the feed for one refresher. False: another holds it, or has polled it since `feed` was read.

        A lease that ends much later than any taken at `now` could was taken under another clock (a replay), and is
        void. Much, because the clocks of two refreshers never agree to the second.
        """
        f = t.feeds.c
        free = or_(f.lease_until.is_(None), f.lease_until <= now, f.lease_until > now + 2 * LEASE)
        with writing(self.engine) as connection:
            taken = connection.execute(
                update(t.feeds)
                .where(f.id == feed.id, free, f.checked_at.is_not_distinct_from(feed.checked_at))
                .values(lease_until=now + LEASE, lease_owner=owner)
            )
            return bool(taken.rowcount)

    def lease_owners(self) -> set[str]:
        """Who holds a lease."""
        with reading(self.engine) as connection:
            held = select(t.feeds.c.lease_owner).where(t.feeds.c.lease_until.is_not(None))
            return set(connection.execute(held).scalars())

    def release(self, *, owner: str, feed_id: int | None = None) -> None:
        """Give back the lease that `owner` holds on one feed, or every one."""
        held = t.feeds.c.lease_owner == owner
        if feed_id is not None:
            held = and_(held, t.feeds.c.id == feed_id)
        with writing(self.engine) as connection:
            connection.execute(update(t.feeds).where(held).values(lease_until=None, lease_owner=""))

    def save_success(
        self,
        feed_id: int,
        *,
        now: datetime,
        schedule: Schedule,
        validators: Validators,
        parsed: ParsedFeed | None = None,
        moved_to: str = "",
        found_at: str = "",
    ) -> Changes:
        """Store what a poll brought, whole or not at all, and give the lease back.

        `parsed` is None when the body was unchanged. Entries that are new come in; those whose title or text differs
        from their current wording get a version; a new address, author or picture just replaces the old; pruned ones
        stay away. `moved_to` is where permanent redirects led:
        the second time in a row the feed moves there, unless that URL is a feed already. `found_at` is the feed that
        the page at the feed's own URL announces: the feed moves there at once. Where it cannot, because that URL is a
        feed already, the validators are not kept: they are of another address than the one that will be asked.
        """
        with writing(self.engine) as connection:
            feed = connection.execute(select(t.feeds).where(t.feeds.c.id == feed_id)).one_or_none()
            if feed is None:
                raise UnknownFeed("The feed was removed while it was being refreshed.")
            changes = self._merge(connection, feed_id, parsed.entries, now) if parsed else Changes()
            values: dict[str, Any] = {
                "checked_at": now, "succeeded_at": now, "error": "", "error_detail": None, "lease_until": None,
                "lease_owner": "", **asdict(schedule), **asdict(validators),
            }  # fmt: skip
            values |= self._moved(connection, feed, moved_to, found_at)
            if found_at and "url" not in values:
                values |= asdict(Validators())
            if parsed:
                values["site_url"] = parsed.site_url or feed.site_url
                values["language"] = parsed.language or feed.language
                values["title"] = feed.title or parsed.title
            connection.execute(update(t.feeds).where(t.feeds.c.id == feed_id).values(**values))
            return changes

    def save_failure(
        self, feed_id: int, *, now: datetime, schedule: Schedule, error: str, detail: Detail | None = None
    ) -> None:
        """Note a failed poll in words and give the lease back. Entries and validators stay as they were."""
        self._set(
            feed_id,
            checked_at=now,
            error=error,
            error_detail=asdict(detail) if detail else None,
            lease_until=None,
            lease_owner="",
            **asdict(schedule),
        )

    def prune(self, now: datetime, *, keep: timedelta = timedelta(days=90), keep_by_feed: int = 2_000) -> int:
        """Delete entries older than `keep` and beyond the newest `keep_by_feed` of a feed; returns how many.

        What is deleted leaves a tombstone for as long as the feed still shows it, so that it does not come back. Each
        few hundred are a transaction of their own: taking terms out of the index takes its time, and others write too.
        """
        old = select(t.entries.c.id).where(t.entries.c.published_at < now - keep)
        place = func.row_number().over(
            partition_by=t.entries.c.feed_id, order_by=(t.entries.c.published_at.desc(), t.entries.c.id.desc())
        )
        ranked = select(t.entries.c.id, place.label("place")).subquery()
        surplus = select(ranked.c.id).where(ranked.c.place > keep_by_feed)
        gone = select(t.feeds.c.id).where(t.feeds.c.removed_at < now - REMOVED_FOR_GOOD_AFTER)
        removed = select(t.entries.c.id).where(t.entries.c.feed_id.in_(gone))
        with reading(self.engine) as connection:
            ids = list(connection.execute(old.union(surplus, removed)).scalars())
        deleted = 0
        for chunk in _chunks(ids):
            with writing(self.engine) as connection:
                doomed = select(t.entries.c.feed_id, t.entries.c.key).where(t.entries.c.id.in_(chunk))
                stones = [{"feed_id": r.feed_id, "key": r.key, "pruned_at": now} for r in connection.execute(doomed)]
                if stones:
                    connection.execute(insert(t.tombstones), stones)
                deleted += len(stones)
                self._delete_entries(connection, select(t.entries.c.id).where(t.entries.c.id.in_(chunk)))
        with writing(self.engine) as connection:
            connection.execute(delete(t.tombstones).where(t.tombstones.c.pruned_at < now - 2 * keep))
            # A feed restored since `ids` were read stays; one removed for good has no entries left.
            connection.execute(delete(t.feeds).where(t.feeds.c.id.in_(gone)))
        return deleted

    # Reading

    def entries(self, wanted: Filter = Filter(), *, limit: int = 20, offset: int = 0) -> list[Entry]:
        """Entries that `wanted` lets through, newest first, one for each article; `also` names its other feeds."""
        query = self._entries(wanted).order_by(t.entries.c.published_at.desc(), t.entries.c.id.desc())
        out: list[Entry] = []
        skip, start = offset, 0
        seen: dict[str, int] = {}
        with reading(self.engine) as connection:
            while len(out) < limit:
                rows = connection.execute(query.limit(limit * 2).offset(start)).all()
                for row in rows:
                    article = row.canonical_url or f"entry {row.id}"
                    if article in seen:
                        if (place := seen[article]) >= 0:
                            out[place] = _also(out[place], row.feed)
                        continue
                    if skip or len(out) == limit:
                        skip = max(0, skip - 1)
                        seen[article] = -1
                        continue
                    seen[article] = len(out)
                    out.append(_entry(row))
                start += limit * 2
                if len(rows) < limit * 2:
                    break
        return out

    def entry(self, entry_id: int, *, as_of: datetime | None = None) -> Entry | None:
        """One entry with its wording now, or as of a moment; None if it is not stored or did not exist then."""
        with reading(self.engine) as connection:
            row = connection.execute(self._entries(Filter(as_of=as_of)).where(t.entries.c.id == entry_id)).one_or_none()
        return _entry(row) if row else None

    def entries_by_id(self, ids: Iterable[int], *, as_of: datetime | None = None) -> dict[int, Entry]:
        """The entries with these ids that exist (as of a moment), by id."""
        out: dict[int, Entry] = {}
        with reading(self.engine) as connection:
            for chunk in _chunks(list(ids)):
                query = self._entries(Filter(as_of=as_of)).where(t.entries.c.id.in_(chunk))
                out |= {row.id: _entry(row) for row in connection.execute(query)}
        return out

    def matching(
        self, query_terms: Sequence[str], wanted: Filter = Filter(), *, limit: int = 200
    ) -> list[tuple[Entry, float]]:
        """Entries whose wording (as of `wanted.as_of`) holds any of the terms, with their BM25, best first."""
        if not query_terms:
            return []
        scores = (
            text(self.fulltext.scores)
            .bindparams(terms=self.fulltext.any_of(query_terms))
            .columns(t.versions.c.id, literal_column("score").label("score"))
            .subquery("scores")
        )
        v = t.versions.c
        # The best rows are found by their numbers alone; only those that are kept are read whole.
        best = (
            select(v.id, scores.c.score)
            .select_from(scores)
            .join(t.versions, v.id == scores.c.id)
            .join(t.entries, t.entries.c.id == v.entry_id)
            .join(t.feeds, t.feeds.c.id == t.entries.c.feed_id)
            .where(self._valid(wanted), *self._feeds_of(wanted), *self._entries_of(wanted))
            .order_by(scores.c.score.desc(), v.id)
            .limit(limit)
            .subquery("best")
        )
        query = (
            self._entries(wanted)
            .add_columns(best.c.score.label("score"))
            .join(best, best.c.id == v.id)
            .order_by(best.c.score.desc(), v.id)
        )
        with reading(self.engine) as connection:
            return [(_entry(row), row.score) for row in connection.execute(query)]

    def versions(self, entry_id: int) -> list[Version]:
        """All wordings of an entry, oldest first."""
        v = t.versions.c
        with reading(self.engine) as connection:
            rows = connection.execute(
                select(v.id, v.title, v.text, v.valid_from, v.valid_until)
                .where(v.entry_id == entry_id)
                .order_by(v.valid_from)
            )
            return [Version(*row) for row in rows]

    def horizon(self, wanted: Filter = Filter()) -> Horizon:
        """What a search with this filter looks at."""
        e = t.entries.c
        # Feed by feed, so that an index alone answers it: every search asks this.
        counted = (
            select(func.count(), func.min(e.published_at), func.max(e.published_at))
            .where(*self._entries_of(wanted), e.feed_id.in_(select(t.feeds.c.id).where(*self._feeds_of(wanted))))
            .group_by(e.feed_id)
        )
        with reading(self.engine) as connection:
            by_feed = connection.execute(counted).all()
            failed = connection.execute(
                select(case((t.feeds.c.title != "", t.feeds.c.title), else_=t.feeds.c.url))
                .where(t.feeds.c.removed_at.is_(None), t.feeds.c.error != "")
                .order_by(t.feeds.c.title)
            ).scalars()
            return Horizon(
                feeds=len(by_feed),
                articles=sum(number for number, _, _ in by_feed),
                since=min((oldest for _, oldest, _ in by_feed), default=None),
                until=max((newest for _, _, newest in by_feed), default=None),
                failed=tuple(failed),
            )

    def published_by_day(self, now: datetime, *, days: int = 14) -> dict[int, list[int]]:
        """Articles a day for each feed, oldest day first, today last."""
        start = now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=days - 1)
        e = t.entries.c
        day = func.date(e.published_at)
        with reading(self.engine) as connection:
            rows = connection.execute(
                select(e.feed_id, day, func.count())
                .where(e.published_at >= start, e.published_at <= now)
                .where(e.feed_id.in_(select(t.feeds.c.id).where(t.feeds.c.removed_at.is_(None))))
                .group_by(e.feed_id, day)
            ).all()
        out: dict[int, list[int]] = {}
        for feed_id, at, count in rows:
            place = (datetime.fromisoformat(str(at)).date() - start.date()).days
            if 0 <= place < days:
                out.setdefault(feed_id, [0] * days)[place] = count
        return out

    def stats(self) -> Stats:
        """How much is stored."""
        feed_is_there = t.feeds.c.removed_at.is_(None)
        with reading(self.engine) as connection:
            feeds, failing = connection.execute(
                select(func.count(), func.count().filter(t.feeds.c.error != "")).where(feed_is_there)
            ).one()
            entries, edited, oldest, newest = connection.execute(
                select(
                    func.count(),
                    func.count().filter(t.entries.c.edits > 0),
                    func.min(t.entries.c.published_at),
                    func.max(t.entries.c.published_at),
                )
                .select_from(t.entries.join(t.feeds))
                .where(feed_is_there)
            ).one()
            versions = connection.execute(select(func.count()).select_from(t.versions)).scalar_one()
            size = 0
            if self.engine.dialect.name == "sqlite":
                pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
                size = pages * connection.exec_driver_sql("PRAGMA page_size").scalar_one()
        return Stats(feeds, failing, entries, versions, edited, oldest, newest, size)

    # Inside

    def _set(self, feed_id: int, **values: Any) -> None:
        with writing(self.engine) as connection:
            done = connection.execute(update(t.feeds).where(t.feeds.c.id == feed_id).values(**values))
            if not done.rowcount:
                raise UnknownFeed("This feed is not stored (any more).")

    def _moved(self, connection: Connection, feed: Row[Any], moved_to: str, found_at: str) -> dict[str, Any]:
        target = found_at or moved_to
        if not target or target == feed.url:
            return {"moved_to": "", "moved_count": 0}
        if not found_at and moved_to != feed.moved_to:
            return {"moved_to": moved_to, "moved_count": 1}
        if connection.execute(select(t.feeds.c.id).where(t.feeds.c.url == target)).first():
            return {"moved_to": target, "moved_count": feed.moved_count + 1}
        return {"url": target, "moved_to": "", "moved_count": 0}

    def _merge(self, connection: Connection, feed_id: int, parsed: Sequence[ParsedEntry], now: datetime) -> Changes:
        unique = {entry.key: entry for entry in parsed}
        known: dict[str, Row[Any]] = {}
        buried: set[str] = set()
        for chunk in _chunks(list(unique)):
            current = (
                select(t.entries.c.id, t.entries.c.key, t.entries.c.edits, t.versions.c.id.label("version_id"))
                .add_columns(t.versions.c.title, t.versions.c.text, t.versions.c.valid_from)
                .add_columns(t.entries.c.url, t.entries.c.author, t.entries.c.picture)
                .join(t.versions, and_(t.versions.c.entry_id == t.entries.c.id, t.versions.c.valid_until.is_(None)))
                .where(t.entries.c.feed_id == feed_id, t.entries.c.key.in_(chunk))
            )
            known |= {row.key: row for row in connection.execute(current)}
            stones = select(t.tombstones.c.key).where(t.tombstones.c.feed_id == feed_id, t.tombstones.c.key.in_(chunk))
            buried.update(connection.execute(stones).scalars())
        for chunk in _chunks(sorted(buried)):  # still shown, so still to be kept away
            connection.execute(
                update(t.tombstones)
                .where(t.tombstones.c.feed_id == feed_id, t.tombstones.c.key.in_(chunk))
                .values(pruned_at=now)
            )
        fresh = [entry for key, entry in unique.items() if key not in known and key not in buried]
        edited = [
            (known[key], entry)
            for key, entry in unique.items()
            if key in known and (known[key].title, known[key].text) != (entry.title, entry.text)
        ]
        for key, entry in unique.items():
            row = known.get(key)
            if row and (row.url, row.author, row.picture) != (entry.url, entry.author, entry.picture):
                connection.execute(
                    update(t.entries)
                    .where(t.entries.c.id == row.id)
                    .values(
                        url=entry.url,
                        canonical_url=canonical_url(entry.url),
                        author=entry.author,
                        picture=entry.picture,
                    )
                )
        # A feed lists its newest first; the oldest gets the lowest id, so that ids follow publication within a feed.
        wordings = self._insert(connection, feed_id, fresh[::-1], now)
        later = [(row, entry) for row, entry in edited if now > row.valid_from]  # a replay's clock may be earlier
        if later:
            ends = update(t.versions).where(t.versions.c.id == bindparam("version"))
            connection.execute(ends.values(valid_until=now), [{"version": row.version_id} for row, _ in later])
            counts = update(t.entries).where(t.entries.c.id == bindparam("entry"))
            connection.execute(counts.values(edits=t.entries.c.edits + 1), [{"entry": row.id} for row, _ in later])
        documents = self._word(connection, [*wordings, *((row.id, entry, now) for row, entry in later)])
        self.fulltext.add(connection, documents)
        return Changes(new=len(fresh), edited=len(later))

    def _insert(
        self, connection: Connection, feed_id: int, fresh: Sequence[ParsedEntry], now: datetime
    ) -> list[tuple[int, ParsedEntry, datetime]]:
        """Insert entries; gives each with its new id and the moment its first wording is valid from."""
        if not fresh:
            return []
        # A date after the collection is a zone mistaken by the outlet: an entry is published when it is seen.
        starts = [min(entry.published_at or now, now) for entry in fresh]
        ids = _new_ids(connection, t.entries, len(fresh))
        connection.execute(
            insert(t.entries),
            [
                {
                    "id": entry_id, "feed_id": feed_id, "key": entry.key, "url": entry.url,
                    "canonical_url": canonical_url(entry.url), "author": entry.author, "picture": entry.picture,
                    "categories": list(entry.categories), "enclosures": [list(pair) for pair in entry.enclosures],
                    "published_at": start, "dated": entry.published_at is not None, "first_seen_at": now,
                }
                for entry_id, entry, start in zip(ids, fresh, starts, strict=True)
            ],
        )  # fmt: skip
        return list(zip(ids, fresh, starts, strict=True))

    def _word(self, connection: Connection, wordings: Sequence[tuple[int, ParsedEntry, datetime]]) -> list[Document]:
        """Insert the current wordings of entries; gives what is to be indexed."""
        if not wordings:
            return []
        ids = _new_ids(connection, t.versions, len(wordings))
        connection.execute(
            insert(t.versions),
            [
                {"id": version_id, "entry_id": entry_id, "title": entry.title, "text": entry.text, "valid_from": start}
                for version_id, (entry_id, entry, start) in zip(ids, wordings, strict=True)
            ],
        )
        return [
            _document(version_id, entry.title, entry.text)
            for version_id, (_, entry, _) in zip(ids, wordings, strict=True)
        ]

    def _delete_entries(self, connection: Connection, ids: Select[Any]) -> None:
        v = t.versions.c
        rows = connection.execute(select(v.id, v.title, v.text).where(v.entry_id.in_(ids))).all()
        self.fulltext.remove(connection, (_document(*row) for row in rows))
        chosen = list(connection.execute(ids).scalars())
        for chunk in _chunks(chosen):
            connection.execute(delete(t.versions).where(v.entry_id.in_(chunk)))
            connection.execute(delete(t.entries).where(t.entries.c.id.in_(chunk)))

    def _feeds_of(self, wanted: Filter) -> list[ColumnElement[bool]]:
        f = t.feeds.c
        conditions: list[ColumnElement[bool]] = [f.removed_at.is_(None)]
        if wanted.feeds:
            conditions.append(f.id.in_(wanted.feeds))
        if wanted.topics:
            conditions.append(f.topic.in_(wanted.topics))
        if wanted.languages:
            conditions.append(f.language.in_(wanted.languages))
        return conditions

    def _entries_of(self, wanted: Filter) -> list[ColumnElement[bool]]:
        e = t.entries.c
        conditions: list[ColumnElement[bool]] = []
        if wanted.since:
            conditions.append(e.published_at >= wanted.since)
        if wanted.until:
            conditions.append(e.published_at < wanted.until)
        if wanted.as_of:
            conditions.append(e.published_at <= wanted.as_of)
        return conditions

    def _valid(self, wanted: Filter) -> ColumnElement[bool]:
        v = t.versions.c
        if wanted.as_of is None:
            return v.valid_until.is_(None)
        return and_(v.valid_from <= wanted.as_of, or_(v.valid_until.is_(None), v.valid_until > wanted.as_of))

    def _entries(self, wanted: Filter) -> Select[Any]:
        e, v, f = t.entries.c, t.versions.c, t.feeds.c
        name = case((f.title != "", f.title), else_=f.url)
        edits: ColumnElement[int] = e.edits
        if wanted.as_of is not None:
            x = t.versions.alias()
            known = select(func.count() - 1).where(x.c.entry_id == e.id, x.c.valid_from <= wanted.as_of)
            edits = known.scalar_subquery().label("edits")
        return (
            select(
                e.id, v.id.label("version_id"), e.feed_id, name.label("feed"), f.topic, f.language, e.url, v.title,
                v.text, e.author, e.picture, e.published_at, e.first_seen_at, edits, f.sample, e.canonical_url,
            )
            .select_from(t.entries.join(t.feeds).join(t.versions, v.entry_id == e.id))
            .where(self._valid(wanted), *self._feeds_of(wanted), *self._entries_of(wanted))
        )  # fmt: skip

    def _keep_index_current(self) -> None:
        with reading(self.engine) as connection:
            if connection.execute(select(t.meta.c.value).where(t.meta.c.key == "analysis")).scalar() == ANALYSIS:
                return
        with writing(self.engine) as connection:
            self.fulltext.clear(connection)
            v, last = t.versions.c, 0
            while rows := connection.execute(
                select(v.id, v.title, v.text).where(v.id > last).order_by(v.id).limit(1_000)
            ).all():
                self.fulltext.add(connection, (_document(*row) for row in rows))
                last = rows[-1].id
            connection.execute(delete(t.meta).where(t.meta.c.key == "analysis"))
            connection.execute(insert(t.meta).values(key="analysis", value=ANALYSIS))


def _feed(row: Row[Any]) -> Feed:
    return Feed(**row._mapping)


def _entry(row: Row[Any]) -> Entry:
    return Entry(**{name: row._mapping[name] for name in _ENTRY})


def _also(entry: Entry, feed: str) -> Entry:
    if feed == entry.feed or feed in entry.also:
        return entry
    return replace(entry, also=(*entry.also, feed))


def _new_ids(connection: Connection, table: Table, number: int) -> range:
    """Numbers for new rows. Inside a write transaction nobody else can take them, so rows go in as one batch."""
    last = connection.execute(select(func.max(table.c.id))).scalar() or 0
    return range(last + 1, last + 1 + number)


def _document(version_id: int, title: str, body: str) -> Document:
    return Document(version_id, " ".join(terms(title)), " ".join(terms(body)))


def _chunks(items: Sequence[_T], size: int = 500) -> Iterable[Sequence[_T]]:
    return (items[start : start + size] for start in range(0, len(items), size))
