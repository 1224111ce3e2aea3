import json
from collections import Counter
from urllib.parse import urlsplit

import pytest

from news import catalogue
from news.catalogue import BadCatalogue, PackFeed, packs
from news.errors import NewsError
from news.fetch import check_url

GOOD = """{
  "source": "somewhere",
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
    world, england = catalogue.read(GOOD)
    assert (world.id, world.title, world.kind, world.language) == ("world", "World", "topic", "en")
    assert world.feeds == (
        PackFeed("https://one.example/rss", "One", "en", "World"),
        PackFeed("https://zwei.example/rss", "Zwei", "de", "World"),
    )
    assert world.languages == ("en", "de")
    assert england.kind == "country"


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
        ('"language": "de"}', '"language": "de"},', 7, "valid JSON"),
        ('"id": "en"', '"id": "world"', 8, "two packs with the id"),
        ('"kind": "country"', '"kind": "county"', 8, "kind"),
        ('"kind": "topic", ', "", 4, '"kind"'),
        ('"title": "Zwei", ', "", 6, '"title"'),
        ('"title": "Zwei"', '"title": " Zwei"', 6, '"title"'),
        ('"language": "de"', '"lang": "de"', 6, '"lang"'),
        ('"language": "de"', '"language": 7', 6, '"language"'),
        ("https://zwei.example/rss", "ftp://zwei.example/rss", 6, "http"),
        ("https://zwei.example/rss", "https://zwei/rss", 6, "http"),
        ("https://zwei.example/rss", "https://zwei.example/r ss", 6, "http"),
        ("https://zwei.example/rss", "https://one.example/rss", 6, "twice"),
        ('"title": "Zwei"', '"title": "Zwei", "title": "Drei"', 6, "twice"),
        ('"id": "en"', '"id": "en", "colour": "red"', 8, '"colour"'),
        ('"source": "somewhere"', '"source": ""', 1, '"source"'),
        ('"source": "somewhere"', '"source": "somewhere", "note": "x"', 2, '"note"'),
        ('[\n      {"title": "One", "url": "https://one.example/rss"}\n    ]', "[]", 8, "at least one feed"),
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
    "text", ["[]", "{}", '"packs"', '{"source": "x", "packs": {}}', '{"source": "x", "packs": [1]}']
)
def test_something_else_is_refused(text):
    with pytest.raises(BadCatalogue):
        catalogue.read(text)
