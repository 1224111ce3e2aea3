"""Do the passages answer the question? The last word on what the search took to be covered. Pure, in milliseconds.

Most of what nothing answers is near to what something does: the article is there, and the detail that is asked for is
not ("what did the drone show cost?"). Its words cannot tell, since all but one are held. So each sentence is looked at
for what the question asks for (`llm.asked`: a number of that thing, a sum, a name at that noun), the passages for its
noun, its names, and for what it takes to have happened. A logistic sum of these and of the search's confidence
decides; `python -m tests.eval coverage` learns the weights and prints the trade-off.

Where a question has no form that could be looked for, is not in English, or takes for granted what no passage says
(which is told instead, see `llm.premise`), the search has decided.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields

from llm.asked import Asked, found_at, holds, read_question
from llm.evidence import Text, hits, text_of
from llm.facts import Day, Token
from llm.grounding import logistic
from llm.lexicon import COMMON, NEAR, OPPOSITE, TELLING
from llm.premise import unsupported
from news.terms import language_of
from news.types import Found, Passage

LEAST = 0.35
"""With less than this, 0 to 1, a question counts as not answered: there one in twenty of the answerable is refused."""
LEAST_AGAINST = 0.43
"""The same where the search took it not to be covered."""
_PASSAGES = 8
_UNSPACED = re.compile("[\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u30ff\u3400-\u9fff]")
_ABOUT = 0.8  # the share of the best passage's score that one must have to be about it too
_BESIDE = 0.75  # the same of a sentence
_SUREST = 0.95  # of a search, as sure as it is among many articles
# What a word counts that is not in the sentence but in the passage's title, or elsewhere in it.
_IN_TITLE, _ELSEWHERE = 0.6, 0.3
_NAME_IN_TITLE, _NAME_ELSEWHERE = 0.75, 0.7
_PRESUMING = ("reason", "time", "place")
_COUNTING = ("count", "amount", "span", "which")


@dataclass(frozen=True, slots=True)
class Measures:
    """What was measured of a question and its passages, most as shares of the weight of its words.

    `confidence` is the search's, in log-odds. `share` is how much one passage holds of the question, `answering` how
    much one sentence does that holds what is asked for. `noun` is 1 if the passage does not speak of the thing that is
    asked about; `presumed` and `counted` if nothing says what the question takes to have happened (asked why, when or
    where; asked how many). `name` is how little the least known of its names is held, `year` is 1 if it asks of another
    year, and `words` how many it has.
    """

    confidence: float = 0.0
    share: float = 0.0
    answering: float = 0.0
    noun: float = 0.0
    presumed: float = 0.0
    counted: float = 0.0
    name: float = 0.0
    year: float = 0.0
    words: float = 0.0


# Learned on the questions of four weeks.
_WEIGHTS = Measures(
    confidence=0.26, share=-1.22, answering=3.7, noun=-1.92, presumed=-2.92, counted=-0.63, name=-1.04, year=-1.16,
    words=-0.2,
)  # fmt: skip
_BIAS = -0.25


@dataclass(frozen=True, slots=True)
class _Sentence:
    """How much of a question a sentence holds, how far it holds what is asked for, and whether it has its verb."""

    text: int
    n: int
    share: float
    holds: float
    verb: bool


@dataclass(frozen=True, slots=True)
class _Read:
    """A passage: how far it holds each word of the question, how much of it in all, and whether its noun."""

    held: tuple[float, ...]
    share: float
    noun: bool


def answers(question: str, found: Found, *, follows: bool = False) -> bool:
    """Whether what was found answers the question, as far as that can be told; `follows` if others came before it."""
    measured = measures(question, found, follows=follows)
    if measured is None:
        return found.covered
    return probability(measured) >= (LEAST if found.covered else LEAST_AGAINST)


def probability(measured: Measures) -> float:
    """How sure it is, 0 to 1, that the question is answered."""
    return logistic(_BIAS + sum(w * x for w, x in zip(astuple(_WEIGHTS), astuple(measured), strict=True)))


def names() -> list[str]:
    """The names of what is measured, in order."""
    return [field.name for field in fields(Measures)]


def measures(question: str, found: Found, *, follows: bool = False) -> Measures | None:
    """What speaks for and against an answer in what was found; None where only the search can decide."""
    passages = found.passages[:_PASSAGES]
    if not passages or found.confidence <= 0 or any(passage.pinned for passage in passages):
        return None
    if _UNSPACED.search(question) or language_of(question) != "en":
        return None
    asked = read_question(question)
    if asked is None or asked.kind == "open" or unsupported(question, found.passages):
        return None
    texts = [text_of(passage.title, passage.text, passage.published_at.date()) for passage in passages]
    words = _named(asked, texts)
    if not words or (follows and not any(word.kind == "name" for word in words)):
        return None
    weight = sum(word.weight for word in words) or 1.0
    read: list[_Read] = []
    sentences: list[_Sentence] = []
    for k, text in enumerate(texts):
        of_text, of_sentences = _laid(asked, words, weight, k, text)
        read.append(of_text)
        sentences += of_sentences
    return _measured(asked, words, found, passages, texts, read, sentences)


def _measured(
    asked: Asked,
    words: Sequence[Token],
    found: Found,
    passages: Sequence[Passage],
    texts: Sequence[Text],
    read: Sequence[_Read],
    sentences: Sequence[_Sentence],
) -> Measures:
    best = max(sentences, key=lambda s: s.share + 0.15 * s.holds + 0.3 * read[s.text].share)
    share = max(each.share for each in read)
    nearest = max(sentence.share for sentence in sentences)
    about = [sentence for sentence in sentences if sentence.share >= _BESIDE * nearest]
    verb = asked.verb
    # Of a verb that the tables know other words would have been found too.
    is_known = verb is not None and (verb.key in NEAR or verb.key in TELLING)
    untold = is_known and not any(s.verb and read[s.text].share >= _ABOUT * share for s in about)
    if asked.kind == "time" and _dated(texts[best.text], best.n):
        untold = False
    held = read[best.text].held
    confidence = min(max(found.confidence, 1 - _SUREST), _SUREST)
    return Measures(
        confidence=math.log(confidence / (1 - confidence)),
        share=share,
        answering=max(sentence.share * sentence.holds for sentence in sentences),
        noun=float(not read[best.text].noun),
        presumed=float(untold and asked.kind in _PRESUMING),
        counted=float(untold and asked.kind in _COUNTING),
        name=max((1 - h for word, h in zip(words, held, strict=True) if word.kind == "name"), default=0.0),
        year=float(_is_of_another_year(asked, passages, texts)),
        words=float(len(words)),
    )


def _named(asked: Asked, texts: Sequence[Text]) -> list[Token]:
    """The telling words; where a question has no capitals, only the passages say which of them are names."""
    if not asked.text.islower():
        return list(asked.words)
    known = frozenset[str]().union(*(text.names for text in texts))
    return [
        word._replace(kind="name")
        if word.kind == "word" and word.key in known and word.key not in COMMON and word.key not in NEAR
        and word not in asked.nouns and word is not asked.verb
        else word
        for word in asked.words
    ]  # fmt: skip


def _laid(asked: Asked, words: Sequence[Token], weight: float, k: int, text: Text) -> tuple[_Read, list[_Sentence]]:
    """A question laid against a passage and each of its sentences."""
    likeness = [_by_sentence(word, text, opposites=asked.kind == "yes") for word in words]
    held = tuple(max(of.values(), default=0.0) for of in likeness)
    at_nouns = found_at(asked.nouns, text)
    at_verb = found_at([asked.verb] if asked.verb else [], text)
    if asked.verb and asked.kind == "yes":
        at_verb += [n for key in OPPOSITE.get(asked.verb.key, ()) for n in text.by_key.get(key, ())]
    sentences = []
    for n, (_, _, first, last) in enumerate(text.spans):
        total = 0.0
        for word, of, anywhere in zip(words, likeness, held, strict=True):
            in_title, elsewhere = (_NAME_IN_TITLE, _NAME_ELSEWHERE) if word.kind == "name" else (_IN_TITLE, _ELSEWHERE)
            total += word.weight * max(of.get(n, 0.0), in_title * of.get(0, 0.0), elsewhere * anywhere)
        has_verb = asked.verb is None or any(first <= at < last for at in at_verb)
        sentences.append(_Sentence(k, n, total / weight, holds(asked, text, n, at_nouns, at_verb), has_verb))
    share = sum(word.weight * h for word, h in zip(words, held, strict=True)) / weight
    return _Read(held, share, bool(at_nouns) or asked.is_generic), sentences


def _by_sentence(word: Token, text: Text, *, opposites: bool) -> dict[int, float]:
    """In which sentences of a text a word is found, and how sure that is. Who asks whether may be told the opposite."""
    found: dict[int, float] = {}
    for hit in hits(word, text):
        n = text.sentence_of[hit.at]
        found[n] = max(hit.likeness, found.get(n, 0.0))
    if opposites and not found:
        found = {text.sentence_of[at]: 0.7 for key in OPPOSITE.get(word.key, ()) for at in text.by_key.get(key, ())}
    return found


def _dated(text: Text, sentence: int) -> bool:
    first, last = text.spans[sentence][2:]
    return any(first <= at < last for at in text.dates)


def _is_of_another_year(asked: Asked, passages: Sequence[Passage], texts: Sequence[Text]) -> bool:
    """Whether a year is asked about in which no passage was published, and of which the first do not speak."""
    years = {token.value.year for token in asked.tokens if isinstance(token.value, Day) and token.value.year}
    published = {passage.published_at.year for passage in passages}
    return any(year not in published and not any(str(year) in text.raw for text in texts[:3]) for year in years)
