"""What came of checking an answer: of each claim the quote that bears it, where its mark is pressed; and a line, which
opens into all of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from llm.markdown import literal, web_address
from llm.marks import SIGNS
from news.types import Passage
from pages import count, moment
from pages.parts.plain import pressed

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


@dataclass(frozen=True, slots=True)
class Quote:
    """A quote as runs of text, each with whether it carries the claim, and what stands around it in its passage."""

    before: str
    runs: tuple[tuple[str, bool], ...]
    behind: str


@st.fragment
def draw_pressed(claim: Callable[[str, int], tuple[Mapping[str, Any], Sequence[Passage]] | None]) -> None:
    """Whoever presses a claim's mark in an answer sees its quote beside it; once a page.

    `claim` gives the check of a turn by its number, from 1, and the passages; None if there is none. It is asked in a
    run of this place alone, which neither draws the page anew nor stops an answer that is being written.
    """
    pressed(lambda turn, number: shown(*found) if (found := claim(turn, number)) else None, key="claim")


def shown(check: Mapping[str, Any], passages: Sequence[Passage]) -> dict[str, Any]:
    """A check as data, all of it text: verdict, failed, before, runs, behind, source, url and published.

    What is not known is ""; `url` has http or https.
    """
    quote = quote_of(check, passages)
    verdict, *failed = about(check)
    told = {"verdict": verdict, "failed": failed, "before": quote.before, "runs": quote.runs, "behind": quote.behind}
    if not 0 < check["passage"] <= len(passages):
        return told | {"source": "", "url": "", "published": ""}
    passage = passages[check["passage"] - 1]
    return told | {
        "source": f"[{check['passage']}] {': '.join(filter(None, (passage.feed, passage.title)))}",
        "url": web_address(passage.url),
        "published": f"{moment(passage.published_at)} UTC",
    }


def about(check: Mapping[str, Any]) -> list[str]:
    """The verdict, what failed, and whether the program found the passage, in words."""
    failed = [told(failure) for failure in check["failed"]] if check["verdict"] != "supported" else []
    words = [check["verdict"].capitalize(), *failed[:3]]
    if check["found"]:
        words.append(f"found by Broadsheet in passage {check['found']}, which this sentence does not cite")
    return words


def in_words(check: Mapping[str, Any], passages: Sequence[Passage] = ()) -> str:
    """A claim with its verdict, what failed, and the quote in its passage with the words that carry it."""
    rows = [
        f"{SIGNS.get(check['verdict'], '')} {literal(check['claim'])}",
        f":small[:gray[{literal('; '.join(about(check)))}]]",
    ]
    return "  \n".join(rows) + (f"\n\n> {quoted(check, passages)}" if check["quote"] else "")


def quoted(check: Mapping[str, Any], passages: Sequence[Passage]) -> str:
    """The quote with the words that carry the claim marked, and a little of its passage around it."""
    quote = quote_of(check, passages)
    marked = "".join(f":primary[**{literal(run)}**]" if carries else spaced(run) for run, carries in quote.runs)
    lead, rest = (f":small[{literal(part)}]" if part.strip() else "" for part in (quote.before, quote.behind))
    return " ".join(filter(None, (lead, marked.strip(), rest, literal(f"[{check['passage']}]"))))


def quote_of(check: Mapping[str, Any], passages: Sequence[Passage]) -> Quote:
    """The quote of a check, with a little of its passage around it."""
    number, quote, at = check["passage"], check["quote"], check.get("at", 0)
    runs, end = [], 0
    for begin, after in joined(check.get("carriers", ()), quote):
        runs += [(quote[end:begin], False), (quote[begin:after], True)]
        end = after
    runs.append((quote[end:], False))
    before = behind = ""
    if 0 < number <= len(passages) and check.get("part"):
        passage = passages[number - 1]
        whole = passage.title if check["part"] == "title" else passage.text
        if whole[at : at + len(quote)] == quote:
            before, behind = whole[:at], whole[at + len(quote) :]
    lead = "… " + before[-AROUND:].partition(" ")[2] if len(before) > AROUND else before
    rest = behind[:AROUND].rpartition(" ")[0] + " …" if len(behind) > AROUND else behind
    return Quote(lead, tuple(run for run in runs if run[0]), rest)


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
