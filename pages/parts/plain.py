"""What only a script in the browser can do: say an answer once, copy it, follow it, open a claim's quote beside it, and
tell that the end is near.

A screen reader says what changes in a live region. Streamlit has none around a chat message, so a streamed answer would
be silent; and a region around it would say every update. Nothing native says a finished text once without showing it a
second time, and there is no button that copies; no page is told how far it is scrolled, and nothing within Markdown can
be pressed. So these are the components of ours, and this the one file that may (`tests/test_house.py`). Markup and
scripts are the constants below and load nothing; text comes as data, and is only ever set as text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import streamlit as st

_HTML = '<button type="button" aria-live="polite">Copy</button>'
_CSS = """
button {
    background: none; border: 0; padding: 0; cursor: pointer;
    font: inherit; font-size: 0.875rem; color: var(--st-text-color); opacity: 0.6;
}
button[hidden] { display: none; }
button:hover, button:focus-visible { opacity: 1; color: var(--st-primary-color); }
"""
# The region is filled after it is in the page, or nothing would be said; and taken away, so that who walks through the
# page does not meet the answer twice. Outside of https a browser has no `navigator.clipboard`.
_JS = r"""
const LATER = 200, GONE = 5000;

function say(root, text) {
    const host = document.createElement("div");
    host.style.cssText = "position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)";
    const region = document.createElement("div");
    region.setAttribute("role", "status");
    host.attachShadow({mode: "closed"}).append(region);
    root.append(host);
    setTimeout(() => { region.textContent = text; }, LATER);
    setTimeout(() => host.remove(), LATER + GONE);
}

async function copy(text) {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
}

function spoken(text) {
    return text
        .replace(/[ \t]*(?:\[[\^\d\s,;\u2010-\u2014-]+\]|[\u3010\uff3b][^\]\u3011\uff3d]*[\u3011\uff3d])/g, "")
        .replace(/^[ \t|:-]+$|^[ \t]*(?:[-+*>#]+[ \t]+)+|[|]/gm, " ")
        .replace(/[*`~]+/g, "")
        .replace(/[ \t]+/g, " ").replace(/\s*\n\s*/g, "\n").trim();
}

export default function ({data, parentElement}) {
    const button = parentElement.querySelector("button");
    button.hidden = !data.text;
    button.onclick = async () => {
        await copy([data.text.trim(), data.sources].filter(Boolean).join("\n\n"));
        button.textContent = "Copied";
        setTimeout(() => { button.textContent = "Copy"; }, 2000);
    };
    if (data.say !== null && !parentElement.said) {
        parentElement.said = true;
        say(parentElement, [spoken(data.text), data.say].filter(Boolean).join("\n"));
    }
}
"""


# Streamlit follows what is new only for who is at the page's end already; who asks from further up wants to see it too.
_TO_THE_END = """
export default function ({data, parentElement}) {
    if (!data.turn || parentElement.followed === data.turn) return;
    parentElement.followed = data.turn;
    const area = document.querySelector("[data-testid=stAppScrollToBottomContainer]");
    if (area) area.scrollTop = area.scrollHeight;
}
"""


# A button too, for who goes by keyboard, and for a page that is not high enough to be scrolled.
_MORE_HTML = '<button type="button">Show more</button>'
_MORE = """
export default function ({data, parentElement, setTriggerValue}) {
    const button = parentElement.querySelector("button");
    const more = () => {
        if (parentElement.asked === data.shown) return;
        parentElement.asked = data.shown;
        setTriggerValue("more", data.shown);
    };
    button.onclick = more;
    const watch = new IntersectionObserver(
        (seen) => { if (seen.some((one) => one.isIntersecting)) more(); },
        {root: document.querySelector("[data-testid=stMain]"), rootMargin: "0px 0px 600px 0px"},
    );
    watch.observe(button);
    return () => watch.disconnect();
}
"""


_CARD_HTML = '<div popover role="dialog" tabindex="-1" aria-label="What bears this out"></div>'
_CARD_CSS = """
[popover] {
    position: fixed; inset: auto; margin: 0; box-sizing: border-box;
    width: min(27rem, calc(100vw - 2rem)); max-height: min(24rem, 70vh); overflow: auto; padding: 0.75rem 1rem;
    color: var(--st-text-color); background: var(--st-background-color);
    border: 1px solid var(--st-border-color); border-radius: var(--st-base-radius);
    box-shadow: 0 4px 16px rgb(0 0 0 / 0.16); font: 0.875rem / 1.5 var(--st-font); outline: none;
}
p, blockquote { margin: 0 0 0.5rem; overflow-wrap: anywhere; }
p:last-child { margin: 0; }
blockquote { padding-left: 0.75rem; border-left: 3px solid var(--st-border-color); }
.verdict { font-weight: 600; }
.around, .published { color: var(--st-gray-text-color); }
a { color: var(--st-link-color); }
"""
# A mark is a link to "#c" and a number (`llm.marks`). Pressed, it asks for its quote and leads nowhere; Enter on a link
# is a click too. A browser closes a popover at Escape or a click elsewhere; who was in it is then at the mark again.
_CARD = """
const MARKS = "[class*=st-key-answer-] a[href^='#c']", EDGE = 16, GAP = 6, PATIENCE = 300;

function part(tag, text, name) {
    const made = document.createElement(tag);
    made.textContent = text;
    if (name) made.className = name;
    return made;
}

function contents(told) {
    const parts = [part("p", told.verdict, "verdict"), ...told.failed.map((text) => part("p", text))];
    if (told.runs.length) {
        const quote = part("blockquote", "");
        quote.dir = "auto";
        quote.append(
            part("span", told.before && told.before + " ", "around"),
            ...told.runs.map(([text, carries]) => part(carries ? "strong" : "span", text)),
            part("span", told.behind && " " + told.behind, "around"),
        );
        parts.push(quote);
    }
    if (told.source) {
        const source = part("p", "");
        const name = part(told.url ? "a" : "span", told.source);
        if (told.url) Object.assign(name, {href: told.url, target: "_blank", rel: "noopener noreferrer"});
        source.append(name, part("span", ", " + told.published, "published"));
        parts.push(source);
    }
    return parts;
}

function watch(card) {
    const ending = new AbortController(), {signal} = ending;
    let mark = null, again = "", late = 0;
    const there = () => {  // drawn anew, it is another element
        if (mark && !mark.isConnected) mark = document.querySelector(again);
        return mark;
    };
    const place = () => {
        if (!card.matches(":popover-open")) return;
        if (!there()) return card.hidePopover();
        const at = mark.getBoundingClientRect();
        const right = innerWidth - card.offsetWidth - EDGE, lowest = innerHeight - card.offsetHeight - EDGE;
        const below = at.bottom + GAP, above = at.top - GAP - card.offsetHeight;
        card.style.left = Math.max(EDGE, Math.min(right, at.left - 2 * EDGE)) + "px";
        card.style.top = Math.max(EDGE, Math.min(lowest, below <= lowest || above < EDGE ? below : above)) + "px";
    };
    const show = (parts) => {
        clearTimeout(late);
        if (!there()) return;
        card.replaceChildren(...parts);
        card.showPopover();
        place();
        card.focus({preventScroll: true});
    };
    document.addEventListener("click", (event) => {
        const pressed = event.target.closest?.(MARKS);
        if (!pressed || event.defaultPrevented) return;
        event.preventDefault();
        mark = pressed;
        const turn = mark.closest("[class*=st-key-answer-]").className.match(/st-key-answer-([0-9a-z]+)/)[1];
        again = `.st-key-answer-${turn} a[href="${mark.hash}"]`;
        card.asked = `${turn}:${mark.hash.slice(2)}:${Date.now()}`;
        card.ask(card.asked);
        clearTimeout(late);
        late = setTimeout(() => show([part("p", "Looking it up")]), PATIENCE);
    }, {signal});
    document.addEventListener("scroll", place, {signal, capture: true, passive: true});
    addEventListener("resize", place, {signal});
    card.addEventListener("toggle", (event) => {
        if (event.newState === "open") return;
        const inside = [document.body, card.getRootNode().host].includes(document.activeElement);
        if (inside) there()?.focus({preventScroll: true});
    }, {signal});
    const name = () => {
        for (const one of document.querySelectorAll(`${MARKS}:not([aria-label])`))
            one.setAttribute("aria-label", one.title);
    };
    const drawn = new MutationObserver(name);
    drawn.observe(document.querySelector("[data-testid=stMain]") ?? document.body, {childList: true, subtree: true});
    name();
    card.show = show;
    return () => { ending.abort(); drawn.disconnect(); clearTimeout(late); };
}

export default function ({data, parentElement, setTriggerValue}) {
    const card = parentElement.querySelector("[popover]");
    card.ask = (asked) => setTriggerValue("claim", asked);
    card.leave ??= watch(card);
    if (data.asked && data.asked === card.asked) {
        card.asked = "";
        card.show(data.told ? contents(data.told) : [part("p", "This is not here any more.")]);
    }
    return card.leave;
}
"""


@st.cache_resource(show_spinner=False)
def _component() -> Any:
    return st.components.v2.component("plain_answer", html=_HTML, css=_CSS, js=_JS)


@st.cache_resource(show_spinner=False)
def _end() -> Any:
    return st.components.v2.component("to_the_end", html="<span></span>", js=_TO_THE_END)


@st.cache_resource(show_spinner=False)
def _more() -> Any:
    return st.components.v2.component("more", html=_MORE_HTML, css=_CSS, js=_MORE)


@st.cache_resource(show_spinner=False)
def _card() -> Any:
    return st.components.v2.component("claim", html=_CARD_HTML, css=_CARD_CSS, js=_CARD)


def pressed(look: Callable[[str, int], Mapping[str, Any] | None], *, key: str) -> None:
    """A card beside the claim's mark that was pressed, with what `look` gives for a turn's id and a check's number.

    That is `pages.parts.checks.shown`, or None. An answer is the container with the key "answer-" and the turn's id.
    """

    def note() -> None:
        st.session_state["pressed_claim"] = st.session_state[key].claim

    asked = str(st.session_state.pop("pressed_claim", None) or "")
    found = re.fullmatch(r"([0-9a-f]{1,32}):([0-9]{1,4}):[0-9]{1,15}", asked)
    told = look(found[1], int(found[2])) if found else None
    _card()(key=key, data={"asked": asked, "told": told}, on_claim_change=note, height="content")


def near_the_end(shown: int) -> bool:
    """Whether the reader has come near the end of a list of which so much is shown, or asked for more of it."""
    return bool(_more()(key="more", data={"shown": shown}, on_more_change=lambda: None, height="content").more)


def to_the_end(turn: str) -> None:
    """Take the reader to the end of the page, once for each turn that begins to be answered; "" for none."""
    _end()(key="to_the_end", data={"turn": turn}, height="content")


def plain(text: str, details: Mapping[str, Any], *, key: str, say: str | None = None) -> None:
    """A quiet "Copy" button for an answer as the model wrote it, if it wrote any, with what it cites.

    With `say`, for an answer that has just come to its end, its words are read out once, and `say` after them: why it
    did not end well, or "".
    """
    _component()(key=key, data={"text": text, "sources": cited_lines(details), "say": say}, width="content")


def cited_lines(details: Mapping[str, Any]) -> str:
    """What an answer cites, a line each."""
    return "\n".join(
        f"[{c['n']}] {c['title']} ({c['feed']}, {datetime.fromisoformat(c['published_at']):%Y-%m-%d}) {c['url']}"
        for c in details.get("citations", ())
    )
