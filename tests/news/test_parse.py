"""Bytes to feeds: every format, every fault of outlets, and what hostile ones try."""

from __future__ import annotations

import ast
import gzip
import io
import time
import unicodedata
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import feedparser
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from news import parse as module
from news.dates import read_date
from news.errors import EmptyFeed, NotAFeed, ParseError
from news.parse import announced, parse
from news.text import visible
from news.types import ParsedEntry, ParsedFeed
from tests import feeds

NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)
URL = "https://outlet.example/feed.xml"


def read(body: bytes, url: str = URL, content_type: str = "") -> ParsedFeed:
    return parse(body, url, {"content-type": content_type} if content_type else {}, now=NOW)


def only(body: bytes, url: str = URL) -> ParsedEntry:
    feed = read(body, url)
    assert len(feed.entries) == 1
    return feed.entries[0]


def titles(body: bytes, content_type: str = "") -> list[str]:
    return [entry.title for entry in read(body, content_type=content_type).entries]


def item(raw: str) -> ParsedEntry:
    """The entry that one RSS item of this XML becomes."""
    return only(feeds.rss(feeds.entry(raw=raw)))


# ---------------------------------------------------------------- formats

RAIN = feeds.entry(
    "Rain in Oslo",
    link="https://outlet.example/rain",
    guid="tag:1",
    summary="<p>It rains.</p>",
    content="<p>It rains.</p><p>It will rain more.</p>",
    date=datetime(2026, 6, 10, 9, 30, tzinfo=UTC),
    author="Ada Reporter",
    categories=["Weather", "Norway"],
    enclosures=[("https://outlet.example/rain.mp3", "audio/mpeg")],
)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (feeds.rss(RAIN), "rss20"),
        (feeds.rss(RAIN, version="0.92"), "rss092"),
        (feeds.rss(RAIN, version="0.91"), "rss091u"),
        (feeds.atom(RAIN), "atom10"),
        (feeds.json(RAIN), "json11"),
        (feeds.json(RAIN, version="1"), "json1"),
    ],
    ids=["RSS 2.0", "RSS 0.92", "RSS 0.91", "Atom 1.0", "JSON Feed 1.1", "JSON Feed 1"],
)
def test_every_format_gives_the_same_entry(body: bytes, kind: str) -> None:
    feed = read(body)
    assert (feed.title, feed.site_url, feed.language, feed.kind, feed.dropped) == (
        "The Outlet", "https://outlet.example/", "en", kind, 0,
    )  # fmt: skip
    assert feed.entries == (
        ParsedEntry(
            key="tag:1",
            url="https://outlet.example/rain",
            title="Rain in Oslo",
            text="It rains.\n\nIt will rain more.",
            author="Ada Reporter",
            published_at=datetime(2026, 6, 10, 9, 30, tzinfo=UTC),
            categories=("Weather", "Norway"),
            enclosures=(("https://outlet.example/rain.mp3", "audio/mpeg"),),
        ),
    )


def test_rdf_is_read_with_its_dates_and_authors() -> None:
    feed = read(
        feeds.rdf(feeds.entry("Rain", link="https://outlet.example/1", date="2026-06-10T09:30:00Z", author="Ada"))
    )
    assert feed.kind == "rss10"
    assert feed.entries[0].key == "https://outlet.example/1"
    assert feed.entries[0].published_at == datetime(2026, 6, 10, 9, 30, tzinfo=UTC)
    assert feed.entries[0].author == "Ada"


def test_rdf_that_mentions_atom_is_still_rdf() -> None:
    body = feeds.rdf(feeds.entry("Rain")).replace(b"<rdf:RDF ", b'<rdf:RDF xmlns:a="http://www.w3.org/2005/Atom" ')
    assert read(body).kind == "rss10"


def test_atom_03_is_read() -> None:
    body = (
        b'<feed version="0.3" xmlns="http://purl.org/atom/ns#"><title>Old</title><entry><title>Rain</title>'
        b'<link rel="alternate" type="text/html" href="http://outlet.example/1"/><id>1</id>'
        b"<issued>2026-06-10T09:30:00Z</issued></entry></feed>"
    )
    feed = read(body)
    assert (feed.kind, feed.title, feed.entries[0].title) == ("atom03", "Old", "Rain")
    assert feed.entries[0].published_at == datetime(2026, 6, 10, 9, 30, tzinfo=UTC)


def test_atom_with_markup_instead_of_escaped_text_is_read() -> None:
    raw = (
        '<title type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml">Rain <b>now</b></div></title>'
        '<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>One &amp; two</p><p>Three</p></div>'
        "</content>"
    )
    entry = only(feeds.atom(feeds.entry(guid="1", raw=raw)))
    assert (entry.title, entry.text) == ("Rain now", "One & two\n\nThree")


def test_json_feed_in_the_wild_is_read() -> None:
    body = (
        b'\xef\xbb\xbf{"version": "https://jsonfeed.org/version/1", "items": [{"id": 7, "external_url": "/a", '
        b'"content_text": "1 < 2 & <b>", "author": {"name": "Ada"}, "image": "/i.png", "tags": ["x", 3]}, '
        b'{"title": null}, "no item", {"url": "javascript:alert(1)", "title": "Bad link", "date_published": 5}]}'
    )
    feed = read(body)
    assert feed.dropped == 2
    first, second = feed.entries
    assert (first.key, first.url, first.text, first.author) == ("7", "https://outlet.example/a", "1 < 2 & <b>", "Ada")
    assert (first.picture, first.categories) == ("https://outlet.example/i.png", ("x",))
    assert (second.title, second.url, second.published_at) == ("Bad link", "", None)


# ---------------------------------------------------------------- text of entries


def test_the_full_text_goes_before_the_summary_if_it_is_longer() -> None:
    assert only(feeds.rss(feeds.entry("T", summary="A long summary.", content="<b></b>"))).text == "A long summary."
    assert (
        only(feeds.rss(feeds.entry("T", summary="Short.", content="<p>The whole text.</p>"))).text == "The whole text."
    )
    scripts = "<script>" + "x" * 1000 + "</script>"
    assert only(feeds.rss(feeds.entry("T", summary="A real summary.", content=scripts))).text == "A real summary."


@pytest.mark.parametrize(
    ("xml", "title"),
    [
        ("<![CDATA[<script>alert(1)</script>Hi]]>", "Hi"),
        ("<![CDATA[Tom & Jerry <b>win</b>]]>", "Tom & Jerry win"),
        ("AT&amp;T", "AT&T"),
        ("AT&amp;amp;T", "AT&T"),
        ("Don&amp;#8217;t", "Don’t"),
        ("x &lt; y", "x < y"),
        ("\n  Two\n  lines\n", "Two lines"),
        ("&lt;b&gt;Bold&lt;/b&gt; title", "Bold title"),
        ("evil\u202egpj.exe pay\u200bpal", "evilgpj.exe paypal"),
        ("Nul &#0;here", "Nul here"),
        ("Lone &#xD800;surrogate", "Lone surrogate"),
    ],
)
def test_a_title_is_one_plain_line(xml: str, title: str) -> None:
    assert item(f"<title>{xml}</title><link>https://outlet.example/1</link>").title == title


def test_what_has_no_title_is_called_by_its_text_or_else_its_address() -> None:
    assert item("<description>First words. &lt;p&gt;More.&lt;/p&gt;</description>").title == "First words."
    assert item("<link>https://outlet.example/rain</link>").title == "outlet.example/rain"
    assert len(item(f"<description>{'word ' * 100}</description>").title) <= 120


def test_long_text_is_cut_at_a_word() -> None:
    entry = only(feeds.rss(feeds.entry("w " * 1000, summary="word " * 50_000)))
    assert len(entry.text) <= 20_000
    assert entry.text.endswith("word…")
    assert len(entry.title) <= 500


@pytest.mark.parametrize(
    ("link", "url"),
    [
        ("https://outlet.example/a", "https://outlet.example/a"),
        ("/a?b=1&amp;c=2", "https://outlet.example/a?b=1&c=2"),
        ("a", "https://outlet.example/news/a"),
        ("//cdn.example/a", "https://cdn.example/a"),
        ("<![CDATA[https://outlet.example/?a=1&amp;b=2]]>", "https://outlet.example/?a=1&b=2"),
        ("\n https://outlet.example/a\n b ", "https://outlet.example/a%20b"),
        ("https://outlet.example/\u202ea", "https://outlet.example/a"),
        ('https://outlet.example/"onclick="x', "https://outlet.example/%22onclick=%22x"),
        ("javascript:alert(1)", ""),
        ("data:text/html,x", ""),
        ("file:///etc/passwd", ""),
        ("mailto:a@b.c", ""),
        ("http://", ""),
        ("http://[::1", ""),
        ("http://a:99999/", ""),
        ("https://outlet.example/" + "a" * 3000, ""),
    ],
)
def test_links_are_resolved_and_of_the_web(link: str, url: str) -> None:
    body = feeds.rss(feeds.entry("T", raw=f"<link>{link}</link>"), link="https://outlet.example/news/")
    assert only(body).url == url


def test_links_follow_the_base_that_atom_gives() -> None:
    body = feeds.atom(feeds.entry("T", link="a", guid="1"), base="https://other.example/b/")
    assert only(body).url == "https://other.example/b/a"


def test_the_original_address_goes_before_a_counter() -> None:
    raw = (
        '<link>https://feeds.example/~r/x</link><feedburner:origLink xmlns:feedburner="http://rssnamespace.org/'
        'feedburner/ext/1.0">https://outlet.example/a</feedburner:origLink>'
    )
    assert item("<title>T</title>" + raw).url == "https://outlet.example/a"
    assert item("<title>T</title>" + raw.replace("https://outlet.example/a<", "no-address<")).url.startswith(
        "https://feeds"
    )


def test_a_permanent_guid_is_the_link_of_an_item_that_has_none() -> None:
    assert item("<title>T</title><guid>https://outlet.example/1</guid>").url == "https://outlet.example/1"
    assert item('<title>T</title><guid isPermaLink="false">tag:1</guid>').url == ""


@pytest.mark.parametrize(
    ("raw", "picture"),
    [
        ('<media:thumbnail url="/t.jpg"/><media:content url="/c.jpg" medium="image"/>', "https://outlet.example/t.jpg"),
        ('<media:content url="/v.mp4" type="video/mp4"/><media:content url="/c.jpg" type="image/jpeg"/>', "https://outlet.example/c.jpg"),
        ('<media:group><media:content url="/c.png"/></media:group>', "https://outlet.example/c.png"),
        ('<enclosure url="/e.png" type="image/png" length="1"/>', "https://outlet.example/e.png"),
        ('<enclosure url="/e.mp3" type="audio/mpeg" length="1"/>', ""),
        ("<description>&lt;img src='/i.jpg'&gt;</description>", "https://outlet.example/i.jpg"),
        ('<description>&lt;IMG alt="x" SRC=/i.jpg&gt;</description>', "https://outlet.example/i.jpg"),
        ('<description>&lt;img width="1" height="1" src="/p.gif"&gt;&lt;img src="/i.jpg"&gt;</description>', "https://outlet.example/i.jpg"),
        ('<description>&lt;img src="data:image/png;base64,AA"&gt;</description>', ""),
        ('<media:thumbnail url="javascript:alert(1)"/>', ""),
        ("", ""),
    ],
)  # fmt: skip
def test_pictures_are_found_where_outlets_put_them(raw: str, picture: str) -> None:
    assert item("<title>T</title>" + raw).picture == picture


def test_authors_and_categories_are_names_without_markup_or_repeats() -> None:
    entry = item(
        "<title>T</title><author>ada@outlet.example (Ada &lt;b&gt;R.&lt;/b&gt;)</author>"
        "<category>A</category><category>A</category><category> B\n b </category>"
        f"<category>{'x' * 200}</category><category>http://long.example/</category>"
    )
    assert entry.author == "Ada R."
    assert entry.categories == ("A", "B b")
    atom = only(
        feeds.atom(feeds.entry("T", guid="1", raw="<author><name>A</name></author><author><name>B</name></author>"))
    )
    assert atom.author == "A, B"


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("en", "en"),
        ("EN-us", "en-us"),
        ("pt_BR", "pt-BR"),
        ("zh-Hans-CN", "zh-Hans-CN"),
        ("English", ""),
        ("", ""),
        ("e", ""),
    ],
)
def test_the_language_is_a_tag_or_nothing(tag: str, language: str) -> None:
    assert read(feeds.rss(RAIN, language=tag)).language == language


# ---------------------------------------------------------------- dates


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("Wed, 10 Jun 2026 09:30:00 GMT", "2026-06-10T09:30"),
        ("Wed, 10 Jun 2026 09:30:00 +0000", "2026-06-10T09:30"),
        ("Wed, 10 Jun 2026 11:30:00 +0200", "2026-06-10T09:30"),
        ("Wed, 10 Jun 2026 05:30:00 EDT", "2026-06-10T09:30"),
        ("Wed, 10 Jun 2026 18:30:00 JST", "2026-06-10T09:30"),
        ("Wed,10 Jun 2026 9:30:0 GMT+0", "2026-06-10T09:30"),
        ("10 Jun 26 09:30 UT", "2026-06-10T09:30"),
        ("Wed, 10 June 2026 09:30:00", "2026-06-10T09:30"),
        ("Mi, 10. Juni 2026 11:30:00 CEST", "2026-06-10T09:30"),
        ("mer., 10 juin 2026 11:30:00 +0200", "2026-06-10T09:30"),
        ("Ср, 10 июня 2026 12:30:00 +0300", "2026-06-10T09:30"),
        ("2026-06-10T09:30:00Z", "2026-06-10T09:30"),
        ("2026-06-10T11:30:00.123456789+02:00", "2026-06-10T09:30"),
        ("2026-06-10 11:30:00 +0200", "2026-06-10T09:30"),
        ("2026-06-10T09:30", "2026-06-10T09:30"),
        ("2026-06-10T24:00:00Z", "2026-06-11T00:00"),
        ("2026-06-10", "2026-06-10T00:00"),
        ("2026/06/10 09:30", "2026-06-10T09:30"),
        ("20260610", "2026-06-10T00:00"),
        ("20260610093000", "2026-06-10T09:30"),
        ("1781083800", "2026-06-10T09:30"),
        ("1781083800000", "2026-06-10T09:30"),
        ("June 10, 2026 at 9:30 AM", "2026-06-10T09:30"),
        ("Jun 9, 2026 12:30 PM EST", "2026-06-09T17:30"),
        ("Wed Jun 10 09:30:00 UTC 2026", "2026-06-10T09:30"),
        ("2026年6月10日", "2026-06-10T00:00"),
        ("2026年6月10日 9時30分", "2026-06-10T09:30"),
        ("2026년 06월 10일 09:30:00", "2026-06-10T09:30"),
        ("2024-13-45T99:99:99Z", None),
        ("31 Feb 2026 00:00:00 GMT", None),
        ("Wed, 10 Jun 2026 99:00:00 GMT", None),
        ("06/10/2026", None),
        ("10.06", None),
        ("yesterday", None),
        ("0000-00-00 00:00:00", None),
        ("2026-06-10 오후 11:23:17", None),
        ("1" * 5000, None),
        ("٢٠٢٦٠٦١٠", None),
        ("", None),
    ],
)
def test_a_date_is_read_right_or_not_at_all(written: str, moment: str | None) -> None:
    expected = datetime.fromisoformat(moment).replace(tzinfo=UTC) if moment else None
    assert read_date(written) == expected


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "America/St_Johns"])
def test_the_computers_own_time_zone_does_not_matter(zone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if not hasattr(time, "tzset"):
        pytest.skip("this system cannot change its zone")
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        for written in ("1781083800", "2026-06-10 09:30:00", "Wed, 10 Jun 2026 09:30:00"):
            assert read_date(written) == datetime(2026, 6, 10, 9, 30, tzinfo=UTC)
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("date", "kept"),
    [
        (NOW, True),
        (NOW + timedelta(hours=23), True),
        (NOW + timedelta(hours=25), False),
        (datetime(2099, 1, 1, tzinfo=UTC), False),
        (datetime(9999, 12, 31, tzinfo=UTC), False),
        (datetime(1990, 1, 1, tzinfo=UTC), True),
        (datetime(1989, 12, 31, tzinfo=UTC), False),
        (datetime(1970, 1, 1, tzinfo=UTC), False),
        (datetime(1, 1, 1, tzinfo=UTC), False),
    ],
)
def test_a_date_nobody_can_believe_is_left_out(date: datetime, kept: bool) -> None:
    assert only(feeds.atom(feeds.entry("T", guid="1", date=date))).published_at == (date if kept else None)


def test_a_second_date_stands_in_for_an_unbelievable_first() -> None:
    entry = item(
        "<title>T</title><pubDate>Thu, 01 Jan 1970 00:00:00 GMT</pubDate><dc:date>2026-06-10T09:30:00Z</dc:date>"
    )
    assert entry.published_at == datetime(2026, 6, 10, 9, 30, tzinfo=UTC)


@given(st.text(max_size=40))
def test_no_date_is_too_strange(text: str) -> None:
    date = read_date(text)
    assert date is None or date.utcoffset() == timedelta(0)


# ---------------------------------------------------------------- identity


def keys(body: bytes, url: str = URL) -> list[str]:
    found = [entry.key for entry in read(body, url).entries]
    assert len(set(found)) == len(found)
    return found


def test_an_entry_is_known_by_guid_else_link_else_what_it_says() -> None:
    with_guid = feeds.entry("T", guid="tag:1", link="https://outlet.example/1")
    with_link = feeds.entry("T", link="https://outlet.example/1")
    bare = feeds.entry("T", summary="S", date="2026-06-10T09:30:00Z")
    found = keys(feeds.rss(with_guid, with_link, bare))
    assert found[:2] == ["tag:1", "https://outlet.example/1"]
    assert found[2].startswith("hash:")
    assert keys(feeds.rss(bare)) == [found[2]]
    other = feeds.entry("T", summary="Other", date="2026-06-10T09:30:00Z")
    assert keys(feeds.rss(other)) != [found[2]]


def test_an_edit_keeps_the_key() -> None:
    before = feeds.entry("Rain", guid="1", link="https://outlet.example/1", summary="It rains.")
    after = feeds.entry("Rain stops", guid="1", link="https://outlet.example/2", summary="It rained.")
    assert keys(feeds.rss(before)) == keys(feeds.rss(after))


def test_a_feed_that_moves_keeps_its_keys() -> None:
    body = feeds.atom(feeds.entry("T", guid="relative/1", link="/1"), feeds.entry("U", guid="/2"), link="/")
    assert keys(body, "http://old.example/feed") == keys(body, "https://new.example/other/feed.xml")


def test_a_guid_used_twice_is_told_apart_by_address_in_any_order() -> None:
    a = feeds.entry("A", guid="same", link="https://outlet.example/a")
    b = feeds.entry("B", guid="same", link="https://outlet.example/b")
    c = feeds.entry("C", guid="other")
    assert keys(feeds.rss(a, b, c)) == ["same|https://outlet.example/a", "same|https://outlet.example/b", "other"]
    assert keys(feeds.rss(c, b, a)) == ["other", "same|https://outlet.example/b", "same|https://outlet.example/a"]


def test_a_guid_and_address_used_twice_are_told_apart_by_title_in_any_order() -> None:
    made = [feeds.entry(title, guid="same", link="https://outlet.example/") for title in "ABC"]
    one, two = keys(feeds.rss(*made)), keys(feeds.rss(*reversed(made)))
    assert one == two[::-1]
    assert keys(feeds.rss(*made[1:])) == one[1:]


def test_entries_without_address_are_told_apart_by_title_then_text() -> None:
    made = [feeds.entry("A", guid="g"), feeds.entry("B", guid="g"), feeds.entry("B", guid="g", summary="b")]
    one, two = keys(feeds.rss(*made)), keys(feeds.rss(*reversed(made)))
    assert len(one) == 3
    assert one == two[::-1]


def test_two_wordings_of_one_article_are_one_entry_the_newest() -> None:
    def wording(text: str, hour: int) -> feeds.Item:
        return feeds.entry("T", guid="1", link="https://outlet.example/1", summary=text, date=NOW.replace(hour=hour))

    for made in ([wording("old", 8), wording("new", 9)], [wording("new", 9), wording("old", 8)]):
        entry = only(feeds.rss(*made))
        assert (entry.key, entry.text) == ("1", "new")


def test_the_same_item_twice_is_one_entry() -> None:
    assert keys(feeds.rss(RAIN, RAIN, RAIN)) == ["tag:1"]


def test_an_endless_guid_becomes_a_key_of_sane_length() -> None:
    (key,) = keys(feeds.rss(feeds.entry("T", guid="x" * 100_000)))
    assert len(key) < 100
    assert key != keys(feeds.rss(feeds.entry("T", guid="x" * 100_001)))[0]


# ---------------------------------------------------------------- broken feeds

GOOD = feeds.rss(feeds.entry("One", guid="1", link="https://outlet.example/1"), feeds.entry("Two", guid="2"))


@pytest.mark.parametrize(
    "body",
    [
        b"\n\n  " + GOOD,
        b"<br />\n<b>Warning</b>: Undefined variable $x in <b>/var/www/feed.php</b> on line <b>3</b><br />\n" + GOOD,
        b"PHP Notice: something & more\n" + GOOD,
        GOOD + b"<!-- generated in 0.3 s --><script>x</script>",
        GOOD + b"\n\nFatal error & <b>",
        GOOD.replace(b"<channel>", b"<channel><description>Tom & Jerry &copy; &nbsp; 2026 &bogus; <3</description>"),
        GOOD.replace(b"<channel>", b"<channel><slash:comments>3</slash:comments><odd:thing odd:a='1'/>"),
        GOOD.replace(b"<channel>", b"<channel><description>\x00\x01\x0b bell \x07</description>"),
        GOOD.replace(b"<channel>", b"<channel><description>&#0; &#xD800; &#xFFFF; &#1114112;</description>"),
        GOOD.replace(b"<channel>", b"<channel><description>" + "\ufffe\uffff".encode() + b"</description>"),
        GOOD.replace(b"<channel>", b"<channel><!-- a -- b & c -->"),
        GOOD.replace(b"<channel>", b"<channel><description><p>open <br> unclosed &</description>"),
        GOOD.replace(b"</channel></rss>", b""),
        GOOD.replace(b"</rss>", b""),
        GOOD.replace(b"</channel>", b"<item><title>Three is cut o"),
        GOOD.replace(b"</channel></rss>", b"<item><title><![CDATA[Three is cut o"),
        GOOD.replace(b"?>\n<rss", b"?>\n<!DOCTYPE rss PUBLIC \"-//Netscape//DTD RSS 0.91//EN\" \"http://my.netscape.com/rss.dtd\"><rss"),
        GOOD.replace(b"<?xml", b"<?xml-stylesheet href='x'?><?xml"),
        b"\xef\xbb\xbf" + GOOD,
    ],
)  # fmt: skip
def test_a_broken_feed_keeps_its_good_entries(body: bytes) -> None:
    assert titles(body)[:2] == ["One", "Two"]


def test_a_feed_cut_in_its_only_item_gives_what_is_there() -> None:
    body = b"<rss version='2.0'><channel><title>T</title><item><title>One</title><description>It rai"
    assert titles(body) == ["One"]


def test_one_bad_item_loses_only_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    real = module._entry

    def fails(raw: dict[str, Any], *rest: Any) -> Any:
        if raw["title"] == "Bad":
            raise RuntimeError("an item nobody foresaw")
        return real(raw, *rest)

    monkeypatch.setattr(module, "_entry", fails)
    feed = read(feeds.rss(feeds.entry("One"), feeds.entry("Bad"), feeds.entry("Two")))
    assert ([entry.title for entry in feed.entries], feed.dropped) == (["One", "Two"], 1)


def test_an_item_that_the_parser_fails_on_loses_only_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    real = feedparser.parse

    def fails(source: Any, **options: Any) -> Any:
        data = source.read()
        if b"Bad" in data:
            raise UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed")
        return real(io.BytesIO(data), **options)

    monkeypatch.setattr(feedparser, "parse", fails)
    for write in (feeds.rss, feeds.atom, feeds.rdf):
        feed = read(write(feeds.entry("One"), feeds.entry("Bad"), feeds.entry("Two")))
        assert ([entry.title for entry in feed.entries], feed.title, feed.dropped) == (["One", "Two"], "The Outlet", 1)


@pytest.mark.parametrize("where", ["head", "item"])
def test_what_really_makes_the_parser_fail_loses_only_itself(where: str) -> None:
    # A place without a shape makes feedparser's reader of maps raise a KeyError.
    bad = '<gml:posList xmlns:gml="http://www.opengis.net/gml">1 2</gml:posList>'
    good = [feeds.entry("One"), feeds.entry("Two")]
    body = feeds.rss(*good, raw=bad) if where == "head" else feeds.rss(*good, feeds.entry("Bad", raw=bad))
    with pytest.raises(KeyError):
        feedparser.parse(io.BytesIO(body))
    assert titles(body) == ["One", "Two"]


def test_a_feed_kept_as_a_gzip_file_is_read_within_bounds() -> None:
    assert titles(gzip.compress(GOOD)) == ["One", "Two"]
    for body in (gzip.compress(b" " * 100 * 2**20), gzip.compress(GOOD)[:30], b"\x1f\x8b nothing of the kind"):
        with pytest.raises(ParseError):
            read(body)


def test_items_with_nothing_in_them_are_counted() -> None:
    feed = read(feeds.rss(feeds.entry("One"), feeds.entry(), feeds.entry(categories=["x"])))
    assert (len(feed.entries), feed.dropped) == (1, 2)


# ---------------------------------------------------------------- encodings

WORDS = {
    "utf-8": "Grüße, 日本, Привет",
    "utf-16": "Grüße, 日本, Привет",
    "utf-32": "Grüße, 日本, Привет",
    "utf-16-le": "Grüße, 日本, Привет",
    "utf-16-be": "Grüße, 日本, Привет",
    "utf-32-be": "Grüße, 日本, Привет",
    "iso-8859-1": "Grüße à tous",
    "windows-1252": "“Grüße” — €5",
    "windows-1251": "Привет, мир",
    "koi8-r": "Привет, мир",
    "iso-8859-2": "Zażółć gęślą jaźń",
    "gb2312": "中国新闻",
    "gb18030": "中国新闻 €",
    "big5": "中國新聞",
    "shift_jis": "日本のニュース",
    "euc-jp": "日本のニュース",
    "iso-2022-jp": "日本のニュース",
    "euc-kr": "한국 뉴스",
    "windows-1256": "أخبار العالم",
    "tis-620": "ข่าวไทย",
}


@pytest.mark.parametrize("encoding", WORDS)
def test_every_encoding_is_read_as_declared(encoding: str) -> None:
    words = WORDS[encoding]
    declare = {"utf-16-le": "utf-16", "utf-16-be": "utf-16", "utf-32-be": "utf-32"}.get(encoding, encoding)
    assert titles(feeds.rss(feeds.entry(words), encoding=encoding, declare=declare)) == [words]


@pytest.mark.parametrize("encoding", ["windows-1251", "gb18030", "shift_jis", "utf-8"])
def test_the_servers_word_counts_where_the_feed_says_nothing(encoding: str) -> None:
    body = feeds.rss(feeds.entry(WORDS[encoding]), encoding=encoding).replace(f' encoding="{encoding}"'.encode(), b"")
    assert titles(body, f"application/rss+xml; charset={encoding}") == [WORDS[encoding]]
    assert titles(body, f'text/xml; charset="{encoding.upper()}"') == [WORDS[encoding]]


@pytest.mark.parametrize(
    ("encoding", "declare", "header"),
    [
        ("utf-8", "iso-8859-1", ""),
        ("utf-8", "us-ascii", "text/xml; charset=iso-8859-1"),
        ("utf-8", "utf-16", ""),
        ("utf-8", "no-such-thing", "text/xml; charset=neither"),
        ("utf-8", "hex", "text/xml; charset=zlib"),
        ("iso-8859-1", "utf-8", "application/rss+xml; charset=utf-8"),
        ("iso-8859-1", "us-ascii", ""),
        ("windows-1252", "iso-8859-1", ""),
        ("windows-1252", "", ""),
    ],
)
def test_a_wrong_declaration_does_not_garble_the_text(encoding: str, declare: str, header: str) -> None:
    words = "Grüße – à tous".replace("–", "–" if encoding != "iso-8859-1" else "-")
    assert titles(feeds.rss(feeds.entry(words), encoding=encoding, declare=declare or "x"), header) == [words]


def test_utf8_with_one_foreign_letter_stays_utf8() -> None:
    body = feeds.rss(feeds.entry("Grüße aus Köln, schöne Tage")).replace(b"Tage", b"T\xe4ge")
    assert titles(body) == ["Grüße aus Köln, schöne Täge"]


def test_undeclared_text_is_guessed_by_the_feeds_language() -> None:
    body = feeds.rss(feeds.entry("Привет, мир"), encoding="windows-1251", declare="utf-8", language="ru")
    assert titles(body) == ["Привет, мир"]


# ---------------------------------------------------------------- what is no feed


@pytest.mark.parametrize("body", [b"", b" \r\n\t", b"\x00" * 1000])
def test_an_empty_answer_is_an_error(body: bytes) -> None:
    with pytest.raises(EmptyFeed, match=r"outlet\.example sent an empty answer"):
        read(body)


@pytest.mark.parametrize(
    "body", [feeds.rss(), feeds.atom(), feeds.rdf(), feeds.json(), b"<rss/>", feeds.rss(feeds.entry())]
)
def test_a_feed_with_nothing_in_it_is_an_error(body: bytes) -> None:
    with pytest.raises(EmptyFeed, match="nothing in it"):
        read(body)


SITEMAP = (
    b'<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><url><loc>x</loc></url></urlset>'
)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (feeds.page(), "sent a web page and no feed"),
        (feeds.page(announces=["/feed"]), "announces feeds of its own"),
        (b"<html><body><form>Log in <input name=password></form></body></html>", "web page"),
        (b"<!doctype html><title>Just a moment...</title><p>Checking your browser", "web page"),
        (
            b'<?xml version="1.0"?><!DOCTYPE html PUBLIC "x" "y"><html xmlns="http://www.w3.org/1999/xhtml"/>',
            "web page",
        ),
        (b"<html><pre>&lt;rss&gt; and <rss version='2.0'><channel/></rss></pre></html>", "web page"),
        (SITEMAP, "search engines"),
        (b'<?xml version="1.0"?><opml version="2.0"><body/></opml>', "list of feeds"),
        (b"%PDF-1.7 ...", "PDF"),
        (b"\x89PNG\r\n\x1a\n....", "picture"),
        (b'{"hello": "world"}', "JSON, but not a feed"),
        (b'{"version": "https://jsonfeed.org/version/1", "items": 5}', "JSON, but not a feed"),
        (b'{"version": "https://jsonfeed.org/version/1", "items": [', "cannot be read"),
        (b'{"version":' + b"[" * 100_000, "cannot be read"),
        (b'{"items": ' + b"9" * 100_000 + b"}", "cannot be read"),
        (b"Not found", "not a feed"),
        (bytes(range(256)) * 100, "not a feed"),
        (b"<a><b/></a>", "not a feed"),
    ],
)
def test_what_is_no_feed_is_an_error_with_its_reason(body: bytes, says: str) -> None:
    with pytest.raises(NotAFeed, match=says) as caught:
        read(body)
    assert caught.value.url == URL
    assert "outlet.example" in str(caught.value)


def test_a_page_tells_which_feeds_it_announces() -> None:
    with pytest.raises(NotAFeed) as caught:
        read(feeds.page(announces=["/feed", "https://other.example/rss"]))
    assert caught.value.announced == ("https://outlet.example/feed", "https://other.example/rss")


def test_announced_feeds_are_absolute_of_the_web_once_and_comments_last() -> None:
    page = b"""<html><head><base href="/sub/">
      <link rel="alternate" type="application/rss+xml" title="Comments" href="comments/feed">
      <LINK REL='ALTERNATE home' TYPE='application/atom+xml; charset=utf-8' HREF=/atom>
      <link href="/rss?a=1&amp;b=2" type=application/rss+xml rel=alternate>
      <link rel="alternate" type="application/rss+xml" href="/atom">
      <link rel="alternate" type="application/feed+json" href="feed.json">
      <link rel="feed" href="/plain">
      <link rel="alternate" type="application/rss+xml" href="javascript:alert(1)">
      <link rel="alternate" type="application/rss+xml">
      <link rel="alternate" hreflang="de" type="application/xml" href="/de">
      <link rel="alternate" type="application/json" href="/wp-json/wp/v2/posts/1">
      <link rel="stylesheet" type="text/css" href="/style.css"></head>"""
    assert announced(page, "https://outlet.example/page") == (
        "https://outlet.example/atom",
        "https://outlet.example/rss?a=1&b=2",
        "https://outlet.example/sub/feed.json",
        "https://outlet.example/plain",
        "https://outlet.example/sub/comments/feed",
    )


def test_a_page_of_a_million_links_announces_twenty() -> None:
    page = b"".join(b"<link rel=alternate type=application/rss+xml href=/%d>" % n for n in range(5_000))
    assert len(announced(page, URL)) == 20


# ---------------------------------------------------------------- hostile feeds


def test_only_the_first_thousand_items_are_read() -> None:
    for body in (
        feeds.rss(*(feeds.entry(f"T{n}", guid=str(n)) for n in range(1200))),
        feeds.atom(*(feeds.entry(f"T{n}", guid=str(n)) for n in range(1200))),
        feeds.rdf(*(feeds.entry(f"T{n}", guid=f"u:{n}") for n in range(1200))),
        feeds.json(*(feeds.entry(f"T{n}", guid=str(n)) for n in range(1200))),
    ):
        feed = read(body)
        assert [entry.title for entry in feed.entries] == [f"T{n}" for n in range(1000)]
        assert feed.dropped == 200


def test_entities_are_never_expanded_or_fetched(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("canary")
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    for subset in (
        f'<!ENTITY x SYSTEM "{secret.as_uri()}">',
        f'<!ENTITY % p SYSTEM "{secret.as_uri()}"> %p;',
        f'<!ENTITY l0 "ha">{laughs}<!ENTITY x "&l9;">',
        '<!ENTITY x "<b>markup</b>">',
    ):
        body = f'<?xml version="1.0"?><!DOCTYPE rss [{subset}]><rss><channel><item><title>One &x;</title></item>'
        assert titles(f"{body}</channel></rss>".encode()) == ["One &x;"]


def test_an_xinclude_is_not_included(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("canary")
    raw = f'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="{secret.as_uri()}" parse="text"/>'
    assert "canary" not in repr(read(feeds.rss(feeds.entry("One", raw=f"<description>{raw}</description>"))))


def test_feedparser_is_only_ever_given_bytes_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    real, given_to = feedparser.parse, []

    def watched(source: Any, **options: Any) -> Any:
        given_to.append(source)
        return real(source, **options)

    monkeypatch.setattr(feedparser, "parse", watched)
    for body in (
        GOOD,
        b"/etc/passwd",
        b"http://127.0.0.1/",
        b"file:///etc/passwd",
        b"<rss>/etc/passwd</rss>",
        GOOD[:200],
    ):
        with suppress(ParseError):
            read(body)
    assert given_to
    assert all(hasattr(source, "read") and not isinstance(source, str | bytes) for source in given_to)


def test_feedparser_is_called_in_one_place_with_a_stream() -> None:
    calls = []
    for path in Path(module.__file__).parent.parent.rglob("*.py"):
        if ".venv" in path.parts or "tests" in path.parts:
            continue
        source = path.read_text("utf-8")
        if "feedparser" in source:
            for node in ast.walk(ast.parse(source)):
                if isinstance(node, ast.Call) and ast.unparse(node.func) == "feedparser.parse":
                    calls.append((path.name, ast.unparse(node.args[0])))
    assert calls == [("parse.py", "io.BytesIO(data)")]


HOSTILE = "\x00\ud800\u202e\u200b\ufeff\U000e0041<>&\"';:/?# \n\t]]>\u0301日本é"


def clean_text(text: str) -> bool:
    return text == visible(text) and not any(
        unicodedata.category(char) in ("Cc", "Cs") and char not in "\n\t" for char in text
    )


def check(feed: ParsedFeed) -> None:
    """What holds for any feed, whatever its bytes were."""
    assert clean_text(feed.title)
    assert feed.entries
    assert len({entry.key for entry in feed.entries}) == len(feed.entries)
    for entry in feed.entries:
        for text in (entry.key, entry.title, entry.text, entry.author, *entry.categories):
            assert clean_text(text)
        assert entry.title
        assert "\n" not in entry.title
        assert len(entry.text) <= 20_000
        for url in (entry.url, entry.picture, *(url for url, _ in entry.enclosures)):
            assert url == "" or url.startswith(("http://", "https://"))
            assert not set(url) & set(" \n\t<>\"'\u202e") - {"'"}
        assert entry.published_at is None or datetime(1990, 1, 1, tzinfo=UTC) <= entry.published_at <= NOW + timedelta(
            days=1
        )


relaxed = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
text = st.text(st.one_of(st.sampled_from(HOSTILE), st.characters(exclude_categories=["Cs"])), max_size=30)
entries = st.lists(
    st.builds(feeds.entry, text, link=text, guid=text, summary=text, content=text, author=text, raw=text), max_size=4
)


@relaxed
@given(
    st.one_of(st.binary(max_size=200), st.binary(max_size=200).map(lambda data: b"<rss><channel><item><title>" + data))
)
@example(b"<rss>")
@example(b"<feed><entry><title>&#xD800;</title></entry></feed>")
@example(b'{"version":"https://jsonfeed.org/version/1","items":[{"title":"\\ud800"}]}')
def test_any_bytes_are_a_feed_or_an_error_of_ours(body: bytes) -> None:
    try:
        feed = read(body)
    except ParseError:
        return
    check(feed)


@relaxed
@given(entries, st.sampled_from([feeds.rss, feeds.atom, feeds.rdf, feeds.json]))
def test_any_text_in_any_place_gives_clean_entries(made: list[feeds.Item], write: Any) -> None:
    try:
        body = write(*made, title="".join(item.title for item in made))
    except UnicodeEncodeError:
        return
    try:
        feed = read(body)
    except ParseError:
        return
    check(feed)
    assert read(body) == feed


SEEDS = [
    feeds.rss(RAIN, feeds.entry("Two", guid="2", summary="&lt;p&gt;A &amp; B")),
    feeds.atom(RAIN),
    feeds.rdf(RAIN),
    feeds.json(RAIN),
    feeds.rss(feeds.entry("日本のニュース"), encoding="shift_jis"),
    feeds.rss(RAIN, encoding="utf-16"),
    GOOD.replace(b"<rss", b'<!DOCTYPE rss [<!ENTITY a "b">]><rss'),
    feeds.page(announces=["/feed"]),
]


BITS = b'< > & ]]> <![CDATA[ <item> </item> </channel> &#0; \xff\xfe <!-- "'.split()
cuts = st.tuples(st.floats(0, 1), st.integers(0, 30), st.one_of(st.binary(max_size=8), st.sampled_from(BITS)))


@relaxed
@given(st.sampled_from(SEEDS), st.lists(cuts, max_size=5))
def test_any_mutation_of_a_feed_is_a_feed_or_an_error_of_ours(
    seed: bytes, cuts: list[tuple[float, int, bytes]]
) -> None:
    body = seed
    for where, length, replacement in cuts:
        at = int(where * len(body))
        body = body[:at] + replacement + body[at + length :]
    try:
        feed = read(body)
    except ParseError:
        return
    check(feed)
    assert read(body) == feed
