"""An open reply: the server's chunks -> deltas of text and of reasoning, and why it ended.

Nothing in a chunk need be there, or of the type that it should have. Servers disagree about where reasoning goes:
`delta.reasoning`, `delta.reasoning_content`, or `<think>…</think>` at the start of the text. It all becomes
`Delta.reasoning`, so that it is never taken for the answer.
"""

from __future__ import annotations

import json
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from llm import wire
from llm.base import Cause, Delta, Interrupted, Stream, Usage
from llm.failures import judge, limits, number

MOST_CHARACTERS = 1_000_000

log = logging.getLogger(__name__)


class Reading(Stream):
    """A reply of the SDK, `raw`. `begin` reads until the first delta, iterating gives that one and the rest.

    In `begin` foreign errors pass through (who sent the request judges them); while it is iterated every one becomes
    `Interrupted`. Once the finish reason is there the answer is whole, and what breaks afterwards breaks nothing.
    """

    def __init__(
        self, raw: Any, *, model: str, place: str, clock: Callable[[], datetime], learn: Callable[[Usage], None]
    ) -> None:
        super().__init__(model, limits=limits(raw.response.headers))
        self._raw = raw
        self._place = place
        self._clock = clock
        self._learn = learn
        self._first: deque[Delta] = deque()
        self._reasoned = False  # whether a finish reason was sent, if only an empty one
        self._closed = threading.Event()
        self._reading = threading.Lock()
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
                delta, broken = self._next()
            if broken:
                raise broken  # here, where it has no context: that would be the SDK's
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
            wire.hang_up(self._raw.response)

    def _next(self) -> tuple[Delta | None, Interrupted | None]:
        if self._closed.is_set() and not self.finish:
            return None, self._interrupted(wire.Ended("stopped"))
        try:
            return next(self._deltas, None), None
        except Exception as error:  # noqa: BLE001 - a foreign seam: whatever comes out of it becomes ours
            return None, self._interrupted(error)

    def _read(self) -> Iterator[Delta]:
        text, reasoning, thinking = _Whole(), _Whole(), Thinking()
        characters = 0
        try:
            for chunk in self._chunks():
                piece = self._take(chunk)
                said, thought = thinking.split(text.add(piece.text))
                thought += reasoning.add(piece.reasoning)
                delta = Delta(said, thought)
                characters += len(piece.text) + len(piece.reasoning)
                if characters > MOST_CHARACTERS:
                    raise wire.Ended("unreadable", "endless")
                if delta.text or delta.reasoning:
                    yield delta
        except Exception:
            if not self.finish:
                raise
        finally:
            self._raw.close()
        if not self.finish:
            # Some servers have no word for the reason, but that the answer is whole they do say. llama-cpp-python says
            # so as well, without any reason, where it breaks an answer off to begin another reader's.
            if not (self._reasoned and wire.is_done(self._raw.response)):
                raise wire.Ended("cut")
            self.finish = "stop"
        said, thought = thinking.split(text.rest())
        said_last, thought_last = thinking.rest()
        rest = Delta(said + said_last, reasoning.rest() + thought + thought_last)
        if rest.text or rest.reasoning:
            yield rest
        if self.usage:
            self._learn(self.usage)

    def _chunks(self) -> Iterator[Any]:
        """The events; or, of a server that answers with one JSON object after all, that."""
        response = self._raw.response
        if not response.headers.get("content-type", "").startswith("application/json"):
            yield from self._raw
            return
        whole = json.loads(response.read())
        if within(whole, "error"):
            raise wire.Ended("error", response.text)
        yield whole

    def _take(self, chunk: object) -> Delta:
        own = within(chunk, "x_groq")
        if error := within(own, "error"):
            raise wire.Ended("error", str(error))
        self.usage = _usage(within(own, "usage")) or _usage(within(chunk, "usage")) or self.usage
        choices = within(chunk, "choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        if (finish := within(choice, "finish_reason")) is not None:
            self._reasoned = True
            self.finish = str(finish or self.finish)
        delta = within(choice, "delta") or within(choice, "message")
        text = within(delta, "content")
        reasoning = within(delta, "reasoning") or within(delta, "reasoning_content")
        return Delta(text if isinstance(text, str) else "", reasoning if isinstance(reasoning, str) else "")

    def _interrupted(self, error: Exception) -> Interrupted:
        cause: Cause = "stopped" if self._closed.is_set() else wire.cause(error)
        sentence = INTERRUPTED[cause].format(self._place)
        if cause == "error":
            why = judge(wire.said(error), {}, model=self.model, place=self._place, now=self._clock()).error
            sentence = f"{sentence} {why}"
        if cause != "stopped":
            log.warning("interrupted", extra={"place": self._place, "model": self.model, "cause": cause})
        return Interrupted(sentence, model=self.model, cause=cause)


INTERRUPTED: dict[Cause, str] = {
    "cut": "The connection to {} ended before the answer did.",
    "stalled": "{} stopped sending in the middle of the answer.",
    "slow": "The answer took too long and was ended.",
    "unreadable": "{} sent something unreadable in the middle of the answer.",
    "error": "{} ended the answer early.",
    "stopped": "The answer was stopped.",
}


class Thinking:
    """Takes `<think>…</think>` at the start of a text out of it, however it is cut over pieces."""

    _BEGIN, _END = "<think>", "</think>"

    def __init__(self) -> None:
        self._held = ""
        self._state: str = "start"  # then "inside", "after" (blank space that belongs to no answer), "text"

    def split(self, piece: str) -> tuple[str, str]:
        """What of the text so far is answer, and what is reasoning, as far as that can be said yet."""
        if self._state == "text" or not piece:
            return piece, ""
        piece, self._held = self._held + piece, ""
        if self._state == "start":
            begun = piece.lstrip()
            if not begun.startswith(self._BEGIN):
                if self._BEGIN.startswith(begun):
                    self._held = piece
                    return "", ""
                self._state = "text"
                return piece, ""
            self._state = "inside"
            piece = begun.removeprefix(self._BEGIN)
        thought = ""
        if self._state == "inside":
            thought, end, piece = piece.partition(self._END)
            if not end:
                cut = next((n for n in range(len(self._END) - 1, 0, -1) if thought.endswith(self._END[:n])), 0)
                self._held = thought[len(thought) - cut :]
                return "", thought[: len(thought) - cut]
            self._state = "after"
        piece = piece.lstrip()
        if piece:
            self._state = "text"
        return piece, thought

    def rest(self) -> tuple[str, str]:
        """What was held back when the text ended."""
        held, self._held = self._held, ""
        return ("", held) if self._state == "inside" else (held, "")


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
        return sendable(piece)

    def rest(self) -> str:
        return sendable(self._held)


def sendable(text: str) -> str:
    """`text` without lone halves of characters, which no encoding can send."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def within(value: object, name: str) -> Any:
    """`value[name]` of parsed JSON; None if there is no such thing."""
    return value.get(name) if isinstance(value, dict) else None


def _usage(sent: object) -> Usage | None:
    prompt, completion = number(within(sent, "prompt_tokens")), number(within(sent, "completion_tokens"))
    if not prompt and not completion:
        return None
    cached = number(within(within(sent, "prompt_tokens_details"), "cached_tokens"))
    reasoning = number(within(within(sent, "completion_tokens_details"), "reasoning_tokens"))
    return Usage(prompt, completion, cached, reasoning)
