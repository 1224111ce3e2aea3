"""Who says what of one event."""

from __future__ import annotations

from dataclasses import replace

from news.accounts import disagreements
from news.search import search
from news.store import Store
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
    (found,) = disagreements([one], [one, two, three])
    assert (found.about, found.moved) == ("the dead", False)
    assert [(each.feed, each.says) for each in found.accounts] == [("One", "13"), ("Three", "9")]
    assert found.accounts[1] == Account("Three", "9", TEXTS["Three"], three.url, three.published_at)


def test_a_count_that_only_grew_has_changed(store: Store) -> None:
    texts = {"One": TEXTS["Three"], "Two": TEXTS["One"]}
    (found,) = disagreements(stored(store, texts)[:1], stored(store, texts))
    assert (found.moved, [each.says for each in found.accounts]) == (True, ["9", "13"])


def test_another_event_one_outlet_or_one_figure_is_no_difference(store: Store) -> None:
    one, two, three = stored(store, TEXTS)
    other = replace(three, title="Bus falls into a ravine near Quito, killing at least 9 people", text="It was dark.")
    assert disagreements([one], [one, two]) == ()
    assert disagreements([one], [one, two, other]) == ()
    assert disagreements([one], [one, replace(three, feed="One")]) == ()
    assert disagreements([], [one, three]) == ()


def test_a_search_brings_the_disagreements_of_what_it_found_first(store: Store) -> None:
    stored(store, TEXTS)
    assert [each.about for each in search(store, "ferry Aurora Malta", now=NOW).disagreements] == ["the dead"]
    assert search(store, "zeppelin", now=NOW).disagreements == ()
