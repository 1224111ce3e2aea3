"""Ask: the chat over the reader's own news, and the home page."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import cache
from itertools import count as counting

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from desk.conversations import Conversation, Turn
from llm import assistant
from llm.base import ChatModel, ModelError
from llm.blocks import cut
from llm.extractive import ExtractiveModel
from llm.live import Live
from llm.markdown import link, literal
from news.front import story as whole_story
from news.types import Found, Horizon
from pages import QUESTION_CHARACTERS, Services, count, frame, now
from pages.parts.adding import choose_feeds
from pages.parts.answer import Place, awaited, stream
from pages.parts.asking import (
    Intent,
    begin,
    correct,
    find,
    holding,
    intend,
    intended,
    resume,
    told,
    was_stopped,
    watched,
)
from pages.parts.chats import draw_chats
from pages.parts.checks import draw_pressed
from pages.parts.gate import GATE
from pages.parts.meter import draw_ledger, draw_meter, in_words, redraw_line
from pages.parts.model import chat_model
from pages.parts.plain import to_the_end
from pages.parts.turns import (
    DESK,
    PERSON,
    claim_of,
    draw_foot,
    draw_question,
    draw_turn,
    marks_of,
    replay_marked,
    written,
)
from pages.parts.voice import heard, may_speak
from pages.parts.welcome import draw_welcome, overview

ID = re.compile("[0-9]{1,9}")
TURNS_SHOWN = 30
SENT_S = 0.02
"""What is drawn at one place within so short a time is sent as one, and the emptying would be left out."""
AT_ONCE_S = 0.15
"""Who waits for the first words for longer sees the rest of the page meanwhile."""
LOOKS_S, RESTS_S = 4.0, 86_400.0
"""How often a page looks whether an answer that the reader stopped has ended; and once none is written any more, as
nothing takes such a look away but another run. Each costs two kilobytes on the way to the browser."""


def conversation_id(part: Services) -> str:
    """The id in the URL if it is one of ours in form, else a new one, which enters the URL with its first question."""
    given = st.query_params.get("c", "")
    if re.fullmatch("[0-9a-f]{32}", given):
        if not part.reader.shares or part.conversations.is_free(given):
            return given
        st.caption("The chat at this address is not one of yours. Whoever began it can share it with you.")
    fresh: str = st.session_state.setdefault("fresh_chat", part.conversations.new_id())
    return fresh


def draw_pin(part: Services) -> tuple[int, ...]:
    """The article or the story that the URL pins into the context, with a way to let it go; gives its entries' ids."""
    place = st.empty()  # else what was pinned in another chat would be seen, greyed, until the answer ends
    pin, story = (st.query_params.get(name, "") for name in ("pin", "story"))
    told = whole_story(part.store, int(story), now=now()) if ID.fullmatch(story) else None
    entry = told.lead if told else part.store.entry(int(pin)) if ID.fullmatch(pin) else None
    if entry is None:
        return ()
    pinned = told.in_short() if told else (entry,)
    of = f"{len(pinned)} of its {count(len(told.entries), 'report')}" if told else literal(entry.feed)
    with place.container(horizontal=True, vertical_alignment="center"):
        about = f":small[About] {link(entry.title, entry.url)} :small[:gray[{of}]]"
        st.markdown(about, width="stretch")
        if st.button("Remove", key="unpin", icon=":material/close:", type="tertiary"):
            for name in ("pin", "story"):
                st.query_params.pop(name, None)
            st.rerun()
    return tuple(one.id for one in pinned)


def draw_begun(turn: Turn, live: Live, *, box_stops: bool) -> Place:
    """The question of an answer that is being written, and what it waits for: all that a reader sees at once.

    `box_stops`: the question box offers to stop it, as Streamlit lets it only in a run that the box itself began.
    """
    draw_question(turn)
    with st.chat_message("assistant", avatar=DESK):
        with st.container(key=f"answer-{turn.id}"):
            first, more = st.empty(), st.empty()
        foot = st.empty()
        if not live.markdown:
            first.caption(awaited(live))
        if not box_stops:
            foot.button(
                "Stop the answer", key=f"stop-{turn.id}", icon=":material/stop:", type="tertiary", on_click=live.stop
            )
    return Place(first, more, foot, time.monotonic())


def draw_live(part: Services, turn: Turn, live: Live, place: Place, draw_rest: Callable[[], object]) -> Turn | None:
    """The answer while it is written, from its beginning; the turn when it has ended, None if it is gone or lags.

    What stood in its place before this run would be seen, greyed, until the answer ends, if the place were not sent
    empty first. `draw_rest` is called while the first words are waited for, and whenever words were sent.
    """
    with watched(part, turn, live):
        if not live.begins(AT_ONCE_S):
            draw_rest()
        time.sleep(max(0.0, place.since + SENT_S - time.monotonic()))
        with place.more.container():
            stream(live, place.first, meanwhile=draw_rest)
    return part.conversations.turn(turn.id) if live.wait(2.0) else None


def draw_ended(part: Services, chat: str, turn: Turn, live: Live, earlier: Sequence[Turn], place: Place) -> None:
    """What stands below an answer that has just ended; the answer anew, if it is not to be seen as it was streamed."""
    passages = assistant.read_passages(turn.details)
    marked = marks_of(turn, passages)
    is_seen = live.answer is not None and not marked.hidden and len(cut(marked.markdown)) == live.blocks
    if turn.answer and not is_seen:
        place.first.empty()
        with place.more.container():
            replay_marked(turn.id, marked)
    with place.foot.container():
        draw_foot(part, chat, turn, passages, earlier, last=True, fresh=True)


def look_for_end(live: Live | None, ticks: Iterator[int]) -> None:
    """A fragment: draw the page anew when its answer has ended, as after Stop nothing else would."""
    if live and next(ticks) and live.finished:
        st.rerun()


def ask_box(part: Services) -> str:
    """The question that was typed, or spoken and written down; "" for none."""
    given = st.chat_input(
        "Ask about the news", key="question", submit_mode="stop", max_chars=QUESTION_CHARACTERS,
        accept_audio=may_speak(),
    )  # fmt: skip
    if given is None or isinstance(given, str):
        return (given or "").strip()
    typed = str(given.text).strip()
    return typed or (heard(part, given.audio.getvalue()) if given.audio else "")


def draw_draft(
    part: Services, talk: Conversation | None, chat: str, question: str, path: Sequence[Turn], pinned: Sequence[int],
    model: ChatModel,
) -> None:  # fmt: skip
    """A question that waits for the reader's word: what would be sent with it, and the button that sends it."""
    with st.chat_message("user", avatar=PERSON):
        st.markdown(written(question))
    with st.chat_message("assistant", avatar=DESK):
        request = prepared(part, talk, question, path, pinned, model)
        if isinstance(request, str):
            st.caption(literal(request))
        else:
            st.markdown(f"This would be sent: {literal(in_words(request.ledger))}.")
            draw_ledger(part, talk, chat, request.ledger, place="draft")
            with st.expander("Word for word", type="compact"):
                for message in request.messages:
                    st.caption(message.role.capitalize())
                    st.code(message.content, language=None, wrap_lines=True)
        with st.container(horizontal=True, gap="xsmall"):
            st.button(
                "Send", type="primary", key="send_draft", disabled=isinstance(request, str), on_click=send_draft,
                args=(chat, question, request),
            )  # fmt: skip
            st.button("Leave it", type="tertiary", key="drop_draft", on_click=drop_draft, args=(chat,))


def prepared(
    part: Services,
    talk: Conversation | None,
    question: str,
    path: Sequence[Turn],
    pinned: Sequence[int],
    model: ChatModel,
) -> assistant.Request | str:
    """What would be sent for this question; or why nothing can be, in a sentence."""
    at = now()
    held, kept, dropped = holding(talk, pinned)
    nothing = Found((), Horizon(0, 0, None, None))
    found = find(part, question, path, held, at) if question or held else nothing
    try:
        return assistant.prepare(
            question,
            told(path),
            model=model,
            found=found,
            now=at,
            pinned=kept,
            dropped=dropped,
        )
    except ModelError as error:
        return str(error)


def send_draft(chat: str, question: str, request: assistant.Request) -> None:
    """Send what was shown."""
    st.session_state.shown_request = request
    drop_draft(chat)
    intend("ask", text=question)


def drop_draft(chat: str) -> None:
    """Send nothing."""
    st.session_state.drafts.pop(chat, None)


def act(
    part: Services, talk: Conversation | None, chat: str, intent: Intent, turns: list[Turn], pinned: Sequence[int]
) -> tuple[Turn, Live, list[Turn]] | None:
    """Do what the reader wants of this run: the turn that is answered now, its answer, and the turns on the page."""
    place = next((place for place, turn in enumerate(turns) if turn.id == intent.turn), len(turns))
    if intent.kind == "correct":
        return correct(part, chat, intent.turn, turns)
    if intent.kind == "ask":
        request = st.session_state.pop("shown_request", None)
        turn, live = begin(part, chat, intent.text, turns, talk=talk, pinned=pinned, request=request)
        return turn, live, [*turns, turn]
    if place == len(turns):  # the turn is of another branch now, or gone: another tab was quicker
        return None
    turn, path = turns[place], turns[:place]
    if intent.kind == "resume":
        return turn, resume(part, chat, turn, path), turns
    if not turn.answer and turn is turns[-1]:  # nothing worth keeping a branch for, and nothing was asked after it
        part.conversations.remove_turn(turn.id)
    question = intent.text or turn.question
    fresh, live = begin(part, chat, question, path, talk=talk, pinned=turn.pinned or pinned, model=intent.model)
    fresh = part.conversations.turn(fresh.id) or fresh
    return fresh, live, [*path, fresh]


with GATE.turn(first=True):  # what is seen at once, of everybody's questions; the rest of each page comes after
    part = frame("Ask")
    chat = conversation_id(part)
    turns = part.conversations.turns(chat)
    is_asked = bool(st.session_state.get("question") or st.session_state.get("intent"))
    seen = None if turns or is_asked else overview(part)
    if seen and not seen.horizon.articles and not part.store.entries(limit=1):
        draw_chats(part, chat, None)
        if part.reader.may_choose_feeds:
            choose_feeds(part)
        else:
            st.markdown("There is no news here yet. Come back later.")
        st.stop()

    history = st.container()
    model = chat_model()
    if isinstance(model, ExtractiveModel):
        st.caption(
            "No model key: answers are quotations from your feeds. Add a Groq key in Settings for written answers."
        )
    pinned = draw_pin(part)
    # The box is not put into the bottom by us: only where Streamlit does it itself does the page follow what is new.
    typed, under = ask_box(part), st.bottom.container()

    intent = intended()
    if typed:
        intent = Intent("ask", text=typed)
    drafts: dict[str, str] = st.session_state.setdefault("drafts", {})
    looks_first = st.session_state.get("look_first") and "shown_request" not in st.session_state
    if intent and intent.kind == "ask" and looks_first:
        drafts[chat], intent = intent.text, None
    lives = [(turn, live) for turn in turns if (live := part.lives.get(turn.id))]
    if any(live.finished and turn.state == "streaming" for turn, live in lives):  # it ended since they were read
        turns = part.conversations.turns(chat)
    running = [(turn, live) for turn, live in lives if not live.finished]
    if running and (intent or any(was_stopped(part, turn) for turn, _ in running)):
        for _, live in running:
            live.stop()
            live.wait(2.0)
        running, turns = [], part.conversations.turns(chat)
    talk = part.conversations.get(chat)
    started = act(part, talk, chat, intent, turns, pinned) if intent else None
    st.session_state.chat = chat if started or turns else ""
    with ExitStack() as here:  # whoever presses Stop from now on means this answer, before a word of it is looked at
        if started:
            turn, live, turns = started
            running = [(turn, live)]
        for _, live in running:
            here.enter_context(live.attended())
        if started:
            talk = talk or part.conversations.get(chat)
            st.query_params["c"] = chat
            st.session_state.pop("fresh_chat", None)
        draft = drafts.get(chat)
        written_now = {turn.id: live for turn, live in running}
        with history:
            welcome = st.empty()
            shown = turns
            if len(turns) > TURNS_SHOWN and not st.toggle(f"Show all {len(turns)} questions", key="show_all"):
                shown = turns[-TURNS_SHOWN:]
            spots = [(turn, st.container()) for turn in shown]
            places = {}
            for turn, spot in spots:
                if turn.id in written_now:
                    with spot:
                        places[turn.id] = draw_begun(turn, written_now[turn.id], box_stops=bool(typed))

        looking = st.empty()
        for _, live in running:
            with looking.container():
                st.fragment(look_for_end, run_every=LOOKS_S)(live, counting())


@cache
def draw_rest() -> DeltaGenerator | None:
    """All else of the page; gives the line of the meter, as `draw_meter` does, None if nothing can be sent."""
    draw_chats(part, chat, talk)
    line = None
    with under:
        if isinstance(planned := prepared(part, talk, "", turns, pinned, model), assistant.Request):
            line = draw_meter(part, talk, chat, planned.ledger)
        with st.container(gap=None):
            to_the_end(running[-1][0].id if started else draft or "")
            draw_pressed(lambda turn, number: claim_of(part.conversations.turn(turn), number))
    if not turns and not draft:
        with welcome.container():
            draw_welcome(seen or overview(part))
    for turn, spot in spots:
        if turn.id not in places:
            with spot:
                last = turn is turns[-1]
                draw_turn(part, chat, turn, turns[:-1] if last else (), last=last and not running)
    if draft and not running:
        with history:
            draw_draft(part, talk, chat, draft, turns, pinned, model)
    return line


def draw_rest_if_free() -> None:
    """The same, once, as soon as it holds up nobody."""
    with GATE.chance() as free:
        if free:
            draw_rest()


if not places:
    with GATE.turn():
        draw_rest()
for turn, live in running:
    if turn.id in places:
        ended = draw_live(part, turn, live, places[turn.id], draw_rest_if_free)
        with GATE.turn():
            line = draw_rest()
            if ended is None or line is None or ended.id != turns[-1].id:  # what stands elsewhere changes too
                st.rerun()
            turns = [ended if one.id == ended.id else one for one in turns]
            draw_ended(part, chat, ended, live, turns[:-1], places[turn.id])
            with looking.container():
                st.fragment(look_for_end, run_every=RESTS_S)(None, counting())
            if isinstance(planned := prepared(part, talk, "", turns, pinned, model), assistant.Request):
                redraw_line(line, planned.ledger)
