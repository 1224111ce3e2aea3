"""The front page in a real browser: it goes on as it is scrolled, and what a reader does with a story holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from news.store import Schedule, Store, Validators
from news.story_store import Stories
from news.types import ParsedEntry, ParsedFeed
from storage.engine import connect
from tests.browser.app_server import AppServer
from tests.browser.test_ask import idle

WORDS = "anchor barley candle dagger engine falcon garden hammer island jacket kettle ladder magnet needle".split()


@pytest.fixture(scope="module")
def stocked_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    """The app on a database with a story of three outlets and ninety articles beside it."""
    folder = tmp_path_factory.mktemp("stocked")
    engine = connect(f"sqlite:///{folder / 'broadsheet.db'}")
    store, now = Store(engine), datetime.now(UTC)
    for n, name in enumerate(("The Post", "Wire", "Ledger")):
        feed, _ = store.add_feed(f"https://outlet{n}.example/feed", title=name, now=now, paused=True)
        told = [
            ParsedEntry(
                "ferry", f"https://outlet{n}.example/ferry", f"Ferry Lady Corran runs aground, {n + 3} people killed",
                "The ferry Lady Corran ran aground off Skerry.", published_at=now - timedelta(hours=3 - n),
            )
        ]  # fmt: skip
        told += [
            ParsedEntry(
                f"{one}-{other}", f"https://outlet{n}.example/{one}-{other}", f"{one}{n} {other}{n}".capitalize(), "",
                published_at=now - timedelta(hours=4, minutes=place),
            )
            for place, (one, other) in enumerate((a, b) for a in WORDS[:6] for b in WORDS[6:11])
        ]  # fmt: skip
        store.save_success(
            feed.id, now=now, schedule=Schedule(now + timedelta(days=1)), validators=Validators(),
            parsed=ParsedFeed(name, f"https://outlet{n}.example/", "en", "rss20", tuple(told)),
        )  # fmt: skip
    Stories(store).group()
    engine.dispose()
    with AppServer(folder) as app:
        yield app


def test_the_page_goes_on_when_it_is_scrolled_to_its_end(
    stocked_app: AppServer, open_page: Callable[..., Page]
) -> None:
    page = open_page(f"{stocked_app.url}/front_page?show=Latest")
    asked = page.get_by_role("link", name="Ask about this")
    expect(asked).to_have_count(20)
    for _ in range(12):
        page.mouse.move(640, 500)
        page.mouse.wheel(0, 20_000)
        page.wait_for_timeout(300)
        if asked.count() >= 60:
            break
    assert asked.count() >= 60


def test_a_story_is_opened_followed_and_asked_about(stocked_app: AppServer, open_page: Callable[..., Page]) -> None:
    page = open_page(f"{stocked_app.url}/front_page")
    expect(page.get_by_role("heading", name="Ferry Lady Corran")).to_be_visible()
    expect(page.get_by_text("3 reports · 1 origin · first The Post")).to_be_visible()
    page.get_by_role("link", name="Whole story").first.click()
    expect(page.get_by_text("Dead: 3 → 4 → 5")).to_be_visible()
    page.get_by_role("button", name="Follow this story").click()
    expect(page.get_by_role("button", name="Stop following")).to_be_visible()
    page.get_by_role("link", name="Ask about this story").click()
    expect(page.get_by_text("3 of its 3 reports")).to_be_visible()
    idle(page)
    page.goto(f"{stocked_app.url}/front_page?show=Followed")
    expect(page.get_by_text("followed · seen")).to_be_visible()


def test_a_muted_story_leaves_the_page(stocked_app: AppServer, open_page: Callable[..., Page]) -> None:
    page = open_page(f"{stocked_app.url}/front_page?q=garden0")
    page.goto(f"{stocked_app.url}/front_page")
    before = page.get_by_role("link", name="Ask about this")
    expect(before.nth(5)).to_be_visible()
    idle(page)
    name = page.locator("strong a").nth(1).inner_text()
    more = page.get_by_role("button", name="More").nth(2)
    more.scroll_into_view_if_needed()  # which may bring more stories; what is drawn anew closes a menu
    idle(page)
    more.click()
    page.get_by_text("Mute this story").click()
    expect(page.get_by_role("link", name=name, exact=True)).to_have_count(0)
