"""What came of checking an answer: a line, which opens into its claims and the quotes that bear them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import streamlit as st

from llm.markdown import literal
from llm.marks import SIGNS
from news.types import Passage
from pages import count

if __name__ == "__main__":  # every file of this folder has an address; this one has nothing to show
    st.switch_page("app.py")

VERDICTS = ("supported", "partly", "not found", "contradicted")
SHOWN = 20
"""The most claims that are listed."""
AROUND = 100
"""So many characters of the passage are shown on either side of a quote."""


def draw_checks(checks: Sequence[Mapping[str, Any]], passages: Sequence[Passage], *, key: str) -> None:
    """The line "11 claims: 9 supported, 1 partly, 1 not found", folded; nothing for an answer that claims nothing.

    What is folded is drawn when it is opened: it says most of the answer once more. What failed comes first.
    """
    if not checks:
        return
    counted = Counter(check["verdict"] for check in checks)
    told = ", ".join(f"{counted[verdict]} {verdict}" for verdict in VERDICTS if counted[verdict])
    with st.expander(f"{count(len(checks), 'claim')}: {told}", type="compact", key=key, on_change="rerun") as opened:
        if not opened.open:
            return
        worst_first = sorted(checks, key=lambda check: check["verdict"] == "supported")
        st.markdown("\n\n".join(in_words(check, passages) for check in worst_first[:SHOWN]))
        st.caption("Checked by program, word by word, against the passages: no second model was asked.")


def in_words(check: Mapping[str, Any], passages: Sequence[Passage] = ()) -> str:
    """A claim with its verdict, what failed, and the quote in its passage with the words that carry it."""
    failed = [told(failure) for failure in check["failed"]] if check["verdict"] != "supported" else []
    about = [check["verdict"].capitalize(), *failed[:3]]
    if check["found"]:
        about.append(f"found by Broadsheet in passage {check['found']}, which the answer does not cite")
    rows = [
        f"{SIGNS.get(check['verdict'], '')} {literal(check['claim'])}",
        f":small[:gray[{literal('; '.join(about))}]]",
    ]
    return "  \n".join(rows) + (f"\n\n> {quoted(check, passages)}" if check["quote"] else "")


def quoted(check: Mapping[str, Any], passages: Sequence[Passage]) -> str:
    """The quote with the words that carry the claim marked, and a little of its passage around it."""
    number, quote, at = check["passage"], check["quote"], check.get("at", 0)
    marked, end = "", 0
    for begin, after in joined(check.get("carriers", ()), quote):
        marked += f"{spaced(quote[end:begin])}:primary[**{literal(quote[begin:after])}**]"
        end = after
    marked += spaced(quote[end:])
    before = behind = ""
    if 0 < number <= len(passages) and check.get("part"):
        passage = passages[number - 1]
        whole = passage.title if check["part"] == "title" else passage.text
        if whole[at : at + len(quote)] == quote:
            before, behind = whole[:at], whole[at + len(quote) :]
    lead = "… " + before[-AROUND:].partition(" ")[2] if len(before) > AROUND else before
    rest = behind[:AROUND].rpartition(" ")[0] + " …" if len(behind) > AROUND else behind
    around = (f":small[{literal(part)}]" if part.strip() else "" for part in (lead, rest))
    return " ".join(filter(None, (next(around), marked.strip(), next(around), literal(f"[{number}]"))))


def joined(spans: Iterable[Sequence[int]], quote: str) -> list[tuple[int, int]]:
    """Spans in order within the quote; those with nothing but blanks between them as one."""
    found: list[tuple[int, int]] = []
    for begin, after in spans:
        if found and found[-1][1] <= begin < after <= len(quote) and not quote[found[-1][1] : begin].strip():
            found[-1] = (found[-1][0], after)
        elif (found[-1][1] if found else 0) <= begin < after <= len(quote):
            found.append((begin, after))
    return found


def spaced(text: str) -> str:
    """`literal`, with the blanks at both ends, if there are any, as one."""
    return " " * text[:1].isspace() + literal(text) + " " * (text[-1:].isspace() and bool(text.strip()))


def told(failure: Mapping[str, str]) -> str:
    """What a passage does not hold, in words."""
    instead = f", the passage has “{failure['found']}”" if failure["found"] else ""
    return f"{failure['kind']} “{failure['claimed']}”{instead}"
