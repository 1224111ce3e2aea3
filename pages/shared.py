"""A conversation that its reader shared: to be read under its link, and nothing else."""

from __future__ import annotations

import re

import streamlit as st

from desk.conversations import Turn
from llm.markdown import literal
from pages import Services, frame, moment
from pages.parts.checks import draw_pressed
from pages.parts.turns import claim_of, draw_shared


def shared_turn(part: Services, link: str, turn: str) -> Turn | None:
    """A turn of what is shared under this link, if it still is."""
    talk = part.conversations.shared(link)
    return next((one for one in talk.turns if one.id == turn), None) if talk else None


part = frame("Shared", open_to_all=True)
given = st.query_params.get("s", "")
talk = part.conversations.shared(given) if re.fullmatch("[0-9a-f]{32}", given) else None
if talk is None:
    st.title("There is nothing here", anchor=False)
    st.markdown("This link is not one of ours, or whoever shared it has taken it back.")
    st.page_link("app.py", label="Ask something yourself", icon=":material/forum:")
    st.stop()

st.title(literal(talk.title), anchor=False)
st.caption(f"A shared chat, to be read only. Last asked on {moment(talk.updated_at)} UTC.")
for turn in talk.turns:
    draw_shared(turn)
draw_pressed(lambda turn, number: claim_of(shared_turn(part, given, turn), number))
