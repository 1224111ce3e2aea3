"""The model that needs no key and no network: it answers by quoting the passages it is given.

It reads the question and the passages from the messages, weighs every sentence by the terms it shares with the
question (rare terms count most, as in BM25), and quotes the best, one an outlet before two of any, nothing twice.
It writes no sentence about the world of its own, so it cannot be wrong about it; when the passages do not hold what
the question asks about, it says so and names the nearest headlines.
"""

from __future__ import annotations

import math
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from llm.base import CTX_LENGTH, REPLY_TOKENS, ChatModel, Delta, Interrupted, Message, Stream
from llm.caveats import HARDLY, day
from llm.prompt import read_begun, read_caveats, read_earlier, read_passages, tail
from news.terms import ASKING, sentences, terms, words
from news.types import Passage

QUOTES = 6
"""The most sentences that an answer quotes."""
NEAREST = 3
QUOTE_CHARACTERS = 320

_EARLIER = 0.4  # what a term of an earlier question counts, beside one of this question
_TITLE = 0.5  # what a term counts that stands in the headline but not in the sentence
_FLOORS = (0.3, 0.5)  # the share of the best one's score that an outlet's first, second sentence must have
_SAME = 0.5  # two sentences that share this much of their terms say the same
_HEADLINE = 0.85  # a headline says less than a sentence
_BROKEN = 0.8  # so does a sentence that the feed cut off
_LIMITED = 240  # characters: what feeds cut off is longer; what is shorter without a full stop is a sentence like that
_COVERED = 0.4  # the share of the question's terms that one article must hold to be about it
_PARTICLE = 0.2  # what a pair of Japanese letters counts that is only grammar
_WIDE = re.compile("[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
_WIDE_WORD = re.compile("[\u30a1-\u30ff]{2,}|(?<![\u3400-\u9fff])[\u3400-\u9fff]{2,4}(?![\u3400-\u9fff])")
_WIDE_ASKING = frozenset(
    "ニュース 最新 最近 今日 昨日 今週 記事 報道 情報 状況 説明 要約 教 何 新闻 最新 今天 昨天 报道 情况".split()
)
_KANA = re.compile("[\u3040-\u309f]+")
_ENDED = re.compile("[.!?…。！？][\"'’”»)\\]」』）]*$")
_NAME = re.compile(r"(?<![.?!:]\s)(?<!^)\b[A-Z][\w'’-]+")
_MARKUP = re.compile(r"[\\`*_\[\]\u3010\uff3b]")
_CUT_OFF = re.compile("^(?:…|\\.\\.\\.)\\s*|\\s*(?:\\[?…\\]?|\\.\\.\\.)$")
_DELTAS = re.compile(r"\s*\S{1,12}")


@dataclass(frozen=True, slots=True)
class _Sentence:
    n: int
    passage: Passage
    text: str
    terms: frozenset[str]
    score: float


class ExtractiveModel(ChatModel):
    """Answers with quotations. `pace_s` is the pause between deltas (a word each), for those who like to see it."""

    name = "extractive"

    def __init__(
        self,
        *,
        system: str = "",
        ctx_length: int = CTX_LENGTH,
        reply_tokens: int = REPLY_TOKENS,
        pace_s: float = 0.0,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        super().__init__(system=system, ctx_length=ctx_length, reply_tokens=reply_tokens)
        self._pace_s = pace_s
        self._sleep = sleep

    def _open(self, messages: Sequence[Message], reply_tokens: int) -> Stream:
        asked, begun = read_begun(messages)
        passages, question = read_passages(asked)
        text = answer(question, passages, read_earlier(asked), read_caveats(asked))
        if begun and text.startswith(begun):
            text = tail(begun) + text[len(begun) :]
        return _Quotations(self.name, text, self._pace_s, self._sleep)


class _Quotations(Stream):
    """A text as a stream of words."""

    def __init__(self, model: str, text: str, pace_s: float, sleep: Callable[[float], object]) -> None:
        super().__init__(model)
        self._text = text
        self._pace_s = pace_s
        self._sleep = sleep
        self._closed = False

    def __iter__(self) -> Iterator[Delta]:
        for match in _DELTAS.finditer(self._text):
            if self._closed:
                raise Interrupted("The answer was stopped.", model=self.model, cause="stopped")
            yield Delta(match[0])
            if self._pace_s:
                self._sleep(self._pace_s)
        self.finish = "stop"

    def close(self) -> None:
        self._closed = True


def answer(question: str, passages: Sequence[Passage], earlier: Sequence[str] = (), caveats: Sequence[str] = ()) -> str:
    """Markdown with [n] citations, n counting `passages` from 1. `earlier` are the questions before this one.

    What the passages lack (`caveats`) is said first. Quoted text is escaped where Markdown or a citation could be read
    into it.
    """
    first = " ".join(_plain(caveat) for caveat in caveats if caveat != HARDLY)
    return "\n\n".join(filter(None, (first, _answer(question, passages, earlier, covered=HARDLY not in caveats))))


def _answer(question: str, passages: Sequence[Passage], earlier: Sequence[str], *, covered: bool) -> str:
    wanted = _wanted(question, earlier)
    if not passages:
        return "The stored articles do not cover this."
    if not wanted:  # "What is the latest news?" asks for all there is, "What is this about?" for what is pinned
        if len(passages) == 1:
            return _quoted([_headline(1, passages[0]), *_beginning(1, passages[0])])
        return _quoted([_headline(n, passage) for n, passage in enumerate(passages[:QUOTES], 1)])
    chosen = _choose(_weighed(_about(question, passages, wanted), wanted)) if covered else []
    if not chosen:
        nearest = [_headline(n, passage) for n, passage in enumerate(passages[:NEAREST], 1)]
        return "The stored articles do not answer this. The nearest ones are:\n\n" + "\n".join(map(_line, nearest))
    return _quoted(chosen)


def _wanted(question: str, earlier: Sequence[str]) -> dict[str, float]:
    """The terms that are asked about, with their weights: those of the question, and weaker the ones before it."""
    wanted: dict[str, float] = {}
    for age, asked in enumerate([question, *reversed(earlier)]):
        for term in terms(asked):
            if term not in ASKING:
                wanted.setdefault(term, _EARLIER**age * (_PARTICLE if _KANA.fullmatch(term) else 1))
        if age == 2:
            break
    return wanted


def _about(question: str, passages: Sequence[Passage], wanted: dict[str, float]) -> list[tuple[int, Passage]]:
    """The passages, with their numbers, that hold enough of what the question asks about and most of its names."""
    names = frozenset(term for name in _NAME.findall(question) for term in terms(name)) & wanted.keys()
    wide = bool(_WIDE.search(question))  # pairs of characters across two words are in no article
    wide_words = frozenset(_WIDE_WORD.findall(question)) - _WIDE_ASKING
    enough = (_COVERED / 2 if wide else _COVERED) * sum(wanted.values())
    held = [frozenset(terms(f"{p.title}\n{p.text}\n{p.feed}")) for p in passages]
    if len(wanted) <= 2 and any(len(term) > 6 and not any(term in h for h in held) for term in wanted):
        return []  # "Who discovered penicillin?" is not about discovering; short words have irregular forms
    return [
        (n, passage)
        for n, (passage, terms_held) in enumerate(zip(passages, held, strict=True), 1)
        if sum(weight for term, weight in wanted.items() if term in terms_held) >= enough
        and (not names or len(names & terms_held) * 2 > len(names))
        and sum(word in f"{passage.title}\n{passage.text}" for word in wide_words) * 2 >= len(wide_words)
    ]


def _weighed(passages: Sequence[tuple[int, Passage]], wanted: dict[str, float]) -> list[_Sentence]:
    """Every sentence that shares a term with the question, best first."""
    parts = [
        (n, passage, text, terms(text), frozenset(terms(passage.title)))
        for n, passage in passages
        for part in [passage.title, *_sentences(passage)]
        if (text := _CUT_OFF.sub("", part.strip()))
    ]
    if not parts:
        return []
    seen = Counter(term for _, _, _, held, _ in parts for term in set(held) if term in wanted)
    rarity = {term: math.log(1 + (len(parts) - n + 0.5) / (n + 0.5)) for term, n in seen.items()}
    usual = sum(len(held) for *_, held, _ in parts) / len(parts) or 1
    weighed = []
    for n, passage, text, held, title in parts:
        score = 0.0
        for term, count in Counter(term for term in held if term in rarity).items():
            frequency = count * 2.2 / (count + 1.2 * (0.25 + 0.75 * len(held) / usual))
            score += wanted[term] * rarity[term] * frequency
        if not score:
            continue
        if text == passage.title:
            score *= _HEADLINE
        else:  # which article a sentence is from says what its "he" and "there" mean
            score += _TITLE * sum(wanted[t] * rarity[t] for t in sorted(title - set(held)) if t in rarity)
            if not _ENDED.search(text):
                text += " …"
                score *= _BROKEN
        if len(words(text)) < 4 and not _WIDE.search(text):
            score *= 0.5
        score *= 1 / (1 + 0.05 * (n - 1))  # the order of the search is a reason too
        weighed.append(_Sentence(n, passage, text, frozenset(held), score))
    return sorted(weighed, key=lambda sentence: (-sentence.score, sentence.n))


def _choose(weighed: Sequence[_Sentence]) -> list[_Sentence]:
    """The best sentences, one an outlet before two of any, none twice in other words."""
    if not weighed:
        return []
    chosen: list[_Sentence] = []
    for before, floor in enumerate(_FLOORS):
        for sentence in weighed:
            if sentence.score < floor * weighed[0].score or len(chosen) == QUOTES:
                break
            taken = sum(sentence.passage.feed == other.passage.feed for other in chosen)
            if taken <= before and not any(_alike(sentence, other) for other in chosen):
                chosen.append(sentence)
    return chosen


def _alike(one: _Sentence, other: _Sentence) -> bool:
    return len(one.terms & other.terms) >= _SAME * len(one.terms | other.terms)


def _headline(n: int, passage: Passage) -> _Sentence:
    return _Sentence(n, passage, passage.title or passage.text, frozenset(), 0.0)


def _beginning(n: int, passage: Passage) -> list[_Sentence]:
    return [_Sentence(n, passage, text, frozenset(), 0.0) for text in _sentences(passage)[: QUOTES - 1]]


def _sentences(passage: Passage) -> list[str]:
    """The sentences of a passage. Of a text that its feed seems to have cut off the last word may be half a word."""
    text = passage.text.rstrip()
    if text[-1:].isalnum() and not _WIDE.match(text[-1]) and (len(text) >= _LIMITED or "\n" in text):
        text = f"{text.rsplit(None, 1)[0]} …"
    return sentences(text)


def _quoted(chosen: Sequence[_Sentence]) -> str:
    outlets = len({sentence.passage.feed for sentence in chosen})
    lead = "From one outlet" if outlets == 1 else f"From {outlets} outlets"
    days = _days([sentence.passage.published_at for sentence in chosen])
    return f"{lead}, {days}:\n\n" + "\n".join(map(_line, chosen))


def _days(moments: Sequence[datetime]) -> str:
    """From which day to which: "20 May 2026", "18 to 20 May 2026", "30 April to 20 May 2026"."""
    first, last = min(moments).astimezone(UTC), max(moments).astimezone(UTC)
    if first.date() == last.date():
        return day(last)
    if first.year != last.year:
        return f"{day(first)} to {day(last)}"
    return f"{first.day}{'' if first.month == last.month else f' {first:%B}'} to {day(last)}"


def _line(sentence: _Sentence) -> str:
    text = " ".join(sentence.text.split())
    if len(text) > QUOTE_CHARACTERS:
        cut = text[:QUOTE_CHARACTERS]
        text = (cut.rsplit(" ", 1)[0] if " " in cut[QUOTE_CHARACTERS // 2 :] else cut) + " …"
    opening, closing = "「」" if _WIDE.search(text) else "“”"
    outlet = " ".join(sentence.passage.feed.split())
    return f"- {_plain(outlet)}: {opening}{_plain(text)}{closing} [{sentence.n}]"


def _plain(text: str) -> str:
    """Text in which neither emphasis, code nor a citation can be read."""
    return _MARKUP.sub(r"\\\g<0>", text)
