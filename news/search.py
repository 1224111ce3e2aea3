"""Question -> passages: its terms and time, weighed against what is stored, one passage a story. Reads, never writes.

Three steps, so that the time it takes does not grow with what is stored. The newest wordings that hold a term are read
from the index as bare numbers, by the part they are in; what each could be worth is added up, and of the best few dozen
the articles are read and weighed exactly: rarity of the terms they hold, where they hold them, terms side by side, and
how new they are. Then what tells the same is put together, and outlets are mixed.

A follow-up ("and in Spain?") takes along the terms of the questions before it, at a lower weight the older they are,
until the subject was another. Words of time bound the search ("last week"). Pinned entries always come first.
"""

from __future__ import annotations

import heapq
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from news import coverage
from news.accounts import disagreements
from news.figures import figures
from news.store import Filter, Store
from news.terms import ASKING, forms, indexed, language_of, sentences, terms, words
from news.text import address_words
from news.times import When, read
from news.types import Disagreement, Entry, Found, Passage
from storage.fulltext import HOUR, Part, hour, version

NEWEST = 400
"""So many of the newest wordings that hold a term are looked at."""
OLDER = 200
"""So many more, of whatever age, that hold the two rarest of several frequent terms."""
SHORTLIST = 50
"""So many articles are read."""
MOST_TERMS = 32
"""So many terms of one question are looked for."""
PASSAGE_CHARACTERS = 900
MOST_REPORTS = 60
"""So many of the newest reports of a story are compared for figures that differ."""
RECENCY_DAYS = 3.0
"""After so many days an article's score has lost half of what recency gave it."""
OLD = 0.2
"""What is left of it in the end."""
LATEST_DAYS, LATEST_OLD = 1.0, 0.05
"""The same where the newest is asked for."""
EARLIER_WEIGHT = 0.65
ASIDE_WEIGHT = 0.15
"""What the terms of the question before count if this one says by itself what it is about."""
SAME_FEED = 0.94
"""Each further passage of one outlet counts so much of the one before."""
SAME_FEED_COMPARED = 0.6
SAME_TITLE = 0.7
"""Two titles that share this much of their terms (Jaccard) tell the same thing in the same words."""
SAME_STORY = timedelta(days=3)
WEAKEST = 0.2
"""A passage below this share of the best one's score is noise."""
TOLD_LATER = timedelta(days=1)
"""What happened on a day is told until the next is over."""
_TITLE, _TEXT, _ADDRESS = 1, 2, 4
_BITS: dict[Part, int] = {"title": _TITLE, "text": _TEXT, "address": _ADDRESS}
_WEIGHTS = {_TITLE: 2.0, _TEXT: 1.0, _ADDRESS: 1.5}
# What it is worth to hold a term, by the parts that hold it: as in BM25, each further occurrence tells less.
_WORTH = [2.2 * x / (x + 1.2) for held in range(8) for x in [sum(w for bit, w in _WEIGHTS.items() if held & bit)]]
_KANA = re.compile("[\u3041-\u309f]+")
_COMPARES = re.compile(
    r"(?<!\w)(?:differ(?:s|ent|ently|ence|ences)?|compar(?:e|es|ed|ing|ison)|(?:other|which|various|all) "
    r"(?:outlets?|sources?|papers?)|"
    r"outlets|how (?:is|are|was|were) .{3,60} (?:covered|reported|framed)|coverage|disagree|contradict\w*|"
    r"vergleich\w*|unterschied\w*|unterschiedlich|(?:andere|verschiedene) (?:medien|zeitungen|quellen)|"
    r"diff[eé]r\w+|compar\w+|medios|m[eé]dias|confront\w+|giornali|vergelijk\w*|verschil\w*|jämför\w*)(?!\w)|"
    "各社|各紙|比較|違い|比较|不同媒体",
    re.IGNORECASE,
)
_POINTS_BACK = re.compile(
    r"(?<!\w)(?:he|she|they|them|him|her|his|their|it|its|that|this|those|these|there|then|"
    r"er|ihn|ihm|dort|damals|dazu|davon|il|elle|ils|elles|lui|leur|là|él|ella|ellos|allí|eso|lui|lei|loro|quello|"
    r"ele|ela|eles|isso|hij|zij|daar|dat)(?!\w)|それ|その|彼|彼女|そこ|他|她|它|那里|这",
    re.IGNORECASE,
)
_ALSO = re.compile(
    r"^\W*(?:and|but|or|what about|how about|und|aber|wie ist es|et|mais|qu'en est-il|y|pero|qué tal|e|ma|mas|"
    r"en|maar|och|では|じゃあ|那么?)(?!\w)|呢\W*$",
    re.IGNORECASE,
)
_NAME = re.compile(r"[A-ZÀ-ÖØ-Þ][\w'’.-]+(?:\s+(?:(?:de|del|di|von|van|al|bin|el)\s+)?[A-ZÀ-ÖØ-Þ][\w'’.-]+)+")
_FIGURE = re.compile(
    r"\d|(?<!\w)(?:one|two|three|four|five|six|seven|eight|nine|ten|dozens?|hundreds?|thousands?|"
    r"millions?|half)(?!\w)",
    re.IGNORECASE,
)
_DATE = re.compile(
    r"(?<!\w)(?:mon|tues|wednes|thurs|fri|satur|sun)day|(?<!\w)(?:january|february|march|april|june|july|"
    r"august|september|october|"
    r"november|december|today|yesterday|tomorrow|in (?:19|20)\d\d|\d{1,2} May|May \d{1,2})(?!\w)|\d月|\d日",
    re.IGNORECASE,
)
# A question of this kind is answered by a sentence that holds something of that kind.
_ANSWERED_BY = (
    (
        re.compile(
            r"(?<!\w)(?:who|whom|whose|wer|wen|wem|qui|quién|quien|chi|quem|wie is|vem)(?!\w)|誰|谁", re.IGNORECASE
        ),
        _NAME,
    ),
    (
        re.compile(r"(?<!\w)(?:when|wann|quand|cuándo|quando|wanneer|när)(?!\w)|いつ|何時|什么时候", re.IGNORECASE),
        _DATE,
    ),
    (
        re.compile(
            r"(?<!\w)(?:how (?:many|much|old|long|far|high|big)|wie ?viele?|combien|cuánt[oa]s?|quant[eio]s?|"
            r"quanti|hoeveel|hur många)(?!\w)|"
            "何人|何件|いくつ|いくら|多少|几",
            re.IGNORECASE,
        ),
        _FIGURE,
    ),
)
ANSWERED = 1.1
"""What it adds to a passage that it holds a person, a date or a number where one is asked for."""


@dataclass(frozen=True, slots=True)
class Term:
    """A term of a question in every form that a language could give it, and what it counts."""

    forms: tuple[str, ...]
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class _Candidate:
    entry: Entry
    score: float
    also: tuple[str, ...] = ()


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

    `since` and `until` bound the publication; without them the question's own words for time do. `earlier` are the
    questions before this one, oldest first; `pinned` entry ids are always found, beyond `k` if need be.
    """
    when = read(question[:10_000], now)
    if since or until:
        when = replace(when, since=since, until=until)
    elif when.until:
        when = replace(when, until=min(when.until + TOLD_LATER, now))
    at = as_of or when.as_of or now
    wanted = Filter(since=when.since, until=when.until, as_of=at)
    languages = store.languages()
    own = question_terms(when.rest, languages)
    further = carried(when.rest, own, earlier, languages)
    asked = own + further
    held = _held(store, pinned, asked, at)
    horizon = store.horizon(wanted)
    if not asked:
        newest = held or _newest(store, wanted, k, at)
        return Found(newest, horizon, bool(newest), float(bool(newest)))
    ranked, worth = _ranked(store, when, question, asked, wanted, at)
    about = own + tuple(term for term in further if term.weight > ASIDE_WEIGHT)
    named: tuple[Term, ...] = ()
    if not ranked and not (since or until) and (when.since or when.until):
        # Nothing of that time: the nearest of any other, which answers only if it speaks of that time itself.
        named = question_terms(_words_for_time(question[:10_000], when.rest), languages)
        ranked, worth = _ranked(store, When(), question, asked + named, Filter(as_of=at), at)
        chosen = _mixed(ranked, k, compared=False, skip=frozenset(pinned))
    else:
        chosen = _mixed(ranked, k, compared=_COMPARES.search(question) is not None, skip=frozenset(pinned))
    passages = tuple(_passage(c, asked, worth, question) for c in chosen)
    told = {term.forms: worth[term.forms[0]] for term in about + named}
    if held:
        sure = 1.0
    elif not _speaks_of(named, chosen[:1]):
        sure = 0.0
    else:
        every = horizon if when.since is None and when.until is None else store.horizon(Filter(as_of=at))
        sure = coverage.confidence(question, told, passages, every.articles)
    missing = coverage.missing(when.rest, told, passages) if sure < coverage.SURE else ()
    covered = sure >= coverage.COVERED
    if not covered or held:
        return Found(held + passages, horizon, covered, sure, missing, _fresh(when, now))
    differ = _disagreements(store, [c.entry for c in chosen], at)
    reports = tuple(_report(c.entry) for c in ranked if c.entry.story and c.entry.story == chosen[0].entry.story)
    return Found(passages, horizon, covered, sure, missing, _fresh(when, now), differ, reports)


def _disagreements(store: Store, shown: Sequence[Entry], at: datetime) -> tuple[Disagreement, ...]:
    """The figures in which the reports differ of the story that the first article shown tells, where one shown has any.

    Later articles are often of other stories with figures of their own, so they begin none.
    """
    story = shown[0].story if shown else 0
    if not story or not any(figures(entry) for entry in shown if entry.story == story):
        return ()
    newest = store.reports(Filter(as_of=at), [story])[-MOST_REPORTS:]
    return disagreements(store.entries_by_id([report.entry_id for report in newest], as_of=at).values())


def _fresh(when: When, now: datetime) -> datetime | None:
    """From when on a source must be for what is asked for as of now."""
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return today if when.latest or (when.since and when.since >= today) else None


def _words_for_time(question: str, rest: str) -> str:
    """What `times.read` took out of the question."""

    def alike(one: str, other: str) -> int:
        return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))

    begins = alike(question, rest)
    return question[begins : len(question) - alike(question[begins:][::-1], rest[begins:][::-1])]


def _speaks_of(times: Sequence[Term], best: Sequence[_Candidate]) -> bool:
    """Whether the best article holds all words for a time at which nothing was published."""
    held = [frozenset(" ".join(indexed(c.entry.title, c.entry.text)).split(" ")) for c in best]
    return not times or any(all(not each.isdisjoint(term.forms) for term in times) for each in held)


# ---------------------------------------------------------------- the question


def question_terms(question: str, languages: Iterable[str] = ()) -> tuple[Term, ...]:
    """The distinct terms of a question, without the words that only ask: none for "What is the latest news?"."""
    found = [group for group in dict.fromkeys(forms(question[:10_000], languages)) if group[0] not in ASKING]
    telling = [group for group in found if not _KANA.fullmatch(group[0])]  # pairs of kana are mostly grammar
    return tuple(Term(group) for group in (telling or found)[:MOST_TERMS])


def carried(
    question: str, own: Sequence[Term], earlier: Sequence[str], languages: Iterable[str] = ()
) -> tuple[Term, ...]:
    """What a question takes along of those before it (oldest first), weaker the older they are.

    Up to the one with which the subject began: one that says by itself what it is about. A question that does so itself
    takes along little.
    """
    known = {term.forms[0] for term in own}
    out: list[Term] = []
    weight = ASIDE_WEIGHT if _stands_alone(question, own) else EARLIER_WEIGHT
    for before in reversed(earlier):
        context = question_terms(before, languages)
        out.extend(Term(term.forms, weight) for term in context if term.forms[0] not in known)
        known.update(term.forms[0] for term in context)
        if _stands_alone(before, context) or weight < 0.1:
            break
        weight *= EARLIER_WEIGHT
    return tuple(out)


def _stands_alone(question: str, asked: Sequence[Term]) -> bool:
    return len(asked) > 2 and not _POINTS_BACK.search(question) and not _ALSO.search(question)


def keywords(question: str, earlier: Sequence[str] = ()) -> str:
    """The words of a question that a search elsewhere needs, in order; "" if it has none.

    A follow-up of a single word ("And in Spain?") takes along those of the question before it.
    """

    def telling(asked: str) -> list[str]:
        return list(dict.fromkeys(word for word in words(asked[:10_000]) if not ASKING.issuperset(terms(word))))

    found = telling(question)
    if len(found) < 2 and earlier:
        found = list(dict.fromkeys([*telling(earlier[-1]), *found]))
    return " ".join(found)


# ---------------------------------------------------------------- candidates


def _ranked(
    store: Store, when: When, question: str, asked: Sequence[Term], wanted: Filter, at: datetime
) -> tuple[list[_Candidate], dict[str, float]]:
    """The articles that hold most of it, best first, and what each term tells, by its first form."""
    holders = store.newest([term.forms for term in asked], wanted, limit=NEWEST)
    parts_held: list[dict[int, int]] = []
    oldest: list[int] = []
    for place in range(len(asked)):
        lists = [(bit, holders[part][place]) for part, bit in _BITS.items()]
        parts = dict.fromkeys(lists[0][1], lists[0][0])
        for bit, rows in lists[1:]:
            for row in rows:
                parts[row] = parts.get(row, 0) | bit
        parts_held.append(parts)
        oldest.append(max((rows[-1] for _, rows in lists if len(rows) == NEWEST), default=0))
    # A list that is read to its end says itself how rare its term is.
    whole = wanted.since is None
    number = {
        term.forms[0]: len(parts)
        for term, parts, last in zip(asked, parts_held, oldest, strict=True)
        if whole and not last
    }
    rarity = store.rarity([term.forms for term in asked], number)
    worth = {term.forms[0]: term.weight * told for term, told in zip(asked, rarity, strict=True)}
    held: dict[int, float] = {}
    for term, parts in zip(asked, parts_held, strict=True):
        value = _values(worth[term.forms[0]])
        for row, bits in parts.items():
            held[row] = held.get(row, 0.0) + value[bits]
    unread = [(last, term) for last, term in zip(oldest, asked, strict=True) if last]
    if len(unread) > 1:
        rarest = heapq.nlargest(2, asked, key=lambda term: worth[term.forms[0]])
        both = sum(worth[term.forms[0]] for term in rarest)
        for row in store.newest_of_all([term.forms for term in rarest], wanted, limit=OLDER):
            held.setdefault(row, both)
    recency = _recency(when, at)
    by_hour = {told: recency(told) for told in {row >> HOUR for row in held}}
    promising = [(score * by_hour[row >> HOUR], row) for row, score in held.items()]
    best = heapq.nlargest(SHORTLIST, promising)
    entries = store.wordings([version(row) for _, row in best], wanted)
    answers = [answer for kind, answer in _ANSWERED_BY if kind.search(question[:500])]
    ranked = []
    for score, row in best:
        entry = entries.get(version(row))
        if entry is None:
            continue
        beyond = [term for oldest, term in unread if row < oldest]
        if beyond:
            score = by_hour[row >> HOUR] * _reread(entry, asked, worth)
        if answers and any(answer.search(entry.text[:2_000]) for answer in answers):
            score *= ANSWERED
        ranked.append(_Candidate(entry, score))
    return sorted(ranked, key=lambda c: (-c.score, -c.entry.id)), worth


def _values(worth: float) -> list[float]:
    """What a term tells, by the parts of an article that hold it."""
    return [worth * each for each in _WORTH]


def _reread(entry: Entry, asked: Sequence[Term], worth: Mapping[str, float]) -> float:
    """What an article's wording is worth for these terms, from its words: the index was not asked for so old ones."""
    title, text = indexed(entry.title, entry.text)
    parts = ((_TITLE, title.split(" ")), (_TEXT, text.split(" ")), (_ADDRESS, terms(address_words(entry.url), "en")))
    held = [(bit, frozenset(part)) for bit, part in parts]
    return sum(
        _values(worth[term.forms[0]])[sum(bit for bit, part in held if not part.isdisjoint(term.forms))]
        for term in asked
    )


def _recency(when: When, at: datetime) -> Callable[[int], float]:
    """What an article counts by the hour of its wording: as new as the end of the time that is asked about."""
    days, old = (LATEST_DAYS, LATEST_OLD) if when.latest else (RECENCY_DAYS, OLD)
    if when.since and when.until:
        return lambda _: 1.0
    end = hour(when.until or at)

    def weight(told: int) -> float:
        age = max(end - told, 0) / 24
        return old + (1 - old) / (1 + (age / days) ** 2)

    return weight


def _newest(store: Store, wanted: Filter, k: int, at: datetime) -> tuple[Passage, ...]:
    """What a question about nothing in particular finds: the newest, outlets mixed."""
    recency = _recency(When(), at)
    ranked = [_Candidate(entry, recency(hour(entry.published_at))) for entry in store.entries(wanted, limit=4 * k)]
    return tuple(_passage(c, (), {}, "") for c in _mixed(ranked, k, compared=False, skip=frozenset()))


def _held(store: Store, pinned: Sequence[int], asked: Sequence[Term], at: datetime) -> tuple[Passage, ...]:
    """The passages of pinned entries, each once, in their order."""
    if not pinned:
        return ()
    first = store.entries_by_id(pinned, as_of=at)
    order = [first[i] for i in dict.fromkeys(pinned) if i in first]
    plain = {term.forms[0]: term.weight for term in asked}
    return tuple(replace(_passage(_Candidate(entry, 0.0), asked, plain, ""), pinned=True) for entry in order)


# ---------------------------------------------------------------- variety


def _mixed(ranked: Sequence[_Candidate], k: int, *, compared: bool, skip: frozenset[int]) -> list[_Candidate]:
    """The best `k`, an article and a story once, each outlet's later ones at a discount.

    Where outlets are compared, a story is told by each of them, and an outlet's second counts for little.
    """
    pool: list[_Candidate] = []
    titles: list[frozenset[str]] = []
    holders: dict[str, list[int]] = {}  # by a title's term the places in the pool
    urls: set[str] = set()
    floor = ranked[0].score * WEAKEST if ranked else 0.0
    for candidate in ranked:
        entry = candidate.entry
        if candidate.score < floor or entry.id in skip or entry.url in urls:
            continue
        title = frozenset(terms(entry.title))
        shared = Counter(n for term in title for n in holders.get(term, ()))
        same = min((n for n in shared if _same(title, titles[n], entry, pool[n].entry, compared)), default=None)
        if same is not None:
            if entry.feed != pool[same].entry.feed and entry.feed not in pool[same].also:
                pool[same] = replace(pool[same], also=(*pool[same].also, entry.feed))
            continue
        if len(pool) >= 4 * k:
            break
        for term in title:
            holders.setdefault(term, []).append(len(pool))
        titles.append(title)
        urls.update({entry.url} - {""})
        pool.append(candidate)
    chosen: list[_Candidate] = []
    taken: Counter[int] = Counter()
    discount = SAME_FEED_COMPARED if compared else SAME_FEED
    while pool and len(chosen) < k:
        discounted = [c.score * discount ** taken[c.entry.feed_id] for c in pool]
        place = max(range(len(pool)), key=discounted.__getitem__)
        best = pool.pop(place)
        taken[best.entry.feed_id] += 1
        chosen.append(replace(best, score=discounted[place]))
    return chosen


def _same(title: frozenset[str], other: frozenset[str], entry: Entry, lead: Entry, compared: bool) -> bool:
    """Whether two articles say the same in the same words; compared outlets each have their say."""
    if not title or not other or (compared and entry.feed_id != lead.feed_id):
        return False
    return len(title & other) >= SAME_TITLE * len(title | other)


# ---------------------------------------------------------------- passages


def _passage(candidate: _Candidate, asked: Sequence[Term], worth: Mapping[str, float], question: str) -> Passage:
    entry = candidate.entry
    wanted = {form: worth[term.forms[0]] for term in asked for form in term.forms}
    return Passage(
        entry_id=entry.id,
        title=entry.title,
        text=excerpt(entry.text, wanted, question),
        url=entry.url,
        feed=entry.feed,
        published_at=entry.published_at,
        language=entry.language,
        score=round(candidate.score, 4),
        also=candidate.also,
    )


def _report(entry: Entry) -> Passage:
    """An entry as it is compared with others: its text from the beginning."""
    text = entry.text[: 2 * PASSAGE_CHARACTERS]
    return Passage(entry.id, entry.title, text, entry.url, entry.feed, entry.published_at, entry.language)


def excerpt(text: str, wanted: Mapping[str, float], question: str = "", *, length: int = PASSAGE_CHARACTERS) -> str:
    """The part of `text`, whole sentences in order, of about `length` characters at most, that says most of it.

    `wanted` are terms and what each tells. A sentence that holds the person, date or number asked for says more.
    """
    if len(text) <= length:
        return text
    parts = sentences(text)
    answers = [answer for kind, answer in _ANSWERED_BY if kind.search(question[:500])]
    language = language_of(text[:2_000])
    found = [{term for term in terms(part, language) if term in wanted} for part in parts]
    told = [1.0 if not answers else 1.5 if any(answer.search(part) for answer in answers) else 1.0 for part in parts]
    best, best_worth = (0, 1), -1.0
    for start in range(len(parts)):
        end, size, value, held = start, 0, 0.0, set[str]()
        while end < len(parts) and (end == start or size + len(parts[end]) <= length):
            size += len(parts[end]) + 1
            # To say it again says little more.
            value += told[end] * sum(wanted[term] * (0.25 if term in held else 1.0) for term in sorted(found[end]))
            held |= found[end]
            end += 1
        value -= start * 0.01  # of equals, the earlier: news tells the most important first
        if value > best_worth:
            best, best_worth = (start, end), value
    chosen = " ".join(parts[best[0] : best[1]])[: 2 * length]
    return ("… " if best[0] else "") + chosen + (" …" if best[1] < len(parts) else "")
