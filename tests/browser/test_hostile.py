"""Hostile feeds, a model that obeys them, and a reader who types markup: nothing of it comes alive on any page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from html import escape

import pytest
from playwright.sync_api import Page, Request, expect

from tests import feeds
from tests.browser.app_server import AppServer
from tests.browser.test_ask import KEY, ask, idle
from tests.feed_server import FeedServer
from tests.groq_server import GroqServer

EVIL = "evil.example"
PAYLOADS = [
    f"![p](https://{EVIL}/p.png)",
    f"![p][r]\n\n[r]: https://{EVIL}/r.png",
    f"[click](https://{EVIL}/c)",
    f"<img src=https://{EVIL}/i.png onerror=alert(1)>",
    f"<script src=https://{EVIL}/s.js></script>",
    f"<a href='https://{EVIL}/a'>here</a>",
    "[x](javascript:alert(1))",
    f"https://{EVIL}/bare and www.{EVIL}",
    "$\\rule{500em}{500em}$ and $$x^2$$",
    ":red[red] :material/delete: :smile: :streamlit:",
    f"```mermaid\ngraph TD; A[https://{EVIL}]-->B\n```",
    f"[1](https://{EVIL}/one) [99] [0] [-1]",
    f"[^1]\n\n[^1]: ![p](https://{EVIL}/f.png)",
    f"<iframe src=https://{EVIL}/frame></iframe>",
]
# A bare address and words are left as text; anything of these on the page came alive.
ALIVE = (
    "img[src^='http'], img[src^='//'], iframe, object, script[src*='evil'], .katex, svg[id^='mermaid'], "
    "a[href*='evil'], a[href^='javascript']"
)


@pytest.fixture(scope="module")
def press() -> Iterator[FeedServer]:
    with FeedServer() as server:
        entries = [
            # Escaped, so that it comes through as the text it is: markup itself is dropped when a feed is read.
            feeds.entry(
                escape(f"Flood {n} {payload}"), guid=f"e{n}", link=f"https://good.example/{n}", summary=escape(payload)
            )
            for n, payload in enumerate(PAYLOADS)
        ]
        name = escape(f"Outlet ![p](https://{EVIL}/t.png) $x$ :red[y]")
        server.serve("/feed.xml", feeds.rss(*entries, title=name), headers={"Content-Type": "application/rss+xml"})
        yield server


@pytest.fixture(scope="module")
def model() -> Iterator[GroqServer]:
    with GroqServer() as server:
        yield server


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, press: FeedServer, model: GroqServer) -> Iterator[AppServer]:
    folder = tmp_path_factory.mktemp("hostile")
    with AppServer(folder, GROQ_API_KEY=KEY, GROQ_BASE_URL=model.url, ALLOW_PRIVATE_FEEDS="true") as server:
        yield server


@pytest.fixture
def watched(app: AppServer, open_page: Callable[..., Page]) -> Callable[[str], tuple[Page, list[str]]]:
    """Open an address of the app; the list grows with every request that leaves the page's own origin."""

    def open_it(path: str) -> tuple[Page, list[str]]:
        page = open_page(app.url)
        foreign: list[str] = []

        def note(request: Request) -> None:
            if not request.url.startswith((app.url, app.url.replace("http", "ws", 1), "data:", "blob:")):
                foreign.append(request.url)

        page.on("request", note)
        page.goto(app.url + path)
        return page, foreign

    return open_it


def unharmed(page: Page, foreign: list[str]) -> None:
    """Nothing hostile is alive in the main part of the page, and no request went out."""
    main = page.get_by_role("main")
    assert main.locator(ALIVE).count() == 0, main.locator(ALIVE).first.evaluate("e => e.outerHTML")
    assert foreign == []


def test_hostile_text_of_feeds_stays_text_on_every_page(
    app: AppServer, press: FeedServer, watched: Callable[[str], tuple[Page, list[str]]]
) -> None:
    page, foreign = watched("")
    expect(page.get_by_role("heading", name="Choose your news")).to_be_visible()
    page.get_by_label("A feed or a site").fill(press.url("/feed.xml"))
    page.get_by_role("button", name="Find feeds").click()
    page.locator(".st-key-add_candidate_0 button").click()
    expect(page.get_by_placeholder("Ask about the news")).to_be_visible(timeout=60_000)
    idle(page)
    unharmed(page, foreign)
    for path in ("/front_page", "/briefing", "/sources", "/settings"):
        page.goto(app.url + path)
        idle(page)
        unharmed(page, foreign)


def test_a_model_that_obeys_injected_text_cannot_make_it_live(
    model: GroqServer, watched: Callable[[str], tuple[Page, list[str]]]
) -> None:
    page, foreign = watched("")
    for number, payload in enumerate(PAYLOADS):
        model.says(f"Before. {payload}\n\nAfter flood {number} [1].", per_second=200)
        ask(page, f"What about the flood? {payload}")
        expect(page.get_by_text(f"After flood {number}")).to_be_visible()
        idle(page)
        unharmed(page, foreign)
    page.reload()
    expect(page.get_by_text(f"After flood {len(PAYLOADS) - 1}")).to_be_visible()
    idle(page)
    unharmed(page, foreign)
    links = page.get_by_label("Chat message from assistant").get_by_role("link")
    hosts = {(link.get_attribute("href") or "").split("/")[2] for link in links.all()}
    assert hosts == {"good.example"}
