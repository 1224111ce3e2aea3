"""Briefing: the day in five minutes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

import streamlit as st

from llm import assistant
from llm.live import Live
from llm.markdown import link, literal
from news.front import Card, Front, front
from news.store import Filter
from news.stories import five_minutes, opening
from news.types import Found, Passage
from pages import Services, ago, count, frame, now, sources
from pages.parts.answer import replay, stream
from pages.parts.asking import keep_usage
from pages.parts.budget import Payer
from pages.parts.model import chat_model, configured
from pages.parts.voice import may_listen, read_aloud
from pages.parts.words import day, zone

STORIES = 60
MOST_TOGETHER, MOST_OF_A_TOPIC = 8, 5
TOGETHER = "Told by several outlets"
REST = "More news"
SUMMARISED = 14
"""So many stories are given to a model: more than fit at once would only be cut again."""
QUESTION = (
    "Brief me on the day's news in two minutes, about 250 words: a list of the most important stories, first things "
    "first, each with a bold headline of a few words and one or two sentences. Say where outlets differ."
)


def of_the_day(part: Services, at: datetime) -> Front:
    """The last 24 hours' stories; if there is none, those of the 24 hours before the newest article."""
    newest = part.store.entries(Filter(as_of=at), limit=1)
    until = newest[0].published_at if newest else at
    since = min(until, at - timedelta(hours=1)) - timedelta(hours=23)
    return front(part.store, Filter(since=since, as_of=at), now=at, muted=part.reading.marks().muted, limit=STORIES)


def in_sections(ranked: Sequence[Card]) -> dict[str, list[Card]]:
    """Five minutes of what several outlets tell, then of the rest by topic, in the order of their first stories."""
    together = [card for card in ranked if len(card.outlets) > 1][:MOST_TOGETHER]
    of_topic: Counter[str] = Counter()
    rest = []
    for card in ranked:
        of_topic[card.topic] += card not in together
        if card not in together and of_topic[card.topic] <= MOST_OF_A_TOPIC:
            rest.append(card)
    chosen = [*together, *rest]
    sections: dict[str, list[Card]] = {}
    for card in chosen[: five_minutes([card.lead for card in chosen])]:
        sections.setdefault(TOGETHER if card in together else card.topic or REST, []).append(card)
    if REST in sections:
        sections[REST] = sections.pop(REST)
    return sections


def draw_story(story: Card, at: datetime) -> None:
    """A story: its headline, its first sentences, and who else tells it."""
    entry = story.lead
    told = f"{literal(entry.feed)} · {ago(entry.published_at, at)}"
    lines = [f"**{link(entry.title, entry.url)}**  \n:small[:gray[{told}]]"]
    if text := opening(entry.text):
        lines.append(literal(text))
    if story.others:
        others = (link(other.feed, other.url, title=other.title) for other in story.others)
        lines.append(f":small[:gray[Also] {', '.join(others)}]")
    with st.container(gap="xxsmall"):
        st.markdown("\n\n".join(lines))
        st.page_link("app.py", label=":small[:gray[Ask about this]]", query_params={"pin": str(entry.id)})


def draw_section(title: str, stories: list[Card], at: datetime) -> None:
    """A heading and its stories."""
    st.subheader(literal(title), anchor=False, divider="gray")
    with st.container(gap="medium"):
        for story in stories:
            draw_story(story, at)


def passages(stories: Sequence[Card]) -> tuple[Passage, ...]:
    """What a model is told of these stories: of each its lead, and a second outlet's words if there is one."""
    told = []
    for story in stories:
        second = next((other for other in story.others if other.text), None)
        told += [story.lead, second] if second else [story.lead]
    return tuple(
        Passage(
            entry.id, entry.title, opening(entry.text, length=500) or entry.title, entry.url, entry.feed,
            entry.published_at, entry.language,
        )
        for entry in told
    )  # fmt: skip


def summarise(part: Services, stories: Sequence[Card], at: datetime) -> None:
    """Begin a summary; it is drawn by `draw_summary` as it comes, and kept for the session."""
    model = chat_model(on_wait=lambda seconds, reason: live.waits(seconds, reason))
    payer = Payer(part, model)
    paid = payer.metered(model)
    given = passages(stories[:SUMMARISED])
    horizon = part.store.horizon(Filter(as_of=at))

    def ask() -> assistant.Answer:
        return assistant.ask(QUESTION, (), model=paid, retrieve=lambda *_: Found(given, horizon), now=at)

    def after(live: Live) -> None:
        payer.settle(live.details)
        keep_usage(part, "answer", live.details)

    live = Live(
        ask,
        save=lambda _: None,
        after=after,
        cancel=model.cancel,
        slots=part.slots,
    )
    live.start()
    st.session_state["summary"] = (live, at)


def draw_summary(part: Services, stories: Sequence[Card], at: datetime) -> None:
    """The model's summary with its sources, or the button that asks for one. To be drawn last: it may take a while."""
    row, body = st.container(horizontal=True, vertical_alignment="center", gap="small"), st.container()
    live, asked_at = st.session_state.get("summary", (None, at))
    with row:
        if live and not live.finished:
            # The key of the button that began it: under another, that one would stay behind, greyed, till the end.
            st.button("Stop", icon=":material/stop_circle:", key="summarise", on_click=live.stop)
            st.caption("The day's stories are being summed up.", width="content")
        else:
            if configured():
                label = "Summarise again" if live else "Summarise"
                st.button(label, key="summarise", on_click=summarise, args=(part, stories, at))
            if live:
                by = f" by {literal(live.details['model'])}" if live.details else ""
                st.caption(f"Summed up{by} {ago(asked_at, at)}.", width="content")
            elif not configured():
                st.caption("With a Groq key in Settings, a summary with sources can be written here.", width="content")
    if live is None:
        return
    with body:
        if not live.finished:
            stream(live)
            live.wait(2.0)
            st.rerun()
        given = assistant.read_passages(live.details)
        if live.raw:
            replay(assistant.draw(live.raw, given))
        if live.state != "done":
            st.caption(literal(live.reason) or "The summary was stopped.")
        elif may_listen() and st.button("Read aloud", icon=":material/volume_up:", type="tertiary", key="aloud"):
            read_aloud(part, f"briefing {asked_at.isoformat()}", live.raw)
        sources(given, [citation["n"] for citation in live.details.get("citations", ())])


part = frame("Briefing")
at, here = now(), zone()
st.title("Briefing", anchor=False)
page = of_the_day(part, at)
if not page.cards:
    st.markdown("There is no news yet to brief you on.")
    st.page_link("pages/sources.py", label="Choose feeds in Sources", icon=":material/rss_feed:")
    st.stop()

sections = in_sections(page.cards)
stories = [story for told in sections.values() for story in told]
seen = part.store.horizon(Filter(since=page.since, as_of=at))
st.caption(
    f"{day(seen.until or at, at, here)} in five minutes: {count(len(stories), 'story', 'stories')} out of "
    f"{count(seen.articles, 'article')} from {count(seen.feeds, 'feed')}."
)
summary = st.container(width=760)
main, side = st.columns(2, gap="large") if len(sections) > 1 else (st.container(), st.container())
filled = {main: 0, side: 0}
for title, told in sections.items():
    column = min(filled, key=filled.__getitem__)
    filled[column] += len(told) + 1
    with column:
        draw_section(title, told, at)
with summary:
    draw_summary(part, stories, at)
