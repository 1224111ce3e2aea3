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
    one that several feeds carry counts once, as it does among the `origins`. `hours` are the reports of each of the
    last 24 hours, oldest first. `last_at` is the newest publication, `moved_at` when the last report came.
    `edited` counts the entries whose wording changed. `others` are the newest entry of each outlet but the lead's.
    """

    id: int
    lead: Entry
    outlets: tuple[Outlet, ...]
    reports: int
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
        """The first report."""
        return self.entries[0]


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
    the one before, so sums are logarithms; a story halves in twelve hours without news.
    """
    told = math.log2(1 + outlets) + math.log2(1 + origins)
    speed = 1 + 0.25 * math.log2(1 + recent)
    fresh = math.exp2(-age_h / 12)
    return told * speed * fresh * (2.0 if followed else 1.0)


def front(
    store: Store,
    wanted: Filter = ALL,
    *,
    now: datetime,
    followed: Collection[int] = frozenset(),
    muted: Collection[int] = frozenset(),
    limit: int = 20,
    offset: int = 0,
) -> Front:
    """The stories that `wanted` lets through, by weight; as of `wanted.as_of` if it says so, else as of `now`.

    `followed` stories weigh more, `muted` ones are left out. Where nothing was published for a while, the page is that
    of the last moment at which something was.
    """
    at = wanted.as_of or now
    span, rows = _span(store, wanted, at)
    until = span.until or at
    told: defaultdict[int, list[Report]] = defaultdict(list)
    for row in rows:
        if row.story not in muted:
            told[row.story].append(row)
    feeds = {feed.id: feed for feed in store.feeds()}
    topics = {story: _topic(reports, feeds) for story, reports in told.items()}

    def weighed(story: int, origins: int) -> float:
        reports = told[story]
        articles = _articles(reports)
        end = until.timestamp()
        return weight(
            outlets=len({report.feed_id for report in articles}),
            origins=origins,
            recent=sum(end - report.at < 6 * 3600 for report in articles),
            age_h=max(0.0, end - reports[-1].at) / 3600,
            followed=story in followed,
        )

    first = {story: weighed(story, len({r.feed_id for r in _articles(reports)})) for story, reports in told.items()}
    ranked = sorted(first, key=lambda story: (-first[story], -story))
    head, tail = ranked[:WEIGHED], ranked[WEIGHED:]
    read = head if offset < WEIGHED else tail[offset - WEIGHED :][:limit]
    texts = _texts(store, [told[story] for story in read], at)
    if offset < WEIGHED:
        origins = {story: len(stories.origins(_story(texts, told[story]))) for story in head}
        again = {story: weighed(story, origins[story]) for story in head}
        ranked = [*sorted(again, key=lambda story: (-again[story], -story)), *tail]
        first |= again
    shown = [story for story in ranked[offset : offset + limit] if any(r.entry_id in texts for r in told[story])]
    begun = _first_reports(store, shown, replace(wanted, since=None))
    cards = tuple(
        _card(story, told[story], texts, begun.get(story, told[story][0]), feeds, topics[story], first[story], until)
        for story in shown
    )
    counted = Counter(topics.values())
    sections = tuple(Section(*pair) for pair in sorted(counted.items(), key=lambda pair: (-pair[1], pair[0])))
    return Front(cards, len(ranked), sections, span.since or at, until)


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
    moved = {row.story for row in (*came, *edited)}
    if among is not None:
        moved &= set(among)
    rows: defaultdict[int, list[Report]] = defaultdict(list)
    for row in store.reports(replace(wanted, since=None, as_of=now), moved):
        if row.seen <= now.timestamp():
            rows[row.story].append(row)
    changed = {row.entry_id for row in edited}
    before = since.timestamp()
    known = {number: [row for row in told if row.seen <= before] for number, told in rows.items()}
    read = [told[-MOST_READ:] for told in rows.values()]
    texts = _texts(store, read, now)
    earlier = _texts(store, [told[-MOST_READ:] for told in known.values()], since)
    out = {}
    for number, told in rows.items():
        there = [texts[row.entry_id] for row in told if row.entry_id in texts]
        old = [earlier[row.entry_id] for row in known[number] if row.entry_id in earlier]
        if there:
            out[number] = what_is_new(old, there, since=since, changed=changed)
    return {number: news for number, news in out.items() if news}


def what_is_new(
    before: Sequence[Entry], after: Sequence[Entry], *, since: datetime, changed: Collection[int] = frozenset()
) -> tuple[New, ...]:
    """What the story as of `since` (`before`) does not tell and the story of now does. Pure.

    `changed` are the entries that were edited in between.
    """
    fresh = sorted((entry for entry in after if entry.first_seen_at > since), key=lambda entry: entry.published_at)
    if not before:
        return (New("story", fresh[-1].title, fresh[-1].first_seen_at, fresh[-1]),) if fresh else ()
    outlets, reports, reworded = [], [], []
    told = {entry.feed_id for entry in before}
    for entry in fresh:
        if entry.feed_id not in told:
            told.add(entry.feed_id)
            outlets.append(New("outlet", entry.feed, entry.first_seen_at, entry))
        else:
            reports.append(New("report", entry.title, entry.first_seen_at, entry))
    for entry in after:
        if entry.id in changed:
            reworded.append(New("edit", entry.title, since, entry))
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
        text = (" → " if difference.moved else " or ").join(f"{value:g}" for value in shown)
        entry = by_id[added[-1].entry_id]
        out.append(New("figure", text, entry.first_seen_at, entry, about=difference.kind))
    return out


def _span(store: Store, wanted: Filter, at: datetime) -> tuple[Filter, list[Report]]:
    """The filter with the span that the page tells of, and the reports in it."""
    until = min(wanted.until or at, at)
    if wanted.since is not None:
        span = replace(wanted, until=until, as_of=at)
        return span, store.reports(span)
    span = replace(wanted, since=until - SPAN, until=until, as_of=at)
    if rows := store.reports(span):
        return span, rows
    newest = store.entries(replace(wanted, until=until, as_of=at), limit=1)
    if not newest:
        return span, []
    until = newest[0].published_at + timedelta(seconds=1)
    span = replace(wanted, since=until - SPAN, until=until, as_of=at)
    return span, store.reports(span)


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


def _first_reports(store: Store, numbers: Collection[int], wanted: Filter) -> dict[int, Report]:
    first: dict[int, Report] = {}
    for row in store.reports(wanted, numbers):
        first.setdefault(row.story, row)
    return first


def _topic(reports: Iterable[Report], feeds: Mapping[int, Feed]) -> str:
    """The topic that most of its reports' feeds have; "" if none has one."""
    found = Counter(feeds[row.feed_id].topic for row in reports if row.feed_id in feeds)
    del found[""]
    return min(found, key=lambda topic: (-found[topic], topic), default="")


def _lead(entries: Sequence[Entry]) -> Entry:
    """The most central of the last reports."""
    newest = max(entry.published_at for entry in entries)
    return stories.story_of(entry for entry in entries if newest - entry.published_at <= LEADING).lead


def _card(
    number: int,
    reports: Sequence[Report],
    texts: Mapping[int, Entry],
    begun: Report,
    feeds: Mapping[int, Feed],
    topic: str,
    weighs: float,
    until: datetime,
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
        back = int((until.timestamp() - row.at) // 3600)
        if 0 <= back < HOURS:
            hours[HOURS - 1 - back] += 1
    outlets = Counter(row.feed_id for row in reports)
    return Card(
        id=number,
        lead=lead,
        outlets=tuple(Outlet(id_, _name(feeds, id_), told) for id_, told in outlets.most_common()),
        reports=len(articles),
        origins=len(stories.origins(_story(texts, reports))),
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
