"""A question that is spoken, an answer that is read aloud: by the server's own models, where the key may use them."""

from __future__ import annotations

import re

import streamlit as st

from llm.base import ModelError
from llm.citations import unmarked
from llm.markdown import literal
from pages import Services
from pages.parts.budget import Payer
from pages.parts.model import configured

KEPT = 8
"""So many recordings are kept in a session; a minute of one is about 3 MB."""


def may_speak() -> bool:
    """Whether a question can be spoken."""
    model = configured()
    return bool(model and model.hears())


def may_listen() -> bool:
    """Whether an answer can be read aloud."""
    model = configured()
    return bool(model and model.speaks())


def heard(part: Services, recording: bytes) -> str:
    """What was said in a recording; "" if that cannot be told, and then the reason is shown."""
    model = configured()
    if model is None:
        return ""
    try:
        Payer(part, model).charge(model.hears(), 0)
        with st.spinner("Listening …"):
            return model.transcribe(recording).strip()
    except ModelError as error:
        st.caption(literal(str(error)))
        return ""


def spoken(raw: str) -> str:
    """An answer's words without numbers of passages and marks of Markdown."""
    return re.sub(r"(?m)^\s*(?:[-+>]|#+|[|: -]+$)\s*|[*_`~|]+", "", unmarked(raw))


def read_aloud(part: Services, key: str, raw: str) -> None:
    """Play an answer, of which `raw` is what the model wrote; its sound is made once and kept under `key`."""
    made: dict[str, bytes] = st.session_state.setdefault("recordings", {})
    model = configured()
    if key not in made and model is not None:
        try:
            Payer(part, model).charge(model.speaks(), 0)
            with st.spinner("Getting the voice …"):
                made[key] = model.speak(spoken(raw))
        except ModelError as error:
            st.caption(literal(str(error)))
            return
        for old in list(made)[:-KEPT]:
            del made[old]
    if key in made:
        st.audio(made[key], format="audio/wav", autoplay=True)
