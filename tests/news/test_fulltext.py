"""Articles that feeds only begin: what is fetched and what is not, what is kept, and what never turns back."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from news.article import ArticlePool, text_of
from news.background import Refresher
from news.errors import ParseError, ParseTimedOut
from news.fetch import USER_AGENT, Fetcher
from news.fulltext import NAME, SECONDS, fetch_articles
from news.parse import ParserPool
from news.refresh import refresh
from news.store import TEASER, TRIES, TRY_AGAIN, Filter, Store
from news.types import Entry, Feed, Mute
from tests import feeds
from tests.conftest import NOW
from tests.feed_server import Connection, FeedServer
from tests.news.made import check_index, collect, entry, holding, hours, subscribe

ROOT = Path(__file__).parents[2]
HTML = {"Content-Type": "text/html; charset=utf-8"}
TEASER_TEXT = "The ferry ran aground."
PARAGRAPHS = [
    f"On day {day} after she ran aground the ferry Lady Corran lay off the coast, and the lifeboats of {day} harbours "
    f"brought her passengers to land, the coast guard said in a statement that it read to {day} reporters."
    for day in range(1, 6)
]


def page(*paragraphs: str, title: str = "Ferry runs aground") -> bytes:
    """A web page with an article, as outlets make them."""
    body = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    return (
        f"<html><head><title>{title} | The Outlet</title><script>alert(1)</script></head><body>"
        f"<nav><a href='/'>Home</a> <a href='/sport'>Sport</a></nav><article><h1>{title}</h1>{body}</article>"
        f"<footer>All rights reserved. <a href='/privacy'>Privacy</a></footer></body></html>"
    ).encode()


@pytest.fixture(scope="module")
def reader() -> Iterator[ArticlePool]:
    with ArticlePool() as pool:
        yield pool


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer() as server:
        server.serve("/robots.txt", b"", status=404)
        yield server


@pytest.fixture
def fetcher() -> Iterator[Fetcher]:
    with Fetcher(allow_private=True, timeout_s=30) as fetcher:
        yield fetcher


@pytest.fixture
def outlet(store: Store) -> Feed:
    """A feed whose reader wants whole articles."""
    feed = subscribe(store)
    store.fetch_articles(feed.id, True)
    return store.feed(feed.id)


def teaser(server: FeedServer, path: str = "/1", told: str = TEASER_TEXT, title: str = "Ferry runs aground") -> object:
    return entry(path, title, told, url=server.url(path))


def only(store: Store) -> Entry:
    (found,) = store.entries()
    return found


def test_a_teaser_becomes_the_article_and_says_where_it_is_from(
    store: Store, engine: Engine, server: FeedServer, fetcher: Fetcher, reader: ArticlePool, outlet: Feed
) -> None:
    server.serve("/1", page(*PARAGRAPHS), headers=HTML)
    collect(store, outlet, teaser(server))
    assert only(store).text_from == "feed"
    assert fetch_articles(store, fetcher=fetcher, reader=reader, now=NOW) == 1
    found = only(store)
    assert found.text == "\n\n".join(PARAGRAPHS)  # neither menu nor script nor the title once more
    assert (found.text_from, found.edits, len(store.versions(found.id))) == ("article", 0, 1)
    assert [hit.id for hit in holding(store, ["lifeboat"])] == [found.id]
    check_index(engine)
    server.requests.clear()
    assert fetch_articles(store, fetcher=fetcher, reader=reader, now=NOW + hours(9)) == 0
    assert server.paths() == []


def test_only_feeds_for_which_the_reader_wants_it_and_only_teasers_are_fetched(
    store: Store, server: FeedServer, fetcher: Fetcher, reader: ArticlePool, outlet: Feed
) -> None:
    server.serve("*", page(*PARAGRAPHS), headers=HTML)
    collect(store, outlet, teaser(server, "/long", "x" * TEASER), teaser(server, "/short", "x" * (TEASER - 1)))
    collect(store, subscribe(store, "other"), teaser(server, "/other"))
    collect(store, outlet, teaser(server, "/muted", title="Royal wedding"))
    collect(store, outlet, entry("none", text="No address.", url=""))
    store.mute(Mute("word", "wedding"))
    fetch_articles(store, fetcher=fetcher, reader=reader, now=NOW)
    assert server.paths() == ["/robots.txt", "/short"]


def test_entries_that_came_long_ago_are_left_as_they_are(
    store: Store, server: FeedServer, fetcher: Fetcher, reader: ArticlePool, outlet: Feed
) -> None:
    collect(store, outlet, teaser(server), at=NOW - timedelta(days=3))
    fetch_articles(store, fetcher=fetcher, reader=reader, now=NOW)
    assert server.paths() == []


def test_the_feeds_unchanged_teaser_does_not_turn_the_text_back_and_an_edit_makes_a_version(
    store: Store, server: FeedServer, fetcher: Fetcher, reader: ArticlePool, outlet: Feed
) -> None:
    server.serve("/1", page(*PARAGRAPHS), headers=HTML)
    collect(store, outlet, teaser(server))
    fetch_articles(store, fetcher=fetcher, reader=reader, now=NOW)
    for hour in (1, 2):
        changes = collect(store, outlet, teaser(server), entry(f"new {hour}", text="x" * 700), at=NOW + hours(hour))
        assert changes.edited == 0
    assert store.entries()[-1].text == "\n\n".join(PARAGRAPHS)
    changes = collect(store, outlet, teaser(server, told="The ferry was freed."), at=NOW + hours(3))
    assert changes.edited == 1
    edited = store.entries(Filter(as_of=NOW + hours(3)))[-1]
    assert (edited.text, edited.text_from, edited.edits) == ("The ferry was freed.", "feed", 1)
    assert store.versions(edited.id)[0].text == "\n\n".join(PARAGRAPHS)
    server.serve("/1", page("The ferry was freed by a tug.", *PARAGRAPHS), headers=HTML)
    assert fetch_articles(store, fetcher=fetcher, reader=reader, now=NOW + hours(4)) == 1
    assert store.entry(edited.id).text.startswith("The ferry was freed by a tug.\n\n")  # type: ignore[union-attr]
    assert len(store.versions(edited.id)) == 2


def test_an_edit_that_comes_while_the_article_is_fetched_wins(store: Store, server: FeedServer, outlet: Feed) -> None:
    collect(store, outlet, teaser(server))
    (listed,) = store.teasers(NOW)
    collect(store, outlet, teaser(server, told="Corrected."), at=NOW + hours(1))
    assert not store.save_article(listed, "The old article.")
    assert only(store).text == "Corrected."


@pytest.mark.parametrize(
    ("robots", "status", "fetched"),
    [
        (b"User-agent: *\nDisallow: /", 200, False),
        (b"User-agent: *\nDisallow: /1", 200, False),
        (b"User-agent: *\nDisallow: /\n\nUser-agent: Broadsheet\nDisallow: /private", 200, True),
        (b"User-agent: broadsheet\nDisallow: /", 200, False),
        (b"User-agent: *\nDisallow: /other", 200, True),
        (b"\xff\xfe\x00 this is no such file <html>", 200, True),
        (b"", 404, True),
        (b"", 410, True),
        (b"", 403, False),
        (b"", 401, False),
        (b"", 429, False),
        (b"", 503, False),
    ],
)
def test_robots_txt_is_respected(
    store: Store, server: FeedServer, fetcher: Fetcher, reader: ArticlePool, outlet: Feed, robots: bytes, status: int,
    fetched: bool,
) -> None:  # fmt: skip
    server.serve("/robots.txt", robots, status=status)
    server.serve("/1", page(*PARAGRAPHS), headers=HTML)
    collect(store, outlet, teaser(server))
    fetch_articles(store, fetcher=fetcher, reader=reader, now=NOW)
    assert server.paths() == ["/robots.txt", "/1"][: 1 + fetched]
    assert (only(store).text_from == "article") == fetched
    if not fetched:
        ((title, reason),) = store.article_failures(outlet.id)
        assert title == "Ferry runs aground"
        assert "robots.txt of 127.0.0.1 does not let" in reason


def test_robots_txt_is_asked_once_a_run_with_our_name(
    store: Store, server: FeedServer, fetcher: Fetcher, reader: ArticlePool, outlet: Feed
) -> None:
    server.serve("*", page(*PARAGRAPHS), headers=HTML)
    server.serve("/robots.txt", b"")
    collect(store, outlet, *(teaser(server, f"/{n}") for n in range(4)))
    assert fetch_articles(store, fetcher=fetcher, reader=reader, now=NOW) == 4
    assert server.paths().count("/robots.txt") == 1
    assert all(request.headers["user-agent"].startswith(NAME + "/") for request in server.requests)
    assert USER_AGENT.startswith(NAME + "/")


def test_where_pauses_are_asked_for_one_article_a_run_is_fetched(
    store: Store, server: FeedServer, fetcher: Fetcher, reader: ArticlePool, outlet: Feed
) -> None:
    server.serve("*", page(*PARAGRAPHS), headers=HTML)
    server.serve("/robots.txt", b"User-agent: *\nCrawl-delay: 10")
    collect(store, outlet, *(teaser(server, f"/{n}") for n in range(3)))
    assert [fetch_articles(store, fetcher=fetcher, reader=reader, now=NOW) for _ in range(4)] == [1, 1, 1, 0]


def test_a_page_that_a_redirect_led_to_needs_leave_of_its_own_site(
    store: Store, server: FeedServer, fetcher: Fetcher, reader: ArticlePool, outlet: Feed
) -> None:
    with FeedServer() as other:
        other.serve("/robots.txt", b"User-agent: *\nDisallow: /")
        server.redirect("/1", other.serve("/there", page(*PARAGRAPHS), headers=HTML))
        collect(store, outlet, teaser(server))
        assert fetch_articles(store, fetcher=fetcher, reader=reader, now=NOW) == 0
    assert only(store).text == TEASER_TEXT


def test_an_article_at_a_private_address_is_refused_like_a_feed(
    store: Store, server: FeedServer, reader: ArticlePool, outlet: Feed
) -> None:
    collect(store, outlet, entry("a", text="Short.", url=f"http://127.0.0.1:{server.port}/1"))
    collect(store, outlet, entry("b", text="Short.", url="http://169.254.169.254/latest/meta-data"))
    with Fetcher() as strict:
        assert fetch_articles(store, fetcher=strict, reader=reader, now=NOW) == 0
    assert server.connections == 0
    assert len(store.article_failures(outlet.id)) == 2


@pytest.mark.parametrize(
    ("answer", "headers", "status", "reason"),
    [
        (b"gone", HTML, 410, "did not give out the article (status 410)"),
        (page("Short."), HTML, 200, "no more to read than the feed"),
        (
            page(
                *[f"We and our {n} partners store cookies on your device, if you agree to it." for n in range(9)],
                title="Your choice",
            ),
            HTML,
            200,
            "says something else",
        ),
        (b"", HTML, 200, "no more to read than the feed"),
        (b"%PDF-1.7 ...", {"Content-Type": "application/pdf"}, 200, "not a web page (application/pdf)"),
        (b"<p>" + b"x" * 6_000_000, HTML, 200, "too large"),
    ],
)
def test_what_cannot_be_had_is_a_reason_and_the_teaser_stays(
    store: Store, server: FeedServer, fetcher: Fetcher, reader: ArticlePool, outlet: Feed, answer: bytes,
    headers: dict[str, str], status: int, reason: str,
) -> None:  # fmt: skip
    server.serve("/1", answer, headers=headers, status=status)
    collect(store, outlet, teaser(server))
    assert fetch_articles(store, fetcher=fetcher, reader=reader, now=NOW) == 0
    assert reason in store.article_failures(outlet.id)[0][1]
    assert (only(store).text, only(store).text_from) == (TEASER_TEXT, "feed")


def test_a_failure_is_tried_again_twice_an_hour_apart_and_then_never(
    store: Store, server: FeedServer, fetcher: Fetcher, reader: ArticlePool, outlet: Feed
) -> None:
    server.serve("/1", status=500)
    collect(store, outlet, teaser(server))
    for step in range(40):
        fetch_articles(store, fetcher=fetcher, reader=reader, now=NOW + step * TRY_AGAIN / 2)
    assert server.paths().count("/1") == TRIES == 3


def test_a_success_after_a_failure_takes_the_reason_away(
    store: Store, server: FeedServer, fetcher: Fetcher, reader: ArticlePool, outlet: Feed
) -> None:
    server.serve("/1", status=500)
    collect(store, outlet, teaser(server))
    fetch_articles(store, fetcher=fetcher, reader=reader, now=NOW)
    server.serve("/1", page(*PARAGRAPHS), headers=HTML)
    assert fetch_articles(store, fetcher=fetcher, reader=reader, now=NOW + TRY_AGAIN) == 1
    assert store.article_failures(outlet.id) == []


def test_a_run_is_bounded_in_articles_and_in_time_and_can_be_stopped(
    store: Store, server: FeedServer, fetcher: Fetcher, reader: ArticlePool, outlet: Feed
) -> None:
    server.serve("*", page(*PARAGRAPHS), headers=HTML)
    server.serve("/robots.txt", b"")
    collect(store, outlet, *(teaser(server, f"/{n}") for n in range(9)))
    ticks = iter([0.0, 1.0, 2.0, SECONDS])
    assert fetch_articles(store, fetcher=fetcher, reader=reader, now=NOW, seconds=lambda: next(ticks)) == 2
    assert fetch_articles(store, fetcher=fetcher, reader=reader, now=NOW, most=3) == 3
    assert fetch_articles(store, fetcher=fetcher, reader=reader, now=NOW, stopped=lambda: True) == 0
    assert fetch_articles(store, fetcher=fetcher, reader=reader, now=NOW) == 4
    collect(store, outlet, *(teaser(server, f"/more{n}") for n in range(30)))
    assert len(store.teasers(NOW)) == 20


def test_two_runs_at_once_fetch_an_article_once(store: Store, server: FeedServer, outlet: Feed) -> None:
    collect(store, outlet, teaser(server))
    (listed,) = store.teasers(NOW)
    assert store.try_article(listed.entry_id, now=NOW)
    assert not store.try_article(listed.entry_id, now=NOW)


def test_a_page_that_holds_the_reader_for_ever_is_killed_and_the_next_is_read(engine: Engine) -> None:
    hostile = b"<html><body>" + b"<p>a" * 1_200_000
    with ArticlePool(seconds=1.5) as pool:
        with pytest.raises(ParseTimedOut, match="too much time or memory"):
            pool.text(hostile, "https://a.example/", {}, now=NOW)
        assert PARAGRAPHS[0] in pool.text(page(*PARAGRAPHS), "https://a.example/", {}, now=NOW)


def test_a_reader_that_is_closed_is_an_error_with_a_sentence() -> None:
    pool = ArticlePool()
    pool.close()
    with pytest.raises(ParseError, match="could not be read"):
        pool.text(b"<p>x", "https://a.example/", {}, now=NOW)


@pytest.mark.parametrize("encoding", ["utf-8", "cp1251", "shift_jis"])
@pytest.mark.parametrize("where", ["header", "page"])
def test_pages_are_read_in_the_encoding_that_they_name(encoding: str, where: str) -> None:
    words = "Паром сел на мель у берега, пассажиров сняли спасатели. " * 6
    told = f'<meta charset="{encoding}">' if where == "page" else ""
    html = f"<html><head>{told}</head><body><article><p>{words}</p></article></body></html>".encode(encoding)
    assert "Паром сел на мель" in text_of(html, f"text/html; charset={encoding}" if where == "header" else "text/html")


def test_what_comes_out_is_plain_visible_and_bounded() -> None:
    odd = "The ferry\u202e ran\u200b aground &lt;b&gt; and the coast guard said so in a statement. " * 3
    read = text_of(page(*[f"{odd} {n}" for n in range(200)]))
    assert len(read) <= 20_000
    assert not set("\u202e\u200b\x00") & set(read)
    assert text_of(b"") == text_of(b"\x00\xff" * 500) == ""


def test_the_app_does_not_load_the_library_and_neither_does_the_reader_of_feeds() -> None:
    code = (
        "import sys, news.background, news.parse, news.__main__; "
        "print('trafilatura' in sys.modules, 'lxml' in sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    assert run.stdout.split() == ["False", "False"]


# ---------------------------------------------------------------- as part of a refresh


def test_the_refresher_stores_the_feed_first_and_then_reads_on(
    store: Store, server: FeedServer, fetcher: Fetcher
) -> None:
    server.serve("/1", page(*PARAGRAPHS), headers=HTML)
    item = feeds.entry("Ferry runs aground", link=server.url("/1"), summary=TEASER_TEXT)
    feed, _ = store.add_feed(server.serve("/feed", feeds.rss(item)), now=NOW)
    store.fetch_articles(feed.id, True)
    refresher = Refresher(store, fetcher, clock=lambda: NOW, parsers=lambda: ParserPool(1))
    refresher.start()
    try:
        give_up = time.monotonic() + 20
        while not [found for found in store.entries() if found.text_from == "article"]:
            assert time.monotonic() < give_up, "the article never came"
            time.sleep(0.02)
    finally:
        refresher.close(wait_s=10)
    assert server.paths() == ["/feed", "/robots.txt", "/1"]
    assert only(store).text == "\n\n".join(PARAGRAPHS)


def test_a_slow_article_delays_no_feed(store: Store, server: FeedServer, fetcher: Fetcher, outlet: Feed) -> None:
    done = threading.Event()

    def slow(connection: Connection) -> None:
        while not done.is_set() and connection.wait(0.02):
            pass

    server.fault("/1", slow)
    item = feeds.entry("Ferry runs aground", link=server.url("/1"), summary=TEASER_TEXT)
    feed, _ = store.add_feed(server.serve("/feed", feeds.rss(item)), now=NOW)
    store.pause_feed(outlet.id, True)
    store.fetch_articles(feed.id, True)
    refresher = Refresher(store, fetcher, clock=lambda: NOW, parsers=lambda: ParserPool(1))
    refresher.start()
    try:
        give_up = time.monotonic() + 20
        while "/1" not in server.paths():
            assert time.monotonic() < give_up
            time.sleep(0.02)
        assert refresher.ask([store.feed(feed.id)]).finished.wait(20)
        assert server.paths().count("/feed") == 2
        assert store.article_failures(feed.id) == []  # it still hangs
    finally:
        done.set()
        refresher.close()
        refresher._articles.join(10)


def test_a_refreshed_feed_that_only_begins_its_articles_never_turns_them_back(
    store: Store, engine: Engine, server: FeedServer, fetcher: Fetcher, reader: ArticlePool
) -> None:
    server.serve("/1", page(*PARAGRAPHS), headers=HTML)
    item = feeds.entry("Ferry runs aground", link=server.url("/1"), summary=TEASER_TEXT)
    feed, _ = store.add_feed(server.serve("/feed", feeds.rss(item)), now=NOW)
    store.fetch_articles(feed.id, True)
    with ParserPool(1) as parser:
        for round_ in range(3):
            now = NOW + hours(round_)
            list(refresh(store, store.due(now, everything=True), fetcher=fetcher, parser=parser, now=now))
            fetch_articles(store, fetcher=fetcher, reader=reader, now=now)
            server.serve("/feed", feeds.rss(item, title=f"Changed {round_}"))  # another body, the same wording
    assert (only(store).text_from, only(store).edits) == ("article", 0)
    assert server.paths().count("/1") == 1


def test_python_m_news_refresh_fetches_articles_too(database: Path, store: Store, server: FeedServer) -> None:
    server.serve("/1", page(*PARAGRAPHS), headers=HTML)
    item = feeds.entry("Ferry runs aground", link=server.url("/1"), summary=TEASER_TEXT)
    feed, _ = store.add_feed(server.serve("/feed", feeds.rss(item)), now=NOW)
    store.fetch_articles(feed.id, True)
    run = subprocess.run(
        [sys.executable, "-m", "news", "refresh", "--now", NOW.isoformat()], cwd=ROOT, capture_output=True, text=True,
        env={"DATABASE_URL": f"sqlite:///{database}", "ALLOW_PRIVATE_FEEDS": "1", "PATH": "/usr/bin:/bin"},
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert "1 article fetched whole." in run.stdout
    assert only(store).text_from == "article"
