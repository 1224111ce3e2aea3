"""Old turns in few words: when they are folded, by whom, and what a provider's cache gains from it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from llm.assistant import prepare, send
from llm.base import Interrupted, Left, RateLimited, Usage
from llm.extractive import ExtractiveModel
from llm.groq import GroqModel
from llm.memory import Memory
from llm.prompt import Turn
from llm.summary import SUMMARY_TOKENS, Fold, fold, folding
from llm.tokens import counter
from llm.window import Ledger
from news.types import Found, Horizon
from tests.groq_server import GroqServer
from tests.llm.fake_model import GPT_OSS, FakeModel
from tests.llm.passages import a_passage

NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)
PASSAGES = tuple(a_passage(n, text=f"Passage {n}. " + "word " * 150) for n in range(1, 13))
FOUND = Found(PASSAGES, Horizon(1, 12, None, NOW))


def some_turns(count: int, words: int = 120) -> list[Turn]:
    return [Turn(f"Question {n}?", f"Answer {n}. " + "word " * words, str(n)) for n in range(count)]


def ledger(turns: list[Turn], model: FakeModel | None = None, **given: object) -> Ledger:
    return prepare("What now?", turns, model=model or FakeModel(), found=FOUND, now=NOW, **given).ledger  # type: ignore[arg-type]


def test_a_short_conversation_is_not_folded():
    assert folding([], ledger([]), FakeModel()) is None
    turns = some_turns(8)
    assert folding(turns, ledger(turns), FakeModel()) is None


def test_turns_beyond_their_share_are_folded_until_the_rest_takes_half_of_it():
    model = FakeModel()
    turns = some_turns(16)
    given = folding(turns, ledger(turns), model)
    assert given is not None
    assert (given.before, given.turns[0].key, given.key) == ("", "0", given.turns[-1].key)
    kept = turns[len(given.turns) :]
    size = sum(counter(GPT_OSS).count(turn.answer) for turn in kept)
    room = 7_000 - 1_200 - ledger(turns).total("system")
    assert len(kept) >= 2
    assert size < room / 6
    folded = [replace(turn, summary="They spoke.") if turn.key == given.key else turn for turn in turns]
    again = prepare("What now?", folded, model=model, found=FOUND, now=NOW)
    assert [line.key for line in again.ledger.of("turn") if line.kept] == [turn.key for turn in kept]
    assert folding(folded, again.ledger, model) is None
    later = folding([*folded, *some_turns(16)[8:]], again.ledger, model)
    assert later is not None
    assert later.before == "They spoke."
    assert later.turns[0].key == kept[0].key


def test_a_turn_that_the_window_cannot_hold_is_folded_whole():
    turns = [*some_turns(1), Turn("Huge?", "word " * 6_000, "huge")]
    given = folding(turns, ledger(turns), FakeModel())
    assert given is not None
    assert given.key == "huge"


def test_what_the_reader_took_out_is_not_summed_up():
    turns = some_turns(16)
    given = folding(turns, ledger(turns, dropped={"1", "3"}), FakeModel())
    assert given is not None
    assert not {"1", "3"} & {turn.key for turn in given.turns}


def test_a_short_minute_is_no_reason_to_fold():
    class Limited(FakeModel):
        def left(self) -> Left:
            return Left(4_200, NOW + timedelta(seconds=20))

    turns = some_turns(8)
    assert ledger(turns, Limited()).bound == "minute"
    assert folding(turns, ledger(turns, Limited()), Limited()) is None


GIVEN = Fold(
    "They spoke of the harbour.",
    (
        Turn("How much did oil rise?", "It rose 4 percent [1]. Traders left.", "0", headlines=("Oil climbs", "Close")),
        Turn("And gas?", "Gas fell [2]. Shares too.", "1"),
    ),
    "1",
)


def test_a_model_writes_the_summary_from_fenced_turns_in_one_small_request():
    model = FakeModel().says("They spoke of the harbour; ", "oil rose 4 percent [1].")
    folded = fold(GIVEN, model=model)
    assert folded.summary == "They spoke of the harbour; oil rose 4 percent."
    assert (folded.model, folded.usage) == (GPT_OSS, Usage(100, 10))
    (messages,) = model.asked
    assert [message.role for message in messages] == ["system", "user"]
    rows = [json.loads(line) for line in messages[1].content.split("\n")[:-1]]
    assert rows == [
        {"minutes": "They spoke of the harbour."},
        {"question": "How much did oil rise?", "answer": "It rose 4 percent. Traders left."},
        {"question": "And gas?", "answer": "Gas fell. Shares too."},
    ]


def test_however_much_there_is_to_sum_up_the_request_and_the_summary_are_bounded():
    model = FakeModel(ctx_length=100_000).says("Word after word. " * 400)
    folded = fold(Fold("", tuple(some_turns(300, 2_000)), "299"), model=model)
    assert model.count(model.asked[0]) < 8_000
    assert 250 < counter(GPT_OSS).count(folded.summary) <= SUMMARY_TOKENS


@pytest.mark.parametrize(
    "model",
    [
        ExtractiveModel(),
        FakeModel().fails(RateLimited("Wait.")),
        FakeModel().breaks_off("They", error=Interrupted("Cut.")),
        FakeModel().says(" \n"),
    ],
)
def test_without_a_model_questions_and_cited_headlines_are_the_summary(model):
    folded = fold(GIVEN, model=model)
    assert folded.summary.split("\n") == [
        "They spoke of the harbour.",
        "- Asked: How much did oil rise? Told: Oil climbs; Close",
        "- Asked: And gas? Told: Gas fell.",
    ]
    assert (folded.model, folded.usage) == ("", None)


@pytest.mark.parametrize(("left", "asks"), [(None, 1), (7_000, 1), (3_000, 0)])
def test_the_model_is_asked_only_where_half_a_budget_of_the_minute_remains(left, asks):
    class Limited(FakeModel):
        def left(self) -> Left | None:
            return None if left is None else Left(left, NOW)

    model = Limited().says("They spoke.")
    fold(GIVEN, model=model)
    assert len(model.asked) == asks


def test_without_a_model_the_newest_lines_stay_within_the_bound():
    folded = fold(Fold("Once. " * 200, tuple(some_turns(60)), "59"), model=ExtractiveModel())
    assert 200 < counter(GPT_OSS).count(folded.summary) <= SUMMARY_TOKENS
    assert folded.summary.split("\n")[-1].startswith("- Asked: Question 59?")
    assert "Once" not in folded.summary


@pytest.fixture
def server() -> Iterator[GroqServer]:
    with GroqServer() as server:
        yield server


def test_over_forty_turns_the_request_only_grows_at_its_end_except_where_turns_were_folded(server):
    model = GroqModel("gsk_x", base_url=server.url, memory=Memory())
    turns: list[Turn] = []
    stable: list[list[dict[str, str]]] = []
    folds: list[int] = []
    for n in range(40):
        request = prepare(f"Question {n}?", turns, model=model, found=FOUND, now=NOW)
        answer = send(request, model=model)
        for _ in answer:
            pass
        stable.append(server.last.messages[:-1])  # all but the passages and the question
        turns.append(Turn(answer.question, f"{answer.raw} {'word ' * 100}", str(n)))
        given = folding(turns, answer.ledger, model)
        if given:
            folds.append(n + 1)
            folded = fold(given, model=ExtractiveModel())
            turns = [replace(turn, summary=folded.summary) if turn.key == given.key else turn for turn in turns]
    for n in range(1, 40):
        before, now = stable[n - 1], stable[n]
        assert now[0] == before[0]
        if n in folds:
            assert now[2]["content"].startswith("<summary>")
        else:
            assert now[: len(before)] == before
            assert len(now) == len(before) + 2
    assert 1 <= len(folds) <= 40 / 4
    assert all(later - earlier >= 4 for earlier, later in itertools.pairwise(folds))
    assert server.count == 40
