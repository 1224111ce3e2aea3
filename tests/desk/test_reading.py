"""What a reader did with stories and articles, and when they looked."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, update

from desk.reading import VISIT, Marks, Reading
from news.store import Store
from storage import tables as t
from storage.engine import writing
from tests.conftest import NOW
from tests.news.made import ago, collect, entry, subscribe

LATER = NOW + timedelta(hours=1)


@pytest.fixture
def desk(engine: Engine) -> Reading:
    return Reading(engine)


@pytest.fixture
def merged(store: Store) -> Store:
    """Entries 1 to 4, of which 2 was a story of its own until it became part of 1."""
    collect(store, subscribe(store), *(entry(f"{n}") for n in range(4)))
    with writing(store.engine) as connection:
        for id_, story in ((1, 1), (2, 1), (3, 1), (4, None)):
            connection.execute(update(t.entries).where(t.entries.c.id == id_).values(story_id=story))
    return store


def test_a_mark_is_there_until_it_is_taken_off(desk: Reading) -> None:
    assert desk.marks() == Marks({}, {}, {}, {}, {})
    desk.mark("followed", 7, now=NOW)
    desk.mark("seen", 7, now=NOW)
    desk.mark("seen", 7, now=LATER)
    desk.mark("muted", 8, now=NOW)
    assert desk.marks() == Marks({7: LATER}, {7: NOW}, {8: NOW}, {}, {})
    desk.unmark("followed", 7)
    desk.unmark("muted", 7)
    assert desk.marks() == Marks({7: LATER}, {}, {8: NOW}, {}, {})


def test_readers_have_marks_of_their_own(desk: Reading) -> None:
    desk.of("ann").mark("saved", 1, now=NOW)
    desk.of("bob").mark("saved", 2, now=NOW)
    assert list(desk.of("ann").marks().saved) == [1]
    desk.of("bob").unmark("saved", 1)
    assert list(desk.of("ann").marks().saved) == [1]


def test_marks_follow_a_story_that_became_part_of_another(desk: Reading, merged: Store) -> None:
    desk.mark("followed", 2, now=NOW)
    desk.mark("seen", 1, now=NOW)
    desk.mark("seen", 2, now=LATER)
    desk.mark("muted", 4, now=NOW)
    marks = desk.marks()
    assert marks.followed == {1: NOW}
    assert marks.seen == {1: LATER}
    assert marks.muted == {4: NOW}
    for number in (1, 4):
        desk.unmark("followed", number)
        desk.unmark("muted", number)
    assert (desk.marks().followed, desk.marks().muted) == ({}, {})


def test_what_is_saved_is_an_article_and_tells_its_story(desk: Reading, merged: Store) -> None:
    desk.mark("saved", 3, now=NOW)
    desk.mark("saved", 2, now=LATER)
    assert list(desk.marks().saved.items()) == [(2, LATER), (3, NOW)]
    assert desk.marks().saved_stories == {1: LATER}
    desk.unmark("saved", 2)
    assert desk.marks().saved == {3: NOW}


def test_several_are_marked_in_one_write(desk: Reading) -> None:
    desk.mark("seen", 2, now=NOW)
    desk.mark_all("seen", [3, 2, 3], now=LATER)
    assert desk.marks().seen == {3: LATER, 2: LATER}


def test_a_saved_article_is_not_pruned(desk: Reading, store: Store) -> None:
    old = ago(24 * 200)
    collect(store, subscribe(store), entry("a", at=old), entry("b", at=old), at=old)
    desk.mark("saved", 1, now=NOW)
    desk.mark("seen", 2, now=NOW)
    assert store.prune(NOW) == 1
    assert store.entry(1) is not None


def test_what_is_new_is_counted_from_the_visit_before(desk: Reading) -> None:
    def look(minutes: float) -> datetime | None:
        return desk.looked(now=NOW + timedelta(minutes=minutes))

    assert look(0) is None
    assert look(5) is None, "the first visit goes on"
    long = VISIT / timedelta(minutes=1)
    assert look(5 + long) == NOW + timedelta(minutes=5)
    assert look(5 + 1.9 * long) == NOW + timedelta(minutes=5), "one visit, though longer than a gap"
    assert look(5 + 4 * long) == NOW + timedelta(minutes=5 + 1.9 * long)
    assert desk.of("another").looked(now=NOW) is None


def test_a_clock_that_went_back_begins_anew(desk: Reading) -> None:
    desk.looked(now=LATER)
    assert desk.looked(now=NOW) is None
    assert desk.looked(now=NOW + VISIT) == NOW
