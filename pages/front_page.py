"""Front page: what the feeds published, newest first, with search and filters."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import groupby

import streamlit as st

from llm.markdown import link, literal
from news.search import search
from news.store import Filter
from news.stories import Story, opening, top
from news.types import Entry, Feed
from pages import Services, ago, count, frame, headline, now, unique
from pages._words import clock, day, language_name, long_date, midnight, zone

PER_PAGE = 20
PAGES = 50
"""Further back than this, search is the way."""
FOUND = 100
RANGES = {"Today": None, "24 hours": timedelta(days=1), "3 days": timedelta(days=3), "Week": timedelta(days=7)}
OTHERS = 4
PICTURE, LEAD_PICTURE = 112, 160
"""Pixels, the width and the height of the square that is kept for a picture."""


def draw_filters(feeds: list[Feed]) -> tuple[str, Filter]:
    """The row of filters; returns the words to look for and what else was chosen."""
    names = {feed.id: feed.title or feed.url for feed in feeds}
    topics = sorted(unique([feed.topic for feed in feeds]))
    languages: dict[str, list[str]] = {}
    for feed in feeds:
        if feed.language:
            languages.setdefault(language_name(feed.language), []).append(feed.language)
    still_there("outlets", names)
    still_there("topics", topics)
    still_there("languages", languages)
    chosen = sum(bool(st.session_state.get(key)) for key in ("outlets", "topics", "languages"))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        words = st.text_input(
            "Search", type="search", key="q", bind="query-params", placeholder="Search the news",
            label_visibility="collapsed", width=320, on_change=first_page,
        )  # fmt: skip
        span = st.segmented_control(
            "When", ["Today", "24 hours", "3 days", "Week", "All"], default="All", required=True, key="when",
            bind="query-params", label_visibility="collapsed", on_change=first_page,
        )  # fmt: skip
        with st.popover(f"Filters ({chosen})" if chosen else "Filters", icon=":material/filter_list:", key="filters"):
            outlets = st.multiselect(
                "Outlets", sorted(names, key=lambda id_: names[id_].casefold()), key="outlets",
                format_func=names.__getitem__, persist_state="session", on_change=first_page,
                placeholder="All outlets", width=320,
            )  # fmt: skip
            in_topics = in_languages = []
            if topics:
                in_topics = st.pills(
                    "Topics", topics, selection_mode="multi", key="topics", format_func=literal,
                    persist_state="session", on_change=first_page,
                )  # fmt: skip
            if len(languages) > 1:
                in_languages = st.pills(
                    "Languages", sorted(languages), selection_mode="multi", key="languages", format_func=literal,
                    persist_state="session", on_change=first_page,
                )  # fmt: skip
            if chosen:
                st.button("Clear filters", type="tertiary", on_click=clear)
    at = now()
    since = midnight(at, zone()) if span == "Today" else at - back if (back := RANGES.get(span or "")) else None
    return words.strip()[:200], Filter(
        feeds=tuple(outlets),
        topics=tuple(in_topics),
        languages=tuple(tag for name in in_languages for tag in unique(languages[name])),
        since=since,
        as_of=at,
    )


def still_there(key: str, options: Iterable[object]) -> None:
    """Forget what was chosen and has gone since, such as an outlet that was removed."""
    if chosen := st.session_state.get(key):
        kept = [option for option in chosen if option in set(options)]
        if len(kept) < len(chosen):
            st.session_state[key] = kept


def first_page() -> None:
    """Other filters, other pages: begin at the first."""
    st.session_state["p"] = 1


def clear() -> None:
    """Show everything again."""
    for key in ("outlets", "topics", "languages"):
        st.session_state[key] = []
    st.session_state["q"], st.session_state["when"] = "", "All"
    first_page()


def found(part: Services, words: str, wanted: Filter) -> list[Entry]:
    """The articles about `words`, best first, each with the excerpt that speaks of them as its text."""
    passages = search(part.store, words, now=wanted.as_of or now(), since=wanted.since, k=FOUND).passages
    entries = part.store.entries_by_id([passage.entry_id for passage in passages], as_of=wanted.as_of)
    return [
        replace(entry, text=passage.text)
        for passage in passages
        if (entry := entries.get(passage.entry_id))
        and (not wanted.feeds or entry.feed_id in wanted.feeds)
        and (not wanted.topics or entry.topic in wanted.topics)
        and (not wanted.languages or entry.language in wanted.languages)
    ]


def draw_lead(part: Services, story: Story, at: datetime) -> None:
    """The day's first story: large, beside it how others tell it."""
    entry = story.lead
    told = [literal(entry.feed), ago(entry.published_at, at)]
    if len(story.feeds) > 1:
        told.append(f"told by {len(story.feeds)} outlets")
    if entry.edits:
        told.append("edited" if entry.edits == 1 else f"edited {entry.edits} times")
    left, right = st.columns([3, 2], gap="large") if story.others else (st.container(), None)
    with left:
        st.markdown(f"## {link(entry.title, entry.url)}", anchors=False)
        st.caption(" · ".join(told))
        with st.container(horizontal=True, wrap=False, gap="small") if has_picture(entry) else nullcontext():
            if text := opening(entry.text, length=420):
                st.markdown(literal(text), width="stretch")
            draw_picture(entry, LEAD_PICTURE)
        draw_actions(part, entry, at)
    if right:
        others: dict[str, Entry] = {}
        for other in story.others:
            if other.feed != entry.feed:
                others.setdefault(other.feed, other)
        with right:
            st.markdown(
                "\n\n".join(
                    f":small[:gray[{literal(other.feed)}]]  \n{link(other.title, other.url)}"
                    for other in list(others.values())[:OTHERS]
                )
            )


def draw_entries(part: Services, entries: Iterable[Entry], at: datetime) -> None:
    """Articles in two columns, in one where the window is narrow; in both they are read in the same order."""
    grid = st.grid(2, min_column_width=360, gap=("medium", "large"))
    for entry in entries:
        with grid.cell(), st.container(gap="xxsmall"):
            if has_picture(entry):
                with st.container(horizontal=True, wrap=False, gap="small"):
                    st.markdown(headline(entry), width="stretch")
                    draw_picture(entry, PICTURE)
            else:
                st.markdown(headline(entry))
            draw_actions(part, entry, at)


def has_picture(entry: Entry) -> bool:
    """Whether a picture is drawn: the reader wants them, and it has a web address (st.image would also read files)."""
    return bool(st.session_state.get("show_pictures")) and entry.picture.startswith(("https://", "http://"))


def draw_picture(entry: Entry, size: int) -> None:
    """The picture of an article, if one is drawn, in a square of its own, so that nothing moves when it arrives."""
    if has_picture(entry):
        with st.container(width=size, height=size, border=False, gap=None):
            st.image(entry.picture, width=size, alt=f"Picture of the article “{entry.title}”")


def draw_actions(part: Services, entry: Entry, at: datetime) -> None:
    """What can be done with an article."""
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        st.page_link("app.py", label=":small[:gray[Ask about this]]", query_params={"pin": str(entry.id)})
        if entry.edits:
            with st.popover(":small[:gray[Earlier wording]]", type="tertiary"):
                draw_versions(part, entry, at)


def draw_versions(part: Services, entry: Entry, at: datetime) -> None:
    """The wordings that an article had before, newest first."""
    here = zone()
    for version in reversed(part.store.versions(entry.id)[:-1]):
        until = f" until {clock(version.valid_until, at, here)}" if version.valid_until else ""
        st.caption(f"From {clock(version.valid_from, at, here)}{until}")
        st.markdown(f"**{literal(version.title)}**")
        st.text(version.text[:2_000])


part = frame("Front page")
at, here = now(), zone()
muted = {mute.value for mute in part.store.mutes() if mute.kind == "feed"}
feeds = [feed for feed in part.store.feeds() if feed.url not in muted]
st.title("Front page", anchor=False)
if not feeds and not muted:
    st.markdown("There are no feeds yet, so there is no news. Choose some, or load the sample edition.")
    st.page_link("pages/sources.py", label="Choose feeds in Sources", icon=":material/rss_feed:")
    st.stop()

today = at.astimezone(here).date()
st.caption(f"{long_date(today)} {today.year}")
words, wanted = draw_filters(feeds)
if words:
    everything = found(part, words, wanted)
    total = len(everything)
else:
    everything = []
    total = part.store.horizon(wanted).articles
pages = max(1, min(PAGES, -(-total // PER_PAGE)))
if st.session_state.get("p", 1) > pages:
    st.session_state["p"] = pages
body, foot = st.container(), st.container()
with foot:
    page = st.pagination(pages, key="p", bind="query-params") if pages > 1 else 1
start = PER_PAGE * (page - 1)

with body:
    if words:
        entries = everything[start : start + PER_PAGE]
    else:
        entries = part.store.entries(wanted, limit=PER_PAGE, offset=start)
    if any(entry.sample for entry in entries):
        st.caption("What is marked “(sample)” is the sample edition: invented news, to try things out with.")
    if not entries and (words or wanted != Filter(as_of=wanted.as_of)):
        st.markdown(f"No article about “{literal(words)}”." if words else "No article fits these filters.")
        st.button("Show everything", on_click=clear)
    elif not entries and part.store.mutes():
        st.markdown("All that has arrived is muted, or nothing has arrived yet.")
        st.page_link("pages/settings.py", label="See what is muted", icon=":material/tune:")
    elif not entries:
        st.markdown("Nothing has arrived yet. The feeds are being fetched; Sources shows how they are.")
        st.page_link("pages/sources.py", label="Look at the feeds", icon=":material/rss_feed:")
    elif words:
        st.caption(f"{count(total, 'article')} about “{literal(words)}”, the best match first.")
        draw_entries(part, entries, at)
    else:
        if page == 1:
            since = entries[0].published_at - timedelta(days=1)
            recent = replace(wanted, since=max(since, wanted.since) if wanted.since else since)
            lead = top(part.store.entries(recent, limit=400), 1)[0]
            draw_lead(part, lead, at)
            entries = [entry for entry in entries if entry.id != lead.lead.id]
        for name, of_day in groupby(entries, key=lambda entry: day(entry.published_at, at, here)):
            st.subheader(name, anchor=False, divider="gray")
            draw_entries(part, of_day, at)
