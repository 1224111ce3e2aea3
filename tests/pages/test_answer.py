"""What stands in an answer's place before it comes, and what is copied with it: words alone, never markup."""

from __future__ import annotations

import html
import re

import pytest

from llm.live import Queued, Waiting
from llm.markdown import JOINER
from pages.parts.answer import THOUGHTS, in_words, thoughts
from pages.parts.plain import cited_lines


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
