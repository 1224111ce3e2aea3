"""Numbers, days and names are read as values, and compare as values."""

from __future__ import annotations

from datetime import date

import pytest

from llm.facts import Day, Number, agrees, days, named_days, read, same_day

WEDNESDAY = date(2026, 6, 10)


def number(text: str) -> Number:
    (found,) = (token.value for token in read(text) if isinstance(token.value, Number))
    return found


def day(text: str) -> Day:
    (found,) = (token.value for token in read(text) if isinstance(token.value, Day))
    return found


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("1.2m people", 1_200_000, ""),
        ("1,200,000 people", 1_200_000, ""),
        ("1.2 million people", 1_200_000, ""),
        ("12,00,000 people", 1_200_000, ""),
        ("12 lakh people", 1_200_000, ""),
        ("a dozen people", 12, ""),
        ("twenty-five people", 25, ""),
        ("two hundred and fifty people", 250, ""),
        ("half a million people", 500_000, ""),
        ("$4.2bn was paid", 4.2e9, "dollar"),
        ("500 euros was paid", 500, "euro"),
        ("it rose by 12 per cent", 12, "percent"),
        ("it rose by 12%", 12, "percent"),
        ("it rose by 12 percentage points", 12, "points"),
        ("the 19th victim", 19, ""),
        ("a decade", 10, ""),
    ],
)
def test_numbers_are_values_with_units(text: str, value: float, unit: str) -> None:
    assert (number(text).value, number(text).unit) == (value, unit)


@pytest.mark.parametrize(
    ("claimed", "known", "agree"),
    [
        ("1.2m", "1,187,000", True),
        ("1,187,000", "1.2m", False),
        ("about 300", "312", True),
        ("about 300", "412", False),
        ("more than 1,000", "1,024", True),
        ("more than 1,000", "980", False),
        ("nearly 500", "487", True),
        ("nearly 500", "520", False),
        ("nearly 563", "540", False),
        ("more than 50", "less than 50", False),
        ("up to 200", "up to 200", True),
        ("three", "3", True),
        ("140", "240", False),
    ],
)
def test_a_number_is_borne_out_as_far_as_it_was_claimed(claimed: str, known: str, agree: bool) -> None:
    assert agrees(number(claimed), number(known)) == agree


@pytest.mark.parametrize(
    ("claimed", "known", "same"),
    [
        ("on Tuesday", "on Tuesday", True),
        ("on Monday", "on Tuesday", False),
        ("on 9 June", "on Tuesday", True),
        ("on 9 June", "yesterday", True),
        ("on Tuesday", "yesterday", True),
        ("on 8 June", "yesterday", False),
        ("in June", "on Tuesday", True),
        ("in May", "on Tuesday", False),
        ("in May", "last month", True),
        ("in 2025", "last year", True),
        ("on 9 June", "in June", False),
        ("in 1961", "since 1961", True),
        ("in 1991", "since 1961", False),
        ("June 9, 2026", "9 June", True),
        ("June 9, 2025", "9 June", False),
    ],
)
def test_a_day_is_compared_with_the_day_of_publication(claimed: str, known: str, same: bool) -> None:
    assert bool(same_day(day(claimed), day(known), WEDNESDAY)) == same


def test_without_a_day_of_publication_some_days_cannot_be_compared() -> None:
    assert same_day(day("on Tuesday"), day("yesterday"), None) is None
    assert same_day(day("on 9 June"), day("on 9 June"), None) is True
    assert same_day(day("on 9 June"), day("on 8 June"), None) is False


def test_a_day_that_does_not_exist_is_no_day() -> None:
    assert days(Day(2026, 2, 31), WEDNESDAY) is None


def test_may_and_march_are_months_only_where_they_are_meant() -> None:
    assert [token.kind for token in read("it may rain in May") if token.text.lower() == "may"] == ["function", "date"]
    assert not any(token.kind == "date" for token in read("thousands march through Paris"))


def test_names_are_told_by_their_capitals_but_not_at_the_start_or_in_a_title() -> None:
    assert [token.text for token in read("Yesterday the mayor, Anne Dupont, left Lyon.") if token.kind == "name"] == [
        "Anne", "Dupont", "Lyon",
    ]  # fmt: skip
    assert [token.text for token in read("Strong Winds Close Several Schools") if token.kind == "name"] == []


def test_every_token_stands_where_it_says() -> None:
    text = "The U.S. paid $1.2bn on 9 June; 日本の首相 said nothing."
    assert all(text[token.start - 7 : token.end - 7].startswith(token.text[0]) for token in read(text, 7))


PUBLISHED = date(2026, 6, 11)  # a Thursday


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("The minister resigned on Tuesday.", [("Tuesday", date(2026, 6, 9))]),
        ("Three people died yesterday.", [("yesterday", date(2026, 6, 10))]),
        (
            "It began on 2 June. On 2 June 2025 it had begun too.",
            [("2 June", date(2026, 6, 2)), ("2 June 2025", date(2025, 6, 2))],
        ),
        ("The vote was held on Monday, 1 June.", [("1 June", date(2026, 6, 1))]),
        ("Parliament will vote on Friday.", []),
        ("Today nobody came, and rains fell in May.", []),
        ("He left on Thursday.", []),
    ],
)
def test_the_days_that_a_text_names_are_told_where_they_are_sure(text: str, named: list[tuple[str, date]]) -> None:
    assert list(named_days(text, PUBLISHED)) == named
