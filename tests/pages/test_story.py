"""The page of one story, and how Ask takes a story along."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

from streamlit.testing.v1 import AppTest

import pages
from news.types import ParsedEntry
from tests.pages.conftest import NASTY, ROOT, App, assert_plain

Shown = Callable[[AppTest], str]


def ferry(app: App, told_hours_ago: tuple[int, int, int] = (6, 4, 1)) -> int:
    """A ferry's accident told by three outlets, whose tolls move; gives the story's number."""
    now = pages.now()
    for hours, (name, dead) in zip(told_hours_ago, {"The Post": 3, "Wire": 5, "Ledger": 9}.items(), strict=True):
        title = f"Ferry Lady Corran runs aground, {dead} people killed"
        text = f"The ferry Lady Corran ran aground off Skerry on Sunday, {name} says. The harbour is closed to ships."
        entry = ParsedEntry("1", f"https://{name[-4:].lower()}.example/ferry", title, text)
        feed = app.feed(name)
        app.save(feed, ParsedEntry(**_dated(entry, now - timedelta(hours=hours))), at=now - timedelta(hours=hours))
    app.group()
    stories = {entry.story for entry in app.store.entries()}
    assert len(stories) == 1
    return stories.pop()


def _dated(entry: ParsedEntry, at: object) -> dict[str, object]:
    return {"key": entry.key, "url": entry.url, "title": entry.title, "text": entry.text, "published_at": at}


def test_a_story_tells_who_was_first_how_it_went_on_and_who_says_what(app: App, shown: Shown):
    number = ferry(app)
    at = app.open("story", id=str(number))
    told = shown(at)
    assert "3 reports by 3 outlets" in told
    assert "first by The Post" in told
    assert "**Dead: 3 → 5 → 9**" in told
    assert "Outlets side by side" in told
    assert "What each report added" in told
    (chart,) = at.get("vega_lite_chart")
    assert "3 reports by 3 outlets, the first by The Post" in str(chart.proto)
    (table,) = at.table
    assert list(table.value["Figure"]) == ["3", "5", "9"]
    assert all("killed" in quote for quote in table.value["In its words"])


def test_the_days_of_a_long_story_are_each_named_once_below_its_chart(app: App):
    at = app.open("story", id=str(ferry(app, (96, 50, 1))))
    (chart,) = at.get("vega_lite_chart")
    axis = json.loads(chart.proto.spec)["encoding"]["x"]["axis"]
    assert (axis["format"], axis["tickCount"]) == ("%-d %b", {"interval": "day", "step": 1})


def test_a_story_that_was_opened_is_seen(app: App):
    number = ferry(app)
    app.open("story", id=str(number))
    assert list(app.part.reading.marks().seen) == [number]


def test_a_story_can_be_followed_and_muted_on_its_page(app: App):
    number = ferry(app)
    at = app.open("story", id=str(number))
    next(b for b in at.button if b.label == "Follow this story").click().run()
    assert list(app.part.reading.marks().followed) == [number]
    next(b for b in at.button if b.label == "Stop following").click().run()
    assert not app.part.reading.marks().followed
    next(b for b in at.button if b.label == "Mute this story").click().run()
    assert list(app.part.reading.marks().muted) == [number]


def test_an_edited_article_shows_what_was_taken_out_and_put_in(app: App, shown: Shown):
    now, post = pages.now(), app.feed("The Post")
    for hours, title in ((5, "Two hurt in Corran fire"), (1, "Five hurt in Corran fire")):
        entry = ParsedEntry("1", "https://e.example/1", title, "Text.", published_at=now - timedelta(hours=5))
        app.save(post, entry, at=now - timedelta(hours=hours))
    app.group()
    told = shown(app.open("story", id=str(app.store.entries()[0].story)))
    assert "Edited after publication" in told
    assert ":gray[~~Two~~] **Five** hurt in Corran fire" in told


def test_an_address_of_no_story_says_so(app: App, shown: Shown):
    for number in ("", "12", "x", "99999999999999999999"):
        assert "This story is not here" in shown(app.open("story", id=number))


def test_a_story_goes_along_with_a_question_until_it_is_let_go(app: App, shown: Shown):
    number = ferry(app)
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30)
    at.query_params["story"] = str(number)
    at.run()
    assert "3 of its 3 reports" in shown(at)
    at.chat_input[0].set_value("How many were killed?").run()
    turn = next(iter(app.part.conversations.turns("".join(at.query_params["c"]))))
    assert set(turn.pinned) == {entry.id for entry in app.store.entries()}


def test_nothing_in_a_story_is_ever_markdown(app: App):
    now = pages.now()
    for n, nasty in enumerate(NASTY):
        feed = app.feed(f"Feed {n}")
        app.store.change_feed(feed.id, title=f"{nasty} {n}")
        for hours, title in ((5, "Ferry Corran aground, 3 killed"), (1, f"Ferry Corran aground, {nasty}")):
            app.save(
                app.store.feed(feed.id),
                ParsedEntry("1", "https://e.example/1", title, nasty, published_at=now - timedelta(hours=5)),
                at=now - timedelta(hours=hours),
            )
    app.group()
    for story in {entry.story for entry in app.store.entries()}:
        at = app.open("story", id=str(story))
        assert_plain(m.value.replace("~~", "").replace("**", "") for m in at.markdown)
        assert_plain(c.value for c in at.caption)
        for table in at.table:
            assert_plain(map(str, table.value.to_numpy().ravel()))
