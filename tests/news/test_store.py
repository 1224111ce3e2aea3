"""Feeds, entries and versions: identity, time, the index, leases."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete, func, select, update

from news import store as store_module
from news.errors import Detail, UnknownFeed
from news.searches import Template
from news.store import LEASE, Filter, Schedule, Store, Validators
from storage import tables as t
from storage.engine import reading, writing
from storage.fulltext import any_of, fulltext
from tests.conftest import NOW
from tests.news.made import ago, check_index, collect, entry, feed, holding, hours, subscribe


def titles(store: Store, wanted: Filter = Filter(), **page: int) -> list[str]:  # noqa: B008 - frozen
    return [found.title for found in store.entries(wanted, **page)]


def hits(store: Store, *terms: str, wanted: Filter = Filter()) -> list[str]:  # noqa: B008 - frozen
    return sorted(found.title for found in holding(store, terms, wanted))


def counts(engine: Engine) -> dict[str, int]:
    with reading(engine) as connection:
        return {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (t.feeds, t.entries, t.versions, t.tombstones)
        }


def indexed(engine: Engine, term: str) -> int:
    """How many wordings the index itself knows for a term, whatever the tables say."""
    with reading(engine) as connection:
        found = fulltext(engine.dialect.name).matching(any_of([term]))
        return int(connection.execute(select(func.count()).select_from(found.subquery())).scalar_one())


# ---------------------------------------------------------------- feeds


def test_a_feed_is_stored_once_and_is_due_at_once(store: Store) -> None:
    first, new = store.add_feed("https://a.example/feed", title="A", topic="World", language="en", now=NOW)
    again, new_again = store.add_feed("https://a.example/feed", title="Other", now=NOW + hours(1))
    assert (new, new_again) == (True, False)
    assert first == again
    assert (first.title, first.topic, first.language, first.due_at) == ("A", "World", "en", NOW)
    assert store.due(NOW) == [first]


def test_a_list_with_one_feed_twice_stores_it_once(store: Store) -> None:
    rows = [(f"https://{name}.example/", name, "", "") for name in ("a", "b", "a", "c", "b")]
    added = store.add_feeds(rows, now=NOW)
    assert added == ["https://a.example/", "https://b.example/", "https://c.example/"]
    assert [found.title for found in store.feeds()] == ["a", "b", "c"]
    assert store.add_feeds(rows, now=NOW) == []


def test_ten_thousand_feeds_are_stored_in_one_go(store: Store) -> None:
    rows = [(f"https://example.org/{number}", "", "", "") for number in range(10_000)]
    assert len(store.add_feeds(rows, now=NOW)) == 10_000
    assert len(store.due(NOW)) == 10_000


def test_feeds_are_listed_by_title_whatever_their_case(store: Store) -> None:
    for name in ("beta", "Alpha", "Ångström", "gamma", "ärger"):
        store.add_feed(f"https://example.org/{name}", title=name, now=NOW)
    assert [found.title for found in store.feeds()][:3] == ["Alpha", "beta", "gamma"]


def test_a_removed_feed_takes_its_entries_with_it_and_undo_brings_all_back(store: Store) -> None:
    outlet, other = subscribe(store), subscribe(store, "other")
    collect(store, outlet, entry("a", "Volcano erupts", at=ago(1)))
    collect(store, other, entry("b", "Quiet day", at=ago(2)))
    store.remove_feed(outlet.id, now=NOW)
    assert [found.id for found in store.feeds()] == [other.id]
    assert store.due(NOW + hours(9)) == [store.feed(other.id)]
    assert titles(store) == ["Quiet day"]
    assert hits(store, "volcano") == []
    assert store.horizon().articles == 1
    assert store.stats().entries == 1
    store.restore_feed(outlet.id)
    assert titles(store) == ["Volcano erupts", "Quiet day"]
    assert hits(store, "volcano") == ["Volcano erupts"]


def test_adding_a_removed_feed_again_brings_its_entries_back_and_polls_it_at_once(store: Store) -> None:
    outlet = subscribe(store)
    collect(store, outlet, entry("a", at=ago(1)))
    store.save_failure(outlet.id, now=NOW, schedule=Schedule(NOW + hours(9), 8, rested=True), error="Gone.")
    store.remove_feed(outlet.id, now=NOW)
    back, new = store.add_feed(outlet.url, now=NOW)
    assert new
    assert back.id == outlet.id
    assert (back.failures, back.rested, back.error, back.due_at) == (0, False, "", NOW)
    assert titles(store) == ["Title of a"]


def test_a_paused_feed_is_not_polled_and_keeps_its_entries(store: Store) -> None:
    outlet = subscribe(store)
    collect(store, outlet, entry("a", at=ago(1)))
    store.pause_feed(outlet.id, True)
    assert store.due(NOW + hours(9), everything=True) == []
    assert titles(store) == ["Title of a"]
    store.pause_feed(outlet.id, False)
    assert len(store.due(NOW + hours(9))) == 1


def test_a_rested_feed_is_polled_only_by_hand_until_it_is_woken(store: Store) -> None:
    outlet = subscribe(store)
    store.save_failure(outlet.id, now=NOW, schedule=Schedule(NOW, 8, rested=True), error="Gone.")
    assert store.due(NOW + hours(99)) == []
    assert len(store.due(NOW, everything=True)) == 1
    store.wake_feed(outlet.id, now=NOW)
    assert [(found.failures, found.rested) for found in store.due(NOW)] == [(0, False)]


def test_feeds_that_waited_longest_are_due_first(store: Store) -> None:
    late, early = subscribe(store, "late"), subscribe(store, "early")
    collect(store, late, entry("a"), at=ago(2))
    collect(store, early, entry("b"), at=ago(3))
    assert [found.id for found in store.due(NOW)] == [early.id, late.id]
    assert store.due(ago(2)) == [store.feed(early.id)]


def test_a_feed_can_be_given_another_title_and_topic(store: Store) -> None:
    outlet = subscribe(store)
    store.change_feed(outlet.id, title="My outlet", topic="Mine")
    collect(store, store.feed(outlet.id), entry("a"))
    kept = store.feed(outlet.id)
    assert (kept.title, kept.topic) == ("My outlet", "Mine")
    store.change_feed(outlet.id, topic="")
    assert (store.feed(outlet.id).title, store.feed(outlet.id).topic) == ("My outlet", "")


def test_a_feed_without_a_title_takes_the_one_it_brings(store: Store) -> None:
    outlet, _ = store.add_feed("https://a.example/feed", now=NOW)
    store.save_success(
        outlet.id, now=NOW, schedule=Schedule(NOW), validators=Validators(), parsed=feed(entry("a"), title="Its own")
    )
    kept = store.feed(outlet.id)
    assert (kept.title, kept.site_url, kept.language) == ("Its own", "https://outlet.example/", "en")
    assert store.entries()[0].feed == "Its own"


def test_what_is_not_stored_is_named_by_its_own_error(store: Store) -> None:
    subscribed = subscribe(store)
    store.delete_everything()
    for act in (
        lambda: store.feed(7),
        lambda: store.remove_feed(7, now=NOW),
        lambda: store.save_failure(7, now=NOW, schedule=Schedule(NOW), error="Gone."),
        lambda: collect(store, subscribed, entry("a")),
    ):
        with pytest.raises(UnknownFeed):
            act()
    assert store.entry(7) is None


def test_a_failure_keeps_entries_and_validators_and_what_the_server_said(store: Store) -> None:
    outlet = subscribe(store)
    collect(store, outlet, entry("a", at=ago(5)), at=ago(4))
    detail = Detail(500, (("server", "nginx"), ("x", "1")), "<html>", note="a note")
    store.save_failure(
        outlet.id, now=NOW, schedule=Schedule(NOW + hours(1), 3), error="The server is broken.", detail=detail
    )
    kept = store.feed(outlet.id)
    assert (kept.error, kept.failures, kept.checked_at, kept.succeeded_at) == (
        "The server is broken.", 3, NOW, ago(4),
    )  # fmt: skip
    assert (kept.etag, kept.last_modified, kept.body_hash) == ("etag", "then", "hash")
    assert store.failure_detail(outlet.id) == detail
    assert titles(store) == ["Title of a"]
    collect(store, outlet, entry("a", at=ago(5)))
    assert store.feed(outlet.id).error == ""
    assert store.feed(outlet.id).failures == 0
    assert store.failure_detail(outlet.id) is None


# ---------------------------------------------------------------- moved feeds


def test_a_feed_moves_when_a_permanent_redirect_is_seen_twice(store: Store) -> None:
    outlet = subscribe(store)
    new = "https://new.example/feed"
    collect(store, outlet, entry("a"), moved_to=new)
    assert store.feed(outlet.id).url == outlet.url
    collect(store, outlet, entry("a"), moved_to=new)
    assert store.feed(outlet.id).url == new
    assert titles(store) == ["Title of a"]


@pytest.mark.parametrize("between", ["", "https://elsewhere.example/feed"])
def test_a_permanent_redirect_that_was_taken_back_moves_nothing(store: Store, between: str) -> None:
    outlet = subscribe(store)
    new = "https://new.example/feed"
    for moved_to in (new, between, new):
        collect(store, outlet, entry("a"), moved_to=moved_to)
    assert store.feed(outlet.id).url == outlet.url


def test_a_feed_never_moves_onto_another_one(store: Store) -> None:
    outlet, other = subscribe(store), subscribe(store, "other")
    for _ in range(3):
        collect(store, outlet, entry("a"), moved_to=other.url)
    assert {found.url for found in store.feeds()} == {outlet.url, other.url}


def test_a_page_that_announces_a_feed_becomes_that_feed_at_once(store: Store) -> None:
    outlet = subscribe(store)
    collect(store, outlet, entry("a"), found_at="https://outlet.example/real.xml")
    kept = store.feed(outlet.id)
    assert (kept.url, kept.etag) == ("https://outlet.example/real.xml", "etag")


def test_a_page_whose_feed_is_stored_already_is_not_asked_with_the_feeds_validators(store: Store) -> None:
    outlet, other = subscribe(store), subscribe(store, "other")
    collect(store, outlet, entry("a"), found_at=other.url)
    kept = store.feed(outlet.id)
    assert (kept.url, kept.etag, kept.last_modified, kept.body_hash) == (outlet.url, "", "", "")


# ---------------------------------------------------------------- identity and versions


def test_the_same_feed_twice_gives_the_same_rows(store: Store, engine: Engine) -> None:
    outlet = subscribe(store)
    items = [entry(key, text=f"Text of {key}.", at=ago(3)) for key in ("c", "b", "a")]
    assert collect(store, outlet, *items, at=ago(2)).new == 3
    before = counts(engine), store.entries()
    changes = collect(store, outlet, *items, at=ago(1))
    assert (changes.new, changes.edited) == (0, 0)
    assert (counts(engine), store.entries()) == before


def test_two_items_with_one_key_are_one_entry(store: Store, engine: Engine) -> None:
    collect(store, subscribe(store), entry("a", "One"), entry("a", "Two"))
    assert counts(engine)["entries"] == counts(engine)["versions"] == 1


def test_an_item_whose_outlet_gave_it_another_guid_stays_one_entry(store: Store) -> None:
    outlet = subscribe(store)
    url = "https://outlet.example/rain"
    collect(store, outlet, entry("guid-1", "Rain in Oslo", "It rains.", url=url, at=ago(9)), at=ago(8))
    changes = collect(
        store, outlet, entry("guid-2", "Rain in Oslo", "It pours.", url=f"{url}?utm_source=rss", at=ago(9))
    )
    assert (changes.new, changes.edited) == (0, 1)
    (kept,) = store.entries()
    assert kept.text == "It pours."
    assert (
        collect(store, outlet, entry("guid-2", "Rain in Oslo", "It pours.", url=url, at=ago(9)), at=NOW + hours(1)).new
        == 0
    )


def test_items_that_share_an_address_but_nothing_else_stay_apart(store: Store) -> None:
    outlet = subscribe(store)
    home = "https://outlet.example/live"
    collect(store, outlet, entry("1", "Rain in Oslo", url=home, at=ago(9)), at=ago(8))
    assert collect(store, outlet, entry("2", "Snow in Bergen", url=home, at=ago(1))).new == 1
    assert len({kept.id for kept in store.entries_by_id([1, 2]).values()}) == 2


def test_the_same_key_in_two_feeds_is_two_entries(store: Store, engine: Engine) -> None:
    for name in ("one", "two"):
        collect(store, subscribe(store, name), entry("a", f"Of {name}", url=f"https://{name}.example/a"))
    assert sorted(titles(store)) == ["Of one", "Of two"]


def test_thousands_of_items_are_stored_and_known_again(store: Store, engine: Engine) -> None:
    outlet = subscribe(store)
    items = [entry(str(number), at=ago(1)) for number in range(1_700)]
    assert collect(store, outlet, *items, at=ago(0.5)).new == 1_700
    edited = [entry("1699", "Edited", at=ago(1)), *items[:-1]]
    changes = collect(store, outlet, *edited)
    assert (changes.new, changes.edited) == (0, 1)
    assert counts(engine)["versions"] == 1_701


def test_an_edit_makes_a_version_and_not_a_second_row(store: Store, engine: Engine) -> None:
    outlet = subscribe(store)
    collect(store, outlet, entry("a", "Ten hurt", "Ten people.", at=ago(6)), at=ago(5))
    changes = collect(store, outlet, entry("a", "Twelve hurt", "Twelve people.", at=ago(6)), at=ago(2))
    assert (changes.new, changes.edited) == (0, 1)
    assert counts(engine)["entries"] == 1
    (found,) = store.entries()
    assert (found.title, found.text, found.edits, found.published_at) == ("Twelve hurt", "Twelve people.", 1, ago(6))
    wordings = [(v.title, v.valid_from, v.valid_until) for v in store.versions(found.id)]
    assert wordings == [("Ten hurt", ago(6), ago(2)), ("Twelve hurt", ago(2), None)]


def test_an_edit_that_is_taken_back_is_a_third_version(store: Store) -> None:
    outlet = subscribe(store)
    for at, title in ((5, "One"), (4, "Two"), (3, "One")):
        collect(store, outlet, entry("a", title, at=ago(6)), at=ago(at))
    (found,) = store.entries()
    assert found.edits == 2
    assert [wording.title for wording in store.versions(found.id)] == ["One", "Two", "One"]


def test_a_new_address_author_or_picture_is_taken_over_without_a_version(store: Store) -> None:
    outlet = subscribe(store)
    collect(store, outlet, entry("a", "Same", at=ago(6), url="https://outlet.example/wrong"), at=ago(5))
    changes = collect(store, outlet, entry("a", "Same", at=ago(6), url="https://outlet.example/right", author="Ann"))
    assert (changes.new, changes.edited) == (0, 0)
    (found,) = store.entries()
    assert (found.url, found.author, found.edits) == ("https://outlet.example/right", "Ann", 0)
    # The article is known by its new address too.
    collect(store, subscribe(store, "other"), entry("b", at=ago(7), url="https://outlet.example/right"))
    assert [found.also for found in store.entries()] == [("Other",)]


def test_an_item_dated_in_the_future_is_published_when_it_was_collected(store: Store) -> None:
    collect(store, subscribe(store), entry("a", at=NOW + hours(5)))
    assert store.entries()[0].published_at == NOW


# ---------------------------------------------------------------- as of a moment


@pytest.mark.parametrize(
    ("as_of", "title", "edits"),
    [
        (ago(6.1), None, 0),  # not published yet
        (ago(6), "First", 0),  # published, though collected later
        (ago(5.5), "First", 0),
        (ago(2.1), "First", 0),
        (ago(2), "Second", 1),  # a later wording from when it was collected
        (ago(1.1), "Second", 1),
        (ago(1), "Third", 2),
        (NOW + hours(100), "Third", 2),
    ],
)
def test_an_entry_has_the_wording_that_was_known_at_the_moment(
    store: Store, as_of: datetime, title: str | None, edits: int
) -> None:
    outlet = subscribe(store)
    for at, wording in ((5, "First"), (2, "Second"), (1, "Third")):
        collect(store, outlet, entry("a", wording, at=ago(6)), at=ago(at))
    wanted = Filter(as_of=as_of)
    expected = [] if title is None else [(title, edits)]
    entry_id = store.entries()[0].id
    assert [(found.title, found.edits) for found in store.entries(wanted)] == expected
    assert [(found.title, found.edits) for found in holding(store, ["first", "second", "third"], wanted)] == expected
    one = store.entry(entry_id, as_of=as_of)
    assert ([(one.title, one.edits)] if one else []) == expected
    many = store.entries_by_id([entry_id, entry_id + 1], as_of=as_of)
    assert [(found.title, found.edits) for found in many.values()] == expected
    assert store.horizon(wanted).articles == len(expected)


def test_an_undated_entry_exists_from_when_it_was_first_seen(store: Store) -> None:
    outlet = subscribe(store)
    collect(store, outlet, entry("a", "Undated"), at=ago(3))
    collect(store, outlet, entry("a", "Undated, edited"), at=ago(1))
    assert titles(store, Filter(as_of=ago(3.1))) == []
    assert titles(store, Filter(as_of=ago(3))) == ["Undated"]
    assert titles(store, Filter(as_of=NOW)) == ["Undated, edited"]
    assert store.entries()[0].published_at == ago(3)


def test_a_replay_with_an_earlier_clock_never_rewrites_what_is_known_to_be_later(store: Store, engine: Engine) -> None:
    outlet = subscribe(store)
    collect(store, outlet, entry("a", "First", at=ago(6)), at=ago(5))
    collect(store, outlet, entry("a", "Second", at=ago(6)), at=ago(2))
    assert collect(store, outlet, entry("a", "First", at=ago(6)), at=ago(4)).edited == 0
    assert [wording.title for wording in store.versions(store.entries()[0].id)] == ["First", "Second"]
    check_index(engine)


def test_at_any_moment_an_entry_has_one_wording_at_most(store: Store) -> None:
    outlet = subscribe(store)
    for at in range(9, 0, -1):
        collect(store, outlet, entry("a", f"Wording {at}", at=ago(9.5)), at=ago(at))
    for quarter in range(44):
        assert len(store.entries(Filter(as_of=ago(quarter / 4)))) == (1 if quarter <= 38 else 0)


# ---------------------------------------------------------------- lists


def test_entries_come_newest_first_and_in_pages(store: Store) -> None:
    outlet = subscribe(store)
    collect(store, outlet, *(entry(str(number), at=ago(number)) for number in range(1, 31)))
    pages = [titles(store, limit=7, offset=offset) for offset in range(0, 35, 7)]
    assert [len(page) for page in pages] == [7, 7, 7, 7, 2]
    assert [title for page in pages for title in page] == [f"Title of {number}" for number in range(1, 31)]


def test_an_article_in_three_feeds_is_shown_once_and_names_the_others(store: Store) -> None:
    for number, name in enumerate(("one", "two", "three")):
        shared = entry("s", "Shared", at=ago(number + 1), url=f"https://wire.example/a?utm_source={name}")
        collect(store, subscribe(store, name), shared, entry(f"own-{name}", at=ago(10)))
    found = store.entries()
    assert len(found) == 4
    assert (found[0].feed, found[0].also) == ("One", ("Two", "Three"))
    pages = [title for offset in range(4) for title in titles(store, limit=1, offset=offset)]
    assert sorted(pages) == sorted(one.title for one in found)


def test_entries_without_an_address_are_never_taken_for_one_article(store: Store) -> None:
    collect(store, subscribe(store), *(entry(key, at=ago(1), url="") for key in "abc"))
    assert len(store.entries()) == 3


def test_a_filter_lets_through_feeds_topics_languages_and_times(store: Store) -> None:
    one = subscribe(store, "one", topic="World", language="en")
    two = subscribe(store, "two", topic="Sport", language="ja")
    collect(store, one, entry("a", "A", at=ago(3)), entry("b", "B", at=ago(1)))
    store.save_success(
        two.id, now=NOW, schedule=Schedule(NOW), validators=Validators(),
        parsed=feed(entry("c", "C", at=ago(2)), language="ja"),
    )  # fmt: skip
    assert titles(store, Filter(feeds=(one.id,))) == ["B", "A"]
    assert titles(store, Filter(topics=("Sport",))) == ["C"]
    assert titles(store, Filter(topics=("Sport", "World"))) == ["B", "C", "A"]
    assert titles(store, Filter(languages=("ja",))) == ["C"]
    assert titles(store, Filter(since=ago(2))) == ["B", "C"], "since is part of the range"
    assert titles(store, Filter(until=ago(2))) == ["A"], "until is not"
    assert titles(store, Filter(since=ago(2), until=ago(1), languages=("en",))) == []


# ---------------------------------------------------------------- the index


def test_the_index_follows_edits(store: Store, engine: Engine) -> None:
    outlet = subscribe(store)
    collect(store, outlet, entry("a", "Volcano erupts", "Ash over the harbour.", at=ago(6)), at=ago(5))
    collect(store, outlet, entry("a", "Volcano calms", "Ships leave the harbour.", at=ago(6)), at=ago(2))
    assert hits(store, "ash") == []
    assert hits(store, "ship") == ["Volcano calms"]
    assert hits(store, "ash", wanted=Filter(as_of=ago(3))) == ["Volcano erupts"]
    assert hits(store, "ship", wanted=Filter(as_of=ago(3))) == []
    assert hits(store, "harbour") == ["Volcano calms"]
    check_index(engine)


def test_the_index_follows_prune_removal_of_the_sample_and_deletion_of_everything(store: Store, engine: Engine) -> None:
    outlet = subscribe(store)
    sample, _ = store.add_feed("https://sample.example/", sample=True, now=NOW)
    collect(store, outlet, entry("old", "Ancient volcano", at=ago(24 * 100)), entry("new", "Recent volcano", at=ago(1)))
    collect(store, sample, entry("s", "Sample volcano", at=ago(1)))
    assert indexed(engine, "volcano") == 3
    store.prune(NOW)
    assert indexed(engine, "volcano") == 2
    assert hits(store, "volcano") == ["Recent volcano", "Sample volcano"]
    assert store.remove_sample() == 1
    assert indexed(engine, "volcano") == 1
    check_index(engine)
    store.delete_everything()
    assert indexed(engine, "volcano") == 0
    assert counts(engine) == dict.fromkeys(("feeds", "entries", "versions", "tombstones"), 0)
    collect(store, subscribe(store), entry("a", "Another volcano"))
    assert hits(store, "volcano") == ["Another volcano"]
    check_index(engine)


def test_a_number_that_a_deleted_wording_had_finds_only_the_new_one(store: Store, engine: Engine) -> None:
    sample, _ = store.add_feed("https://sample.example/", sample=True, now=NOW)
    collect(store, sample, entry("s", "Old volcano"))
    store.remove_sample()
    collect(store, subscribe(store), entry("a", "New harbour"))
    assert hits(store, "volcano") == []
    assert hits(store, "harbour") == ["New harbour"]


def test_the_index_is_made_anew_when_the_analysis_changes(
    store: Store, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    outlet = subscribe(store)
    collect(
        store, outlet, *(entry(str(number), f"Volcano number{number}", at=ago(3)) for number in range(1_200)), at=ago(2)
    )
    collect(store, outlet, entry("7", "Harbour", at=ago(3)))

    def reversed_words(title: str, text: str) -> tuple[str, str]:
        return (title[::-1].lower(), text[::-1].lower())

    monkeypatch.setattr(store_module, "indexed", reversed_words)
    monkeypatch.setattr(store_module, "ANALYSIS", "reversed")
    anew = Store(engine)
    assert len(holding(anew, ["onaclov"])) == 1_199
    assert hits(anew, "volcano") == []
    assert hits(anew, "ruobrah") == ["Harbour"]
    assert hits(anew, "7rebmun", wanted=Filter(as_of=ago(1))) == ["Volcano number7"]
    check_index(engine)


def test_the_index_is_left_alone_when_the_analysis_is_the_same(store: Store, engine: Engine) -> None:
    collect(store, subscribe(store), entry("a", "Volcano"))
    with writing(engine) as connection:
        fulltext(engine.dialect.name).clear(connection)
    assert hits(Store(engine), "volcano") == []


def test_more_terms_than_any_question_has_are_no_error(store: Store) -> None:
    collect(store, subscribe(store), entry("a", "Volcano"))
    assert hits(store, *(f"word{number}" for number in range(3_000)), "volcano") == ["Volcano"]


def test_what_was_deleted_is_not_left_in_the_file(store: Store, database: Path) -> None:
    outlet = subscribe(store)
    collect(store, outlet, *(entry(str(number), "A secret", "secret text " * 9, at=ago(1)) for number in range(100)))

    def kept() -> bytes:
        return b"".join(path.read_bytes() for path in sorted(database.parent.glob(f"{database.name}*")))

    assert kept().count(b"secret") > 100
    store.delete_everything()
    assert b"secret" not in kept()
    collect(store, subscribe(store), entry("a", "Volcano"))
    assert hits(store, "volcano") == ["Volcano"]


# ---------------------------------------------------------------- searches


def test_searches_are_kept_in_order_and_one_name_once(store: Store, engine: Engine) -> None:
    post, wire = (
        Template("The “Post”", "https://post.example/{query}"),
        Template("Wire", "https://wire.example/{query}"),
    )
    assert store.searches() == ()
    for template in (post, wire):
        store.add_search(template)
    assert Store(engine).searches() == (post, wire)
    newer = Template(post.name, "https://post.example/find?q={query}")
    store.add_search(newer)
    assert store.searches() == (wire, newer)
    store.remove_search("Wire")
    store.remove_search("Nobody")
    assert store.searches() == (newer,)
    store.delete_everything()
    assert store.searches() == ()


def test_a_feed_that_comes_in_paused_is_never_due_and_can_be_followed_later(store: Store) -> None:
    found, added = store.add_feed("https://post.example/find", now=ago(1), paused=True)
    assert added
    assert found.paused
    assert store.due(NOW) == []
    again, added = store.add_feed("https://post.example/find", now=NOW)
    assert not added
    assert again.paused
    store.remove_feed(found.id, now=NOW)
    assert store.add_feed("https://post.example/find", now=NOW, paused=True)[0].paused
    store.pause_feed(found.id, False)
    assert [feed.id for feed in store.due(NOW)] == [found.id]


# ---------------------------------------------------------------- prune


def test_prune_deletes_what_is_old_and_what_is_beyond_a_feeds_share(store: Store) -> None:
    outlet, other = subscribe(store), subscribe(store, "other")
    collect(store, outlet, *(entry(str(n), at=ago(n)) for n in range(1, 11)), entry("old", at=ago(24 * 91)))
    collect(store, other, *(entry(f"o{n}", at=ago(n)) for n in range(1, 4)))
    assert store.prune(NOW, keep_by_feed=4) == 7
    kept = {found.url.rsplit("/", 1)[-1] for found in store.entries()}
    assert kept == {"1", "2", "3", "4", "o1", "o2", "o3"}
    assert store.prune(NOW, keep_by_feed=4) == 0


def test_prune_deletes_thousands(store: Store, engine: Engine) -> None:
    collect(store, subscribe(store), *(entry(str(n), at=ago(24 * 100)) for n in range(1_300)))
    assert store.prune(NOW) == 1_300
    assert counts(engine) == {"feeds": 1, "entries": 0, "versions": 0, "tombstones": 1_300}
    check_index(engine)


def test_what_was_pruned_does_not_come_back(store: Store, engine: Engine) -> None:
    outlet = subscribe(store)
    items = [entry("old", at=ago(24 * 100)), entry("new", at=ago(1))]
    collect(store, outlet, *items)
    assert store.prune(NOW) == 1
    changes = collect(store, outlet, *items, entry("newer", at=ago(0.5)), at=NOW + hours(1))
    assert (changes.new, changes.edited) == (1, 0)
    assert sorted(titles(store)) == ["Title of new", "Title of newer"]


def test_what_was_pruned_stays_away_for_as_long_as_the_feed_shows_it(store: Store) -> None:
    outlet = subscribe(store)
    ancient = entry("ancient", at=ago(24 * 100))
    collect(store, outlet, ancient)
    day = timedelta(days=1)
    for month in range(24):
        store.prune(NOW + 30 * month * day)
        assert collect(store, outlet, ancient, entry(f"month-{month}"), at=NOW + 30 * month * day).new == 1


def test_the_memory_of_what_was_pruned_does_not_grow_for_ever(store: Store, engine: Engine) -> None:
    collect(store, subscribe(store), entry("old", at=ago(24 * 100)))
    store.prune(NOW)
    assert counts(engine)["tombstones"] == 1
    store.prune(NOW + timedelta(days=181))
    assert counts(engine)["tombstones"] == 0


def test_a_feed_removed_a_month_ago_is_gone_for_good(store: Store, engine: Engine) -> None:
    outlet, other = subscribe(store), subscribe(store, "other")
    collect(store, outlet, entry("a", "Volcano", at=ago(1)))
    collect(store, other, entry("b", "Volcano too", at=ago(1)))
    store.remove_feed(outlet.id, now=NOW)
    store.prune(NOW + timedelta(days=29))
    store.restore_feed(outlet.id)
    assert len(titles(store)) == 2
    store.remove_feed(outlet.id, now=NOW)
    store.prune(NOW + timedelta(days=31))
    assert counts(engine) == {"feeds": 1, "entries": 1, "versions": 1, "tombstones": 0}
    assert indexed(engine, "volcano") == 1
    with pytest.raises(UnknownFeed):
        store.restore_feed(outlet.id)


def test_the_sample_is_removed_with_all_it_holds_and_nothing_else(store: Store, engine: Engine) -> None:
    collect(store, subscribe(store), entry("a", "Real", at=ago(1)))
    for name in ("one", "two"):
        sample, _ = store.add_feed(f"https://{name}.sample.example/", sample=True, now=NOW)
        collect(store, sample, entry(name, f"Sample {name}", at=ago(2)), at=ago(1))
        collect(store, sample, entry(name, f"Sample {name}, edited", at=ago(2)))
    assert [found.title for found in store.due(NOW + hours(9))] == ["Outlet"], "a sample is never fetched"
    assert [found.sample for found in store.entries()] == [False, True, True]
    assert store.remove_sample() == 2
    assert store.remove_sample() == 0
    assert titles(store) == ["Real"]
    assert counts(engine) == {"feeds": 1, "entries": 1, "versions": 1, "tombstones": 0}


# ---------------------------------------------------------------- leases


def test_a_feed_is_leased_to_one_refresher_at_a_time(store: Store) -> None:
    outlet = subscribe(store)
    assert store.lease(outlet, owner="one", now=NOW)
    assert not store.lease(outlet, owner="two", now=NOW)
    assert store.lease_owners() == {"one"}
    store.release(owner="two")
    assert not store.lease(outlet, owner="two", now=NOW)
    store.release(owner="one", feed_id=outlet.id)
    assert store.lease_owners() == set()
    assert store.lease(outlet, owner="two", now=NOW)


def test_the_lease_of_a_dead_refresher_ends(store: Store) -> None:
    outlet = subscribe(store)
    assert store.lease(outlet, owner="dead", now=NOW)
    assert not store.lease(outlet, owner="next", now=NOW + LEASE - timedelta(seconds=1))
    assert store.lease(outlet, owner="next", now=NOW + LEASE)


def test_a_lease_of_another_clock_is_void_in_a_replay(store: Store) -> None:
    outlet = subscribe(store)
    assert store.lease(outlet, owner="today", now=NOW)
    assert store.lease(outlet, owner="replay", now=NOW - timedelta(days=100))


def test_a_refresher_whose_clock_is_a_little_behind_respects_a_lease(store: Store) -> None:
    outlet = subscribe(store)
    assert store.lease(outlet, owner="ahead", now=NOW)
    assert not store.lease(outlet, owner="behind", now=NOW - timedelta(seconds=90))


def test_success_and_failure_give_the_lease_back(store: Store) -> None:
    outlet = subscribe(store)
    assert store.lease(outlet, owner="one", now=ago(2))
    collect(store, outlet, entry("a"), at=ago(2))
    assert store.lease(store.feed(outlet.id), owner="two", now=ago(2))
    store.save_failure(outlet.id, now=ago(2), schedule=Schedule(NOW), error="No.")
    assert store.lease(store.feed(outlet.id), owner="three", now=ago(2))


def test_a_feed_that_was_polled_since_it_was_read_is_not_leased(store: Store) -> None:
    read_before = subscribe(store)
    collect(store, read_before, entry("a"))
    assert not store.lease(read_before, owner="late", now=NOW)
    assert store.lease(store.feed(read_before.id), owner="late", now=NOW)


def test_of_sixteen_threads_one_gets_the_lease(store: Store) -> None:
    outlet = subscribe(store)
    got: list[bool] = []
    begin = threading.Barrier(16)

    def take(number: int) -> None:
        begin.wait()
        got.append(store.lease(outlet, owner=str(number), now=NOW))

    threads = [threading.Thread(target=take, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == [False] * 15 + [True]


def test_sixteen_threads_that_store_at_once_lose_nothing(store: Store, engine: Engine) -> None:
    feeds = [subscribe(store, f"outlet{number}") for number in range(16)]
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for turn in range(3):
                items = [entry(f"{number}-{turn}-{n}", f"Volcano {number} {turn} {n}", at=ago(9)) for n in range(5)]
                assert collect(store, feeds[number], *items, at=ago(8 - turn)).new == 5
                # Every thread reads and writes one feed in common too.
                store.change_feed(feeds[0].id, topic=f"{number}")
                assert store.entries(limit=3)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert counts(engine)["entries"] == counts(engine)["versions"] == 16 * 15
    assert indexed(engine, "volcano") == 16 * 15
    check_index(engine)


# ---------------------------------------------------------------- what a search looks at, and how much there is


def test_the_horizon_counts_feeds_and_articles_and_names_those_that_failed(store: Store) -> None:
    one, two, three = (subscribe(store, name) for name in ("one", "two", "three"))
    collect(store, one, entry("a", at=ago(5)), entry("b", at=ago(1)))
    collect(store, two, entry("c", at=ago(30)))
    store.save_failure(three.id, now=NOW, schedule=Schedule(NOW), error="Gone.")
    nameless, _ = store.add_feed("https://nameless.example/", now=NOW)
    store.save_failure(nameless.id, now=NOW, schedule=Schedule(NOW), error="Gone.")
    all_of_it = store.horizon()
    assert (all_of_it.feeds, all_of_it.articles, all_of_it.since, all_of_it.until) == (2, 3, ago(30), ago(1))
    assert set(all_of_it.failed) == {"Three", "https://nameless.example/"}
    bounded = store.horizon(Filter(since=ago(24), as_of=ago(2)))
    assert (bounded.feeds, bounded.articles, bounded.since, bounded.until) == (1, 1, ago(5), ago(5))


def test_the_horizon_names_stale_feeds_but_not_those_that_failed_or_are_paused(store: Store) -> None:
    fresh, silent, failed, paused = (subscribe(store, name) for name in ("fresh", "silent", "failed", "paused"))
    collect(store, fresh, entry("a", at=ago(5)))
    collect(store, silent, entry("b", at=ago(50)), at=ago(26))
    store.save_failure(failed.id, now=NOW, schedule=Schedule(NOW), error="Gone.")
    store.pause_feed(paused.id, True)
    assert store.horizon(Filter(as_of=NOW)).stale == ("Silent",)
    assert store.horizon(Filter(since=ago(6), as_of=NOW)).stale == ("Silent",)


def test_the_horizon_of_an_empty_store_is_empty(store: Store) -> None:
    found = store.horizon(Filter(as_of=NOW))
    assert (found.feeds, found.articles, found.since, found.until, found.failed) == (0, 0, None, None, ())


def test_articles_a_day_are_counted_by_feed(store: Store) -> None:
    outlet, other = subscribe(store), subscribe(store, "other")
    at_midnight = NOW.replace(hour=0)
    collect(
        store, outlet,
        entry("a", at=NOW), entry("b", at=at_midnight), entry("c", at=at_midnight - timedelta(seconds=1)),
        entry("d", at=at_midnight - timedelta(days=13)), entry("e", at=at_midnight - timedelta(days=13, seconds=1)),
    )  # fmt: skip
    days = store.published_by_day(NOW)
    assert days == {outlet.id: [1, *[0] * 11, 1, 2]}
    assert other.id not in days


def test_stats_tell_how_much_is_stored(store: Store) -> None:
    outlet, other = subscribe(store), subscribe(store, "other")
    collect(store, outlet, entry("a", "One", at=ago(9)), entry("b", at=ago(5)), at=ago(4))
    collect(store, outlet, entry("a", "Two", at=ago(9)))
    store.save_failure(other.id, now=NOW, schedule=Schedule(NOW), error="Gone.")
    stats = store.stats()
    assert (stats.feeds, stats.failing, stats.entries, stats.versions, stats.edited) == (2, 1, 2, 3, 1)
    assert (stats.oldest, stats.newest) == (ago(9), ago(5))
    assert stats.bytes > 10_000


def test_a_feed_deleted_by_hand_in_the_database_breaks_nothing(store: Store, engine: Engine) -> None:
    outlet = subscribe(store)
    collect(store, outlet, entry("a", "Volcano"))
    with writing(engine) as connection:
        connection.execute(delete(t.feeds))
    assert (titles(store), hits(store, "volcano"), store.feeds()) == ([], [], [])
    with writing(engine) as connection:
        connection.execute(update(t.meta).values(value="older"))
    Store(engine)
    assert indexed(engine, "volcano") == 0
