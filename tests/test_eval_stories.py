"""The measure of stories measures what it says."""

from __future__ import annotations

from datetime import timedelta

import pytest

from news import grouping
from tests.conftest import NOW
from tests.eval.archive import Item
from tests.eval.stories import changed, entries, equal_titles, grouped, judged, labels, nearest_neighbour, overlapping
from tests.labels import article_key

GOLD = {"a": ("s1", "tune"), "b": ("s1", "tune"), "c": ("s2", "tune"), "d": ("s2", "tune"), "e": ("s3", "report")}


def item(title: str, link: str, *, hours: float = 0, source: str = "Post", text: str = "") -> Item:
    at = NOW + timedelta(hours=hours)
    return Item(link, title, text, f"https://x.example/{link}", source, at, at)


@pytest.mark.parametrize(
    ("groups", "pairs", "bcubed"),
    [
        ({"a": 1, "b": 1, "c": 2, "d": 2}, (1, 1), (1, 1)),
        ({"a": 1, "b": 1, "c": 1, "d": 1}, (1 / 3, 1), (0.5, 1)),
        ({"a": 1, "b": 2, "c": 3, "d": 4}, (1, 0), (1, 0.5)),
        ({"a": 1, "b": 1, "c": 1, "d": 2}, (1 / 3, 0.5), ((2 / 3 + 2 / 3 + 1 / 3 + 1) / 4, (1 + 1 + 0.5 + 0.5) / 4)),
    ],
)
def test_pairs_and_bcubed_are_counted(groups: dict[str, int], pairs: tuple[float, float], bcubed: tuple[float, float]):
    figures = judged(groups, GOLD, "tune")
    assert figures["articles"] == 4
    assert (figures["pairs_precision"], figures["pairs_recall"]) == pytest.approx(pairs, abs=1e-4)
    assert (figures["bcubed_precision"], figures["bcubed_recall"]) == pytest.approx(bcubed, abs=1e-4)


def test_the_labels_are_as_many_and_as_separate_as_their_note_says():
    gold = labels()
    events = [event for event, _ in gold.values() if event.startswith("s")]
    assert (len(set(events)), len(events), len(gold) - len(events)) == (286, 1_699, 667)
    assert len({(event, part) for event, part in gold.values()}) == 286 + 667  # no event is in both sets


def test_each_article_is_grouped_once_as_first_worded_in_the_order_of_collection():
    told = [
        item("Ferry aground off Lady Corran, later wording", "one", hours=5),
        item("Ferry aground off Lady Corran", "one"),
        item("Lady Corran: ferry aground", "two", source="Wire", hours=1),
        item("Bees return to Marenia", "three", hours=2),
    ]
    arriving = entries(told)
    assert [entry.title for entry in arriving] == [told[1].title, told[2].title, told[3].title]
    one, two, three = (article_key(f"https://x.example/{link}") for link in ("one", "two", "three"))
    for way in (lambda: grouped(arriving)[0], lambda: overlapping(arriving), lambda: nearest_neighbour(arriving, 0.3)):
        groups = way()
        assert groups[one] == groups[two] != groups[three]
    assert len(set(equal_titles(arriving).values())) == 2


def test_a_constant_is_changed_only_as_long_as_asked():
    before = grouping.JOIN
    with changed(JOIN=before * 2):
        during = grouping.JOIN
    assert (during, grouping.JOIN) == (before * 2, before)
