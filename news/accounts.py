"""Where the reports of one event differ in a figure: who says what, in whose words. Pure; precision first.

What the figures are, and when two of them can count one thing, is `news.figures`' to say. Here the reports are put
together that are about one event, among those a search found, and the figures become accounts that a page can show.
"""

from __future__ import annotations

from collections.abc import Sequence

from news.figures import Difference, Figure, Kind, differences
from news.terms import indexed
from news.types import Account, Disagreement, Entry

ONE_EVENT = 0.3
"""Two reports that have this share of the smaller one's terms in common are of one event."""
MOST_REPORTS = 24
_WHAT: dict[Kind, str] = {
    "dead": "the dead",
    "hurt": "the hurt",
    "missing": "the missing",
    "arrested": "the arrested",
    "magnitude": "the magnitude",
}


def disagreements(shown: Sequence[Entry], found: Sequence[Entry]) -> tuple[Disagreement, ...]:
    """Of the events that the first article shown is about, the figures that differ, in what was `found` of them.

    Later articles are often of other events with figures of their own, so they begin none.
    """
    if not shown:
        return ()
    held = {entry.id: _terms(entry) for entry in [shown[0], *found[:MOST_REPORTS]]}
    lead = held[shown[0].id]
    event = [entry for entry in found[:MOST_REPORTS] if _shared(lead, held[entry.id]) >= ONE_EVENT]
    if len({entry.feed for entry in event}) < 2:
        return ()
    urls = {entry.id: entry.url for entry in event}
    return tuple(_told(difference, urls) for difference in differences(event))


def _told(difference: Difference, urls: dict[int, str]) -> Disagreement:
    accounts = (_account(figure, urls[figure.entry_id]) for figure in difference.figures)
    return Disagreement(_WHAT[difference.kind], tuple(accounts), difference.moved)


def _account(figure: Figure, url: str) -> Account:
    number = f"{figure.value:,.1f}" if figure.kind == "magnitude" else f"{figure.value:,.0f}"
    says = f"about {number}" if figure.rounded else number
    return Account(figure.feed, says, figure.quote, url, figure.at)


def _terms(entry: Entry) -> frozenset[str]:
    return frozenset(term for part in indexed(entry.title, entry.text[:1_500]) for term in part.split(" ") if term)


def _shared(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / max(1, min(len(one), len(other)))
