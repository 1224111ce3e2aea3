"""What a sentence says that its evidence does not: another number or name, an opposite, another speaker. Pure.

Each of these looks at a sentence laid against passages (`evidence.align`) and yields what fails, with the words of the
source that stand in its place. None of them looks at a word alone: what stands elsewhere in an article proves nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from llm.evidence import Alignment, Place, Sentence
from llm.facts import Day, Number, Token, days, same_day
from llm.lexicon import (
    ASSERTED,
    DENYING,
    HEDGED,
    NATION,
    NEAR,
    NEGATING,
    OPPOSITE,
    PLACES,
    SPEAKING,
    TRANSITIVE,
    UNSURE,
)

FailureKind = Literal[
    "number", "date", "name", "place", "unit", "negation", "direction", "attribution", "certainty", "role", "detail"
]


@dataclass(frozen=True, slots=True)
class Failure:
    """What a passage does not hold: the words of the sentence, and what stands in their place ("": nothing)."""

    kind: FailureKind
    claimed: str
    found: str = ""


def failures(aligned: Alignment) -> tuple[Failure, ...]:
    """What the evidence lacks or denies, each once."""
    found = (_missing, _negated_between, _negated_here, _negated_there, _unsure, _spoken, _turned, _roles)
    return tuple(dict.fromkeys(failure for look in found for failure in look(aligned)))


def swapped(aligned: Alignment) -> tuple[Failure, ...]:
    """What the passages hold, but elsewhere, while another of its kind or its opposite stands in its place."""
    return tuple(dict.fromkeys(_swapped(aligned)))


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
        if token.kind == "date" and (likeness or _is_of_the_day(token, aligned)) and not _instead(n, aligned):
            continue  # it cannot be told without the day of publication, or it is that day
        if token.kind == "name" and _is_given_name(n, aligned):
            continue
        if token.kind == "number" and likeness:
            place = aligned.places.get(n)
            yield Failure("unit", token.text, aligned.found(place).text if place else "")
        elif not likeness or token.kind == "date":
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
    if not isinstance(token.value, Day):
        return False
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
    for unit in [*units, *([n] for name in units if len(name) > 1 for n in name)]:
        anchors = []
        for n, step in ((unit[0] - 1, -1), (unit[-1] + 1, 1)):
            for m in range(n, n + 3 * step, step):
                if m in aligned.places:
                    anchors.append((aligned.places[m], -step))
                    break
        mine = [aligned.places[n] for n in unit if n in aligned.places]
        number = aligned.tokens[unit[0]].kind == "number"
        at_home = any(
            aligned.sentence(place) == aligned.sentence(anchor)
            and (_is_nearest(place, anchor, aligned) if number else abs(place.at - anchor.at) <= 9)
            for place in mine
            for anchor, _ in anchors
        )
        others = []
        for anchor, side in anchors:
            tokens = aligned.texts[anchor.text].tokens
            words = aligned.words(aligned.sentence(anchor))
            for at in range(anchor.at + side, anchor.at + 4 * side, side):
                is_free = (anchor.text, at) not in used or (number and tokens[at].kind == "number")
                if at in words and is_free and tokens[at].kind != "function":
                    others.append(tokens[at])
        if aligned.tokens[unit[0]].kind == "word" and unit[0] in aligned.places and _has_company(unit[0], aligned):
            at_home = True
        yield _Gap(unit, at_home, others)


def _is_nearest(place: Place, anchor: Place, aligned: Alignment) -> bool:
    """Whether no other number stands nearer to `anchor`: a number belongs to the words next to it."""
    tokens = aligned.texts[anchor.text].tokens
    apart = abs(place.at - anchor.at)
    nearer = range(max(0, anchor.at - apart + 1), anchor.at + apart)
    return not any(tokens[at].kind == "number" for at in nearer if at < len(tokens) and at not in (place.at, anchor.at))


def _instead(n: int, aligned: Alignment) -> str:
    """What the best sentence has of the same kind, and bears nothing else, where it does not hold a name or a value."""
    token = aligned.tokens[n]
    if token.kind == "word":
        return ""
    used = {(place.text, place.at) for place in aligned.places.values()}
    first = aligned.evidence[0]
    near = [place.at for m, place in aligned.places.items() if abs(m - n) <= 6 and aligned.sentence(place) == first]
    found = [
        (min((abs(at - other) for other in near), default=99), aligned.texts[first.text].tokens[at].text)
        for at in aligned.words(first)
        if (first.text, at) not in used
        and _is_alternative(token, aligned.texts[first.text].tokens[at], aligned.texts[first.text].published)
    ]
    apart, text = min(found, default=(99, ""))
    return text if apart <= 8 else ""


def _is_alternative(token: Token, other: Token, published: date | None) -> bool:
    """Whether `other` is of the kind of `token` and says something else."""
    if token.kind != other.kind or _is_same(token, other):
        return False
    if isinstance(token.value, Number) and isinstance(other.value, Number):
        like = (token.value.unit, token.value.ordinal) == (other.value.unit, other.value.ordinal)
        return like and other.value.value != 1
    if isinstance(token.value, Day) and isinstance(other.value, Day):
        return same_day(token.value, other.value, published) is False
    return token.kind == "name"


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
                if _is_alternative(token, other, aligned.texts[aligned.evidence[0].text].published):
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
        negated = _is_negated(aligned.tokens, n)
        for at in aligned.words(first):
            if source[at].key not in opposite or (first.text, at) in used or _is_negated(source, at) != negated:
                continue
            if any(abs(at - other) <= 6 for other in near):
                yield Failure("direction", token.text, source[at].text)
                break


def _roles(aligned: Alignment) -> Iterator[Failure]:
    """Names on the other side of a verb than in the source, unless one of the two is in the passive."""
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
    return sum(map(_turns, before)) % 2 == 1


def _negated_between(aligned: Alignment) -> Iterator[Failure]:
    """Two words of the claim in a row that stand in a row in the source too, with a negation more or less between them.

    So a "not" is seen that was put into, or taken out of, a sentence that has another.
    """
    tokens = aligned.tokens
    last, before = -1, None
    for n, place in sorted(aligned.places.items()):
        words = aligned.words(aligned.sentence(place))
        source = aligned.texts[place.text].tokens
        if before is None:
            start = words.start
        elif before.text == place.text and before.at in words:
            start = before.at + 1
        else:
            start = place.at
        said, held = tokens[last + 1 : n], source[start : place.at]
        last, before = n, place
        if len(held) > 8 or _content(said) or _content(held) > 1:
            continue
        here, there = ([token for token in between if _turns(token)] for between in (said, held))
        if len(here) % 2 > len(there) % 2 or len(here) > len(there) > 0:
            yield Failure("negation", f"{here[-1].text} {tokens[n].text}")
        elif len(here) < len(there):
            yield Failure("negation", tokens[n].text, f"{there[-1].text} {source[place.at].text}")


def _content(tokens: Sequence[Token]) -> int:
    """How many of these tell something, negations apart."""
    return sum(token.kind != "function" and not _turns(token) for token in tokens)


def _negated_here(aligned: Alignment) -> Iterator[Failure]:
    tokens = aligned.tokens
    for n, token in enumerate(tokens):
        if not _is_negative(token):
            continue
        nearest = (*range(n + 1, min(n + 6, len(tokens))), *range(n - 1, max(-1, n - 4), -1))
        m = next((m for m in nearest if m in aligned.places), None)
        if m is None or not _has_company(m, aligned) or _opposed(aligned, n):
            continue
        place = aligned.places[m]
        words = aligned.words(aligned.sentence(place))
        around = range(max(words.start, place.at - 7), min(words.stop, place.at + 4))
        if not any(_turns(aligned.texts[place.text].tokens[at]) for at in around):
            yield Failure("negation", f"{token.text} {tokens[m].text}" if m > n else f"{tokens[m].text} {token.text}")


def _negated_there(aligned: Alignment) -> Iterator[Failure]:
    tokens = aligned.tokens
    first = aligned.evidence[0]
    words = aligned.words(first)
    source = aligned.texts[first.text].tokens
    by_place = {place.at: n for n, place in aligned.places.items() if aligned.sentence(place) == first}
    for at in words:
        if not _is_negative(source[at]) and not (source[at].key in DENYING and at not in by_place):
            continue
        following = next((p for p in range(at + 1, min(at + 5, words.stop)) if source[p].kind != "function"), None)
        if following is None or following not in by_place:
            continue
        n = by_place[following]
        around = tokens[max(0, n - 6) : n + 3]
        if _has_company(n, aligned) and not any(_turns(other) or _has_negative_prefix(other) for other in around):
            yield Failure("negation", tokens[n].text, f"{source[at].text} {source[following].text}")


def _turns(token: Token) -> bool:
    """Whether a word turns what follows it into its opposite."""
    return _is_negative(token) or token.key in DENYING


def _has_company(n: int, aligned: Alignment) -> bool:
    """Whether a word next to the n-th was found next to it in the source too: they speak of the same."""
    place = aligned.places[n]
    near = [aligned.places[m] for m in range(n - 4, n + 5) if m != n and m in aligned.places]
    return any(other.text == place.text and 0 < abs(other.at - place.at) <= 5 for other in near)


def _has_negative_prefix(token: Token) -> bool:
    return token.kind == "word" and token.key[:2] in ("un", "di", "il", "im") and len(token.key) > 5


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
        ways: tuple[range, ...] = (after,) if lower == "according" else (before,)
        if lower in ("said", "says", "added"):
            ways = before, after
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
