"""Figures that one outlet alone gives: told where it is sure, and else not."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from llm.alone import Alone, alone
from llm.assistant import ask
from llm.grounding import review
from news.types import Found, Horizon, Passage
from tests.conftest import NOW
from tests.llm.fake_model import FakeModel
from tests.llm.passages import PUBLISHED, a_passage

HELD = "At least 57 people were held in Varno on Saturday as the police cleared the roads of barricades."
OTHER = (
    "The police cleared the roads of Varno of their barricades on Saturday, and a number of people were held, said the "
    "ministry, which spoke of 3,500 officers."
)


def others(text: str = OTHER, **more: object) -> list[Passage]:
    return [a_passage(n, title="Roads of Varno cleared", text=text, **more) for n in (2, 3)]


def told(held: str = HELD, *reports: Passage, claim: str = "", **more: object) -> tuple[Alone, ...]:
    first = a_passage(1, title="Varno", text=held, **more)
    return alone(review(f"{claim or held} [1]", [first]), [first], [first, *(reports or others())])


def test_a_figure_that_two_other_outlets_do_not_give_is_told_with_its_words() -> None:
    assert told() == (Alone("Outlet 1", "57", HELD, 3),)


def test_it_is_told_of_a_claim_in_other_words() -> None:
    claim = "The police cleared the roads of Varno on Saturday and at least 57 people were held."
    assert told(HELD, claim=claim) == (Alone("Outlet 1", "57", HELD, 3),)


@pytest.mark.parametrize(
    "number",
    ["2026 people", "57-member groups", "57 days", "57 km of roads", "9 people", "57 years"],
)
def test_what_is_no_count_or_too_small_is_not_told(number: str) -> None:
    assert told(f"The police cleared {number} of barricades in Varno on Saturday, the ministry said.") == ()


@pytest.mark.parametrize(
    "held",
    [
        "Two people aged 57 and 61 were held in Varno on Saturday as the police cleared the roads.",
        "Ana Brandt, 57, was held in Varno on Saturday as the police cleared the roads of barricades.",
        "People were held in Varno on Saturday as the police cleared the roads, the first time since 2019.",
        "People were held in Varno on Saturday as the police cleared route 66 of all its barricades.",
        "Fifty-seven people were held in Varno on Saturday as the police cleared the roads of barricades.",
    ],
)
def test_ages_years_names_and_words_are_not_told(held: str) -> None:
    assert told(held) == ()


def test_what_another_has_too_or_nearly_is_not_told() -> None:
    assert told(HELD, *others(f"{OTHER} It said 57 were held.")) == ()
    assert told(HELD, *others(f"{OTHER} It said fifty-six were held.")) == ()


def test_where_others_say_little_or_wrote_long_before_nothing_is_told() -> None:
    assert told(HELD, *others("Roads cleared.")) == ()
    assert told(HELD, others()[0]) == ()
    assert told(HELD, *others(feed="Outlet 2")) == ()
    assert told(HELD, *others(published_at=PUBLISHED - timedelta(hours=13))) == ()


def test_a_passage_of_another_story_or_told_by_several_is_not_told_of() -> None:
    first = a_passage(1, title="Varno", text=HELD)
    checks = review(f"{HELD} [1]", [first])
    assert alone(checks, [first], others()) == ()
    shared = replace(first, also=("Outlet 9",))
    assert alone(checks, [shared], [shared, *others()]) == ()
    assert alone((), [first], [first, *others()]) == ()


def test_a_claim_that_no_passage_supports_is_not_told_of() -> None:
    assert told(HELD, claim="At least 57 bankers drank coffee in Geneva.") == ()


def test_an_answer_keeps_two_of_them_at_most_for_each_of_its_own_quotes() -> None:
    texts = [
        HELD,
        HELD.replace("57", "68").replace("roads", "bridges"),
        HELD.replace("57", "79").replace("roads", "ports"),
    ]
    mine = [a_passage(n, title="Varno", text=text, feed="Outlet 1") for n, text in enumerate(texts, 11)]
    found = Found(tuple(mine), Horizon(3, 9, None, None), reports=(*mine, *others()))
    answer = ask(
        "How many?", [], model=FakeModel().says(" ".join(f"{text} [{n}]" for n, text in enumerate(texts, 1))),
        retrieve=lambda *_: found, now=NOW,
    )  # fmt: skip
    assert answer.alone == ()
    "".join(answer)
    assert [each.figure for each in answer.alone] == ["57", "68"]
    assert answer.details["alone"][0] == {"feed": "Outlet 1", "figure": "57", "quote": HELD, "outlets": 3}
