"""Entries of several feeds about one event, found by what their titles share. Pure.

Two entries of different feeds tell one story when their titles share at least `SHARED` terms and those are at least
`OVERLAP` of the shorter title's. Titles of one feed are never compared with each other: a column's name ("Quote of
the day: …") is in every title of its feed and says nothing.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from news.terms import sentences, terms
from news.types import Entry

SHARED = 3
OVERLAP = 0.6
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


def top(entries: Sequence[Entry], n: int = 12) -> list[Story]:
    """The `n` stories to read first: those that most feeds tell, then the newest of each feed in turn.

    The result does not depend on the order of `entries`.
    """
    newest_first = sorted(entries, key=lambda entry: (entry.published_at, entry.id), reverse=True)
    groups = _groups(newest_first)
    taken: Counter[int] = Counter()
    ranked = []
    for group in groups:
        feeds = len({entry.feed_id for entry in group})
        # A feed that publishes a hundred articles a day must not fill the page: its second comes after all firsts.
        turn = 0
        if feeds == 1:
            turn = taken[group[0].feed_id]
            taken[group[0].feed_id] += 1
        ranked.append(((-feeds, turn), group))
    ranked.sort(key=lambda pair: pair[0])  # stable: newest first among equals
    return [_story(group) for _, group in ranked[:n]]


def opening(text: str, *, length: int = 280) -> str:
    """The first sentences of `text`, whole ones, as one line of about `length` characters at most; "" if it is empty.

    A first sentence that is longer than twice that is cut at a word.
    """
    chosen = ""
    for sentence in sentences(text):
        line = " ".join(sentence.split())
        if chosen and len(chosen) + len(line) >= length:
            break
        chosen = f"{chosen} {line}".strip()
    if len(chosen) <= 2 * length:
        return chosen
    cut = chosen[:length]
    return (cut.rsplit(" ", 1)[0] if " " in cut else cut) + " …"


def five_minutes(stories: Sequence[Story], *, words: int = 1_100) -> list[Story]:
    """As many `stories`, in their order, as are read in `words` words, of each the title and the opening; at least one.

    Five minutes are 1,100 words at an unhurried 220 a minute.
    """
    chosen: list[Story] = []
    spent = 0
    for story in stories:
        spent += _length(story.lead.title) + _length(opening(story.lead.text))
        if chosen and spent > words:
            break
        chosen.append(story)
    return chosen


def _length(text: str) -> int:
    """Words to read; for scripts without spaces, about as many as would take that long."""
    return max(len(text.split()), len(text) // 8)


def _groups(newest_first: Sequence[Entry]) -> list[list[Entry]]:
    """The entries by story, whatever links them, directly or through others."""
    titles = [_title_terms(entry.title) for entry in newest_first]
    places: dict[str, list[int]] = defaultdict(list)
    parent = list(range(len(newest_first)))

    def root(place: int) -> int:
        while parent[place] != place:
            parent[place] = parent[parent[place]]
            place = parent[place]
        return place

    for place, title in enumerate(titles):
        shared = Counter(other for term in title for other in places[term])
        for other, count in shared.items():
            if count >= SHARED and _same(newest_first[other], newest_first[place]):
                low, high = sorted((root(place), root(other)))
                parent[high] = low
        for term in title:
            places[term].append(place)
    groups: dict[int, list[Entry]] = {}
    for place, entry in enumerate(newest_first):
        groups.setdefault(root(place), []).append(entry)
    return list(groups.values())


def _same(one: Entry, other: Entry) -> bool:
    """Whether the titles of two entries say that they tell one story."""
    ours, theirs = _title_terms(one.title), _title_terms(other.title)
    shared = len(ours & theirs)
    return one.feed_id != other.feed_id and shared >= max(SHARED, OVERLAP * min(len(ours), len(theirs)))


def _story(newest_first: list[Entry]) -> Story:
    """The entry in the middle of it, by how many others tell the same, leads; what is nearest to it comes next."""

    def standing(entry: Entry) -> tuple[bool, int]:
        return len(entry.text) >= ENOUGH_TEXT, sum(_same(entry, other) for other in newest_first)

    lead = max(newest_first, key=standing)  # the newest of equals: max keeps the first
    others = sorted((entry for entry in newest_first if entry is not lead), key=lambda entry: not _same(entry, lead))
    return Story(lead, tuple(others))


@lru_cache(maxsize=8_192)
def _title_terms(title: str) -> frozenset[str]:
    return frozenset(terms(title))
