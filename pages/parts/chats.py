"""The reader's conversations in the sidebar, and what can be done with one: rename, share, export, delete."""

from __future__ import annotations

import streamlit as st

from desk import export
from desk.conversations import Conversation
from llm.markdown import literal
from pages import Services, ago, now
from pages.parts.turns import exchanges

RENAME, SHARE, EXPORT, DELETE = "Rename", "Share", "Export", "Delete"
SHOWN, MORE = 15, 200
TITLE_CHARACTERS = 120
KINDS = {
    "Markdown": ("md", "text/markdown", export.markdown),
    "HTML": ("html", "text/html", export.html),
    "JSON": ("json", "application/json", export.as_json),
}


def draw_chats(part: Services, current: str, talk: Conversation | None) -> None:
    """All conversations, newest first, and what can be done with the one that is open: `talk`, if it has begun."""
    with st.sidebar:
        # Buttons, not page links: Streamlit marks every link to the page one is on, and that would be all of them.
        st.button("New chat", icon=":material/edit_square:", type="tertiary", on_click=open_chat)
        wanted = st.text_input(
            "Search chats", key="chat_search", placeholder="Search chats", label_visibility="collapsed"
        )
        if removed := st.session_state.get("removed_chat"):
            st.button(
                "Undo delete", icon=":material/undo:", type="tertiary", on_click=restore_chat, args=(part, removed)
            )
        if talk:
            draw_current(part, talk)
        many = bool(wanted) or st.session_state.get("all_chats", False)
        known = [
            chat
            for chat in part.conversations.recent(search=wanted, limit=MORE if many else SHOWN + 1)
            if chat.id != current
        ]
        if not known and (wanted or talk is None):
            st.caption("No chat with these words." if wanted else "No chats yet.")
        with st.container(gap="xxsmall"):
            for chat in known if many else known[:SHOWN]:
                st.button(
                    literal(chat.title), key=f"chat-{chat.id}", type="tertiary", wrap=False, on_click=open_chat,
                    args=(chat.id,), help=f"Last asked {ago(chat.updated_at)}",
                )  # fmt: skip
        if not many and len(known) > SHOWN:
            st.toggle("Show all chats", key="all_chats")


def draw_current(part: Services, talk: Conversation) -> None:
    """The open conversation: its name and its menu, and below it what was chosen there."""
    doing = st.session_state.get("doing") if st.session_state.get("doing_chat") == talk.id else None
    with st.container(horizontal=True, vertical_alignment="center", gap="xxsmall"):
        st.markdown(f"**{literal(talk.title)}**", width="stretch")
        st.menu_button(
            "Chat menu", [RENAME, SHARE, EXPORT, DELETE], key="chat_menu", type="tertiary", wrap=False,
            on_click=choose, args=(part, talk.id),
        )  # fmt: skip
    if doing == RENAME:
        with st.form("rename", border=False):
            st.text_input("Name", talk.title, key="new_title", max_chars=TITLE_CHARACTERS)
            st.form_submit_button("Rename", on_click=rename, args=(part, talk.id))
    elif doing == SHARE:
        draw_share(part, talk)
    elif doing == EXPORT:
        draw_export(part, talk)


def draw_share(part: Services, talk: Conversation) -> None:
    """The link that shows this conversation to others, read-only."""
    if talk.shared:
        st.caption("Whoever has this link can read this chat as it is now and as it goes on, and nothing else.")
        st.code(f"{address()}/shared?s={talk.shared}", language=None, wrap_lines=True)
        st.button("Stop sharing", key="unshare", type="tertiary", on_click=part.conversations.unshare, args=(talk.id,))
    else:
        st.caption("Makes a link under which this chat can be read by whoever has it. You can take it back.")
        st.button("Make the link", key="share", on_click=part.conversations.share, args=(talk.id,))


def draw_export(part: Services, talk: Conversation) -> None:
    """The conversation as a file, made when it is asked for."""
    st.caption("The branch you see, with its sources and your notes.")
    with st.container(horizontal=True, gap="xsmall"):
        for kind, (ending, mime, write) in KINDS.items():
            st.download_button(
                kind, lambda write=write: write(talk.title, exchanges(part.conversations.turns(talk.id))),
                file_name=f"broadsheet-{talk.id[:8]}.{ending}", mime=mime, key=f"export-{ending}", on_click="ignore",
            )  # fmt: skip


def address() -> str:
    """The address of this app as the reader's browser has it, without a page."""
    return (st.context.url or "").split("?")[0].rstrip("/")


def choose(part: Services, chat: str) -> None:
    """What was chosen in the menu is shown, or done."""
    chosen = st.session_state.get("chat_menu")
    if chosen == DELETE:
        remove_chat(part, chat)
    else:
        again = st.session_state.get("doing") == chosen and st.session_state.get("doing_chat") == chat
        st.session_state.doing, st.session_state.doing_chat = None if again else chosen, chat


def rename(part: Services, chat: str) -> None:
    """Give the conversation the name that was typed."""
    if title := st.session_state["new_title"].strip():
        part.conversations.rename(chat, title)
    st.session_state.doing = None


def open_chat(chat: str = "") -> None:
    """Go to a conversation, or to a new one."""
    st.query_params.from_dict({"c": chat} if chat else {})


def remove_chat(part: Services, chat: str) -> None:
    """Hide the conversation and start a new one; undo stays offered."""
    part.conversations.remove(chat, now=now())
    st.session_state.removed_chat = chat
    st.query_params.clear()


def restore_chat(part: Services, chat: str) -> None:
    """Bring a removed conversation back."""
    part.conversations.restore(chat)
    del st.session_state.removed_chat
    st.query_params["c"] = chat
