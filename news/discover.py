"""Whatever address a person types -> the feeds there, each with a look at its newest items.

    example.com · https://example.com/some/page · feed://example.com/rss · @user@mastodon.social · r/worldnews ·
    youtube.com/@channel · github.com/owner/project · news.ycombinator.com

Services whose feeds stand at known addresses are asked there. Any other page is asked which feeds it announces, then
searched for links to one, and at last a few usual paths are tried. The number of requests is bounded.
"""

from __future__ import annotations

import html
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol
from urllib.parse import parse_qs, quote, urljoin, urlsplit

from news.errors import BadURL, FetchError, NewsError, NotAFeed, ParseError, Unreachable
from news.fetch import check_url
from news.parse import ParserPool
from news.text import visible
from news.types import Fetched, ParsedFeed

MAX_FETCHES = 14
MAX_SECONDS = 40.0
_MAX_LINKS = 4
_USUAL = ("/feed", "/rss", "/atom.xml", "/feed.xml", "/rss.xml", "/index.xml")


class Fetches(Protocol):
    """What is needed of a fetcher: `news.fetch.Fetcher`, or a fake."""

    def get(self, url: str, *, etag: str = "", last_modified: str = "") -> Fetched: ...


class Parses(Protocol):
    """What is needed of a parser: `news.parse.ParserPool`, or a fake."""

    def parse(self, body: bytes, url: str, headers: Mapping[str, str], *, now: datetime) -> ParsedFeed: ...


@dataclass(frozen=True, slots=True)
class Candidate:
    """A feed that was found and read. `kind` is "RSS", "Atom" or "JSON Feed"; `newest` are up to three titles."""

    url: str
    title: str
    kind: str
    newest: tuple[str, ...]


def discover(
    url: str, fetcher: Fetches, *, now: datetime, parser: Parses | None = None, seconds: float = MAX_SECONDS
) -> tuple[Candidate, ...]:
    """The feeds at what a person typed, best first, the same feed in two formats only once.

    Fetches at most `MAX_FETCHES` addresses and begins none after `seconds`. Without a `parser` feeds are read in a
    process of its own. Raises BadURL, a FetchError if the site cannot be fetched, and NotAFeed if it has no feed.
    """
    with nullcontext(parser) if parser else ParserPool(1) as reader:
        return _Search(fetcher, reader, now, seconds).run(url)


class _Search:
    """One search: what may still be fetched, and what was found."""

    def __init__(self, fetcher: Fetches, parser: Parses, now: datetime, seconds: float) -> None:
        self._fetcher = fetcher
        self._parser = parser
        self._now = now
        self._left = MAX_FETCHES
        self._end = time.monotonic() + seconds
        self._seen: set[str] = set()
        self._found: dict[tuple[str, ...], Candidate] = {}

    def run(self, typed: str) -> tuple[Candidate, ...]:
        site, certain = address(typed)
        known = known_feeds(site)
        trouble = self._try(known)
        if not self._found:
            trouble = self._look_at(site, certain) or trouble
        if not self._found:
            raise trouble or NotAFeed(f"No feed was found at {_host(site)}.", url=site)
        return tuple(self._found.values())

    def _look_at(self, site: str, certain: bool) -> NewsError | None:
        """Reads a page and the feeds that it leads to. What went wrong with the page itself is returned."""
        try:
            answer = self._get(site)
        except Unreachable as error:
            if certain or not site.startswith("https://"):
                return error
            site = "http://" + site.removeprefix("https://")
            try:
                answer = self._get(site)
            except NewsError:
                return error
        except NewsError as error:
            return error
        if answer is None:
            return None
        try:
            self._keep(site, answer, self._read(answer))
        except NotAFeed as error:
            self._try(error.announced)
        except ParseError as error:
            return error
        body = answer.body or b""
        if not self._found:
            self._try(tuple(_of_service(answer.url, body)))
        if not self._found:
            self._try(tuple(_linked(body, answer.url)))
        for path in _USUAL:
            if self._found:
                break
            self._try((urljoin(answer.url, path),))
        return None

    def _try(self, urls: tuple[str, ...]) -> NewsError | None:
        """Keeps those of `urls` that are feeds; the trouble with the first is returned if there is none."""
        trouble: NewsError | None = None
        for url in urls:
            try:
                answer = self._get(url)
                if answer is not None:
                    self._keep(url, answer, self._read(answer))
            except (BadURL, FetchError, ParseError) as error:
                trouble = trouble or error
        return None if self._found else trouble

    def _get(self, url: str) -> Fetched | None:
        """The answer at `url`; None if it was asked already or no more may be asked."""
        if url in self._seen or self._left <= 0 or time.monotonic() > self._end:
            return None
        self._seen.add(url)
        self._left -= 1
        return self._fetcher.get(url)

    def _read(self, answer: Fetched) -> ParsedFeed:
        return self._parser.parse(answer.body or b"", answer.url, answer.headers, now=self._now)

    def _keep(self, url: str, answer: Fetched, feed: ParsedFeed) -> None:
        dated = sorted(
            feed.entries, key=lambda entry: entry.published_at or datetime.min.replace(tzinfo=UTC), reverse=True
        )
        newest = tuple(entry.title for entry in dated[:3])
        kind = {"a": "Atom", "j": "JSON Feed"}.get(feed.kind[:1], "RSS")
        candidate = Candidate(answer.moved_to or url, feed.title or _host(url), kind, newest)
        self._found.setdefault((feed.title, *newest), candidate)


def _host(url: str) -> str:
    return visible(urlsplit(url).hostname or url)


# ---------------------------------------------------------------- what was typed

_ACCOUNT = re.compile(r"@?([A-Za-z0-9_.-]+)@([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)")
_SUBREDDIT = re.compile(r"/?(r|u|user)/([A-Za-z0-9_-]{2,40})/?")
_FEED_SCHEME = re.compile(r"(?:feed|rss|podcast|pcast|itpc):(?://)?(?=\S)", re.IGNORECASE)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(?!\d)")


def address(typed: str) -> tuple[str, bool]:
    """The http(s) URL that a person means by `typed`, and whether its scheme was given. Raises BadURL."""
    text = visible(typed).strip().strip("<>\"'“”")
    if account := _ACCOUNT.fullmatch(text):
        return check_url(f"https://{account[2]}/@{account[1]}"), True
    if place := _SUBREDDIT.fullmatch(text):
        return f"https://www.reddit.com/{'r' if place[1] == 'r' else 'user'}/{place[2]}", True
    if re.sub(r"[^a-z]", "", text.lower()) == "hackernews":
        return "https://news.ycombinator.com/", True
    text = _FEED_SCHEME.sub("", text, count=1)
    if _SCHEME.match(text):
        return check_url(text, allow_private=True), True
    if "." not in text and ":" not in text:
        raise BadURL("This is not a web address. A site is typed like example.com.", url=text)
    return check_url("https://" + text.lstrip("/"), allow_private=True), False


# ---------------------------------------------------------------- services

_YOUTUBE = "https://www.youtube.com/feeds/videos.xml"
_CHANNEL = re.compile(rb'(?:channel_id=|"(?:channelId|externalId|browseId)":")(UC[A-Za-z0-9_-]{22})')
_GITHUB_PAGES = frozenset(
    "about collections customer-stories enterprise events explore features login marketplace".split()
)
_NO_MASTODON = ("youtube.com", "tiktok.com", "threads.net", "threads.com", "instagram.com", "substack.com")


def known_feeds(url: str) -> tuple[str, ...]:
    """Where the feeds of well-known services stand, for a page of theirs; empty for any other page."""
    parts = urlsplit(url)
    host = re.sub(r"^(?:www|old|new|m)\.", "", parts.hostname or "")
    path = [each for each in parts.path.split("/") if each]
    query = parse_qs(parts.query)
    match host, path:
        case "youtube.com", ["channel", channel, *_]:
            return (f"{_YOUTUBE}?channel_id={quote(channel)}",)
        case "youtube.com", ["user", user, *_]:
            return (f"{_YOUTUBE}?user={quote(user)}",)
        case "youtube.com" | "youtu.be", _ if "list" in query:
            return (f"{_YOUTUBE}?playlist_id={quote(query['list'][0])}",)
        case "reddit.com", []:
            return ("https://www.reddit.com/.rss",)
        case "reddit.com", [("r" | "user" | "u") as kind, name, *_]:
            return (f"https://www.reddit.com/{'r' if kind == 'r' else 'user'}/{quote(name)}/.rss",)
        case "github.com", [owner, project, *_] if owner not in _GITHUB_PAGES and not project.endswith(".atom"):
            project = quote(project.removesuffix(".git"))
            return tuple(f"https://github.com/{quote(owner)}/{project}/{kind}.atom" for kind in ("releases", "commits"))
        case "github.com", [owner] if owner not in _GITHUB_PAGES and not owner.endswith(".atom"):
            return (f"https://github.com/{quote(owner)}.atom",)
        case "news.ycombinator.com", _ if path != ["rss"]:
            return ("https://news.ycombinator.com/rss",)
        case "bsky.app", ["profile", name, *_] if path[-1] != "rss":
            return (f"https://bsky.app/profile/{quote(name)}/rss",)
        case "medium.com", [name, *_] if name.startswith("@"):
            return (f"https://medium.com/feed/{quote(name, safe='@')}",)
        case _, [name] if name.startswith("@") and not name.endswith(".rss") and not host.endswith(_NO_MASTODON):
            return (f"https://{parts.netloc}/{quote(name, safe='@')}.rss",)
    return ()


def _of_service(url: str, body: bytes) -> Iterator[str]:
    """Feeds that a service's page names only in its scripts: YouTube's channels behind a handle."""
    if (urlsplit(url).hostname or "").endswith("youtube.com") and (channel := _CHANNEL.search(body)):
        yield f"{_YOUTUBE}?channel_id={channel.group(1).decode('ascii')}"


# ---------------------------------------------------------------- links on a page

_ANCHOR = re.compile(rb"<a\b([^<>]*+)>", re.IGNORECASE)
_HREF = re.compile(rb"""\bhref\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.IGNORECASE)
_LOOKS_LIKE_FEED = re.compile(
    r"(?:^|[/._?=&-])(?:rss|feeds?|atom)(?:[/._?=&-]|\d?$)|\.(?:rss|rdf|atom|xml)(?:$|\?)", re.IGNORECASE
)
_MAX_PAGE = 2**20


def _linked(body: bytes, url: str) -> Iterator[str]:
    """Addresses of links on a page that look like feeds of the same site, in the page's order."""
    site = (urlsplit(url).hostname or "").removeprefix("www.")
    found: dict[str, None] = {}
    for anchor in _ANCHOR.finditer(body, 0, _MAX_PAGE):
        href = _HREF.search(anchor.group(1)[:2000])
        if href is None:
            continue
        link = html.unescape(next(filter(None, href.groups()), b"").decode("utf-8", "replace")).strip()
        try:
            target = urljoin(url, link).partition("#")[0]
            parts = urlsplit(target)
            near = (parts.hostname or "").endswith(site)
        except ValueError:
            continue
        if (
            near
            and parts.scheme in ("http", "https")
            and _LOOKS_LIKE_FEED.search(f"{parts.path}?{parts.query}".rstrip("?"))
        ):
            found.setdefault(target)
        if len(found) == _MAX_LINKS:
            break
    yield from found
