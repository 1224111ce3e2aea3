"""Few runs of a page draw at once, and who comes first goes first."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from pages.parts.gate import Gate

LONG = 20.0  # seconds after which something that should have happened will not


class Caller:
    """A thread that is inside the gate until it is let go."""

    def __init__(self, gate: Gate, entered: list[int], number: int, *, first: bool = False) -> None:
        self.go = threading.Event()
        self._gate, self._entered, self._number, self._first = gate, entered, number, first
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        with self._gate.turn(first=self._first):
            self._entered.append(self._number)
            self.go.wait(LONG)

    def leave(self) -> None:
        self.go.set()
        self.thread.join(LONG)


def test_no_more_are_inside_than_may_be_and_who_comes_first_goes_first():
    gate, entered = Gate(2, lasts_s=LONG), list[int]()
    callers = []
    for number in range(6):
        callers.append(Caller(gate, entered, number))
        wait_until(lambda: len(entered) + gate.waiting == len(callers))
    assert entered == [0, 1]
    for caller in callers:
        before = list(entered)
        caller.leave()
        wait_until(lambda before=before: len(entered) > len(before) or not gate.waiting)
        assert entered[: len(before)] == before
    assert entered == [0, 1, 2, 3, 4, 5]
    assert gate.waiting == 0


def test_who_does_not_wait_is_let_in_only_where_there_is_room():
    gate, entered = Gate(2, lasts_s=LONG), list[int]()
    first = Caller(gate, entered, 1)
    wait_until(lambda: entered == [1])
    with gate.chance() as free:
        assert free
        with gate.chance() as too_many:
            assert not too_many
        second = Caller(gate, entered, 2)
        wait_until(lambda: gate.waiting == 1)
    wait_until(lambda: entered == [1, 2])
    with gate.chance() as free:
        assert not free
    for caller in (first, second):
        caller.leave()
    with gate.chance() as free:
        assert free


def test_those_whose_reader_sees_nothing_yet_go_before_the_others():
    gate, entered = Gate(1, lasts_s=LONG), list[int]()
    callers = []
    for number, first in enumerate((False, False, True, False, True)):
        callers.append(Caller(gate, entered, number, first=first))
        wait_until(lambda: len(entered) + gate.waiting == len(callers))
    for number in (0, 2, 4, 1, 3):
        wait_until(lambda number=number: entered[-1] == number)
        callers[number].leave()
    assert entered == [0, 2, 4, 1, 3]


def test_who_stays_too_long_does_not_hold_up_the_others():
    now = [0.0]
    gate, entered = Gate(1, lasts_s=0.01, clock=lambda: now[0]), list[int]()
    slow, next_one = Caller(gate, entered, 1), None
    wait_until(lambda: entered == [1])
    next_one = Caller(gate, entered, 2)
    wait_until(lambda: gate.waiting == 1)
    assert entered == [1]
    now[0] = 0.02
    wait_until(lambda: entered == [1, 2])
    last = Caller(gate, entered, 3)
    wait_until(lambda: gate.waiting == 1)
    slow.leave()  # its place went to the second long ago
    assert entered == [1, 2]
    next_one.leave()
    wait_until(lambda: entered == [1, 2, 3])
    last.leave()


def test_a_run_that_ends_in_an_error_leaves():
    gate = Gate(1)
    with pytest.raises(ZeroDivisionError), gate.turn():
        raise ZeroDivisionError
    with gate.turn():
        assert gate.waiting == 0


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + LONG
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.002)
    assert condition()
