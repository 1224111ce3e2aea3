"""The app started as asgi.py: all of it works, and what would come alive on a page is refused by the browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.app_server import AppServer
from tests.browser.conftest import KEY
from tests.browser.test_ask import QUESTION, ask, idle, load_sample
from tests.feed_server import FeedServer
from tests.groq_server import GroqServer

# What a page could be made to do by text that came alive; each resolves to whether it was done.
TRIES = """async url => {
    const refused = [];
    document.addEventListener("securitypolicyviolation", event => refused.push(event.effectiveDirective));
    const load = (name, source) => new Promise(done => {
        const part = document.createElement(name);
        part.onload = () => done(true);
        part.onerror = () => done(false);
        part[name === "link" ? "href" : "src"] = source;
        if (name === "link") part.rel = "stylesheet";
        document.body.append(part);
        setTimeout(() => done(false), 2000);
    });
    const inline = document.createElement("script");
    inline.textContent = "window.inlined = true";
    document.body.append(inline);
    const done = {
        picture: await load("img", url + "/p.png"),
        script: await load("script", url + "/s.js"),
        style: await load("link", url + "/l.css"),
        request: await fetch(url + "/f", {mode: "no-cors"}).then(() => true, () => false),
        inline: window.inlined === true,
    };
    await new Promise(later => setTimeout(later, 100));
    return [done, refused];
}"""
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>'


@pytest.fixture(scope="module")
def groq() -> Iterator[GroqServer]:
    with GroqServer(keys=[KEY]) as server:
        yield server


@pytest.fixture
def stranger() -> Iterator[FeedServer]:
    """Another server, which gives whatever is asked for."""
    with FeedServer() as server:
        server.serve("/p.png", SVG, headers={"Content-Type": "image/svg+xml"})
        for path, kind in (("/s.js", "text/javascript"), ("/l.css", "text/css"), ("/f", "text/plain")):
            server.serve(path, b"", headers={"Content-Type": kind})
        yield server


@pytest.fixture(scope="module")
def walled(tmp_path_factory: pytest.TempPathFactory, groq: GroqServer) -> Iterator[AppServer]:
    folder = tmp_path_factory.mktemp("wall")
    with AppServer(folder, script="asgi.py", GROQ_API_KEY=KEY, GROQ_BASE_URL=groq.url) as server:
        yield server


def test_every_page_works_behind_the_wall_and_breaks_no_rule_of_it(
    walled: AppServer, groq: GroqServer, open_page: Callable[..., Page]
) -> None:
    page = open_page(walled.url)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    load_sample(page)
    groq.says(deltas=[f"word{n:03} " for n in range(60)], per_second=60)
    ask(page, QUESTION)
    expect(page.get_by_text("word010")).to_be_visible()
    expect(page.get_by_text("word059")).to_be_visible()
    idle(page)
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()").startswith("word000 word001")
    for path in ("front_page", "briefing", "sources", "settings"):
        page.goto(f"{walled.url}/{path}")
        idle(page)
    page.goto(walled.url)
    idle(page)
    assert [text for text in told if "Content Security Policy" in text] == []


def test_nothing_foreign_is_loaded_run_or_asked_behind_the_wall(
    walled: AppServer, stranger: FeedServer, open_page: Callable[..., Page]
) -> None:
    page = open_page(walled.url)
    done, refused = page.evaluate(TRIES, stranger.url().rstrip("/"))
    assert not any(done.values()), done
    assert stranger.paths() == []
    assert {"img-src", "script-src-elem", "style-src-elem", "connect-src"} <= set(refused)


def test_without_the_wall_the_same_would_be_done(
    sample_app: AppServer, stranger: FeedServer, open_page: Callable[..., Page]
) -> None:
    done, _ = open_page(sample_app.url).evaluate(TRIES, stranger.url().rstrip("/"))
    assert all(done.values()), done


def test_the_owner_may_let_pictures_through_and_nothing_else(
    tmp_path: Path, stranger: FeedServer, open_page: Callable[..., Page]
) -> None:
    with AppServer(tmp_path, script="asgi.py", ALLOW_PICTURES="true") as server:
        done, _ = open_page(server.url).evaluate(TRIES, stranger.url().rstrip("/"))
    assert [name for name, was_done in done.items() if was_done] == ["picture"]


def test_every_response_carries_the_headers(walled: AppServer, open_page: Callable[..., Page]) -> None:
    page = open_page(walled.url)
    for path in ("/", "/settings", "/_stcore/health"):
        headers = page.request.get(walled.url + path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self' blob: 'sha256-")
        assert "unsafe-inline" not in headers["content-security-policy"].partition("style-src")[0]
