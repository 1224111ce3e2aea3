"""An answer that lives longer than the page that asked for it.

Streamlit ends a page's script at any click, reload or lost connection, and whatever the script was reading with it. So
a thread reads the answer, and pages only look on: a `view` begins with all the text there is and goes on as it grows,
for as many pages as want to see it. When nobody has looked for `grace_s`, the answer is stopped: it costs tokens.

A second thread, the keeper, stores the answer while it grows and once at its end, and watches whether anybody looks,
so that neither a slow database nor a silent provider holds up the other.

An answer begins when `start` is called. Whoever wants to let only so many be written at once starts the others later:
viewers wait in the meantime.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from llm.assistant import Answer, State
from llm.base import ModelError

log = logging.getLogger(__name__)

Clock = Callable[[], float]
"""Seconds that only ever grow, as `time.monotonic` gives them."""

FAULT = "Something went wrong while looking for an answer. Ask again."


class Live:
    """One answer, being written. Safe to share between threads.

    `ask` is called in the thread and gives the answer; it may raise `ModelError`, whose sentence becomes `reason`.
    `save(live)` is called about every `save_s` while text grows and once at the end; what it raises is logged, and the
    answer goes on. `grace_s` are the seconds that an answer nobody looks at is still written, counted from `start` on.
    """

    def __init__(
        self,
        ask: Callable[[], Answer],
        *,
        save: Callable[[Live], object],
        save_s: float = 0.5,
        grace_s: float = 1.5,
        clock: Clock = time.monotonic,
    ) -> None:
        self._ask = ask
        self._save = save
        self._save_s = save_s
        self._grace_s = grace_s
        self._clock = clock
        self._changed = threading.Condition()  # guards what follows; told of new text and of the end
        self._text = ""  # the Markdown so far
        self._unsaved = False
        self._ended = False  # no more text will come
        self._stopping = False
        self._over = threading.Event()  # ended or stopping: nothing to look at any more
        self._nudge = threading.Event()  # wakes the keeper
        self._viewers = 0
        self._alone_since = 0.0
        self._reader = threading.Thread(target=self._read, name="answer", daemon=True)
        self._keeper = threading.Thread(target=self._keep, name="answer-keeper", daemon=True)
        self._failure: tuple[State, str] | None = None
        self.answer: Answer | None = None
        """The answer, once it has begun."""
        self.error: Exception | None = None
        """What `ask` raised, if it did."""
        self.done = threading.Event()
        """Set when the answer has ended and was saved for the last time."""

    def start(self) -> None:
        """Begin. To be called once."""
        self._alone_since = self._clock()
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
        if answer is not None:
            answer.close()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the answer has ended and is saved. Gives whether it has; `timeout` is in seconds."""
        return self.done.wait(timeout)

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

    def view(self, every_s: float = 0.05, idle_s: float = 0.25) -> Iterator[str]:
        """Look on: all the text so far at once, then what came, every `every_s` at most, until the answer ends.

        While nothing comes, "" is given every `idle_s`, so that the one who looks can notice that he should stop.
        Closing the iterator, or dropping it, is looking away.
        """
        seen = 0
        self._look(+1)
        try:
            while True:
                with self._changed:
                    self._changed.wait_for(partial(self._beyond, seen), idle_s)
                    piece = self._text[seen:]
                    over = self._over.is_set()
                seen += len(piece)
                if piece or not over:
                    yield piece
                if over:
                    return
                if piece:
                    self._over.wait(every_s)
        finally:
            self._look(-1)

    def _beyond(self, seen: int) -> bool:
        return len(self._text) > seen or self._over.is_set()

    def _look(self, viewers: int) -> None:
        with self._changed:
            self._viewers += viewers
            self._alone_since = self._clock()
        self._nudge.set()

    def _read(self) -> None:
        try:
            answer = self._ask()
            with self._changed:
                self.answer = answer
                stopping = self._stopping
            if stopping:  # while it was being opened, when there was nothing to close yet
                answer.close()
            for piece in answer:
                with self._changed:
                    self._text += piece
                    wake, self._unsaved = not self._unsaved, True
                    self._changed.notify_all()
                if wake:
                    self._nudge.set()
        except ModelError as error:
            self._fail(error, str(error))
        except Exception as error:
            log.exception("An answer could not be written.")
            self._fail(error, FAULT)
        finally:
            with self._changed:
                self._ended = True
                self._over.set()
                self._changed.notify_all()
            self._nudge.set()

    def _fail(self, error: Exception, sentence: str) -> None:
        self.error = error
        if self.answer is None:
            self._failure = ("stopped", "") if self._stopping else ("failed", sentence)

    def _keep(self) -> None:
        due = self._clock()
        while True:
            self._nudge.wait(self._pause(due))
            self._nudge.clear()
            with self._changed:
                now = self._clock()
                ended = self._ended
                deserted = not self._viewers and not self._stopping and now - self._alone_since >= self._grace_s
                save = self._unsaved and now >= due and not ended
                if save:
                    self._unsaved = False
            if ended:
                self._save_now()
                self.done.set()
                return
            if deserted:
                self.stop()
            if save:
                due = now + self._save_s
                self._save_now()

    def _pause(self, due: float) -> float | None:
        """Seconds until the keeper has something to do if nobody nudges it; None for never."""
        with self._changed:
            moments = [due] if self._unsaved else []
            if not self._viewers and not self._stopping:
                moments.append(self._alone_since + self._grace_s)
            return max(0.0, min(moments) - self._clock()) if moments else None

    def _save_now(self) -> None:
        try:
            self._save(self)
        except Exception:
            log.exception("An answer could not be saved.")
