"""Ollama, llama.cpp, vLLM and LM Studio: the same client, each with its own manners (see tests/manners.py)."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from llm.base import BadRequest, Delta, Interrupted, Message, ModelError, ModelGone, ServerFailed, TooLarge, Usage
from llm.groq import GroqModel
from llm.memory import Memory
from llm.models import ModelInfo
from tests.groq_server import USAGE, GroqServer
from tests.manners import LLAMA_CPP, LLAMA_CPP_PYTHON, LM_STUDIO, OLLAMA, VLLM, Manners

NOON = datetime(2026, 6, 10, 12, tzinfo=UTC)
QUESTION = [Message("user", "What rained?")]
SERVERS = {
    "ollama": OLLAMA,
    "llama.cpp": LLAMA_CPP,
    "llama-cpp-python": LLAMA_CPP_PYTHON,
    "vllm": VLLM,
    "lm-studio": LM_STUDIO,
}
MODEL = "qwen3:4b"
LISTED = [{"id": MODEL}, {"id": "text-embedding-nomic-embed-text-v1.5"}]

each_server = pytest.mark.parametrize("manners", SERVERS.values(), ids=SERVERS.keys())


class Time:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> datetime:
        return NOON + timedelta(seconds=self.seconds)

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


def a_server(manners: Manners, **more: Any) -> GroqServer:
    return GroqServer(manners=manners, models=LISTED, **more)


def a_model(server: GroqServer, **more: Any) -> GroqModel:
    """A model as a reader sets it up: an address that ends in /v1, and no key."""
    clock = Time()
    given = {"model": MODEL, "sleep": clock.sleep, "clock": clock, "memory": Memory()}
    return GroqModel("", base_url=f"{server.url}/v1", **{**given, **more})


@each_server
def test_its_models_are_listed_without_a_key(manners: Manners) -> None:
    with a_server(manners, window=8_192) as server:
        model = a_model(server)
        assert (model.known(), model.is_live()) == ((ModelInfo(MODEL),), False)
        (row,) = model.offered()
        assert row.id == MODEL
        assert row.window == (8_192 if manners in (LLAMA_CPP, VLLM) else None)
        assert (model.known(), model.is_live()) == ((row,), True)
        assert model.ceiling() == (8_192 * 97 // 100 if row.window else None)
        assert server.listings[0].path == "/v1/models"


@each_server
def test_its_answers_stream_with_reasoning_apart_wherever_it_puts_it(manners: Manners) -> None:
    with a_server(manners) as server:
        server.says(deltas=["Frogs ", "[1]."], reasoning=["They ask ", "of rain."])
        with a_model(server, reply_tokens=321).stream(QUESTION) as stream:
            deltas = list(stream)
        assert "".join(delta.text for delta in deltas) == "Frogs [1]."
        assert "".join(delta.reasoning for delta in deltas).strip() == "They ask of rain."
        assert all(not (delta.text and delta.reasoning) for delta in deltas)
        assert (stream.finish, stream.notice, stream.limits.tokens) == ("stop", "", None)
        assert stream.usage == (None if manners in (LM_STUDIO, LLAMA_CPP_PYTHON) else Usage(421, 58, 128, 17))
        assert server.last.path == "/v1/chat/completions"
        assert server.last.body["max_tokens"] == 321
        assert not {"max_completion_tokens", "reasoning_effort"} & server.last.body.keys()


@each_server
def test_an_answer_without_usage_counts_nothing(manners: Manners) -> None:
    with a_server(manners) as server:
        server.says("Frogs.", usage=None)
        with a_model(server).stream(QUESTION) as stream:
            assert "".join(delta.text for delta in stream) == "Frogs."
        assert stream.usage == (Usage(421, 1, 128, 17) if manners is VLLM else None)  # what came with the last chunk


@each_server
def test_a_model_that_it_does_not_have_is_told_and_asked_for_again_the_next_time(manners: Manners) -> None:
    with a_server(manners, strict=True) as server:
        model = a_model(server, model="llama9")
        for asked in (1, 2):
            if manners.any_model:
                assert "".join(delta.text for delta in model.stream(QUESTION))
            else:
                with pytest.raises(ModelGone) as raised:
                    model.stream(QUESTION)
                assert str(raised.value) == (
                    "127.0.0.1 does not offer the model llama9 to this key. Choose another one in Settings."
                )
            assert server.count == asked
        server.models = [*LISTED, {"id": "llama9"}]  # somebody fetched it meanwhile
        assert "".join(delta.text for delta in model.stream(QUESTION))


@each_server
def test_what_is_too_long_for_it_is_told_with_its_window_and_not_streamed_again(manners: Manners) -> None:
    with a_server(manners, window=600) as server:
        model = a_model(server, reply_tokens=700)
        with pytest.raises(TooLarge) as raised:
            model.stream(QUESTION)
        # A stream that ended without a word is followed by one request out of a stream, which is told why.
        assert [request.body["stream"] for request in server.requests] == [True, False][: 1 + manners.mute]
        if manners is OLLAMA:  # which does not say how long that is
            assert (raised.value.limit, raised.value.requested) == (None, None)
        else:
            assert raised.value.limit == 600
            assert raised.value.requested > 700
            assert model.ceiling() == 582
        at_once = "" if manners is OLLAMA else " (600 tokens)"
        assert str(raised.value) == (
            f"The question and its articles are more than 127.0.0.1 takes at once{at_once}. "
            "Lower the budget in Settings."
        )


@each_server
def test_an_address_that_is_not_its_own_is_told(manners: Manners) -> None:
    with a_server(manners) as server:
        model = GroqModel("", base_url=f"{server.url}/api", openai_paths=True, model=MODEL, memory=Memory())
        for ask in (lambda: model.stream(QUESTION), model.list_models):
            with pytest.raises(BadRequest) as raised:
                ask()
            assert str(raised.value) == (
                "There is no chat at this address of 127.0.0.1. Check the server's address in Settings."
            )
        assert (server.count, len(server.listings)) == (1, 1)


@each_server
@pytest.mark.parametrize("mode", ["error_event", "error_data"])
def test_an_error_in_the_middle_keeps_the_text(manners: Manners, mode: Any) -> None:
    with a_server(manners) as server:
        error = {"message": "CUDA out of memory", "type": "InternalServerError", "code": 500}
        server.says(deltas=["Frogs ", "in ", "Oslo."], after=2, mode=mode, error=error)
        arrived: list[Delta] = []
        with a_model(server).stream(QUESTION) as stream, pytest.raises(Interrupted) as raised:
            arrived.extend(stream)
        assert arrived == [Delta("Frogs "), Delta("in ")]
        assert str(raised.value) == (
            "127.0.0.1 ended the answer early. 127.0.0.1 is in trouble at the moment (500). Try again soon."
        )


@each_server
def test_thinking_without_end_is_never_taken_for_an_answer(manners: Manners) -> None:
    with a_server(manners) as server:
        server.says(reasoning=["Let me think.", " And think."], mode="length")
        with a_model(server).stream(QUESTION) as stream:
            deltas = list(stream)
        assert [delta.text for delta in deltas if delta.text] == []
        assert stream.finish == "length"


@each_server
@pytest.mark.parametrize("mode", ["no_reason", "no_done", "whole"])
def test_an_end_that_is_told_in_any_way_is_an_end(manners: Manners, mode: Any) -> None:
    with a_server(manners) as server:
        server.says("Frogs in Oslo.", mode=mode)
        with a_model(server).stream(QUESTION) as stream:
            assert "".join(delta.text for delta in stream) == "Frogs in Oslo."
        assert stream.finish == "stop"


def test_an_end_that_is_not_told_is_a_cut_even_if_the_text_names_one() -> None:
    with a_server(VLLM) as server:
        server.says(deltas=["Frogs.\n\ndata: [DONE]\n\n"], mode="clean_eof")
        with a_model(server).stream(QUESTION) as stream, pytest.raises(Interrupted) as raised:
            list(stream)
        assert raised.value.cause == "cut"


@each_server
def test_an_answer_that_made_room_for_another_readers_question_is_no_whole_one(manners: Manners) -> None:
    with a_server(manners) as server:
        server.says(deltas=["Frogs ", "in ", "Oslo."], after=2, mode="displaced")
        with a_model(server).stream(QUESTION) as stream, pytest.raises(Interrupted) as raised:
            list(stream)
        assert (raised.value.cause, stream.finish) == ("cut", "")
        assert str(raised.value) == "The connection to 127.0.0.1 ended before the answer did."


def test_an_answer_without_a_word_is_asked_for_again_once_out_of_a_stream() -> None:
    with a_server(LLAMA_CPP_PYTHON) as server:
        server.says(deltas=[], mode="clean_eof").says("Frogs in Oslo.", mode="whole")
        model = a_model(server)
        assert "".join(delta.text for delta in model.stream(QUESTION)) == "Frogs in Oslo."
        assert [request.body["stream"] for request in server.requests] == [True, False]
        assert "stream_options" not in server.last.body
        server.says(deltas=[], mode="clean_eof").fails(503).says("Toads.")
        assert "".join(delta.text for delta in model.stream(QUESTION)) == "Toads."
        assert [request.body["stream"] for request in server.requests[2:]] == [True, False, True]


def test_llama_cpp_that_still_loads_its_model_is_waited_for() -> None:
    assert LLAMA_CPP.loading is not None
    loading = {"status": LLAMA_CPP.loading.status, "body": LLAMA_CPP.loading.body}
    with a_server(LLAMA_CPP) as server:
        server.fails(**loading, times=2).says("Frogs.")
        waits: list[str] = []
        model = a_model(server, on_wait=lambda seconds, reason: waits.append(reason))
        assert "".join(delta.text for delta in model.stream(QUESTION)) == "Frogs."
        assert set(waits) == {"127.0.0.1 is still loading its model. Try again in a moment."}
        assert server.count == 3
        server.fails(**loading, times=9)
        with pytest.raises(ServerFailed, match="still loading"):
            a_model(server).stream(QUESTION)
        assert server.count == 6


@pytest.mark.parametrize(
    ("status", "body", "sentence"),
    [
        (
            400,
            {"error": "No models loaded. Please load a model in the developer page or use the 'lms load' command."},
            "127.0.0.1 has no model loaded. Load one there, then ask again.",
        ),
        (500, {"error": {"code": 500, "message": "Context size has been exceeded.", "type": "server_error"}}, None),
        (
            400,
            {"error": "Trying to keep the first 6547 tokens when context overflows. However, the model is loaded with "
             "context length of only 4096 tokens, which is not enough."},
            None,
        ),
        (
            500,
            {"error": {"message": "model requires more system memory (5.6 GiB) than is available (3.1 GiB)",
                       "type": "api_error", "param": None, "code": None}},
            "127.0.0.1 is in trouble at the moment (500). Try again soon.",
        ),
        (
            404,
            {"object": "error", "message": "The model `x` does not exist.", "type": "NotFoundError", "code": 404},
            f"127.0.0.1 does not offer the model {MODEL} to this key. Choose another one in Settings.",
        ),
    ],
)  # fmt: skip
def test_what_they_say_besides_becomes_our_sentences(status: int, body: dict[str, Any], sentence: str | None) -> None:
    with a_server(OLLAMA) as server:
        server.fails(status, body=json.dumps(body), times=9)
        with pytest.raises(TooLarge if sentence is None else ModelError) as raised:
            a_model(server).stream(QUESTION)
        assert sentence is None or str(raised.value) == sentence


def test_a_server_with_no_model_for_a_chat_offers_none() -> None:
    with GroqServer(manners=OLLAMA, models=[{"id": "nomic-embed-text:latest"}]) as server:
        assert a_model(server).offered() == ()


def test_a_model_that_answers_by_another_name_is_asked_although_it_is_not_listed() -> None:
    with a_server(OLLAMA) as server:
        server.models = [{"id": "qwen3:latest"}]
        model = a_model(server, model="qwen3")
        model.list_models()
        assert "".join(delta.text for delta in model.stream(QUESTION))
        assert server.last.body["model"] == "qwen3"


def test_usage_of_the_last_chunk_is_what_counts() -> None:
    with a_server(VLLM) as server:
        server.says("Frogs.", usage={**USAGE, "completion_tokens": 99})
        with a_model(server).stream(QUESTION) as stream:
            list(stream)
        assert stream.usage == Usage(421, 99, 128, 17)
