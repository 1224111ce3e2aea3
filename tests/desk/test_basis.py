"""What is told beside an answer, read from its stored details."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import pytest

from desk.basis import Account, Basis, read
from news.types import Horizon

FIRST, LAST = datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 6, 12, 9, 30, tzinfo=UTC)
TOLL = {
    "about": "the dead",
    "moved": False,
    "accounts": [
        {"feed": "One", "says": "13", "quote": "It killed\n 13.", "url": "https://a.example/1", "at": LAST.isoformat()},
        {"feed": "Two", "says": "9", "quote": "9 died.", "url": "", "at": LAST.isoformat()},
    ],
}


def searched(*told: Any) -> Basis:
    return read({"horizon": json.loads(json.dumps(asdict(Horizon(*told)), default=datetime.isoformat))})


def test_a_sentence_says_how_much_was_searched_from_when_to_when_and_what_was_wrong() -> None:
    assert searched(24, 1_240, FIRST, LAST).searched == (
        "Searched 1,240 articles of 24 feeds, 1 May 2026 to 12 June 2026."
    )
    assert searched(1, 1, FIRST, FIRST, ("A",), ("B", "C")).searched == (
        "Searched 1 article of 1 feed, 1 May 2026. 1 feed failed, 2 feeds may be out of date."
    )
    assert searched(2, 0, None, None).searched == "Searched 0 articles of 2 feeds."


def test_feeds_that_failed_and_stale_ones_are_named_but_not_without_end() -> None:
    failed, stale = searched(3, 9, FIRST, LAST, ("One", "Two"), tuple(f"Feed {n}" for n in range(20))).troubles
    assert failed == "Failed when last fetched: One, Two."
    assert stale.startswith("Not fetched for a day, or silent for longer than usual: Feed 0, ")
    assert stale.endswith("Feed 11 and 8 more.")


@pytest.mark.parametrize(
    ("moved", "heading"), [(False, "Reports differ on the dead"), (True, "The number of the dead has risen")]
)
def test_where_reports_differ_is_told_with_the_words_of_each_in_a_line(moved: bool, heading: str) -> None:
    (told,) = read({"disagreements": [TOLL | {"moved": moved}]}).differences
    assert told.heading == heading
    assert told.accounts[0] == Account("One", "13", "It killed 13.", "https://a.example/1", LAST)
    assert [one.says for one in told.accounts] == ["13", "9"]


def test_a_figure_that_one_outlet_has_alone_is_told_with_its_words_which_are_not_too_many() -> None:
    told = {"feed": "One", "figure": "57", "quote": "57 were\n held.", "outlets": 4}
    (sentence,) = read({"alone": [told]}).alone
    assert sentence == "Only One, of 4 outlets found on this, gives the figure 57: “57 were held.”"
    (long,) = read({"alone": [told | {"quote": "57 were held. " * 40}]}).alone
    assert long.endswith("57 were held. …”")
    assert len(long) < 320


def test_an_answer_of_which_nothing_is_known_has_no_basis() -> None:
    assert read({}) == read({"horizon": None}) == Basis()
