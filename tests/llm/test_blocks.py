"""Where an answer is cut to be drawn in pieces: the same blocks however it came, and the same look as in one piece."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from llm.blocks import Cutter, cut
from llm.citations import draw
from tests.llm.passages import passages

PIECES = st.sampled_from(
    [
        *"-*+>#|`~=1 \n", "\n\n", "\n\n", "word ", "Word", "**bold**", "`code`", "\n- ", "\n\n- ", "\n* ", "\n1. ",
        "\n\n2. ", "\n\n12 people", "\n  - ", "\n\n  ", "\n\n    ", "\n    ", "\n> ", "\n>\n> ", "\n\n> ", "\n# ",
        "\n\n## ", "\n---\n", "\n===\n", "\n\n---\n\n", "\n```\n", "\n```py\n", "\n~~~\n", "\n````\n", "\n\n```\n",
        "- ```\n", "> ```\n", "```x``` ", "\n|a|b|\n|-|-|\n|c|d|", "\n[x]: /y\n", "[1]", "1986. ", "\n\n-", "\n\n1",
        "\n\n1.", "\t", "\r\n", "<p>", "***\n", "\\\n",
    ]
)  # fmt: skip
written = st.lists(PIECES, max_size=40).map("".join)
parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def streamed(text: str, cuts: list[int]) -> list[str]:
    """The blocks of a text that came in pieces; what was settled at any time must stay so."""
    cutter = Cutter()
    places = sorted({min(place, len(text)) for place in cuts} | {0, len(text)})
    seen: list[int] = [0]
    settled = 0
    for start, end in pairwise(places):
        cutter.feed(text[start:end])
        assert cutter.starts[: len(seen)] == seen
        assert all(start >= settled for start in cutter.starts[len(seen) :])
        assert settled <= cutter.settled <= end
        seen, settled = list(cutter.starts), cutter.settled
    cutter.close()
    assert cutter.settled == len(text)
    assert all(start >= settled for start in cutter.starts[len(seen) :])
    return [text[start:end] for start, end in pairwise([*cutter.starts, len(text)])]


@settings(max_examples=300, deadline=None)
@given(written, st.lists(st.integers(0, 300), max_size=40))
@example("- a\n\n12 people", [6])
@example("- a\n\n-", [6])
def test_the_way_a_text_comes_makes_no_difference(text, cuts):
    markdown = draw(text, passages(2))
    assert streamed(markdown, cuts) == cut(markdown)
    assert streamed(markdown, list(range(len(markdown)))) == cut(markdown)


@settings(max_examples=300, deadline=None)
@given(written)
def test_joined_the_blocks_are_the_text(text):
    assert "".join(cut(text)) == text


@settings(max_examples=500, deadline=None)
@given(written)
@example("- ```\n  a\n\n  b\n")
@example("> ```\n> a\n\nb")
@example("1. a\n\n   b\n\n2. c")
def test_the_blocks_look_as_the_whole_does(text):
    """A parser of CommonMark makes of the blocks, one by one, what it makes of the whole."""
    markdown = draw(text, passages(2))
    assert "".join(parser.render(block) for block in cut(markdown)) == parser.render(markdown)


@given(
    st.lists(st.sampled_from(["Word", "# Head\n", "> Quote", "|a|\n|-|\n", "---", "=", " ", "\n", "\n\n"]), max_size=40)
)
def test_without_lists_and_code_no_blank_line_is_within_a_block(pieces):
    assert [block for block in cut("".join(pieces)) if re.search(r"\S[ ]*\n[ ]*\n[ ]*\S", block)] == []


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ("", [""]),
        ("One.", ["One."]),
        ("One.\n\nTwo.", ["One.\n\n", "Two."]),
        ("One.\nStill one.\n\n\nTwo.\n", ["One.\nStill one.\n\n\n", "Two.\n"]),
        ("\n\nOne.", ["\n\nOne."]),
        ("One.\n \t\nTwo.", ["One.\n \t\n", "Two."]),
        ("### Head\n\nText.", ["### Head\n\n", "Text."]),
        ("### Head\nText.\n\nMore.", ["### Head\nText.\n\n", "More."]),
        ("Head\n===\n\nText.", ["Head\n===\n\n", "Text."]),
        ("Head\n---\n\nText.", ["Head\n---\n\n", "Text."]),
        ("One.\n\n---\n\nTwo.", ["One.\n\n", "---\n\n", "Two."]),
        ("Of:\n\n- a\n- b\n\nThen.", ["Of:\n\n", "- a\n- b\n\n", "Then."]),
        ("Of:\n- a\n\n- b\n\nThen.", ["Of:\n- a\n\n- b\n\n", "Then."]),
        ("- a\n\n  more\n\n  - b\n\n    c\n\nThen.", ["- a\n\n  more\n\n  - b\n\n    c\n\n", "Then."]),
        ("- a\n\n-word", ["- a\n\n", "-word"]),
        ("- a\n\n**b**", ["- a\n\n", "**b**"]),
        ("- a\n\n---", ["- a\n\n", "---"]),
        ("1. a\n\n2. b\n\n10) c", ["1. a\n\n2. b\n\n10) c"]),
        ("1. a\n\n12 people", ["1. a\n\n", "12 people"]),
        ("1. a\n\n> b\n\n3. c", ["1. a\n\n", "> b\n\n", "3. c"]),
        ("- a\n\n```\nx\n\n- y\n```\n\nThen.", ["- a\n\n", "```\nx\n\n- y\n```\n\n", "Then."]),
        ("```\na\n\n\nb\n```\n\nThen.", ["```\na\n\n\nb\n```\n\n", "Then."]),
        ("````\na\n\n```\n\nb\n````\n\nThen.", ["````\na\n\n```\n\nb\n````\n\n", "Then."]),
        ("~~~\na\n\n```\n\nb\n~~~\n\nThen.", ["~~~\na\n\n```\n\nb\n~~~\n\n", "Then."]),
        ("```\na\n\nb", ["```\na\n\nb"]),
        ("```x```\n\nThen.", ["```x```\n\n", "Then."]),
        ("> a\nlazy\n\n> b", ["> a\nlazy\n\n", "> b"]),
        ("> - a\n>\n> - b\n\nThen.", ["> - a\n>\n> - b\n\n", "Then."]),
        ("|a|\n|-|\n|b|\n\nThen.", ["|a|\n|-|\n|b|\n\n", "Then."]),
    ],
)
def test_a_text_is_cut_where_its_blocks_end(text, blocks):
    assert cut(text) == blocks
    assert streamed(text, list(range(len(text)))) == blocks


def test_a_paragraph_is_finished_as_soon_as_the_next_one_begins():
    cutter = Cutter()
    cutter.feed("One.\n\n")
    assert cutter.starts == [0]
    cutter.feed("T")
    assert cutter.starts == [0, 6]


def test_a_line_that_may_yet_be_an_item_is_held_back():
    cutter = Cutter()
    cutter.feed("- a\n\n1")
    assert (cutter.starts, cutter.settled) == ([0], 5)
    cutter.feed("2 people")
    assert (cutter.starts, cutter.settled) == ([0, 5], 14)
