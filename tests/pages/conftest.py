"""The app in Streamlit's own test runner, on a database of the test's own, with feeds served on loopback."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote
from xml.sax.saxutils import escape

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import pages
from news.store import Schedule, Store, Validators
from news.types import Feed, ParsedEntry, ParsedFeed

ROOT = Path(__file__).parents[2]
SETTINGS = ("GROQ_API_KEY", "GROQ_BASE_URL", "GROQ_MODEL")

NASTY = (
    "![x](http://evil.example/p.png)",
    "$\\rule{500em}{500em}$ costs $5B",
    ":red[now] :material/home: :smile:",
    "<img src=x onerror=alert(1)>",
    "[click](javascript:alert(1))",
    "# 2024. *Year* | of `code`",
)
"""Titles that Markdown, or Streamlit's own, would make something else of."""


def assert_plain(drawn: Iterable[str]) -> None:
    """Nothing of `NASTY` is anything but its letters in this Markdown; our own pictures are data, not addresses."""
    for text in drawn:
        for bad in ("](http://evil", "](javascript", "<img", "$", ":red[now", ":material/home", ":smile:", "# 2024"):
            assert bad not in text.replace("\\#", ""), f"{bad} in {text}"
        assert "![" not in text.replace("![Articles a day", "")
        assert not re.search(r"(?<!\\)`|(?<![\\*])\*(?=Year)", text)


@dataclass
class App:
    """The app's parts, and a way to open its pages. Times are hours before the clock's now, which is the real one."""

    part: pages.Services

    @property
    def store(self) -> Store:
        return self.part.store

    def open(self, page: str = "", **query: str) -> AppTest:
        """A new session on app.py, then on the page ("front_page", "sources", …)."""
        at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30)
        at.run()
        assert not at.exception
        if page:
            at.switch_page(f"pages/{page}.py")
            for name, value in query.items():
                at.query_params[name] = value
            at.run()
        assert not at.exception
        return at

    def feed(self, name: str, *, topic: str = "", language: str = "en") -> Feed:
        """A feed that was added long ago and has nothing yet."""
        host = "".join(filter(str.isalnum, name.lower()))
        feed, _ = self.store.add_feed(
            f"https://{host}.example/feed", title=name, topic=topic, language=language,
            now=pages.now() - timedelta(days=100),
        )  # fmt: skip
        return feed

    def publish(self, feed: Feed, *titles: str, hours: float = 1, text: str = "Some text.", seen: float = 0) -> None:
        """Store one entry for each title, published so many hours ago and collected `seen` hours ago."""
        now = pages.now()
        entries = tuple(
            ParsedEntry(
                f"{feed.id}-{title}", f"https://outlet{feed.id}.example/{quote(title)}", title, text,
                published_at=now - timedelta(hours=hours),
            )
            for title in titles
        )  # fmt: skip
        self.save(feed, *entries, at=now - timedelta(hours=seen))

    def group(self) -> None:
        """Give what was stored its stories, as after a refresh."""
        self.part.stories.group()

    def save(self, feed: Feed, *entries: ParsedEntry, at: datetime) -> None:
        """What a successful poll at `at` stores."""
        parsed = ParsedFeed(feed.title, "https://outlet.example/", feed.language, "rss20", entries)
        self.store.save_success(
            feed.id, now=at, schedule=Schedule(pages.now() + timedelta(minutes=25)), validators=Validators(),
            parsed=parsed,
        )  # fmt: skip


@pytest.fixture
def app_url(tmp_path: Path, empty_database: Path) -> str:
    """The address of the app's database, which is empty."""
    path = tmp_path / "app.db"
    path.write_bytes(empty_database.read_bytes())
    return f"sqlite:///{path}"


@pytest.fixture
def app(app_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    """The app with an empty database, no key, and leave to ask loopback."""
    for name in SETTINGS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATABASE_URL", app_url)
    monkeypatch.setenv("ALLOW_PRIVATE_FEEDS", "1")
    # Each test session would look through all installed packages for Streamlit components; this app has none.
    monkeypatch.setattr("streamlit.components.v2.manifest_scanner.scan_component_manifests", list, raising=False)
    st.cache_resource.clear()
    st.cache_data.clear()
    part = pages.services()
    # Its first look at what is due must be over before a test stores feeds: it would fetch them. The next is far off.
    assert part.refresher.ask([]).finished.wait(30)
    yield App(part)
    part.refresher.close()
    part.fetcher.close()
    part.store.engine.dispose()
    st.cache_resource.clear()


class _Stand(BaseHTTPRequestHandler):
    bodies: dict[str, tuple[int, str, bytes]]

    def do_GET(self) -> None:
        status, kind, body = self.bodies.get(self.path, (404, "text/plain", b"nothing here"))
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("X-Served-By", "the stand")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@dataclass
class Stand:
    """A web server on loopback with feeds."""

    url: str
    bodies: dict[str, tuple[int, str, bytes]]

    def feed(self, path: str, title: str, *titles: str) -> str:
        """Serve an RSS feed with these headlines at `path`; returns its address."""
        at = format_datetime(datetime.now(UTC) - timedelta(hours=1))
        items = "".join(
            f"<item><title>{escape(t)}</title><link>{self.url}/{n}</link><pubDate>{at}</pubDate></item>"
            for n, t in enumerate(titles)
        )
        rss = f'<rss version="2.0"><channel><title>{escape(title)}</title>{items}</channel></rss>'
        return self.serve(path, rss.encode(), kind="application/rss+xml")

    def serve(self, path: str, body: bytes, *, status: int = 200, kind: str = "text/html") -> str:
        """Serve these bytes at `path`; returns its address."""
        self.bodies[path] = (status, kind, body)
        return self.url + path


@pytest.fixture
def stand() -> Iterator[Stand]:
    """A web server on loopback with nothing on it yet."""
    handler = type("Handler", (_Stand,), {"bodies": {}})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield Stand(f"http://127.0.0.1:{server.server_port}", handler.bodies)
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.fixture
def shown() -> Callable[[AppTest], str]:
    """All that a page says, as one text."""

    def all_of(at: AppTest) -> str:
        parts = [at.title, at.header, at.subheader, at.markdown, at.caption, at.text, at.code, at.warning, at.error]
        told = [str(element.value) for elements in parts for element in elements]
        told += [toast.value for toast in at.toast]
        return "\n".join(told)

    return all_of
