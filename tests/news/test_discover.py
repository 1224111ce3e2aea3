"""From whatever a person types to the feeds there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from news.discover import MAX_FETCHES, Candidate, address, discover, known_feeds
from news.errors import BadURL, HTTPFailure, NewsError, NotAFeed, Unreachable
from news.fetch import Fetcher
from news.parse import parse
from news.types import Fetched
from tests import feeds
from tests.feed_server import FeedServer, free_port

NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)
HERE = SimpleNamespace(parse=parse)  # reads in this process, so that a test need not start another


class Web:
    """A fetcher of pages that are written down; anything else does not answer."""

    def __init__(self, pages: dict[str, bytes | NewsError | Fetched]) -> None:
        self.pages = pages
        self.asked: list[str] = []

    def get(self, url: str, *, etag: str = "", last_modified: str = "") -> Fetched:
        self.asked.append(url)
        page = self.pages.get(url)
        if isinstance(page, NewsError):
            raise page
        if page is None:
            raise HTTPFailure("There is nothing.", url=url, status=404)
        return page if isinstance(page, Fetched) else Fetched(url, 200, {}, page)


def look(typed: str, pages: dict[str, bytes | NewsError | Fetched]) -> tuple[tuple[Candidate, ...], list[str]]:
    web = Web(pages)
    return discover(typed, web, now=NOW, parser=HERE), web.asked


def feed(title: str, *items: str) -> bytes:
    return feeds.rss(*(feeds.entry(each, guid=each) for each in items or ("One",)), title=title)


# ---------------------------------------------------------------- what was typed


@pytest.mark.parametrize(
    ("typed", "url"),
    [
        ("example.com", "https://example.com/"),
        ("  Example.com/News ", "https://example.com/News"),
        ("//example.com/a", "https://example.com/a"),
        ("http://example.com/feed", "http://example.com/feed"),
        ("<https://example.com/feed>", "https://example.com/feed"),
        ("“example.com”", "https://example.com/"),
        ("example.com:8443/feed", "https://example.com:8443/feed"),
        ("nas.local:5000/feed", "https://nas.local:5000/feed"),
        ("feed://example.com/rss", "https://example.com/rss"),
        ("feed:https://example.com/rss", "https://example.com/rss"),
        ("feed:http://example.com/rss", "http://example.com/rss"),
        ("podcast://example.com/rss", "https://example.com/rss"),
        ("@ada@social.example", "https://social.example/@ada"),
        ("ada@social.example", "https://social.example/@ada"),
        ("r/worldnews", "https://www.reddit.com/r/worldnews"),
        ("/r/worldnews/", "https://www.reddit.com/r/worldnews"),
        ("u/ada", "https://www.reddit.com/user/ada"),
        ("Hacker News", "https://news.ycombinator.com/"),
        ("bücher.example", "https://xn--bcher-kva.example/"),
        ("exam\u200bple.com", "https://example.com/"),
    ],
)
def test_people_type_addresses_in_many_ways(typed: str, url: str) -> None:
    assert address(typed)[0] == url


@pytest.mark.parametrize(
    "typed",
    ["", " ", "hello", "two words", "javascript:alert(1)", "file:///etc/passwd", "ftp://example.com/", "https://", "https://user:pw@example.com/"],
)  # fmt: skip
def test_what_is_no_address_is_refused_with_a_sentence(typed: str) -> None:
    web = Web({})
    with pytest.raises(BadURL) as caught:
        discover(typed, web, now=NOW, parser=HERE)
    assert str(caught.value).endswith(".")
    assert web.asked == []


# ---------------------------------------------------------------- services

CHANNEL = "UC" + "a" * 22
YOUTUBE = "https://www.youtube.com/feeds/videos.xml"


@pytest.mark.parametrize(
    ("page", "found"),
    [
        (f"https://www.youtube.com/channel/{CHANNEL}/videos", [f"{YOUTUBE}?channel_id={CHANNEL}"]),
        ("https://m.youtube.com/user/ada", [f"{YOUTUBE}?user=ada"]),
        ("https://www.youtube.com/playlist?list=PL1", [f"{YOUTUBE}?playlist_id=PL1"]),
        ("https://youtu.be/abc?list=PL1", [f"{YOUTUBE}?playlist_id=PL1"]),
        ("https://www.youtube.com/@ada", []),
        ("https://old.reddit.com/r/worldnews/top/", ["https://www.reddit.com/r/worldnews/.rss"]),
        ("https://www.reddit.com/user/ada", ["https://www.reddit.com/user/ada/.rss"]),
        ("https://reddit.com/", ["https://www.reddit.com/.rss"]),
        (
            "https://github.com/ada/engine.git",
            ["https://github.com/ada/engine/releases.atom", "https://github.com/ada/engine/commits.atom"],
        ),
        ("https://github.com/ada", ["https://github.com/ada.atom"]),
        ("https://github.com/ada/engine/releases.atom", ["https://github.com/ada/engine/releases.atom", "https://github.com/ada/engine/commits.atom"]),
        ("https://github.com/explore", []),
        ("https://news.ycombinator.com/newest", ["https://news.ycombinator.com/rss"]),
        ("https://social.example/@ada", ["https://social.example/@ada.rss"]),
        ("https://social.example/@ada.rss", []),
        ("https://medium.com/@ada/a-story", ["https://medium.com/feed/@ada"]),
        ("https://bsky.app/profile/ada.example", ["https://bsky.app/profile/ada.example/rss"]),
        ("https://www.tiktok.com/@ada", []),
        ("https://example.com/channel/x", []),
        ("https://example.com/", []),
    ],
)  # fmt: skip
def test_the_feeds_of_services_stand_at_known_addresses(page: str, found: list[str]) -> None:
    assert list(known_feeds(page)) == found


def test_a_service_is_asked_at_its_known_address_first() -> None:
    found, asked = look("@ada@social.example", {"https://social.example/@ada.rss": feed("Ada", "Hello")})
    assert found == (Candidate("https://social.example/@ada.rss", "Ada", "RSS", ("Hello",)),)
    assert asked == ["https://social.example/@ada.rss"]


def test_a_project_without_releases_has_its_commits() -> None:
    found, _ = look(
        "github.com/ada/engine",
        {
            "https://github.com/ada/engine/releases.atom": feeds.atom(),
            "https://github.com/ada/engine/commits.atom": feeds.atom(feeds.entry("Fix", guid="1"), title="Commits"),
        },
    )
    assert [(each.title, each.kind) for each in found] == [("Commits", "Atom")]


def test_a_channel_behind_a_handle_is_found_in_its_page() -> None:
    page = feeds.page("Ada", body=f'<script>var x = {{"externalId":"{CHANNEL}"}}</script>')
    found, asked = look(
        "youtube.com/@ada", {"https://youtube.com/@ada": page, f"{YOUTUBE}?channel_id={CHANNEL}": feed("Ada's films")}
    )
    assert [each.title for each in found] == ["Ada's films"]
    assert len(asked) == 2


# ---------------------------------------------------------------- sites


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer() as server:
        yield server


@pytest.fixture
def fetcher() -> Iterator[Fetcher]:
    with Fetcher(allow_private=True, timeout_s=10) as fetcher:
        yield fetcher


def test_the_address_of_a_feed_is_that_feed_with_its_newest_titles(server: FeedServer, fetcher: Fetcher) -> None:
    entries = [feeds.entry(f"Day {day}", guid=str(day), date=NOW.replace(day=day)) for day in (3, 1, 5, 4)]
    url = server.serve("/feed", feeds.rss(*entries))
    # Without a parser of the caller's, a process of its own reads it.
    assert discover(url, fetcher, now=NOW) == (Candidate(url, "The Outlet", "RSS", ("Day 5", "Day 4", "Day 3")),)
    assert server.paths() == ["/feed"]


def test_a_site_offers_all_feeds_that_it_announces(server: FeedServer, fetcher: Fetcher) -> None:
    server.serve("/", feeds.page(announces=["/news.xml", "/gone.xml", "/sport.json", "/page", "/comments.xml"]))
    server.serve("/news.xml", feed("News"))
    server.serve("/sport.json", feeds.json(feeds.entry("Goal", guid="1"), title="Sport"))
    server.serve("/page", feeds.page())
    server.serve("/comments.xml", feed("Comments"))
    found = discover(server.url("/"), fetcher, now=NOW, parser=HERE)
    assert [(each.title, each.kind) for each in found] == [("News", "RSS"), ("Sport", "JSON Feed"), ("Comments", "RSS")]


def test_one_feed_in_two_formats_is_offered_once(server: FeedServer, fetcher: Fetcher) -> None:
    server.serve("/", feeds.page(announces=["/rss", "/atom", "/rss?again"]))
    server.serve("/rss", feeds.rss(feeds.entry("One", guid="1")))
    server.serve("/rss?again", feeds.rss(feeds.entry("One", guid="1")))
    server.serve("/atom", feeds.atom(feeds.entry("One", guid="1")))
    found = discover(server.url("/"), fetcher, now=NOW, parser=HERE)
    assert [each.url for each in found] == [server.url("/rss")]


def test_a_feed_that_moved_for_good_is_offered_at_its_new_address(server: FeedServer, fetcher: Fetcher) -> None:
    server.redirect("/old", "/new", status=301)
    server.redirect("/mirror", "/new", status=302)
    server.serve("/new", feed("News"))
    assert discover(server.url("/old"), fetcher, now=NOW, parser=HERE)[0].url == server.url("/new")
    assert discover(server.url("/mirror"), fetcher, now=NOW, parser=HERE)[0].url == server.url("/mirror")


def test_a_link_on_the_page_is_followed_if_it_looks_like_a_feed(server: FeedServer, fetcher: Fetcher) -> None:
    elsewhere = '<a href="/about">About</a> <a href="https://other.example/rss">Other</a>'
    server.serve("/", feeds.page(body=elsewhere + '<a class=x href="/blog/rss.php">RSS</a>'))
    server.serve("/blog/rss.php", feed("Blog"))
    assert [each.title for each in discover(server.url("/"), fetcher, now=NOW, parser=HERE)] == ["Blog"]
    assert server.paths() == ["/", "/blog/rss.php"]


@pytest.mark.parametrize("path", ["/feed", "/rss", "/atom.xml", "/feed.xml", "/rss.xml", "/index.xml"])
def test_the_usual_paths_are_tried_until_one_is_a_feed(server: FeedServer, fetcher: Fetcher, path: str) -> None:
    server.serve("/some/page", feeds.page())
    server.serve(path, feed("News"))
    assert [each.url for each in discover(server.url("/some/page"), fetcher, now=NOW, parser=HERE)] == [
        server.url(path)
    ]
    assert server.paths()[-1] == path


def test_a_site_without_a_feed_says_so_after_few_requests(server: FeedServer, fetcher: Fetcher) -> None:
    links = "".join(f'<a href="/rss/{n}.xml">x</a>' for n in range(100))
    server.serve("/", feeds.page(announces=[f"/feed/{n}" for n in range(100)], body=links))
    with pytest.raises(NotAFeed, match=r"No feed was found at 127\.0\.0\.1"):
        discover(server.url("/"), fetcher, now=NOW, parser=HERE)
    assert len(server.requests) <= MAX_FETCHES


def test_no_time_means_no_request() -> None:
    web = Web({"https://example.com/": feed("News")})
    with pytest.raises(NotAFeed):
        discover("example.com", web, now=NOW, parser=HERE, seconds=-1)
    assert web.asked == []


def test_a_site_that_cannot_be_fetched_says_why(fetcher: Fetcher) -> None:
    with pytest.raises(Unreachable, match="refuses the connection"):
        discover(f"http://127.0.0.1:{free_port()}/", fetcher, now=NOW, parser=HERE)


def test_a_site_without_https_is_tried_without_it_if_none_was_typed() -> None:
    no = Unreachable("No TLS.", url="https://example.com/")
    pages: dict[str, bytes | NewsError | Fetched] = {"https://example.com/": no, "http://example.com/": feed("News")}
    found, asked = look("example.com", pages)
    assert found[0].url == "http://example.com/"
    assert asked == ["https://example.com/", "http://example.com/"]
    with pytest.raises(Unreachable, match="No TLS"):
        look("https://example.com", pages)


def test_a_private_address_is_not_looked_at(server: FeedServer) -> None:
    server.serve("/", feed("Secret"))
    with Fetcher() as fetcher, pytest.raises(NewsError):
        discover(server.url("/"), fetcher, now=NOW, parser=HERE)
    assert server.requests == []


def test_a_page_cannot_send_the_search_into_a_private_network() -> None:
    page = feeds.page(announces=["http://10.0.0.1/feed"], body='<a href="http://10.0.0.1/rss">x</a>')
    with Fetcher(resolve=lambda *_, **__: []) as fetcher:
        web = Web({"https://example.com/": page})

        class Guarded:
            def get(self, url: str, *, etag: str = "", last_modified: str = "") -> Fetched:
                return web.get(url) if "example.com" in url else fetcher.get(url)

        with pytest.raises(NotAFeed):
            discover("example.com", Guarded(), now=NOW, parser=HERE)
