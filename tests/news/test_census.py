"""Counting articles by time in memory: what is new is added, what was deleted is forgotten."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from news.census import Census, Counted, is_stale
from news.store import Filter, Store
from news.types import Mute
from tests.conftest import NOW
from tests.news.made import ago, collect, entry, subscribe


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def census(*moments: int) -> Census:
    made = Census()
    made.begin("")
    made.add((number, 1, moment) for number, moment in enumerate(moments, 1))
    return made


def test_a_count_is_between_two_moments_the_later_left_out() -> None:
    made = census(30, 10, 20)
    assert made.count([1, 2], since=at(10), until=at(30)) == {1: Counted(2, at(10), at(20))}
    assert made.count([1], as_of=at(30)) == {1: Counted(3, at(10), at(30))}
    assert made.count([1], until=at(10)) == {}


def test_an_entry_that_is_told_twice_counts_once() -> None:
    made = census(10, 20)
    made.add([(2, 1, 20), (3, 1, 30)])
    assert made.count([1]) == {1: Counted(3, at(10), at(30))}


def test_another_mark_means_to_begin_again() -> None:
    made = census(10, 20)
    assert made.begin("") == 2
    assert made.begin("a deletion") == 0
    assert (made.articles, made.count([1])) == (0, {})


@given(st.lists(st.integers(0, 20), min_size=1, max_size=20), st.data())
def test_what_is_hidden_counts_nowhere(moments: list[int], data: st.DataObject) -> None:
    hidden = data.draw(st.lists(st.sampled_from(range(len(moments))), unique=True))
    shown = sorted(moment for place, moment in enumerate(moments) if place not in hidden)
    without = {1: Counter(moments[place] for place in hidden)}
    expected = {1: Counted(len(shown), at(shown[0]), at(shown[-1]))} if shown else {}
    assert census(*moments).count([1], without=without) == expected


def test_a_store_counts_what_another_process_added_pruned_and_muted(store: Store) -> None:
    outlet = subscribe(store)
    other = Store(store.engine)
    collect(store, outlet, *(entry(f"e{n}", f"Article {n}", at=ago(n)) for n in range(5)))
    assert other.horizon().articles == 5
    collect(store, outlet, entry("new", "Football", at=ago(2)))
    assert other.horizon(Filter(since=ago(2), as_of=NOW)).articles == 4
    other.mute(Mute("word", "football"))
    assert store.horizon(Filter(since=ago(2), as_of=NOW)).articles == 3
    store.prune(NOW, keep=NOW - ago(2.5))
    assert (other.horizon().articles, other.horizon().since) == (3, ago(2))
    store.delete_everything()
    assert other.horizon().articles == 0


@pytest.mark.parametrize(
    ("articles", "newest_hours", "fetched_hours", "stale"),
    [
        (100, 1, 1, False),
        (100, 1, 25, True),  # not fetched with success for a day
        (100, 73, 1, True),  # four a day, and nothing for three days
        (100, 71, 1, False),
        (10, 24 * 12, 1, False),  # one in three days: a week and a half is usual
        (10, 24 * 40, 1, True),
        (3, 24 * 40, 1, False),  # too few to know
    ],
)
def test_a_feed_is_stale_if_it_was_not_fetched_or_is_silent_for_longer_than_usual(
    articles: int, newest_hours: float, fetched_hours: float, stale: bool
) -> None:
    newest = ago(newest_hours)
    counted = Counted(articles, newest - timedelta(hours=650), newest)
    assert is_stale(counted, now=NOW, added_at=ago(9_000), succeeded_at=ago(fetched_hours)) is stale


def test_a_feed_that_was_just_added_is_not_stale_and_one_that_never_answered_is() -> None:
    assert not is_stale(None, now=NOW, added_at=ago(1), succeeded_at=None)
    assert is_stale(None, now=NOW, added_at=ago(25), succeeded_at=None)
