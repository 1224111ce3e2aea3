"""What stands in an answer's place before it comes, and what is copied with it: words alone, never markup."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from streamlit.runtime.scriptrunner import enqueue_message
from streamlit.testing.v1 import AppTest

from llm.assistant import ask
from llm.live import Live, Queued, Waiting
from llm.markdown import JOINER
from news.types import Found, Horizon
from pages.parts.answer import THOUGHTS, in_words, thoughts
from pages.parts.plain import cited_lines
from tests.llm.fake_model import FakeModel
from tests.llm.passages import passages

NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)


def shown(markdown: str) -> str:
    """What a parser shows of lines in which everything special is escaped."""
    return html.unescape(re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", markdown)).replace(JOINER, "")


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (None, ""),
        (Queued(1, 20), "20 answers are being written; yours is number 1 in line."),
        (Queued(3, 1), "1 answer is being written; yours is number 3 in line."),
        (
            Waiting(4.2, "Groq is too busy at the moment (503). Try again soon."),
            "Groq is too busy at the moment (503). Going on in 5 s.",
        ),
        (Waiting(0.2, "Wait."), "Wait. Going on in 1 s."),
        (Waiting(1.0, "<b>No</b> ![x](http://e.test)."), "<b>No</b> ![x](http://e.test). Going on in 1 s."),
    ],
)
def test_what_is_waited_for_is_one_sentence(status, sentence):
    assert shown(in_words(status)) == sentence
    assert "](" not in in_words(status)
    assert "<" not in in_words(status)


def test_thoughts_are_shown_letter_by_letter_and_line_by_line():
    drawn = thoughts("# They ask\n\n  for **oil** ![x](http://e.test/?q)\n- $1$ <b>")
    assert [shown(line) for line in drawn.split("  \n")] == [
        "# They ask",
        "for **oil** ![x](http://e.test/?q)",
        "- $1$ <b>",
    ]
    assert not re.search(r"(?<![\\&])[#*!$<]|\]\(|://", drawn)


def test_of_long_thoughts_the_end_is_shown():
    drawn = thoughts("a" * 5_000 + " and so on")
    assert drawn.startswith("… a")
    assert drawn.endswith("and so on")
    assert len(drawn) <= THOUGHTS + 2


def test_what_an_answer_cites_is_a_line_each():
    cited = {
        "n": 2,
        "title": "Oil up",
        "url": "https://e.test/2",
        "feed": "E",
        "published_at": "2026-06-10T09:30:00+00:00",
    }
    assert cited_lines({"citations": [cited, cited | {"n": 5}]}) == (
        "[2] Oil up (E, 2026-06-10) https://e.test/2\n[5] Oil up (E, 2026-06-10) https://e.test/2"
    )
    assert cited_lines({}) == ""


def written() -> Live:
    """An answer that is being written."""
    found, model = Found(passages(1), Horizon(1, 1, None, None)), FakeModel().says("Oil ", "rose ", "again [1].")
    live = Live(lambda: ask("What?", [], model=model, retrieve=lambda *_: found, now=NOW), save=lambda _: None)
    live.start()
    return live


def page() -> None:
    import streamlit as st

    from pages.parts.answer import stream
    from tests.pages.test_answer import written

    first = st.empty()
    first.caption("Looking")
    stream(written(), first)


def test_a_place_is_not_empty_between_what_was_waited_for_and_the_first_words(monkeypatch: pytest.MonkeyPatch):
    sent: list[Any] = []

    def keep(message: Any) -> None:
        sent.append(message)
        enqueue_message(message)

    monkeypatch.setattr("streamlit.delta_generator._enqueue_message", keep)
    at = AppTest.from_function(page).run()
    assert not at.exception
    drawn = [message.delta.new_element for message in sent if list(message.metadata.delta_path) == [0, 0]]
    assert [part.WhichOneof("type") for part in drawn[:2]] == ["empty", "markdown"]
    assert {part.WhichOneof("type") for part in drawn[1:]} == {"markdown"}
    assert drawn[1].markdown.body == "Looking"
    assert "Oil rose again" in drawn[-1].markdown.body
