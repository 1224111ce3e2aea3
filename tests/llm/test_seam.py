"""The rest of an answer meets its beginning without a gap and without an echo."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from llm.seam import Seam

BEGUN = "Oil rose 4 percent on Monday [1]. Gas fell as stor"


def joined(begun: str, *deltas: str) -> str:
    seam = Seam(begun)
    return begun + "".join(map(seam.feed, deltas)) + seam.close()


@pytest.mark.parametrize(
    "rest",
    [
        "age filled up [2].",
        "Gas fell as storage filled up [2].",
        "Monday [1]. Gas fell as storage filled up [2].",
        BEGUN + "age filled up [2].",
        "\n Gas fell as storage filled up [2].",
    ],
)
def test_what_is_repeated_is_cut_off_and_the_rest_fits(rest):
    want = BEGUN + "age filled up [2]."
    if rest.startswith("age"):  # nothing was repeated: half a word cannot be told from a word
        want = BEGUN + " age filled up [2]."
    assert joined(BEGUN, rest) == want


@pytest.mark.parametrize(
    ("begun", "rest", "want"),
    [
        ("Oil rose 4", "percent.", "Oil rose 4 percent."),
        ("Oil rose [1].", "Gas fell.", "Oil rose [1]. Gas fell."),
        ("Oil rose [1].", " Gas fell.", "Oil rose [1]. Gas fell."),
        ("Oil rose [1]. ", "Gas fell.", "Oil rose [1]. Gas fell."),
        ("Oil rose", "[1].", "Oil rose[1]."),
        ("- Oil [1].", "- Gas [2].", "- Oil [1].\n- Gas [2]."),
        ("Oil.\n\n", "  Gas.", "Oil.\n\nGas."),
        ("政府は計画を", "発表した。", "政府は計画を発表した。"),
        ("", "Oil.", "Oil."),
        ("Oil.", "", "Oil."),
        ("bana", "na", "bana na"),
    ],
)
def test_without_a_repetition_a_blank_stands_where_one_belongs(begun, rest, want):
    assert joined(begun, rest) == want


def test_a_repetition_that_is_no_end_of_the_text_stays():
    assert joined(BEGUN, "Oil rose 4 percent in all.") == BEGUN + " Oil rose 4 percent in all."


def test_text_comes_at_once_when_it_is_no_repetition():
    seam = Seam(BEGUN)
    assert seam.feed("zero") == " zero"
    assert seam.feed(" and") == " and"


words = st.lists(st.sampled_from(["Oil ", "rose ", "[1]. ", "\n\n", "x", "政府", "- a"]), max_size=12).map("".join)


@given(words, words, st.lists(st.integers(0, 60), max_size=6))
@example("x", "- a", [1])
def test_the_same_text_comes_out_however_it_is_cut(begun, rest, cuts):
    places = sorted({0, len(rest), *(cut for cut in cuts if cut < len(rest))})
    pieces = [rest[a:b] for a, b in itertools.pairwise(places)]
    assert joined(begun, *pieces) == joined(begun, rest)


@given(words, words)
def test_repeating_the_end_loses_nothing(begun, rest):
    text = begun + "the very last words"
    assert joined(text, "the very last words" + rest) == text + rest
