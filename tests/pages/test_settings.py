"""Settings."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import pages
from llm.base import CTX_LENGTH
from llm.models import BUNDLED, DEFAULT, EFFORT
from news import parse
from news.editions import load_sample
from news.sample import QUESTIONS
from pages.parts.model import GROQ, OTHER
from tests.groq_server import GroqServer
from tests.manners import LLAMA_CPP, LM_STUDIO, OLLAMA, VLLM
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


# ---------------------------------------------------------------- who answers


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Where the app listens, as `--server.address` says."""
    option = st.get_option

    def listens(where: str) -> None:
        monkeypatch.setattr(st, "get_option", lambda name: where if name == "server.address" else option(name))

    return listens


@pytest.fixture(params=[OLLAMA, LLAMA_CPP, VLLM, LM_STUDIO], ids=["ollama", "llama.cpp", "vllm", "lm studio"])
def own_server(request: pytest.FixtureRequest) -> Iterator[GroqServer]:
    """A model server of the reader's own, with the manners of each kind."""
    with GroqServer(manners=request.param, models=[{"id": "qwen3:8b"}, {"id": "llama3.2"}], strict=True) as server:
        yield server


def name_server(at: AppTest, server: GroqServer) -> None:
    at.segmented_control(key="server").set_value(OTHER).run()
    at.text_input(key="server_url").set_value(f"{server.url}/v1").run()


def ask(at: AppTest, question: str) -> None:
    at.switch_page("app.py").run()
    at.chat_input(key="question").set_value(question).run()
    assert not at.exception


def test_another_server_lists_its_models_and_answers(
    app: App, address: Callable[[str], None], own_server: GroqServer, shown: Shown
):
    load_sample(app.store, parse, now=pages.now())
    address("127.0.0.1")
    at = app.open("settings")
    name_server(at, own_server)
    at.button(key="try_it").click().run()
    assert "It works: 2 models" in shown(at).replace("\\", "")
    assert {option.split(" ")[0] for option in at.selectbox(key="server_model").options} == {"qwen3:8b", "llama3.2"}
    at.selectbox(key="server_model").set_value("llama3.2").run()
    own_server.says("It struck the quay [1].")
    ask(at, QUESTIONS[0])
    assert "struck the quay" in shown(at)
    assert own_server.last.body["model"] == "llama3.2"
    assert own_server.last.path == "/v1/chat/completions"


def test_a_server_that_is_not_there_is_one_sentence(app: App, address: Callable[[str], None], shown: Shown):
    address("localhost")
    with GroqServer() as gone:
        pass
    at = app.open("settings")
    name_server(at, gone)
    at.button(key="try_it").click().run()
    assert not at.exception
    assert "could not be reached" in shown(at)


@pytest.mark.parametrize("where", ["", "0.0.0.0", "::", "192.168.1.7"])
def test_where_others_can_open_the_page_no_server_can_be_chosen(
    app: App, groq: GroqServer, address: Callable[[str], None], where: str
):
    load_sample(app.store, parse, now=pages.now())
    address(where)
    with GroqServer(manners=OLLAMA) as inside:
        at = app.open("settings")
        assert "server" not in {control.key for control in at.segmented_control}
        # A session from before the owner moved it, or a forged one.
        at.session_state["server"], at.session_state["server_url"] = OTHER, f"{inside.url}/v1"
        at.run()
        assert not [field for field in at.text_input if field.key == "server_url"]
        at.text_input(key="groq_key").set_value(KEY).run()
        at.button(key="try_it").click().run()
        ask(at, QUESTIONS[0])
        assert (inside.count, len(inside.listings)) == (0, 0)
    assert groq.count == 1


def test_the_owner_can_let_readers_choose_a_server(
    app: App, address: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
):
    address("0.0.0.0")
    monkeypatch.setenv("ALLOW_OWN_SERVER", "yes")
    assert app.open("settings").segmented_control(key="server").value == GROQ


def test_how_much_it_thinks_reaches_the_model(app: App, groq: GroqServer):
    load_sample(app.store, parse, now=pages.now())
    at = app.open("settings")
    at.text_input(key="groq_key").set_value(KEY).run()
    at.button(key="try_it").click().run()
    assert at.segmented_control(key="effort").value == EFFORT
    at.segmented_control(key="effort").set_value("high").run()
    ask(at, QUESTIONS[0])
    assert groq.last.body["reasoning_effort"] == "high"
    at.switch_page("pages/settings.py").run()
    at.selectbox(key="model").set_value("new/model-1").run()
    ask(at, QUESTIONS[1])
    assert groq.last.body["model"] == "new/model-1"
    assert "reasoning_effort" not in groq.last.body


def test_what_answers_took_is_drawn_once_there_is_one(app: App, groq: GroqServer, shown: Shown):
    load_sample(app.store, parse, now=pages.now())
    at = app.open("settings")
    assert "What it took" not in shown(at)
    at.text_input(key="groq_key").set_value(KEY).run()
    ask(at, QUESTIONS[0])
    (turn,) = app.part.conversations.turns(app.part.conversations.recent()[0].id)
    used = turn.details["usage"]
    at.switch_page("pages/settings.py").run()
    assert "What it took" in shown(at)
    assert "1 answer in 30 days" in shown(at)
    assert f"{used['prompt'] + used['completion']:,} tokens" in shown(at).replace("\\", "")
    assert len(at.get("arrow_vega_lite_chart")) + len(at.get("vega_lite_chart")) == 1


def test_the_owners_server_without_a_key_answers_with_a_model_that_it_lists(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    with GroqServer(models=[{"id": "smollm2"}]) as server:
        monkeypatch.setenv("GROQ_BASE_URL", f"{server.url}/v1")
        at = app.open("settings")
        at.button(key="try_it").click().run()
        assert at.selectbox(key="model").value == "smollm2"
        app.publish(app.feed("Post"), "The bridge at Ulm is closed")
        at = app.open()
        at.chat_input[0].set_value("Is the bridge at Ulm closed?").run()
        assert not at.exception
        assert server.last.body["model"] == "smollm2"
