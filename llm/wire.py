"""The line to a model's server: the HTTP client, hanging up from any thread, and what each of its failures means.

With `llm.groq` the only file that knows the SDK and the HTTP client. The SDK raises its own errors while a request is
sent and the HTTP client's while an answer is read, and says nothing at all of a body that ends early or never:
`judged` reads them all, and `Watched` ends what has no end.
"""

from __future__ import annotations

import functools
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

import groq
import httpx

from llm.base import Cause, ModelError, ServerFailed, Unreachable
from llm.failures import TRIES, Told, Trouble, judge, told

CONNECT_S = 5.0
MOST_BYTES = 64 * 2**20
"""Of one answer: a reply of 65,536 tokens, one event each, is about 20 MB on the wire."""
WAITED_S = 0.005
"""Bytes that took longer to come were not there yet when they were asked for."""
REST_S, FIRST = 0.1, 32
"""So long bytes may gather before they are read, since to be woken for each event costs several times what reading it
does; and so many pieces are read as they come first: nobody has seen anything yet."""

_DONE = re.compile(rb"(?:\A|\n)data: ?\[DONE\]")


class Ended(Exception):
    """The answer ended before it was whole: what its reader finds out by itself. `str` is what the server said."""

    def __init__(self, cause: Cause, said: str = "") -> None:
        super().__init__(said)
        self.cause: Cause = cause


@functools.cache
def http() -> httpx.Client:
    """The process's HTTP client for models, made once: reading the certificates takes a fifth of a second.

    No connection is kept for the next request: people ask minutes apart, a kept one that the server has closed costs
    a try, and a connection that nobody else can be given is one that may be shut down at any time.
    """
    return httpx.Client(
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
        headers={"Accept-Encoding": "identity"},  # a compressed stream is held back until a block is full
    )


class Lines:
    """The connections of one model while they wait for an answer; `cancel` hangs up on all of them, for good."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[int, socket.socket] = {}  # by thread
        self.cancelled = False

    def cancel(self) -> None:
        """From any thread: what is read on these lines ends, and no other will be opened."""
        with self._lock:
            self.cancelled = True
            for line in self._open.values():
                _shut(line)

    @contextmanager
    def opening(self) -> Iterator[None]:
        """Around what sends a request and waits for the answer's beginning. Raises `Ended` ("stopped") if cancelled."""
        if self.cancelled:
            raise Ended("stopped")
        try:
            yield
        finally:
            with self._lock:
                if line := self._open.pop(threading.get_ident(), None):
                    line.close()

    def traced(self, event: str, details: Mapping[str, Any]) -> None:
        """For httpcore's `trace`: takes a handle of a connection's socket as soon as there is one.

        A handle of its own, because the TLS handshake, which may stall as well, takes the socket's away.
        """
        if event == "connection.connect_tcp.complete":
            line = details["return_value"].get_extra_info("socket")
            if isinstance(line, socket.socket):
                line = line.dup()
                with self._lock:
                    self._open[threading.get_ident()] = line
                    if self.cancelled:
                        _shut(line)


class Client(groq.Groq):
    """The SDK's client, whose connections are among `lines` while they are opened."""

    lines: Lines

    def _prepare_request(self, request: httpx.Request) -> None:
        request.extensions["trace"] = self.lines.traced


class Watched(httpx.SyncByteStream):
    """A response's bytes with an end: lines that keep a connection alive without an answer reach nobody else.

    They are read in bursts: whoever had to wait for a piece, and has read all that came, rests `REST_S` while others
    gather. Where the machine only was busy something has come meanwhile (`unread`), and nobody rests, so that no stream
    is too fast. `done` tells whether the server's own word for the end, `data: [DONE]`, came by.
    """

    def __init__(
        self,
        inner: httpx.SyncByteStream,
        clock: Callable[[], datetime],
        until: datetime,
        most: int = MOST_BYTES,
        *,
        unread: Callable[[], bool],
        seconds: Callable[[], float] = time.monotonic,
        rest: Callable[[float], object] = time.sleep,
    ) -> None:
        self._inner = inner
        self._clock = clock
        self._until = until
        self._most = most
        self._unread = unread
        self._seconds = seconds
        self._rest = rest
        self.done = False

    def __iter__(self) -> Iterator[bytes]:
        size, before = 0, b"\n"
        asked = self._seconds()
        for number, chunk in enumerate(self._inner):
            waited = number >= FIRST and self._seconds() - asked > WAITED_S
            size += len(chunk)
            if self._clock() > self._until:
                raise Ended("slow")
            if size > self._most:
                raise Ended("unreadable", "endless")
            recent = before + chunk
            self.done = self.done or (b"[DONE]" in recent and bool(_DONE.search(recent)))
            before = recent[-16:]
            yield chunk
            if waited and not self.done and not self._unread():
                self._rest(REST_S)
            asked = self._seconds()

    def close(self) -> None:
        self._inner.close()


def watch(response: httpx.Response, clock: Callable[[], datetime], until: datetime) -> None:
    """Bound the bytes of an answer that is still to be read, in number and in time."""
    if isinstance(response.stream, httpx.SyncByteStream):
        network = response.extensions.get("network_stream")
        unread = functools.partial(network.get_extra_info, "is_readable") if network is not None else lambda: True
        response.stream = Watched(response.stream, clock, until, unread=unread)


def is_done(response: httpx.Response) -> bool:
    """Whether the server said that the stream is whole."""
    return isinstance(response.stream, Watched) and response.stream.done


def hang_up(response: httpx.Response) -> None:
    """Shut the connection of an answer that another thread is reading; the reader then closes it."""
    network = response.extensions.get("network_stream")
    line = network.get_extra_info("socket") if network is not None and not response.is_closed else None
    if isinstance(line, socket.socket):
        _shut(line)


def _shut(line: socket.socket) -> None:
    # Closing a socket does not wake who reads from it, shutting it down does. Of the plain socket, whatever it is
    # wrapped in: TLS would first say goodbye to a server that is silent.
    with suppress(OSError):  # it ended by itself meanwhile
        socket.socket.shutdown(line, socket.SHUT_RDWR)


def cause(error: Exception) -> Cause:
    """Why an answer broke off that had begun."""
    if isinstance(error, Ended):
        return error.cause
    if isinstance(error, httpx.TimeoutException):
        return "stalled"
    if isinstance(error, (httpx.HTTPError, httpx.StreamError)):
        return "cut"
    if isinstance(error, groq.APIError) and not isinstance(error, groq.APIResponseValidationError):
        return "error"
    return "unreadable"


def said(error: Exception) -> Told:
    """What the server said in an error event of a stream."""
    return (
        told(getattr(error, "body", None), message=str(error)) if isinstance(error, groq.APIError) else told(str(error))
    )


def judged(error: Exception, *, model: str, place: str, now: datetime) -> tuple[Trouble, Told]:
    """What any exception before an answer's first word means, and what to log of it."""
    cause = error.__cause__ if isinstance(error, groq.APIConnectionError) else error
    if isinstance(error, ModelError):
        return Trouble(error, tries=1), Told(code="not-sent")
    if isinstance(error, groq.APIStatusError):
        words = told(error.body, error.status_code, error.response.headers)
        return judge(words, error.response.headers, model=model, place=place, now=now), words
    if isinstance(error, Ended) and error.cause == "error":
        return judge(said(error), {}, model=model, place=place, now=now), said(error)
    if isinstance(cause, httpx.TimeoutException):
        # A stall has already cost the patience that a second try would need; a connection that fails costs less.
        connecting = isinstance(cause, (httpx.ConnectTimeout, httpx.PoolTimeout))
        sentence = f"{place} did not answer in time. Try again in a moment."
        return Trouble(Unreachable(sentence, model=model), tries=TRIES if connecting else 1), Told(code="timeout")
    if isinstance(error, Ended) and error.cause == "slow":
        sentence = f"{place} kept the line open but sent no answer. Try again in a moment."
        return Trouble(ServerFailed(sentence, model=model), tries=1), Told(code="slow")
    if (isinstance(error, Ended) and error.cause == "cut") or isinstance(error, (httpx.HTTPError, httpx.StreamError)):
        sentence = f"The connection to {place} ended before the answer began. Try again."
        return Trouble(Unreachable(sentence, model=model)), Told(code="cut")
    if isinstance(error, groq.APIConnectionError):
        sentence = f"{place} could not be reached. Check the network and the server's address, then try again."
        # Only what the network did can be otherwise next time: not a wrong scheme, or a header that cannot be sent.
        tries = TRIES if isinstance(cause, (httpx.NetworkError, httpx.RemoteProtocolError, httpx.ProxyError)) else 1
        return Trouble(Unreachable(sentence, model=model), tries=tries), Told(code=type(cause).__name__)
    if isinstance(error, groq.APIError) and not isinstance(error, groq.APIResponseValidationError):
        return judge(said(error), {}, model=model, place=place, now=now), said(error)  # an error event of the stream
    sentence = f"{place} sent something that is no answer. Try again, or check the server's address in Settings."
    return Trouble(ServerFailed(sentence, model=model)), Told(code=type(error).__name__)


def is_address(base: str) -> bool:
    """Whether `base` is an http(s) URL with a host: the SDK would find out late, or ask a name server for nonsense."""
    try:
        url = httpx.URL(base)
    except httpx.InvalidURL:
        return False
    return url.scheme in ("http", "https") and bool(re.fullmatch(rb"[a-z0-9._-]+|[0-9a-f:.]+", url.raw_host))


@functools.lru_cache(maxsize=64)
def place(base: str) -> str:
    """What a reader calls the server: Groq, or its host."""
    host = httpx.URL(base).host if is_address(base) else ""
    return "Groq" if host == "groq.com" or host.endswith(".groq.com") else host or "The server"
