"""A story on a page: its card on the Front page, and in words what is new in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from datetime import datetime

import streamlit as st

from desk.reading import Marks
from llm.markdown import link, literal
from news.front import Card, New
from news.stories import opening
from news.types import Entry
from pages import Services, ago, bars, count, headline, now
from pages.parts.words import clock, zone

CHIPS, BESIDE = 5, 4
"""So many other outlets are named on a card; and so many headlines of theirs stand beside the page's first story."""
NEWS = 3
PICTURE, LEAD_PICTURE = 112, 160
"""Pixels, the width and the height of the square that is kept for a picture."""
LEAD_TEXT, TEXT = 420, 200
FOLLOW, UNFOLLOW, SAVE, UNSAVE, SEEN, MUTE, UNMUTE = (
    "Follow this story", "Stop following", "Save the article", "Take out of saved", "Mark as seen",
    "Mute this story", "Show this story again",
)  # fmt: skip


def has_picture(entry: Entry) -> bool:
    """Whether a picture is drawn: the reader wants them, and it has a web address (st.image would also read files)."""
    return bool(st.session_state.get("show_pictures")) and entry.picture.startswith(("https://", "http://"))


def draw_picture(entry: Entry, size: int) -> None:
    """The picture of an article, if one is drawn, in a square of its own, so that nothing moves when it arrives."""
    if has_picture(entry):
        with st.container(width=size, height=size, border=False, gap=None):
            st.image(entry.picture, width=size, alt=f"Picture of the article “{entry.title}”")


def chips(named: Iterable[tuple[str, str, str]], more: int = 0) -> str:
    """Outlets as Markdown for a row of chips, each (name, address, headline) a link; `more` are not named."""
    made = [f":gray-badge[{link(name, url, title=title)}]" for name, url, title in named]
    return " ".join([*made, f":small[:gray[and {more} more]]"] if more else made)


def told(card: Card) -> str:
    """How widely a story is told, as Markdown: its reports and origins, and a picture of its last day."""
    if card.reports < 2:
        return ""
    words = [count(card.reports, "report") + (f" in {count(card.days, 'day')}" if card.days else "")]
    if card.origins < card.reports:
        words.append(count(card.origins, "origin"))
    words = [*words, f"first {literal(card.first_feed)}"]
    hours = f"Reports an hour, the last {len(card.hours)} hours: {', '.join(map(str, card.hours))}"
    return f":small[:gray[{' · '.join(words)}]] {bars(card.hours, hours, step=4, height=12)}"


def begun(news: Sequence[New]) -> bool:
    """Whether all that is new is that the story was told for the first time."""
    return any(one.kind == "story" for one in news)


def news_in_words(news: Sequence[New]) -> list[str]:
    """What is new in a story that was known, as pieces of Markdown: figures that moved, outlets, reports, edits."""
    out = [f"{one.about} {literal(one.text)}" for one in news if one.kind == "figure"]
    if outlets := [literal(one.text) for one in news if one.kind == "outlet"]:
        named = ", ".join(outlets[:NEWS]) + (f" and {len(outlets) - NEWS} more" if len(outlets) > NEWS else "")
        out.append(f"now also {named}")
    if reports := sum(one.kind == "report" for one in news):
        out.append(count(reports, "more report", "more reports"))
    if edits := sum(one.kind == "edit" for one in news):
        out.append("an article edited" if edits == 1 else f"{edits} articles edited")
    return out


def draw_card(
    part: Services, card: Card, at: datetime, marks: Marks, news: Sequence[New] = (), *, large: bool = False
) -> None:
    """A story: its lead's headline and first words, what is new in it, who tells it, and what can be done with it."""
    entry = card.lead
    quiet = [literal(entry.feed), ago(entry.published_at, at)]
    if card.edited:
        quiet.append("edited" if card.edited == 1 else f"{card.edited} edited")
    if card.id in marks.followed:
        quiet.append("followed")
    if card.id in marks.saved_stories:
        quiet.append("saved")
    seen = card.id in marks.seen and card.moved_at <= marks.seen[card.id]
    if seen:
        quiet.append("seen")
    text = opening(entry.text, length=LEAD_TEXT if large else TEXT)
    about = f":small[:gray[{' · '.join(quiet)}]]"
    lines = [
        f"## {link(entry.title, entry.url)}\n{about}" if large else f"**{link(entry.title, entry.url)}**  \n{about}"
    ]
    if begun(news):
        lines[0] += " :small[:primary[· New story]]"
    elif news:
        lines.append(f":small[:primary[New:] {' · '.join(news_in_words(news))}]")
    if text and text != entry.title and not seen:
        lines.append(literal(text))
    size = LEAD_PICTURE if large else PICTURE
    beside = card.others[:BESIDE] if large else ()
    left, right = st.columns([3, 2], gap="large") if beside else (st.container(), None)
    with left, st.container(gap="xxsmall"):
        with st.container(horizontal=True, wrap=False, gap="small") if has_picture(entry) else nullcontext():
            st.markdown("\n\n".join(lines), width="stretch", anchors=False)
            draw_picture(entry, size)
        if widely := told(card):
            others = [(other.feed, other.url, other.title) for other in card.others]
            hidden = max(0, len(card.outlets) - 1 - CHIPS)
            st.markdown(f"{chips(others[:CHIPS], hidden)}  \n{widely}" if others else widely)
        draw_actions(part, card, marks)
    if right:
        heads = (f":small[:gray[{literal(one.feed)}]]  \n{link(one.title, one.url)}" for one in beside)
        right.markdown("\n\n".join(heads))


def draw_actions(part: Services, card: Card, marks: Marks) -> None:
    """What can be done with a story."""
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        if card.reports > 1 or card.edited:
            st.page_link("pages/story.py", label=":small[:gray[Whole story]]", query_params={"id": str(card.id)})
        st.page_link("app.py", label=":small[:gray[Ask about this]]", query_params={"story": str(card.id)})
        st.menu_button(
            ":small[:gray[More]]", offered(card.id, card.lead.id, marks), key=f"do_{card.id}", type="tertiary",
            on_click=act, args=(part, card.id, card.lead.id),
        )  # fmt: skip


def offered(story: int, lead: int, marks: Marks) -> list[str]:
    """What a reader can do with a story as it is marked."""
    return [
        UNFOLLOW if story in marks.followed else FOLLOW,
        UNSAVE if lead in marks.saved else SAVE,
        SEEN,
        UNMUTE if story in marks.muted else MUTE,
    ]


def act(part: Services, story: int, lead: int, action: str = "") -> None:
    """Do what was chosen from a story's menu."""
    chosen, at = action or st.session_state.get(f"do_{story}"), now()
    if chosen == FOLLOW:
        part.reading.mark("followed", story, now=at)
    elif chosen == UNFOLLOW:
        part.reading.unmark("followed", story)
    elif chosen == SAVE:
        part.reading.mark("saved", lead, now=at)
    elif chosen == UNSAVE:
        part.reading.unmark("saved", lead)
    elif chosen == SEEN:
        part.reading.mark("seen", story, now=at)
    elif chosen == MUTE:
        part.reading.mark("muted", story, now=at)
        st.toast("This story is muted. Filters has what is muted.", icon=":material/visibility_off:")
    elif chosen == UNMUTE:
        part.reading.unmark("muted", story)


def draw_entry(part: Services, entry: Entry, at: datetime) -> None:
    """One article in a list, with its earlier wordings if it was edited."""
    with st.container(gap="xxsmall"):
        with st.container(horizontal=True, wrap=False, gap="small") if has_picture(entry) else nullcontext():
            st.markdown(headline(entry), width="stretch")
            draw_picture(entry, PICTURE)
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            if entry.story:
                st.page_link(
                    "pages/story.py", label=":small[:gray[Whole story]]", query_params={"id": str(entry.story)}
                )
            st.page_link("app.py", label=":small[:gray[Ask about this]]", query_params={"pin": str(entry.id)})
            if entry.edits:
                label, key = ":small[:gray[Earlier wording]]", f"versions-{entry.id}"
                with st.popover(label, type="tertiary", key=key, on_change="rerun") as shown:
                    if shown.open:  # to read them is a query for each edited article of a list
                        draw_versions(part, entry, at)


def draw_versions(part: Services, entry: Entry, at: datetime) -> None:
    """The wordings that an article had before, newest first."""
    here = zone()
    for version in reversed(part.store.versions(entry.id)[:-1]):
        until = f" until {clock(version.valid_until, at, here)}" if version.valid_until else ""
        st.caption(f"From {clock(version.valid_from, at, here)}{until}")
        st.markdown(f"**{literal(version.title)}**")
        st.text(version.text[:2_000])
