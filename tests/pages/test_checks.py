"""How a check is told: the quote in its passage, the words that carry it marked, and nothing hostile as Markdown."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from desk.conversations import Turn
from pages.parts.checks import in_words, joined, quoted, shown
from pages.parts.turns import claim_of
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


def test_what_a_mark_opens_is_the_verdict_the_quote_in_runs_and_its_source() -> None:
    failed = [{"kind": "number", "claimed": "53", "found": "Forty-one"}]
    told = shown(a_check(verdict="contradicted", failed=failed), [a_passage(1, text=TEXT)])
    assert (told["verdict"], told["failed"]) == ("Contradicted", ["number “53”, the passage has “Forty-one”"])
    assert "".join(text for text, _ in told["runs"]) == QUOTE
    assert [text for text, carries in told["runs"] if carries] == ["Forty-one people", "hurt"]
    assert (told["before"].strip(), told["behind"].strip()) == ("Fog lay on the water.", "Nobody died.")
    assert told["source"] == "[1] Outlet 1: Headline 1"
    assert told["published"] == "10 June 2026, 09:30 UTC"
    nothing = shown(a_check(verdict="not found", quote="", passage=0, carriers=[]), [a_passage(1, text=TEXT)])
    assert (nothing["verdict"], nothing["runs"], nothing["source"], nothing["url"]) == ("Not found", (), "", "")


@pytest.mark.parametrize(
    ("url", "opens"),
    [
        ("https://a.example/1?x=1&y=2", "https://a.example/1?x=1&y=2"),
        ("javascript:alert(1)", ""),
        ("https://user@a.example/", ""),
        ("\u202ehttps://a.example/1", "https://a.example/1"),
        ("", ""),
    ],
)
def test_a_quote_links_to_its_article_if_that_has_an_address_to_open(url: str, opens: str) -> None:
    assert shown(a_check(), [a_passage(1, text=TEXT, url=url)])["url"] == opens


def test_a_mark_opens_a_check_that_is_there_and_nothing_else() -> None:
    asked = datetime(2026, 6, 10, tzinfo=UTC)
    turn = Turn("a", "", ("a",), "What?", (), "41 hurt.", "done", "", {"checks": [a_check()]}, asked, asked)
    assert claim_of(turn, 1) == (a_check(), ())
    assert [claim_of(turn, number) for number in (0, 2, -1)] == [None, None, None]
    assert claim_of(None, 1) is None
    assert claim_of(replace(turn, details={}), 1) is None


@pytest.mark.parametrize("nasty", NASTY)
def test_nothing_hostile_in_claim_quote_or_passage_is_markdown(nasty: str) -> None:
    text = f"{nasty} {nasty} {nasty}"
    check = a_check(
        claim=nasty, quote=nasty, at=len(nasty) + 1, carriers=[[0, len(nasty) // 2], [len(nasty) // 2 + 1, len(nasty)]],
        failed=[{"kind": "name", "claimed": nasty, "found": nasty}], verdict="contradicted",
    )  # fmt: skip
    assert_plain([in_words(check, [a_passage(1, text=text)]).replace("[**", "[").replace("**]", "]")])
