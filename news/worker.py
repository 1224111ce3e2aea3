"""Workers: what the refresher's threads do for one process, done by any number of them over one Postgres.

`python -m news worker` runs one. Each minute one of them looks which feeds are due and puts a job in line for each
host; whoever is free takes it. A job holds its host's lock, so a host is asked by one worker at a time. What happens
next to a feed is decided by `news.refresh` and kept with the feed. So a job has nothing to remember and is never tried
again: a feed that is still due comes with the next look, where jobs of workers that are gone are taken off too.

The line is Procrastinate's, and this is the only file that knows it. It lives in a schema of its own, made anew when
Procrastinate changes: nothing in it is worth keeping.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Engine, text

from news.article import ArticlePool
from news.errors import NewsError
from news.fulltext import fetch_articles
from news.parse import ParserPool
from news.refresh import FETCHERS, Fetches, Parses, counted, refresh
from news.store import Store
from news.story_store import Stories
from news.types import Clock, Feed
from storage.engine import StorageError, alone, reading, writing

log = logging.getLogger(__name__)

SCHEMA = "procrastinate"
GONE_AFTER_S = 30
"""A worker that has not been heard of for so long is gone."""


@dataclass(frozen=True, slots=True)
class Pace:
    """When things happen: cron lines (with a sixth field for seconds), and seconds."""

    look: str = "* * * * *"
    stories: str = "* * * * *"
    articles: str = "* * * * *"
    prune: str = "23 */6 * * *"
    heartbeat_s: float = 10.0
    gone_after_s: int = GONE_AFTER_S
    back_after_s: float = 5.0
    """So long after the database broke off a worker begins again."""
    finish_s: float = 30.0
    """So long a worker that is told to stop has for the jobs at hand."""


def working(engine: Engine, *, gone_after_s: int = GONE_AFTER_S) -> bool:
    """Whether any worker is there, so that nobody else need refresh. Raises `StorageError`."""
    if engine.dialect.name == "sqlite":
        return False
    with reading(engine) as connection:
        if connection.execute(text(f"SELECT to_regclass('{SCHEMA}.procrastinate_workers')")).scalar() is None:
            return False
        heard = text(
            f"SELECT EXISTS (SELECT FROM {SCHEMA}.procrastinate_workers "
            "WHERE last_heartbeat > now() - make_interval(secs => :seconds))"
        )
        return bool(connection.execute(heard, {"seconds": gone_after_s}).scalar())


def run(store: Store, fetcher: Fetches, *, clock: Clock, threads: int = FETCHERS, pace: Pace = Pace()) -> None:
    """Work until SIGTERM or SIGINT, whatever the database does meanwhile.

    Raises `NewsError` where the database is not Postgres or Procrastinate is not installed, and `StorageError` where
    the database cannot be used to begin with.
    """
    if store.engine.dialect.name == "sqlite":
        raise NewsError("Workers need Postgres: set DATABASE_URL. With SQLite the app refreshes by itself.")
    try:
        import procrastinate  # noqa: F401 - where there is none, everything else works
    except ImportError as error:
        raise NewsError("Workers need Procrastinate: pip install -r requirements-server.txt.") from error
    _lay_out(store.engine)
    with ParserPool(os.cpu_count() or 1) as parser:
        asyncio.run(_Worker(store, fetcher, parser, clock, threads, pace).run())


def _lay_out(engine: Engine) -> None:
    """Make Procrastinate's tables, in place of those of another version."""
    from procrastinate import __version__
    from procrastinate.schema import SchemaManager

    with writing(engine) as connection:
        alone(connection, "jobs", long=True)
        made_by = text(f"SELECT obj_description(to_regnamespace('{SCHEMA}'), 'pg_namespace')")
        if connection.execute(made_by).scalar() == __version__:
            return
        for statement in (
            f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE",
            f"CREATE SCHEMA {SCHEMA}",
            f"SET LOCAL search_path = {SCHEMA}",
            SchemaManager.get_schema(),
            f"COMMENT ON SCHEMA {SCHEMA} IS '{__version__}'",
        ):
            connection.connection.cursor().execute(statement)  # as it is: SQLAlchemy would see parameters in it


class _Worker:
    def __init__(self, store: Store, fetcher: Fetches, parser: Parses, clock: Clock, threads: int, pace: Pace) -> None:
        self._store = store
        self._stories = Stories(store)
        self._fetcher = fetcher
        self._parser = parser
        self._clock = clock
        self._threads = threads
        self._pace = pace

    async def run(self) -> None:
        """Serve, and begin again when the database is back, until told to stop."""
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(self._threads, thread_name_prefix="job"))
        stopped = asyncio.Event()
        for one in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(one, stopped.set)
        stop = asyncio.create_task(stopped.wait())
        log.info("worker_started", extra={"threads": self._threads})
        while not stopped.is_set():
            serving = asyncio.create_task(self._serve())
            await asyncio.wait((serving, stop), return_when=asyncio.FIRST_COMPLETED)
            if not serving.done():
                serving.cancel()  # which lets it finish the jobs at hand
            with suppress(asyncio.CancelledError):
                try:
                    await serving
                except Exception:  # whatever it was, the feeds are still due
                    log.warning("worker_broke_off", exc_info=True)
            if not stopped.is_set():
                await asyncio.wait((stop,), timeout=self._pace.back_after_s)
        log.info("worker_stopped")

    async def _serve(self) -> None:
        app = self._app()
        async with AsyncExitStack() as opened:
            await opened.enter_async_context(app.open_async())
            await app.run_worker_async(
                concurrency=self._threads,
                delete_jobs="always",
                install_signal_handlers=False,
                update_heartbeat_interval=self._pace.heartbeat_s,
                stalled_worker_timeout=self._pace.gone_after_s,
                shutdown_graceful_timeout=self._pace.finish_s,
            )

    def _app(self) -> Any:
        from procrastinate import App, PsycopgConnector
        from procrastinate.exceptions import ConnectorException
        from procrastinate.jobs import Status

        address = self._store.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        app = App(
            connector=PsycopgConnector(
                conninfo=address, min_size=1, max_size=4, kwargs={"options": f"-c search_path={SCHEMA}"}
            )
        )

        @app.task(name="refresh")
        def refresh_host(host: str, feeds: Sequence[int]) -> None:
            _told("refreshed", host, lambda: self._refresh(feeds))

        @app.periodic(cron=self._pace.look)
        @app.task(name="look", queueing_lock="look")
        async def look(timestamp: int) -> None:  # noqa: ARG001 - Procrastinate gives it to what is periodic
            manager = app.job_manager
            for job in await manager.get_stalled_jobs(seconds_since_heartbeat=self._pace.gone_after_s):
                with suppress(ConnectorException):  # another look was quicker
                    await manager.finish_job(job, Status.FAILED, delete_job=True)
                    log.warning("job_taken_off", extra={"job": job.task_name})
            try:
                due = await asyncio.to_thread(self._store.due, self._clock())
            except StorageError as error:
                log.warning("look_failed", extra={"error": str(error)})
                return
            in_line = {lock["name"] for lock in await manager.list_locks_async(task="refresh")}
            jobs = [
                refresh_host.configure(lock=host).job.evolve(task_kwargs={"host": host, "feeds": ids})
                for host, ids in _by_host(due).items()
                if host not in in_line
            ]
            if jobs:
                await manager.batch_defer_jobs_async(jobs)
                log.info("looked", extra={"due": len(due), "hosts": len(jobs)})

        @app.periodic(cron=self._pace.stories)
        @app.task(name="stories", lock="stories", queueing_lock="stories")
        def stories(timestamp: int) -> None:  # noqa: ARG001
            _told("grouped", "", self._group)

        @app.periodic(cron=self._pace.articles)
        @app.task(name="articles", lock="articles", queueing_lock="articles")
        def articles(timestamp: int) -> None:  # noqa: ARG001
            _told("articles", "", self._read_on)

        @app.periodic(cron=self._pace.prune)
        @app.task(name="prune", lock="prune", queueing_lock="prune")
        def prune(timestamp: int) -> None:  # noqa: ARG001
            _told("pruned", "", lambda: {"articles": self._store.prune(self._clock())})

        return app

    def _refresh(self, ids: Sequence[int]) -> dict[str, int]:
        """What became of these feeds, counted."""
        now = self._clock()
        due = self._store.due(now, among=ids)
        return counted(refresh(self._store, due, fetcher=self._fetcher, parser=self._parser, now=now))

    def _group(self) -> dict[str, int]:
        grouped = self._stories.group()
        return {"articles": grouped} if grouped else {}

    def _read_on(self) -> dict[str, int]:
        now: datetime = self._clock()
        if not self._store.teasers(now, limit=1):
            return {}
        with ArticlePool() as reader:
            return {"stored": fetch_articles(self._store, fetcher=self._fetcher, reader=reader, now=now)}


def _by_host(feeds: Sequence[Feed]) -> dict[str, list[int]]:
    """The ids of feeds by the host that is asked for them, in their order."""
    hosts: dict[str, list[int]] = {}
    for feed in feeds:
        hosts.setdefault(urlsplit(feed.url).hostname or "", []).append(feed.id)
    return hosts


def _told(event: str, host: str, work: Callable[[], dict[str, int]]) -> None:
    """Do it, and log a line about it; a job that fails is over, since what it left undone is still due."""
    started, of = monotonic(), {"host": host} if host else {}
    try:
        figures = work()
    except StorageError as error:
        log.warning("job_failed", extra={"job": event, **of, "error": str(error)})
    except Exception:
        log.exception("job_failed", extra={"job": event, **of})
    else:
        if figures:
            log.info(event, extra={**of, **figures, "seconds": monotonic() - started})
