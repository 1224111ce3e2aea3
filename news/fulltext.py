"""teasers | robots.txt | fetch | read | store: the articles that feeds only begin, for feeds whose reader wants that.

It comes after a refresh and never within one. A run is one thread and so asks one thing at a time; it begins no more
than `MOST` articles and none after `SECONDS`. Each try is counted before it is made, so that a page on which a process
dies is not tried for ever; what went wrong is kept with the entry as a sentence.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol
from urllib.parse import urlsplit
from urllib.robotparser import RobotFileParser

from news.errors import HTTPFailure, NewsError, Refused, TooLarge
from news.refresh import Fetches
from news.store import Store, Teaser
from news.terms import terms
from news.types import Fetched

log = logging.getLogger(__name__)

NAME = "Broadsheet"
"""What robots.txt files call us: the first word of the fetcher's User-Agent."""
MOST = 20
SECONDS = 60.0
WORTH = 200
"""So many characters more than its feed an article must say; a menu alone says some."""
_ROBOTS_BYTES = 500 * 2**10
_PAGES = ("text/html", "application/xhtml+xml", "")


class Reads(Protocol):
    """What a run needs of a reader of pages: `news.article.ArticlePool`, or a fake."""

    def text(self, page: bytes, url: str, headers: Mapping[str, str], *, now: datetime) -> str: ...


def fetch_articles(
    store: Store,
    *,
    fetcher: Fetches,
    reader: Reads,
    now: datetime,
    most: int = MOST,
    stopped: Callable[[], bool] = lambda: False,
    seconds: Callable[[], float] = time.monotonic,
) -> int:
    """Fetch the articles of entries that came lately and only begin them; returns how many were stored.

    `stopped` is asked before each; `seconds` is a clock that only runs forward. Raises `StorageError`, nothing else.
    """
    end = seconds() + SECONDS
    robots = Robots(fetcher)
    stored = 0
    asked: set[str] = set()
    for teaser in store.teasers(now, limit=most):
        if stopped() or seconds() >= end:
            break
        site = _site(teaser.url)
        if site in asked and robots.wants_pauses(teaser.url):
            continue  # the next run goes on; pauses that a site asks for are no shorter than the time between two
        asked.add(site)
        if not store.try_article(teaser.entry_id, now=now):
            continue
        try:
            stored += store.save_article(teaser, _article(teaser, fetcher, reader, robots, now))
        except NewsError as error:
            store.save_article_failure(teaser.entry_id, str(error))
    return stored


class Robots:
    """What the robots.txt of each site allows a news reader, asked once a site."""

    def __init__(self, fetcher: Fetches) -> None:
        self._fetcher = fetcher
        self._rules: dict[str, RobotFileParser] = {}

    def check(self, url: str) -> None:
        """Raises `Refused` if the site does not want `url` to be fetched, or does not say."""
        if not self._of(url).can_fetch(NAME, url):
            raise Refused(
                f"The robots.txt of {urlsplit(url).hostname} does not let Broadsheet read this page.", url=url
            )

    def wants_pauses(self, url: str) -> bool:
        """Whether the site asks for a pause between two pages."""
        return bool(self._of(url).crawl_delay(NAME))

    def _of(self, url: str) -> RobotFileParser:
        site = _site(url)
        if site not in self._rules:
            self._rules[site] = self._ask(site)
        return self._rules[site]

    def _ask(self, site: str) -> RobotFileParser:
        rules = RobotFileParser()
        try:
            fetched = self._fetcher.get(f"{site}/robots.txt")
        except HTTPFailure as answer:
            # A site without the file allows everything; one that hides it, or is in trouble, is left alone.
            allowed = 400 <= answer.status < 500 and answer.status not in (401, 403, 429)
            rules.parse([] if allowed else ["User-agent: *", "Disallow: /"])
        except NewsError:
            rules.parse(["User-agent: *", "Disallow: /"])
        else:
            rules.parse((fetched.body or b"")[:_ROBOTS_BYTES].decode("utf-8-sig", "replace").splitlines())
        return rules


def _site(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _article(teaser: Teaser, fetcher: Fetches, reader: Reads, robots: Robots, now: datetime) -> str:
    """The text of the article that `teaser` begins. Raises `NewsError` with the reason if there is none to be had."""
    robots.check(teaser.url)
    page = _page(teaser.url, fetcher)
    if _site(page.url) != _site(teaser.url):
        robots.check(page.url)  # a redirect is known only when it was followed; what it led to is not kept
    text = reader.text(page.body or b"", page.url, page.headers, now=now)
    first, _, rest = text.partition("\n\n")
    if first.casefold() == teaser.title.casefold():
        text = rest
    if len(text) < len(teaser.text) + WORTH:
        raise NewsError("The article's page has no more to read than the feed.", url=teaser.url)
    told = set(terms(f"{teaser.title} {teaser.text}"))
    if 2 * len(told & set(terms(text))) < len(told):
        raise NewsError("The article's page says something else; it may ask for consent or payment.", url=teaser.url)
    return text


def _page(url: str, fetcher: Fetches) -> Fetched:
    """The page at `url`, the reasons against it in words for an article: the fetcher's are for feeds."""
    host = urlsplit(url).hostname
    try:
        page = fetcher.get(url)
    except HTTPFailure as error:
        raise NewsError(f"{host} did not give out the article (status {error.status}).", url=url) from error
    except TooLarge as error:
        raise NewsError(f"The article's page at {host} is too large.", url=url) from error
    kind = page.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in _PAGES:
        raise NewsError(f"{host} sent something that is not a web page ({kind[:60]}).", url=url)
    return page
