"""Does a passage support a sentence? Decided by program: no model call, no network, the same answer every time. Pure.

A sentence is laid against the few sentences of the passages that hold most of it, word by word: the same stem, a near
meaning, the same number, day or name. What then counts is how much of it is found, how close together and in which
order, and what stands in its place where it is not found: another number, an opposite, another speaker. A logistic
sum of these (`_WEIGHTS`, made by `python -m tests.eval.fit`) is the score.

`check` judges one sentence, `review` an answer with its citations.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any, Literal, get_args

from llm.claims import Claim, claims
from llm.evidence import Alignment, Text, align, text_of
from llm.facts import lowered, read
from llm.lexicon import TELLING
from llm.mismatches import Failure, FailureKind, failures, swapped
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
    score = _score(found.measures)
    failed = tuple(dict.fromkeys(found.failed))
    return Support(score, _verdict(score, found), _quote(found.aligned), failed)


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
    coverage = _coverage(aligned)
    measures = {
        **coverage,
        **_novelty(coverage, *_copied(sentence, aligned)),
        **_counts(here),
        "swapped": float(min(2, len(displaced))),
    }
    return Findings(aligned, measures, (*here, *displaced))


def _read(passage: Passage | str) -> Text:
    if isinstance(passage, str):
        return text_of("", passage, None)
    return text_of(passage.title, passage.text, passage.published_at.date())


# What is measured


def _coverage(aligned: Alignment) -> dict[str, float]:
    """What of the claim is found: in one sentence, in the evidence, anywhere; and how close together."""
    tokens, places = aligned.tokens, aligned.places
    whole = sum(tokens[n].weight for n in aligned.content) or 1.0
    anywhere = sum(tokens[n].weight * aligned.best[n] for n in aligned.content) / whole
    joined = total = 0.0
    for one, other in pairwise(aligned.content):
        weight = tokens[one].weight + tokens[other].weight
        total += weight
        a, b = places.get(one), places.get(other)
        if a is None or b is None:
            continue
        if aligned.sentence(a) == aligned.sentence(b):
            step = b.at - a.at
            joined += weight * (1.0 if 0 < step <= 4 else 0.8 if 0 < step <= 9 else 0.7)
        else:
            apart = abs(aligned.sentence(a).n - aligned.sentence(b).n) if a.text == b.text else 9
            joined += weight * (0.6 if apart == 1 else 0.35 if apart <= 3 else 0.1)
    telling = [n for n in aligned.content if tokens[n].kind == "word" and tokens[n].key in TELLING]
    return {
        "one sentence": aligned.covered[0],
        "evidence": aligned.covered[1],
        "anywhere": anywhere,
        "joined": joined / total if total else anywhere,
        "untold": sum(1 - max(aligned.best[n], 0.5 * (n in places)) for n in telling),
    }


def _copied(sentence: str, aligned: Alignment) -> tuple[float, float]:
    """How much of the sentence stands word for word in the first text of the evidence, in runs of three or more.

    And of how many pieces it is made: 0 if it is one run, 1 if no two words of it stand together there.
    """
    words = lowered(sentence)[: 2 * _MOST_TOKENS]
    first = aligned.texts[aligned.evidence[0].text]
    grams, text = first.grams, first.words
    copied = pieces = at = 0
    while at < len(words):
        longest = 1
        for start in grams.get((words[at], words[at + 1]), ())[:20] if at + 1 < len(words) else ():
            length = 2
            while (
                at + length < len(words) and start + length < len(text) and words[at + length] == text[start + length]
            ):
                length += 1
            longest = max(longest, length)
        copied += longest if longest >= 3 else 0
        pieces += 1
        at += longest
    return copied / max(1, len(words)), max(0, pieces - 1) / max(1, len(words) - 1)


def _novelty(coverage: dict[str, float], copied: float, pieces: float) -> dict[str, float]:
    """What is new in the sentence: its words, and how they are put together.

    The more of it is copied, the more it counts that its pieces do not belong together: who words freely moves words.
    """
    is_copy = min(1.0, max(0.0, (copied - 0.3) / 0.6))
    return {
        "copied": copied,
        "unknown": 1 - coverage["anywhere"],
        "pieces": pieces,
        "broken": is_copy * (1 - coverage["joined"]),
    }


def _counts(failed: Sequence[Failure]) -> dict[str, float]:
    counts = dict.fromkeys((*get_args(FailureKind), "replaced"), 0.0)
    for failure in dict.fromkeys(failed):
        counts[failure.kind] = min(2.0, counts[failure.kind] + 1)
        if failure.found:
            counts["replaced"] = min(2.0, counts["replaced"] + 1)
    return counts


# Weighing

_BIAS = 2.10
_WEIGHTS = {
    "untold": -0.70,
    "unknown": -2.50,
    "pieces": -2.50,
    "broken": -4.00,
    "number": -1.40,
    "date": -3.62,
    "name": -0.70,
    "place": -1.92,
    "unit": -4.34,
    "negation": -2.59,
    "direction": -2.45,
    "attribution": -2.51,
    "certainty": -3.88,
    "role": -4.66,
    "replaced": -0.04,
    "swapped": -1.18,
}
_SUPPORTED = 0.2
_STRICTER = 0.58
_PARTLY = 0.1


def _score(measures: dict[str, float]) -> float:
    total = _BIAS + sum(weight * measures[name] for name, weight in _WEIGHTS.items())
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, total))))


def _verdict(score: float, found: Findings) -> Verdict:
    kinds = {failure.kind for failure in found.failed}
    replaced = any(failure.found for failure in found.failed if failure.kind not in ("detail", "certainty"))
    about_it = found.aligned.covered[0] >= 0.55
    if about_it and (replaced or kinds & {"negation", "direction"}):
        return "contradicted"
    # What is copied should fit: less is forgiven it than a free wording, which shares few words even when it is true.
    if score >= _SUPPORTED + _STRICTER * found.measures["copied"] and not kinds - {"detail", "certainty"}:
        return "supported"
    if score >= _PARTLY and about_it:
        return "partly"
    return "not found"


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
