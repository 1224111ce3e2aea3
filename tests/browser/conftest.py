"""A real browser (Debian's chromium) and what it looks at."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.app_server import AppServer
from tests.groq_server import GroqServer

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
REQUIRED = os.environ.get("BROADSHEET_BROWSER_TESTS") == "required"
SCREENSHOTS = Path(__file__).parent / "screenshots"
KEY = "gsk_canaryCANARYcanary0123456789"
WIDTHS = {"desktop": (1280, 900), "phone": (390, 844)}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
            if not CHROMIUM and not REQUIRED:
                item.add_marker(pytest.mark.skip(reason="there is no chromium on this machine"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A chromium for the tests of a file, with nothing of its own on the network.

    Playwright's loop runs in this thread until it is closed, and other files run loops of their own.
    """
    if not CHROMIUM:
        pytest.fail("chromium is missing, and BROADSHEET_BROWSER_TESTS says it must be there")
    expect.set_options(timeout=20_000)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
            ],
        )  # fmt: skip
        yield chromium
        chromium.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Open an address in a fresh profile: open_page(url, device="phone", dark=True)."""
    contexts = []

    def open_it(url: str, *, device: str = "desktop", dark: bool = False) -> Page:
        width, height = WIDTHS[device]
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.goto(url)
        return page

    yield open_it
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def sample_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    """The app with no key and nothing stored."""
    with AppServer(tmp_path_factory.mktemp("app")) as server:
        yield server


@pytest.fixture(scope="module")
def groq() -> Iterator[GroqServer]:
    """A server that speaks Groq's protocol."""
    with GroqServer(keys=[KEY]) as server:
        yield server


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, groq: GroqServer) -> Iterator[AppServer]:
    """The app with a key, answering from the test's model server."""
    with AppServer(tmp_path_factory.mktemp("app"), GROQ_API_KEY=KEY, GROQ_BASE_URL=groq.url) as server:
        yield server


@pytest.fixture
def page(app: AppServer, groq: GroqServer, open_page: Callable[..., Page]) -> Page:
    """A new chat about the sample edition."""
    from tests.browser.test_ask import idle, load_sample  # a test's own file: pytest has to be the first to read it

    groq.forget()
    page = open_page(app.url)
    load_sample(page)
    idle(page)
    return page
