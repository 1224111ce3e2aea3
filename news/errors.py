"""What can go wrong with a feed, in words for its reader.

NewsError
├── BadURL            the address is not one Broadsheet fetches
├── FetchError        nothing usable came back
│   ├── Refused         the address is private, or a redirect led to one
│   ├── Unreachable     no connection: DNS, refused, TLS
│   ├── TimedOut        the whole fetch took longer than allowed
│   ├── TooLarge        the body passed the limit after decompression
│   ├── BadRedirect     a loop, too many hops, or a redirect without an address
│   └── HTTPFailure     the server answered with an error status
├── ParseError        bytes came, but no feed
│   ├── NotAFeed        a page or something else; may announce feeds
│   ├── EmptyFeed       nothing in it at all
│   └── ParseTimedOut   reading it took longer or more memory than allowed
├── BadOPML           the list of feeds cannot be read
├── BadCatalogue      the file of starter packs was edited into something wrong (in `news.catalogue`)
└── UnknownFeed       no such feed is stored

`str(error)` is one sentence fit for a page. `error.url` is the subject. What only an owner
should see (status, headers, first bytes) is in `error.detail`, never in the sentence.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Detail:
    """What a server answered, for "why is this failing": text only, already bounded.

    `headers` keep the server's order; `start` is the first 500 bytes decoded with replacement.
    """

    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    start: str = ""
    note: str = field(default="", kw_only=True)


class NewsError(Exception):
    """Base of every error of `news`. `url` is the feed or page it is about, "" if none.

    `detail` is what a server answered, where there is something to see.
    """

    detail: Detail | None = None

    def __init__(self, sentence: str, *, url: str = "") -> None:
        super().__init__(sentence)
        self.url = url


class BadURL(NewsError):
    """The text given is not an address that may be fetched."""


class FetchError(NewsError):
    """Nothing usable came back from `url`."""

    def __init__(self, sentence: str, *, url: str = "", detail: Detail | None = None) -> None:
        super().__init__(sentence, url=url)
        self.detail = detail


class Refused(FetchError):
    """The address, or one a redirect led to, is not public."""


class Unreachable(FetchError):
    """No connection could be made: no such host, refused, or TLS failed."""


class TimedOut(FetchError):
    """The fetch as a whole ran out of time."""


class TooLarge(FetchError):
    """The body grew past the limit after decompression."""


class BadRedirect(FetchError):
    """Redirects went round in a circle, too far, or nowhere."""


class HTTPFailure(FetchError):
    """An error status. `status` is the code; `retry_after` what the server asked to wait, if it did."""

    def __init__(
        self,
        sentence: str,
        *,
        url: str,
        status: int,
        retry_after: timedelta | None = None,
        detail: Detail | None = None,
    ) -> None:
        super().__init__(sentence, url=url, detail=detail)
        self.status = status
        self.retry_after = retry_after


class ParseError(NewsError):
    """Bytes came, but no feed could be read from them."""


class NotAFeed(ParseError):
    """A web page or another document. `announced` holds the feed URLs it announces, absolute, best first."""

    def __init__(self, sentence: str, *, url: str = "", announced: tuple[str, ...] = ()) -> None:
        super().__init__(sentence, url=url)
        self.announced = announced


class EmptyFeed(ParseError):
    """The body is empty, or a feed without a single entry."""


class ParseTimedOut(ParseError):
    """Reading took longer, or more memory, than one feed is allowed."""


class BadOPML(NewsError):
    """The list of feeds cannot be read."""


class UnknownFeed(NewsError):
    """No such feed is stored."""
