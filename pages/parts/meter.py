"""The window as the reader sees it: how much of it is taken, by what, what was cut and why, and a say in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from desk.conversations import Conversation
from llm.markdown import literal
from llm.window import TAKEN_OUT, Kind, Ledger, Line
from pages import Services, ago, count, now
from pages.parts.model import configured

LINES = 14
"""The most passages or turns that are listed; a long conversation has hundreds."""
LIST_HEIGHT = 400
"""Pixels of the list that opens."""
PARTS: tuple[tuple[Kind, str], ...] = (("summary", "summary"), ("passage", "passage"), ("turn", "turn"))
ORDER: tuple[Kind, ...] = ("system", "summary", "turn", "passage", "question", "begun")
HOW = {
    "exact": "Counted with the model's own tokenizer.",
    "learned": "Counted with another tokenizer, by the ratio that the server's own counts have shown.",
    "estimate": "An upper estimate: this model's tokenizer is not known.",
}


def in_words(ledger: Ledger) -> str:
    """A ledger in a line: "4,900 of 7,000 tokens: system 400, 9 passages 3,300, 3 turns 700, reply 500"."""
    told = [f"system {ledger.total('system'):,}"]
    for kind, name in PARTS:
        if kept := sum(line.kept for line in ledger.of(kind)):
            told.append(f"{name if kind == 'summary' else count(kept, name)} {ledger.total(kind):,}")
    if asked := ledger.total("question") + ledger.total("begun"):
        told.append(f"question {asked:,}")
    told.append(f"reply {ledger.reply:,}")
    about = "" if ledger.how == "exact" else "about "
    return f"{about}{ledger.used:,} of {ledger.budget:,} tokens: {', '.join(told)}"


def draw_meter(part: Services, talk: Conversation | None, chat: str, ledger: Ledger) -> DeltaGenerator | None:
    """The line under the question box, and beside it what opens into the list.

    Gives the line, so that it can tell of another ledger; None while the list is open, and there is more than a line.
    """
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", wrap=False):
        line = st.caption(literal(in_words(ledger)), width="stretch")
        # Its label never changes: with it Streamlit would take it for another one, and shut it.
        opened = st.popover("Details", type="tertiary", key="meter", on_change="rerun")
    # As high before it is filled: it opens up or down by the room that it needs.
    with opened, st.container(height=LIST_HEIGHT, border=False):
        if not opened.open:
            return line
        st.markdown("**What goes with the next question**")
        draw_ledger(part, talk, chat, ledger, place="meter")
        st.toggle("Show me what is sent before it is sent", key="look_first", persist_state="session")
        for sentence in bounds(ledger):
            st.caption(literal(sentence))
    return None


def redraw_line(line: DeltaGenerator, ledger: Ledger) -> None:
    """The line that `draw_meter` gave, for another ledger."""
    line.caption(literal(in_words(ledger)), width="stretch")


def bounds(ledger: Ledger) -> Iterator[str]:
    """What sets the budget, and what the server says is left."""
    if ledger.bound == "minute" and ledger.until:
        yield f"This minute's tokens are nearly used up, so the budget is smaller until {ledger.until:%H:%M:%S} UTC."
    elif ledger.bound == "window":
        yield "The server takes no more than this at once, whatever the budget in Settings."
    said = model.limits() if (model := configured()) else None
    if said is None:
        return
    limits, at = said
    told = []
    if limits.tokens_left is not None and limits.tokens:
        told.append(f"{limits.tokens_left:,} of {limits.tokens:,} tokens this minute")
    if limits.requests_left is not None and limits.requests:
        told.append(f"{limits.requests_left:,} of {limits.requests:,} questions today")
    if told:
        yield f"Left when the server last answered, {ago(at)}: {' and '.join(told)}."


def draw_ledger(part: Services, talk: Conversation | None, chat: str, ledger: Ledger, *, place: str) -> None:
    """Line by line what goes in and what does not, with a way to hold it in or take it out.

    `place` tells the buttons of two lists on one page apart.
    """
    st.progress(min(ledger.used / max(ledger.budget, 1), 1.0))
    with st.container(gap="xxsmall"):
        for kind in ORDER:
            lines, rest = shortened(ledger, kind)
            for line in lines:
                draw_line(part, talk, chat, line, place)
            if rest:
                st.caption(rest)
    st.caption(reserve(ledger))


def list_ledger(ledger: Ledger) -> None:
    """What went in and what did not, to be read."""
    rows = [f"**{literal(in_words(ledger))}**"]
    for kind in ORDER:
        lines, rest = shortened(ledger, kind)
        rows += [*map(in_line, lines), rest]
    st.markdown("  \n".join(filter(None, [*rows, f":small[:gray[{literal(reserve(ledger))}]]"])))


def shortened(ledger: Ledger, kind: Kind) -> tuple[Sequence[Line], str]:
    """The lines of a kind, of a long conversation's turns only the newest, and what is left out in words."""
    lines = ledger.of(kind)
    shown = lines[-LINES:] if kind == "turn" else lines[:LINES]
    left = len(lines) - len(shown)
    return shown, f"And {count(left, 'more ' + kind)}." if left else ""


def reserve(ledger: Ledger) -> str:
    """What is kept free, and how sure the counts are."""
    return f"{ledger.reply:,} tokens are kept for the reply. {HOW.get(ledger.how, '')}"


def in_line(line: Line) -> str:
    """A line of the ledger as Markdown, with the reason if it was cut."""
    label = literal(line.label) if line.kept else f":gray[~~{literal(line.label)}~~]"
    reason = f"  \n:small[:gray[{literal(line.reason)}]]" if line.reason else ""
    return f":small[{label} :gray[{line.tokens:,}]]{reason}"


def draw_line(part: Services, talk: Conversation | None, chat: str, line: Line, place: str) -> None:
    """One line, and its two buttons if it can be chosen."""
    with st.container(horizontal=True, vertical_alignment="center", gap="xxsmall", wrap=False):
        st.markdown(in_line(line), width="stretch")
        if not line.key or line.kind == "summary":
            return
        out = line.reason == TAKEN_OUT
        key = f"{place}-{line.key}"
        st.button(
            "Let go" if line.pinned else "Hold", key=f"pin-{key}", type="tertiary",
            help="" if line.pinned else "Hold it in, whatever else is cut", on_click=choose,
            args=(part, talk, chat, line.key), kwargs={"pin": not line.pinned},
        )  # fmt: skip
        st.button(
            "Let in" if out else "Take out", key=f"drop-{key}", type="tertiary", on_click=choose,
            args=(part, talk, chat, line.key), kwargs={"drop": not out},
        )  # fmt: skip


def choose(
    part: Services,
    talk: Conversation | None,
    chat: str,
    key: str,
    *,
    pin: bool | None = None,
    drop: bool | None = None,
) -> None:
    """Hold a line in the window, take it out, or neither; what is held is not taken out."""
    pinned, dropped = set(talk.pinned if talk else ()), set(talk.dropped if talk else ())
    change(pinned, key, bool(pin) if pin is not None else key in pinned and not drop)
    change(dropped, key, bool(drop) if drop is not None else key in dropped and not pin)
    part.conversations.choose(chat, pinned=sorted(pinned), dropped=sorted(dropped), now=now())


def change(keys: set[str], key: str, belongs: bool) -> None:
    """`key` in `keys` or not."""
    (keys.add if belongs else keys.discard)(key)
