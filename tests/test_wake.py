"""A host that puts the app to sleep and wakes it: the process is new, and the disk may be empty."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import update
from websockets.asyncio.client import connect as connect_socket

from news.store import Store
from storage import tables as t
from storage.engine import connect, writing
from tests import feeds
from tests.bench.readers import Reader
from tests.browser.app_server import AppServer
from tests.feed_server import FeedServer
from tests.news.test_background import wait_until


def visited(app: AppServer) -> str:
    """Somebody opens the page, which is what wakes a host; gives the box for questions, "" where there is none."""

    async def visit() -> str:
        address = f"ws://127.0.0.1:{app.port}/_stcore/stream"
        async with connect_socket(address, subprotocols=["streamlit"], max_size=None) as socket:
            reader = Reader(socket)
            await reader.open()
            return reader.box

    with ThreadPoolExecutor(1) as aside:  # another test's browser may have a loop in this thread
        return aside.submit(asyncio.run, visit()).result()


def test_on_postgres_all_is_there_after_sleep_and_what_became_due_is_refreshed(
    postgres_url: str, tmp_path: Path
) -> None:
    store = Store(connect(postgres_url))
    settings = {"DATABASE_URL": postgres_url, "ALLOW_PRIVATE_FEEDS": "true"}
    with FeedServer() as site:
        site.serve("/due", feeds.rss(feeds.entry("Before", link="https://x.example/1")))
        site.serve("/later", feeds.rss(feeds.entry("Other", link="https://x.example/2")))
        due, _ = store.add_feed(site.url("/due"), now=datetime.now(UTC))
        store.add_feed(site.url("/later"), now=datetime.now(UTC))
        with AppServer(tmp_path, **settings) as app:
            visited(app)
            wait_until(lambda: store.stats().entries == 2, seconds=30)
            app.kill()
        entries = [feeds.entry(title, link=f"https://x.example/{title}") for title in ("Slept", "Woke")]
        site.serve("/due", feeds.rss(*entries))
        with writing(store.engine) as connection:
            hours_ago = datetime(2026, 1, 1, tzinfo=UTC)
            connection.execute(update(t.feeds).where(t.feeds.c.id == due.id).values(due_at=hours_ago))
        asked = len(site.requests)
        with AppServer(tmp_path, **settings) as app:
            assert visited(app)
            wait_until(lambda: store.stats().entries == 4, seconds=30)
        assert [request.path for request in site.requests[asked:]] == ["/due"]
    store.engine.dispose()


def test_on_an_empty_disk_the_app_begins_anew_and_can_be_used(tmp_path: Path) -> None:
    (tmp_path / "slept").mkdir()
    with AppServer(tmp_path, DATABASE_URL=f"sqlite:///{tmp_path / 'slept' / 'data' / 'broadsheet.db'}") as app:
        assert visited(app) == ""  # no news yet: the page lets the reader choose feeds
        assert "event=started database=sqlite" in app.log
        assert "level=error" not in app.log
