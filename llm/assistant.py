"""A question and its conversation -> an answer: search, prepare, send, stream, cite.

`ask` does everything that can fail before the first word and raises `ModelError`; so do its second half, `send`, for a
request that was prepared (and shown) before, `resume`, which goes on with an answer that broke off, and `correct`,
which has one written again without what no passage bears out. The `Answer` they give is then iterated for Markdown
that is safe to show. Whatever happens in mid-stream ends the iteration quietly; `Answer.state` and `Answer.reason` say
how it ended, and what arrived is kept.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any, Literal

from llm import followups, prompt
from llm.alone import Alone, alone
from llm.base import ChatModel, Interrupted, ModelError, Stream, TooLarge, Usage
from llm.citations import Citation, Linker
from llm.citations import draw as draw
from llm.claims import Claim
from llm.claims import Stream as Claims
from llm.grounding import Checked, recheck
from llm.prompt import Turn as Turn
from llm.request import Request as Request
from llm.request import prepare as prepare
from llm.request import prepare_rest, shrink
from llm.seam import Seam
from llm.window import Ledger
from news.types import Account, Disagreement, Found, Horizon, Passage

Retrieve = Callable[[str, Sequence[str]], Found]
"""The question and the questions before it (oldest first) -> what was found for them."""

Seconds = Callable[[], float]
"""Seconds that only ever grow, as `time.monotonic` gives them."""

State = Literal["streaming", "done", "stopped", "interrupted", "failed"]
"""failed: no answer ever began. interrupted: it broke off. stopped: the reader, or nobody reading, ended it."""

_CUT = ("length", "content_filter")  # reasons to finish that may leave half a sentence


class Answer:
    """An answer while it arrives and afterwards. Iterate it once, in one thread, for pieces of safe Markdown.

    `raw` is what the model wrote, `markdown` what was given out; both grow. `passages` are those the model was given,
    in the order of their numbers. `model` is the one that answers. `notice` is a sentence for the reader, or "".
    `covered` is False if what was found is hardly about the question; `caveats` are sentences on what was not found,
    `disagreements` the figures in which reports differ. `reasoning` is what the model thought, never part of the
    answer. The `checks` of its claims against the passages grow too: those of a line are there before what follows it
    is given out. `usage` and `limits` come with the end, and so do up to three `follow_ups` (questions to ask next, as
    plain text) and the figures that one outlet has `alone`. One that goes on with a broken answer begins with the text
    of that, as its first piece.

    `first_s` and `seconds` are those from `asked_at` until the first delta and until the end, None before.
    """

    def __init__(self, stream: Stream, request: Request, *, notice: str, clock: Seconds, asked_at: float) -> None:
        draft = request.draft
        begun = "" if draft.wrong else draft.begun
        self.question = draft.question
        self.passages = request.passages
        self.ledger = request.ledger
        self.horizon = draft.found.horizon
        self.covered = draft.found.covered
        self.caveats = draft.caveats
        self.disagreements = draft.found.disagreements
        self.model = stream.model
        self.notice = " ".join(filter(None, (stream.notice, notice)))
        self.raw = ""
        self.reasoning = ""
        self.state: State = "streaming"
        self.reason = ""
        self.usage: Usage | None = None
        self.limits = stream.limits
        self.follow_ups: tuple[str, ...] = ()
        self.checks: tuple[Checked, ...] = ()
        self.alone: tuple[Alone, ...] = ()
        self.first_s: float | None = None
        self.seconds: float | None = None
        self._reports = draft.found.reports
        self._earlier = tuple(turn.question for turn in draft.turns)
        self._clock = clock
        self._asked_at = asked_at
        self._final = False  # the provider will not let this answer go on
        self._stream = stream
        self._seam = Seam(begun)
        self._ending = followups.Ending()
        self._linker = Linker(request.passages)
        self._claims = Claims()
        self.markdown = self._take(begun)
        self._closed = threading.Event()
        self._reading = threading.Lock()
        self._pieces = self._read()

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        with self._reading:
            return next(self._pieces)

    def close(self) -> None:
        """Stop here and give the provider's connection back. From any thread, any number of times."""
        self._closed.set()
        self._stream.close()
        if not self._reading.acquire(blocking=False):  # who reads just now, in another thread, finds the stream closed
            return
        try:
            self._pieces.close()
            if self.state == "streaming":  # nobody ever read
                self._end("stopped")
        finally:
            self._reading.release()

    @property
    def citations(self) -> tuple[Citation, ...]:
        """What was cited so far, in order of first appearance."""
        return self._linker.citations

    @property
    def resumable(self) -> bool:
        """Whether `resume` makes sense for the text there is: when it broke off, or if it did so now."""
        return bool(self.raw.strip()) and self.state != "done" and not self._final

    @property
    def tokens_per_s(self) -> float | None:
        """Tokens of the reply a second, from the first delta to the end; None where that cannot be known."""
        if self.usage is None or self.first_s is None or self.seconds is None or self.seconds <= self.first_s:
            return None
        return self.usage.completion / (self.seconds - self.first_s)

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
            "caveats": list(self.caveats),
            "disagreements": [
                {
                    "about": each.about,
                    "moved": each.moved,
                    "accounts": [_as_json(asdict(account)) for account in each.accounts],
                }
                for each in self.disagreements
            ],
            "follow_ups": list(self.follow_ups),
            "checks": [checked.as_dict() for checked in self.checks],
            "alone": [asdict(each) for each in self.alone],
            "resumable": self.resumable,
            "first_s": _rounded(self.first_s),
            "seconds": _rounded(self.seconds),
            "tokens_per_s": _rounded(self.tokens_per_s),
        }

    def as_dict(self) -> dict[str, Any]:
        """For JSON: question, answer (as the model wrote it), state and reason, citations (n, title, url, feed,
        published_at, passage), passages (see `read_passages`), ledger, usage (null if unknown), model, notice, horizon,
        covered, caveats, disagreements (about, moved, accounts), follow_ups, checks (see `Checked.as_dict`), alone
        (see `Alone`), resumable, and first_s, seconds and tokens_per_s (null if unknown).
        """
        told = {"question": self.question, "answer": self.raw, "state": self.state, "reason": self.reason}
        return told | self.details

    def _read(self) -> Generator[str, None, None]:
        broken: ModelError | None = None
        try:
            if self.markdown:
                yield self.markdown
            try:
                with self._stream as stream:
                    for delta in stream:
                        if self.first_s is None:
                            self.first_s = self._clock() - self._asked_at
                        self.reasoning += delta.reasoning
                        yield from self._give(self._ending.feed(self._seam.feed(delta.text)))
            except ModelError as error:
                broken = error
            rest = self._rest(broken is not None or stream.finish in _CUT)
            yield from filter(None, (rest,))
            if broken is None:
                self._finish(stream.finish)
            elif self._closed.is_set() or (isinstance(broken, Interrupted) and broken.cause == "stopped"):
                self._end("stopped")
            else:
                self._end("interrupted", str(broken))
        except Exception:
            self._add(self._ending.close(broken=True))
            self._end("interrupted", "The answer broke off because of a fault in Broadsheet. Ask again.")
            raise
        finally:
            if self.state == "streaming":  # the one who read has gone
                self._rest(broken=True)
                self._end("stopped")

    def _give(self, text: str) -> Iterator[str]:
        markdown = self._take(text)
        if markdown:
            self.markdown += markdown
            yield markdown

    def _take(self, text: str) -> str:
        """Take in what the model wrote: the Markdown that it decides, once the claims that it ends are checked."""
        self._add(text)
        return self._linker.feed(text)

    def _add(self, text: str) -> None:
        self.raw += text
        self._check(self._claims.feed(text))

    def _check(self, claims: Iterable[Claim]) -> None:
        self.checks += tuple(recheck(claim, self.passages) for claim in claims if claim.states)

    def _rest(self, broken: bool) -> str:
        """Take in what was kept back: the Markdown of it. Once the linker is closed there is none."""
        text = self._ending.feed(self._seam.close()) + self._ending.close(broken=broken)
        markdown = self._take(text) + self._linker.close()
        self.markdown += markdown
        return markdown

    def _finish(self, finish: str) -> None:
        if not self.raw.strip():
            if finish == "length" and self.reasoning:
                reason = "The model used up its reply by thinking. Ask again, or choose a lower effort in Settings."
            else:
                reason = "The model gave no answer. Ask again, or choose another model in Settings."
            self._end("interrupted", reason)
        elif finish == "length" and not self._ending.inside:  # else only the questions below it were cut
            self._end("interrupted", "The answer reached its length limit.")
        elif finish == "content_filter":
            self._final = True
            self._end("interrupted", "The provider's filter ended the answer here.")
        else:
            self._end("done")

    def _end(self, state: State, reason: str = "") -> None:
        self.usage = self._stream.usage
        self.limits = self._stream.limits
        self.seconds = self._clock() - self._asked_at
        self.reason = reason
        self._check(self._claims.close())
        self.alone = alone(self.checks, self.passages, self._reports)
        if state == "done":
            self.follow_ups = followups.complete(
                self._ending.questions, self.question, self._earlier, self.passages, self._linker.cited
            )
        self.state = state


def ask(
    question: str,
    turns: Sequence[Turn],
    *,
    model: ChatModel,
    retrieve: Retrieve,
    now: datetime,
    pinned: Collection[str] = (),
    dropped: Collection[str] = (),
    clock: Seconds = time.monotonic,
) -> Answer:
    """Ask `model` a question that follows `turns` (oldest first), with the passages that `retrieve` finds.

    What is `pinned` goes into the window before all others, what is `dropped` stays out: see `prepare`.
    Raises `ModelError` for what fails before the first word, and whatever `retrieve` raises.
    """
    asked_at = clock()
    found = retrieve(question, [turn.question for turn in turns])
    request = prepare(question, turns, model=model, found=found, now=now, pinned=pinned, dropped=dropped)
    return send(request, model=model, clock=clock, asked_at=asked_at)


def resume(
    question: str,
    turns: Sequence[Turn],
    begun: str,
    found: Found,
    *,
    model: ChatModel,
    now: datetime,
    caveats: Sequence[str] = (),
    dropped: Collection[str] = (),
    clock: Seconds = time.monotonic,
) -> Answer:
    """Go on with an answer that broke off after `begun` (`Answer.raw`), from the same passages with the same numbers.

    `found` (see `read_found`) and `caveats` are those of the broken answer. The new one begins with `begun`; what the
    model repeats of it is cut off. Raises `ModelError` for what fails before the first word.
    """
    asked_at = clock()
    request = prepare_rest(question, turns, begun, found, model=model, now=now, caveats=caveats, dropped=dropped)
    return send(request, model=model, clock=clock, asked_at=asked_at)


def failed(checks: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The checks (`Checked.as_dict`) of what a model could correct: claims that no passage bears out, or one denies."""
    return [check for check in checks if check["verdict"] in ("not found", "contradicted") and not check["found"]]


def correct(
    question: str,
    turns: Sequence[Turn],
    answer: str,
    wrong: Sequence[Mapping[str, Any]],
    found: Found,
    *,
    model: ChatModel,
    now: datetime,
    caveats: Sequence[str] = (),
    clock: Seconds = time.monotonic,
) -> Answer:
    """Have an `answer` written again without what is `wrong` in it (see `failed`), from the same passages.

    `found` (see `read_found`) and `caveats` are those of the answer. It is asked for once, whatever comes back is
    checked like any answer. Raises `ModelError` for what fails before the first word.
    """
    asked_at = clock()
    lines = [
        prompt.quote({"sentence": check["claim"], "passage": check["passage"], "failed": check["failed"]})
        for check in wrong
    ]
    request = prepare_rest(question, turns, answer, found, model=model, now=now, caveats=caveats, wrong=lines)
    return send(request, model=model, clock=clock, asked_at=asked_at)


def send(
    request: Request, *, model: ChatModel, clock: Seconds = time.monotonic, asked_at: float | None = None
) -> Answer:
    """Send what was prepared. When the server finds it too large, it is made smaller and sent once more; when it turned
    out meanwhile that it takes less, it is made smaller first.

    `asked_at` is when the question was asked, by `clock`; by default now. Raises `ModelError` for what fails before the
    first word.
    """
    began = clock() if asked_at is None else asked_at
    notice = request.notice
    most = model.ceiling()
    if most is not None and most < request.ledger.used:
        request = shrink(request, most, model)
    try:
        stream = _open(request, model)
    except TooLarge as error:
        try:
            most = model.ceiling()  # known from now on, and less in our tokens where those are more than the server's
            budget = _smaller(request.ledger, error)
            smaller = shrink(request, budget if most is None else min(budget, most), model)
        except TooLarge:
            raise error from None
        if len(smaller.messages) == len(request.messages) and len(smaller.passages) == len(request.passages):
            raise
        request = smaller
        stream = _open(request, model)
        notice = "The server takes no more at once, so fewer passages were used."
    return Answer(stream, request, notice=notice, clock=clock, asked_at=began)


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


def read_found(details: Mapping[str, Any]) -> Found:
    """What a stored answer was given, from its `details`: passages, horizon, whether it is covered, disagreements."""
    return Found(
        read_passages(details),
        _horizon(details),
        details.get("covered", True),
        disagreements=_disagreements(details),
    )


def _horizon(details: Mapping[str, Any]) -> Horizon:
    told = details.get("horizon") or {}
    since, until = (datetime.fromisoformat(told[name]) if told.get(name) else None for name in ("since", "until"))
    failed, stale = tuple(told.get("failed", ())), tuple(told.get("stale", ()))
    return Horizon(told.get("feeds", 0), told.get("articles", 0), since, until, failed, stale)


def _disagreements(details: Mapping[str, Any]) -> tuple[Disagreement, ...]:
    return tuple(
        Disagreement(
            told["about"],
            tuple(Account(**{**each, "at": datetime.fromisoformat(each["at"])}) for each in told["accounts"]),
            told["moved"],
        )
        for told in details.get("disagreements", ())
    )


def _open(request: Request, model: ChatModel) -> Stream:
    return model.stream(request.messages, ctx_length=request.ledger.budget, reply_tokens=request.ledger.reply)


def _smaller(ledger: Ledger, error: TooLarge) -> int:
    """The budget that the server will take, in our tokens: by its own figures, else half of what it did not take.

    A little less than it says, since its count of what is sent next may differ from that of what was sent.
    """
    if error.limit and error.requested and error.limit < error.requested:
        return ledger.used * error.limit * 97 // (error.requested * 100)
    if error.limit and error.limit < ledger.used:
        return error.limit * 97 // 100
    return ledger.used // 2


def _rounded(figure: float | None) -> float | None:
    return None if figure is None else round(figure, 3)


def _as_json(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in fields.items()}
