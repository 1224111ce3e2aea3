"""A story: the entries about one event, and what they tell together. Pure.

`story_of` makes one of the entries that `news.grouping` put together: which leads, who was first, what each added, how
many independent origins the reports have, and the names in them.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from news.dates import MONTHS
from news.terms import sentences, terms
from news.times import WEEKDAYS
from news.types import Entry

_CUT_SHORT = 160
ENOUGH_TEXT = 240
"""Characters of text from which on an entry can stand for its story, if any entry of it has as many."""


@dataclass(frozen=True, slots=True)
class Story:
    """Entries about one event. `lead` stands for them; `others` tell it too, those nearest to it first."""

    lead: Entry
    others: tuple[Entry, ...] = ()

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All entries, the lead first."""
        return (self.lead, *self.others)

    @property
    def feeds(self) -> tuple[str, ...]:
        """The names of the feeds that tell it, each once, the lead's first."""
        return tuple(dict.fromkeys(entry.feed for entry in self.entries))

    @property
    def by_feed(self) -> dict[str, tuple[Entry, ...]]:
        """The entries of each feed, oldest first; the feed that was first is first."""
        told: dict[str, list[Entry]] = {}
        for entry in _oldest_first(self.entries):
            told.setdefault(entry.feed, []).append(entry)
        return {feed: tuple(entries) for feed, entries in told.items()}

    @property
    def first(self) -> Entry:
        """The first report."""
        return _oldest_first(self.entries)[0]


@dataclass(frozen=True, slots=True)
class Report:
    """An entry in a story's timeline. `added` is its sentence that tells most that no earlier entry told, or ""."""

    entry: Entry
    added: str


@dataclass(frozen=True, slots=True)
class Origin:
    """Reports that come from one hand: copies and rewrites of one text. `agency` is the one they name, "" for none."""

    agency: str
    entries: tuple[Entry, ...]


def story_of(entries: Iterable[Entry]) -> Story:
    """The story of these entries, one at least. The most central title leads, not the first: that most others share.

    An entry with text to show goes before one that is only a headline.
    """
    newest_first = _oldest_first(entries)[::-1]
    titles = {entry.id: _title_terms(entry.title) for entry in newest_first}
    holders = Counter(term for title in titles.values() for term in title)

    def standing(entry: Entry) -> tuple[bool, float]:
        title = titles[entry.id]
        shared = sum(holders[term] - 1 for term in title)
        return len(entry.text) >= ENOUGH_TEXT, shared / math.sqrt(len(title) or 1)

    lead = max(newest_first, key=standing)
    near = titles[lead.id]
    others = sorted(
        (entry for entry in newest_first if entry is not lead), key=lambda entry: -len(near & titles[entry.id])
    )
    return Story(lead, tuple(others))


def timeline(story: Story) -> tuple[Report, ...]:
    """The reports oldest first, each with what it added."""
    told: set[str] = set()
    out = []
    for entry in _oldest_first(story.entries):
        lines = [entry.title, *sentences(entry.text[:_READ])]
        best, most = "", _NEW - 1
        for line in lines:
            new = len(set(terms(line)) - told)
            if new > most:
                best, most = " ".join(line.split()), new
        out.append(Report(entry, best))
        told.update(*map(terms, lines))
    return tuple(out)


def origins(story: Story) -> tuple[Origin, ...]:
    """Who reported by themselves, the earliest first: near-equal texts, and texts of one agency, are one origin.

    Wire copy is near-equal if half of its runs of four terms are in both; headlines alone, if their terms are the same.
    """
    ordered = _oldest_first(story.entries)
    agencies = [_agency(entry.author, entry.text[:200], entry.text[-80:]) for entry in ordered]
    shapes = [_shape(entry.title, entry.text[:_READ]) for entry in ordered]
    root = list(range(len(ordered)))
    for later in range(len(ordered)):
        for earlier in range(later):
            if root[later] == later and (
                (agencies[later] and agencies[later] == agencies[earlier]) or _copied(shapes[earlier], shapes[later])
            ):
                root[later] = root[earlier]
    groups: dict[int, list[int]] = {}
    for place, first in enumerate(root):
        groups.setdefault(first, []).append(place)
    return tuple(
        Origin(
            next((agencies[place] for place in places if agencies[place]), ""),
            tuple(ordered[place] for place in places),
        )
        for places in groups.values()
    )


def names(story: Story, n: int = 8) -> tuple[str, ...]:
    """Names of people, places and bodies in it, those in most entries first: capitalised words within sentences.

    Only what two entries have is given, so that a slip of one is not; and not a day or a month, which English writes
    with a capital too.
    """
    found: Counter[str] = Counter()
    shown: dict[str, Counter[str]] = defaultdict(Counter)
    for entry in story.entries:
        here = {}
        for line in sentences(entry.text[:_READ]):
            for match in _NAMES.finditer(line):
                if match.start() and (name := match[0].strip()):
                    here[name.casefold()] = name
        found.update(here.keys())
        for key, name in here.items():
            shown[key][name] += 1
    called = (key for key, count in found.items() if count > 1 and key not in MONTHS and key not in WEEKDAYS)
    ranked = sorted(called, key=lambda key: (-found[key], key))
    kept: list[str] = []
    for key in ranked:
        if not any(key in other or other in key for other in kept):
            kept.append(key)
    return tuple(shown[key].most_common(1)[0][0] for key in kept[:n])


_READ = 1_500
"""Characters of a text that are looked at."""
_NEW = 4
"""Terms that a sentence must have of its own to have added something."""
_NAMES = re.compile(r"(?<![.!?:\"“‘'] )\b[^\W\d_a-z][\w'’-]+(?: (?:(?:of|the|al|de|bin) )?[^\W\d_a-z][\w'’-]+){0,3}")
_AGENCIES = "Reuters AFP AP dpa EFE ANSA Xinhua TASS PTI ANI IANS Kyodo Yonhap Bloomberg AAP NAN".split()
_CREDIT = re.compile(rf"\((?P<one>{'|'.join(_AGENCIES)})\)|(?:[-—–] ?|\bby |^)(?P<two>{'|'.join(_AGENCIES)})\s*$")
_Shape = tuple[frozenset[str], frozenset[tuple[str, ...]]]


@lru_cache(maxsize=4_096)
def _agency(*places: str) -> str:
    """The agency whose text it says it is, in its byline or at its beginning or end."""
    for text in places:
        if match := _CREDIT.search(text):
            return match["one"] or match["two"]
    return ""


@lru_cache(maxsize=4_096)
def _shape(title: str, text: str) -> _Shape:
    body = terms(text)[:120]
    return _title_terms(title), frozenset(tuple(body[at : at + 4]) for at in range(len(body) - 3))


def _copied(one: _Shape, other: _Shape) -> bool:
    if one[1] and other[1]:
        return len(one[1] & other[1]) >= min(len(one[1]), len(other[1])) / 2
    return bool(one[0]) and one[0] == other[0]


def _oldest_first(entries: Iterable[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda entry: (entry.published_at, entry.first_seen_at, entry.id))


def opening(text: str, *, length: int = 280) -> str:
    """The first sentences of `text`, whole ones, as one line of about `length` characters at most; "" if it is empty.

    A first sentence that is longer than twice that is cut at a word. Where a feed cut its text short, that is shown.
    """
    chosen = ""
    for sentence in sentences(text):
        line = " ".join(sentence.split())
        if chosen and len(chosen) + len(line) >= length:
            break
        chosen = f"{chosen} {line}".strip()
    if len(chosen) <= 2 * length:
        return f"{chosen.rsplit(' ', 1)[0]} …" if len(chosen) > _CUT_SHORT and chosen[-1].isalnum() else chosen
    cut = chosen[:length]
    return (cut.rsplit(" ", 1)[0] if " " in cut else cut) + " …"


def five_minutes(leads: Sequence[Entry], *, words: int = 1_100) -> int:
    """How many stories with these leads, in their order, are read in `words` words: at least one, if there is one.

    Of each the title and the opening count. Five minutes are 1,100 words at an unhurried 220 a minute.
    """
    spent = 0
    for number, lead in enumerate(leads):
        spent += _length(lead.title) + _length(opening(lead.text))
        if number and spent > words:
            return number
    return len(leads)


def _length(text: str) -> int:
    """Words to read; for scripts without spaces, about as many as would take that long."""
    return max(len(text.split()), len(text) // 8)


@lru_cache(maxsize=8_192)
def _title_terms(title: str) -> frozenset[str]:
    return frozenset(terms(title))
