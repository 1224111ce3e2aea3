"""Settings: the model and its key, how much it is given, how the app looks, what is muted, and what is stored."""

from __future__ import annotations

from datetime import timedelta

import streamlit as st

from llm.base import CTX_LENGTH, ModelError
from llm.groq import GroqModel
from llm.markdown import literal
from llm.models import BUNDLED, DEFAULT, EFFORT, KNOWN_ON, ModelInfo, info
from news.errors import NewsError
from news.store import LONGEST_MUTE
from news.types import Mute
from pages import REMOVED_FOR, Services, ago, count, draw_sign_in, frame, now, providers, setting, unique
from pages.parts.adding import remove_sample_button
from pages.parts.model import GROQ, OTHER, configured, is_openai, may_choose_server, other_server

SMALLEST_BUDGET, LARGEST_BUDGET, BUDGET_STEP = 2_000, 32_000, 500
KEEP_DAYS = (7, 30, 90, 365)
USAGE_DAYS = 30


def draw_reader(part: Services) -> None:
    """Who reads, where that is not plain: the way in and out."""
    if not part.reader.shares:
        return
    if part.reader.name:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"You are signed in as {literal(part.reader.name)}.", width="content")
            st.button("Sign out", key="sign_out", icon=":material/logout:", type="tertiary", on_click=st.logout)
        return
    st.caption(
        "You read as a visitor. Your chats are found again by this browser, and by nobody else unless you share one."
    )
    if known := providers():
        with st.expander("For the owner of this paper", type="compact"):
            draw_sign_in(known)


def draw_model(part: Services) -> None:
    """The server, its key, the model, the budget. What is chosen stays in the session, and nowhere else."""
    st.subheader("Who answers", anchor=False)
    if may_choose_server():
        st.segmented_control(
            "Server", [GROQ, OTHER], default=GROQ, key="server", persist_state="session", required=True,
            on_change=forget_trial,
        )  # fmt: skip
    if may_choose_server() and st.session_state.get("server") == OTHER:
        draw_other_server()
    else:
        draw_groq(part)
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        model = configured()
        if st.button("Try it", disabled=model is None, key="try_it") and model is not None:
            st.session_state["trial"] = tried(model)
        if trial := st.session_state.get("trial"):
            st.caption(literal(trial), width="stretch")
        elif model is None:
            st.caption("Without a key, answers are quotations from your feeds.", width="stretch")
    draw_choice(model)
    st.slider(
        "Context budget, in tokens", SMALLEST_BUDGET, LARGEST_BUDGET, CTX_LENGTH, BUDGET_STEP, key="budget",
        persist_state="session", format="localized",
    )  # fmt: skip
    st.caption(
        "How much an answer may take, prompt and reply together. Groq's free plan allows 8,000 tokens a minute for "
        "both, so 7,000 leaves some room; more fits more passages and a longer memory, if your plan allows it."
    )


def draw_groq(part: Services) -> None:
    """The key for Groq."""
    st.text_input(
        "Groq key", type="password", key="groq_key", persist_state="session", autocomplete="off", placeholder="gsk_…",
        max_chars=200, on_change=forget_trial,
    )  # fmt: skip
    if setting("GROQ_API_KEY") and not part.reader.owner:
        told = (
            "You ask with the key of this paper, which all readers share. One typed here is used instead, in this "
            "browser session only, and no limit of readers holds for it. [Keys are free at Groq]"
            "(https://console.groq.com/keys)."
        )
    elif setting("GROQ_API_KEY"):
        told = "This server has a key of its own; one typed here is used instead, in this browser session only."
    else:
        told = (
            "A key typed here stays in this browser session: it is never stored. To keep one, set `GROQ_API_KEY` "
            "or put it into `.streamlit/secrets.toml`. [Keys are free at Groq](https://console.groq.com/keys)."
        )
    st.caption(told)


def draw_other_server() -> None:
    """The address of a server that speaks OpenAI's protocol, and its key if it wants one."""
    st.text_input(
        "Address", key="server_url", persist_state="session", placeholder="http://localhost:11434/v1", max_chars=300,
        on_change=forget_trial,
    )  # fmt: skip
    st.text_input(
        "Key, if it wants one", type="password", key="server_key", persist_state="session", autocomplete="off",
        max_chars=200, on_change=forget_trial,
    )  # fmt: skip
    st.caption(
        "Ollama, llama.cpp, vLLM, LM Studio, or any server with OpenAI's protocol. Both stay in this browser session."
    )


def draw_choice(model: GroqModel | None) -> None:
    """Which of the server's models answers, and how much it thinks."""
    live = model is not None and model.is_live()
    own = bool(other_server()) or is_openai(setting("GROQ_BASE_URL"))  # Groq's models are not to be had there
    offered = {row.id: row for row in (model.known() if model and (live or not own) else () if own else BUNDLED)}
    key = "server_model" if other_server() else "model"
    first = "" if other_server() else setting("GROQ_MODEL") or ("" if own else DEFAULT)
    first = first or next(iter(offered), "")
    if not st.session_state.get(key) and first:
        st.session_state[key] = first  # of a box that was drawn before, only this changes the choice
    ids = unique([*offered, first, st.session_state.get(key) or ""])
    st.selectbox(
        "Model", ids, index=None, key=key, persist_state="session", accept_new_options=True,
        placeholder="Its name, or “Try it”", format_func=lambda id_: described(offered.get(id_) or ModelInfo(id_)),
    )  # fmt: skip
    st.caption("As the server lists them now." if live else "A short list; “Try it” asks the server for its own.")
    name = str(st.session_state.get(key) or "")
    chosen = offered.get(name) or info(name)
    if chosen and chosen.efforts:
        st.segmented_control(
            "How much it thinks first", chosen.efforts, default=EFFORT, key="effort", persist_state="session",
            required=True, format_func=str.capitalize,
        )  # fmt: skip
        st.caption("More thinking takes longer, and its tokens come out of the reply's.")


def described(model: ModelInfo) -> str:
    """A model for the list: its id and how much it can hold."""
    return f"{model.id} · {model.window:,} tokens" if model.window else model.id


def tried(model: GroqModel) -> str:
    """Ask the server for its models: proof that it can be used, and the list to choose from. Uses no tokens."""
    try:
        with st.spinner("Asking …"):
            offered = model.offered()
    except ModelError as error:
        return str(error)
    return f"It works: {count(len(offered), 'model')} to choose from."


def forget_trial() -> None:
    """Another server or key: what was said of the last one, and chosen of its models, is no longer true."""
    for name in ("trial", "server_model"):
        st.session_state.pop(name, None)


def draw_usage(part: Services) -> None:
    """What the model has cost, by day."""
    days = part.usages.by_day(now() - timedelta(days=USAGE_DAYS))
    if not days:
        return
    st.subheader("What it took", anchor=False)
    rows: dict[str, list[object]] = {"day": [], "tokens": [], "kind": []}
    for day in days:
        for kind, tokens in (
            ("Prompt", day.prompt - day.cached), ("Prompt, from the cache", day.cached), ("Reply", day.completion),
        ):  # fmt: skip
            rows["day"].append(f"{day.day:%d %b}")
            rows["tokens"].append(tokens)
            rows["kind"].append(kind)
    st.bar_chart(rows, x="day", y="tokens", color="kind", stack=True, x_label="", y_label="Tokens", height=220)
    cost = sum(day.cost or 0.0 for day in days)
    answers = sum(day.answers for day in days)
    told = [f"{count(answers, 'answer')} in {USAGE_DAYS} days"]
    told.append(f"{sum(d.prompt + d.completion for d in days):,} tokens")
    if cost:
        told.append(f"about ${cost:.2f} by Groq's prices of {KNOWN_ON.day} {KNOWN_ON:%B %Y}")
    first = [day.first_s for day in days if day.first_s is not None]
    if first:
        told.append(f"first word after {sum(first) / len(first):.1f} s")
    st.caption(literal(", ".join(told)) + ".")


def draw_look() -> None:
    """Where light and dark are chosen."""
    st.subheader("How it looks", anchor=False)
    shown = st.context.theme.type
    st.caption(
        f"{f'You see the {shown} theme. ' if shown in ('light', 'dark') else ''}"
        "Light, dark or as your system has it: the menu at the top right, under Settings."
    )
    st.toggle("Show pictures on the Front page", key="show_pictures", persist_state="session")
    st.caption(
        "Pictures come from the outlets' own servers, which then see your address. Off, they are asked for nothing."
    )
    st.toggle("Hide what no article says", key="hide_unfound", persist_state="session")
    st.caption("Sentences of an answer that no passage bears out are left out, and counted below it.")


def draw_muted(part: Services) -> None:
    """The words and outlets that are never shown, and a place to add a word."""
    st.subheader("Muted", anchor=False)
    st.caption(
        "Articles with these words, or of these outlets, are kept, but no page shows them and no answer uses them. A "
        "word counts in all its forms; several words count as a phrase. Outlets are muted in Sources, under More."
    )
    with (
        st.form("mute_form", clear_on_submit=True, border=False),
        st.container(horizontal=True, vertical_alignment="bottom", gap="small"),
    ):
        st.text_input(
            "Word or phrase to mute", key="mute_word", max_chars=LONGEST_MUTE, placeholder="A word or a phrase",
            label_visibility="collapsed", width=320,
        )  # fmt: skip
        st.form_submit_button("Mute", on_click=mute_word, args=(part,))
    if told := st.session_state.pop("mute_told", ""):
        st.warning(literal(told))
    mutes = part.store.mutes()
    names = {feed.url: feed.title or feed.url for feed in part.store.feeds()} if mutes else {}
    with st.container(horizontal=True, gap="small"):
        for mute in mutes:
            st.button(
                literal(names.get(mute.value, mute.value) if mute.kind == "feed" else mute.value),
                icon=":material/rss_feed:" if mute.kind == "feed" else ":material/title:",
                key=f"unmute_{mute.kind}_{mute.value}", help="Show it again", on_click=part.store.unmute, args=(mute,),
            )  # fmt: skip


def mute_word(part: Services) -> None:
    """Mute what was typed; what cannot be muted is told."""
    try:
        part.store.mute(Mute("word", st.session_state["mute_word"]))
    except NewsError as error:
        st.session_state["mute_told"] = str(error)


def draw_stored(part: Services) -> None:
    """What the database holds, and ways to have less of it."""
    st.subheader("What is stored", anchor=False)
    stats, chats = part.store.stats(), part.conversations.count()
    with st.container(horizontal=True, gap="medium"):
        st.metric("Feeds", f"{stats.feeds:,}", width="content")
        st.metric("Articles", f"{stats.entries:,}", width="content")
        st.metric("Conversations", f"{chats:,}", width="content")
        if stats.bytes:
            st.metric("On disk", f"{stats.bytes / 2**20:,.1f} MB", width="content")
    told = []
    if stats.oldest and stats.newest:
        told.append(f"The oldest article is from {ago(stats.oldest)}, the newest from {ago(stats.newest)}.")
    if stats.edited:
        told.append(f"{count(stats.edited, 'article')} changed after publication; every wording is kept.")
    if told:
        st.caption(" ".join(told))
    if any(feed.sample for feed in part.store.feeds()):
        remove_sample_button(part)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        days = st.selectbox(
            "Remove articles older than", KEEP_DAYS, index=KEEP_DAYS.index(90), key="keep_days", width=220,
            format_func=lambda days: "a year" if days == 365 else count(days, "day"),
        )  # fmt: skip
        if st.button("Remove them", key="prune"):
            gone = part.store.prune(now(), keep=timedelta(days=days))
            st.toast(f"{count(gone, 'article')} removed.")
            st.rerun()
    if any(feed.keep_days is not None for feed in part.store.feeds()):
        st.caption("Feeds with a time of their own, set in Sources, go by that.")
    st.space("small")
    if not st.session_state.get("deleting"):
        st.button("Delete everything", key="delete", on_click=ask_first)
        return
    st.markdown("Delete all feeds, articles and conversations on this server? This cannot be undone.")
    with st.container(horizontal=True, gap="small"):
        st.button("Yes, delete everything", type="primary", key="delete_yes", on_click=delete, args=(part,))
        st.button("Keep it", key="delete_no", on_click=keep)


def draw_kept(part: Services) -> None:
    """What is kept of a reader, and the way to have it deleted."""
    st.subheader("What is kept of you", anchor=False)
    told = [count(part.conversations.count(), "chat"), "what you muted, saved and have seen"]
    if part.reader.own_feeds:
        told.append(f"that you follow {count(len(part.store.feeds()), 'feed')}")
    st.caption(f"{', '.join(told)}. A chat that you delete is gone for good after {REMOVED_FOR.days} days.")
    if not st.session_state.get("deleting"):
        st.button("Delete all of it", key="delete", on_click=ask_first)
        return
    st.markdown("Delete all that is kept of you here? This cannot be undone.")
    with st.container(horizontal=True, gap="small"):
        st.button("Yes, delete it", type="primary", key="delete_yes", on_click=forget, args=(part,))
        st.button("Keep it", key="delete_no", on_click=keep)


def forget(part: Services) -> None:
    """The second step for a reader who is one of several."""
    keep()
    for turn_id, live in list(part.lives.items()):
        if part.conversations.turn(turn_id):
            live.stop()
            live.wait(2.0)  # what it took is kept before all is deleted
    part.readers.forget(part.reader.id, now=now())
    st.session_state["deleted"] = True
    st.session_state.pop("chat", None)


def ask_first() -> None:
    """The first of the two steps."""
    st.session_state["deleting"] = True


def keep() -> None:
    """Second thoughts."""
    st.session_state.pop("deleting", None)


def delete(part: Services) -> None:
    """The second step."""
    keep()
    part.conversations.delete_everything()
    part.readers.forget_all()
    part.store.delete_everything()
    st.session_state["deleted"] = True


part = frame("Settings")
st.title("Settings", anchor=False)
draw_reader(part)
if st.session_state.pop("deleted", False):
    st.toast("Everything is deleted." if part.reader.owner else "Nothing is kept of you any more.")
draw_model(part)
draw_usage(part)
st.space("small")
draw_look()
st.space("small")
draw_muted(part)
st.space("small")
if part.reader.owner:
    draw_stored(part)
else:
    draw_kept(part)
