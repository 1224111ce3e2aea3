"""What it costs to read a sentence off a text. Pure.

A true sentence can mostly be read off its source: a run of its words, or a few, each going on where a clause begins.
A false one leaps from the middle of one sentence into another, breaks off before the noun that its words were about, or
puts words in. So the cheapest way through the text that reads the sentence is sought, word by word; its price tells how
much of the sentence was put together by whoever wrote it.

The prices were found on public sets of judged summaries (docs/benchmarks.md), coarsely and one after the other.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from llm.evidence import Alignment, Place, Text
from llm.facts import Token

_NEW = {"word": 2.4, "name": 6.0, "number": 1.5, "date": 1.5}  # for each unit of what the word tells (`Token.weight`)
_UNLIKE = 1.0  # a word that is only near, for what it lacks in likeness
_NEW_FUNCTION = 0.2  # a function word that does not stand there
_PUT_IN = 0.3  # words between two that stand together, or in the place of others
_SKIP, _SKIP_IN_CLAUSE, _SKIP_WORD = 0.3, 0.7, 0.02  # going on further in a sentence: next to a comma, elsewhere
_LEAP, _BACK = 1.6, 1.0  # going on in another sentence; further back in the same
_BEGINS_LATE = _BREAKS_OFF = 0.2  # where the source has words of the same clause before or after

_SAYING = frozenset({"say", "says", "said"})  # with which a sentence may end well

_CANDIDATES = 12  # places of one word
_BEAM = 10  # ways that are followed at a time
_BREAK = re.compile(r"[,;:.!?\u2013\u2014()\"\u201c\u201d\n]|--|(?<!\w)-|-(?!\w)")


@dataclass(frozen=True, slots=True)
class Trace:
    """How a sentence can be read off: what it costs a token, and the share of its words that go on where one ended."""

    cost: float
    unbroken: float


class _Way(NamedTuple):
    """A way to read the sentence as far as a word: the last place, which of its tokens stands there, words left out."""

    cost: float
    place: Place | None
    token: int
    left_out: int
    breaks: float


def trace(aligned: Alignment) -> Trace:
    """The cheapest way to read the claim off the passages of its evidence."""
    tokens, content = aligned.tokens, aligned.content
    ways = [_Way(0.0, None, -1, 0, 0.0)]
    for n in content:
        token = tokens[n]
        new = _NEW[token.kind] * max(token.weight, 0.3)
        grown = [_Way(way.cost + new, way.place, way.token, way.left_out + 1, way.breaks + 1) for way in ways]
        for place in _candidates(aligned, n):
            lacks = max(0.0, 0.95 - place.likeness)
            best: _Way | None = None
            for way in ways:  # the cheapest first
                if best is not None and way.cost + lacks * _UNLIKE >= best.cost:
                    break
                step, leap = _step(way, place, n, aligned)
                cost = way.cost + step + lacks * _UNLIKE
                if best is None or cost < best.cost:
                    best = _Way(cost, place, n, 0, way.breaks + leap + 3 * lacks)
            if best is not None:
                grown.append(best)
        grown.sort(key=lambda way: way.cost)
        ways = grown[:_BEAM]
    cost, breaks = min((way.cost + _end(way, aligned), way.breaks) for way in ways)
    return Trace(cost / max(3, len(tokens)), 1 - min(1.0, breaks / max(2, len(content))))


def _candidates(aligned: Alignment, n: int) -> Sequence[Place]:
    texts = {sentence.text for sentence in aligned.evidence}
    places = [place for place in aligned.anywhere[n] if place.likeness >= 0.5 and place.text in texts]
    if len(places) > _CANDIDATES:
        places.sort(key=lambda place: aligned.sentence(place) not in aligned.evidence)
    return places[:_CANDIDATES]


def _step(way: _Way, place: Place, n: int, aligned: Alignment) -> tuple[float, bool]:
    """What it costs to go on at `place` with the n-th token, and whether that breaks a run of words."""
    text, at, last = aligned.texts[place.text], place.at, way.place
    said = [token.key for token in aligned.tokens[way.token + 1 : n] if token.kind == "function"]
    if last is None:
        begins = at
        while begins > 0 and text.tokens[begins - 1].kind == "function" and not _is_break(text, begins):
            begins -= 1
        late = 0.0 if _is_break(text, begins) else _BEGINS_LATE
        return late + _NEW_FUNCTION * _lacking(said, text.tokens[max(0, at - len(said) - 1) : at]), False
    within = last.text == place.text and text.sentence_of[last.at] == text.sentence_of[at]
    if not within or last.at >= at:
        around = [*aligned.texts[last.text].tokens[last.at + 1 : last.at + 4], *text.tokens[max(0, at - 3) : at]]
        return (_BACK if within else _LEAP) + _NEW_FUNCTION * _lacking(said, around), True
    between = text.tokens[last.at + 1 : at]
    cost = _NEW_FUNCTION * _lacking(said, between if len(between) < 9 else between[:3] + between[-3:])
    skipped = sum(token.kind != "function" for token in between)
    if not skipped:
        return cost + (_PUT_IN if way.left_out else 0.0), way.left_out > 0
    if 0 < way.left_out >= skipped - 1:
        return cost + _PUT_IN, True
    at_comma = any(_is_break(text, i) for i in (last.at + 1, *range(max(last.at + 2, at - len(said)), at + 1)))
    return cost + (_SKIP if at_comma else _SKIP_IN_CLAUSE) + _SKIP_WORD * min(20, skipped), True


def _lacking(said: Sequence[str], known: Sequence[Token]) -> int:
    """How many of these function words are not among those tokens."""
    if not said:
        return 0
    keys = {token.key for token in known}
    return sum(key not in keys for key in said)


def _end(way: _Way, aligned: Alignment) -> float:
    """What it costs to end there."""
    if way.place is None or way.left_out:
        return 0.0
    if way.token < len(aligned.tokens) - 1:
        return _BREAKS_OFF * sum(token.key not in _SAYING for token in aligned.tokens[way.token + 1 :])
    text, following = aligned.texts[way.place.text], way.place.at + 1
    if _is_break(text, following):
        return 0.0
    token = text.tokens[following]
    return _BREAKS_OFF if token.kind not in ("function", "date") or token.key == "of" else 0.0


def _is_break(text: Text, n: int) -> bool:
    """Whether a clause may begin with the n-th token: a sentence does, or there is a comma or the like before it."""
    if n <= 0 or n >= len(text.tokens) or text.sentence_of[n] != text.sentence_of[n - 1]:
        return True
    return _BREAK.search(text.raw, text.tokens[n - 1].end, text.tokens[n].start) is not None
