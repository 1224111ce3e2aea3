"""Words and outlets that the reader never wants to see, on every screen."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from news.types import Mute
from tests.pages.conftest import NASTY, ROOT, App, assert_plain
from tests.pages.test_sources import do

Shown = Callable[[AppTest], str]


def mute(at: AppTest, word: str) -> AppTest:
    at.text_input(key="mute_word").set_value(word)
    return next(button for button in at.button if button.label == "Mute").click().run()


def test_a_word_is_muted_in_settings_and_shown_again_with_a_click(app: App, shown: Shown):
    app.publish(app.feed("The Post"), "Ferry runs aground", "Bank raises rates")
    at = app.open("settings")
    mute(at, " ferries ")
    assert app.store.mutes() == (Mute("word", "ferries"),)
    assert "Ferry" not in shown(app.open("front_page"))
    at.button(key="unmute_word_ferries").click().run()
    assert not at.exception
    assert app.store.mutes() == ()
    assert "Ferry" in shown(app.open("front_page"))


def test_what_cannot_be_muted_is_told(app: App):
    at = app.open("settings")
    mute(at, "the")
    assert "Type a word" in at.warning[0].value
    at.run()
    assert not at.warning


@pytest.mark.parametrize("page", ["", "front_page", "briefing"])
def test_no_page_shows_what_is_muted(app: App, page: str, shown: Shown):
    app.publish(app.feed("The Post"), "Ferry runs aground", "Bank raises rates")
    app.publish(app.feed("Wire"), "Eclipse on Sunday")
    app.store.mute(Mute("word", "ferry"))
    app.store.mute(Mute("feed", "https://wire.example/feed"))
    at = app.open(page)
    told = shown(at) + "".join(option for pills in at.get("button_group") for option in pills.options)
    assert "Bank raises rates" in told
    assert "Ferry" not in told
    assert "Eclipse" not in told


def test_a_search_and_the_list_of_outlets_leave_out_what_is_muted(app: App, shown: Shown):
    app.publish(app.feed("The Post"), "Ferry runs aground")
    wire = app.feed("Wire")
    app.publish(wire, "Ferry delayed")
    app.store.mute(Mute("feed", wire.url))
    at = app.open("front_page", q="ferry")
    assert "Ferry delayed" not in shown(at)
    assert at.multiselect(key="outlets").options == ["The Post"]


def test_a_pinned_article_is_there_although_it_is_muted(app: App, shown: Shown):
    app.publish(app.feed("The Post"), "Ferry runs aground", "Bank raises rates")
    app.store.mute(Mute("word", "ferry"))
    entry = next(e for e in app.store.entries_by_id(range(1, 9)).values() if "Ferry" in e.title)
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30)
    at.query_params["pin"] = str(entry.id)
    at.run()
    assert "Ferry runs aground" in shown(at)


def test_an_outlet_is_muted_and_unmuted_in_sources(app: App, shown: Shown):
    post = app.feed("The Post")
    app.publish(post, "Ferry runs aground")
    at = app.open("sources")
    do(at, post, "Mute")
    assert "Muted" in shown(at)
    assert "Unmute" in at.menu_button(key=f"do_{post.id}").options
    front = app.open("front_page")
    assert "Ferry" not in shown(front)
    assert "is muted" in shown(front)
    assert any(button.label == "The Post" for button in app.open("settings").button)
    do(at, post, "Unmute")
    assert "Ferry" in shown(app.open("front_page"))


def test_a_muted_word_or_outlet_is_never_markdown(app: App):
    for n, nasty in enumerate(NASTY):
        feed = app.feed(f"Feed {n}")
        app.store.change_feed(feed.id, title=nasty)
        app.store.mute(Mute("feed", feed.url))
        app.store.mute(Mute("word", nasty))
    assert_plain(button.label for button in app.open("settings").button)
