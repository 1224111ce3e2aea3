"""Pictures of the outlets in a real browser: asked for by nobody until the reader wants them, and nothing moves."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect

from news.fetch import Fetcher
from news.parse import ParserPool
from news.refresh import refresh
from news.store import Store
from storage.engine import connect
from tests import feeds
from tests.browser.app_server import AppServer
from tests.browser.test_ask import idle
from tests.feed_server import Connection, FeedServer

THINGS = ("Anchor", "Barley", "Candle", "Dagger", "Engine", "Falcon", "Garden", "Hammer")  # each a story of its own
SHAPES = ((1600, 900), (400, 1200), (40, 40), (300, 300))
PLACES = (
    "[...document.querySelectorAll('[data-testid=stMarkdown]')].map(e => Math.round(e.getBoundingClientRect().top))"
)


def picture(width: int, height: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), "#884422").save(out, "PNG")
    return out.getvalue()


def test_pictures_are_asked_for_only_when_they_are_wanted_and_move_nothing(
    tmp_path: Path, open_page: Callable[..., Page]
) -> None:
    arrive = threading.Event()

    def late(body: bytes) -> Callable[[Connection], None]:
        def fault(connection: Connection) -> None:
            while not arrive.is_set() and connection.wait(0.02):
                pass
            connection.head(Content_Type="image/png", Content_Length=str(len(body)))
            connection.send(body)

        return fault

    with FeedServer() as outlet:
        now = datetime.now(UTC)
        items = []
        for n, (width, height) in enumerate(SHAPES):
            url = outlet.fault(f"/{n}.png", late(picture(width, height)))
            items.append(
                feeds.entry(
                    f"{THINGS[n]} found", link=f"https://outlet.example/{n}", summary="Some words.",
                    date=now - timedelta(minutes=n + 1), enclosures=[(url, "image/png")],
                )
            )  # fmt: skip
        outlet.serve("/feed", feeds.rss(*items), headers={"Content-Type": "application/rss+xml"})
        app = AppServer(tmp_path, ALLOW_PRIVATE_FEEDS="true")
        engine = connect(app.database_url)
        store = Store(engine)
        feed, _ = store.add_feed(outlet.url("/feed"), now=now)
        with Fetcher(allow_private=True) as fetcher, ParserPool(1) as parser:
            list(refresh(store, [feed], fetcher=fetcher, parser=parser, now=now))
        engine.dispose()
        with app:
            page = open_page(app.url)
            idle(page)
            page.get_by_role("link", name="Front page").first.click()
            expect(page.get_by_text(f"{THINGS[3]} found")).to_be_visible()
            idle(page)
            assert not [path for path in outlet.paths() if path.endswith(".png")]
            page.get_by_role("link", name="Settings").first.click()
            page.get_by_text("Show pictures on the Front page").click()
            expect(page.get_by_label("Show pictures on the Front page")).to_be_checked()
            page.wait_for_timeout(500)  # the click is on its way to the server
            idle(page)
            page.get_by_role("link", name="Front page").first.click()
            expect(page.get_by_text(f"{THINGS[3]} found")).to_be_visible()
            expect(page.locator("[data-testid=stImage] img")).to_have_count(len(SHAPES))
            before = page.evaluate(PLACES)
            arrive.set()
            page.wait_for_function(
                "[...document.querySelectorAll('[data-testid=stImage] img')].every(i => i.complete && i.naturalWidth)"
            )
            assert page.evaluate(PLACES) == before
            assert len({path for path in outlet.paths() if path.endswith(".png")}) == len(SHAPES)
