"""What the app takes of a small host's memory while an archive is published at speed and readers come and go.

`python -m tests.bench.cloud OPML --minutes 10` starts the app with the feeds of that address (a newsstand whose clock
runs fast), makes them due every few seconds, and lets readers ask and look at the pages meanwhile. Prints one JSON
object: the memory of the app and of its parsers every half minute, in MB. Linux only: it is read from /proc.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import update
from websockets.asyncio.client import connect as connect_socket

from news import opml as lists
from news.store import FOR_EVER, Store
from storage import tables as t
from storage.engine import connect, writing
from tests.bench.readers import KEY, Reader
from tests.browser.app_server import AppServer
from tests.groq_server import GroqServer

QUESTIONS = (
    "What happened in the election?",
    "What is known about the ceasefire talks?",
    "Who won the match?",
    "What did the central bank decide?",
    "What is new about the storm?",
)
PAGES = ("front_page", "briefing", "sources", "settings")


def memory(pid: int) -> dict[str, float]:
    """MB of a process and of all that came from it: what they hold alone, and their share of what they share."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    family = {pid}
    while more := {one for one, parent in parents.items() if parent in family} - family:
        family |= more
    sizes = {one: _mb(one) for one in family}
    return {"app": round(sizes[pid], 1), "parsers": round(sum(sizes.values()) - sizes[pid], 1)}


def _mb(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


async def visit(app: AppServer, n: int) -> None:
    """A reader who asks a question, then looks at another page, then goes."""
    address = f"ws://127.0.0.1:{app.port}/_stcore/stream"
    async with connect_socket(address, subprotocols=["streamlit"], max_size=None) as socket:  # type: ignore[list-item]
        reader = Reader(socket)
        await reader.open()
        if reader.box:
            await reader.ask(QUESTIONS[n % len(QUESTIONS)])
        await reader.look(PAGES[n % len(PAGES)])


def measure(opml: str, *, minutes: float, due_every_s: float = 20.0, reader_every_s: float = 10.0) -> dict[str, Any]:
    """The memory over so many minutes, and what was stored in the end."""
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)  # and kept: the archive's articles are older than those that stay
    with urllib.request.urlopen(opml) as answer:
        feeds = lists.read(answer.read())
    with tempfile.TemporaryDirectory() as folder, GroqServer(per_second=200.0) as model:
        url = f"sqlite:///{Path(folder) / 'broadsheet.db'}"
        store = Store(connect(url))
        store.add_feeds([(one.url, one.title, "", "") for one in feeds.feeds], now=datetime.now(UTC))
        settings = {"GROQ_API_KEY": KEY, "GROQ_BASE_URL": model.url, "ALLOW_PRIVATE_FEEDS": "true"}
        with AppServer(Path(folder), DATABASE_URL=url, **settings) as app:
            assert app.process
            samples, faults, n = [], 0, 0
            began = told = due = read = time.monotonic()
            while (at := time.monotonic()) < began + 60 * minutes:
                if at >= due:
                    due = at + due_every_s
                    with writing(store.engine) as connection:
                        connection.execute(update(t.feeds).values(due_at=long_ago, keep_days=FOR_EVER))
                if at >= read:
                    read, n = at + reader_every_s, n + 1
                    try:
                        asyncio.run(visit(app, n))
                    except Exception as error:
                        faults += 1
                        print(repr(error), file=sys.stderr)
                if at >= told:
                    told = at + 30
                    sample = {"minute": round((at - began) / 60, 1), "articles": store.stats().entries}
                    samples.append(sample | memory(app.process.pid))
                    print(json.dumps(samples[-1]), file=sys.stderr, flush=True)
                time.sleep(0.5)
        return {"feeds": len(feeds.feeds), "readers": n, "readers_that_failed": faults, "samples": samples}


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.cloud", description=__doc__)
    parser.add_argument("opml", help="where the feeds are listed")
    parser.add_argument("--minutes", type=float, default=10.0)
    given = parser.parse_args()
    print(json.dumps(measure(given.opml, minutes=given.minutes)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
