"""Mutes: words and feeds that are kept and never shown, but where an entry is asked for by its id."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, event, select

from news.errors import NewsError
from news.search import search
from news.store import Filter, Store
from news.types import Mute
from storage import tables as t
from storage.engine import reading
from tests.conftest import NOW
from tests.news.made import ago, collect, entry, holding, hours, subscribe


def word(value: str) -> Mute:
    return Mute("word", value)


def titles(store: Store, wanted: Filter = Filter(as_of=NOW)) -> list[str]:  # noqa: B008 - frozen
    return [found.title for found in store.entries(wanted)]


@pytest.fixture
def outlet(store: Store) -> str:
    """A feed with four entries; its URL."""
    feed = subscribe(store)
    collect(
        store,
        feed,
        entry("a", "Football final tonight", "The teams are ready.", at=ago(1)),
        entry("b", "Bank raises rates", "Nothing about footballers.", at=ago(2)),
        entry("c", "Royal wedding in June", "A cake was ordered.", at=ago(3)),
        entry("d", "Wedding of royal advisers", "It rained.", at=ago(4)),
    )
    return feed.url


def test_a_muted_word_hides_titles_and_texts_in_all_its_forms(store: Store, outlet: str) -> None:
    assert store.mute(word("Footballs"))
    assert titles(store) == ["Royal wedding in June", "Wedding of royal advisers"]
    assert store.mute(word("orders"))
    assert titles(store) == ["Wedding of royal advisers"]
    store.unmute(word("Footballs"))
    store.unmute(word("orders"))
    assert len(titles(store)) == 4


def test_a_muted_phrase_hides_the_words_in_that_order_only(store: Store, outlet: str) -> None:
    store.mute(word("royal weddings"))
    assert "Royal wedding in June" not in titles(store)
    assert "Wedding of royal advisers" in titles(store)


def test_the_same_word_in_another_form_is_muted_once(store: Store) -> None:
    assert store.mute(word("Wedding"))
    assert not store.mute(word("  weddings "))
    assert store.mutes() == (word("Wedding"),)


@pytest.mark.parametrize("value", ["", "  ", "!!!", "the", '"', "NOT"])
def test_what_holds_nothing_to_look_for_is_refused_with_a_sentence(store: Store, value: str) -> None:
    with pytest.raises(NewsError, match="Type a word"):
        store.mute(word(value))
    assert store.mutes() == ()


@pytest.mark.parametrize("value", ['rates" OR "a', "rates*", "title:rates", "NEAR(rates cake)", "rates AND -cake"])
def test_nothing_typed_is_read_as_a_query(store: Store, outlet: str, value: str) -> None:
    store.mute(word(value))
    assert len(titles(store)) >= 3
    assert "Royal wedding in June" in titles(store)


def test_a_word_of_a_script_without_spaces_is_muted(store: Store) -> None:
    collect(store, subscribe(store), entry("a", "東京都知事選挙", at=ago(1)), entry("b", "大阪の天気", at=ago(2)))
    store.mute(word("知事選"))
    assert titles(store) == ["大阪の天気"]


def test_a_muted_feed_is_hidden_and_still_refreshed(store: Store, outlet: str) -> None:
    other = subscribe(store, "other")
    collect(store, other, entry("x", "Another outlet's story", at=ago(1)))
    assert store.mute(Mute("feed", outlet))
    assert not store.mute(Mute("feed", outlet))
    assert titles(store) == ["Another outlet's story"]
    assert outlet in [feed.url for feed in store.due(NOW + hours(9))]
    assert store.stats().entries == 5


def test_an_article_of_a_muted_and_another_feed_is_the_others_alone(store: Store) -> None:
    for name in ("outlet", "other"):
        collect(store, subscribe(store, name), entry("x", "A story", at=ago(1), url="https://wire.example/x"))
    store.mute(Mute("feed", "https://outlet.example/feed"))
    (shown,) = store.entries()
    assert (shown.feed, shown.also) == ("Other", ())


def test_search_finds_nothing_muted_and_counts_nothing_muted(store: Store, outlet: str) -> None:
    store.mute(word("final"))
    assert holding(store, ["footbal"], Filter(as_of=NOW)) == holding(store, ["footbal"])
    found = search(store, "football", now=NOW)
    assert "Football final tonight" not in [passage.title for passage in found.passages]
    assert found.horizon.articles == 3
    assert search(store, "What is new?", now=NOW).horizon.articles == 3
    store.mute(Mute("feed", outlet))
    found = search(store, "wedding", now=NOW)
    assert (found.passages, found.horizon.articles, found.horizon.feeds) == ((), 0, 0)


def test_what_is_asked_for_by_its_id_is_there_although_it_is_muted(store: Store, outlet: str) -> None:
    (first, *_) = store.entries()
    store.mute(word("final"))
    store.mute(Mute("feed", outlet))
    assert store.entry(first.id) == first
    assert store.entries_by_id([first.id]) == {first.id: first}
    assert [p.entry_id for p in search(store, "wedding", now=NOW, pinned=[first.id]).passages] == [first.id]


def test_an_edit_that_brings_a_muted_word_hides_from_then_on_and_as_of_earlier_shows(store: Store) -> None:
    feed = subscribe(store)
    collect(store, feed, entry("a", "Mine closes", at=ago(5)), at=ago(4))
    collect(store, feed, entry("a", "Mine closes after scandal", at=ago(5)), at=ago(1))
    store.mute(word("scandal"))
    assert titles(store) == []
    assert titles(store, Filter(as_of=ago(2))) == ["Mine closes"]
    assert store.horizon(Filter(as_of=ago(2))).articles == 1
    assert store.horizon().articles == 0


def test_a_muted_feed_that_moves_stays_muted(store: Store, outlet: str) -> None:
    store.mute(Mute("feed", outlet))
    (feed,) = store.feeds()
    collect(store, feed, entry("a", "Again"), found_at="https://new.example/feed")
    assert store.mutes() == (Mute("feed", "https://new.example/feed"),)
    assert titles(store) == []


def test_deleting_everything_deletes_what_was_muted(store: Store, outlet: str) -> None:
    store.mute(word("final"))
    store.delete_everything()
    assert store.mutes() == ()


def test_three_hundred_muted_words_are_no_error(store: Store, outlet: str) -> None:
    for number in range(300):
        store.mute(word(f"word{number} and another{number}"))
    assert len(titles(store)) == 4


def test_without_mutes_no_query_has_a_condition_for_them(store: Store, engine: Engine, outlet: str) -> None:
    asked: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *args: asked.append(args[2]))
    store.entries()
    holding(store, ["rate"])
    store.horizon()
    assert len([query for query in asked if "FROM mutes" in query]) == 3
    assert not any("NOT IN" in query for query in asked)
    store.mute(word("final"))
    asked.clear()
    store.entries()
    assert any("NOT IN" in query for query in asked)
    with reading(engine) as connection:
        assert len(connection.execute(select(t.mutes)).all()) == 1
