"""A small language for the bytes of feeds.

    feeds.rss(feeds.entry("Rain in Oslo", link="https://outlet.example/rain", summary="<p>It rains.</p>"), title="Us")
    feeds.atom(...)   feeds.rdf(...)   feeds.json(...)   feeds.page(announces=["/feed"])

Text is escaped as a well-behaved outlet would; `raw` is XML put into an item, or into the head of the feed, as it is.
"""

from __future__ import annotations

import json as _json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from xml.sax.saxutils import escape, quoteattr

NAMESPACES = (
    'xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/" '
    'xmlns:media="http://search.yahoo.com/mrss/"'
)


@dataclass(frozen=True)
class Item:
    title: str
    link: str
    guid: str
    summary: str
    content: str
    date: str
    author: str
    categories: tuple[str, ...]
    enclosures: tuple[tuple[str, str], ...]
    raw: str


def entry(
    title: str = "",
    *,
    link: str = "",
    guid: str = "",
    summary: str = "",
    content: str = "",
    date: datetime | str = "",
    author: str = "",
    categories: Iterable[str] = (),
    enclosures: Iterable[tuple[str, str]] = (),
    raw: str = "",
) -> Item:
    """An item. `summary` and `content` are HTML; `date` is written as it is, a datetime as the format wants it."""
    when = date if isinstance(date, str) else date.isoformat()
    return Item(title, link, guid, summary, content, when, author, tuple(categories), tuple(enclosures), raw)


def _tag(name: str, text: str, attributes: str = "") -> str:
    return f"<{name}{attributes}>{escape(text)}</{name}>" if text else ""


def _mail_date(text: str) -> str:
    try:
        return format_datetime(datetime.fromisoformat(text))
    except ValueError:
        return text


def _rss_item(item: Item) -> str:
    return "".join(
        (
            "<item>",
            _tag("title", item.title),
            _tag("link", item.link),
            _tag("guid", item.guid, ' isPermaLink="false"'),
            _tag("description", item.summary),
            _tag("content:encoded", item.content),
            _tag("pubDate", _mail_date(item.date)),
            _tag("dc:creator", item.author),
            *(_tag("category", name) for name in item.categories),
            *(f"<enclosure url={quoteattr(url)} type={quoteattr(kind)} length='1'/>" for url, kind in item.enclosures),
            item.raw,
            "</item>",
        )
    )


def rss(
    *items: Item,
    title: str = "The Outlet",
    link: str = "https://outlet.example/",
    language: str = "en",
    version: str = "2.0",
    encoding: str = "utf-8",
    declare: str = "",
    raw: str = "",
    before: str = "",
    after: str = "",
) -> bytes:
    """An RSS 0.9x or 2.0 feed in `encoding`, which its declaration calls `declare` if that is given."""
    text = (
        f'{before}<?xml version="1.0" encoding="{declare or encoding}"?>\n'
        f'<rss version="{version}" {NAMESPACES}><channel>'
        f"{_tag('title', title)}{_tag('link', link)}{_tag('language', language)}{raw}"
        f"{''.join(map(_rss_item, items))}</channel></rss>{after}"
    )
    return text.encode(encoding)


def atom(
    *items: Item,
    title: str = "The Outlet",
    link: str = "https://outlet.example/",
    language: str = "en",
    encoding: str = "utf-8",
    raw: str = "",
    base: str = "",
) -> bytes:
    """An Atom 1.0 feed."""
    entries = []
    for item in items:
        entries.append(
            "".join(
                (
                    "<entry>",
                    _tag("title", item.title, ' type="html"'),
                    f"<link rel='alternate' type='text/html' href={quoteattr(item.link)}/>" if item.link else "",
                    _tag("id", item.guid),
                    _tag("summary", item.summary, ' type="html"'),
                    _tag("content", item.content, ' type="html"'),
                    _tag("published", item.date),
                    f"<author>{_tag('name', item.author)}</author>" if item.author else "",
                    *(f"<category term={quoteattr(name)}/>" for name in item.categories),
                    *(
                        f"<link rel='enclosure' href={quoteattr(url)} type={quoteattr(kind)}/>"
                        for url, kind in item.enclosures
                    ),
                    item.raw,
                    "</entry>",
                )
            )
        )
    text = (
        f'<?xml version="1.0" encoding="{encoding}"?>\n<feed xmlns="http://www.w3.org/2005/Atom" '
        f'xmlns:media="http://search.yahoo.com/mrss/" xml:lang="{language}"'
        f"{f' xml:base={quoteattr(base)}' if base else ''}>"
        f"{_tag('title', title)}<link href={quoteattr(link)}/>{raw}{''.join(entries)}</feed>"
    )
    return text.encode(encoding)


def rdf(*items: Item, title: str = "The Outlet", link: str = "https://outlet.example/", raw: str = "") -> bytes:
    """An RSS 1.0 feed: items stand beside the channel and are named by `rdf:about`."""
    text = (
        f'<?xml version="1.0" encoding="utf-8"?>\n<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
        f'xmlns="http://purl.org/rss/1.0/" {NAMESPACES}><channel rdf:about="{link}">{_tag("title", title)}'
        f"{_tag('link', link)}{raw}</channel>"
    )
    for item in items:
        text += (
            f"<item rdf:about={quoteattr(item.guid or item.link)}>{_tag('title', item.title)}{_tag('link', item.link)}"
            f"{_tag('description', item.summary)}{_tag('dc:date', item.date)}{_tag('dc:creator', item.author)}"
            f"{item.raw}</item>"
        )
    return (text + "</rdf:RDF>").encode()


def json(
    *items: Item,
    title: str = "The Outlet",
    link: str = "https://outlet.example/",
    language: str = "en",
    version: str = "1.1",
) -> bytes:
    """A JSON Feed."""
    return _json.dumps(
        {
            "version": f"https://jsonfeed.org/version/{version}",
            "title": title,
            "home_page_url": link,
            "language": language,
            "items": [
                {
                    "id": item.guid or item.link,
                    "url": item.link,
                    "title": item.title,
                    "summary": item.summary,
                    "content_html": item.content,
                    "date_published": item.date,
                    "authors": [{"name": item.author}] if item.author else [],
                    "tags": list(item.categories),
                    "attachments": [{"url": url, "mime_type": kind} for url, kind in item.enclosures],
                }
                for item in items
            ],
        },
        ensure_ascii=False,
    ).encode()


def page(title: str = "A site", *, announces: Iterable[str] = (), body: str = "<p>Hello.</p>") -> bytes:
    """A web page that announces feeds."""
    links = "".join(f'<link rel="alternate" type="application/rss+xml" href={quoteattr(url)}>' for url in announces)
    return (
        f"<!DOCTYPE html>\n<html><head><title>{escape(title)}</title>{links}</head><body>{body}</body></html>".encode()
    )
