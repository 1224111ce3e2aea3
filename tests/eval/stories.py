"""How well entries are grouped into stories: against hand labels, beside simpler ways, and with parts left out.

Every article of the archive is grouped as it would arrive; only the labelled ones are judged (tests/data/stories.md).
Pairwise figures ask of each two labelled articles whether they are rightly together; BCubed asks of each article how
much of its group belongs with it, and how much of what does is there. Figures follow from the archive alone, but for
the milliseconds, which are of processor time.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from itertools import combinations, count
from pathlib import Path
from typing import Any

from news import grouping
from news.figures import differences
from news.grouping import Grouper
from news.terms import terms
from news.types import Entry
from tests.eval.archive import Item, read, weeks
from tests.labels import DATA, article_key

REPAIRED_EVERY = timedelta(hours=6)
SETS = ("tune", "report")
Groups = dict[str, int]
"""The number of each article's group, by `article_key`."""


def labels() -> dict[str, tuple[str, str]]:
    """Each labelled article's event and set, by its key."""
    rows = json.loads((DATA / "stories.json").read_text(encoding="utf-8"))
    return {key: (row["id"], row["set"]) for row in rows for key in row["articles"]}


def entries(items: Sequence[Item]) -> list[Entry]:
    """Each article as first worded, in the order of collection, as the store would give it."""
    feeds: dict[str, int] = {}
    out: dict[str, Entry] = {}
    numbers = count(1)
    for item in sorted(items, key=lambda item: (item.collected_at, item.published_at, item.source)):
        key = article_key(item.link)
        if key not in out:
            number = next(numbers)
            out[key] = Entry(
                number, number, feeds.setdefault(item.source, len(feeds) + 1), item.source, "", "en", item.link,
                item.title, item.text, "", "", item.published_at, item.collected_at, 0, False,
            )  # fmt: skip
    return list(out.values())


def main(given: list[str]) -> dict[str, Any]:
    """The figures of the archive's weeks, beside simpler ways and with parts left out."""
    parser = argparse.ArgumentParser(prog="python -m tests.eval stories", description=main.__doc__)
    parser.add_argument("--archive", type=Path, required=True, help="folder of *.ndjson or *.ndjson.gz files")
    parser.add_argument("--weeks", nargs="*", default=(), metavar="W20", help="only these files")
    told = parser.parse_args(given)
    return measure(list(read(weeks(told.archive, told.weeks))))


def measure(items: Sequence[Item], *, compare: bool = True) -> dict[str, Any]:
    """What `main` gives. `compare`: also the baselines and the ablation, minutes more."""
    arriving = entries(items)
    gold = labels()
    groups, speed = grouped(arriving)
    out: dict[str, Any] = {
        "articles": len(arriving),
        "groups": len(set(groups.values())),
        "speed": speed,
        **{name: judged(groups, gold, name) for name in SETS},
        "figures": figures_shown(arriving, groups),
    }
    if compare:
        out["baselines"] = baselines(arriving, gold)
        out["ablation"] = {
            name: {each: judged(made, gold, each) for each in SETS} for name, made in ablation(arriving).items()
        }
    return out


def judged(groups: Groups, gold: Mapping[str, tuple[str, str]], part: str) -> dict[str, float]:
    """Pairwise precision, recall and F1, and BCubed F1, over the labelled articles of `part` that are in `groups`."""
    there = [(groups[key], event) for key, (event, part_) in gold.items() if part_ == part and key in groups]
    both, found, told = Counter(there), Counter(group for group, _ in there), Counter(event for _, event in there)
    right, claimed, wanted = (sum(n * (n - 1) // 2 for n in each.values()) for each in (both, found, told))
    size = len(there) or 1
    precision = sum(n * n / found[group] for (group, _), n in both.items()) / size
    recall = sum(n * n / told[event] for (_, event), n in both.items()) / size
    pairs = right / claimed if claimed else 1.0, right / wanted if wanted else 1.0
    figures = {
        "pairs_precision": pairs[0], "pairs_recall": pairs[1], "pairs_f1": _f1(*pairs),
        "bcubed_precision": precision, "bcubed_recall": recall, "bcubed_f1": _f1(precision, recall),
    }  # fmt: skip
    return {"articles": len(there), **{name: round(value, 4) for name, value in figures.items()}}


def figures_shown(arriving: Sequence[Entry], groups: Groups) -> dict[str, int]:
    """Of all pairs of numbers that are shown to differ: how many there are, were judged by hand, and are right."""
    told = json.loads((DATA / "figures.json").read_text(encoding="utf-8"))
    right = {(row["kind"], frozenset(map(tuple, (row["one"], row["other"])))): row["right"] for row in told}
    key = {entry.id: article_key(entry.url) for entry in arriving}
    stories: defaultdict[int, list[Entry]] = defaultdict(list)
    for entry in arriving:
        stories[groups[key[entry.id]]].append(entry)
    verdicts = [
        right.get((difference.kind, frozenset((key[figure.entry_id], figure.value) for figure in pair)))
        for story in stories.values()
        for difference in differences(story)
        for pair in combinations(difference.figures, 2)
    ]
    judged = [verdict for verdict in verdicts if verdict is not None]
    return {"shown": len(verdicts), "judged": len(judged), "right": sum(judged)}


def _f1(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def grouped(arriving: Sequence[Entry], *, repair: bool = True) -> tuple[Groups, dict[str, float]]:
    """The stories, with a repair every six hours, and what it took."""
    grouper = Grouper()
    stories: dict[int, int] = {}
    took: list[float] = []
    repairs = 0.0
    most = 0
    repaired_at = arriving[0].first_seen_at
    for entry, following in zip(arriving, [*arriving[1:], None], strict=True):
        start = time.process_time()
        stories[entry.id] = grouper.add(entry)
        took.append(time.process_time() - start)
        most = max(most, len(grouper))
        last = following is None or following.first_seen_at != entry.first_seen_at
        if repair and last and entry.first_seen_at - repaired_at >= REPAIRED_EVERY:
            start = time.process_time()
            stories.update(grouper.repair().moved)
            repairs += time.process_time() - start
            repaired_at = entry.first_seen_at
    took.sort()
    speed = {
        "p50_ms": round(took[len(took) // 2] * 1_000, 3),
        "p95_ms": round(took[int(len(took) * 0.95)] * 1_000, 3),
        "seconds_for_7000": round((sum(took) + repairs) / len(took) * 7_000, 2),
        "most_in_memory": most,
    }
    return {article_key(entry.url): stories[entry.id] for entry in arriving}, speed


# ---------------------------------------------------------------- simpler ways


def baselines(arriving: Sequence[Entry], gold: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    """Title equality; words of titles that overlap; TF-IDF cosine with the threshold that is best for tuning."""
    found: dict[str, Groups] = {"equal titles": equal_titles(arriving), "overlapping titles": overlapping(arriving)}
    tried = {threshold: nearest_neighbour(arriving, threshold) for threshold in (0.2, 0.25, 0.3, 0.35, 0.4)}
    best = max(tried, key=lambda threshold: judged(tried[threshold], gold, "tune")["bcubed_f1"])
    found[f"TF-IDF cosine {best}"] = tried[best]
    return {name: {part: judged(groups, gold, part) for part in SETS} for name, groups in found.items()}


def equal_titles(arriving: Sequence[Entry]) -> Groups:
    """Articles whose titles have the same terms are one group."""
    first: dict[tuple[str, ...], int] = {}
    return {
        article_key(entry.url): first.setdefault(tuple(sorted(set(terms(entry.title)))), entry.id) for entry in arriving
    }


def overlapping(arriving: Sequence[Entry]) -> Groups:
    """Joined to the first article of the week before whose title shares at least 3 terms and 0.6 of the shorter."""
    titles = {entry.id: frozenset(terms(entry.title)) for entry in arriving}

    def near(entry: Entry, found: Counter[int]) -> int | None:
        title = titles[entry.id]
        alike = (id_ for id_, n in found.items() if n >= max(3, 0.6 * min(len(title), len(titles[id_]))))
        return min(alike, default=None)

    return _linked(arriving, titles, near)


def nearest_neighbour(arriving: Sequence[Entry], threshold: float) -> Groups:
    """Joined to the article of the week before that is most like it, by the cosine of TF-IDF over title and text."""
    counts = {entry.id: Counter(terms(f"{entry.title} {entry.text}")[:80]) for entry in arriving}
    frequency = Counter(term for each in counts.values() for term in each)
    vectors: dict[int, dict[str, float]] = {}
    for id_, each in counts.items():
        vector = {term: (1 + math.log(n)) * math.log(len(counts) / frequency[term]) for term, n in each.items()}
        length = math.sqrt(sum(weight**2 for weight in vector.values())) or 1.0
        vectors[id_] = {term: weight / length for term, weight in vector.items()}

    def near(entry: Entry, found: Counter[int]) -> int | None:
        vector = vectors[entry.id]
        best, highest = None, threshold
        for id_, _ in found.most_common(30):
            other = vectors[id_]
            cosine = sum(weight * other[term] for term, weight in vector.items() if term in other)
            if cosine >= highest:
                best, highest = id_, cosine
        return best

    rare = {id_: frozenset(sorted(vector, key=vector.__getitem__)[-14:]) for id_, vector in vectors.items()}
    return _linked(arriving, rare, near)


def _linked(
    arriving: Sequence[Entry],
    keys: Mapping[int, frozenset[str]],
    near: Callable[[Entry, Counter[int]], int | None],
) -> Groups:
    """Each article in the group of the earlier one that `near` chooses among those of a week that share a key."""
    group: dict[int, int] = {}
    seen = {entry.id: entry.first_seen_at for entry in arriving}
    holders: defaultdict[str, list[int]] = defaultdict(list)
    for entry in arriving:
        found: Counter[int] = Counter()
        for key in keys[entry.id]:
            for id_ in reversed(holders[key][-400:]):
                if entry.first_seen_at - seen[id_] > timedelta(days=7):
                    break
                found[id_] += 1
            holders[key].append(entry.id)
        chosen = near(entry, found)
        group[entry.id] = entry.id if chosen is None else group[chosen]
    return {article_key(entry.url): group[entry.id] for entry in arriving}


# ---------------------------------------------------------------- parts left out


def ablation(arriving: Sequence[Entry]) -> dict[str, Groups]:
    """The stories without the repair, and with one constant of `news.grouping` that takes a part out."""
    out = {"without the repair": grouped(arriving, repair=False)[0]}
    changes: dict[str, dict[str, Any]] = {
        "nearest entry alone": {"NEAREST": 1.0},
        "mean of the story alone": {"NEAREST": 0.0},
        "without time": {"FADING": 0.0},
        "titles count as text": {"_TITLE": 1},
        "titles alone": {"_TEXT_TERMS": 0},
        "columns as articles": {"_DATED": re.compile("(?!)")},
    }
    for name, change in changes.items():
        with changed(**change):
            out[name] = grouped(arriving)[0]
    return out


@contextmanager
def changed(**values: Any) -> Iterator[None]:
    """`news.grouping` with other constants, for as long as this lasts."""
    before = {name: getattr(grouping, name) for name in values}
    for name, value in values.items():
        setattr(grouping, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(grouping, name, value)
