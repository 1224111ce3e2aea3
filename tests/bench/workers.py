"""How much more is refreshed by more workers, and what of it the database costs.

Feeds of five hundred hosts on loopback, stored in a Postgres of its own. Workers begin with all of them due and are
measured for some seconds, once all are at work. Once with hosts that answer at once, so that the machine is all there
is to wait for; and once with hosts that take two seconds and workers that ask four of them at once, so that there is
little to wait for but the hosts. Linux only: processor time is read from /proc.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from news.store import Store
from storage import tables as t
from storage.engine import connect, reading
from tests.bench.press import NOW
from tests.bench.stand import Stand
from tests.postgres_server import PostgresServer

HOSTS = 500
MEASURED_S = 15.0
ANSWERS_AFTER_S, THREADS = (0.0, 2.0), (24, 4)


def measure_workers(feeds: int = 2_000, items: int = 20) -> list[dict[str, Any]]:
    """Feeds a second for 1, 2 and 4 workers, and the shares of processor time."""
    out = []
    for delay_s, threads in zip(ANSWERS_AFTER_S, THREADS, strict=True):
        with Stand(feeds, items, hosts=HOSTS, delay_s=delay_s) as stand:
            for workers in (1, 2, 4):
                server = PostgresServer(autovacuum="on", synchronous_commit="on")
                try:
                    server.start()
                    figures = _measure(server, stand, workers, threads)
                    out.append({"answers_after_s": delay_s, "threads": threads, **figures})
                finally:
                    server.close()
    return out


def _measure(server: PostgresServer, stand: Stand, workers: int, threads: int) -> dict[str, Any]:
    store = Store(connect(server.url()))
    store.add_feeds([(url, "", "", "") for url in stand.urls], now=NOW)
    load = os.getloadavg()[0]
    environment = {**os.environ, "DATABASE_URL": server.url(), "ALLOW_PRIVATE_FEEDS": "1"}
    command = [sys.executable, "-m", "news", "worker", "--threads", str(threads)]
    started = [subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) for _ in range(workers)]
    try:
        give_up = time.monotonic() + 60
        while _done(store) < 20 * workers and time.monotonic() < give_up:  # by then all of them are at work
            time.sleep(0.05)
        before, began = _done(store), time.monotonic()
        roots = {"database": [server.pid], "workers": [one.pid for one in started], "feeds": [stand.process.pid]}
        cpu = {name: _cpu(pids) for name, pids in roots.items()}
        while _done(store) < stand.feeds and time.monotonic() < began + MEASURED_S:
            time.sleep(0.1)
        done, seconds = _done(store) - before, time.monotonic() - began
        cpu = {name: _cpu(pids) - cpu[name] for name, pids in roots.items()}
    finally:
        for one in started:
            one.kill()
            one.wait()
        store.engine.dispose()
    return {
        "workers": workers,
        "load_before": round(load, 1),
        "feeds": done,
        "seconds": round(seconds, 1),
        "feeds_a_second": round(done / seconds, 1),
        "database_cpu_ms_a_feed": round(1000 * cpu["database"] / max(done, 1), 1),
        "workers_cpu_ms_a_feed": round(1000 * cpu["workers"] / max(done, 1), 1),
        "database_share_of_cpu": round(cpu["database"] / max(sum(cpu.values()), 0.01), 2),
        "cores_used": round(sum(cpu.values()) / seconds, 2),
    }


def _done(store: Store) -> int:
    with reading(store.engine) as connection:
        done = select(func.count()).select_from(t.feeds).where(t.feeds.c.succeeded_at.is_not(None))
        return connection.execute(done).scalar_one()


def _cpu(pids: Iterable[int]) -> float:
    """Seconds of processor time of these processes and of all that came from them, also of those that have ended."""
    children: dict[int, list[int]] = {}
    took: dict[int, float] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        pid = int(path.parent.name)
        children.setdefault(int(fields[1]), []).append(pid)
        took[pid] = sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    waiting, total = list(pids), 0.0
    while waiting:
        pid = waiting.pop()
        total += took.get(pid, 0.0)
        waiting += children.get(pid, ())
    return total
