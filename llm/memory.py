"""What servers said that the next request need not find out again, shared by all readers of a process."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import astuple
from datetime import datetime, timedelta

from llm.base import Left, LimitKind, Limits
from llm.models import ModelInfo


class Memory:
    """Limits until they end and what is left of them, the models there are and those that are gone, how much a server
    takes at once, parameters it does not know.

    All of it by who asks (a server and a key, as a hash: no key is kept here) and model. Safe to share between threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._closed: dict[tuple[str, str], tuple[LimitKind, datetime]] = {}
        self._said: dict[tuple[str, str], tuple[Limits, datetime]] = {}
        self._asking: Counter[tuple[str, str]] = Counter()  # tokens of requests that were not answered yet
        self._listed: dict[str, tuple[tuple[ModelInfo, ...], datetime]] = {}
        self._gone: set[tuple[str, str]] = set()
        self._ceilings: dict[tuple[str, str], int] = {}
        self._refused: set[tuple[str, str]] = set()

    def trip(self, who: str, model: str, kind: LimitKind, until: datetime) -> None:
        """A limit is reached: nobody need ask before `until`."""
        with self._lock:
            self._closed[who, model] = kind, until

    def limit(self, who: str, model: str, now: datetime) -> tuple[LimitKind, datetime] | None:
        """The limit that still holds, None if there is none."""
        with self._lock:
            held = self._closed.get((who, model))
            if held and held[1] <= now:
                del self._closed[who, model]
                return None
            return held

    def say(self, who: str, model: str, limits: Limits, at: datetime) -> None:
        """The server said at that moment what is left. Limits without a figure are no news."""
        if not any(figure is not None for figure in astuple(limits)):
            return
        with self._lock:
            self._said[who, model] = limits, at
            if limits.tokens:
                self._ceilings[who, model] = limits.tokens

    def limits(self, who: str, model: str) -> tuple[Limits, datetime] | None:
        """What the server said last, and when; None if it never did."""
        with self._lock:
            return self._said.get((who, model))

    @contextmanager
    def asking(self, who: str, model: str, tokens: int) -> Iterator[None]:
        """While this request waits for its answer, its tokens are not left for others: the answer's `say` has them."""
        with self._lock:
            self._asking[who, model] += tokens
        try:
            yield
        finally:
            with self._lock:
                self._asking[who, model] -= tokens

    def left(self, who: str, model: str, now: datetime) -> Left | None:
        """What is left of this minute's tokens; None if nobody said, or the minute is over."""
        with self._lock:
            limits, at = self._said.get((who, model), (Limits(), now))
            if limits.tokens_left is None or limits.tokens_reset_s is None:
                return None
            until = at + timedelta(seconds=limits.tokens_reset_s)
            if until <= now:
                return None
            return Left(max(0, limits.tokens_left - self._asking[who, model]), until)

    def found(self, who: str, live: Iterable[ModelInfo], at: datetime) -> None:
        """The server listed these models at that moment: what was gone and is among them is back."""
        rows = tuple(live)
        with self._lock:
            self._listed[who] = rows, at
            self._gone -= {(who, row.id) for row in rows}

    def listed(self, who: str) -> tuple[tuple[ModelInfo, ...], datetime] | None:
        """The last live list and its moment; None if nobody asked yet."""
        with self._lock:
            return self._listed.get(who)

    def lose(self, who: str, model: str) -> None:
        """The model is gone, or not for this key."""
        with self._lock:
            self._gone.add((who, model))

    def lost(self, who: str, model: str) -> bool:
        """Whether the model is known to be gone."""
        with self._lock:
            return (who, model) in self._gone

    def cap(self, who: str, model: str, limit: int) -> None:
        """The server takes `limit` tokens at once."""
        with self._lock:
            self._ceilings[who, model] = limit

    def ceiling(self, who: str, model: str) -> int | None:
        """How many tokens the server takes at once, None if it never said."""
        with self._lock:
            return self._ceilings.get((who, model))

    def refuse(self, who: str, parameter: str) -> None:
        """The server does not know `parameter`."""
        with self._lock:
            self._refused.add((who, parameter))

    def refused(self, who: str, parameter: str) -> bool:
        """Whether the server is known not to know `parameter`."""
        with self._lock:
            return (who, parameter) in self._refused


MEMORY = Memory()
"""The process's own."""
