"""A refresher for as long as the process lives: one thread that polls what is due, and whatever it is asked to.

Pages ask it for a `Job` and watch; leaving the page does not stop the job. There is one refresher a process, and
leases in the database keep other processes away from the same feed. Where workers poll, it only does what it is asked.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from news.article import ArticlePool
from news.fulltext import Reads, fetch_articles
from news.parse import ParserPool
from news.refresh import Fetches, Outcome, Parses, counted, refresh
from news.store import Store
from news.story_store import Stories
from news.types import Clock, Feed
from storage.engine import StorageError

log = logging.getLogger(__name__)

LOOK_EVERY_S = 60.0
PRUNE_EVERY = timedelta(hours=6)
GROUPED_AT_ONCE = 4_000
"""So many new entries are given their stories before a job is finished; more, after what else was asked for."""


@dataclass(slots=True)
class Job:
    """A refresh that was asked for. `outcomes` grows until `finished` is set; `error` is a sentence if it broke off."""

    total: int
    outcomes: list[Outcome] = field(default_factory=list)
    error: str = ""
    finished: threading.Event = field(default_factory=threading.Event)

    @property
    def failed(self) -> list[Outcome]:
        """The feeds that failed so far."""
        return [outcome for outcome in self.outcomes if outcome.kind == "failed"]


class Refresher:
    """Polls feeds in the background from `start` until `close`."""

    def __init__(
        self,
        store: Store,
        fetcher: Fetches,
        *,
        clock: Clock,
        look_every_s: float = LOOK_EVERY_S,
        parsers: Callable[[], AbstractContextManager[Parses]] = lambda: ParserPool(os.cpu_count() or 1),
        readers: Callable[[], AbstractContextManager[Reads]] = ArticlePool,
        elsewhere: Callable[[], bool] = lambda: False,
        tidy: Callable[[datetime], object] = lambda _: None,
    ) -> None:
        """`elsewhere` tells whether others (`news.worker`) poll now: then this one only does what it is asked to.

        `tidy` deletes what else is past its time; it is called at the start and as often as the store is pruned.
        """
        self.store = store
        self.stories = Stories(store)
        self.fetcher = fetcher
        self.clock = clock
        self._look_every_s = look_every_s
        self._parsers = parsers
        self._readers = readers
        self._elsewhere = elsewhere
        self._tidy = tidy
        self._asked: queue.Queue[tuple[Job, Sequence[Feed]] | None] = queue.Queue()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="refresher", daemon=True)
        # Articles have a thread of their own: feeds must never wait for them.
        self._refreshed = threading.Event()
        self._articles = threading.Thread(target=self._read_on, name="articles", daemon=True)
        self._pruned_at: datetime | None = None

    def start(self) -> None:
        """Begin to poll what is due, at once and then about every minute."""
        self._thread.start()
        self._articles.start()

    def close(self, *, wait_s: float = 0.0) -> None:
        """Stop after the feed at hand, and wait up to `wait_s` for that. Jobs not begun end with an error."""
        self._closed.set()
        self._asked.put(None)
        self._refreshed.set()
        if not self._thread.is_alive():
            self._turn_away()
        elif wait_s:
            self._thread.join(wait_s)
            self._articles.join(wait_s)

    def ask(self, feeds: Sequence[Feed]) -> Job:
        """Refresh these feeds as soon as the refresh at hand is done."""
        job = Job(total=len(feeds))
        self._asked.put((job, feeds))
        if self._closed.is_set():
            self._turn_away()
        return job

    def _run(self) -> None:
        look_at = 0.0
        while not self._closed.is_set():
            if time.monotonic() >= look_at:
                self._poll()
                self._group(stopped=lambda: self._closed.is_set() or not self._asked.empty())
                look_at = time.monotonic() + self._look_every_s
            try:
                asked = self._asked.get(timeout=max(0.0, look_at - time.monotonic()))
            except queue.Empty:
                continue
            if asked is not None:
                self._work(*asked)
        self._turn_away()

    def _read_on(self) -> None:
        """After each refresh, fetch the articles that feeds only begin."""
        while self._refreshed.wait() and not self._closed.is_set():
            self._refreshed.clear()
            try:
                with self._readers() as reader:
                    fetch_articles(
                        self.store, fetcher=self.fetcher, reader=reader, now=self.clock(), stopped=self._closed.is_set
                    )
            except StorageError as error:
                log.warning("articles_failed", extra={"error": str(error)})
            except Exception:  # the thread must outlive it
                log.exception("articles_failed")

    def _turn_away(self) -> None:
        """Nobody may wait for a job that nobody will begin."""
        while True:
            try:
                asked = self._asked.get_nowait()
            except queue.Empty:
                return
            if asked is not None:
                self._work(*asked)

    def _poll(self) -> None:
        try:
            now = self.clock()
            if late := self._pruned_at is None or now - self._pruned_at >= PRUNE_EVERY:
                self._pruned_at = now
                self._tidy(now)
            if self._elsewhere():
                return
            if feeds := self.store.due(now):
                self._work(Job(total=len(feeds)), feeds)
            if late:
                self.store.prune(now)
        except StorageError as error:
            log.warning("poll_failed", extra={"error": str(error)})
        except Exception:  # the thread must outlive it, or nothing is ever refreshed again
            log.exception("poll_failed")

    def _group(self, *, most: int | None = None, stopped: Callable[[], bool]) -> None:
        """Give entries their stories: what is new, and bit by bit what was stored before there were any."""
        try:
            self.stories.group(most=most, stopped=stopped)
        except StorageError as error:
            log.warning("stories_failed", extra={"error": str(error)})
        except Exception:  # the thread must outlive it
            log.exception("stories_failed")

    def _work(self, job: Job, feeds: Sequence[Feed]) -> None:
        if self._closed.is_set():
            job.error = "Broadsheet is closing; refresh again when it is back."
            job.finished.set()
            return
        began = time.monotonic()
        try:
            with (
                self._parsers() as parser,
                closing(refresh(self.store, feeds, fetcher=self.fetcher, parser=parser, now=self.clock())) as outcomes,
            ):
                for outcome in outcomes:
                    job.outcomes.append(outcome)
                    if self._closed.is_set() and len(job.outcomes) < job.total:
                        job.error = "The refresh was stopped; feeds it did not reach come next time."
                        break
        except StorageError as error:
            job.error = str(error)
            log.warning("refresh_failed", extra={"error": job.error})
        except Exception:
            job.error = "The refresh broke off; the log has the reason."
            log.exception("refresh_failed")
        finally:
            took = time.monotonic() - began
            log.info("refreshed", extra={**counted(job.outcomes), "seconds": took})
            self._group(most=GROUPED_AT_ONCE, stopped=self._closed.is_set)
            job.finished.set()
            if feeds:
                self._refreshed.set()
