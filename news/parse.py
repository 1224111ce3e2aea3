"""Bytes -> ParsedFeed. The only file that imports feedparser; JSON Feed, which feedparser does not read, is read here.

feedparser gets bytes that `news.clean` made safe and well-formed, never a string (it would open it as a file or
address), and neither its sanitiser nor its link rewriting runs: all that leaves here is plain text and http(s) URLs.

Reading hostile input can still hold the interpreter for minutes, and a thread cannot be killed. So `ParserPool` reads
in processes of its own, `python -m news.parse`: one feed in, one answer out, killed when they take too long.
"""

from __future__ import annotations

import contextlib
import copy
import gc
import hashlib
import html
import io
import json
import math
import queue
import re
import struct
import subprocess
import sys
import threading
import time
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import IO, Any
from urllib.parse import urljoin, urlsplit

import feedparser
import feedparser.api
import feedparser.datetimes
import feedparser.mixin
from feedparser.util import FeedParserDict

from news import clean, sax
from news.dates import read_date
from news.errors import EmptyFeed, NotAFeed, ParseError, ParseTimedOut
from news.terms import ANALYSIS, indexed
from news.text import line, plain, visible
from news.types import ParsedEntry, ParsedFeed

try:
    import resource
except ImportError:  # Windows: there the time limit alone bounds a worker
    resource = None  # type: ignore[assignment]

_MAX_BODY = 5 * 2**20
_MAX_HTML = 300_000  # characters of one item that are looked at
_MAX_TEXT = 20_000  # characters of one item that are kept
_MAX_TITLE = 500
_MAX_URL = 2048
_MAX_KEY = 500
_EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)

Raw = dict[str, Any]
"""An item or feed as feedparser gives it. Read with `_get`: its own `get` tries five other names first."""

# ---------------------------------------------------------------- feeds


def parse(body: bytes, url: str, headers: Mapping[str, str], *, now: datetime) -> ParsedFeed:
    """The feed in `body`, which came from `url` with these (lower-case) headers.

    Entries keep the feed's order, at most 1,000. `now` is what dates are judged by. Raises NotAFeed, EmptyFeed or
    another ParseError, and nothing else.
    """
    if body.startswith(b"\x1f\x8b"):
        body = _unzipped(body)
    if not body.strip(b"\x00 \t\r\n"):
        raise EmptyFeed(f"{_host(url)} sent an empty answer.", url=url)
    data = clean.to_utf8(body, headers.get("content-type", ""))
    start = data[:1000].lstrip(b"\x00 \t\r\n")
    if start.startswith(b"{"):
        return _parse_json(data, url, now)
    tidied = None if _is_page(data) else clean.tidy(data)
    if tidied is None:
        raise _not_a_feed(body, data, url)
    read, lost = _feedparser(tidied.data)
    if not _get(read, "version") and not read["entries"]:
        raise _not_a_feed(body, data, url)
    base = _http(_get(read["feed"], "link"), url) or url
    found: list[tuple[str, ParsedEntry]] = []
    dropped = tidied.cut + lost
    for raw in read["entries"]:
        try:
            entry = _entry(raw, base, now)
        except MemoryError:
            raise
        except Exception:  # noqa: BLE001  whatever one item is made of, the others are kept
            entry = None
        if entry is None:
            dropped += 1
        else:
            found.append(entry)
    feed = read["feed"]
    return _feed(
        found,
        url,
        title=_get(feed, "title"),
        site_url=_get(feed, "link"),
        language=_get(feed, "language"),
        kind=_kind(tidied.data, _get(read, "version")),
        dropped=dropped,
    )


def _unzipped(body: bytes) -> bytes:
    """A feed that is kept as a .gz file, and served without saying so; at most as long as a feed may be."""
    try:
        return zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(body, _MAX_BODY)
    except zlib.error:
        return body


def _feed(
    found: list[tuple[str, ParsedEntry]], url: str, *, title: str, site_url: str, language: str, kind: str, dropped: int
) -> ParsedFeed:
    if not found:
        raise EmptyFeed(f"{_host(url)} sent a feed with nothing in it.", url=url)
    return ParsedFeed(
        title=_cut(line(title[:_MAX_HTML]), _MAX_TITLE),
        site_url=_http(site_url, url),
        language=_language(language),
        kind=kind,
        entries=_told_apart(found),
        dropped=dropped,
    )


def _kind(data: bytes, version: str) -> str:
    """feedparser's name of the format, which it takes from the first namespace that it knows, put right for RDF."""
    root = clean.ROOT.search(data)
    if root and root.group().lower().endswith(b"rdf") and not version.startswith("rss"):
        return "rss10"
    return version or "unknown"


def _feedparser(data: bytes) -> tuple[Raw, int]:
    """feedparser's reading of tidied bytes, and the number of items that it fails on; those lose only themselves."""
    try:
        return _run_feedparser(data), 0
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001  feedparser raises whatever its parts raise on odd input
        parts = [_run_or_none(document) for document in clean.apart(data)]
    head, *items = parts or [None]
    whole = head or next(filter(None, items), {"version": "", "feed": {}})
    entries = [entry for part in items if part for entry in part["entries"]]
    return {"version": _get(whole, "version"), "feed": whole["feed"], "entries": entries}, items.count(None)


def _run_or_none(data: bytes) -> Raw | None:
    try:
        return _run_feedparser(data)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001  as above
        return None


def _run_feedparser(data: bytes) -> Raw:
    result: Raw = feedparser.parse(
        io.BytesIO(data),
        # No content-location: links stay as they are and are resolved here, so that a moved feed keeps its keys.
        response_headers={"content-type": "application/xml; charset=utf-8"},
        sanitize_html=False,
        resolve_relative_uris=False,
    )
    return result


# What follows changes nothing that is read here, only how long it takes: a third less. feedparser's dictionaries look
# for a key under five other names, find it missing by an exception, and are copied by way of pickling; that is most of
# the work for a feed. Names that do have others go the old way. It joins the same empty base to each element, and reads
# dates that are read again here.
feedparser.api.PREFERRED_XML_PARSERS = [sax.__name__]
feedparser.datetimes._date_handlers.clear()
feedparser.mixin._urljoin = lru_cache(maxsize=64)(feedparser.mixin._urljoin)
_OTHER_NAMES = frozenset(("category", "enclosures", "license", "updated", "updated_parsed", *FeedParserDict.keymap))
_slow_get, _slow_contains = FeedParserDict.get, FeedParserDict.__contains__


def _quick_get(self: Raw, key: str, default: object = None) -> object:
    return _slow_get(self, key, default) if key in _OTHER_NAMES else dict.get(self, key, default)


def _quick_contains(self: Raw, key: str) -> bool:
    return bool(_slow_contains(self, key)) if key in _OTHER_NAMES else dict.__contains__(self, key)


def _quick_copy(self: Raw, memo: dict[int, Any]) -> Raw:
    twin: Raw = FeedParserDict()
    for key, value in self.items():
        dict.__setitem__(twin, key, value if isinstance(value, str) else copy.deepcopy(value, memo))
    return twin


FeedParserDict.get, FeedParserDict.__contains__ = _quick_get, _quick_contains
FeedParserDict.__deepcopy__ = _quick_copy


def _get(raw: Raw, name: str) -> str:
    value = dict.get(raw, name)
    return value if isinstance(value, str) else ""


def _dicts(raw: Raw, name: str) -> list[Raw]:
    value = dict.get(raw, name)
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _host(url: str) -> str:
    with contextlib.suppress(ValueError):
        return visible(urlsplit(url).hostname or url)
    return visible(url)


# ---------------------------------------------------------------- one entry


def _entry(raw: Raw, base: str, now: datetime) -> tuple[str, ParsedEntry] | None:
    """An item as (its own identity, entry with that identity as key), or None if there is nothing to keep."""
    links = _dicts(raw, "links")
    original = _get(raw, "feedburner_origlink")
    article = _http(original if original.startswith("http") else _get(raw, "link"), base)
    if not article:
        alternates = (each for each in links if _get(each, "rel") in ("alternate", ""))
        article = next((found for each in alternates if (found := _http(_get(each, "href"), base))), "")
    guid = _get(raw, "id")
    if not article and guid.startswith(("http://", "https://")):
        article = _http(guid, base)
    contents = [_get(each, "value") for each in _dicts(raw, "content")]
    summary = _get(raw, "summary")
    source = max((summary, *contents), key=len)[:_MAX_HTML]
    return _made(
        guid=guid,
        article=article,
        title=_get(raw, "title"),
        source=source,
        summary=summary,
        author=_authors(raw),
        published=_believable((_get(raw, "published"), _get(raw, "updated"), _get(raw, "created")), now),
        raw_date=_get(raw, "published") or _get(raw, "updated"),
        categories=(_get(tag, "label") or _get(tag, "term") for tag in _dicts(raw, "tags")),
        picture=_picture(raw, links, source, article or base),
        enclosures=((_get(each, "href"), _get(each, "type")) for each in links if _get(each, "rel") == "enclosure"),
        base=base,
    )


def _made(
    *,
    guid: str,
    article: str,
    title: str,
    source: str,
    summary: str,
    author: str,
    published: datetime | None,
    raw_date: str,
    categories: Iterable[str],
    picture: str,
    enclosures: Iterable[tuple[str, str]],
    base: str,
) -> tuple[str, ParsedEntry] | None:
    text = plain(source)
    if summary is not source and len(text) < len(summary):
        # A "full content" of scripts and frames may hold less than the summary.
        text = max(text, plain(summary[:_MAX_HTML]), key=len)
    text = _cut(text, _MAX_TEXT)
    headline = _cut(line(title[:_MAX_HTML]), _MAX_TITLE)
    headline = headline or _cut(" ".join(text.partition("\n\n")[0].split()), 120) or article.partition("//")[2][:120]
    if not headline:
        return None
    key = _key(guid) or _key(article) or "hash:" + _digest(headline, raw_date, text)
    entry = ParsedEntry(
        key=key,
        url=article,
        title=headline,
        text=text,
        author=_cut(author, 200),
        published_at=published,
        categories=_categories(categories),
        picture=picture,
        enclosures=tuple(
            dict.fromkeys((found, line(kind)[:100]) for link, kind in enclosures if (found := _http(link, base)))
        )[:10],
    )
    return key, entry


def _key(text: str) -> str:
    text = " ".join(visible(text[: 4 * _MAX_HTML]).split())
    return text if len(text) <= _MAX_KEY else "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def _digest(*parts: str) -> str:
    return hashlib.sha256("\x00".join(parts).encode("utf-8", "replace")).hexdigest()[:32]


def _told_apart(found: list[tuple[str, ParsedEntry]]) -> tuple[ParsedEntry, ...]:
    """Entries with keys of their own. What shares a guid is told apart by URL, then title, then wording.

    No step looks at the order, so that an item keeps its key when others come and go. Two with the same guid, URL
    and title are wordings of one article: the newest is kept.
    """
    groups: dict[str, list[ParsedEntry]] = defaultdict(list)
    for key, entry in found:
        groups[key].append(entry)
    if len(groups) == len(found):
        return tuple(entry for _, entry in found)
    keys: dict[int, str] = {}
    for key, entries in groups.items():
        wordings: dict[tuple[str, ...], ParsedEntry] = {}
        for entry in entries:
            same = (entry.url, entry.title) if entry.url else (entry.title, entry.text)
            other = wordings.get(same)
            if other is None or (entry.published_at or _EARLIEST) > (other.published_at or _EARLIEST):
                wordings[same] = entry
        left = list(wordings.values())
        urls = [entry.url for entry in left]
        titles = [(entry.url, entry.title) for entry in left]
        for entry in left:
            if len(left) == 1:
                keys[id(entry)] = key
            elif entry.url and urls.count(entry.url) == 1:
                keys[id(entry)] = _key(f"{key}|{entry.url}")
            elif titles.count((entry.url, entry.title)) == 1:
                keys[id(entry)] = _key(f"{key}|{_digest(entry.url, entry.title)}")
            else:
                keys[id(entry)] = _key(f"{key}|{_digest(entry.url, entry.title, entry.text)}")
    return tuple(_keyed(entry, keys[id(entry)]) for _, entry in found if id(entry) in keys)


def _keyed(entry: ParsedEntry, key: str) -> ParsedEntry:
    if entry.key == key:
        return entry
    return ParsedEntry(**{name: getattr(entry, name) for name in ParsedEntry.__slots__} | {"key": key})


def _cut(text: str, limit: int) -> str:
    """At most `limit` characters, ended at a word."""
    if len(text) <= limit:
        return text
    head = text[: limit - 1]
    return (head[: m.start()] if (m := re.search(r"\s\S{0,40}\Z", head)) else head).rstrip() + "…"


_CLEAN_URL = re.compile(r"https?://[A-Za-z0-9.-]+(?::[0-9]{1,4})?(?:[/?#][!#-;=?-Z_a-z~-]*)?")
_NOT_IN_URL = re.compile(r"[\s<>\"\\^`{|}]")


def _http(link: str, base: str) -> str:
    """`link`, resolved, if it is an http(s) URL of sane length; else ""."""
    if len(link) <= _MAX_URL and "&amp;" not in link and _CLEAN_URL.fullmatch(link):
        return link
    link = visible(html.unescape(link) if "&amp;" in link else link).strip()
    link = link.translate({10: None, 13: None, 9: None})
    if not link or len(link) > _MAX_URL:
        return ""
    try:
        if not link.startswith(("http://", "https://")):
            link = urljoin(base, link)
        parts = urlsplit(link)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            return ""
        _ = parts.port  # raises ValueError where it is not a number
    except ValueError:
        return ""
    return _NOT_IN_URL.sub(lambda match: "".join(f"%{byte:02X}" for byte in match.group().encode()), link)


_MAIL_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")


def _authors(raw: Raw) -> str:
    """The names of an item's authors, without their mail addresses."""
    written = [_get(each, "name") for each in _dicts(raw, "authors")[:5]]
    if len(written) < 2:
        written = [_get(raw, "author")]  # as written: the name that feedparser makes of it ends inside long addresses
    return ", ".join(dict.fromkeys(name for each in written if (name := _name(each))))


def _name(text: str) -> str:
    name = line(text[:1000])
    return " ".join(_MAIL_ADDRESS.sub("", name).split()).strip("()<>[], ") if "@" in name else name


def _categories(names: Iterable[str]) -> tuple[str, ...]:
    kept: dict[str, None] = {}
    for name in names:
        name = line(name[:400])
        if name and len(name) <= 100 and not name.startswith(("http://", "https://")):
            kept.setdefault(name)
        if len(kept) == 20:
            break
    return tuple(kept)


_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{1,8})*")


def _language(tag: str) -> str:
    """A BCP 47 tag with a lower-case language, "" if it is none."""
    tag = tag.strip()[:35]
    if not _LANGUAGE.fullmatch(tag):
        return ""
    first, _, rest = tag.replace("_", "-").partition("-")
    return first.lower() + (f"-{rest}" if rest else "")


_IMG = re.compile(r"<img\b([^<>]*+)>", re.IGNORECASE)
_SRC = re.compile(r"""\ssrc\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.IGNORECASE)
_TINY = re.compile(r"""\s(?:width|height)\s*=\s*["']?[01](?:px)?["'\s/]""", re.IGNORECASE)


def _picture(raw: Raw, links: list[Raw], source: str, base: str) -> str:
    image = dict.get(raw, "image")
    offered = (
        *(_get(each, "url") for each in _dicts(raw, "media_thumbnail")),
        *(_get(each, "url") for each in _dicts(raw, "media_content") if _is_image(each)),
        *(_get(each, "href") for each in links if _get(each, "rel") == "enclosure" and _is_image(each)),
        _get(image, "href") if isinstance(image, dict) else "",
    )
    return next((found for link in offered if link and (found := _http(link, base))), "") or _first_image(source, base)


def _is_image(media: Raw) -> bool:
    kind = _get(media, "medium") or _get(media, "type")
    if kind:
        return kind.startswith("image")
    return _get(media, "url").partition("?")[0].lower().endswith((".jpg", ".jpeg", ".png", ".webp", ".gif", ".avif"))


def _first_image(source: str, base: str) -> str:
    if "<img" not in source and "<IMG" not in source:
        return ""
    for _, tag in zip(range(5), _IMG.finditer(source), strict=False):
        attributes = tag.group(1) + " "
        src = _SRC.search(attributes)
        # Pictures of one pixel count readers.
        if src and not _TINY.search(attributes):
            found = _http(next(filter(None, src.groups()), ""), base)
            if found:
                return found
    return ""


def _believable(texts: Iterable[str], now: datetime) -> datetime | None:
    """The first of `texts` that is a date between 1990 and a day ahead."""
    for text in texts:
        if text and (date := read_date(text)) and _EARLIEST <= date <= now + timedelta(days=1):
            return date
    return None


# ---------------------------------------------------------------- JSON Feed


def _parse_json(data: bytes, url: str, now: datetime) -> ParsedFeed:
    try:
        feed = json.loads(data)
    except (ValueError, RecursionError):
        raise NotAFeed(f"{_host(url)} sent JSON that cannot be read.", url=url) from None
    version = feed.get("version") if isinstance(feed, dict) else None
    items = feed.get("items") if isinstance(feed, dict) else None
    if not (isinstance(version, str) and "jsonfeed.org/version/" in version and isinstance(items, list)):
        raise NotAFeed(f"{_host(url)} sent JSON, but not a feed.", url=url)
    home = _text(feed, "home_page_url")
    base = _http(home, url) or url
    found: list[tuple[str, ParsedEntry]] = []
    dropped = max(0, len(items) - clean.MAX_ITEMS)
    for item in items[: clean.MAX_ITEMS]:
        made = _json_entry(item, base, now) if isinstance(item, dict) else None
        if made is None:
            dropped += 1
        else:
            found.append(made)
    return _feed(
        found,
        url,
        title=_text(feed, "title"),
        site_url=home,
        language=_text(feed, "language"),
        kind="json" + "".join(re.findall(r"\d", version.rpartition("/")[2]))[:2],
        dropped=dropped,
    )


def _json_entry(item: Raw, base: str, now: datetime) -> tuple[str, ParsedEntry] | None:
    article = _http(_text(item, "url") or _text(item, "external_url"), base)
    source = _text(item, "content_html")[:_MAX_HTML] or html.escape(
        _text(item, "content_text")[:_MAX_HTML], quote=False
    )
    summary = html.escape(_text(item, "summary"), quote=False)
    authors = _dicts(item, "authors") or [each for each in [item.get("author")] if isinstance(each, dict)]
    names = [line(_text(each, "name")[:400]) for each in authors[:5]]
    tags = item.get("tags")
    picture = next((p for n in ("image", "banner_image") if (p := _http(_text(item, n), base))), "")
    dates = (_text(item, "date_published"), _text(item, "date_modified"))
    return _made(
        guid=_text(item, "id"),
        article=article,
        title=_text(item, "title"),
        source=source or summary,
        summary=summary,
        author=", ".join(dict.fromkeys(name for name in names if name)),
        published=_believable(dates, now),
        raw_date=dates[0],
        categories=(each for each in tags if isinstance(each, str)) if isinstance(tags, list) else (),
        picture=picture or _first_image(source, article or base),
        enclosures=((_text(each, "url"), _text(each, "mime_type")) for each in _dicts(item, "attachments")),
        base=base,
    )


def _text(raw: Raw, name: str) -> str:
    """A string of a JSON object; numbers, which some feeds use as ids, as text."""
    value = raw.get(name)
    if isinstance(value, bool) or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    return value if isinstance(value, str) else str(value) if isinstance(value, int | float) else ""


# ---------------------------------------------------------------- what is no feed

_PAGE = re.compile(rb"<(?:!doctype\s+html|html)\b", re.IGNORECASE)
_LINK = re.compile(r"<link\b([^<>]*+)>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"""([A-Za-z-]++)\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s"'>]++))""")
_BASE = re.compile(r"""<base\b[^<>]*?\bhref\s*=\s*["']?([^"'\s<>]+)""", re.IGNORECASE)
_FEED_TYPES = {
    "application/rss+xml",
    "application/atom+xml",
    "application/feed+json",
    "application/rdf+xml",
    "application/x.atom+xml",
    "application/json",
    "application/xml",
    "text/xml",
    "text/rss",
}
_MAX_PAGE = 2**20
_MAX_ANNOUNCED = 20
_OTHERS = (
    (b"<urlset", "a list of pages for search engines"),
    (b"<sitemapindex", "a list of pages for search engines"),
    (b"<opml", "a list of feeds; it can be imported on the Sources page"),
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"PK\x03\x04", "an archive"),
)


def _is_page(data: bytes) -> bool:
    """Whether an HTML page begins before any feed does."""
    page = _PAGE.search(data, 0, 100_000)
    root = clean.ROOT.search(data, 0, page.start()) if page else None
    return page is not None and root is None


def _not_a_feed(body: bytes, data: bytes, url: str) -> NotAFeed:
    host = _host(url)
    feeds = announced(data, url)
    if _is_page(data):
        tail = ", which announces feeds of its own." if feeds else " and no feed."
        return NotAFeed(f"{host} sent a web page{tail}", url=url, announced=feeds)
    for mark, name in _OTHERS:
        if body.startswith(mark) or (mark.startswith(b"<") and mark in data[:2000]):
            return NotAFeed(f"{host} sent {name}.", url=url)
    return NotAFeed(f"{host} sent something that is not a feed.", url=url, announced=feeds)


def announced(body: bytes, url: str) -> tuple[str, ...]:
    """The feeds that a page announces with `<link rel="alternate">`: absolute http(s) URLs, at most 20.

    The page's own order, but feeds of comments come last.
    """
    page = clean.to_utf8(body[:_MAX_PAGE]).decode("utf-8", "replace")
    base = _http(match.group(1), url) if (match := _BASE.search(page)) else ""
    found: dict[str, bool] = {}
    for link in _LINK.finditer(page):
        attributes = {
            name.lower(): html.unescape(double or single or bare)
            for name, double, single, bare in _ATTRIBUTE.findall(link.group(1)[:4000])
        }
        rels = attributes.get("rel", "").lower().split()
        kind = attributes.get("type", "").partition(";")[0].strip().lower()
        if not ("feed" in rels or ("alternate" in rels and kind in _FEED_TYPES and "hreflang" not in attributes)):
            continue
        if feed := _http(attributes.get("href", ""), base or url):
            words = f"{feed} {attributes.get('title', '')}".lower()
            # WordPress announces its programming interface with the same words as a JSON Feed.
            if not (kind == "application/json" and ("/wp-json" in words or "oembed" in words)):
                found.setdefault(feed, "comment" in words or "kommentar" in words)
        if len(found) == 3 * _MAX_ANNOUNCED:
            break
    return tuple(sorted(found, key=lambda feed: found[feed]))[:_MAX_ANNOUNCED]


# ---------------------------------------------------------------- a process of its own

_HEADER = struct.Struct("!II")
_READY = b"\x06"
_START_S = 30.0
_MAX_ANSWER = 256 * 2**20
_ERRORS: dict[str, type[ParseError]] = {
    kind.__name__: kind for kind in (NotAFeed, EmptyFeed, ParseTimedOut, ParseError)
}
_ROOT = Path(__file__).resolve().parent.parent


class ParserPool:
    """`parse` in up to `workers` processes, each killed when one feed takes more than `seconds` or `memory_mb`.

    Threads may share it; `parse` waits until a worker is free. Processes start when they are needed and are reused.
    `module` is what they run: it calls `serve` with a function of its own, and is asked with `ask`.
    """

    def __init__(
        self, workers: int, *, seconds: float = 10.0, memory_mb: int = 512, module: str = "news.parse"
    ) -> None:
        self._module = module
        self._seconds = seconds
        self._memory_mb = memory_mb
        # Newest first, so that few processes are started where few are needed. None is leave to start one.
        self._free: queue.LifoQueue[_Worker | None] = queue.LifoQueue()
        self._closed = False
        self._lock = threading.Lock()
        self._alive: set[_Worker] = set()
        for _ in range(max(1, workers)):
            self._free.put(None)

    def parse(self, body: bytes, url: str, headers: Mapping[str, str], *, now: datetime) -> ParsedFeed:
        """As `parse` of this module; ParseTimedOut when the worker had to be killed, ParseError when it died."""
        return _feed_from(self.ask(body, url, headers, now=now), url)

    def ask(self, body: bytes, url: str, headers: Mapping[str, str], *, now: datetime) -> dict[str, Any]:
        """What a worker's function answers, or ParseTimedOut and ParseError as in `parse`."""
        worker = self._free.get()
        try:
            if worker is not None and not worker.alive():
                self._forget(worker)
                worker = None
            worker = worker or self._start(url)
            answer = worker.ask(body, url, headers, now, self._seconds)
            if answer.get("error") == ParseTimedOut.__name__:
                raise _Died(late=True)  # it reached its limit of memory, and is of no more use
        except BaseException as error:
            if worker is not None:
                self._forget(worker)
                worker = None
            if not isinstance(error, _Died):
                raise
            if error.late:
                raise ParseTimedOut(
                    f"Reading the feed of {_host(url)} took too much time or memory.", url=url
                ) from None
            raise ParseError(f"The feed of {_host(url)} could not be read.", url=url) from None
        finally:
            self._free.put(worker)
        return answer

    def processes(self) -> list[int]:
        """The ids of the workers that run now."""
        with self._lock:
            return [worker.pid for worker in self._alive]

    def close(self) -> None:
        """Ends all workers. A `parse` that is under way raises ParseError."""
        with self._lock:
            self._closed = True
            alive = list(self._alive)
        for worker in alive:
            self._forget(worker)

    def __enter__(self) -> ParserPool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start(self, url: str) -> _Worker:
        try:
            worker = _Worker(self._memory_mb, self._module)
        except OSError as error:
            raise ParseError("No process could be started to read the feed in.", url=url) from error
        with self._lock:
            closed = self._closed
            if not closed:
                self._alive.add(worker)
        if closed:
            worker.end()
            raise _Died(late=False)
        return worker

    def _forget(self, worker: _Worker) -> None:
        with self._lock:
            self._alive.discard(worker)
        worker.end()


class _Died(Exception):
    """The worker is gone. `late`: because it was killed for taking too long."""

    def __init__(self, *, late: bool) -> None:
        super().__init__()
        self.late = late


class _Worker:
    """One process and the pipes to it. A clock on the side kills it, which ends any read or write that hangs on it."""

    def __init__(self, memory_mb: int, module: str) -> None:
        self._process = subprocess.Popen(  # noqa: S603  our own interpreter and module
            [sys.executable, "-m", module, str(memory_mb)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=_ROOT,
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        self._ready = False

    @property
    def pid(self) -> int:
        return self._process.pid

    def alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, body: bytes, url: str, headers: Mapping[str, str], now: datetime, seconds: float) -> dict[str, Any]:
        """The worker's answer. Raises _Died after `seconds`, or as soon as the process is gone."""
        if not self._ready:
            # Its start is not the feed's fault, and slow where many start at once.
            with self._clock(_START_S):
                if self._read(1) != _READY:
                    raise _Died(late=False)
            self._ready = True
        question = json.dumps(
            {
                "url": url,
                "content_type": headers.get("content-type", ""),
                "now": now.isoformat(),
                "seconds": math.ceil(seconds),
            }
        ).encode()
        with self._clock(seconds):
            self._write(_HEADER.pack(len(question), len(body)), question, body)
            size = struct.unpack("!I", self._read(4))[0]
            if size > _MAX_ANSWER:
                raise _Died(late=False)
            answer: dict[str, Any] = json.loads(self._read(size))
        return answer

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                if pipe:
                    pipe.close()

    @contextlib.contextmanager
    def _clock(self, seconds: float) -> Iterator[None]:
        late = threading.Event()

        def kill() -> None:
            late.set()
            self._process.kill()

        clock = threading.Timer(seconds, kill)
        clock.daemon = True
        clock.start()
        try:
            yield
        except (OSError, ValueError, EOFError):
            raise _Died(late=late.is_set()) from None
        finally:
            clock.cancel()
            clock.join()
        if late.is_set():  # the answer was whole just before the process was killed
            self._process.wait()

    def _write(self, *parts: bytes) -> None:
        stdin = self._process.stdin
        assert stdin is not None  # noqa: S101  it was asked for
        for part in parts:
            stdin.write(part)
        stdin.flush()

    def _read(self, size: int) -> bytes:
        assert self._process.stdout is not None  # noqa: S101  it was asked for
        return _exactly(self._process.stdout, size)


def _exactly(pipe: IO[bytes], size: int) -> bytes:
    data = pipe.read(size)
    if len(data) != size:
        raise EOFError
    return data


def _feed_from(answer: dict[str, Any], url: str) -> ParsedFeed:
    """What `_answer` wrote down, as the value or error that it was."""
    if kind := answer.get("error"):
        error = _ERRORS.get(kind, ParseError)
        if error is NotAFeed:
            raise NotAFeed(answer["sentence"], url=url, announced=tuple(answer["announced"]))
        raise error(answer["sentence"], url=url)
    entries = []
    same = answer["analysis"] == ANALYSIS  # a process started after an update of Broadsheet may have another
    for key, link, title, text, author, published, categories, picture, enclosures, found in answer["entries"]:
        entries.append(
            ParsedEntry(
                key=key,
                url=link,
                title=title,
                text=text,
                author=author,
                published_at=datetime.fromisoformat(published) if published else None,
                categories=tuple(categories),
                picture=picture,
                enclosures=tuple((where, kind) for where, kind in enclosures),
                terms=tuple(found) if same else None,
            )
        )
    return ParsedFeed(
        title=answer["title"],
        site_url=answer["site_url"],
        language=answer["language"],
        kind=answer["kind"],
        entries=tuple(entries),
        dropped=answer["dropped"],
    )


def _answer(question: dict[str, Any], body: bytes) -> dict[str, Any]:
    url = question["url"]
    try:
        feed = parse(body, url, {"content-type": question["content_type"]}, now=datetime.fromisoformat(question["now"]))
    except NotAFeed as error:
        return {"error": "NotAFeed", "sentence": str(error), "announced": error.announced}
    except ParseError as error:
        return {"error": type(error).__name__, "sentence": str(error)}
    except (MemoryError, RecursionError):
        return {"error": "ParseTimedOut", "sentence": "too much memory"}
    return {
        "title": feed.title,
        "site_url": feed.site_url,
        "language": feed.language,
        "kind": feed.kind,
        "dropped": feed.dropped,
        "analysis": ANALYSIS,
        "entries": [
            (
                entry.key,
                entry.url,
                entry.title,
                entry.text,
                entry.author,
                entry.published_at and entry.published_at.isoformat(),
                entry.categories,
                entry.picture,
                entry.enclosures,
                # The index wants them later; here they are made on another core than the one that writes.
                indexed(entry.title, entry.text),
            )
            for entry in feed.entries
        ],
    }


def _limit(name: str, value: int) -> None:
    """Bounds this process, as far as the system does that."""
    if resource is not None:
        with contextlib.suppress(ValueError, OSError):  # macOS knows some limits by name only
            which = getattr(resource, name)
            resource.setrlimit(which, (value, resource.getrlimit(which)[1]))


def serve(memory_mb: int, answer_to: Callable[[dict[str, Any], bytes], dict[str, Any]] = _answer) -> None:
    """The worker: questions with a body in on stdin, answers out on stdout, until stdin ends."""
    _limit("RLIMIT_AS", memory_mb * 2**20)
    _limit("RLIMIT_CORE", 0)
    stdin, stdout = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # a stray print must not become part of an answer
    # A feed is many small objects that live as long as each other: swept up between two feeds, not while one is read.
    gc.freeze()
    gc.disable()
    stdout.write(_READY)
    stdout.flush()
    while header := stdin.read(_HEADER.size):
        question_size, body_size = _HEADER.unpack(header)
        question = json.loads(stdin.read(question_size))
        body = stdin.read(body_size)
        # The parent's clock kills a worker that hangs; this ends one whose parent is gone.
        _limit("RLIMIT_CPU", math.ceil(time.process_time()) + question["seconds"] + 2)
        answer = json.dumps(answer_to(question, body)).encode()
        stdout.write(struct.pack("!I", len(answer)) + answer)
        stdout.flush()
        gc.collect()


if __name__ == "__main__":
    serve(int(sys.argv[1]) if len(sys.argv) > 1 else 512)
