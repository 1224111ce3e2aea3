"""An answer on a page: as it is written, and again from what was kept. Both draw the same blocks in the same places."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import count

import streamlit as st
from streamlit.delta_generator import DeltaGenerator
from streamlit.elements.write import WriteMixin

from llm.blocks import cut
from llm.live import Block, Live, Queued, Waiting
from llm.markdown import literal

THOUGHTS = 2_000
"""So many characters of the model's last thoughts are shown."""
LOOKING = ":shimmer[Looking through your feeds]"
TICKS = 2
"""Thoughts are sent again after so many ticks, half a second."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an answer is written: its first block, those after it, and what stands below. `since` is by the clock."""

    first: DeltaGenerator
    more: DeltaGenerator
    foot: DeltaGenerator
    since: float


def replay(markdown: str) -> None:
    """A whole answer, as `stream` leaves it."""
    for block in cut(markdown):
        if block.strip():
            st.markdown(block)


def stream(live: Live, first: DeltaGenerator | None = None, meanwhile: Callable[[], object] = lambda: None) -> None:
    """An answer while it is written, until it ends. A block is sent once more when the next begins, or at the end, with
    the marks of its claims, and then not again: what stands below it has not come yet, so nothing moves.

    The first block comes to the place `first`, if there is one, where `awaited` stands already. `meanwhile` is called
    now and then. Until the first words it is told there what is waited for, or what the model thinks. Streamlit ends
    the run in here when the reader presses Stop or clicks elsewhere; the answer itself goes on.
    """
    told = awaited(live)
    if first is None:
        first = st.empty()
        if not live.markdown:
            first.caption(told)
    place, open_block = first, None
    with closing(live.view()) as blocks:
        for number, block in enumerate(blocks):
            if open_block:
                place.markdown(open_block.marked)
            place = st.empty() if number else first
            open_block = None if block.finished else block
            if open_block:
                _InPlace(place).write_stream(_pieces(block, None if number else _Before(live, first, told), meanwhile))
            elif block.text:
                place.markdown(block.marked)
    if not live.markdown.strip():
        first.empty()
    elif open_block:
        place.markdown(open_block.marked)


class _InPlace(WriteMixin):
    """`st.write_stream` over what stands in a place.

    Streamlit empties the place before the first piece. On a busy machine the two come apart, and what was seen there
    goes for a moment before the text comes.
    """

    def __init__(self, place: DeltaGenerator) -> None:
        self._place = place

    def empty(self) -> DeltaGenerator:
        return self._place


def _pieces(block: Block, before: _Before | None, meanwhile: Callable[[], object]) -> Iterator[str]:
    """The pieces for `st.write_stream`; a tick touches the session, so that Stop works while nothing arrives.

    When the next block begins they end: the rest of this one comes with its marks.
    """
    for piece in block:
        if block.followed:
            return
        if piece:
            before = None
            yield piece
        else:
            st.session_state.get("tick")
            if before:
                before.draw()
        meanwhile()


class _Before:
    """What stands in an answer's place before its first words, after `told`. Nothing is sent that was sent before."""

    def __init__(self, live: Live, place: DeltaGenerator, told: str) -> None:
        self._live = live
        self._place = place
        self._told = told
        self._thoughts: DeltaGenerator | None = None
        self._ticks = count()

    def draw(self) -> None:
        if told := in_words(self._live.status):
            if told != self._told:
                self._place.caption(told)
            self._told, self._thoughts = told, None
        elif reasoning := self._live.reasoning:
            if self._thoughts is None:
                self._thoughts = self._place.expander("Thinking", type="compact").empty()
            elif next(self._ticks) % TICKS:
                return
            shown = thoughts(reasoning)
            if shown != self._told:
                self._thoughts.markdown(shown)
            self._told = shown
        elif self._told != LOOKING:
            self._place.caption(LOOKING)
            self._told = LOOKING


def awaited(live: Live) -> str:
    """What is said in an answer's place before there are words, as Markdown."""
    return in_words(live.status) or LOOKING


def in_words(status: Waiting | Queued | None) -> str:
    """What an answer waits for, as a sentence in Markdown; "" if for nothing."""
    if isinstance(status, Waiting):
        why = status.reason.split(". ")[0].rstrip(".")
        return literal(f"{why}. Going on in {math.ceil(status.seconds_left)} s.")
    if isinstance(status, Queued):
        written = "1 answer is" if status.running == 1 else f"{status.running} answers are"
        return f"{written} being written; yours is number {status.place} in line."
    return ""


def thoughts(reasoning: str) -> str:
    """The end of what a model thought, as Markdown that shows it letter by letter, line by line."""
    shown = reasoning[-THOUGHTS:]
    lines = [literal(line) for line in shown.splitlines() if line.strip()]
    if len(shown) < len(reasoning) and lines:
        lines[0] = f"… {lines[0]}"
    return "  \n".join(lines)
