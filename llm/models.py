"""Which models exist: a small table with its date, and what a server says it has now.

The table is what is known without asking (windows, efforts, prices); the live list of `GET /models` is what may be
asked. `merge` puts the two together, `choose` picks the model to ask. Pure: asking is `llm.groq`'s work.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

Effort = Literal["low", "medium", "high"]


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What is known of a model. Tokens, and dollars a million tokens; None is unknown, no `efforts`: none to set.

    `window` holds prompt and reply together. `tokens_per_minute_free` is the limit of Groq's free plan.
    """

    id: str
    window: int | None = None
    max_reply: int | None = None
    efforts: tuple[Effort, ...] = ()
    tokens_per_minute_free: int | None = None
    price_prompt: float | None = None
    price_cached: float | None = None
    price_reply: float | None = None

    def cost(self, *, prompt: int, completion: int, cached: int = 0) -> float | None:
        """Dollars for tokens as the provider counts them (`prompt` includes `cached`); None if the price is unknown."""
        if self.price_prompt is None or self.price_reply is None:
            return None
        cached_price = self.price_prompt if self.price_cached is None else self.price_cached
        return ((prompt - cached) * self.price_prompt + cached * cached_price + completion * self.price_reply) / 1e6


KNOWN_ON = date(2026, 11, 22)
"""The day the table was last compared with Groq's pages: limits and prices may have moved since."""

BUNDLED = (
    ModelInfo("openai/gpt-oss-120b", 131_072, 65_536, ("low", "medium", "high"), 8_000, 0.15, 0.075, 0.60),
    ModelInfo("openai/gpt-oss-20b", 131_072, 65_536, ("low", "medium", "high"), 8_000, 0.075, 0.0375, 0.30),
)
"""Best first: the first is the default, the others answer in this order when it is gone."""

DEFAULT = BUNDLED[0].id
EFFORT: Effort = "low"
"""The default: thinking is paid from the same reply tokens, and quoting passages needs little of it."""

# Speech, safety and search models are listed beside the chat models and cannot hold this conversation. `compound` goes
# and searches the web by itself: its answers would not rest on the passages it was given.
_NO_CHAT = re.compile(
    r"whisper|tts|orpheus|playai|speech|transcri|guard|moderation|safety|embed|rerank|compound|ocr|diffusion", re.I
)


def info(model: str) -> ModelInfo | None:
    """The table's row for this id, None if it has none."""
    return next((known for known in BUNDLED if known.id == model), None)


def is_chat(model: str) -> bool:
    """Whether a model of this id answers questions: not one for speech, safety, embeddings or web search."""
    return bool(model) and not _NO_CHAT.search(model)


def merge(live: Iterable[str | ModelInfo]) -> tuple[ModelInfo, ...]:
    """The chat models of a live list: those of the table first and in its order, then the others by id.

    What a live `ModelInfo` knows wins over the table. An empty list is no news: it gives the table.
    """
    found = {
        row.id: row for row in (ModelInfo(row) if isinstance(row, str) else row for row in live) if is_chat(row.id)
    }
    if not found:
        return BUNDLED
    known = [_joined(row, found[row.id]) for row in BUNDLED if row.id in found]
    others = sorted(found.keys() - {row.id for row in BUNDLED})
    return (*known, *(found[model] for model in others))


def choose(wanted: str = "", live: Iterable[str] = ()) -> str:
    """The model to ask: the wanted one if it is offered, else the best that is. With no live list, what is wanted."""
    offered = [row.id for row in merge(live)] if (live := tuple(live)) else []
    if wanted and (not offered or wanted in offered):
        return wanted
    return offered[0] if offered else DEFAULT


def fallbacks(model: str) -> tuple[str, ...]:
    """Which models answer, in this order, when `model` is gone."""
    return tuple(row.id for row in BUNDLED if row.id != model)


def _joined(known: ModelInfo, live: ModelInfo) -> ModelInfo:
    return replace(known, window=live.window or known.window, max_reply=live.max_reply or known.max_reply)
