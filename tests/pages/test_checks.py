"""How a check is told: the quote in its passage, the words that carry it marked, and nothing hostile as Markdown."""

from __future__ import annotations

from typing import Any

import pytest

from pages._checks import in_words, joined, quoted
from tests.llm.passages import a_passage
from tests.pages.conftest import NASTY, assert_plain

TEXT = "Fog lay on the water. Forty-one people were hurt when the ferry struck. Nobody died."
QUOTE = "Forty-one people were hurt when the ferry struck."


def a_check(**other: Any) -> dict[str, Any]:
    at = TEXT.index(QUOTE)
    return {
        "claim": "41 people were hurt.", "verdict": "supported", "quote": QUOTE, "passage": 1, "part": "text", "at": at,
        "carriers": [[0, 9], [10, 16], [22, 26]], "found": 0, "failed": [], **other,
    }  # fmt: skip


def test_a_quote_stands_in_its_passage_with_the_words_that_carry_the_claim() -> None:
    told = quoted(a_check(), [a_passage(1, text=TEXT)])
    assert told.startswith(
        ":small[Fog lay on the water\\.] :primary[**Forty\\-one people**] were :primary[**hurt**] when"
    )
    assert told.endswith(":small[Nobody died\\.] &#91;1&#93;")


def test_a_quote_that_is_not_in_its_passage_is_shown_alone() -> None:
    assert "Fog" not in quoted(a_check(at=3), [a_passage(1, text=TEXT)])
    assert "Fog" not in quoted(a_check(passage=2), [a_passage(1, text=TEXT)])
    assert quoted(a_check(), []).startswith(":primary[**Forty")


def test_a_long_passage_is_shown_around_the_quote_only() -> None:
    long = a_check(at=TEXT.index(QUOTE) + 5_000)
    told = quoted(long, [a_passage(1, text="word " * 1_000 + TEXT + " word" * 1_000)])
    assert len(told) < 500
    assert told.startswith(":small[… ")


@pytest.mark.parametrize("spans", [[[5, 2]], [[0, 999]], [[-3, 4]], [[0, 4], [2, 6]]])
def test_spans_that_cannot_be_are_left_out(spans: list[list[int]]) -> None:
    assert all(0 <= begin < end <= len(QUOTE) for begin, end in joined(spans, QUOTE))
    assert quoted(a_check(carriers=spans), [])


@pytest.mark.parametrize("nasty", NASTY)
def test_nothing_hostile_in_claim_quote_or_passage_is_markdown(nasty: str) -> None:
    text = f"{nasty} {nasty} {nasty}"
    check = a_check(
        claim=nasty, quote=nasty, at=len(nasty) + 1, carriers=[[0, len(nasty) // 2], [len(nasty) // 2 + 1, len(nasty)]],
        failed=[{"kind": "name", "claimed": nasty, "found": nasty}], verdict="contradicted",
    )  # fmt: skip
    assert_plain([in_words(check, [a_passage(1, text=text)]).replace("[**", "[").replace("**]", "]")])
