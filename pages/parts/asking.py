"""Asking: a question is kept, and its answer is written by a thread that outlives the page."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from typing import Any, Literal

import streamlit as st

import logs
from desk.conversations import Conversation, Turn
from desk.usage import Kind as SpentKind
from desk.usage import Spent
from llm import assistant, models, summary
from llm.base import ChatModel
from llm.live import Live
from news.search import search
from news.types import Found
from pages import Leaving, Services, is_connected, now, session_id
from pages.parts.budget import Payer
from pages.parts.model import chat_model

log = logging.getLogger(__name__)

ID_CHARACTERS = 12
"""Of a turn's id, as the question's in the log: enough to find it, and too few to open it."""
TELLS_S = 0.2
"""After this a session whose connection was lost is not called connected any more, and one that went on runs again."""

DESERTED = "This answer was stopped when nobody was there to read it."

Kind = Literal["ask", "again", "edit", "resume", "correct"]


@dataclass(frozen=True, slots=True)
class Intent:
    """What the reader wants of this run: ask `text`; or ask turn `turn` again or changed, go on with its answer, or
    have it corrected.
    """

    kind: Kind
    turn: str = ""
    text: str = ""
    model: str = ""


def intend(kind: Kind, turn: str = "", *, text: str = "", model: str = "") -> None:
    """The next run of Ask does this."""
    st.session_state.intent = Intent(kind, turn, text, model)


def intended() -> Intent | None:
    """What this run is to do, once."""
    intent: Intent | None = st.session_state.pop("intent", None)
    return intent


def entries_in(keys: Sequence[str]) -> list[int]:
    """The entries among the keys of a ledger; the others are turns, whose keys are longer."""
    return [int(key) for key in keys if key.isdecimal() and len(key) <= 12]


def holding(talk: Conversation | None, pinned: Sequence[int]) -> tuple[list[int], list[str], tuple[str, ...]]:
    """The entries that a search must bring, and the keys that the window holds and drops: by the page and the chat."""
    chosen, dropped = (talk.pinned, talk.dropped) if talk else ((), ())
    held = list(dict.fromkeys([*pinned, *entries_in(chosen)]))
    return held, [*map(str, held), *chosen], dropped


def told(path: Sequence[Turn]) -> list[assistant.Turn]:
    """The turns of a conversation as a model is told them."""
    return [
        assistant.Turn(turn.question, turn.answer, turn.id, turn.summary, headlines(turn.details))
        for turn in path
        if turn.answer
    ]


def headlines(details: Mapping[str, Any]) -> tuple[str, ...]:
    """What an answer cites, by its headlines."""
    return tuple(citation["title"] for citation in details.get("citations", ()))


def find(part: Services, question: str, path: Sequence[Turn], pinned: Sequence[int], at: datetime) -> Found:
    """What the stored news has on a question that follows these turns."""
    began = time.monotonic()
    found = search(part.store, question, now=at, earlier=[turn.question for turn in path], pinned=pinned)
    figures = {"passages": len(found.passages), "articles": found.horizon.articles}
    log.info("searched", extra={**figures, "seconds": time.monotonic() - began})
    return found


def begin(
    part: Services,
    chat: str,
    question: str,
    path: Sequence[Turn],
    *,
    talk: Conversation | None = None,
    pinned: Sequence[int] = (),
    model: str = "",
    request: assistant.Request | None = None,
) -> tuple[Turn, Live]:
    """Keep the question that follows `path`, and let it be answered; `request` is what the reader was shown."""
    at = now()
    held, kept, dropped = holding(talk, pinned)
    turn = part.conversations.add_turn(chat, question, now=at, pinned=held, after=path[-1].id if path else "")
    before = told(path)

    def ask(answering: ChatModel) -> assistant.Answer:
        if request is not None:
            return assistant.send(request, model=answering)
        return assistant.ask(
            question,
            before,
            model=answering,
            retrieve=lambda words, _: find(part, words, path, held, at),
            now=at,
            pinned=kept,
            dropped=dropped,
        )

    return turn, start(part, chat, turn, before, model, ask)


def resume(part: Services, chat: str, turn: Turn, path: Sequence[Turn]) -> Live:
    """Go on with a turn's broken answer, in its place."""
    at, before = now(), told(path)
    details = turn.details

    def ask(answering: ChatModel) -> assistant.Answer:
        return assistant.resume(
            turn.question,
            before,
            turn.answer,
            assistant.read_found(details),
            model=answering,
            now=at,
            caveats=details.get("caveats", ()),
        )

    also = {"corrected": details["corrected"]} if "corrected" in details else {}
    return start(part, chat, turn, before, str(details.get("model", "")), ask, also)


def correct(part: Services, chat: str, wrong: str, turns: Sequence[Turn]) -> tuple[Turn, Live, list[Turn]] | None:
    """Have the answer of turn `wrong` corrected, once, as another version of it; None if that turn is gone."""
    turn = part.conversations.turn(wrong)
    place = next((place for place, other in enumerate(turns) if turn and other.parent == turn.parent), None)
    if turn is None or place is None:
        return None
    if turns[place].id != turn.id and not turns[place].answer:  # a correction of which nothing came
        part.conversations.remove_turn(turns[place].id)
    at, path, details = now(), turns[:place], turn.details
    before, failed = told(path), assistant.failed(details.get("checks", ()))
    fresh = part.conversations.add_turn(chat, turn.question, now=at, pinned=turn.pinned, after=turn.parent)

    def ask(answering: ChatModel) -> assistant.Answer:
        return assistant.correct(
            turn.question,
            before,
            turn.answer,
            failed,
            assistant.read_found(details),
            model=answering,
            now=at,
            caveats=details.get("caveats", ()),
        )

    live = start(part, chat, fresh, before, "", ask, {"corrected": {"turn": turn.id, "sentences": len(failed)}})
    return fresh, live, [*path, fresh]


def start(
    part: Services,
    chat: str,
    turn: Turn,
    before: Sequence[assistant.Turn],
    model: str,
    ask: Callable[[ChatModel], assistant.Answer],
    also: Mapping[str, Any] | None = None,
) -> Live:
    """Let a thread write the answer of `turn`, keep it as it grows, and keep what it took.

    `also` is kept with the answer's details.
    """

    asked = turn.id[:ID_CHARACTERS]
    log.info("asked", extra={"question": asked, "model": model, "turns": len(before)})

    def answer(answering: ChatModel) -> assistant.Answer:
        logs.question.set(asked)  # for all that the answer's thread does
        return ask(answering)

    def waits(seconds: float, reason: str) -> None:
        live.waits(seconds, reason)

    answering, spare = chat_model(model, on_wait=waits), chat_model(model)
    payer, sums = Payer(part, answering), Payer(part, spare, whole=False)

    def save(live: Live) -> None:
        state, reason = live.state, live.reason
        if live.deserted and "stop" not in part.left.get(turn.id, {}).values():
            reason = DESERTED
        if live.answer is None and turn.answer:  # what there was of it is kept, and can still go on
            answer, details, state = turn.answer, turn.details, "interrupted" if state == "failed" else state
        else:
            answer, details = live.raw, live.details | (also or {})
        part.conversations.save_turn(turn.id, answer=answer, state=state, reason=reason, details=details, now=now())

    def after(live: Live) -> None:
        logs.question.set(asked)
        log.info("answered", extra=outcome(live))
        payer.settle(live.details)
        keep_usage(part, "answer", live.details, chat=chat, turn=turn.id)
        if folded := fold(part, chat, turn, before, live, sums.metered(spare)):
            sums.settle(folded)

    def wanted() -> bool:
        left = part.left.get(turn.id, {})
        return any(how == "on" and is_connected(session) for session, how in left.items())

    live = Live(
        partial(answer, payer.metered(answering)), save=save, after=after, cancel=answering.cancel, wanted=wanted,
        slots=part.slots,
    )  # fmt: skip
    for old in [key for key, other in part.lives.items() if other.finished]:
        part.lives.pop(old, None)
        part.left.pop(old, None)
    part.lives[turn.id] = live
    part.left.pop(turn.id, None)
    live.start()
    return live


def outcome(live: Live) -> dict[str, object]:
    """How an answer ended, for the log."""
    details = live.details
    usage = details.get("usage") or {"prompt": 0, "completion": 0, "cached": 0}
    return {
        "state": live.state,
        "model": str(details.get("model", "")),
        **{name: usage[name] for name in ("prompt", "cached", "completion")},
        "first_s": details.get("first_s") or 0.0,
        "seconds": details.get("seconds") or 0.0,
        **({"error": type(live.error).__name__} if live.error else {}),
    }


def keep_usage(part: Services, kind: SpentKind, details: Mapping[str, Any], *, chat: str = "", turn: str = "") -> None:
    """Keep what an answer took, if its model said so."""
    usage, model = details.get("usage"), str(details.get("model", ""))
    if not usage:
        return
    known = models.info(model)
    cost = known.cost(**{name: usage[name] for name in ("prompt", "completion", "cached")}) if known else None
    part.usages.record(
        Spent(
            at=now(), conversation_id=chat, turn_id=turn, kind=kind, model=model, prompt=usage["prompt"],
            cached=usage["cached"], completion=usage["completion"], reasoning=usage["reasoning"], cost=cost,
            first_s=details.get("first_s"), seconds=details.get("seconds"),
        )
    )  # fmt: skip


def fold(
    part: Services, chat: str, turn: Turn, before: Sequence[assistant.Turn], live: Live, model: ChatModel
) -> dict[str, Any]:
    """After an answer: turns that will not fit beside the next question are summed up, and the summary is kept.

    Gives what that took as the details of an answer do, nothing if no model was asked.
    """
    if live.answer is None or live.state != "done":
        return {}
    turns = [*before, assistant.Turn(turn.question, live.raw, turn.id, "", headlines(live.details))]
    given = summary.folding(turns, live.answer.ledger, model)
    if given is None:
        return {}
    folded = summary.fold(given, model=model)
    part.conversations.fold(given.key, folded.summary)
    if not folded.usage:
        return {}
    took = {"usage": asdict(folded.usage), "model": folded.model}
    keep_usage(part, "summary", took, chat=chat, turn=given.key)
    return took


@contextmanager
def watched(part: Services, turn: Turn, live: Live) -> Iterator[None]:
    """While a page looks on. How it leaves is kept.

    Streamlit ends a run in the same way for Stop, for a click and for a lost connection. After a click the same session
    runs again, here or on another page, and the answer goes on; with a lost connection the session went.
    """
    session = session_id()
    others = {other: how for other, how in part.left.get(turn.id, {}).items() if how == "on" and other != session}
    part.left[turn.id] = others
    try:
        with live.attended():
            yield
    finally:  # nothing of Streamlit may be touched here: this run may have been stopped
        if not live.finished:
            time.sleep(TELLS_S)
            how: Leaving = "lost" if not is_connected(session) else "on" if part.went_on else "stop"
            part.left[turn.id] = {**part.left.get(turn.id, {}), session: how}


def was_stopped(part: Services, turn: Turn) -> bool:
    """Whether the reader pressed Stop on an answer that is still being written, and came back by a reload.

    To the session that pressed it this is not said: where many are drawn, its next run may have begun late.
    """
    left = part.left.get(turn.id, {})
    return any(how == "stop" and session != session_id() for session, how in left.items())
