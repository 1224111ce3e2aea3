import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from news import opml
from news.errors import BadOPML
from news.opml import Outline
from news.types import Feed

DATA = Path(__file__).parents[1] / "data" / "opml"
NOW = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)


def read(name: str) -> opml.OPML:
    return opml.read((DATA / name).read_bytes())


def body(outlines: str) -> bytes:
    return f'<?xml version="1.0"?><opml version="2.0"><body>{outlines}</body></opml>'.encode()


def feed(url: str, title: str = "", topic: str = "", *, sample: bool = False) -> Feed:
    return Feed(
        id=1, url=url, title=title, site_url="https://site.example/?a=1&b=2", language="en", topic=topic, sample=sample,
        paused=False, rested=False, added_at=NOW, checked_at=None, succeeded_at=None, due_at=NOW, failures=0, error="",
        etag="", last_modified="", body_hash="", moved_to="", moved_count=0,
    )  # fmt: skip


# ------------------------------------------------------------------ what lists in the wild look like


def test_raw_ampersands_do_not_change_an_address():
    assert [(outline.title, outline.url) for outline in read("raw_ampersand.opml").feeds] == [
        ("Questions & answers", "https://qa.example/feed?format=rss&copy=1&section=news&lt=5"),
        ("Escaped & proper", "https://proper.example/feed?a=1&b=2"),
        ("Escaped twice", "https://twice.example/feed?a=1&b=2"),
    ]


def test_nested_folders_become_one_topic_and_comments_are_no_feeds():
    assert read("nested.opml").feeds == (
        Outline("https://alp.example/rss", "Alp Post", "World / Europe"),
        Outline("https://fjord.example/rss", "Fjord Daily", "World / Europe / North"),
        Outline("https://desk.example/rss", "World Desk", "World"),
        Outline("https://loose.example/rss", "Loose", ""),
        Outline("https://filed.example/rss", "Filed", "Science / Space"),
    )


def test_names_in_any_case_and_values_without_quotes_are_read():
    assert [(outline.title, outline.url) for outline in read("odd_case.opml").feeds] == [
        ("Upper", "https://upper.example/rss"),
        ("Only a title", "https://title.example/rss"),
        ("Bare", "https://bare.example/rss"),
        ("", "https://untitled.example/rss"),
        ("Old url attribute", "https://old.example/rss"),
    ]


def test_a_wrong_or_an_old_encoding_is_read_as_it_was_meant():
    assert read("latin1.opml").feeds[0].title == "Zürcher Öffentlichkeit – «heute»"
    assert read("koi8.opml").feeds[0].title == "Новости"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_byte_order_marks_and_wide_encodings_are_read(encoding):
    text = '<?xml version="1.0"?><opml><body><outline text="日本" xmlUrl="https://a.example/"/></body></opml>'
    assert opml.read(text.encode(encoding)).feeds == (Outline("https://a.example/", "日本", ""),)


@pytest.mark.parametrize("encoding", ["punycode", "utf-7", "unicode_escape", "base64", "nonsense"])
def test_a_codec_that_lists_are_never_written_in_is_not_used(encoding):
    start = f'<?xml version="1.0" encoding="{encoding}"?>'.encode()
    data = start + b'<opml><body><outline text="\xe9+AGE-\\x41" xmlUrl="https://a.example/"/></body></opml>'
    assert opml.read(data).feeds[0].title == "é+AGE-\\x41"


def test_a_broken_list_gives_the_feeds_that_are_whole():
    listed = read("broken.opml")
    assert [(outline.title, outline.url) for outline in listed.feeds] == [
        ("The", "https://quotes.example/rss"),
        ("a < b > c", "https://angles.example/rss"),
        ("After it", "https://after.example/rss"),
    ]


def test_document_types_and_entities_are_stepped_over():
    listed = read("bomb.opml")
    assert listed.feeds == (Outline("https://bomb.example/rss", "&c;&secret;", ""),)


def test_what_is_no_feed_is_named_with_its_reason():
    listed = read("useless.opml")
    assert listed.feeds == (Outline("https://good.example/feed", "Good", ""),)
    reasons = dict(sentence.split(": ", 1) for sentence in listed.skipped)
    assert list(reasons) == [
        "By ftp", "Script", "Relative", "With a password", "Empty", "Only a page", "Another list",
    ]  # fmt: skip
    assert "http" in reasons["By ftp"]
    assert "page" in reasons["Only a page"]
    assert "list" in reasons["Another list"]
    assert "secret" not in " ".join(listed.skipped)
    untitled = opml.read(body('<outline xmlUrl="https://me:secret@private.example/feed"/>'))
    assert "private.example" in untitled.skipped[0]
    assert "secret" not in untitled.skipped[0]
    assert all(sentence.endswith(".") for sentence in listed.skipped)


def test_the_same_address_twice_is_one_feed_that_keeps_its_folder():
    listed = opml.read(
        body(
            '<outline xmlUrl="https://A.example:443/rss#top"/>'
            '<outline text="Folder"><outline text="Named" xmlUrl="https://a.example/rss"/></outline>'
            '<outline text="Other"><outline text="Later name" xmlUrl="https://a.example/rss"/></outline>'
        )
    )
    assert listed.feeds == (Outline("https://a.example/rss", "Named", "Folder"),)
    assert listed.merged == 2


def test_titles_cannot_carry_what_reorders_or_hides_text():
    listed = opml.read(body('<outline text="Gut&#x202E;lived&#8203;\x00&#10; name" xmlUrl="https://a.example/"/>'))
    assert listed.feeds[0].title == "Gutlived name"


# ------------------------------------------------------------------ what is no list at all


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b"", "empty"),
        (b" \n ", "empty"),
        (b'{"feeds": ["https://a.example/"]}', "JSON"),
        (b"<!DOCTYPE html><html><body>Please log in</body></html>", "web page"),
        (b'<html><outline xmlUrl="https://a.example/"/></html>', "web page"),
        (b'<?xml version="1.0"?><rss version="2.0"><channel></channel></rss>', "a feed, not a list"),
        (b"PK\x03\x04...", "compressed"),
        (b"\x1f\x8b\x08...", "compressed"),
        (b"https://a.example/feed", "not an OPML file"),
        (body(" " * 5 * 2**20), "larger than 5 MB"),
        (body("<outline/>" * 200_001), "more than 100,000"),
    ],
)
def test_what_is_no_opml_is_told_in_a_sentence(data, word):
    with pytest.raises(BadOPML, match=word) as caught:
        opml.read(data)
    assert str(caught.value).endswith(".")


def test_a_list_without_feeds_is_a_list():
    assert opml.read(body("")).feeds == ()
    assert opml.read(opml.write([], now=NOW)).feeds == ()


# ------------------------------------------------------------------ time and size


def seconds(data: bytes) -> float:
    started = time.perf_counter()
    opml.read(data)
    return time.perf_counter() - started


def test_ten_thousand_outlines_are_read_in_seconds():
    outlines = "".join(f'<outline text="{i} & co" xmlUrl="https://x{i}.example/f?a=1&b={i}"/>' for i in range(10_000))
    data = body(f'<outline text="All">{outlines}</outline>')
    started = time.perf_counter()
    assert len(opml.read(data).feeds) == 10_000
    assert time.perf_counter() - started < 10


@pytest.mark.parametrize(
    "unit",
    [
        '<outline text="f">',
        '<outline text="f"><outline xmlUrl="https://a.example/"/></outline>',
        '<outline xmlUrl="https://a.example/" category="a,b,c,d/e/f"/>',
        '<outline a="',
        "<outline a='\"",
        "<outline ",
        "<outline a=",
        "</outline>",
        "<!--",
        "<![CDATA[",
        "<?",
        "<!DOCTYPE x [",
        "<",
        "&amp",
        '"',
    ],
)
def test_time_grows_with_the_size_and_not_with_its_square(unit):
    def best(times: int) -> float:
        data = body(unit * times)
        return min(seconds(data) for _ in range(3))

    # Eight times the bytes: 8 if linear, 64 if quadratic. The floor keeps noise out of the quickest.
    assert best(8_000) < 24 * max(best(1_000), 0.002)


def test_a_deep_maze_of_folders_keeps_its_names_short():
    deep = "".join(f'<outline text="level {i}">' for i in range(5000)) + '<outline xmlUrl="https://a.example/"/>'
    assert opml.read(body(deep)).feeds[0].topic == "level 0 / level 1 / level 2 / level 3"
    wide = f'<outline text="{"x" * 100_000}"><outline xmlUrl="https://a.example/"/></outline>'
    assert len(opml.read(body(wide)).feeds[0].topic) == opml.MAX_LABEL


# ------------------------------------------------------------------ out, and in again


def test_a_written_list_has_a_folder_a_topic_and_a_date():
    written = opml.write(
        [
            feed("https://b.example/rss?x=1&y=2", "B & <b>", "Wörld"),
            feed("https://c.example/", "", ""),
            feed("https://a.example/", 'Say "A"', "Wörld"),
        ],
        now=NOW.astimezone(),
    )
    assert written.decode().splitlines() == [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<opml version="2.0">',
        "<head>",
        "<title>Feeds of Broadsheet</title>",
        "<dateCreated>Sun, 22 Nov 2026 12:30:00 GMT</dateCreated>",
        "</head>",
        "<body>",
        '<outline type="rss" text="https://c.example/" xmlUrl="https://c.example/" '
        'htmlUrl="https://site.example/?a=1&amp;b=2" language="en"/>',
        '<outline text="Wörld" title="Wörld">',
        '<outline type="rss" text="B &amp; &lt;b&gt;" title="B &amp; &lt;b&gt;" '
        'xmlUrl="https://b.example/rss?x=1&amp;y=2" htmlUrl="https://site.example/?a=1&amp;b=2" language="en"/>',
        '<outline type="rss" text="Say &quot;A&quot;" title="Say &quot;A&quot;" xmlUrl="https://a.example/" '
        'htmlUrl="https://site.example/?a=1&amp;b=2" language="en"/>',
        "</outline>",
        "</body>",
        "</opml>",
    ]


def test_the_sample_edition_is_not_written():
    assert b"harbour" not in opml.write([feed("https://harbour-post.example/", "x", sample=True)], now=NOW)


def test_the_same_feeds_in_another_order_give_the_same_bytes():
    feeds = [feed(f"https://x{i}.example/", f"T{i % 3}", f"F{i % 2}") for i in range(20)]
    later = replace(feeds[0], due_at=NOW + timedelta(hours=1))
    assert opml.write(feeds, now=NOW) == opml.write([*reversed(feeds[1:]), later], now=NOW)


NASTY = st.lists(
    st.sampled_from(
        ["<b>", "&", "&amp;", "&lt;", "&#10;", '"', "'", ">", "]]>", "<!--", "<outline ", "/>", "é", "日本", "🗞️", " / ",
         "\x00", "\x0b", "\ud800", "\u202e", "\ufffe", "\r\n", "\t", "  ", "a", "xmlUrl=", "<?", "{{x}}"]
    )
    | st.characters(),
    max_size=12,
).map("".join)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(NASTY, NASTY, NASTY), max_size=6))
def test_what_is_written_is_read_again_whatever_it_is_called(rows):
    feeds = [feed(f"https://x{i}.example/f?a=1&copy={i}", title, topic) for i, (title, topic, _) in enumerate(rows)] + [
        feed("https://last.example/", "Last", "Ordinary")
    ]
    listed = opml.read(opml.write(feeds, now=NOW))
    assert listed.skipped == ()
    assert set(listed.feeds) == {Outline(one.url, opml._label(one.title), opml._label(one.topic)) for one in feeds}


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=300)
    | st.lists(NASTY | st.sampled_from(["<outline", "</outline>", "<opml>"])).map(
        lambda parts: "".join(["<opml>", *parts]).encode("utf-8", "surrogatepass")
    )
)
def test_no_bytes_end_in_anything_but_a_list_or_a_sentence(data):
    try:
        urls, sentence = [outline.url for outline in opml.read(data).feeds], "."
    except BadOPML as error:
        urls, sentence = [], str(error)
    assert all(url.startswith(("http://", "https://")) for url in urls)
    assert sentence.endswith(".")
