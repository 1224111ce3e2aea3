"""Reasoning in the text of an answer, however it is cut."""

from __future__ import annotations

import itertools
import random

import pytest

from llm.reading import Thinking


def split(pieces: list[str]) -> tuple[str, str]:
    """All the answer and all the reasoning of these pieces."""
    thinking = Thinking()
    parts = [thinking.split(piece) for piece in pieces] + [thinking.rest()]
    return "".join(text for text, _ in parts), "".join(thought for _, thought in parts)


def cuts(text: str) -> list[list[str]]:
    """The text letter by letter, whole, cut in two at each place, and in some random ways."""
    chance = random.Random(7)
    ways = [list(text), [text], *([text[:at], text[at:]] for at in range(1, len(text)))]
    for _ in range(50):
        places = sorted({0, len(text), *(chance.randrange(len(text)) for _ in range(4))})
        ways.append([text[begin:end] for begin, end in itertools.pairwise(places)])
    return ways


@pytest.mark.parametrize(
    ("text", "answer", "reasoning"),
    [
        ("<think>Hm.</think>Frogs [1].", "Frogs [1].", "Hm."),
        ("\n <think>\nHm.\n</think>\n\nFrogs.", "Frogs.", "\nHm.\n"),
        ("<think></think>Frogs.", "Frogs.", ""),
        ("<think>a </thin b </think >c</think>Frogs.", "Frogs.", "a </thin b </think >c"),
        ("<think>Never ended, and then </thi", "", "Never ended, and then </thi"),
        ("<think>Hm.</think>", "", "Hm."),
        ("<think>Hm.</think>  ", "", "Hm."),
        ("<think>Hm.</think>Tags are <think>like</think> this.", "Tags are <think>like</think> this.", "Hm."),
        ("The tag <think> is no tag here.</think>", "The tag <think> is no tag here.</think>", ""),
        ("  Frogs < toads.", "  Frogs < toads.", ""),
        ("<thing>Frogs.", "<thing>Frogs.", ""),
        ("<thi", "<thi", ""),
        (" \n", " \n", ""),
        ("< think>", "< think>", ""),
    ],
)
def test_reasoning_at_the_start_is_never_taken_for_the_answer_however_it_is_cut(
    text: str, answer: str, reasoning: str
) -> None:
    for pieces in cuts(text):
        assert split(pieces) == (answer, reasoning), pieces


def test_reasoning_is_given_out_as_it_comes() -> None:
    thinking = Thinking()
    assert thinking.split("<think>They ask ") == ("", "They ask ")
    assert thinking.split("of rain.</") == ("", "of rain.")
    assert thinking.split("think>\n") == ("", "")
    assert thinking.split("Frogs ") == ("Frogs ", "")
    assert thinking.split("fell.") == ("fell.", "")
