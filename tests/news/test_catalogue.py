import json
from collections import Counter
from urllib.parse import urlsplit

import pytest

from news import catalogue
from news.catalogue import BadCatalogue, PackFeed, packs, searches
from news.errors import NewsError
from news.fetch import check_url
from news.searches import Template, address

GOOD = """{
  "source": "somewhere",
  "searches": [
    {"name": "The Post", "template": "https://post.example/find?q={query}"},
    {"name": "Wire", "template": "https://wire.example/{query}.rss"}
  ],
  "packs": [
    {"id": "world", "title": "World", "kind": "topic", "language": "en", "feeds": [
      {"title": "One", "url": "https://one.example/rss"},
      {"title": "Zwei", "url": "https://zwei.example/rss", "language": "de"}
    ]},
    {"id": "en", "title": "England", "kind": "country", "language": "en", "feeds": [
      {"title": "One", "url": "https://one.example/rss"}
    ]}
  ]
}
"""


def test_the_catalogue_reads_as_written():
    world, england = catalogue.read(GOOD).packs
    assert (world.id, world.title, world.kind, world.language) == ("world", "World", "topic", "en")
    assert world.feeds == (
        PackFeed("https://one.example/rss", "One", "en", "World"),
        PackFeed("https://zwei.example/rss", "Zwei", "de", "World"),
    )
    assert world.languages == ("en", "de")
    assert england.kind == "country"
    assert catalogue.read(GOOD).searches == (
        Template("The Post", "https://post.example/find?q={query}"),
        Template("Wire", "https://wire.example/{query}.rss"),
    )


def test_google_and_bing_can_be_searched_from_the_start():
    google, bing = searches()
    assert (google.name, google.host) == ("Google News", "news.google.com")
    assert address(google, "ferry accident").startswith("https://news.google.com/rss/search?q=ferry%20accident&hl=")
    assert (bing.name, address(bing, "a&b")) == ("Bing News", "https://www.bing.com/news/search?q=a%26b&format=rss")


def test_there_are_packs_for_every_section_and_many_countries():
    kinds = Counter(pack.kind for pack in packs())
    titles = {pack.title for pack in packs()}
    assert {"World", "Business", "Technology", "Science", "Sport", "Culture"} <= titles
    assert {
        "United Kingdom",
        "United States",
        "Germany",
        "France",
        "Spain",
        "Italy",
        "Japan",
        "India",
        "Brazil",
    } <= titles
    assert kinds["topic"] >= 6
    assert kinds["country"] >= 12


def test_the_packs_speak_at_least_eight_languages():
    assert len({feed.language for pack in packs() for feed in pack.feeds}) >= 8


def test_every_pack_is_a_handful_of_different_feeds():
    for pack in packs():
        assert 5 <= len(pack.feeds) <= 10, pack.id
        assert len({feed.title for feed in pack.feeds}) == len(pack.feeds), pack.id
        assert {feed.topic for feed in pack.feeds} == {pack.title}


def test_no_outlet_fills_a_pack_alone():
    for pack in packs():
        hosts = Counter(urlsplit(feed.url).hostname for feed in pack.feeds)
        assert max(hosts.values()) <= 4, pack.id


def test_every_address_is_one_that_the_fetcher_takes_as_it_stands():
    assert [feed.url for pack in packs() for feed in pack.feeds if check_url(feed.url) != feed.url] == []


def test_the_file_is_kept_in_the_order_and_form_that_people_edit():
    text = catalogue.CATALOGUE.read_text(encoding="utf-8")
    assert "kagisearch/kite-public (MIT" in json.loads(text)["source"]
    order = [(pack.kind != "topic", pack.title.casefold() if pack.kind == "country" else "") for pack in packs()]
    assert order == sorted(order)
    for pack in packs():
        assert [feed.title.casefold() for feed in pack.feeds] == sorted(feed.title.casefold() for feed in pack.feeds)
    assert all(line.count('"url"') <= 1 for line in text.splitlines())


@pytest.mark.parametrize(
    ("before", "after", "line", "words"),
    [
        ('"language": "de"}', '"language": "de"},', 11, "valid JSON"),
        ('"id": "en"', '"id": "world"', 12, "two packs with the id"),
        ('"kind": "country"', '"kind": "county"', 12, "kind"),
        ('"kind": "topic", ', "", 8, '"kind"'),
        ('"title": "Zwei", ', "", 10, '"title"'),
        ('"title": "Zwei"', '"title": " Zwei"', 10, '"title"'),
        ('"language": "de"', '"lang": "de"', 10, '"lang"'),
        ('"language": "de"', '"language": 7', 10, '"language"'),
        ("https://zwei.example/rss", "ftp://zwei.example/rss", 10, "http"),
        ("https://zwei.example/rss", "https://zwei/rss", 10, "http"),
        ("https://zwei.example/rss", "https://zwei.example/r ss", 10, "http"),
        ("https://zwei.example/rss", "https://one.example/rss", 10, "twice"),
        ('"title": "Zwei"', '"title": "Zwei", "title": "Drei"', 10, "twice"),
        ('"id": "en"', '"id": "en", "colour": "red"', 12, '"colour"'),
        ('"source": "somewhere"', '"source": ""', 1, '"source"'),
        ('"source": "somewhere"', '"source": "somewhere", "note": "x"', 2, '"note"'),
        ('"name": "Wire", ', "", 5, '"name"'),
        ('"name": "Wire"', '"name": "The Post"', 5, "two searches"),
        ('"name": "Wire"', '"name": "Wire", "language": "en"', 5, '"language"'),
        ("https://wire.example/{query}.rss", "https://{query}.example/", 5, "after its host"),
        ("https://wire.example/{query}.rss", "ftp://wire.example/{query}", 5, "http"),
        ("https://wire.example/{query}.rss", "https://wire.example/rss", 5, "{query}"),
        ('[\n      {"title": "One", "url": "https://one.example/rss"}\n    ]', "[]", 12, "at least one feed"),
    ],
)
def test_a_slip_is_told_with_its_line(before, after, line, words):
    assert before in GOOD
    with pytest.raises(BadCatalogue, match=f"line {line}: ") as caught:
        catalogue.read(GOOD.replace(before, after))
    assert words in str(caught.value)
    assert str(caught.value).endswith(".")
    assert isinstance(caught.value, NewsError)


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{}",
        '"packs"',
        '{"source": "x", "packs": {}}',
        '{"source": "x", "searches": [], "packs": [1]}',
        '{"source": "x", "searches": [1], "packs": []}',
    ],
)
def test_something_else_is_refused(text):
    with pytest.raises(BadCatalogue):
        catalogue.read(text)
