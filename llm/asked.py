"""A question -> what it asks for: a number of something, a sum, an age, a name, a place, a reason. Pure, English.

`read_question` gives the kind of thing that would answer, the noun that it is asked of ("seats" in "how many seats"),
what is said to have happened (its verb), and all words that an article on it would hold. `holds` says whether a
sentence has something of that kind which is not in the question itself. What the tables do not know is left open.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from llm.evidence import Text, hits
from llm.facts import Day, Number, Token, read
from llm.lexicon import COMMON, NATION, NEAR, OPPOSITE, PLACES, is_irregular, stem
from news.terms import ASKING, terms

Kind = Literal[
    "age", "span", "count", "amount", "score", "name", "reason", "which", "person", "place", "time", "yes", "open"
]
"""open: what would answer has no form that could be looked for ("what did he say", "how do the papers differ")."""

LONGEST_QUESTION = 600
"""Characters of a question that are read."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a question asks for. `words` are what an article on it would hold, `nouns` what the asking word stands with.

    `text` is the question as it was read: what is said in two words ("call off") stands in it as one.
    """

    text: str
    kind: Kind
    nouns: tuple[Token, ...]
    verb: Token | None
    words: tuple[Token, ...]
    tokens: tuple[Token, ...]

    @property
    def is_generic(self) -> bool:
        """Whether it asks of nothing in particular, or of people, who have many names."""
        return not self.nouns or self.nouns[0].key in _GENERIC | _SHARES | _COLOUR


def _stems(words: str) -> frozenset[str]:
    return frozenset(map(stem, words.split()))


# By the first that fits where the first asking word stands.
_KINDS: tuple[tuple[Kind, str], ...] = (
    ("age", r"how old|what age"),
    ("span", r"how long|how many (?:years|months|weeks|days|hours|minutes)"),
    ("count", r"how many|what number of"),
    ("amount", r"how (?:much|far|fast|high|big|large|tall|heavy|deep|wide|hot|cold|strong)"),
    (
        "amount",
        r"what(?= (?:is|was|are|does|did|do|will)\b.{3,70}\b(?:costs?|price|fees?|fine|budget|turnout|rate|worth|"
        r"paid|pay|value|salary|earn)\b)",
    ),
    ("score", r"what(?:['’]s| is| was) the (?:score|result)"),
    ("name", r"what(?:['’]s| is| was| are| were) (?:the |his |her |their )?(?:full |real )?names?"),
    ("name", r"(?:what|how)(?= .{2,80}\b(?:called|named)\b)"),
    ("reason", r"why|how come|what (?:caused|made|led)|what(?= .*\bdie of\W*$)"),
    (
        "which",
        r"which|what(?! (?:is|was|are|were|do|does|did|has|have|had|will|would|can|could|should|may|must|might|the|"
        r"exactly|happen\w*)\b)(?= [a-z]{2,}\b(?!['’]s))",
    ),
    ("person", r"who(?:m|se|['’]s)?"),
    ("place", r"where"),
    ("time", r"when"),
)
_KIND = tuple((kind, re.compile(rf"(?:{pattern})(?!\w)", re.IGNORECASE)) for kind, pattern in _KINDS)
_WH = re.compile(r"\b(?:how|what|which|who|whom|whose|where|when|why)\b", re.IGNORECASE)
_LEAD = re.compile(
    r"\W*(?:(?:and|but|so) )?(?:is|are|was|were|do|does|did|has|have|had|will|would|can|could|should|must|may)\b",
    re.IGNORECASE,
)
# "Was" begins a question in German too, "is" one in Dutch; then another word must show that it is English.
_ALSO_ELSEWHERE = re.compile(r"\W*(?:was|is|has|had|will|do)\b", re.IGNORECASE)
_ONLY_ENGLISH = re.compile(
    r"\b(?:the|any|anyone|anybody|there|he|she|they|it|his|her|their|this|of|to|for|by|with|from|still|been|being)\b",
    re.IGNORECASE,
)
_AND_WH = re.compile(r"\band (?:who|what|where|when|why|how|which)\b", re.IGNORECASE)
_COMPARED = re.compile(r"\b(?:outlets|papers|differ\w*|cover(?:ed|age)|media|compare\w*)\b", re.IGNORECASE)
# What is said in two words, as one that the tables know.
_PHRASES = tuple(
    (re.compile(rf"\b{pattern}\b", re.IGNORECASE), word)
    for pattern, word in (
        (r"call(?:ed|ing)?((?: [\w-]+){0,4}) off", r"cancel\1"),
        (r"call(?:ed|ing)?((?: [\w-]+){1,5}) (?:back|home)", r"recall\1"),
        (r"pass(?:ed)? away", "die"),
        (r"turn(?:ed)? down", "reject"),
        (r"turn(?:ed)? ((?:[\w'’-]+ ){1,4})down", r"reject \1"),
        (r"(?:step(?:ped)?|stand|stood) down", "resign"),
        (r"thr(?:ow|ew|own) out", "expel"),
        (r"pull(?:ed)? out", "withdraw"),
        (r"la(?:y|id) off", "sack"),
        (r"bl(?:ow|own|ew) up", "destroy"),
        (r"carr(?:y|ied) out", "conduct"),
        (r"sen(?:d|t)((?: [\w-]+){1,3}) home", r"dismiss\1"),
        (r"walk(?:ed)? out", "leave"),
        (r"(?:leave|left)((?: [\w-]+){1,3}) (?:at home|out|behind)", r"omit\1"),
        (r"t(?:ake|ook) over", "succeed"),
        (r"c(?:ome|ame) up with", "propose"),
    )
)
_AUXILIARY = frozenset(
    "is are was were be been do does did has have had will would can could may might must should".split()
)
_DOING = frozenset("did do does will must can would".split())
_CLAUSE = re.compile(r"\b(?:after|because|when|while|since|that|who|which|where|as|if)\b", re.IGNORECASE)
_ROLE = re.compile(
    r"\b(?:who|what)(?: is| was| are| were|['’]s) (?:the |a |his |her |their |its )?"
    r"(?P<noun>(?:[\w-]+ ){0,2}?[\w-]+)(?= (?:of|for|in|on|behind)\b|\W*$)",
    re.IGNORECASE,
)
_DAYS, _TOWNS = _stems("day date month year"), _stems("city country town place state village region district")
# Words that are in a question and seldom in its answer.
_ASIDE = _stems(
    "name call old long many much far fast high big kind sort exactly amount reason new still back another again "
    "longer want need badly away easier now first last according anyone anybody thought said make do get go take give "
    "have come put keep use become try let be happen stand look"
)
_SHARES = _stems("share percentage proportion")
_COLOUR, _COLOURS = (
    _stems("colour color"),
    _stems("blue red green black white yellow orange purple pink gold silver brown grey"),
)
_GENERIC = _stems("people person man men woman human") | {"men"}
_PEOPLE = frozenset(NATION) | {"men"} | _stems(
    "people person man woman child citizen resident passenger worker student pupil driver soldier officer fan victim "
    "patient protester migrant refugee boy girl player member employee visitor tourist prisoner hostage casualty "
    "fatality arrest family"
)  # fmt: skip
_WHO_DO = re.compile(r"(?:[eo]rs|ists|ians|ees|men|women)$", re.IGNORECASE)  # dockers, activists
_MONEY = re.compile(
    r"\b(?:costs?|price|pays?|paid|worth|money|cash|ransom|fines?|fees?|bail|tickets?|dollars?|euros?|pounds?|sell|sold|"
    r"sale|spend|spent|earn|salary|budget|prize|award\w*|buy\w*|bought|loan|fund\w*|invest\w*)\b",
    re.IGNORECASE,
)
_SUM = re.compile(
    r"[$€£¥₹]\s?\d|\b(?:Rs|N|R|RM|Sh)\.?\s?\d|\d\s?(?:m|mn|bn|b|tn|k|lakh|crore)\b|\b(?:million|billion|trillion|crore|lakh)s?\b",
    re.IGNORECASE,
)
_CURRENCIES = frozenset("dollar pound euro yen rupee yuan rouble peso naira franc lira won real percent points".split())
_MEASURED = (
    (re.compile(r"\bhow fast\b", re.IGNORECASE), frozenset({"kilometre", "mile", "metre"})),
    (re.compile(r"\bhow heavy\b|\bweigh", re.IGNORECASE), frozenset({"kilogram", "gram", "tonne"})),
    (re.compile(r"\bhow (?:tall|deep|wide)\b", re.IGNORECASE), frozenset({"metre", "centimetre", "foot", "inch"})),
)
_SPANS = frozenset("second minute hour day week month year decade".split())
_SPAN = re.compile(r"\d-?(?:year|day|week|month|hour|minute)", re.IGNORECASE)
_PAPER = re.compile(
    r"\b(?:contract|document|report|book|letter|agreement|memo|treaty|draft|text|plan|law|bill)\b", re.I
)
_PRISON = re.compile(r"\b(?:prison|jail\w*|sentence\w*)\b", re.IGNORECASE)
_AGE = re.compile(
    r"\baged?\s+\d|\bat (?:the age of )?\d{1,3}\b|\b\d{1,3}[- ]years?[- ]old|,\s*\d{1,3}\b|"
    r"\b\d{1,3}(?:th|st|nd|rd) birthday|\bturn(?:s|ed|ing)? \d|"
    r"\b(?:teen|toddler|baby|infant|one|two|three|four|five|six|seven|eight|nine|ten)[- ]year|"
    r"\b(?:now|is) (?:\d{1,3}|one|two|three|four|five|six|seven|eight|nine|ten)\b",
    re.IGNORECASE,
)
_SCORE = re.compile(r"\b\d{1,3}\s?[-–:]\s?\d{1,3}\b|goalless|\bdraw\b|\bbeat\b|\bdefeat", re.IGNORECASE)
_BECAUSE = re.compile(
    r"\b(?:because|after|over|due|following|follows?|amid|as|since|blam\w+|caus\w+|reasons?|protest\w*|retaliat\w+|"
    r"accus\w+|citing|cites?|in response|spark\w*|prompt\w*|trigger\w*|died? of|fear\w*|alleg\w+|so that|saying|says|"
    r"to|for|by|with|from)\b|[—–:]",
    re.IGNORECASE,
)
_DIED_OF = re.compile(r"\bdie[ds]? of\b", re.IGNORECASE)
_DEADLY = re.compile(
    r"\b(?:di(?:ed|es)|death|dead|killed)\b.{0,50}\b(?:of|from|after|by)\b (?!\d)|\b(?:cancer|heart|stroke|illness|"
    r"disease|cardiac)\b",
    re.IGNORECASE,
)
_PRONOUN = re.compile(r"\b(?:he|she|they|his|her|their)\b", re.IGNORECASE)
_BOUNDED = re.compile(r"\b(?:since|until|till) when\b", re.IGNORECASE)
_BEFORE_PLACES = frozenset("in at near from to of outside on off".split())


def read_question(question: str) -> Asked | None:
    """What an English question asks for, None if it shows no English word that asks."""
    text = " ".join(question[:LONGEST_QUESTION].split())
    for pattern, word in _PHRASES:
        text = pattern.sub(word, text)
    kind, begins, ends = _kind(text)
    if not ends:
        return None
    tokens = tuple(read(text))
    nouns = _nouns(kind, text, tokens, begins, ends)
    if kind == "which" and nouns:
        if nouns[0].key in _DAYS:
            kind, nouns = "time", ()
        elif any(noun.key in _TOWNS for noun in nouns):
            kind, nouns = "place", ()
    verb = _verb(kind, text, tokens, nouns, ends)
    told = [token for token in tokens if token in nouns or not begins <= token.start < ends]
    words = tuple(token for token in told if _tells(token, kind, nouns))
    return Asked(text, kind, nouns, verb, words, tokens)


def _kind(text: str) -> tuple[Kind, int, int]:
    """The kind, and where the words that ask begin and end; an end of 0 if there are none."""
    asks, lead = _WH.search(text), _LEAD.match(text)
    if asks and (not lead or _AND_WH.search(text)):
        found = next(((kind, m) for kind, rx in _KIND if (m := rx.match(text, asks.start()))), None)
        kind, match = found or ("open", asks)
        return ("open" if _COMPARED.search(text) else kind), match.start(), match.end()
    if lead and (_ONLY_ENGLISH.search(text) or not _ALSO_ELSEWHERE.match(text)):
        return ("open" if _COMPARED.search(text) else "yes"), lead.start(), lead.end()
    return "open", 0, 0


def _nouns(kind: Kind, text: str, tokens: Sequence[Token], begins: int, ends: int) -> tuple[Token, ...]:
    after = [token for token in tokens if token.start >= ends]
    if kind == "name":
        run = _first_run([token for token in after if token.key not in _ASIDE])
        return tuple([token for token in run if not _is_inflected(token.text)][-1:])
    if kind in ("count", "which") or (kind == "amount" and text[begins:ends].lower() == "how much"):
        if kind == "count" and after and after[0].text.lower() == "men":  # a function word of other languages
            return (after[0]._replace(kind="word", key="men", weight=0.6),)
        at = 0
        while kind != "amount" and at < min(4, len(after)) and _is_passed(after[at], kind):
            at += 1
        first = after[at] if at < len(after) else None
        if first is None or not (first.kind == "word" or (first.kind == "name" and kind == "count")):
            return ()
        second = after[at + 1] if at + 1 < len(after) else None
        kinds = ("word", "name") if kind == "count" else ("word",)
        joined = second is not None and second.kind in kinds and second.start - first.end <= 1 and kind != "amount"
        whole = kind == "count" and first.kind == "word" and (first.text.endswith("s") or first.key in _PEOPLE)
        return (first, second) if second and joined and not whole else (first,)
    if kind in ("person", "amount", "open") and (match := _ROLE.search(text)):
        held = [token for token in tokens if match.start("noun") <= token.start < match.end("noun")]
        return tuple(token for token in held[-1:] if token.kind == "word" and not token.text.endswith(("ing", "ed")))
    return ()


def _is_passed(token: Token, kind: Kind) -> bool:
    if token.text.lower() in _AUXILIARY:
        return False
    return token.kind in ("function", "number") or (kind == "which" and token.kind == "name")


def _verb(kind: Kind, text: str, tokens: Sequence[Token], nouns: Sequence[Token], ends: int) -> Token | None:
    """What is said to have happened, None if that cannot be told or tells nothing."""
    verb = None
    first = next((n for n, token in enumerate(tokens) if token.text.lower() in _AUXILIARY), None)
    if first is not None and tokens[first].text.lower() in _DOING:
        verb = next(iter(_first_run(tokens[first + 1 :])[::-1]), None)
    elif first is not None:
        clause = _CLAUSE.search(text, tokens[first].end)
        end = clause.start() if clause else len(text)
        inflected = [t for t in tokens[first + 1 :] if t.kind == "word" and t.end <= end and _is_inflected(t.text)]
        verb = inflected[-1] if inflected else None
    elif kind in ("person", "which", "count", "name"):
        verb = next((t for t in tokens if t.start >= ends and t.kind == "word" and t not in nouns), None)
    return verb if verb and verb not in nouns and verb.key not in _ASIDE and not _only_asks(verb) else None


def _first_run(tokens: Sequence[Token]) -> Sequence[Token]:
    """The first words in a row that are no names: "museum pay" of "the Spanish museum pay for"."""
    begins = next((n for n, token in enumerate(tokens) if token.kind == "word"), len(tokens))
    ends = next((n for n in range(begins, len(tokens)) if tokens[n].kind != "word"), len(tokens))
    return tokens[begins:ends]


def _is_inflected(word: str) -> bool:
    return word.lower().endswith(("ed", "ing")) or is_irregular(word)


def _only_asks(token: Token) -> bool:
    return next(iter(terms(token.text)), "") in ASKING


def _tells(token: Token, kind: Kind, nouns: Sequence[Token]) -> bool:
    """Whether an article that answers would hold this word of the question."""
    if token.kind == "function" or (isinstance(token.value, Day) and not _is_year(token.value)):
        return False  # the search has looked at the time that was asked for
    if (kind == "count" and token.key in _GENERIC) or (kind == "place" and token.key in _TOWNS):
        return False
    if kind == "amount" and _MONEY.fullmatch(token.text):
        return False
    return token in nouns or token.kind != "word" or not (token.key in _ASIDE or _only_asks(token))


def _is_year(day: Day) -> bool:
    return bool(day.year) and not day.month


def holds(asked: Asked, text: Text, sentence: int, at_nouns: Sequence[int], at_verb: Sequence[int]) -> float:
    """How far a sentence holds something of the kind that is asked for, and not in the question: 0, 1 or between.

    `at_nouns` and `at_verb` are the tokens of the text at which the nouns and the verb of the question are found.
    """
    begins, ends, first, last = text.spans[sentence]
    tokens, raw = text.tokens[first:last], text.raw[begins:ends]
    known = {token.key for token in asked.tokens}
    numbers = [
        (first + n, token)
        for n, token in enumerate(tokens)
        if isinstance(token.value, Number) and not token.value.ordinal and token.key not in known
    ]
    names = [first + n for n in _names(tokens) if tokens[n].key not in known]
    match asked.kind:
        case "age":
            return float(bool(_AGE.search(raw)))
        case "score":
            return float(bool(_SCORE.search(raw)))
        case "span":
            return float(_is_span(asked.text, raw, [token for _, token in numbers]))
        case "count":
            near = any(_counts(asked, tokens, at - first, at, at_nouns, at_verb) for at, _ in numbers)
            return 1.0 if near else _ELSEWHERE * bool(numbers)
        case "amount":
            return _amount(asked, raw, numbers, at_nouns)
        case "name":
            people = [at for at in names if not _is_place(text.tokens[at])]
            return 1.0 if _near(people, at_nouns, 3) else _APART * bool(people)
        case "person" if not names and sentence and _PRONOUN.search(raw):
            title = _title(text)
            return _MEANT * any(title[n].key not in known for n in _names(title))
        case "person":
            return float(bool(names))
        case "place":
            return float(any(_is_place(text.tokens[at]) or _stands_in(text, at, first) for at in names))
        case "which":
            if not asked.nouns:
                return 1.0
            if asked.nouns[0].key in _SHARES:
                return float(any(isinstance(t.value, Number) and t.value.unit == "percent" for _, t in numbers))
            if asked.nouns[0].key in _COLOUR:
                return float(any(token.key in _COLOURS for token in tokens))
            capitals = [first + n for n, token in enumerate(tokens) if _is_capital(token, n) and token.key not in known]
            numbered = [
                first + n for n, token in enumerate(tokens) if token.kind == "number" and token.key not in known
            ]
            if _near(capitals, at_nouns, 5) or _near(numbered, at_nouns, 3):
                return 1.0
            return _BARE * any(first <= at < last for at in at_nouns)
        case "reason":
            return float(bool((_DEADLY if _DIED_OF.search(asked.text) else _BECAUSE).search(raw)))
        case "time" if _BOUNDED.search(asked.text):
            return float(any(token.kind == "date" for token in tokens))
        case _:
            return 1.0


_MEANT = 0.9  # "he", and the title says who
_ELSEWHERE = 0.6  # a number stands in the sentence, but not with what is counted
_APART = 0.3  # a name, but not with what is called so
_BARE = 0.75  # what "which" asks for is spoken of, but not by name


def _title(text: Text) -> Sequence[Token]:
    first, last = text.spans[0][2:]
    return text.tokens[first:last]


def _is_span(question: str, raw: str, numbers: Iterable[Token]) -> bool:
    if _SPAN.search(raw) or any(isinstance(n.value, Number) and n.value.unit in _SPANS for n in numbers):
        return True
    if _PAPER.search(question) and re.search(r"\bpages?\b", raw):
        return True
    return bool(_PRISON.search(question) and re.search(r"\blife\b", raw))


def _counts(
    asked: Asked, tokens: Sequence[Token], n: int, at: int, at_nouns: Sequence[int], at_verb: Sequence[int]
) -> bool:
    """Whether the number at `n` of a sentence counts what is asked for; people are counted under many names."""
    if _near([at], at_nouns, 4):
        return True
    if asked.nouns and asked.nouns[0].key not in _PEOPLE and not _WHO_DO.search(asked.nouns[0].text):
        return False
    return _near([at], at_verb, 4) or any(token.key in _PEOPLE for token in tokens[max(0, n - 3) : n + 5])


def _amount(asked: Asked, raw: str, numbers: Sequence[tuple[int, Token]], at_nouns: Sequence[int]) -> float:
    units = {token.value.unit for _, token in numbers if isinstance(token.value, Number)}
    for pattern, wanted in _MEASURED:
        if pattern.search(asked.text):
            return float(bool(units & wanted))
    if _MONEY.search(asked.text):
        return float(bool(_SUM.search(raw) or units & _CURRENCIES))
    if asked.nouns and at_nouns and not _near([at for at, _ in numbers], at_nouns, 5):
        return _ELSEWHERE * bool(numbers)
    return float(bool(numbers))


def _near(ones: Sequence[int], others: Sequence[int], apart: int) -> bool:
    return any(abs(one - other) <= apart for one in ones for other in others)


def _is_place(token: Token) -> bool:
    return token.key in NATION or token.text.lower() in PLACES


def _names(tokens: Sequence[Token]) -> list[int]:
    """Which words of a sentence are names. The first has a capital anyway, and is one if the next has none."""
    found = [n for n, token in enumerate(tokens) if token.kind == "name"]
    alone = len(tokens) > 1 and not tokens[1].text[:1].isupper()
    return [0, *found] if alone and tokens[0].kind == "word" and _is_capital(tokens[0], 0) else found


def _stands_in(text: Text, at: int, first: int) -> bool:
    """Whether the word before a name says that something was there."""
    return at > first and text.tokens[at - 1].text.lower() in _BEFORE_PLACES


def _is_capital(token: Token, n: int) -> bool:
    """Whether a word names something: by its capital, which the first of a sentence has anyway."""
    if token.kind == "name":
        return True
    known = token.key in COMMON or token.key in NEAR or token.key in OPPOSITE
    return token.kind != "function" and token.text[:1].isupper() and (n > 0 or not known)


def found_at(tokens: Iterable[Token], text: Text) -> list[int]:
    """The tokens of a text at which any of these is found, by stem or near meaning."""
    return [hit.at for token in tokens for hit in hits(token, text)]
