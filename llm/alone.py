"""Figures of an answer that one outlet alone gives, among several that tell the same story. Pure; precision first.

That an outlet alone says something in words cannot be told by program: others say it in other words. A figure can be
looked for. It counts as one outlet's where it is written in digits, counts things, and no other report that was found
has a number near it; and only where two other outlets, at least, wrote of the story when it was known already. Ages,
measures (which others give in other units), spans of time, and names with a number in them count as nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple

from llm.facts import Number, read
from llm.grounding import Checked
from news.terms import sentences
from news.types import Passage

MOST = 2
"""So many figures of an answer are told of."""
OTHERS = 2
"""So many other outlets must tell the story."""
_KNOWN = timedelta(hours=12)
"""Who wrote earlier than so long before may not have known it."""
_ENOUGH_TEXT = 100  # characters: a bare headline leaves out nearly everything
_LEAST = 10
_NEAR = 0.1
_SPAN = re.compile(
    r"(?:st|nd|rd|th)?(?:[-–:/]|,? ?(?:years?|months?|weeks?|days?|hours?|minutes?|seconds?|am|pm|a\.m)\b)"
)
_WRITTEN = re.compile(r"\d[\d,.]*(?: (?:thousand|million|billion|percent|per cent)| ?%)?")
_AGE = re.compile(r"\b(?:aged?|aged? \d+(?:,| and|,? or)|aged? between) $")
_NAMED = re.compile(
    r"[^\s“\"(]$|\b(?:last|final|round of|group of|top|under|no\.|number|flight|article|day|week|phase|resolution|"
    r"section|route|highway|area|unit|stage|chapter|channel|may|june|july) $",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Alone:
    """Of `outlets` outlets found on a story, `feed` alone gives the `figure`; `quote` are its words."""

    feed: str
    figure: str
    quote: str
    outlets: int


def alone(checks: Sequence[Checked], passages: Sequence[Passage], reports: Sequence[Passage]) -> tuple[Alone, ...]:
    """The first of them in the order of the answer, a quote once. `reports` are those found of one story, shown or not.

    The claims looked at are those that a passage of that story supports.
    """
    told = {report.entry_id for report in reports}
    found: list[Alone] = []
    for checked in checks:
        quote = checked.support.quote
        if checked.support.verdict != "supported" or quote is None or len(found) == MOST:
            continue
        source = passages[quote.passage]
        others = [each for each in reports if each.feed != source.feed and source.feed not in each.also]
        telling = [one for one in others if one.published_at >= source.published_at - _KNOWN]
        feeds = {one.feed for one in telling if len(one.text) >= _ENOUGH_TEXT}
        if source.entry_id not in told or source.also or len(feeds) < OTHERS:
            continue
        figure = _own(checked.claim.text, quote.text, [*others, *(p for p in passages if p.feed != source.feed)])
        if figure and quote.text not in {each.quote for each in found}:
            found.append(Alone(source.feed, figure, quote.text, len({one.feed for one in telling}) + 1))
    return tuple(found)


class _Figure(NamedTuple):
    text: str
    number: Number
    start: int
    end: int


def _own(claim: str, quote: str, others: Sequence[Passage]) -> str:
    """The first figure of a quote that the claim has too and the other reports do not have; "" for none."""
    claimed = list(_figures(claim))
    theirs = [figure for other in others for figure in _figures(f"{other.title}\n{other.text}")]
    for figure in _figures(quote):
        if not _counts(figure, quote) or any(_near(figure, each) for each in theirs):
            continue
        if any(_near(figure, each) for each in claimed):
            return figure.text
    return ""


def _figures(text: str) -> Iterator[_Figure]:
    for sentence in sentences(text):
        for token in read(sentence, max(text.find(sentence), 0)):
            if isinstance(token.value, Number):
                yield _Figure(token.text, token.value, token.start, token.end)


def _near(one: _Figure, other: _Figure) -> bool:
    return abs(one.number.value - other.number.value) <= _NEAR * max(one.number.value, other.number.value)


def _counts(figure: _Figure, text: str) -> bool:
    """Whether a number says how many of something there are."""
    number = figure.number
    if number.ordinal or number.unit not in ("", "percent") or number.value < _LEAST:
        return False
    if not _WRITTEN.fullmatch(figure.text) or (1_900 <= number.value <= 2_100 and "," not in figure.text):
        return False
    before, after = text[max(0, figure.start - 20) : figure.start], text[figure.end : figure.end + 12]
    if before.endswith(", ") and after.startswith(","):  # a person's age
        return False
    return not (_SPAN.match(after) or _NAMED.search(before) or _AGE.search(before))
