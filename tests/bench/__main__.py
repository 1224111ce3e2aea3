"""`python -m tests.bench [PART …]` measures and prints one JSON object.

Parts: refresh, scale, workers, search, postgres, stories, window, browser, readers, crowd, model.
"""

from __future__ import annotations

import json
import sys

from tests.bench.crowd import measure_crowd
from tests.bench.model import measure_model
from tests.bench.news import measure_refresh, measure_scale
from tests.bench.readers import measure_readers
from tests.bench.search import measure_search
from tests.bench.stories import measure_stories
from tests.bench.streaming import measure_browser
from tests.bench.window import measure_window
from tests.bench.workers import measure_workers

PARTS = {
    "refresh": measure_refresh,
    "scale": measure_scale,
    "workers": measure_workers,
    "search": lambda: [measure_search(number) for number in (1_000, 10_000, 100_000, 1_000_000)],
    "postgres": lambda: [measure_search(number, postgres=True) for number in (1_000, 10_000, 100_000)],
    "stories": lambda: [measure_stories(number) for number in (10_000, 100_000)],
    "window": measure_window,
    "browser": measure_browser,
    "readers": measure_readers,
    "crowd": measure_crowd,
    "model": measure_model,
}


def main(wanted: list[str]) -> int:
    """Measure the parts that are named, or all."""
    unknown = [name for name in wanted if name not in PARTS]
    if unknown:
        print(f"There is no part {unknown[0]}; there are {', '.join(PARTS)}.", file=sys.stderr)
        return 2
    print(json.dumps({name: PARTS[name]() for name in wanted or PARTS}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
