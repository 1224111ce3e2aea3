"""Readers with feeds of their own over one store: each sees what they follow, and a feed is there once for all."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from news.errors import UnknownFeed
from news.search import search
from news.searches import Template
from news.store import Filter, Schedule, Store, Validators
from news.types import Mute, ParsedEntry, ParsedFeed

A, B, C = ("https://a.example/feed", "https://b.example/feed", "https://c.example/feed")


@pytest.fixture
def anna(store: Store) -> Store:
    return store.of("a" * 32, own_feeds=True)


@pytest.fixture
def bert(store: Store) -> Store:
    return store.of("b" * 32, own_feeds=True)


def publish(store: Store, url: str, *titles: str, now: datetime) -> None:
    feed = next(feed for feed in store.feeds() if feed.url == url)
    entries = tuple(
        ParsedEntry(f"{url} {title}", f"{url}/{n}", title, "Some words.", published_at=now - timedelta(minutes=n))
        for n, title in enumerate(titles, 1)
    )
    store.save_success(
        feed.id, now=now, schedule=Schedule(now + timedelta(hours=1)), validators=Validators(),
        parsed=ParsedFeed(url[8], "", "en", "rss20", entries),
    )  # fmt: skip


def urls(store: Store) -> list[str]:
    return [feed.url for feed in store.feeds()]


def test_a_feed_that_several_follow_is_stored_and_polled_once(
    store: Store, anna: Store, bert: Store, now: datetime
) -> None:
    assert anna.add_feed(A, now=now)[1]
    feed, added = bert.add_feed(A, now=now + timedelta(hours=1))
    assert added
    assert not bert.add_feed(A, now=now)[1]
    assert bert.add_feeds([(A, "", "", ""), (B, "", "", ""), (B, "", "", "")], now=now) == [B]
    assert (urls(anna), urls(bert), urls(store)) == ([A], [A, B], [A, B])
    assert [one.url for one in store.due(now + timedelta(hours=2))] == [A, B]
    assert feed.added_at == now
    assert store.followers()[feed.id] == 2


def test_whoever_adds_a_feed_that_was_fetched_for_another_does_not_have_it_fetched_again(
    store: Store, anna: Store, bert: Store, now: datetime
) -> None:
    anna.add_feed(A, now=now)
    publish(store, A, "Rain in Oslo", now=now)
    feed, _ = bert.add_feed(A, now=now)
    assert feed.due_at > now
    assert [entry.title for entry in bert.entries()] == ["Rain in Oslo"]


def test_a_feed_is_polled_until_nobody_follows_it(store: Store, anna: Store, bert: Store, now: datetime) -> None:
    feed, _ = anna.add_feed(A, now=now)
    bert.add_feed(A, now=now)
    anna.remove_feed(feed.id, now=now)
    assert (urls(anna), urls(bert), urls(store)) == ([], [A], [A])
    bert.remove_feed(feed.id, now=now)
    assert urls(store) == []
    assert store.due(now + timedelta(days=1)) == []
    anna.restore_feed(feed.id)
    assert (urls(anna), urls(bert), urls(store)) == ([A], [], [A])
    with pytest.raises(UnknownFeed):
        anna.restore_feed(feed.id + 1)


def test_lists_search_horizon_and_front_hold_what_a_reader_follows(
    store: Store, anna: Store, bert: Store, now: datetime
) -> None:
    anna.add_feed(A, now=now)
    bert.add_feed(B, now=now)
    publish(store, A, "Storm over Oslo harbour", now=now)
    publish(store, B, "Storm closes Bergen airport", "Sun in Rome", now=now)
    assert [entry.title for entry in anna.entries()] == ["Storm over Oslo harbour"]
    assert [passage.title for passage in search(anna, "storm", now=now).passages] == ["Storm over Oslo harbour"]
    assert [passage.title for passage in search(bert, "storm", now=now).passages] == ["Storm closes Bergen airport"]
    assert (anna.horizon().articles, bert.horizon().articles, store.horizon().articles) == (1, 2, 3)
    assert {report.feed_id for report in anna.reports(Filter())} == {anna.feeds()[0].id}
    theirs = bert.entries()[0]
    assert anna.entry(theirs.id) is None
    assert anna.entries_by_id([theirs.id]) == {}
    assert anna.wordings([theirs.version_id]) == {}


def test_what_failed_for_another_is_not_told(store: Store, anna: Store, bert: Store, now: datetime) -> None:
    feed, _ = bert.add_feed(B, now=now, title="Bert's secret paper")
    store.save_failure(feed.id, now=now, schedule=Schedule(now, failures=1), error="It failed.", detail=None)
    assert anna.horizon().failed == ()
    assert bert.horizon().failed == ("Bert's secret paper",)


def test_a_reader_of_one_small_feed_finds_its_articles_under_thousands_of_others(
    store: Store, anna: Store, now: datetime
) -> None:
    anna.add_feed(A, now=now)
    publish(store, A, "Storm over Oslo harbour", now=now - timedelta(hours=5))
    for feed in (B, C):
        store.add_feed(feed, now=now)
        publish(store, feed, *(f"Storm number {n} over Oslo" for n in range(600)), now=now)
    assert len(store.newest([["storm"]], limit=400)["title"][0]) == 400
    found = search(anna, "storm in Oslo", now=now)
    assert [passage.title for passage in found.passages] == ["Storm over Oslo harbour"]
    rows = anna.newest([["storm"], ["harbour"]], limit=400)["title"]
    assert [len(each) for each in rows] == [1, 1]


def test_mutes_and_searches_are_each_reader_s_own(store: Store, anna: Store, bert: Store, now: datetime) -> None:
    for one in (anna, bert):
        one.add_feed(A, now=now)
    publish(store, A, "Golf in Oslo", "Rain in Oslo", now=now)
    assert anna.mute(Mute("word", "golf"))
    assert not anna.mute(Mute("word", "golfs"))
    assert bert.mute(Mute("word", "rain"))
    assert store.mutes() == ()
    assert [entry.title for entry in anna.entries()] == ["Rain in Oslo"]
    assert [entry.title for entry in bert.entries()] == ["Golf in Oslo"]
    assert len(store.entries()) == 2
    bert.unmute(Mute("word", "golf"))
    assert anna.mutes() == (Mute("word", "golf"),)
    anna.add_search(Template("The Post", "https://post.example/?q={query}"))
    assert (len(anna.searches()), bert.searches(), store.searches()) == (1, (), ())


def test_a_visitor_sees_every_feed_with_mutes_of_their_own(store: Store, now: datetime) -> None:
    visitor = store.of("c" * 32, own_feeds=False)
    store.add_feed(A, now=now)
    publish(store, A, "Golf in Oslo", "Rain in Oslo", now=now)
    visitor.mute(Mute("word", "golf"))
    assert urls(visitor) == [A]
    assert [entry.title for entry in visitor.entries()] == ["Rain in Oslo"]
    assert len(store.entries()) == 2


def test_without_readers_nothing_is_added_to_a_query(store: Store) -> None:
    assert "follows" not in str(store._entries(Filter()))
    assert "follows" in str(store.of("a" * 32, own_feeds=True)._entries(Filter()))
    assert "follows" not in str(store.of("a" * 32, own_feeds=False)._entries(Filter()))


def test_deleting_everything_takes_every_reader_s_mutes_follows_and_searches(
    store: Store, anna: Store, now: datetime
) -> None:
    anna.add_feed(A, now=now)
    anna.mute(Mute("word", "golf"))
    anna.add_search(Template("The Post", "https://post.example/?q={query}"))
    store.delete_everything()
    assert (anna.feeds(), anna.mutes(), anna.searches(), store.followers()) == ([], (), (), {})
