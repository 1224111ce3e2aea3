"""Every page at two widths, light and dark: nothing broken, nothing wider than the screen. Screenshots are kept."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from news import sample
from tests.browser.app_server import AppServer
from tests.browser.conftest import SCREENSHOTS
from tests.browser.test_ask import answer_of, ask, idle, load_sample

PAGES = {
    "ask": ("", "What would you like to know?"),
    "front_page": ("front_page", None),
    "briefing": ("briefing", None),
    "sources": ("sources", None),
    "settings": ("settings", None),
}


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("device", ["desktop", "phone"])
@pytest.mark.parametrize("name", list(PAGES))
def test_a_page_fits_its_screen_and_shows_no_fault(
    name: str, device: str, dark: bool, sample_app: AppServer, open_page: Callable[..., Page]
) -> None:
    path, heading = PAGES[name]
    page = open_page(sample_app.url, device=device, dark=dark)
    load_sample(page)
    if path:
        page.goto(f"{sample_app.url}/{path}")  # a deep link, as from a bookmark
    idle(page)
    if heading:
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
    look(page, f"{name}-{device}-{'dark' if dark else 'light'}")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("device", ["desktop", "phone"])
def test_the_page_of_a_story_fits_its_screen(
    device: str, dark: bool, sample_app: AppServer, open_page: Callable[..., Page]
) -> None:
    page = open_page(sample_app.url, device=device, dark=dark)
    load_sample(page)
    page.goto(f"{sample_app.url}/front_page")
    page.get_by_role("link", name="Whole story").first.click()
    expect(page.get_by_text("What each report added")).to_be_visible()
    expect(page.get_by_test_id("stVegaLiteChart").locator("canvas, svg").first).to_be_visible()
    idle(page)
    look(page, f"story-{device}-{'dark' if dark else 'light'}")


@pytest.mark.parametrize("device", ["desktop", "phone"])
def test_an_answer_fits_its_screen(device: str, sample_app: AppServer, open_page: Callable[..., Page]) -> None:
    page = open_page(sample_app.url, device=device)
    load_sample(page)
    ask(page, sample.QUESTIONS[1])
    expect(page.get_by_text("cited of")).to_be_visible()
    idle(page)
    assert answer_of(page)
    page.get_by_text("cited of").click()
    look(page, f"answer-{device}-light")


@pytest.mark.parametrize("device", ["desktop", "phone"])
def test_the_welcome_of_a_newcomer_fits_its_screen(
    device: str, tmp_path_factory: pytest.TempPathFactory, open_page: Callable[..., Page]
) -> None:
    with AppServer(tmp_path_factory.mktemp("new")) as app:
        page = open_page(app.url, device=device)
        expect(page.get_by_role("heading", name="Choose your news")).to_be_visible()
        idle(page)
        look(page, f"welcome-{device}-light")


def look(page: Page, name: str) -> None:
    """Keep a screenshot, and check what a program can see of a good page."""
    SCREENSHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)
    assert page.get_by_test_id("stException").count() == 0
    assert page.get_by_text("Traceback").count() == 0
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"the page is {wide} pixels wider than the screen"
    for label in ("Ask", "Front page", "Briefing", "Sources", "Settings"):
        expect(page.get_by_role("main").get_by_role("link", name=label, exact=True).first).to_be_visible()
