"""What the news side costs: a refresh beside feedparser alone on the same bytes, and its memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from news.fetch import Fetcher
from news.parse import ParserPool
from news.refresh import refresh
from news.store import Store
from storage.engine import connect
from tests.bench.press import NOW
from tests.bench.stand import Stand

CORES = os.cpu_count() or 1


def measure_refresh(feeds: int = 200, items: int = 40) -> dict[str, float]:
    """A first and an unchanged refresh of feeds over loopback, beside feedparser's own time for the same bytes.

    And beside `lemon24/reader`, where it is installed (`tests/bench/requirements.txt`): `update_feeds` with as many
    workers as there are cores, from the same server in the same run. The figures with `cpu` count processor time of all
    processes, which a busy machine changes less than the clock's.
    """
    load = os.getloadavg()[0]
    ran = subprocess.run(
        [sys.executable, "-m", "tests.bench.alone", str(feeds), str(items)], capture_output=True, check=True
    )
    alone_s, alone_cpu_s = json.loads(ran.stdout)
    times: list[_Clock] = []
    with tempfile.TemporaryDirectory() as folder, Stand(feeds, items) as stand:
        store = Store(connect(f"sqlite:///{Path(folder) / 'bench.db'}"))
        store.add_feeds([(url, "", "", "") for url in stand.urls], now=NOW)
        with ParserPool(CORES) as parser, Fetcher(allow_private=True) as fetcher:
            for run in range(3):
                now = NOW + timedelta(minutes=run)
                times.append(_Clock())
                outcomes = list(
                    refresh(store, store.due(now, everything=True), fetcher=fetcher, parser=parser, now=now)
                )
                times[-1].stop()
                wanted = "updated" if run == 0 else "unchanged"
                assert all(outcome.kind == wanted for outcome in outcomes), outcomes[0]
            workers_cpu = sum(_process_cpu(worker) for worker in parser.processes())
        store.engine.dispose()
        others = _measure_reader(stand.urls, items, Path(folder) / "reader.db")
    first, unchanged = times[0], min(times[1:], key=lambda each: each.wall)
    figures = {
        "feeds": feeds,
        "items_a_feed": items,
        "cores": CORES,
        "load_before": round(load, 1),
        "first_feeds_a_second": round(feeds / first.wall, 1),
        "unchanged_feeds_a_second": round(feeds / unchanged.wall, 1),
        "unchanged_ms_a_feed": round(1000 * unchanged.wall / feeds, 2),
        "unchanged_cpu_ms_a_feed": round(1000 * unchanged.cpu / feeds, 2),
        "feedparser_alone_s": round(alone_s, 3),
        "feedparser_alone_cpu_s": round(alone_cpu_s, 3),
        "first_s": round(first.wall, 3),
        "first_cpu_s": round(first.cpu + workers_cpu, 3),
        "first_over_feedparser_by_cores": round(first.wall / (alone_s / CORES), 3),
        "first_cpu_over_feedparser_cpu": round((first.cpu + workers_cpu) / alone_cpu_s, 3),
        "unchanged_over_first": round(unchanged.wall / first.wall, 4),
    }
    if others:
        read_first, read_unchanged = others
        figures |= {
            "reader_first_s": round(read_first.wall, 3),
            "reader_unchanged_ms_a_feed": round(1000 * read_unchanged.wall / feeds, 2),
            "first_over_reader": round(first.wall / read_first.wall, 3),
            "unchanged_over_reader": round(unchanged.wall / read_unchanged.wall, 3),
            "first_cpu_over_reader": round((first.cpu + workers_cpu) / read_first.cpu, 3),
            "unchanged_cpu_over_reader": round(unchanged.cpu / read_unchanged.cpu, 3),
        }
    else:
        print("reader is not installed, so there is no comparison with it.", file=sys.stderr)
    return figures


class _Clock:
    """Seconds of the clock and of this process's processor time, from when it is made until `stop`."""

    def __init__(self) -> None:
        self.wall, self.cpu = time.perf_counter(), time.process_time()

    def stop(self) -> None:
        """Turns the beginnings into durations."""
        self.wall, self.cpu = time.perf_counter() - self.wall, time.process_time() - self.cpu


def _measure_reader(urls: list[str], items: int, database: Path) -> tuple[_Clock, _Clock] | None:
    try:
        from reader import make_reader
    except ImportError:
        return None
    with make_reader(str(database)) as reader:
        for url in urls:
            reader.add_feed(url)
        clocks = []
        for _ in range(2):
            clocks.append(_Clock())
            reader.update_feeds(workers=CORES, scheduled=False)
            clocks[-1].stop()
        assert reader.get_entry_counts().total == len(urls) * items
    return clocks[0], clocks[1]


def measure_scale(feeds: int = 1_000, items: int = 40) -> dict[str, float]:
    """The memory that a first refresh of a thousand feeds takes: this process and the parsers, at their most.

    Measured in a process of its own, as this one may have grown before. Linux only: it is read from /proc.
    """
    if not Path("/proc/self/status").exists():
        return {}
    with tempfile.TemporaryDirectory() as folder, Stand(feeds, items) as stand:
        ran = subprocess.run(
            [sys.executable, "-m", "tests.bench.news", f"sqlite:///{Path(folder) / 'bench.db'}"],
            input="\n".join(stand.urls), text=True, capture_output=True, check=True,
        )  # fmt: skip
        figures: dict[str, float] = json.loads(ran.stdout)
    return {"feeds": feeds, "items_a_feed": items, "cores": CORES, **figures}


def _refresh_alone(database: str, urls: list[str]) -> dict[str, float]:
    store = Store(connect(database))
    store.add_feeds([(url, "", "", "") for url in urls], now=NOW)
    with ParserPool(CORES) as parser, Fetcher(allow_private=True) as fetcher:
        clock = _Clock()
        outcomes = refresh(store, store.due(NOW), fetcher=fetcher, parser=parser, now=NOW)
        assert all([outcome.kind == "updated" for outcome in outcomes])  # noqa: C419  all of them are to be refreshed
        clock.stop()
        pids = [os.getpid(), *parser.processes()]
        peaks = [_most_memory(pid) for pid in pids]
        cpu = clock.cpu + sum(map(_process_cpu, pids[1:]))
    return {
        "first_s": round(clock.wall, 2),
        "first_cpu_s": round(cpu, 2),
        "main_peak_mb": round(peaks[0], 1),
        "workers_peak_mb": round(sum(peaks[1:]), 1),
        "peak_mb": round(sum(peaks), 1),
    }


def _most_memory(pid: int) -> float:
    """The resident megabytes of a process at their most."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def _process_cpu(pid: int) -> float:
    """Seconds of processor time that another process has taken so far; 0 where that cannot be read."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    print(json.dumps(_refresh_alone(sys.argv[1], sys.stdin.read().split())))
