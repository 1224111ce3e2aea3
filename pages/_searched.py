"""What an answer looked at and where reports differ: lines below it that open into tables, feeds and later wordings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import streamlit as st

from desk.conversations import Turn
from llm import assistant
from llm.caveats import day
from llm.markdown import link, literal
from news.edits import edits
from news.store import Store
from news.types import Horizon, Passage
from pages import count, moment
from pages._words import reworded

if __name__ == "__main__":  # every file of this folder has an address; this one has nothing to show
    st.switch_page("app.py")

NAMED = 12
"""The most feeds that are named in a row."""


def draw_differences(details: Mapping[str, Any]) -> None:
    """Where reports of one event differ in a figure: a table of who says what, when and in which words, folded."""
    for told in details.get("disagreements", ()):
        title = f"The number of {told['about']} has changed" if told["moved"] else f"Reports differ on {told['about']}"
        with st.expander(literal(title), type="compact"):
            st.markdown(table(told["accounts"]))


def table(accounts: Sequence[Mapping[str, Any]]) -> str:
    """Accounts as a table in Markdown, oldest first."""
    rows = [
        f"| {link(one['feed'], one['url'])} | {literal(one['says'])} | {moment(datetime.fromisoformat(one['at']))} | "
        f"{literal(' '.join(one['quote'].split()))} |"
        for one in accounts
    ]
    return "\n".join(["| Outlet | Says | Published (UTC) | In these words |", "| --- | --- | --- | --- |", *rows])


def draw_searched(turn: Turn, store: Store | None = None) -> None:
    """What was not found, what was searched, and with a store, when it is opened, which feeds fail and what the outlets
    reworded since. Without one nothing is named: whoever reads a shared chat has no business with its owner's feeds.
    """
    details = turn.details
    draw_differences(details)
    if told := details.get("caveats"):
        st.caption(literal(" ".join(told)))
    horizon = assistant.read_horizon(details)
    if not horizon.feeds and not horizon.failed:
        return
    cited = [details["passages"][citation["n"] - 1] for citation in details.get("citations", ())]
    if store is None or not (horizon.failed or horizon.stale or cited):
        st.caption(literal(line(horizon)))
        return
    label = literal(line(horizon))
    with st.expander(label, type="compact", key=f"searched-{turn.id}", on_change="rerun") as opened:
        if not opened.open:
            return
        for text in troubles(horizon):
            st.caption(literal(text))
        if cited:
            passages = assistant.read_passages({"passages": cited})
            told = [text for passage in passages for text in changes(store, passage, turn.asked_at)]
            st.markdown("\n\n".join(told) or ":small[:gray[No article cited here was reworded since.]]")


def line(horizon: Horizon) -> str:
    """ "Searched 1,240 articles of 24 feeds, 1 May 2026 to 12 June 2026. 2 feeds failed, 1 may be out of date." """
    told = f"Searched {count(horizon.articles, 'article')} of {count(horizon.feeds, 'feed')}"
    if horizon.since and horizon.until:
        first, last = day(horizon.since), day(horizon.until)
        told += f", {first}" if first == last else f", {first} to {last}"
    failed = f"{count(len(horizon.failed), 'feed')} failed" if horizon.failed else ""
    stale = f"{count(len(horizon.stale), 'feed')} may be out of date" if horizon.stale else ""
    trouble = ", ".join(filter(None, (failed, stale)))
    return f"{told}. {trouble}." if trouble else f"{told}."


def troubles(horizon: Horizon) -> Iterator[str]:
    """Which feeds those are, a sentence each kind."""
    if horizon.failed:
        yield f"Failed when last fetched: {_named(horizon.failed)}."
    if horizon.stale:
        yield f"Not fetched for a day, or silent for longer than usual: {_named(horizon.stale)}."


def _named(names: Sequence[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more:,} more" if more > 0 else "")


def changes(store: Store, passage: Passage, asked_at: datetime) -> list[str]:
    """The changes of a passage's article after the question, each as Markdown."""
    later = [edit for edit in edits(store.versions(passage.entry_id)) if edit.at > asked_at]
    return [
        f"{link(passage.title, passage.url)}  \n:small[:gray[{literal(passage.feed)} reworded it on "
        f"{moment(edit.at)} UTC]]\n\n> {reworded(edit)}"
        for edit in later
    ]
