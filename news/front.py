"""What a front page shows: the stories of the last days by weight, one of them whole, and what is new in them.

Two stages. The first reads reports without a word of them (`news.store.Report`) and ranks their stories; the second
reads the texts of the few that are shown. All is of one moment: now, or the `as_of` of the filter.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Literal

from news import figures, stories
from news.edits import Edit, edits
from news.figures import Difference
from news.store import Filter, Report, Store
from news.stories import Origin, Story
from news.types import Entry, Feed

SPAN = timedelta(days=2)
"""How far back a front page looks, if the filter does not say."""
HOURS = 24
RECENT = timedelta(hours=6)
"""Reports of so long tell how fast a story moves."""
LATE = timedelta(days=6)
"""What comes later than that after its date was not the first to tell."""
ALL = Filter()
LEADING = timedelta(hours=12)
"""A story's lead is one of its reports of its last hours: what was central yesterday is not what happens now."""
MOST_READ = 60
"""Reports of a story whose texts are read for its card; the newest."""
WEIGHED = 60
"""So many of the first stories are weighed again by their origins, which only their texts tell."""

Kind = Literal["story", "outlet", "report", "figure", "edit"]


@dataclass(frozen=True, slots=True)
class Outlet:
    """A feed that tells a story, with how many entries."""

    feed_id: int
    name: str
    reports: int


@dataclass(frozen=True, slots=True)
class Card:
    """A story as a front page shows it. `id` is its number.

    It tells of the page's span (two days, or what the filter says), but for `first_at` and `first_feed`: the story's
    first report, whenever that was. `outlets` come by their number of entries, most first. `reports` counts articles:
    one that several feeds carry counts once, as it does among the `origins`. `days` is the length of the span if the
    story was told before it, 0 if this is all of it. `hours` are the reports of each of the last 24 hours, oldest
    first. `last_at` is the newest publication, `moved_at` when the last report came. `edited` counts the entries whose
    wording changed. `others` are the newest entry of each outlet but the lead's.
    """

    id: int
    lead: Entry
    outlets: tuple[Outlet, ...]
    reports: int
    days: int
    origins: int
    first_at: datetime
    first_feed: str
    last_at: datetime
    moved_at: datetime
    hours: tuple[int, ...]
    topic: str
    edited: int
    differences: tuple[Difference, ...]
    weight: float
    others: tuple[Entry, ...]
    sample: bool


@dataclass(frozen=True, slots=True)
class Section:
    """A topic and how many stories it has; "" is the topic of stories whose feeds have none."""

    topic: str
    stories: int


@dataclass(frozen=True, slots=True)
class Front:
    """A part of a front page: `cards` by weight, out of `total` stories; `sections` are all topics, largest first.

    `since` and `until` are the span it tells of.
    """

    cards: tuple[Card, ...]
    total: int
    sections: tuple[Section, ...]
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Telling:
    """All of one story. `entries` are oldest first, as are those of each outlet, the first outlet first.

    `outlets` are in the same order as `by_outlet`, which is by the feed's id. `edits` are by entry, only of those that
    were edited.
    """

    id: int
    lead: Entry
    entries: tuple[Entry, ...]
    outlets: tuple[Outlet, ...]
    by_outlet: Mapping[int, tuple[Entry, ...]]
    timeline: tuple[stories.Report, ...]
    origins: tuple[Origin, ...]
    names: tuple[str, ...]
    differences: tuple[Difference, ...]
    edits: Mapping[int, tuple[Edit, ...]]
    topic: str
    sample: bool

    @property
    def first(self) -> Entry:
        """The first report, of those that came soon after their date if there are any."""
        return min(self.entries, key=lambda entry: entry.first_seen_at - entry.published_at > LATE)

    def in_short(self, most: int = 6) -> tuple[Entry, ...]:
        """So many entries that tell most of it: the lead, then the newest of each other outlet, then further ones."""
        newest_first = self.entries[::-1]
        of_feed = {self.lead.feed_id: self.lead}
        for entry in newest_first:
            of_feed.setdefault(entry.feed_id, entry)
        return tuple(dict.fromkeys((*of_feed.values(), *newest_first)))[:most]


@dataclass(frozen=True, slots=True)
class New:
    """One thing that is new in a story since a moment.

    - "story": it was told for the first time; `text` is its newest title.
    - "outlet": an outlet tells it that had not; `text` is its name.
    - "report": one that told it before says more; `text` is the title.
    - "figure": a figure moved, or outlets differ now; `text` is like "41 → 55" or "5 or 7", `about` its kind ("dead").
    - "edit": an earlier entry reads otherwise now; `text` is its title.

    `entry` is what tells it and `at` when that came.
    """

    kind: Kind
    text: str
    at: datetime
    entry: Entry
    about: str = ""


def weight(*, outlets: int, origins: int, recent: int, age_h: float, followed: bool) -> float:
    """What a story weighs: who tells it, how independently, how fast it moves, how fresh it is, and who follows it.

    `recent` are the reports of the last six hours, `age_h` the hours since the newest. Each outlet more tells less than
    the one before, hence logarithms; a story that many tell in few hands is weighed down by those. It halves in a day
    without news.
    """
    told = math.log2(1 + outlets) * math.log2(1 + origins)
    speed = 1 + 0.15 * math.log2(1 + recent)
    return told * speed * math.exp2(-age_h / 24) * (2.0 if followed else 1.0)


def front(
    store: Store,
    wanted: Filter = ALL,
    *,
    now: datetime,
    followed: Collection[int] = frozenset(),
    muted: Collection[int] = frozenset(),
    among: Collection[int] | None = None,
    limit: int = 20,
    offset: int = 0,
) -> Front:
    """The stories that `wanted` lets through, by weight; as of `wanted.as_of` if it says so, else as of `now`.

    `followed` stories weigh more, `muted` ones are left out. With `among`, these alone, whenever they were told.
    Where nothing was published for a while, the page is that of the last moment at which something was.
    """
    at = wanted.as_of or now
    span, rows = _span(store, wanted, at, among)
    feeds = {feed.id: feed for feed in store.feeds()}
    told: defaultdict[int, list[Report]] = defaultdict(list)
    for row in rows:
        if row.story not in muted:
            told[row.story].append(row)
    weights = {
        story: _weigh(reports, span.until, followed=story in followed, origins=None) for story, reports in told.items()
    }
    ranked = sorted(weights, key=lambda story: (-weights[story], -story))
    head = ranked[:WEIGHED] if offset < WEIGHED else []
    read = dict.fromkeys([*head, *ranked[offset : offset + limit]])
    texts = _texts(store, [told[story] for story in read], at)
    origins = {story: len(stories.origins(_story(texts, told[story]))) for story in read}
    for story in head:
        weights[story] = _weigh(told[story], span.until, followed=story in followed, origins=origins[story])
    ranked[: len(head)] = sorted(head, key=lambda story: (-weights[story], -story))
    shown = [story for story in ranked[offset : offset + limit] if origins[story]]
    begun = _begun(store.reports(replace(wanted, since=None, as_of=at), shown))
    topics = {story: _topic(reports, feeds) for story, reports in told.items()}
    cards = (
        _card(
            story, told[story], texts, span=span, feeds=feeds, begun=begun.get(story, told[story][0]),
            origins=origins[story], topic=topics[story], weighs=weights[story],
        )
        for story in shown
    )  # fmt: skip
    counted = sorted(Counter(topics.values()).items(), key=lambda pair: (-pair[1], pair[0]))
    return Front(tuple(cards), len(ranked), tuple(Section(*pair) for pair in counted), span.since, span.until)


def story(store: Store, number: int, *, now: datetime, as_of: datetime | None = None) -> Telling | None:
    """All of the story that has this number, or had it before it was merged; None if nothing is left of it."""
    at = as_of or now
    number = store.story_of(number)
    rows = store.reports(Filter(as_of=at), [number])
    entries = tuple(store.entries_by_id([row.entry_id for row in rows], as_of=at).values())
    if not entries:
        return None
    ordered = tuple(sorted(entries, key=lambda entry: (entry.published_at, entry.first_seen_at, entry.id)))
    whole = stories.story_of(ordered)
    by_outlet: dict[int, list[Entry]] = {}
    for entry in ordered:
        by_outlet.setdefault(entry.feed_id, []).append(entry)
    changed = {
        entry.id: tuple(edit for edit in edits(store.versions(entry.id)) if edit.at <= at)
        for entry in ordered
        if entry.edits
    }
    return Telling(
        id=number,
        lead=_lead(ordered),
        entries=ordered,
        outlets=tuple(Outlet(id_, mine[-1].feed, len(mine)) for id_, mine in by_outlet.items()),
        by_outlet={id_: tuple(mine) for id_, mine in by_outlet.items()},
        timeline=stories.timeline(whole),
        origins=stories.origins(whole),
        names=stories.names(whole),
        differences=figures.differences(ordered),
        edits={id_: each for id_, each in changed.items() if each},
        topic=_topic(rows, {feed.id: feed for feed in store.feeds()}),
        sample=any(entry.sample for entry in ordered),
    )


def fresh(
    store: Store,
    since: datetime,
    *,
    now: datetime,
    wanted: Filter = ALL,
    among: Collection[int] | None = None,
) -> dict[int, tuple[New, ...]]:
    """What is new in each story (of these, or of all that moved) since a moment, the most telling first.

    What counts is when an entry came, not its date: an article of ten o'clock that is collected at eleven is new to
    whoever looked at half past ten.
    """
    came, edited = store.arrived(since, now, wanted)
    moved = {row.story for row in came} | {row.story for row, _ in edited}
    if among is not None:
        moved &= set(among)
    rows: defaultdict[int, list[Report]] = defaultdict(list)
    for row in store.reports(replace(wanted, since=None, as_of=now), moved):
        if row.seen <= now.timestamp():
            rows[row.story].append(row)
    known = {story: [row for row in told if row.seen <= since.timestamp()] for story, told in rows.items()}
    changed = {row.entry_id: at for row, at in edited}
    named = changed.keys() | {row.entry_id for row in came}
    texts = {
        **_texts(store, rows.values(), now),
        **store.entries_by_id(named & {row.entry_id for told in rows.values() for row in told}, as_of=now),
    }
    earlier = _texts(store, known.values(), since)
    out = {
        story: what_is_new(
            [earlier[row.entry_id] for row in known[story] if row.entry_id in earlier],
            [texts[row.entry_id] for row in told if row.entry_id in texts],
            since=since,
            told_by={row.feed_id for row in known[story]},
            changed=changed,
        )
        for story, told in rows.items()
    }
    return {story: news for story, news in out.items() if news}


def what_is_new(
    before: Sequence[Entry],
    after: Sequence[Entry],
    *,
    since: datetime,
    told_by: Collection[int] = frozenset(),
    changed: Mapping[int, datetime] = {},
) -> tuple[New, ...]:
    """What the story as of `since` (`before`, oldest first) does not tell and that of now (`after`) does. Pure.

    `told_by` are feeds that told it before in what is not given; `changed` says when entries were edited since.
    """
    fresh = [entry for entry in after if entry.first_seen_at > since]
    told = {entry.feed_id for entry in before}.union(told_by)
    if not told:
        return tuple(New("story", entry.title, entry.first_seen_at, entry) for entry in fresh[-1:])
    outlets, reports = [], []
    for entry in fresh:
        if entry.feed_id not in told:
            told.add(entry.feed_id)
            outlets.append(New("outlet", entry.feed, entry.first_seen_at, entry))
        else:
            reports.append(New("report", entry.title, entry.first_seen_at, entry))
    reworded = [New("edit", entry.title, changed[entry.id], entry) for entry in after if entry.id in changed]
    return (*_moved(before, after), *outlets, *reports, *reworded)


def _moved(before: Sequence[Entry], after: Sequence[Entry]) -> list[New]:
    """The figures that are told now and were not."""
    by_id = {entry.id: entry for entry in after}
    known: defaultdict[str, set[float]] = defaultdict(set)
    for entry in before:
        for figure in figures.figures(entry):
            known[figure.kind].add(figure.value)
    out = []
    for difference in figures.differences(after):
        values = [figure.value for figure in difference.figures]
        added = [figure for figure in difference.figures if figure.value not in known[difference.kind]]
        if not added:
            continue
        first = values.index(added[0].value)
        shown = values[max(0, first - 1) :] if difference.moved else values
        text = figures.in_short(shown, moved=difference.moved)
        entry = by_id[added[-1].entry_id]
        out.append(New("figure", text, entry.first_seen_at, entry, about=difference.kind))
    return out


@dataclass(frozen=True, slots=True)
class _Span:
    since: datetime
    until: datetime

    @property
    def days(self) -> int:
        return math.ceil((self.until - self.since) / timedelta(days=1))


def _span(store: Store, wanted: Filter, at: datetime, among: Collection[int] | None) -> tuple[_Span, list[Report]]:
    """What a page tells of, and the reports in it."""
    until = min(wanted.until or at, at)
    if among is not None:
        rows = store.reports(replace(wanted, until=until, as_of=at), among)
        first = datetime.fromtimestamp(rows[0].at, UTC) if rows else until
        return _Span(wanted.since or first, until), rows
    rows = _within(store, wanted, until, at)
    if not rows and wanted.since is None:
        newest = store.entries(replace(wanted, until=until, as_of=at), limit=1)
        if newest:
            until = newest[0].published_at
            rows = _within(store, wanted, until, at)
    return _Span(wanted.since or until - SPAN, until), rows


def _within(store: Store, wanted: Filter, until: datetime, at: datetime) -> list[Report]:
    end = until + timedelta(seconds=1)  # with what was published at that moment
    return store.reports(replace(wanted, since=wanted.since or until - SPAN, until=end, as_of=at))


def _weigh(reports: Sequence[Report], until: datetime, *, followed: bool, origins: int | None) -> float:
    """What a story weighs by its reports; its origins are as many as its outlets as long as nobody read the texts."""
    articles = _articles(reports) if len(reports) > 1 else reports  # most stories are of one
    outlets = len({report.feed_id for report in articles})
    end = until.timestamp()
    return weight(
        outlets=outlets,
        origins=outlets if origins is None else min(origins, outlets),
        recent=sum(end - report.at < RECENT.total_seconds() for report in articles),
        age_h=max(0.0, end - reports[-1].at) / 3600,
        followed=followed,
    )


def _texts(store: Store, told: Iterable[Sequence[Report]], at: datetime) -> dict[int, Entry]:
    """The newest entries of each of these stories, with their wording at that moment."""
    return store.entries_by_id([row.entry_id for reports in told for row in reports[-MOST_READ:]], as_of=at)


def _story(texts: Mapping[int, Entry], reports: Iterable[Report]) -> Story:
    return stories.story_of(texts[row.entry_id] for row in _articles(reports) if row.entry_id in texts)


def _articles(reports: Iterable[Report]) -> list[Report]:
    """The reports, an article of several feeds once: the first of it."""
    first: dict[str | int, Report] = {}
    for row in reports:
        first.setdefault(row.article or row.entry_id, row)
    return list(first.values())


def _begun(reports: Iterable[Report]) -> dict[int, Report]:
    """The first report of each story, of those that came soon after their date if there are any.

    Feeds have dates of long ago, and guides that they have had for years.
    """
    first: dict[int, Report] = {}
    for row in sorted(reports, key=lambda row: (row.seen - row.at > LATE.total_seconds(), row.at, row.entry_id)):
        first.setdefault(row.story, row)
    return first


def _topic(reports: Sequence[Report], feeds: Mapping[int, Feed]) -> str:
    """The topic that most of its reports' feeds have; "" if none has one."""
    found = [topic for row in reports if row.feed_id in feeds and (topic := feeds[row.feed_id].topic)]
    if len(found) < 2:
        return found[0] if found else ""
    counted = Counter(found)
    return min(counted, key=lambda topic: (-counted[topic], topic))


def _lead(entries: Sequence[Entry]) -> Entry:
    """The most central of the last reports."""
    newest = max(entry.published_at for entry in entries)
    return stories.story_of(entry for entry in entries if newest - entry.published_at <= LEADING).lead


def _card(
    number: int,
    reports: Sequence[Report],
    texts: Mapping[int, Entry],
    *,
    span: _Span,
    feeds: Mapping[int, Feed],
    begun: Report,
    origins: int,
    topic: str,
    weighs: float,
) -> Card:
    articles = _articles(reports)
    entries = [texts[row.entry_id] for row in reports if row.entry_id in texts]
    lead = _lead(entries)
    newest: dict[int, Entry] = {}
    for entry in reversed(entries):
        newest.setdefault(entry.feed_id, entry)
    newest.pop(lead.feed_id, None)
    hours = [0] * HOURS
    for row in articles:
        back = int((span.until.timestamp() - row.at) // 3600)
        if 0 <= back < HOURS:
            hours[HOURS - 1 - back] += 1
    outlets = Counter(row.feed_id for row in reports)
    return Card(
        id=number,
        lead=lead,
        outlets=tuple(Outlet(id_, _name(feeds, id_), told) for id_, told in outlets.most_common()),
        reports=len(articles),
        days=span.days if begun.at < span.since.timestamp() else 0,
        origins=origins,
        first_at=datetime.fromtimestamp(begun.at, UTC),
        first_feed=_name(feeds, begun.feed_id),
        last_at=datetime.fromtimestamp(reports[-1].at, UTC),
        moved_at=datetime.fromtimestamp(max(row.seen for row in reports), UTC),
        hours=tuple(hours),
        topic=topic,
        edited=sum(entry.edits > 0 for entry in entries),
        differences=figures.differences(entries),
        weight=weighs,
        others=tuple(newest.values()),
        sample=any(entry.sample for entry in entries),
    )


def _name(feeds: Mapping[int, Feed], feed_id: int) -> str:
    feed = feeds.get(feed_id)
    return (feed.title or feed.url) if feed else ""
