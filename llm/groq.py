"""Groq, and every server that speaks its protocol: which model is asked, how often, and what is learned from it.

One question goes through three steps. `GroqModel._open` picks the model: the one asked for, or the next when that one
is gone. `_persist` is the only place that tries again: at most 3 tries and 20 seconds, the server's own wait obeyed if
a person would wait it. `_send` sends once and reads until the first delta, so that everything that fails before the
reader sees a word can still be tried again, and nothing that fails after it ever is. Speech goes the same way.

Only `ModelError` leaves, and alone: the SDK's errors carry the request with the key and the prompt, and the server's
words with the organisation's id, and none of that may reach a log by way of a traceback. What helps to find a fault
(status, code, request id) is logged instead.
"""

from __future__ import annotations

import functools
import hashlib
import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn, TypeVar

import backoff
import groq
import httpx

from llm import models, tokens, voice
from llm.base import (
    CTX_LENGTH,
    REPLY_TOKENS,
    BadRequest,
    ChatModel,
    Interrupted,
    KeyRefused,
    Left,
    Limits,
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
from llm.failures import TRIES, Trouble, limited, limits, number
from llm.memory import MEMORY, Memory
from llm.reading import INTERRUPTED, Reading, sendable, within
from llm.redact import remember
from llm.wire import CONNECT_S, Client, Ended, Lines, http, is_address, judged, place, watch

Clock = Callable[[], datetime]

IN_ALL_S = 20.0
"""No try starts later than this after the question."""
PATIENCE_S = 8.0
"""The longest wait that a person sits out; a longer one is told, with the time it ends."""
STALL_S, ANSWER_S = 15.0, 60.0
"""Seconds without a byte, and for a whole answer, after which a stream is given up."""
OWN_STALL_S, OWN_ANSWER_S = 120.0, 600.0
"""The same for a server of the reader's own: a model on a laptop reads a long prompt for a minute before it answers."""

LIST_HOLDS = timedelta(hours=6)
"""For how long a model that the live list does not name is not asked for."""
MOST_HEARD = 25_000_000
"""Bytes of a recording: what Groq's free plan takes."""
MOST_SPOKEN, MOST_PIECES = 4_000, 30
"""Characters read aloud at once, and requests for them."""

_SLICE_S = 0.25
_GROQ = "https://api.groq.com"
_HEARD = {"flac", "mp3", "mp4", "mpeg", "mpga", "m4a", "ogg", "wav", "webm"}
_Answer = TypeVar("_Answer")

log = logging.getLogger(__name__)


def _utc() -> datetime:
    return datetime.now(UTC)


class GroqModel(ChatModel):
    """A chat model of Groq, or of any server with the same protocol at `base_url`. Cheap: make one a question.

    `base_url` is the address as Groq's SDK means it (`/openai/v1/chat/completions` is added). With `openai_paths`, or
    if it ends in `/v1` as other servers write theirs, the paths are those of Ollama, llama.cpp, vLLM and LM Studio.
    `effort` goes to models known to have one; what they think is paid from the reply's tokens. `fallback` are the
    models that answer when `model` is gone; by default any that Groq has, best first, and none for another server.

    `on_wait(seconds, reason)` is called four times a second while a wait is sat out, with the seconds left (0 at its
    end) and the reader's sentence; what it raises ends the wait and goes to the caller as it is.
    `stall_s` and `answer_s` are the seconds without a byte, and for an answer in all, that are waited.
    `http_client` replaces the process's own, `memory` what it learned; `sleep` and `clock` are for tests.
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
        memory: Memory = MEMORY,
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
        self._any = fallback is None and not own  # whatever Groq has may answer
        self._own = own
        self._base = base
        self._path = "/v1" if own else "/openai/v1"
        self._place = place(base)
        self._key = api_key.strip() or ("none" if own else "")  # servers without keys still need a header to send
        self._who = hashlib.sha256(f"{base}\n{self._key}".encode("utf-8", "replace")).hexdigest()[:24]
        self._memory = memory
        self._sleep = sleep
        self._clock = clock
        self._on_wait = on_wait
        self._stall_s = stall_s or (OWN_STALL_S if own else STALL_S)
        self._answer_s = answer_s or (OWN_ANSWER_S if own else ANSWER_S)
        self._http = http_client
        self._lines = Lines()
        self._mute = False  # whether the last try's answer ended properly without a word
        self._stream: Reading | None = None
        remember(self._key)

    def ceiling(self) -> int | None:
        """As `ChatModel.ceiling`, a little under what the server said: its count of a prompt may differ from ours."""
        asked = self._asked()
        known = self._info(asked)
        said = (self._memory.ceiling(self._who, asked), known.window if known else None)
        least = min((size for size in said if size), default=None)
        return least * 97 // 100 if least else None

    def left(self) -> Left | None:
        """As `ChatModel.left`, less what other requests of this process took that wait for their answer."""
        return self._memory.left(self._who, self._asked(), self._clock())

    def limits(self) -> tuple[Limits, datetime] | None:
        """What the server said last of its limits, and when; None if it never said any."""
        return self._memory.limits(self._who, self._asked())

    def cancel(self) -> None:
        """As `ChatModel.cancel`, and for good: this object answers no more. A stream that is open is closed.

        Only a connection that is just being made cannot be woken; its attempt ends by itself within `CONNECT_S`.
        """
        self._lines.cancel()
        if self._stream:
            self._stream.close()

    def list_models(self) -> list[str]:
        """The ids of all models that this key may use now, chat models or not. One request. Raises `ModelError`."""
        return [row.id for row in self._listed()]

    def offered(self) -> tuple[models.ModelInfo, ...]:
        """The chat models there are now, with what the bundled table knows of them. Raises `ModelError`."""
        self._listed()
        return self.known()

    def known(self) -> tuple[models.ModelInfo, ...]:
        """The chat models of the last live list that anybody here asked for, else what is known without. No request."""
        listed = self._memory.listed(self._who)
        if not self._own:
            return models.merge(listed[0] if listed else ())
        rows = [row for row in listed[0] if models.is_chat(row.id)] if listed else [models.ModelInfo(self.name)]
        return models.merge(rows) if rows else ()

    def is_live(self) -> bool:
        """Whether `known` is from the server."""
        return self._memory.listed(self._who) is not None

    def hears(self) -> str:
        """The model that `transcribe` asks; "" if there is none, or nobody asked for the list yet."""
        return next((model for model in models.hearing(self._ids()) if not self._memory.lost(self._who, model)), "")

    def speaks(self) -> str:
        """The model that `speak` asks; "" if there is none, or nobody asked for the list yet."""
        found = self._speaker()
        return found.id if found else ""

    def transcribe(self, audio: bytes, name: str = "question.wav") -> str:
        """What is said in a recording; its form is told by the end of `name`. "" if nothing is. Raises `ModelError`."""
        model = self.hears() or self._speechless("turns speech into text")
        unfit = f"{self._place} could not make anything of the recording. Record it again."
        if len(audio) > MOST_HEARD:
            raise TooLarge("The recording is too long. Say it in fewer words.", model=model)
        form = name.rpartition(".")[2].lower()
        file = (f"question.{form if form in _HEARD else 'wav'}", audio)

        def send() -> str:
            body = {"model": model, "response_format": "json", "temperature": 0}
            headers = {"Content-Type": "multipart/form-data"}  # the SDK adds the boundary
            said = self._fetch(model, "/audio/transcriptions", body=body, files={"file": file}, headers=headers)
            text = within(self._read(model, said), "text")
            if not isinstance(text, str):
                raise self._trouble(Ended("unreadable"), model)
            return " ".join(sendable(text).split())

        return self._voiced(model, send, unfit)

    def speak(self, text: str) -> bytes:
        """`text` read aloud, as a WAV file. Markdown is read as it stands: give plain text. Raises `ModelError`."""
        speaker = self._speaker() or self._speechless("reads aloud")
        cut = voice.pieces(text[: MOST_SPOKEN + 1], speaker.most_characters)
        if len(text) > MOST_SPOKEN or len(cut) > MOST_PIECES:
            raise TooLarge("This is too long to be read aloud at once.", model=speaker.id)
        if not cut:
            raise BadRequest("There is nothing to read aloud.", model=speaker.id)

        def send(piece: str) -> bytes:
            body = {"model": speaker.id, "input": piece, "voice": speaker.voice, "response_format": "wav"}
            return self._fetch(speaker.id, "/audio/speech", body=body, headers={"Accept": "audio/wav"})

        unfit = f"{self._place} could not read this text aloud."
        sound = [self._voiced(speaker.id, functools.partial(send, piece), unfit) for piece in cut]
        try:
            return voice.join(sound)
        except ValueError:
            raise ServerFailed(f"{unfit} What it sent is no sound.", model=speaker.id) from None

    def _ids(self) -> list[str]:
        listed = self._memory.listed(self._who)
        return [row.id for row in listed[0]] if listed else []

    def _speaker(self) -> models.VoiceInfo | None:
        rows = models.speaking(self._ids())
        return next((row for row in rows if not self._memory.lost(self._who, row.id)), None)

    def _speechless(self, what: str) -> NoReturn:
        raise ModelGone(f"{self._place} offers no model to this key that {what}.", model=self.name)

    def _listed(self) -> tuple[models.ModelInfo, ...]:
        def send() -> tuple[models.ModelInfo, ...]:
            found = within(self._read("", self._fetch("", "/models")), "data")
            if not isinstance(found, list):
                raise self._trouble(Ended("unreadable"), "")
            return tuple(row for one in found if (row := _row(one)))

        live = _plainly(send)
        self._memory.found(self._who, live, self._clock())
        return live

    def _info(self, model: str) -> models.ModelInfo | None:
        listed = self._memory.listed(self._who)
        live = next((row for row in listed[0] if row.id == model), None) if listed else None
        return models.merge([live])[0] if live and models.is_chat(model) else models.info(model)

    def _candidates(self) -> tuple[str, ...]:
        """Whom to ask, in this order: what is not known to be gone, and is in Groq's live list if that is fresh."""
        others = [*self.fallback, *(row.id for row in self.known() if self._any)]
        listed = self._memory.listed(self._who)
        fresh = listed and not self._own and self._clock() - listed[1] < LIST_HOLDS
        live = {row.id for row in self.known()} if fresh else None
        return tuple(
            model
            for model in dict.fromkeys([self.name, *others])
            if not self._memory.lost(self._who, model) and (live is None or model in live)
        )

    def _asked(self) -> str:
        return next(iter(self._candidates()), self.name)

    def _open(self, messages: Sequence[Message], reply_tokens: int) -> Stream:
        tried: set[str] = set()
        while (model := next((one for one in self._candidates() if one not in tried), None)) is not None:
            tried.add(model)
            try:
                stream = self._persist(model, functools.partial(self._send, model, messages, reply_tokens))
            except ModelGone:
                if self._own:  # there, somebody may be fetching it this minute
                    continue
                if self._any and len(tried) == 1:  # so that no other is asked that is gone as well
                    with suppress(ModelError):
                        self._listed()
                self._memory.lose(self._who, model)
                continue
            self._stream = stream
            if self._lines.cancelled:  # since the first delta
                stream.close()
                raise Interrupted(INTERRUPTED["stopped"], model=model, cause="stopped")
            if model != self.name:
                stream.notice = f"{self._place} no longer offers {self.name} to this key; {model} answered instead."
            return stream
        sentence = f"{self._place} does not offer the model {self.name} to this key. Choose another one in Settings."
        raise ModelGone(sentence, model=self.name)

    def _persist(self, model: str, send: Callable[[], _Answer]) -> _Answer:
        """`send`, again while that makes sense. The one place in this program that asks a model twice.

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
            wait_s = trouble.wait_s(tries)
            log.info("retry", extra={"place": self._place, "model": model, "tried": tries, "wait_s": wait_s})
            self._wait(model, wait_s, str(trouble.error))

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
        def attempt() -> _Answer:
            nonlocal tries
            tries += 1
            return send()

        return _plainly(attempt)

    def _wait(self, model: str, seconds: float, reason: str) -> None:
        left = seconds
        while left > 0:
            if self._on_wait:
                self._on_wait(left, reason)
            self._sleep(min(left, _SLICE_S))
            left -= _SLICE_S
            if self._lines.cancelled:
                raise Interrupted(INTERRUPTED["stopped"], model=model, cause="stopped")
        if self._on_wait and seconds > 0:
            self._on_wait(0.0, reason)

    def _send(self, model: str, messages: Sequence[Message], reply_tokens: int) -> Reading:
        """One question, read until its first delta. Raises `Trouble`."""
        self._may_ask(model)
        # llama-cpp-python ends a stream without a word where it cannot answer; what is wrong it says only out of one.
        streamed, self._mute = not (self._own and self._mute), False
        optional = self._optional(model) if streamed else {}
        known = self._info(model)
        most = min(reply_tokens, (known and known.max_reply) or reply_tokens)
        # Other servers know the reply's length by its older name; Groq counts with the newer one.
        length = {"max_tokens" if self._own else "max_completion_tokens": most}
        sent = [{"role": message.role, "content": sendable(message.content)} for message in messages]
        body = {"model": model, "messages": sent, "stream": streamed, **length, **optional}
        counter = tokens.counter(model)
        counted = sum(counter.count(message.content) + counter.message(message.role) for message in messages)

        def learn(usage: Usage) -> None:
            counter.learn(counted, usage.prompt)

        asked = self._clock()
        try:
            with self._lines.opening():
                with self._memory.asking(self._who, model, counted + most):
                    raw = self._call("/chat/completions", body=body)
                    stream = Reading(raw, model=model, place=self._place, clock=self._clock, learn=learn)
                    self._memory.say(self._who, model, stream.limits, self._clock())
                stream.begin()
            opened = {"place": self._place, "model": model, "messages": len(sent), "tokens": counted, "reply": most}
            log.info("requested", extra={**opened, "first_s": (self._clock() - asked).total_seconds()})
        except Exception as error:  # noqa: BLE001 - a foreign seam: whatever comes out of it becomes ours
            self._mute = isinstance(error, Ended) and error.cause == "cut"
            raise self._trouble(error, model, tuple(optional)) from None
        return stream

    def _fetch(self, model: str, path: str, **how: Any) -> bytes:
        """One request and its whole answer. Raises `Trouble`."""
        self._may_ask(model)
        try:
            with self._lines.opening():
                raw = self._call(path, **how)
                try:
                    return raw.response.read()
                finally:
                    raw.close()
        except Exception as error:  # noqa: BLE001 - as above
            if isinstance(error, groq.NotFoundError):
                self._memory.lose(self._who, model)
            raise self._trouble(error, model) from None

    def _read(self, model: str, body: bytes) -> object:
        """A JSON answer, None for what is none. Raises `Trouble` for an error that came with status 200."""
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError):
            return None
        if within(answer, "error"):
            raise self._trouble(Ended("error", body.decode("utf-8", "replace")), model)
        return answer

    def _call(
        self,
        path: str,
        *,
        body: Mapping[str, object] | None = None,
        files: Mapping[str, tuple[str, bytes]] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> groq.Stream[object]:
        """Send one request; its answer is still to be read. Raises whatever the SDK does."""
        # Not `chat.completions.create` and the like: building the SDK's chunk objects takes three times as long as all
        # the rest of reading a stream, and its paths are Groq's alone. The client, its errors and events are the same.
        until = self._clock() + timedelta(seconds=self._answer_s)
        path = f"{self._path}{path}"
        events = groq.Stream[object]
        if body is None:
            raw = self._client.get(path, cast_to=object, stream=True, stream_cls=events)
        else:
            with_headers: Any = {"headers": headers} if headers else {}
            raw = self._client.post(
                path, body=body, files=files, options=with_headers, cast_to=object, stream=True, stream_cls=events
            )
        watch(raw.response, self._clock, until)
        return raw

    def _voiced(self, model: str, send: Callable[[], _Answer], unfit: str) -> _Answer:
        """`_persist` for speech, where a model that this key may not use is forgotten."""
        try:
            return self._persist(model, send)
        except (KeyRefused, ModelGone):
            self._memory.lose(self._who, model)
            raise
        except (BadRequest, TooLarge):  # their sentences speak of a question and its articles
            raise BadRequest(unfit, model=model) from None

    def _may_ask(self, model: str) -> None:
        now = self._clock()
        if held := self._memory.limit(self._who, model, now):
            kind, until = held
            error = limited(kind, until, model=model, place=self._place, now=now)
            raise Trouble(error, after_s=(until - now).total_seconds())

    def _optional(self, model: str) -> dict[str, Any]:
        """The parameters an answer can do without: those the server is not known to refuse."""
        wanted: dict[str, Any] = {"stream_options": {"include_usage": True}}
        known = self._info(model)
        if known and self.effort in known.efforts:
            wanted["reasoning_effort"] = self.effort
        return {name: value for name, value in wanted.items() if not self._memory.refused(self._who, name)}

    @functools.cached_property
    def _client(self) -> Client:
        if not self._key.isascii() or not self._key.isprintable() or " " in self._key or not self._key:
            raise KeyRefused("The key is empty, or holds what no key has. Check it in Settings.", model=self.name)
        if not is_address(self._base):
            raise Unreachable("The address of the model's server is not one. Check it in Settings.", model=self.name)
        client = Client(
            api_key=self._key,
            base_url=self._base,
            max_retries=0,  # `_persist` owns the tries; the SDK's would multiply them
            timeout=httpx.Timeout(connect=CONNECT_S, read=self._stall_s, write=10, pool=5),
            http_client=self._http or http(),
        )
        client.lines = self._lines
        return client

    def _trouble(self, error: Exception, model: str, optional: Sequence[str] = ()) -> Trouble:
        """Any failure before the first delta; what it teaches goes to the memory and the log."""
        if self._lines.cancelled:
            return Trouble(Interrupted(INTERRUPTED["stopped"], model=model, cause="stopped"), tries=1)
        now = self._clock()
        trouble, said = judged(error, model=model, place=self._place, now=now)
        ours = trouble.error
        fault = {"place": self._place, "model": model, "error": type(ours).__name__, "said": str(said)}
        log.warning("request_failed", extra=fault)
        if isinstance(error, groq.APIStatusError):
            self._memory.say(self._who, model, limits(error.response.headers), now)
        if isinstance(ours, RateLimited) and ours.until and trouble.wait_s(1) > PATIENCE_S:
            self._memory.trip(self._who, model, ours.kind, ours.until)
        if isinstance(ours, TooLarge) and ours.limit:
            self._memory.cap(self._who, model, ours.limit)
        unknown = next((name for name in optional if isinstance(ours, BadRequest) and name in said.message), "")
        if unknown:
            self._memory.refuse(self._who, unknown)
            return Trouble(ours, after_s=0)
        return trouble


def warm() -> None:
    """Load what the first question would wait for: certificates and the vocabulary. Meant for a thread at start."""
    http()
    tokens.warm()


def _plainly(send: Callable[[], _Answer]) -> _Answer:
    """`send`, whose `Trouble` leaves as the error that it is about."""
    try:
        return send()
    except Trouble as trouble:
        error = trouble.error
    raise error  # here, where it has no context: that would be the SDK's


def _row(found: object) -> models.ModelInfo | None:
    model = within(found, "id")
    if not isinstance(model, str) or not 0 < len(model) <= 200 or not model.isprintable():
        return None
    if within(found, "active") is False:
        return None
    # By Groq, vLLM and llama.cpp; what Ollama and LM Studio list has no window.
    told = (within(found, "context_window"), within(found, "max_model_len"), within(within(found, "meta"), "n_ctx"))
    window = next((size for size in map(number, told) if size), None)
    return models.ModelInfo(model, window, number(within(found, "max_completion_tokens")) or None)
