"""Two hundred readers of one process: all ask within some seconds, and what each was told is looked at.

An answer at once for so many is more than a process writes (`ANSWERS_AT_ONCE`): nobody may be forgotten in the line,
and nobody may stand still once an answer has begun.
"""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import suppress
from typing import Any

from websockets.asyncio.client import connect as connect_socket

from tests.bench.cloud import memory
from tests.bench.readers import Reader, Seen, processor_s, served
from tests.browser.app_server import AppServer

BOUND_S = 120.0


def measure_crowd(
    readers: int = 200, over_s: float = 10.0, deltas: int = 150, per_second: float = 50.0
) -> dict[str, Any]:
    """All open the page, ask within `over_s`, and read; what is not over after two minutes is counted as it is then."""
    with served(deltas, per_second) as app:
        assert app.process
        before = memory(app.process.pid)["app"]
        began, load = time.monotonic(), os.getloadavg()[0]
        seen, most = asyncio.run(_crowd(app, readers, over_s))
        took, spent = time.monotonic() - began, processor_s(app)
        after = memory(app.process.pid)["app"]
    asked = [one for one in seen if one.asked]
    answered = [one for one in asked if one.ended and one.updates]
    sign = sorted(one.signs[0] - one.asked for one in asked if one.signs)
    first = sorted(one.updates[0] - one.asked for one in answered)
    by_question = sorted(answered, key=lambda one: one.asked)
    by_answer = {id(one): place for place, one in enumerate(sorted(answered, key=lambda one: one.updates[0]))}
    return {
        "load_before": round(load, 1),
        "readers": readers,
        "seconds": round(took, 1),
        "asked": len(asked),
        "answered": len(answered),
        "told_their_place": sum(bool(one.told) for one in asked),
        "told_nothing": sum(not one.signs for one in asked),
        "first_sign_s": _spread(sign),
        "first_text_s": _spread(first),
        "most_places_overtaken": max((by_answer[id(one)] - place for place, one in enumerate(by_question)), default=0),
        "longest_gap_s": _spread(sorted(one.gap for one in answered)),
        "until_all_stands_below_s": _spread(sorted(one.foot for one in answered)),
        "longest_silence_s": _spread(sorted(one.silence for one in asked)),
        "processor_s": round(spent, 1),
        "memory_mb": {"before": before, "most": most, "after": after, "a_reader": round((most - before) / readers, 2)},
    }


async def _crowd(app: AppServer, readers: int, over_s: float) -> tuple[list[Seen], float]:
    """What everybody saw, and the most memory that the app held, in MB."""
    assert app.process
    address, pid = f"ws://127.0.0.1:{app.port}/_stcore/stream", app.process.pid
    seen = [Seen() for _ in range(readers)]
    opened = asyncio.Barrier(readers)
    most = 0.0

    async def read(place: int) -> None:
        async with connect_socket(address, subprotocols=["streamlit"], max_size=None, open_timeout=60) as socket:  # type: ignore[list-item]
            reader = Reader(socket)
            await reader.open()
            await opened.wait()
            await asyncio.sleep(over_s * place / readers)
            await reader.ask("What is new in the harbour?", seen[place])

    async def watch() -> None:
        nonlocal most
        while True:
            most = max(most, (await asyncio.to_thread(memory, pid))["app"])
            await asyncio.sleep(2.0)

    watching = asyncio.create_task(watch())
    with suppress(TimeoutError):
        async with asyncio.timeout(BOUND_S):
            await asyncio.gather(*(read(place) for place in range(readers)))
    watching.cancel()
    return seen, most


def _spread(values: list[float]) -> list[float]:
    """The median, the slowest twentieth, and the slowest."""
    return (
        [round(values[min(int(share * len(values)), len(values) - 1)], 2) for share in (0.5, 0.95, 1.0)]
        if values
        else []
    )
