"""Which entries tell one event, decided as each arrives. Pure: no clock, no storage.

An entry is a vector of its terms: those of the title count double, rare ones more (TF-IDF with the document frequencies
of the entries in memory). Against a story it scores a mix of its nearest entry there and of all of them on average,
less a little for each day between; at `JOIN` it joins the best, else it begins one. The mean keeps a story from
drifting: a chain of entries, each near to the one before, would otherwise lead from one battle of a war to the next.

Only entries of the last days are held, and found through their rare terms, so an entry costs the same however many are
stored. What is to be kept is the story of each entry, no more: `Grouper.restored` makes the memory again from that.
"""

from __future__ import annotations

import math
import re
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import nlargest

from news.terms import terms
from news.types import Entry

JOIN = 0.22
"""The score from which on an entry joins a story: found on the tuning part of tests/data/stories.json."""
SHARED = 3
"""Terms that an entry must share with the nearest one of the story: two are chance, however rare."""
COLD = 100
"""Half as much again is asked for with nothing in memory, a quarter with so many: what is rare is yet to be learned."""
NEAREST = 0.2
"""The part of the score that the nearest entry of the story makes; its mean makes the rest."""
FADING = 0.02
"""What a day between an entry and a story takes from the score, of six days at most."""
WINDOW = timedelta(days=6)
"""How long an entry is compared with those that arrive."""
WAKING = timedelta(days=21)
"""How long the newest entries of a large story still are, so that it can wake."""
LARGE, KEPT = 5, 3
"""How many entries make a story large, and how many of it wait."""
MERGE = 0.22
"""The mean likeness of all pairs from which on two stories become one."""
LEAVE = 0.09
"""The mean likeness to the rest of its story below which an entry is put elsewhere."""
LIVE = 30_000
"""The most entries in memory; the oldest go first."""

_TITLE = 2
_TEXT_TERMS = 60
READ = _TEXT_TERMS * 12
"""Characters of a text that are looked at."""
_RARE = 12
_COMMON = 160
_CANDIDATES = 8
_LOOKED_AT = 32
_COLUMNS = 5_000

Vector = Mapping[str, float]

_MONTHS = (
    "january february march april may june july august september october november december jan feb mar apr jun jul aug "
    "sep sept oct nov dec monday tuesday wednesday thursday friday saturday sunday januar februar marz mai juni juli "
    "oktober dezember montag dienstag mittwoch donnerstag freitag samstag sonntag janvier fevrier mars avril juin "
    "juillet aout septembre octobre novembre decembre enero febrero marzo abril mayo junio julio agosto septiembre "
    "octubre noviembre diciembre janeiro fevereiro maio junho julho setembro outubro novembro dezembro gennaio "
    "febbraio aprile maggio giugno luglio settembre ottobre dicembre"
).split()
_DATED = re.compile(
    rf"\b(?:{'|'.join(sorted(set(_MONTHS), key=len, reverse=True))})\b|\b\d{{1,4}}[./-]\d{{1,2}}[./-]\d{{1,4}}\b"
    r"|\d+\s*[年月日]",
    re.IGNORECASE,
)
_DIGITS = re.compile(r"\d+(?:st|nd|rd|th)?")


@dataclass(slots=True)
class _Held:
    """An entry in memory. `story` is the id of the entry that began its story."""

    id: int
    story: int
    at: float
    vector: Vector


@dataclass(slots=True)
class _Story:
    """A story in memory: its entries there, oldest first, and the sums from which means are made."""

    held: list[_Held] = field(default_factory=list)
    total: dict[str, float] = field(default_factory=dict)
    times: float = 0.0
    size: int = 0

    def take(self, one: _Held) -> None:
        self.held.append(one)
        self.size += 1
        self.times += one.at
        for term, weight in one.vector.items():
            self.total[term] = self.total.get(term, 0.0) + weight

    def drop(self, one: _Held) -> None:
        self.held.remove(one)
        self.times -= one.at
        for term, weight in one.vector.items():
            left = self.total[term] - weight
            if left > 1e-9:
                self.total[term] = left
            else:
                del self.total[term]

    def likeness(self, vector: Vector, at: float) -> float:
        """The mean likeness of `vector` to the entries here, faded by the days between."""
        count = len(self.held)
        return _dot(vector, self.total) / count - _faded(at - self.times / count)


@dataclass(frozen=True, slots=True)
class Repair:
    """What a repair changed. First each of `merged` (gone, kept) in order: all entries of one story, in memory or not,
    have the other's number. Then `moved`, entry -> story, for the entries in memory.
    """

    merged: tuple[tuple[int, int], ...] = ()
    moved: Mapping[int, int] = field(default_factory=dict)


class Grouper:
    """Gives each entry its story: `add` as they arrive, `repair` now and then, `restored` after a restart.

    A story's number is the id of the entry that began it. The same entries in the same order make the same stories.
    """

    def __init__(self) -> None:
        self._held: dict[int, _Held] = {}
        self._recent: deque[_Held] = deque()  # in the order of arrival
        self._stories: dict[int, _Story] = {}
        self._holders: defaultdict[str, dict[int, float]] = defaultdict(dict)
        self._waiting: deque[_Held] = deque()
        self._columns: OrderedDict[tuple[int, str], None] = OrderedDict()
        self._touched: set[int] = set()
        self._now = 0.0

    def __len__(self) -> int:
        """How many entries are in memory."""
        return len(self._held)

    @classmethod
    def restored(
        cls,
        rows: Iterable[tuple[Entry, int]],
        *,
        repaired_at: datetime | None = None,
        large: Collection[int] | None = None,
        until: datetime | None = None,
    ) -> Grouper:
        """A grouper that goes on from stored entries with their stories, oldest first. Only `WAKING` need be given.

        What came after `repaired_at` is looked at by the next repair; without it, nothing that is given. With the
        numbers of the `large` stories, only these are held from the time when, at `until`, all others are forgotten.
        """
        grouper = cls()
        for entry, story in rows:
            forgotten = large is not None and until is not None and until - entry.first_seen_at > WINDOW
            if forgotten and story not in (large or ()):
                grouper._is_column(entry)  # it is remembered longer
            else:
                grouper.learn(entry, story)
        grouper.repaired(repaired_at)
        return grouper

    def learn(self, entry: Entry, story: int) -> None:
        """Take in that somebody else gave this entry that story."""
        if (one := self._held.get(entry.id)) is not None:
            if one.story != story:
                self._move(one, story, {})
        elif not self._is_column(entry):
            at = self._tick(entry.first_seen_at)
            self._hold(_Held(entry.id, story, at, self._vector(entry)))

    def forget(self, entry_id: int) -> None:
        """Take an entry out of memory, such as one that was deleted."""
        if (one := self._held.get(entry_id)) is not None:
            self._forget(one)

    def repaired(self, at: datetime | None) -> None:
        """Take in that somebody else repaired the stories at that moment; None: just now."""
        since = math.inf if at is None else at.timestamp() / 86_400
        self._touched = {one.story for one in self._held.values() if one.at > since}

    @property
    def held(self) -> frozenset[int]:
        """The entries in memory."""
        return frozenset(self._held)

    def add(self, entry: Entry) -> int:
        """The story of `entry`: that of the entries in memory it is most like, or its own. Known entries keep theirs.

        Milliseconds. Never raises.
        """
        if entry.id in self._held:
            return self._held[entry.id].story
        at = self._tick(entry.first_seen_at)
        if self._is_column(entry):
            return entry.id
        vector = self._vector(entry)
        best = self._best(vector, at)
        story = best if best is not None else entry.id
        self._hold(_Held(entry.id, story, at, vector))
        return story

    def repair(self) -> Repair:
        """Take entries out of stories they are not like, merge stories that are alike; only of those touched since.

        What was merged has the older story's number.
        """
        before: dict[int, int] = {}
        for number in sorted(self._touched):
            self._split(number, before)
        merged = [pair for number in sorted(self._touched) if (pair := self._merge(number, before))]
        self._touched.clear()
        moved = {id_: self._held[id_].story for id_, story in before.items() if self._held[id_].story != story}
        return Repair(tuple(merged), moved)

    # ------------------------------------------------------------ one entry

    def _vector(self, entry: Entry) -> Vector:
        """The weights of its terms, of length 1."""
        counts = Counter(terms(entry.text[:READ])[:_TEXT_TERMS])
        for term in terms(entry.title[:1_000]):
            counts[term] += _TITLE
        seen = len(self._held) + 50
        holders = self._holders
        weights = {
            term: (1 + math.log(count)) * math.log(1 + seen / (len(holders.get(term, ())) + 0.5))
            for term, count in counts.items()
        }
        length = math.sqrt(sum(weight * weight for weight in weights.values())) or 1.0
        return {term: weight / length for term, weight in weights.items()}

    def _is_column(self, entry: Entry) -> bool:
        """Whether its title is, but for the date in it, one that its feed has had before: an edition of a column."""
        if not _DATED.search(entry.title):
            return False
        shape = " ".join(_DIGITS.sub("", _DATED.sub("", entry.title.casefold())).split())
        key = (entry.feed_id, shape)
        known = key in self._columns
        self._columns[key] = None
        self._columns.move_to_end(key)
        if len(self._columns) > _COLUMNS:
            self._columns.popitem(last=False)
        return known

    def _best(self, vector: Vector, at: float) -> int | None:
        """The story to join, if there is one: of those that hold its rare terms, the one with the highest score."""
        near: dict[int, float] = defaultdict(float)
        for term, weight in sorted(vector.items(), key=lambda pair: (-pair[1], pair[0]))[:_RARE]:
            holders = self._holders.get(term)
            if holders is None or len(holders) > _COMMON:
                continue
            for id_, other in holders.items():
                near[id_] += weight * other
        nearest: dict[int, float] = {}
        for id_ in nlargest(_LOOKED_AT, near, key=near.__getitem__):
            one = self._held[id_]
            if one.story not in nearest and len(nearest) == _CANDIDATES:
                continue
            if len(vector.keys() & one.vector.keys()) < SHARED:
                continue
            likeness = _dot(vector, one.vector) - _faded(at - one.at)
            if likeness > nearest.get(one.story, -1.0):
                nearest[one.story] = likeness
        best, highest = None, JOIN * (1 + 0.5 * COLD / (COLD + len(self._held)))
        for story, likeness in nearest.items():
            score = NEAREST * likeness + (1 - NEAREST) * self._stories[story].likeness(vector, at)
            if score >= highest and (best is None or score > highest or story < best):
                best, highest = story, score
        return best

    # ------------------------------------------------------------ memory

    def _tick(self, moment: datetime) -> float:
        """`moment` in days; forgets what is too old by then."""
        at = moment.timestamp() / 86_400
        self._now = max(self._now, at)
        window, waking = WINDOW / timedelta(days=1), WAKING / timedelta(days=1)
        while self._recent and (self._now - self._recent[0].at > window or len(self._recent) >= LIVE):
            oldest = self._recent.popleft()
            if oldest.id not in self._held:  # it was deleted
                continue
            story = self._stories[oldest.story]
            if story.size < LARGE:
                self._forget(oldest)
                continue
            self._waiting.append(oldest)
            old = [one for one in story.held[: KEPT + 1] if self._now - one.at > window]
            if len(old) > KEPT:
                self._forget(old[0])
        while self._waiting and self._now - self._waiting[0].at > waking:
            self._forget(self._waiting.popleft())
        return at

    def _hold(self, one: _Held) -> None:
        self._held[one.id] = one
        self._recent.append(one)
        self._stories.setdefault(one.story, _Story()).take(one)
        self._touched.add(one.story)
        for term, weight in one.vector.items():
            self._holders[term][one.id] = weight

    def _forget(self, one: _Held) -> None:
        if self._held.pop(one.id, None) is None:
            return
        for term in one.vector:
            holders = self._holders[term]
            del holders[one.id]
            if not holders:
                del self._holders[term]
        story = self._stories[one.story]
        story.drop(one)
        if not story.held:
            del self._stories[one.story]
            self._touched.discard(one.story)

    # ------------------------------------------------------------ repair

    def _move(self, one: _Held, story: int, before: dict[int, int]) -> None:
        before.setdefault(one.id, one.story)
        old = self._stories[one.story]
        old.drop(one)
        if not old.held:
            del self._stories[one.story]
        one.story = story
        self._stories.setdefault(story, _Story()).take(one)

    def _split(self, number: int, before: dict[int, int]) -> None:
        """Put entries elsewhere that are hardly like the rest of their story; never the one that began it."""
        story = self._stories.get(number)
        if story is None or len(story.held) < 3:
            return
        for one in list(story.held):
            if one.id == number or len(story.held) < 3:
                continue
            rest = (_dot(one.vector, story.total) - _dot(one.vector, one.vector)) / (len(story.held) - 1)
            if rest >= LEAVE:
                continue
            self._move(one, one.id, before)
            other = self._best_but(one)
            if other is not None and other != number:
                self._move(one, other, before)

    def _best_but(self, one: _Held) -> int | None:
        """The story to join, if `one` had just arrived."""
        best = self._best(one.vector, one.at)
        return None if best == one.id else best

    def _merge(self, number: int, before: dict[int, int]) -> tuple[int, int] | None:
        """Make one of this story and the one most like it, if they are alike on average; (gone, kept) if so."""
        story = self._stories.get(number)
        if story is None:
            return None
        centre = {term: weight / len(story.held) for term, weight in story.total.items()}
        rare = sorted(centre.items(), key=lambda pair: (-pair[1], pair[0]))[:_RARE]
        found: Counter[int] = Counter()
        for term, _ in rare:
            holders = self._holders.get(term, ())
            if len(holders) <= _COMMON:
                found.update({self._held[id_].story for id_ in holders})
        del found[number]
        best, highest = None, MERGE
        middle = story.times / len(story.held)
        for other, _ in sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))[:_CANDIDATES]:
            alike = self._stories[other].likeness(centre, middle)
            if alike > highest:
                best, highest = other, alike
        if best is None:
            return None
        kept, gone = sorted((number, best))
        for one in list(self._stories[gone].held):
            self._move(one, kept, before)
        return gone, kept


def _faded(days: float) -> float:
    return FADING * min(abs(days), 6.0)


def _dot(one: Vector, other: Vector) -> float:
    if len(one) > len(other):
        one, other = other, one
    total = 0.0
    for term, weight in one.items():
        if term in other:
            total += weight * other[term]
    return total
