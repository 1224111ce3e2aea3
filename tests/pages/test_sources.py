"""Sources, and the offer of feeds that it shares with Ask."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from streamlit.testing.v1 import AppTest

import pages
from news import opml, parse
from news.catalogue import packs
from news.editions import load_sample
from news.errors import Detail
from news.store import Schedule
from news.types import Feed
from tests.pages.conftest import NASTY, App, Stand, assert_plain

Shown = Callable[[AppTest], str]


def names(at: AppTest) -> list[str]:
    """The feeds on the page, in its order."""
    return [m.value.split("](")[0].removeprefix("**[") for m in at.markdown if m.value.startswith("**[")]


def button(at: AppTest, label: str):
    """The button with this label."""
    return next(b for b in at.button if b.label == label)


def fail(app: App, feed: Feed, error: str = "The outlet has trouble of its own.", *, rested: bool = False) -> None:
    """What a failed poll stores."""
    now = pages.now()
    app.store.save_failure(
        feed.id, now=now - timedelta(minutes=5), error=error,
        schedule=Schedule(now + timedelta(hours=1), failures=8 if rested else 3, rested=rested),
        detail=Detail(503, (("server", "nginx"), ("x-note", "**bold** ![x](http://evil.example)")), "<h1>Sorry</h1>"),
    )  # fmt: skip


def do(at: AppTest, feed: Feed, action: str) -> AppTest:
    """Choose from a feed's menu."""
    return at.menu_button(key=f"do_{feed.id}").click(action).run()


def test_the_feeds_that_need_their_reader_come_first_and_say_why(app: App, shown: Shown):
    well, failing, resting, paused, fresh = (app.feed(name) for name in ("Bb", "Dd", "Ee", "Aa", "Cc"))
    app.publish(well, "One", "Two")
    app.publish(paused, "One")
    app.store.pause_feed(paused.id, True)
    fail(app, failing)
    fail(app, resting, "The outlet has given this feed up.", rested=True)
    at = app.open("sources")
    assert names(at) == ["Ee", "Dd", "Cc", "Bb", "Aa"]
    text = shown(at)
    assert "5 feeds · 1 failing · 1 resting · 1 paused · 1 not fetched yet" in text
    for words in ("Resting", "Failing", "The outlet has given this feed up", "Not fetched yet", "Fetched just now"):
        assert words in text
    assert fresh.id


def test_a_feed_shows_its_articles_a_day_as_a_picture_with_words(app: App):
    feed = app.feed("The Post")
    for day, articles in enumerate([3, 0, 5]):
        app.publish(feed, *[f"{day} {n}" for n in range(articles)], hours=24 * day, seen=0)
    at = app.open("sources")
    card = next(m.value for m in at.markdown if m.value.startswith("**[The Post"))
    assert "Articles a day, the last 14 days: 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 3" in card
    assert "](data:image/svg+xml;base64," in card
    assert "3\u00a0a\u00a0day" in card


def test_the_feeds_can_be_ordered_searched_and_shown_by_topic(app: App):
    for name, topic in (("Post", "World"), ("Goal", "Sport"), ("Ledger", "Business"), ("Bare", "")):
        app.publish(app.feed(name, topic=topic), *[f"{name} {n}" for n in range(len(name))])
    at = app.open("sources")
    assert names(at) == ["Bare", "Goal", "Ledger", "Post"]
    at.selectbox(key="feed_order").set_value("By topic").run()
    assert names(at) == ["Ledger", "Goal", "Post", "Bare"]
    at.selectbox(key="feed_order").set_value("Most articles").run()
    assert names(at)[0] == "Ledger"
    at.text_input(key="find_feed").set_value("spo").run()
    assert names(at) == ["Goal"]
    at.text_input(key="find_feed").set_value("").run()
    at.selectbox(key="feed_topic").set_value("No topic").run()
    assert names(at) == ["Bare"]


def test_three_hundred_feeds_come_in_pages_of_twenty(app: App):
    urls = [(f"https://outlet{n}.example/feed", f"Outlet {n:03}", "", "") for n in range(300)]
    app.store.add_feeds(urls, now=pages.now())
    at = app.open("sources")
    assert names(at) == [f"Outlet {n:03}" for n in range(20)]
    at.get("pagination")[0].set_value(15).run()
    assert names(at) == [f"Outlet {n:03}" for n in range(280, 300)]
    at.text_input(key="find_feed").set_value("outlet 007").run()
    assert names(at) == ["Outlet 007"]


def test_pause_and_resume(app: App, shown: Shown):
    feed = app.feed("The Post")
    at = app.open("sources")
    do(at, feed, "Pause")
    assert app.store.feed(feed.id).paused
    assert "Paused" in shown(at)
    do(at, feed, "Resume")
    assert not app.store.feed(feed.id).paused


def test_a_removed_feed_comes_back_with_its_articles_until_something_else_is_done(app: App, shown: Shown):
    feed, other = app.feed("The Post"), app.feed("Wire")
    app.publish(feed, "One", "Two")
    at = app.open("sources")
    do(at, feed, "Remove")
    assert names(at) == ["Wire"]
    assert "Removed The Post" in shown(at)
    at.run()
    button(at, "Undo").click().run()
    assert set(names(at)) == {"The Post", "Wire"}
    assert app.store.stats().entries == 2
    assert "Removed" not in shown(at)
    do(at, feed, "Remove")
    do(at, other, "Pause")
    assert "Removed" not in shown(at)
    assert not [b for b in at.button if b.label == "Undo"]


def test_the_last_feed_can_be_brought_back_too(app: App):
    feed = app.feed("The Post")
    at = app.open("sources")
    do(at, feed, "Remove")
    assert not names(at)
    button(at, "Undo").click().run()
    assert names(at) == ["The Post"]


def test_refreshing_one_feed_fetches_it_and_says_what_came(app: App, stand: Stand):
    url = stand.feed("/rss", "The Stand", "Hello", "World")
    feed, _ = app.store.add_feed(url, now=pages.now() - timedelta(days=1))
    at = app.open("sources")
    do(at, feed, "Refresh now")
    assert not at.exception
    assert [entry.title for entry in app.store.entries()] == ["Hello", "World"]
    assert names(at) == ["The Stand"]
    assert any("2 new articles" in toast.value for toast in at.toast)


def test_one_dead_feed_never_stops_the_others_and_is_told_with_its_reason(app: App, stand: Stand, shown: Shown):
    app.store.add_feed(stand.feed("/good", "Good", "Hello"), title="Good", now=pages.now())
    app.store.add_feed(stand.serve("/bad", b"oops", status=500), title="Bad", now=pages.now())
    at = app.open("sources")
    button(at, "Refresh all").click().run()
    text = shown(at)
    assert "2 feeds asked, 1 new article, 1 failed." in text
    assert "**Bad**" in text
    assert names(at) == ["Bad", "Good"]
    do(at, app.store.feeds()[1], "Pause")
    assert "feeds asked" not in shown(at)


def test_why_a_feed_fails_is_shown_as_text_and_never_as_markdown(app: App, shown: Shown):
    feed = app.feed("The Post")
    fail(app, feed)
    at = app.open("sources")
    do(at, feed, "Why is this failing?")
    assert any("status 503" in c.value for c in at.caption)
    headers, start = (c.value for c in at.code)
    assert headers == "server: nginx\nx-note: **bold** ![x](http://evil.example)"
    assert start == "<h1>Sorry</h1>"
    assert "![x]" not in "\n".join(m.value for m in at.markdown)


def test_a_rested_feed_is_woken_and_tried_at_once(app: App, stand: Stand):
    url = stand.feed("/rss", "The Stand", "Hello")
    feed, _ = app.store.add_feed(url, title="The Stand", now=pages.now() - timedelta(days=1))
    fail(app, feed, rested=True)
    at = app.open("sources")
    do(at, feed, "Wake it up")
    after = app.store.feed(feed.id)
    assert not after.rested
    assert after.error == ""
    assert app.store.stats().entries == 1


def test_a_feed_can_be_renamed_and_moved_to_a_new_topic(app: App):
    feed = app.feed("The Post", topic="World")
    app.feed("Wire", topic="Home")
    at = app.open("sources")
    do(at, feed, "Edit")
    at.text_input(key=f"title_{feed.id}").set_value("Post of the Harbour")
    at.selectbox(key=f"topic_{feed.id}").set_value("Home")
    button(at, "Save").click().run()
    after = app.store.feed(feed.id)
    assert (after.title, after.topic) == ("Post of the Harbour", "Home")


def test_all_feeds_go_out_as_opml_that_comes_in_again(app: App):
    app.feed("The Post", topic="World")
    app.feed("Wire & Co")
    at = app.open("sources")
    (download,) = [d for d in at.get("download_button") if d.label == "OPML"]
    assert download
    written = opml.read(opml.write(app.store.feeds(), now=pages.now()))
    assert {(feed.title, feed.topic) for feed in written.feeds} == {("The Post", "World"), ("Wire & Co", "")}


# Adding


def opml_of(*urls: str) -> tuple[str, bytes, str]:
    """A list of feeds as a file to upload."""
    outlines = "".join(f'<outline text="{url[-4:]}" xmlUrl="{url}"/>' for url in urls)
    return ("list.opml", f"<opml><body>{outlines}</body></opml>".encode(), "text/x-opml")


def test_the_first_feeds_are_fetched_on_the_spot_and_then_the_chat_begins(app: App, stand: Stand, shown: Shown):
    at = app.open()
    at.file_uploader(key="add_opml").set_value(
        opml_of(stand.feed("/a", "Aa", "Hello"), stand.feed("/b", "Bb", "World"))
    )
    at.run()
    at.button(key="add_list").click().run()
    assert not at.exception
    assert app.store.stats().entries == 2
    assert at.chat_input
    assert any("2 feeds fetched, 2 new articles" in toast.value for toast in at.toast)


def test_if_one_of_the_first_feeds_fails_that_is_told_before_the_chat_begins(app: App, stand: Stand, shown: Shown):
    at = app.open()
    bad = stand.serve("/bad", b"", status=500)
    at.file_uploader(key="add_opml").set_value(opml_of(stand.feed("/a", "Aa", "Hello"), bad)).run()
    at.button(key="add_list").click().run()
    assert "2 feeds asked, 1 new article, 1 failed." in shown(at)
    assert any(link.label == "Ask about the news" for link in at.get("page_link"))
    at.run()
    assert at.chat_input


def test_ask_offers_starter_packs_as_long_as_there_is_no_feed(app: App, shown: Shown):
    at = app.open()
    assert "Choose your news" in shown(at)
    world = next(pack for pack in packs() if pack.id == "world")
    assert any(b.label == f"Add and fetch {len(world.feeds)} feeds" for b in at.button)
    assert world.feeds[0].title in shown(at).replace("\\", "")


def test_packs_by_topic_and_country_add_up_each_feed_once(app: App):
    at = app.open()
    at.pills(key="add_topics").set_value(["science", "sport"]).run()
    at.pills(key="add_countries").set_value(["japan"]).run()
    chosen = {feed.url for pack in packs() if pack.id in ("science", "sport", "japan") for feed in pack.feeds}
    assert any(b.label == f"Add and fetch {len(chosen)} feeds" for b in at.button)


def test_feeds_that_are_there_already_are_not_offered_again(app: App):
    world = next(pack for pack in packs() if pack.id == "world")
    app.store.add_feeds([(f.url, f.title, f.topic, f.language) for f in world.feeds[1:]], now=pages.now())
    at = app.open("sources")
    at.pills(key="add_topics").set_value(["world"]).run()
    assert any(b.label == "Add and fetch 1 feed" for b in at.button)
    app.store.add_feeds([(world.feeds[0].url, "", "", "")], now=pages.now())
    at.run()
    assert button(at, "All of these are there already").disabled


def test_an_address_is_looked_up_previewed_and_added(app: App, stand: Stand, shown: Shown):
    stand.feed("/rss", "The Stand", "One $5B and $6B$", "Two", "Three", "Four")
    stand.serve("/", f'<link rel="alternate" type="application/rss+xml" href="{stand.url}/rss">'.encode())
    at = app.open("sources")
    at.text_input(key="add_url").set_value(stand.url + "/")
    button(at, "Find feeds").click().run()
    assert not at.exception
    text = shown(at)
    assert "The Stand" in text
    assert "Three" in text
    assert "Four" not in text
    assert "$" not in text
    at.button(key="add_candidate_0").click().run()
    assert [feed.title for feed in app.store.feeds()] == ["The Stand"]
    assert app.store.stats().entries == 4


def test_an_address_without_a_feed_is_one_sentence(app: App, stand: Stand):
    at = app.open()
    at.text_input(key="add_url").set_value(stand.serve("/page", b"<html><p>Nothing"))
    button(at, "Find feeds").click().run()
    assert len(at.warning) == 1
    assert not at.exception
    at.text_input(key="add_url").set_value("ftp://example.com/feed")
    button(at, "Find feeds").click().run()
    assert len(at.warning) == 1


def test_opml_is_reported_before_it_is_added(app: App, stand: Stand, shown: Shown):
    first = stand.feed("/a", "Aa", "Hello")
    app.store.add_feed("https://known.example/feed", title="Known", now=pages.now() - timedelta(days=1))
    app.store.pause_feed(app.store.feeds()[0].id, True)
    data = f"""<opml><body><outline text="Topic"><outline text="Aa & co" xmlUrl="{first}"/>
        <outline text="Known" xmlUrl="https://known.example/feed"/></outline>
        <outline text="Bad" xmlUrl="ftp://bad.example/"/></body></opml>"""
    at = app.open("sources")
    at.file_uploader(key="add_opml").set_value(("list.opml", data.encode(), "text/x-opml")).run()
    text = shown(at)
    assert "2 feeds in this list, 1 there already, 1 skipped." in text
    assert "Bad" in text
    at.button(key="add_list").click().run()
    added = next(feed for feed in app.store.feeds() if feed.url == first)
    assert (added.title, added.topic) == ("Aa & co", "Topic")
    assert app.store.stats().entries == 1


def test_what_is_no_opml_is_one_sentence(app: App):
    at = app.open("sources")
    at.file_uploader(key="add_opml").set_value(("list.xml", b"\x00\xffnothing", "text/xml")).run()
    assert len(at.warning) == 1
    assert not at.exception


def test_the_sample_edition_is_loaded_and_removed_with_one_click_each(app: App, shown: Shown):
    at = app.open()
    at.button(key="load_sample").click().run()
    assert not at.exception
    assert app.store.stats().entries >= 55
    at.switch_page("pages/sources.py").run()
    assert "Sample, never fetched" in shown(at)
    at.button(key="remove_sample").click().run()
    assert app.store.feeds() == []


def test_a_sample_feed_cannot_be_fetched(app: App):
    load_sample(app.store, parse, now=pages.now())
    at = app.open("sources")
    sample = app.store.feeds()[0]
    assert "Refresh now" not in at.menu_button(key=f"do_{sample.id}").options
    assert button(at, "Refresh all").disabled


def test_nothing_that_a_feed_says_of_itself_is_ever_markdown(app: App):
    feeds = [app.feed(f"Feed {n}") for n, _ in enumerate(NASTY)]
    for feed, nasty in zip(feeds, NASTY, strict=True):
        app.store.change_feed(feed.id, title=nasty, topic=nasty)
        fail(app, feed, nasty)
    at = app.open("sources")
    assert len(names(at)) == len(NASTY)
    assert_plain(m.value for m in at.markdown)
    do(at, feeds[0], "Why is this failing?")
    assert_plain(m.value for m in at.markdown)
    do(at, feeds[0], "Remove")
    assert_plain(m.value for m in at.markdown)


def test_how_long_a_feeds_articles_stay_is_chosen_in_edit(app: App, shown: Shown):
    post = app.feed("The Post")
    app.publish(post, "Old", hours=24 * 20, seen=24 * 20)
    at = app.open("sources")
    do(at, post, "Edit")
    assert at.selectbox(key=f"keep_{post.id}").value is None
    at.selectbox(key=f"keep_{post.id}").set_value(7)
    button(at, "Save").click().run()
    assert not at.exception
    assert app.store.feed(post.id).keep_days == 7
    assert app.store.feed(post.id).title == "The Post"
    assert "kept 7 days" in shown(at)
    assert app.store.prune(pages.now()) == 1
    do(at, post, "Edit")
    assert at.selectbox(key=f"keep_{post.id}").value == 7


def test_whole_articles_are_asked_for_in_edit_and_what_failed_is_told(app: App, shown: Shown):
    post = app.feed("The Post")
    app.publish(post, "Ferry $5 runs")
    at = app.open("sources")
    do(at, post, "Edit")
    assert not at.checkbox(key=f"full_text_{post.id}").value
    at.checkbox(key=f"full_text_{post.id}").check()
    button(at, "Save").click().run()
    assert app.store.feed(post.id).full_text
    app.store.save_article_failure(app.store.entries()[0].id, "post.example did not give out the article (status 500).")
    do(at, post, "Details")
    assert "Ferry $5 runs: post.example did not give out" in shown(at)
    do(at, post, "Edit")
    at.checkbox(key=f"full_text_{post.id}").uncheck()
    button(at, "Save").click().run()
    assert not app.store.feed(post.id).full_text
