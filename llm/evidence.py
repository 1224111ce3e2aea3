"""Where do the words of a sentence stand in the passages? The few sentences that hold most, and a place a word. Pure.

A word is found by its stem, by a near meaning, as another spelling of a name; a number or a day by its value. Of the
places where a word stands, those are taken that let the sentence be read in one go: near each other, in its order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from llm.facts import Day, Number, Token, agrees, read, same_day
from llm.lexicon import NATION, NEAR, WITHIN
from news.terms import sentences

LONGEST_PASSAGE = 60_000
"""Characters of a passage that are read: some 10,000 words."""

_CANDIDATES = 5  # places where a word may stand, a sentence
_PLACES = 60  # of one word in a text, so that a text of one word costs no more than another
_VALUES = 400  # numbers, and days, of a text
_EVIDENCE = 3  # sentences that together may bear a claim
_BEAM = 8
_NATIONS = {
    key: (*([NATION[key]] if key in NATION else []), *(f"in {nation}" for nation in WITHIN.get(key, ())))
    for key in NATION.keys() | WITHIN.keys()
}  # under which keys a name stands besides its own


class Text:
    """A passage as it is compared: its tokens in order, where each word stands, its sentences. Made once a passage."""

    __slots__ = (
        "_initials", "by_key", "dates", "firsts", "names", "numbers", "published", "raw", "sentence_of", "spans",
        "title", "tokens",
    )  # fmt: skip

    def __init__(self, title: str, text: str, published: date | None) -> None:
        self.title = len(title) + 1 if title else 0  # where the text begins
        whole = f"{title}\n{text}" if title else text
        self.published = published
        self.raw = whole[:LONGEST_PASSAGE]
        self.tokens: list[Token] = []
        self.sentence_of: list[int] = []
        self.spans: list[tuple[int, int, int, int]] = []  # a sentence's characters, and its tokens
        at = 0
        for sentence in sentences(self.raw):
            start = self.raw.find(sentence, at)
            if start < 0:  # cannot happen while sentences are cuts of the text
                continue
            at = start + len(sentence)
            first = len(self.tokens)
            self.tokens += read(sentence, start)
            self.sentence_of += [len(self.spans)] * (len(self.tokens) - first)
            self.spans.append((start, at, first, len(self.tokens)))
        self.by_key: dict[str, list[int]] = {}
        self.firsts: dict[str, list[str]] = {}  # keys by how they begin
        self.names: set[str] = set()
        self.numbers: list[int] = []
        self.dates: list[int] = []
        for n, token in enumerate(self.tokens):
            kind = token.kind
            if kind == "function":
                continue
            if kind in ("number", "date"):
                values = self.numbers if kind == "number" else self.dates
                if len(values) < _VALUES:
                    values.append(n)
                continue
            if kind == "name":
                self.names.add(token.key)
            places = self.by_key.get(token.key)
            if places is None:
                self.by_key[token.key] = [n]
                self.firsts.setdefault(token.key[:3], []).append(token.key)
            elif len(places) < _PLACES:
                places.append(n)
            for nation in _NATIONS.get(token.key, ()):
                if len(held := self.by_key.setdefault(nation, [])) < _PLACES:
                    held.append(n)
        self._initials: tuple[str, list[int]] | None = None

    @property
    def initials(self) -> tuple[str, list[int]]:
        """The first letters of names in small letters, a space for other words, and where each stands."""
        if self._initials is None:
            told = [n for n, token in enumerate(self.tokens) if token.kind != "function"]
            letters = (self.tokens[n].text[0] for n in told)
            self._initials = "".join(first.lower()[0] if first.isupper() else " " for first in letters), told
        return self._initials


@lru_cache(maxsize=64)
def text_of(title: str, text: str, published: date | None) -> Text:
    return Text(title, text, published)


class Hit(NamedTuple):
    """A place in a text where a word of the claim may be found, and how sure that is (1: the very word)."""

    at: int
    likeness: float


def hits(token: Token, text: Text) -> list[Hit]:
    if isinstance(token.value, Number):
        return _number_hits(token, token.value, text)
    if isinstance(token.value, Day):
        return _date_hits(token.value, text)
    by_key, key = text.by_key, token.key
    found = [Hit(n, 1.0) for n in by_key.get(key, ())]
    if nation := NATION.get(key):
        found += [Hit(n, 0.9) for n in by_key.get(nation, ()) if text.tokens[n].key != key]
        found += [Hit(n, 0.7) for n in by_key.get(f"in {nation}", ()) if text.tokens[n].key != key]
    if near := NEAR.get(key):
        found += [Hit(n, 0.7) for other in sorted(by_key.keys() & near) for n in by_key[other]]
    if not found and len(key) > 3 and (alike := text.firsts.get(key[:3])):
        found = [Hit(n, likeness) for other, likeness in _alike(token, alike, text) for n in by_key[other]]
    if not found and token.kind == "name" and 2 <= len(key) <= 5 and token.text.isupper():
        found = [Hit(n, 0.9) for n in _spelled_out(key, text)]
    return found


def _number_hits(token: Token, claimed: Number, text: Text) -> list[Hit]:
    found = []
    metres = None
    if token.text.endswith("m") and claimed.value >= 1e6 and not claimed.unit:  # "100m" may be metres
        metres = claimed._replace(value=claimed.value / 1e6, unit="metre")
    for n in text.numbers:
        known = text.tokens[n].value
        if not isinstance(known, Number):
            continue
        if agrees(claimed, known):
            found.append(Hit(n, 1.0 if _same_unit(claimed, known) else 0.4))
        elif metres and metres[:2] == known[:2]:
            found.append(Hit(n, 1.0))
    if claimed.value == 1:
        found += [Hit(n, 0.8) for key in ("singl", "sole") for n in text.by_key.get(key, ())]
    return found


def _same_unit(claimed: Number, known: Number) -> bool:
    if claimed.unit == known.unit or claimed.ordinal or known.ordinal:
        return True
    shares = {"percent", "points", "basis points"}
    if claimed.unit in shares or known.unit in shares:
        return False
    return not claimed.unit or not known.unit


def _date_hits(claimed: Day, text: Text) -> list[Hit]:
    found = []
    for n in text.dates:
        known = text.tokens[n].value
        if isinstance(known, Day):
            same = same_day(claimed, known, text.published)
            if same or same is None:
                found.append(Hit(n, 1.0 if same else 0.3))
    return found


@lru_cache(maxsize=1 << 14)
def _likeness(one: str, other: str, names: bool) -> float:
    """How alike two words are that are not the same: other spellings of a name, other words of a family."""
    longer, shorter = max(len(one), len(other)), min(len(one), len(other))
    if names and shorter >= 5 and longer - shorter <= 2:
        allowed = 1 if longer < 8 else 2
        if _distance(one, other, allowed) <= allowed:
            return 0.85
    common = 0
    while common < shorter and one[common] == other[common]:
        common += 1
    if common >= 5 and common >= 0.65 * longer and longer - common <= 4:
        return 0.6
    return 0.0


def _alike(token: Token, keys: Sequence[str], text: Text) -> list[tuple[str, float]]:
    is_name = token.kind == "name"
    found = [(key, _likeness(token.key, key, is_name and key in text.names)) for key in keys]
    return [(key, likeness) for key, likeness in found if likeness]


def _distance(one: str, other: str, most: int) -> int:
    """Letters to change, add or leave out to make one word the other; anything above `most` is too many to count."""
    before = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        row = [i]
        for j, its in enumerate(other, 1):
            row.append(min(before[j] + 1, row[-1] + 1, before[j - 1] + (letter != its)))
        if min(row) > most:
            return most + 1
        before = row
    return before[-1]


def _spelled_out(letters: str, text: Text) -> list[int]:
    """Where names in a row begin with these letters: the World Health Organization for WHO."""
    initials, places = text.initials
    at = initials.find(letters)
    return places[at : at + len(letters)] if at >= 0 else []


class Sentence(NamedTuple):
    """A sentence of the passages: `text` is the passage's place, `n` the sentence's place in it."""

    text: int
    n: int


class Place(NamedTuple):
    """Where a word of the claim was found: in which passage, at which token."""

    text: int
    at: int
    likeness: float


@dataclass(frozen=True, slots=True)
class Alignment:
    """A claim laid against passages. `tokens` are the claim's, `content` the places of those that tell something.

    By token: its place in the evidence, if it has one (`places`), its places `anywhere`, and the `best` likeness of
    those. `evidence` are the sentences, best first; `covered` is the share of the claim's weight that the first, and
    that all of them hold.
    """

    tokens: Sequence[Token]
    content: tuple[int, ...]
    texts: Sequence[Text]
    evidence: tuple[Sentence, ...]
    places: dict[int, Place]
    anywhere: dict[int, list[Place]]
    best: dict[int, float]
    covered: tuple[float, float]

    def sentence(self, place: Place) -> Sentence:
        return Sentence(place.text, self.texts[place.text].sentence_of[place.at])

    def found(self, place: Place) -> Token:
        return self.texts[place.text].tokens[place.at]

    def words(self, sentence: Sentence) -> range:
        """The tokens of a sentence, by their places in its text."""
        return range(*self.texts[sentence.text].spans[sentence.n][2:])


def align(tokens: Sequence[Token], texts: Sequence[Text]) -> Alignment:
    """Lay the tokens of a claim against texts."""
    content = tuple(n for n, token in enumerate(tokens) if token.kind != "function")
    where: dict[int, list[Place]] = {}
    held: dict[Sentence, dict[int, float]] = {}
    best: dict[int, float] = {}
    for n in content:
        places = [Place(k, hit.at, hit.likeness) for k, text in enumerate(texts) for hit in hits(tokens[n], text)]
        where[n] = places
        best[n] = max((place.likeness for place in places), default=0.0)
        for place in places:
            of = held.setdefault(Sentence(place.text, texts[place.text].sentence_of[place.at]), {})
            if place.likeness > of.get(n, 0.0):
                of[n] = place.likeness
    evidence, covered = _choose(tokens, content, held)
    chosen = set(evidence)
    near: dict[int, list[Place]] = {}
    for n, places in where.items():
        count: dict[Sentence, int] = {}
        for place in sorted(places, key=lambda place: -place.likeness):
            sentence = Sentence(place.text, texts[place.text].sentence_of[place.at])
            if sentence in chosen and count.get(sentence, 0) < _CANDIDATES:
                count[sentence] = count.get(sentence, 0) + 1
                near.setdefault(n, []).append(place)
    return Alignment(tokens, content, texts, evidence, _path(tokens, near, texts), where, best, covered)


def _choose(
    tokens: Sequence[Token], content: Sequence[int], held: dict[Sentence, dict[int, float]]
) -> tuple[tuple[Sentence, ...], tuple[float, float]]:
    """The sentences that hold most of the claim, each what those before it lack; the share of the first, and of all."""
    whole = sum(tokens[n].weight for n in content) or 1.0
    chosen: list[Sentence] = []
    have: dict[int, float] = {}
    shares = []
    while len(chosen) < _EVIDENCE:
        gains = {
            sentence: sum(
                (likeness - have.get(n, 0.0)) * tokens[n].weight
                for n, likeness in of.items()
                if likeness > have.get(n, 0.0)
            )
            * _closeness(sentence, chosen)
            for sentence, of in held.items()
        }
        if not gains:
            break
        most = max(gains, key=lambda sentence: (gains[sentence], -sentence.text, -sentence.n))
        if gains[most] < 0.25:
            break
        chosen.append(most)
        for n, likeness in held[most].items():
            have[n] = max(likeness, have.get(n, 0.0))
        shares.append(sum(tokens[n].weight * likeness for n, likeness in have.items()) / whole)
    return tuple(chosen), (shares[0], shares[-1]) if shares else (0.0, 0.0)


def _closeness(sentence: Sentence, chosen: Sequence[Sentence]) -> float:
    if not chosen:
        return 1.0
    if sentence.text != chosen[0].text:
        return 0.75
    return 1.0 if min(abs(sentence.n - other.n) for other in chosen if other.text == sentence.text) == 1 else 0.85


def _path(tokens: Sequence[Token], near: dict[int, list[Place]], texts: Sequence[Text]) -> dict[int, Place]:
    """One place a word, so that the claim can be read with the fewest jumps: a beam search over its words in order."""
    beam: list[tuple[float, Place | None, tuple[tuple[int, Place], ...]]] = [(0.0, None, ())]
    for n, places in near.items():
        weight = tokens[n].weight
        grown = list(beam)
        for place in places:
            value, before = max(
                ((value - _jump(last, place, texts), path) for value, last, path in beam), key=lambda each: each[0]
            )
            grown.append((value + weight * place.likeness + 0.3, place, (*before, (n, place))))
        grown.sort(key=lambda each: -each[0])
        beam = grown[:_BEAM]
    return dict(beam[0][2])


def _jump(last: Place | None, place: Place, texts: Sequence[Text]) -> float:
    """What it costs to read on at `place` after `last`."""
    if last is None:
        return 0.0
    if last.text != place.text:
        return 0.55
    step = place.at - last.at
    if step == 0:
        return 0.7  # one word bears two of the claim's
    sentence_of = texts[place.text].sentence_of
    apart = abs(sentence_of[place.at] - sentence_of[last.at])
    if apart:
        return 0.3 if apart == 1 else 0.4
    if step > 0:
        return 0.0 if step <= 3 else min(0.25, 0.02 * step)
    return min(0.35, 0.2 - 0.01 * step)
