"""The whole on many machines, on one: Postgres, nginx, two app processes, two workers, and parts of it are killed."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import func, select, update
from websockets.asyncio.client import connect as connect_socket

from news.store import Store
from storage import tables as t
from storage.engine import connect, reading, writing
from tests import feeds
from tests.bench.readers import Reader
from tests.browser.app_server import ROOT, AppServer
from tests.browser.test_ask import KEY, answer_of, ask
from tests.feed_server import FeedServer
from tests.groq_server import GroqServer
from tests.news.test_background import wait_until
from tests.news.test_worker import WORKS
from tests.nginx_server import NGINX, NginxServer
from tests.postgres_server import PostgresServer

FEEDS = 6
QUESTION = "What happened in the harbour of Oslo?"
REQUIRED = os.environ.get("BROADSHEET_NGINX_TESTS") == "required"

pytestmark = pytest.mark.skipif(not NGINX and not REQUIRED, reason="nginx is not installed (Debian: nginx-light)")


@dataclass
class Topology:
    """What runs, and the store they share."""

    store: Store
    proxy: NginxServer
    apps: list[AppServer]
    workers: list[subprocess.Popen[bytes]]
    feeds: FeedServer
    model: GroqServer

    def publish(self, number: int) -> None:
        """A new article in every feed, each of which is due."""
        for n in range(FEEDS):
            entries = [
                feeds.entry(f"Rain floods harbour {n} of Oslo, day {day}", link=f"https://x.example/{n}/{day}")
                for day in range(number)
            ]
            self.feeds.serve(f"/{n}", feeds.rss(*entries))
        with writing(self.store.engine) as connection:
            connection.execute(update(t.feeds).values(due_at=datetime.now(UTC)))

    def articles(self) -> int:
        """How many are stored."""
        with reading(self.store.engine) as connection:
            return connection.execute(select(func.count()).select_from(t.entries)).scalar_one()

    def serving(self) -> AppServer:
        """The app that served the last page that was opened."""
        upstream = next(line["upstream"] for line in reversed(self.proxy.log) if line["path"] == "/")
        return next(app for app in self.apps if upstream.endswith(f":{app.port}"))


@pytest.fixture(scope="module")
def topology(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Topology]:
    """All of it, with news that its workers fetched."""
    with ExitStack() as opened:
        url = opened.enter_context(postgres.database("topology", template="empty"))
        store = Store(connect(url))
        opened.callback(store.engine.dispose)
        site, model = opened.enter_context(FeedServer()), opened.enter_context(GroqServer(keys=[KEY]))
        store.add_feeds([(site.url(f"/{n}"), f"Post {n}", "", "") for n in range(FEEDS)], now=datetime.now(UTC))
        workers = []
        for _ in range(2):
            workers.append(subprocess.Popen([sys.executable, "-c", WORKS, url], cwd=ROOT, stderr=subprocess.DEVNULL))
            opened.callback(end, workers[-1])
        settings = {
            "DATABASE_URL": url, "GROQ_API_KEY": KEY, "GROQ_BASE_URL": model.url, "FORWARDED_ALLOW_IPS": "127.0.0.1",
        }  # fmt: skip
        apps = [AppServer(tmp_path_factory.mktemp("app"), script="asgi.py", **settings) for _ in range(2)]
        for app in apps:
            opened.callback(app.stop)
        with ThreadPoolExecutor(2) as starting:
            list(starting.map(AppServer.start, apps))
        proxy = opened.enter_context(NginxServer([app.port for app in apps]))
        whole = Topology(store, proxy, apps, workers, site, model)
        whole.publish(1)
        wait_until(lambda: whole.articles() == FEEDS, seconds=30)
        yield whole


def end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def words(number: int) -> list[str]:
    """Deltas of an answer whose last word is "ends"."""
    return [*(f"word{n} " for n in range(number - 1)), "ends"]


def test_an_answer_comes_to_its_end_while_a_worker_and_the_other_app_are_killed(
    topology: Topology, open_page: Callable[..., Page]
) -> None:
    topology.model.says(deltas=words(60), per_second=10)
    page = open_page(topology.proxy.url)
    ask(page, QUESTION)
    answer = page.locator("[class*=st-key-answer-]").last
    expect(answer).to_contain_text("word5")
    mine = topology.serving()
    other = next(app for app in topology.apps if app is not mine)
    other.kill()
    end(topology.workers[0])
    assert "ends" not in answer.inner_text()
    topology.publish(2)
    expect(answer).to_contain_text("word58 ends")
    wait_until(lambda: topology.articles() == 2 * FEEDS, seconds=30)  # by the worker that is left

    page.reload()
    expect(page.get_by_text(QUESTION).first).to_be_visible()
    assert "word58 ends" in answer_of(page)
    other.start()


def test_when_the_process_that_writes_an_answer_is_killed_the_page_finds_the_other_and_goes_on(
    topology: Topology, open_page: Callable[..., Page]
) -> None:
    topology.model.says(deltas=words(400), per_second=10).says(" and this is how it ends.")
    page = open_page(topology.proxy.url)
    ask(page, QUESTION)
    expect(page.locator("[class*=st-key-answer-]").last).to_contain_text("word15")
    mine = topology.serving()
    mine.kill()
    expect(page.get_by_text("This answer was cut off before it was finished.")).to_be_visible()
    answer = page.get_by_label("Chat message from assistant").last
    expect(answer).to_contain_text("word5 word6")  # it is kept about twice a second
    page.get_by_role("button", name="Continue").click()
    expect(answer).to_contain_text("this is how it ends")
    expect(answer).to_contain_text("word5 word6")
    mine.start()


def test_a_browser_keeps_its_process_and_others_are_given_the_other_again_when_it_is_back(topology: Topology) -> None:
    def upstream(cookie: str) -> str:
        request = urllib.request.Request(f"{topology.proxy.url}/_stcore/health", headers={"Cookie": cookie})
        before = len(answered())
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.read() == b"ok"
        wait_until(lambda: len(answered()) > before, seconds=5)
        return answered()[-1]

    def answered() -> list[str]:
        return [line["upstream"] for line in topology.proxy.log if line["path"] == "/_stcore/health"]

    browsers = [f"process={number:022d}==" for number in range(0, 10**22, 10**22 // 32)]
    wait_until(lambda: len({upstream(cookie) for cookie in browsers}) == 2, seconds=20)
    assert [upstream(cookie) for cookie in browsers] == [upstream(cookie) for cookie in browsers]
    with urllib.request.urlopen(f"{topology.proxy.url}/", timeout=10) as page:
        cookie = page.headers["Set-Cookie"]
    assert "httponly" in cookie.lower()
    assert upstream(cookie.partition(";")[0]) == f"127.0.0.1:{topology.serving().port}"


def test_the_proxy_passes_websockets_of_its_own_name_and_keeps_the_figures_inside(topology: Topology) -> None:
    async def opened() -> str:
        async with connect_socket(
            "ws://paper.example/_stcore/stream", host="127.0.0.1", port=topology.proxy.port, proxy=None,
            origin="http://paper.example", subprotocols=["streamlit"], max_size=None,
        ) as socket:  # fmt: skip
            reader = Reader(socket)
            await reader.open()
            return reader.box

    with ThreadPoolExecutor(1) as aside:  # the browser's loop runs in this thread
        assert aside.submit(asyncio.run, opened()).result()
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"{topology.proxy.url}/metrics", timeout=10)


def test_the_log_of_the_proxy_has_no_chat_and_no_address_of_a_reader(topology: Topology) -> None:
    with urllib.request.urlopen(f"{topology.proxy.url}/?c=0123456789abcdef%0Aevent=forged", timeout=10):
        pass
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"{topology.proxy.url}/media/none%0Aevent=forged", timeout=10)
    wait_until(lambda: topology.proxy.log[-1]["path"].startswith("/media/"), seconds=5)
    lines = [line for line in topology.proxy.printed.splitlines() if "event=" in line]
    assert "0123456789abcdef" not in "".join(lines)
    assert not any(line.startswith("event=forged") for line in lines)
    upstreams = "|".join(f"127.0.0.1:{app.port}" for app in topology.apps)
    assert [line for line in lines if "127.0.0.1" in re.sub(upstreams, "", line)] == []
