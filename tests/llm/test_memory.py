"""What one request learned and the next one knows: what is left of a minute, and which models there are."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from llm.base import Left, Limits, Message, ModelError, ModelGone, RateLimited
from llm.groq import LIST_HOLDS, GroqModel
from llm.memory import Memory
from llm.models import BUNDLED
from tests.groq_server import GroqServer, limited_message, prompt_tokens

BIG, SMALL = BUNDLED[0].id, BUNDLED[1].id
NOON = datetime(2026, 6, 10, 12, tzinfo=UTC)
QUESTION = [Message("user", "What rained?")]
RESET = timedelta(seconds=14.1)


class Time:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def server() -> Iterator[GroqServer]:
    with GroqServer() as server:
        yield server


@pytest.fixture
def clock() -> Time:
    return Time()


Make = Callable[..., GroqModel]


@pytest.fixture
def model(server: GroqServer, clock: Time) -> Make:
    """Makes a model that asks the server; all of a test share one memory, as all readers of a process do."""
    memory = Memory()

    def make(key: str = "gsk_test1234", **more: Any) -> GroqModel:
        given: dict[str, Any] = {"base_url": server.url, "sleep": clock.sleep, "clock": clock, "memory": memory}
        return GroqModel(key, **{**given, **more})

    return make


def read(model: GroqModel) -> str:
    with model.stream(QUESTION) as stream:
        return "".join(delta.text for delta in stream)


# What is left


def test_what_the_last_answer_said_is_left_is_known_to_all_until_the_minute_begins_anew(
    server: GroqServer, model: Make, clock: Time
) -> None:
    server.says("Frogs.")
    assert model().left() is model().limits() is None
    read(model())
    assert model().left() == Left(6_120, NOON + RESET)
    assert model().limits() == (Limits(1_000, 987, 1_123.2, 8_000, 6_120, 14.1), NOON)
    assert model("gsk_another1").left() is model(model=SMALL).left() is None
    clock.now += RESET
    assert model().left() is None
    assert model().limits() == (Limits(1_000, 987, 1_123.2, 8_000, 6_120, 14.1), NOON)


def test_a_refusal_says_what_is_left_as_well(server: GroqServer, model: Make) -> None:
    said = {
        "x-ratelimit-remaining-tokens": "800",
        "x-ratelimit-reset-tokens": "54s",
        "x-ratelimit-limit-tokens": "8000",
    }
    server.fails(429, message=limited_message(BIG, "tokens per minute", "TPM", "50s"), headers=said)
    with pytest.raises(RateLimited):
        model().stream(QUESTION)
    assert model().left() == Left(800, NOON + timedelta(seconds=54))
    assert model().ceiling() == 7_760


def test_an_answer_without_figures_leaves_what_was_known(server: GroqServer, model: Make) -> None:
    server.says("Frogs.")
    read(model())
    server.says("Frogs.", headers={f"x-ratelimit-{name}": "" for name in (
        "limit-requests", "remaining-requests", "reset-requests", "limit-tokens", "remaining-tokens", "reset-tokens"
    )})  # fmt: skip
    read(model())
    assert model().left() == Left(6_120, NOON + RESET)


def test_what_others_are_asking_just_now_is_not_left(server: GroqServer, model: Make) -> None:
    server.says("Frogs.")
    read(model())
    server.says("Frogs.", mode="silence")
    asking = threading.Thread(target=read, args=(model(reply_tokens=500),))
    asking.start()
    assert server.wait_for(lambda: server.count == 2)
    taken = prompt_tokens(server.last.body) + 500
    assert model().left() == Left(6_120 - taken, NOON + RESET)
    server.release()
    asking.join()
    assert model().left() == Left(6_120, NOON + RESET)  # the answer's own figure has it


def test_a_request_that_fails_takes_nothing(server: GroqServer, model: Make) -> None:
    server.says("Frogs.").fails(401)
    read(model())
    with pytest.raises(ModelError):
        read(model())
    assert model().left() == Left(6_120, NOON + RESET)


def test_less_than_nothing_is_never_left() -> None:
    memory = Memory()
    memory.say("me", BIG, Limits(tokens_left=100, tokens_reset_s=10.0), NOON)
    with memory.asking("me", BIG, 900):
        assert memory.left("me", BIG, NOON) == Left(0, NOON + timedelta(seconds=10))
    assert memory.left("me", BIG, NOON) == Left(100, NOON + timedelta(seconds=10))


def test_many_threads_take_and_give_back_exactly() -> None:
    memory = Memory()
    memory.say("me", BIG, Limits(tokens_left=100, tokens_reset_s=10.0), NOON)

    def ask() -> None:
        for _ in range(500):
            with memory.asking("me", BIG, 3):
                memory.left("me", BIG, NOON)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert memory.left("me", BIG, NOON) == Left(100, NOON + timedelta(seconds=10))


# Models, live


def test_the_list_that_one_reader_asked_for_is_known_to_all_without_a_request(server: GroqServer, model: Make) -> None:
    assert (model().known(), model().is_live()) == (BUNDLED, False)
    server.models = [{"id": "zeta", "context_window": 4_096}, {"id": "eta", "context_window": 32_768}, {"id": SMALL}]
    offered = model().offered()
    assert [row.id for row in offered] == [SMALL, "eta", "zeta"]  # the table first, then the larger window
    assert (model().known(), model().is_live()) == (offered, True)
    assert model("gsk_another1").is_live() is False
    assert (len(server.listings), server.count) == (1, 0)


def test_a_model_that_groq_does_not_list_is_not_asked_and_the_next_one_answers_with_a_notice(
    server: GroqServer, model: Make
) -> None:
    server.strict, server.models = True, [{"id": "whisper-large-v3"}, {"id": SMALL}]
    model().list_models()
    for _ in range(2):
        with model().stream(QUESTION) as stream:
            list(stream)
        assert (stream.model, BIG in stream.notice, SMALL in stream.notice) == (SMALL, True, True)
    assert [request.body["model"] for request in server.requests] == [SMALL, SMALL]


def test_when_a_model_turns_out_to_be_gone_the_list_is_asked_for_so_that_no_other_is_tried_in_vain(
    server: GroqServer, model: Make
) -> None:
    server.strict, server.models = True, [{"id": "new/large", "context_window": 131_072}, {"id": "new/small"}]
    assert read(model())
    assert [request.body["model"] for request in server.requests] == [BIG, "new/large"]
    assert len(server.listings) == 1
    assert read(model())
    assert [request.body["model"] for request in server.requests[2:]] == ["new/large"]
    assert model().limits() is not None  # those of the model that answers


def test_without_a_list_the_table_is_tried_in_its_order(server: GroqServer, model: Make) -> None:
    server.fails(404, code="model_not_found").fails(500).fails(404, code="model_not_found").says("Frogs.")
    assert read(model()) == "Frogs."
    assert [request.body["model"] for request in server.requests] == [row.id for row in BUNDLED[:3]]
    assert len(server.listings) == 1


def test_only_the_models_that_were_named_answer_for_one_that_is_gone(server: GroqServer, model: Make) -> None:
    server.strict, server.models = True, [{"id": "new/large"}, {"id": SMALL}]
    with pytest.raises(ModelGone):
        read(model(fallback=()))
    assert read(model(fallback=(SMALL,)))
    assert [request.body["model"] for request in server.requests] == [BIG, SMALL]
    assert server.listings == []


def test_an_old_list_keeps_nobody_from_asking(server: GroqServer, model: Make, clock: Time) -> None:
    server.models = [{"id": SMALL}]
    model().list_models()
    server.says("Frogs.", times=2)
    read(model(model="brand/new"))
    assert server.last.body["model"] == SMALL
    clock.now += LIST_HOLDS
    read(model(model="brand/new"))
    assert server.last.body["model"] == "brand/new"


def test_a_list_without_one_model_for_a_chat_is_no_news(server: GroqServer, model: Make) -> None:
    server.models = [{"id": "whisper-large-v3"}]
    assert model().offered() == BUNDLED
    server.says("Frogs.")
    assert read(model()) == "Frogs."
    assert server.last.body["model"] == BIG


def test_what_a_list_says_of_windows_and_replies_bounds_the_request(server: GroqServer, model: Make) -> None:
    server.models = [{"id": "tiny", "context_window": 2_000, "max_completion_tokens": 300}]
    model().list_models()
    asked = model(model="tiny", reply_tokens=800)
    assert asked.ceiling() == 1_940
    server.says("Frogs.")
    read(asked)
    assert server.last.body["max_completion_tokens"] == 300


@pytest.mark.parametrize("id_", ["", "a" * 201, "two\nlines", 7, None, "bell\a"])
def test_a_list_with_names_that_are_none_is_read_without_them(id_: Any, server: GroqServer, model: Make) -> None:
    server.models = [{"id": id_}, {"id": SMALL}]
    assert model().list_models() == [SMALL]
