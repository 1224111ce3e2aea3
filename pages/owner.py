"""Owner: who reads, what they ask, how much of the shared key is used, and the feeds that all of it is made of."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from desk.budgets import Quota
from desk.readers import Known
from llm.markdown import link, literal
from llm.models import DEFAULT
from news.errors import UnknownFeed
from news.store import Store
from news.types import Feed
from pages import Services, ago, count, frame, now, services, setting
from pages.parts.budget import quotas
from pages.parts.model import is_openai
from pages.parts.words import midnight, zone

PER_PAGE = 20
ROWS = (
    ("Questions in a minute", "questions_a_minute"),
    ("Questions in 24 hours", "questions_a_day"),
    ("Tokens in a minute", "tokens_a_minute"),
    ("Tokens in 24 hours", "tokens_a_day"),
)
REMOVE, PAUSE, RESUME = "Remove for everybody", "Pause", "Resume"


def draw_limits(part: Services) -> None:
    """What the shared key may be asked, and what of that is used."""
    st.subheader("The shared key", anchor=False)
    model, address = setting("GROQ_MODEL") or DEFAULT, setting("GROQ_BASE_URL")
    if not (setting("GROQ_API_KEY") or is_openai(address)):
        st.caption("There is no key that readers share, so answers are quotations and nothing is counted.")
        return
    limits = quotas(part.quotas, part.budgets.said(model), free=not is_openai(address))
    used = part.budgets.used(now=now(), model=model)
    st.caption(f"What all readers together last sent to {literal(model)}, of what may be sent.")
    with st.container(horizontal=True, gap="medium"):
        for label, name in ROWS:
            st.metric(
                label, f"{getattr(used, name):,}", of(limits.everyone, name), "off", delta_arrow="off", width="content"
            )
    st.caption(
        f"A reader may ask {in_words(limits.reader)}, all at one address {in_words(limits.address)}. "
        "`READER_LIMITS`, `ADDRESS_LIMITS` and `EVERYONE_LIMITS` change that."
    )


def of(limit: Quota, name: str) -> str:
    """A limit, to stand below what of it is used."""
    most = getattr(limit, name)
    return "no limit" if most is None else f"of {most:,}"


def in_words(limit: Quota) -> str:
    """A quota as its owner would write it; "without limit" for none."""
    told = [
        f"{getattr(limit, name):,} {'' if name.startswith('questions') else 'tokens '}a {name.rpartition('_')[2]}"
        for _, name in ROWS
        if getattr(limit, name) is not None
    ]
    return " and ".join(told) or "without limit"


def draw_readers(part: Services) -> None:
    """Those who signed in, with what they asked today, and a way to have all of one deleted."""
    st.subheader("Readers", anchor=False)
    today = midnight(now(), zone())
    asked, askers = part.readers.questions(today)
    st.caption(f"{count(asked, 'question')} today, of {count(askers, 'reader')}, visitors included.")
    pages = max(1, -(-part.readers.count() // PER_PAGE))
    page = st.pagination(pages, key="readers_page") if pages > 1 else 1
    known = part.readers.known(today, limit=PER_PAGE, offset=PER_PAGE * (page - 1))
    if not known:
        st.markdown("Nobody has signed in yet.")
    for reader in known:
        draw_one(part, reader)


def draw_one(part: Services, reader: Known) -> None:
    """A reader in a line."""
    told = [f"seen {ago(reader.last_seen_at)}", f"{count(reader.questions, 'question')} today"]
    if reader.feeds:
        told.append(f"follows {count(reader.feeds, 'feed')}")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        about = f"**{literal(reader.name)}** :small[:gray[{' · '.join(told)}]]"
        st.markdown(about, width="stretch")
        if st.session_state.get("removing") == reader.id:
            st.button(
                "Yes, delete all that is theirs", key=f"sure-{reader.id}", type="primary", on_click=remove,
                args=(part, reader.id),
            )  # fmt: skip
            st.button("Keep it", key=f"keep-{reader.id}", on_click=choose, args=("",))
        else:
            st.button("Delete", key=f"remove-{reader.id}", type="tertiary", on_click=choose, args=(reader.id,))


def choose(reader: str) -> None:
    """The first of the two steps, or second thoughts."""
    st.session_state["removing"] = reader


def remove(part: Services, reader: str) -> None:
    """The second step: their chats, feeds, marks, mutes and costs are deleted for good."""
    choose("")
    part.readers.forget(reader, now=now())


def draw_feeds(store: Store) -> None:
    """All feeds that are stored, those that most follow first."""
    st.subheader("Feeds", anchor=False)
    followers = store.followers()
    feeds = sorted(store.feeds(), key=lambda feed: (-followers.get(feed.id, 0), feed.title.casefold()))
    failing = sum(bool(feed.error) for feed in feeds)
    st.caption(f"{count(len(feeds), 'feed')}, each fetched once for all. {failing:,} failing.")
    pages = max(1, -(-len(feeds) // PER_PAGE))
    page = st.pagination(pages, key="owned_page") if pages > 1 else 1
    for feed in feeds[PER_PAGE * (page - 1) : PER_PAGE * page]:
        draw_feed(store, feed, followers)


def draw_feed(store: Store, feed: Feed, followers: Mapping[int, int]) -> None:
    """A feed in a line, and what can be done with it for everybody."""
    told = [count(followers.get(feed.id, 0), "reader")]
    if feed.paused:
        told.append("paused")
    elif feed.error:
        told.append(f":red[failing]: {literal(feed.error)}")
    elif feed.succeeded_at:
        told.append(f"fetched {ago(feed.succeeded_at)}")
    with st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="small"):
        title = link(feed.title or feed.url, feed.site_url or feed.url)
        st.markdown(f"{title} :small[:gray[{' · '.join(told)}]]", width="stretch")
        menu = [RESUME if feed.paused else PAUSE, REMOVE]
        action = st.menu_button(":small[:gray[More]]", menu, key=f"own_{feed.id}", type="tertiary")
    if action not in menu:
        return
    try:
        if action == REMOVE:
            store.remove_feed(feed.id, now=now())
        else:
            store.pause_feed(feed.id, action == PAUSE)
    except UnknownFeed as error:
        st.toast(literal(str(error)))
    st.rerun()


part = frame("Owner")
if not (part.reader.owner and part.reader.shares):
    st.title("There is nothing here", anchor=False)
    st.markdown("This page is for the owner of a paper that others read.")
    st.stop()
st.title("Owner", anchor=False)
draw_limits(part)
st.space("small")
draw_readers(part)
st.space("small")
draw_feeds(services().store)
