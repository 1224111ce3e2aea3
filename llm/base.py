"""What every model client can do, and what can go wrong with one.

ModelError
├── KeyRefused     the key is wrong or may not use this model (401, 403)
├── RateLimited    a limit of requests or tokens, a minute or a day (429); knows when it ends
├── TooLarge       prompt and reply do not fit the window or the minute's tokens (413, 400): only shrinking helps
├── ModelGone      the model no longer exists (404, 400 decommissioned)
├── Unreachable    no connection to the server
├── ServerFailed   the server answered with an error of its own (5xx, 498)
├── BadRequest     the server did not accept the request for another reason
└── Interrupted    the stream ended before the answer did: cut, stalled, an error event, too long

`str(error)` is one sentence fit for a page: what happened, what to do. It never holds a key, an organisation's id
or a prompt. `error.model` is the subject.

The one way in is `ChatModel.stream`; `complete` is the same request, gathered. Both put the system message first and
trim the history to `ctx_length`, so no caller can send more than the window holds. What fails before the first word
fails in `stream`; what fails after it fails, as `Interrupted`, while the stream is iterated.
"""

from __future__ import annotations

import asyncio
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Literal, Self

from llm import tokens, window

Role = Literal["system", "user", "assistant"]
CTX_LENGTH = 7_000
"""Tokens of prompt and reply together: Groq's free plan allows 8,000 a minute."""
REPLY_TOKENS = 1_200
"""Tokens kept free for the reply (and, for reasoning models, what they think)."""


@dataclass(frozen=True, slots=True)
class Message:
    """A role and its content, as sent."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Delta:
    """Text that arrived: of the answer, or of the model's reasoning, which is never part of the answer."""

    text: str = ""
    reasoning: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the provider counted them. `completion` includes `reasoning`; `prompt` includes `cached`."""

    prompt: int
    completion: int
    cached: int = 0
    reasoning: int = 0


@dataclass(frozen=True, slots=True)
class Limits:
    """What the provider said is left (`x-ratelimit-*`): requests a day, tokens a minute; None where it said nothing."""

    requests: int | None = None
    requests_left: int | None = None
    requests_reset_s: float | None = None
    tokens: int | None = None
    tokens_left: int | None = None
    tokens_reset_s: float | None = None


@dataclass(frozen=True, slots=True)
class Left:
    """Tokens that a limit a minute still allows for prompt and reply together, and when it begins anew."""

    tokens: int
    until: datetime


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole reply. `finish` is the provider's reason ("stop", "length", …)."""

    text: str
    model: str
    finish: str
    usage: Usage | None = None


class ModelError(Exception):
    """Base of every error of `llm`. `model` is the model asked."""

    def __init__(self, sentence: str, *, model: str = "") -> None:
        super().__init__(sentence)
        self.model = model


class KeyRefused(ModelError):
    """The key is wrong, or may not use this model."""


LimitKind = Literal["requests a minute", "requests a day", "tokens a minute", "tokens a day", "unknown"]


class RateLimited(ModelError):
    """A limit is used up. `kind` says which; `until` when it ends, None if the server did not say."""

    def __init__(self, sentence: str, *, model: str = "", kind: LimitKind = "unknown", until: datetime | None = None):
        super().__init__(sentence, model=model)
        self.kind = kind
        self.until = until


class TooLarge(ModelError):
    """Prompt and reply together do not fit. `limit` is the tokens allowed, `requested` what this was, if it is known.

    Both are in the server's own count, which may differ from ours: their ratio says how much has to go.
    """

    def __init__(
        self, sentence: str, *, model: str = "", limit: int | None = None, requested: int | None = None
    ) -> None:
        super().__init__(sentence, model=model)
        self.limit = limit
        self.requested = requested


class ModelGone(ModelError):
    """The model does not exist (any more) for this key."""


class Unreachable(ModelError):
    """No connection to the server."""


class ServerFailed(ModelError):
    """The server failed. `status` is its HTTP status."""

    def __init__(self, sentence: str, *, model: str = "", status: int = 0) -> None:
        super().__init__(sentence, model=model)
        self.status = status


class BadRequest(ModelError):
    """The request was not accepted."""


Cause = Literal["cut", "stalled", "slow", "unreadable", "error", "stopped"]


class Interrupted(ModelError):
    """The stream ended before the answer did; what arrived is kept.

    `cause` is "cut" (the connection ended), "stalled" (nothing came), "slow" (over the time for one answer),
    "unreadable", "error" (the server said so) or "stopped" (closed from this side).
    """

    def __init__(self, sentence: str, *, model: str = "", cause: Cause = "cut") -> None:
        super().__init__(sentence, model=model)
        self.cause: Cause = cause


@dataclass(slots=True)
class Stream(ABC):
    """An open reply. Iterate it for `Delta`s inside `with`; leaving closes the connection, whatever happened.

    `usage` and `finish` are known after the last delta. An end without a finish reason raises `Interrupted`; a
    `finish` of "length" or "content_filter" is an end, and the caller's to tell. `model` is the one that answers;
    `notice` is one sentence for the reader when that, or what was sent, is not what was asked for.
    """

    model: str
    finish: str = ""
    usage: Usage | None = None
    limits: Limits = field(default_factory=Limits)
    notice: str = ""

    @abstractmethod
    def __iter__(self) -> Iterator[Delta]: ...

    def close(self) -> None:  # noqa: B027 - a model without a connection has nothing to give back
        """Give the connection back. May be called from another thread and more than once."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class ChatModel(ABC):
    """A model client: a system message, a budget of tokens, and one way to ask.

    `ctx_length` is the budget of prompt and reply together, `reply_tokens` what of it is kept for the reply. Both are
    what `stream` takes when its caller names none.
    """

    name: str

    def __init__(self, *, system: str = "", ctx_length: int = CTX_LENGTH, reply_tokens: int = REPLY_TOKENS) -> None:
        self.system = system
        self.ctx_length = ctx_length
        self.reply_tokens = reply_tokens

    @abstractmethod
    def _open(self, messages: Sequence[Message], reply_tokens: int) -> Stream:
        """Send exactly these messages and give the stream once its first delta is there. Raises `ModelError` only."""

    def ceiling(self) -> int | None:
        """The most tokens of prompt and reply that the server is known to take at once; None if it never said."""
        return None

    def left(self) -> Left | None:
        """What the last answer said is left of this minute; None if nobody said, or the minute is over."""
        return None

    def cancel(self) -> None:  # noqa: B027 - a model without a connection has nothing to give up
        """Give up a `stream` that another thread is opening: it raises `Interrupted` ("stopped") soon. Any thread."""

    def count(self, messages: Sequence[Message]) -> int:
        """Tokens of these messages as sent, with the frame around each."""
        counter = tokens.counter(self.name)
        return sum(counter.count(message.content) + counter.message(message.role) for message in messages)

    def stream(
        self, messages: Sequence[Message], *, ctx_length: int | None = None, reply_tokens: int | None = None
    ) -> Stream:
        """Ask. The messages are a conversation, oldest first, ending with the question (and, to go on with a
        broken answer, with its beginning and the request for the rest).

        The system message is sent first: the one in `messages` if there is one, else the model's own. Then, within
        `ctx_length` minus `reply_tokens`, as many whole exchanges as fit; the oldest leave first.
        Raises `ModelError`: `TooLarge` without asking if even the question alone does not fit.
        """
        budget = self.ctx_length if ctx_length is None else ctx_length
        reply = self.reply_tokens if reply_tokens is None else reply_tokens
        ceiling = self.ceiling()
        sent = self._trim(messages, budget if ceiling is None else min(budget, ceiling), reply)
        return self._open(sent, reply)

    async def complete(
        self, messages: Sequence[Message], *, ctx_length: int | None = None, reply_tokens: int | None = None
    ) -> Reply:
        """The same request as `stream`, awaited whole. A cancelled task closes the connection. Raises `ModelError`."""
        opened: list[Stream] = []
        cancelled = threading.Event()

        def gather() -> Reply:
            with self.stream(messages, ctx_length=ctx_length, reply_tokens=reply_tokens) as stream:
                opened.append(stream)
                if cancelled.is_set():  # while it was opening, when there was nothing to close yet
                    raise Interrupted("The answer was stopped.", model=stream.model, cause="stopped")
                text = "".join(delta.text for delta in stream)
                return Reply(text, stream.model, stream.finish, stream.usage)

        try:
            return await asyncio.to_thread(gather)
        except asyncio.CancelledError:
            cancelled.set()
            for stream in opened:
                stream.close()
            raise

    def _trim(self, messages: Sequence[Message], budget: int, reply: int) -> list[Message]:
        """What fits into `budget` with `reply` tokens left: system, the newest exchanges, the question. In order."""
        given = [message.content for message in messages if message.role == "system"]
        system = Message("system", "\n\n".join(given) if given else self.system)
        exchanges, question = _exchanges([message for message in messages if message.role != "system"])
        if not question:
            raise BadRequest("There is no question to send.", model=self.name)
        try:
            ledger = window.fit(
                system=self.count([system]),
                question=self.count(question),
                passages=(),
                turns=[window.Item("", self.count(exchange)) for exchange in exchanges],
                budget=budget,
                reply=reply,
            )
        except window.WindowTooSmall as error:
            raise TooLarge(str(error), model=self.name, limit=budget) from error
        kept = [message for place in ledger.turns for message in exchanges[place]]
        return [*([system] if system.content else []), *kept, *question]


def _exchanges(messages: Sequence[Message]) -> tuple[list[list[Message]], list[Message]]:
    """Whole exchanges, oldest first, and the question: the last user message with what follows it.

    An exchange begins with a user message and holds what comes until the next one; nothing is merged or moved.
    """
    exchanges: list[list[Message]] = []
    for message in messages:
        if message.role == "user" or not exchanges:
            exchanges.append([])
        exchanges[-1].append(message)
    if not exchanges or exchanges[-1][0].role != "user":
        return exchanges, []
    return exchanges[:-1], exchanges[-1]
