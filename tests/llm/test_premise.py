"""What a question takes for granted, and whether a passage says it."""

from __future__ import annotations

import pytest

from llm.premise import premises, unsupported
from tests.llm.passages import a_passage


def told(question: str) -> list[str]:
    return [premise.told for premise in premises(question)]


@pytest.mark.parametrize(
    ("question", "clause"),
    [
        ("Why did Keir Starmer resign?", "Keir Starmer did resign"),
        ("why is the pope stepping down", "the pope is stepping down"),
        ("Why has Lagarde quit the ECB?", "Lagarde has quit the ECB"),
        ("When was Taylor Swift arrested in Paris?", "Taylor Swift was arrested in Paris"),
        ("how did Warren Buffett die", "Warren Buffett did die"),
        ("Why did Apple buy Netflix last week?", "Apple did buy Netflix last week"),
        ("where was Musk taken after he was sentenced to prison?", "Musk was sentenced to prison"),
        ("when did Starmer announce he was quitting?", "Starmer was quitting"),
        ("Who takes over now that the Chancellor has resigned?", "the Chancellor has resigned"),
        ("why was Norway's national day called off this year?", "Norway's national day was called off this year"),
        ("What happened after Macron's resignation?", "there was Macron's resignation"),
        ("who killed Elon Musk?", "anybody killed Elon Musk"),
    ],
)
def test_what_a_question_takes_for_granted_is_told_as_a_clause(question: str, clause: str) -> None:
    assert told(question) == [clause]


@pytest.mark.parametrize(
    "question",
    [
        "",
        "Did Starmer resign?",
        "Will Starmer resign?",
        "Why did the strike end?",
        "What did Trump say on Monday about the strikes on Iran he called off?",
        "How many people were detained in France after the cup win?",
        "What is the latest on the ferry?",
        "Why are prices so high?",
        "三笘はなぜ辞任した？",
        "Who won the final?",
    ],
)
def test_other_questions_take_nothing_for_granted(question: str) -> None:
    assert told(question) == []


RESIGNS = a_passage(title="Starmer resigns as prime minister", text="He will stay until July.")


@pytest.mark.parametrize(
    "passage",
    [
        RESIGNS,
        a_passage(title="Keir Starmer steps down", text="It came at dawn."),
        a_passage(title="The prime minister", text="Starmer quit on Monday."),
        a_passage(title="Downing Street after Starmer", text="The departure took a day."),
    ],
)
def test_a_passage_that_says_so_bears_it_out(passage: object) -> None:
    assert unsupported("Why did Keir Starmer resign?", [a_passage(), passage]) == ()  # type: ignore[list-item]


@pytest.mark.parametrize(
    "passage",
    [
        a_passage(title="Starmer visits Rome", text="He met the pope."),
        a_passage(title="Starmer faces calls for his resignation", text="Members calling for him to resign met."),
        a_passage(title="Starmer will not resign", text="He said so twice."),
        a_passage(title="Could Starmer resign?", text="His party asks."),
        a_passage(title="Macron resigns", text="The president left."),
    ],
)
def test_what_is_only_called_for_denied_asked_or_told_of_somebody_else_does_not(passage: object) -> None:
    assert unsupported("Why did Keir Starmer resign?", [passage]) == ("Keir Starmer did resign",)  # type: ignore[list-item]


def test_a_nation_and_its_people_are_one() -> None:
    passage = a_passage(title="American spy chief resigns", text="She gave no reason.")
    assert unsupported("Why is America's spy chief stepping down?", [passage]) == ()


def test_a_place_is_where_it_happened_and_not_to_whom() -> None:
    passage = a_passage(
        title="Teenagers held over murder of boy", text="He was found at the river. The city is Rennes."
    )
    assert unsupported("How was the boy in Rennes killed?", [passage]) == ()
    visit = a_passage(title="Singer arrested in Paris", text="Fans waited. Taylor Swift was not there.")
    assert unsupported("When was Elton John arrested in Paris?", [visit]) == ("Elton John was arrested in Paris",)


def test_what_was_fired_into_the_sea_landed_there() -> None:
    passage = a_passage(title="North Korea fires projectiles into the sea", text="Nobody was hurt.")
    assert unsupported("Where did the North Korean projectiles land?", [passage]) == ()


def test_where_nothing_was_found_nothing_is_said_of_it() -> None:
    assert unsupported("Why did Keir Starmer resign?", []) == ()
