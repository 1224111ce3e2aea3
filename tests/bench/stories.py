"""What kept stories and the front page cost by what is stored: the archive of `tests.bench.search`, repeated.

Seconds of processor time for grouping all that is stored, as after an update from an edition without stories; then
milliseconds of it for what happens every day: new entries, a restart, the front page, what is new, one story.
"""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright
from sqlalchemy import update

from news import figures, stories
from news.front import fresh, front, story
from news.store import FOR_EVER, Filter, Store
from news.story_store import Stories
from storage import tables as t
from storage.engine import connect, writing
from tests.bench.search import copies, filled, material
from tests.browser.app_server import AppServer
from tests.browser.test_ask import idle

ARRIVING = 300
OPENINGS = 8
MOMENTS = 60


def measure_stories(articles: int) -> dict[str, Any]:
    """Grouping and the front page among so many articles."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/bench.db"
        filled(url, copies(material()[0], articles))
        store = Store(connect(url))
        started = time.process_time()
        Stories(store).group()
        grouped = time.process_time() - started
        newest = store.entries(limit=1)[0].published_at
        at = newest - timedelta(hours=1)
        last = sorted(report.entry_id for report in store.reports())[-ARRIVING:]

        def arrive() -> None:
            with writing(store.engine) as connection:
                connection.execute(update(t.entries).where(t.entries.c.id.in_(last)).values(story_id=None))

        running = Stories(store)
        arrive()
        running.group()
        largest = Counter(report.story for report in store.reports()).most_common(1)[0][0]
        moments = [at - timedelta(hours=2 * back) for back in range(MOMENTS)]
        forget()
        cold = timed([lambda: front(store, Filter(as_of=at), now=at)])
        return {
            "articles": articles,
            "load": round(os.getloadavg()[0], 1),
            "all_grouped_cpu_s": round(grouped, 1),
            "arriving_300_cpu_ms": timed([running.group] * 5, before=arrive)["p50"],
            "arriving_300_after_a_restart_cpu_ms": timed([lambda: Stories(store).group()] * 3, before=arrive)["p50"],
            "front_cold_cpu_ms": cold["p50"],
            "front_other_moment_cpu_ms": timed([lambda m=m: front(store, Filter(as_of=m), now=m) for m in moments]),
            "front_warm_cpu_ms": timed([lambda: front(store, Filter(as_of=at), now=at)] * MOMENTS),
            "what_is_new_in_6_h_cpu_ms": timed([lambda: fresh(store, at - timedelta(hours=6), now=at)] * 20),
            "largest_story_cpu_ms": timed([lambda: story(store, largest, now=newest)] * 5)["p50"],
            "stamp_cpu_ms": timed([store.stamp] * MOMENTS),
            "page": opened(Path(folder)),
        }


def opened(folder: Path) -> dict[str, float] | None:
    """Seconds of clock from a click on the menu until the page's first story stands there; None without chromium.

    The first click after a start, the median of later ones, and as a ratio of that to a click on Settings.
    """
    if not shutil.which("chromium"):
        return None
    engine = connect(f"sqlite:///{folder / 'bench.db'}")
    with writing(engine) as connection:  # the articles are old: nothing is to be pruned or fetched
        connection.execute(update(t.feeds).values(keep_days=FOR_EVER, paused=True))
    engine.dispose()
    server = AppServer(folder, DATABASE_URL=f"sqlite:///{folder / 'bench.db'}")
    with server as app, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(f"{app.url}/settings")
        idle(page)

        def click(name: str, shows: str) -> float:
            start = time.perf_counter()
            page.get_by_role("main").get_by_role("link", name=name, exact=True).first.click()
            page.locator(shows).first.wait_for()
            took = time.perf_counter() - start
            idle(page)
            return took

        front_page, settings = [], []
        for _ in range(OPENINGS):
            front_page.append(click("Front page", "h2 a"))
            settings.append(click("Settings", "h1:has-text('Settings')"))
        browser.close()
    usual = statistics.median(front_page[1:])
    return {
        "first_s": round(front_page[0], 2),
        "usual_s": round(usual, 2),
        "over_settings": round(usual / statistics.median(settings[1:]), 2),
    }


def forget() -> None:
    """Make what is kept of texts cold again."""
    for kept in (stories._shape, stories._title_terms, stories._agency, figures._clear):
        kept.cache_clear()


def timed(calls: list[Callable[[], object]], *, before: Callable[[], object] = lambda: None) -> dict[str, float]:
    """Milliseconds of processor time of these calls."""
    took = []
    for call in calls:
        before()
        start = time.process_time()
        call()
        took.append((time.process_time() - start) * 1_000)
    took.sort()
    return {"p50": round(took[len(took) // 2], 1), "p95": round(took[int(len(took) * 0.95)], 1)}
