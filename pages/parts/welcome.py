"""An empty chat: what there is to ask about, and questions to begin with. Found out once for all who see the same."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import streamlit as st

from llm.markdown import literal
from news import sample
from news.front import front
from news.store import Filter, Store
from news.types import Horizon
from pages import Services, ago, count, now
from pages.parts.asking import intend

SUGGESTIONS = 4
LONGEST_HEADLINE = 90
KEPT_S, KEPT = 300.0, 100
"""So long it is kept, for so many who see different things: stories age without anything new."""


@dataclass(frozen=True, slots=True)
class Overview:
    """What a search would look at, and questions about it."""

    horizon: Horizon
    questions: tuple[str, ...]


def overview(part: Services) -> Overview:
    """What this reader's news is, now or some minutes ago."""
    return _overview(part.store, part.store.stamp(), frozenset(part.reading.marks().muted))


@st.cache_data(ttl=KEPT_S, max_entries=KEPT, show_spinner=False)
def _overview(_store: Store, stamp: str, muted: Collection[int]) -> Overview:  # noqa: ARG001 - the stamp stands for the store
    return Overview(_store.horizon(Filter(as_of=now())), tuple(suggestions(_store, muted)))


def suggestions(store: Store, muted: Collection[int]) -> list[str]:
    """Questions to begin with: the sample's own, or about the stories that lead the front page."""
    cards = front(store, now=now(), muted=muted, limit=4 * SUGGESTIONS).cards
    if cards and all(card.sample for card in cards):
        return list(sample.QUESTIONS[:SUGGESTIONS])
    short = [card.lead.title for card in cards if len(card.lead.title) < LONGEST_HEADLINE]
    return [f"What is known about this: {title.rstrip('.')}?" for title in short[:SUGGESTIONS]]


def draw_welcome(seen: Overview) -> None:
    """An empty chat."""
    st.title("What would you like to know?", anchor=False)
    newest = f", the newest from {ago(seen.horizon.until)}" if seen.horizon.until else ""
    st.caption(f"{count(seen.horizon.articles, 'article')} from {count(seen.horizon.feeds, 'feed')}{newest}.")
    labels = {literal(question): question for question in seen.questions}
    if labels:
        st.pills(
            "Questions to begin with", list(labels), key="suggestion", label_visibility="collapsed", wrap=True,
            on_change=lambda: intend("ask", text=labels.get(st.session_state.suggestion or "", "")),
        )  # fmt: skip
