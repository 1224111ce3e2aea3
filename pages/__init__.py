"""What the screens share: the frame around a page, the services behind it, and how an entry and an answer are drawn.

This is where the parts are put together: it alone (with the `__main__` files) reads secrets and the environment.
"""

from __future__ import annotations

import base64
import logging
import os
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Literal, NoReturn

import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

import logs
from desk.budgets import Budgets, Quota, Quotas, quota
from desk.conversations import Conversations
from desk.readers import Reader, Readers
from desk.reading import Reading
from desk.usage import Usages
from llm.base import ModelError
from llm.facts import named_days
from llm.groq import GroqModel
from llm.groq import warm as warm_model
from llm.live import Live, Slots
from llm.markdown import link, literal
from news.background import Job, Refresher
from news.fetch import Fetcher, says_yes, user_agent
from news.front import front
from news.injection import addressed
from news.store import Store
from news.story_store import Stories
from news.types import Entry, Passage
from news.worker import working
from pages.parts.gate import GATE
from pages.parts.reader import NOBODY, Access, BadSetting, access, signed_in, who
from storage.engine import DEFAULT_URL, StorageError, connect

log = logging.getLogger(__name__)

QUESTION_CHARACTERS = 4_000
ADDRESSED = "Speaks to a model"
"""The badge of text that was written for a language model to obey, not for a reader."""
REMOVED_FOR = timedelta(days=30)
"""So long a removed conversation can be brought back."""
LEFT_FOR = timedelta(days=90)
"""So long a visitor's conversations stay when nobody comes back to them."""
ANSWERS_AT_ONCE, WHILE_BUSY = 20, 4
"""So many answers are written at once; and so many while readers wait for a page, who see nothing yet."""
SWITCH_S = 0.001
"""A thread that computes gives way to others after this. A page, and what sends it to browsers, waits for something a
hundred times in a run, and each time for whoever computes: at Python's own 5 ms that is half a second."""
SECRETS_AGAIN_S = 5.0
"""So long it takes until secrets are found that were added while the app runs."""
ICON = Path(__file__).parent / "icon.png"
MENU = (
    ("app.py", "Ask", ":material/forum:"),
    ("pages/front_page.py", "Front page", ":material/newspaper:"),
    ("pages/briefing.py", "Briefing", ":material/coffee:"),
    ("pages/sources.py", "Sources", ":material/rss_feed:"),
    ("pages/settings.py", "Settings", ":material/tune:"),
)
OWNER = ("pages/owner.py", "Owner", ":material/shield_person:")
"""On the menu of an owner whose readers are others."""
A_READER, A_MACHINE = "4 a minute, 40 a day", "12 a minute, 200 a day"
"""What may be asked with the owner's key, if the owner does not say."""


def now() -> datetime:
    """The clock of the app."""
    return datetime.now(UTC)


def has_secrets() -> bool:
    """Whether there are Streamlit secrets. Where none are, Streamlit looks for them in several folders at each call."""
    return _has_secrets(int(time.monotonic() / SECRETS_AGAIN_S))


@lru_cache(maxsize=1)
def _has_secrets(_moment: int) -> bool:
    return bool(st.secrets.load_if_toml_exists())


def setting(name: str) -> str:
    """A setting from the environment, else from Streamlit's secrets, else ""."""
    if value := os.environ.get(name):
        return value
    if not has_secrets():
        return ""
    value = st.secrets.get(name, st.secrets.get(name.lower(), ""))
    return str(value) if isinstance(value, str | int | float) else ", ".join(map(str, value))


def providers() -> list[str]:
    """Who can vouch for readers: the sections of `[auth]` in Streamlit's secrets, "" for one without a name."""
    told = st.secrets.get("auth", {}) if has_secrets() else {}
    named = [name for name, section in told.items() if hasattr(section, "get") and section.get("client_id")]
    return [*([""] if told.get("client_id") else []), *named]


Leaving = Literal["stop", "on", "lost"]
"""How a page looked away from an answer that is being written: by Stop, because its session went on to another run, or
because the connection was lost."""


@dataclass(slots=True)
class Visit:
    """A browser session: how many runs of pages it has begun."""

    runs: int = 0


@dataclass(slots=True)
class Services:
    """What lives as long as the process, shared by all sessions; every part is safe to share by threads.

    `frame` gives a page those of its `reader`: store, conversations, usages and reading are theirs and nobody else's.
    """

    store: Store
    conversations: Conversations
    usages: Usages
    readers: Readers
    budgets: Budgets
    quotas: Quotas
    """What the owner's key may be asked."""
    fetcher: Fetcher
    refresher: Refresher
    stories: Stories
    reading: Reading
    slots: Slots
    """How many answers are written at once."""
    lives: dict[str, Live] = field(default_factory=dict)
    """Answers being written, by turn."""
    left: dict[str, dict[str, Leaving]] = field(default_factory=dict)
    """For answers being written, by turn: the sessions that looked away."""
    reader: Reader = field(default_factory=Reader)
    visit: Visit = field(default_factory=Visit)
    run: int = 0
    """Which run of its visit this is."""

    @property
    def went_on(self) -> bool:
        """Whether the reader has begun another run since this one."""
        return self.visit.runs > self.run

    def of(self, reader: Reader, visit: Visit | None = None, run: int = 0) -> Services:
        """The same for another reader, in a run of their visit."""
        return replace(
            self,
            store=self.store.of(reader.id, own_feeds=reader.own_feeds),
            conversations=self.conversations.of(reader.id),
            usages=self.usages.of(reader.id),
            reading=self.reading.of(reader.id),
            reader=reader,
            visit=visit or Visit(),
            run=run,
        )


@st.cache_resource(show_spinner=False)
def services() -> Services:
    """The services, made once a process, as the owner of a personal instance has them.

    Raises `StorageError` and `BadSetting`.
    """
    try:
        limits = (setting("READER_LIMITS") or A_READER, setting("ADDRESS_LIMITS") or A_MACHINE)
        quotas = Quotas(*map(quota, limits), quota(words) if (words := setting("EVERYONE_LIMITS")) else Quota())
    except ValueError as error:
        raise BadSetting(f"A setting of limits cannot be read: {error}") from error
    logs.begin()
    sys.setswitchinterval(SWITCH_S)
    engine = connect(setting("DATABASE_URL") or DEFAULT_URL)
    store = Store(engine)
    fetcher = Fetcher(
        allow_private=says_yes(setting("ALLOW_PRIVATE_FEEDS")),
        user_agent=user_agent(setting("CONTACT")),
    )
    conversations, readers = Conversations(engine), Readers(engine)

    def tidy(at: datetime) -> None:
        conversations.purge(at - REMOVED_FOR)
        readers.purge(at - LEFT_FOR)

    refresher = Refresher(store, fetcher, clock=now, elsewhere=lambda: working(engine), tidy=tidy)
    refresher.start()
    key, address = setting("GROQ_API_KEY"), setting("GROQ_BASE_URL")
    asked = GroqModel(key, base_url=address or None) if key or address else None
    threading.Thread(target=_warm, args=(asked, store), name="warm", daemon=True).start()
    at_once = setting("ANSWERS_AT_ONCE")
    most = int(at_once) if at_once.isdecimal() and int(at_once) else ANSWERS_AT_ONCE
    slots = Slots(most, least=WHILE_BUSY, busy=lambda: GATE.waiting > 0)
    started = {"database": engine.dialect.name, "access": setting("ACCESS") or "personal", "keyed": bool(key)}
    log.info("started", extra=started)
    return Services(
        store, conversations, Usages(engine), readers, Budgets(engine), quotas, fetcher, refresher,
        refresher.stories, Reading(engine), slots,
    )  # fmt: skip


def _warm(model: GroqModel | None, store: Store) -> None:
    """Load what the first answer and the front page need, so that the first reader does not wait for it.

    Asks which models there are, too.
    """
    import pandas  # noqa: F401 - st.write_stream imports it at its first call

    warm_model()
    with suppress(StorageError):  # whoever opens a page is told
        front(store, now=now())
    if model is not None:
        with suppress(ModelError):  # it is logged; the bundled table serves until the next try
            model.offered()


def frame(title: str, *, open_to_all: bool = False) -> Services:
    """Begin a page: its settings and the masthead with the menu; gives its reader's services, or ends with a sentence.

    Only a page that is `open_to_all` is shown to those who must sign in first.
    """
    visit: Visit = st.session_state.setdefault("visit", Visit())
    run = visit.runs = visit.runs + 1
    st.set_page_config(
        page_title=f"{title} · Broadsheet" if title != "Ask" else "Broadsheet",
        page_icon=ICON,  # our own file: Streamlit would fetch a named icon from another host
        layout="centered" if title in ("Ask", "Shared", "Settings") else "wide",
        initial_sidebar_state="auto",
    )
    try:
        mode = access(setting("ACCESS"))
        reader = who(mode, owners=setting("OWNERS"), members=setting("MEMBERS"))
        masthead(reader, mode, chat="" if title == "Ask" else st.session_state.get("chat", ""))
        if reader is None and not open_to_all:
            sign_in()
        part = services()
        part.store.check()  # it may have gone since
    except BadSetting as error:
        st.error(str(error), title="A setting is wrong")
        st.stop()
    except StorageError as error:
        st.error(str(error), title="The database cannot be used")
        st.stop()
    part = part.of(reader or NOBODY, visit, run)
    if part.reader.name and not st.session_state.get("noted"):
        part.readers.seen(part.reader, now=now())
        st.session_state.noted = True
    return part


def masthead(reader: Reader | None, mode: Access, *, chat: str = "") -> None:
    """The name of the paper, and the pages that this reader may open; Ask with the chat that was open there last."""
    menu = [*MENU, OWNER] if reader and reader.owner and mode != "personal" else MENU if reader else ()
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="masthead"):
        st.subheader("Broadsheet", anchor=False, width="content")
        for target, label, _icon in menu:
            back = {"c": chat} if chat and label == "Ask" else None
            st.page_link(target, label=label, width="content", query_params=back)


def sign_in() -> NoReturn:
    """Instead of a page, for those who have to sign in first."""
    st.title("Sign in to read", anchor=False)
    if signed_in():
        st.markdown("You signed in, but you are not among the readers of this paper. Its owner can add you.")
        st.button("Sign out", on_click=st.logout)
    elif not (known := providers()):
        st.markdown(
            "Nobody can sign in yet: the owner has to name who vouches for readers, in the secrets of this app."
        )
    else:
        st.markdown("This paper is for its members.")
        draw_sign_in(known)
    st.stop()


def draw_sign_in(known: Sequence[str]) -> None:
    """A button for each of those who can vouch for a reader."""
    for name in known:
        label = f"Sign in with {literal(name.replace('_', ' ').capitalize())}" if name else "Sign in"
        st.button(label, key=f"sign_in_{name}", icon=":material/login:", on_click=st.login, args=(name or None,))


def session_id() -> str:
    """The id of this browser session; "" outside of one."""
    context = get_script_run_ctx()
    return context.session_id if context else ""


def is_connected(session: str) -> bool:
    """Whether a browser is connected to this session now."""
    return runtime.exists() and runtime.get_instance().is_active_session(session)


# Words for times and counts


def ago(then: datetime, at: datetime | None = None) -> str:
    """How long ago, in a few words: "just now", "12 min ago", "3 h ago", "2 days ago", else the date."""
    passed = (at or now()) - then
    if passed < timedelta(minutes=1):
        return "just now"
    if passed < timedelta(hours=1):
        return f"{int(passed.total_seconds() // 60)} min ago"
    if passed < timedelta(days=1):
        return f"{int(passed.total_seconds() // 3600)} h ago"
    if passed < timedelta(days=7):
        days = passed.days
        return "yesterday" if days == 1 else f"{days} days ago"
    return f"{then.day} {then:%B %Y}"


def moment(at: datetime) -> str:
    """A date and time as a reader writes them, UTC: "10 June 2026, 09:45"."""
    return f"{at.day} {at:%B %Y, %H:%M}"


def count(number: int, thing: str, things: str = "") -> str:
    """A number with its noun: "1 feed", "2,000 feeds"."""
    return f"{number:,} {thing if number == 1 else things or thing + 's'}"


# Drawing


def headline(entry: Entry, *, summary: int = 220) -> str:
    """An entry as Markdown: its headline as a link, a quiet line with outlet and time, the first words of its text."""
    marks = [literal(entry.feed), ago(entry.published_at)]
    if entry.also:
        marks.append("also in " + literal(", ".join(entry.also[:3])))
    if entry.edits:
        marks.append("edited" if entry.edits == 1 else f"edited {entry.edits} times")
    text = " ".join(entry.text.split())
    if len(text) > summary:
        text = text[:summary].rsplit(" ", 1)[0] + " …"
    body = f"**{link(entry.title, entry.url)}**  \n:small[:gray[{' · '.join(marks)}]]"
    return f"{body}\n\n{literal(text)}" if text and text != entry.title else body


def bars(numbers: Sequence[int], told: str, *, step: int = 5, height: int = 14) -> str:
    """Numbers as Markdown for a small picture of our own making, its last bar the newest; `told` says it in words."""
    tallest = max(*numbers, 1)
    drawn = "".join(
        f'<rect x="{n * step}" y="{height - size:.1f}" width="{step - 1}" height="{size:.1f}"/>'
        for n, number in enumerate(numbers)
        for size in [max(1.0, height * number / tallest)]
    )
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{step * len(numbers)}" height="{height}" fill="#9a8c78">'
        f"{drawn}</svg>"
    )
    return f"![{told}](data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()})"


def sources(passages: Sequence[Passage], cited: Sequence[int]) -> None:
    """What an answer rests on, folded: each passage with its headline, outlet and date; those it cites come first."""
    if not passages:
        return
    label = (
        f"{count(len(cited), 'source')} cited of {len(passages)}"
        if cited
        else count(len(passages), "passage") + " found"
    )
    order = [*cited, *(n for n in range(1, len(passages) + 1) if n not in cited)]
    with st.expander(label, type="compact"):
        blocks = []
        for n in order:
            passage = passages[n - 1]
            about = f"{literal(passage.feed)} · {moment(passage.published_at)}" + ("" if n in cited else " · not cited")
            published = passage.published_at.date()
            for words, day in named_days(f"{passage.title}\n\n{passage.text}", published):
                year = f" {day.year}" if day.year != published.year else ""
                about += f" · “{literal(words)}” is {day.day} {day:%B}{year}"
            if addressed(passage.title, passage.text, passage.feed):
                about += f"]] :orange-badge[{ADDRESSED}] :small[:gray["
            blocks.append(
                f"**{n}.** {link(passage.title, passage.url)}  \n:small[:gray[{about}]]\n\n> {literal(passage.text)}"
            )
        st.markdown("\n\n".join(blocks))


def follow(job: Job, label: str = "Refreshing") -> None:
    """Show a refresh until it is done: a bar, then what came and what failed and why, feed by feed."""
    bar = st.progress(0.0, text=label)
    while not job.finished.wait(0.15):
        done = len(job.outcomes)
        bar.progress(done / max(job.total, 1), text=f"{label}: {done} of {count(job.total, 'feed')}")
    bar.empty()
    if job.error:
        st.error(job.error)
    report(job)


def report(job: Job) -> None:
    """What a refresh brought."""
    new = sum(outcome.new for outcome in job.outcomes)
    edited = sum(outcome.edited for outcome in job.outcomes)
    told = [count(job.total, "feed") + " asked", count(new, "new article")]
    if edited:
        told.append(f"{edited} edited")
    if job.failed:
        told.append(f"{len(job.failed)} failed")
    st.caption(", ".join(told) + ".")
    if job.failed:
        with st.expander(f"{count(len(job.failed), 'feed')} failed", type="compact"):
            for outcome in job.failed:
                name = literal(outcome.feed.title or outcome.feed.url)
                st.markdown(f"**{name}**  \n{literal(outcome.error)}")


def unique(names: Sequence[str]) -> list[str]:
    """The names in order, each once, none empty."""
    return list(dict.fromkeys(name for name in names if name))
