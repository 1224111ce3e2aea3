"""Three questions to ask next: what the model writes under its answer, or what is made from the unused passages. Pure.

The model ends its answer with a line `<next>` and three questions (`prompt.SYSTEM`). `Ending` takes that off the stream
before anybody sees it, however the deltas are cut. A model may write it in a wrong place or form, so all that is ever
taken away is the mark itself and lines below it that are short and end with a question mark; everything else is
given out as the answer that it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from llm.citations import unmarked
from llm.markdown import HIDDEN
from news.terms import language_of, terms
from news.types import Passage

MOST = 3
LONGEST = 120
"""The most characters of a question; they are plain text, meant for buttons."""

_HEADLINE = 80
_LINE = 200  # a longer line is no question, whatever it ends with
_MARK = re.compile(r"(?:\n\s{0,40}[*_`]{0,3})?<next>", re.IGNORECASE)
_BEGUN = re.compile(r"(?:\n\s{0,40}[*_`]{0,3})?(?:<(?:n(?:e(?:xt?)?)?)?)?\Z", re.IGNORECASE)
_WHOLE = re.compile(r"\Z")
_HALF = re.compile(r"\n\s{0,40}[*_`]{0,3}<\w*\Z")
_AROUND = " \t\r*_`:"
_EMPHASIS = re.compile(r"\*\*|__|`")
_BULLET = re.compile(r"^\s*(?:[-*+•]|[0-9]{1,2}[.)])\s+")
_ASKS = ("?", "？", "؟", "՞", ";")
_SAME = 0.5  # two headlines that share this much of their terms tell the same


class Ending:
    """Takes the follow-up questions off the deltas of one answer. `questions` are those found so far."""

    def __init__(self) -> None:
        self.questions: list[str] = []
        self.inside = False
        """Whether the text so far ends among the questions: the answer before them is whole."""
        self._held = ""

    def feed(self, delta: str) -> str:
        """What of the answer is decided; may be empty."""
        self._held += delta
        return self._drain(last=False, broken=False)

    def close(self, *, broken: bool = False) -> str:
        """What was kept back. `broken`: the text did not end by itself, so its last line may be half a question."""
        return self._drain(last=True, broken=broken)

    def _drain(self, *, last: bool, broken: bool) -> str:
        out: list[str] = []
        before = ""
        while self._held and self._held != before:
            before = self._held
            out.append(self._below(last, broken) if self.inside else self._text(last, broken))
        return "".join(out)

    def _text(self, last: bool, broken: bool) -> str:
        mark = _MARK.search(self._held)
        if mark is None:
            begun = (_HALF if broken else _WHOLE if last else _BEGUN).search(self._held)
            return self._give(begun.start() if begun else len(self._held))
        if mark.start():
            return self._give(mark.start())
        line, newline, rest = self._held[mark.end() :].partition("\n")
        if not newline and not last and len(line) <= _LINE:
            return ""
        asked = _asked(line)
        half = broken and not newline
        if len(line) > _LINE or (line.strip(_AROUND) and not asked and not half):
            return self._give(mark.end())
        self.inside = True
        self.questions = [asked] if asked else []
        self._held = rest
        return ""

    def _below(self, last: bool, broken: bool) -> str:
        line, newline, rest = self._held.partition("\n")
        if not newline and not last and len(line) <= _LINE:
            return ""
        bare = line.strip(_AROUND).lower()
        asked = _asked(line)
        if asked:
            self.questions = [*self.questions, asked][:MOST]
        elif bare == "<next>":
            self.questions = []
        elif bare == "</next>" or (bare and not (broken and not newline)):
            self.inside = False
            if bare != "</next>":
                return "\n\n" + self._give(len(line))
        self._held = rest
        return ""

    def _give(self, end: int) -> str:
        given, self._held = self._held[:end], self._held[end:]
        return given


def complete(
    asked: Sequence[str], question: str, earlier: Iterable[str], passages: Sequence[Passage], cited: Iterable[int]
) -> tuple[str, ...]:
    """Three questions, or as many as there are: those `asked` by the model, then from passages that were not cited.

    `question` and `earlier` were asked before and are not asked again. `cited` are numbers of `passages`, from 1. What
    is in another language than the question is asked about only where nothing is in its own.
    """
    found: dict[frozenset[str], str] = {}
    before = {_matter(each) for each in (question, *earlier)}
    used = set(cited)
    told = [frozenset(terms(p.title)) for n, p in enumerate(passages, 1) if n in used]
    wording, tongue = _wording(question), _tongue(question)
    for each in asked:
        found.setdefault(_matter(each), each)
    own = [_tongue(f"{passage.title} {passage.text}") == tongue for passage in passages]
    for n, passage in enumerate(passages, 1):
        if any(own) and not own[n - 1]:
            continue
        headline = _clean(passage.title)
        held = frozenset(terms(headline))
        if n in used or not held or any(len(held & other) >= _SAME * len(held | other) for other in told):
            continue
        told.append(held)
        each = wording.format(_short(headline))
        found.setdefault(_matter(each), each)
    return tuple(each for held, each in found.items() if held not in before)[:MOST]


def _matter(question: str) -> frozenset[str]:
    """What two questions share that ask the same in other words."""
    return frozenset(terms(question)) or frozenset([question.casefold()])


def _asked(line: str) -> str:
    """The question that a line asks, as plain text; "" if it asks none."""
    text = _clean(_BULLET.sub("", line))
    return text if len(line) <= _LINE and 3 < len(text) <= LONGEST and text.endswith(_ASKS) else ""


def _clean(text: str) -> str:
    return " ".join(unmarked(HIDDEN.sub("", _EMPHASIS.sub("", text))).split()).strip("*_")


def _short(text: str) -> str:
    if len(text) <= _HEADLINE:
        return text
    cut = text[: _HEADLINE - 1]
    return (cut[: cut.rfind(" ")] if " " in cut[_HEADLINE // 2 :] else cut).rstrip(" ,;:–—-") + "…"


_ENGLISH = "What is known about “{}”?"
_BY_SCRIPT = (
    (re.compile("[\u3040-\u30ff]"), "「{}」について何が分かっていますか？"),
    (re.compile("[\uac00-\ud7af]"), "“{}”에 대해 무엇이 알려져 있나요?"),
    (re.compile("[\u3400-\u9fff]"), "关于“{}”，目前知道什么？"),
    (re.compile("[іїєґ]", re.IGNORECASE), "Що відомо про «{}»?"),
    (re.compile("[а-яё]", re.IGNORECASE), "Что известно о «{}»?"),
)
_BY_WORDS = (
    ("was wer wie wo wann warum welche welcher gibt ist der die das den dem und über", "Was ist über „{}“ bekannt?"),
    ("que qui quoi quel quelle quand comment pourquoi où est les des du une dans sur", "Que sait-on de « {} » ?"),
    ("qué quién cuál cuándo cómo dónde cuánto por el los las del una sobre pasó", "¿Qué se sabe de «{}»?"),
    ("che chi cosa quale quando come perché dove il gli della nella è sono", "Che cosa si sa di «{}»?"),
    ("quem qual quando como onde quanto o os as do da uma sobre são está", "O que se sabe sobre “{}”?"),
)


def _tongue(text: str) -> str:
    """The script of a text, where it tells the language, else the language."""
    return next((script.pattern for script, _ in _BY_SCRIPT if script.search(text)), "") or language_of(text)


def _wording(question: str) -> str:
    """How to ask about a headline in the language of `question`, where that is easily told; else in English."""
    for script, wording in _BY_SCRIPT:
        if script.search(question):
            return wording
    words = question.lower().replace("?", " ").replace("¿", " ").split()
    counted = [(sum(word in known.split() for word in words), wording) for known, wording in _BY_WORDS]
    most, wording = max(counted, key=lambda each: each[0])
    return wording if most >= 2 else _ENGLISH
