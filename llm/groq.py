"""Groq, and every server that speaks its protocol. The only file that knows the SDK, `backoff` and the HTTP client.

One request goes through three steps. `GroqModel._open` picks the model: the one asked for, or the next when that one
is gone. `_persist` is the only place that tries again: at most 3 tries and 20 seconds, the server's own wait obeyed if
a person would wait it. `_send` sends once and reads until the first delta, so that everything that fails before the
reader sees a word can still be tried again, and nothing that fails after it ever is.

Only `ModelError` leaves. Errors are raised `from None`: the SDK's carry the request with the key and the prompt, and
the server's words with the organisation's id, and none of that may reach a log by way of a traceback. What helps to
find a fault (status, code, request id) is logged instead.
"""

from __future__ import annotations

import functools
import hashlib
import logging
import re
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import backoff
import groq
import httpx

from llm import models, tokens
from llm.base import (
    CTX_LENGTH,
    REPLY_TOKENS,
    BadRequest,
    Cause,
    ChatModel,
    Delta,
    Interrupted,
    KeyRefused,
    Message,
    ModelError,
    ModelGone,
    RateLimited,
    ServerFailed,
    Stream,
    TooLarge,
    Unreachable,
    Usage,
)
from llm.breaker import BREAKER, Breaker
from llm.failures import TRIES, Told, Trouble, judge, limited, limits, number, told
from llm.redact import remember

Clock = Callable[[], datetime]

IN_ALL_S = 20.0
"""No try starts later than this after the question."""
PATIENCE_S = 8.0
"""The longest wait that a person sits out; a longer one is told, with the time it ends."""
CONNECT_S = 5.0
STALL_S, ANSWER_S = 15.0, 60.0
"""Seconds without a byte, and for a whole answer, after which a stream is given up."""
OWN_STALL_S, OWN_ANSWER_S = 120.0, 600.0
"""The same for a server of the reader's own: a model on a laptop reads a long prompt for a minute before it answers."""

_SLICE_S = 0.25
_MOST_BYTES = 64 * 2**20  # a reply of 65,536 tokens, one event each, is about 20 MB on the wire
_MOST_CHARACTERS = 1_000_000
_GROQ = "https://api.groq.com"

log = logging.getLogger(__name__)


def _utc() -> datetime:
    return datetime.now(UTC)


class GroqModel(ChatModel):
    """A chat model of Groq, or of any server with the same protocol at `base_url`. Cheap: make one a question.

    `base_url` is the address as Groq's SDK means it (`/openai/v1/chat/completions` is added). With `openai_paths`, or
    if it ends in `/v1` as other servers write theirs, the paths are those of Ollama, llama.cpp, vLLM and LM Studio.
    `effort` goes to models known to have one. `fallback` are the models that answer when `model` is gone; by default
    those of the bundled table, for Groq only.

    `on_wait(seconds, reason)` is called four times a second while a wait is sat out, with the seconds left (0 at its
    end) and the reader's sentence; what it raises ends the wait and goes to the caller as it is.
    `stall_s` and `answer_s` are the seconds without a byte, and for an answer in all, that are waited.
    `http_client` replaces the process's own; `sleep` and `clock` are for tests.
    """

    def __init__(
        self,
        api_key: str,
        *,
        model: str = models.DEFAULT,
        base_url: str | None = None,
        openai_paths: bool = False,
        system: str = "",
        ctx_length: int = CTX_LENGTH,
        reply_tokens: int = REPLY_TOKENS,
        effort: models.Effort = models.EFFORT,
        fallback: Sequence[str] | None = None,
        http_client: httpx.Client | None = None,
        sleep: Callable[[float], object] = time.sleep,
        clock: Clock = _utc,
        on_wait: Callable[[float, str], object] | None = None,
        breaker: Breaker = BREAKER,
        stall_s: float | None = None,
        answer_s: float | None = None,
    ) -> None:
        super().__init__(system=system, ctx_length=ctx_length, reply_tokens=reply_tokens)
        base = (base_url or _GROQ).strip().rstrip("/")
        own = openai_paths or (base.endswith("/v1") and not base.endswith("/openai/v1"))
        base = base.removesuffix("/v1")
        base = base if own else base.removesuffix("/openai")
        self.name = model
        self.effort = effort
        self.fallback = tuple(fallback if fallback is not None else () if own else models.fallbacks(model))
        self._own = own
        self._base = base
        self._path = "/v1" if own else "/openai/v1"
        self._place = _place(base)
        self._key = api_key.strip() or ("none" if own else "")  # servers without keys still need a header to send
        self._who = hashlib.sha256(f"{base}\n{self._key}".encode("utf-8", "replace")).hexdigest()[:24]
        self._breaker = breaker
        self._sleep = sleep
        self._clock = clock
        self._on_wait = on_wait
        self._stall_s = stall_s or (OWN_STALL_S if own else STALL_S)
        self._answer_s = answer_s or (OWN_ANSWER_S if own else ANSWER_S)
        self._http = http_client
        remember(self._key)

    def ceiling(self) -> int | None:
        """As `ChatModel.ceiling`, a little under what the server said: its count of a prompt may differ from ours."""
        asked = next((model for model in self._candidates() if not self._breaker.lost(self._who, model)), self.name)
        known = models.info(asked)
        said = (self._breaker.ceiling(self._who, asked), known.window if known else None)
        least = min((size for size in said if size), default=None)
        return least * 97 // 100 if least else None

    def list_models(self) -> list[str]:
        """The ids of all models that this key may use now, chat models or not. One request. Raises `ModelError`."""
        return [row.id for row in self._listed()]

    def offered(self) -> tuple[models.ModelInfo, ...]:
        """The chat models there are now, with what the bundled table knows of them. Raises `ModelError`."""
        return models.merge(self._listed())

    def _listed(self) -> list[models.ModelInfo]:
        try:
            listed = _in(self._client.get(f"{self._path}/models", cast_to=object), "data")
            if not isinstance(listed, list):
                raise _Ended("unreadable")
        except ModelError:
            raise
        except Exception as error:  # noqa: BLE001 - a foreign seam: whatever comes out of it becomes ours
            raise self._trouble(error, "").error from None
        live = [row for found in listed if (row := _row(found))]
        self._breaker.found(self._who, (row.id for row in live))
        return live

    def _candidates(self) -> tuple[str, ...]:
        return (self.name, *(model for model in self.fallback if model != self.name))

    def _open(self, messages: Sequence[Message], reply_tokens: int) -> Stream:
        for model in self._candidates():
            if self._breaker.lost(self._who, model):
                continue
            try:
                stream = self._persist(model, messages, reply_tokens)
            except ModelGone:
                self._breaker.lose(self._who, model)
                continue
            if model != self.name:
                stream.notice = f"{self._place} no longer offers {self.name} to this key; {model} answered instead."
            return stream
        sentence = f"{self._place} does not offer the model {self.name} to this key. Choose another one in Settings."
        raise ModelGone(sentence, model=self.name)

    def _persist(self, model: str, messages: Sequence[Message], reply_tokens: int) -> Stream:
        """`_send`, again while that makes sense. The one place in this program that asks a model twice.

        backoff sleeps with `time.sleep`, which no reader can interrupt and no test can replace: so its own waits are
        zero, and the real ones are sat out in `on_backoff`.
        """
        began = self._clock()
        tries = 0

        def hopeless(trouble: Exception) -> bool:
            assert isinstance(trouble, Trouble)  # noqa: S101 - backoff's types know only Exception
            wait_s = trouble.wait_s(tries)
            spent_s = (self._clock() - began).total_seconds()
            return tries >= trouble.tries or wait_s > PATIENCE_S or spent_s + wait_s > IN_ALL_S

        def wait(details: Any) -> None:
            trouble: Trouble = details["exception"]
            self._wait(trouble.wait_s(tries), str(trouble.error))

        @backoff.on_exception(
            backoff.constant,
            Trouble,
            interval=0,
            jitter=None,
            max_tries=TRIES,
            giveup=hopeless,
            on_backoff=wait,
            logger=None,
        )
        def send() -> Stream:
            nonlocal tries
            tries += 1
            return self._send(model, messages, reply_tokens)

        try:
            return send()
        except Trouble as trouble:
            raise trouble.error from None

    def _wait(self, seconds: float, reason: str) -> None:
        left = seconds
        while left > 0:
            if self._on_wait:
                self._on_wait(left, reason)
            self._sleep(min(left, _SLICE_S))
            left -= _SLICE_S
        if self._on_wait and seconds > 0:
            self._on_wait(0.0, reason)

    def _send(self, model: str, messages: Sequence[Message], reply_tokens: int) -> Stream:
        """One request, read until its first delta. Raises `Trouble`."""
        now = self._clock()
        if held := self._breaker.limit(self._who, model, now):
            kind, until = held
            error = limited(kind, until, model=model, place=self._place, now=now)
            raise Trouble(error, after_s=(until - now).total_seconds())
        optional = self._optional(model)
        known = models.info(model)
        most = min(reply_tokens, (known and known.max_reply) or reply_tokens)
        # Other servers know the reply's length by its older name; Groq counts with the newer one.
        length = {"max_tokens" if self._own else "max_completion_tokens": most}
        body = [{"role": message.role, "content": _sendable(message.content)} for message in messages]
        try:
            # Not `chat.completions.create`: building the SDK's chunk objects takes three times as long as all the rest
            # of reading a stream, and its paths are Groq's alone. The client, its errors and its events are the same.
            raw = self._client.post(
                f"{self._path}/chat/completions",
                body={"model": model, "messages": body, "stream": True, **length, **optional},
                cast_to=object,
                stream=True,
                stream_cls=groq.Stream[object],
            )
        except ModelError as error:
            raise Trouble(error, tries=1) from None
        except Exception as error:  # noqa: BLE001 - a foreign seam: whatever comes out of it becomes ours
            raise self._trouble(error, model, tuple(optional)) from None
        stream = _Reading(
            raw,
            model=model,
            place=self._place,
            clock=self._clock,
            until=now + timedelta(seconds=self._answer_s),
            learn=functools.partial(_learn, model, messages),
        )
        if stream.limits.tokens:
            self._breaker.cap(self._who, model, stream.limits.tokens)
        try:
            stream.begin()
        except Exception as error:  # noqa: BLE001 - as above
            raise self._trouble(error, model) from None
        return stream

    def _optional(self, model: str) -> dict[str, Any]:
        """The parameters an answer can do without: those the server is not known to refuse."""
        wanted: dict[str, Any] = {"stream_options": {"include_usage": True}}
        known = models.info(model)
        if known and self.effort in known.efforts:
            wanted["reasoning_effort"] = self.effort
        return {name: value for name, value in wanted.items() if not self._breaker.refused(self._who, name)}

    @functools.cached_property
    def _client(self) -> groq.Groq:
        if not self._key.isascii() or not self._key.isprintable() or " " in self._key or not self._key:
            raise KeyRefused("The key is empty, or holds what no key has. Check it in Settings.", model=self.name)
        if not _is_address(self._base):
            raise Unreachable("The address of the model's server is not one. Check it in Settings.", model=self.name)
        return groq.Groq(
            api_key=self._key,
            base_url=self._base,
            max_retries=0,  # `_persist` owns the tries; the SDK's would multiply them
            timeout=httpx.Timeout(connect=CONNECT_S, read=self._stall_s, write=10, pool=5),
            http_client=self._http or http(),
        )

    def _trouble(self, error: Exception, model: str, optional: Sequence[str] = ()) -> Trouble:
        """Any failure before the first delta; what it teaches goes to the breaker and the log."""
        trouble, said = _judged(error, model=model, place=self._place, now=self._clock(), stall_s=self._stall_s)
        ours = trouble.error
        log.warning("%s: %s for %s (%s)", self._place, type(ours).__name__, model or "the list of models", said)
        if isinstance(ours, RateLimited) and ours.until and trouble.wait_s(1) > PATIENCE_S:
            self._breaker.trip(self._who, model, ours.kind, ours.until)
        if isinstance(ours, TooLarge) and ours.limit:
            self._breaker.cap(self._who, model, ours.limit)
        unknown = next((name for name in optional if isinstance(ours, BadRequest) and name in said.message), "")
        if unknown:
            self._breaker.refuse(self._who, unknown)
            return Trouble(ours, after_s=0)
        return trouble


def warm() -> None:
    """Load what the first question would wait for: certificates and the vocabulary. Meant for a thread at start."""
    http()
    tokens.warm()


@functools.cache
def http() -> httpx.Client:
    """The process's HTTP client for models, made once: reading the certificates takes a fifth of a second.

    No connection is kept for the next request: people ask minutes apart, a kept one that the server has closed costs
    a try, and a connection that nobody else can be given is one that `Stream.close` may shut down at any time.
    """
    return httpx.Client(
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
        headers={"Accept-Encoding": "identity"},  # a compressed stream is held back until a block is full
    )


class _Ended(Exception):
    """The stream ended before the answer: what its reader finds out by itself."""

    def __init__(self, cause: Cause, said: str = "") -> None:
        super().__init__(said)
        self.cause: Cause = cause


class _Reading(Stream):
    """An open reply of the SDK. `begin` reads until the first delta, iterating gives that one and the rest.

    In `begin` foreign errors pass through (`_send` judges them); while it is iterated every one becomes `Interrupted`.
    Once the finish reason is there the answer is whole, and what breaks afterwards breaks nothing.
    """

    def __init__(
        self,
        raw: groq.Stream[Any],
        *,
        model: str,
        place: str,
        clock: Clock,
        until: datetime,
        learn: Callable[[Usage], None],
    ) -> None:
        super().__init__(model, limits=limits(raw.response.headers))
        self._raw = raw
        self._place = place
        self._clock = clock
        self._learn = learn
        self._first: deque[Delta] = deque()
        self._closed = threading.Event()
        self._reading = threading.Lock()
        if isinstance(raw.response.stream, httpx.SyncByteStream):
            raw.response.stream = _Watched(raw.response.stream, clock, until)
        self._deltas = self._read()

    def begin(self) -> None:
        first = next(self._deltas, None)
        if first is not None:
            self._first.append(first)

    def __iter__(self) -> Iterator[Delta]:
        while self._first:
            yield self._first.popleft()
        while True:
            with self._reading:
                if self._closed.is_set() and not self.finish:
                    raise self._interrupted(_Ended("stopped"))
                try:
                    delta = next(self._deltas, None)
                except Exception as error:  # noqa: BLE001 - a foreign seam: whatever comes out of it becomes ours
                    raise self._interrupted(error) from None
            if delta is None:
                return
            yield delta

    def close(self) -> None:
        """As `Stream.close`. A read that waits for bytes in another thread ends at once."""
        self._closed.set()
        if self._reading.acquire(blocking=False):
            try:
                self._raw.close()
            finally:
                self._reading.release()
        else:
            # Closing a socket does not wake who reads from it, shutting it down does; the reader then closes.
            _hang_up(self._raw.response)

    def _read(self) -> Iterator[Delta]:
        text, reasoning = _Whole(), _Whole()
        characters = 0
        try:
            for chunk in self._raw:
                piece = self._take(chunk)
                delta = Delta(text.add(piece.text), reasoning.add(piece.reasoning))
                characters += len(delta.text) + len(delta.reasoning)
                if characters > _MOST_CHARACTERS:
                    raise _Ended("unreadable", "endless")
                if delta.text or delta.reasoning:
                    yield delta
        except Exception:
            if not self.finish:
                raise
        finally:
            self._raw.close()
        if not self.finish:
            raise _Ended("cut")
        rest = Delta(text.rest(), reasoning.rest())
        if rest.text or rest.reasoning:
            yield rest
        if self.usage:
            self._learn(self.usage)

    def _take(self, chunk: object) -> Delta:
        """One chunk as the server sent it: nothing in it need be there, or of the type that it should have."""
        own = _in(chunk, "x_groq")
        if said := _in(own, "error"):
            raise _Ended("error", str(said))
        self.usage = _usage(_in(own, "usage")) or _usage(_in(chunk, "usage")) or self.usage
        choices = _in(chunk, "choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        if finish := _in(choice, "finish_reason"):
            self.finish = str(finish)
        delta = _in(choice, "delta")
        text, reasoning = _in(delta, "content"), _in(delta, "reasoning") or _in(delta, "reasoning_content")
        return Delta(text if isinstance(text, str) else "", reasoning if isinstance(reasoning, str) else "")

    def _interrupted(self, error: Exception) -> Interrupted:
        cause: Cause = "unreadable"
        if self._closed.is_set():
            cause = "stopped"
        elif isinstance(error, _Ended):
            cause = error.cause
        elif isinstance(error, httpx.TimeoutException):
            cause = "stalled"
        elif isinstance(error, (httpx.HTTPError, httpx.StreamError)):
            cause = "cut"
        elif isinstance(error, groq.APIError) and not isinstance(error, groq.APIResponseValidationError):
            cause = "error"
        sentence = _INTERRUPTED[cause].format(self._place)
        if cause == "error":
            said = told(getattr(error, "body", None), message=str(error))
            why = judge(said, {}, model=self.model, place=self._place, now=self._clock()).error
            sentence = f"{sentence} {why}"
        if cause != "stopped":
            log.warning("%s: the answer of %s was interrupted (%s)", self._place, self.model, cause)
        return Interrupted(sentence, model=self.model, cause=cause)


_INTERRUPTED: dict[Cause, str] = {
    "cut": "The connection to {} ended before the answer did.",
    "stalled": "{} stopped sending in the middle of the answer.",
    "slow": "The answer took too long and was ended.",
    "unreadable": "{} sent something unreadable in the middle of the answer.",
    "error": "{} ended the answer early.",
    "stopped": "The answer was stopped.",
}


class _Watched(httpx.SyncByteStream):
    """A response's bytes with an end: lines that keep a connection alive without an answer reach nobody else."""

    def __init__(self, inner: httpx.SyncByteStream, clock: Clock, until: datetime) -> None:
        self._inner = inner
        self._clock = clock
        self._until = until

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        for chunk in self._inner:
            size += len(chunk)
            if self._clock() > self._until:
                raise _Ended("slow")
            if size > _MOST_BYTES:
                raise _Ended("unreadable", "endless")
            yield chunk

    def close(self) -> None:
        self._inner.close()


class _Whole:
    """Text from pieces that may be cut inside a character: JSON can carry the halves of an emoji in two deltas."""

    def __init__(self) -> None:
        self._held = ""

    def add(self, piece: str) -> str:
        if piece.isascii() and not self._held:
            return piece
        piece, self._held = self._held + piece, ""
        if "\ud800" <= piece[-1] <= "\udbff":
            piece, self._held = piece[:-1], piece[-1]
        return _sendable(piece)

    def rest(self) -> str:
        return _sendable(self._held)


def _judged(error: Exception, *, model: str, place: str, now: datetime, stall_s: float) -> tuple[Trouble, Told]:
    """Any exception of the SDK, its HTTP client or `_Reading` before the first delta, and what to log of it."""
    cause = error.__cause__ if isinstance(error, groq.APIConnectionError) else error
    if isinstance(error, groq.APIStatusError):
        said = told(error.body, error.status_code, error.response.headers)
        return judge(said, error.response.headers, model=model, place=place, now=now), said
    if isinstance(error, _Ended) and error.cause == "error":
        said = told(str(error))
        return judge(said, {}, model=model, place=place, now=now), said
    if isinstance(cause, httpx.TimeoutException):
        # A stall has already cost the patience that a second try would need; a connection that fails costs less.
        connecting = isinstance(cause, (httpx.ConnectTimeout, httpx.PoolTimeout))
        seconds = CONNECT_S if connecting else stall_s
        sentence = f"{place} did not answer within {seconds:.0f} seconds. Try again in a moment."
        return Trouble(Unreachable(sentence, model=model), tries=TRIES if connecting else 1), Told(code="timeout")
    if isinstance(error, _Ended) and error.cause == "slow":
        sentence = f"{place} kept the line open but sent no answer. Try again in a moment."
        return Trouble(ServerFailed(sentence, model=model), tries=1), Told(code="slow")
    if (isinstance(error, _Ended) and error.cause == "cut") or isinstance(error, (httpx.HTTPError, httpx.StreamError)):
        sentence = f"The connection to {place} ended before the answer began. Try again."
        return Trouble(Unreachable(sentence, model=model)), Told(code="cut")
    if isinstance(error, groq.APIConnectionError):
        sentence = f"{place} could not be reached. Check the network and the server's address, then try again."
        # Only what the network did can be otherwise next time: not a wrong scheme, or a header that cannot be sent.
        tries = TRIES if isinstance(cause, (httpx.NetworkError, httpx.RemoteProtocolError, httpx.ProxyError)) else 1
        return Trouble(Unreachable(sentence, model=model), tries=tries), Told(code=type(cause).__name__)
    if isinstance(error, groq.APIError) and not isinstance(error, groq.APIResponseValidationError):
        said = told(error.body, message=error.message)  # an error event of the stream
        return judge(said, {}, model=model, place=place, now=now), said
    sentence = f"{place} sent something that is no answer. Try again, or check the server's address in Settings."
    return Trouble(ServerFailed(sentence, model=model)), Told(code=type(error).__name__)


def _hang_up(response: httpx.Response) -> None:
    network = response.extensions.get("network_stream")
    line = network.get_extra_info("socket") if network is not None and not response.is_closed else None
    if isinstance(line, socket.socket):
        with suppress(OSError):  # it ended by itself meanwhile
            # Of the plain socket, whatever it is wrapped in: TLS would first say goodbye to a server that is silent.
            socket.socket.shutdown(line, socket.SHUT_RDWR)


def _learn(model: str, messages: Sequence[Message], usage: Usage) -> None:
    counter = tokens.counter(model)
    counted = sum(counter.count(message.content) + counter.message(message.role) for message in messages)
    counter.learn(counted, usage.prompt)


def _in(value: object, name: str) -> Any:
    """`value[name]` of parsed JSON; None if there is no such thing."""
    return value.get(name) if isinstance(value, dict) else None


def _usage(sent: object) -> Usage | None:
    prompt, completion = number(_in(sent, "prompt_tokens")), number(_in(sent, "completion_tokens"))
    if not prompt and not completion:
        return None
    cached = number(_in(_in(sent, "prompt_tokens_details"), "cached_tokens"))
    reasoning = number(_in(_in(sent, "completion_tokens_details"), "reasoning_tokens"))
    return Usage(prompt, completion, cached, reasoning)


def _row(found: object) -> models.ModelInfo | None:
    model = _in(found, "id")
    if not isinstance(model, str) or not model or _in(found, "active") is False:
        return None
    window = number(_in(found, "context_window")) or number(_in(found, "max_model_len"))
    return models.ModelInfo(model, window or None, number(_in(found, "max_completion_tokens")) or None)


def _sendable(text: str) -> str:
    """`text` without lone halves of characters, which no encoding can send."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _is_address(base: str) -> bool:
    """Whether `base` is an http(s) URL with a host: the SDK would find out late, or ask a name server for nonsense."""
    try:
        url = httpx.URL(base)
    except httpx.InvalidURL:
        return False
    return url.scheme in ("http", "https") and bool(re.fullmatch(rb"[a-z0-9._-]+|[0-9a-f:.]+", url.raw_host))


def _place(base: str) -> str:
    """What a reader calls the server: Groq, or its host."""
    host = httpx.URL(base).host if _is_address(base) else ""
    return "Groq" if host.endswith("groq.com") else host or "The server"
