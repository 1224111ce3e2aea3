"""Many readers at once over websockets, without browsers: each is told something at once, and all in their turn."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from websockets.asyncio.client import connect

from tests.bench.readers import Reader, Seen, served
from tests.browser.app_server import AppServer

QUESTION = "What is new in the harbour?"
AT_ONCE, READERS = 2, 8


@pytest.fixture(scope="module")
def app():
    with served(deltas=40, per_second=40.0, ANSWERS_AT_ONCE=str(AT_ONCE)) as running:
        yield running


async def ask(app: AppServer, readers: int) -> list[Seen]:
    """So many open the page, then ask one shortly after the other."""
    address = f"ws://127.0.0.1:{app.port}/_stcore/stream"
    opened = asyncio.Barrier(readers)

    async def one(place: int) -> Seen:
        async with connect(address, subprotocols=["streamlit"], max_size=None) as socket:  # type: ignore[list-item]
            reader = Reader(socket)
            await reader.open()
            await opened.wait()
            await asyncio.sleep(0.3 * place)
            return await reader.ask(QUESTION)

    return await asyncio.gather(*(one(place) for place in range(readers)))


def test_a_question_takes_one_run_of_the_page_which_then_asks_for_nothing_more(app: AppServer):
    seen = asyncio.run(ask(app, 1))[0]
    assert seen.updates
    assert Counter(seen.kinds)["new_session"] == 1
    assert seen.looks[0] < 60 < 3_600 < seen.looks[-1]  # seconds between two looks of a page that waits, and at rest


def test_everybody_is_told_something_at_once_and_answered_in_turn(app: AppServer):
    seen = asyncio.run(ask(app, READERS))
    assert all(one.updates for one in seen)
    # Who is not in line sees that their question is looked for, or its answer's beginning, however short, already.
    for one in seen:
        begins = "".join(one.answer.values()).startswith(one.first[:20])
        assert one.first
        assert begins or "Looking through" in one.first or "in line" in one.first, one.first
    assert sum(bool(one.told) for one in seen) >= READERS - 2 * AT_ONCE
    by_answer = sorted(range(READERS), key=lambda place: seen[place].updates[0])
    assert all(abs(place - asked) <= AT_ONCE for place, asked in enumerate(by_answer))
