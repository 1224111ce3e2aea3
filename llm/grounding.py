"""Does a passage support a sentence? Decided by program: no model call, no network, the same answer every time. Pure.

A sentence is laid against the few sentences of the passages that hold most of it, word by word: the same stem, a near
meaning, the same number, day or name. What then counts is how much of it is found, how close together and in which
order, and what stands in its place where it is not found: another number, an opposite, another speaker. A logistic
sum of these (`_WEIGHTS`, made by `python -m tests.eval.fit`) is the score.

`check` judges one sentence, `review` an answer with its citations.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from llm.claims import Claim, claims
from llm.evidence import Alignment, Place, Sentence, Text, align, text_of
from llm.facts import Day, Number, Token, days, lowered, read
from llm.lexicon import ASSERTED, DENYING, HEDGED, NATION, NEAR, NEGATING, OPPOSITE, PLACES, SPEAKING, TELLING, TRANSITIVE, UNSURE
from news.types import Passage

Verdict = Literal["supported", "partly", "not found", "contradicted"]
FailureKind = Literal[
    "number", "date", "name", "place", "unit", "negation", "direction", "attribution", "certainty", "role", "detail"
]

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
class Failure:
    """What a passage does not hold: the words of the sentence, and what the passage has in their place ("": nothing)."""

    kind: FailureKind
    claimed: str
    found: str = ""


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

    A claim is checked against the passages it cites. If they do not support it, or it cites none, against all: the one
    that does is then `found`.
    """
    return tuple(recheck(claim, passages) for claim in claims(answer) if claim.states)


def recheck(claim: Claim, passages: Sequence[Passage | str]) -> Checked:
    """One claim of an answer, as `review` checks it: for answers that are still being written (`claims.Stream`)."""
    cited = [number - 1 for number in claim.numbers if 0 < number <= len(passages)]
    first = check(claim.text, [passages[n] for n in cited]) if cited else None
    if first is not None and first.quote is not None:
        first = replace(first, quote=replace(first.quote, passage=cited[first.quote.passage]))
    if first is not None and (first.verdict == "supported" or len(cited) == len(passages)):
        return Checked(claim, first)
    widely = check(claim.text, passages)
    if widely.quote is not None and widely.quote.passage not in cited and (
        widely.verdict == "supported" or (first is None and widely.verdict == "partly")
    ):
        return Checked(claim, widely, widely.quote.passage + 1)
    return Checked(claim, first or widely)


@dataclass(frozen=True, slots=True)
class Findings:
    """What was measured of a sentence laid against passages, before it is weighed. For `check` and for the evals."""

    aligned: Alignment
    measures: dict[str, float]
    failed: list[Failure]


def findings(sentence: str, passages: Sequence[Passage | str]) -> Findings | None:
    """The measures and failures of a sentence, None if there is nothing to compare."""
    sentence = sentence[:LONGEST_SENTENCE]
    tokens = read(sentence)[:_MOST_TOKENS]
    texts = [_read(passage) for passage in passages]
    if sentence.islower():  # then only the passages tell what is a name
        known = frozenset().union(*(text.names for text in texts))
        tokens = [token._replace(kind="name") if token.kind == "word" and token.key in known else token for token in tokens]
    aligned = align(tokens, texts)
    if not aligned.content or not aligned.evidence:
        return None
    swapped = list(_swapped(aligned))
    failed = [*_missing(aligned), *_negated(aligned), *_unsure(aligned), *_spoken(aligned), *_turned(aligned), *_roles(aligned)]
    coverage = _coverage(aligned)
    measures = {
        **coverage,
        **_by_style(coverage, _copied(sentence, aligned)),
        **_counts(failed),
        "swapped": float(min(2, len(swapped))),
    }
    return Findings(aligned, measures, failed + swapped)


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
    joined = total = jumps = 0.0
    for one, other in zip(aligned.content, aligned.content[1:], strict=False):
        weight = tokens[one].weight + tokens[other].weight
        total += weight
        a, b = places.get(one), places.get(other)
        if a is None or b is None:
            continue
        if aligned.sentence(a) == aligned.sentence(b):
            step = b.at - a.at
            joined += weight * (1.0 if 0 < step <= 4 else 0.8 if 0 < step <= 9 else 0.5)
        else:
            jumps += 1
            apart = abs(aligned.sentence(a).n - aligned.sentence(b).n) if a.text == b.text else 9
            joined += weight * (0.6 if apart == 1 else 0.35 if apart <= 3 else 0.1)
    telling = [n for n in aligned.content if tokens[n].kind == "word" and tokens[n].key in TELLING]
    return {
        "one sentence": aligned.covered[0],
        "evidence": aligned.covered[1],
        "anywhere": anywhere,
        "joined": joined / total if total else anywhere,
        "jumps": jumps / len(aligned.content),
        "untold": sum(1 - max(aligned.best[n], 0.5 * (n in places)) for n in telling),
        "apart": float(sum(n not in places or aligned.sentence(places[n]) != aligned.evidence[0] for n in telling)),
    }


def _copied(sentence: str, aligned: Alignment) -> float:
    """The share of the sentence that stands word for word in the first text of the evidence, in runs of three or more."""
    words = lowered(sentence)[: 2 * _MOST_TOKENS]
    first = aligned.texts[aligned.evidence[0].text]
    grams, text = first.grams, first.words
    copied = at = 0
    while at < len(words) - 1:
        longest = 0
        for start in grams.get((words[at], words[at + 1]), ())[:20]:
            length = 2
            while at + length < len(words) and start + length < len(text) and words[at + length] == text[start + length]:
                length += 1
            longest = max(longest, length)
        copied += longest if longest >= 3 else 0
        at += max(1, longest)
    return copied / max(1, len(words))


def _by_style(coverage: dict[str, float], copied: float) -> dict[str, float]:
    """What is amiss in a copy (its pieces do not belong together) is another thing than in a free wording (words lack)."""
    return {
        "copied": copied,
        "broken": copied * (1 - coverage["joined"]),
        "patched": copied * (1 - copied),
        "free evidence": (1 - copied) * (1 - coverage["evidence"]),
        "free anywhere": (1 - copied) * (1 - coverage["anywhere"]),
        "free joined": (1 - copied) * (1 - coverage["joined"]),
    }


_COUNTED = ("number", "date", "name", "place", "unit", "negation", "direction", "attribution", "certainty", "role", "detail")


def _counts(failed: Sequence[Failure]) -> dict[str, float]:
    counts = dict.fromkeys((*_COUNTED, "replaced"), 0.0)
    for failure in dict.fromkeys(failed):
        counts[failure.kind] = min(2.0, counts[failure.kind] + 1)
        if failure.found:
            counts["replaced"] = min(2.0, counts["replaced"] + 1)
    return counts


# What fails


def _kind(token: Token) -> FailureKind:
    if token.kind == "number":
        return "number"
    if token.kind == "date":
        return "date"
    if token.kind == "name":
        return "place" if token.key in NATION or token.text.lower() in PLACES else "name"
    return "detail"


def _missing(aligned: Alignment) -> Iterator[Failure]:
    """Words, names, numbers and dates that no passage holds, and those it holds only with another unit."""
    tokens = aligned.tokens
    for n in aligned.content:
        token = tokens[n]
        likeness = aligned.best[n]
        if likeness >= 0.6 or token.weight < 0.5:
            continue
        if token.kind == "date" and (likeness or _is_of_the_day(token, aligned)):
            continue
        if token.kind == "name" and _is_given_name(n, aligned):
            continue
        if token.kind == "number" and likeness:
            place = aligned.places.get(n)
            yield Failure("unit", token.text, aligned.found(place).text if place else "")
        elif not likeness:
            yield Failure(_kind(token), token.text, _instead(n, aligned))


def _is_given_name(n: int, aligned: Alignment) -> bool:
    """A given name before a surname that the source has, without another name before it, is more than the source says,
    but no error."""
    tokens = aligned.tokens
    surname = aligned.places.get(n + 1)
    if surname is None or tokens[n + 1].kind != "name" or surname.likeness < 0.8 or tokens[n].key in NATION:
        return False
    before = aligned.texts[surname.text].tokens[max(0, surname.at - 1)]
    return before.kind != "name" and not (n + 2 < len(tokens) and tokens[n + 2].kind == "name")


def _is_of_the_day(token: Token, aligned: Alignment) -> bool:
    """A date that is the day of publication is borne out by it, where the evidence names no day itself."""
    first = aligned.evidence[0]
    text = aligned.texts[first.text]
    if text.published is None or any(text.tokens[at].kind == "date" for at in aligned.words(first)):
        return False
    assert isinstance(token.value, Day)
    if token.value.weekday:
        return text.published.isoweekday() == token.value.weekday
    span = days(token.value, text.published)
    return span is not None and span[0] <= text.published.toordinal() <= span[1]


def _units(aligned: Alignment) -> Iterator[list[int]]:
    """The content of the claim in order; what makes one name ("Sri Lanka's", "Matt Corrigan") together."""
    unit: list[int] = []
    for n in aligned.content:
        token = aligned.tokens[n]
        follows = unit and token.kind == "name" and aligned.tokens[unit[-1]].kind == "name" and unit[-1] == n - 1
        if unit and not (follows and token.start - aligned.tokens[n - 1].end <= 1):
            yield unit
            unit = []
        unit.append(n)
    if unit:
        yield unit


@dataclass(frozen=True, slots=True)
class _Gap:
    """A word or a name of the claim, and the tokens of the source that stand where it should, bearing nothing else.

    `at_home` tells whether it was found there itself.
    """

    unit: list[int]
    at_home: bool
    others: list[Token]


def _gaps(aligned: Alignment) -> Iterator[_Gap]:
    """For each unit of the claim, what stands next to that on which the words next to it rest."""
    used = {(place.text, place.at) for place in aligned.places.values()}
    units = list(_units(aligned))
    for unit in [*units, *([n] for unit in units if len(unit) > 1 for n in unit)]:
        anchors = []
        for n, step in ((unit[0] - 1, -1), (unit[-1] + 1, 1)):
            for m in range(n, n + 3 * step, step):
                if m in aligned.places:
                    anchors.append((aligned.places[m], -step))
                    break
        mine = [aligned.places[n] for n in unit if n in aligned.places]
        reach = 4 if aligned.tokens[unit[0]].kind == "number" else 9
        at_home = any(
            place.text == anchor.text and abs(place.at - anchor.at) <= reach and aligned.sentence(place) == aligned.sentence(anchor)
            for place in mine
            for anchor, _ in anchors
        )
        others = []
        for anchor, side in anchors:
            tokens = aligned.texts[anchor.text].tokens
            words = aligned.words(aligned.sentence(anchor))
            for at in range(anchor.at + side, anchor.at + 4 * side, side):
                if at in words and (anchor.text, at) not in used and tokens[at].kind != "function":
                    others.append(tokens[at])
        if aligned.tokens[unit[0]].kind == "word" and unit[0] in aligned.places and _has_company(unit[0], aligned):
            at_home = True
        yield _Gap(unit, at_home, others)


def _instead(n: int, aligned: Alignment) -> str:
    """What the best sentence has of the same kind, and bears nothing else, where it does not hold a name or a value."""
    token = aligned.tokens[n]
    if token.kind == "word":
        return ""
    used = {(place.text, place.at) for place in aligned.places.values()}
    near = [aligned.places[m].at for m in aligned.content if m in aligned.places and abs(m - n) <= 6 and aligned.sentence(aligned.places[m]) == aligned.evidence[0]]
    first = aligned.evidence[0]
    found = [
        (min((abs(at - other) for other in near), default=99), aligned.texts[first.text].tokens[at].text)
        for at in aligned.words(first)
        if (first.text, at) not in used and _is_alternative(token, aligned.texts[first.text].tokens[at])
    ]
    apart, text = min(found, default=(99, ""))
    return text if apart <= 8 else ""


def _is_alternative(token: Token, other: Token) -> bool:
    """Whether `other` is of the kind of `token` and says something else."""
    if token.kind != other.kind or _is_same(token, other):
        return False
    if isinstance(token.value, Number) and isinstance(other.value, Number):
        return token.value.unit == other.value.unit and token.value.ordinal == other.value.ordinal and other.value.value != 1
    return token.kind in ("name", "date")


def _swapped(aligned: Alignment) -> Iterator[Failure]:
    """What the passage holds, but elsewhere, while another of its kind or its opposite stands in its place."""
    for gap in _gaps(aligned):
        if gap.at_home:
            continue
        n = gap.unit[0]
        token = aligned.tokens[n]
        text = " ".join(aligned.tokens[m].text for m in gap.unit)
        if token.kind == "word":
            opposite = OPPOSITE.get(token.key, frozenset())
            for other in gap.others:
                if other.key in opposite:
                    yield Failure("direction", token.text, other.text)
                    break
        elif max(aligned.best[m] for m in gap.unit) >= 0.6 and token.weight > 0.5:
            for other in gap.others:
                if _is_alternative(token, other):
                    yield Failure(_kind(token), text, other.text)
                    break


def _is_same(token: Token, other: Token) -> bool:
    if token.key == other.key or (token.key in NATION and NATION[token.key] == NATION.get(other.key)):
        return True
    return other.key in NEAR.get(token.key, ())


def _turned(aligned: Alignment) -> Iterator[Failure]:
    """An opposite in the sentence that should bear the claim."""
    used = {(place.text, place.at) for place in aligned.places.values()}
    first = aligned.evidence[0]
    source = aligned.texts[first.text].tokens
    for n in aligned.content:
        token = aligned.tokens[n]
        opposite = OPPOSITE.get(token.key)
        if not opposite or (n in aligned.places and aligned.sentence(aligned.places[n]) == first):
            continue
        near = [place.at for m, place in aligned.places.items() if abs(m - n) <= 6 and aligned.sentence(place) == first]
        for at in aligned.words(first):
            if source[at].key in opposite and (first.text, at) not in used and any(abs(at - other) <= 6 for other in near):
                if _is_negated(aligned.tokens, n) == _is_negated(source, at):
                    yield Failure("direction", token.text, source[at].text)
                    break


def _roles(aligned: Alignment) -> Iterator[Failure]:
    """Names on the other side of what one does to another than in the source, unless one of the two is in the passive."""
    tokens = aligned.tokens
    for n in aligned.content:
        verb = aligned.places.get(n)
        if verb is None or tokens[n].key not in TRANSITIVE:
            continue
        subject = next((m for m in range(n - 1, max(-1, n - 5), -1) if tokens[m].kind == "name"), None)
        thing = next((m for m in range(n + 1, min(len(tokens), n + 5)) if tokens[m].kind == "name"), None)
        if subject is None or thing is None:
            continue
        a, b = aligned.places.get(subject), aligned.places.get(thing)
        if a is None or b is None or not aligned.sentence(a) == aligned.sentence(b) == aligned.sentence(verb):
            continue
        said, is_so = _is_passive(tokens, n), _is_passive(aligned.texts[verb.text].tokens, verb.at)
        reversed_there, same_there = b.at < verb.at < a.at, a.at < verb.at < b.at
        if reversed_there if said == is_so else same_there and b.at - a.at < 14:
            yield Failure("role", f"{tokens[subject].text} {tokens[n].text} {tokens[thing].text}")


_BE = frozenset("is are was were be been being get gets got".split())


def _is_passive(tokens: Sequence[Token], n: int) -> bool:
    return any(token.text.lower() == "by" for token in tokens[n + 1 : n + 4]) and any(
        token.text.lower() in _BE for token in tokens[max(0, n - 3) : n]
    )


def _is_negative(token: Token) -> bool:
    lower = token.text.lower().replace("\u2019", "'")
    return lower in NEGATING or lower.endswith("n't") or (token.kind == "word" and token.key in NEGATING)


def _is_negated(tokens: Sequence[Token], n: int) -> bool:
    """Whether a negation, or a verb that denies, stands shortly before the n-th token."""
    before = tokens[max(0, n - 5) : n]
    return sum(_is_negative(token) or token.key in DENYING for token in before) % 2 == 1


def _negated(aligned: Alignment) -> Iterator[Failure]:
    """A negation on one side that the other side lacks."""
    tokens = aligned.tokens
    by_place = {(place.text, place.at): n for n, place in aligned.places.items()}
    for n, token in enumerate(tokens):
        if not _is_negative(token):
            continue
        m = next((m for m in range(n + 1, min(n + 6, len(tokens))) if m in aligned.places), None)
        if m is None:
            m = next((m for m in range(n - 1, max(-1, n - 4), -1) if m in aligned.places), None)
        if m is None:
            continue
        place = aligned.places[m]
        if not _has_company(m, aligned):
            continue
        source = aligned.texts[place.text].tokens
        span = aligned.texts[place.text].spans[aligned.sentence(place).n]
        around = source[max(span[2], place.at - 7) : min(span[3], place.at + 4)]
        if not any(_is_negative(other) or other.key in DENYING for other in around) and not _opposed(aligned, n):
            yield Failure("negation", f"{token.text} {tokens[m].text}" if m > n else f"{tokens[m].text} {token.text}")
    first = aligned.evidence[0]
    span = aligned.words(first)
    source = aligned.texts[first.text].tokens
    for at in span:
        if not _is_negative(source[at]) and not (source[at].key in DENYING and (first.text, at) not in by_place):
            continue
        following = [p for p in range(at + 1, min(at + 5, span.stop)) if source[p].kind != "function"][:2]
        mine = [by_place[first.text, p] for p in following if (first.text, p) in by_place]
        if not mine or (first.text, following[0]) not in by_place:
            continue
        n = mine[0]
        if not _has_company(n, aligned):
            continue
        around = tokens[max(0, n - 6) : n + 3]
        if not any(_is_negative(other) or other.key in DENYING or _negative_prefix(other) for other in around):
            yield Failure("negation", tokens[n].text, f"{source[at].text} {source[following[0]].text}")


def _has_company(n: int, aligned: Alignment) -> bool:
    """Whether a word next to the n-th was found next to it in the source too: they speak of the same."""
    place = aligned.places[n]
    near = [aligned.places[m] for m in range(n - 4, n + 5) if m != n and m in aligned.places]
    return any(other.text == place.text and 0 < abs(other.at - place.at) <= 5 for other in near)


def _negative_prefix(token: Token) -> bool:
    return token.kind == "word" and token.key[:2] in ("un", "dis"[:2], "il", "im") and len(token.key) > 5


def _opposed(aligned: Alignment, n: int) -> bool:
    """Whether the source says with an opposite what the claim says with a negation: "fell" for "did not rise"."""
    held = {token.key for sentence in aligned.evidence for token in _tokens_of(aligned, sentence)}
    return any(OPPOSITE.get(token.key, frozenset()) & held for token in aligned.tokens[n + 1 : n + 5])


def _tokens_of(aligned: Alignment, sentence: Sentence) -> list[Token]:
    span = aligned.words(sentence)
    return aligned.texts[sentence.text].tokens[span.start : span.stop]


def _unsure(aligned: Alignment) -> Iterator[Failure]:
    """Certain here, unsure there."""
    first = aligned.evidence[0]
    source = aligned.texts[first.text].tokens
    by_place = {place.at: n for n, place in aligned.places.items() if aligned.sentence(place) == first}
    hedged = any(_is_hedge(token) for token in aligned.tokens)
    for at in aligned.words(first):
        if at in by_place or source[at].text.lower() not in UNSURE:
            continue
        near = next((p for p in range(at + 1, at + 5) if p in by_place and source[p].kind == "word"), None)
        if near is None:
            continue
        n = by_place[near]
        if not _has_company(n, aligned):
            continue
        before = aligned.tokens[max(0, n - 4) : n]
        if not any(_is_hedge(token) for token in before) and (
            not hedged or any(token.text.lower() in ("will", "has", "have", "is", "are", "was") for token in before)
        ):
            yield Failure("certainty", aligned.tokens[n].text, f"{source[at].text} {source[near].text}")
            break
    held = {token.key for sentence in aligned.evidence for token in _tokens_of(aligned, sentence)}
    for token in aligned.tokens:
        if token.key in ASSERTED and not held & (ASSERTED | NEAR.get(token.key, frozenset())):
            yield Failure("certainty", token.text)


def _is_hedge(token: Token) -> bool:
    return token.key in HEDGED or token.text.lower() in HEDGED


def _speakers(tokens: Sequence[Token], first: int, last: int, reach: int) -> dict[str, str]:
    """Who speaks in tokens[first:last]: keys of names within `reach` of verbs of saying, with their words."""
    out: dict[str, str] = {}
    for n in range(first, last):
        lower = tokens[n].text.lower()
        if tokens[n].key not in SPEAKING and lower not in ("said", "says", "say"):
            continue
        before = range(n - 1, max(first - 1, n - 1 - reach), -1)
        after = range(n + 1, min(last, n + 2 + reach))
        ways = (after,) if lower == "according" else (before, after) if lower in ("said", "says", "added") else (before,)
        for way in ways:
            begun = False
            for m in way:
                if tokens[m].kind == "name":
                    begun = True
                    out[NATION.get(tokens[m].key, tokens[m].key)] = tokens[m].text
                elif begun and reach < 4:
                    break
            if begun:
                break
    return out


def _spoken(aligned: Alignment) -> Iterator[Failure]:
    """What is said by one here and by another there."""
    mine = _speakers(aligned.tokens, 0, len(aligned.tokens), 2)
    if not mine or all(key.startswith("@") for key in mine):
        return
    first = aligned.evidence[0]
    text = aligned.texts[first.text]
    span = aligned.words(first)
    theirs = _speakers(text.tokens, span.start, span.stop, 12)
    here = {NATION.get(token.key, token.key) for token in _tokens_of(aligned, first)}
    if mine.keys() & (theirs.keys() or here):
        return
    around: set[str] = set()
    for n in range(max(0, first.n - 2), min(len(text.spans), first.n + 2)):
        around |= {NATION.get(token.key, token.key) for token in _tokens_of(aligned, Sentence(first.text, n))}
    if theirs or not mine.keys() & around:
        yield Failure("attribution", " ".join(mine.values()), " ".join(theirs.values()))


# Weighing

_BIAS = 1.57
_WEIGHTS = {
    "jumps": -0.03,
    "untold": -1.14,
    "apart": -0.61,
    "broken": -6.51,
    "free evidence": -0.88,
    "free anywhere": -0.70,
    "number": -2.56,
    "date": -3.03,
    "name": -1.33,
    "place": -2.67,
    "unit": -3.89,
    "negation": -2.22,
    "direction": -0.92,
    "attribution": -1.26,
    "certainty": -3.72,
    "role": -2.58,
    "replaced": -0.79,
    "swapped": -1.33,
}
_SUPPORTED = 0.5
_STRICTER = 0.25
_PARTLY = 0.25


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
    return Quote(first.text, "text" if start >= text.title else "title", start - shift, end - shift, text.raw[start:end], tuple(carriers))
