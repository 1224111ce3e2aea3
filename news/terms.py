"""Text -> terms, the same for documents and questions, in every script. Pure.

A term is a normalised, stemmed word of letters and digits: compatibility forms and case folded, accents of Latin and
Greek off, possessives and elisions off, initials joined ("U.S." and "US" are "usa"), thousands joined, signs and units
written out ("$5bn" is "5 billion dollars"). Function words are left out and stems made by Snowball's rules for the
language that the text itself shows, which is English where it shows none. A question has no language of its own for
certain: `forms` gives each of its words as every language in question would have stemmed it.

Scripts without spaces (Chinese, Japanese, Thai, Khmer, Lao, Burmese) become overlapping pairs of characters. A change
of what comes out must raise `ANALYSIS`.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import chain

import Stemmer

ANALYSIS = "3"
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
    rf"(?P<sign>(?:\b(?:US|HK|NZ|[ACS]))?\$|[€£¥₹%])"
    rf"|(?P<initials>\b(?:[A-Z]\.){{2,}}(?:[A-Z]\b)?)"
    rf"|(?P<number>\d{{1,3}}(?:[,.]\d{{3}})+(?!\d)|\d+(?:[.,]\d+)?)(?P<unit>(?:(?![{_UNSPACED}])[^\W\d_])*)"
    rf"|(?P<unspaced>[{_UNSPACED}]+)"
    rf"|(?P<word>(?:(?![{_UNSPACED}])[^\W\d_]|[{_MARKS}])(?:(?![{_UNSPACED}])[^\W_]|[{_MARKS}]|"
    rf"['\u2019](?=[^\W\d_]))*)"
)
# Spaces between thousands, which NFKC would make plain ones.
_THIN = re.compile("(?<=\\d)[\u00a0\u202f](?=\\d{3}(?!\\d))")
_LONGEST = 40
_ACCENTS = re.compile("[\u0300-\u036f]")
_ELISION = re.compile("^(?:l|d|j|m|t|s|c|n|qu|jusqu|lorsqu|puisqu|dell|nell|all|dall|sull|un|quest)['\u2019](?=.{3})")

# The same for text of ASCII alone, several times as fast: most of what is read is that, but for its typography.
_ASCII_TOKEN = re.compile(
    r"(?P<sign>(?:\b(?:US|HK|NZ|[ACS]))?\$|%)"
    r"|(?P<initials>\b(?:[A-Z]\.){2,}(?:[A-Z]\b)?)"
    r"|(?P<number>\d{1,3}(?:[,.]\d{3})+(?!\d)|\d+(?:[.,]\d+)?)(?P<unit>[A-Za-z]*)"
    r"|(?P<word>[A-Za-z][A-Za-z0-9]*(?:'[A-Za-z][A-Za-z0-9]*)*)"
)
_TYPOGRAPHY = (("\u2019", "'"), *((sign, " ") for sign in "\u2018\u201c\u201d\u2013\u2014\u2026\u2022"))
_ANY_UNSPACED = re.compile(f"[{_UNSPACED}]")
# Without groups a match is a plain string, which is what makes a text of many words quick.
_TOKENS, _ASCII_TOKENS = (re.compile(re.sub(r"\?P<\w+>", "?:", each.pattern)) for each in (_TOKEN, _ASCII_TOKEN))
_ASCII_TOKENS = re.compile(rf"[a-z][A-Za-z0-9]*(?:'[A-Za-z][A-Za-z0-9]*)*|{_ASCII_TOKENS.pattern}")  # the most, first
_SPACED_TOKENS = re.compile(_TOKENS.pattern.replace(f"(?![{_UNSPACED}])", ""))

_FUNCTION_WORDS = {
    "en": "a about after again against all also am an and any are as at be because been before "
    "being between both but "
    "by can could did do does doing down during each few for from further had has have having he her here hers "
    "him his how i if in into is it its itself just me more most my no nor not now of off on once only or other "
    "our ours out over own said same say says she should so some such than that the their theirs them then there "
    "these they this those through to too under until up upon us very was we were what when where which while who "
    "whom whose why will with would you your yours",
    "de": "aber als am an auch auf aus bei bin bis das dass dem den der des die doch ein eine "
    "einem einen einer eines "
    "er es für gegen hat hatte ich ihr im in ist ja kann keine mit nach nicht noch nur ob oder sein sich sie sind so "
    "über um und uns vom von vor war warum was welche wer werden wie wird wir wurde zu zum zur zwischen",
    "fr": "au aux avec ce ces cette comment contre dans de des du elle en est et eux il ils je la le les leur leurs "
    "lui mais ne nous on ont ou où par pas plus pour pourquoi qu que quel quelle qui sa se ses son sont sur un une "
    "vous",
    "es": "al como con contra cuando cuál de del desde dónde e el ella ellos en entre es esta este esto estos fue "
    "ha hay la las lo los más mas muy no nos o para pero por porque que qué quién quien se ser si sin sobre son su "
    "sus también tras un una uno unos y ya",
    "pt": "ao aos as com como contra da das de do dos e ela ele em entre foi isso mais mas na nas "
    "nem no nos não o os "
    "ou para pela pelo por porque qual quando que quem se seu sua são também um uma",
    "it": "al alla alle anche che chi ci come con contro cosa da dal dalla degli dei del della delle di dopo e è gli "
    "ha i il in la le lo ma nel nella non per perché più quale quando quella quello questa questo "
    "si sono su sul sulla "
    "tra un una uno",
    "nl": "aan als bij dan dat de deze die dit door een en er had heeft het hij hoe ik in is maar "
    "met na naar niet nog "
    "of om ook op over te tegen tot uit van veel voor waarom was wat welke werd wie wordt ze zich zijn zij zo",
    "sv": "att av de den det du efter en ett från för han har hon hur i in inte jag kan man med "
    "men mot när och om på "
    "sig sin som till under ut vad var varför vid vilka är över",
}
LANGUAGES = tuple(_FUNCTION_WORDS)
FUNCTION_WORDS = frozenset(word for listed in _FUNCTION_WORDS.values() for word in listed.split())
"""Of all of them together."""
"""The ISO codes of the languages whose function words and stems are known."""
_STEMMERS = {
    "en": "english", "de": "german", "fr": "french", "es": "spanish", "pt": "portuguese", "it": "italian",
    "nl": "dutch", "sv": "swedish", "ru": "russian", "el": "greek", "ar": "arabic",
}  # fmt: skip
# Words in these scripts are stemmed alike, whatever the text's language: uk and bg, fa and ur lose little by it.
_SCRIPTS = (
    (re.compile("[\u0400-\u052f]"), "ru"),
    (re.compile("[\u0370-\u03ff]"), "el"),
    (re.compile("[\u0620-\u06ff]"), "ar"),
)
_SIGNS = {"$": "dollar", "€": "euro", "£": "pound", "¥": "yen", "₹": "rupee", "%": "percent"}
# What follows a number at once or after a space, and what stands after it alone.
_SHORT_UNITS = {"bn": "billion", "b": "billion", "m": "million", "mn": "million", "k": "thousand", "tn": "trillion"}
_UNITS = {
    "bn": "billion", "mrd": "billion", "milliarde": "billion", "milliarden": "billion", "milliard": "billion",
    "milliards": "billion", "miliardi": "billion", "miliardo": "billion", "miljard": "billion", "miljarder": "billion",
    "bilhao": "billion", "bilhoes": "billion", "mio": "million", "mln": "million", "millionen": "million",
    "millones": "million", "millions": "million", "milioni": "million", "milhoes": "million", "miljoen": "million",
    "miljoner": "million", "trn": "trillion", "pct": "percent", "prozent": "percent", "usd": "dollar", "eur": "euro",
    "gbp": "pound",
}  # fmt: skip
# One word to some, two to others: "by-election", "co-operate", "cease-fire".
_HYPHENATED = re.compile(
    r"\b(by(?=-elect)|cease(?=-fire)|co(?=-op|-ord)|e(?=-mail)|re(?=-elect|-open))[-\u2010\u2011]", re.IGNORECASE
)
_PER_CENT = re.compile(r"\bper cent\b", re.IGNORECASE)
_ACRONYMS = {"US": "usa", "USA": "usa", "UK": "uk", "EU": "eu", "UN": "un", "WHO": "who", "IT": "it", "AI": "ai"}
_stemmers = threading.local()


_Tokens = tuple[tuple[str, str], ...]


def terms(text: str, language: str = "") -> list[str]:
    """The terms of `text` in order, repeats kept, by the rules of a language, else of the one it shows.

    Never raises; nothing but letters, digits and marks comes out.
    """
    tokens, acronyms, seldom = _tokens(text)
    language = language or _shown(tokens)
    if acronyms and not seldom:
        return list(chain.from_iterable(map(_known[language].__getitem__, tokens)))
    return list(chain.from_iterable(_terms_of(token, acronyms, language) for token in tokens))


def indexed(title: str, text: str) -> tuple[str, str]:
    """The terms of an article's title and of its text, each joined by spaces, by the language that both show."""
    language = language_of(f"{title} {text[:2_000]}")
    return " ".join(terms(title, language)), " ".join(terms(text, language))


def forms(text: str, languages: Iterable[str] = ()) -> list[tuple[str, ...]]:
    """Each term of `text` with what else its word is called, and what other languages would have made of it, in order.

    `languages` are ISO codes (of what is searched); those without rules of their own here add nothing.
    """
    tokens, acronyms, _ = _tokens(text)
    own = _shown(tokens)
    others = [code for code in dict.fromkeys(languages) if code in _FUNCTION_WORDS and code != own]
    out: list[tuple[str, ...]] = []
    for token in tokens:
        found = _terms_of(token, acronyms, own)
        if len(found) != 1:
            out.extend((term,) for term in found)
            continue
        further = (_terms_of(token, acronyms, code) for code in others)
        alike = _others().get(found[0], ())
        out.append(tuple(dict.fromkeys([*found, *(each[0] for each in further if len(each) == 1), *alike])))
    return out


@cache
def _others() -> dict[str, tuple[str, ...]]:
    """The English terms of words that are called alike."""
    groups = [tuple(dict.fromkeys(_stem(word, "en") for word in line.split())) for line in _ALIKE.split("\n") if line]
    return {term: group for group in groups for term in group}


def words(text: str) -> list[str]:
    """The content words of `text`, folded but not stemmed, in order; runs of unspaced scripts whole."""
    tokens, acronyms, _ = _tokens(text)
    language = _shown(tokens)
    return [word for token in tokens for _, word in _read(token, acronyms, language)]


def language_of(text: str) -> str:
    """The ISO code of the language whose function words `text` shows, "en" where it shows none that is known here."""
    return _shown(_tokens(text)[0])


def _shown(tokens: Sequence[str]) -> str:
    english = sum(map(_SHOWN["en"].__contains__, tokens))
    if (english > 3 and english * 5 >= len(tokens)) or len(tokens) < 2:
        return "en"
    counts = {code: sum(map(shown.__contains__, tokens)) for code, shown in _SHOWN.items()}
    best = max(counts, key=counts.__getitem__)  # the first of equals, so English before all
    return best if counts[best] >= 2 else "en"


def _tokens(text: str) -> tuple[list[str], bool, bool]:
    """`text` cut up, whether its "US" is an acronym, and whether there are tokens in it that are seldom seen twice."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", _plain_signs(text))
    acronyms = not (text.isupper() and len(text.split(maxsplit=3)) > 3)  # a question may be "US" alone
    if "-" in text or "\u2010" in text:  # NFKC makes one of the two hyphens the other
        text = _HYPHENATED.sub("\\1", text)
    if " cent" in text or " CENT" in text:
        text = _PER_CENT.sub("percent", text)
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


def _read(token: str, acronyms: bool, language: str) -> _Tokens:
    """One token of the text as (kind, token): a number with its unit comes to two. `acronyms`: whether "US" is one."""
    match = _TOKEN.fullmatch(token)
    kind = match.lastgroup if match else None
    if match is None or kind == "word":
        if acronyms and token in _ACRONYMS:
            return (("exact", _ACRONYMS[token]),)
        word = _fold(token)
        return (("word", _UNITS.get(word, word)),) if word and word not in _STOPPED[language] else ()
    if kind == "unspaced":
        return ((kind, token),)
    if kind == "sign":
        return (("word", _SIGNS[token[-1]]),)
    if kind == "initials":
        joined = token.replace(".", "")
        return (("exact", _ACRONYMS.get(joined, joined.casefold()[:_LONGEST])),)
    number = ("exact", _number(match["number"])[:_LONGEST])
    unit = _fold(match["unit"])
    if unit and unit not in ("st", "nd", "rd", "th"):
        return number, ("word", _SHORT_UNITS.get(unit) or _UNITS.get(unit, unit))
    return (number,)


class _Known(dict[str, tuple[str, ...]]):
    """The terms of tokens met before: a language has few words, and most of a text are the same few hundred."""

    def __init__(self, language: str) -> None:
        super().__init__()
        self.language = language

    def __missing__(self, token: str) -> tuple[str, ...]:
        found = _terms_of(token, True, self.language)
        if len(token) <= _LONGEST:
            if len(self) >= 1 << 16:
                self.clear()
            self[token] = found
        return found


_known = {code: _Known(code) for code in _FUNCTION_WORDS}


def _terms_of(token: str, acronyms: bool, language: str) -> tuple[str, ...]:
    out: list[str] = []
    for kind, word in _read(token, acronyms, language):
        if kind == "unspaced":
            out.extend(_pairs(word))
        else:
            out.append(_stem(word, language) if kind == "word" else word)
    return tuple(out)


def _fold(token: str) -> str:
    token = token.casefold()
    if not token.isascii():
        bare = _ACCENTS.sub("", unicodedata.normalize("NFD", token.replace("й", "\ue000")))  # й is a letter of its own
        token = unicodedata.normalize("NFC", bare.replace("\ue000", "й"))
    token = _ELISION.sub("", token)
    for possessive in ("'s", "\u2019s"):
        token = token.removesuffix(possessive)
    return token.replace("'", "").replace("\u2019", "")


_STOPPED = {code: frozenset(map(_fold, listed.split())) for code, listed in _FUNCTION_WORDS.items()}
_SHOWN = {
    code: frozenset(
        shape
        for word in {*listed.split(), *_STOPPED[code]}
        for shape in (word, word.capitalize(), word.upper())
        if len(shape) > 1 and shape not in _ACRONYMS
    )
    for code, listed in _FUNCTION_WORDS.items()
}


def _number(digits: str) -> str:
    """1,200 and 1.200 and 1200 are one number; 1.2 and 1,2 are another, written 1x2."""
    groups = re.split("[,.]", digits)
    if len(groups) > 1 and all(len(group) == 3 for group in groups[1:]) and groups[0] != "0":
        return "".join(groups)
    return "x".join(groups)


def _pairs(run: str) -> list[str]:
    return [run] if len(run) == 1 else [run[i : i + 2] for i in range(len(run) - 1)]


def _stem(word: str, language: str) -> str:
    if len(word) > _LONGEST:
        return word[:_LONGEST]
    if not word.isascii():
        language = next((code for letters, code in _SCRIPTS if letters.search(word)), language)
    stemmer = _stemmers.__dict__.get(language)
    if stemmer is None:  # one a thread: the C object is not safe to share
        stemmer = _stemmers.__dict__[language] = Stemmer.Stemmer(_STEMMERS[language], 0)
    stemmed: str = stemmer.stemWord(word)
    return stemmed[:_LONGEST] or word


ASKING = frozenset(
    term
    for word in (
        "happen happens happened happening latest recent recently new news newest tell told today "
        "yesterday week month now "
        "update updates report reports reported reporting story stories article articles headline "
        "headlines outlet outlets "
        "source sources explain summary summarise summarize describe give know known going please say "
        "many much long ago "
        "question answer think mean means become exactly actually currently go anything something everything else "
        "passiert geschehen neues nachrichten neueste bericht berichte aktuell artikel erzähle zeige heute gestern "
        "nouvelles actualités dernières aujourd'hui article articles quoi quelles "
        "noticias últimas hoy ayer qué cuáles cuántos notizie ultime oggi successo notícias hoje aconteceu "
        "nieuws laatste vandaag gebeurd "
        "ニュース 最新 最近 今日 昨日 今週 記事 報道 情報 状況 説明 要約 教え 何が 何で 何を 何 "
        "新闻 今天 昨天 报道 情况 什么"
    ).split()
    for term in terms(word)
)
"""What words that ask for news, or for an answer, come to: what a question is about is in its other terms."""

# What headlines and readers call alike: countries and their people, and a few words of every day. One line a group.
_ALIKE = """
america american americans usa
britain british briton britons uk
europe european eu
france french
germany german germans
spain spanish spaniard
italy italian italians
portugal portuguese
netherlands dutch holland
belgium belgian
switzerland swiss
austria austrian
poland polish poles
czech czechia
hungary hungarian
romania romanian
bulgaria bulgarian
greece greek greeks
turkey turkish turks turkiye
serbia serbian serbs
croatia croatian
albania albanian albanians
denmark danish danes
sweden swedish swedes
norway norwegian
finland finnish finns
iceland icelandic
ireland irish
scotland scottish scots
wales welsh
latvia latvian
lithuania lithuanian
estonia estonian
russia russian russians
ukraine ukrainian ukrainians
belarus belarusian
armenia armenian
georgia georgian
israel israeli israelis
palestine palestinian palestinians
lebanon lebanese
syria syrian syrians
jordan jordanian
iraq iraqi
iran iranian iranians
saudi saudis
emirates emirati uae
qatar qatari
yemen yemeni
egypt egyptian
libya libyan
tunisia tunisian
algeria algerian
morocco moroccan
sudan sudanese
ethiopia ethiopian
somalia somali
kenya kenyan kenyans
uganda ugandan
rwanda rwandan
congo congolese
nigeria nigerian nigerians
ghana ghanaian ghanaians
senegal senegalese
mali malian
zimbabwe zimbabwean
india indian indians
pakistan pakistani
bangladesh bangladeshi
afghanistan afghan afghans
nepal nepali nepalese
china chinese
taiwan taiwanese
japan japanese
korea korean koreans
vietnam vietnamese
thailand thai
philippines philippine filipino filipinos
indonesia indonesian
malaysia malaysian
singapore singaporean
myanmar burma burmese
australia australian australians
zealand zealander
canada canadian canadians
mexico mexican mexicans
cuba cuban cubans
honduras honduran
venezuela venezuelan venezuelans
colombia colombian
peru peruvian
bolivia bolivian
chile chilean
argentina argentine argentinian
brazil brazilian brazilians
quake earthquake
premier pm
film movie
football soccer
plane aircraft jet
sub submarine
reporter journalist
cop police
kid child
"""

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
