"""Single errors put into true sentences: one number, name, date, negation or speaker changed. Deterministic.

Made with expressions of its own, not with what `llm.grounding` reads with, so that the two do not share their mistakes.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

_WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_MONTHS = "January February March April May June July August September October November December".split()
_NUMBER = re.compile(
    r"(?<![\w.,-])\d{1,3}(?:,\d{3})+(?![\w-])|(?<![\w.,/:-])\d+(?:\.\d+)?(?=[%\s.,;)]|bn|m\b|-year|$)(?![.,]\d)"
)
_WORDS = "two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty".split()
_WORD_NUMBER = re.compile(rf"\b(?:{'|'.join(_WORDS)})\b", re.IGNORECASE)
_CALENDAR = "|".join([*_WEEKDAYS, *(month for month in _MONTHS if month not in ("May", "March"))])
_DATE = re.compile(rf"\b(?:{_CALENDAR})\b|\b(?:19[5-9]|20[0-3])\d\b(?![-%])")
_NAME = re.compile(r"(?<=[a-z,] )[A-Z][a-z]{2,}(?: [A-Z][a-z]{2,}){0,2}(?=[ ,.;']|$)")
_HELPER = re.compile(r"\b(is|are|was|were|will|has|have|had|can|could|would|should)\b(?! not\b)(?=(?: \w+){2})")
_NOT = re.compile(r"\b(is|are|was|were|will|has|have|had|can|could|would|should|did|do|does) not ")
_PERSON = r"[A-Z][a-z]+(?: [A-Z][a-z]+){1,2}"
_SPEAKER = re.compile(
    rf"(?P<a>{_PERSON})(?= (?:said|says|told|warned|announced|added)\b)"
    rf"|(?:\bsaid |\bsays |\baccording to )(?P<b>{_PERSON})"
)
_NO_NAMES = (
    frozenset(_WEEKDAYS) | frozenset(_MONTHS) | {"The", "This", "That", "Prime Minister", "President", "Minister"}
)

Change = tuple[str, str]
"""What was changed to what."""


def names(text: str) -> list[str]:
    """Runs of capitalised words within sentences: people, places, parties."""
    return [name for name in _NAME.findall(text) if not _NO_NAMES & {name, *name.split()}]


def _number(sentence: str, rng: random.Random, _: Sequence[str]) -> tuple[str, Change] | None:
    found = [*_NUMBER.finditer(sentence), *_WORD_NUMBER.finditer(sentence)]
    found = [match for match in found if not re.fullmatch(r"(?:19|20)\d\d", match[0])]
    if not found:
        return None
    match = rng.choice(found)
    old = match[0]
    if old.lower() in _WORDS:
        new = rng.choice([word for word in _WORDS if word != old.lower()])
        new = new.capitalize() if old[0].isupper() else new
    elif "," in old:
        new = f"{round(int(old.replace(',', '')) * rng.choice((0.5, 0.7, 1.4, 2, 3))):,}"
    elif "." in old:
        new = f"{float(old) * rng.choice((0.5, 1.5, 2, 3)):.{len(old.split('.')[1])}f}"
    else:
        value = int(old)
        new = str(rng.choice([value + 1 + value // 8, value * 2 + 1, max(1, value // 2), value + 10]))
    return None if new == old else _put(sentence, match.start(), match.end(), new)


def _date(sentence: str, rng: random.Random, _: Sequence[str]) -> tuple[str, Change] | None:
    found = list(_DATE.finditer(sentence))
    if not found:
        return None
    match = rng.choice(found)
    old = match[0]
    if old.isdigit():
        new = str(int(old) + rng.choice((-12, -3, -1, 2, 4)))
    else:
        new = rng.choice([word for word in (_WEEKDAYS if old in _WEEKDAYS else _MONTHS) if word != old])
    return _put(sentence, match.start(), match.end(), new)


def _name(sentence: str, rng: random.Random, pool: Sequence[str]) -> tuple[str, Change] | None:
    found = [match for match in _NAME.finditer(sentence) if not _NO_NAMES & {match[0], *match[0].split()}]
    if not found:
        return None
    match = rng.choice(found)
    others = [name for name in _strangers(pool, sentence) if len(name.split()) == len(match[0].split())]
    return _put(sentence, match.start(), match.end(), rng.choice(others)) if others else None


def _negation(sentence: str, rng: random.Random, _: Sequence[str]) -> tuple[str, Change] | None:
    if negated := list(_NOT.finditer(sentence)):
        match = rng.choice(negated)
        return sentence[: match.start()] + match[1] + " " + sentence[match.end() :], (match[0].strip(), match[1])
    if found := list(_HELPER.finditer(sentence)):
        match = rng.choice(found)
        return sentence[: match.end()] + " not" + sentence[match.end() :], (match[0], f"{match[0]} not")
    return None


def _attribution(sentence: str, rng: random.Random, pool: Sequence[str]) -> tuple[str, Change] | None:
    found = list(_SPEAKER.finditer(sentence))
    people = [name for name in _strangers(pool, sentence) if len(name.split()) == 2]
    if not found or not people:
        return None
    match = rng.choice(found)
    group = "a" if match["a"] else "b"
    return _put(sentence, match.start(group), match.end(group), rng.choice(people))


def _strangers(pool: Sequence[str], sentence: str) -> list[str]:
    """The names of the pool that share no word with the sentence."""
    words = set(re.findall(r"\w+", sentence))
    return [name for name in pool if not set(name.split()) & words]


def _put(sentence: str, start: int, end: int, new: str) -> tuple[str, Change]:
    return sentence[:start] + new + sentence[end:], (sentence[start:end], new)


KINDS: dict[str, Callable[[str, random.Random, Sequence[str]], tuple[str, Change] | None]] = {
    "number": _number, "name": _name, "date": _date, "negation": _negation, "attribution": _attribution,
}  # fmt: skip


def changed(sentence: str, kind: str, rng: random.Random, pool: Sequence[str]) -> tuple[str, Change] | None:
    """`sentence` with one error of this kind, and the change; None if there is nothing to change. `pool`: names."""
    return KINDS[kind](sentence, rng, pool)
