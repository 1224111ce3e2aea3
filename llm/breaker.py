"""What one request learned and the next need not find out again, shared by all readers of a process."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from datetime import datetime

from llm.base import LimitKind


class Breaker:
    """Limits until they end, models that are gone, how much a server takes at once, parameters it does not know.

    All of it by who asks (a server and a key, as a hash: no key is kept here) and model. Safe to share between threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._limits: dict[tuple[str, str], tuple[LimitKind, datetime]] = {}
        self._gone: set[tuple[str, str]] = set()
        self._ceilings: dict[tuple[str, str], int] = {}
        self._refused: set[tuple[str, str]] = set()

    def trip(self, who: str, model: str, kind: LimitKind, until: datetime) -> None:
        """Nobody need ask before `until`."""
        with self._lock:
            self._limits[who, model] = kind, until

    def limit(self, who: str, model: str, now: datetime) -> tuple[LimitKind, datetime] | None:
        """The limit that still holds, None if there is none."""
        with self._lock:
            held = self._limits.get((who, model))
            if held and held[1] <= now:
                del self._limits[who, model]
                return None
            return held

    def lose(self, who: str, model: str) -> None:
        """The model is gone."""
        with self._lock:
            self._gone.add((who, model))

    def lost(self, who: str, model: str) -> bool:
        """Whether the model is known to be gone."""
        with self._lock:
            return (who, model) in self._gone

    def found(self, who: str, live: Iterable[str]) -> None:
        """A live list names these models: whatever was gone is back."""
        with self._lock:
            self._gone -= {(who, model) for model in live}

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


BREAKER = Breaker()
"""The process's own."""
