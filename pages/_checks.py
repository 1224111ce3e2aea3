"""What came of checking an answer: a line, which opens into its claims and the quotes that bear them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from llm.markdown import literal
from pages import count

if __name__ == "__main__":  # every file of this folder has an address; this one has nothing to show
    st.switch_page("app.py")

VERDICTS = ("supported", "partly", "not found", "contradicted")
MARKS = {
    "supported": ":material/check:",
    "partly": ":material/help:",
    "not found": ":material/close:",
    "contradicted": ":material/priority_high:",
}
SHOWN = 20
"""The most claims that are listed."""


def draw_checks(checks: Sequence[Mapping[str, Any]], *, key: str) -> None:
    """The line "11 claims: 9 supported, 1 partly, 1 not found", folded; nothing for an answer that claims nothing.

    What is folded is drawn when it is opened: it says most of the answer once more.
    """
    if not checks:
        return
    counted = Counter(check["verdict"] for check in checks)
    told = ", ".join(f"{counted[verdict]} {verdict}" for verdict in VERDICTS if counted[verdict])
    with st.expander(f"{count(len(checks), 'claim')}: {told}", type="compact", key=key, on_change="rerun") as opened:
        if not opened.open:
            return
        st.markdown("\n\n".join(map(in_words, checks[:SHOWN])))
        st.caption("Checked by program, word by word, against the passages: no second model was asked.")


def in_words(check: Mapping[str, Any]) -> str:
    """A claim with its verdict, what failed, and the words of the passage that bear it most."""
    failed = [told(failure) for failure in check["failed"]] if check["verdict"] != "supported" else []
    about = [check["verdict"].capitalize(), *failed[:3]]
    if check["found"]:
        about.append(f"found by Broadsheet in passage {check['found']}")
    rows = [
        f"{MARKS.get(check['verdict'], '')} {literal(check['claim'])}",
        f":small[:gray[{literal('; '.join(about))}]]",
    ]
    quote = (
        f"\n\n> {literal(check['quote'])} :gray[{literal('[' + str(check['passage']) + ']')}]" if check["quote"] else ""
    )
    return "  \n".join(rows) + quote


def told(failure: Mapping[str, str]) -> str:
    """What a passage does not hold, in words."""
    instead = f", the passage has “{failure['found']}”" if failure["found"] else ""
    return f"{failure['kind']} “{failure['claimed']}”{instead}"
