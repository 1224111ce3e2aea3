"""How many articles each feed has published by when, kept in memory, so that no search counts again what it counted.

The moments of publication, sorted, eight bytes an article: what was new since the last question is read and put in its
place, and a count between two moments is two lookups a feed. Deletions, of this process or another, show in a mark that
the store raises with them; then it is read anew.
"""

from __future__ import annotations

import threading
from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil, floor

_NOTHING = array("q")
_NONE = Counter[int]()


@dataclass(frozen=True, slots=True)
class Counted:
    """Articles of one feed between two moments, of which `since` is the first and `until` the last."""

    articles: int
    since: datetime
    until: datetime


FETCHED_WITHIN = timedelta(days=1)
SILENT_AT_LEAST, SILENT_TIMES, KNOWN_BY = timedelta(days=3), 5, 5
"""A feed is silent after so long, and so many times the usual time between two articles, of which it has so many."""


def is_stale(counted: Counted | None, *, now: datetime, added_at: datetime, succeeded_at: datetime | None) -> bool:
    """Whether a feed may lack what is new; `counted` are all its articles until now."""
    if now - (succeeded_at or added_at) > FETCHED_WITHIN:
        return True
    if counted is None or counted.articles < KNOWN_BY:
        return False
    usual = (counted.until - counted.since) / (counted.articles - 1)
    return now - counted.until > max(SILENT_AT_LEAST, SILENT_TIMES * usual)


class Census:
    """The articles of all feeds by time. Safe to share by threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._moments: dict[int, array[int]] = {}
        self._mark = ""
        self.last = 0
        """The highest number of an entry that is counted."""

    def begin(self, mark: str) -> int:
        """Forget all if the store's mark is another than it was; gives the number after which entries are missing."""
        with self._lock:
            if mark != self._mark:
                self._moments, self._mark, self.last = {}, mark, 0
            return self.last

    def add(self, rows: Iterable[tuple[int, int, int]]) -> None:
        """Count entries: (number, feed, seconds since 1970); those that are counted already do not count twice."""
        with self._lock:
            last, fresh = self.last, dict[int, list[int]]()
            for number, feed, seconds in rows:
                if number > self.last:
                    last = max(last, number)
                    fresh.setdefault(feed, []).append(seconds)
            for feed, moments in fresh.items():
                self._moments[feed] = array("q", sorted([*self._moments.get(feed, ()), *moments]))
            self.last = last

    def count(
        self,
        feeds: Iterable[int],
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        as_of: datetime | None = None,
        without: Mapping[int, Counter[int]] = {},
    ) -> dict[int, Counted]:
        """What each of the feeds published, since <= moment < until and moment <= as_of; none where that is nothing.

        `without` are the moments, in seconds, of articles of a feed that do not count.
        """
        out = {}
        start = floor(since.timestamp()) if since else None
        stop = min(
            (
                each
                for each in (until and ceil(until.timestamp()) - 1, as_of and floor(as_of.timestamp()))
                if each is not None
            ),
            default=None,
        )
        for feed in feeds:
            moments = self._moments.get(feed, _NOTHING)
            first = bisect_left(moments, start) if start is not None else 0
            end = bisect_right(moments, stop) if stop is not None else len(moments)
            hidden = without.get(feed, _NONE)
            articles = end - first - hidden.total()
            if articles <= 0:
                continue
            oldest, newest = _shown(moments, first, 1, hidden), _shown(moments, end - 1, -1, hidden)
            out[feed] = Counted(articles, _moment(oldest), _moment(newest))
        return out

    @property
    def articles(self) -> int:
        """All that are counted."""
        return sum(map(len, self._moments.values()))


def _shown(moments: array[int], place: int, step: int, hidden: Counter[int]) -> int:
    """The first moment from a place on that has an article which is not hidden; there is one."""
    if not hidden:
        return moments[place]
    left = hidden.copy()
    while left[moments[place]] > 0:
        left[moments[place]] -= 1
        place += step
    return moments[place]


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
