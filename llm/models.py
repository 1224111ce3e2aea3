"""Which models exist: a small table with its date, and what a server says it has now.

The table is what is known without asking (windows, efforts, prices, voices); the live list of `GET /models` is what may
be asked. `merge` puts the two together, `choose` picks the model to ask, `hearing` and `speaking` those for speech.
Pure: asking is `llm.groq`'s work.
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

    `window` holds prompt and reply together. `tokens_per_minute_free` is the limit of Groq's free plan. A `preview` may
    be taken away from one day to the next.
    """

    id: str
    window: int | None = None
    max_reply: int | None = None
    efforts: tuple[Effort, ...] = ()
    tokens_per_minute_free: int | None = None
    price_prompt: float | None = None
    price_cached: float | None = None
    price_reply: float | None = None
    preview: bool = False

    def cost(self, *, prompt: int, completion: int, cached: int = 0) -> float | None:
        """Dollars for tokens as the provider counts them (`prompt` includes `cached`); None if the price is unknown."""
        if self.price_prompt is None or self.price_reply is None:
            return None
        cached_price = self.price_prompt if self.price_cached is None else self.price_cached
        return ((prompt - cached) * self.price_prompt + cached * cached_price + completion * self.price_reply) / 1e6


@dataclass(frozen=True, slots=True)
class VoiceInfo:
    """What is known of a model for speech: one that hears has its price an hour, in dollars, one that speaks its voice
    and the characters it takes in one request.
    """

    id: str
    price_hour: float | None = None
    voice: str = ""
    most_characters: int = 0


KNOWN_ON = date(2026, 11, 24)
"""The day the tables were last compared with what is public of Groq's: limits and prices may have moved since."""

FREE_MINUTE, FREE_DAY, FREE_TOKENS_MINUTE, FREE_TOKENS_DAY = 30, 1_000, 8_000, 200_000
"""What Groq's free plan allows a model: requests and tokens, a minute and a day."""

BUNDLED = (
    ModelInfo("openai/gpt-oss-120b", 131_072, 65_536, ("low", "medium", "high"), 8_000, 0.15, 0.075, 0.60),
    ModelInfo("openai/gpt-oss-20b", 131_072, 65_536, ("low", "medium", "high"), 8_000, 0.075, 0.0375, 0.30),
    ModelInfo("qwen/qwen3.8-27b", 131_042, 16_384, ("low", "medium", "high"), None, 0.80, 0.40, 4.00, preview=True),
    ModelInfo("qwen/qwen3.6-27b", 131_072, 16_384, (), None, 0.60, 0.30, 3.00, preview=True),
)
"""Best first: the first is the default, the others answer in this order when it is gone."""

HEARING = (VoiceInfo("whisper-large-v3-turbo", 0.04), VoiceInfo("whisper-large-v3", 0.111))
SPEAKING = (VoiceInfo("canopylabs/orpheus-v1-english", voice="hannah", most_characters=200),)
"""Best first. Other servers' voices have other names, so only these speak."""

DEFAULT = BUNDLED[0].id
EFFORT: Effort = "low"
"""The default: thinking is paid from the same reply tokens, and quoting passages needs little of it."""

# Speech, safety and search models are listed beside the chat models and cannot hold this conversation. `compound` goes
# and searches the web by itself: its answers would not rest on the passages it was given.
_NO_CHAT = re.compile(
    r"whisper|tts|orpheus|playai|speech|transcri|guard|moderation|safety|embed|rerank|compound|ocr|diffusion", re.I
)
_HEARS = re.compile(r"whisper|transcri", re.I)


def info(model: str) -> ModelInfo | None:
    """The table's row for this id, None if it has none."""
    return next((known for known in BUNDLED if known.id == model), None)


def is_chat(model: str) -> bool:
    """Whether a model of this id answers questions: not one for speech, safety, embeddings or web search."""
    return bool(model) and not _NO_CHAT.search(model)


def merge(live: Iterable[str | ModelInfo]) -> tuple[ModelInfo, ...]:
    """The chat models of a live list: those of the table first and in its order, then the others, largest window first.

    What a live `ModelInfo` knows wins over the table. An empty list is no news: it gives the table.
    """
    found = {
        row.id: row for row in (ModelInfo(row) if isinstance(row, str) else row for row in live) if is_chat(row.id)
    }
    if not found:
        return BUNDLED
    known = [_joined(row, found[row.id]) for row in BUNDLED if row.id in found]
    others = [row for row in found.values() if not info(row.id)]
    return (*known, *sorted(others, key=lambda row: (-(row.window or 0), row.id)))


def choose(wanted: str = "", live: Iterable[str] = ()) -> str:
    """The model to ask: the wanted one if it is offered, else the best that is. With no live list, what is wanted."""
    offered = [row.id for row in merge(live)] if (live := tuple(live)) else []
    if wanted and (not offered or wanted in offered):
        return wanted
    return offered[0] if offered else DEFAULT


def fallbacks(model: str) -> tuple[str, ...]:
    """Which models answer, in this order, when `model` is gone."""
    return tuple(row.id for row in BUNDLED if row.id != model)


def hearing(live: Iterable[str]) -> tuple[str, ...]:
    """The models of a live list that turn speech into text, best first."""
    live = set(live)
    known = [row.id for row in HEARING if row.id in live]
    return (*known, *sorted(model for model in live - set(known) if _HEARS.search(model)))


def speaking(live: Iterable[str]) -> tuple[VoiceInfo, ...]:
    """The models of a live list that turn text into speech, best first."""
    live = set(live)
    return tuple(row for row in SPEAKING if row.id in live)


def _joined(known: ModelInfo, live: ModelInfo) -> ModelInfo:
    return replace(known, window=live.window or known.window, max_reply=live.max_reply or known.max_reply)
