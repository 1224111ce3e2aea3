"""A turn as it is drawn: the question, its answer, how it ended, what it rests on, and what can be done with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from desk import basis, evidence
from desk.conversations import Turn
from desk.export import Exchange, Source
from llm import assistant, bundle, citations, models
from llm.extractive import ExtractiveModel
from llm.markdown import literal
from llm.marks import Marked, mark
from llm.window import Ledger
from news import searches
from news.search import keywords
from news.types import Passage
from pages import QUESTION_CHARACTERS, Services, count, sources
from pages.parts.adding import search_web, templates, was_searched
from pages.parts.answer import replay
from pages.parts.asking import intend
from pages.parts.checks import draw_checks
from pages.parts.meter import list_ledger
from pages.parts.model import configured
from pages.parts.plain import plain
from pages.parts.searched import draw_searched
from pages.parts.voice import may_listen, read_aloud

PERSON, DESK = ":material/person:", ":material/newspaper:"
EDIT, AGAIN, SENT, LISTEN = "Edit the question", "Ask again", "What was sent", "Read aloud"
EVIDENCE = "Evidence"
OPENS = {SENT: "opened", LISTEN: "listening", EVIDENCE: "evidence"}
OTHER_MODELS = 3
NOTE_CHARACTERS = 500


def draw_turn(part: Services, chat: str, turn: Turn, earlier: Sequence[Turn], *, last: bool) -> None:
    """A turn whose answer is not being written now."""
    draw_question(turn)
    passages = assistant.read_passages(turn.details)
    with st.chat_message("assistant", avatar=DESK):
        with st.container(key=f"answer-{turn.id}"):
            replay_marked(turn.id, marks_of(turn, passages))
        with st.container():
            draw_foot(part, chat, turn, passages, earlier, last=last)


def replay_marked(key: str, marked: Marked) -> None:
    """A whole answer with the marks of its checks, and below it how much is left out; `key` is its turn's."""
    replay(marked.markdown)
    if marked.hidden:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(f"{count(marked.hidden, 'sentence')} hidden that no article says.", width="content")
            st.button("Show", key=f"unhide-{key}", type="tertiary", on_click=unhide, args=(key,))


def marks_of(turn: Turn, passages: Sequence[Passage]) -> Marked:
    """An answer with the marks of its checks; where this reader wants no claims without support, without them."""
    hide = bool(st.session_state.get("hide_unfound")) and not st.session_state.get(f"unhidden-{turn.id}")
    return mark(turn.answer, passages, turn.details.get("checks", ()), hide=hide)


def unhide(key: str) -> None:
    """Show in this answer what no article says."""
    st.session_state[f"unhidden-{key}"] = True


def draw_question(turn: Turn) -> None:
    """The reader's words, letter by letter, or a place to change them."""
    with st.chat_message("user", avatar=PERSON):
        if st.session_state.get("editing") == turn.id:
            with st.form(f"edit-{turn.id}", border=False):
                st.text_area(
                    "The question", turn.question, key=f"edited-{turn.id}", max_chars=QUESTION_CHARACTERS,
                    label_visibility="collapsed", height="content",
                )  # fmt: skip
                with st.container(horizontal=True, gap="xsmall"):
                    st.form_submit_button("Ask", type="primary", on_click=ask_edited, args=(turn.id,))
                    st.form_submit_button("Leave it", type="tertiary", on_click=stop_editing)
        else:
            st.markdown(written(turn.question))


def written(question: str) -> str:
    """A question as Markdown, line by line and letter by letter."""
    return "  \n".join(literal(row) for row in question.splitlines() if row.strip())


def draw_branches(part: Services, chat: str, turn: Turn) -> None:
    """Which of the versions of this turn is shown, and the way to the others."""
    place = turn.siblings.index(turn.id)
    for told, icon, to in (
        ("Earlier", "chevron_left", place - 1),
        ("Later", "chevron_right", place + 1),
    ):
        there = 0 <= to < len(turn.siblings)
        st.button(
            told, key=f"{icon}-{turn.id}", icon=f":material/{icon}:", type="tertiary", disabled=not there,
            on_click=part.conversations.switch, args=(chat, turn.siblings[to] if there else turn.id),
        )  # fmt: skip
        if icon == "chevron_left":
            st.caption(f"{place + 1} of {len(turn.siblings)}", width="content")


def draw_foot(
    part: Services, chat: str, turn: Turn, passages: Sequence[Passage], earlier: Sequence[Turn], *, last: bool,
    fresh: bool = False,
) -> None:  # fmt: skip
    """What stands below an answer; more below the `last` one, which came after `earlier`, and below a `fresh` one."""
    details = turn.details
    if notice := unseen(details.get("notice", ""), turn.id):
        st.caption(literal(notice))
    if told := ending(turn):
        st.caption(told)
        with st.container(horizontal=True, gap="small"):
            if turn.answer and details.get("resumable"):
                st.button(
                    "Continue", key=f"resume-{turn.id}", icon=":material/play_arrow:", type="tertiary",
                    on_click=intend, args=("resume", turn.id),
                )  # fmt: skip
            corrected = details.get("corrected")
            st.button(
                "Try again", key=f"again-{turn.id}", icon=":material/refresh:", type="tertiary", on_click=intend,
                args=("correct", corrected["turn"]) if corrected else ("again", turn.id),
            )  # fmt: skip
            if turn.state == "failed" and not turn.answer and configured():
                st.button(
                    "Quote the articles instead", key=f"quote-{turn.id}", icon=":material/format_quote:",
                    type="tertiary", on_click=intend, args=("again", turn.id), kwargs={"model": ExtractiveModel.name},
                )  # fmt: skip
    sources(passages, cited(details))
    draw_checks(details.get("checks", ()), passages, key=f"checks-{turn.id}")
    draw_correction(part, turn)
    draw_searched(turn, part.store)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if turn.answer:
            plain(turn.answer, details, key=f"plain-{turn.id}", say=turn.reason if fresh else None)
            st.feedback(
                "thumbs", key=f"rate-{turn.id}", default={-1: 0, 1: 1}.get(turn.rating), on_change=rate,
                args=(part, turn.id),
            )  # fmt: skip
            st.menu_button(
                "More", actions(details), key=f"more-{turn.id}", icon=":material/more_horiz:", type="tertiary",
                on_click=act, args=(turn.id,),
            )  # fmt: skip
        if len(turn.siblings) > 1:
            with st.container(horizontal=True, vertical_alignment="center", gap="xxsmall", width="content"):
                draw_branches(part, chat, turn)
        if told := spent(details):
            st.markdown(f":small[:gray[{literal(told)}]]", width="stretch")
    if turn.rating:
        st.text_input(
            "What was good or wrong about it?", turn.note, key=f"note-{turn.id}", max_chars=NOTE_CHARACTERS,
            placeholder="A note, if you like", label_visibility="collapsed", on_change=rate, args=(part, turn.id),
        )  # fmt: skip
    draw_opened(part, turn)
    below = st.empty()  # sent also when nothing comes into it: what stood there goes as the next answer begins
    if not last:
        return
    with below.container():
        draw_web(part, turn, earlier)
        for place, question in enumerate(details.get("follow_ups", ()) if turn.state == "done" else ()):
            st.button(
                literal(question), key=f"next-{turn.id}-{place}", icon=":material/subdirectory_arrow_right:",
                type="tertiary", on_click=intend, args=("ask",), kwargs={"text": question},
            )  # fmt: skip


def draw_correction(part: Services, turn: Turn) -> None:
    """Below a corrected answer, that it is one; below one with claims that failed, the button to have it corrected."""
    corrected = turn.details.get("corrected")
    if corrected and turn.answer:
        sent = count(corrected["sentences"], "sentence")
        st.caption(f"A corrected answer: {sent} that no passage bears out went back to the model, once. "
                   "The first answer is kept as the version before.")  # fmt: skip
    wrong = assistant.failed(turn.details.get("checks", ()))
    if corrected or not wrong or turn.state != "done" or configured() is None or was_corrected(part, turn):
        return
    st.button(
        "Correct what was not found", key=f"correct-{turn.id}", icon=":material/rule:", type="tertiary",
        on_click=intend, args=("correct", turn.id),
        help=f"Sends {count(len(wrong), 'sentence')} back to the model with the passages, once. This answer is kept.",
    )  # fmt: skip


def was_corrected(part: Services, turn: Turn) -> bool:
    """Whether another version of this turn is its correction."""
    others = (part.conversations.turn(other) for other in turn.siblings if other != turn.id)
    return any(other and other.details.get("corrected", {}).get("turn") == turn.id for other in others)


def search_for(turn_id: str) -> None:
    """The next run searches the web for this turn's question."""
    st.session_state.web = turn_id


def draw_web(part: Services, turn: Turn, earlier: Sequence[Turn]) -> None:
    """Below an answer for which the stored news has nothing: a search elsewhere, then the question once more.

    Nothing of the question is sent there before the button is pressed.
    """
    if turn.state != "done" or turn.details.get("covered", True) or not part.reader.may_choose_feeds:
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
            intend("again", turn.id)
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


def draw_opened(part: Services, turn: Turn) -> None:
    """What was chosen in an answer's menu: what was sent for it, its evidence, or its sound."""
    if st.session_state.get("opened") == turn.id and "ledger" in turn.details:
        list_ledger(Ledger.read(turn.details["ledger"]))
    if st.session_state.get("listening") == turn.id:
        read_aloud(part, turn.id, turn.answer)
    if st.session_state.get("evidence") == turn.id:
        draw_evidence(turn)


def draw_evidence(turn: Turn) -> None:
    """All an answer rests on as one file, made when it is asked for."""
    st.caption(
        "The question, the answer, its passages with their sums, where reports differ, what was searched, and every "
        "check with its quote: one file, which `python -m llm verify` checks again."
    )
    with st.container(horizontal=True, gap="xsmall"):
        for kind, mime, write in (("HTML", "text/html", page_of), ("JSON", "application/json", bundle.as_json)):
            st.download_button(
                f"Evidence as {kind}", lambda write=write: write(bundle_of(turn)), mime=mime, on_click="ignore",
                file_name=f"evidence-{turn.id[:8]}.{kind.lower()}", key=f"evidence-{kind}-{turn.id}",
            )  # fmt: skip


def bundle_of(turn: Turn) -> dict[str, Any]:
    """A turn as a bundle of evidence."""
    return bundle.make(turn.question, turn.answer, turn.state, turn.asked_at, turn.details)


def page_of(made: dict[str, Any]) -> str:
    """A bundle of evidence as a page."""
    return evidence.html(made, citations.numbered(made["answer"], len(made["passages"])))


def actions(details: Mapping[str, Any]) -> list[str]:
    """What the menu of an answer offers."""
    model = configured()
    others = [row.id for row in model.known() if row.id != details.get("model")] if model else []
    again = [f"{AGAIN} with {literal(name)}" for name in others[:OTHER_MODELS]]
    return [AGAIN, *again, EDIT, SENT, EVIDENCE, *([LISTEN] if may_listen() else [])]


def act(turn_id: str) -> None:
    """What was chosen in an answer's menu."""
    chosen = str(st.session_state.get(f"more-{turn_id}") or "")
    if chosen == EDIT:
        st.session_state.editing = turn_id
    elif chosen in OPENS:
        name = OPENS[chosen]
        st.session_state[name] = None if st.session_state.get(name) == turn_id else turn_id
    elif chosen == AGAIN:
        intend("again", turn_id)
    elif model := configured():
        names = {f"{AGAIN} with {literal(row.id)}": row.id for row in model.known()}
        intend("again", turn_id, model=names.get(chosen, ""))


def ask_edited(turn_id: str) -> None:
    """Ask the changed question beside the old one."""
    if text := st.session_state[f"edited-{turn_id}"].strip():
        intend("edit", turn_id, text=text)
    stop_editing()


def stop_editing() -> None:
    """Leave the question as it is."""
    st.session_state.editing = None


def rate(part: Services, turn_id: str) -> None:
    """Keep a thumb and its note."""
    thumb = st.session_state.get(f"rate-{turn_id}")
    rating = {0: -1, 1: 1}.get(thumb, 0) if thumb is not None else 0
    note = st.session_state.get(f"note-{turn_id}")
    if note is None and (kept := part.conversations.turn(turn_id)):  # its place is shown with a thumb alone
        note = kept.note
    part.conversations.rate(turn_id, rating, note or "")


def unseen(notice: str, turn_id: str) -> str:
    """A notice that this session was not given with another answer; else ""."""
    given: dict[str, str] = st.session_state.setdefault("notices", {})
    return notice if notice and given.setdefault(notice, turn_id) == turn_id else ""


def cited(details: Mapping[str, Any]) -> list[int]:
    """The numbers that an answer cites, in order of appearance."""
    return [citation["n"] for citation in details.get("citations", ())]


def ending(turn: Turn) -> str:
    """How a turn ended if it did not end well, in words; "" if it did."""
    if turn.state == "stopped":
        return literal(turn.reason) or "You stopped this answer."
    if turn.state == "streaming":
        return "This answer was cut off before it was finished."
    return literal(turn.reason)


def spent(details: Mapping[str, Any]) -> str:
    """What an answer cost, in a line: model, tokens, money, time; "" for one that cost nothing."""
    usage = details.get("usage")
    if not usage:
        return ""
    cached = f" ({usage['cached']:,} cached)" if usage["cached"] else ""
    told = [details.get("model", ""), f"{usage['prompt'] + usage['completion']:,} tokens{cached}"]
    if known := models.info(details.get("model", "")):
        cost = known.cost(prompt=usage["prompt"], completion=usage["completion"], cached=usage["cached"])
        told.append(f"${cost:.4f}" if cost else "")
    if (first := details.get("first_s")) is not None:
        told.append(f"first word after {first:.1f} s")
    if speed := details.get("tokens_per_s"):
        told.append(f"{speed:,.0f} tokens/s")
    return " · ".join(filter(None, told))


def draw_shared(turn: Turn) -> None:
    """A turn for those who may only read it."""
    with st.chat_message("user", avatar=PERSON):
        st.markdown(written(turn.question))
    with st.chat_message("assistant", avatar=DESK):
        passages = assistant.read_passages(turn.details)
        if turn.answer:
            with st.container(key=f"answer-{turn.id}"):
                replay_marked(turn.id, marks_of(turn, passages))
        if turn.state != "done":
            st.caption("This answer was not finished.")
        sources(passages, cited(turn.details))
        draw_checks(turn.details.get("checks", ()), passages, key=f"checks-{turn.id}")
        draw_searched(turn)


def claim_of(turn: Turn | None, number: int) -> tuple[Mapping[str, Any], Sequence[Passage]] | None:
    """A check of an answer by its number, from 1, with the answer's passages; None where there is none."""
    checks = turn.details.get("checks", ()) if turn else ()
    if turn is None or not 0 < number <= len(checks):
        return None
    return checks[number - 1], assistant.read_passages(turn.details)


def exchanges(turns: Sequence[Turn]) -> list[Exchange]:
    """Turns as they are exported."""
    return [
        Exchange(
            question=turn.question,
            answer=citations.numbered(turn.answer, len(turn.details.get("passages", ()))),
            state=turn.state,
            reason=turn.reason,
            model=turn.details.get("model", ""),
            asked_at=turn.asked_at,
            sources=tuple(
                Source(n, p.title, p.url, p.feed, p.published_at, p.text, n in cited(turn.details))
                for n, p in enumerate(assistant.read_passages(turn.details), 1)
            ),
            basis=basis.read(turn.details),
            rating=turn.rating,
            note=turn.note,
        )
        for turn in turns
    ]
