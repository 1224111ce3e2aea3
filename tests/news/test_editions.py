"""The sample edition, on its way into the store."""

from __future__ import annotations

from datetime import datetime, timedelta

from news import parse
from news.editions import load_sample
from news.parse import ParserPool
from news.sample import edition
from news.search import search
from news.store import Filter, Store


def test_the_sample_edition_comes_through_the_parser_processes_and_is_marked(store: Store, now: datetime):
    with ParserPool(1) as parser:
        brought = load_sample(store, parser, now=now)
    feeds = store.feeds()
    assert len(feeds) == len(edition(now)) >= 6
    assert all(feed.sample and feed.title and feed.topic for feed in feeds)
    assert len({feed.language.split("-")[0] for feed in feeds}) >= 2
    assert brought.new == store.stats().entries >= 55
    assert all(entry.sample and entry.published_at <= now for entry in store.entries(limit=100))


def test_an_edited_sample_article_keeps_its_earlier_wording(store: Store, now: datetime):
    assert load_sample(store, parse, now=now).edited >= 1
    (edited, *_) = [entry for entry in store.entries(limit=100) if entry.edits]
    wordings = store.versions(edited.id)
    assert len(wordings) == edited.edits + 1
    assert len({(version.title, version.text) for version in wordings}) == len(wordings)
    assert wordings[0].valid_from < wordings[-1].valid_from <= now


def test_sample_feeds_are_never_due(store: Store, now: datetime):
    load_sample(store, parse, now=now)
    assert store.due(now + timedelta(days=365), everything=True) == []


def test_loading_it_again_later_gives_the_same_articles_with_new_times(store: Store, now: datetime):
    first = load_sample(store, parse, now=now)
    second = load_sample(store, parse, now=now + timedelta(days=30))
    assert first == second
    assert store.stats().entries == first.new
    oldest = min(entry.published_at for entry in store.entries(limit=100))
    assert oldest > now


def test_removing_it_leaves_nothing_behind_not_even_in_the_search(store: Store, now: datetime):
    load_sample(store, parse, now=now)
    word = store.entries(Filter(), limit=1)[0].title
    assert search(store, word, now=now).passages
    store.remove_sample()
    assert store.feeds() == []
    assert store.stats().entries == store.stats().versions == 0
    assert search(store, word, now=now).passages == ()
