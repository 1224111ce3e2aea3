"""Whether what was found answers a question: near misses, other names, other years."""

from __future__ import annotations

from dataclasses import replace

import pytest

from llm.answerable import LEAST, answers, measures, names, probability
from news.types import Found, Horizon
from tests.llm.passages import a_passage

SHOW = a_passage(
    title="Drones fall into Sydney harbour at light show",
    text="Nearly 90 drones fell into the harbour on Monday. The festival's director, Brett Sheehy, blamed the wind.",
)
FOUND = Found((SHOW,), Horizon(24, 40_000, None, None), confidence=0.8)


@pytest.mark.parametrize(
    "question",
    [
        "How many drones fell into Sydney harbour?",
        "Why did the drones fall into the harbour?",
        "Who is the director of the festival?",
        "What is the name of the festival's director?",
        "Did drones fall into Sydney harbour?",
        "where did the drones fall?",
    ],
)
def test_what_a_sentence_holds_is_answered(question: str) -> None:
    assert answers(question, FOUND)


@pytest.mark.parametrize(
    "question",
    [
        "What did the drone show in Sydney cost?",
        "How many spectators were hurt by the drones in Sydney?",
        "Which airline carried the Sydney drones?",
        "How old is the pilot of the Sydney drones?",
        "Why did Sydney veto the light show?",
        "How many drones fell into the harbour of Brisbane in 2019?",
    ],
)
def test_a_detail_that_no_sentence_holds_is_not(question: str) -> None:
    assert not answers(question, FOUND)


def test_who_asks_whether_may_be_told_the_opposite() -> None:
    dead = replace(FOUND, passages=(a_passage(title="Timmy the whale found dead", text="The whale died on Friday."),))
    assert answers("Is Timmy the whale still alive?", dead)


def test_a_pronoun_stands_for_the_name_in_the_title() -> None:
    rome = replace(FOUND, passages=(a_passage(title="Starmer visits Rome", text="He met the pope in Rome."),))
    assert answers("Who met the pope in Rome?", rome)


@pytest.mark.parametrize(
    "question",
    [
        "What did the director say?",  # no form to look for
        "¿Cuánto costó el espectáculo de drones de Sídney?",
        "Wie viel kostete die Drohnenshow in Sydney?",
        "シドニーのドローンショーの費用は？",
        "Why did Brett Sheehy resign?",  # a premise, told by itself
    ],
)
@pytest.mark.parametrize("covered", [True, False])
def test_where_it_cannot_tell_the_search_decides(question: str, covered: bool) -> None:
    found = replace(FOUND, covered=covered)
    assert measures(question, found) is None
    assert answers(question, found) is covered


def test_so_it_does_for_a_follow_up_without_a_name_and_for_what_is_pinned() -> None:
    assert measures("how many fell?", FOUND) is not None
    assert measures("how many fell?", FOUND, follows=True) is None
    assert measures("What did the show cost?", replace(FOUND, passages=(replace(SHOW, pinned=True),))) is None
    assert measures("What did the show cost?", replace(FOUND, passages=())) is None


def test_what_the_search_took_to_be_uncovered_must_be_surer() -> None:
    question, doubtful = "How many drones fell in Sydney on the first night?", replace(FOUND, confidence=0.3)
    assert answers(question, doubtful)
    measured = measures(question, doubtful)
    assert measured is not None
    assert probability(measured) >= LEAST


def test_every_measure_is_named_and_bounded_by_what_was_read() -> None:
    long = replace(FOUND, passages=(a_passage(title="x" * 500, text="drones " * 5_000),) * 8)
    measured = measures("How many drones fell?", long)
    assert measured is not None
    assert names() == list(type(measured).__dataclass_fields__)
    assert 0.0 <= probability(measured) <= 1.0
