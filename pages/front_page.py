"""Front page: the stories of the hour by weight, what is new in them for this reader, and everything newest first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import groupby

import streamlit as st

from desk.reading import Marks
from llm.markdown import literal
from news.front import Card, Front, New, fresh, front
from news.search import search
from news.store import Filter
from news.types import Entry, Feed
from pages import Services, ago, count, frame, now, unique
from pages.parts.plain import near_the_end
from pages.parts.stories import begun, draw_card, draw_entry, news_in_words
from pages.parts.words import day, language_name, long_date, midnight, zone

TOP, OF_A_TOPIC, POOL = 9, 4, 60
"""Stories above the topics, stories of each topic, and how many are looked at for both."""
STEP, MOST = 20, 1_000
"""How many more come when the reader nears the end; further back than `MOST`, search is the way."""
FOUND = 100
RANGES = {"Today": None, "24 hours": timedelta(days=1), "3 days": timedelta(days=3), "Week": timedelta(days=7)}
ANY_TIME = "Any time"
STORIES, NEW, FOLLOWED, SAVED, LATEST = "Top", "New", "Followed", "Saved", "Latest"
LOOK_AGAIN = timedelta(minutes=1)
"""A look is noted once in so long a time."""
AT_MOST_BACK = timedelta(days=2)
"""After a longer absence, what is new is what is new within this time."""
CHANGES = 6
"""So many stories that moved are named above the page."""
MUTED = "Muted stories"


def draw_filters(feeds: list[Feed]) -> tuple[str, str, Filter]:
    """The row of filters; returns the view, the words to look for, and what else was chosen."""
    names = {feed.id: feed.title or feed.url for feed in feeds}
    topics = sorted(unique([feed.topic for feed in feeds]))
    languages: dict[str, list[str]] = {}
    for feed in feeds:
        if feed.language:
            languages.setdefault(language_name(feed.language), []).append(feed.language)
    still_there("outlets", names)
    still_there("topics", topics)
    still_there("languages", languages)
    chosen = sum(bool(st.session_state.get(key)) for key in ("outlets", "topics", "languages", "as_of", "show_muted"))
    chosen += st.session_state.get("when", ANY_TIME) != ANY_TIME
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        words = st.text_input(
            "Search", type="search", key="q", bind="query-params", placeholder="Search the news",
            label_visibility="collapsed", width=320, on_change=from_the_top,
        )  # fmt: skip
        view = st.segmented_control(
            "Show", [STORIES, NEW, FOLLOWED, SAVED, LATEST], default=STORIES, required=True, key="show",
            bind="query-params", label_visibility="collapsed", on_change=from_the_top,
        )  # fmt: skip
        with st.popover(f"Filters ({chosen})" if chosen else "Filters", icon=":material/filter_list:", key="filters"):
            outlets = st.multiselect(
                "Outlets", sorted(names, key=lambda id_: names[id_].casefold()), key="outlets",
                format_func=names.__getitem__, persist_state="session", on_change=from_the_top,
                placeholder="All outlets", width=320,
            )  # fmt: skip
            in_topics = in_languages = []
            if topics:
                in_topics = st.pills(
                    "Topics", topics, selection_mode="multi", key="topics", format_func=literal,
                    persist_state="session", on_change=from_the_top,
                )  # fmt: skip
            if len(languages) > 1:
                in_languages = st.pills(
                    "Languages", sorted(languages), selection_mode="multi", key="languages", format_func=literal,
                    persist_state="session", on_change=from_the_top,
                )  # fmt: skip
            span = st.segmented_control(
                "When", [ANY_TIME, *RANGES], default=ANY_TIME, required=True, key="when", bind="query-params",
                on_change=from_the_top,
            )  # fmt: skip
            as_of = st.datetime_input(
                "As it was on", value=None, key="as_of", format="YYYY-MM-DD",
                persist_state="session", on_change=from_the_top,
            )  # fmt: skip
            st.toggle(MUTED, key="show_muted", persist_state="session", on_change=from_the_top)
            if chosen:
                st.button("Clear filters", type="tertiary", on_click=clear)
    at = now().replace(second=0, microsecond=0) + timedelta(minutes=1)  # within a minute the same is asked for
    if as_of:
        at = min(at, as_of.replace(tzinfo=zone()).astimezone(UTC))
    since = midnight(at, zone()) if span == "Today" else at - back if (back := RANGES.get(span or "")) else None
    return (
        view or STORIES,
        words.strip()[:200],
        Filter(
            feeds=tuple(outlets),
            topics=tuple(in_topics),
            languages=tuple(tag for name in in_languages for tag in unique(languages[name])),
            since=since,
            as_of=at,
        ),
    )


def still_there(key: str, options: Iterable[object]) -> None:
    """Forget what was chosen and has gone since, such as an outlet that was removed."""
    if chosen := st.session_state.get(key):
        kept = [option for option in chosen if option in set(options)]
        if len(kept) < len(chosen):
            st.session_state[key] = kept


def from_the_top() -> None:
    """Another page: begin at its beginning."""
    st.session_state["shown"] = STEP


def clear() -> None:
    """Show everything again."""
    for key in ("outlets", "topics", "languages"):
        st.session_state[key] = []
    st.session_state["q"], st.session_state["when"], st.session_state["as_of"] = "", ANY_TIME, None
    st.session_state["show_muted"] = False
    from_the_top()


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


@st.cache_resource(ttl=300, max_entries=64, show_spinner=False)
def ranked(
    _part: Services, stamp: str, wanted: Filter, followed: Sequence[int], muted: Sequence[int],
    among: Sequence[int] | None, most: int,
) -> Front:  # fmt: skip
    """The stories of a page. Made again when what is stored, chosen or marked is another, or a minute has passed."""
    del stamp
    return front(
        _part.store, wanted, now=wanted.as_of or now(), followed=set(followed), muted=set(muted),
        among=None if among is None else set(among), limit=most,
    )  # fmt: skip


@st.cache_resource(ttl=300, max_entries=64, show_spinner=False)
def moved(_part: Services, stamp: str, since: datetime, wanted: Filter) -> Mapping[int, tuple[New, ...]]:
    """What is new in each story since a moment, those that are muted too."""
    del stamp
    at = wanted.as_of or now()
    return fresh(_part.store, since, now=at, wanted=replace(wanted, as_of=None, since=None))


def last_look(part: Services, at: datetime) -> datetime | None:
    """When the reader looked last before this visit; notes that they look now."""
    noted, before = st.session_state.get("looked", (None, None))
    if noted is None or not timedelta() <= at - noted < LOOK_AGAIN:
        before = part.reading.looked(now=at)
        st.session_state["looked"] = (at, before)
    return max(before, at - AT_MOST_BACK) if before else None


def draw_changes(cards: Sequence[Card], news: Mapping[int, Sequence[New]], marks: Marks, since: datetime) -> None:
    """What changed since the reader looked last: in figures, then the stories they know that moved."""
    new = sum(map(begun, news.values()))
    went_on = len(news) - new
    if not news:
        st.caption(f"Nothing new since you last looked, {ago(since)}.")
        return
    words = [count(new, "new story", "new stories")] if new else []
    words += [f"{went_on} moved"] if went_on else []
    st.markdown(f"**Since you last looked**, {ago(since)}: {', '.join(words)}.")
    changed = [card for card in cards if card.id in news and not begun(news[card.id])]
    changed.sort(key=lambda card: card.id not in marks.followed and card.id not in marks.seen)
    with st.container(gap=None):
        for card in changed[:CHANGES]:
            label = f"{literal(card.lead.title)} :small[:gray[{' · '.join(news_in_words(news[card.id]))}]]"
            st.page_link("pages/story.py", label=label, query_params={"id": str(card.id)})


def draw_grid(
    part: Services, cards: Iterable[Card], at: datetime, marks: Marks, news: Mapping[int, Sequence[New]]
) -> None:
    """Stories in two columns, in one where the window is narrow; in both they are read in the same order."""
    grid = st.grid(2, min_column_width=360, gap=("medium", "large"))
    for card in cards:
        with grid.cell():
            draw_card(part, card, at, marks, news.get(card.id, ()))


def draw_stories(part: Services, page: Front, at: datetime, marks: Marks, news: Mapping[int, Sequence[New]]) -> None:
    """The first story large, the next under it, then those of each topic, then the rest as the reader goes on."""
    lead, *rest = page.cards
    draw_card(part, lead, at, marks, news.get(lead.id, ()), large=True)
    draw_grid(part, rest[: TOP - 1], at, marks, news)
    pool, sections = rest[TOP - 1 : POOL], dict[str, list[Card]]()
    if sum(bool(section.topic) for section in page.sections) > 1:
        for card in pool:
            if card.topic and len(told := sections.setdefault(card.topic, [])) < OF_A_TOPIC:
                told.append(card)
    for topic, cards in sections.items():
        st.subheader(literal(topic), anchor=False, divider="gray")
        draw_grid(part, cards, at, marks, news)
    drawn = {card.id for cards in sections.values() for card in cards}
    if left := [card for card in rest[TOP - 1 :] if card.id not in drawn]:
        st.subheader("More stories", anchor=False, divider="gray")
        draw_grid(part, left[: shown()], at, marks, news)
    more(min(page.total, MOST) > len(page.cards) or len(left) > shown())


def draw_entries(part: Services, entries: Iterable[Entry], at: datetime) -> None:
    """Articles in two columns, in one where the window is narrow."""
    grid = st.grid(2, min_column_width=360, gap=("medium", "large"))
    for entry in entries:
        with grid.cell():
            draw_entry(part, entry, at)


def draw_latest(part: Services, wanted: Filter, at: datetime) -> None:
    """All articles, the newest first, under their days."""
    entries = part.store.entries(wanted, limit=shown())
    for name, of_day in groupby(entries, key=lambda entry: day(entry.published_at, at, zone())):
        st.subheader(name, anchor=False, divider="gray")
        draw_entries(part, of_day, at)
    more(len(entries) == shown() < MOST)


def shown() -> int:
    """How many stories or articles the reader has come to so far."""
    return int(st.session_state.setdefault("shown", STEP))


def more(there: bool) -> None:
    """Where the page goes on by itself, if there is more."""
    if there and near_the_end(shown()):
        st.session_state["shown"] = min(shown() + STEP, MOST)
        st.rerun()


def draw_nothing(part: Services, view: str, words: str, wanted: Filter) -> None:
    """Why nothing is shown, and what to do."""
    if view == FOLLOWED and not words:
        st.markdown(
            "You follow no story yet. A story that is followed rises when it moves: More, then “Follow this story”."
        )
    elif view == SAVED and not words:
        st.markdown("Nothing is saved yet. More, then “Save the article” keeps one here.")
    elif view == NEW and not words:
        st.markdown("Nothing is new since you last looked.")
    elif words or wanted != Filter(as_of=wanted.as_of):
        st.markdown(f"No article about “{literal(words)}”." if words else "No article fits these filters.")
        st.button("Show everything", on_click=clear)
    elif part.store.mutes():
        st.markdown("All that has arrived is muted, or nothing has arrived yet.")
        st.page_link("pages/settings.py", label="See what is muted", icon=":material/tune:")
    else:
        st.markdown("Nothing has arrived yet. The feeds are being fetched; Sources shows how they are.")
        st.page_link("pages/sources.py", label="Look at the feeds", icon=":material/rss_feed:")


part = frame("Front page")
at, here = now(), zone()
muted = {mute.value for mute in part.store.mutes() if mute.kind == "feed"}
feeds = [feed for feed in part.store.feeds() if feed.url not in muted]
st.title("Front page", anchor=False)
if not feeds and not muted:
    st.markdown("There are no feeds yet, so there is no news. Choose some, or load the sample edition.")
    st.page_link("pages/sources.py", label="Choose feeds in Sources", icon=":material/rss_feed:")
    st.stop()

dateline = st.empty()
view, words, wanted = draw_filters(feeds)
if back := st.session_state.get("as_of") is not None:
    at = wanted.as_of or at
today = at.astimezone(here).date()
dateline.caption(f"{long_date(today)} {today.year}" + (f", as it was at {at.astimezone(here):%H:%M}" if back else ""))

marks = part.reading.marks()
hidden = () if st.session_state.get("show_muted") else tuple(sorted(marks.muted))
stamp = part.store.stamp()
looked = None if back else last_look(part, at)
news: Mapping[int, Sequence[New]] = {}
if looked and view in (STORIES, NEW) and not words:
    news = {id_: told for id_, told in moved(part, stamp, looked, wanted).items() if id_ not in marks.muted}

if words:
    entries = found(part, words, wanted)
    if entries:
        st.caption(f"{count(len(entries), 'article')} about “{literal(words)}”, the best match first.")
        draw_entries(part, entries[: shown()], at)
        more(len(entries) > shown())
    else:
        draw_nothing(part, view, words, wanted)
elif view == LATEST:
    draw_latest(part, wanted, at)
elif view == SAVED:
    saved = part.store.entries_by_id(list(marks.saved), as_of=wanted.as_of)
    draw_entries(part, [saved[id_] for id_ in marks.saved if id_ in saved][: shown()], at)
    more(len(saved) > shown())
else:
    among = {NEW: tuple(sorted(news)), FOLLOWED: tuple(sorted(marks.followed))}.get(view)
    page = ranked(part, stamp, wanted, tuple(sorted(marks.followed)), hidden, among, POOL + shown())
    if any(card.sample for card in page.cards):
        st.caption("What is marked “(sample)” is the sample edition: invented news, to try things out with.")
    if not page.cards:
        draw_nothing(part, view, words, wanted)
    elif view == STORIES:
        if looked:
            draw_changes(page.cards, news, marks, looked)
        draw_stories(part, page, at, marks, news)
    else:
        draw_grid(part, page.cards[: shown()], at, marks, news)
        more(page.total > shown())
