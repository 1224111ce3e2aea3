"""What the chat costs: what a real browser sees of a streamed answer."""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from itertools import accumulate
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from tests.browser.app_server import AppServer
from tests.browser.test_ask import ask, idle, load_sample
from tests.groq_server import GroqServer

KEY = "gsk_benchBENCHbench"


def measure_browser(deltas: int = 1_000, per_second: float = 500, questions: int = 7) -> dict[str, float]:
    """A thousand deltas on a page: bytes beside the answer's size, and the first text beside the model's own."""
    chromium = shutil.which("chromium")
    if not chromium:
        return {}
    words = [f"word{n:04} " if n % 50 else f"word{n:04}.\n\n" for n in range(1, deltas + 1)]
    with (
        tempfile.TemporaryDirectory() as folder,
        GroqServer() as groq,
        AppServer(Path(folder), GROQ_API_KEY=KEY, GROQ_BASE_URL=groq.url) as app,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(app.url)
        load_sample(page)
        received: list[int] = []
        client = page.context.new_cdp_session(page)
        client.send("Network.enable")
        client.on(
            "Network.webSocketFrameReceived", lambda event: received.append(len(event["response"]["payloadData"]))
        )
        first = [_first_text(page, groq, f"First{n}") for n in range(questions)][1:]
        page.goto(app.url)
        expect(page.get_by_role("heading", name="What would you like to know?")).to_be_visible()
        idle(page)
        received.clear()
        groq.says(deltas=words, per_second=per_second)
        ask(page, "What is new in the harbour?")
        expect(page.get_by_text(words[-1].strip())).to_be_visible(timeout=60_000)
        shown = time.monotonic()
        groq.last.done.wait(10)
        lag = shown - (groq.last.closed_at or shown)
        idle(page)
        wire = sum(received) * 3 // 4  # the browser tells binary frames as base64
        browser.close()
    answer = sum(map(len, words))
    return {
        "deltas": deltas,
        "deltas_a_second": per_second,
        "answer_bytes": answer,
        "websocket_bytes": wire,
        "websocket_over_answer": round(wire / answer, 1),
        "websocket_over_one_update_a_delta": round(wire / sum(accumulate(map(len, words))), 4),
        "lag_after_the_last_delta_ms": round(1000 * lag),
        "submit_to_first_delta_sent_ms": round(1000 * statistics.median(asked for asked, _ in first)),
        "first_delta_sent_to_shown_ms": round(1000 * statistics.median(shown for _, shown in first)),
    }


def _first_text(page: Page, groq: GroqServer, word: str) -> tuple[float, float]:
    """Seconds from submit until the model begins to send, and from there until its first word is on the page."""
    groq.says(f"{word} comes now [1].")
    started = time.monotonic()
    ask(page, f"What about {word}?")
    expect(page.get_by_label("Chat message from assistant").get_by_text(f"{word} comes")).to_be_visible()
    shown = time.monotonic()
    idle(page)
    return groq.last.at - started, shown - groq.last.at
