"""What an answer looked at and where reports differ: lines below it that open into tables, feeds and later wordings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import streamlit as st

from desk import basis
from desk.basis import Account, Difference
from desk.conversations import Turn
from llm import assistant
from llm.markdown import link, literal
from news.edits import edits
from news.store import Store
from news.types import Passage
from pages import moment
from pages.parts.words import reworded


def draw_differences(differences: Sequence[Difference]) -> None:
    """Where reports of one event differ in a figure: a table of who says what, when and in which words, folded."""
    for difference in differences:
        with st.expander(literal(difference.heading), type="compact"):
            st.markdown(table(difference.accounts))


def table(accounts: Sequence[Account]) -> str:
    """Accounts as a table in Markdown."""
    rows = [
        f"| {link(one.feed, one.url)} | {literal(one.says)} | {moment(one.at)} | {literal(one.quote)} |"
        for one in accounts
    ]
    return "\n".join(["| Outlet | Says | Published (UTC) | In these words |", "| --- | --- | --- | --- |", *rows])


def draw_searched(turn: Turn, store: Store | None = None) -> None:
    """Where reports differ, what was not found, what one outlet alone says, and what was searched; with a store, when
    that is opened, which feeds fail and what the outlets reworded since. Without one nothing is named: whoever reads a
    shared chat has no business with its owner's feeds.
    """
    details = turn.details
    told = basis.read(details)
    draw_differences(told.differences)
    if told.caveats:
        st.caption(literal(" ".join(told.caveats)))
    for sentence in told.alone:
        st.caption(literal(sentence))
    if not told.searched:
        return
    cited = [details["passages"][citation["n"] - 1] for citation in details.get("citations", ())]
    label = literal(told.searched)
    if store is None or not (told.troubles or cited):
        st.caption(label)
        return
    with st.expander(label, type="compact", key=f"searched-{turn.id}", on_change="rerun") as opened:
        if not opened.open:
            return
        for text in told.troubles:
            st.caption(literal(text))
        if cited:
            passages = assistant.read_passages({"passages": cited})
            edited = [text for passage in passages for text in changes(store, passage, turn.asked_at)]
            st.markdown("\n\n".join(edited) or ":small[:gray[No article cited here was reworded since.]]")


def changes(store: Store, passage: Passage, asked_at: datetime) -> list[str]:
    """The changes of a passage's article after the question, each as Markdown."""
    later = [edit for edit in edits(store.versions(passage.entry_id)) if edit.at > asked_at]
    return [
        f"{link(passage.title, passage.url)}  \n:small[:gray[{literal(passage.feed)} reworded it on "
        f"{moment(edit.at)} UTC]]\n\n> {reworded(edit)}"
        for edit in later
    ]
