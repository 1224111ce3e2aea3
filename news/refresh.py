"""due feeds | fetch | parse | decide | store: one refresh, told feed by feed.

Fetching is threads (a public host is asked one thing at a time; a private one is the owner's own and may be asked
eight), parsing is the parser's worker processes, storing is the caller's thread alone, one short transaction a feed.
What happens next to a feed is decided by `after_success` and `after_failure`, which are pure.
"""

from __future__ import annotations

import hashlib
import ipaddress
import logging
import os
import queue
import random
import secrets
import socket
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol, get_args
from urllib.parse import urlsplit

from news.errors import HTTPFailure, NewsError, NotAFeed, ParseError, UnknownFeed
from news.fetch import detail_of, freshness
from news.store import Changes, Schedule, Store, Validators
from news.types import Feed, Fetched, ParsedFeed
from storage.engine import StorageError

log = logging.getLogger(__name__)

INTERVAL = timedelta(minutes=30)
SHORTEST, LONGEST = timedelta(minutes=5), timedelta(hours=24)
FAILURES_UNTIL_REST = 8
FETCHERS = 24
PER_PRIVATE_HOST = 8

Kind = Literal["updated", "unchanged", "failed", "skipped"]


class Fetches(Protocol):
    """What a refresh needs of a fetcher: `news.fetch.Fetcher`, or a fake."""

    def get(self, url: str, *, etag: str = "", last_modified: str = "") -> Fetched: ...


class Parses(Protocol):
    """What a refresh needs of a parser: `news.parse.ParserPool`, or a fake."""

    def parse(self, body: bytes, url: str, headers: Mapping[str, str], *, now: datetime) -> ParsedFeed: ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one feed. `error` is a sentence for `failed`; `skipped` feeds are, or just were, another's."""

    feed: Feed
    kind: Kind
    new: int = 0
    edited: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True)
class Brought:
    """A feed's answer, fetched and parsed; `parsed` is None if the body was unchanged."""

    validators: Validators
    fresh_for: timedelta | None
    parsed: ParsedFeed | None
    moved_to: str = ""
    found_at: str = ""


_Result = Brought | NewsError | StorageError | None


def refresh(
    store: Store,
    feeds: Sequence[Feed],
    *,
    fetcher: Fetches,
    parser: Parses,
    now: datetime,
    jitter: Callable[[], float] = random.random,
    fetchers: int = FETCHERS,
    seconds: Callable[[], float] = time.monotonic,
) -> Generator[Outcome, None, None]:
    """Refresh `feeds` (from `Store.due`) and yield an outcome for each, in the order they are done.

    Closing the iterator stops the refresh; feeds not reached stay due, and a feed that is just being fetched is given
    back when its fetch ends. `jitter` returns 0 to 1; `seconds` is a clock that only runs forward, by which leases
    taken late in a long refresh end later. Raises `storage.engine.StorageError` if the database fails.
    """
    owner = f"{_here()}{secrets.token_hex(8)}"
    for other in store.lease_owners():
        if _is_dead(other):
            store.release(owner=other)
    started = seconds()
    waiting = _by_host(feeds)
    results: queue.Queue[tuple[Feed, _Result]] = queue.Queue(maxsize=2 * fetchers)
    stopped = threading.Event()
    lines: deque[deque[Feed]] = deque()
    for host, line in waiting.items():
        lines.extend([line] * min(len(line), PER_PRIVATE_HOST if _is_private(host) else 1))

    def work() -> None:
        while not stopped.is_set():
            try:
                line = lines.popleft()
            except IndexError:
                return
            while not stopped.is_set():
                try:
                    feed = line.popleft()
                except IndexError:
                    break
                at = now + timedelta(seconds=seconds() - started)
                brought = _bring(store, feed, fetcher, parser, owner, now, at, stopped)
                _put(results, (feed, brought), stopped)
                if stopped.is_set():  # nobody will store it
                    _give_back(store, feed, owner)

    threads = [
        threading.Thread(target=work, name=f"refresh-{n}", daemon=True) for n in range(min(fetchers, len(lines)))
    ]
    try:
        for thread in threads:
            thread.start()
        for _ in feeds:
            feed, brought = results.get()
            try:
                outcome = _save(store, feed, brought, now, jitter())
            except BaseException:
                _give_back(store, feed, owner)
                raise
            log.info("feed", extra=_told(outcome))
            yield outcome
        for thread in threads:
            thread.join()
    finally:
        stopped.set()
        while not results.empty():
            _give_back(store, results.get()[0], owner)


def counted(outcomes: Iterable[Outcome]) -> dict[str, int]:
    """What became of feeds, in figures for a line of the log."""
    told = dict.fromkeys(("feeds", "new", "edited", *get_args(Kind)), 0)
    for outcome in outcomes:
        told["feeds"] += 1
        told["new"] += outcome.new
        told["edited"] += outcome.edited
        told[outcome.kind] += 1
    return told


def _told(outcome: Outcome) -> dict[str, object]:
    """An outcome for the log. An address may hold a reader's own key for it, so only its host is told."""
    figures = {"new": outcome.new, "edited": outcome.edited, "error": outcome.error}
    host = urlsplit(outcome.feed.url).hostname or ""
    return {"feed": outcome.feed.id, "host": host, "outcome": outcome.kind} | {n: v for n, v in figures.items() if v}


def after_success(now: datetime, fresh_for: timedelta | None, jitter: float) -> Schedule:
    """The next poll after a success: half an hour, or as long as the server calls its answer fresh."""
    return Schedule(due_at=now + _clamped(max(INTERVAL, fresh_for or INTERVAL), jitter))


def after_failure(now: datetime, feed: Feed, error: NewsError, jitter: float) -> Schedule:
    """The next poll after a failure: twice as late each time, or when the server says; rested in the end."""
    failures = feed.failures + 1
    wait = INTERVAL * 2 ** min(failures - 1, 6)
    gone = False
    if isinstance(error, HTTPFailure):
        wait = max(wait, error.retry_after or timedelta())
        gone = error.status == 410
    return Schedule(
        due_at=now + _clamped(wait, jitter), failures=failures, rested=gone or failures >= FAILURES_UNTIL_REST
    )


def _clamped(wait: timedelta, jitter: float) -> timedelta:
    """Between five minutes and a day, up to a tenth later, so that a thousand feeds do not come due at once."""
    return min(max(wait * (1 + jitter / 10), SHORTEST), LONGEST)


def _here() -> str:
    """How owners of leases begin that were taken by this process: the host's name and the process's number."""
    return f"{socket.gethostname()} {os.getpid()} "


def _is_dead(owner: str) -> bool:
    """Whether a lease's owner was a process of this host that is gone; its feeds need not wait for the lease to end."""
    host, _, rest = owner.partition(" ")
    number = rest.partition(" ")[0]
    if os.name == "nt" or host != socket.gethostname() or not number.isdigit():  # Windows has no harmless signal
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except OSError:  # alive, and another user's
        return False
    return False


def _by_host(feeds: Sequence[Feed]) -> dict[str, deque[Feed]]:
    waiting: dict[str, deque[Feed]] = defaultdict(deque)
    for feed in feeds:
        waiting[urlsplit(feed.url).hostname or ""].append(feed)
    # The longest lines begin first: one host with many feeds decides how long the whole takes.
    return dict(sorted(waiting.items(), key=lambda pair: -len(pair[1])))


def _is_private(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return False


def _put(results: queue.Queue[tuple[Feed, _Result]], item: tuple[Feed, _Result], stopped: threading.Event) -> None:
    while not stopped.is_set():
        try:
            results.put(item, timeout=0.2)
        except queue.Full:
            continue
        return


def _give_back(store: Store, feed: Feed, owner: str) -> None:
    try:
        store.release(owner=owner, feed_id=feed.id)
    except StorageError as error:
        log.warning("feed_stays_leased", extra={"feed": feed.id, "error": str(error)})


def _bring(
    store: Store,
    feed: Feed,
    fetcher: Fetches,
    parser: Parses,
    owner: str,
    now: datetime,
    at: datetime,
    stopped: threading.Event,
) -> _Result:
    """Fetch and parse one feed, leased `at`; the error if that failed, None if another refresher has the feed."""
    try:
        if not store.lease(feed, owner=owner, now=at):
            return None
        return _fetch_and_parse(feed, fetcher, parser, now)
    except (NewsError, StorageError) as error:
        return error
    except Exception:
        if stopped.is_set():  # whoever stopped the refresh has closed the parser too
            return None
        log.exception("feed_failed", extra={"feed": feed.id, "doing": "fetch"})
        return NewsError("Broadsheet failed to read this feed; the log has the reason.", url=feed.url)


def _fetch_and_parse(feed: Feed, fetcher: Fetches, parser: Parses, now: datetime) -> Brought:
    fetched = fetcher.get(feed.url, etag=feed.etag, last_modified=feed.last_modified)
    fresh_for = freshness(fetched.headers, now)
    if fetched.body is None:
        kept = Validators(
            fetched.headers.get("etag", feed.etag),
            fetched.headers.get("last-modified", feed.last_modified),
            feed.body_hash,
        )
        return Brought(kept, fresh_for, None, fetched.moved_to)
    validators = _validators(fetched)
    if validators.body_hash == feed.body_hash:
        return Brought(validators, fresh_for, None, fetched.moved_to)
    try:
        parsed = parser.parse(fetched.body, fetched.url, fetched.headers, now=now)
    except ParseError as error:
        error.detail = detail_of(fetched)
        if not isinstance(error, NotAFeed) or not error.announced:
            raise
        announced = fetcher.get(error.announced[0])
        if announced.body is None:
            raise
        parsed = parser.parse(announced.body, announced.url, announced.headers, now=now)
        return Brought(_validators(announced), freshness(announced.headers, now), parsed, found_at=error.announced[0])
    return Brought(validators, fresh_for, parsed, fetched.moved_to)


def _validators(fetched: Fetched) -> Validators:
    return Validators(
        fetched.headers.get("etag", ""),
        fetched.headers.get("last-modified", ""),
        hashlib.sha256(fetched.body or b"").hexdigest(),
    )


def _save(store: Store, feed: Feed, brought: _Result, now: datetime, jitter: float) -> Outcome:
    if brought is None:
        return Outcome(feed, "skipped")
    if isinstance(brought, StorageError):
        raise brought
    try:
        if isinstance(brought, NewsError):
            schedule = after_failure(now, feed, brought, jitter)
            store.save_failure(feed.id, now=now, schedule=schedule, error=str(brought), detail=brought.detail)
            return Outcome(feed, "failed", error=str(brought))
        changes: Changes = store.save_success(
            feed.id,
            now=now,
            schedule=after_success(now, brought.fresh_for, jitter),
            validators=brought.validators,
            parsed=brought.parsed,
            moved_to=brought.moved_to,
            found_at=brought.found_at,
        )
    except UnknownFeed as error:  # removed in the meantime
        return Outcome(feed, "failed", error=str(error))
    except StorageError:
        raise
    except Exception:  # something in this one feed that the database cannot take; the others go on
        log.exception("feed_failed", extra={"feed": feed.id, "doing": "store"})
        told = NewsError("Broadsheet failed to keep what this feed sent; the log has the reason.", url=feed.url)
        return _save(store, feed, told, now, jitter)
    return Outcome(feed, "updated" if brought.parsed else "unchanged", changes.new, changes.edited)
