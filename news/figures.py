"""Figures in which reports of one event differ, or that moved: a toll, the hurt, the arrested. Pure; precision first.

A figure is only read where the words around it say what it counts ("killing at least 13", "toll rises to 55",
"41 hurt", "magnitude-7.8"); "12 Indians among 13 killed" is 13. A sentence that counts a thing twice says nothing, nor
does one that tells of other days or places ("since October", "in a separate strike"), or that counts in dozens. Two
figures are only set side by side if they can be counts of one thing: published within a day of each other, with a name
in common, and growing, or else from two outlets that are not far apart. Where much does not fit, the story is a series
of events, and nothing is said.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Literal

from news.terms import sentences
from news.types import ACCORDING_TO, Entry

Kind = Literal["dead", "hurt", "missing", "arrested", "magnitude"]


@dataclass(frozen=True, slots=True)
class Figure:
    """A number as one entry reports it. `quote` is the sentence; `at` is when the entry was published.

    `rounded`: told as "more than 60", "nearly 900". `source` is whom the sentence names for it ("police"), or "".
    """

    kind: Kind
    value: float
    quote: str
    entry_id: int
    feed: str
    at: datetime
    rounded: bool = False
    source: str = ""

    @property
    def says(self) -> str:
        """The number as its sentence gives it: "1,430", "about 60 according to police"."""
        number = f"{self.value:,.1f}" if self.kind == "magnitude" else f"{self.value:,.0f}"
        told = f"about {number}" if self.rounded else number
        return f"{told}{ACCORDING_TO}{self.source}" if self.source else told


@dataclass(frozen=True, slots=True)
class Difference:
    """What one thing is counted at, each number by who reported it first, oldest first; two at least.

    `moved`: the numbers grew over time and outlets agree on where they stand, so later ones replace earlier ones. Else
    outlets differ: of their last words, those that do not fit what others had by then, beside that.
    """

    kind: Kind
    figures: tuple[Figure, ...]
    moved: bool

    @property
    def in_short(self) -> str:
        """As `in_short` has its values."""
        return in_short([figure.value for figure in self.figures], moved=self.moved)


def in_short(values: Sequence[float], *, moved: bool) -> str:
    """ "41 → 55 → 61", of many that grew "rose from 65 to 131", of those that differ "5 or 7"."""
    told = [f"{value:g}" for value in values]
    if moved and len(told) > 3:
        return f"rose from {told[0]} to {told[-1]}"
    return (" → " if moved else " or ").join(told)


_WORDS = {
    word: number
    for number, word in enumerate(
        "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
        "eighteen nineteen twenty".split(),
        1,
    )
}
_NUMBER = rf"(?<![-\w.])(?<!\b[Nn]o )(?P<number>\d{{1,3}}(?:,\d{{3}})+|\d+|{'|'.join(_WORDS)})(?!,?\d)"
_ABOUT = r"(?:at least |more than |over |nearly |about |around |some |up to |as many as )?"
_ROUNDED = re.compile(r"(?:more than|over|nearly|almost|about|around|some|up to|tops|passes)\s$", re.IGNORECASE)
# What may stand between a number and the word that says what happened to them.
_PEOPLE = (
    r"(?:(?:other |more )?(?:people|persons|civilians|passengers|students|pupils|children|workers|soldiers|troops|"
    r"villagers|residents|migrants|men|women|protesters|demonstrators|fans|officers|police officers|others|miners|"
    r"tourists|skydivers|personnel|crew members|rioters) )?"
)
_BE = r"(?:(?:were |are |was |is |have been |has been |had been |being |reported |confirmed |feared |now )*)"
_PATTERNS: dict[Kind, tuple[str, ...]] = {
    "dead": (
        rf"(?:death )?toll (?:\w+ ){{0,6}}?(?:to|at|reaches|hits|passes|tops|climbs to|rises to) {_ABOUT}{_NUMBER}",
        rf"\b(?:kill(?:s|ed|ing)|leav(?:es|ing)|left) {_ABOUT}{_NUMBER} {_PEOPLE}(?:dead\b)",
        rf"\bkill(?:s|ed|ing) {_ABOUT}{_NUMBER}"
        rf"(?= (?:people|persons|civilians|passengers|students|in|after|as|and|near)\b|[,.;:]|$)",
        rf"\b{_NUMBER} {_PEOPLE}{_BE}(?:killed|dead|died|die)\b",
    ),
    "hurt": (
        rf"\b(?:injur(?:es|ed|ing)|wound(?:s|ed|ing)|hurt(?:s|ing)?) {_ABOUT}{_NUMBER}"
        rf"(?= (?:people|persons|others|more|in|after|as)\b|[,.;:]|$)",
        rf"\b{_NUMBER} {_PEOPLE}{_BE}(?:injured|wounded|hurt)\b",
    ),
    "missing": (rf"\b{_NUMBER} {_PEOPLE}{_BE}(?:still )?(?:missing|unaccounted for)\b",),
    "arrested": (
        rf"\b(?:arrest(?:s|ed|ing)?|detain(?:s|ed|ing)?) {_ABOUT}{_NUMBER}"
        rf"(?= (?:people|persons|in|after|as|over)\b|[,.;]|$)",
        rf"\b{_NUMBER} {_PEOPLE}{_BE}(?:arrested|detained|arrests)\b",
    ),
    "magnitude": (
        r"\bmagnitude[- ](?:of )?(?P<number>\d\.\d)\b",
        r"\b(?P<number>\d\.\d)[- ]magnitude\b",
    ),
}
_READ = {kind: tuple(re.compile(each, re.IGNORECASE) for each in patterns) for kind, patterns in _PATTERNS.items()}
# Without one of these no pattern matches: most articles need no more reading.
_COUNTED = re.compile(
    r"toll|kill|left|leav|dead|die|injur|wound|hurt|missing|unaccounted|arrest|detain|magnitude", re.IGNORECASE
)
# A number that is told of other events, of a sum over time, or of the past.
_ELSEWHERE = re.compile(
    r"\b(?:since|so far this|this year|last (?:year|month|week)|in 20\d\d|in 19\d\d|separate|another|previous|ago|each|"
    r"earlier this|anniversary|every|per|total of|altogether|over the past|in recent|among them|including|of whom|"
    r"brings|bringing|plot|could|may have|might|if|would|alleged|accused|convicted|dozens?|hundreds|scores)\b",
    re.IGNORECASE,
)
# An earthquake of several: each has a magnitude of its own.
_SEVERAL = re.compile(
    r"\b(?:twin|doublets?|double|pair of|two|second|both|followed|aftershocks?|\d\.\d and \d)\b", re.IGNORECASE
)
_LONGEST = 400
# Whom a sentence names for what it counts: offices, not what else stands before "said".
_OFFICE = (
    r"(?:(?:[Tt]he |an? )?(?:[\w’'-]+ ){0,4}?(?:police|officials?|authority|authorities|ministry|ministers?|army|"
    r"military|media|agency|governor|mayor|president|spokes\w+|hospitals?|services?|defen[cs]e|government|rescuers|"
    r"firefighters|prosecutors?|Hamas|Hezbollah|UN|Red Cross|Red Crescent|department)(?: [A-Z][\w’'-]+){0,3})"
)
_SAYS = r"(?:say|says|said|reported|reports|confirmed|announced)"
_SAID_AFTER = re.compile(rf", (?P<who>{_OFFICE}) {_SAYS}(?=[.,;]|$| on \w+day| early| late| in a statement| this)")
_ACCORDING = re.compile(rf"\baccording to (?P<who>{_OFFICE})(?=[.,;]|$)")
_SAID_BEFORE = re.compile(rf"(?P<who>{_OFFICE}) {_SAYS}(?: on \w+day)?(?: that)? ")
_ONLY_SAID = re.compile(
    r"(?:(?!after|as|when|while|amid|despite)[\w-]+ ){0,6}"
)  # no other clause, no other words quoted


def figures(entry: Entry) -> tuple[Figure, ...]:
    """The figures of the title and of the first sentences of the text, each kind once: the first that is clear."""
    return tuple(
        Figure(kind, value, line, entry.id, entry.feed, entry.published_at, rounded, source)
        for kind, value, line, rounded, source in _clear(entry.title, entry.text[:1_500])
    )


@lru_cache(maxsize=8_192)
def _clear(title: str, text: str) -> tuple[tuple[Kind, float, str, bool, str], ...]:
    """What a wording counts, as (kind, value, sentence, rounded, source)."""
    found: dict[Kind, tuple[Kind, float, str, bool, str]] = {}
    for sentence in [title, *(sentences(text)[:4] if _COUNTED.search(text) else ())]:
        line = " ".join(sentence.split())[:_LONGEST]
        if not _COUNTED.search(line) or _ELSEWHERE.search(line):
            continue
        for kind, (value, rounded, at) in _read(line).items():
            found.setdefault(kind, (kind, value, line, rounded, _source(line, at)))
    return tuple(found.values())


def _read(line: str) -> dict[Kind, tuple[float, bool, int]]:
    """What `line` counts, whether roundly, and where it says so; kinds that it counts twice left out."""
    out: dict[Kind, tuple[float, bool, int]] = {}
    for kind, patterns in _READ.items():
        if kind == "magnitude" and _SEVERAL.search(line):
            continue
        matches = [match for pattern in patterns for match in pattern.finditer(line)]
        values = {
            (_value(match["number"]), _ROUNDED.search(line[: match.start("number")]) is not None) for match in matches
        }
        if len(values) == 1:
            out[kind] = (*values.pop(), matches[0].start("number"))
    return out


def _source(line: str, at: int) -> str:
    """Who is named for the number that stands `at` there; "" for nobody."""
    named = _SAID_AFTER.search(line, at) or _ACCORDING.search(line, at)
    first = _SAID_BEFORE.match(line)
    if named is None and first and first.end() <= at and _ONLY_SAID.fullmatch(line, first.end(), at):
        named = first
    return re.sub("^The ", "the ", named["who"]) if named else ""


def _value(number: str) -> float:
    return float(_WORDS.get(number.casefold(), 0) or number.replace(",", ""))


def differences(entries: Iterable[Entry]) -> tuple[Difference, ...]:
    """The figures of one story that differ, those most entries give first. English alone is read."""
    by_kind: defaultdict[Kind, list[Figure]] = defaultdict(list)
    about: dict[int, frozenset[str]] = {}
    for entry in sorted(entries, key=lambda entry: (entry.published_at, entry.id)):
        for figure in figures(entry):
            by_kind[figure.kind].append(figure)
            about[entry.id] = _names(f"{entry.title} {figure.quote}")
    out = []
    for kind, told in sorted(by_kind.items(), key=lambda pair: (-len(pair[1]), pair[0])):
        kept = _of_one_thing(told, about)
        apart = () if kind in _STEADY else _apart(kept)
        shown = _firsts(apart or kept)
        if len(shown) > 1:
            grew = [figure.value for figure in shown] == sorted(figure.value for figure in shown)
            out.append(Difference(kind, shown, moved=grew and not apart and kind not in _STEADY))
    return tuple(out)


def _apart(kept: Sequence[Figure]) -> tuple[Figure, ...]:
    """The last words of outlets that are less than the most that was known by then, and that; the newest such case.

    Who repeats what was the most a few hours ago is only late.
    """
    last = {figure.feed: figure for figure in kept}
    found: dict[float, list[Figure]] = {}
    for place, figure in enumerate(kept):
        before = [other for other in kept[:place] if not other.rounded]
        most = max(before, key=lambda other: other.value, default=figure)
        if last[figure.feed] is not figure or figure.value >= most.value:
            continue
        if figure.rounded and any(_fits(figure, other) for other in before):
            continue
        beyond = next(other for other in before if other.value > figure.value)
        was_most = any(other.value == figure.value for other in before[: before.index(beyond)])
        if not (was_most and figure.at - beyond.at <= _LATE):
            found.setdefault(most.value, [most]).append(figure)
    return tuple(found[max(found)]) if found else ()


_DAY = timedelta(days=1)
_LATE = timedelta(hours=6)
_STEADY: frozenset[Kind] = frozenset({"magnitude", "missing"})
"""What does not only grow: figures of it differ."""
_NEAR = 0.85
_NAME = re.compile(r"[^\W\d_a-z][^\W\d_]{2,}")
_NO_NAMES = frozenset(
    "the dead death deaths toll kill kills killed killing died dies hurt injured injures wounded wounds missing "
    "arrested arrests detained least more over nearly about around police people officials after attack attacks "
    "strike strikes fire crash breaking watch video live world minister health ministry army military monday tuesday "
    "wednesday thursday friday saturday sunday two three four five six seven eight nine ten eleven twelve israeli "
    "russian ukrainian iranian american indian bus train plane truck car boat ferry ship building school hotel mine "
    "earthquake quake storm floods blast explosion bomb bombing gunman gunmen shooting rescuers driver".split()
)


_OF_WAR = re.compile(r"\b(?:strikes?|airstrikes?|raids?|attacks?|drones?|missiles?|shelling|pummels)\b", re.IGNORECASE)


def _names(text: str) -> frozenset[str]:
    return frozenset(word.casefold() for word in _NAME.findall(text)) - _NO_NAMES


def _of_one_thing(told: Sequence[Figure], about: Mapping[int, frozenset[str]]) -> tuple[Figure, ...]:
    """The figures that can be counts of one thing, oldest first; () if too much does not fit."""
    counted = Counter(figure.value for figure in told)
    anchor = max(told, key=lambda figure: (counted[figure.value], not figure.rounded))
    here = told.index(anchor)
    kept = [anchor]
    for figure in told[here + 1 :]:
        if _follows(kept[-1], figure, about):
            kept.append(figure)
    for figure in reversed(told[:here]):
        if _follows(figure, kept[0], about):
            kept.insert(0, figure)
    lost = {figure.value for figure in told} - {figure.value for figure in kept}
    return () if len(lost) > 1 else tuple(kept)


def _firsts(kept: Sequence[Figure]) -> tuple[Figure, ...]:
    """Each number once, by who told it first; no round one that fits an exact one."""
    first: dict[float, Figure] = {}
    for figure in kept:
        exact = [other for other in kept if not other.rounded]
        if not figure.rounded or not any(_fits(figure, other) for other in exact):
            first.setdefault(figure.value, figure)
    return tuple(first.values())


def _fits(rounded: Figure, exact: Figure) -> bool:
    """Whether both say the same: "more than 20" does not contradict 25 that was told before, nor 19 that was."""
    if exact.at <= rounded.at and exact.value >= rounded.value:
        return True
    return bool(exact.value) and _NEAR <= rounded.value / exact.value <= 1 / _NEAR


def _follows(one: Figure, later: Figure, about: Mapping[int, frozenset[str]]) -> bool:
    """Whether `later` can be a newer count of what `one` counts, or another outlet's."""
    # A war has strikes of the same names every day, so these need more in common.
    needed = 2 if _OF_WAR.search(one.quote) or _OF_WAR.search(later.quote) else 1
    if later.at - one.at > _DAY or len(about[one.entry_id] & about[later.entry_id]) < needed:
        return False
    if later.value >= one.value or one.kind == "missing":
        return True
    return later.feed != one.feed and later.value >= one.value / 2
