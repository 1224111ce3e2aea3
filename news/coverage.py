"""Do the passages that were found answer the question? Decided from its terms and theirs, in a few milliseconds. Pure.

Among thousands of articles there is one for any few words, so the share of its words that one holds says little. What
tells more: that what was found is about one thing, and not about one here and one there; that the best article lacks
no rare word of the question and none of its names and numbers; and how high it stands for what the question's terms
tell, which takes in its age. A logistic sum of these is the confidence; `python -m tests.eval coverage` learns the
weights and prints the trade-off.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from itertools import combinations

from news.terms import indexed, language_of, terms
from news.types import Passage

Asked = Mapping[tuple[str, ...], float]
"""The terms of a question, each in every form that counts as it (the first its own), and what each tells."""

COVERED = 0.5
"""With less confidence the question counts as not answered by what was found."""
SURE = 0.7
"""With less than this it is not sure, and the answer says first what was not found."""
FAIR_SHARE = 0.7
"""In a small store: the share of what the terms tell that the best article must hold. Chosen with 130 questions."""
MANY_ARTICLES = 500
_RELATED = 0.6  # what a word of the same family counts: "detained" for "detention"
_RARE = 10.0  # about what a term tells that is in three of a hundred thousand articles
_TELLING = 6.0  # what a term tells that is in two of a thousand articles
_TOP = 4  # articles that should be about one thing
_PASSAGES = 8
_UNSPACED = re.compile("[\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u30ff\u3400-\u9fff]")
_NAME = re.compile(r"(?<![.?!:]\s)(?<!^)(?<!^[\"'“‘])\b[A-ZÀ-ÖØ-Þ][\w’'-]+|\d[\d.,]*")
_NUMBER = re.compile(r"\d[\d.,]*")
_WORD = re.compile(r"\w[\w.,’'-]*\w|\w")
_FRAMING = frozenset(terms("name various different differently differ compare exact western eastern", "en"))
_CAPITALS = "de"  # where every noun has a capital, it names nobody


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was measured.

    `together` is how much of their terms the best articles have in common, `standing` the best score over what the
    question's terms tell, `rare` the most that a term tells which the best article lacks (1: a very rare one), `names`
    how many names and numbers it lacks, `terms` how many the question has.
    """

    together: float = 0.0
    standing: float = 0.0
    rare: float = 0.0
    names: float = 0.0
    terms: float = 0.0


# Learned, but for the biases: those put the confidence at COVERED where one in twenty of the answerable is refused.
_WEIGHTS = Evidence(together=2.94, standing=1.55, rare=-0.6, names=-0.93, terms=0.29)
_BIAS = -2.15
# Pairs of characters across two words are in no article.
_UNSPACED_WEIGHTS = Evidence(together=1.03, standing=2.05, terms=-0.02)
_UNSPACED_BIAS = -0.34


def is_unspaced(asked: Asked) -> bool:
    """Whether the question is in a script without spaces."""
    return any(_UNSPACED.match(group[0]) for group in asked)


def evidence(question: str, asked: Asked, passages: Sequence[Passage]) -> Evidence:
    """What the passages, best first, have of a question; `asked` tells something."""
    total = sum(asked.values())
    held = [_held(passage) for passage in passages[:_PASSAGES]]
    held.sort(key=lambda each: -_share(asked, each))  # a sort keeps the order of equals
    best = held[0] if held else frozenset[str]()
    lacking = [group for group in asked if not _holds(best, group)]
    named = _named(question)
    return Evidence(
        together=_together(held[:_TOP]),
        standing=passages[0].score / total if passages else 0.0,
        rare=max((asked[group] for group in lacking), default=0.0) / _RARE,
        names=float(sum(not named.isdisjoint(group) for group in lacking)),
        terms=float(len(asked)),
    )


def confidence(question: str, asked: Asked, passages: Sequence[Passage], articles: int) -> float:
    """How sure it is, 0 to 1, that passages found among so many articles answer a question with these terms.

    In a small store the share alone that the best article holds. A question that only asks for news is always covered.
    """
    total = sum(asked.values())
    if not total:
        return 1.0
    if not passages:
        return 0.0
    if articles < MANY_ARTICLES:
        held = map(_held, passages)
        share = max(sum(w for group, w in asked.items() if not each.isdisjoint(group)) for each in held) / total
        return min(1.0, share * (2 if is_unspaced(asked) else 1) * COVERED / FAIR_SHARE)
    weights, bias = (_UNSPACED_WEIGHTS, _UNSPACED_BIAS) if is_unspaced(asked) else (_WEIGHTS, _BIAS)
    found = evidence(question, asked, passages)
    return _sigmoid(bias + sum(w * x for w, x in zip(astuple(weights), astuple(found), strict=True)))


def missing(question: str, asked: Asked, passages: Sequence[Passage]) -> tuple[str, ...]:
    """The names, numbers and rarer words of the question, as written there, that no passage holds, in order.

    None in scripts without spaces. Of a common word the article has another.
    """
    if is_unspaced(asked):
        return ()
    held = frozenset[str]().union(*map(_held, passages))
    named = _named(question)
    telling = (
        group
        for group, worth in asked.items()
        if (worth > _TELLING and group[0] not in _FRAMING) or not named.isdisjoint(group)
    )
    lacking = frozenset(group[0] for group in telling if not _holds(held, group))
    language = language_of(question)
    found = (word for word in _WORD.findall(question) if lacking.issuperset(terms(word, language) or ("",)))
    return tuple(dict.fromkeys(found))


def measures() -> list[str]:
    """The names of what is measured, in order."""
    return [field.name for field in fields(Evidence)]


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, x))))


def _named(question: str) -> frozenset[str]:
    """The terms of the question that are names, by their capitals, or numbers."""
    pattern = _NUMBER if language_of(question) == _CAPITALS else _NAME
    return frozenset(term for word in pattern.findall(question[:2_000]) for term in terms(word, "en"))


def _held(passage: Passage) -> frozenset[str]:
    return frozenset((*" ".join(indexed(passage.title, passage.text)).split(" "), *terms(passage.feed, "en")))


def _share(asked: Asked, held: frozenset[str]) -> float:
    found = 0.0
    for group, worth in asked.items():
        if not held.isdisjoint(group):
            found += worth
        elif _related(group[0], held):
            found += _RELATED * worth
    return found


def _holds(held: frozenset[str], group: tuple[str, ...]) -> bool:
    return not held.isdisjoint(group) or _related(group[0], held)


def _related(term: str, held: frozenset[str]) -> bool:
    """Whether one of the terms begins like this one, so that both are hardly of two families."""
    if len(term) < 5:
        return False
    begins = term[:5]
    for other in held:
        if other.startswith(begins):
            longer, shorter = max(len(other), len(term)), min(len(other), len(term))
            same = next((n for n in range(5, shorter) if other[n] != term[n]), shorter)
            if same >= 0.65 * longer and longer - same <= 4:
                return True
    return False


def _together(held: Sequence[frozenset[str]]) -> float:
    """How much of the smaller one's terms two articles share, on average."""
    pairs = [len(one & other) / max(1, min(len(one), len(other))) for one, other in combinations(held, 2)]
    return sum(pairs) / len(pairs) if pairs else 0.0
