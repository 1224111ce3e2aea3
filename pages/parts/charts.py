"""A story's reports by outlet over time, as a chart. Its page alone imports this: charts take long to load."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import tzinfo
from typing import Any

import altair as alt
import pandas  # noqa: F401 - altair looks into it, also when another thread has only begun to import it
import streamlit as st

from news.types import Entry

OUTLETS = 14
"""So many outlets are drawn by name; further ones share a line."""
OTHERS = "Others"
LONGEST_NAME, LONGEST_HEADLINE = 24, 140
FIRST, LATER = "First report", "Report"


def draw_reports(entries: Iterable[Entry], here: tzinfo) -> None:
    """A story's reports over time, a line an outlet, the outlet that was first on top and its first report marked."""
    ordered = sorted(entries, key=lambda entry: (entry.published_at, entry.id))
    lines: dict[str, str] = {}
    for entry in ordered:
        if entry.feed not in lines:
            lines[entry.feed] = _cut(entry.feed, LONGEST_NAME) if len(lines) < OUTLETS else OTHERS
    points = [
        {
            "when": entry.published_at.astimezone(here).replace(tzinfo=None).isoformat(),
            "line": lines[entry.feed],
            "outlet": entry.feed,
            "headline": _cut(entry.title, LONGEST_HEADLINE),
            "mark": FIRST if entry is ordered[0] else LATER,
        }
        for entry in ordered
    ]
    names = list(dict.fromkeys(lines.values()))
    days = (ordered[-1].published_at - ordered[0].published_at).days
    # Of a long story a tick a day or some days, as two on one day would bear the same label.
    form, ticks = ("%-d %b", {"interval": "day", "step": 1 + days // 7}) if days > 2 else ("%-d %b %H:%M", 6)
    chart = (
        alt.Chart(alt.Data(values=points))
        .mark_point(filled=True, opacity=0.75)
        .encode(
            x=alt.X("when:T", title=None, axis=alt.Axis(format=form, labelOverlap=True, tickCount=ticks)),
            y=alt.Y("line:N", title=None, sort=names, axis=alt.Axis(labelLimit=150, grid=True, ticks=False)),
            shape=alt.Shape("mark:N", scale=_marked("diamond", "circle"), legend=None),
            size=alt.Size("mark:N", scale=_marked(190, 55), legend=None),
            color=alt.Color("mark:N", scale=_marked("#c2452f", "#9a8c78"), legend=None),
            tooltip=[
                alt.Tooltip("outlet:N", title="Outlet"),
                alt.Tooltip("when:T", title="Published", format="%-d %B, %H:%M"),
                alt.Tooltip("headline:N", title="Headline"),
            ],
        )
        .properties(height=max(90, 26 * len(names) + 40))
    )  # fmt: skip
    first = ordered[0]
    st.altair_chart(chart, alt=f"{len(ordered)} reports by {len(lines)} outlets, the first by {first.feed}")


def _marked(first: Any, later: Any) -> alt.Scale:
    return alt.Scale(domain=[FIRST, LATER], range=[first, later])


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"
