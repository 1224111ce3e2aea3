"""Text -> terms, the same for documents and questions, in every script. Pure.

A term is a normalised, stemmed word of letters and digits: compatibility forms and case folded, accents of Latin, Greek
and Cyrillic off, possessives and elisions off, initials joined ("U.S." and "US" are "usa"), thousands joined, stems by
Snowball's English rules. Scripts without spaces (Chinese, Japanese, Thai, Khmer, Lao, Burmese) become overlapping pairs
of characters. Function words are left out. A change of what comes out must raise `ANALYSIS`.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from itertools import chain

import Stemmer

ANALYSIS = "2"
"""Kept with each database: an index made by another analysis is made anew."""

# Letters of scripts that are written without spaces; their digits, marks and punctuation are not in it, but for marks
# inside a word.
_UNSPACED = (
    "\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ece\u0edc-\u0edf\u1000-\u103f\u1050-\u108f\u109a-\u109d\u1780-\u17d3"
    "\u3005\u3006\u3041-\u309a\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff"  # above Thai, Lao, Burmese, Khmer; here kana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
)
# Python's \w leaves out the vowel signs and other marks of Indic, Arabic, Hebrew and South-East Asian scripts.
_MARKS = "".join(
    mark
    for mark in map(chr, (*range(0x300, 0x1C00), 0x3099, 0x309A))
    if unicodedata.category(mark)[0] == "M" and not re.match(f"[{_UNSPACED}]", mark)
)
_TOKEN = re.compile(
    rf"(?P<initials>\b(?:[A-Z]\.){{2,}}(?:[A-Z]\b)?)"
    rf"|(?P<number>\d{{1,3}}(?:[,.]\d{{3}})+(?!\d)|\d+(?:[.,]\d+)?)(?P<unit>(?:(?![{_UNSPACED}])[^\W\d_])*)"
    rf"|(?P<unspaced>[{_UNSPACED}]+)"
    rf"|(?P<word>(?:(?![{_UNSPACED}])[^\W\d_]|[{_MARKS}])(?:(?![{_UNSPACED}])[^\W_]|[{_MARKS}]|['\u2019](?=[^\W\d_]))*)"
)
# Spaces between thousands, which NFKC would make plain ones.
_THIN = re.compile("(?<=\\d)[\u00a0\u202f](?=\\d{3}(?!\\d))")
_LONGEST = 40
_ACCENTS = re.compile("[\u0300-\u036f]")
_ELISION = re.compile("^(?:l|d|j|m|t|s|c|n|qu|jusqu|lorsqu|puisqu|dell|nell|all|dall|sull|un|quest)['\u2019](?=.{3})")

# The same for text of ASCII alone, several times as fast: most of what is read is that, but for its typography.
_ASCII_TOKEN = re.compile(
    r"(?P<initials>\b(?:[A-Z]\.){2,}(?:[A-Z]\b)?)"
    r"|(?P<number>\d{1,3}(?:[,.]\d{3})+(?!\d)|\d+(?:[.,]\d+)?)(?P<unit>[A-Za-z]*)"
    r"|(?P<word>[A-Za-z][A-Za-z0-9]*(?:'[A-Za-z][A-Za-z0-9]*)*)"
)
_TYPOGRAPHY = (("\u2019", "'"), *((sign, " ") for sign in "\u2018\u201c\u201d\u2013\u2014\u2026\u2022"))
_ANY_UNSPACED = re.compile(f"[{_UNSPACED}]")
# Without groups a match is a plain string, which is what makes a text of many words quick.
_TOKENS, _ASCII_TOKENS = (re.compile(re.sub(r"\?P<\w+>", "?:", each.pattern)) for each in (_TOKEN, _ASCII_TOKEN))
_ASCII_TOKENS = re.compile(rf"[a-z][A-Za-z0-9]*(?:'[A-Za-z][A-Za-z0-9]*)*|{_ASCII_TOKENS.pattern}")  # the most, first
_SPACED_TOKENS = re.compile(_TOKENS.pattern.replace(f"(?![{_UNSPACED}])", ""))

STOP_WORDS = frozenset(
    # English
    "a about after again against all also am an and any are as at be because been before being between both but "
    "by can could did do does doing down during each few for from further had has have having he her here hers "
    "him his how i if in into is it its itself just me more most my no nor not now of off on once only or other "
    "our ours out over own said same say says she should so some such than that the their theirs them then there "
    "these they this those through to too under until up upon us very was we were what when where which while who "
    "whom whose why will with would you your yours "
    # German
    "aber als am an auch auf aus bei bin bis das dass dem den der des die doch ein eine einem einen einer eines "
    "er es für hat hatte ich ihr im in ist ja kann mit nach nicht noch nur ob oder sein sich sie sind so über um "
    "und uns vom von vor war was wer wie wird wir zu zum zur "
    # French
    "au aux avec ce ces cette dans de des du elle en est et eux il ils je la le les leur leurs lui mais ne nous "
    "on ou où par pas pour qu que qui sa se ses son sont sur un une vous "
    # Spanish and Portuguese
    "al como con cuando del desde e el ella ellos entre es esta este esto estos fue ha hay la las lo los más mas "
    "muy no nos o para pero por que qué quien se ser si sin sobre son su sus también un una uno unos y ya ao aos "
    "as com da das do dos ela ele em foi isso mais na nas nem os ou pela pelo são seu sua um uma "
    # Italian
    "alla alle anche che chi ci con dal dalla degli dei del della delle di è gli il le lo ma nel nella non per "
    "più quella quello questa questo sono su sul sulla tra ".split()
)
_ACRONYMS = {"US": "usa", "USA": "usa", "UK": "uk", "EU": "eu", "UN": "un", "WHO": "who", "IT": "it", "AI": "ai"}
_stemmers = threading.local()


_Tokens = tuple[tuple[str, str], ...]


def terms(text: str) -> list[str]:
    """The terms of `text` in order, repeats kept. Never raises; nothing but letters, digits and marks comes out."""
    tokens, acronyms, seldom = _tokens(text)
    if acronyms and not seldom:
        return list(chain.from_iterable(map(_known.__getitem__, tokens)))
    return list(chain.from_iterable(_terms_of(token, acronyms) for token in tokens))


def words(text: str) -> list[str]:
    """The content words of `text`, folded but not stemmed, in order; runs of unspaced scripts whole."""
    tokens, acronyms, _ = _tokens(text)
    return [word for token in tokens for _, word in _read(token, acronyms)]


def _tokens(text: str) -> tuple[list[str], bool, bool]:
    """`text` cut up, whether its "US" is an acronym, and whether there are tokens in it that are seldom seen twice."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", _plain_signs(text))
    acronyms = not (text.isupper() and len(text.split(maxsplit=3)) > 3)  # a question may be "US" alone
    if text.isascii():
        return _ASCII_TOKENS.findall(text), acronyms, False
    seldom = _ANY_UNSPACED.search(text) is not None
    return (_TOKENS if seldom else _SPACED_TOKENS).findall(text), acronyms, seldom


def _plain_signs(text: str) -> str:
    if "\u00a0" in text or "\u202f" in text:
        text = _THIN.sub("", text)
    for sign, plain in _TYPOGRAPHY:
        if sign in text:
            text = text.replace(sign, plain)
    return text


def _read(token: str, acronyms: bool) -> _Tokens:
    """One token of the text as (kind, token): a number with its unit comes to two. `acronyms`: whether "US" is one."""
    match = _TOKEN.fullmatch(token)
    kind = match.lastgroup if match else None
    if match is None or kind == "word":
        if acronyms and token in _ACRONYMS:
            return (("exact", _ACRONYMS[token]),)
        word = _fold(token)
        return (("word", word),) if word and word not in _STOPPED else ()
    if kind == "unspaced":
        return ((kind, token),)
    if kind == "initials":
        joined = token.replace(".", "")
        return (("exact", _ACRONYMS.get(joined, joined.casefold()[:_LONGEST])),)
    number = ("exact", _number(match["number"])[:_LONGEST])
    if match["unit"] and match["unit"].casefold() not in ("st", "nd", "rd", "th"):
        return number, ("word", _fold(match["unit"]))
    return (number,)


class _Known(dict[str, tuple[str, ...]]):
    """The terms of tokens met before: a language has few words, and most of a text are the same few hundred."""

    def __missing__(self, token: str) -> tuple[str, ...]:
        found = _terms_of(token, True)
        if len(token) <= _LONGEST:
            if len(self) >= 1 << 16:
                self.clear()
            self[token] = found
        return found


_known = _Known()


def _terms_of(token: str, acronyms: bool) -> tuple[str, ...]:
    out: list[str] = []
    for kind, word in _read(token, acronyms):
        if kind == "unspaced":
            out.extend(_pairs(word))
        else:
            out.append(_stem(word) if kind == "word" else word)
    return tuple(out)


def _fold(token: str) -> str:
    token = token.casefold()
    if not token.isascii():
        token = unicodedata.normalize("NFC", _ACCENTS.sub("", unicodedata.normalize("NFD", token)))
    token = _ELISION.sub("", token)
    for possessive in ("'s", "\u2019s"):
        token = token.removesuffix(possessive)
    return token.replace("'", "").replace("\u2019", "")


_STOPPED = frozenset(_fold(word) for word in STOP_WORDS)


def _number(digits: str) -> str:
    """1,200 and 1.200 and 1200 are one number; 1.2 and 1,2 are another, written 1x2."""
    groups = re.split("[,.]", digits)
    if len(groups) > 1 and all(len(group) == 3 for group in groups[1:]) and groups[0] != "0":
        return "".join(groups)
    return "x".join(groups)


def _pairs(run: str) -> list[str]:
    return [run] if len(run) == 1 else [run[i : i + 2] for i in range(len(run) - 1)]


def _stem(word: str) -> str:
    if not word.isascii() or len(word) > _LONGEST:
        return word[:_LONGEST]
    stemmer = getattr(_stemmers, "english", None)
    if stemmer is None:  # one a thread: the C object is not safe to share
        stemmer = _stemmers.english = Stemmer.Stemmer("english", 0)
    stemmed: str = stemmer.stemWord(word)
    return stemmed


_ABBREVIATIONS = frozenset(
    "mr mrs ms dr prof st sr jr gen gov sen rep lt col sgt capt rev hon pres no vs etc inc ltd co corp dept est "
    "fig vol jan feb mar apr jun jul aug sep sept oct nov dec mon tue wed thu fri sat sun approx ca cf al e.g i.e "
    "u.s u.k u.n d.c bzw z.b d.h ggf usw nr art sra dra ud pág mm mme mlle ".split()
)
_ENDS = re.compile(
    # Only where a run of marks begins: else a feed's ten thousand dots would be looked at from each of them.
    "(?P<latin>(?<![.!?\u2026\u061f\u06d4\u0964])[.!?\u2026\u061f\u06d4\u0964]+[\"'\u2019\u201d\u00bb)\\]]*)(?=\\s)"
    "|(?P<wide>[\u3002\uff01\uff1f]+[\u300d\u300f\u201d\u2019\uff09]*)"
    "|(?P<line>\\n\\s*)"
)
_LAST_WORD = re.compile(r"(\S+)$")
_OPENING = "\"'\u2018\u201c\u00ab([\u300c\u300e"


def sentences(text: str) -> list[str]:
    """Cut `text` into sentences, stripped, in order. Any script; abbreviations, initials and decimals stay whole."""
    out: list[str] = []
    start = 0
    for match in _ENDS.finditer(text):
        if match["latin"] and not _ends_here(text, start, match):
            continue
        sentence = text[start : match.end()].strip()
        if sentence:
            out.append(sentence)
        start = match.end()
    rest = text[start:].strip()
    if rest:
        out.append(rest)
    return out


def _ends_here(text: str, start: int, match: re.Match[str]) -> bool:
    following = text[match.end() : match.end() + 40].lstrip()
    if not following:
        return True
    first = following.lstrip(_OPENING)[:1]
    if first.islower():
        return False
    if match["latin"][0] != "." or len(match["latin"].rstrip("\"'\u2019\u201d\u00bb)]")) > 1:
        return True
    last = _LAST_WORD.search(text[max(start, match.start() - 40) : match.start()])
    word = last.group(1).lstrip(_OPENING) if last else ""
    if word.casefold() in _ABBREVIATIONS:
        return False
    return not (len(word) == 1 and word.isalpha() and word.isupper())  # an initial: "J. Smith"
