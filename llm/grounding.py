"""Does a passage support a sentence? Decided by program: no model call, no network, the same answer every time. Pure.

A sentence is laid against the few sentences of the passages that hold most of it, word by word: the same stem, a near
meaning, the same number, day or name. What then counts is what it costs to read it off them, what is new in it, and
what stands in the place of what is not found: another number, an opposite, another speaker. A logistic sum of these
(`_WEIGHTS`, made by `python -m tests.eval.fit`) is the score.

`check` judges one sentence, `review` an answer with its citations.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, get_args

from llm.claims import Claim, claims
from llm.evidence import Alignment, Text, align, text_of
from llm.facts import read
from llm.lexicon import TELLING
from llm.mismatches import Failure, FailureKind, failures, swapped
from llm.trace import trace
from news.types import Passage

Verdict = Literal["supported", "partly", "not found", "contradicted"]

LONGEST_SENTENCE = 2_000
"""Characters of a sentence that are read."""
_MOST_TOKENS = 120  # of a sentence


@dataclass(frozen=True, slots=True)
class Quote:
    """The words of a passage that bear a sentence most. `passage` is its place among those given, from 0.

    `part` says whether `start` and `end` count in its title or in its text; `carriers` are the spans, in the same part,
    of the words that carry the sentence.
    """

    passage: int
    part: Literal["title", "text"]
    start: int
    end: int
    text: str
    carriers: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Support:
    """The result of a check: `score` from 0 to 1, the verdict, the best quote (None: nothing near it), what failed."""

    score: float
    verdict: Verdict
    quote: Quote | None = None
    failed: tuple[Failure, ...] = ()


@dataclass(frozen=True, slots=True)
class Checked:
    """A claim of an answer with the support found for it. `numbers` are the passages it cites, from 1.

    `found` is the number of a passage that supports it although it was not cited, 0 if there is none.
    """

    claim: Claim
    support: Support
    found: int = 0

    def as_dict(self) -> dict[str, Any]:
        """For JSON: claim, start and end (in the raw answer), verdict, score, quote, passage, found, failed.

        `passage` is the number of the quote's, 0 for none; `part` ("title" or "text") and `at` say where in it the
        quote begins, `carriers` are the spans in the quote of the words that carry the claim.
        """
        support, quote = self.support, self.support.quote
        return {
            "claim": self.claim.text,
            "start": self.claim.start,
            "end": self.claim.end,
            "verdict": support.verdict,
            "score": round(support.score, 3),
            "quote": quote.text if quote else "",
            "passage": quote.passage + 1 if quote else 0,
            "part": quote.part if quote else "",
            "at": quote.start if quote else 0,
            "carriers": [[start - quote.start, end - quote.start] for start, end in quote.carriers] if quote else [],
            "found": self.found,
            "failed": [asdict(failure) for failure in support.failed],
        }


def check(sentence: str, passages: Sequence[Passage | str]) -> Support:
    """How far the passages bear `sentence` out. A passage may be a plain text, then without a title or a day.

    Any script, any length: what is read is bounded (`LONGEST_SENTENCE`, `evidence.LONGEST_PASSAGE`). Never raises.
    """
    found = findings(sentence, passages)
    if found is None:
        return Support(0.0, "not found")
    odds = _BIAS + sum(weight * found.measures[name] for name, weight in _WEIGHTS.items())
    score = logistic(odds)
    failed = tuple(dict.fromkeys(found.failed))
    return Support(score, _verdict(odds, found), _quote(found.aligned), failed)


def logistic(odds: float) -> float:
    """How sure something is, 0 to 1, by its log-odds."""
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, odds))))


def review(answer: str, passages: Sequence[Passage | str]) -> tuple[Checked, ...]:
    """Check every claim of a raw answer that states something, in order.

    A claim is checked against the passages it cites, without the names of their outlets. If they do not support it, or
    it cites none, against all: the one that does is then `found`.
    """
    return tuple(recheck(claim, passages) for claim in claims(answer) if claim.states)


def recheck(claim: Claim, passages: Sequence[Passage | str]) -> Checked:
    """One claim of an answer, as `review` checks it: for answers that are still being written (`claims.Stream`)."""
    cited = [number - 1 for number in claim.numbers if 0 < number <= len(passages)]
    named = [passages[n] for n in cited]
    first = check(_told(claim.text, named), named) if cited else None
    if first is not None and first.quote is not None:
        first = replace(first, quote=replace(first.quote, passage=cited[first.quote.passage]))
    if first is not None and (first.verdict == "supported" or len(cited) == len(passages)):
        return Checked(claim, first)
    widely = check(_told(claim.text, passages), passages)
    if (
        widely.quote is not None
        and widely.quote.passage not in cited
        and (widely.verdict == "supported" or (first is None and widely.verdict == "partly"))
    ):
        return Checked(claim, widely, widely.quote.passage + 1)
    return Checked(claim, first or widely)


def _told(text: str, passages: Sequence[Passage | str]) -> str:
    """A claim without the outlets it names as its sources: an article does not say who publishes it."""
    for feed in {" ".join(p.feed.split()) for p in passages if isinstance(p, Passage)} - {""}:
        case = re.IGNORECASE if " " in feed else 0  # an outlet may be called "Time", or "One"
        without = re.sub(rf"(?<![\w-]){re.escape(feed)}(?:['’]s)?(?![\w-])[ ,:]*", "", text, flags=case).strip()
        text = without or text
    return text


@dataclass(frozen=True, slots=True)
class Findings:
    """What was measured of a sentence laid against passages, before it is weighed. For `check` and for the evals."""

    aligned: Alignment
    measures: dict[str, float]
    failed: tuple[Failure, ...]


def findings(sentence: str, passages: Sequence[Passage | str]) -> Findings | None:
    """The measures and failures of a sentence, None if there is nothing to compare."""
    sentence = sentence[:LONGEST_SENTENCE]
    tokens = read(sentence)[:_MOST_TOKENS]
    texts = [_read(passage) for passage in passages]
    if sentence.islower():  # then only the passages tell what is a name
        known = frozenset().union(*(text.names for text in texts))
        tokens = [
            token._replace(kind="name") if token.kind == "word" and token.key in known else token for token in tokens
        ]
    aligned = align(tokens, texts)
    if not aligned.content or not aligned.evidence:
        return None
    here = failures(aligned)
    displaced = swapped(aligned)
    read_off = trace(aligned)
    unknown = _unknown(aligned)
    figures = sum(tokens[n].kind == "number" for n in aligned.content)
    measures = {
        "copied": (read_off.unbroken + 2 * (1 - unknown)) / 3,
        "cost": min(_MOST_COST, read_off.cost),
        "unknown": unknown,
        "figures": (1 - read_off.unbroken) * figures,
        "untold": _untold(aligned),
        **_counts(here),
        "swapped": float(min(2, len(displaced))),
    }
    if read_off.unbroken < _IN_PLACE:
        displaced = tuple(failure for failure in displaced if failure.kind not in ("name", "place"))
    return Findings(aligned, measures, (*here, *displaced))


def _read(passage: Passage | str) -> Text:
    if isinstance(passage, str):
        return text_of("", passage, None)
    return text_of(passage.title, passage.text, passage.published_at.date())


# What is measured

_IN_PLACE = 0.5  # the share of a sentence that must go on unbroken for a name beside its words to be in another's place
_MOST_COST = 0.3  # a token: beyond that a sentence is worded freely, and costs no more for being worded more freely


def _unknown(aligned: Alignment) -> float:
    """The share of what the claim tells that no passage speaks of."""
    tokens = aligned.tokens
    whole = sum(tokens[n].weight for n in aligned.content) or 1.0
    return sum(tokens[n].weight * (1 - aligned.best[n]) for n in aligned.content) / whole


def _untold(aligned: Alignment) -> float:
    """How many words that tell what happened, or who somebody is, have nothing to rest on."""
    telling = [n for n in aligned.content if aligned.tokens[n].kind == "word" and aligned.tokens[n].key in TELLING]
    return sum(1 - max(aligned.best[n], 0.5 * (n in aligned.places)) for n in telling)


def _counts(failed: Sequence[Failure]) -> dict[str, float]:
    counts = dict.fromkeys((*get_args(FailureKind), "replaced"), 0.0)
    for failure in dict.fromkeys(failed):
        counts[failure.kind] = min(2.0, counts[failure.kind] + 1)
        if failure.found:
            counts["replaced"] = min(2.0, counts["replaced"] + 1)
    return counts


# Weighing

_BIAS = 2.6
_WEIGHTS = {
    "cost": -7.50,
    "unknown": -2.97,
    "figures": -0.73,
    "untold": -0.08,
    "number": -0.80,
    "date": -1.31,
    "place": -0.41,
    "unit": -0.63,
    "negation": -0.41,
    "attribution": -0.61,
    "certainty": -0.26,
    "replaced": -0.15,
    "swapped": -0.30,
}

# From which logarithm of the odds a sentence is supported. A free wording shares few words even when it is true; what
# is copied should fit, the more so if it was put together from several sentences.
_FREE, _COPIED = -0.9, 1.6
_WITHIN_ONE = 2.0  # less for a copy whose words one sentence holds
_PARTLY = -2.2


def _verdict(odds: float, found: Findings) -> Verdict:
    kinds = {failure.kind for failure in found.failed}
    replaced = any(failure.found for failure in found.failed if failure.kind not in ("detail", "certainty"))
    one, several = found.aligned.covered
    if one >= 0.55 and (replaced or kinds & {"negation", "direction"}):
        return "contradicted"
    copied, within_one = _ramp(found.measures["copied"], 0.75, 0.85), _ramp(one, 0.7, 0.9)
    enough = _FREE + (_COPIED - _FREE - _WITHIN_ONE * within_one) * copied
    if odds >= enough and not kinds - {"detail"}:
        return "supported"
    return "partly" if odds >= _PARTLY and (one >= 0.55 or several >= 0.8) else "not found"


def _ramp(value: float, low: float, high: float) -> float:
    return min(1.0, max(0.0, (value - low) / (high - low)))


def _quote(aligned: Alignment) -> Quote | None:
    first = aligned.evidence[0]
    text = aligned.texts[first.text]
    start, end, *_ = text.spans[first.n]
    shift = text.title if start >= text.title else 0
    carriers = sorted(
        {
            (text.tokens[place.at].start - shift, text.tokens[place.at].end - shift)
            for place in aligned.places.values()
            if aligned.sentence(place) == first
        }
    )
    return Quote(
        first.text,
        "text" if start >= text.title else "title",
        start - shift,
        end - shift,
        text.raw[start:end],
        tuple(carriers),
    )
