"""What a streamed answer costs: bytes and delay in a real browser, and many readers of one process at once."""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect, sync_playwright

from tests.browser.app_server import AppServer
from tests.browser.test_ask import ask, idle, load_sample
from tests.groq_server import GroqServer

KEY = "gsk_benchBENCHbench"
RATES = ((30.0, 600), (100.0, 2_000), (500.0, 2_000), (2_000.0, 2_000))
"""Deltas a second, and how many: a slow model says fewer, in paragraphs as long."""
# Resolves with the wall clock's milliseconds at the first frame that shows the words in the newest answer.
SHOWS = """words => new Promise(resolve => {
    const shown = () => [...document.querySelectorAll('[data-testid="stChatMessage"]')]
        .at(-1)?.textContent.includes(words);
    const look = () => {
        if (!shown()) return;
        observer.disconnect();
        requestAnimationFrame(() => resolve(Date.now()));
    };
    const observer = new MutationObserver(look);
    observer.observe(document.body, {subtree: true, childList: true, characterData: true});
    look();
})"""


def paragraphs(deltas: int) -> list[str]:
    """Words, a hundred a paragraph."""
    return [f"word{n:04} " if n % 100 else f"word{n:04}.\n\n" for n in range(1, deltas + 1)]


def a_list(items: int = 60, words: int = 12) -> list[str]:
    """One list, a delta a word."""
    deltas = []
    for item in range(items):
        deltas += ["- ", *(f"item{item:02}{word:02} " for word in range(words - 1)), "\n"]
    return [*deltas, f"item{items}"]


def a_table(rows: int = 40, columns: int = 4) -> list[str]:
    """One table, a delta a cell."""
    deltas = ["|", *("head | " for _ in range(columns)), "\n|", *("---|" for _ in range(columns)), "\n"]
    for row in range(rows):
        deltas += ["| ", *(f"cell{row:02}{column:02} | " for column in range(columns)), "\n"]
    return [*deltas, "\nThe end."]


class Watched:
    """A page whose websocket is counted."""

    def __init__(self, page: Page, groq: GroqServer) -> None:
        self.page = page
        self.groq = groq
        self._frames: list[int] = []
        client = page.context.new_cdp_session(page)
        client.send("Network.enable")
        client.on(
            "Network.webSocketFrameReceived", lambda event: self._frames.append(len(event["response"]["payloadData"]))
        )

    def ask(self, question: str, first: str, last: str) -> tuple[float, float]:
        """Ask; seconds from the model's first delta, and from its last, until they are on the page."""
        self.page.evaluate(f"window.first = ({SHOWS})({first!r}); window.last = ({SHOWS})({last!r}); 0")
        ask(self.page, question)
        shown = self.page.evaluate("Promise.all([window.first, window.last])")
        assert self.groq.last.done.wait(10)
        idle(self.page)
        return shown[0] / 1000 - self.groq.last.at, shown[1] / 1000 - (self.groq.last.closed_at or 0.0)

    def answer(self, url: str, deltas: Sequence[str], per_second: float) -> dict[str, float]:
        """What an answer costs in a new conversation, from the question on until the page rests."""
        self.page.goto(url)
        expect(self.page.get_by_role("heading", name="What would you like to know?")).to_be_visible()
        idle(self.page)
        self._frames.clear()
        self.groq.says(deltas=deltas, per_second=per_second)
        _, lag = self.ask("What is new in the harbour?", deltas[0].strip("|- \n"), deltas[-1].strip())
        wire = sum(self._frames) * 3 // 4  # the browser tells binary frames as base64
        size = sum(map(len, deltas))
        return {
            "deltas": len(deltas),
            "deltas_a_second": per_second,
            "answer_bytes": size,
            "websocket_over_answer": round(wire / size, 2),
            "messages": len(self._frames),
            "lag_after_the_last_delta_ms": round(1000 * lag),
        }


@contextmanager
def watched() -> Iterator[tuple[Watched, str]]:
    """The app on the sample edition with a model server, in chromium; and the app's address."""
    with (
        tempfile.TemporaryDirectory() as folder,
        GroqServer(clock=time.time) as groq,
        AppServer(Path(folder), GROQ_API_KEY=KEY, GROQ_BASE_URL=groq.url) as app,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(120_000)
        expect.set_options(timeout=60_000)
        page.goto(app.url)
        load_sample(page)
        yield Watched(page, groq), app.url
        browser.close()


def measure_browser(questions: int = 31) -> dict[str, Any]:
    """Bytes beside the answer's size at several speeds, and how long the model's first delta takes to the page."""
    if not shutil.which("chromium"):
        return {}
    with watched() as (page, url):
        first = []
        for n in range(questions):
            if n % 5 == 0:
                page.page.goto(url)
                expect(page.page.get_by_role("heading", name="What would you like to know?")).to_be_visible()
                idle(page.page)
            page.groq.says(f"First{n} comes now [1].")
            first.append(page.ask(f"What about {n}?", f"First{n} comes", f"First{n} comes")[0])
        first = sorted(1000 * seconds for seconds in first[1:])  # the first question loads what all need
        return {
            "questions": len(first),
            "first_delta_to_page_p50_ms": round(statistics.median(first)),
            "first_delta_to_page_p95_ms": round(first[int(0.95 * len(first))]),
            "paragraphs": [page.answer(url, paragraphs(deltas), rate) for rate, deltas in RATES],
            "list_of_60_items": [page.answer(url, a_list(), rate) for rate in (100.0, 500.0)],
            "table_of_40_rows": [page.answer(url, a_table(), rate) for rate in (100.0, 500.0)],
        }
