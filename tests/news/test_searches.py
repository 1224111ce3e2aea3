"""Searches as feeds: which addresses are templates, and what words become in them."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from news.errors import BadURL
from news.fetch import check_url
from news.searches import LONGEST, Template, address, template, title, words

POST = Template("The Post", "https://post.example/find?q={query}&format=rss")


@pytest.mark.parametrize(
    ("query", "quoted"),
    [
        ("ferry", "ferry"),
        ("ferry accident", "ferry%20accident"),
        ("  ferry \n\t accident ", "ferry%20accident"),
        ("a&b=c#d", "a%26b%3Dc%23d"),
        ("100% {query} +1", "100%25%20%7Bquery%7D%20%2B1"),
        ("../../etc?x", "..%2F..%2Fetc%3Fx"),
        ('"exact words"', "%22exact%20words%22"),
        ("São", "S%C3%A3o"),
        ("東京", "%E6%9D%B1%E4%BA%AC"),
        ("a\0b\u202ec\u200bd\ud83d", "abcd"),
    ],
)
def test_words_stand_quoted_in_the_address(query: str, quoted: str) -> None:
    assert address(POST, query) == f"https://post.example/find?q={quoted}&format=rss"


def test_words_may_stand_in_the_path() -> None:
    assert (
        address(Template("Wire", "https://wire.example/{query}.rss"), "a/b c") == "https://wire.example/a%2Fb%20c.rss"
    )


@given(st.text(max_size=400))
def test_whatever_is_typed_the_address_is_of_the_same_place_and_asks_for_one_thing(query: str) -> None:
    if not words(query):
        with pytest.raises(BadURL, match="look for"):
            address(POST, query)
        return
    url = address(POST, query)
    assert check_url(url) == url
    assert urlsplit(url).netloc == "post.example"
    assert parse_qs(urlsplit(url).query) == {"q": [words(query)], "format": ["rss"]}
    assert len(words(query)) <= LONGEST


def test_a_long_query_is_cut_between_words() -> None:
    assert words("word " * 100) == " ".join(["word"] * 40)
    assert words("x" * 500) == "x" * LONGEST


def test_the_feed_of_a_search_is_called_by_both() -> None:
    assert title(POST, " ferry  accident ") == "The Post: ferry accident"


def test_a_template_is_kept_as_it_was_written() -> None:
    written = template("  The\n Post ", " https://Post.example:8443/find?a={1}&q={query} ")
    assert written == Template("The Post", "https://Post.example:8443/find?a={1}&q={query}")
    assert written.host == "post.example"
    assert address(written, "ferry") == "https://post.example:8443/find?a=%7B1%7D&q=ferry"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("https://post.example/rss", "once"),
        ("https://post.example/{query}?q={query}", "once"),
        ("https://{query}.example/rss", "after its host"),
        ("https://post.{query}/", "after its host"),
        ("https://post.example{query}", "after its host"),
        ("https://post.example{query}/rss", "after its host"),
        ("https://{query}@post.example/", "name or password"),
        ("https://post.example:{query}/", "not a web address"),
        ("https://post.example/#{query}", "after its host"),
        ("https://post.example/?a#b={query}", "after its host"),
        ("{query}://post.example/", "http"),
        ("{query}", "http"),
        ("ftp://post.example/{query}", "http"),
        ("file:///etc/{query}", "http"),
        ("javascript:{query}", "http"),
        ("https://user:word@post.example/{query}", "password"),
        ("https://post.example/a b?q={query}", "spaces"),
        ("https://[::1/{query}", "not a web address"),
        ("https://post.example/" + "x" * 2_100 + "{query}", "too long"),
        ("", "once"),
    ],
)
def test_what_is_no_template_is_refused_with_its_reason(given: str, words: str) -> None:
    with pytest.raises(BadURL, match=words):
        template("The Post", given)


def test_a_template_without_a_name_is_refused() -> None:
    with pytest.raises(BadURL, match="name"):
        template(" \u200b ", POST.address)
