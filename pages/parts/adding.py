"""Adding feeds, on Ask and on Sources: starter packs, an address, a topic, an OPML list, the sample edition."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import streamlit as st

from llm.markdown import literal
from news import catalogue, opml, searches
from news.catalogue import BadCatalogue, Pack, PackFeed, packs
from news.discover import Candidate, discover
from news.editions import load_sample
from news.errors import NewsError
from news.parse import ParserPool
from news.searches import Template
from news.types import Feed
from pages import Services, count, follow, now, report

SEARCHED_FOR = timedelta(hours=1)
MOST_FEEDS = 300
"""So many feeds may be followed by each of several readers."""
REASONS = 20
"""So many skipped outlines are told one by one."""


def choose_feeds(part: Services, *, first: bool = True) -> None:
    """Offer feeds. `first` is the welcome of a reader who has none yet: with a title, and followed on the spot.

    Otherwise the page draws the refresh itself, with `watch`.
    """
    known = {feed.url: feed for feed in part.store.feeds()}
    slot = st.container()
    if first:
        with slot:
            st.title("Choose your news", anchor=False)
            st.caption(
                "Broadsheet keeps what your feeds publish and answers questions about it, with links to the articles."
            )
    started = draw_packs(part, known, first)
    st.space("small")
    left, right = st.columns(2, gap="large")
    with left:
        started = draw_address(part, known) or started
    with right:
        started = draw_topic(part, known) or started
    started = draw_opml(part, known) or started
    if part.reader.owner:
        draw_sample(part, list(known.values()))
    if started:
        if not first:
            st.rerun()
        with slot:
            watch(first=True)


def draw_packs(part: Services, known: dict[str, Feed], first: bool) -> bool:
    """The starter packs; True if some were added."""
    try:
        every = packs()
    except BadCatalogue as error:
        st.caption(f"The starter packs cannot be read: {literal(str(error))}")
        return False
    by_id = {pack.id: pack for pack in every}

    def title(id_: str) -> str:
        return literal(by_id[id_].title)

    topics = st.pills(
        "Topics", [pack.id for pack in every if pack.kind == "topic"], selection_mode="multi", format_func=title,
        default=["world"] if first and "world" in by_id else None, key="add_topics",
    )  # fmt: skip
    countries = st.pills(
        "Countries", [pack.id for pack in every if pack.kind == "country"], selection_mode="multi", format_func=title,
        key="add_countries",
    )  # fmt: skip
    chosen = [by_id[id_] for id_ in (*topics, *countries)]
    fresh = unknown_feeds(chosen, known)
    for pack in chosen:
        st.caption(f"**{literal(pack.title)}** · {literal(', '.join(feed.title for feed in pack.feeds))}")
    if not chosen:
        label = "Add and fetch"
    elif fresh:
        label = f"Add and fetch {count(len(fresh), 'feed')}"
    else:
        label = "All of these are there already"
    if not st.button(label, type="primary", disabled=not fresh, key="add_packs"):
        return False
    return add_and_fetch(part, [(feed.url, feed.title, feed.topic, feed.language) for feed in fresh])


def unknown_feeds(chosen: Sequence[Pack], known: dict[str, Feed]) -> list[PackFeed]:
    """The feeds of these packs that are not stored, each once."""
    return list({feed.url: feed for pack in chosen for feed in pack.feeds if feed.url not in known}.values())


def draw_address(part: Services, known: dict[str, Feed]) -> bool:
    """A box for any address; what is found there can be added. True if something was."""
    with st.form("add_address", border=False, enter_to_submit=True):
        address = st.text_input(
            "A feed or a site", placeholder="bbc.com, a YouTube channel, a subreddit …", key="add_url", max_chars=2_000
        )
        looked = st.form_submit_button("Find feeds")
    if looked:
        st.session_state["candidates"] = look(part, address.strip())
    for place, candidate in enumerate(st.session_state.get("candidates", ())):
        with st.container(border=True, gap="small"):
            st.markdown(preview(candidate))
            if candidate.url in known:
                st.caption("This feed is there already.")
            elif st.button("Add and fetch", key=f"add_candidate_{place}"):
                st.session_state["candidates"] = ()
                return add_and_fetch(part, [(candidate.url, candidate.title, "", "")])
    return False


def look(part: Services, address: str) -> tuple[Candidate, ...]:
    """The feeds at an address; none, and a sentence on the page, if that fails."""
    if not address:
        return ()
    try:
        with st.spinner("Looking …"):
            return discover(address, part.fetcher, now=now())
    except NewsError as error:
        st.warning(literal(str(error)))
        return ()


def preview(candidate: Candidate) -> str:
    """A feed that was found, as Markdown: its title, its address, its newest titles."""
    newest = "".join(f"\n- {literal(title)}" for title in candidate.newest[:3])
    kind = f" :small[:gray[{literal(candidate.kind)}]]" if candidate.kind else ""
    return f"**{literal(candidate.title or candidate.url)}**{kind}  \n:small[:gray[{literal(candidate.url)}]]\n{newest}"


def templates(part: Services) -> list[Template]:
    """Where can be searched: the reader's own, the last added first, and those of the catalogue."""
    try:
        known = catalogue.searches()
    except BadCatalogue:  # told where the starter packs are drawn
        known = ()
    return list({template.name: template for template in (*reversed(part.store.searches()), *known)}.values())


def draw_topic(part: Services, known: dict[str, Feed]) -> bool:
    """A box for words: a search for them becomes a feed. True if one was added."""
    offered = {template.name: template for template in templates(part)}
    started = False
    with st.form("add_topic", border=False, enter_to_submit=True):
        typed = st.text_input(
            "Follow a topic", placeholder="A place, a name, a subject …", key="add_topic_words",
            max_chars=searches.LONGEST,
            help="A search becomes a feed: what it finds is fetched like any other news. The words are sent to it.",
        )  # fmt: skip
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            name = st.selectbox(
                "Search", list(offered), key="add_topic_search", label_visibility="collapsed", width=200,
                placeholder="Nowhere to search",
            )  # fmt: skip
            pressed = st.form_submit_button("Follow", disabled=not offered)
    if pressed and name in offered:
        try:
            started = follow_topic(part, known, offered[name], typed)
        except NewsError as error:
            st.warning(literal(str(error)))
    with st.popover("Search elsewhere", type="tertiary", key="own_searches"):
        draw_searches(part)
    return started


def follow_topic(part: Services, known: dict[str, Feed], template: Template, query: str) -> bool:
    """Follow what a search finds; True if a fetch was begun. Raises `BadURL`."""
    url = searches.address(template, query)
    feed = known.get(url)
    if feed is None:
        return add_and_fetch(part, [(url, searches.title(template, query), searches.TOPIC, "")])
    if not feed.paused:
        st.caption("You follow this already.")
        return False
    part.store.pause_feed(feed.id, False)
    fetch(part, [feed])
    return True


def draw_searches(part: Services) -> None:
    """The reader's own searches, and a place to add one."""
    with st.form("add_search", border=False, clear_on_submit=False):
        st.text_input("Name", key="search_name", max_chars=searches.LONGEST_NAME, placeholder="The Post")
        st.text_input(
            "Address of the search's feed", key="search_address", max_chars=1_000,
            placeholder=f"https://post.example/search.rss?q={searches.PLACE}",
        )  # fmt: skip
        st.caption(f"`{searches.PLACE}` stands where the words belong. Ask offers the search that was added last.")
        st.form_submit_button("Add search", on_click=add_search, args=(part,))
    if told := st.session_state.pop("search_told", ""):
        st.warning(literal(told))
    for template in part.store.searches():
        st.button(
            literal(template.name), icon=":material/close:", type="tertiary", key=f"forget_search_{template.name}",
            help=f"Remove this search: {literal(template.address)}", on_click=part.store.remove_search,
            args=(template.name,),
        )  # fmt: skip


def add_search(part: Services) -> None:
    """Keep the search that was typed; what is wrong with it is told."""
    try:
        added = searches.template(st.session_state["search_name"], st.session_state["search_address"])
    except NewsError as error:
        st.session_state["search_told"] = str(error)
        return
    part.store.add_search(added)
    st.session_state["search_name"] = st.session_state["search_address"] = ""


def search_web(part: Services, template: Template, query: str) -> str:
    """Fetch once what a search finds, to be stored like any news; gives a sentence if that failed, else "".

    A search that nobody follows is not polled from then on, and leaves nothing behind if it fails.
    """
    try:
        url = searches.address(template, query)
        title = searches.title(template, query)
        feed, added = part.store.add_feed(url, title=title, topic=searches.TOPIC, now=now(), paused=True)
        job = part.refresher.ask([feed])
        while not job.finished.wait(0.15):
            st.session_state.get("tick")  # so that Stop works
        failed = job.error or next((outcome.error for outcome in job.failed), "")
        if failed and added:
            part.store.remove_feed(feed.id, now=now())
    except NewsError as error:
        failed = str(error)
    return f"{template.name} could not be searched. {failed}" if failed else ""


def was_searched(part: Services, template: Template, query: str) -> bool:
    """Whether this search succeeded within the hour, so that it would hardly find anything else now."""
    try:
        url = searches.address(template, query)
    except NewsError:
        return True
    found = (feed.succeeded_at for feed in part.store.feeds() if feed.url == url)
    return any(at is not None and now() - at < SEARCHED_FOR for at in found)


def draw_opml(part: Services, known: dict[str, Feed]) -> bool:
    """A list of feeds from another reader: what is in it, and a button to add it. True if it was pressed."""
    upload = st.file_uploader("A list from another reader (OPML)", type=["opml", "xml"], key="add_opml")
    if upload is None:
        return False
    try:
        given = opml.read(upload.getvalue())
    except NewsError as error:
        st.warning(literal(str(error)))
        return False
    fresh = [feed for feed in given.feeds if feed.url not in known]
    told = [count(len(given.feeds), "feed") + " in this list"]
    if there := len(given.feeds) - len(fresh):
        told.append(f"{there:,} there already")
    if given.merged:
        told.append(f"{given.merged:,} named twice")
    if given.skipped:
        told.append(f"{len(given.skipped):,} skipped")
    st.caption(", ".join(told) + ".")
    if given.skipped:
        with st.expander("Why some were skipped", type="compact"):
            st.text("\n".join(given.skipped[:REASONS]))
            if len(given.skipped) > REASONS:
                st.caption(f"And {len(given.skipped) - REASONS:,} more.")
    if not fresh or not st.button(f"Add and fetch {count(len(fresh), 'feed')}", key="add_list"):
        return False
    return add_and_fetch(part, [(feed.url, feed.title, feed.topic, "") for feed in fresh])


def draw_sample(part: Services, feeds: Sequence[Feed]) -> None:
    """The sample edition: load it, or remove it again."""
    loaded = any(feed.sample for feed in feeds)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if loaded:
            remove_sample_button(part)
        elif st.button("Load the sample edition", key="load_sample"):
            with st.spinner("Loading …"), ParserPool(1) as parser:
                brought = load_sample(part.store, parser, now=now())
            st.toast(f"The sample edition is there: {count(brought.new, 'article')}.")
            st.rerun()
        st.caption("Invented news from invented outlets, to try everything without a network.", width="content")


def remove_sample_button(part: Services) -> None:
    """A button that removes the sample edition at once; it can always be loaded again."""
    if st.button("Remove the sample edition", key="remove_sample"):
        part.store.remove_sample()
        st.toast("The sample edition is gone.")
        st.rerun()


def add_and_fetch(part: Services, feeds: Sequence[tuple[str, str, str, str]]) -> bool:
    """Store (url, title, topic, language) and begin to fetch what is new; `watch` shows how that goes.

    False if one of many readers would follow more than `MOST_FEEDS`.
    """
    if not part.reader.owner and len(part.store.feeds()) + len(feeds) > MOST_FEEDS:
        st.warning(f"A reader can follow {MOST_FEEDS:,} feeds here. Choose fewer, or remove some in Sources.")
        return False
    added = set(part.store.add_feeds(feeds, now=now()))
    at = now()  # a feed that others follow is fetched already
    fetch(part, [feed for feed in part.store.feeds() if feed.url in added and feed.due_at <= at])
    return True


def fetch(part: Services, feeds: Sequence[Feed]) -> None:
    """Begin to refresh these feeds; `watch` shows how that goes, on this run of the page or a later one."""
    st.session_state["job"] = part.refresher.ask(feeds)


def watch(*, first: bool = False) -> None:
    """Show the refresh that this session asked for until it is done, then draw the page anew; after that its report.

    The report stays until `forget_job`; a refresh without a failure is told in passing. The `first` one ends with
    where to go from here.
    """
    job = st.session_state.get("job")
    if job is None:
        return
    if not job.finished.is_set():
        follow(job, "Fetching")
        if not (job.failed or job.error):
            st.toast(f"{count(job.total, 'feed')} fetched, {count(sum(o.new for o in job.outcomes), 'new article')}.")
            forget_job()
        if not (first and job.failed):
            st.rerun()
    else:
        if job.error:
            st.error(literal(job.error))
        report(job)
    if first:
        st.page_link("app.py", label="Ask about the news", icon=":material/forum:")
        st.page_link("pages/front_page.py", label="Read the front page", icon=":material/newspaper:")


def forget_job() -> None:
    """Let go of a report that was read."""
    st.session_state.pop("job", None)
