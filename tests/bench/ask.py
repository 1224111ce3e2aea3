"""What the chat costs before it sends: counting and fitting a long conversation."""

from __future__ import annotations

import statistics
import time

from llm import prompt, tokens, window
from llm.assistant import Turn
from llm.base import Message
from tests.bench.press import Press

MODEL = "openai/gpt-oss-120b"


def measure_window(turns: int = 500) -> dict[str, float]:
    """Milliseconds to count and fit a conversation: the first time, and again when one turn is new."""
    press = Press(seed=3)
    counter = tokens.counter(MODEL)
    tokens.warm()
    told = [Turn(f"What about {press.sentence(5)}?", f"{press.sentence(60)} [1].") for _ in range(turns)]

    def fit() -> None:
        items = []
        for turn in told:
            asked, answered = prompt.pair(turn)
            cost = sum(counter.count(m.content) + counter.message(m.role) for m in (asked, answered))
            items.append(window.Item(turn.question, cost))
        system = Message("system", prompt.SYSTEM)
        window.fit(system=counter.count(system.content), question=20, turns=items, budget=7_000, reply=1_200)

    started = time.perf_counter()
    fit()
    cold = time.perf_counter() - started
    warm = []
    for _ in range(20):
        started = time.perf_counter()
        fit()
        warm.append(time.perf_counter() - started)
    return {
        "turns": turns,
        "cold_ms": round(1000 * cold, 2),
        "warm_ms": round(1000 * statistics.median(warm), 2),
        "warm_over_cold": round(statistics.median(warm) / cold, 4),
    }
