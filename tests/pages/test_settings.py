"""Settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from streamlit.testing.v1 import AppTest

import pages
from llm.base import CTX_LENGTH
from llm.models import BUNDLED, DEFAULT
from news import parse
from news.editions import load_sample
from tests.groq_server import GroqServer
from tests.pages.conftest import App

Shown = Callable[[AppTest], str]
KEY = "gsk_typed-by-the-reader"


@pytest.fixture
def groq(app: App, monkeypatch: pytest.MonkeyPatch) -> Iterator[GroqServer]:
    """A model server on loopback that knows one key; the app has none."""
    with GroqServer(keys=[KEY], models=[{"id": "openai/gpt-oss-20b"}, {"id": "new/model-1"}]) as server:
        monkeypatch.setenv("GROQ_BASE_URL", server.url)
        yield server


def test_it_opens_without_a_key_and_says_what_that_means(app: App, shown: Shown):
    at = app.open("settings")
    assert "Without a key, answers are quotations" in shown(at)
    assert at.button(key="try_it").disabled
    assert at.selectbox(key="model").value == DEFAULT
    assert at.slider(key="budget").value == CTX_LENGTH == 7_000
    assert len(at.selectbox(key="model").options) == len(BUNDLED)


def test_a_key_that_works_brings_the_models_there_are(app: App, groq: GroqServer, shown: Shown):
    at = app.open("settings")
    at.text_input(key="groq_key").set_value(KEY).run()
    at.button(key="try_it").click().run()
    assert "It works: 2 models" in shown(at).replace("\\", "")
    assert any("new/model-1" in option for option in at.selectbox(key="model").options)
    assert groq.count == 0  # it costs no tokens


def test_a_wrong_key_is_one_sentence_without_the_key(app: App, groq: GroqServer, shown: Shown):
    at = app.open("settings")
    at.text_input(key="groq_key").set_value("gsk_wrong").run()
    at.button(key="try_it").click().run()
    assert not at.exception
    assert "key" in shown(at)
    assert "gsk_wrong" not in shown(at)
    at.text_input(key="groq_key").set_value("").run()
    assert "Without a key" in shown(at)


def test_what_is_chosen_holds_on_every_page_of_the_session(app: App, groq: GroqServer):
    at = app.open("settings")
    at.text_input(key="groq_key").set_value(KEY).run()
    at.selectbox(key="model").set_value("openai/gpt-oss-20b").run()
    at.slider(key="budget").set_value(12_000).run()
    at.switch_page("pages/sources.py").run()
    at.switch_page("app.py").run()
    assert at.session_state["groq_key"] == KEY
    at.switch_page("pages/settings.py").run()
    assert at.text_input(key="groq_key").value == KEY
    assert at.selectbox(key="model").value == "openai/gpt-oss-20b"
    assert at.slider(key="budget").value == 12_000


def test_another_session_does_not_see_the_key(app: App):
    at = app.open("settings")
    at.text_input(key="groq_key").set_value(KEY).run()
    assert app.open("settings").text_input(key="groq_key").value == ""


def test_a_model_named_by_the_server_is_the_first_choice(app: App, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GROQ_MODEL", "my/own")
    assert app.open("settings").selectbox(key="model").value == "my/own"


def test_it_tells_what_is_stored(app: App):
    app.publish(app.feed("The Post"), "One", "Two", "Three")
    app.part.conversations.add_turn(app.part.conversations.new_id(), "Why?", now=pages.now())
    at = app.open("settings")
    shown = {metric.label: metric.value for metric in at.metric}
    assert (shown["Feeds"], shown["Articles"], shown["Conversations"]) == ("1", "3", "1")
    assert shown["On disk"].endswith("MB")


def test_everything_is_deleted_only_at_the_second_step(app: App):
    app.publish(app.feed("The Post"), "One")
    app.part.conversations.add_turn(app.part.conversations.new_id(), "Why?", now=pages.now())
    at = app.open("settings")
    at.button(key="delete").click().run()
    assert app.store.stats().entries == 1
    at.button(key="delete_no").click().run()
    assert app.store.stats().entries == 1
    at.button(key="delete").click().run()
    at.button(key="delete_yes").click().run()
    assert app.store.stats().entries == app.store.stats().feeds == app.part.conversations.count() == 0
    assert [toast.value for toast in at.toast] == ["Everything is deleted."]
    assert at.button(key="delete")


def test_old_articles_are_removed_on_request(app: App):
    post = app.feed("The Post")
    app.publish(post, "Old", hours=24 * 40)
    app.publish(post, "New")
    at = app.open("settings")
    at.selectbox(key="keep_days").set_value(30).run()
    at.button(key="prune").click().run()
    assert [entry.title for entry in app.store.entries()] == ["New"]


def test_the_sample_edition_can_be_removed_here_too(app: App):
    load_sample(app.store, parse, now=pages.now())
    at = app.open("settings")
    at.button(key="remove_sample").click().run()
    assert app.store.feeds() == []
    assert not [b for b in at.button if b.key == "remove_sample"]
