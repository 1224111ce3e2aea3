"""Fetching: what is asked for, what is followed, and how every fault of a server ends."""

from __future__ import annotations

import gzip
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from news import fetch
from news.errors import (
    BadRedirect,
    BadURL,
    FetchError,
    HTTPFailure,
    NewsError,
    Refused,
    TimedOut,
    TooLarge,
    Unreachable,
)
from news.fetch import Fetcher, check_url, detail_of, freshness, may_connect, user_agent
from tests import feed_server as faults
from tests import feeds
from tests.feed_server import Certificates, FeedServer

NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)
BODY = feeds.rss(feeds.entry("Rain in Oslo"))
MB = 2**20


@pytest.fixture(scope="module")
def shared() -> Iterator[FeedServer]:
    with FeedServer() as server:
        yield server


@pytest.fixture
def server(shared: FeedServer) -> FeedServer:
    shared.clear()
    return shared


@pytest.fixture
def fetcher() -> Iterator[Fetcher]:
    with Fetcher(allow_private=True, timeout_s=10, now=lambda: NOW) as fetcher:
        yield fetcher


def impatient(**more: Any) -> Fetcher:
    return Fetcher(allow_private=True, timeout_s=0.5, **more)


# ---------------------------------------------------------------- the ordinary case


def test_a_page_comes_with_its_body_headers_and_address(server: FeedServer, fetcher: Fetcher) -> None:
    url = server.serve("/feed", BODY, headers={"Content-Type": "text/xml", "X-Odd": "yes"}, etag='"1"')
    answer = fetcher.get(url)
    assert (answer.url, answer.status, answer.body, answer.moved_to) == (url, 200, BODY, "")
    assert answer.headers["content-type"] == "text/xml"
    assert answer.headers["etag"] == '"1"'
    assert answer.headers["x-odd"] == "yes"


def test_outlets_are_told_who_runs_the_reader_if_it_says_so(server: FeedServer) -> None:
    with Fetcher(allow_private=True, user_agent=user_agent("https://example.org/us\r\nX-Evil: 1)")) as named:
        named.get(server.serve("/feed", BODY))
    assert server.requests[-1].headers["user-agent"] == (
        "Broadsheet/1.0 (news reader; +https://example.org/usX-Evil: 1)"
    )


def test_the_request_is_honest_and_asks_for_gzip_alone(server: FeedServer, fetcher: Fetcher) -> None:
    fetcher.get(server.serve("/feed", BODY))
    sent = server.requests[0].headers
    assert sent["user-agent"].startswith("Broadsheet/")
    assert sent["accept-encoding"] == "gzip"
    assert "application/rss+xml" in sent["accept"]
    assert not {"authorization", "cookie", "referer", "if-none-match", "if-modified-since"} & sent.keys()


def test_validators_are_sent_and_a_304_has_no_body(server: FeedServer, fetcher: Fetcher) -> None:
    date = "Tue, 09 Jun 2026 10:00:00 GMT"
    url = server.serve("/feed", BODY, etag='W/"1"', last_modified=date)
    answer = fetcher.get(url, etag='W/"1"', last_modified=date)
    assert (answer.status, answer.body) == (304, None)
    assert answer.headers["etag"] == 'W/"1"'
    sent = server.requests[0].headers
    assert (sent["if-none-match"], sent["if-modified-since"]) == ('W/"1"', date)


def test_one_validator_is_enough_for_a_304(server: FeedServer, fetcher: Fetcher) -> None:
    url = server.serve("/feed", BODY, etag='"1"', last_modified="Tue, 09 Jun 2026 10:00:00 GMT")
    assert fetcher.get(url, etag='"1"').body is None
    assert fetcher.get(url, last_modified="Tue, 09 Jun 2026 10:00:00 GMT").body is None


def test_a_new_etag_brings_the_body_even_if_it_is_the_same(server: FeedServer, fetcher: Fetcher) -> None:
    url = server.serve("/feed", BODY, etag='"2"')
    assert fetcher.get(url, etag='"1"').body == BODY


def test_a_validator_that_would_break_the_request_is_left_out(server: FeedServer, fetcher: Fetcher) -> None:
    url = server.serve("/feed", BODY)
    assert fetcher.get(url, etag='"1"\r\nX-Evil: yes', last_modified="naïve\x00").body == BODY
    assert not {"x-evil", "if-none-match", "if-modified-since"} & server.requests[0].headers.keys()


def test_a_304_that_nobody_asked_for_is_a_failure(server: FeedServer, fetcher: Fetcher) -> None:
    url = server.serve("/feed", status=304)
    with pytest.raises(HTTPFailure) as caught:
        fetcher.get(url)
    assert caught.value.status == 304


def test_connections_are_kept_open_between_fetches(server: FeedServer, fetcher: Fetcher) -> None:
    for path in ("/1", "/2", "/3"):
        fetcher.get(server.serve(path, BODY, etag='"x"'))
        fetcher.get(server.url(path), etag='"x"')
    assert (server.connections, len(server.requests)) == (1, 6)


def test_a_kept_connection_that_died_is_replaced_once(server: FeedServer, fetcher: Fetcher) -> None:
    fetcher.get(server.serve("/first", BODY))
    assert fetcher.get(server.fault("/second", faults.silent_once(BODY))).body == BODY
    assert server.paths() == ["/first", "/second", "/second"]


def test_a_fresh_connection_that_dies_is_not_tried_again(server: FeedServer, fetcher: Fetcher) -> None:
    url = server.fault("/feed", faults.silent_once(BODY))
    with pytest.raises(FetchError, match="no proper answer"):
        fetcher.get(url)
    assert server.paths() == ["/feed"]


def test_many_threads_share_a_fetcher(server: FeedServer, fetcher: Fetcher) -> None:
    urls = [server.serve(f"/{n}", b"%d" % n * 1000) for n in range(40)]
    got: dict[str, bytes | None] = {}

    def work(part: list[str]) -> None:
        for url in part:
            got[url] = fetcher.get(url).body

    threads = [threading.Thread(target=work, args=(urls[n::8],)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == {url: b"%d" % n * 1000 for n, url in enumerate(urls)}


def test_a_closed_fetcher_can_be_used_again(server: FeedServer, fetcher: Fetcher) -> None:
    url = server.serve("/feed", BODY)
    fetcher.get(url)
    fetcher.close()
    assert fetcher.get(url).body == BODY


def test_a_proxy_in_the_environment_is_not_used(
    server: FeedServer, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{faults.free_port()}")
    assert fetcher.get(server.serve("/feed", BODY)).body == BODY


@pytest.mark.parametrize(
    "kind", ["text/html", "text/plain", "application/octet-stream", "", "text/xml; charset=nonsense"]
)
def test_the_content_type_never_refuses_a_body(server: FeedServer, fetcher: Fetcher, kind: str) -> None:
    url = server.serve("/feed", BODY, headers={"Content-Type": kind} if kind else {})
    assert fetcher.get(url).body == BODY


# ---------------------------------------------------------------- redirects


@pytest.mark.parametrize("status", [301, 308])
def test_a_permanent_redirect_says_where_the_feed_moved(server: FeedServer, fetcher: Fetcher, status: int) -> None:
    server.serve("/new", BODY)
    answer = fetcher.get(server.redirect("/old", "/new", status=status))
    assert (answer.url, answer.moved_to, answer.body) == (server.url("/new"), server.url("/new"), BODY)


@pytest.mark.parametrize("status", [302, 303, 307])
def test_a_temporary_redirect_is_followed_and_forgotten(server: FeedServer, fetcher: Fetcher, status: int) -> None:
    server.serve("/new", BODY)
    answer = fetcher.get(server.redirect("/old", "/new", status=status))
    assert (answer.url, answer.moved_to, answer.body) == (server.url("/new"), "", BODY)


@pytest.mark.parametrize("chain", [(301, 302), (302, 301), (308, 307)])
def test_a_chain_moves_the_feed_only_if_every_step_is_permanent(
    server: FeedServer, fetcher: Fetcher, chain: tuple[int, int]
) -> None:
    server.redirect("/a", "/b", status=chain[0])
    server.redirect("/b", "/c", status=chain[1])
    server.serve("/c", BODY)
    assert fetcher.get(server.url("/a")).moved_to == ""
    server.redirect("/a", "/b", status=301)
    server.redirect("/b", "/c", status=308)
    assert fetcher.get(server.url("/a")).moved_to == server.url("/c")


def test_validators_go_to_the_end_of_a_redirect(server: FeedServer, fetcher: Fetcher) -> None:
    server.serve("/new", BODY, etag='"1"')
    answer = fetcher.get(server.redirect("/old", "/new", status=301), etag='"1"')
    assert (answer.status, answer.body, answer.moved_to) == (304, None, server.url("/new"))


def test_five_redirects_are_followed_and_six_are_not(server: FeedServer, fetcher: Fetcher) -> None:
    for n in range(6):
        server.redirect(f"/{n}", f"/{n + 1}", status=301)
    server.serve("/6", BODY)
    assert fetcher.get(server.url("/1")).body == BODY
    with pytest.raises(BadRedirect, match="more than 5 times"):
        fetcher.get(server.url("/0"))


@pytest.mark.parametrize("to", ["/a", "/b"])
def test_a_redirect_in_a_circle_is_noticed(server: FeedServer, fetcher: Fetcher, to: str) -> None:
    server.redirect("/a", to)
    server.redirect("/b", "/a")
    with pytest.raises(BadRedirect, match="circle"):
        fetcher.get(server.url("/a"))
    assert len(server.requests) <= 2


@pytest.mark.parametrize(
    "location",
    ["file:///etc/passwd", "ftp://127.0.0.1/", "javascript:alert(1)", "http://user:pw@127.0.0.1/"],
)
def test_a_redirect_to_something_else_than_the_web_is_refused(
    server: FeedServer, fetcher: Fetcher, location: str
) -> None:
    server.redirect("/a", location)
    with pytest.raises(BadRedirect, match="cannot be fetched") as caught:
        fetcher.get(server.url("/a"))
    assert dict(caught.value.detail.headers)["Location"] == location


def test_a_redirect_without_an_address_is_refused(server: FeedServer, fetcher: Fetcher) -> None:
    server.serve("/a", status=302)
    with pytest.raises(BadRedirect, match="not where"):
        fetcher.get(server.url("/a"))


def test_a_relative_redirect_with_spaces_and_letters_is_followed(server: FeedServer, fetcher: Fetcher) -> None:
    server.serve("/n%C3%A4chste/seite%201?q=%C3%A4", BODY)
    server.fault("/a/b", faults.says("HTTP/1.1 302 Found\r\nLocation: ../nächste/seite 1?q=ä\r\n\r\n".encode()))
    assert fetcher.get(server.url("/a/b")).body == BODY


# ---------------------------------------------------------------- statuses


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (400, "status 400"),
        (401, "name and password"),
        (402, "payment"),
        (403, "does not let news readers in"),
        (404, "no feed at this address"),
        (410, "given this feed up"),
        (429, "less often"),
        (451, "legal"),
        (300, "status 300"),
        (500, "trouble of its own"),
        (502, "trouble of its own"),
        (503, "trouble of its own"),
    ],
)
def test_each_error_status_has_its_sentence_and_detail(
    server: FeedServer, fetcher: Fetcher, status: int, says: str
) -> None:
    url = server.serve(
        "/feed", b"<h1>No\x00 \xe2\x80\xaeway</h1>" + b"x" * 1000, status=status, headers={"X-Why": "because"}
    )
    with pytest.raises(HTTPFailure, match=says) as caught:
        fetcher.get(url)
    error = caught.value
    assert (error.status, error.url, error.detail.status) == (status, url, status)
    assert ("X-Why", "because") in error.detail.headers
    assert error.detail.start.startswith("<h1>No way</h1>xxx")
    assert len(error.detail.start) <= 500
    assert "127.0.0.1" in str(error)


def test_the_detail_of_a_packed_answer_is_readable_and_has_no_cookies(server: FeedServer, fetcher: Fetcher) -> None:
    url = server.serve(
        "/feed",
        gzip.compress(b"Please log in."),
        status=403,
        headers={"Content-Encoding": "gzip", "Set-Cookie": "session=secret"},
    )
    with pytest.raises(HTTPFailure) as caught:
        fetcher.get(url)
    assert caught.value.detail.start == "Please log in."
    assert "secret" not in repr(caught.value.detail)


def test_an_answer_that_came_well_can_be_described_too(server: FeedServer, fetcher: Fetcher) -> None:
    body = b"<html>No feed" + b"!" * 1000
    answer = fetcher.get(server.serve("/feed", body, headers={"Content-Type": "text/html", "Set-Cookie": "secret"}))
    detail = detail_of(answer)
    assert (detail.status, detail.start) == (200, body[:500].decode())
    assert ("content-type", "text/html") in detail.headers
    assert "secret" not in repr(detail)


def test_a_challenge_for_people_has_its_own_sentence(server: FeedServer, fetcher: Fetcher) -> None:
    url = server.serve("/feed", status=403, headers={"cf-mitigated": "challenge"})
    with pytest.raises(HTTPFailure, match="prove to be human"):
        fetcher.get(url)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("said", "means"),
    [
        ("120", timedelta(seconds=120)),
        ("Wed, 10 Jun 2026 13:00:00 GMT", timedelta(hours=1)),
        ("Wed, 10 Jun 2026 11:00:00 GMT", None),
        ("0", None),
        ("-5", None),
        ("soon", None),
        ("3456000", timedelta(days=40)),
        ("9" * 5000, timedelta(days=36500)),
        (None, None),
    ],
)
def test_retry_after_is_read_in_every_form(
    server: FeedServer, fetcher: Fetcher, status: int, said: str | None, means: timedelta | None
) -> None:
    # The server's own clock counts: the fetcher's says 2026-06-10T12:00 too, but is not asked.
    date = "HTTP/1.1 {} Busy\r\nDate: Wed, 10 Jun 2026 12:00:00 GMT\r\nContent-Length: 0\r\n{}\r\n"
    head = date.format(status, f"Retry-After: {said}\r\n" if said is not None else "")
    url = server.fault("/feed", faults.says(head.encode()))
    with pytest.raises(HTTPFailure) as caught:
        fetcher.get(url)
    assert caught.value.retry_after == means


def test_retry_after_is_counted_from_the_clock_where_the_server_has_none(server: FeedServer, fetcher: Fetcher) -> None:
    head = b"HTTP/1.1 429 Busy\r\nRetry-After: Wed, 10 Jun 2026 12:30:00 GMT\r\nContent-Length: 0\r\n\r\n"
    with pytest.raises(HTTPFailure) as caught:
        fetcher.get(server.fault("/feed", faults.says(head)))
    assert caught.value.retry_after == timedelta(minutes=30)


# ---------------------------------------------------------------- compressed bodies


@pytest.mark.parametrize(
    ("coding", "packed"),
    [
        ("gzip", gzip.compress(BODY)),
        ("x-gzip", gzip.compress(BODY)),
        ("GZIP", gzip.compress(BODY)),
        ("gzip", gzip.compress(BODY[:50]) + gzip.compress(BODY[50:])),
        ("gzip", gzip.compress(BODY) + b"padding"),
        ("deflate", zlib.compress(BODY)),
        ("deflate", faults.raw_deflate(BODY)),
        ("identity", BODY),
        ("", BODY),
    ],
    ids=["gzip", "x-gzip", "capitals", "two members", "padding", "deflate", "bare deflate", "identity", "none"],
)
def test_what_was_packed_is_unpacked(server: FeedServer, fetcher: Fetcher, coding: str, packed: bytes) -> None:
    assert fetcher.get(server.fault("/feed", faults.coded(packed, coding))).body == BODY


def test_a_compressed_body_may_arrive_byte_by_byte(server: FeedServer, fetcher: Fetcher) -> None:
    packed = gzip.compress(b"a little feed")

    def fault(connection: faults.Connection) -> None:
        connection.head(Content_Encoding="gzip", Content_Length=str(len(packed)))
        for byte in packed:
            connection.send(bytes([byte]))

    assert fetcher.get(server.fault("/feed", fault)).body == b"a little feed"


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip", "gzip,deflate", "gzip, identity", "compress"])
def test_codings_nobody_asked_for_are_refused_by_name(server: FeedServer, fetcher: Fetcher, coding: str) -> None:
    with pytest.raises(FetchError, match="not asked for") as caught:
        fetcher.get(server.fault("/feed", faults.coded(gzip.compress(gzip.compress(BODY)), coding)))
    assert coding in str(caught.value)


def test_a_body_that_is_not_packed_as_it_says_is_an_error(server: FeedServer, fetcher: Fetcher) -> None:
    with pytest.raises(FetchError, match="cannot be unpacked"):
        fetcher.get(server.fault("/feed", faults.coded(BODY, "gzip")))


@pytest.mark.parametrize("keep", [1, 10, 20, -1])
def test_a_compressed_body_that_breaks_off_is_an_error(server: FeedServer, fetcher: Fetcher, keep: int) -> None:
    with pytest.raises(FetchError, match="broke off"):
        fetcher.get(server.fault("/feed", faults.coded(gzip.compress(BODY)[:keep], "gzip")))


def test_a_bomb_of_a_hundred_kilobytes_is_stopped_at_five_megabytes(server: FeedServer, fetcher: Fetcher) -> None:
    packed = faults.bomb(100)
    assert len(packed) < 110_000
    with pytest.raises(TooLarge, match="5 MB"):
        fetcher.get(server.fault("/feed", faults.coded(packed, "gzip")))


def test_no_bomb_is_ever_unpacked_beyond_the_limit(
    server: FeedServer, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, unpacked = fetch._unpacker, []

    class Watched:
        def __init__(self, inner: Any) -> None:
            self._inner = inner

        def decompress(self, data: bytes, most: int) -> bytes:
            got: bytes = self._inner.decompress(data, most)
            unpacked.append(len(got))
            return got

        def __getattr__(self, name: str) -> Any:
            return getattr(self._inner, name)

    monkeypatch.setattr(fetch, "_unpacker", lambda coding, start: Watched(real(coding, start)))
    for fault in (
        faults.coded(faults.bomb(100), "gzip"),
        faults.endless_gzip,
        faults.coded(faults.bomb(100, layers=2), "gzip, gzip"),
    ):
        unpacked.clear()
        with pytest.raises(FetchError):
            fetcher.get(server.fault("/feed", fault))
        assert sum(unpacked) <= 5 * MB + 1


def test_a_bomb_in_a_bomb_of_a_few_hundred_bytes_is_refused(server: FeedServer, fetcher: Fetcher) -> None:
    packed = faults.bomb(100, layers=2)
    assert len(packed) < 1000
    with pytest.raises(FetchError, match="gzip, gzip"):
        fetcher.get(server.fault("/feed", faults.coded(packed, "gzip, gzip")))


def test_endless_empty_gzip_members_come_to_an_end(server: FeedServer, fetcher: Fetcher) -> None:
    packed = gzip.compress(BODY) + gzip.compress(b"") * 50_000
    assert fetcher.get(server.fault("/feed", faults.coded(packed, "gzip"))).body == BODY


# ---------------------------------------------------------------- sizes


def test_the_limit_is_exact(server: FeedServer) -> None:
    with Fetcher(allow_private=True, max_bytes=1000) as fetcher:
        assert fetcher.get(server.serve("/fits", b"x" * 1000)).body == b"x" * 1000
        assert fetcher.get(server.fault("/zip", faults.coded(gzip.compress(b"x" * 1000), "gzip"))).body == b"x" * 1000
        for fault in (
            faults.coded(b"x" * 1001, "identity"),
            faults.coded(gzip.compress(b"x" * 1001), "gzip"),
            faults.says(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1001),
        ):
            with pytest.raises(TooLarge):
                fetcher.get(server.fault("/large", fault))


def test_a_length_over_the_limit_is_believed_at_once(server: FeedServer, fetcher: Fetcher) -> None:
    fault = faults.drip(b"x", every_s=0.1, headers=b"HTTP/1.1 200 OK\r\nContent-Length: 200000000\r\n\r\n")
    started = time.monotonic()
    with pytest.raises(TooLarge):
        fetcher.get(server.fault("/feed", fault))
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    "fault", [faults.endless_chunks, faults.endless_trailer, faults.endless_gzip], ids=lambda fault: fault.__name__
)
def test_what_has_no_end_is_stopped(server: FeedServer, fetcher: Fetcher, fault: faults.Fault) -> None:
    with pytest.raises(FetchError):
        fetcher.get(server.fault("/feed", fault))


def test_too_large_shows_how_the_body_begins(server: FeedServer, fetcher: Fetcher) -> None:
    with pytest.raises(TooLarge) as caught:
        fetcher.get(server.fault("/feed", faults.endless_chunks))
    assert caught.value.detail.start == "x" * 500


def test_a_body_shorter_than_its_length_is_an_error(server: FeedServer, fetcher: Fetcher) -> None:
    url = server.fault("/feed", faults.says(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + BODY))
    with pytest.raises(FetchError, match="broke off"):
        fetcher.get(url)


def test_a_body_longer_than_its_length_ends_there(server: FeedServer, fetcher: Fetcher) -> None:
    url = server.fault("/feed", faults.says(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" + BODY))
    assert fetcher.get(url).body == BODY[:5]


def test_a_body_without_a_length_ends_with_the_connection(server: FeedServer, fetcher: Fetcher) -> None:
    assert fetcher.get(server.serve("/feed", BODY, length=False)).body == BODY


def test_a_chunked_body_that_breaks_off_is_an_error(server: FeedServer, fetcher: Fetcher) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    for rest in (b"5\r\nhel", b"5\r\nhello\r\n", b"zz\r\nhello\r\n0\r\n\r\n"):
        with pytest.raises(FetchError, match="broke off"):
            fetcher.get(server.fault("/feed", faults.says(head + rest)))


# ---------------------------------------------------------------- headers


def test_a_header_of_thirty_kilobytes_is_borne(server: FeedServer, fetcher: Fetcher) -> None:
    assert fetcher.get(server.fault("/feed", faults.long_headers(30_000))).body == b"ok"


@pytest.mark.parametrize(
    "fault",
    [faults.long_headers(70_000), faults.many_headers, faults.endless_continue],
    ids=["one of 70 KB", "many", "endless 100s"],
)
def test_headers_have_a_bound(server: FeedServer, fetcher: Fetcher, fault: faults.Fault) -> None:
    with pytest.raises(FetchError):
        fetcher.get(server.fault("/feed", fault))


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"+PONG\r\n",
        b"HTTP/1.1 101 Switching\r\n\r\n",
        bytes(range(256)) * 10,
    ],
    ids=["nothing", "newline", "ssh", "no status", "version", "redis", "101", "noise"],
)
def test_answers_that_are_no_http_are_errors_with_a_sentence(
    server: FeedServer, fetcher: Fetcher, answer: bytes
) -> None:
    with pytest.raises(FetchError, match="127"):
        fetcher.get(server.fault("/feed", faults.says(answer)))


def test_a_connection_reset_is_an_error_with_a_sentence(server: FeedServer, fetcher: Fetcher) -> None:
    with pytest.raises(FetchError, match="no proper answer"):
        fetcher.get(server.fault("/feed", faults.reset))


# ---------------------------------------------------------------- time


@pytest.mark.parametrize(
    "fault",
    [
        faults.hang,
        faults.slow_headers,
        faults.drip(b"<rss>", every_s=0.05),
        faults.drip(b"1\r\nx\r\n", every_s=0.03, headers=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
        faults.drip(b"H", every_s=0.05, headers=b""),
    ],
    ids=["never answers", "headers never finish", "body drips", "chunks drip", "status drips"],
)
def test_the_time_limit_counts_the_whole_fetch(server: FeedServer, fault: faults.Fault) -> None:
    # Each read returns well within the limit, so that a timeout of the socket alone would never end it.
    started = time.monotonic()
    with impatient() as fetcher, pytest.raises(TimedOut, match=r"longer than 0\.5 seconds"):
        fetcher.get(server.fault("/feed", fault))
    assert time.monotonic() - started < 5


def test_redirects_share_one_time_limit(server: FeedServer) -> None:
    def later(connection: faults.Connection) -> None:
        connection.wait(0.2)
        connection.head("302 Found", Location="/next?" + "x" * len(server.requests), Content_Length="0")

    server.pages["*"] = faults.Page(fault=later)
    with impatient() as fetcher, pytest.raises(TimedOut):
        fetcher.get(server.url("/next"))
    assert len(server.requests) <= 4


def test_a_name_service_that_hangs_is_not_waited_for() -> None:
    released = threading.Event()

    def resolve(*_: Any, **__: Any) -> list[Any]:
        released.wait(30)
        return []

    try:
        with impatient(resolve=resolve) as fetcher, pytest.raises(TimedOut):
            fetcher.get("http://slow.example/")
    finally:
        released.set()


def test_a_slow_fetch_does_not_hold_up_another_thread(fetcher: Fetcher) -> None:
    with FeedServer() as server:

        def hang() -> None:
            with suppress(FetchError):
                fetcher.get(server.fault("/slow", faults.hang))

        slow = threading.Thread(target=hang)
        slow.start()
        assert fetcher.get(server.serve("/feed", BODY)).body == BODY
        assert slow.is_alive()
    slow.join()


# ---------------------------------------------------------------- no connection


def test_a_refused_connection_says_so(fetcher: Fetcher) -> None:
    with pytest.raises(Unreachable, match="refuses the connection"):
        fetcher.get(f"http://127.0.0.1:{faults.free_port()}/")


@pytest.mark.parametrize(
    ("problem", "says"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), "No public site was found at gone.example"),
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure"), "network or its name service is down"),
        (UnicodeError("label too long"), "No public site was found"),
    ],
)
def test_a_name_that_cannot_be_found_says_so(problem: Exception, says: str) -> None:
    def resolve(*_: Any, **__: Any) -> list[Any]:
        raise problem

    with Fetcher(resolve=resolve) as fetcher, pytest.raises(Unreachable, match=says):
        fetcher.get("https://gone.example/feed")


def test_a_name_without_addresses_says_so() -> None:
    with Fetcher(resolve=lambda *_, **__: []) as fetcher, pytest.raises(Unreachable, match="No public site"):
        fetcher.get("https://gone.example/feed")


# ---------------------------------------------------------------- TLS


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return faults.certificates(tmp_path_factory.mktemp("certificates"))


def test_https_works_and_keeps_its_connections(made: Certificates) -> None:
    with (
        FeedServer(tls=made.good) as server,
        Fetcher(allow_private=True, authorities=str(made.authority)) as fetcher,
    ):
        url = server.serve("/feed", BODY)
        assert fetcher.get(url).body == BODY
        assert fetcher.get(url).body == BODY
        assert server.connections == 1


def test_the_certificate_is_checked_against_the_name_and_not_the_address(made: Certificates) -> None:
    def resolve(host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    with (
        FeedServer(tls=made.good) as server,
        Fetcher(allow_private=True, authorities=str(made.authority), resolve=resolve) as fetcher,
    ):
        server.serve("/feed", BODY)
        assert fetcher.get(server.url("/feed", host="feeds.example")).body == BODY
        assert server.requests[0].headers["host"] == f"feeds.example:{server.port}"
        with pytest.raises(Unreachable, match="belongs to another site"):
            fetcher.get(server.url("/feed", host="other.example"))


@pytest.mark.parametrize(
    ("which", "trusted", "says"),
    [
        ("self_signed", True, "self-signed"),
        ("expired", True, "has expired"),
        ("other_host", True, "belongs to another site"),
        ("good", False, "authority that is not known"),
    ],
)
def test_a_bad_certificate_is_refused_with_its_reason(made: Certificates, which: str, trusted: bool, says: str) -> None:
    authorities = str(made.authority) if trusted else None
    with (
        FeedServer(tls=getattr(made, which)) as server,
        Fetcher(allow_private=True, authorities=authorities) as fetcher,
    ):
        url = server.serve("/feed", BODY)
        with pytest.raises(Unreachable, match=says) as caught:
            fetcher.get(url)
        assert caught.value.detail.note
        assert server.requests == []


def test_a_server_that_speaks_no_tls_is_an_error_with_a_sentence(server: FeedServer, fetcher: Fetcher) -> None:
    with pytest.raises(Unreachable, match="secure connection"):
        fetcher.get(server.url("/feed").replace("http:", "https:"))


def test_a_handshake_that_hangs_is_not_waited_for() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with impatient() as fetcher, pytest.raises(TimedOut):
            fetcher.get(f"https://127.0.0.1:{silent.getsockname()[1]}/")


# ---------------------------------------------------------------- private addresses

LOOPBACK = """
127.0.0.1 127.255.255.254 localhost LOCALHOST localhost. 2130706433 0x7f000001 0x7f.0.0.1 0x7F.0x00.0x00.0X01 0177.0.0.1
017700000001 127.1 127.0.1 127.000.000.001 0 0.0.0.0 0.1.2.3 127。0。0。1 ①②⑦.⓪.⓪.① ⓛocalhost [::1] [0000::1] [::]
[::ffff:127.0.0.1] [::ffff:7f00:1] [::127.0.0.1] [::ffff:0:127.0.0.1] [fe80::1%25lo]
""".split()
METADATA = """
169.254.169.254 [::ffff:a9fe:a9fe] [64:ff9b::a9fe:a9fe] [2002:a9fe:a9fe::] [::a9fe:a9fe] 169.254.170.2 100.100.100.200
[fd00:ec2::254] metadata.google.internal
""".split()
SPECIAL = """
10.0.0.1 172.16.0.1 172.31.255.255 192.168.0.1 100.64.0.1 192.0.0.8 192.0.2.1 192.88.99.1 198.18.0.1 198.51.100.1
203.0.113.1 224.0.0.1 239.255.255.254 240.0.0.1 255.255.255.255 [fc00::1] [fd00:dead:beef::50] [fe80::215:5dff:fe15:102]
[fec0::1] [ff02::1] [100::1] [2001:db8::1] [3fff::1] [5f00::1] [64:ff9b:1::1] [64:ff9b::a00:1] [2002:a00:1::]
[2001:0:4136:e378:8000:63bf:f5ff:fffe]
""".split()
TRICKS = [
    "http://user:pw@127.0.0.1/",
    "http://example.com@127.0.0.1/",
    "http://127.0.0.1\\@example.com/",
    "http://127.0.0.1%2f@example.com/",
    "http://example.com#@127.0.0.1/",
    "http:127.0.0.1/",
    "http:///127.0.0.1/",
    "HTTP://LOCALHOST./",
    "http://127.0.0.1:0/",
    "http://127.0.0.1:65536/",
    "http://127.0.0.1:-1/",
    "http://\t127.0.0.1/",
    " http://127.0.0.1/",
    "http://127.0.0.1/ ",
    "http://127.0.\n0.1/",
    "http://127.0.0.1\r\nX-Evil: 1/",
    "//127.0.0.1/",
    "feed:http://127.0.0.1/",
    "feed://127.0.0.1/",
    "file:///etc/passwd",
    "/etc/passwd",
    "ftp://127.0.0.1/",
    "gopher://127.0.0.1/",
    "data:text/xml,<rss/>",
    "jar:http://127.0.0.1!/",
    "javascript:alert(1)",
    "http://127.0.0.1:22/",
    "http://127.0.0.1:25/",
    "http://127.0.0.1:6379/",
    "http://127.0.0.1:11211/",
    "http://[::1/",
    "http://[127.0.0.1]/",
    "http://127.0.0.1.5/",
    "http://256.0.0.1/",
    "http://0x100000000/",
    "http://a..b/",
    "http://-/",
    "http://",
    "",
    "http://ex\u202eample.com/\\",
    "http://" + "a" * 2050 + "/",
]


class Canary:
    """A server on loopback that must not be asked, under every port that the list names."""

    def __init__(self, server: FeedServer, monkeypatch: pytest.MonkeyPatch) -> None:
        self.server = server
        server.pages["*"] = faults.Page(BODY)
        monkeypatch.setattr(fetch, "_PORTS", fetch._PORTS | {server.port})

    def url(self, host: str) -> str:
        return f"http://{host}:{self.server.port}/"


@pytest.fixture
def canary(server: FeedServer, monkeypatch: pytest.MonkeyPatch) -> Canary:
    return Canary(server, monkeypatch)


def as_glibc(host: str, port: int, **_: Any) -> list[Any]:
    """Resolves what a system's resolver makes of odd spellings, so that a guard that lets them pass is found out."""
    return socket.getaddrinfo("127.0.0.1", port, type=socket.SOCK_STREAM)


@pytest.mark.parametrize("host", LOOPBACK + METADATA + SPECIAL)
def test_no_private_address_is_fetched_however_it_is_spelt(canary: Canary, host: str) -> None:
    with Fetcher(resolve=as_glibc, timeout_s=5) as fetcher:
        for url in (canary.url(host), f"http://{host}/", f"https://{host}/"):
            with pytest.raises((Refused, BadURL)) as caught:
                fetcher.get(url)
            if isinstance(caught.value, Refused):
                assert "No public site was found" in str(caught.value)
    assert canary.server.requests == []
    assert canary.server.connections == 0


@pytest.mark.parametrize("url", TRICKS)
def test_no_trick_in_an_address_leads_to_loopback(canary: Canary, url: str) -> None:
    with Fetcher(resolve=as_glibc, timeout_s=5) as fetcher:
        for tried in (url, url.replace("127.0.0.1", f"127.0.0.1:{canary.server.port}")):
            with pytest.raises((Refused, BadURL)):
                fetcher.get(tried)
    assert canary.server.connections == 0


@pytest.mark.parametrize("url", [url for url in TRICKS if "//127.0.0.1:2" not in url and "LOCALHOST" not in url])
def test_allowing_private_addresses_opens_nothing_else(canary: Canary, url: str) -> None:
    with Fetcher(allow_private=True, resolve=as_glibc, timeout_s=2) as fetcher:
        try:
            fetcher.get(url)
        except BadURL:
            pass
        except FetchError:
            assert ":6379" in url or ":11211" in url  # any port may be tried at home; nobody listens there


@pytest.mark.parametrize(
    "host", [*METADATA[:-1], "224.0.0.1", "0.0.0.0", "[::]", "[ff02::1]", "240.0.0.1", "[fe80::1]"]
)
def test_metadata_and_multicast_stay_closed_at_home(host: str) -> None:
    with Fetcher(allow_private=True, timeout_s=5) as fetcher, pytest.raises(Refused):
        fetcher.get(f"http://{host}/")


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "172.20.0.1", "192.168.1.1", "100.64.0.1", "::1", "fd12::1", "::ffff:192.168.1.1"],
)
def test_home_addresses_open_with_the_setting_alone(address: str) -> None:
    assert may_connect(address, allow_private=True)
    assert not may_connect(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "1.1.1.1", "223.255.255.255", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_public_addresses_are_open(address: str) -> None:
    assert may_connect(address)


@pytest.mark.parametrize("text", ["", "example.com", "8.8.8.8.8", "8.8.8", "fe80::1%eth0", "::ffff:10.0.0.1", "1::"])
def test_what_is_no_public_address_is_closed(text: str) -> None:
    assert not may_connect(text)


# ---------------------------------------------------------------- names that lead somewhere else


class Internet:
    """Names with made-up public addresses; connections to those really go to the loopback server."""

    PUBLIC = "93.184.216.34"

    def __init__(self, server: FeedServer, monkeypatch: pytest.MonkeyPatch) -> None:
        self.names: dict[str, list[list[str]]] = {}
        self.lookups: list[str] = []
        self.connected: list[str] = []
        real_connect, real_peer = fetch._Socket.connect, fetch._Socket.getpeername
        peers: dict[int, str] = {}

        def connect(sock: Any, address: Any) -> None:
            self.connected.append(address[0])
            peers[sock.fileno()] = address[0]
            if sock.family == socket.AF_INET6:
                raise OSError("no route to host")
            real_connect(sock, ("127.0.0.1", server.port))

        def getpeername(sock: Any) -> Any:
            return (peers.get(sock.fileno(), real_peer(sock)[0]), 80)

        monkeypatch.setattr(fetch._Socket, "connect", connect)
        monkeypatch.setattr(fetch._Socket, "getpeername", getpeername)

    def resolve(self, host: str, port: int, **_: Any) -> list[Any]:
        self.lookups.append(host)
        answers = self.names[host]
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        return [
            (socket.AF_INET6 if ":" in each else socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port))
            for each in addresses
        ]


@pytest.fixture
def internet(server: FeedServer, monkeypatch: pytest.MonkeyPatch) -> Internet:
    return Internet(server, monkeypatch)


def test_a_public_name_is_fetched_from_the_address_that_was_checked(server: FeedServer, internet: Internet) -> None:
    internet.names["outlet.example"] = [["93.184.216.34"]]
    server.serve("/feed", BODY)
    with Fetcher(resolve=internet.resolve) as fetcher:
        assert fetcher.get("HTTP://Outlet.Example/feed").body == BODY
        assert fetcher.get("http://outlet.example/feed").body == BODY
    assert internet.connected == ["93.184.216.34"]
    assert internet.lookups == ["outlet.example"]  # once a connection, and it was kept
    assert server.requests[0].headers["host"] == "outlet.example"


def test_an_international_name_is_looked_up_in_ascii(server: FeedServer, internet: Internet) -> None:
    internet.names["xn--fa-hia.example"] = [["93.184.216.34"]]
    server.serve("/n%C3%A4chste", BODY)
    with Fetcher(resolve=internet.resolve) as fetcher:
        assert fetcher.get("http://faß.example/nächste").body == BODY


def test_where_ipv6_leads_nowhere_ipv4_is_tried(server: FeedServer, internet: Internet) -> None:
    internet.names["outlet.example"] = [["2606:4700::1", "2606:4700::2", "2606:4700::3", "93.184.216.34"]]
    server.serve("/feed", BODY)
    with Fetcher(resolve=internet.resolve) as fetcher:
        assert fetcher.get("http://outlet.example/feed").body == BODY
    assert internet.connected == ["2606:4700::1", "93.184.216.34"]


@pytest.mark.parametrize(
    "addresses",
    [
        ["10.0.0.1"],
        ["127.0.0.1"],
        ["93.184.216.34", "127.0.0.1"],
        ["127.0.0.1", "93.184.216.34"],
        ["93.184.216.34", "::1"],
        ["fd00::1", "93.184.216.34"],
        ["169.254.169.254"],
        ["::ffff:127.0.0.1"],
        ["64:ff9b::7f00:1"],
        ["fe80::1%eth0"],
    ],
)
def test_a_name_with_one_private_address_is_refused(
    server: FeedServer, internet: Internet, addresses: list[str]
) -> None:
    internet.names["evil.example"] = [addresses]
    with Fetcher(resolve=internet.resolve) as fetcher, pytest.raises(Refused) as caught:
        fetcher.get("http://evil.example/")
    assert str(caught.value) == "No public site was found at evil.example."
    assert "has the address" in caught.value.detail.note
    assert (internet.connected, server.requests) == ([], [])


def test_a_name_that_changes_its_mind_is_looked_up_only_once(server: FeedServer, internet: Internet) -> None:
    internet.names["rebind.example"] = [["93.184.216.34"], ["127.0.0.1"]]
    server.serve("/feed", BODY)
    with Fetcher(resolve=internet.resolve) as fetcher:
        assert fetcher.get("http://rebind.example/feed").body == BODY
        fetcher.close()
        with pytest.raises(Refused):
            fetcher.get("http://rebind.example/feed")
    assert internet.connected == ["93.184.216.34"]


@pytest.mark.parametrize("host", LOOPBACK + METADATA + SPECIAL)
def test_no_redirect_leads_into_a_private_network(server: FeedServer, internet: Internet, host: str) -> None:
    internet.names["public.example"] = [["93.184.216.34"]]
    internet.names["localhost"] = [["127.0.0.1"]]
    answer = f"HTTP/1.1 301 Moved\r\nLocation: http://{host}/canary\r\nContent-Length: 0\r\n\r\n"
    server.fault("/feed", faults.says(answer.encode()))
    with Fetcher(resolve=internet.resolve) as fetcher, pytest.raises((Refused, BadRedirect)):
        fetcher.get("http://public.example/feed")
    assert internet.connected == ["93.184.216.34"]
    assert server.paths() == ["/feed"]


def test_a_redirect_to_another_port_of_the_same_host_is_refused(server: FeedServer, internet: Internet) -> None:
    internet.names["public.example"] = [["93.184.216.34"]]
    server.redirect("/feed", "http://public.example:6379/")
    with Fetcher(resolve=internet.resolve) as fetcher, pytest.raises(BadRedirect):
        fetcher.get("http://public.example/feed")
    assert server.paths() == ["/feed"]


def test_a_redirect_to_a_name_with_a_private_address_is_refused(server: FeedServer, internet: Internet) -> None:
    internet.names["public.example"] = [["93.184.216.34"]]
    internet.names["7f000001.nip.example"] = [["127.0.0.1"]]
    server.redirect("/feed", "http://7f000001.nip.example/")
    with Fetcher(resolve=internet.resolve) as fetcher, pytest.raises(Refused):
        fetcher.get("http://public.example/feed")
    assert internet.connected == ["93.184.216.34"]


def test_where_the_connection_really_led_is_checked_again(
    server: FeedServer, internet: Internet, monkeypatch: pytest.MonkeyPatch
) -> None:
    internet.names["public.example"] = [["93.184.216.34"]]
    server.serve("/feed", BODY)
    monkeypatch.setattr(fetch._Socket, "getpeername", lambda sock: ("127.0.0.1", 80))
    with Fetcher(resolve=internet.resolve) as fetcher, pytest.raises(Refused):
        fetcher.get("http://public.example/feed")
    assert server.requests == []


# ---------------------------------------------------------------- addresses as text


@pytest.mark.parametrize(
    ("typed", "checked"),
    [
        ("HTTP://Example.COM", "http://example.com/"),
        ("https://example.com:443/a", "https://example.com/a"),
        ("http://example.com:80/", "http://example.com/"),
        ("https://example.com:80/", "https://example.com:80/"),
        ("https://example.com:8443/", "https://example.com:8443/"),
        ("https://example.com./a", "https://example.com/a"),
        ("https://example.com/a#b", "https://example.com/a"),
        ("https://example.com?q=1", "https://example.com/?q=1"),
        ("https://bücher.example/ä?ö=ü", "https://xn--bcher-kva.example/%C3%A4?%C3%B6=%C3%BC"),
        ("https://example.com/100%/%41", "https://example.com/100%25/%41"),
        ("https://a_b.example/", "https://a_b.example/"),
        ("http://[2606:4700:4700:0::1111]/", "http://[2606:4700:4700::1111]/"),
        ("http://0x08080808/", "http://8.8.8.8/"),
    ],
)
def test_addresses_are_normalised(typed: str, checked: str) -> None:
    assert check_url(typed) == checked
    assert check_url(checked) == checked


def test_any_port_is_open_at_home_only() -> None:
    assert check_url("http://nas.example:5000/feed", allow_private=True) == "http://nas.example:5000/feed"
    with pytest.raises(BadURL, match="ports 80, 443, 8080 and 8443"):
        check_url("http://nas.example:5000/feed")


# ---------------------------------------------------------------- when to come back


@pytest.mark.parametrize(
    ("headers", "fresh"),
    [
        ({}, None),
        ({"cache-control": "max-age=600"}, 600),
        ({"cache-control": 'public, Max-Age="600"'}, 600),
        ({"cache-control": "max-age=600", "age": "200"}, 400),
        ({"cache-control": "max-age=600", "age": "700"}, None),
        ({"cache-control": "max-age=0"}, None),
        ({"cache-control": "max-age=soon"}, None),
        ({"cache-control": "no-cache, max-age=600"}, None),
        ({"cache-control": "no-store"}, None),
        ({"cache-control": "private", "expires": "Wed, 10 Jun 2026 13:00:00 GMT"}, 3600),
        ({"cache-control": "max-age=600", "expires": "Wed, 10 Jun 2026 13:00:00 GMT"}, 600),
        ({"expires": "Wed, 10 Jun 2026 13:00:00 GMT", "date": "Wed, 10 Jun 2026 12:30:00 GMT"}, 1800),
        ({"expires": "Wed, 10 Jun 2026 11:00:00 GMT"}, None),
        ({"expires": "0"}, None),
        ({"expires": "-1"}, None),
        ({"expires": "Wed, 10 Jun 99999 11:00:00 GMT"}, None),
    ],
)
def test_freshness_is_what_the_server_says(headers: dict[str, str], fresh: int | None) -> None:
    assert freshness(headers, NOW) == (None if fresh is None else timedelta(seconds=fresh))


def test_freshness_of_a_century_is_no_overflow() -> None:
    assert freshness({"cache-control": "max-age=" + "9" * 3000}, NOW) == timedelta(days=36500)


# ---------------------------------------------------------------- whatever happens


def test_every_failure_is_an_error_of_ours(server: FeedServer, fetcher: Fetcher) -> None:
    hostile: list[Callable[[], object]] = [
        lambda: fetcher.get("http://\udcff/"),
        lambda: fetcher.get("http://example.com/\udcff", etag="\udcff"),
        lambda: fetcher.get(server.fault("/a", faults.says(b"HTTP/1.1 302 Found\r\nLocation: http://[::1\r\n\r\n"))),
        lambda: fetcher.get(server.fault("/b", faults.says(b"HTTP/1.1 302 Found\r\nLocation: \xff\xfe\r\n\r\n"))),
        lambda: fetcher.get(server.fault("/c", faults.says(b"HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\nxx"))),
    ]
    fetcher._resolve = lambda *_, **__: []
    for attempt in hostile:
        with pytest.raises(NewsError):
            attempt()
