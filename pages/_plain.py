"""What only a script in the browser can do: say an answer once, copy it, follow it, and tell that the end is near.

A screen reader says what changes in a live region. Streamlit has none around a chat message, so a streamed answer would
be silent; and a region around it would say every update. Nothing native says a finished text once without showing it a
second time, and there is no button that copies; and no page is told how far it is scrolled. So these are the components
of ours, and this the one file that may (`tests/test_house.py`). Markup and scripts are the constants below and load
nothing; text comes as data, and is only ever set as text.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import streamlit as st

if __name__ == "__main__":  # every file of this folder has an address; this one has nothing to show
    st.switch_page("app.py")

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


@st.cache_resource(show_spinner=False)
def _component() -> Any:
    return st.components.v2.component("plain_answer", html=_HTML, css=_CSS, js=_JS)


@st.cache_resource(show_spinner=False)
def _end() -> Any:
    return st.components.v2.component("to_the_end", html="<span></span>", js=_TO_THE_END)


@st.cache_resource(show_spinner=False)
def _more() -> Any:
    return st.components.v2.component("more", html=_MORE_HTML, css=_CSS, js=_MORE)


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
