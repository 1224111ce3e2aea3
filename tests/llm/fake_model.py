"""A model with a small language: `FakeModel().fails(TooLarge("…", limit=900)).says("Oil rose [1].")`.

Each request takes the next line of the script. What was asked is in `asked`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Self

from llm.base import ChatModel, Delta, Interrupted, Limits, Message, ModelError, Stream, Usage

GPT_OSS = "openai/gpt-oss-120b"


class FakeStream(Stream):
    """Says its deltas; then ends, raises `error`, or waits for `close` as a silent provider would."""

    def __init__(
        self,
        deltas: Sequence[str | Delta],
        *,
        finish: str = "stop",
        error: Exception | None = None,
        silent: bool = False,
        notice: str = "",
        steps: threading.Semaphore | None = None,
    ) -> None:
        super().__init__(GPT_OSS, notice=notice)
        self.deltas = [delta if isinstance(delta, Delta) else Delta(delta) for delta in deltas]
        self.ends = finish
        self.error = error
        self.silent = silent
        self.steps = steps
        self.closed = threading.Event()

    def __iter__(self) -> Iterator[Delta]:
        for delta in self.deltas:
            if self.steps:
                self.steps.acquire()
            self._check()
            yield delta
        if self.silent:
            self.closed.wait(30)
        self._check()
        if self.error:
            raise self.error
        self.finish, self.usage, self.limits = self.ends, Usage(100, 10), Limits(tokens_left=5)

    def _check(self) -> None:
        if self.closed.is_set():
            raise Interrupted("The answer was stopped.", model=self.model, cause="stopped")

    def close(self) -> None:
        self.closed.set()
        if self.steps:
            self.steps.release(1_000)


class FakeModel(ChatModel):
    """A model with a script. `ceiling_` is what it says of its server's limit."""

    name = GPT_OSS

    def __init__(self, *, ctx_length: int = 7_000, reply_tokens: int = 1_200, ceiling: int | None = None) -> None:
        super().__init__(ctx_length=ctx_length, reply_tokens=reply_tokens)
        self.script: list[FakeStream | ModelError] = []
        self.asked: list[list[Message]] = []
        self.ceiling_ = ceiling

    def says(self, *deltas: str | Delta, finish: str = "stop", notice: str = "") -> Self:
        self.script.append(FakeStream(deltas, finish=finish, notice=notice))
        return self

    def breaks_off(self, *deltas: str | Delta, error: Exception) -> Self:
        self.script.append(FakeStream(deltas, error=error))
        return self

    def falls_silent(self, *deltas: str | Delta) -> Self:
        self.script.append(FakeStream(deltas, silent=True))
        return self

    def waits(self, *deltas: str | Delta, steps: threading.Semaphore) -> Self:
        """Says a delta for each step that is released."""
        self.script.append(FakeStream(deltas, steps=steps))
        return self

    def fails(self, error: ModelError) -> Self:
        self.script.append(error)
        return self

    @property
    def tokens_asked(self) -> list[int]:
        """The tokens of each request, with the room for its reply."""
        return [self.count(messages) + self.reply_tokens for messages in self.asked]

    def ceiling(self) -> int | None:
        return self.ceiling_

    def _open(self, messages: Sequence[Message], reply_tokens: int) -> Stream:
        self.asked.append(list(messages))
        line = self.script[len(self.asked) - 1]
        if isinstance(line, ModelError):
            raise line
        return line
