"""An answer that lives longer than the page that asked for it.

Streamlit ends a page's script at any click, reload or lost connection, and whatever the script was reading with it. So
a thread reads the answer, and pages only look on: a `view` begins with all the text there is and goes on as it grows,
for as many pages as want to see it. When nobody has looked for `grace_s`, and nobody says that it is still wanted, the
answer is stopped: it costs tokens.

A view gives the answer block by block (`llm.blocks`), each in pieces. A page sends the whole of the block that is open
with each piece, so how often a piece comes is decided by what it costs: see `Pace`.

A second thread, the keeper, stores the answer while it grows and once at its end, and watches whether anybody looks,
so that neither a slow database nor a silent provider holds up the other.

`Slots` let only so many answers be written at once; the others wait in line, and their views tell their place.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

from llm.assistant import Answer, State
from llm.base import Interrupted, ModelError
from llm.blocks import Cutter, cut
from llm.grounding import Checked
from llm.marks import mark

log = logging.getLogger(__name__)

Clock = Callable[[], float]
"""Seconds that only ever grow, as `time.monotonic` gives them."""

FAULT = "Something went wrong while looking for an answer. Ask again."


@dataclass(frozen=True, slots=True)
class Waiting:
    """The model client sits out a wait: the seconds left, and why, as the client's sentence."""

    seconds_left: float
    reason: str


@dataclass(frozen=True, slots=True)
class Queued:
    """The answer waits in line: its place, 1 for the next one, and how many answers are being written."""

    place: int
    running: int


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a view gives a piece, in seconds.

    Never twice within `every_s`. After that when the open block has grown by `share` of what was given of it: the
    updates of a block then cost at most about 1 + 1/share times the block. Or after `patience_s`, so that slow text
    does not come in lumps. While nothing comes there is a tick, "", every `idle_s`, in line every `queued_s`: there can
    be hundreds in line, and each tick wakes a thread.
    """

    every_s: float = 0.05
    share: float = 0.55
    patience_s: float = 0.25
    idle_s: float = 0.25
    queued_s: float = 1.0

    def due(self, given: int, new: int, rested_s: float) -> bool:
        """Whether `new` characters are given now, `rested_s` after the last piece, to a block of which `given` were."""
        return rested_s >= self.every_s and (new >= given * self.share or rested_s >= self.patience_s)


PACE = Pace()

TOLD_S, SOONEST_S, LATEST_S = 0.03, 0.25, 4.0
"""Who waits in line is told again after so many seconds for each place, but within these bounds."""


class Slots:
    """So many answers are written at once in a process; those that come later wait in line, first come first served.

    While the process is `busy` with what comes before them, no further one begins if `least` are being written.
    """

    def __init__(self, most: int, *, least: int = 1, busy: Callable[[], bool] = lambda: False) -> None:
        self._most = most
        self._least = least
        self._busy = busy
        self._running = 0
        self._line: deque[threading.Event] = deque()
        self._lock = threading.Lock()

    @property
    def running(self) -> int:
        """How many are being written."""
        return self._running

    @property
    def waiting(self) -> int:
        """How many are in line."""
        return len(self._line)

    @contextmanager
    def turn(self, tell: Callable[[Queued], object]) -> Iterator[None]:
        """Wait for a turn, and keep it inside `with`.

        `tell` is called with the place at once, after `wake`, and now and then while it changes: the less often the
        further back, since all places change with each answer that ends. What it raises leaves the line.
        """
        ticket = threading.Event()
        with self._lock:
            self._line.append(ticket)
        try:
            while queued := self._place(ticket):
                tell(queued)
                ticket.wait(min(max(TOLD_S * queued.place, SOONEST_S), LATEST_S))
                ticket.clear()
        except BaseException:
            with self._lock:
                self._line.remove(ticket)
                self._call_next()
            raise
        try:
            yield
        finally:
            with self._lock:
                self._running -= 1
                self._call_next()

    def wake(self) -> None:
        """Have everybody in line told again."""
        with self._lock:
            for ticket in self._line:
                ticket.set()

    def _place(self, ticket: threading.Event) -> Queued | None:
        """The place of who has this ticket; None if it is their turn, which then has begun."""
        with self._lock:
            place = self._line.index(ticket)
            if place or self._running >= self._most or (self._running >= self._least and self._busy()):
                return Queued(place + 1, self._running)
            self._line.popleft()
            self._running += 1
            self._call_next()
            return None

    def _call_next(self) -> None:
        """Let the first in line look. To be called with the lock."""
        if self._line:
            self._line[0].set()


class Block:
    """A block of an answer as a view gives it. Iterate it once for its pieces, unless it is `finished` already.

    The pieces are without the blank lines that end the block.
    """

    def __init__(self, live: Live, place: int, pace: Pace, rest: _Rest) -> None:
        self._live = live
        self._place = place
        self._pace = pace
        self._rest = rest

    @property
    def text(self) -> str:
        """All of it that there is so far."""
        with self._live._changed:
            return self._live._block(self._place)[0]

    @property
    def finished(self) -> bool:
        """Whether it will not grow any more."""
        with self._live._changed:
            return self._live._block(self._place)[1]

    @property
    def followed(self) -> bool:
        """Whether another block has begun after it."""
        return self._place + 1 < len(self._live._cutter.starts)

    @property
    def marked(self) -> str:
        """Its text, with the marks of its claims (`llm.marks`) once it is `followed` or the answer has ended."""
        return self._live._marked(self._place) or self.text

    def __iter__(self) -> Iterator[str]:
        return self._live._pieces(self._place, self._pace, self._rest)


@dataclass(slots=True)
class _Rest:
    """What the blocks of one view share: when its last piece was taken, and the last change of `status` it saw."""

    since: float = float("-inf")
    told: int = 0


class Live:
    """One answer, being written. Safe to share between threads.

    `ask` is called in the thread and gives the answer; it may raise `ModelError`, whose sentence becomes `reason`.
    `save(live)` is called about every `save_s` while text grows and once at the end; what it raises is logged, and the
    answer goes on. `after(live)` is called once when all that is over and nobody waits any more. `grace_s` are the
    seconds that an answer nobody looks at is still written; before the first look they are `arrive_s`, since the page
    that asked comes late where many are drawn at once. `wanted` is asked each `grace_s` whether an answer that nobody
    looks at is to go on none the less. `cancel` gives up what `ask` is opening when `stop` comes before there is an
    answer: `ChatModel.cancel`. `slots` let it wait for its turn before `ask` is called.
    """

    def __init__(
        self,
        ask: Callable[[], Answer],
        *,
        save: Callable[[Live], object],
        after: Callable[[Live], object] | None = None,
        cancel: Callable[[], object] | None = None,
        wanted: Callable[[], bool] = lambda: False,
        slots: Slots | None = None,
        save_s: float = 1.0,
        grace_s: float = 1.5,
        arrive_s: float = 20.0,
        clock: Clock = time.monotonic,
    ) -> None:
        self._ask = ask
        self._save = save
        self._after = after
        self._cancel = cancel
        self._wanted = wanted
        self._slots = slots
        self._save_s = save_s
        self._grace_s = grace_s
        self._arrive_s = arrive_s
        self._clock = clock
        self._changed = threading.Condition()  # guards what follows; told of new text and of the end
        self._text = ""  # the Markdown so far
        self._cutter = Cutter()
        self._shown = 0  # where the settled text ends, without the blanks at its end
        self._told = 0  # counts the changes of `status`
        self._unsaved = False
        self._ended = False  # no more text will come
        self._stopping = False
        self._over = threading.Event()  # ended or stopping: nothing to look at any more
        self._nudge = threading.Event()  # wakes the keeper
        self._viewers = 0
        self._alone_since = 0.0
        self._marks: tuple[str, tuple[Checked, ...], list[str]] = ("", (), [])  # of what text and checks: the blocks
        self._reader = threading.Thread(target=self._read, name="answer", daemon=True)
        self._keeper = threading.Thread(target=self._keep, name="answer-keeper", daemon=True)
        self._failure: tuple[State, str] | None = None
        self.answer: Answer | None = None
        """The answer, once it has begun."""
        self.status: Waiting | Queued | None = None
        """What it waits for before it can begin, if it waits."""
        self.deserted = False
        """Whether it was stopped because nobody looked."""
        self.error: Exception | None = None
        """What `ask` raised, if it did."""
        self.done = threading.Event()
        """Set when the answer has ended and was saved for the last time."""

    def start(self) -> None:
        """Begin. To be called once."""
        self._alone_since = self._clock() + max(0.0, self._arrive_s - self._grace_s)
        self._reader.start()
        self._keeper.start()

    def stop(self) -> None:
        """Stop the answer, from any thread. Views end at once; `wait` for what was written to be saved."""
        with self._changed:
            if self._ended:
                return
            self._stopping = True
            self._over.set()
            self._changed.notify_all()
            answer = self.answer
        if self._slots:
            self._slots.wake()
        if answer is not None:
            answer.close()
        elif self._cancel:
            self._cancel()

    def waits(self, seconds_left: float, reason: str) -> None:
        """The model client's word that it sits out a wait; 0 seconds left end it. Fits `GroqModel`'s `on_wait`.

        Raises `Interrupted` when the answer is being stopped, which ends the wait.
        """
        self._tell(Waiting(seconds_left, reason) if seconds_left > 0 else None)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the answer has ended and is saved. Gives whether it has; `timeout` is in seconds."""
        return self.done.wait(timeout)

    def begins(self, timeout: float) -> bool:
        """Wait until there are words to show, or there will be none. Gives whether that is so; `timeout` in seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: self._shown > 0 or self._over.is_set(), timeout)

    @property
    def finished(self) -> bool:
        """Whether the answer has ended and is saved."""
        return self.done.is_set()

    @property
    def raw(self) -> str:
        """What the model wrote so far."""
        return self.answer.raw if self.answer else ""

    @property
    def markdown(self) -> str:
        """What a view has shown, or would have, so far."""
        return self._text

    @property
    def state(self) -> State:
        """As `Answer.state`; "failed" if the answer never began."""
        if self._failure:
            return self._failure[0]
        return self.answer.state if self.answer else "streaming"

    @property
    def reason(self) -> str:
        """Why it did not end well, as a sentence; "" if it did, or goes on."""
        if self._failure:
            return self._failure[1]
        return self.answer.reason if self.answer else ""

    @property
    def details(self) -> dict[str, Any]:
        """As `Answer.details`; empty before the answer has begun."""
        return self.answer.details if self.answer else {}

    @property
    def reasoning(self) -> str:
        """What the model thought so far; never part of the answer."""
        return self.answer.reasoning if self.answer else ""

    def view(self, pace: Pace = PACE) -> Iterator[Block]:
        """Look on, block by block, until the answer ends: the blocks there are come at once, the open one as it grows.

        The first block comes before there is any text, so that its ticks tell of `status` and `reasoning`. A tick also
        comes when `status` changes. Closing the iterator, or dropping it, is looking away.
        """
        rest = _Rest()
        place = 0
        with self.attended():
            while place < len(self._cutter.starts):
                yield Block(self, place, pace, rest)
                place += 1

    @contextmanager
    def attended(self) -> Iterator[None]:
        """Be one who looks on, also before the first look: who goes then has not just not come yet."""
        self._look(+1)
        try:
            yield
        finally:
            self._look(-1)

    @property
    def blocks(self) -> int:
        """How many blocks there are so far, one at least."""
        return len(self._cutter.starts)

    def _pieces(self, place: int, pace: Pace, rest: _Rest) -> Iterator[str]:
        given = 0
        while True:
            with self._changed:
                idle_s = pace.queued_s if isinstance(self.status, Queued) else pace.idle_s
                self._changed.wait_for(partial(self._has_news, place, given, rest.told), idle_s)
                text, finished = self._block(place)
                rest.told = self._told
                over = self._over.is_set()
            new = len(text) - given
            at_once = over or (finished and not given)
            if new and not at_once:
                rested = time.monotonic() - rest.since
                if not pace.due(0 if finished else given, new, rested):
                    self._over.wait(pace.every_s - rested if rested < pace.every_s else pace.every_s)
                    continue
            if new or not finished:
                yield text[given:]
            if new:
                given = len(text)
                rest.since = time.monotonic()
            if finished:
                return

    def _has_news(self, place: int, given: int, told: int) -> bool:
        text, finished = self._block(place)
        return len(text) > given or finished or self._told != told

    def _block(self, place: int) -> tuple[str, bool]:
        """The text of a block so far, and whether it is all. To be called with the lock."""
        starts = self._cutter.starts
        if place + 1 < len(starts):
            return self._text[starts[place] : starts[place + 1]].rstrip(), True
        return self._text[starts[place] : self._shown], self._over.is_set()

    def _marked(self, place: int) -> str:
        """A block with its marks, once it has all; "" while that cannot be said, or where marks move the cuts."""
        with self._changed:
            blocks, answer = len(self._cutter.starts), self.answer
            last = place + 1 == blocks and not self._ended
        if answer is None or not answer.checks or last:
            return ""
        raw, checks = answer.raw, answer.checks
        made = self._marks
        if made[:2] != (raw, checks):  # else a page that comes to a long answer makes them for each of its blocks
            drawn = mark(raw, answer.passages, [each.as_dict() for each in checks]).markdown
            made = self._marks = raw, checks, cut(drawn)
        found = made[2]
        return found[place].rstrip() if len(found) >= blocks else ""

    def _look(self, viewers: int) -> None:
        with self._changed:
            self._viewers += viewers
            self._alone_since = self._clock()
        self._nudge.set()

    def _read(self) -> None:
        try:
            with self._turn():
                self._write()
        except ModelError as error:
            self._fail(error, str(error))
        except Exception as error:
            log.exception("An answer could not be written.")
            self._fail(error, FAULT)
        finally:
            with self._changed:
                self._cutter.close()
                self._shown = len(self._text.rstrip())
                self.status = None
                self._ended = True
                self._over.set()
                self._changed.notify_all()
            self._nudge.set()

    def _turn(self) -> AbstractContextManager[None]:
        return self._slots.turn(self._tell) if self._slots else nullcontext()

    def _write(self) -> None:
        self._tell(None)
        answer = self._ask()
        with self._changed:
            self.answer = answer
            stopping = self._stopping
        if stopping:  # while it was being opened, when there was nothing to close yet
            answer.close()
        for piece in answer:
            with self._changed:
                self._text += piece
                self._cutter.feed(piece)
                self._shown = _trimmed(self._text, self._cutter.settled)
                wake, self._unsaved = not self._unsaved, True
                self._changed.notify_all()
            if wake:
                self._nudge.set()

    def _tell(self, status: Waiting | Queued | None) -> None:
        """A new status; raises `Interrupted` when the answer is being stopped."""
        with self._changed:
            if self._stopping:
                raise Interrupted("The answer was stopped.", cause="stopped")
            if status != self.status:
                self.status = status
                self._told += 1
                self._changed.notify_all()

    def _fail(self, error: Exception, sentence: str) -> None:
        self.error = error
        if self.answer is None:
            self._failure = ("stopped", "") if self._stopping else ("failed", sentence)

    def _keep(self) -> None:
        due = self._clock() + self._save_s
        while True:
            self._nudge.wait(self._pause(due))
            self._nudge.clear()
            with self._changed:
                now = self._clock()
                ended = self._ended
                alone = not self._viewers and not self._stopping and now - self._alone_since >= self._grace_s
                save = self._unsaved and now >= due and not ended
                if save:
                    self._unsaved = False
            if ended:
                self._try(self._save)
                self.done.set()
                if self._after:
                    self._try(self._after)
                return
            if alone:
                self._look_for_readers()
            if save:
                due = now + self._save_s
                self._try(self._save)

    def _look_for_readers(self) -> None:
        wanted = self._wanted()
        with self._changed:
            if self._viewers:
                return
            self._alone_since = self._clock()
            self.deserted = not wanted
        if not wanted:
            self.stop()

    def _pause(self, due: float) -> float | None:
        """Seconds until the keeper has something to do if nobody nudges it; None for never."""
        with self._changed:
            moments = [due] if self._unsaved else []
            if not self._viewers and not self._stopping:
                moments.append(self._alone_since + self._grace_s)
            return max(0.0, min(moments) - self._clock()) if moments else None

    def _try(self, keep: Callable[[Live], object]) -> None:
        try:
            keep(self)
        except Exception:
            log.exception("An answer, or what it took, could not be saved.")


def _trimmed(text: str, end: int) -> int:
    """Where `text` up to `end` ends without blanks."""
    while end and text[end - 1].isspace():
        end -= 1
    return end
