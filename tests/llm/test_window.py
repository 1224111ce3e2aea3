"""The ledger, as a promise: never over the budget, nothing vital lost, the same in and the same out."""

from __future__ import annotations

import json
from time import perf_counter

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from llm.window import Item, WindowTooSmall, fit

tokens = st.integers(min_value=0, max_value=3_000)
sizes = st.lists(tokens, max_size=12)
items = sizes.map(lambda sizes: [Item("an item", size, pinned=size % 5 == 1) for size in sizes])
loose = sizes.map(lambda sizes: [Item("an item", size + 1) for size in sizes])
vital = st.integers(min_value=0, max_value=1_500)
budgets = st.integers(min_value=0, max_value=12_000)


def a_passage(size: int, *, pinned: bool = False, label: str = "") -> Item:
    return Item(label or f"a passage of {size}", size, pinned)


a_turn = a_passage


@given(vital, vital, items, items, budgets, vital)
def test_the_sum_is_never_over_the_budget(system, question, passages, turns, budget, reply):
    assume(system + question + reply <= budget)
    ledger = fit(system=system, question=question, passages=passages, turns=turns, budget=budget, reply=reply)
    kept = sum(passages[i].tokens for i in ledger.passages) + sum(turns[i].tokens for i in ledger.turns)
    assert ledger.used == system + question + reply + kept
    assert ledger.used <= budget
    assert ledger.prompt == ledger.used - reply


@given(vital, vital, items, items, budgets, vital)
def test_the_system_message_and_the_question_survive_or_the_window_is_too_small(s, q, passages, turns, budget, reply):
    if s + q + reply > budget:
        with pytest.raises(WindowTooSmall, match="ask a shorter question"):
            fit(system=s, question=q, passages=passages, turns=turns, budget=budget, reply=reply)
    else:
        ledger = fit(system=s, question=q, passages=passages, turns=turns, budget=budget, reply=reply)
        assert [line.tokens for line in ledger.of("system") + ledger.of("question") if line.kept] == [s, q]


@given(vital, vital, loose, loose, budgets, vital)
def test_turns_leave_oldest_first_and_without_a_gap(system, question, passages, turns, budget, reply):
    assume(system + question + reply <= budget)
    ledger = fit(system=system, question=question, passages=passages, turns=turns, budget=budget, reply=reply)
    assert ledger.turns == tuple(range(len(turns) - len(ledger.turns), len(turns)))


@given(vital, vital, items, items, budgets, vital)
def test_every_line_is_there_and_every_cut_line_says_why(system, question, passages, turns, budget, reply):
    assume(system + question + reply <= budget)
    ledger = fit(system=system, question=question, passages=passages, turns=turns, budget=budget, reply=reply)
    assert [line.kind for line in ledger.lines] == [
        "system",
        *["turn"] * len(turns),
        *["passage"] * len(passages),
        "question",
    ]
    assert all(bool(line.reason) != line.kept for line in ledger.lines)


@given(vital, vital, items, items, budgets, vital)
def test_nothing_that_would_still_fit_is_cut(system, question, passages, turns, budget, reply):
    assume(system + question + reply <= budget)
    ledger = fit(system=system, question=question, passages=passages, turns=turns, budget=budget, reply=reply)
    left = budget - ledger.used
    assert all(line.tokens > left for line in ledger.of("passage") if not line.kept)
    newest_cut = [line for line in ledger.of("turn") if not line.kept and not line.pinned][-1:]
    assert all(line.tokens > left for line in newest_cut)


@given(vital, vital, items, items, budgets, vital)
def test_equal_input_gives_equal_bytes(system, question, passages, turns, budget, reply):
    assume(system + question + reply <= budget)
    first, again = (
        json.dumps(fit(system=system, question=question, passages=p, turns=t, budget=budget, reply=reply).as_dict())
        for p, t in ((passages, turns), (tuple(passages), tuple(turns)))
    )
    assert first == again


def test_the_first_passages_win_over_the_last():
    ledger = fit(system=10, question=10, passages=[a_passage(30)] * 5, budget=140, reply=20)
    assert ledger.passages == (0, 1, 2)
    assert ledger.lines[4].reason == "It needs 30 tokens; 10 were left."


def test_a_passage_that_is_too_long_lets_a_shorter_one_behind_it_in():
    ledger = fit(system=0, question=0, passages=[a_passage(60), a_passage(90), a_passage(40)], budget=100, reply=0)
    assert ledger.passages == (0, 2)


def test_a_pinned_passage_goes_in_before_better_ones():
    passages = [a_passage(50), a_passage(50), a_passage(60, pinned=True)]
    assert fit(system=0, question=0, passages=passages, budget=110, reply=0).passages == (0, 2)


def test_a_pinned_passage_that_cannot_fit_says_so():
    ledger = fit(system=0, question=0, passages=[a_passage(200, pinned=True)], budget=110, reply=0)
    assert ledger.of("passage")[0].reason == "Pinned, but it needs 200 tokens; 110 were left."


def test_a_pinned_turn_stays_when_newer_ones_leave():
    turns = [a_turn(50, pinned=True), a_turn(50), a_turn(50)]
    assert fit(system=0, question=0, turns=turns, budget=110, reply=0).turns == (0, 2)


def test_turns_leave_two_thirds_to_the_passages_that_want_them():
    ledger = fit(system=0, question=0, passages=[a_passage(50)] * 50, turns=[a_turn(50)] * 50, budget=900, reply=0)
    assert len(ledger.turns) == 6
    assert len(ledger.passages) == 12


def test_turns_take_what_the_passages_leave():
    ledger = fit(system=0, question=0, passages=[a_passage(50)] * 2, turns=[a_turn(50)] * 50, budget=900, reply=0)
    assert (len(ledger.turns), len(ledger.passages)) == (16, 2)


def test_passages_take_what_the_turns_leave():
    ledger = fit(system=0, question=0, passages=[a_passage(50)] * 50, turns=[a_turn(50)] * 2, budget=900, reply=0)
    assert (len(ledger.turns), len(ledger.passages)) == (2, 16)


def test_the_newest_turn_may_take_up_to_half_because_a_follow_up_needs_it():
    passages = [a_passage(100)] * 9
    kept = fit(system=0, question=0, passages=passages, turns=[a_turn(10), a_turn(440)], budget=900, reply=0)
    cut = fit(system=0, question=0, passages=passages, turns=[a_turn(10), a_turn(460)], budget=900, reply=0)
    assert kept.turns[-1:] == (1,)
    assert (cut.turns, len(cut.passages)) == ((), 9)


def test_the_ledger_says_how_it_was_counted():
    assert fit(system=1, question=1, budget=10, reply=1, how="estimate").as_dict()["how"] == "estimate"


def test_the_window_that_is_too_small_tells_both_figures():
    with pytest.raises(WindowTooSmall, match="need 1,300 tokens, but only 900 fit") as caught:
        fit(system=400, question=200, budget=900, reply=700)
    assert (caught.value.needed, caught.value.budget) == (1_300, 900)


def test_the_time_to_fit_grows_no_faster_than_the_history():
    def seconds(turns: int) -> float:
        history = [a_turn(100)] * turns
        best = float("inf")
        for _ in range(5):
            start = perf_counter()
            fit(system=400, question=50, passages=[a_passage(300)] * 12, turns=history, budget=7_000, reply=1_200)
            best = min(best, perf_counter() - start)
        return best

    assert seconds(8_000) < 40 * seconds(800)


def test_what_is_out_stays_out_and_leaves_no_gap_for_older_turns():
    turns = [a_turn(50), Item("a turn", 50, out="You took it out."), a_turn(50)]
    passages = [Item("a passage", 30, pinned=True, out="You took it out."), a_passage(30)]
    ledger = fit(system=0, question=0, passages=passages, turns=turns, budget=140, reply=0)
    assert (ledger.turns, ledger.passages) == ((0, 2), (1,))
    assert [line.reason for line in ledger.lines if not line.kept] == ["You took it out."] * 2
    assert ledger.room == 10


def test_the_summary_goes_in_before_the_turns_and_stands_before_them():
    ledger = fit(system=0, question=0, turns=[a_turn(50)] * 2, summary=Item("Summary", 60), budget=115, reply=0)
    assert [(line.kind, line.kept) for line in ledger.lines[1:4]] == [
        ("summary", True), ("turn", False), ("turn", True),
    ]  # fmt: skip
    assert (ledger.turns, ledger.total("summary"), ledger.prompt) == ((1,), 60, 110)


def test_a_summary_that_cannot_fit_says_so():
    ledger = fit(system=0, question=0, summary=Item("Summary", 60), budget=50, reply=0)
    assert ledger.of("summary")[0].reason == "It needs 60 tokens; 50 were left."


def test_an_answer_that_was_begun_is_always_in():
    ledger = fit(system=10, question=10, begun=30, passages=[a_passage(60)], budget=100, reply=0)
    assert (ledger.lines[-1].kind, ledger.prompt, ledger.passages) == ("begun", 50, ())
    with pytest.raises(WindowTooSmall):
        fit(system=10, question=10, begun=81, budget=100, reply=0)
