"""How the bytes of a stream are read: in bursts, on a clock of the test's own."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest

from llm.wire import FIRST, REST_S, WAITED_S, Watched

NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)


class Server(httpx.SyncByteStream):
    """Sends a piece at each of its moments. `busy_s` goes by at each look for one, or at one in `every`."""

    def __init__(self, moments: list[float], *, busy_s: float = 0.0, every: int = 1, last: bytes = b"word ") -> None:
        self.now = 0.0
        self.rests = 0
        self.woken = 0  # how often a piece was not there when it was looked for
        self.late: list[float] = []
        self._left = deque(moments)
        self._busy_s = busy_s
        self._every = every
        self._last = last

    def read(self) -> Server:
        watched = Watched(self, lambda: NOW, NOW, unread=self._unread, seconds=lambda: self.now, rest=self._rest)
        assert len(list(watched)) == len(self.late)
        return self

    def __iter__(self) -> Iterator[bytes]:
        looks = 0
        while self._left:
            self.now += self._busy_s if looks % self._every == 0 else 0.0
            looks += 1
            moment = self._left.popleft()
            if moment > self.now:
                self.now = moment
                self.woken += 1
            self.late.append(self.now - moment)
            yield b"word " if self._left else self._last

    def _unread(self) -> bool:
        return bool(self._left) and self._left[0] <= self.now

    def _rest(self, seconds: float) -> None:
        self.rests += 1
        self.now += seconds


@pytest.mark.parametrize("per_second", [30, 50, 100, 150])
def test_a_stream_is_read_in_bursts_and_its_first_pieces_at_once(per_second: int) -> None:
    server = Server([1 + n / per_second for n in range(300)]).read()
    assert server.late[: FIRST + 1] == [0.0] * (FIRST + 1)
    assert max(server.late) <= REST_S + 1e-9
    assert server.woken < 300 * 0.7


def test_a_slow_stream_and_a_fast_one_are_read_as_they_come() -> None:
    slow, fast = (Server([n / per_second for n in range(100)]).read() for per_second in (2, 1_000))
    assert slow.late == fast.late == [0.0] * 100


def test_no_rest_is_taken_where_something_lies_unread() -> None:
    """One look in ten takes longer than a wait is long, and meanwhile more comes than is read."""
    server = Server([1 + n / 500 for n in range(2_000)], busy_s=WAITED_S * 2, every=10).read()
    assert server.rests == 0


@pytest.mark.parametrize(("per_second", "busy_s"), [(50, 0.012), (500, 0.0018)])
def test_a_busy_machine_does_not_make_the_reader_fall_behind_a_stream(per_second: int, busy_s: float) -> None:
    """Each look at the stream takes nearly as long as a piece takes to come."""
    server = Server([n / per_second for n in range(3_000)], busy_s=busy_s).read()
    assert max(server.late[-500:]) <= REST_S + 10 * busy_s


def test_the_end_of_a_stream_is_not_waited_for() -> None:
    server = Server([1 + n / 20 for n in range(FIRST + 2)], last=b"data: [DONE]\n\n").read()
    assert server.rests == 1
