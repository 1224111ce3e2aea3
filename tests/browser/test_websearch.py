"""A question that the feeds do not cover, in a real browser: a search elsewhere, when the reader wants it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from tests import feeds
from tests.browser.app_server import AppServer
from tests.browser.conftest import SCREENSHOTS
from tests.browser.test_ask import ask, idle, load_sample
from tests.feed_server import FeedServer

UNCOVERED = "Who won the chess olympiad in Reykjavik?"
FOUND = "Chess olympiad in Reykjavik won by the team of Tonga"


@pytest.fixture
def web() -> Iterator[FeedServer]:
    with FeedServer() as server:
        yield server


@pytest.fixture
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    with AppServer(tmp_path_factory.mktemp("websearch"), ALLOW_PRIVATE_FEEDS="true") as server:
        yield server


def add_search(page: Page, name: str, address: str) -> None:
    """On Sources, in the place where a search is added."""
    page.get_by_text("Add feeds").first.click()
    page.get_by_role("button", name="Search elsewhere").click()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Address of the search's feed").fill(address)
    page.get_by_role("button", name="Add search").click()
    expect(page.get_by_role("button", name=name)).to_be_visible()
    idle(page)


def offer(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=f"Your feeds have nothing on this. Search {name}?")


def test_what_the_feeds_do_not_cover_is_searched_once_and_cited_like_any_other(
    app: AppServer, web: FeedServer, open_page: Callable[..., Page]
) -> None:
    page = open_page(app.url)
    load_sample(page)
    page.get_by_role("main").get_by_role("link", name="Sources").click()
    add_search(page, "Loopback News", web.url("/find?q={query}"))

    page.get_by_role("main").get_by_role("link", name="Ask", exact=True).first.click()
    ask(page, UNCOVERED)
    expect(offer(page, "Loopback News")).to_be_visible(timeout=30_000)
    idle(page)
    page.reload()  # a stored answer offers it too
    expect(offer(page, "Loopback News")).to_be_visible()
    idle(page)
    assert web.requests == [], "nothing leaves before the button is pressed"

    offer(page, "Loopback News").click()  # nobody answers there yet
    expect(page.get_by_text("Loopback News could not be searched.")).to_be_visible(timeout=30_000)
    idle(page)
    assert page.get_by_label("Chat message from user").inner_text() == UNCOVERED
    assert len(web.requests) == 1

    found = feeds.entry(FOUND, link="https://chess.example/tonga", date=datetime.now(UTC), summary="They won there.")
    web.serve("*", feeds.rss(found), headers={"Content-Type": "application/rss+xml"})
    offer(page, "Loopback News").click()
    answer = page.get_by_label("Chat message from assistant").last
    expect(answer).to_contain_text("Tonga", timeout=30_000)
    link = answer.locator("a", has_text=re.compile(r"^\[1\]$")).first
    assert (link.get_attribute("href") or "").startswith("https://chess.example/tonga")
    idle(page)
    assert offer(page, "Loopback News").count() == 0
    assert page.get_by_label("Chat message from user").count() == 1
    assert parse_qs(urlsplit(web.requests[-1].path).query) == {"q": ["won chess olympiad reykjavik"]}
    assert len(web.requests) == 2


@pytest.mark.parametrize("device", ["desktop", "phone"])
def test_the_offer_fits_its_screen_and_is_not_made_for_what_is_covered(
    device: str, app: AppServer, open_page: Callable[..., Page]
) -> None:
    page = open_page(app.url, device=device)
    load_sample(page)
    ask(page, "What should I do if I own a Pellar e-bike?")
    expect(page.get_by_text("cited of")).to_be_visible(timeout=30_000)
    idle(page)
    assert offer(page, "Google News").count() == 0
    ask(page, UNCOVERED)
    expect(offer(page, "Google News")).to_be_visible(timeout=30_000)
    idle(page)
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"websearch-{device}-light.png", full_page=True)
    if device == "desktop":
        offer(page, "Google News").hover()
        expect(page.get_by_text("won chess olympiad reykjavik")).to_be_visible()
