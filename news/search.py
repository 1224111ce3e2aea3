"""Question -> passages: BM25 over our own terms, recency, one passage an article, outlets mixed. Reads, never writes.

A follow-up ("and in Spain?") is searched with the terms of the questions before it as well, at a lower weight the
older they are. Pinned entries always come first.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from news.store import Filter, Store
from news.terms import sentences, terms, words
from news.types import Entry, Found, Passage

CANDIDATES = 200
PASSAGE_CHARACTERS = 900
RECENCY_DAYS = 3.0
"""After so many days an article's score has lost half of what recency gave it."""
EARLIER_WEIGHT = 0.5
SAME_FEED = 0.88
"""Each further passage of one outlet counts so much of the one before."""
SAME_TITLE = 0.7
"""Two titles that share this much of their terms (Jaccard) tell the same thing in the same words."""
WEAKEST = 0.2
"""A passage below this share of the best one's score is noise."""
FAIR_SHARE = 0.7
"""The share of what a question's terms tell that a passage about it holds. Chosen by trying 130 questions."""
MANY_ARTICLES = 2_000

# Words that ask for news but are not what it is about.
_CHATTER = frozenset(
    terms(
        "happen happening happened latest newest news tell update updates story stories report reports reported "
        "reporting know today outlets sources explain summary summarise summarize give anything going please article "
        "articles headline headlines"
    )
)
# Words that say what kind of answer is wanted; articles about it need not have them.
_ASKING = frozenset(terms("many much known"))
_UNSPACED = re.compile("[\u0e01-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u30ff\u3400-\u9fff]")


@dataclass(frozen=True, slots=True)
class _Candidate:
    entry: Entry
    score: float


def search(
    store: Store,
    question: str,
    *,
    now: datetime,
    k: int = 10,
    since: datetime | None = None,
    until: datetime | None = None,
    as_of: datetime | None = None,
    earlier: Sequence[str] = (),
    pinned: Sequence[int] = (),
) -> Found:
    """The best `k` passages for `question`, best first, among what exists at `as_of` (else `now`).

    `since` and `until` bound the publication. `earlier` are the questions before this one, oldest first; `pinned` entry
    ids are always found, beyond `k` if need be.
    """
    at = as_of or now
    wanted = Filter(since=since, until=until, as_of=at)
    asked = question_terms(question)
    before = [question_terms(each) for each in reversed(earlier)]
    vocabulary = frozenset(asked).union(*before)
    held = _held(store, pinned, vocabulary, at)
    horizon = store.horizon(wanted)
    if not vocabulary:
        return Found(held or _newest(store, wanted, k, at), horizon)
    found = {entry.id: _Candidate(entry, score) for entry, score in store.matching(asked, wanted, limit=CANDIDATES)}
    for age, context in enumerate(before, 1):
        weight = EARLIER_WEIGHT**age
        if weight < 0.1:
            break
        further = [term for term in context if term not in asked]
        for entry, score in store.matching(further, wanted, limit=CANDIDATES):
            base = found[entry.id].score if entry.id in found else 0.0
            found[entry.id] = _Candidate(entry, base + weight * score)
    ranked = sorted(
        (replace(c, score=c.score * _recency(c.entry, at)) for c in found.values()),
        key=lambda c: (-c.score, -c.entry.id),
    )
    chosen = _mixed(ranked, k, skip=frozenset(pinned))
    passages = held + tuple(_passage(c.entry, vocabulary, c.score) for c in chosen)
    return Found(passages, horizon, bool(held) or covers(asked, passages, store.rarity(asked), horizon.articles))


def question_terms(question: str) -> list[str]:
    """The distinct terms of a question, without the words that only ask: none for "What is the latest news?"."""
    return [term for term in dict.fromkeys(terms(question[:10_000])) if term not in _CHATTER][:64]


def covers(asked: Sequence[str], passages: Sequence[Passage], rarity: Mapping[str, float], articles: int) -> bool:
    """Whether passages, found among so many articles, are about a question with these terms, weighed by their rarity.

    One that holds a fair share is enough in a small store. Among thousands of articles there is one for any few words,
    so there it takes two. A question that only asks for news is covered by whatever there is.
    """
    weights = {term: rarity[term] for term in asked if term not in _ASKING}
    if not weights:
        return True
    # Pairs of characters across two words are in no article.
    share = FAIR_SHARE / 2 if any(_UNSPACED.match(term) for term in weights) else FAIR_SHARE
    enough = share * sum(weights.values())
    held = (frozenset(terms(f"{passage.title}\n{passage.text}")) for passage in passages)
    about = sum(sum(weight for term, weight in weights.items() if term in one) >= enough for one in held)
    return about >= (2 if articles >= MANY_ARTICLES else 1)


def keywords(question: str, earlier: Sequence[str] = ()) -> str:
    """The words of a question that a search elsewhere needs, in order; "" if it has none.

    A follow-up of a single word ("And in Spain?") takes along those of the question before it.
    """

    def telling(asked: str) -> list[str]:
        told = (word for word in words(asked[:10_000]) if not _CHATTER.union(_ASKING).issuperset(terms(word)))
        return list(dict.fromkeys(told))

    found = telling(question)
    if len(found) < 2 and earlier:
        found = list(dict.fromkeys([*telling(earlier[-1]), *found]))
    return " ".join(found)


def _held(store: Store, pinned: Sequence[int], vocabulary: frozenset[str], at: datetime) -> tuple[Passage, ...]:
    """The passages of pinned entries, each once, in their order."""
    first = store.entries_by_id(pinned, as_of=at)
    order = [first[i] for i in dict.fromkeys(pinned) if i in first]
    return tuple(replace(_passage(entry, vocabulary, 0.0), pinned=True) for entry in order)


def _newest(store: Store, wanted: Filter, k: int, at: datetime) -> tuple[Passage, ...]:
    """What a question about nothing in particular finds: the newest, outlets mixed."""
    ranked = [_Candidate(entry, _recency(entry, at)) for entry in store.entries(wanted, limit=4 * k)]
    return tuple(_passage(c.entry, frozenset(), c.score) for c in _mixed(ranked, k, skip=frozenset()))


def _recency(entry: Entry, now: datetime) -> float:
    days = max((now - entry.published_at).total_seconds() / 86_400, 0.0)
    return 0.5 + 0.5 * math.pow(2.0, -days / RECENCY_DAYS)


def _mixed(ranked: Sequence[_Candidate], k: int, *, skip: frozenset[int]) -> list[_Candidate]:
    """The best `k`, an article and a wording once, each outlet's later ones at a discount."""
    titles: list[frozenset[str]] = []
    urls: set[str] = set()
    pool = []
    floor = ranked[0].score * WEAKEST if ranked else 0.0
    for candidate in ranked:
        entry = candidate.entry
        title = frozenset(terms(entry.title))
        if candidate.score < floor or entry.id in skip or entry.url in urls:
            continue
        if title and any(_jaccard(title, other) >= SAME_TITLE for other in titles):
            continue
        titles.append(title)
        urls.update({entry.url} - {""})
        pool.append(candidate)
        if len(pool) >= 4 * k:
            break
    chosen: list[_Candidate] = []
    taken: Counter[int] = Counter()
    while pool and len(chosen) < k:
        discounted = [c.score * SAME_FEED ** taken[c.entry.feed_id] for c in pool]
        place = max(range(len(pool)), key=discounted.__getitem__)
        best = pool.pop(place)
        taken[best.entry.feed_id] += 1
        chosen.append(replace(best, score=discounted[place]))
    return chosen


def _jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other)


def _passage(entry: Entry, vocabulary: frozenset[str], score: float) -> Passage:
    return Passage(
        entry_id=entry.id,
        title=entry.title,
        text=excerpt(entry.text, vocabulary),
        url=entry.url,
        feed=entry.feed,
        published_at=entry.published_at,
        language=entry.language,
        score=round(score, 4),
    )


def excerpt(text: str, vocabulary: frozenset[str], *, length: int = PASSAGE_CHARACTERS) -> str:
    """The part of `text`, whole sentences in order, of about `length` characters at most, that says most of it."""
    if len(text) <= length:
        return text
    parts = sentences(text)
    worth = [sum(1 for term in set(terms(part)) if term in vocabulary) for part in parts]
    best, best_worth = (0, 1), -1.0
    for start in range(len(parts)):
        end, size = start, 0
        while end < len(parts) and (end == start or size + len(parts[end]) <= length):
            size += len(parts[end]) + 1
            end += 1
        value = sum(worth[start:end]) - start * 0.01  # of equals, the earlier: news tells the most important first
        if value > best_worth:
            best, best_worth = (start, end), value
    chosen = " ".join(parts[best[0] : best[1]])[: 2 * length]
    return ("… " if best[0] else "") + chosen + (" …" if best[1] < len(parts) else "")
