"""A gate in front of what a page's run costs: few draw at once, and who comes first goes first.

Python runs one thread at a time. Two hundred runs side by side would take turns every few milliseconds, so that all of
them, and every answer that streams meanwhile, are as late as the last. One after the other the first are done at once.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

MOST = 2
"""One of them can draw while another waits for the database."""
LASTS_S = 3.0
"""A run takes hundredths of a second; one that asks a network meanwhile holds up nobody for longer than this."""


class Gate:
    """Lets `most` threads in at once, in the order in which they come, but those first whose reader sees nothing yet.

    Who is in for `lasts_s` does not count any more.

    `clock` gives seconds that only grow.
    """

    def __init__(self, most: int = MOST, lasts_s: float = LASTS_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._lasts_s = lasts_s
        self._clock = clock
        self._first: deque[threading.Event] = deque()
        self._line: deque[threading.Event] = deque()
        self._inside: dict[threading.Event, float] = {}
        self._lock = threading.Lock()

    @property
    def waiting(self) -> int:
        """How many are in line."""
        return len(self._first) + len(self._line)

    @contextmanager
    def turn(self, *, first: bool = False) -> Iterator[None]:
        """Wait to be let in, and be inside within `with`; `first` before those who are not."""
        ticket = threading.Event()
        with self._lock:
            (self._first if first else self._line).append(ticket)
            self._let_in()
        while not ticket.wait(self._lasts_s):
            with self._lock:
                self._let_in()
        with self._leaving(ticket):
            yield

    @contextmanager
    def chance(self) -> Iterator[bool]:
        """Be let in if nobody waits and there is room: gives whether it is so, and does not wait."""
        ticket = threading.Event()
        with self._lock:
            self._let_in()
            if len(self._inside) < self._most:
                self._inside[ticket] = self._clock()
                ticket.set()
        with self._leaving(ticket):
            yield ticket.is_set()

    @contextmanager
    def _leaving(self, ticket: threading.Event) -> Iterator[None]:
        try:
            yield
        finally:
            with self._lock:
                self._inside.pop(ticket, None)
                self._let_in()

    def _let_in(self) -> None:
        """Let in whom there is room for. To be called with the lock."""
        now = self._clock()
        self._inside = {ticket: since for ticket, since in self._inside.items() if now - since < self._lasts_s}
        while self.waiting and len(self._inside) < self._most:
            ticket = (self._first or self._line).popleft()
            self._inside[ticket] = now
            ticket.set()


GATE = Gate()
"""That of this process."""
