"""Giving up: however far a question has come, it ends soon, and so does the provider's work on it."""

from __future__ import annotations

import gc
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from llm.base import Interrupted, Message, ModelError
from llm.groq import GroqModel
from llm.memory import Memory
from tests.groq_server import MODELS, VOICES, GroqServer, Mode

QUESTION = [Message("user", "What rained?")]
SOON_S = 2.0
"""The provider must have seen the end of the connection by then."""


@pytest.fixture
def server() -> Iterator[GroqServer]:
    with GroqServer(models=[*MODELS, *VOICES]) as server:
        yield server


def a_model(address: str, **more: Any) -> GroqModel:
    # As patient as can be: nothing but the cancelling may end the waiting.
    given: dict[str, Any] = {"memory": Memory(), "stall_s": 60, "answer_s": 600}
    return GroqModel("gsk_test1234", base_url=address, **{**given, **more})


class Asking:
    """A question that another thread asks."""

    def __init__(self, ask: Callable[[], object]) -> None:
        self.error: ModelError | None = None
        self._ask = ask
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._ask()
        except ModelError as error:
            self.error = error

    def cause(self) -> str:
        """How it ended, which it must have done soon."""
        self._thread.join(SOON_S)
        assert not self._thread.is_alive()
        assert isinstance(self.error, Interrupted)
        assert str(self.error) == "The answer was stopped."
        return self.error.cause


@pytest.mark.parametrize("mode", ["silence", "stall", "pings"])
def test_what_is_cancelled_while_the_server_has_not_answered_ends_and_hangs_up(mode: Mode, server: GroqServer) -> None:
    server.says(mode=mode)
    model = a_model(server.url)
    asking = Asking(lambda: model.stream(QUESTION))
    assert server.wait_for(lambda: server.count == 1)
    time.sleep(0.05)  # until the thread waits inside the read
    model.cancel()
    assert asking.cause() == "stopped"
    assert server.last.done.wait(SOON_S)
    assert server.last.aborted
    assert server.count == 1


def test_a_wait_for_another_try_is_cancelled(server: GroqServer) -> None:
    server.fails(429, retry_after=7).says("Frogs.")
    waiting = threading.Event()
    model = a_model(server.url, on_wait=lambda seconds, reason: waiting.set())
    asking = Asking(lambda: model.stream(QUESTION))
    assert waiting.wait(5)
    model.cancel()
    assert asking.cause() == "stopped"
    assert server.count == 1


def test_a_handshake_that_stalls_is_cancelled() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        model = a_model(f"https://127.0.0.1:{listening.getsockname()[1]}")
        asking = Asking(lambda: model.stream(QUESTION))
        line, _ = listening.accept()
        with line:
            line.settimeout(SOON_S)
            assert line.recv(65_536)  # its hello, which nobody answers
            time.sleep(0.05)
            model.cancel()
            assert line.recv(65_536) == b""
        assert asking.cause() == "stopped"


def test_a_stream_that_is_open_and_read_by_nobody_is_closed(server: GroqServer) -> None:
    server.says(deltas=["Frogs ", "in "], mode="stall", after=1)
    model = a_model(server.url)
    stream = model.stream(QUESTION)
    model.cancel()
    assert server.last.done.wait(SOON_S)
    assert server.last.aborted
    with pytest.raises(Interrupted, match="stopped"):
        list(stream)


def test_a_stream_that_is_being_read_is_closed(server: GroqServer) -> None:
    server.says(deltas=["Frogs ", "in "], mode="stall", after=1)
    model = a_model(server.url)
    arrived: list[str] = []

    def read() -> None:
        with model.stream(QUESTION) as stream:
            arrived.extend(delta.text for delta in stream)

    asking = Asking(read)
    assert server.wait_for(lambda: server.count == 1 and server.last.deltas == 1)
    time.sleep(0.05)
    model.cancel()
    assert asking.cause() == "stopped"
    assert server.last.done.wait(SOON_S)
    assert server.last.aborted


def test_what_is_cancelled_stays_cancelled_and_asks_nobody(server: GroqServer) -> None:
    memory = Memory()
    model = a_model(server.url, memory=memory)
    model.list_models()
    model.cancel()
    model.cancel()
    for ask in (
        lambda: model.stream(QUESTION),
        model.list_models,
        lambda: model.speak("Frogs."),
        lambda: model.transcribe(b"RIFF"),
    ):
        with pytest.raises(Interrupted, match="stopped"):
            ask()
    assert (server.count, len(server.listings), len(server.voiced)) == (0, 1, 0)
    server.says("Frogs.")
    with a_model(server.url, memory=memory).stream(QUESTION) as stream:  # another question of the same key
        assert [delta.text for delta in stream] == ["Frogs."]


def test_reading_aloud_stops_between_two_requests(server: GroqServer) -> None:
    model = a_model(server.url)
    model.list_models()
    server.fails(503, retry_after=7)
    waiting = threading.Event()
    patient = a_model(server.url, memory=model._memory, on_wait=lambda seconds, reason: waiting.set())
    asking = Asking(lambda: patient.speak("Frogs fell. " * 40))
    assert waiting.wait(5)
    patient.cancel()
    assert asking.cause() == "stopped"
    assert len(server.voiced) == 1


def test_questions_that_are_given_up_leave_no_connection_and_no_socket(server: GroqServer) -> None:
    open_files = Path("/proc/self/fd")

    def handles() -> int:
        gc.collect()
        return sum(1 for _ in open_files.iterdir())

    if not open_files.is_dir():
        pytest.skip("open files are counted in /proc")
    server.says("Frogs.", times=20)
    list(a_model(server.url).stream(QUESTION))
    before = handles()
    for _ in range(19):
        model = a_model(server.url)
        with model.stream(QUESTION) as stream:
            list(stream)
    server.says(mode="silence", times=20)
    for sent in range(20):
        model = a_model(server.url)
        asking = Asking(lambda model=model: model.stream(QUESTION))
        assert server.wait_for(lambda sent=sent: server.count == 21 + sent)
        model.cancel()
        assert asking.cause() == "stopped"
        assert server.last.done.wait(SOON_S)
    assert server.wait_for(lambda: handles() <= before + 2)
