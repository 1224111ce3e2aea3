"""The front page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from streamlit.testing.v1 import AppTest

import pages
from news import parse
from news.editions import load_sample
from news.types import Feed, ParsedEntry
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


def told_by(app: App, title: str, *names: str, hours: float = 3, seen: float = 0) -> list[Feed]:
    """One event, told by these outlets in nearly the same words."""
    feeds = [app.feed(name) for name in names]
    for feed in feeds:
        app.publish(feed, f"{title}, {feed.title} says", hours=hours, seen=seen, text=f"{title} on Sunday evening.")
    app.group()
    return feeds


def links(at: AppTest, label: str) -> list[str]:
    """The queries of the links with this label, in the page's order."""
    return [link.query_string for link in at.get("page_link") if label in link.label]


def choose(at: AppTest, story: int, action: str) -> AppTest:
    """Choose from the menu of a story."""
    menu = next(menu for menu in at.get("menu_button") if menu.key == f"do_{story}")
    return menu.set_value(action).run()


def test_the_latest_come_newest_first_under_their_days(app: App):
    post = app.feed("The Post")
    app.publish(post, "Older", hours=49)
    app.publish(post, "Oldest", hours=24 * 9)
    app.publish(post, "Newest", hours=0)
    at = app.open("front_page", show="Latest")
    assert headlines(at) == ["Newest", "Older", "Oldest"]
    days = [heading.value for heading in at.subheader if heading.value != "Broadsheet"]
    assert days[0] in ("Today", "Yesterday")
    assert len(days) == 3


def test_the_story_that_most_outlets_tell_leads_and_is_told_once(app: App, shown: Shown):
    told_by(app, "Ferry runs aground off Lady Corran", "The Post", "Meridian Wire", "Ledger")
    app.publish(app.feed("Late"), "Brand new", hours=0)
    app.group()
    at = app.open("front_page")
    lead = next(m.value for m in at.markdown if m.value.startswith("## "))
    assert "Ferry runs aground" in lead
    assert len(headlines(at)) == 2
    assert "3 reports" in shown(at)
    for name in ("The Post", "Meridian Wire", "Ledger"):
        assert name in shown(at)
    (story,) = {entry.story for entry in app.store.entries() if "Ferry" in entry.title}
    assert links(at, "Whole story") == [f"id={story}"]


def test_of_a_story_that_began_earlier_it_is_said_of_which_days_the_reports_are(app: App, shown: Shown):
    app.publish(app.feed("Ledger"), "Ferry runs aground off Lady Corran", hours=60)
    app.group()
    told_by(app, "Ferry runs aground off Lady Corran", "The Post", "Meridian Wire")
    app.group()
    assert "2 reports in 2 days" in shown(app.open("front_page"))


def test_a_page_goes_on_when_its_end_comes_near(app: App):
    app.publish(app.feed("The Post"), *[f"Number {n:02}" for n in range(45)])
    at = app.open("front_page", show="Latest")
    assert len(headlines(at)) == 20
    at.session_state["shown"] = 40
    at.run()
    assert len(set(headlines(at))) == 40
    at.session_state["shown"] = 60
    at.run()
    assert len(set(headlines(at))) == 45


def test_topics_have_their_sections_under_the_first_stories(app: App):
    things = iter(
        "anchor barley candle dagger engine falcon garden hammer island jacket kettle ladder magnet needle orchard "
        "pillow quarry ribbon saddle teapot umbrella violin walnut yogurt zipper bridge copper dinner feather".split()
    )
    for n in range(4):
        for topic in ("World", "Sport"):
            feed = app.feed(f"{topic} {n}", topic=topic)
            app.publish(feed, *[next(things).capitalize() for _ in range(3)], text="")
    app.group()
    at = app.open("front_page")
    sections = [heading.value for heading in at.subheader if heading.value != "Broadsheet"]
    assert sorted(sections[:2]) == ["Sport", "World"]
    assert sections[2:] == ["More stories"]
    assert len(set(headlines(at))) == len(headlines(at)) == 24


def test_since_the_last_look_only_what_is_new_for_this_reader_is_told(app: App, shown: Shown):
    now = pages.now()
    told_by(app, "Ferry runs aground off Lady Corran, 3 dead", "The Post", "Wire", hours=6, seen=6)
    app.publish(app.feed("Quiet"), "A garden show opens", hours=5, seen=5)
    app.group()
    app.part.reading.looked(now=now - timedelta(hours=4))
    assert "Nothing new since you last looked" in shown(app.open("front_page"))
    told_by(app, "Ferry runs aground off Lady Corran, 5 dead", "Ledger", hours=1)
    at = app.open("front_page")
    assert "Since you last looked**, 4 h ago: 1 moved" in shown(at)
    assert "now also Ledger" in shown(at)
    at = app.open("front_page", show="New")
    assert len(headlines(at)) == 1
    assert "garden" not in shown(at)


def test_a_first_visit_is_not_told_what_is_new(app: App, shown: Shown):
    app.publish(app.feed("The Post"), "Ferry runs aground")
    assert "last looked" not in shown(app.open("front_page"))


def test_a_muted_story_is_gone_until_it_is_wanted_again(app: App, shown: Shown):
    told_by(app, "Ferry runs aground off Lady Corran", "The Post", "Wire")
    app.publish(app.feed("Quiet"), "A garden show opens", hours=5)
    app.group()
    at = app.open("front_page")
    story = next(entry.story for entry in app.store.entries() if "Ferry" in entry.title)
    choose(at, story, "Mute this story")
    assert headlines(at) == ["A garden show opens"]
    at.toggle(key="show_muted").set_value(True).run()
    assert len(headlines(at)) == 2
    choose(at, story, "Show this story again")
    at.toggle(key="show_muted").set_value(False).run()
    assert len(headlines(at)) == 2


def test_a_followed_story_rises_and_has_its_own_view(app: App):
    told_by(app, "Ferry runs aground off Lady Corran", "The Post", "Wire")
    app.publish(app.feed("Quiet"), "A garden show opens", hours=3)
    app.group()
    at = app.open("front_page")
    assert "Ferry" in headlines(at)[0]
    garden = next(entry for entry in app.store.entries() if "garden" in entry.title)
    choose(at, garden.story, "Follow this story")
    at.segmented_control(key="show").set_value("Followed").run()
    assert headlines(at) == ["A garden show opens"]


def test_a_saved_article_stays_where_it_was_saved(app: App, shown: Shown):
    app.publish(app.feed("The Post"), "Ferry runs aground")
    app.group()
    at = app.open("front_page")
    (entry,) = app.store.entries()
    choose(at, entry.story, "Save the article")
    assert headlines(app.open("front_page", show="Saved")) == ["Ferry runs aground"]
    assert "saved" in shown(app.open("front_page"))


def test_a_seen_story_is_marked_until_it_moves(app: App, shown: Shown):
    told_by(app, "Ferry runs aground off Lady Corran", "The Post", "Wire", seen=1)
    story = next(entry.story for entry in app.store.entries())
    at = app.open("front_page")
    choose(at, story, "Mark as seen")
    assert "seen" in shown(at)
    told_by(app, "Ferry runs aground off Lady Corran", "Ledger", hours=0, seen=-0.01)
    assert "seen" not in shown(app.open("front_page"))


def test_the_page_of_a_past_moment_tells_what_was_known_then(app: App, shown: Shown):
    post = app.feed("The Post")
    app.publish(post, "Ferry sets out", hours=30, seen=30)
    app.publish(post, "Ferry runs aground", hours=2, seen=2)
    app.group()
    at = app.open("front_page")
    at.datetime_input(key="as_of").set_value((pages.now() - timedelta(hours=20)).replace(tzinfo=None)).run()
    assert not at.exception
    assert headlines(at) == ["Ferry sets out"]
    assert "as it was at" in shown(at)


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
    assert len(headlines(at)) == 2
    at.multiselect(key="outlets").set_value([wire.id]).run()
    assert headlines(at) == ["New of the wire"]
    at.multiselect(key="outlets").set_value([]).run()
    at.get("button_group")
    at.pills(key="topics").set_value(["World"]).run()
    at.segmented_control(key="show").set_value("Latest").run()
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
    assert f"story={entry.id}" in links(at, "Ask about this")[0]
    assert f"pin={entry.id}" in links(app.open("front_page", show="Latest"), "Ask about this")[0]


def test_an_edited_article_shows_its_earlier_wordings_as_plain_text(app: App, shown: Shown):
    post = app.feed("The Post")
    now = pages.now()
    first = ParsedEntry(
        "1", "https://e.example/1", "Two hurt", "At first, *two*.", published_at=now - timedelta(hours=5)
    )
    later = ParsedEntry("1", "https://e.example/1", "Five hurt", "Now five.", published_at=now - timedelta(hours=5))
    app.save(post, first, at=now - timedelta(hours=4))
    app.save(post, later, at=now - timedelta(hours=1))
    at = app.open("front_page", show="Latest")
    assert headlines(at) == ["Five hurt"]
    assert "Two hurt" not in shown(at)  # they are read when they are asked for
    (entry,) = app.store.entries()
    at.session_state[f"versions-{entry.id}"] = True
    at.run()
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
