"""What is told beside an answer: what it lacks, where reports differ, what one alone says, what was searched. Pure.

It is read from the details of a stored answer, or from its bundle of evidence, which keeps them under the same names.
The page, the exports and the evidence all tell it from here, so that they cannot tell it differently.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

NAMED = 12
"""The most feeds that are named in a row."""
QUOTED = 240
"""The most characters that are quoted in a sentence."""


@dataclass(frozen=True, slots=True)
class Account:
    """What one outlet says of something, and the sentence in which it says so. `url` may be anything."""

    feed: str
    says: str
    quote: str
    url: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Difference:
    """A heading such as "Reports differ on the dead", and who says what, oldest first."""

    heading: str
    accounts: tuple[Account, ...]


@dataclass(frozen=True, slots=True)
class Basis:
    """Sentences on what was not found, the differences, sentences on figures that one outlet has `alone`, on what was
    searched, and on which feeds had trouble.

    `searched` is "" where that is not known.
    """

    caveats: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()
    alone: tuple[str, ...] = ()
    searched: str = ""
    troubles: tuple[str, ...] = ()


def read(details: Mapping[str, Any]) -> Basis:
    """What a stored answer, or its bundle, tells of that. Raises KeyError, TypeError or ValueError for what is none."""
    horizon = details.get("horizon") or {}
    return Basis(
        caveats=tuple(details.get("caveats", ())),
        differences=tuple(_difference(told) for told in details.get("disagreements", ())),
        alone=tuple(_alone(told) for told in details.get("alone", ())),
        searched=_searched(horizon) if horizon.get("feeds") or horizon.get("failed") else "",
        troubles=tuple(_troubles(horizon)),
    )


def day(moment: datetime) -> str:
    """A day as a reader writes it, UTC: "12 June 2026"."""
    at = moment.astimezone(UTC)
    return f"{at.day} {at:%B %Y}"


def _difference(told: Mapping[str, Any]) -> Difference:
    about = told["about"]
    heading = f"The number of {about} has risen" if told["moved"] else f"Reports differ on {about}"
    return Difference(
        heading,
        tuple(
            Account(one["feed"], one["says"], " ".join(one["quote"].split()), one["url"], _moment(one["at"]))
            for one in told["accounts"]
        ),
    )


def _alone(told: Mapping[str, Any]) -> str:
    quote = " ".join(told["quote"].split())
    if len(quote) > QUOTED:
        quote = f"{quote[:QUOTED].rsplit(' ', 1)[0]} …"
    return (
        f"Only {told['feed']}, of {told['outlets']} outlets found on this, gives the figure {told['figure']}: “{quote}”"
    )


def _searched(horizon: Mapping[str, Any]) -> str:
    """ "Searched 1,240 articles of 24 feeds, 1 May 2026 to 12 June 2026. 1 feed failed." """
    told = f"Searched {_count(horizon['articles'], 'article')} of {_count(horizon['feeds'], 'feed')}"
    if horizon.get("since") and horizon.get("until"):
        first, last = day(_moment(horizon["since"])), day(_moment(horizon["until"]))
        told += f", {first}" if first == last else f", {first} to {last}"
    failed, stale = horizon.get("failed", ()), horizon.get("stale", ())
    trouble = [f"{_count(len(failed), 'feed')} failed"] if failed else []
    trouble += [f"{_count(len(stale), 'feed')} may be out of date"] if stale else []
    return f"{told}. {', '.join(trouble)}." if trouble else f"{told}."


def _troubles(horizon: Mapping[str, Any]) -> Iterator[str]:
    if horizon.get("failed"):
        yield f"Failed when last fetched: {_named(horizon['failed'])}."
    if horizon.get("stale"):
        yield f"Not fetched for a day, or silent for longer than usual: {_named(horizon['stale'])}."


def _named(names: Sequence[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more:,} more" if more > 0 else "")


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def _moment(written: str) -> datetime:
    return datetime.fromisoformat(written)
