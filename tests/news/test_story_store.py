"""The stories of entries, kept: as entries come, across restarts, with several processes at one database."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import select, update

from news import story_store
from news.store import Store
from news.story_store import REPAIR_EVERY, Stories
from news.types import Feed, ParsedEntry
from storage import tables as t
from storage.engine import StorageError, connect, reading, writing
from tests.conftest import NOW
from tests.news.made import collect, entry, subscribe

FERRY = "Ferry runs aground off Lady Corran, captain questioned"
RATES = "Bank of Marenia raises interest rates to seven percent"
PLACES = "Ellery Osterby Karlsund Varno Marenia Orvania Corran Tolmin Brask Ivelle Sandau Merrow".split()
EVENTS = "ferry aground|rates raised|warehouse fire|mayor resigns|bridge closed|school strike|whale stranded".split("|")


def by_title(store: Store) -> dict[str, set[int]]:
    """The stories that entries of each title are of."""
    out: dict[str, set[int]] = {}
    for one in store.entries(limit=10_000):
        out.setdefault(one.title, set()).add(one.story)
    return out


def stories_of(store: Store) -> dict[int, int | None]:
    """The story of each entry."""
    with reading(store.engine) as connection:
        rows = connection.execute(select(t.entries.c.id, t.entries.c.story_id).order_by(t.entries.c.id))
        return {row.id: row.story_id for row in rows}


def put(store: Store, stories: dict[int, int]) -> None:
    """Write stories by hand, as a repair would have them to mend."""
    with writing(store.engine) as connection:
        for id_, story in stories.items():
            connection.execute(update(t.entries).where(t.entries.c.id == id_).values(story_id=story))


def outlets(store: Store, *names: str) -> list[Feed]:
    return [subscribe(store, name) for name in names or ("post", "wire", "ledger")]


def report(number: int) -> ParsedEntry:
    """One of many reports; those of one place and event are one story."""
    place, event = PLACES[number % 12], EVENTS[number // 12 % 7]
    return entry(f"n{number:03}", f"{event.title()} in {place}: {place} officials speak, {event}")


def many(store: Store, number: int, *, at: datetime = NOW) -> None:
    """So many reports by three outlets, a minute apart."""
    feeds = outlets(store)
    for start in range(0, number, 40):
        some = [report(n) for n in range(start, min(start + 40, number))]
        collect(store, feeds[start // 40 % 3], *some, at=at + timedelta(minutes=start))


@pytest.fixture
def other(store: Store) -> Iterator[Store]:
    """The same database as another process has it."""
    engine = connect(store.engine.url.render_as_string(hide_password=False))
    yield Store(engine)
    engine.dispose()


def test_reports_of_one_event_get_one_story_and_others_their_own(store: Store) -> None:
    post, wire, ledger = outlets(store)
    stories = Stories(store)
    collect(store, post, entry("a", FERRY), at=NOW)
    assert stories.waiting() == 1
    assert stories.group() == 1
    collect(store, wire, entry("b", FERRY), entry("c", RATES), at=NOW + timedelta(hours=1))
    collect(store, ledger, entry("d", RATES), at=NOW + timedelta(hours=2))
    assert stories.group() == 3
    assert stories.group() == stories.waiting() == 0
    found = by_title(store)
    assert found[FERRY] == {1}
    assert len(found[RATES]) == 1
    assert found[RATES] != found[FERRY]


def test_an_entry_without_a_story_says_so(store: Store) -> None:
    collect(store, outlets(store)[0], entry("a"))
    assert [one.story for one in store.entries()] == [0]


def test_stories_go_on_after_a_restart(store: Store) -> None:
    post, wire, ledger = outlets(store)
    for hour, feed in enumerate((post, wire, ledger)):
        collect(store, feed, entry(f"{hour}", FERRY), at=NOW + timedelta(hours=hour))
        Stories(store).group()
    assert by_title(store) == {FERRY: {1}}


def test_batches_change_nothing(store: Store, other: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    many(store, 300)
    Stories(store).group()
    whole = stories_of(store)
    put(store, dict.fromkeys(whole))
    with writing(store.engine) as connection:
        connection.execute(t.meta.delete().where(t.meta.c.key == "stories"))
    monkeypatch.setattr(story_store, "BATCH", 7)
    Stories(other).group()
    assert stories_of(store) == whole
    assert len(set(whole.values())) < 120


def test_which_feed_answered_first_makes_no_difference(store: Store, tmp_path: Path) -> None:
    engine = connect(f"sqlite:///{tmp_path / 'other.db'}")
    told = []
    for place, turn in ((store, 1), (Store(engine), -1)):
        feeds = dict(zip(range(3), outlets(place), strict=True))
        for number in list(feeds)[::turn]:
            some = [replace(report(n), published_at=NOW - timedelta(minutes=n // 2)) for n in range(number, 150, 3)]
            collect(place, feeds[number], *some, at=NOW)
        Stories(place).group()
        address = {one.id: one.url for one in place.entries(limit=1_000)}
        told.append({address[id_]: address[story or 0] for id_, story in stories_of(place).items()})
    engine.dispose()
    assert told[0] == told[1]
    assert len(set(told[0].values())) == len(EVENTS)
    assert told[0]["https://outlet.example/n144"] == "https://outlet.example/n148", "the first to report began it"


def test_what_is_stored_already_is_grouped_bit_by_bit(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(story_store, "BATCH", 50)
    many(store, 200)
    stories = Stories(store)
    assert stories.group(most=60) == 100
    assert stories.group(stopped=lambda: stories.waiting() <= 50) == 50
    grouped = [id_ for id_, story in stories_of(store).items() if story is not None]
    assert grouped[:120] == list(range(1, 121)), "those that came first come first"
    assert len(grouped) == 150
    assert stories.group() == 50


def test_two_processes_in_turn_know_of_each_others_stories(store: Store, other: Store) -> None:
    post, wire, ledger = outlets(store)
    mine, theirs = Stories(store), Stories(other)
    for hour, (stories, feed) in enumerate(
        [(mine, post), (theirs, wire), (mine, ledger), (theirs, post), (theirs, wire), (mine, post)]
    ):
        collect(store, feed, entry(f"f{hour}", FERRY), entry(f"r{hour}", RATES), at=NOW + timedelta(hours=hour))
        assert stories.group() == 2
    assert {len(numbers) for numbers in by_title(store).values()} == {1}


def test_a_write_that_was_overtaken_is_not_made_but_begun_again(
    store: Store, other: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    post, wire, _ = outlets(store)
    mine, theirs = Stories(store), Stories(other)
    collect(store, post, entry("a", FERRY), at=NOW)
    mine.group()
    collect(store, post, entry("b", RATES), at=NOW + timedelta(hours=1))
    write = Stories._write

    def late(self: Stories, *given: object) -> None:
        monkeypatch.setattr(Stories, "_write", write)
        assert theirs.group() == 1  # between what the first read and its write
        collect(store, wire, entry("c", RATES), at=NOW + timedelta(hours=2))
        write(self, *given)

    monkeypatch.setattr(Stories, "_write", late)
    assert mine.group() == 1
    assert by_title(store) == {FERRY: {1}, RATES: {2}}


def test_processes_that_group_at_the_same_time_leave_each_entry_one_story(
    store: Store, other: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(story_store, "BATCH", 20)
    many(store, 400)
    both = [Stories(store), Stories(other)]
    threads = [threading.Thread(target=stories.group) for stories in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    both[0].group()
    stories = stories_of(store)
    assert None not in stories.values()
    assert all(stories[story] == story for story in stories.values() if story), "a story has the entry that began it"
    titles = by_title(store)
    assert sum(len(numbers) == 1 for numbers in titles.values()) > 0.9 * len(titles)


def test_a_crash_in_a_write_loses_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(story_store, "BATCH", 40)
    many(store, 120)
    stories = Stories(store)
    state = story_store._state
    calls = iter(range(100))

    def fails(connection: object) -> object:
        if next(calls) == 4:
            raise StorageError("The disk is full.")
        return state(connection)  # type: ignore[arg-type]

    monkeypatch.setattr(story_store, "_state", fails)
    with pytest.raises(StorageError):
        stories.group()
    done = sum(story is not None for story in stories_of(store).values())
    assert 0 < done < 120
    assert stories.group() == 120 - done
    assert {len(numbers) for numbers in by_title(store).values()} == {1}


def test_a_merge_takes_along_what_is_in_no_memory(store: Store) -> None:
    post, wire, ledger = outlets(store)
    collect(store, wire, entry("old", "Lady Corran refit late", text="Years ago."), at=NOW - timedelta(days=15))
    collect(store, post, entry("one", FERRY), at=NOW)
    collect(store, wire, entry("two", FERRY), at=NOW + timedelta(minutes=1))
    Stories(store).group()
    old, one, two = 1, 2, 3
    put(store, {old: two, one: one, two: two})  # told apart, with the old one in the second
    collect(store, ledger, entry("three", FERRY), at=NOW + REPAIR_EVERY + timedelta(hours=1))
    Stories(store).group()
    assert stories_of(store) == {old: one, one: one, two: one, 4: one}
    assert [store.story_of(number) for number in (one, two, 99)] == [one, one, 99]


def test_repairs_are_due_by_when_entries_came_whoever_made_the_last(
    store: Store, other: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    repaired: list[int] = []
    repair = story_store.Grouper.repair
    monkeypatch.setattr(story_store.Grouper, "repair", lambda self: (repaired.append(len(self)), repair(self))[1])
    post, *_ = outlets(store)
    for hour in range(0, 25, 2):
        collect(store, post, entry(f"{hour}", FERRY), at=NOW + timedelta(hours=hour))
        Stories(store if hour % 4 else other).group()
    assert repaired == [4, 7, 10, 13]


def test_a_repair_waits_for_all_that_came_at_its_moment(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(story_store, "BATCH", 5)
    repaired: list[int] = []
    repair = story_store.Grouper.repair
    monkeypatch.setattr(story_store.Grouper, "repair", lambda self: (repaired.append(len(self)), repair(self))[1])
    post, wire, _ = outlets(store)
    collect(store, post, report(1))
    for feed in (post, wire):
        some = [report(n) for n in range(feed.id * 20, feed.id * 20 + 6)]
        collect(store, feed, *some, at=NOW + REPAIR_EVERY)
    collect(store, post, report(3), at=NOW + REPAIR_EVERY + timedelta(hours=1))
    assert Stories(store).group() == 14
    assert repaired == [13]


def test_an_entry_that_was_edited_keeps_its_story(store: Store) -> None:
    post, wire, _ = outlets(store)
    collect(store, post, entry("a", FERRY), at=NOW)
    collect(store, wire, entry("b", FERRY), at=NOW)
    stories = Stories(store)
    stories.group()
    assert collect(store, wire, entry("b", RATES), at=NOW + timedelta(hours=1)).edited == 1
    assert stories.group() == 0
    assert by_title(store) == {FERRY: {1}, RATES: {1}}
    Stories(store).group()
    assert by_title(store) == {FERRY: {1}, RATES: {1}}


def test_what_was_deleted_is_forgotten_and_its_number_not_given_again(store: Store) -> None:
    post, wire, _ = outlets(store)
    collect(store, post, entry("a", RATES, at=NOW - timedelta(days=100)), at=NOW - timedelta(days=1))
    collect(store, wire, entry("b", FERRY, at=NOW - timedelta(days=100)), at=NOW - timedelta(days=1))
    stories = Stories(store)
    stories.group()
    assert store.prune(NOW) == 2
    collect(store, post, entry("c", FERRY), at=NOW)
    assert stories.group() == 1
    assert stories_of(store) == {3: 3}


def test_removed_feeds_keep_their_stories(store: Store) -> None:
    post, wire, ledger = outlets(store)
    collect(store, post, entry("a", FERRY), at=NOW)
    collect(store, wire, entry("b", FERRY), at=NOW)
    store.remove_feed(wire.id, now=NOW)
    Stories(store).group()
    collect(store, ledger, entry("c", FERRY), at=NOW + timedelta(hours=1))
    Stories(store).group()
    store.restore_feed(wire.id)
    assert by_title(store) == {FERRY: {1}}
    store.delete_everything()
    assert Stories(store).group() == 0


def test_work_grows_with_what_is_new_and_not_with_what_is_stored(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    many(store, 400)
    stories = Stories(store)
    stories.group()
    seen: list[int] = []
    add, learn = story_store.Grouper.add, story_store.Grouper.learn
    monkeypatch.setattr(story_store.Grouper, "add", lambda self, one: (seen.append(one.id), add(self, one))[1])
    monkeypatch.setattr(story_store.Grouper, "learn", lambda self, *one: (seen.append(-1), learn(self, *one))[1])
    collect(store, outlets(store)[0], entry("late", FERRY), at=NOW + timedelta(hours=8))
    assert stories.group() == 1
    assert seen == [401]


def test_the_newest_writes_are_numbered_upwards(store: Store) -> None:
    post, *_ = outlets(store)
    stories = Stories(store)
    for hour in range(3):
        collect(store, post, entry(f"{hour}", FERRY), at=NOW + timedelta(hours=hour))
        stories.group()
    with reading(store.engine) as connection:
        writes = list(connection.execute(select(t.entries.c.grouped_in).order_by(t.entries.c.id)).scalars())
    assert all(one < other for one, other in pairwise(writes))


def test_an_event_that_only_the_other_process_has_grouped_is_known(store: Store, other: Store) -> None:
    post, wire, ledger = outlets(store)
    mine, theirs = Stories(store), Stories(other)
    collect(store, post, entry("a", FERRY), at=NOW)
    assert mine.group() == 1
    collect(store, post, entry("b", RATES), at=NOW + timedelta(hours=1))
    assert theirs.group() == 1
    collect(store, wire, entry("c", RATES), at=NOW + timedelta(hours=2))
    assert mine.group() == 1
    collect(store, ledger, entry("d", RATES), at=NOW + timedelta(hours=3))
    assert theirs.group() == 1
    assert by_title(store) == {FERRY: {1}, RATES: {2}}


def told_apart(store: Store) -> None:
    """One event in two stories, and a late entry of another that makes a repair due."""
    post, wire, ledger = outlets(store)
    collect(store, post, entry("one", FERRY), at=NOW)
    collect(store, wire, entry("two", FERRY), at=NOW + timedelta(minutes=1))
    Stories(store).group()
    put(store, {1: 1, 2: 2})
    collect(store, ledger, entry("three", RATES), at=NOW + REPAIR_EVERY + timedelta(hours=1))


def test_a_repair_looks_at_what_came_before_a_restart(store: Store) -> None:
    told_apart(store)
    with writing(store.engine) as connection:  # the last repair was before both
        before = (NOW - timedelta(minutes=1)).isoformat()
        connection.execute(update(t.meta).where(t.meta.c.key == "stories").values(value=f'[1, "{before}"]'))
    Stories(store).group()
    assert by_title(store) == {FERRY: {1}, RATES: {3}}


def test_a_repair_that_could_not_be_kept_is_made_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    told_apart(store)
    with writing(store.engine) as connection:
        before = (NOW - timedelta(minutes=1)).isoformat()
        connection.execute(update(t.meta).where(t.meta.c.key == "stories").values(value=f'[1, "{before}"]'))
    stories = Stories(store)
    write = Stories._write
    calls = iter((True, False, True, True))

    def fails(self: Stories, *given: object) -> None:
        if not next(calls):
            raise StorageError("The disk is full.")
        write(self, *given)

    monkeypatch.setattr(Stories, "_write", fails)
    with pytest.raises(StorageError):
        stories.group()
    assert by_title(store) == {FERRY: {1, 2}, RATES: {3}}
    collect(store, outlets(store)[0], entry("four", RATES), at=NOW + 2 * REPAIR_EVERY)
    stories.group()
    assert by_title(store) == {FERRY: {1}, RATES: {3}}
