"""How long entries stay: as the reader decided for their feed, else as those of any."""

from __future__ import annotations

from datetime import timedelta

import pytest

from news.errors import UnknownFeed
from news.store import FOR_EVER, Store
from tests.conftest import NOW
from tests.news.made import ago, collect, entry, subscribe

DAY = timedelta(days=1)
AGES = (1, 10, 40, 100, 400, 4_000)


def left(store: Store, days: int | None, *, keep: timedelta | None = None) -> list[int]:
    """The ages, in days, of what is left of a feed with one entry of each age."""
    outlet = subscribe(store)
    collect(store, outlet, *(entry(str(age), at=ago(24 * age)) for age in AGES), at=NOW - DAY)
    store.keep_entries(outlet.id, days)
    store.prune(NOW, **({"keep": keep} if keep else {}))
    return sorted((NOW - found.published_at).days for found in store.entries())


@pytest.mark.parametrize(
    ("days", "stays"),
    [(None, [1, 10, 40]), (7, [1]), (30, [1, 10]), (365, [1, 10, 40, 100]), (FOR_EVER, list(AGES))],
)
def test_a_feed_keeps_its_entries_as_long_as_its_reader_wants(store: Store, days: int | None, stays: list[int]) -> None:
    assert left(store, days) == stays


def test_a_feeds_own_time_holds_whatever_the_others_are_pruned_by(store: Store) -> None:
    assert left(store, 365, keep=7 * DAY) == [1, 10, 40, 100]


def test_one_feeds_time_is_not_the_others(store: Store) -> None:
    short, long, plain = (subscribe(store, name) for name in ("short", "long", "plain"))
    for outlet in (short, long, plain):
        collect(store, outlet, *(entry(f"{outlet.title} {age}", at=ago(24 * age)) for age in AGES), at=NOW - DAY)
    store.keep_entries(short.id, 7)
    store.keep_entries(long.id, FOR_EVER)
    assert store.prune(NOW) == 5 + 0 + 3
    store.keep_entries(long.id, None)
    assert store.prune(NOW) == 3


def test_only_feeds_without_a_time_of_their_own_are_cut_to_a_number(store: Store) -> None:
    mine, plain = subscribe(store, "mine"), subscribe(store, "plain")
    for outlet in (mine, plain):
        collect(store, outlet, *(entry(f"{outlet.title} {n}", at=ago(n + 1)) for n in range(9)))
    store.keep_entries(mine.id, 30)
    assert store.prune(NOW, keep_by_feed=4) == 5


def test_what_a_short_time_removed_does_not_come_back_while_the_feed_shows_it(store: Store) -> None:
    outlet = subscribe(store)
    old = entry("a", at=ago(24 * 10))
    collect(store, outlet, old, at=NOW - 9 * DAY)
    store.keep_entries(outlet.id, 7)
    assert store.prune(NOW) == 1
    for day in range(1, 40):
        assert collect(store, outlet, old, entry(f"new {day}"), at=NOW + day * DAY).new == 1
        store.prune(NOW + day * DAY, keep=7 * DAY)
    assert "Title of a" not in [found.title for found in store.entries(limit=50)]


def test_keeping_entries_of_a_feed_that_is_gone_is_an_error(store: Store) -> None:
    with pytest.raises(UnknownFeed):
        store.keep_entries(99, 7)
