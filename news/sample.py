"""The sample edition: invented news that shows what Broadsheet does when there is no network. Pure but for one file.

`sample.json` holds the articles, their times as hours before now. Here they become what their outlets would serve: real
RSS 2.0, Atom and RSS 1.0, which are read by the same parser as everybody else's feeds.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cache
from pathlib import Path
from typing import NotRequired, TypedDict
from xml.sax.saxutils import escape, quoteattr

SAMPLE = Path(__file__).with_name("sample.json")

NOTE = "Sample edition: the outlet, the places and the people are invented."


class _Outlet(TypedDict):
    id: str
    title: str
    site: str
    feed: str
    format: str
    language: str
    topic: str
    about: str


class _Wording(TypedDict):
    hours_ago: float
    headline: str
    text: list[str]


class _Article(_Wording):
    outlet: str
    category: str
    slug: str
    story: NotRequired[str]
    author: NotRequired[str]
    later: NotRequired[list[_Wording]]


class _Sample(TypedDict):
    questions: list[str]
    outlets: list[_Outlet]
    articles: list[_Article]


@dataclass(frozen=True, slots=True)
class SampleFeed:
    """An invented outlet's feed. `bodies` are what it served at some moments, oldest first: (collected at, bytes).

    The last one was collected now. An article that was edited has its first wording in an earlier body than its next.
    """

    url: str
    title: str
    topic: str
    language: str
    bodies: tuple[tuple[datetime, bytes], ...]


@dataclass(frozen=True, slots=True)
class _Item:
    """An article as its feed shows it at one moment. `html` is the text as paragraphs; times are UTC."""

    url: str
    title: str
    html: str
    author: str
    category: str
    published: datetime
    updated: datetime


def edition(now: datetime) -> tuple[SampleFeed, ...]:
    """The feeds of the sample as of `now` (aware), the same bytes for the same minute."""
    now = now.astimezone(UTC).replace(second=0, microsecond=0)
    return tuple(
        SampleFeed(
            outlet["feed"],
            outlet["title"],
            outlet["topic"],
            outlet["language"],
            tuple((moment, _body(outlet, moment, now)) for moment in _moments(outlet, now)),
        )
        for outlet in _sample()["outlets"]
    )


@cache
def _sample() -> _Sample:
    sample: _Sample = json.loads(SAMPLE.read_text(encoding="utf-8"))
    return sample


QUESTIONS: tuple[str, ...] = tuple(_sample()["questions"])
"""Good questions to ask of the sample."""


def _articles(outlet: _Outlet) -> list[_Article]:
    return [article for article in _sample()["articles"] if article["outlet"] == outlet["id"]]


def _wordings(article: _Article) -> list[_Wording]:
    return [article, *article.get("later", [])]


def _time(now: datetime, wording: _Wording) -> datetime:
    return now - timedelta(minutes=round(wording["hours_ago"] * 60))


def _moments(outlet: _Outlet, now: datetime) -> list[datetime]:
    """When somebody must have collected the feed to have seen every wording: at each one's time, and now."""
    edited = [article for article in _articles(outlet) if "later" in article]
    return sorted({now} | {_time(now, wording) for article in edited for wording in _wordings(article)})


def _body(outlet: _Outlet, moment: datetime, now: datetime) -> bytes:
    """What the outlet's feed was at `moment`, newest article first."""
    items = []
    for article in _articles(outlet):
        shown = [wording for wording in _wordings(article) if _time(now, wording) <= moment]
        if shown:
            published = _time(now, article)
            items.append(
                _Item(
                    # The day is in the address, so that tomorrow's edition is news and not an edit of today's.
                    url=f"{outlet['site']}{published:%Y/%m/%d}/{article['slug']}",
                    title=shown[-1]["headline"],
                    html="".join(f"<p>{escape(paragraph)}</p>" for paragraph in shown[-1]["text"]),
                    author=article.get("author", ""),
                    category=article["category"],
                    published=published,
                    updated=_time(now, shown[-1]),
                )
            )
    items.sort(key=lambda item: item.published, reverse=True)
    return _FORMATS[outlet["format"]](outlet, moment, items).encode()


def _tag(name: str, text: str) -> str:
    return f"<{name}>{escape(text)}</{name}>\n" if text else ""


def _rss(outlet: _Outlet, moment: datetime, items: list[_Item]) -> str:
    entries = "".join(
        "<item>\n"
        + _tag("title", item.title)
        + _tag("link", item.url)
        + f'<guid isPermaLink="true">{escape(item.url)}</guid>\n'
        + _tag("pubDate", format_datetime(item.published, usegmt=True))
        + _tag("dc:creator", item.author)
        + _tag("category", item.category)
        + _tag("description", item.html)
        + "</item>\n"
        for item in items
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/">\n<channel>\n'
        + _tag("title", outlet["title"])
        + _tag("link", outlet["site"])
        + _tag("description", f"{outlet['about']} {NOTE}")
        + _tag("language", outlet["language"])
        + _tag("lastBuildDate", format_datetime(moment, usegmt=True))
        + entries
        + "</channel>\n</rss>\n"
    )


def _atom(outlet: _Outlet, moment: datetime, items: list[_Item]) -> str:
    entries = "".join(
        "<entry>\n"
        + _tag("title", item.title)
        + f"<link href={quoteattr(item.url)}/>\n"
        + _tag("id", item.url)
        + _tag("published", item.published.isoformat())
        + _tag("updated", item.updated.isoformat())
        + (f"<author><name>{escape(item.author)}</name></author>\n" if item.author else "")
        + f"<category term={quoteattr(item.category)}/>\n"
        + f'<content type="html">{escape(item.html)}</content>\n'
        + "</entry>\n"
        for item in items
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<feed xmlns="http://www.w3.org/2005/Atom" xml:lang={quoteattr(outlet["language"])}>\n'
        + _tag("title", outlet["title"])
        + _tag("subtitle", f"{outlet['about']} {NOTE}")
        + f'<link rel="self" href={quoteattr(outlet["feed"])}/>\n<link href={quoteattr(outlet["site"])}/>\n'
        + _tag("id", outlet["feed"])
        + _tag("updated", moment.isoformat())
        + f"<author><name>{escape(outlet['title'])}</name></author>\n"
        + entries
        + "</feed>\n"
    )


def _rdf(outlet: _Outlet, moment: datetime, items: list[_Item]) -> str:
    entries = "".join(
        f"<item rdf:about={quoteattr(item.url)}>\n"
        + _tag("title", item.title)
        + _tag("link", item.url)
        + _tag("dc:date", item.published.isoformat())
        + _tag("dc:creator", item.author)
        + _tag("dc:subject", item.category)
        + f"<content:encoded><![CDATA[{item.html}]]></content:encoded>\n</item>\n"
        for item in items
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<rdf:RDF xmlns="http://purl.org/rss/1.0/" xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"\n'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:content="http://purl.org/rss/1.0/modules/content/">\n'
        f"<channel rdf:about={quoteattr(outlet['feed'])}>\n"
        + _tag("title", outlet["title"])
        + _tag("link", outlet["site"])
        + _tag("description", f"{outlet['about']} {NOTE}")
        + _tag("dc:language", outlet["language"])
        + _tag("dc:date", moment.isoformat())
        + "<items><rdf:Seq>"
        + "".join(f"<rdf:li rdf:resource={quoteattr(item.url)}/>" for item in items)
        + "</rdf:Seq></items>\n</channel>\n"
        + entries
        + "</rdf:RDF>\n"
    )


# "]]>" cannot end the CDATA early: the paragraphs inside are escaped already, and ">" with them.
_FORMATS: dict[str, Callable[[_Outlet, datetime, list[_Item]], str]] = {"rss": _rss, "atom": _atom, "rdf": _rdf}
