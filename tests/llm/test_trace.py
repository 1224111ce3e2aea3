"""What it costs to read a sentence off a text: little where it can be, more for each leap, gap and new word."""

from __future__ import annotations

from itertools import pairwise

import pytest

from llm.evidence import align, text_of
from llm.facts import read
from llm.trace import Trace, trace

FERRY = (
    "The ferry took on water less than an hour into its crossing, and sank at 23:40. Eleven of the 64 people on board "
    "died. Peter Sinclair, whose daughter was among the dead, said that he had come for an apology."
)


def traced(sentence: str, *texts: str) -> Trace:
    return trace(align(read(sentence), [text_of("", text, None) for text in texts or (FERRY,)]))


@pytest.mark.parametrize(
    "sentence",
    [
        "Eleven of the 64 people on board died.",
        "The ferry took on water less than an hour into its crossing.",
        "Peter Sinclair, whose daughter was among the dead, said that he had come for an apology.",
    ],
)
def test_what_stands_there_costs_little(sentence: str) -> None:
    assert traced(sentence).cost < 0.06


@pytest.mark.parametrize(
    ("sentence", "worse"),
    [
        ("The ferry sank at 23:40.", "The ferry sank at 23:40 in a storm."),  # a new word
        ("The ferry sank at 23:40.", "The Estonia sank at 23:40."),  # a new name costs more than
        ("Eleven of the people died.", "Eleven of the dead people said."),  # words of several sentences
        ("The ferry took on water.", "The ferry took on less than an hour."),  # a gap within a clause
        ("The ferry took on water less than an hour into its crossing.", "The ferry took on water less than an."),
        ("Eleven of the 64 people died.", "People died of the 64 eleven."),  # another order
    ],
)
def test_leaps_gaps_and_new_words_cost(sentence: str, worse: str) -> None:
    assert traced(worse).cost > traced(sentence).cost


def test_a_gap_next_to_a_comma_costs_less_than_one_within_a_clause() -> None:
    at_comma = traced("The ferry took on water less than an hour, and sank at 23:40.")
    within = traced("The ferry took less than an hour into its crossing, and sank at 23:40.")
    assert 0 < at_comma.cost < within.cost


def test_the_share_that_goes_on_unbroken_falls_with_each_break() -> None:
    sentences = (
        "The ferry took on water less than an hour into its crossing.",
        "The ferry took on water, and sank at 23:40, and people died.",
        "The ferry sank, and people came.",
        "Storms and mountains and houses.",
    )
    shares = [traced(sentence).unbroken for sentence in sentences]
    assert shares[0] == 1
    assert all(before > after for before, after in pairwise(shares))


def test_a_claim_may_be_read_off_two_passages() -> None:
    both = traced("The ferry sank and the mayor resigned.", "The ferry sank at 23:40.", "The mayor resigned.")
    assert both.cost < traced("The ferry sank and the mayor resigned.", "The ferry sank at 23:40.").cost
