"""Feeds, entries and their versions, kept. Every method is one short transaction; none talks to a network.

An entry's wording lives in its versions: the first is valid from the entry's publication (from when it was first seen
if the feed gave no date), each later one from when it was collected. So one question, "which version was valid at t?",
answers both "now" and "as of".

Raises `UnknownFeed` for an id that is not stored, and `storage.engine.StorageError` when the database fails.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime, timedelta
from functools import lru_cache, partial
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Float,
    Row,
    Select,
    Table,
    and_,
    bindparam,
    case,
    cast,
    delete,
    exists,
    extract,
    func,
    insert,
    or_,
    select,
    update,
)

from news.census import Census, is_stale
from news.errors import Detail, NewsError, UnknownFeed
from news.searches import Template
from news.terms import ANALYSIS, LANGUAGES, indexed, terms
from news.text import address_words, canonical_url, visible
from news.types import Entry, Feed, Horizon, Mute, ParsedEntry, ParsedFeed, Version
from storage import tables as t
from storage.engine import alone, reading, sweep, writing
from storage.fulltext import PARTS, Document, Part, all_of, any_of, any_phrase, fulltext, version

_T = TypeVar("_T")
_ENTRY = tuple(field.name for field in fields(Entry) if field.name != "also")
_FEED = [t.feeds.c[field.name] for field in fields(Feed)]
# Made once: each feed of a refresh asks these, and to build a statement takes longer than to run it.
# Locked until the write ends, so that nobody else merges into the same feed. Where a write needs both, this lock comes
# before the section "entries", which whoever adds, changes or deletes entries is in alone.
_STATE = select(t.feeds).where(t.feeds.c.id == bindparam("feed")).with_for_update(key_share=True)
_CHANGE = update(t.feeds).where(t.feeds.c.id == bindparam("feed"))
_until = t.feeds.c.lease_until
_moment = partial(bindparam, type_=t.Instant())
_TAKE = _CHANGE.where(
    or_(_until.is_(None), _until <= _moment("now"), _until > _moment("never")),
    t.feeds.c.checked_at.is_not_distinct_from(_moment("seen")),
)
# What the full-text index is made of.
_INDEXED = select(
    t.versions.c.id, t.versions.c.valid_from, t.entries.c.url, t.versions.c.title, t.versions.c.text
).join_from(t.versions, t.entries)
_e = t.entries.c


def _seconds(column: ColumnElement[datetime]) -> ColumnElement[float]:
    return cast(extract("epoch", column), Float)  # Postgres has their fractions too


# What a report is made of.
_REPORTS = select(
    _e.id, func.coalesce(_e.story_id, _e.id), _e.feed_id, _seconds(_e.published_at), _seconds(_e.first_seen_at),
    _e.edits, _e.canonical_url,
)  # fmt: skip
_f, _m = t.feeds.c, t.mutes.c
_NAMED = case((_f.title != "", _f.title), else_=_f.url)
_SPOKEN = select(_f.language).where(_f.removed_at.is_(None)).distinct()
_MUTES = (
    select(_m.kind, _m.value).where(_m.reader == bindparam("reader")).order_by(_m.kind.desc(), func.lower(_m.value))
)
_MARKS = select(
    select(t.meta.c.value).where(t.meta.c.key == "deletions").scalar_subquery(),
    select(func.max(_e.id)).scalar_subquery(),
)
LEASE = timedelta(minutes=3)
"""Longer than one feed can take, so that only the lease of a refresher that died runs out."""
REMOVED_FOR_GOOD_AFTER = timedelta(days=30)
_DELETIONS = "deletions"  # where `meta` counts them
_LAST_ENTRY = "last_entry"  # and the highest number that was given before them
_SEARCHES = "searches"  # where `meta` keeps a reader's templates, with the reader's id behind it
KEEP = timedelta(days=90)
"""How long entries stay, unless their feed has a time of its own."""
FOR_EVER = 0
"""As days to keep the entries of a feed."""
TEASER = 600
"""A text of fewer characters may be but the beginning of an article."""
TEASERS_FOR = timedelta(days=2)
"""So long after an entry came, its article is looked for: what was fetched is new, and no backlog is."""
TRIES, TRY_AGAIN = 3, timedelta(hours=1)
LATE_EDITS = timedelta(days=7)
"""An article whose wording changes later than this is not looked for by the day on which it was published."""
WIDEST = 10
"""For a reader of few feeds, so many times more of the index is read at most."""
LONGEST_MUTE = 100
"""Characters of a word or phrase that is muted."""


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
class Teaser:
    """An entry whose feed only begins the article at `url`, with its wording now."""

    entry_id: int
    version_id: int
    url: str
    title: str
    text: str


class Report(NamedTuple):
    """An entry without its words, as one report of its story; it is its own while it is not grouped.

    `at` is when it was published and `seen` when it came, in seconds since 1970. `article` is the address by which
    several feeds' entries are one article, "" for none.
    """

    entry_id: int
    story: int
    feed_id: int
    at: float
    seen: float
    edits: int
    article: str


@dataclass(frozen=True, slots=True)
class Stats:
    """What is stored. `bytes` is the size of the database."""

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
    """The news that is kept, behind an engine of `storage.engine.connect`. Safe to share by threads.

    It is seen by one reader: whose mutes and searches these are, and, where readers have feeds of their own, whose.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.reader = ""
        self.own_feeds = False
        self.fulltext = fulltext(engine.dialect.name)
        self._census = Census()
        self._held: dict[str, tuple[int, int]] = {}
        self._keep_index_current()

    def of(self, reader: str, *, own_feeds: bool) -> Store:
        """The same news as another reader sees it: with `own_feeds`, that of the feeds which they follow.

        For them to add a feed is to follow it, and to remove one is to follow it no more; it is polled as long as
        anybody does. All else that can be done to a feed is done to everybody's.
        """
        seen = copy(self)
        seen.reader, seen.own_feeds = reader, own_feeds
        return seen

    def check(self) -> None:
        """Raise `StorageError` if the database cannot be asked anything now."""
        with reading(self.engine) as connection:
            connection.execute(select(1))

    # Feeds

    def add_feed(
        self, url: str, *, now: datetime, title: str = "", topic: str = "", language: str = "", sample: bool = False,
        paused: bool = False,
    ) -> tuple[Feed, bool]:  # fmt: skip
        """Store the feed at `url`, due at once; True if it was not there. A removed feed comes back as it was."""
        added = self.add_feeds([(url, title, topic, language)], now=now, sample=sample, paused=paused)
        with reading(self.engine) as connection:
            row = connection.execute(select(*_FEED).where(t.feeds.c.url == url)).one()
        return _feed(row), bool(added)

    def add_feeds(
        self, feeds: Sequence[tuple[str, str, str, str]], *, now: datetime, sample: bool = False, paused: bool = False
    ) -> list[str]:
        """Store many (url, title, topic, language) in one transaction; returns the URLs that were not there before.

        For a reader with feeds of their own, those that they did not follow before.
        `paused` feeds are polled when somebody asks for it, and never by themselves.
        """
        added = []
        with writing(self.engine) as connection:
            alone(connection, "feeds")
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
                        .values(removed_at=None, due_at=now, failures=0, rested=False, paused=paused, error="")
                    )
                    continue
                fresh.append(
                    {
                        "url": url, "title": title, "topic": topic, "language": language, "sample": sample,
                        "paused": paused, "added_at": now, "due_at": now,
                    }
                )  # fmt: skip
            if fresh:
                connection.execute(insert(t.feeds), fresh)
            if self.own_feeds:
                added = self._follow(connection, list(dict.fromkeys(url for url, *_ in feeds)))
        return added

    def feeds(self) -> list[Feed]:
        """All feeds that are not removed, or that the reader follows, by title."""
        with reading(self.engine) as connection:
            rows = connection.execute(
                select(*_FEED).where(*self._feeds_of(Filter())).order_by(func.lower(t.feeds.c.title), t.feeds.c.url)
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
        if not self.own_feeds:
            self._set(feed_id, removed_at=now)
            return
        f = t.follows.c
        with writing(self.engine) as connection:
            connection.execute(delete(t.follows).where(f.reader == self.reader, f.feed_id == feed_id))
            nobody = ~exists().where(f.feed_id == feed_id)
            connection.execute(update(t.feeds).where(t.feeds.c.id == feed_id, nobody).values(removed_at=now))

    def restore_feed(self, feed_id: int) -> None:
        """Undo `remove_feed`."""
        self._set(feed_id, removed_at=None)
        if self.own_feeds:
            url = self.feed(feed_id).url
            with writing(self.engine) as connection:
                self._follow(connection, [url])

    def followers(self) -> dict[int, int]:
        """How many readers follow each feed, of those that have feeds of their own."""
        f = t.follows.c
        with reading(self.engine) as connection:
            rows = connection.execute(select(f.feed_id, func.count().label("readers")).group_by(f.feed_id))
            return {row.feed_id: row.readers for row in rows}

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

    def keep_entries(self, feed_id: int, days: int | None) -> None:
        """Keep the feed's entries for so many days; `FOR_EVER` until they are removed by hand, None as those of any."""
        self._set(feed_id, keep_days=days)

    def fetch_articles(self, feed_id: int, wanted: bool) -> None:
        """Fetch the articles that the feed only begins, or stop that; texts that were fetched stay."""
        self._set(feed_id, full_text=wanted)

    def remove_sample(self) -> int:
        """Delete the sample edition's feeds with all they hold, for good; returns how many feeds that were."""
        with writing(self.engine) as connection:
            sample = select(t.feeds.c.id).where(t.feeds.c.sample).order_by(t.feeds.c.id)
            ids = list(connection.execute(sample.with_for_update(key_share=True)).scalars())
            self._delete_entries(connection, select(t.entries.c.id).where(t.entries.c.feed_id.in_(ids)))
            connection.execute(delete(t.feeds).where(t.feeds.c.id.in_(ids)))
        return len(ids)

    def delete_everything(self) -> None:
        """Delete all feeds and all entries."""
        with writing(self.engine) as connection:
            connection.execute(select(t.feeds.c.id).order_by(t.feeds.c.id).with_for_update(key_share=True))
            alone(connection, "entries")
            self._mark_deletion(connection)
            self.fulltext.clear(connection)
            connection.execute(delete(t.versions))
            connection.execute(delete(t.entries))
            connection.execute(delete(t.feeds))
            connection.execute(delete(t.mutes))
            connection.execute(delete(t.meta).where(t.meta.c.key.startswith(_SEARCHES)))
        sweep(self.engine)

    # Searches

    def searches(self) -> tuple[Template, ...]:
        """The reader's own templates of searches, in the order they were added."""
        with reading(self.engine) as connection:
            return self._searches(connection)

    def add_search(self, template: Template) -> None:
        """Keep a template, as the last; one of the same name is replaced."""
        with writing(self.engine) as connection:
            alone(connection, "searches")
            others = [other for other in self._searches(connection) if other.name != template.name]
            self._keep_searches(connection, [*others, template])

    def remove_search(self, name: str) -> None:
        """Forget the template of this name. Feeds that were made with it stay."""
        with writing(self.engine) as connection:
            alone(connection, "searches")
            kept = [template for template in self._searches(connection) if template.name != name]
            self._keep_searches(connection, kept)

    # Mutes

    def mutes(self) -> tuple[Mute, ...]:
        """What the reader never wants to see, words before feeds."""
        with reading(self.engine) as connection:
            return self._mutes(connection)

    def mute(self, mute: Mute) -> bool:
        """Show nothing more that has this word, or comes from this feed; False if that was so already.

        Entries are kept and feeds refreshed: it only hides, everywhere but where an entry is asked for by its id.
        Raises `NewsError` for a word in which there is nothing to look for.
        """
        if mute.kind == "word":
            mute = replace(mute, value=" ".join(visible(mute.value).split())[:LONGEST_MUTE])
            if not terms(mute.value):
                raise NewsError("Type a word or a phrase; words like “the” and signs alone cannot be muted.")
        with writing(self.engine) as connection:
            alone(connection, "mutes")
            known = [terms(other.value) for other in self._mutes(connection) if other.kind == mute.kind == "word"]
            if terms(mute.value) in known:
                return False
            there = connection.execute(select(t.mutes.c.kind).where(*self._muted(mute))).first()
            if not there:
                connection.execute(insert(t.mutes).values(reader=self.reader, **asdict(mute)))
            return not there

    def unmute(self, mute: Mute) -> None:
        """Show it again."""
        with writing(self.engine) as connection:
            connection.execute(delete(t.mutes).where(*self._muted(mute)))

    # Refreshing

    def due(self, now: datetime, *, everything: bool = False, among: Sequence[int] | None = None) -> list[Feed]:
        """The feeds to poll now, the longest waiting first: those that are due, or every one that may be polled.

        `among` are the ids of those that are asked about, where that is not all.
        """
        query = select(*_FEED).where(t.feeds.c.removed_at.is_(None), ~t.feeds.c.sample, ~t.feeds.c.paused)
        if among is not None:
            query = query.where(t.feeds.c.id.in_(among))
        if not everything:
            query = query.where(t.feeds.c.due_at <= now, ~t.feeds.c.rested)
        with reading(self.engine) as connection:
            return [_feed(row) for row in connection.execute(query.order_by(t.feeds.c.due_at, t.feeds.c.id))]

    def lease(self, feed: Feed, *, owner: str, now: datetime) -> bool:
        """Take the feed for one refresher. False: another holds it, or has polled it since `feed` was read.

        A lease that ends much later than any taken at `now` could was taken under another clock (a replay), and is
        void. Much, because the clocks of two refreshers never agree to the second.
        """
        with writing(self.engine) as connection:
            taken = connection.execute(
                _TAKE,
                {
                    "feed": feed.id, "seen": feed.checked_at, "now": now, "never": now + 2 * LEASE,
                    "lease_until": now + LEASE, "lease_owner": owner,
                },
            )  # fmt: skip
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
            feed = connection.execute(_STATE, {"feed": feed_id}).one_or_none()
            if feed is None:
                raise UnknownFeed("The feed was removed while it was being refreshed.")
            first = feed.succeeded_at is None  # so it has no entries, and has had none
            changes = self._merge(connection, feed_id, parsed.entries, now, first=first) if parsed else Changes()
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
            connection.execute(_CHANGE, {"feed": feed_id, **values})
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

    def prune(self, now: datetime, *, keep: timedelta = KEEP, keep_by_feed: int = 2_000) -> int:
        """Delete entries older than `keep` and beyond the newest `keep_by_feed` of a feed; returns how many.

        A feed with `keep_days` goes by these alone, whatever `keep` is and however many entries it has. What a reader
        saved stays, unless its feed was removed.

        What is deleted leaves a tombstone for as long as the feed still shows it, so that it does not come back. Each
        few hundred are a transaction of their own: taking terms out of the index takes its time, and others write too.
        """
        e, f = t.entries.c, t.feeds.c
        place = func.row_number().over(
            partition_by=t.entries.c.feed_id, order_by=(t.entries.c.published_at.desc(), t.entries.c.id.desc())
        )
        like_any = e.feed_id.in_(select(f.id).where(f.keep_days.is_(None)))
        ranked = select(t.entries.c.id, place.label("place")).where(like_any).subquery()
        surplus = select(ranked.c.id).where(ranked.c.place > keep_by_feed)
        gone = select(t.feeds.c.id).where(t.feeds.c.removed_at < now - REMOVED_FOR_GOOD_AFTER)
        removed = select(t.entries.c.id).where(t.entries.c.feed_id.in_(gone))
        with reading(self.engine) as connection:
            old = [select(e.id).where(like_any, e.published_at < now - keep)]
            for days in connection.execute(select(f.keep_days).where(f.keep_days != FOR_EVER).distinct()).scalars():
                with_days = e.feed_id.in_(select(f.id).where(f.keep_days == days))
                old.append(select(e.id).where(with_days, e.published_at < now - timedelta(days=days)))
            saved = set(connection.execute(select(t.marks.c.entry_id).where(t.marks.c.kind == "saved")).scalars())
            ids = list(set(connection.execute(surplus.union(*old)).scalars()) - saved)
            ids = sorted({*ids, *connection.execute(removed).scalars()})
        deleted = 0
        for chunk in _chunks(ids):
            with writing(self.engine) as connection:
                alone(connection, "entries")
                doomed = select(t.entries.c.feed_id, t.entries.c.key).where(t.entries.c.id.in_(chunk))
                stones = [{"feed_id": r.feed_id, "key": r.key, "pruned_at": now} for r in connection.execute(doomed)]
                if stones:
                    connection.execute(insert(t.tombstones), stones)
                deleted += len(stones)
                self._delete_entries(connection, select(t.entries.c.id).where(t.entries.c.id.in_(chunk)))
        with writing(self.engine) as connection:
            connection.execute(delete(t.tombstones).where(t.tombstones.c.pruned_at < now - 2 * max(keep, KEEP)))
            # A feed restored since `ids` were read stays; one removed for good has no entries left.
            connection.execute(delete(t.feeds).where(t.feeds.c.id.in_(gone)))
        return deleted

    # Articles

    def teasers(self, now: datetime, *, limit: int = 20) -> list[Teaser]:
        """Entries whose article is to be fetched, the newest first: of feeds for which the reader wants that."""
        e, v, f = t.entries.c, t.versions.c, t.feeds.c
        query = (
            select(e.id, v.id, e.url, v.title, v.text)
            .select_from(t.entries.join(t.feeds).join(t.versions, v.entry_id == e.id))
            .where(f.full_text, f.removed_at.is_(None), ~f.sample, ~f.paused)
            .where(e.first_seen_at > now - TEASERS_FOR, e.url != "", e.text_from == "feed", e.article_tries < TRIES)
            .where(or_(e.article_tried_at.is_(None), e.article_tried_at <= now - TRY_AGAIN))
            .where(v.valid_until.is_(None), func.length(v.text) < TEASER)
            .order_by(e.article_tries, e.first_seen_at.desc(), e.id.desc())
            .limit(limit)
        )
        with reading(self.engine) as connection:
            muted = self._not_muted(connection, Filter())
            return [Teaser(*row) for row in connection.execute(query.where(*muted))]

    def try_article(self, entry_id: int, *, now: datetime) -> bool:
        """Count a try to fetch the article, before it is made; False if another has begun one since it was listed."""
        e = t.entries.c
        with writing(self.engine) as connection:
            begun = connection.execute(
                update(t.entries)
                .where(e.id == entry_id, or_(e.article_tried_at.is_(None), e.article_tried_at <= now - TRY_AGAIN))
                .values(article_tries=e.article_tries + 1, article_tried_at=now)
            )
            return bool(begun.rowcount)

    def save_article(self, teaser: Teaser, article: str) -> bool:
        """Make the article's text that of the entry; False if its feed has changed the wording meanwhile.

        It takes the place of the teaser in the wording of now: reading on is not an edit by the outlet.
        """
        e, v = t.entries.c, t.versions.c
        with writing(self.engine) as connection:
            alone(connection, "entries")
            row = connection.execute(_INDEXED.where(v.id == teaser.version_id, v.valid_until.is_(None))).one_or_none()
            if row is None or row.text != teaser.text:
                return False
            self.fulltext.remove(connection, [_document(*row)])
            self.fulltext.add(connection, [_document(row.id, row.valid_from, row.url, row.title, article)])
            connection.execute(update(t.versions).where(v.id == row.id).values(text=article))
            connection.execute(
                update(t.entries).where(e.id == teaser.entry_id).values(text_from="article", article_error="")
            )
            return True

    def save_article_failure(self, entry_id: int, reason: str) -> None:
        """Keep why the article could not be had."""
        with writing(self.engine) as connection:
            connection.execute(update(t.entries).where(t.entries.c.id == entry_id).values(article_error=reason))

    def article_failures(self, feed_id: int, *, limit: int = 3) -> list[tuple[str, str]]:
        """The newest entries of a feed whose article could not be had: (title, reason)."""
        e, v = t.entries.c, t.versions.c
        with reading(self.engine) as connection:
            rows = connection.execute(
                select(v.title, e.article_error)
                .select_from(t.entries.join(t.versions, and_(v.entry_id == e.id, v.valid_until.is_(None))))
                .where(e.feed_id == feed_id, e.article_error != "")
                .order_by(e.published_at.desc(), e.id.desc())
                .limit(limit)
            )
            return [(title, reason) for title, reason in rows]

    # Reading

    def entries(self, wanted: Filter = Filter(), *, limit: int = 20, offset: int = 0) -> list[Entry]:
        """Entries that `wanted` lets through, newest first, one for each article; `also` names its other feeds."""
        query = self._entries(wanted).order_by(t.entries.c.published_at.desc(), t.entries.c.id.desc())
        out: list[Entry] = []
        skip, start = offset, 0
        seen: dict[str, int] = {}
        with reading(self.engine) as connection:
            query = query.where(*self._not_muted(connection, wanted))
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

    # Which entry is of which story

    def stamp(self) -> str:
        """Another text whenever what this reader sees is: articles, wordings, stories, feeds, mutes. Cheap to ask."""
        f, kept = t.feeds.c, ("deletions", "stories")
        with reading(self.engine) as connection:
            version = connection.execute(select(func.max(t.versions.c.id))).scalar()
            marks = connection.execute(select(t.meta.c.value).where(t.meta.c.key.in_(kept)).order_by(t.meta.c.key))
            feeds = select(f.id, f.title, f.topic).where(*self._feeds_of(Filter())).order_by(f.id)
            named = connection.execute(feeds).all()
            parts = [version, *marks.scalars(), *map(tuple, named), *map(str, self._mutes(connection))]
        return hashlib.sha256(repr(parts).encode(errors="replace")).hexdigest()[:32]

    def reports(self, wanted: Filter = Filter(), stories: Collection[int] | None = None) -> list[Report]:
        """What `wanted` lets through (of these stories alone), without a word of it, oldest first."""
        chunks = [None] if stories is None else _chunks(list(stories))
        out: list[Report] = []
        with reading(self.engine) as connection:
            conditions = self._reported(connection, wanted)
            for chunk in chunks:
                # An entry without a story is its own, and its own alone: no index is needed for both ways at once.
                ways = [[]] if chunk is None else [[_e.story_id.in_(chunk)], [_e.id.in_(chunk), _e.story_id.is_(None)]]
                for way in ways:
                    rows = connection.execute(_REPORTS.where(*conditions, *way)).all()
                    out.extend(map(Report._make, rows))
        return sorted(out, key=lambda report: (report.at, report.entry_id))

    def arrived(
        self, since: datetime, until: datetime, wanted: Filter = Filter()
    ) -> tuple[list[Report], list[tuple[Report, datetime]]]:
        """What came after `since` and up to `until`; and which earlier entries were edited then, and when last."""
        v = t.versions.c
        came = _REPORTS.where(_e.first_seen_at > since, _e.first_seen_at <= until)
        edited = (
            _REPORTS.add_columns(func.max(v.valid_from, type_=t.Instant()))
            .join(t.versions, v.entry_id == _e.id)
            .where(v.valid_from > since, v.valid_from <= until, _e.first_seen_at <= since, _e.edits > 0)
            .group_by(_e.id)
        )
        with reading(self.engine) as connection:
            conditions = self._reported(connection, wanted)
            return (
                [Report(*row) for row in connection.execute(came.where(*conditions))],
                [(Report(*row[:-1]), row[-1]) for row in connection.execute(edited.where(*conditions))],
            )

    def story_of(self, number: int) -> int:
        """The number now of the story that had this number once: a story that was merged has another."""
        with reading(self.engine) as connection:
            story = connection.execute(select(_e.story_id).where(_e.id == number)).scalar_one_or_none()
        return number if story is None else story

    def newest(
        self, groups: Sequence[Sequence[str]], wanted: Filter = Filter(), *, limit: int
    ) -> dict[Part, list[list[int]]]:
        """For each group of terms the newest `limit` versions that hold one of it, newest first, by the part it is in.

        They are numbered as `storage.fulltext` does, and bounded by the times of `wanted` alone, to the hour: what of
        it is to be seen is for `wordings` to say.
        """
        with reading(self.engine) as connection:
            wide = limit * self._wider(connection)
            return {
                part: self._followed(
                    connection,
                    self.fulltext.newest(
                        connection, [any_of(group, part) for group in groups], limit=wide, **_span(wanted)
                    ),
                    limit,
                )
                for part in PARTS
            }

    def newest_of_all(self, groups: Sequence[Sequence[str]], wanted: Filter = Filter(), *, limit: int) -> list[int]:
        """The newest versions that hold a term of every group, as `newest` gives them."""
        with reading(self.engine) as connection:
            wide = limit * self._wider(connection)
            rows = self.fulltext.newest(connection, [all_of(groups)], limit=wide, **_span(wanted))
            return self._followed(connection, rows, limit)[0]

    def wordings(self, ids: Iterable[int], wanted: Filter = Filter()) -> dict[int, Entry]:
        """The entries whose wording (as of `wanted.as_of`) is one of these versions, by version."""
        out: dict[int, Entry] = {}
        since, until, as_of = wanted.since, wanted.until, wanted.as_of
        named = (self._own, wanted.feeds, wanted.topics, wanted.languages)
        query = _wordings(*named, since=since is not None, until=until is not None, as_of=as_of is not None)
        times = {"since": since, "until": until, "as_of": as_of}
        given: dict[str, Any] = {name: moment for name, moment in times.items() if moment is not None}
        with reading(self.engine) as connection:
            if muted := self._not_muted(connection, wanted):
                query = query.where(*muted)
            for chunk in _chunks(list(ids)):
                out |= {row.version_id: _entry(row) for row in connection.execute(query, given | {"ids": chunk})}
        return out

    def rarity(self, groups: Sequence[Sequence[str]], held: Mapping[str, int] = {}) -> list[float]:
        """What each group of terms tells, as BM25 weighs it: the fewer wordings hold one of it, the more; above 0.

        `held` is how many do, by a group's first term, where that is known already. For others the index is asked, and
        what it says holds until a fiftieth more is stored.
        """
        known = self._held
        with reading(self.engine) as connection:
            self._count(connection)
            number = self._census.articles
            missing = {
                term
                for group in groups
                if group[0] not in held
                for term in group
                if term not in known or number > 1.02 * known[term][0]
            }
            counted = self.fulltext.held(connection, sorted(missing))
        if len(known) > 50_000:
            known.clear()
        known.update({term: (number, count) for term, count in counted.items()})
        out = []
        for group in groups:
            count = held[group[0]] if group[0] in held else sum(known[term][1] for term in group)
            out.append(math.log1p(max(number - count + 0.5, 0.5) / (count + 0.5)))
        return out

    def languages(self) -> frozenset[str]:
        """The languages that feeds say they are in, as two letters."""
        with reading(self.engine) as connection:
            return frozenset(code[:2].lower() for code in connection.execute(_SPOKEN).scalars() if code)

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
        """What a search with this filter looks at; as of which moment feeds are stale, it says itself."""
        e = t.entries.c
        with reading(self.engine) as connection:
            self._count(connection)
            feeds = connection.execute(_states(self._own, wanted.feeds, wanted.topics, wanted.languages)).all()
            mutes = self._mutes(connection)
            unread = {mute.value for mute in mutes if mute.kind == "feed"}
            hidden: dict[int, Counter[int]] = {}
            if (worded := self._worded(mutes, wanted)) is not None:
                rows = select(e.feed_id, _seconds(t.entries.c.published_at)).where(
                    e.id.in_(worded), *self._entries_of(wanted)
                )
                for feed_id, seconds in connection.execute(rows):
                    hidden.setdefault(feed_id, Counter())[math.floor(seconds)] += 1
            failed = connection.execute(_failed(self._own)).scalars()
            read = [feed for feed in feeds if feed.url not in unread]
            by_feed = self._census.count(
                (feed.id for feed in read), since=wanted.since, until=wanted.until, as_of=wanted.as_of, without=hidden
            ).values()
            stale: list[str] = []
            if (now := wanted.as_of) is not None:
                fetched = [feed for feed in read if not (feed.sample or feed.paused or feed.error)]
                whole = self._census.count((feed.id for feed in fetched), as_of=now)
                stale = [
                    feed.title or feed.url
                    for feed in fetched
                    if is_stale(whole.get(feed.id), now=now, added_at=feed.added_at, succeeded_at=feed.succeeded_at)
                ]
            return Horizon(
                feeds=len(by_feed),
                articles=sum(counted.articles for counted in by_feed),
                since=min((counted.since for counted in by_feed), default=None),
                until=max((counted.until for counted in by_feed), default=None),
                failed=tuple(failed),
                stale=tuple(stale),
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
            else:
                size = connection.execute(select(func.pg_database_size(func.current_database()))).scalar_one()
        return Stats(feeds, failing, entries, versions, edited, oldest, newest, size)

    # Inside

    def _count(self, connection: Connection) -> None:
        """Bring the census up to date."""
        mark, last = connection.execute(_MARKS).one()
        counted = self._census.begin(mark or "")
        if last and last > counted:
            e = t.entries.c
            rows = select(e.id, e.feed_id, _seconds(t.entries.c.published_at)).where(e.id > counted)
            self._census.add((number, feed, math.floor(moment)) for number, feed, moment in connection.execute(rows))

    def _set(self, feed_id: int, **values: Any) -> None:
        with writing(self.engine) as connection:
            done = connection.execute(_CHANGE, {"feed": feed_id, **values})
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
        connection.execute(  # a muted feed is known by its URL
            update(t.mutes).where(t.mutes.c.kind == "feed", t.mutes.c.value == feed.url).values(value=target)
        )
        return {"url": target, "moved_to": "", "moved_count": 0}

    def _merge(
        self, connection: Connection, feed_id: int, parsed: Sequence[ParsedEntry], now: datetime, *, first: bool
    ) -> Changes:
        alone(connection, "entries")
        unique = {t.storable(entry.key): entry for entry in parsed}
        known: dict[str, Row[Any]] = {}
        buried: set[str] = set()
        for chunk in _chunks([] if first else list(unique)):
            current = self._current(feed_id).where(t.entries.c.key.in_(chunk))
            known |= {row.key: row for row in connection.execute(current)}
            stones = select(t.tombstones.c.key).where(t.tombstones.c.feed_id == feed_id, t.tombstones.c.key.in_(chunk))
            buried.update(connection.execute(stones).scalars())
        for chunk in _chunks(sorted(buried)):  # still shown, so still to be kept away
            connection.execute(
                update(t.tombstones)
                .where(t.tombstones.c.feed_id == feed_id, t.tombstones.c.key.in_(chunk))
                .values(pruned_at=now)
            )
        if not first:
            known |= self._renamed(connection, feed_id, unique, known.keys() | buried)
        fresh = [entry for key, entry in unique.items() if key not in known and key not in buried]
        edited = [
            (known[key], entry)
            for key, entry in unique.items()
            if key in known and known[key].feed_digest != _digest(entry)
        ]
        for key, entry in unique.items():
            row = known.get(key)
            if row and (row.url, row.author, row.picture) != (entry.url, entry.author, entry.picture):
                # All its wordings are found by the words of its address.
                moved = address_words(row.url) != address_words(entry.url)
                worded = connection.execute(_INDEXED.where(t.entries.c.id == row.id)).all() if moved else []
                self.fulltext.remove(connection, (_document(*each) for each in worded))
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
                self.fulltext.add(
                    connection, (_document(w.id, w.valid_from, entry.url, w.title, w.text) for w in worded)
                )
        # A feed lists its newest first; the oldest gets the lowest id, so that ids follow publication within a feed.
        wordings = self._insert(connection, feed_id, fresh[::-1], now)
        later = [(row, entry) for row, entry in edited if now > row.valid_from]  # a replay's clock may be earlier
        if later:
            ends = update(t.versions).where(t.versions.c.id == bindparam("version"))
            connection.execute(ends.values(valid_until=now), [{"version": row.version_id} for row, _ in later])
            changed = update(t.entries).where(t.entries.c.id == bindparam("entry"))
            connection.execute(
                changed.values(
                    edits=t.entries.c.edits + 1, feed_digest=bindparam("digest"), text_from="feed", article_tries=0
                ),
                [{"entry": row.id, "digest": _digest(entry)} for row, entry in later],
            )
        documents = self._word(connection, [*wordings, *((row.id, entry, now) for row, entry in later)])
        self.fulltext.add(connection, documents)
        return Changes(new=len(fresh), edited=len(later))

    def _current(self, feed_id: int) -> Select[Any]:
        """Entries of a feed with their current wording, as `_merge` compares them with a body."""
        e, v = t.entries.c, t.versions.c
        return (
            select(e.id, e.key, e.edits, e.url, e.canonical_url, e.author, e.picture, e.published_at, e.feed_digest)
            .add_columns(v.id.label("version_id"), v.title, v.text, v.valid_from)
            .join(t.versions, and_(v.entry_id == e.id, v.valid_until.is_(None)))
            .where(e.feed_id == feed_id)
        )

    def _renamed(
        self, connection: Connection, feed_id: int, unique: dict[str, ParsedEntry], settled: set[str]
    ) -> dict[str, Row[Any]]:
        """Items whose outlet gave them another guid: same address, and same title or date. They get the new key."""
        found: dict[str, list[ParsedEntry]] = {}
        for entry in unique.values():
            if address := canonical_url(entry.url):
                found.setdefault(address, []).append(entry)
        alone = {a: one[0] for a, one in found.items() if len(one) == 1 and one[0].key not in settled}
        renamed: dict[str, Row[Any]] = {}
        for chunk in _chunks(list(alone)):
            for row in connection.execute(self._current(feed_id).where(t.entries.c.canonical_url.in_(chunk))).all():
                entry = alone[row.canonical_url]
                if row.key in unique or entry.key in renamed:
                    continue
                if row.title == entry.title or row.published_at == entry.published_at:
                    connection.execute(update(t.entries).where(t.entries.c.id == row.id).values(key=entry.key))
                    renamed[entry.key] = row
        return renamed

    def _insert(
        self, connection: Connection, feed_id: int, fresh: Sequence[ParsedEntry], now: datetime
    ) -> list[tuple[int, ParsedEntry, datetime]]:
        """Insert entries; gives each with its new id and the moment its first wording is valid from."""
        if not fresh:
            return []
        # A date after the collection is a zone mistaken by the outlet: an entry is published when it is seen.
        starts = [min(entry.published_at or now, now) for entry in fresh]
        ids = _new_ids(connection, t.entries, len(fresh), above=_kept(connection, _LAST_ENTRY))
        connection.execute(
            insert(t.entries),
            [
                {
                    "id": entry_id, "feed_id": feed_id, "key": entry.key, "url": entry.url,
                    "canonical_url": canonical_url(entry.url), "author": entry.author, "picture": entry.picture,
                    "categories": list(entry.categories), "enclosures": [list(pair) for pair in entry.enclosures],
                    "published_at": start, "dated": entry.published_at is not None, "first_seen_at": now,
                    "feed_digest": _digest(entry),
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
            _document(version_id, start, entry.url, entry.title, entry.text, entry.terms)
            for version_id, (_, entry, start) in zip(ids, wordings, strict=True)
        ]

    def _delete_entries(self, connection: Connection, ids: Select[Any]) -> None:
        v = t.versions.c
        alone(connection, "entries")
        rows = connection.execute(_INDEXED.where(v.entry_id.in_(ids))).all()
        self.fulltext.remove(connection, (_document(*row) for row in rows))
        self._mark_deletion(connection)
        chosen = list(connection.execute(ids).scalars())
        for chunk in _chunks(chosen):
            connection.execute(delete(t.versions).where(v.entry_id.in_(chunk)))
            connection.execute(delete(t.entries).where(t.entries.c.id.in_(chunk)))

    def _mark_deletion(self, connection: Connection) -> None:
        """Let every process know that what it has counted is less than it was; to be called before it is.

        No number of an entry is given twice: chats, stories and saved articles know entries by it.
        """
        last = max(_kept(connection, _LAST_ENTRY), connection.execute(select(func.max(_e.id))).scalar() or 0)
        for key, value in ((_DELETIONS, _kept(connection, _DELETIONS) + 1), (_LAST_ENTRY, last)):
            connection.execute(delete(t.meta).where(t.meta.c.key == key))
            connection.execute(insert(t.meta).values(key=key, value=str(value)))

    @property
    def _own(self) -> str | None:
        """The reader, where readers have feeds of their own."""
        return self.reader if self.own_feeds else None

    def _feeds_of(self, wanted: Filter) -> list[ColumnElement[bool]]:
        return _feeds_of(self._own, wanted.feeds, wanted.topics, wanted.languages)

    def _entries_of(self, wanted: Filter) -> list[ColumnElement[bool]]:
        return _published(wanted.since, wanted.until, wanted.as_of)

    def _reported(self, connection: Connection, wanted: Filter) -> list[ColumnElement[bool]]:
        feeds = select(t.feeds.c.id).where(*self._feeds_of(wanted))
        return [_e.feed_id.in_(feeds), *self._entries_of(wanted), *self._not_muted(connection, wanted)]

    def _searches(self, connection: Connection) -> tuple[Template, ...]:
        kept = connection.execute(select(t.meta.c.value).where(t.meta.c.key == _SEARCHES + self.reader)).scalar()
        return tuple(Template(name, address) for name, address in json.loads(kept or "[]"))

    def _keep_searches(self, connection: Connection, templates: Sequence[Template]) -> None:
        value = json.dumps([[template.name, template.address] for template in templates])
        connection.execute(delete(t.meta).where(t.meta.c.key == _SEARCHES + self.reader))
        connection.execute(insert(t.meta).values(key=_SEARCHES + self.reader, value=value))

    def _mutes(self, connection: Connection) -> tuple[Mute, ...]:
        return tuple(Mute(*row) for row in connection.execute(_MUTES, {"reader": self.reader}))

    def _muted(self, mute: Mute) -> list[ColumnElement[bool]]:
        m = t.mutes.c
        return [m.reader == self.reader, m.kind == mute.kind, m.value == mute.value]

    def _wider(self, connection: Connection) -> int:
        """How much longer the lists of the index are read, so that enough in them is of feeds which the reader follows.

        The index knows no feeds.
        """
        if not self.own_feeds:
            return 1
        self._count(connection)
        own = connection.execute(select(t.feeds.c.id).where(*self._feeds_of(Filter()))).scalars()
        articles = sum(counted.articles for counted in self._census.count(own).values())
        return min(WIDEST, -(-self._census.articles // max(articles, 1)))

    def _followed(self, connection: Connection, lists: list[list[int]], limit: int) -> list[list[int]]:
        """Of each list the first `limit` rows of feeds which the reader follows."""
        if not self.own_feeds:
            return lists
        v, own = t.versions.c, set[int]()
        ids = list({version(row) for rows in lists for row in rows})
        feeds = select(t.feeds.c.id).where(*self._feeds_of(Filter()))
        for chunk in _chunks(ids, 5_000):
            query = select(v.id).join_from(t.versions, t.entries).where(v.id.in_(chunk), _e.feed_id.in_(feeds))
            own.update(connection.execute(query).scalars())
        return [[row for row in rows if version(row) in own][:limit] for rows in lists]

    def _follow(self, connection: Connection, urls: Sequence[str]) -> list[str]:
        """Have the reader follow these feeds; gives those that they did not follow before."""
        own = select(t.follows.c.feed_id).where(t.follows.c.reader == self.reader)
        added: list[str] = []
        for chunk in _chunks(urls):
            f = t.feeds.c
            rows = connection.execute(select(f.id, f.url).where(f.url.in_(chunk), f.id.not_in(own))).all()
            if rows:
                connection.execute(insert(t.follows), [{"reader": self.reader, "feed_id": row.id} for row in rows])
                added += (row.url for row in rows)
        return added

    def _not_muted(self, connection: Connection, wanted: Filter) -> list[ColumnElement[bool]]:
        """What mutes add to a query: nothing as long as there are none. Both name rows of `entries` alone."""
        e = t.entries.c
        mutes = self._mutes(connection)
        conditions: list[ColumnElement[bool]] = []
        if feeds := [mute.value for mute in mutes if mute.kind == "feed"]:
            ids = select(t.feeds.c.id).where(t.feeds.c.url.in_(feeds)).correlate(None)
            conditions.append(e.feed_id.not_in(ids))
        if (worded := self._worded(mutes, wanted)) is not None:
            conditions.append(e.id.not_in(worded))
        return conditions

    def _worded(self, mutes: Iterable[Mute], wanted: Filter) -> Select[Any] | None:
        """The entries whose wording holds a muted word or phrase, None if none is muted."""
        v = t.versions.c
        phrases = [
            phrase
            for mute in mutes
            if mute.kind == "word"
            for phrase in dict.fromkeys(tuple(terms(mute.value, code)) for code in LANGUAGES)
            if phrase
        ]
        if not phrases:
            return None
        muted = self.fulltext.matching(any_phrase(phrases))
        worded = select(v.entry_id).where(v.id.in_(muted), self._valid(wanted))
        return worded.correlate(None)

    def _valid(self, wanted: Filter) -> ColumnElement[bool]:
        return _valid(wanted.as_of)

    def _entries(self, wanted: Filter) -> Select[Any]:
        return _entries(self._feeds_of(wanted), self._entries_of(wanted), wanted.as_of)

    def _keep_index_current(self) -> None:
        analysis = select(t.meta.c.value).where(t.meta.c.key == "analysis")
        with reading(self.engine) as connection:
            if connection.execute(analysis).scalar() == ANALYSIS:
                return
        with writing(self.engine) as connection:
            alone(connection, "entries", long=True)
            if connection.execute(analysis).scalar() == ANALYSIS:  # another process was quicker
                return
            self.fulltext.create(connection)
            v, last = t.versions.c, 0
            while rows := connection.execute(_INDEXED.where(v.id > last).order_by(v.id).limit(1_000)).all():
                self.fulltext.add(connection, (_document(*row) for row in rows))
                last = rows[-1].id
            connection.execute(delete(t.meta).where(t.meta.c.key == "analysis"))
            connection.execute(insert(t.meta).values(key="analysis", value=ANALYSIS))


_Moment = datetime | ColumnElement[datetime] | None


def _feeds_of(
    own: str | None, feeds: Sequence[int], topics: Sequence[str], languages: Sequence[str]
) -> list[ColumnElement[bool]]:
    f = t.feeds.c
    conditions: list[ColumnElement[bool]] = [f.removed_at.is_(None)]
    if own is not None:
        followed = select(t.follows.c.feed_id).where(t.follows.c.reader == own)
        conditions.append(f.id.in_(followed.correlate(None)))
    if feeds:
        conditions.append(f.id.in_(feeds))
    if topics:
        conditions.append(f.topic.in_(topics))
    if languages:
        conditions.append(f.language.in_(languages))
    return conditions


def _published(since: _Moment, until: _Moment, as_of: _Moment) -> list[ColumnElement[bool]]:
    e = t.entries.c
    conditions: list[ColumnElement[bool]] = []
    if since is not None:
        conditions.append(e.published_at >= since)
    if until is not None:
        conditions.append(e.published_at < until)
    if as_of is not None:
        conditions.append(e.published_at <= as_of)
    return conditions


def _valid(as_of: _Moment) -> ColumnElement[bool]:
    v = t.versions.c
    if as_of is None:
        return v.valid_until.is_(None)
    return and_(v.valid_from <= as_of, or_(v.valid_until.is_(None), v.valid_until > as_of))


def _entries(
    feeds: Iterable[ColumnElement[bool]], published: Iterable[ColumnElement[bool]], as_of: _Moment
) -> Select[Any]:
    e, v, f = t.entries.c, t.versions.c, t.feeds.c
    edits: ColumnElement[int] = e.edits
    if as_of is not None:
        x = t.versions.alias()
        known = select(func.count() - 1).where(x.c.entry_id == e.id, x.c.valid_from <= as_of)
        edits = known.scalar_subquery().label("edits")
    return (
        select(
            e.id, v.id.label("version_id"), e.feed_id, _NAMED.label("feed"), f.topic, f.language, e.url, v.title,
            v.text, e.author, e.picture, e.published_at, e.first_seen_at, edits, f.sample, e.text_from,
            func.coalesce(e.story_id, 0).label("story"), e.canonical_url,
        )
        .select_from(t.entries.join(t.feeds).join(t.versions, v.entry_id == e.id))
        .where(_valid(as_of), *feeds, *published)
    )  # fmt: skip


# What every search asks: to build these anew takes longer than to run them.


@lru_cache(maxsize=256)
def _states(
    own: str | None, feeds: tuple[int, ...], topics: tuple[str, ...], languages: tuple[str, ...]
) -> Select[Any]:
    f = t.feeds.c
    state = (f.id, f.url, f.title, f.sample, f.paused, f.error, f.added_at, f.succeeded_at)
    return select(*state).where(*_feeds_of(own, feeds, topics, languages)).order_by(f.title)


@lru_cache(maxsize=256)
def _failed(own: str | None) -> Select[Any]:
    f = t.feeds.c
    return select(_NAMED).where(*_feeds_of(own, (), (), ()), f.error != "").order_by(f.title)


@lru_cache(maxsize=256)
def _wordings(
    own: str | None, feeds: tuple[int, ...], topics: tuple[str, ...], languages: tuple[str, ...], *,
    since: bool, until: bool, as_of: bool,
) -> Select[Any]:  # fmt: skip
    """The entries of the versions `ids`, within those of the moments `since`, `until` and `as_of` that are given."""
    moment = _moment("as_of") if as_of else None
    published = _published(_moment("since") if since else None, _moment("until") if until else None, moment)
    chosen = t.versions.c.id.in_(bindparam("ids", expanding=True))
    return _entries(_feeds_of(own, feeds, topics, languages), published, moment).where(chosen)


def _feed(row: Row[Any]) -> Feed:
    return Feed(**row._mapping)


def _entry(row: Row[Any]) -> Entry:
    return Entry(*row[: len(_ENTRY)])  # the columns of `_entries` come in the order of the fields


def _also(entry: Entry, feed: str) -> Entry:
    if feed == entry.feed or feed in entry.also:
        return entry
    return replace(entry, also=(*entry.also, feed))


def _kept(connection: Connection, key: str) -> int:
    """A number that `meta` keeps; 0 for none."""
    return int(connection.execute(select(t.meta.c.value).where(t.meta.c.key == key)).scalar() or 0)


def deletions(connection: Connection) -> int:
    """How often something was deleted: as long as this stays the same, nothing was."""
    return _kept(connection, _DELETIONS)


def _new_ids(connection: Connection, table: Table, number: int, *, above: int = 0) -> range:
    """Numbers for new rows, so that they go in as one batch.

    Alone in its section nobody else can take them, and what is committed later has higher ones, as the census needs it.
    """
    last = max(above, connection.execute(select(func.max(table.c.id))).scalar() or 0)
    return range(last + 1, last + 1 + number)


def _digest(entry: ParsedEntry) -> str:
    """What a feed's own wording is known by."""
    return hashlib.sha256(f"{entry.title}\0{entry.text}".encode(errors="replace")).hexdigest()[:32]


def _span(wanted: Filter) -> dict[str, datetime | None]:
    """Between which moments the wordings are valid that a filter may let through."""
    until = wanted.until + LATE_EDITS if wanted.until else None
    return {"since": wanted.since, "until": min(filter(None, (until, wanted.as_of)), default=None)}


def _document(
    version_id: int, since: datetime, url: str, title: str, body: str, made: tuple[str, str] | None = None
) -> Document:
    """What is indexed of a row of `_INDEXED`; `made` are the terms of title and body, where they are there already."""
    address = " ".join(terms(address_words(url), "en"))
    return Document(version_id, since, *(made or indexed(title, body)), address)


def _chunks(items: Sequence[_T], size: int = 500) -> Iterable[Sequence[_T]]:
    return (items[start : start + size] for start in range(0, len(items), size))
