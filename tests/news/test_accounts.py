"""Who says what of one event."""

from __future__ import annotations

from dataclasses import replace

import pytest

from news.accounts import disagreements
from news.search import MOST_REPORTS, search
from news.store import Store
from news.story_store import Stories
from news.types import Account, Entry
from tests.conftest import NOW
from tests.news.made import ago, collect, entry, subscribe

TEXTS = {
    "One": "Ferry Aurora sinks off Malta, killing at least 13 people in heavy sea.",
    "Two": "Ferry Aurora sinks off Malta in heavy sea, killing at least 13 people.",
    "Three": "Ferry Aurora sinks off Malta in heavy sea, killing at least 9 people.",
}


def stored(store: Store, texts: dict[str, str]) -> list[Entry]:
    for hours, (name, text) in enumerate(texts.items(), 1):
        feed = subscribe(store, name.lower())
        collect(store, feed, entry(name, text, "The coast guard searched the sea.", at=ago(9 - hours)))
    return sorted(store.entries(limit=50), key=lambda each: each.id)


def test_outlets_that_count_differently_are_set_side_by_side_with_their_words(store: Store) -> None:
    one, two, three = stored(store, TEXTS)
    (found,) = disagreements([one, two, three])
    assert (found.about, found.moved) == ("the dead", False)
    assert [(each.feed, each.says) for each in found.accounts] == [("One", "13"), ("Three", "9")]
    assert found.accounts[1] == Account("Three", "9", TEXTS["Three"], three.url, three.published_at)


def test_a_count_that_only_grew_has_changed(store: Store) -> None:
    (found,) = disagreements(stored(store, {"One": TEXTS["Three"], "Two": TEXTS["One"]}))
    assert (found.moved, [each.says for each in found.accounts]) == (True, ["9", "13"])


def test_whom_the_outlets_have_their_figures_from_is_told(store: Store) -> None:
    texts = {
        "One": f"{TEXTS['Three'].rstrip('.')}, police say",
        "Two": f"{TEXTS['One'].rstrip('.')}, the navy's spokesman said.",
    }
    (found,) = disagreements(stored(store, texts))
    assert [each.says for each in found.accounts] == ["9 according to police", "13 according to the navy's spokesman"]


def test_one_outlet_or_one_figure_is_no_difference(store: Store) -> None:
    one, two, three = stored(store, TEXTS)
    assert disagreements([one, two]) == ()
    assert disagreements([one, replace(three, feed="One")]) == ()
    assert disagreements([]) == ()


def test_a_search_brings_the_disagreements_of_the_story_it_found_first(store: Store) -> None:
    stored(store, TEXTS)
    bus = subscribe(store, "four")
    collect(store, bus, entry("Four", "Bus falls into a ravine near Quito, killing at least 21 people", at=ago(4)))
    assert search(store, "ferry Aurora Malta", now=NOW).disagreements == ()  # not grouped yet
    Stories(store).group()
    (found,) = search(store, "ferry Aurora Malta", now=NOW).disagreements
    assert [each.says for each in found.accounts] == ["13", "9"]
    assert search(store, "ferry Aurora Malta", now=NOW, as_of=ago(7)).disagreements == ()
    assert search(store, "zeppelin", now=NOW).disagreements == ()
    assert search(store, "bus ravine Quito", now=NOW).disagreements == ()


def test_a_search_brings_the_reports_of_the_story_it_found_first_shown_or_not(store: Store) -> None:
    entries = stored(store, TEXTS)
    bus = subscribe(store, "four")
    collect(store, bus, entry("Four", "Bus falls into a ravine near Malta, killing at least 21 people", at=ago(4)))
    assert search(store, "ferry Aurora Malta", now=NOW).reports == ()  # not grouped yet
    Stories(store).group()
    found = search(store, "ferry Aurora Malta", now=NOW, k=1)
    assert len(found.passages) == 1
    assert {report.entry_id for report in found.reports} == {each.id for each in entries}


def test_a_search_that_shows_no_figure_reads_no_story(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(store, "reports", lambda *given: asked.append(given) or [])
    texts = {"One": "Ferry Aurora leaves Malta in calm sea.", "Two": "Ferry Aurora sails from Malta in calm sea."}
    stored(store, texts)
    Stories(store).group()
    assert search(store, "ferry Aurora Malta", now=NOW).passages
    assert asked == []


def test_of_a_long_story_the_newest_reports_are_compared(store: Store) -> None:
    feeds = [subscribe(store, name) for name in ("one", "two")]
    for n in range(MOST_REPORTS + 1):
        dead = 9 if n == 0 else 13
        says = f"Ferry Aurora sinks off Malta, killing at least {dead} people in heavy sea."
        collect(store, feeds[n % 2], entry(f"e{n}", says, "The coast guard searched the sea.", at=ago(9 - n / 60)))
    Stories(store).group()
    assert len({each.story for each in store.entries(limit=100)}) == 1
    assert search(store, "ferry Aurora Malta", now=NOW).disagreements == ()
