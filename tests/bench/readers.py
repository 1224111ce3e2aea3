"""Many readers of one process at once, each with a websocket of its own that speaks Streamlit's protocol."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.asyncio.client import ClientConnection, connect

from news.editions import load_sample
from news.parse import ParserPool
from news.store import Store
from storage.engine import connect as open_database
from tests.browser.app_server import ROOT, AppServer

KEY = "gsk_benchBENCHbench"
PATIENCE_S = 120.0
RERUN = ForwardMsg.FINISHED_EARLY_FOR_RERUN


@dataclass
class Seen:
    """What one reader saw, in seconds of `time.monotonic`: when it asked, each update of the answer, the end.

    `signs` are the moments of all that was told of it: that it is looked for, its place in line, and its text; `first`
    is the first of them. `where` its text stands on the page, `answer` is the text by place within. `kinds` are
    those of the messages, `looks` the seconds after which the page will ask again.
    """

    asked: float = 0.0
    signs: list[float] = field(default_factory=list)
    updates: list[float] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    told_at: float = 0.0
    first: str = ""
    kinds: list[str] = field(default_factory=list)
    looks: list[float] = field(default_factory=list)
    ended: float = 0.0
    bytes: int = 0
    where: tuple[int, ...] = ()
    answer: dict[tuple[int, ...], str] = field(default_factory=dict)

    @property
    def gap(self) -> float:
        """The longest time without a change of the text."""
        return max((after - before for before, after in pairwise(self.updates)), default=0.0)

    @property
    def foot(self) -> float:
        """The time from the last change of the text until all stands below it."""
        return self.ended - self.updates[-1] if self.ended and self.updates else 0.0

    @property
    def silence(self) -> float:
        """The longest time, since it was asked, in which nothing at all was told."""
        return max((after - before for before, after in pairwise([self.asked, *self.signs])), default=0.0)


class Reader:
    """A session without a browser."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self.box = ""

    async def open(self) -> None:
        """Run the page once, and find the box for questions."""
        await self._run([])
        async for message, _ in self._messages():
            element = message.delta.new_element
            if element.WhichOneof("type") == "chat_input":
                self.box = element.chat_input.id

    async def ask(self, question: str, seen: Seen | None = None) -> Seen:
        """Ask, and read until the page rests; `seen` is filled on the way."""
        state = WidgetState(id=self.box)
        state.chat_input_value.data = question
        seen = seen or Seen()
        seen.asked = time.monotonic()
        await self._run([state])
        async for message, size in self._messages():
            seen.bytes += size
            seen.kinds.append(str(message.WhichOneof("type")))
            if seen.kinds[-1] == "auto_rerun":
                seen.looks.append(message.auto_rerun.interval)
            element = message.delta.new_element
            path = tuple(message.metadata.delta_path)
            if element.WhichOneof("type") != "markdown" or len(path) < 5:
                continue
            seen.first = seen.first or ("" if question[:9] in element.markdown.body else element.markdown.body)
            if "Looking through" in element.markdown.body:
                seen.signs.append(time.monotonic())
            elif "in line" in element.markdown.body:
                seen.told_at = seen.told_at or time.monotonic()
                seen.signs.append(time.monotonic())
                seen.told.append(element.markdown.body)
            elif "reports" in element.markdown.body or (seen.where and path[: len(seen.where)] == seen.where):
                seen.where = seen.where or path[:-1]
                if seen.answer.get(path) != element.markdown.body:
                    seen.updates.append(time.monotonic())
                    seen.signs.append(seen.updates[-1])
                seen.answer[path] = element.markdown.body
        seen.ended = time.monotonic()
        return seen

    async def look(self, page: str) -> None:
        """Go to another page, and read to the end of its run."""
        await self._run([], page)
        async for _ in self._messages():
            pass

    async def _run(self, states: list[WidgetState], page: str = "") -> None:
        message = BackMsg()
        message.rerun_script.widget_states.widgets.extend(states)
        message.rerun_script.page_name = page
        message.rerun_script.query_string = ""
        await self._socket.send(message.SerializeToString())

    async def _messages(self) -> Any:
        async with asyncio.timeout(PATIENCE_S):
            async for data in self._socket:
                message = ForwardMsg.FromString(data)
                yield message, len(data)
                if message.WhichOneof("type") == "script_finished" and message.script_finished != RERUN:
                    return


@contextmanager
def served(deltas: int, per_second: float, **settings: str) -> Iterator[AppServer]:
    """The app on the sample edition, and a model server in a process of its own that answers in so many deltas."""
    command = [sys.executable, "-m", "tests.groq_server", "--deltas", str(deltas), "--per-second", str(per_second)]
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'broadsheet.db'}"
        with ParserPool(1) as parser:
            load_sample(Store(open_database(url)), parser, now=datetime.now(UTC))
        model = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
        try:
            assert model.stdout
            address = json.loads(model.stdout.readline())["url"]
            with AppServer(Path(folder), DATABASE_URL=url, GROQ_API_KEY=KEY, GROQ_BASE_URL=address, **settings) as app:
                yield app
        finally:
            model.terminate()
            model.wait(10)
            if model.stdout:
                model.stdout.close()


async def read_at_once(app: AppServer, readers: int, late: int = 0) -> list[Seen]:
    """So many readers ask at the same moment; `late` ones two seconds later."""
    address = f"ws://127.0.0.1:{app.port}/_stcore/stream"
    sockets = [await connect(address, subprotocols=["streamlit"], max_size=None) for _ in range(readers + late)]  # type: ignore[list-item]
    try:
        sessions = [Reader(socket) for socket in sockets]
        for session in sessions:
            await session.open()

        async def ask_late(session: Reader) -> Seen:
            await asyncio.sleep(2.0)
            return await session.ask("What is new in the harbour?")

        return await asyncio.gather(
            *(session.ask("What is new in the harbour?") for session in sessions[:readers]),
            *(ask_late(session) for session in sessions[readers:]),
        )
    finally:
        for socket in sockets:
            await socket.close()


def processor_s(app: AppServer) -> float:
    """Seconds of processor time that the app's process has used."""
    assert app.process
    fields = Path(f"/proc/{app.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def figures(seen: list[Seen], ideal_s: float) -> dict[str, Any]:
    """The readers' figures: times to the first text, to the end, between updates."""
    first = sorted(one.updates[0] - one.asked for one in seen)
    gaps = [one.gap for one in seen]
    return {
        "readers": len(seen),
        "first_text_p50_ms": round(1000 * statistics.median(first)),
        "first_text_p95_ms": round(1000 * first[int(0.95 * len(first))]),
        "finish_over_ideal": round(max(one.ended - one.asked for one in seen) / ideal_s, 2),
        "updates_a_second": round(statistics.mean(len(one.updates) / (one.ended - one.asked) for one in seen), 1),
        "longest_gap_ms": round(1000 * max(gaps)),
        "longest_gap_median_ms": round(1000 * statistics.median(gaps)),
        "bytes_over_answer": round(
            statistics.mean(one.bytes / sum(len(text) for text in one.answer.values()) for one in seen), 1
        ),
    }


def measure_readers(readers: int = 20, per_second: float = 50.0, seconds: float = 10.0) -> dict[str, Any]:
    """One reader alone, then twenty at once with one more who comes too late."""
    with served(int(per_second * seconds), per_second) as app:
        asyncio.run(read_at_once(app, 1))  # what the first question loads is not counted
        alone = figures(asyncio.run(read_at_once(app, 1)), seconds)
        began = processor_s(app)
        seen = asyncio.run(read_at_once(app, readers, late=1))
        spent = processor_s(app) - began
    together = figures(seen[:readers], seconds)
    return {
        "deltas_a_second_each": per_second,
        "alone": alone,
        "together": together,
        "last_one_told": seen[-1].told[:1],
        "last_one_answered": bool(seen[-1].updates),
        "first_text_over_alone": round(together["first_text_p95_ms"] / alone["first_text_p50_ms"], 1),
        "processor_over_ideal": round(spent / ((readers + 1) * seconds), 3),
    }
