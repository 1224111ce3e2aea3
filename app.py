"""Ask: the chat over the reader's own news, and the home page."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from desk.conversations import Turn
from llm import assistant
from llm.extractive import ExtractiveModel
from llm.live import Live
from llm.markdown import link, literal
from news import sample, searches
from news.search import keywords, search
from news.store import Filter
from news.types import Found
from pages import (
    QUESTION_CHARACTERS,
    Services,
    ago,
    chat_model,
    count,
    frame,
    is_connected,
    now,
    session_id,
    sources,
)
from pages._adding import choose_feeds, search_web, templates, was_searched
from pages._answer import replay, stream
from pages._plain import plain

TURNS_SHOWN = 30
SESSION_GOES_S = 0.2
"""After this a session whose connection was lost is not called connected any more."""
SUGGESTIONS = 4


def conversation_id(part: Services) -> str:
    """The id in the URL if it is one of ours in form, else a new one, which enters the URL with its first question."""
    given = st.query_params.get("c", "")
    if re.fullmatch("[0-9a-f]{32}", given):
        return given
    return part.conversations.new_id()


def draw_pin(part: Services) -> int | None:
    """The article that the URL pins into the context, with a way to let it go; gives its entry's id."""
    given = st.query_params.get("pin", "")
    entry = part.store.entry(int(given)) if re.fullmatch("[0-9]{1,12}", given) else None
    if entry is None:
        return None
    with st.container(horizontal=True, vertical_alignment="center"):
        about = f":small[About] {link(entry.title, entry.url)} :small[:gray[{literal(entry.feed)}]]"
        st.markdown(about, width="stretch")
        if st.button("Remove", key="unpin", icon=":material/close:", type="tertiary"):
            del st.query_params["pin"]
            st.rerun()
    return entry.id


def draw_sidebar(part: Services, current: str) -> None:
    """The reader's conversations, newest first."""
    with st.sidebar:
        # Buttons, not page links: Streamlit marks every link to the page one is on, and that would be all of them.
        st.button("New chat", icon=":material/edit_square:", type="tertiary", on_click=open_chat)
        wanted = st.text_input(
            "Search chats", key="chat_search", placeholder="Search chats", label_visibility="collapsed"
        )
        known = part.conversations.recent(search=wanted)
        if not known:
            st.caption("No chats yet." if not wanted else "No chat with these words.")
        for chat in known:
            title = literal(chat.title)
            label = f"**{title}**" if chat.id == current else title
            told = f"Last asked {ago(chat.updated_at)}"
            st.button(label, key=f"chat-{chat.id}", type="tertiary", help=told, on_click=open_chat, args=(chat.id,))
        if removed := st.session_state.get("removed_chat"):
            st.button(
                "Undo delete", icon=":material/undo:", type="tertiary", on_click=restore_chat, args=(part, removed)
            )
        elif any(chat.id == current for chat in known):
            st.button(
                "Delete this chat",
                icon=":material/delete:",
                type="tertiary",
                on_click=remove_chat,
                args=(part, current),
            )


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


def suggestions(part: Services) -> list[str]:
    """Questions to begin with: the sample's own, or what today's outlets lead with."""
    entries = part.store.entries(Filter(as_of=now()), limit=40)
    if not entries:
        return []
    if all(entry.sample for entry in entries):
        return list(sample.QUESTIONS[:SUGGESTIONS])
    by_feed = {entry.feed: entry for entry in reversed(entries) if len(entry.title) < 90}
    newest = sorted(by_feed.values(), key=lambda entry: entry.published_at, reverse=True)
    return [f"What is known about this: {entry.title.rstrip('.')}?" for entry in newest[:SUGGESTIONS]]


def draw_welcome(part: Services) -> str | None:
    """An empty chat: what can be asked about, and questions to begin with. Returns the one that was picked."""
    horizon = part.store.horizon(Filter(as_of=now()))
    st.title("What would you like to know?", anchor=False)
    newest = f", the newest from {ago(horizon.until)}" if horizon.until else ""
    st.caption(f"{count(horizon.articles, 'article')} from {count(horizon.feeds, 'feed')}{newest}.")
    offered = suggestions(part)
    if not offered:
        return None
    labels = {literal(question): question for question in offered}
    picked = st.pills(
        "Questions to begin with", list(labels), key="suggestion", label_visibility="collapsed", wrap=True
    )
    return labels.get(picked or "")


def draw_question(turn: Turn) -> None:
    """The reader's words, letter by letter."""
    with st.chat_message("user", avatar=":material/person:"):
        st.markdown("  \n".join(literal(row) for row in turn.question.splitlines() if row.strip()))


def ask_again(turn_id: str) -> None:
    """The next run asks this turn's question once more, in its place."""
    st.session_state.again = turn_id


def draw_again(turn: Turn) -> None:
    """The button below an answer that did not end well."""
    st.button(
        "Try again",
        key=f"again-{turn.id}",
        icon=":material/refresh:",
        type="tertiary",
        on_click=ask_again,
        args=(turn.id,),
    )


def draw_turn(part: Services, turn: Turn, earlier: Sequence[Turn], *, last: bool) -> None:
    """A turn whose answer is not being written now."""
    draw_question(turn)
    with st.chat_message("assistant", avatar=":material/newspaper:"):
        passages = assistant.read_passages(turn.details)
        if turn.answer:
            replay(assistant.draw(turn.answer, passages))
            plain(turn.answer, turn.details, key=f"plain-{turn.id}")
        if told := ending(turn):
            st.caption(told)
        sources(passages, cited(turn.details))
        if told:
            draw_again(turn)
        elif last:
            draw_web(part, turn, earlier, turn.details)


def search_for(turn_id: str) -> None:
    """The next run searches the web for this turn's question."""
    st.session_state.web = turn_id


def draw_web(part: Services, turn: Turn, earlier: Sequence[Turn], details: Mapping[str, Any]) -> None:
    """Below an answer for which the stored news has nothing: a search elsewhere, then the question once more.

    Nothing of the question is sent there before the button is pressed.
    """
    if details.get("covered", True):
        return
    template = next(iter(templates(part)), None)
    query = searches.words(keywords(turn.question, [before.question for before in earlier]))
    if template is None or was_searched(part, template, query):
        return
    if st.session_state.get("web") == turn.id:
        del st.session_state.web
        with st.spinner(f"Searching {literal(template.name)} …"):
            trouble = search_web(part, template, query)
        if not trouble:
            ask_again(turn.id)
            st.rerun()
        st.caption(literal(trouble))
    st.button(
        f"Your feeds have nothing on this. Search {literal(template.name)}?",
        key=f"web-{turn.id}",
        icon=":material/travel_explore:",
        type="tertiary",
        help=f"Sends “{literal(query)}” to {literal(template.host)}, and nothing before you press this.",
        on_click=search_for,
        args=(turn.id,),
    )


def cited(details: Mapping[str, Any]) -> list[int]:
    """The numbers that an answer cites, in order of appearance."""
    return [citation["n"] for citation in details.get("citations", ())]


def ending(turn: Turn) -> str:
    """How a turn ended if it did not end well, in words; "" if it did."""
    if turn.state == "stopped":
        return "You stopped this answer."
    if turn.state == "streaming":
        return "This answer was cut off before it was finished."
    return literal(turn.reason)


def begin(
    part: Services, chat: str, question: str, earlier: Sequence[Turn], pinned: Sequence[int]
) -> tuple[Turn, Live]:
    """Store the question, then let its answer be written by a thread that outlives this run of the page."""
    model = chat_model(on_wait=lambda seconds, reason: live.waits(seconds, reason))
    turn = part.conversations.add_turn(chat, question, now=now(), pinned=pinned)
    conversations, store = part.conversations, part.store

    def retrieve(words: str, before: Sequence[str]) -> Found:
        return search(store, words, now=now(), earlier=before, pinned=pinned)

    def ask() -> assistant.Answer:
        told = [assistant.Turn(t.question, t.answer) for t in earlier if t.answer]
        return assistant.ask(question, told, model=model, retrieve=retrieve, now=now(), pinned=pinned)

    def save(live: Live) -> None:
        conversations.save_turn(
            turn.id,
            answer=live.raw,
            state=live.state,
            reason=live.reason,
            details=live.details,
            now=now(),
        )

    live = Live(ask, save=save, cancel=model.cancel, slots=part.slots)
    for old in [key for key, other in part.lives.items() if other.finished]:
        part.lives.pop(old, None)
    part.lives[turn.id] = live
    live.start()
    return turn, live


def draw_live(part: Services, turn: Turn, live: Live, earlier: Sequence[Turn]) -> None:
    """An answer while it is being written, from its beginning; ends when it does."""
    draw_question(turn)
    with st.chat_message("assistant", avatar=":material/newspaper:"):
        body, foot = st.container(), st.container()
        part.left.pop(turn.id, None)
        session = session_id()
        try:
            with body:
                stream(live)
        finally:  # nothing of Streamlit may be touched here: this run may have been stopped
            if not live.finished:
                time.sleep(SESSION_GOES_S)
                part.left[turn.id] = session if is_connected(session) else ""
        live.wait(2.0)
        with foot:
            plain(live.raw, live.details, key=f"plain-{turn.id}", say=live.reason)
            if live.state in ("failed", "interrupted"):
                st.caption(literal(live.reason))
            sources(assistant.read_passages(live.details), cited(live.details))
            if live.state in ("failed", "interrupted"):
                draw_again(turn)
            elif live.state == "done":
                draw_web(part, turn, earlier, live.details)


def was_stopped(part: Services, turn: Turn) -> bool:
    """Whether the reader pressed Stop on an answer that is still being written.

    Streamlit ends a run in the same way for Stop, for a click and for a lost connection. After a click the same session
    comes back; with a lost connection the session went. If another one asks now, it was Stop, then a reload.
    """
    return part.left.get(turn.id, "") not in ("", session_id())


part = frame("Ask")
chat = conversation_id(part)
turns = part.conversations.turns(chat)
if not turns and not part.store.entries(limit=1):
    draw_sidebar(part, chat)
    choose_feeds(part)
    st.stop()

history = st.container()
if isinstance(chat_model(), ExtractiveModel):
    st.caption("No model key: answers are quotations from your feeds. Add a Groq key in Settings for written answers.")
pin = draw_pin(part)
question = st.chat_input("Ask about the news", key="question", submit_mode="stop", max_chars=QUESTION_CHARACTERS)

with history:
    if not turns and not question:
        welcome = st.empty()
        with welcome.container():
            question = draw_welcome(part)
        if question:
            welcome.empty()
asked = (question or "").strip()
again = st.session_state.pop("again", None)
for turn in [turn for turn in turns if turn.id == again]:
    asked = turn.question
    part.conversations.remove_turn(turn.id)
    turns.remove(turn)
running = [(turn, live) for turn in turns if (live := part.lives.get(turn.id)) and not live.finished]
if running and (asked or any(was_stopped(part, turn) for turn, _ in running)):
    for _, live in running:
        live.stop()
        live.wait(2.0)
    running, turns = [], part.conversations.turns(chat)
written = {turn.id for turn, _ in running}
if asked:
    st.query_params["c"] = chat
    running.append(begin(part, chat, asked, turns, () if pin is None else (pin,)))
draw_sidebar(part, chat)

with history:
    shown = turns
    if len(turns) > TURNS_SHOWN and not st.toggle(f"Show all {len(turns)} questions", key="show_all"):
        shown = turns[-TURNS_SHOWN:]
    for turn in shown:
        if turn.id not in written:
            last = not running and turn is turns[-1]
            draw_turn(part, turn, turns[:-1] if last else (), last=last)
    for turn, live in running:
        draw_live(part, turn, live, [before for before in turns if before.id != turn.id])
