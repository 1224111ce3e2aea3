"""Bounded, conditional GET of untrusted addresses. Knows HTTP, not feeds; the only file that imports urllib3.

A reader may type any address, and any feed may redirect to any other. So the address is checked at the one place that
cannot be talked round: where the socket connects, after the name was resolved, for every hop. A name is looked up once,
all its addresses must be public, and the one that was checked is the one that is connected to.

Everything is bounded: 15 seconds in all (name, connection, TLS, headers, body, redirects), 64 KB of headers,
5 redirects, 5 MB of body after decompression. One `Fetcher` serves many threads and keeps connections open between
fetches.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from itertools import islice
from typing import Any
from urllib.parse import urljoin, urlsplit

import certifi
import idna
import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.util.ssl_ import create_urllib3_context

from news.errors import (
    BadRedirect,
    BadURL,
    Detail,
    FetchError,
    HTTPFailure,
    Refused,
    TimedOut,
    TooLarge,
    Unreachable,
)
from news.text import visible
from news.types import Clock, Fetched

USER_AGENT = "Broadsheet/1.0 (news reader)"
TIMEOUT_S = 15.0


def says_yes(setting: str) -> bool:
    """Whether a setting as people write it (`ALLOW_PRIVATE_FEEDS=true`) switches something on."""
    return setting.lower() in ("1", "true", "yes", "on")


def user_agent(contact: str = "") -> str:
    """How a fetcher introduces itself: with the address of whoever runs it, if there is one (a page or an e-mail)."""
    contact = "".join(letter for letter in contact if letter.isascii() and letter.isprintable() and letter not in "()")
    return f"Broadsheet/1.0 (news reader; +{contact[:200]})" if contact else USER_AGENT


_ACCEPT = (
    "application/atom+xml, application/rss+xml, application/feed+json, application/rdf+xml;q=0.9, "
    "application/xml;q=0.8, text/xml;q=0.8, application/json;q=0.7, text/html;q=0.5, */*;q=0.1"
)
_MAX_URL = 2048
_MAX_HOPS = 5
_HEADER_BYTES = 64 * 2**10
_GZIP_MEMBERS = 100
_START = 500
_PORTS = frozenset((80, 443, 8080, 8443))
_PERMANENT = frozenset((301, 308))
_REDIRECTS = _PERMANENT | {302, 303, 307}

Resolve = Callable[..., list[Any]]
"""Like `socket.getaddrinfo(host, port, type=...)`: a list of (family, type, protocol, name, address)."""

# ---------------------------------------------------------------- addresses


def _networks(*texts: str) -> tuple[tuple[int, int], ...]:
    """(first address, number of fixed bits shifted away) of each network, as integers."""
    nets = [ipaddress.ip_network(text) for text in texts]
    return tuple((int(net.network_address) >> (s := net.max_prefixlen - net.prefixlen), s) for net in nets)


# Compared as integers and kept as our own table: `ipaddress` calls multicast, 100.64/10 and most IPv6 forms of an IPv4
# address global, and its answers differ between Python versions.
_HOME_4 = _networks("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "198.18.0.0/15")
_NEVER_4 = _networks(
    "0.0.0.0/8",
    "169.254.0.0/16",  # link-local: where clouds serve credentials
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/3",  # multicast, reserved, broadcast
    "100.100.100.200/32",  # metadata of one cloud, inside a range that may be opened
)
_HOME_6 = _networks("::1/128", "fc00::/7")
_NEVER_6 = _networks(
    "fd00:ec2::/32",  # metadata of another cloud
    "2001::/23",  # protocol assignments, among them Teredo
    "2001:db8::/32",
    "2002::/16",  # 6to4
    "3fff::/20",
)
_GLOBAL_6 = _networks("2000::/3")
_MAPPED_6 = _networks("::ffff:0:0/96", "64:ff9b::/96")  # IPv4-mapped and NAT64: the IPv4 address inside decides


def _within(address: int, networks: tuple[tuple[int, int], ...]) -> bool:
    return any(address >> shift == first for first, shift in networks)


def may_connect(address: str, *, allow_private: bool = False) -> bool:
    """Whether a numeric address may be connected to: public, or of a home network where those are allowed.

    Multicast, link-local (cloud metadata), documentation and tunnel addresses never are.
    """
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    number = int(ip)
    if ip.version == 6 and _within(number, _MAPPED_6):
        number &= 0xFFFFFFFF
    elif ip.version == 6:
        if _within(number, _NEVER_6):
            return False
        return _within(number, _GLOBAL_6) or (allow_private and _within(number, _HOME_6))
    if _within(number, _NEVER_4):
        return False
    return allow_private or not _within(number, _HOME_4)


_UNSAFE = re.compile(r"[\x00-\x20\x7f\\\s]")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+")
_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})|[^!#-;=?-\[\]_a-zA-Z~%]")
_HIDDEN_NAMES = ("localhost", "local", "internal", "onion", "i2p", "home.arpa")


def check_url(url: str, *, allow_private: bool = False) -> str:
    """`url` normalised: lower-case scheme and ASCII host, no fragment, encoded path. No network is used.

    Raises BadURL for anything but a plain http(s) address of at most 2,048 characters: no name and password, no control
    characters or spaces, and only ports 80, 443, 8080 and 8443 (any port with `allow_private`).
    """
    if len(url) > _MAX_URL:
        raise BadURL("This address is too long.", url=url[:_MAX_URL])
    if not url or _UNSAFE.search(url):
        raise BadURL("This is not a web address: it has spaces or signs in it that addresses do not have.", url=url)
    try:
        parts = urlsplit(visible(url))
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise BadURL("This is not a web address.", url=url) from None
    scheme = parts.scheme.lower()
    if scheme not in ("http", "https"):
        raise BadURL("Only addresses that start with http:// or https:// can be fetched.", url=url)
    if "@" in parts.netloc or (not parts.path and "@" in parts.fragment):
        raise BadURL("Addresses with a name or password in them are not fetched.", url=url)
    host = _check_host(host, url)
    if port is not None and (port == 0 or not (allow_private or port in _PORTS)):
        raise BadURL("Feeds are fetched from ports 80, 443, 8080 and 8443 only.", url=url)
    if port in (None, 443 if scheme == "https" else 80):
        netloc = host
    else:
        netloc = f"{host}:{port}"
    path = _ESCAPE.sub(_escape, parts.path) or "/"
    query = _ESCAPE.sub(_escape, parts.query)
    checked = f"{scheme}://{netloc}{path}{'?' + query if query else ''}"
    if len(checked) > _MAX_URL:
        raise BadURL("This address is too long.", url=url)
    return checked


def _escape(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match.group().encode("utf-8", "replace"))


def _check_host(host: str, url: str) -> str:
    """The host in ASCII; addresses in their usual spelling, so that no other reader of the text can differ."""
    if ":" in host:
        try:
            return f"[{ipaddress.IPv6Address(host)}]"  # refuses zone ids too, as it has no scope to compare
        except ValueError:
            raise BadURL("This is not a web address: its host is not an address.", url=url) from None
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True).decode("ascii")
        except (idna.IDNAError, UnicodeError):
            raise BadURL("This is not a web address: its host has letters that hosts do not have.", url=url) from None
    host = host.lower().removesuffix(".")
    labels = host.split(".")
    if not host or len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise BadURL("This is not a web address: its host is missing or misspelt.", url=url)
    if _NUMBER.fullmatch(labels[-1]):
        return _check_ipv4(labels, url)
    return host


def _check_ipv4(labels: list[str], url: str) -> str:
    """`127.1`, `0x7f.1`, `017700000001`: every spelling that a resolver would read as an IPv4 address."""
    try:
        numbers = [
            int(label[2:] or "0", 16) if label.startswith("0x") else int(label, 8 if label.startswith("0") else 10)
            for label in labels
            if _NUMBER.fullmatch(label)
        ]
    except ValueError:
        numbers = []
    if len(numbers) != len(labels) or len(numbers) > 4 or any(number > 255 for number in numbers[:-1]):
        raise BadURL("This is not a web address: its host is not an address.", url=url)
    last = numbers.pop()
    if last >= 256 ** (4 - len(numbers)):
        raise BadURL("This is not a web address: its host is not an address.", url=url)
    return str(ipaddress.IPv4Address(sum(n << 8 * (3 - i) for i, n in enumerate(numbers)) + last))


# ---------------------------------------------------------------- one fetch, down to the socket


@dataclass(slots=True)
class _Trip:
    """What one `get` may still spend, and its rules. The sockets below ask it before each read."""

    url: str
    deadline: float
    seconds: float
    bytes_left: int
    allow_private: bool
    resolve: Resolve
    connected: bool = False  # whether this hop made a connection of its own

    def left(self) -> float:
        """Seconds left; raises TimedOut when there are none."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise self.timed_out()
        return left

    def timed_out(self) -> TimedOut:
        return TimedOut(f"{_host(self.url)} took longer than {self.seconds:g} seconds to answer.", url=self.url)

    def spend(self, count: int) -> None:
        self.bytes_left -= count
        if self.bytes_left < 0:
            raise TooLarge(f"{_host(self.url)} sent more than a feed may hold.", url=self.url)


# urllib3 opens connections and reads headers deep inside; a fetch is the work of one thread, so a context variable
# brings its limits there without a second way through the library.
_trip: ContextVar[_Trip] = ContextVar("trip")


def _bounded_read(sock: socket.socket, read: Callable[..., int], *args: Any) -> int:
    """One read that ends by the deadline of the whole fetch: a socket's own timeout starts anew with every byte."""
    trip = _trip.get()
    sock.settimeout(trip.left())
    try:
        count = read(*args)
    except TimeoutError:
        raise trip.timed_out() from None
    trip.spend(count)
    return count


class _Socket(socket.socket):
    def recv_into(self, *args: Any) -> int:
        return _bounded_read(self, super().recv_into, *args)


class _TLSSocket(ssl.SSLSocket):
    def recv_into(self, *args: Any) -> int:
        return _bounded_read(self, super().recv_into, *args)


def _refused(url: str, note: str) -> Refused:
    # The same words as for a name that does not exist: the sentence must not tell what stands in a private network.
    return Refused(f"No public site was found at {_host(url)}.", url=url, detail=Detail(note=note))


def _addresses(host: str, port: int, trip: _Trip) -> list[tuple[int, Any]]:
    """(family, socket address) to try, all of them allowed. Raises Refused if a single one is not, and Unreachable."""
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        if not trip.allow_private and any(host == name or host.endswith("." + name) for name in _HIDDEN_NAMES):
            raise _refused(trip.url, f"{host} is a name of private networks") from None
        answers = _lookup(host, port, trip)
    else:
        family = socket.AF_INET if ip.version == 4 else socket.AF_INET6
        answers = [(family, socket.SOCK_STREAM, 0, "", (host, port))]
    found = [(family, address) for family, _, _, _, address in answers if family in (socket.AF_INET, socket.AF_INET6)]
    for _, address in found:
        if not may_connect(address[0], allow_private=trip.allow_private):
            raise _refused(trip.url, f"{host} has the address {address[0]}")
    if not found:
        raise Unreachable(f"No public site was found at {_host(trip.url)}.", url=trip.url)
    # Two of each family, in turns: where IPv6 leads nowhere, IPv4 is the second try and not the ninth.
    by_family = [[pair for pair in found if pair[0] == family] for family in dict.fromkeys(f for f, _ in found)]
    return [pair for turn in range(2) for pairs in by_family for pair in pairs[turn : turn + 1]]


def _lookup(host: str, port: int, trip: _Trip) -> list[Any]:
    """What the resolver says, within the deadline. The resolver has no timeout, so it runs in a thread of its own."""
    answers: list[list[Any] | BaseException] = []

    def look() -> None:
        try:
            answers.append(trip.resolve(host, port, type=socket.SOCK_STREAM))
        except Exception as error:  # noqa: BLE001  raised again where someone waits for it
            answers.append(error)

    thread = threading.Thread(target=look, name="broadsheet-dns", daemon=True)
    thread.start()
    thread.join(trip.left())
    if not answers:
        raise trip.timed_out()
    answer = answers[0]
    if isinstance(answer, socket.gaierror) and answer.errno == socket.EAI_AGAIN:
        raise Unreachable(
            f"The name {host} could not be looked up: the network or its name service is down.", url=trip.url
        ) from answer
    if isinstance(answer, BaseException):
        raise Unreachable(f"No public site was found at {_host(trip.url)}.", url=trip.url) from answer
    return answer


def _connect(host: str, port: int) -> socket.socket:
    """A connected socket to an address that was checked, resolved once."""
    trip = _trip.get()
    tries = _addresses(host.strip("[]"), port, trip)
    error: OSError | None = None
    for turn, (family, address) in enumerate(tries):
        last = turn == len(tries) - 1
        sock = _Socket(family, socket.SOCK_STREAM)
        try:
            left = trip.left()
            sock.settimeout(left if last else min(left / 2, 5.0))
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.connect(address)
            peer = sock.getpeername()[0]
            if not may_connect(peer, allow_private=trip.allow_private):
                raise _refused(trip.url, f"the connection led to {peer}")
            sock.settimeout(trip.left())
        except OSError as problem:
            sock.close()
            error = problem
            continue
        except BaseException:
            sock.close()
            raise
        trip.connected = True
        return sock
    trip.left()  # when time is up, that is the reason
    if isinstance(error, ConnectionRefusedError):
        raise Unreachable(f"{_host(trip.url)} refuses the connection.", url=trip.url) from error
    raise Unreachable(f"{_host(trip.url)} cannot be reached.", url=trip.url) from error


class _Connection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _connect(self._dns_host, self.port)


class _TLSConnection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _connect(self._dns_host, self.port)


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection


class _TLSPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _TLSConnection


@cache
def _trust(authorities: str) -> ssl.SSLContext:
    """The rules of TLS with these certificates; reading them takes longer than a fetch, so it is done once."""
    context = create_urllib3_context()
    context.sslsocket_class = _TLSSocket
    context.load_verify_locations(cafile=authorities)
    return context


# ---------------------------------------------------------------- the fetcher


class Fetcher:
    """GETs one address after the other, for many threads at once.

    `allow_private` opens home and intranet addresses and every port, nothing else. `timeout_s` bounds a whole `get`,
    `max_bytes` its body after decompression. `resolve` looks names up, as `socket.getaddrinfo` does. `authorities` is
    a file of certificates to trust, certifi's by default.
    """

    def __init__(
        self,
        *,
        allow_private: bool = False,
        timeout_s: float = TIMEOUT_S,
        max_bytes: int = 5 * 2**20,
        user_agent: str = USER_AGENT,
        resolve: Resolve = socket.getaddrinfo,
        authorities: str | None = None,
        now: Clock = lambda: datetime.now(UTC),
    ) -> None:
        self._allow_private = allow_private
        self._timeout_s = timeout_s
        self._max_bytes = max_bytes
        self._user_agent = user_agent
        self._resolve = resolve
        self._now = now
        # A plain PoolManager reads no proxy from the environment: a proxy would resolve names behind our back.
        self._pools = urllib3.PoolManager(num_pools=64, maxsize=8, ssl_context=_trust(authorities or certifi.where()))
        self._pools.pool_classes_by_scheme = {"http": _Pool, "https": _TLSPool}

    def get(self, url: str, *, etag: str = "", last_modified: str = "") -> Fetched:
        """The answer to one conditional GET of `url`, redirects followed.

        `etag` and `last_modified` are the validators of the copy that is kept, "" for none; `Fetched.body` is None when
        that copy is still right. Raises BadURL and the FetchError family of `news.errors`, nothing else.
        """
        url = check_url(url, allow_private=self._allow_private)
        trip = _Trip(
            url=url,
            deadline=time.monotonic() + self._timeout_s,
            seconds=self._timeout_s,
            bytes_left=0,
            allow_private=self._allow_private,
            resolve=self._resolve,
        )
        headers = {"User-Agent": self._user_agent, "Accept": _ACCEPT, "Accept-Encoding": "gzip"}
        if _sendable(etag):
            headers["If-None-Match"] = etag
        if _sendable(last_modified):
            headers["If-Modified-Since"] = last_modified
        token = _trip.set(trip)
        try:
            return self._follow(trip, headers)
        finally:
            _trip.reset(token)

    def close(self) -> None:
        """Closes the connections that are kept open. A closed fetcher may be used again."""
        self._pools.clear()

    def __enter__(self) -> Fetcher:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _follow(self, trip: _Trip, headers: dict[str, str]) -> Fetched:
        seen = {trip.url}
        permanent = True
        while True:
            response = self._ask(trip, headers)
            try:
                if response.status not in _REDIRECTS:
                    moved_to = trip.url if permanent and len(seen) > 1 else ""
                    return self._answer(trip, response, headers, moved_to)
                permanent = permanent and response.status in _PERMANENT
                trip.url = self._next(trip, response, seen)
                seen.add(trip.url)
            finally:
                # A body that was read to its end has given its connection back; any other connection is not worth it.
                response.close()

    def _next(self, trip: _Trip, response: urllib3.BaseHTTPResponse, seen: set[str]) -> str:
        host, detail = _host(trip.url), _detail(response)
        location = _utf8(response.headers.get("location", ""))
        if not location.strip():
            raise BadRedirect(f"{host} says that the feed is elsewhere, but not where.", url=trip.url, detail=detail)
        try:
            target = urljoin(trip.url, location.strip().replace(" ", "%20"))
            target = check_url(target.partition("#")[0], allow_private=self._allow_private)
        except (BadURL, ValueError):
            raise BadRedirect(
                f"{host} redirects to an address that cannot be fetched.", url=trip.url, detail=detail
            ) from None
        if target in seen:
            raise BadRedirect(f"{host} redirects in a circle.", url=trip.url, detail=detail)
        if len(seen) > _MAX_HOPS:
            raise BadRedirect(f"{host} redirects more than {_MAX_HOPS} times.", url=trip.url, detail=detail)
        return target

    def _ask(self, trip: _Trip, headers: dict[str, str]) -> urllib3.BaseHTTPResponse:
        """Headers of one answer. A connection kept open may have died meanwhile; then, once, a new one is made."""
        for attempt in (1, 2):
            trip.connected, trip.bytes_left = False, _HEADER_BYTES
            try:
                return self._send(trip, headers)
            except urllib3.exceptions.ProtocolError as error:
                if attempt == 1 and not trip.connected:
                    continue
                raise FetchError(f"{_host(trip.url)} gave no proper answer.", url=trip.url) from error
            except urllib3.exceptions.TimeoutError as error:
                raise trip.timed_out() from error
            except urllib3.exceptions.SSLError as error:
                raise _tls_failure(trip.url, error) from error
            except urllib3.exceptions.HTTPError as error:
                raise FetchError(f"{_host(trip.url)} gave no proper answer.", url=trip.url) from error
            except TooLarge as error:
                raise TooLarge(f"{_host(trip.url)} sent headers without end.", url=trip.url) from error
        raise AssertionError("the second attempt returns or raises")

    def _send(self, trip: _Trip, headers: dict[str, str]) -> urllib3.BaseHTTPResponse:
        parts = urlsplit(trip.url)
        pool = self._pools.connection_from_host(parts.hostname or "", parts.port, parts.scheme)
        return pool.urlopen(
            "GET",
            (parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
            headers=headers,
            retries=False,
            redirect=False,
            assert_same_host=False,
            preload_content=False,
            decode_content=False,
            timeout=urllib3.Timeout(total=trip.left()),
        )

    def _answer(
        self, trip: _Trip, response: urllib3.BaseHTTPResponse, sent: Mapping[str, str], moved_to: str
    ) -> Fetched:
        status, url = response.status, trip.url
        headers = {name.lower(): visible(_utf8(value)) for name, value in response.headers.items()}
        conditional = "If-None-Match" in sent or "If-Modified-Since" in sent
        if status == 304 and conditional:
            # Reading the end that is there already gives the connection back for the next fetch.
            response.read1(1, decode_content=False)
            return Fetched(url=url, status=status, headers=headers, body=None, moved_to=moved_to)
        # Twice the body is enough for chunk headers and for what a compressed body may need; trailers end here too.
        trip.bytes_left = 2 * self._max_bytes + _HEADER_BYTES
        if not 200 <= status < 300:
            raise self._failure(url, response, headers)
        try:
            body = _body(response, self._max_bytes)
        except urllib3.exceptions.TimeoutError as error:
            raise trip.timed_out() from error
        except (urllib3.exceptions.HTTPError, EOFError) as error:
            raise FetchError(
                f"{_host(url)} broke off in the middle of its answer.", url=url, detail=_detail(response)
            ) from error
        except zlib.error as error:
            raise FetchError(
                f"{_host(url)} sent a compressed answer that cannot be unpacked.", url=url, detail=_detail(response)
            ) from error
        except _UnknownCoding as error:
            raise FetchError(
                f"{_host(url)} packed its answer in a way that was not asked for ({error}).",
                url=url,
                detail=_detail(response),
            ) from None
        except _OverLimit as error:
            raise TooLarge(
                f"{_host(url)} sent more than {self._max_bytes / 2**20:g} MB, which no feed needs.",
                url=url,
                detail=_detail(response, error.start),
            ) from None
        return Fetched(url=url, status=status, headers=headers, body=body, moved_to=moved_to)

    def _failure(self, url: str, response: urllib3.BaseHTTPResponse, headers: Mapping[str, str]) -> HTTPFailure:
        status, host = response.status, _host(url)
        if "challenge" in headers.get("cf-mitigated", ""):
            sentence = f"{host} asks every visitor to prove to be human, which a news reader cannot."
        elif status in _SENTENCES:
            sentence = _SENTENCES[status].format(host=host)
        elif status >= 500:
            sentence = f"{host} has trouble of its own (status {status})."
        else:
            sentence = f"{host} did not give out the feed (status {status})."
        return HTTPFailure(
            sentence,
            url=url,
            status=status,
            retry_after=_retry_after(headers, self._now()),
            detail=_detail(response, _peek(response)),
        )


_SENTENCES = {
    304: "{host} says that nothing has changed, but was not asked.",
    401: "{host} wants a name and password for this feed.",
    402: "{host} wants payment for this feed.",
    403: "{host} does not let news readers in.",
    404: "{host} has no feed at this address.",
    410: "{host} has given this feed up for good.",
    429: "{host} asks to be visited less often.",
    451: "{host} may not show this feed for legal reasons.",
}

_TLS_REASONS = {
    9: "is not valid yet",
    10: "has expired",
    18: "is self-signed, so nobody vouches for it",
    19: "is self-signed, so nobody vouches for it",
    20: "comes from an authority that is not known",
    21: "comes from an authority that is not known",
    23: "was withdrawn",
    62: "belongs to another site",
    64: "belongs to another site",
}


def _tls_failure(url: str, error: Exception) -> Unreachable:
    cause = error.args[0] if error.args else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        reason = _TLS_REASONS.get(cause.verify_code, f"is not accepted: {cause.verify_message}")
        sentence = f"The certificate of {_host(url)} {reason}."
        note = cause.verify_message
    else:
        reason = (getattr(cause, "reason", None) or "no reason given").lower().replace("_", " ")
        sentence = f"{_host(url)} cannot make a secure connection ({reason})."
        note = str(cause)
    return Unreachable(sentence, url=url, detail=Detail(note=visible(note)))


def _host(url: str) -> str:
    return visible(urlsplit(url).hostname or url)


def _sendable(validator: str) -> bool:
    return bool(validator) and len(validator) < 1024 and validator.isprintable() and validator.isascii()


def _utf8(value: str) -> str:
    """http.client reads headers as Latin-1; servers that send anything else mean UTF-8."""
    if value.isascii():
        return value
    return value.encode("latin-1", "replace").decode("utf-8", "replace")


# ---------------------------------------------------------------- bodies


class _UnknownCoding(Exception):
    """A content coding other than those we read; the text names it."""


class _OverLimit(Exception):
    """The body passed its limit. `start` is how it begins."""

    def __init__(self, start: bytes) -> None:
        super().__init__()
        self.start = start


def _coding(response: urllib3.BaseHTTPResponse) -> str:
    """ "", "gzip" or "deflate". Codings upon codings are refused: 643 bytes of gzip in gzip are 300 MB."""
    coding = response.headers.get("content-encoding", "").strip().lower().removeprefix("x-")
    if coding in ("", "identity"):
        return ""
    if coding in ("gzip", "deflate"):
        return coding
    raise _UnknownCoding(visible(coding)[:40])


def _body(response: urllib3.BaseHTTPResponse, limit: int) -> bytes:
    """The whole body, decompressed, of at most `limit` bytes. Raises EOFError where a compressed body breaks off."""
    coding = _coding(response)
    length = response.headers.get("content-length", "")
    if length.isascii() and length.isdigit() and len(length) < 20 and int(length) > limit:
        raise _OverLimit(b"")
    chunks = iter(lambda: response.read1(2**16, decode_content=False), b"")
    if coding:
        return _unpacked(chunks, coding, limit)
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > limit:
            raise _OverLimit(bytes(body[:_START]))
    return bytes(body)


def _unpacker(coding: str, start: bytes) -> zlib._Decompress:
    if coding == "gzip":
        return zlib.decompressobj(16 + zlib.MAX_WBITS)
    # "deflate" should come in a zlib wrapper, which begins with the method 8; some servers send it bare.
    return zlib.decompressobj(zlib.MAX_WBITS if start[0] & 0x0F == 8 else -zlib.MAX_WBITS)


def _unpacked(chunks: Iterator[bytes], coding: str, limit: int) -> bytes:
    unpacker: zlib._Decompress | None = None
    body = bytearray()
    members = 1
    for chunk in chunks:
        data = chunk
        while data:
            if unpacker is None:
                unpacker = _unpacker(coding, data)
            elif unpacker.eof:
                if coding != "gzip" or data[:1] != b"\x1f" or members >= _GZIP_MEMBERS:
                    break  # what follows the end of a compressed body is padding
                unpacker = _unpacker(coding, data)
                members += 1
            body += unpacker.decompress(data, limit + 1 - len(body))
            if len(body) > limit:
                raise _OverLimit(bytes(body[:_START]))
            data = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
    if unpacker is not None and not unpacker.eof:
        raise EOFError
    return bytes(body)


def _peek(response: urllib3.BaseHTTPResponse) -> bytes:
    """How the body of a failure begins, as well as it can be had; at most one read."""
    try:
        coding = _coding(response)
        start = response.read1(2**12, decode_content=False)
        return _unpacker(coding, start).decompress(start, _START) if coding and start else start[:_START]
    except (urllib3.exceptions.HTTPError, FetchError, zlib.error, _UnknownCoding):
        return b""


def _detail(response: urllib3.BaseHTTPResponse, start: bytes = b"") -> Detail:
    return _bounded_detail(response.status, ((name, _utf8(value)) for name, value in response.headers.items()), start)


def detail_of(answer: Fetched) -> Detail:
    """What a server answered, for a failure that came later: a body that is no feed."""
    return _bounded_detail(answer.status, answer.headers.items(), answer.body or b"")


def _bounded_detail(status: int, headers: Iterable[tuple[str, str]], start: bytes) -> Detail:
    kept = tuple(
        (visible(name)[:100], visible(value)[:300])
        for name, value in islice(headers, 50)
        if name.lower() not in ("set-cookie", "set-cookie2")
    )
    return Detail(status=status, headers=kept, start=visible(start[:_START].decode("utf-8", "replace")))


# ---------------------------------------------------------------- when to come back


def _date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)


def _seconds(text: str) -> timedelta | None:
    """A whole number of seconds, of any size; a century is as good as forever."""
    text = text.strip().strip('"')
    if not (text.isascii() and text.isdigit()):
        return None
    return timedelta(seconds=min(int(text[:12]), 100 * 365 * 86400))


def _retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """The wait that `Retry-After` asks for, in seconds or as a date; None without one, or with one in the past."""
    text = headers.get("retry-after", "")
    wait = _seconds(text)
    if wait is None and (date := _date(text)):
        wait = date - (_date(headers.get("date", "")) or now)
    return wait if wait and wait > timedelta(0) else None


def freshness(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """How long the answer with these (lower-case) headers stays fresh by its own word; None if it does not say.

    `Cache-Control: max-age` (less `Age`) goes before `Expires`; `no-cache` and `no-store` are a None.
    """
    directives: dict[str, str] = {}
    for part in headers.get("cache-control", "").lower().split(","):
        name, _, value = part.strip().partition("=")
        directives.setdefault(name, value)
    if "no-cache" in directives or "no-store" in directives:
        return None
    fresh = _seconds(directives.get("max-age", ""))
    if fresh is not None:
        fresh -= _seconds(headers.get("age", "")) or timedelta(0)
    elif expires := _date(headers.get("expires", "")):
        fresh = expires - (_date(headers.get("date", "")) or now)
    return fresh if fresh and fresh > timedelta(0) else None
