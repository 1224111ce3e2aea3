"""The front page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from streamlit.testing.v1 import AppTest

import pages
from news import parse
from news.editions import load_sample
from news.types import ParsedEntry
from tests.pages.conftest import NASTY, App, assert_plain

Shown = Callable[[AppTest], str]


def headlines(at: AppTest) -> list[str]:
    """The headlines on the page, in its order."""
    return [
        m.value.split("](")[0].split("[", 1)[1]
        for m in at.markdown
        if m.value.startswith("**[") or m.value.startswith("## [")
    ]


def test_without_feeds_it_says_so_and_leads_to_sources(app: App, shown: Shown):
    at = app.open("front_page")
    assert "There are no feeds yet" in shown(at)
    assert any(link.page.endswith("sources") and "Choose feeds" in link.label for link in at.get("page_link"))


def test_feeds_without_articles_are_no_empty_page(app: App, shown: Shown):
    app.feed("The Post")
    assert "Nothing has arrived yet" in shown(app.open("front_page"))


def test_articles_come_newest_first_under_their_days(app: App):
    post = app.feed("The Post")
    app.publish(post, "Older", hours=49)
    app.publish(post, "Oldest", hours=24 * 9)
    app.publish(post, "Newest", hours=0)
    at = app.open("front_page")
    assert headlines(at) == ["Newest", "Older", "Oldest"]
    days = [heading.value for heading in at.subheader if heading.value != "Broadsheet"]
    assert len(days) == 2  # the newest one leads, above the days
    assert not any(name in days for name in ("Today", "Yesterday"))


def test_the_story_that_several_outlets_tell_leads(app: App, shown: Shown):
    for name in ("The Post", "Meridian Wire", "Ledger"):
        app.publish(app.feed(name), "Ferry runs aground off Lady Corran", f"Something else of {name}", hours=3)
    app.publish(app.feed("Late"), "Brand new", hours=0)
    at = app.open("front_page")
    lead = next(m.value for m in at.markdown if m.value.startswith("## "))
    assert "Ferry runs aground" in lead
    assert "told by 3 outlets" in shown(at)


def test_twenty_articles_a_page_and_the_second_page_goes_on(app: App):
    app.publish(app.feed("The Post"), *[f"Number {n:02}" for n in range(45)])
    at = app.open("front_page")
    first = headlines(at)
    assert len(first) == 20
    (pagination,) = at.get("pagination")
    pagination.set_value(2).run()
    second = headlines(at)
    assert len(second) == 20
    assert not set(first) & set(second)


def test_search_shows_the_best_match_first_and_leaves_out_the_rest(app: App, shown: Shown):
    post = app.feed("The Post")
    app.publish(post, "Ferry runs aground", text="The ferry Lady Corran ran aground.", hours=50)
    app.publish(post, "Bank raises rates", text="The ferry is not mentioned, or once.", hours=1)
    app.publish(post, "Eclipse on Sunday", hours=1)
    at = app.open("front_page", q="ferry aground")
    assert headlines(at)[0] == "Ferry runs aground"
    assert "Eclipse on Sunday" not in headlines(at)
    assert "best match first" in shown(at)


def test_a_search_without_a_match_says_so_and_can_be_undone(app: App, shown: Shown):
    app.publish(app.feed("The Post"), "Ferry runs aground")
    at = app.open("front_page")
    at.text_input(key="q").set_value("zeppelin").run()
    assert "No article about “zeppelin”" in shown(at)
    next(b for b in at.button if b.label == "Show everything").click().run()
    assert headlines(at) == ["Ferry runs aground"]


def test_an_address_with_values_that_do_not_exist_opens_the_page(app: App):
    app.publish(app.feed("The Post"), "Ferry runs aground")
    at = app.open("front_page", p="77", when="Tomorrow", q="")
    assert headlines(at) == ["Ferry runs aground"]


def test_filters_by_outlet_topic_language_and_time(app: App):
    post, wire = app.feed("The Post", topic="World"), app.feed("Wire", topic="Sport", language="ja")
    app.publish(post, "Old of the post", hours=80)
    app.publish(post, "New of the post", hours=2)
    app.publish(wire, "New of the wire", hours=3)
    at = app.open("front_page")
    assert len(headlines(at)) == 3
    at.multiselect(key="outlets").set_value([wire.id]).run()
    assert headlines(at) == ["New of the wire"]
    at.multiselect(key="outlets").set_value([]).run()
    at.get("button_group")
    at.pills(key="topics").set_value(["World"]).run()
    assert headlines(at) == ["New of the post", "Old of the post"]
    at.segmented_control(key="when").set_value("3 days").run()
    assert headlines(at) == ["New of the post"]
    next(b for b in at.button if b.label == "Clear filters").click().run()
    at.pills(key="languages").set_value(["Japanese"]).run()
    assert headlines(at) == ["New of the wire"]


def test_filters_apply_to_a_search_too(app: App):
    post, wire = app.feed("The Post"), app.feed("Wire")
    app.publish(post, "Ferry aground near the harbour")
    app.publish(wire, "A ferry has run onto rocks")
    at = app.open("front_page", q="ferry")
    assert len(headlines(at)) == 2
    at.multiselect(key="outlets").set_value([wire.id]).run()
    assert headlines(at) == ["A ferry has run onto rocks"]


def test_a_filter_on_an_outlet_that_was_removed_is_forgotten(app: App):
    post, wire = app.feed("The Post"), app.feed("Wire")
    app.publish(post, "Of the post")
    app.publish(wire, "Of the wire")
    at = app.open("front_page")
    at.multiselect(key="outlets").set_value([wire.id]).run()
    app.store.remove_feed(wire.id, now=pages.now())
    at.run()
    assert not at.exception
    assert headlines(at) == ["Of the post"]


def test_each_article_can_be_asked_about(app: App):
    app.publish(app.feed("The Post"), "Ferry runs aground")
    (entry,) = app.store.entries()
    at = app.open("front_page")
    links = [link for link in at.get("page_link") if "Ask about this" in link.label]
    assert len(links) == 1
    assert f"pin={entry.id}" in links[0].query_string


def test_an_edited_article_shows_its_earlier_wordings_as_plain_text(app: App, shown: Shown):
    post = app.feed("The Post")
    now = pages.now()
    first = ParsedEntry(
        "1", "https://e.example/1", "Two hurt", "At first, *two*.", published_at=now - timedelta(hours=5)
    )
    later = ParsedEntry("1", "https://e.example/1", "Five hurt", "Now five.", published_at=now - timedelta(hours=5))
    app.save(post, first, at=now - timedelta(hours=4))
    app.save(post, later, at=now - timedelta(hours=1))
    at = app.open("front_page")
    assert headlines(at) == ["Five hurt"]
    assert "**Two hurt**" in shown(at)
    assert [t.value for t in at.text] == ["At first, *two*."]
    assert "edited" in shown(at)


def test_the_sample_is_marked(app: App, shown: Shown):
    load_sample(app.store, parse, now=pages.now())
    at = app.open("front_page")
    assert "invented news" in shown(at)
    assert len(headlines(at)) >= 19


def test_nothing_in_a_headline_text_or_outlet_is_ever_markdown(app: App):
    for n, nasty in enumerate(NASTY):
        feed = app.feed(f"Feed {n}")
        app.store.change_feed(feed.id, title=f"{nasty} {n}", topic=nasty)
        app.publish(app.store.feed(feed.id), nasty, text=nasty)
    at = app.open("front_page")
    assert len(headlines(at)) == len(NASTY)
    assert_plain(m.value for m in at.markdown)
    assert_plain(c.value for c in at.caption)
    assert_plain(option for pills in at.get("button_group") for option in pills.options)
