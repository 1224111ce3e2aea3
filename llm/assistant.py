"""A question and its conversation -> an answer: search, fit, prompt, stream, cite.

`ask` does everything that can fail before the first word and raises `ModelError`. The `Answer` it gives is then
iterated for Markdown that is safe to show. Whatever happens in mid-stream ends the iteration quietly; `Answer.state`
and `Answer.reason` say how it ended, and what arrived is kept.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

from llm import prompt, tokens, window
from llm.base import ChatModel, Message, ModelError, Stream, TooLarge, Usage
from llm.citations import Citation, Linker
from llm.citations import draw as draw
from llm.prompt import Turn as Turn
from llm.window import Item, Ledger, WindowTooSmall
from news.types import Found, Horizon, Passage

Retrieve = Callable[[str, Sequence[str]], Found]
"""The question and the questions before it (oldest first) -> what was found for them."""

State = Literal["streaming", "done", "stopped", "interrupted", "failed"]
"""failed: no answer ever began. interrupted: it broke off. stopped: the reader, or nobody reading, ended it."""

_LABEL = 60


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent: the messages, the passages in them, and the ledger that says what is in and what is not."""

    ledger: Ledger
    passages: tuple[Passage, ...]
    messages: tuple[Message, ...]


class Answer:
    """An answer while it arrives and afterwards. Iterate it once, in one thread, for pieces of safe Markdown.

    `raw` is what the model wrote, `markdown` what was given out; both grow. `passages` are those the model was given,
    in the order of their numbers. `model` is the one that answers. `notice` is a sentence for the reader, or "".
    `covered` is False if what was found is hardly about the question. `reasoning` is what the model thought, never part
    of the answer. `usage` and `limits` come with the end.
    """

    def __init__(
        self,
        question: str,
        stream: Stream,
        request: Request,
        horizon: Horizon,
        notice: str = "",
        *,
        covered: bool = True,
    ) -> None:
        self.question = question
        self.passages = request.passages
        self.ledger = request.ledger
        self.horizon = horizon
        self.covered = covered
        self.model = stream.model
        self.notice = " ".join(filter(None, (stream.notice, notice)))
        self.raw = ""
        self.markdown = ""
        self.reasoning = ""
        self.state: State = "streaming"
        self.reason = ""
        self.usage: Usage | None = None
        self.limits = stream.limits
        self._stream = stream
        self._linker = Linker(request.passages)
        self._closed = threading.Event()
        self._pieces = self._read()

    def __iter__(self) -> Iterator[str]:
        return self._pieces

    def close(self) -> None:
        """Stop here and give the provider's connection back. From any thread, any number of times."""
        self._closed.set()
        self._stream.close()
        try:
            self._pieces.close()
        except ValueError:  # another thread is reading just now; it finds the stream closed
            return
        if self.state == "streaming":  # nobody ever read
            self._end("stopped")

    @property
    def citations(self) -> tuple[Citation, ...]:
        """What was cited so far, in order of first appearance."""
        return self._linker.citations

    @property
    def details(self) -> dict[str, Any]:
        """For JSON, all that is needed besides `raw` to draw the answer again: see `as_dict`."""
        return {
            "citations": [
                {
                    "n": citation.n,
                    "title": citation.passage.title,
                    "url": citation.passage.url,
                    "feed": citation.passage.feed,
                    "published_at": citation.passage.published_at.isoformat(),
                    "passage": citation.passage.text,
                }
                for citation in self.citations
            ],
            "passages": [_as_json(asdict(passage)) for passage in self.passages],
            "ledger": self.ledger.as_dict(),
            "usage": asdict(self.usage) if self.usage else None,
            "model": self.model,
            "notice": self.notice,
            "horizon": _as_json(asdict(self.horizon)),
            "covered": self.covered,
        }

    def as_dict(self) -> dict[str, Any]:
        """For JSON: question, answer (as the model wrote it), state and reason, citations (n, title, url, feed,
        published_at, passage), passages (see `read_passages`), ledger, usage (null if unknown), model, notice, horizon,
        covered.
        """
        told = {"question": self.question, "answer": self.raw, "state": self.state, "reason": self.reason}
        return told | self.details

    def _read(self) -> Generator[str, None, None]:
        try:
            try:
                with self._stream as stream:
                    for delta in stream:
                        self.reasoning += delta.reasoning
                        self.raw += delta.text
                        yield from self._give(self._linker.feed(delta.text))
            except ModelError as error:
                yield from self._give(self._linker.close())
                if self._closed.is_set():
                    self._end("stopped")
                else:
                    self._end("interrupted", str(error))
            else:
                yield from self._give(self._linker.close())
                self._finish(stream.finish)
        except Exception:
            self._end("interrupted", "The answer broke off because of a fault in Broadsheet. Ask again.")
            raise
        finally:
            if self.state == "streaming":  # the one who read has gone
                self.markdown += self._linker.close()
                self._end("stopped")

    def _give(self, markdown: str) -> Iterator[str]:
        if markdown:
            self.markdown += markdown
            yield markdown

    def _finish(self, finish: str) -> None:
        if not self.raw.strip():
            if finish == "length" and self.reasoning:
                reason = "The model used up its reply by thinking. Ask again, or choose a lower effort in Settings."
            else:
                reason = "The model gave no answer. Ask again, or choose another model in Settings."
            self._end("interrupted", reason)
        elif finish == "length":
            self._end("interrupted", "The answer reached its length limit.")
        elif finish == "content_filter":
            self._end("interrupted", "The provider's filter ended the answer here.")
        else:
            self._end("done")

    def _end(self, state: State, reason: str = "") -> None:
        self.usage = self._stream.usage
        self.limits = self._stream.limits
        self.reason = reason
        self.state = state


def ask(
    question: str,
    turns: Sequence[Turn],
    *,
    model: ChatModel,
    retrieve: Retrieve,
    now: datetime,
    pinned: Collection[int] = (),
) -> Answer:
    """Ask `model` a question that follows `turns` (oldest first), with the passages that `retrieve` finds.

    Entries in `pinned`, and passages found as pinned, go into the window before all others. `now` gives the date that
    the model is told. When the server finds the request too large, it is made smaller and sent once more.
    Raises `ModelError` for what fails before the first word, and whatever `retrieve` raises.
    """
    found = retrieve(question, [turn.question for turn in turns])
    passages = [replace(p, pinned=True) if p.entry_id in pinned else p for p in found.passages]
    ceiling = model.ceiling()
    budget = model.ctx_length if ceiling is None else min(model.ctx_length, ceiling)
    draft = functools.partial(_draft, question, turns, passages, model, prompt.system(now.astimezone(UTC).date()))
    request = draft(budget)
    notice = ""
    try:
        stream = _send(model, request)
    except TooLarge as error:
        try:
            smaller = draft(_smaller(request.ledger, error))
        except TooLarge:
            raise error from None
        if len(smaller.messages) == len(request.messages) and len(smaller.passages) == len(request.passages):
            raise
        request = smaller
        stream = _send(model, request)
        notice = "The server takes no more at once, so fewer passages were used."
    return Answer(question, stream, request, found.horizon, notice, covered=found.covered)


def read_passages(details: Mapping[str, Any]) -> tuple[Passage, ...]:
    """The passages of a stored answer, from its `details`: with its raw text they draw it again."""
    return tuple(
        Passage(
            **{
                **passage,
                "published_at": datetime.fromisoformat(passage["published_at"]),
                "also": tuple(passage.get("also", ())),
            }
        )
        for passage in details.get("passages", ())
    )


def _draft(
    question: str, turns: Sequence[Turn], passages: Sequence[Passage], model: ChatModel, system: str, budget: int
) -> Request:
    """What of the passages and turns goes into `budget`. Raises `TooLarge` if not even the question does."""
    counter = tokens.counter(model.name)
    frame = counter.message("user") + counter.message("assistant")
    try:
        ledger = window.fit(
            system=model.count([Message("system", system)]),
            question=sum(map(counter.count, prompt.ask(question))) + counter.message("user"),
            passages=[
                Item(_label(f"{p.feed}: {p.title}"), counter.count(line), p.pinned, str(p.entry_id))
                for p, line in zip(passages, prompt.fence(passages), strict=True)
            ],
            turns=[
                Item(_label(turn.question), frame + counter.count(asked.content) + counter.count(answered.content))
                for turn in turns
                for asked, answered in (prompt.pair(turn),)
            ],
            budget=budget,
            reply=model.reply_tokens,
            how=counter.how,
        )
    except WindowTooSmall as error:
        raise TooLarge(str(error), model=model.name, limit=budget) from error
    kept = tuple(passages[place] for place in ledger.passages)
    messages = prompt.make_messages(system, [turns[place] for place in ledger.turns], kept, question)
    return Request(ledger, kept, tuple(messages))


def _send(model: ChatModel, request: Request) -> Stream:
    return model.stream(request.messages, ctx_length=request.ledger.budget, reply_tokens=request.ledger.reply)


def _smaller(ledger: Ledger, error: TooLarge) -> int:
    """The budget that the server will take, in our tokens: by its own figures, else half of what it did not take."""
    if error.limit and error.requested and error.limit < error.requested:
        return ledger.used * error.limit // error.requested
    if error.limit and error.limit < ledger.used:
        return error.limit
    return ledger.used // 2


def _label(text: str) -> str:
    return text if len(text) <= _LABEL else text[: _LABEL - 1] + "…"


def _as_json(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in fields.items()}
