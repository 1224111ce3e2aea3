"""What feedparser takes by itself: `python -m tests.bench.alone FEEDS ITEMS` prints two kinds of seconds.

In a process of its own, which has never imported `news.parse`: that makes feedparser quicker for everybody.
"""

from __future__ import annotations

import io
import json
import sys
import time

import feedparser

from tests.bench.press import Press


def main(feeds: int, items: int) -> None:
    """Parse the feeds of a stand one after the other, as anybody would."""
    press = Press()
    bodies = [press.rss(n, items) for n in range(feeds)]
    wall, cpu = time.perf_counter(), time.process_time()
    for body in bodies:
        feedparser.parse(io.BytesIO(body))
    print(json.dumps([time.perf_counter() - wall, time.process_time() - cpu]))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
