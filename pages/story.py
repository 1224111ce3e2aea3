"""Story: one event as every outlet tells it, over time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, tzinfo

import streamlit as st

from desk.reading import Marks
from llm.markdown import link, literal
from news import front
from news.figures import Difference
from news.front import Telling
from news.stories import opening
from pages import Services, ago, count, frame, now
from pages.parts.charts import draw_reports
from pages.parts.stories import FOLLOW, MUTE, SAVE, UNFOLLOW, UNMUTE, UNSAVE, act
from pages.parts.words import clock, dated, reworded, zone

AT_FIRST = 12
"""So many reports of the timeline are shown before a reader asks for all."""


def draw_head(part: Services, told: Telling, marks: Marks, at: datetime, here: tzinfo) -> None:
    """The lead, how widely the story is told, and what can be done with it."""
    st.title(link(told.lead.title, told.lead.url), anchor=False)
    first, last = told.first, told.entries[-1]
    words = [f"{literal(told.lead.feed)}, {ago(told.lead.published_at, at)}"]
    words.append(f"{count(len(told.entries), 'report')} by {count(len(told.outlets), 'outlet')}")
    if len(told.entries) > 1:
        words.append(count(len(told.origins), "independent origin"))
        words.append(f"first by {literal(first.feed)}, {clock(first.published_at, at, here)}")
        words.append(f"last {ago(last.published_at, at)}")
    st.caption(" · ".join(words))
    if text := opening(told.lead.text, length=600):
        st.markdown(literal(text))
    if told.names:
        st.markdown(" ".join(f":gray-badge[{literal(name)}]" for name in told.names))
    followed, saved = told.id in marks.followed, told.lead.id in marks.saved
    muted = told.id in marks.muted
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.page_link(
            "app.py", label="Ask about this story", icon=":material/forum:", query_params={"story": str(told.id)}
        )
        for label, key, icon in (
            (UNFOLLOW if followed else FOLLOW, "follow", ":material/notifications:"),
            (UNSAVE if saved else SAVE, "save", ":material/bookmark:"),
            (UNMUTE if muted else MUTE, "mute", ":material/visibility_off:"),
        ):
            st.button(
                label, key=key, icon=icon, type="tertiary", on_click=act, args=(part, told.id, told.lead.id, label)
            )


def draw_figures(differences: Sequence[Difference], told: Telling, at: datetime, here: tzinfo) -> None:
    """The figures that moved or differ, each with who gave it, when, and in which words."""
    st.subheader("Figures", anchor=False, divider="gray")
    urls = {entry.id: entry.url for entry in told.entries}
    for difference in differences:
        how = "rose over time" if difference.moved else "outlets differ"
        st.markdown(f"**{difference.kind.capitalize()}: {difference.in_short}** :small[:gray[{how}]]")
        st.table(
            {
                "Figure": [literal(figure.says) for figure in difference.figures],
                "Outlet": [link(figure.feed, urls.get(figure.entry_id, "")) for figure in difference.figures],
                "Published": [dated(figure.at, at, here) for figure in difference.figures],
                "In its words": [f"“{literal(figure.quote)}”" for figure in difference.figures],
            },
            hide_index=True,
            border="horizontal",
        )


def draw_timeline(told: Telling, at: datetime, here: tzinfo) -> None:
    """The reports in the order they came, each with what it added."""
    st.subheader("What each report added", anchor=False, divider="gray")
    reports = told.timeline
    if len(reports) > AT_FIRST and not st.toggle(f"Show all {len(reports)} reports", key="all_reports"):
        added = [report for report in reports if report.added]
        reports = tuple(sorted((added or list(reports))[:AT_FIRST], key=lambda report: report.entry.published_at))
    lines = []
    for report in reports:
        entry = report.entry
        quiet = f"{dated(entry.published_at, at, here)} · {literal(entry.feed)}"
        line = f":small[:gray[{quiet}]]  \n{link(entry.title, entry.url)}"
        if report.added and report.added != entry.title:
            line += f"  \n:gray[{literal(report.added[:300])}]"
        lines.append(line)
    st.markdown("\n\n".join(lines))


def draw_outlets(told: Telling, at: datetime) -> None:
    """The outlets side by side: of each its newest headline and first words."""
    st.subheader("Outlets side by side", anchor=False, divider="gray")
    grid = st.grid(3, min_column_width=280, gap=("medium", "large"))
    for outlet in told.outlets:
        entry = told.by_outlet[outlet.feed_id][-1]
        more = f" · {count(outlet.reports, 'report')}" if outlet.reports > 1 else ""
        lines = [
            f"**{literal(outlet.name)}** :small[:gray[{ago(entry.published_at, at)}{more}]]",
            link(entry.title, entry.url),
        ]
        if text := opening(entry.text, length=180):
            lines.append(f":small[{literal(text)}]")
        with grid.cell():
            st.markdown("  \n".join(lines[:2]) + "".join(f"\n\n{line}" for line in lines[2:]))


def draw_edits(told: Telling, at: datetime, here: tzinfo) -> None:
    """Articles whose wording changed, with what was taken out and what was put in."""
    st.subheader("Edited after publication", anchor=False, divider="gray")
    st.caption("Struck through: taken out. Bold: put in.")
    by_id = {entry.id: entry for entry in told.entries}
    for entry_id, changes in told.edits.items():
        entry = by_id[entry_id]
        lines = [f"{link(entry.title, entry.url)} :small[:gray[{literal(entry.feed)}]]"]
        lines += [f":small[:gray[{dated(edit.at, at, here)}]]  \n{reworded(edit)}" for edit in changes]
        st.markdown("\n\n".join(lines))


part = frame("Story")
given = st.query_params.get("id", "")
at, here = now(), zone()
told = front.story(part.store, int(given), now=at) if re.fullmatch("[0-9]{1,9}", given) else None
if told is None:
    st.title("This story is not here", anchor=False)
    st.markdown("Its articles were removed, or the address is not complete.")
    st.page_link("pages/front_page.py", label="See today's stories", icon=":material/newspaper:")
    st.stop()

marks = part.reading.marks()
came = max(entry.first_seen_at for entry in told.entries)
if told.id not in marks.seen or marks.seen[told.id] < came:  # not at each click on the page
    part.reading.mark("seen", told.id, now=at)
draw_head(part, told, marks, at, here)
if len(told.entries) > 1:
    draw_reports(told.entries, here)
if told.differences:
    draw_figures(told.differences, told, at, here)
if len(told.outlets) > 1:
    draw_outlets(told, at)
if len(told.entries) > 1:
    draw_timeline(told, at, here)
if told.edits:
    draw_edits(told, at, here)
