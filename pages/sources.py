"""Sources: the feeds, how they are, and what can be done with them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import streamlit as st

from desk.readers import Reader
from llm.markdown import link, literal
from news import opml
from news.errors import UnknownFeed
from news.injection import addressed
from news.store import FOR_EVER, KEEP, Filter
from news.types import Feed, Mute
from pages import Services, ago, bars, count, frame, now, unique
from pages.parts.adding import choose_feeds, fetch, forget_job, watch
from pages.parts.words import clock, language_name, until, zone

PER_PAGE = 20
DAYS = 14
NEWEST = 100
"""So many of a feed's articles are looked through for orders to a model."""
KEEP_CHOICES = (None, 7, 30, 90, 365, FOR_EVER)
NO_TOPIC = "No topic"
TOGETHER = "\u00a0"  # keeps a figure and its picture on one line
ORDERS = {
    "Trouble first": lambda feed, _: (trouble(feed), feed.title.casefold()),
    "By name": lambda feed, _: (feed.title.casefold(),),
    "By topic": lambda feed, _: (not feed.topic, feed.topic.casefold(), feed.title.casefold()),
    "Most articles": lambda feed, days: (-sum(days.get(feed.id, ())), feed.title.casefold()),
}
REFRESH, PAUSE, RESUME, WAKE, MUTE, UNMUTE, EDIT, DETAILS, WHY, REMOVE = (
    "Refresh now", "Pause", "Resume", "Wake it up", "Mute", "Unmute", "Edit", "Details", "Why is this failing?",
    "Remove",
)  # fmt: skip


def trouble(feed: Feed) -> int:
    """How much a feed needs its reader: 0 most."""
    if feed.sample:
        return 5
    if feed.paused:
        return 4
    if feed.rested:
        return 0
    if feed.error:
        return 1
    return 2 if feed.succeeded_at is None else 3


def state(feed: Feed, at: datetime) -> str:
    """How a feed is, as Markdown of our own words."""
    if feed.sample:
        return "Sample, never fetched"
    if feed.paused:
        return "Paused"
    if feed.rested:
        return f":red[Resting] after {count(feed.failures, 'failure')} in a row"
    if feed.error:
        since = f", last success {ago(feed.succeeded_at, at)}" if feed.succeeded_at else ""
        return f":red[Failing]{since}"
    if feed.succeeded_at is None:
        return "Not fetched yet"
    return f"Fetched {ago(feed.succeeded_at, at)}"


def draw_feed(part: Services, feed: Feed, days: Sequence[int], at: datetime, *, muted: bool) -> None:
    """A feed in a few lines, with the menu of what can be done with it."""
    facts = [state(feed, at)]
    if muted:
        facts.append("Muted: its articles are kept, and not shown")
    if not (feed.sample or feed.paused or feed.rested):
        facts.append(f"next {until(feed.due_at, at)}")
    if feed.topic:
        facts.append(literal(feed.topic))
    if feed.keep_days is not None:
        facts.append(f"kept {kept_for(feed.keep_days).lower()}")
    if days and any(days):
        facts.append(f"{rate(days).replace(' ', TOGETHER)}{TOGETHER}{sparkline(days)}")
    if orders := addressing(part, feed.id, feed.succeeded_at):
        facts.append(f":orange-badge[{orders} of its articles speak to a model]")
    title = link(feed.title or feed.url, feed.site_url or feed.url)
    if not part.reader.may_choose_feeds:
        title = link(feed.title, feed.site_url) if feed.site_url else literal(feed.title or "A feed")
    lines = [f"**{title}**", f":small[:gray[{' · '.join(facts)}]]"]
    if feed.error and not feed.sample:
        lines.append(f":small[{literal(feed.error)}]")
    with st.container(horizontal=True, wrap=False, vertical_alignment="top", gap="small"):
        st.markdown("  \n".join(lines), width="stretch")
        menu = offered(feed, muted, part.reader)
        action = st.menu_button(":small[:gray[More]]", menu, key=f"do_{feed.id}", type="tertiary")
    if action in menu:
        act(part, feed, action, at)


@st.cache_data(show_spinner=False, max_entries=1_000)
def addressing(_part: Services, feed_id: int, succeeded_at: datetime | None) -> int:  # noqa: ARG001
    """How many of a feed's newest articles hold orders to a language model."""
    entries = _part.store.entries(Filter(feeds=(feed_id,)), limit=NEWEST)
    return sum(bool(addressed(entry.title, entry.text)) for entry in entries)


def rate(days: Sequence[int]) -> str:
    """How much a feed publishes, in words; a feed may show only what is left of a longer time."""
    first = next((place for place, articles in enumerate(days) if articles), 0)
    a_day = sum(days) / (len(days) - first)
    return f"{a_day:.0f} a day" if a_day >= 1 else f"{sum(days)} in {len(days)} days"


def sparkline(days: Sequence[int]) -> str:
    """The articles of each day as bars, the last one today's."""
    return bars(days, f"Articles a day, the last {len(days)} days: {', '.join(map(str, days))}")


def offered(feed: Feed, muted: bool, reader: Reader) -> list[str]:
    """What this reader can do with a feed as it is."""
    if not reader.owner:
        return [UNMUTE if muted else MUTE, *([DETAILS, REMOVE] if reader.may_choose_feeds else [])]
    if feed.sample:
        return [UNMUTE if muted else MUTE, EDIT, DETAILS, REMOVE]
    failing = bool(feed.error)
    return [
        WAKE if feed.rested else REFRESH,
        RESUME if feed.paused else PAUSE,
        UNMUTE if muted else MUTE,
        EDIT,
        WHY if failing else DETAILS,
        REMOVE,
    ]


def act(part: Services, feed: Feed, action: str, at: datetime) -> None:
    """Do what was chosen from a feed's menu."""
    if action == EDIT:
        edit(part, feed)
        return
    if action in (DETAILS, WHY):
        details(part, feed, at)
        return
    settle()
    try:
        if action == REMOVE:
            part.store.remove_feed(feed.id, now=at)
            st.session_state["removed_feed"] = feed.id
        elif action in (PAUSE, RESUME):
            part.store.pause_feed(feed.id, action == PAUSE)
        elif action == MUTE:
            part.store.mute(Mute("feed", feed.url))
        elif action == UNMUTE:
            part.store.unmute(Mute("feed", feed.url))
        else:
            if action == WAKE:
                part.store.wake_feed(feed.id, now=at)
            fetch(part, [part.store.feed(feed.id)])
    except UnknownFeed as error:
        st.toast(literal(str(error)))
    st.rerun()


def settle() -> None:
    """The next action begins: what the last one left on the page goes."""
    st.session_state.pop("removed_feed", None)
    forget_job()


@st.dialog("Edit")
def edit(part: Services, feed: Feed) -> None:
    """A feed's title and topic, how long its articles stay, and whether they are fetched whole."""
    topics = sorted(unique([other.topic for other in part.store.feeds()]), key=str.casefold)
    with st.form(f"edit_{feed.id}", border=False):
        st.text_input("Title", feed.title, max_chars=200, key=f"title_{feed.id}")
        st.selectbox(
            "Topic", topics, index=topics.index(feed.topic) if feed.topic else None, format_func=str,
            accept_new_options=True, placeholder="None; choose or type one", key=f"topic_{feed.id}",
        )  # fmt: skip
        choices = list(dict.fromkeys([*KEEP_CHOICES, feed.keep_days]))
        st.selectbox(
            "Keep its articles", choices, index=choices.index(feed.keep_days), format_func=kept_for,
            key=f"keep_{feed.id}",
        )  # fmt: skip
        if not feed.sample:
            st.checkbox(
                "Fetch full articles", feed.full_text, key=f"full_text_{feed.id}",
                help="For new articles that this feed only begins: their pages are asked for too, where the outlet's "
                "robots.txt allows it.",
            )  # fmt: skip
        if st.form_submit_button("Save", type="primary", on_click=save, args=(part, feed)):
            st.rerun()  # closes the dialog


def save(part: Services, feed: Feed) -> None:
    """Keep what was entered in `edit`."""
    title, topic = st.session_state[f"title_{feed.id}"], st.session_state[f"topic_{feed.id}"]
    settle()
    part.store.change_feed(feed.id, title=title.strip() or feed.title, topic=(topic or "").strip())
    part.store.keep_entries(feed.id, st.session_state[f"keep_{feed.id}"])
    part.store.fetch_articles(feed.id, bool(st.session_state.get(f"full_text_{feed.id}")))


def kept_for(days: int | None) -> str:
    """How long articles stay, in words."""
    if days is None:
        return f"As long as those of any feed ({KEEP.days} days)"
    if days == FOR_EVER:
        return "For ever"
    return "A year" if days == 365 else count(days, "day")


@st.dialog("This feed", width="large")
def details(part: Services, feed: Feed, at: datetime) -> None:
    """What is known of a feed and, if it fails, what its server answered: all of it as text."""
    here = zone()
    st.markdown(f"**{literal(feed.title or feed.url)}**")
    rows = [f"Address: {feed.url}"]
    if feed.moved_to:
        rows.append(f"Moved to: {feed.moved_to} (believed when it is seen twice)")
    if feed.language:
        rows.append(f"Language: {language_name(feed.language)}")
    rows.append(f"Added: {clock(feed.added_at, at, here)}")
    if feed.checked_at:
        rows.append(f"Last checked: {clock(feed.checked_at, at, here)}")
    if feed.succeeded_at:
        rows.append(f"Last success: {clock(feed.succeeded_at, at, here)}")
    if not (feed.sample or feed.paused or feed.rested):
        rows.append(f"Next check: {clock(feed.due_at, at, here)}")
    if feed.full_text:
        rows.append("Full articles: fetched from their pages where the feed only begins them")
    st.text("\n".join(rows))
    if failures := part.store.article_failures(feed.id):
        st.caption("Articles that could not be fetched whole:")
        st.text("\n".join(f"{title}: {reason}" for title, reason in failures))
    if not feed.error:
        return
    st.markdown(f":red[{count(feed.failures, 'failure')} in a row.] {literal(feed.error)}")
    answer = part.store.failure_detail(feed.id)
    if answer is None:
        return
    if answer.note:
        st.text(answer.note)
    if answer.status is not None:
        st.caption(f"The server answered with status {answer.status} and these headers:")
        st.code("\n".join(f"{name}: {value}" for name, value in answer.headers) or "(none)", None, wrap_lines=True)
    if answer.start:
        st.caption("The answer began so:")
        st.code(answer.start, None, wrap_lines=True)


def chosen(feeds: Sequence[Feed], days: dict[int, list[int]]) -> list[Feed]:
    """The row of filters, and the feeds that they let through, in order."""
    topics = sorted(unique([feed.topic for feed in feeds]), key=str.casefold)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        words = st.text_input(
            "Find a feed", type="search", placeholder="Find a feed", label_visibility="collapsed", width=240,
            key="find_feed", persist_state="session", on_change=first_page,
        )  # fmt: skip
        order = st.selectbox(
            "Order", list(ORDERS), label_visibility="collapsed", width=170, key="feed_order", persist_state="session",
            on_change=first_page,
        )  # fmt: skip
        topic = None
        if topics:
            if st.session_state.get("feed_topic") not in (None, NO_TOPIC, *topics):
                st.session_state["feed_topic"] = None
            topic = st.selectbox(
                "Topic", [*topics, NO_TOPIC], index=None, placeholder="All topics", label_visibility="collapsed",
                width=170, key="feed_topic", persist_state="session", on_change=first_page,
            )  # fmt: skip
    wanted = words.casefold().split()
    return sorted(
        (
            feed
            for feed in feeds
            if all(word in f"{feed.title} {feed.url} {feed.topic}".casefold() for word in wanted)
            and (topic is None or feed.topic == ("" if topic == NO_TOPIC else topic))
        ),
        key=lambda feed: ORDERS[order](feed, days),
    )


def first_page() -> None:
    """Other filters: begin at the first page."""
    st.session_state["feeds_page"] = 1


def summary(feeds: Sequence[Feed]) -> str:
    """How the feeds are, all together."""
    told = [count(len(feeds), "feed")]
    for number, words in (
        (sum(trouble(feed) == 1 for feed in feeds), "failing"),
        (sum(trouble(feed) == 0 for feed in feeds), "resting"),
        (sum(feed.paused for feed in feeds), "paused"),
        (sum(trouble(feed) == 2 for feed in feeds), "not fetched yet"),
    ):
        if number:
            told.append(f"{number:,} {words}")
    return " · ".join(told)


def just_removed(part: Services) -> Feed | None:
    """The feed that the last action removed, if that can still be undone."""
    try:
        return part.store.feed(st.session_state["removed_feed"])
    except (KeyError, UnknownFeed):
        return None


def draw_removed(part: Services, feed: Feed) -> None:
    """In the place of a feed that was removed, until something else is done: the way back."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.markdown(f"Removed {literal(feed.title or feed.url)}, with its articles.", width="content")
        st.button("Undo", type="tertiary", icon=":material/undo:", key="undo", on_click=undo, args=(part, feed.id))


def undo(part: Services, feed_id: int) -> None:
    """Bring a removed feed back."""
    settle()
    part.store.restore_feed(feed_id)


part = frame("Sources")
at = now()
feeds = part.store.feeds()
removed = just_removed(part)
st.title("Sources", anchor=False)
slot = st.container()
if feeds:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.caption(summary(feeds), width="stretch")
        with st.container(horizontal=True, gap="small", width="content"):
            refreshable = part.store.due(at, everything=True)
            if part.reader.owner and st.button(
                "Refresh all", icon=":material/refresh:", disabled=not refreshable, key="refresh_all"
            ):
                settle()
                fetch(part, refreshable)
                removed = None
            if part.reader.may_choose_feeds:  # an address may be a subscriber's own
                st.download_button(
                    "OPML", opml.write(feeds, now=at), "broadsheet.opml", "text/x-opml", icon=":material/download:",
                    on_click="ignore", help="All feeds as a list that other readers can import", key="opml",
                )  # fmt: skip
    if part.reader.may_choose_feeds:
        with st.expander("Add feeds", icon=":material/add:", key="add"):
            choose_feeds(part, first=False)
    else:
        st.caption("The owner of this paper chooses its feeds. You can mute what you do not want to see.")
elif part.reader.may_choose_feeds:
    choose_feeds(part, first=False)
else:
    st.markdown("There are no feeds here yet.")
if feeds or removed:
    days = part.store.published_by_day(at, days=DAYS)
    muted = {mute.value for mute in part.store.mutes() if mute.kind == "feed"}
    shown = chosen([*feeds, removed] if removed else feeds, days)
    pages = max(1, -(-len(shown) // PER_PAGE))
    if st.session_state.get("feeds_page", 1) > pages:
        st.session_state["feeds_page"] = pages
    body, foot = st.container(), st.container()
    with foot:
        page = st.pagination(pages, key="feeds_page", persist_state="session") if pages > 1 else 1
    with body:
        if not shown:
            st.markdown("No feed fits.")
        grid = st.grid(2, min_column_width=360, gap=("small", "large"))
        for feed in shown[PER_PAGE * (page - 1) : PER_PAGE * page]:
            with grid.cell():
                if removed and feed.id == removed.id:
                    draw_removed(part, feed)
                else:
                    draw_feed(part, feed, days.get(feed.id, ()), at, muted=feed.url in muted)
with slot:
    watch()
