"""A sentence -> its tokens, with the numbers, dates and names in it as values that can be compared. Pure.

Numbers are values with a unit and what was said of their exactness: "1.2m", "1,200,000" and "1.2 million" are one
number, "a dozen" is 12. Dates are the days they may mean, once the day is known on which the text was published.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache, partial
from typing import Literal, NamedTuple

from llm.lexicon import COMMON, NATION, NEAR, OPPOSITE, PLACES, TELLING, stem
from news.terms import FUNCTION_WORDS, sentences, terms

TokenKind = Literal["word", "name", "number", "date", "function"]


class Number(NamedTuple):
    """A number with its `unit` ("percent", "points", a currency, a measure, or "") and its `bound`.

    `bound` is "" for a plain number, "about", "over" (at least, more than) or "under" (nearly, at most, less than).
    """

    value: float
    unit: str = ""
    bound: str = ""
    ordinal: bool = False
    close: bool = False  # "nearly", "almost": under, but not by much


class Day(NamedTuple):
    """A date as written: what is not said is 0 or "". `weekday` counts from 1, Monday. `relative` is "last month"."""

    year: int = 0
    month: int = 0
    day: int = 0
    weekday: int = 0
    relative: str = ""


class Token(NamedTuple):
    """A word, number, date or sign with its span in the text. `key` is what is compared; `weight`, what it tells."""

    text: str
    start: int
    end: int
    key: str
    kind: TokenKind
    weight: float
    value: Number | Day | None = None


# A number, a sign that belongs to one, an acronym with its points, or a word; underscores are no letters.
_SIGNS = "%$\u00a3\u20ac\u00a5\u20b9"
_PIECES = re.compile(
    r"[a-z]++(?![^\W\d_]|['\u2019])"  # the most, first
    r"|\d{1,3}(?:,\d{2,3})+(?:\.\d+)?|\d+(?:\.\d+)?"
    r"|\b(?:[A-Z]\.){2,}(?:[A-Z]\b)?"
    r"|[^\W\d_]+(?:['\u2019][^\W\d_]+)*"
    rf"|[{_SIGNS}]"
).findall  # without groups: strings alone, which is what makes reading quick
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17d3\u3005-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")

_WORD_NUMBERS = {
    word: float(value)
    for value, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
        "seventeen eighteen nineteen twenty".split()
    )
} | {word: 10.0 * value for value, word in enumerate("thirty forty fifty sixty seventy eighty ninety".split(), 3)}
_SCALES = {
    "hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12, "lakh": 1e5, "crore": 1e7,
    "dozen": 12.0, "decade": 10.0, "m": 1e6, "b": 1e9, "mn": 1e6, "bn": 1e9, "tn": 1e12, "k": 1e3,
}  # fmt: skip
_ATTACHED = frozenset({"m", "b", "mn", "bn", "tn", "k"})  # "5 m" are metres, "5m" may be millions
_ORDINALS = {
    word: float(value)
    for value, word in enumerate(
        "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth".split(), 1
    )
}
_FRACTIONS = {
    "half": 0.5, "third": 1 / 3, "thirds": 1 / 3, "quarter": 0.25, "quarters": 0.25, "fifth": 0.2, "fifths": 0.2,
}  # fmt: skip
_MULTIPLES = {"once": 1.0, "twice": 2.0, "couple": 2.0, "pair": 2.0, "double": 2.0, "triple": 3.0, "treble": 3.0}
_CURRENCIES = {
    "$": "dollar", "us$": "dollar", "dollar": "dollar", "\u00a3": "pound", "pound": "pound", "\u20ac": "euro",
    "euro": "euro", "\u00a5": "yen", "yen": "yen", "\u20b9": "rupee", "rs": "rupee", "rupe": "rupee",
    "yuan": "yuan", "rubl": "rouble",
    "roubl": "rouble", "peso": "peso", "naira": "naira", "franc": "franc", "lira": "lira", "won": "won", "real": "real",
}  # fmt: skip
_MEASURES = {
    word: unit
    for unit, words in {
        "percent": "% percent pc",
        "kilometre": "km kilometre kilometer kilometres kilometers kph kmh",
        "mile": "mile miles mph",
        "metre": "metre meter metres meters",
        "centimetre": "cm centimetre centimetres centimeter centimeters",
        "foot": "foot feet ft",
        "inch": "inch inches",
        "yard": "yard yards",
        "kilogram": "kg kilogram kilograms kilo kilos",
        "gram": "gram grams",
        "tonne": "tonne tonnes ton tons",
        "litre": "litre litres liter liters",
        "gallon": "gallon gallons",
        "barrel": "barrel barrels",
        "acre": "acre acres",
        "hectare": "hectare hectares",
        "degree": "degree degrees celsius fahrenheit",
        "watt": "megawatt megawatts mw",
        "gigawatt": "gigawatt gigawatts gw",
        "second": "seconds",
        "minute": "minute minutes",
        "hour": "hour hours",
        "day": "day days",
        "week": "week weeks",
        "month": "month months",
        "year": "year years",
        "decade": "decade decades",
    }.items()
    for word in words.split()
}
_BOUNDS = {
    "about": "about", "around": "about", "approximately": "about", "roughly": "about", "some": "about",
    "estimated": "about", "nearly": "nearly", "almost": "nearly", "over": "over", "above": "over", "least": "over",
    "exceeding": "over", "exceeded": "over", "under": "under", "below": "under", "most": "under", "up": "under",
}  # fmt: skip
_THAN = {"more": "over", "greater": "over", "higher": "over", "less": "under", "fewer": "under", "lower": "under"}

_MONTHS = {
    word: number
    for number, names in enumerate(
        "january jan,february feb,march mar,april apr,may,june jun,july jul,august aug,september sep sept,october oct,"
        "november nov,december dec".split(","),
        1,
    )
    for word in names.split()
}
_DOUBTFUL = frozenset({"may", "march", "mar", "jan", "august", "sun", "sat", "mon", "wed", "dec", "april", "june"})
_WEEKDAYS = {
    word: number
    for number, names in enumerate(
        "monday mon,tuesday tue tues,wednesday wed,thursday thu thurs,friday fri,saturday sat,sunday sun".split(","), 1
    )
    for word in names.split()
}
_DAYS = {"today": 0, "tonight": 0, "yesterday": -1, "tomorrow": 1}
_PERIODS = frozenset({"week", "month", "year"})
_WHICH = frozenset({"last", "this", "next", "previous", "past"})
_FUNCTION = FUNCTION_WORDS | frozenset(
    "a an the of to in on at by for with from as and or but that which who whom whose this these those it its he she "
    "they them his her their is are was were be been being has have had do does did will would can could may might "
    "shall should must not no nor so than then there here also just only very too more most over under up down out off "
    "into onto upon about after before while when where what why how if because since until during between among "
    "through against without within along across per mr mrs ms dr sir lord lady said say says nearly almost around "
    "roughly approximately least i we you my our your me us s t".split()
)
_BEFORE_MONTHS = frozenset("in since by until last this next from late early mid of for during to".split())


class _Piece(NamedTuple):
    kind: str
    text: str
    lower: str
    start: int
    end: int


_Found = tuple[Number | Day, int, int, str]
"""A value, its first and its last piece, its key."""


_PIECE_OF = partial(tuple.__new__, _Piece)  # what `_Piece(…)` does, in half the time
_TOKEN_OF = partial(tuple.__new__, Token)


def _starts(words: list[str], text: str) -> list[int]:
    """Where each piece begins: nothing that is left out between two has a letter, a digit or a sign."""
    out = []
    end = 0
    for word in words:
        start = text.find(word, end)
        out.append(start)
        end = start + len(word)
    return out


def _pieces(words: list[str], starts: list[int]) -> list[_Piece]:
    read_as = map(_kind_and_lower, words)
    return [
        _PIECE_OF((kind, word, lower, start, start + len(word)))
        for (kind, lower), word, start in zip(read_as, words, starts, strict=True)
    ]


@lru_cache(maxsize=1 << 15)
def _kind_and_lower(piece: str) -> tuple[str, str]:
    return _kind(piece), piece.lower()


def _kind(piece: str) -> str:
    first = piece[0]
    if first.isdecimal():
        return "number"
    return "sign" if first in _SIGNS else "initials" if "." in piece else "word"


def lowered(text: str) -> list[str]:
    """Every word and number of `text` in lower case, function words too."""
    return [piece.lower() for piece in _PIECES(text)]


def read(text: str, at: int = 0) -> list[Token]:
    """The tokens of one sentence that stands `at` characters into its text. Any script; never raises."""
    words = _PIECES(text)
    starts = _starts(words, text)
    pieces: list[_Piece] = []  # are only needed where words are read together
    titled: bool | None = None
    out: list[Token] = []
    i = 0
    while i < len(words):
        raw = words[i]
        plain = _plain(raw)
        if plain is None and (before := _ONLY_BEFORE.get(raw.lower())) is not None:
            following = words[i + 1].lower() if i + 1 < len(words) else ""
            plain = None if following.partition("'")[0].partition("\u2019")[0] in before else _word(raw)
        if plain is None:
            pieces = pieces or _pieces(words, starts)
            found = _date(pieces, i) or _number(pieces, i)
            if found is not None:
                out.append(_valued(pieces, found, text, at))
                i = found[2] + 1
                continue
            if pieces[i].kind != "word" or _is_marked(raw):
                out.extend(_marked(pieces[i], at))
                i += 1
                continue
            plain = _word(raw)
        start = at + starts[i]
        key, read_as, weight, names = plain
        if names:
            if titled is None:
                titled = _is_titled(words)
            if names == "place" or (not titled and (i or (names == "person" and _goes_on(words, starts)))):
                read_as, weight = "name", 1.3
        out.append(_TOKEN_OF((raw, start, start + len(raw), key, read_as, weight, None)))
        i += 1
    return out


_Word = tuple[str, TokenKind, float, Literal["", "place", "person", "word"]]


@lru_cache(maxsize=1 << 15)
def _plain(word: str) -> _Word | None:
    """How a word reads; None if that depends on the words next to it, or if it is no plain word."""
    bare = word.lower().replace("\u2019", "'").removesuffix("'s")
    if len(word) > 40 or _kind(word) != "word" or bare in _READ_ON or _is_marked(word):
        return None
    return _word(word)


def _word(word: str) -> _Word:
    """Key, kind and weight of a word, and what it names if it has a capital.

    A "place" is a name anywhere, any other word within a sentence; at its beginning a "person" is if a name goes on.
    """
    lower = word.lower()
    bare = lower.replace("\u2019", "'")
    if bare.removesuffix("'s") in _FUNCTION or bare.endswith("n't"):
        return bare, "function", 0.0, ""
    key = stem(word)
    weight = 1.3 if key in TELLING else COMMON.get(key, 1.0)
    if not word[0].isupper() or word.isupper():
        return key, "word", weight, ""
    if key in NATION or lower in PLACES:
        return key, "word", weight, "place"
    return key, "word", weight, "word" if key in COMMON or key in NEAR or key in OPPOSITE else "person"


def _goes_on(words: list[str], starts: list[int]) -> bool:
    """Whether the first two words both have capitals, side by side, as in a name."""
    return len(words) > 1 and words[1][:1].isupper() and starts[1] - starts[0] - len(words[0]) <= 2


def _is_titled(words: list[str]) -> bool:
    """Whether nearly every long word has a capital, as in some headlines: capitals then name nobody."""
    long = [word for word in words if len(word) > 3 and _kind(word) == "word"]
    return len(long) > 3 and sum(word[0].isupper() for word in long) > 0.8 * len(long)


def _is_marked(word: str) -> bool:
    """Whether it is an acronym, or of a script without spaces."""
    return (1 < len(word) < 6 and word.isupper()) or _UNSPACED.match(word) is not None


def _marked(piece: _Piece, at: int) -> Iterator[Token]:
    kind, text, lower, start, end = piece
    if kind == "sign":
        yield Token(text, at + start, at + end, _CURRENCIES.get(text, text), "function", 0.0)
    elif _UNSPACED.match(text):
        for offset, pair in enumerate(terms(text)):
            a = min(start + offset, end - 1)
            yield Token(text[offset : offset + 2], at + a, at + min(a + 2, end), pair, "word", 0.5)
    else:
        found = terms(text)
        key = found[0] if found else lower
        yield Token(text, at + start, at + end, key, "function" if lower in _FUNCTION and key == lower else "name", 1.4)


def _valued(pieces: list[_Piece], found: _Found, text: str, at: int) -> Token:
    """The token of a number or a date."""
    value, first, last, key = found
    start, end = pieces[first].start, pieces[last].end
    loose = isinstance(value, Number) and (value.value == 1 or pieces[first].lower in _MULTIPLES)
    weight = 0.4 if loose and not pieces[first].text[0].isdigit() else 1.3  # "one" is often a pronoun
    kind: TokenKind = "date" if isinstance(value, Day) else "number"
    return Token(text[start:end], at + start, at + end, key, kind, weight, value)


# With what a number or a date may begin: these words are never read alone.
_READ_ON = frozenset().union(
    _WORD_NUMBERS, _ORDINALS, _MULTIPLES, _MONTHS, _WEEKDAYS, _DAYS, _WHICH, {"a", "an", "half", "decade", "dozen"}
)
# And which of them only if one of these follows.
_ONLY_BEFORE: dict[str, frozenset[str]] = {
    **dict.fromkeys(("a", "an"), frozenset(_SCALES) | frozenset(_FRACTIONS)), **dict.fromkeys(_WHICH, _PERIODS)
}  # fmt: skip


def _number(pieces: list[_Piece], i: int) -> _Found | None:
    kind, text, lower, *_ = pieces[i]
    first = i
    ordinal = False
    following = pieces[i + 1] if i + 1 < len(pieces) else None
    if kind == "number":
        value = float(text.replace(",", ""))
    elif kind == "sign":
        return None
    elif lower in _WORD_NUMBERS:
        value = _WORD_NUMBERS[lower]
        if value >= 20 and following and 0 < (units := _WORD_NUMBERS.get(following.lower, 0)) < 10:
            value, i = value + units, i + 1
    elif lower in _ORDINALS:
        value, ordinal = _ORDINALS[lower], True
    elif lower in ("a", "an") and following and (following.lower in _SCALES or following.lower in _FRACTIONS):
        value = 1.0
    elif lower == "half":
        value = 0.5
        if i + 2 < len(pieces) and following and following.lower == "a" and pieces[i + 2].lower in _SCALES:
            i += 1
    elif lower in _MULTIPLES:
        return Number(_MULTIPLES[lower], "", _bound(pieces, first)[0]), first, i, f"#{_MULTIPLES[lower]:g}"
    else:
        return None
    year = kind == "number" and text.isascii() and text.isdigit() and len(text) == 4 and 1900 <= value < 2100
    i += 1
    while i < len(pieces):
        piece = pieces[i]
        if piece.lower in _SCALES and piece.lower.isascii():
            attached = piece.start == pieces[i - 1].end
            if piece.lower in _ATTACHED and not (kind == "number" and (attached or piece.lower in ("bn", "tn", "mn"))):
                break
            value *= _SCALES[piece.lower]
        elif piece.lower in _FRACTIONS and not ordinal and 0 < value < 5 and kind != "number":
            value *= _FRACTIONS[piece.lower]
        elif (
            piece.lower == "and" and value >= 100 and kind == "word" and i + 1 < len(pieces)
            and pieces[i + 1].lower in _WORD_NUMBERS
        ):  # fmt: skip
            value += _WORD_NUMBERS[pieces[i + 1].lower]
            i += 1
        elif piece.lower in ("st", "nd", "rd", "th") and piece.start == pieces[i - 1].end:
            ordinal = True
        else:
            break
        year = False
        i += 1
    unit, last = _unit(pieces, first, i)
    if year and not unit:
        return Day(year=int(value)), first, i - 1, f"y{int(value)}"
    bound, close = _bound(pieces, first)
    return Number(value, unit, bound, ordinal, close), first, max(last, i - 1), f"#{value:g}"


def _unit(pieces: list[_Piece], first: int, after: int) -> tuple[str, int]:
    """The unit of the number that stands in `pieces[first:after]`, and the last piece that belongs to it."""
    if after < len(pieces):
        lower = pieces[after].lower
        second = pieces[after + 1].lower if after + 1 < len(pieces) else ""
        if lower == "per" and second == "cent":
            return "percent", after + 1
        if lower == "percentage" and second.startswith("point"):
            return "points", after + 1
        if lower == "basis" and second.startswith("point"):
            return "basis points", after + 1
        if lower in _MEASURES:
            unit = _MEASURES[lower]
            if unit == "percent" and second.startswith("point"):
                return "points", after + 1
            return unit, after if unit == "percent" else after - 1
        if (currency := _CURRENCIES.get(stem(lower))) and lower not in ("won", "real", "pound"):
            return currency, after - 1
    before = pieces[first - 1].lower if first else ""
    if before in ("$", "us$", "\u00a3", "\u20ac", "\u00a5", "\u20b9", "rs"):
        return _CURRENCIES[before], after - 1
    return "", after - 1


def _bound(pieces: list[_Piece], first: int) -> tuple[str, bool]:
    if first and pieces[first - 1].kind == "sign":
        first -= 1
    if not first:
        return "", False
    lower = pieces[first - 1].lower
    if lower == "than" and first > 1:
        return _THAN.get(pieces[first - 2].lower, ""), False
    if lower == "to" and first > 1:
        before = pieces[first - 2].lower
        return ("under", True) if before == "close" else ("under", False) if before == "up" else ("", False)
    bound = _BOUNDS.get(lower, "")
    if lower in ("least", "most", "up"):
        return (bound, False) if first > 1 and pieces[first - 2].lower == "at" else ("", False)
    return ("under", True) if bound == "nearly" else (bound, False)


def _date(pieces: list[_Piece], i: int) -> _Found | None:
    kind, text, lower, *_ = pieces[i]
    if kind == "number":
        # "25 May 2026"
        if i + 1 < len(pieces) and _is_below(pieces[i], 32):
            j = i + 1
            if pieces[j].lower in ("st", "nd", "rd", "th") and pieces[j].start == pieces[i].end:
                j += 1
            j += j < len(pieces) and pieces[j].lower == "of"
            if j < len(pieces) and (month := _month(pieces, j, beside_day=True)):
                year, last = _year(pieces, j + 1)
                return Day(year, month, int(text)), i, last, f"d{month}-{int(text)}"
        return None
    if kind != "word":
        return None
    if month := _month(pieces, i):
        j = i + 1
        if j < len(pieces) and _is_below(pieces[j], 32):
            day = int(pieces[j].text)
            if j + 1 < len(pieces) and pieces[j + 1].lower in ("st", "nd", "rd", "th"):
                j += 1
            year, last = _year(pieces, j + 1)
            return Day(year, month, day), i, last, f"d{month}-{day}"
        year, last = _year(pieces, j)
        return Day(year, month), i, last, f"m{month}"
    bare = lower.replace("\u2019s", "").replace("'s", "")
    if bare in _WEEKDAYS and (len(bare) > 4 or (text[0].isupper() and bare not in _DOUBTFUL)):
        return Day(weekday=_WEEKDAYS[bare]), i, i, f"w{_WEEKDAYS[bare]}"
    if bare in _DAYS:
        return Day(relative=bare), i, i, f"r{_DAYS[bare]}"
    if bare in _WHICH and i + 1 < len(pieces):
        second = pieces[i + 1].lower.replace("\u2019s", "").replace("'s", "")
        if second in _PERIODS:
            which = "last" if bare in ("previous", "past") else bare
            return Day(relative=f"{which} {second}"), i, i + 1, f"r{which} {second}"
    return None


def _month(pieces: list[_Piece], i: int, *, beside_day: bool = False) -> int:
    text, lower = pieces[i].text, pieces[i].lower
    month = _MONTHS.get(lower, 0)
    if not month or beside_day:
        return month
    following = pieces[i + 1] if i + 1 < len(pieces) else None
    if following and _is_below(following, 2100):
        return month if text[0].isupper() or lower not in _DOUBTFUL else 0
    if lower not in _DOUBTFUL:
        return month if text[0].isupper() or len(lower) > 4 else 0
    before = pieces[i - 1].lower if i else ""
    named = before in _BEFORE_MONTHS
    return month if text[0].isupper() and named and text.lower() not in ("jan", "mar", "dec") else 0


def _is_below(piece: _Piece, limit: int) -> bool:
    return piece.kind == "number" and piece.text.isdigit() and 0 < int(piece.text[:9]) < limit


def _year(pieces: list[_Piece], i: int) -> tuple[int, int]:
    if i < len(pieces) and pieces[i].kind == "number" and re.fullmatch("(?:19|20)[0-9]{2}", pieces[i].text):
        return int(pieces[i].text), i
    return 0, i - 1


# Comparing


def agrees(claimed: Number, known: Number) -> bool:
    """Whether a text that says `known` bears out `claimed`, units apart: equal, or equal as far as it was claimed."""
    said, true = claimed.value, known.value
    if said == true:
        return not {claimed.bound, known.bound} >= {"over", "under"}
    if not said or not true or (said < 0) != (true < 0):
        return False
    ratio = true / said
    if _places(said) >= _places(true):
        return False  # nobody rounds to a figure that is no rounder
    if claimed.bound == "about":
        return 0.9 <= ratio <= 1.1
    if claimed.bound == "over":
        return 1 < ratio <= 1.5 and known.bound != "under"
    if claimed.bound == "under":
        return (0.85 if claimed.close else 0.5) <= ratio < 1 and known.bound != "over"
    # A rounded figure for a precise one: 1.2m for 1,187,000.
    return abs(ratio - 1) <= 0.025 and (said >= 1000 or said != int(said) or true != int(true))


def _places(value: float) -> int:
    """How many significant digits a number is written with."""
    return len(f"{value:.10g}".split("e")[0].replace(".", "").strip("0"))


_AHEAD = re.compile(
    r"\b(?:will|would|next|coming|upcoming|until|till|before|by|ahead|due|set to|plans?|expected|scheduled|is to|"
    r"are to|every|each|shall|from|starting|to be)\b|['\u2019]ll\b",
    re.IGNORECASE,
)


@lru_cache(maxsize=4096)
def days(day: Day, published: date | None) -> tuple[int, int] | None:
    """The first and last day, as ordinals, that `day` may mean in a text of that day; None if it cannot be told."""
    try:
        if day.relative:
            return _relative(day.relative, published) if published else None
        if day.weekday:
            if published is None:
                return None
            # Feeds speak of the day itself or of the week before far more often than of the week to come.
            ago = (published.isoweekday() - day.weekday) % 7
            return (published.toordinal() - ago,) * 2
        year = day.year or _nearest_year(day, published)
        if not year:
            return None
        if not day.month:
            return date(year, 1, 1).toordinal(), date(year, 12, 31).toordinal()
        if day.day:
            return (date(year, day.month, day.day).toordinal(),) * 2
        following = date(year + day.month // 12, day.month % 12 + 1, 1)
        return date(year, day.month, 1).toordinal(), following.toordinal() - 1
    except (ValueError, OverflowError):  # 31 February
        return None


@lru_cache(maxsize=1_024)  # a page that is drawn again asks for the same passages
def named_days(text: str, published: date, most: int = 3) -> tuple[tuple[str, date], ...]:
    """The days that a text names, other than that of its publication, each once with the words for it, in order.

    For a reader, so only what is sure: a single day ("on Tuesday", "yesterday", "9 June"), not a month, and no weekday
    in a sentence that speaks of what is to come.
    """
    found: dict[date, str] = {}
    for sentence in sentences(text):
        ahead = _AHEAD.search(sentence) is not None
        named = [(token, token.value) for token in read(sentence) if isinstance(token.value, Day)]
        for place, (token, day) in enumerate(named):
            dated = place + 1 < len(named) and named[place + 1][0].start - token.end <= 3  # "Monday, 18 May"
            if "/" in token.text or (day.weekday and (ahead or dated)):
                continue
            span = days(day, published)
            if span and span[0] == span[1] != published.toordinal():
                found.setdefault(date.fromordinal(span[0]), token.text)
    return tuple((words, day) for day, words in found.items())[:most]


def _nearest_year(day: Day, published: date | None) -> int:
    if published is None or not day.month:
        return 0
    years = (published.year - 1, published.year, published.year + 1)
    return min(years, key=lambda year: abs((year - published.year) * 12 + day.month - published.month))


def _relative(words: str, published: date) -> tuple[int, int]:
    if words in _DAYS:
        return (published.toordinal() + _DAYS[words],) * 2
    which, period = words.split()
    step = {"last": -1, "this": 0, "next": 1}[which]
    if period == "week":
        monday = published - timedelta(days=published.weekday()) + timedelta(weeks=step)
        return monday.toordinal(), monday.toordinal() + 6
    if period == "month":
        months = published.year * 12 + published.month - 1 + step
        found = days(Day(year=months // 12, month=months % 12 + 1), None)
    else:
        found = days(Day(year=published.year + step), None)
    return found or (0, 0)


def same_day(claimed: Day, known: Day, published: date | None) -> bool | None:
    """Whether `known`, in a text of that day, bears out `claimed`; None if the two cannot be compared."""
    if claimed == known:
        return True
    if claimed.weekday and known.weekday:
        return claimed.weekday == known.weekday
    is_year = (claimed.year and not claimed.month) or (known.year and not known.month)
    if is_year and claimed.year != known.year and not (claimed.relative or known.relative):
        return days(known, published) is not None and _within(claimed, known, published)
    if days(claimed, published) is not None and days(known, published) is not None:
        return _within(claimed, known, published)
    shared = [(a, b) for a, b in zip(claimed[:3], known[:3], strict=True) if a and b]
    if not shared or claimed.weekday or known.weekday or claimed.relative or known.relative:
        return None
    return all(a == b for a, b in shared) and all(b or not a for a, b in zip(claimed[:3], known[:3], strict=True))


def _within(claimed: Day, known: Day, published: date | None) -> bool:
    said, true = days(claimed, published), days(known, published)
    return said is not None and true is not None and said[0] <= true[0] and true[1] <= said[1]
