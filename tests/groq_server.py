"""A model server on loopback that speaks Groq's protocol, with a small language for what it shall say.

    with GroqServer() as server:
        server.says("Rain in Oslo [1].", reasoning="They ask for weather.")
        server.says(deltas=["Rain ", "in "], mode="cut")
        server.fails(429, retry_after=2, message="Rate limit reached … on tokens per minute (TPM): …")
        model = GroqModel("gsk_anything", base_url=server.url)

What was said first is played first, once; `times` repeats it. When nothing is left the server answers by itself: it
cites the passages (lines of JSON) of the last user message, so that a whole app can run on it. Every request is kept
in `server.requests`, with what became of it.

With `obeys` the server's own answers do instead, word for word, what is asked for anywhere in the last message, by
whomever: what follows "write exactly:" is written, what follows "call the tool" is called. A worse model there is not.

It serves Groq's paths (`/openai/v1/…`) and those of other servers (`/v1/…`); with `manners` it answers and refuses as
one of those does. It also hears and speaks: `server.heard` is what it understands, and what it says aloud is a WAV file
in which each letter lasts a hundredth of a second. As a program:
`python -m tests.groq_server --port 8123 --deltas 1000 --per-second 500` prints its address and ends after ten minutes.
"""

from __future__ import annotations

import argparse
import email
import email.policy
import io
import json
import re
import select
import socket
import struct
import sys
import threading
import time
import wave
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Self

from tests.manners import GROQ, Manners, Refusal

Mode = Literal[
    "cut",  # the connection is reset
    "clean_eof",  # the body ends properly, but no finish reason came
    "silence",  # not even headers come, until `release`
    "stall",  # nothing more comes, the connection stays, until `release`
    "pings",  # only comments come, until the client hangs up
    "bad_json",  # an event that is no JSON
    "wrong_json",  # events that are JSON of another shape, then the end
    "error_event",  # `event: error` with an error object
    "error_data",  # a data line with an error object
    "x_groq_error",  # a chunk whose x_groq says why the stream ends
    "length",  # finish reason "length"
    "content_filter",  # nothing, and finish reason "content_filter"
    "empty",  # nothing, and finish reason "stop"
    "no_reason",  # all of it and `[DONE]`, but the finish reason is ""
    "displaced",  # `[DONE]`, but no finish reason came: another's question was begun
    "no_done",  # all of it with its finish reason, but no `[DONE]`
    "whole",  # one JSON object instead of a stream
]

MODELS = (
    {"id": "openai/gpt-oss-120b", "context_window": 131072, "max_completion_tokens": 65536},
    {"id": "openai/gpt-oss-20b", "context_window": 131072, "max_completion_tokens": 65536},
    {"id": "whisper-large-v3-turbo", "context_window": 448},
    {"id": "openai/gpt-oss-safeguard-20b", "context_window": 131072},
)
VOICES = ({"id": "whisper-large-v3"}, {"id": "canopylabs/orpheus-v1-english", "context_window": 4000})
"""What is listed beside `MODELS` for keys that may use speech."""
RATE = 24_000
USAGE = {
    "prompt_tokens": 421,
    "completion_tokens": 58,
    "total_tokens": 479,
    "prompt_tokens_details": {"cached_tokens": 128},
    "completion_tokens_details": {"reasoning_tokens": 17},
}


@dataclass
class Request:
    """One request as it came, and what became of it. `path` is as sent; `body` is the parsed JSON, {} for a GET, the
    fields of a form (a file as its name and bytes).

    `deltas` is how many of the answer's deltas were sent. `aborted`: the client hung up before the end; `closed_at` is
    the server's clock when the exchange ended, and `done` is set then.
    """

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    at: float
    deltas: int = 0
    aborted: bool = False
    closed_at: float | None = None
    done: threading.Event = field(default_factory=threading.Event)

    @property
    def messages(self) -> list[dict[str, str]]:
        return list(self.body.get("messages", []))


@dataclass(frozen=True)
class Answer:
    """What `says` was told: see there."""

    deltas: tuple[str, ...] = ()
    reasoning: tuple[str, ...] = ()
    per_second: float = 0.0
    usage: Mapping[str, Any] | None = field(default_factory=lambda: USAGE)
    mode: Mode | None = None
    after: int | None = None
    finish: str = "stop"
    error: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    tools: tuple[str, ...] = ()


@dataclass(frozen=True)
class Failure:
    """What `fails` was told: see there. Status 0 resets the connection without an answer."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    of_question: bool = False


class GroqServer:
    """The server; it runs inside `with`. `clock` gives the seconds of `Request.at` and `closed_at`.

    `models` is what `/models` lists; with `strict` a question to any other model is answered 404, as Groq does.
    `keys` are the keys that are good (None: any). `tokens_per_minute` refuses, as Groq does, what alone is larger.
    `deltas` and `per_second` shape the server's own answers (0 deltas: word by word). `manners` are another server's;
    a prompt and reply of more than `window` tokens are refused in its words. `obeys`: see above.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        clock: Callable[[], float] = time.monotonic,
        models: Sequence[Mapping[str, Any]] = MODELS,
        strict: bool = False,
        keys: Sequence[str] | None = None,
        tokens_per_minute: int | None = None,
        deltas: int = 0,
        per_second: float = 0.0,
        manners: Manners = GROQ,
        window: int = 131_072,
        obeys: bool = False,
    ) -> None:
        self.obeys = obeys
        self.clock = clock
        self.manners = manners
        self.window = window
        self.heard = "What rained in Oslo?"
        self.models: list[Mapping[str, Any]] = list(models)
        self.strict = strict
        self.keys = keys
        self.tokens_per_minute = tokens_per_minute
        self.deltas = deltas
        self.per_second = per_second
        self.requests: list[Request] = []
        self.listings: list[Request] = []
        self.voiced: list[Request] = []
        self._script: deque[Answer | Failure] = deque()
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._released = threading.Event()
        self._http = _Server(("127.0.0.1", port), _Handler)
        self._http.owner = self
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    @property
    def count(self) -> int:
        """Questions received so far (`/models` is counted in `listings`, speech in `voiced`)."""
        return len(self.requests)

    @property
    def last(self) -> Request:
        return self.requests[-1]

    def says(
        self,
        text: str = "",
        *,
        deltas: Sequence[str] = (),
        reasoning: str | Sequence[str] = (),
        per_second: float = 0.0,
        usage: Mapping[str, Any] | None = USAGE,
        mode: Mode | None = None,
        after: int | None = None,
        finish: str = "stop",
        error: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        times: int = 1,
    ) -> Self:
        """Answer the next question with `text`, word by word, or with these `deltas`, all at once or `per_second`.

        `mode` says how the stream goes wrong, after `after` deltas (default: after all of them). `usage` None sends
        none. `error` is the object of the error modes.
        """
        answer = Answer(
            deltas=tuple(deltas) or tuple(re.findall(r"\S+\s*|\s+", text)),
            reasoning=(reasoning,) if isinstance(reasoning, str) and reasoning else tuple(reasoning),
            per_second=per_second,
            usage=usage,
            mode=mode,
            after=after,
            finish=finish,
            error=error or {"message": "Something broke.", "type": "internal_server_error"},
            headers=headers or {},
        )
        self._script.extend([answer] * times)
        return self

    def fails(
        self,
        status: int = 0,
        *,
        retry_after: float | str | None = None,
        message: str = "No.",
        code: str | None = None,
        kind: str | None = None,
        body: str | bytes | Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        times: int = 1,
        of_question: bool = False,
    ) -> Self:
        """Refuse the next request, of whatever kind or `of_question`, with this status; 0 resets the connection.

        `body` replaces Groq's {"error": {"message", "type", "code"}}, for servers with other manners.
        """
        if body is None:
            body = {"error": {"message": message, "type": kind or "error", **({"code": code} if code else {})}}
        if isinstance(body, Mapping):
            body = json.dumps(body)
        sent = dict(headers or {})
        if retry_after is not None:
            sent["retry-after"] = str(retry_after)
        failure = Failure(status, body.encode() if isinstance(body, str) else body, sent, of_question)
        self._script.extend([failure] * times)
        return self

    def forget(self) -> None:
        """What was said and not yet played is not played."""
        self._script.clear()

    def release(self) -> None:
        """Let every stalled stream go on to its end."""
        self._released.set()

    def wait_for(self, condition: Callable[[], bool], seconds: float = 10.0) -> bool:
        """Whether `condition` came true within so many seconds."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                return False
            time.sleep(0.005)
        return True

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._http.shutdown()
        self._http.hang_up()
        self._http.server_close()  # waits for the handlers, which see that it is ending
        self._thread.join()

    def _next(self, *, question: bool = True) -> Answer | Failure | None:
        with self._lock:
            if not self._script:
                return None
            planned = self._script[0]
            if not question and (isinstance(planned, Answer) or planned.of_question):
                return None
            return self._script.popleft()


class _Server(ThreadingHTTPServer):
    daemon_threads = False
    block_on_close = True
    request_queue_size = 128
    owner: GroqServer

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._lines: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._lines.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._lines.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """End the wait of every handler for a next request on a kept connection."""
        for line in tuple(self._lines):
            with suppress(OSError):
                line.shutdown(socket.SHUT_RD)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are what this server is for."""


class _Gone(Exception):
    """The client hung up."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    disable_nagle_algorithm = True
    timeout = 30

    def do_GET(self) -> None:
        owner = self.server.owner
        with self._noted(owner.listings, {}):
            if not self._is("/models"):
                return self._refuse(_refusal(owner.manners.unknown_url("GET", self.path)))
            planned = owner._next(question=False)
            if isinstance(planned, Failure):
                return self._refuse(planned)
            if refused := self._bad_key():
                return self._refuse(refused)
            rows = [{**owner.manners.row(m["id"], owner.window), **m} if "id" in m else m for m in owner.models]
            return self._json({"object": "list", "data": rows})

    def do_POST(self) -> None:
        owner = self.server.owner
        sent = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self._is("/audio/transcriptions") or self._is("/audio/speech"):
            return self._voice(sent)
        body = json.loads(sent or b"{}")
        with self._noted(owner.requests, body) as request:
            if not self._is("/chat/completions"):
                return self._refuse(_refusal(owner.manners.unknown_url("POST", self.path)))
            planned = owner._next()
            if isinstance(planned, Failure):
                return self._refuse(planned)
            refused = self._bad_key() or self._no_model(body) or self._too_large(body) or self._too_long(body)
            if refused:
                return self._refuse(refused)
            answer = planned or _own_answer(request, owner)
            if answer.mode == "silence":
                self._pause(None, owner._released)
            if body.get("stream") and answer.mode != "whole":
                return self._stream(answer, request)
            text = "".join(answer.deltas)
            choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": answer.finish}
            return self._json({**self._frame("chat.completion"), "choices": [choice], "usage": answer.usage})

    def _voice(self, sent: bytes) -> None:
        owner = self.server.owner
        speech = self._is("/audio/speech")
        body = json.loads(sent) if speech else _form(self.headers["content-type"], sent)
        with self._noted(owner.voiced, body):
            planned = owner._next(question=False)
            if isinstance(planned, Failure):
                return self._refuse(planned)
            if refused := self._bad_key() or self._no_model(body):
                return self._refuse(refused)
            if not speech:
                name, audio = body["file"]
                if not audio or "." not in name:
                    return self._refuse(_failure(400, "file is empty", code="", kind="invalid_request_error"))
                return self._json({"text": f" {owner.heard}", "x_groq": {"id": "req_01test"}})
            if body.get("response_format") != "wav" or not body.get("voice") or len(body["input"]) > 200:
                message = "input must be at most 200 characters, response_format must be one of [wav]"
                return self._refuse(_failure(400, message, code="", kind="invalid_request_error"))
            return self._whole(200, sound(body["input"]), {"content-type": "audio/wav"})

    def log_message(self, *_: object) -> None:
        """Tests read `requests`."""

    def _noted(self, where: list[Request], body: dict[str, Any]) -> _Noted:
        headers = {name.lower(): value for name, value in self.headers.items()}
        return _Noted(self, where, Request(self.path, headers, body, self.server.owner.clock()))

    def _frame(self, kind: str = "chat.completion.chunk") -> dict[str, Any]:
        model = self.server.owner.requests[-1].body.get("model", "")
        return {"id": "chatcmpl-1", "object": kind, "created": 1754407957, "model": model}

    def _is(self, path: str) -> bool:
        """Whether this is the path of that name; Groq's server here also knows the paths of others."""
        own = self.server.owner.manners.prefix
        return self.path in (f"{own}{path}", f"/v1{path}")

    def _bad_key(self) -> Failure | None:
        keys = self.server.owner.keys
        if keys is None or self.headers.get("authorization", "").removeprefix("Bearer ") in keys:
            return None
        return _failure(401, "Invalid API Key", code="invalid_api_key", kind="invalid_request_error")

    def _no_model(self, body: Mapping[str, Any]) -> Failure | None:
        owner, model = self.server.owner, body.get("model", "")
        if not owner.strict or owner.manners.any_model or any(row["id"] == model for row in owner.models):
            return None
        return _refusal(owner.manners.gone(model))

    def _too_long(self, body: Mapping[str, Any]) -> Failure | None:
        owner = self.server.owner
        if owner.window >= 131_072:  # nobody asked for one: nothing is counted
            return None
        asked = prompt_tokens(body) + int(body.get("max_completion_tokens") or body.get("max_tokens") or 0)
        if asked > owner.window and owner.manners.mute and body.get("stream"):
            return Failure(200, b"", {"content-type": "text/event-stream"})
        return None if asked <= owner.window else _refusal(owner.manners.too_long(owner.window, asked))

    def _too_large(self, body: Mapping[str, Any]) -> Failure | None:
        limit = self.server.owner.tokens_per_minute
        if limit is None:
            return None
        asked = prompt_tokens(body) + int(body.get("max_completion_tokens") or body.get("max_tokens") or 0)
        if asked <= limit:
            return None
        return _failure(413, too_large_message(body["model"], limit, asked), code="rate_limit_exceeded", kind="tokens")

    def _json(self, body: Mapping[str, Any]) -> None:
        self._whole(200, json.dumps(body).encode(), {"content-type": "application/json"})

    def _refuse(self, failure: Failure) -> None:
        if failure.status == 0:
            raise _Reset
        kind = "text/event-stream" if failure.body.startswith(b"event:") else "application/json"
        self._whole(failure.status, failure.body, {"content-type": kind, **failure.headers})

    def _whole(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {"x-request-id": "req_01test", **headers, "content-length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, answer: Answer, request: Request) -> None:
        owner = self.server.owner
        self.send_response(200)
        manners = owner.manners
        said = {
            "x-request-id": "req_01test",
            "x-ratelimit-limit-requests": "1000",
            "x-ratelimit-remaining-requests": "987",
            "x-ratelimit-reset-requests": "18m43.2s",
            "x-ratelimit-limit-tokens": str(owner.tokens_per_minute or 8000),
            "x-ratelimit-remaining-tokens": "6120",
            "x-ratelimit-reset-tokens": "14.1s",
        }
        headers = {"content-type": "text/event-stream", **(said if manners is GROQ else {}), **answer.headers}
        # A stream that ends properly in the middle must be framed by the connection, not by chunks.
        framing = {"connection": "close"} if answer.mode == "clean_eof" else {"transfer-encoding": "chunked"}
        self.close_connection = answer.mode == "clean_eof"
        for name, value in {**headers, **framing}.items():
            self.send_header(name, value)
        self.end_headers()
        self._chunked = "transfer-encoding" in framing

        own = {"x_groq": {"id": "req_01test"}} if manners is GROQ else {}
        every = {"usage": {**USAGE, "completion_tokens": 1}} if manners.usage == "every" else {}
        self._event({"choices": [_choice(manners.first)], **own, **every})
        for place, thought in enumerate(answer.reasoning):
            if manners.thinking:
                self._event({"choices": [_choice({manners.thinking: thought})], **every})
            else:
                begin, end = "<think>\n" * (not place), "\n</think>\n\n" * (place == len(answer.reasoning) - 1)
                self._event({"choices": [_choice({"content": f"{begin}{thought}{end}"})]})
        for place, name in enumerate(answer.tools):
            call = {"index": place, "id": f"call_{place}", "type": "function"}
            self._event(
                {"choices": [_choice({"tool_calls": [{**call, "function": {"name": name, "arguments": "{}"}}]})]}
            )
        stop_at = len(answer.deltas) if answer.after is None else answer.after
        began = time.monotonic()
        for place, text in enumerate(answer.deltas[:stop_at]):
            if answer.per_second and not self._pause(began + place / answer.per_second - time.monotonic()):
                raise _Gone
            self._event({"choices": [_choice({"content": text})], **every})
            request.deltas += 1
        if self._goes_wrong(answer):
            return
        for text in answer.deltas[stop_at:]:
            self._event({"choices": [_choice({"content": text})]})
            request.deltas += 1
        finish = answer.mode if answer.mode in ("length", "content_filter") else answer.finish
        own = {"x_groq": {"id": "req_01test", "usage": answer.usage}} if answer.usage and own else {}
        self._event({"choices": [_choice({}, "" if answer.mode == "no_reason" else finish)], **own, **every})
        asked = (request.body.get("stream_options") or {}).get("include_usage")
        if answer.usage and asked and manners.usage != "never":
            self._event({"choices": [], "usage": answer.usage})
        if answer.mode != "no_done":
            self._line("data: [DONE]\n\n")
        if self._chunked:
            self.wfile.write(b"0\r\n\r\n")

    def _goes_wrong(self, answer: Answer) -> bool:
        """Whether the stream ended here, by its mode."""
        mode = answer.mode
        if mode == "cut":
            raise _Reset
        if mode == "stall":
            self._pause(None, self.server.owner._released)
            return False
        if mode == "pings":
            while self._pause(0.02):
                self._line(": ping\n\n")
            raise _Gone
        if mode == "bad_json":
            self._line('data: {"id": "chatcmpl-1", "choi\n\n')
        elif mode == "wrong_json":
            self._line(
                'data: {"choices": null}\n\ndata: {}\n\ndata: {"choices": [{"delta": null}]}\n\ndata: [1, 2]\n\n'
            )
        elif mode == "error_event":
            self._line(f"event: error\ndata: {json.dumps({'error': answer.error})}\n\n")
        elif mode == "error_data":
            self._line(f"data: {json.dumps({'error': answer.error})}\n\n")
        elif mode == "x_groq_error":
            self._event({"choices": [], "x_groq": {"id": "req_01test", "error": answer.error["message"]}})
        elif mode == "displaced":
            self._line("data: [DONE]\n\n")
        elif mode != "clean_eof":
            return False
        if mode in ("error_event", "error_data"):
            self._line(self.server.owner.manners.after_error)
        if self._chunked:
            self.wfile.write(b"0\r\n\r\n")
        return True

    def _event(self, chunk: Mapping[str, Any]) -> None:
        self._line(f"data: {json.dumps({**self._frame(), **chunk})}\n\n")

    def _line(self, text: str) -> None:
        data = text.encode()
        if not data:  # an empty chunk would be the last
            return
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data) if self._chunked else data)

    def _pause(self, seconds: float | None, until: threading.Event | None = None) -> bool:
        """Wait so long (None: without end) or for the event, listening: False once the client or the test is gone."""
        end = None if seconds is None else time.monotonic() + seconds
        while not (until and until.is_set()):
            left = 0.02 if end is None else end - time.monotonic()
            if left <= 0:
                return True
            if self.server.owner._ending.is_set():
                raise _Reset
            if select.select([self.connection], [], [], min(left, 0.02))[0]:
                try:
                    heard = self.connection.recv(1, socket.MSG_PEEK)
                except OSError:
                    heard = b""
                if not heard:
                    raise _Reset if self.server.owner._ending.is_set() else _Gone
                time.sleep(min(left, 0.02))
        return True


class _Reset(Exception):
    """The connection is to be reset."""


class _Noted:
    """Keeps one request in the server's list, and what became of it."""

    def __init__(self, handler: _Handler, where: list[Request], request: Request) -> None:
        self._handler = handler
        self._request = request
        with handler.server.owner._lock:
            where.append(request)

    def __enter__(self) -> Request:
        return self._request

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, _: object) -> bool:
        handler, request = self._handler, self._request
        if value is not None:
            handler.close_connection = True
            request.aborted = isinstance(value, (OSError, _Gone))
            if isinstance(value, _Reset):
                # Zero seconds of lingering: the system sends a reset and drops what was not yet read.
                handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                handler.wfile = io.BytesIO()
                handler.rfile.close()
                handler.connection.close()
        request.closed_at = handler.server.owner.clock()
        request.done.set()
        return isinstance(value, (OSError, _Gone, _Reset))


def _choice(delta: Mapping[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}


def _failure(status: int, message: str, *, code: str, kind: str) -> Failure:
    body = {"error": {"message": message, "type": kind, "code": code}}
    return Failure(status, json.dumps(body).encode(), {})


def _refusal(refusal: Refusal) -> Failure:
    body = f"event: error\ndata: {refusal.body}\n\n" if refusal.event else refusal.body
    return Failure(refusal.status, body.encode(), {})


def _form(kind: str, sent: bytes) -> dict[str, Any]:
    """The fields of a multipart form; a file is its name and its bytes."""
    head = f"content-type: {kind}\r\n\r\n".encode()
    parts = email.message_from_bytes(head + sent, policy=email.policy.HTTP)
    fields: dict[str, Any] = {}
    for part in parts.iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        fields[name] = (part.get_filename(), content) if part.get_filename() else content.decode()
    return fields


def sound(text: str) -> bytes:
    """A WAV file: a hundredth of a second for each letter, as loud as its place in the alphabet of Unicode."""
    whole = io.BytesIO()
    with wave.open(whole, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(RATE)
        wav.writeframes(b"".join(struct.pack("<H", ord(letter) & 0x7FFF) * (RATE // 100) for letter in text))
    return whole.getvalue()


def spoken(recording: bytes) -> str:
    """The text that `sound` was given."""
    with wave.open(io.BytesIO(recording)) as wav:
        frames = wav.readframes(wav.getnframes())
    return "".join(chr(code) for (code,) in struct.iter_unpack("<H", frames))[:: RATE // 100]


def too_large_message(model: str, limit: int, asked: int) -> str:
    """Groq's words for a 413."""
    return (
        f"Request too large for model `{model}` in organization `org_01testorganisation` service tier `on_demand` on "
        f"tokens per minute (TPM): Limit {limit}, Requested {asked}, please reduce your message size and try again."
    )


def limited_message(model: str, what: str, short: str, wait: str) -> str:
    """Groq's words for a 429: `what` is "tokens per minute", `short` "TPM", `wait` "7m12.5s"."""
    return (
        f"Rate limit reached for model `{model}` in organization `org_01testorganisation` service tier `on_demand` on "
        f"{what} ({short}): Limit 8000, Used 7200, Requested 1900. Please try again in {wait}."
    )


def prompt_tokens(body: Mapping[str, Any]) -> int:
    """The tokens of a request's messages, counted as gpt-oss does."""
    from llm.tokens import counter

    counts = counter("openai/gpt-oss-120b")
    return sum(counts.count(m["content"]) + counts.message(m["role"]) for m in body.get("messages", []))


def _own_answer(request: Request, owner: GroqServer) -> Answer:
    """An answer from the passages of the question: a sentence of each of the first three, cited."""
    last = next((m["content"] for m in reversed(request.messages) if m["role"] == "user"), "")
    text = _obey(last) if owner.obeys else _cite(last)
    pieces = tuple(re.findall(r"\S+\s*|\s+", text))
    if owner.deltas:
        words = [piece.strip() for piece in pieces]
        pieces = tuple(_endless(words, owner.deltas))
    prompt = prompt_tokens(request.body)
    usage = {**USAGE, "prompt_tokens": prompt, "completion_tokens": len(pieces), "total_tokens": prompt + len(pieces)}
    return Answer(
        deltas=pieces,
        reasoning=("Which passages say it?",),
        per_second=owner.per_second,
        usage=usage,
        tools=tuple(re.findall(r"call the tool (\w+)", last)) if owner.obeys else (),
    )


def _obey(asked: str) -> str:
    """Everything that anybody asks for in a message: the strings of its lines of JSON, and the rest as it is."""
    told: list[str] = []
    rest: list[str] = []
    for line in asked.splitlines(keepends=True):
        try:
            passage = json.loads(line)
        except ValueError:
            rest.append(line)
            continue
        told += [value for value in passage.values() if isinstance(value, str)] if isinstance(passage, dict) else []
    told.append("".join(rest))
    orders = [order for text in told for order in re.split("write exactly:", text, flags=re.IGNORECASE)[1:]]
    return "\n\n".join(order.strip() for order in orders) or "Nobody asked for anything."


def _cite(question: str) -> str:
    sentences: list[str] = []
    for line in question.splitlines():
        try:
            passage = json.loads(line)
        except ValueError:
            continue
        if not isinstance(passage, dict):
            continue
        n = passage.get("n", len(sentences) + 1)
        said = str(passage.get("text") or passage.get("title") or "").split(". ")[0].rstrip(".")
        sentences.append(f"{passage.get('outlet') or passage.get('feed') or 'One outlet'} reports: {said} [{n}].")
        if len(sentences) == 3:
            break
    return " ".join(sentences) or "None of the articles says anything about this."


def _endless(words: Sequence[str], count: int) -> Iterator[str]:
    """`count` deltas of these words over and over, in paragraphs of a hundred."""
    for place in range(count):
        end = "\n\n" if place % 100 == 99 else " "
        yield words[place % len(words)] + end


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.groq_server", description="A model server for trying things."
    )
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--deltas", type=int, default=0, help="deltas of each answer (default: its words)")
    parser.add_argument("--per-second", type=float, default=60.0)
    parser.add_argument("--seconds", type=float, default=600.0, help="it ends by itself after so long")
    chosen = parser.parse_args(arguments)
    with GroqServer(port=chosen.port, deltas=chosen.deltas, per_second=chosen.per_second) as server:
        print(json.dumps({"url": server.url, "openai": f"{server.url}/v1"}), flush=True)
        try:
            time.sleep(chosen.seconds)
        except KeyboardInterrupt:
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
