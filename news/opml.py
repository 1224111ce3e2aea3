"""OPML, the list of feeds that readers exchange: in, however it was written, and out.

Files in the wild are seldom well-formed XML: raw `&`, wrong encodings, stray end tags, attributes in any case. So this
is no XML parser but one linear pass over the `<outline>` tags, which is all there is in OPML. Nothing is ever expanded:
a document type and its entities are stepped over. The library listparser was tried first: a stray `</outline>`
makes it fail, `&copy=1` in an address becomes `©=1`, and it needs quadratic time for deep or repeated outlines.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from itertools import groupby

from news.errors import BadOPML, BadURL
from news.fetch import check_url
from news.text import visible
from news.types import Feed

MAX_BYTES = 5 * 2**20
MAX_OUTLINES = 100_000
MAX_LEVELS = 4  # deeper folders count as their fourth level: a topic is a folder's name, not a path through a maze
MAX_LABEL = 200  # characters of a title or a folder's name


@dataclass(frozen=True, slots=True)
class Outline:
    """A feed of a list. `topic` is its folder, nested ones joined: "World / Europe"; "" for none. `title` may be ""."""

    url: str
    title: str
    topic: str


@dataclass(frozen=True, slots=True)
class OPML:
    """A list as read, in its order, each address once. `skipped` has a sentence for each outline that was no use.

    `merged` counts outlines whose address had been there before.
    """

    feeds: tuple[Outline, ...]
    skipped: tuple[str, ...] = ()
    merged: int = 0


def read(data: bytes) -> OPML:
    """The feeds of an OPML file of at most 5 MB and 100,000 outlines, in time linear in its size. Raises BadOPML."""
    if len(data) > MAX_BYTES:
        raise BadOPML(f"The list is larger than {MAX_BYTES // 2**20} MB. Split it into several files.")
    text = _decode(data)
    if not _OPML.search(text) or _PAGE.match(text):
        raise BadOPML(_what_it_is(data, text))
    feeds: dict[str, Outline] = {}
    skipped: list[str] = []
    merged = 0
    for outline, reason in _feeds(text):
        if reason:
            skipped.append(f"{outline.title or outline.url or 'An outline'}: {reason}")
            continue
        known = feeds.get(outline.url)
        merged += known is not None
        feeds[outline.url] = Outline(
            outline.url,
            (known and known.title) or outline.title,
            (known and known.topic) or outline.topic,
        )
    return OPML(tuple(feeds.values()), tuple(skipped), merged)


def write(feeds: Iterable[Feed], *, now: datetime) -> bytes:
    """An OPML 2.0 file with a folder a topic, ordered by name. Feeds of the sample edition exist nowhere: left out."""
    rows = sorted(
        (_label(feed.topic), _label(feed.title), feed.url, feed.site_url, feed.language)
        for feed in feeds
        if not feed.sample
    )
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<opml version="2.0">',
        "<head>",
        "<title>Feeds of Broadsheet</title>",
        f"<dateCreated>{format_datetime(now.astimezone(UTC), usegmt=True)}</dateCreated>",
        "</head>",
        "<body>",
    ]
    for topic, members in groupby(rows, key=lambda row: row[0]):
        outlines = [
            # An outline must have a text: a feed without a title carries its address there, and `read` knows.
            _tag(type="rss", text=title or url, title=title, xmlUrl=url, htmlUrl=site_url, language=language) + "/>"
            for _, title, url, site_url, language in members
        ]
        lines += [_tag(text=topic, title=topic) + ">", *outlines, "</outline>"] if topic else outlines
    return "\n".join([*lines, "</body>", "</opml>", ""]).encode()


def _tag(**attributes: str) -> str:
    pairs = (f' {name}="{html.escape(_plain(value))}"' for name, value in attributes.items() if value)
    return "<outline" + "".join(pairs)


def _plain(text: str) -> str:
    """`text` as one line of characters that XML allows."""
    return " ".join(re.sub("[\ufffe\uffff]", "", visible(text)).split())


def _label(text: str) -> str:
    return _plain(text[: 4 * MAX_LABEL])[:MAX_LABEL].rstrip()


_OPML = re.compile(r"<(opml|outline)[\s/>]", re.IGNORECASE)
_PAGE = re.compile(r"\s*<(!doctype\s+)?html\b", re.IGNORECASE)

# What stands in the text: things to step over, and the tags. Possessive repeats: nothing is tried twice.
_MARK = re.compile(r"<(?:(?P<over>!--|!\[CDATA\[|\?|!doctype\b)|(?P<end>/?)outline(?=[\s/>]))", re.IGNORECASE)
_OVER = {"!--": re.compile("-->"), "![cdata[": re.compile(r"\]\]>"), "?": re.compile(r"\?>")}
_DOCTYPE = re.compile(r"[^\[>]*+(?:>|\[[^\]]*+(?:\](?!\s*>)[^\]]*+)*+\]\s*>)")
# A value may hold "<" and ">" unescaped, but not another outline: then its closing quote is missing.
_ATTRIBUTE = re.compile(
    r"""[\s/"']*+([^\s=>"'/<]++)(?:\s*+=\s*+(?:"([^"<]*+(?:<(?!/?outline[\s/>])[^"<]*+)*+)"|"""
    r"""'([^'<]*+(?:<(?!/?outline[\s/>])[^'<]*+)*+)'|([^\s"'<>]++)))?""",
    re.IGNORECASE,
)
_TAG_END = re.compile(r"[^<>]*+>")
_REFERENCE = re.compile(r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,31});", re.IGNORECASE)
_WANTED = frozenset({"text", "title", "type", "xmlurl", "url", "htmlurl", "category"})


def _feeds(text: str) -> Iterator[tuple[Outline, str]]:
    """Every outline that names a feed or another list, with the reason why it cannot be used, "" if it can."""
    folders: list[tuple[str, ...]] = [()]
    for number, (attributes, closed) in enumerate(_tags(text)):
        if number >= 2 * MAX_OUTLINES:  # start and end tags
            raise BadOPML(f"The list holds more than {MAX_OUTLINES:,} outlines. Split it into several files.")
        if attributes is None:
            if len(folders) > 1:  # a stray end tag closes nothing
                folders.pop()
            continue
        outline, reason = _outline(attributes, folders[-1])
        if outline is None:  # a folder
            name = _label(attributes.get("text") or attributes.get("title") or "")
            inside = (*folders[-1], name) if name and len(folders[-1]) < MAX_LEVELS else folders[-1]
        else:
            inside = folders[-1]
            yield outline, reason
        if not closed:
            folders.append(inside)


def _outline(attributes: dict[str, str], folder: tuple[str, ...]) -> tuple[Outline | None, str]:
    """The feed of one outline tag, or None for a folder."""
    kind = attributes.get("type", "").strip().casefold()
    url = attributes.get("xmlurl") or (attributes.get("url", "") if kind in ("rss", "atom", "feed") else "")
    url = _plain(url.replace("&amp;", "&"))  # escaped twice by many a program, and never meant
    title = _label(attributes.get("text") or attributes.get("title") or "")
    topic = " / ".join(folder) or _category(attributes.get("category", ""))
    if kind in ("include", "link") and not attributes.get("xmlurl"):
        address = _plain(attributes.get("url", ""))
        return Outline(address, title, topic), "this is another list; import it by itself."
    if not url:
        if "xmlurl" in attributes or kind in ("rss", "atom", "feed"):
            return Outline("", title, topic), "it has no feed address."
        if attributes.get("htmlurl"):
            return Outline("", title, topic), "it names a page but no feed."
        return None, ""
    if title == url:
        title = ""
    try:
        # A private address is as good as any here: whether it may be reached is decided where it is fetched.
        return Outline(check_url(url, allow_private=True), title, topic), ""
    except BadURL as error:
        named = re.sub(r"//[^/?#]*@", "//", url)  # a password is not for a report
        return Outline(named[:MAX_LABEL], title, topic), str(error)


def _category(value: str) -> str:
    """The first of OPML 2.0's comma-separated categories, "/World/Europe", as a topic."""
    levels = (_label(level) for level in value[:1000].partition(",")[0].split("/"))
    return " / ".join([level for level in levels if level][:MAX_LEVELS])


def _tags(text: str) -> Iterator[tuple[dict[str, str] | None, bool]]:
    """The outline tags in order: attributes by lower-case name, and whether the tag closes itself. None: an end tag."""
    place = 0
    while mark := _MARK.search(text, place):
        place = mark.end()
        if over := mark["over"]:
            closing = _OVER.get(over.casefold())
            end = closing.search(text, place) if closing else _DOCTYPE.match(text, place)
            if end is None:  # it never ends, so neither does anything after it begin
                return
            place = end.end()
        elif mark["end"]:
            yield None, True
        else:
            attributes: dict[str, str] = {}
            while attribute := _ATTRIBUTE.match(text, place):
                place = attribute.end()
                name = attribute[1].casefold().rpartition(":")[2]
                if name in _WANTED:
                    value = next((value for value in attribute.groups()[1:] if value), "")
                    attributes.setdefault(name, _unescape(value).strip())
            end = _TAG_END.match(text, place)
            # A tag that was never closed is taken for what it mostly is: a feed alone, a folder of what follows.
            yield attributes, end[0][:-1].rstrip().endswith("/") if end else "xmlurl" in attributes


def _unescape(value: str) -> str:
    """Character references resolved if they end in ";". Raw ampersands stay: "?a=1&copy=2" is an address."""
    return _REFERENCE.sub(lambda match: html.unescape(match[0]), value)


def _decode(data: bytes) -> str:
    """The text, whatever the file says of itself: valid UTF-8 is UTF-8, and a wrong declaration is overruled."""
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(mark):
            return data.decode(encoding, "replace")
    if data.startswith((b"<\x00", b"\x00<")):
        return data.decode("utf-16-le" if data[1] == 0 else "utf-16-be", "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    declared = re.match(rb"""\s*<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)""", data[:200])
    # Only the families of character sets that lists are written in: some of Python's codecs are not for strangers.
    if declared and re.match(rb"(?i)iso-?8859|windows|cp\d|koi8|big5|gb|euc|shift|mac", declared[1]):
        try:
            return data.decode(declared[1].decode("ascii"))
        except (UnicodeDecodeError, LookupError):
            pass
    return data.decode("cp1252", "replace")


def _what_it_is(data: bytes, text: str) -> str:
    """A sentence for something that is no OPML."""
    start = text[:2000].strip()
    if not start:
        return "The file is empty."
    if data.startswith((b"PK\x03\x04", b"\x1f\x8b")):
        return "This is a compressed file. Unpack it first, then import the OPML file inside."
    if re.search(r"<(!doctype\s+html|html|body)\b", start, re.IGNORECASE):
        return "This is a web page, not an OPML file. Export the list of feeds from your reader and import that file."
    if re.search(r"<(rss|feed|rdf:rdf)\b", start, re.IGNORECASE):
        return "This is a feed, not a list of feeds. Add its address as a feed instead."
    if start[0] in "{[":
        return "This is JSON, not an OPML file. Export the list of feeds as OPML and import that file."
    return "This is not an OPML file: there is no outline in it."
