"""What is to be said before an answer: what no article found says. Sentences for the reader and the model. Pure.

A question that takes something for granted is answered first with what of that nothing bears out (`llm.premise`). A
question for "today" or "latest" is told of when the newest article is. Where it is not sure that what was found answers
it, the words are named that no article holds: what may be missing shows, and nobody has to guess. Where reports differ
in a figure, a sentence says who has which.
"""

from __future__ import annotations

from datetime import UTC, datetime

from llm.premise import unsupported
from news.types import Disagreement, Found

HARDLY = "What was found hardly answers this question."
UNSAID = "No article found here says that "
_MOST_WORDS = 4


def caveats(question: str, found: Found) -> tuple[str, ...]:
    """The sentences, most important first; () where nothing is lacking or nothing was found."""
    if not question.strip() or not found.passages:
        return ()
    told = [f"{UNSAID}{clause}." for clause in unsupported(question, found.passages)]
    if not found.covered:
        told.append(HARDLY)
    newest = max(passage.published_at for passage in found.passages)
    if found.since is not None and newest < found.since:
        told.append(f"The newest article found on this is of {day(newest)}.")
    if found.missing and not told[:-1]:
        told.append(f"No article found here mentions {_listed(found.missing[:_MOST_WORDS])}.")
    return tuple(told)


def in_words(disagreement: Disagreement) -> str:
    """Who says what, in a sentence."""
    accounts = disagreement.accounts
    if disagreement.moved:
        told = ", then ".join(f"{each.says} ({each.feed}, {day(each.at)})" for each in accounts)
        return f"The number of {disagreement.about} has risen: {told}."
    told = ", ".join(f"{each.says} ({each.feed})" for each in accounts)
    return f"Reports differ on {disagreement.about}: {told}."


def day(moment: datetime) -> str:
    """A day as a reader writes it, UTC: "12 June 2026"."""
    at = moment.astimezone(UTC)
    return f"{at.day} {at:%B %Y}"


def _listed(words: tuple[str, ...]) -> str:
    quoted = [f"“{word}”" for word in words]
    return " or ".join(filter(None, (", ".join(quoted[:-1]), quoted[-1])))
