"""An answer falls into its claims, with spans and citations, whatever way it is written or comes."""

from __future__ import annotations

import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm.claims import Claim, Stream, claims

ANSWER = """# The day
Here is what the sources say:

- **Oil:** prices rose 3.5% on Monday, the U.S. said [1]. Iran denied it.[2][3] "It is over."【4】
- Mr. Smith left [5].

| Country | Dead |
| --- | --- |
| France | 12 [1] |
| Spain | 3 [2] |

Inflation fell to 2.1 percent in May [1], while unemployment rose to 5 percent [2]. The passages do not say why. Why?
```
code [1]
```
物価が上がった。【1】次の文です。
"""


def texts(answer: str) -> list[tuple[str, tuple[int, ...]]]:
    return [(claim.text, claim.numbers) for claim in claims(answer) if claim.states]


def test_an_answer_falls_into_what_it_states() -> None:
    assert texts(ANSWER) == [
        ("Oil: prices rose 3.5% on Monday, the U.S. said.", (1,)),
        ("Iran denied it.", (2, 3)),
        ('"It is over."', (4,)),
        ("Mr. Smith left.", (5,)),
        ("France, 12", (1,)),
        ("Spain, 3", (2,)),
        ("Inflation fell to 2.1 percent in May", (1,)),
        ("unemployment rose to 5 percent.", (2,)),
        ("物価が上がった。", (1,)),
        ("次の文です。", ()),
    ]


def test_spans_point_into_the_raw_answer_and_hold_the_citations() -> None:
    found = {claim.text: ANSWER[claim.start : claim.end] for claim in claims(ANSWER)}
    assert found["Iran denied it."] == "Iran denied it.[2][3]"
    assert found["Oil: prices rose 3.5% on Monday, the U.S. said."] == (
        "**Oil:** prices rose 3.5% on Monday, the U.S. said [1]."
    )
    assert found["France, 12"] == "| France | 12 [1] |"
    assert found["unemployment rose to 5 percent."] == "unemployment rose to 5 percent [2]."


@pytest.mark.parametrize(
    "answer",
    [
        "A rate of 3.5% was set [1].",
        "A rate of 3.5% was set. [1]",
        "A rate of 3.5% was set.[1]",
        "A rate of 3.5% was set【1†L2】.",
    ],
)
def test_a_citation_may_stand_on_either_side_of_the_full_stop(answer: str) -> None:
    assert texts(f"{answer} Nobody else spoke of it.") == [
        ("A rate of 3.5% was set.", (1,)),
        ("Nobody else spoke of it.", ()),
    ]


def test_a_list_and_a_range_of_citations_are_read() -> None:
    assert texts("It rained in France [1, 3] and in Spain [4-6].") == [
        ("It rained in France and in Spain.", (1, 3, 4, 5, 6))
    ]


@pytest.mark.parametrize(
    "silent",
    [
        "What happened in Lyon?",
        "## Lyon",
        "**Lyon**",
        "The passages do not say who won.",
        "The provided articles don't mention a date.",
        "There is no information in the sources about that.",
        "I could not find anything on this.",
        "Here are the main points:",
        "Let me know if you want more.",
        "---",
        "[1]",
        "From 6 outlets, 30 December 2025 to 2 January 2026:",
        "",
    ],
)
def test_what_states_no_fact_is_not_counted(silent: str) -> None:
    assert texts(silent) == []


def test_links_and_emphasis_are_read_as_their_words() -> None:
    assert texts("The **mayor** of [Lyon](https://x.test/a) has _resigned_ [2].") == [
        ("The mayor of Lyon has resigned.", (2,))
    ]


def streamed(answer: str, cuts: list[int]) -> tuple[Claim, ...]:
    stream = Stream()
    found: list[Claim] = []
    at = 0
    for cut in [*sorted(cuts), len(answer)]:
        found += stream.feed(answer[at:cut])
        at = max(at, cut)
    return (*found, *stream.close())


def test_a_stream_gives_the_same_claims_letter_by_letter() -> None:
    assert streamed(ANSWER, list(range(len(ANSWER)))) == claims(ANSWER)


def test_a_stream_gives_a_claim_before_the_answer_ends() -> None:
    stream = Stream()
    assert stream.feed("The mayor has resigned [1]. ") == ()
    found = stream.feed("Her deputy takes over until a new one is elected in the spring [2].")
    assert [claim.text for claim in found] == ["The mayor has resigned."]


PIECES = st.sampled_from(
    ["The mayor left", ". ", ".", "? ", " [1]", "[2]", "【3】", "\n", "\n\n", "- ", "| a | b |", "| --- |", "# ", "**",
     "```", "。", " 3.5 ", "Mr. ", "U.S. ", ", while ", "[", "]", "(", ")", "_", " x ", "\u3000", "\r", "> "]
)  # fmt: skip


@given(st.lists(PIECES, max_size=30).map("".join), st.lists(st.integers(0, 200), max_size=12))
@settings(max_examples=300, deadline=None)
def test_however_an_answer_comes_its_claims_are_the_same(answer: str, cuts: list[int]) -> None:
    assert streamed(answer, [cut for cut in cuts if cut < len(answer)]) == claims(answer)


@given(st.text(max_size=400))
@settings(max_examples=300, deadline=None)
def test_any_text_has_claims_in_order_within_it(answer: str) -> None:
    found = claims(answer)
    assert all(0 <= claim.start < claim.end <= len(answer) for claim in found)
    assert all(one.end <= other.start for one, other in pairwise(found))


@pytest.mark.parametrize("unit", ["[1]", "| ", "a. ", "**", "[", "\n", "``` \n", "[1] ", "!", "> "])
def test_time_grows_with_the_length_of_the_answer(unit: str) -> None:
    def seconds(times: int) -> float:
        start = time.process_time()
        claims(unit * times)
        return time.process_time() - start

    seconds(100)
    assert seconds(16_000) < 40 * max(seconds(2_000), 0.002)


def test_a_sentence_ends_before_the_asterisks_that_close_it() -> None:
    answer = "**Oil rose on Monday.** Gas fell in the evening [1]. *Tin stood still all day.* It *was* quiet."
    assert [answer[claim.start : claim.end] for claim in claims(answer)] == [
        "Oil rose on Monday.",
        "Gas fell in the evening [1].",
        "Tin stood still all day.",
        "It *was* quiet.",
    ]
    assert all("*" not in claim.text for claim in claims(answer))
