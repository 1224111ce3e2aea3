import ast
import asyncio
import json
import logging
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from llm import groq as module
from llm import reading, wire
from llm.base import (
    BadRequest,
    Delta,
    Interrupted,
    KeyRefused,
    Limits,
    Message,
    ModelError,
    ModelGone,
    RateLimited,
    ServerFailed,
    TooLarge,
    Unreachable,
    Usage,
)
from llm.failures import duration
from llm.groq import GroqModel
from llm.memory import Memory
from llm.models import BUNDLED
from llm.prompt import make_messages
from llm.redact import Redact, redact
from news.types import Passage
from tests.groq_server import GroqServer, Mode, limited_message, prompt_tokens, too_large_message

BIG, SMALL = "openai/gpt-oss-120b", "openai/gpt-oss-20b"
NOON = datetime(2026, 6, 10, 12, tzinfo=UTC)
QUESTION = [Message("user", "What rained?")]


class Time:
    """A clock that only moves when somebody sleeps, and remembers for how long they did."""

    def __init__(self) -> None:
        self.now = NOON
        self.slept: list[float] = []

    def __call__(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def server() -> Iterator[GroqServer]:
    with GroqServer() as server:
        yield server


@pytest.fixture
def clock() -> Time:
    return Time()


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def model(server: GroqServer, clock: Time, memory: Memory) -> Callable[..., GroqModel]:
    """Makes a model that asks the server, on this test's clock and with its breaker."""

    def make(key: str = "gsk_test1234", **more: Any) -> GroqModel:
        given: dict[str, Any] = {"base_url": server.url, "sleep": clock.sleep, "clock": clock, "memory": memory}
        return GroqModel(key, **{**given, **more})

    return make


Make = Callable[..., GroqModel]


def read(model: GroqModel, messages: list[Message] = QUESTION) -> str:
    """The whole answer."""
    with model.stream(messages) as stream:
        return "".join(delta.text for delta in stream)


def history(turns: int, words: int = 60) -> list[Message]:
    return [
        message
        for n in range(turns)
        for message in (Message("user", f"Q{n} " + "word " * words), Message("assistant", f"A{n} " + "word " * words))
    ]


# What is sent, and what arrives


def test_an_answer_streams_with_its_reasoning_apart_and_its_usage_and_limits(server: GroqServer, model: Make) -> None:
    server.says(deltas=["Frogs ", "[1]."], reasoning=["They ask ", "of rain."])
    with model().stream(QUESTION) as stream:
        deltas = list(stream)
    assert deltas == [Delta(reasoning="They ask "), Delta(reasoning="of rain."), Delta("Frogs "), Delta("[1].")]
    assert (stream.model, stream.finish, stream.notice) == (BIG, "stop", "")
    assert stream.usage == Usage(prompt=421, completion=58, cached=128, reasoning=17)
    assert stream.limits == Limits(1000, 987, 1123.2, 8000, 6120, 14.1)


def test_the_request_holds_the_system_message_first_the_budget_of_the_reply_and_the_effort(
    server: GroqServer, model: Make
) -> None:
    server.says("Frogs.")
    read(model(system="Be brief.", reply_tokens=321), [*history(1), *QUESTION])
    assert server.last.path == "/openai/v1/chat/completions"
    assert server.last.headers["authorization"] == "Bearer gsk_test1234"
    assert server.last.headers["accept-encoding"] == "identity"  # what is compressed is held back
    sent = server.last.body
    assert [message["role"] for message in sent["messages"]] == ["system", "user", "assistant", "user"]
    assert sent["messages"][0]["content"] == "Be brief."
    assert {name: sent[name] for name in sent if name != "messages"} == {
        "model": BIG,
        "stream": True,
        "max_completion_tokens": 321,
        "reasoning_effort": "low",
        "stream_options": {"include_usage": True},
    }


def test_the_effort_is_the_chosen_one_and_unknown_models_get_none(server: GroqServer, model: Make) -> None:
    server.says("Frogs.", times=2)
    read(model(effort="high"))
    read(model(model="qwen/qwen3.6-27b"))
    assert server.requests[0].body["reasoning_effort"] == "high"
    assert "reasoning_effort" not in server.requests[1].body


def test_no_reply_is_asked_for_that_is_longer_than_the_model_can(server: GroqServer, model: Make) -> None:
    server.says("Frogs.")
    read(model(ctx_length=131_072, reply_tokens=100_000))
    assert server.last.body["max_completion_tokens"] == 65_536


def test_the_sum_that_is_sent_is_within_the_budget_by_the_servers_own_count(server: GroqServer, model: Make) -> None:
    server.says("Frogs.")
    read(model(system="Be brief.", ctx_length=2_000, reply_tokens=500), [*history(40), *QUESTION])
    assert 1_300 < prompt_tokens(server.last.body) <= 1_500


def test_complete_awaits_the_same_request(server: GroqServer, model: Make) -> None:
    server.says("Frogs in Oslo [1].", reasoning="Hm.")
    reply = asyncio.run(model(system="Be brief.").complete(QUESTION))
    assert (reply.text, reply.model, reply.finish) == ("Frogs in Oslo [1].", BIG, "stop")
    assert reply.usage == Usage(421, 58, 128, 17)
    assert server.count == 1


def test_a_cancelled_complete_hangs_up(server: GroqServer, model: Make) -> None:
    server.says(deltas=["Frogs ", "in "], mode="stall")

    async def ask() -> None:
        task = asyncio.ensure_future(model().complete(QUESTION))
        await asyncio.to_thread(server.wait_for, lambda: server.count == 1 and server.last.deltas == 2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(ask())
    assert server.last.done.wait(5)
    assert server.last.aborted


def test_a_chunk_without_choices_is_the_usage_and_no_end_of_the_world(server: GroqServer, model: Make) -> None:
    # The old stream read `chunk.choices[0]` and died on the last chunk.
    server.says("Frogs.", headers={"x-ratelimit-limit-tokens": "many"})
    with model().stream(QUESTION) as stream:
        assert [delta.text for delta in stream] == ["Frogs."]
    assert server.last.body["stream_options"] == {"include_usage": True}
    assert stream.usage is not None
    assert stream.limits.tokens is None


def test_an_answer_without_usage_is_an_answer(server: GroqServer, model: Make) -> None:
    server.says("Frogs.", usage=None)
    with model().stream(QUESTION) as stream:
        assert [delta.text for delta in stream] == ["Frogs."]
    assert (stream.usage, stream.finish) == (None, "stop")


@pytest.mark.parametrize(
    ("mode", "deltas", "finish"),
    [("length", ["Fro"], "length"), ("content_filter", [], "content_filter"), ("empty", [], "stop")],
)
def test_an_end_by_length_or_filter_or_without_a_word_is_told_by_its_finish(
    mode: Mode, deltas: list[str], finish: str, server: GroqServer, model: Make
) -> None:
    server.says(deltas=deltas, mode=mode)
    with model().stream(QUESTION) as stream:
        assert [delta.text for delta in stream] == deltas
    assert stream.finish == finish
    assert server.count == 1


def test_characters_cut_in_half_between_deltas_arrive_whole(server: GroqServer, model: Make) -> None:
    server.says(deltas=["a \ud83d", "\ude00 b", "é\ud83d", "\ud83d"])
    assert read(model()) == "a 😀 bé��"


def test_a_prompt_with_half_a_character_can_still_be_sent(server: GroqServer, model: Make) -> None:
    server.says("Frogs.")
    assert read(model(), [Message("user", "What \ud83d rained?")]) == "Frogs."
    assert server.last.messages[0]["content"] == "What � rained?"


def test_deltas_reach_the_reader_while_the_server_is_still_sending(server: GroqServer, model: Make) -> None:
    server.says(deltas=["Frogs ", "in ", "Oslo."], mode="stall", after=2)
    with model().stream(QUESTION) as stream:
        deltas = iter(stream)
        assert [next(deltas).text, next(deltas).text] == ["Frogs ", "in "]
        assert not server.last.done.is_set()
        server.release()
        assert next(deltas).text == "Oslo."
        assert list(deltas) == []


# Refusals (each with its number of requests: test_failures.py)

MINUTE = limited_message(BIG, "tokens per minute", "TPM", "7m12.5s")


def test_a_wrong_key_does_not_look_like_an_empty_answer(model: Make, clock: Time) -> None:
    with GroqServer(keys=["gsk_right999"]) as server:
        with pytest.raises(KeyRefused):
            asyncio.run(model("gsk_wrong999", base_url=server.url).complete(QUESTION))
        assert server.count == 1
        assert clock.slept == []
        server.says("Frogs.")
        assert read(model("gsk_right999", base_url=server.url)) == "Frogs."


@pytest.mark.parametrize("key", ["", "  ", "gsk_two words", "gsk_naïve", "gsk_a\nb", "gsk_a\x00b"])
def test_a_key_that_cannot_be_sent_is_refused_without_a_request(key: str, server: GroqServer, model: Make) -> None:
    with pytest.raises(KeyRefused):
        model(key).stream(QUESTION)
    with pytest.raises(KeyRefused):
        model(key).list_models()
    assert server.count == len(server.listings) == 0


@pytest.mark.parametrize("address", ["http://[broken", "ftp://127.0.0.1/", "nonsense", "http://", "http://a b/"])
def test_an_address_that_is_none_is_told_without_waiting(address: str, model: Make, clock: Time) -> None:
    with pytest.raises(Unreachable):
        model(base_url=address).stream(QUESTION)
    assert clock.slept == []


def test_a_server_that_does_not_listen_is_tried_three_times(model: Make, clock: Time) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(Unreachable, match=r"127\.0\.0\.1 could not be reached"):
            model(base_url=address).stream(QUESTION)
    assert sum(clock.slept) == pytest.approx(0.5 + 1.0)


def test_one_failure_does_not_cost_the_answer(server: GroqServer, model: Make) -> None:
    server.fails(503).fails(0).says("Frogs.")
    assert read(model()) == "Frogs."
    assert server.count == 3


# Waiting


def test_a_rate_limit_is_really_tried_again_after_exactly_the_wait_the_server_asked_for(
    server: GroqServer, model: Make, clock: Time
) -> None:
    # The old code raised the SDK's error class without arguments: a TypeError, so nothing was ever tried again.
    server.fails(429, retry_after=2).fails(429, retry_after=7.5).says("Frogs.")
    assert read(model()) == "Frogs."
    assert server.count == 3
    assert sum(clock.slept) == pytest.approx(9.5)


def test_three_tries_are_all_and_the_last_limit_is_what_is_told(server: GroqServer, model: Make, clock: Time) -> None:
    server.fails(429, retry_after=1, message=limited_message(BIG, "requests per minute", "RPM", "1s"), times=9)
    with pytest.raises(RateLimited) as raised:
        model().stream(QUESTION)
    assert server.count == 3
    assert raised.value.kind == "requests a minute"
    assert raised.value.until == NOON + timedelta(seconds=3)


@pytest.mark.parametrize(
    ("failure", "slept"),
    [
        ({"retry_after": 8}, 8.0),
        ({"retry_after": "Wed, 10 Jun 2026 12:00:05 GMT"}, 5.0),
        ({"message": limited_message(BIG, "tokens per minute", "TPM", "644ms")}, 0.644),
        ({"message": "requests per day", "headers": {"x-ratelimit-reset-requests": "1.5s"}}, 1.5),
        ({"message": "tokens per minute", "headers": {"x-ratelimit-reset-tokens": "3s"}}, 3.0),
        ({"retry_after": "soon"}, 0.5),
        ({"retry_after": "-3"}, 0.5),
        ({"retry_after": "Tue, 09 Jun 2026 12:00:00 GMT"}, 0.5),
    ],
)
def test_the_wait_comes_from_the_header_else_the_message_else_the_reset_else_it_is_a_moment(
    failure: dict[str, Any], slept: float, server: GroqServer, model: Make, clock: Time
) -> None:
    server.fails(429, **failure).says("Frogs.")
    assert read(model()) == "Frogs."
    assert sum(clock.slept) == pytest.approx(slept)


def test_a_wait_is_counted_down_for_the_reader(server: GroqServer, model: Make) -> None:
    server.fails(429, retry_after=1.1, message=limited_message(BIG, "tokens per minute", "TPM", "1.1s")).says("Frogs.")
    told: list[tuple[float, str]] = []
    read(model(on_wait=lambda seconds, reason: told.append((seconds, reason))))
    assert [seconds for seconds, _ in told] == pytest.approx([1.1, 0.85, 0.6, 0.35, 0.1, 0.0])
    assert "tokens a minute" in told[0][1]


def test_a_wait_can_be_interrupted_at_any_quarter_of_a_second(server: GroqServer, model: Make, clock: Time) -> None:
    class Stop(BaseException):
        """As Streamlit's own, which is no Exception."""

    def stop(seconds: float, reason: str) -> None:
        if seconds < 4.6:
            raise Stop

    server.fails(429, retry_after=5, times=3)
    with pytest.raises(Stop):
        model(on_wait=stop).stream(QUESTION)
    assert server.count == 1
    assert sum(clock.slept) == pytest.approx(0.5)


def test_no_try_starts_later_than_twenty_seconds_after_the_question(
    server: GroqServer, clock: Time, model: Make
) -> None:
    server.fails(503, retry_after=7, times=9)

    def slow(seconds: float) -> None:
        clock.sleep(seconds)
        clock.now += timedelta(seconds=seconds)  # the server itself takes as long again

    with pytest.raises(ServerFailed):
        model(sleep=slow).stream(QUESTION)
    assert server.count == 2  # 14 seconds are gone and 7 more would be 21


def test_a_long_limit_is_told_with_its_end_and_nobody_else_spends_a_request_on_it(
    server: GroqServer, model: Make, clock: Time
) -> None:
    server.fails(429, retry_after=90, message=MINUTE)
    for _ in range(3):
        with pytest.raises(RateLimited, match=r"ends at 12:01:30 UTC") as raised:
            model().stream(QUESTION)
        assert raised.value.until == NOON + timedelta(seconds=90)
        assert raised.value.kind == "tokens a minute"
    assert server.count == 1
    assert clock.slept == []
    server.says("Frogs.", times=2)
    assert read(model("gsk_another1")) == "Frogs."  # another key has limits of its own
    assert read(model(model=SMALL)) == "Frogs."  # and so has another model
    clock.now += timedelta(seconds=91)
    server.says("Frogs again.")
    assert read(model()) == "Frogs again."
    assert server.count == 4


def test_a_wait_longer_than_eight_seconds_is_told_not_sat_out(server: GroqServer, model: Make, clock: Time) -> None:
    server.fails(429, retry_after=8.5).says("Frogs.")
    with pytest.raises(RateLimited, match="12:00:08 UTC, in 8 seconds"):
        model().stream(QUESTION)
    assert server.count == 1
    assert clock.slept == []


def test_the_rest_of_a_limit_that_others_met_is_sat_out_without_a_request(
    server: GroqServer, model: Make, clock: Time
) -> None:
    server.fails(429, retry_after=60, message=MINUTE).says("Frogs.")
    with pytest.raises(RateLimited):
        model().stream(QUESTION)
    clock.now += timedelta(seconds=55)
    assert read(model()) == "Frogs."
    assert sum(clock.slept) == pytest.approx(5)
    assert server.count == 2


@pytest.mark.parametrize("how", ["message", "headers", "stream"])
def test_each_kind_of_limit_has_its_own_sentence(how: str, server: GroqServer, model: Make) -> None:
    kinds = {
        "requests a minute": ("requests per minute", "RPM"),
        "requests a day": ("requests per day", "RPD"),
        "tokens a minute": ("tokens per minute", "TPM"),
        "tokens a day": ("tokens per day", "TPD"),
    }
    left = {"requests a day": "x-ratelimit-remaining-requests", "tokens a minute": "x-ratelimit-remaining-tokens"}
    sentences = set()
    for kind, (what, short) in kinds.items():
        message = limited_message(BIG, what, short, "3h12m0s")
        if how == "headers":
            if kind not in left:
                continue
            server.fails(429, message="Slow down.", retry_after=11_520, headers={left[kind]: "0"})
        elif how == "message":
            server.fails(429, message=message)
        else:
            server.says(mode="error_data", error={"message": message, "code": "rate_limit_exceeded"})
        before = server.count
        with pytest.raises(RateLimited) as raised:
            model(memory=Memory()).stream(QUESTION)
        assert raised.value.kind == kind
        assert "15:12 UTC, in 3 hours" in str(raised.value)
        assert server.count == before + 1
        sentences.add(str(raised.value))
    assert len(sentences) == (2 if how == "headers" else 4)
    assert not any("org_" in sentence for sentence in sentences)


def test_a_limit_without_an_end_says_when_to_come_back(server: GroqServer, model: Make) -> None:
    server.fails(429, message="on requests per day (RPD)", times=3)
    with pytest.raises(RateLimited, match="Try again tomorrow") as raised:
        model().stream(QUESTION)
    assert raised.value.until is None


def test_the_breaker_is_safe_between_threads(server: GroqServer, model: Make) -> None:
    server.fails(429, retry_after=90, message=MINUTE)
    with pytest.raises(RateLimited):
        model().stream(QUESTION)
    errors: list[Exception] = []

    def ask() -> None:
        try:
            model().stream(QUESTION)
        except RateLimited as error:
            errors.append(error)

    threads = [threading.Thread(target=ask) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(errors) == 20
    assert server.count == 1


# Models that are gone


@pytest.mark.parametrize(
    "failure",
    [
        {"status": 404, "code": "model_not_found", "message": f"The model `{BIG}` does not exist"},
        {"status": 400, "code": "model_decommissioned", "message": f"The model `{BIG}` has been decommissioned"},
        {"status": 404, "body": {"error": f'model "{BIG}" not found, try pulling it first'}},
    ],
)
def test_a_model_that_is_gone_is_remembered_and_the_next_one_answers_with_a_notice(
    failure: dict[str, Any], server: GroqServer, model: Make
) -> None:
    server.fails(**failure).says("Frogs.", times=2)
    for asked in (2, 3):
        with model().stream(QUESTION) as stream:
            assert "".join(delta.text for delta in stream) == "Frogs."
        assert stream.model == SMALL
        assert BIG in stream.notice
        assert SMALL in stream.notice
        assert server.count == asked
    assert [request.body["model"] for request in server.requests] == [BIG, SMALL, SMALL]


def test_when_every_model_is_gone_that_is_said_and_not_asked_again(server: GroqServer, model: Make) -> None:
    server.strict, server.models = True, [{"id": "whisper-large-v3"}]
    for _ in range(2):
        with pytest.raises(ModelGone, match="Choose another one in Settings") as raised:
            model().stream(QUESTION)
        assert raised.value.model == BIG
    assert [request.body["model"] for request in server.requests] == [row.id for row in BUNDLED]
    assert len(server.listings) == 1


def test_a_gone_model_is_gone_for_its_key_only_and_back_when_the_live_list_has_it(
    server: GroqServer, model: Make
) -> None:
    server.fails(404, code="model_not_found").says("Frogs.", times=3)
    read(model())
    read(model("gsk_another1"))
    assert server.last.body["model"] == BIG
    model().list_models()
    read(model())
    assert server.last.body["model"] == BIG


# Too large


def test_what_was_too_large_is_not_sent_again_and_the_next_question_fits(model: Make, clock: Time) -> None:
    with GroqServer(tokens_per_minute=2_000) as server:
        asked = model(base_url=server.url, ctx_length=6_000, reply_tokens=400)
        messages = [*history(40), *QUESTION]
        with pytest.raises(TooLarge):
            asked.stream(messages)
        assert server.count == 1
        with asked.stream(messages) as stream:
            assert [delta.text for delta in stream]
        assert server.count == 2
        assert prompt_tokens(server.last.body) + 400 <= 2_000
    assert clock.slept == []


@pytest.mark.parametrize(
    ("failure", "limit", "requested"),
    [
        ({"status": 413, "message": too_large_message(BIG, 8_000, 32_979)}, 8_000, 32_979),
        ({"status": 429, "message": too_large_message(BIG, 8_000, 32_979), "retry_after": 40}, 8_000, 32_979),
        ({"status": 400, "code": "context_length_exceeded", "message": "Please reduce the length."}, None, None),
        (
            {
                "status": 400,
                "body": {
                    "object": "error",
                    "message": "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens "
                    "(3976 in the messages, 1024 in the completion).",
                    "type": "BadRequestError",
                    "code": 400,
                },
            },
            4_096,
            5_000,
        ),
        (
            {
                "status": 400,
                "body": {
                    "error": {
                        "code": 400,
                        "message": "the request exceeds the available context size",
                        "type": "exceed_context_size_error",
                        "n_prompt_tokens": 5_100,
                        "n_ctx": 4_096,
                    }
                },
            },
            4_096,
            5_100,
        ),
        (
            {"status": 400, "body": {"error": "Context overflows: model is loaded with context length of only 4096"}},
            4_096,
            None,
        ),
    ],
)
def test_however_a_server_says_too_large_the_limit_is_read_and_no_wait_is_tried(
    failure: dict[str, Any], limit: int | None, requested: int | None, server: GroqServer, model: Make, clock: Time
) -> None:
    server.fails(**failure, times=5)
    with pytest.raises(TooLarge) as raised:
        model().stream(QUESTION)
    assert (raised.value.limit, raised.value.requested) == (limit, requested)
    assert server.count == 1
    assert clock.slept == []


def test_a_limit_learned_from_a_refusal_holds_for_every_later_question_of_this_key(
    server: GroqServer, model: Make
) -> None:
    silent = {"x-ratelimit-limit-tokens": ""}
    refusal = "This model's maximum context length is 2000 tokens. However, you requested 5600 tokens."
    server.fails(400, message=refusal).says("Frogs.", headers=silent, times=3)
    messages = [*history(40), *QUESTION]
    with pytest.raises(TooLarge):
        model(ctx_length=6_000, reply_tokens=400).stream(messages)
    for asked in (2, 3):
        read(model(ctx_length=6_000, reply_tokens=400), messages)
        assert server.count == asked
        assert prompt_tokens(server.last.body) + 400 <= 2_000
    read(model("gsk_another1", ctx_length=6_000, reply_tokens=400), messages)
    assert prompt_tokens(server.last.body) > 5_000


def test_the_tokens_a_minute_that_a_server_names_bound_the_next_request(server: GroqServer, model: Make) -> None:
    server.says("Frogs.", times=2)
    asked = model(ctx_length=50_000, reply_tokens=500)
    messages = [*history(150), *QUESTION]
    read(asked, messages)
    assert prompt_tokens(server.last.body) > 10_000
    assert asked.ceiling() == 7_760
    read(asked, messages)
    assert prompt_tokens(server.last.body) + 500 <= 8_000


# Failures in the stream


MODES: list[tuple[Mode, str]] = [
    ("cut", "cut"),
    ("clean_eof", "cut"),
    ("stall", "stalled"),
    ("bad_json", "unreadable"),
    ("wrong_json", "cut"),
    ("error_event", "error"),
    ("error_data", "error"),
    ("x_groq_error", "error"),
]


@pytest.mark.parametrize(("mode", "cause"), MODES)
def test_a_stream_that_breaks_is_interrupted_with_its_reason_keeps_its_text_and_is_not_sent_again(
    mode: Mode, cause: str, server: GroqServer, model: Make
) -> None:
    server.says(deltas=["Frogs ", "in ", "Oslo."], mode=mode, after=2)
    arrived: list[str] = []
    with model(stall_s=0.5 if mode == "stall" else 30).stream(QUESTION) as stream, pytest.raises(Interrupted) as raised:
        arrived.extend(delta.text for delta in stream)
    assert arrived == ["Frogs ", "in "]
    assert raised.value.cause == cause
    assert raised.value.model == BIG
    assert str(raised.value).endswith(".")
    assert stream.finish == ""
    assert server.count == 1


def test_an_error_event_before_the_first_word_means_what_the_same_answer_would(server: GroqServer, model: Make) -> None:
    event = {"message": "Please reduce the length of the messages.", "code": "context_length_exceeded"}
    server.says(mode="error_event", error=event)
    with pytest.raises(TooLarge):
        model().stream(QUESTION)
    server.says(mode="error_data", error={"message": "Invalid API Key", "code": "invalid_api_key"})
    with pytest.raises(KeyRefused):
        model().stream(QUESTION)
    server.says(mode="error_event", error={"message": "busy", "status_code": 503}).says("Frogs.")
    assert read(model()) == "Frogs."
    server.says(mode="x_groq_error", error={"message": "over capacity"}).says("Frogs.")
    assert read(model()) == "Frogs."
    assert server.count == 6


def test_an_error_event_in_the_middle_tells_why(server: GroqServer, model: Make) -> None:
    server.says(deltas=["Frogs "], mode="error_event", error={"message": "over capacity", "status_code": 503})
    with model().stream(QUESTION) as stream, pytest.raises(Interrupted, match=r"ended the answer early\. .* too busy"):
        list(stream)


def test_reasoning_is_a_first_word_so_nothing_is_sent_again_after_it(server: GroqServer, model: Make) -> None:
    server.says(reasoning="Hm, frogs.", mode="cut")
    with model().stream(QUESTION) as stream, pytest.raises(Interrupted):
        list(stream)
    assert server.count == 1


def test_what_breaks_after_the_finish_reason_breaks_nothing() -> None:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
    events = [
        {"choices": [{"index": 0, "delta": {"content": "Frogs."}}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
    ]
    body = b"".join(b"data: %s\n\n" % json.dumps({"id": "1", **event}).encode() for event in events)
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            line, _ = listening.accept()
            with line:
                line.recv(65_536)
                line.sendall(head + b"%x\r\n%s\r\n" % (len(body), body))  # and then nothing: no [DONE], no last chunk

        thread = threading.Thread(target=answer)
        thread.start()
        with GroqModel("gsk_test1234", base_url=f"http://127.0.0.1:{listening.getsockname()[1]}").stream(
            QUESTION
        ) as stream:
            assert [delta.text for delta in stream] == ["Frogs."]
        thread.join()
    assert stream.finish == "stop"


@pytest.mark.parametrize("after", [0, 2])
def test_pings_without_an_answer_end_at_the_wall_clock(after: int, server: GroqServer, model: Make) -> None:
    # Each ping is a byte, so no read ever times out: only a clock over the whole answer ends this.
    server.says(deltas=["Frogs ", "in ", "Oslo."], mode="pings", after=after)
    ticks = iter(range(0, 10_000, 4))
    asked = model(clock=lambda: NOON + timedelta(seconds=next(ticks)))
    if after:
        with asked.stream(QUESTION) as stream, pytest.raises(Interrupted, match="took too long") as raised:
            list(stream)
        assert raised.value.cause == "slow"
    else:
        with pytest.raises(ServerFailed, match="no answer"):
            asked.stream(QUESTION)
    assert next(ticks) > 60
    assert server.count == 1
    assert server.last.done.wait(5)
    assert server.last.aborted


def test_an_answer_without_end_is_ended(server: GroqServer, model: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_CHARACTERS", 1_000)
    server.says(deltas=["frog " * 10] * 100)
    with model().stream(QUESTION) as stream, pytest.raises(Interrupted) as raised:
        list(stream)
    assert raised.value.cause == "unreadable"
    monkeypatch.setattr(reading, "MOST_CHARACTERS", 10**6)
    monkeypatch.setattr(wire.Watched.__init__, "__defaults__", (20_000,))
    server.says(deltas=["frog " * 10] * 100)
    with model().stream(QUESTION) as stream, pytest.raises(Interrupted):
        list(stream)


# Hanging up


def test_leaving_the_stream_early_hangs_up(server: GroqServer, model: Make) -> None:
    server.says(deltas=["Frogs ", "in ", "Oslo."], mode="stall", after=2)
    with model().stream(QUESTION) as stream:
        for _ in stream:
            break
    assert server.last.done.wait(5)
    assert server.last.aborted
    assert server.last.deltas == 2


def test_closing_from_another_thread_ends_a_read_that_waits_for_bytes(server: GroqServer, model: Make) -> None:
    server.says(deltas=["Frogs ", "in ", "Oslo."], mode="stall", after=2)
    arrived: list[str] = []
    ended: list[ModelError] = []
    stream = model(stall_s=60).stream(QUESTION)

    def read_on() -> None:
        try:
            for delta in stream:
                arrived.append(delta.text)
        except ModelError as error:
            ended.append(error)

    thread = threading.Thread(target=read_on)
    thread.start()
    assert server.wait_for(lambda: len(arrived) == 2)
    time.sleep(0.05)  # until the thread waits inside the read
    stream.close()
    stream.close()
    thread.join(10)
    assert not thread.is_alive()
    assert isinstance(ended[0], Interrupted)
    assert ended[0].cause == "stopped"
    assert server.last.done.wait(5)
    assert server.last.aborted


def test_a_closed_stream_says_so_and_a_finished_one_may_be_closed(server: GroqServer, model: Make) -> None:
    server.says(deltas=["Frogs ", "in "], mode="stall", after=1).says("Frogs.")
    stream = model().stream(QUESTION)
    stream.close()
    with pytest.raises(Interrupted, match="stopped"):
        list(stream)
    stream = model().stream(QUESTION)
    assert [delta.text for delta in stream] == ["Frogs."]
    stream.close()
    assert list(stream) == []


def test_no_connection_is_left_behind(server: GroqServer, model: Make) -> None:
    for mode, _ in MODES:
        if mode != "stall":
            server.says(deltas=["Frogs ", "in "], mode=mode, after=1)
            with model().stream(QUESTION) as stream, pytest.raises(Interrupted):
                list(stream)
    server.says("Frogs.")
    read(model())
    pool: Any = wire.http()._transport
    assert pool._pool.connections == []


# Models, live


def test_the_live_list_names_every_model_and_offers_those_that_chat(server: GroqServer, model: Make) -> None:
    assert model().list_models() == [BIG, SMALL, "whisper-large-v3-turbo", "openai/gpt-oss-safeguard-20b"]
    server.models = [{"id": "zeta", "max_model_len": 4_096}, {"id": SMALL}, {"id": "old", "active": False}, {"x": 1}]
    offered = model().offered()
    assert [row.id for row in offered] == [SMALL, "zeta"]
    assert (offered[0].window, offered[1].window) == (131_072, 4_096)
    assert server.listings[0].path == "/openai/v1/models"


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        ({"status": 401}, KeyRefused),
        ({"status": 404}, BadRequest),
        ({"status": 429, "retry_after": 1}, RateLimited),
        ({"status": 503}, ServerFailed),
        ({"status": 0}, Unreachable),
        ({"status": 200, "body": "<html>hello</html>"}, ServerFailed),
        ({"status": 200, "body": {"data": None}}, ServerFailed),
        ({"status": 200, "body": "[1]"}, ServerFailed),
    ],
)
def test_a_live_list_that_fails_is_one_request_and_one_of_our_errors(
    failure: dict[str, Any], kind: type[ModelError], server: GroqServer, model: Make
) -> None:
    server.fails(**failure, times=3)
    with pytest.raises(kind):
        model().list_models()
    assert len(server.listings) == 1


# Other servers


@pytest.mark.parametrize("written", ["{}/v1", "{}/v1/", "{}"])
def test_other_servers_are_asked_at_their_own_paths_with_the_older_name_of_the_reply(
    written: str, server: GroqServer, model: Make
) -> None:
    server.says("Frogs.", usage=None)
    other = model("", base_url=written.format(server.url), openai_paths=True, model="llama3.2:3b")
    assert read(other) == "Frogs."
    assert server.last.path == "/v1/chat/completions"
    assert server.last.headers["authorization"] == "Bearer none"
    assert server.last.body["max_tokens"] == 1_200
    assert "max_completion_tokens" not in server.last.body
    assert other.list_models()
    assert server.listings[0].path == "/v1/models"
    assert other.fallback == ()


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("{}/openai/v1", "/openai/v1/chat/completions"),
        ("{}/openai", "/openai/v1/chat/completions"),
        ("{}/", "/openai/v1/chat/completions"),
        ("{}/v1", "/v1/chat/completions"),
    ],
)
def test_an_address_written_as_people_write_it_finds_the_paths(
    address: str, path: str, server: GroqServer, model: Make
) -> None:
    server.says("Frogs.")
    read(model(base_url=address.format(server.url)))
    assert server.last.path == path


def test_a_parameter_that_a_server_refuses_is_left_out_at_once_and_from_then_on(
    server: GroqServer, model: Make, clock: Time
) -> None:
    refusal = {"detail": [{"msg": "Extra inputs are not permitted"}], "message": "Unknown field: stream_options"}
    server.fails(422, body=refusal).fails(400, message="`reasoning_effort` is not supported").says("Frogs.", times=2)
    assert read(model()) == "Frogs."
    assert server.count == 3
    assert "stream_options" not in server.requests[1].body
    assert read(model()) == "Frogs."
    assert server.count == 4
    assert not {"stream_options", "reasoning_effort"} & server.last.body.keys()
    assert clock.slept == []


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"error": "model is overloaded"}, ServerFailed),
        ({"object": "error", "message": "boom", "type": "InternalServerError", "code": 500}, ServerFailed),
        ({"error": {"message": None, "code": 500, "param": {}}}, ServerFailed),
        ("plain words", ServerFailed),
        ("", ServerFailed),
        ([1, 2, {"error": "x"}], ServerFailed),
        ('{"error":' * 100_000, ServerFailed),
    ],
)
def test_error_bodies_of_any_shape_are_read(body: Any, kind: type[ModelError], server: GroqServer, model: Make) -> None:
    server.fails(500, body=body if isinstance(body, (str, Mapping)) else json.dumps(body), times=3)
    with pytest.raises(kind):
        model(base_url=f"{server.url}/v1").stream(QUESTION)
    assert server.count == 3


def test_what_another_model_reports_of_its_prompts_teaches_the_counting(server: GroqServer, model: Make) -> None:
    name = "learn/from-usage"
    other = model(model=name)
    messages = [*history(2), *QUESTION]
    before = other.count(messages)
    server.says("Frogs.", usage={"prompt_tokens": 2 * before, "completion_tokens": 3})
    read(other, messages)
    assert other.count(messages) > 1.9 * before


# Secrets


def test_the_filter_hides_secrets_in_messages_arguments_and_tracebacks_and_breaks_on_nothing() -> None:
    lines: list[str] = []

    class Lines(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    handler = Lines()
    handler.addFilter(Redact())
    log = logging.Logger("test")
    log.addHandler(handler)
    log.info("key %s of %s", "gsk_abcdef123", "org_0123abcd")
    try:
        raise ValueError("Bearer abcdef.123 at https://me:word@example.org/")
    except ValueError:
        log.exception("failed", stack_info=True)
    log.info("%d frogs", "no number, gsk_abcdef123")
    text = "\n".join(lines)
    assert "[hidden]" in lines[0]
    assert "Traceback" in lines[1]
    assert len(lines) == 3
    for secret in ("gsk_abc", "org_0123", "abcdef.123", "me:word"):
        assert secret not in text
    assert redact("nothing to hide, at example.org/a@b") == "nothing to hide, at example.org/a@b"


# The house


def test_only_two_files_know_the_sdk_and_backoff_and_the_client() -> None:
    for path in Path(module.__file__).parent.rglob("*.py"):
        names = {
            name.partition(".")[0]
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(node, (ast.Import, ast.ImportFrom))
            for name in ([alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""])
        }
        assert not names & {"groq", "backoff", "httpx"} or path.name in ("groq.py", "wire.py")


def test_a_client_of_ones_own_is_used(server: GroqServer, model: Make) -> None:
    seen: list[str] = []
    server.says("Frogs.")
    with httpx.Client(event_hooks={"request": [lambda request: seen.append(request.url.path)]}) as client:
        assert read(model(http_client=client)) == "Frogs."
    assert seen == ["/openai/v1/chat/completions"]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2m59.56s", 179.56),
        ("644ms", 0.644),
        ("1h2m3s", 3723),
        ("1d", 86_400),
        ("12", 12),
        ("7.66", 7.66),
        ("99999999", 604_800),
        ("999d", 604_800),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("nan", None),
        ("1e9", None),
        ("٣s", None),
        ("9" * 400, None),
    ],
)
def test_durations_are_read_as_groq_writes_them_and_nothing_else_is_one(text: str, seconds: float | None) -> None:
    assert duration(text) == (None if seconds is None else pytest.approx(seconds))


# The server of these tests


def test_left_to_itself_the_server_cites_the_passages_it_was_given(server: GroqServer, model: Make) -> None:
    passages = [
        Passage(n, f"Storm {n}", f"A storm hit town {n}. It was bad.", "https://a.example/1", f"Outlet {n}", NOON)
        for n in (1, 2)
    ]
    messages = make_messages("Be brief.", [], passages, "What happened?")
    assert (
        read(model(), messages) == "Outlet 1 reports: A storm hit town 1 [1]. Outlet 2 reports: A storm hit town 2 [2]."
    )
    with model().stream(messages) as stream:
        list(stream)
    assert stream.usage is not None
    assert stream.usage.prompt == prompt_tokens(server.last.body)
    assert read(model()) == "None of the articles says anything about this."


def test_the_server_runs_as_a_program_and_ends_by_itself(model: Make) -> None:
    command = [sys.executable, "-m", "tests.groq_server", "--deltas", "30", "--per-second", "1000", "--seconds", "8"]
    with subprocess.Popen(command, cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        address = json.loads(running.stdout.readline())["url"]
        with model(base_url=address).stream(QUESTION) as stream:
            assert sum(bool(delta.text) for delta in stream) == 30
        assert running.wait(60) == 0
