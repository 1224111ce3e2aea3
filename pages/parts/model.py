"""Which model answers in this session: Groq, another server, or the one that quotes.

Settings keeps what the reader chose in the session. Another server than the owner's own may be named only where the
owner allows it: this program connects to it, and a stranger could otherwise have it look around its own network.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from llm.base import CTX_LENGTH, ChatModel
from llm.extractive import ExtractiveModel
from llm.groq import GroqModel
from llm.models import DEFAULT, EFFORT
from news.fetch import says_yes
from pages import setting
from pages.parts.reader import access

GROQ, OTHER = "Groq", "Another server"
OnWait = Callable[[float, str], object]


def may_choose_server() -> bool:
    """Whether this reader may name a server: the owner says so, or nobody but this machine can open the page.

    Where others read, what listens on this machine alone has a proxy before it.
    """
    alone = access(setting("ACCESS")) == "personal"
    here = alone and st.get_option("server.address") in ("localhost", "127.0.0.1", "::1")
    return here or says_yes(setting("ALLOW_OWN_SERVER"))


def other_server() -> str:
    """The address of the other server that was chosen, "" for none."""
    if st.session_state.get("server") != OTHER or not may_choose_server():
        return ""
    return str(st.session_state.get("server_url") or "").strip()


def groq_key() -> str:
    """The key typed in Settings in this session, else the configured one, else ""."""
    return str(st.session_state.get("groq_key") or setting("GROQ_API_KEY"))


def is_shared() -> bool:
    """Whether questions go out with the owner's key, and not with one of this session."""
    return not other_server() and not st.session_state.get("groq_key")


def is_openai(address: str) -> bool:
    """Whether a server's address is written as servers with OpenAI's paths write theirs; those need no key."""
    return address.rstrip("/").endswith("/v1") and not address.rstrip("/").endswith("/openai/v1")


def configured(name: str = "", *, on_wait: OnWait | None = None) -> GroqModel | None:
    """The client of the server that was chosen, for the model `name` (default: the chosen one); None without one."""
    key, address, chosen = groq_key(), setting("GROQ_BASE_URL"), st.session_state.get("model") or setting("GROQ_MODEL")
    if other := other_server():
        key, chosen = (str(st.session_state.get(field) or "") for field in ("server_key", "server_model"))
        address = other
    elif not key and not is_openai(address):
        return None
    own = bool(other) or is_openai(address)
    client = partial(
        GroqModel, key, base_url=address or None, openai_paths=own, on_wait=on_wait,
        ctx_length=int(st.session_state.get("budget", CTX_LENGTH)), effort=st.session_state.get("effort", EFFORT),
    )  # fmt: skip
    if name or chosen or not own:
        return client(model=str(name or chosen or DEFAULT))
    listed = client().known()  # llama.cpp answers to any name, and our count would take its model for another
    return client(model=listed[0].id if listed else DEFAULT)


def chat_model(name: str = "", *, on_wait: OnWait | None = None) -> ChatModel:
    """The model that answers in this session: the configured one, else the one that quotes, which can be named too."""
    budget = int(st.session_state.get("budget", CTX_LENGTH))
    asked = None if name == ExtractiveModel.name else configured(name, on_wait=on_wait)
    return asked or ExtractiveModel(ctx_length=budget)
