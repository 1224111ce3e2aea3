"""Passages for tests, written in one line."""

from __future__ import annotations

from datetime import UTC, datetime

from news.types import Passage

PUBLISHED = datetime(2026, 6, 10, 9, 30, tzinfo=UTC)


def a_passage(n: int = 1, **given: object) -> Passage:
    """Passage number n of outlet "Outlet n", with whatever is given instead."""
    fields: dict[str, object] = {
        "entry_id": n,
        "title": f"Headline {n}",
        "text": f"Text {n}.",
        "url": f"https://outlet{n}.test/{n}",
        "feed": f"Outlet {n}",
        "published_at": PUBLISHED,
    }
    return Passage(**(fields | given))  # type: ignore[arg-type]


def passages(count: int) -> tuple[Passage, ...]:
    """Passages 1 to `count`."""
    return tuple(a_passage(n) for n in range(1, count + 1))
