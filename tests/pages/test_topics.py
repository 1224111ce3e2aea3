"""Searches as feeds: following a topic on Sources, and the reader's own searches."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

import pages
from news import searches
from news.searches import Template
from tests.pages.conftest import App, Stand, assert_plain
from tests.pages.test_sources import button


def follow(at: AppTest, words: str, name: str = "") -> AppTest:
    """Type words to follow, and press."""
    at.text_input(key="add_topic_words").set_value(words)
    if name:
        at.selectbox(key="add_topic_search").set_value(name)
    return button(at, "Follow").click().run()


def own(app: App, stand: Stand, name: str = "Stand News") -> Template:
    """A search of the reader's own, on loopback."""
    template = searches.template(name, stand.url + "/find?q={query}")
    app.store.add_search(template)
    return template


def test_a_topic_becomes_a_feed_that_is_fetched(app: App, stand: Stand):
    own(app, stand)
    stand.feed("/find?q=ferry%20accident", "Results", "A ferry struck the quay")
    at = follow(app.open(), "  ferry accident ")
    assert not at.exception
    (feed,) = app.store.feeds()
    assert (feed.title, feed.topic, feed.paused) == ("Stand News: ferry accident", "Searches", False)
    assert [entry.title for entry in app.store.entries()] == ["A ferry struck the quay"]


def test_the_readers_own_searches_come_first_and_the_known_ones_are_always_there(app: App, stand: Stand):
    at = app.open()
    assert at.selectbox(key="add_topic_search").options == ["Google News", "Bing News"]
    own(app, stand)
    own(app, stand, "Later")
    at.run()
    assert at.selectbox(key="add_topic_search").options == ["Later", "Stand News", "Google News", "Bing News"]


def test_a_topic_that_is_followed_is_not_added_twice_and_a_paused_one_goes_on(app: App, stand: Stand):
    template = own(app, stand)
    stand.feed("/find?q=ferry", "Results", "A ferry struck the quay")
    url = searches.address(template, "ferry")
    feed, _ = app.store.add_feed(url, title="Stand News: ferry", topic="Searches", now=pages.now(), paused=True)
    at = follow(app.open("sources"), "ferry")
    assert not app.store.feed(feed.id).paused
    assert app.store.stats().entries == 1
    follow(at, "ferry")
    assert any(caption.value == "You follow this already." for caption in at.caption)
    assert len(app.store.feeds()) == 1


def test_nothing_to_look_for_is_one_sentence(app: App):
    at = follow(app.open(), "   ")
    assert [warning.value for warning in at.warning] == ["Type what the search should look for\\."]
    assert app.store.feeds() == []


def test_a_search_is_added_replaced_and_removed_and_a_wrong_one_is_told(app: App):
    at = app.open()
    for address, told in (("https://post.example/rss", True), ("https://post.example/find?q={query}", False)):
        at.text_input(key="search_name").set_value("$5 *Post*")
        at.text_input(key="search_address").set_value(address)
        button(at, "Add search").click().run()
        assert not at.exception
        assert bool(at.warning) is told
    assert app.store.searches() == (Template("$5 *Post*", "https://post.example/find?q={query}"),)
    assert at.text_input(key="search_name").value == ""
    forget = at.button(key="forget_search_$5 *Post*")
    assert_plain([forget.label])
    forget.click().run()
    assert app.store.searches() == ()
