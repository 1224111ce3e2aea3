"""The briefing."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from streamlit.testing.v1 import AppTest

from tests.groq_server import GroqServer
from tests.pages.conftest import NASTY, App, assert_plain

Shown = Callable[[AppTest], str]


@pytest.fixture
def groq(app: App, monkeypatch: pytest.MonkeyPatch) -> Iterator[GroqServer]:
    """A model server on loopback, and the app with a key for it."""
    with GroqServer() as server:
        monkeypatch.setenv("GROQ_API_KEY", "gsk_a-key-for-tests")
        monkeypatch.setenv("GROQ_BASE_URL", server.url)
        yield server


def sections(at: AppTest) -> list[str]:
    return [heading.value for heading in at.subheader if heading.value != "Broadsheet"]


def a_day(app: App) -> None:
    """Two outlets tell one story, and each has one of its own."""
    post, wire = app.feed("The Post", topic="World"), app.feed("Wire", topic="Money")
    app.publish(post, "Ferry runs aground off Lady Corran", text="Fourteen were hurt. More follows.", hours=5)
    app.publish(wire, "Lady Corran: ferry runs aground", text="Twelve were hurt, the company says.", hours=4)
    app.publish(post, "Cat rescued", text="From a tree.", hours=2)
    app.publish(wire, "Bank raises rates", text="By a quarter of a point.", hours=3)
    app.group()


def test_without_news_it_says_so(app: App, shown: Shown):
    at = app.open("briefing")
    assert "no news yet" in shown(at)
    assert not sections(at)


def test_what_several_outlets_tell_comes_first_then_each_topic(app: App, shown: Shown):
    a_day(app)
    at = app.open("briefing")
    first, *topics = sections(at)
    assert first == "Told by several outlets"
    assert sorted(topics) == ["Money", "World"]
    told = next(m.value for m in at.markdown if "Lady Corran" in m.value)
    assert "Also" in told
    assert told.count("](https://") == 2
    assert "Fourteen were hurt" in told or "Twelve were hurt" in told
    assert "3 stories out of 4 articles from 2 feeds" in shown(at)


def test_each_story_can_be_asked_about(app: App):
    a_day(app)
    at = app.open("briefing")
    pins = {link.query_string for link in at.get("page_link") if "Ask about this" in link.label}
    assert len(pins) == 3


def test_the_newest_day_is_told_when_the_last_one_was_silent(app: App, shown: Shown):
    post = app.feed("The Post")
    app.publish(post, "The newest", hours=24 * 5)
    app.publish(post, "The same day", hours=24 * 5 + 20)
    app.publish(post, "Long before", hours=24 * 8)
    text = shown(app.open("briefing"))
    assert "The newest" in text
    assert "The same day" in text
    assert "Long before" not in text
    assert "Today in five minutes" not in text


def test_without_a_key_only_a_quiet_line_speaks_of_summaries(app: App):
    a_day(app)
    at = app.open("briefing")
    assert [c.value for c in at.caption if "Groq key" in c.value]
    assert not [b for b in at.button if "Groq" in b.label]


def test_with_a_key_a_summary_with_links_is_written_and_kept(app: App, groq: GroqServer):
    a_day(app)
    groq.says("- **Ferry** ran aground [1]. Nobody knows why [9]. ![x](http://evil.example/a.png)")
    at = app.open("briefing")
    at.button(key="summarise").click().run()
    assert not at.exception
    summary = next(m.value for m in at.markdown if "ran aground" in m.value and "Ferry** ran" in m.value)
    assert "](https://outlet" in summary
    assert "![" not in summary
    sent = groq.last.messages[-1]["content"]
    assert "Cat rescued" in sent
    assert "Twelve were hurt" in sent
    assert "Fourteen were hurt" in sent
    at.switch_page("pages/sources.py").run()
    at.switch_page("pages/briefing.py").run()
    assert any("ran aground" in m.value and "Ferry** ran" in m.value for m in at.markdown)
    assert groq.count == 1
    at.button(key="summarise").click().run()
    assert groq.count == 2


def test_a_refused_key_is_one_sentence_and_leaves_the_briefing_as_it_is(app: App, groq: GroqServer, shown: Shown):
    a_day(app)
    groq.fails(401)
    at = app.open("briefing")
    at.button(key="summarise").click().run()
    assert not at.exception
    assert "key" in shown(at)
    assert len(sections(at)) == 3


def test_nothing_from_a_feed_is_ever_markdown(app: App):
    for n, nasty in enumerate(NASTY):
        feed = app.feed(f"Feed {n}")
        app.store.change_feed(feed.id, title=f"{nasty} {n}", topic=nasty)
        app.publish(app.store.feed(feed.id), f"{nasty} {n}", f"{nasty} ferry aground Corran {n}", text=nasty)
    at = app.open("briefing")
    assert len(sections(at)) > len(NASTY) / 2
    assert_plain(m.value for m in at.markdown)
    assert_plain(sections(at))
