"""Damaged feeds without end: `python -m tests.fuzz_parse [--seconds 600] [--seed N] [--keep FOLDER]`.

Each input is one of our own feeds, mutated one to eight times: bytes flipped, parts left out, doubled or taken from
another feed, tokens of markup repeated, entities and attributes stuffed in, other encodings. Of every answer the same
is asked: only errors of the ParseError family, the same answer twice, nothing in the text that a reader cannot see,
keys of their own, addresses that are http(s) ones, and an end in bounded time.
"""

from __future__ import annotations

import argparse
import faulthandler
import hashlib
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from news.errors import ParseError
from news.parse import parse
from news.text import visible
from news.types import ParsedFeed
from tests import feeds

NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)
URL = "https://outlet.example/feed.xml"
LONGEST = 200_000  # bytes of an input
TOO_SLOW_S = 5.0  # of processor time: for two hundred kilobytes that is ages
_TYPES = ("", "application/rss+xml", "text/xml; charset=iso-8859-1", "application/atom+xml; charset=utf-8", "text/html")

# ---------------------------------------------------------------- where it begins


def corpus() -> tuple[bytes, ...]:
    """Our own feeds: every format, and in them whatever a feed may hold."""
    rich = [
        feeds.entry(
            "Rain &amp; <b>wind</b> in <i>Malmö</i>",
            link="https://outlet.example/rain?utm_source=rss&a=1",
            guid="tag:outlet.example,2026:1",
            summary='<p>It <b>rains</b>.</p><img src="/p.jpg" width="1"><script>alert(1)</script><!-- x --><br/>Much.',
            content="<div><p>One &nbsp; two</p><ul><li>three</li></ul>&lt;p&gt;four&lt;/p&gt;</div>",
            date=NOW - timedelta(hours=2),
            author="Ada Byron (ada@outlet.example)",
            categories=("News", "Weather & sea"),
            enclosures=(("https://outlet.example/a.mp3", "audio/mpeg"), ("/b.jpg", "image/jpeg")),
        ),
        feeds.entry(
            "東京の天気", link="/tenki", guid="2", summary="雨が降る。", date="Wed, 10 Jun 2026 08:00:00 +0900"
        ),
        feeds.entry("مرحبا \u202eevil", link="https://outlet.example/3", summary="x \u200b y", date="2026-06-10"),
        feeds.entry("", link="https://outlet.example/4", summary="No title", date="1781000000"),
        feeds.entry("No link", guid="no-link", summary="AT&T < x > y", date="10 juin 2026 10:00"),
    ]
    media = (
        '<media:group><media:content url="https://outlet.example/m.jpg" medium="image"/>'
        '<media:thumbnail url="https://outlet.example/t.jpg"/></media:group><itunes:image href="/i.jpg"/>'
    )
    xhtml = (
        '<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>A <svg><path/></svg> b</p></div></content>'
    )
    entities = '<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>'
    plain = feeds.rss(*rich)
    return (
        plain,
        feeds.rss(*rich, raw='<image><url>/logo.png</url><title>T</title><link>/</link></image><ttl>5</ttl>'),
        feeds.rss(feeds.entry("Media", guid="m", raw=media), *rich[:2], before="Warning: mysql in <b>x.php</b>\n"),
        feeds.rss(*rich, version="0.91", encoding="utf-16"),
        feeds.rss(rich[0], encoding="iso-8859-1"),
        feeds.rss(rich[0], encoding="cp1252", declare="utf-8"),
        feeds.atom(*rich, base="https://outlet.example/base/"),
        feeds.atom(feeds.entry("X", guid="x", raw=xhtml), rich[0], raw="<source><title>S</title></source>"),
        feeds.rdf(*rich),
        feeds.json(*rich),
        feeds.page(announces=["/feed", "https://outlet.example/atom.xml"]),
        entities.encode() + plain[plain.index(b"<rss") :].replace(b"It ", b"It &b; ", 1),
        b'<feed version="0.3" xmlns="http://purl.org/atom/ns#"><entry><title mode="base64">UmFpbg==</title>'
        b"<issued>2026-06-10T08:00:00Z</issued><content mode='escaped' type='text/html'>&lt;b&gt;x</content></entry>"
        b"</feed>",
    )  # fmt: skip


# ---------------------------------------------------------------- mutations

_TOKENS = (
    b"<item>", b"</item>", b"<entry>", b"</entry>", b"<title>", b"</title>", b"<![CDATA[", b"]]>", b"<!--", b"-->",
    b"<", b">", b"&", b"&amp;", b"&lt;", b"&#0;", b"&#xD800;", b"&#x110000;", b"&#99999999999;", b"&nbsp;", b"&what;",
    b"\x00", b"\x0b", b"\xff", b"\xed\xa0\x80", b"\xef\xbf\xbe", b"\xe2\x80\xae", b"\xf3\xa0\x81\x81", b"\xcc\x81",
    b'"', b"'", b"=", b"<?xml version='1.0' encoding='utf-7'?>", b"<!DOCTYPE x [", b"<!ENTITY a 'b'>", b"xmlns:a='b'",
    b" a='1'", b"<a:b>", b"<description>", b"<link>", b"<guid isPermaLink='true'>", b"<pubDate>", b"<div>", b"<script>",
    b"<svg>", b"<math>", b"<content type='xhtml'>", b"<content type='application/octet-stream'>", b"<source>",
    b"<image>", b"<textinput>", b"<enclosure url='http://[::1'/>", b"http://[", b"https://x:y/", b"-0001-00-00",
    b"9999-12-31T23:59:59Z", b"a@b.c", b"{", b"}", b"[", b"]", b"\\ud800", b"1e999", b"null", b"\r", b"\n", b" ",
    b"https://jsonfeed.org/version/1",
)  # fmt: skip
_CODECS = ("utf-8", "utf-16", "utf-16-be", "utf-32", "iso-8859-1", "cp1252", "gb18030", "shift_jis", "koi8-r", "utf-7")


def _flip(data: bytearray, chance: random.Random) -> bytearray:
    for _ in range(chance.randint(1, 1 + len(data) // 200)):
        data[chance.randrange(len(data))] = chance.randrange(256)
    return data


def _cut(data: bytearray, chance: random.Random) -> bytearray:
    start, end = _span(data, chance)
    return data[:start] + data[end:]


def _break_off(data: bytearray, chance: random.Random) -> bytearray:
    return data[: chance.randrange(len(data)) + 1]


def _double(data: bytearray, chance: random.Random) -> bytearray:
    start, end = _span(data, chance)
    return data[:start] + data[start:end] * chance.choice((2, 3, 10, 100)) + data[end:]


def _splice(data: bytearray, chance: random.Random) -> bytearray:
    other = chance.choice(_SEEDS)
    start, end = _span(bytearray(other), chance)
    at = chance.randrange(len(data) + 1)
    return data[:at] + other[start:end] + data[at:]


def _stuff(data: bytearray, chance: random.Random) -> bytearray:
    at = chance.randrange(len(data) + 1)
    return data[:at] + chance.choice(_TOKENS) * chance.choice((1, 1, 1, 2, 5, 50, 1000)) + data[at:]


def _swap_token(data: bytearray, chance: random.Random) -> bytearray:
    return data.replace(chance.choice(_TOKENS), chance.choice(_TOKENS), chance.choice((1, 3, -1)))


def _entities(data: bytearray, chance: random.Random) -> bytearray:
    kinds = (b"&#%d;" % chance.randrange(2**21), b"&amp;", b"&eacute;", b"&x;", b"&amp;amp;lt;")
    some = b"".join(chance.choices(kinds, k=chance.choice((1, 10, 2000))))
    at = data.find(b">", chance.randrange(len(data))) + 1
    return data[:at] + some + data[at:]


def _attributes(data: bytearray, chance: random.Random) -> bytearray:
    name = chance.choice((b"a", b"href", b"xml:base", b"xml:lang", b"xmlns", b"xmlns:a", b"type", b"rel", b"url"))
    number = chance.choice((1, 1, 3, 200, 5000))
    some = b"".join(b" %b%b='%d'" % (name, b"%d" % n if n else b"", n) for n in range(number))
    at = data.find(b">", chance.randrange(len(data)))
    return data[:at] + some + data[at:] if at > 0 else data


def _deepen(data: bytearray, chance: random.Random) -> bytearray:
    name = chance.choice((b"item", b"div", b"title", b"media:group", b"entry", b"x", b"content", b"source"))
    number = chance.choice((2, 20, 300, 5000))
    at = data.find(b">", chance.randrange(len(data))) + 1
    return data[:at] + b"<%b>" % name * number + chance.choice((b"", b"</%b>" % name * number)) + data[at:]


def _recode(data: bytearray, chance: random.Random) -> bytearray:
    text = bytes(data).decode(chance.choice(_CODECS), "replace")
    return bytearray(text.encode(chance.choice(_CODECS), "replace"))


def _span(data: bytearray, chance: random.Random) -> tuple[int, int]:
    start = chance.randrange(len(data) + 1)
    return start, min(len(data), start + chance.choice((1, 4, 30, 300, 3000)))


_MUTATIONS: tuple[Callable[[bytearray, random.Random], bytearray], ...] = (
    _flip, _cut, _break_off, _double, _splice, _stuff, _stuff, _swap_token, _entities, _attributes, _deepen, _recode,
)  # fmt: skip
_SEEDS = corpus()


def inputs(seed: int) -> Iterator[tuple[bytes, str]]:
    """(body, content type) without end, the same for a seed."""
    chance = random.Random(seed)
    while True:
        data = bytearray(chance.choice(_SEEDS))
        for _ in range(chance.choice((1, 1, 2, 3, 5, 8))):
            data = chance.choice(_MUTATIONS)(data or bytearray(b"<"), chance)[:LONGEST]
        yield bytes(data), chance.choice(_TYPES)


# ---------------------------------------------------------------- what is asked of every answer


def answer(body: bytes, content_type: str) -> ParsedFeed | str:
    """The feed, or its error as text; anything but a ParseError goes through."""
    try:
        return parse(body, URL, {"content-type": content_type}, now=NOW)
    except ParseError as error:
        return f"{type(error).__name__}: {error}"


def faults(read: ParsedFeed | str) -> list[str]:
    """What is wrong with an answer, in words."""
    if isinstance(read, str):
        return [] if visible(read) == read else ["an error that cannot be shown"]
    found = []
    if not 0 < len(read.entries) <= 1000:
        found.append(f"{len(read.entries)} entries")
    if len({entry.key for entry in read.entries}) != len(read.entries):
        found.append("a key twice")
    if not _shown(read.title):
        found.append(f"the feed's title: {read.title!r}")
    for entry in read.entries:
        for name, value in (
            ("title", entry.title),
            ("author", entry.author),
            *(("category", c) for c in entry.categories),
        ):
            if not _shown(value):
                found.append(f"{name}: {value!r}")
        if not entry.title or not entry.key or visible(entry.text) != entry.text:
            found.append(f"an entry: {entry!r}")
        for url in (entry.url, entry.picture, *(url for url, _ in entry.enclosures)):
            if url and not (url.startswith(("http://", "https://")) and _shown(url) and " " not in url):
                found.append(f"an address: {url!r}")
        if entry.published_at and not datetime(1990, 1, 1, tzinfo=UTC) <= entry.published_at <= NOW + timedelta(days=1):
            found.append(f"a date: {entry.published_at}")
    return found


def _shown(text: str) -> bool:
    return visible(text) == text and not any(sign in text for sign in "\n\t\r")


@dataclass
class Report:
    """What a run came to. `findings` are (words, body) pairs; times are seconds of processor time."""

    inputs: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    slowest_s: float = 0.0
    slowest: bytes = b""
    findings: list[tuple[str, bytes]] = field(default_factory=list)


def run(seed: int, *, until: Callable[[Report], bool], too_slow_s: float = TOO_SLOW_S) -> Report:
    """Tries inputs until `until` says that it is enough."""
    report = Report()
    for body, content_type in inputs(seed):
        if until(report):
            break
        report.inputs += 1
        started = time.process_time()
        try:
            read = answer(body, content_type)
            took = time.process_time() - started
            found = faults(read)
            if answer(body, content_type) != read:
                found.append("another answer the second time")
        except Exception as error:  # whatever it is, it is the finding
            report.findings.append((f"{type(error).__name__}: {error}"[:500], body))
            continue
        report.kinds[read.partition(":")[0] if isinstance(read, str) else read.kind] += 1
        if took > report.slowest_s:
            report.slowest_s, report.slowest = took, body
        if took > too_slow_s:
            found.append(f"took {took:.1f} s")
        report.findings += [(words[:500], body) for words in found]
    return report


def main() -> int:
    """Fuzz for a while and say what was found; 1 if anything was."""
    options = argparse.ArgumentParser(prog="python -m tests.fuzz_parse", description=__doc__)
    options.add_argument("--seconds", type=float, default=600)
    options.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    options.add_argument("--keep", type=Path, help="a folder for the inputs that were found, and the slowest one")
    given = options.parse_args()
    faulthandler.dump_traceback_later(given.seconds + 120, exit=True)  # an input that hangs says where
    end = time.monotonic() + given.seconds
    report = run(given.seed, until=lambda _: time.monotonic() > end)
    faulthandler.cancel_dump_traceback_later()
    print(f"seed {given.seed}: {report.inputs} inputs, {dict(report.kinds.most_common())}")
    print(f"slowest: {report.slowest_s:.3f} s for {len(report.slowest)} bytes; findings: {len(report.findings)}")
    kept = [("slowest", report.slowest), *report.findings] if given.keep else []
    for words, body in kept:
        given.keep.mkdir(parents=True, exist_ok=True)
        (given.keep / f"{words[:12].strip().replace('/', '_')}-{hashlib.sha256(body).hexdigest()[:12]}").write_bytes(
            body
        )
    for words, body in report.findings[:20]:
        print(f"- {words} (input of {len(body)} bytes, sha256 {hashlib.sha256(body).hexdigest()[:12]})")
    return 1 if report.findings else 0


if __name__ == "__main__":
    sys.exit(main())
