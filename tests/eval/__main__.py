"""`python -m tests.eval PART --archive DIR` measures on real headlines and prints one JSON object.

Parts: retrieval, stories. They are tuned on the weeks W20 to W23; what counts are the figures of W24 to W26.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.eval import retrieval, stories
from tests.eval.archive import fill, read, weeks
from tests.labels import events, questions

REPORTED_FROM = datetime(2026, 6, 8, tzinfo=UTC)
"""The beginning of W24."""


def main(given: list[str]) -> int:
    """Measure a part over all weeks given."""
    parser = argparse.ArgumentParser(prog="python -m tests.eval", description=__doc__)
    parser.add_argument("part", choices=["retrieval", "stories"])
    parser.add_argument("--archive", type=Path, required=True, help="folder of *.ndjson or *.ndjson.gz files")
    parser.add_argument("--weeks", nargs="*", default=(), metavar="W20", help="only these files")
    parser.add_argument("--database", type=Path, help="keep the filled store here, or take the one that is")
    told = parser.parse_args(given)
    files = weeks(told.archive, told.weeks)
    if told.part == "stories":
        print(json.dumps(stories.measure(list(read(files)))))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(measure_retrieval(files, told.database or Path(folder) / "eval.db")))
    return 0


def measure_retrieval(files: list[Path], database: Path) -> dict[str, Any]:
    """The three tasks, each for the weeks it was tuned on and for those it was not."""
    items = list(read(files))
    store = fill(database, items)
    asked = retrieval.reworded(items)
    told = retrieval.labelled(items, events())
    last = max(item.collected_at for item in items)
    questioned = [one for one in questions() if datetime.fromisoformat(one["now"]) <= last]
    out: dict[str, Any] = {"articles": store.stats().entries}
    for name, late in (("tuned", False), ("reported", True)):
        out[name] = {
            "reworded": retrieval.measure_reworded(
                store, [one for one in asked if (one.collected_at >= REPORTED_FROM) == late]
            ),
            "events": retrieval.measure_events(
                store, [one for one in told if (one.seed.collected_at >= REPORTED_FROM) == late]
            ),
            "questions": retrieval.measure_questions(
                store, [one for one in questioned if (one["set"] == "report") == late]
            ),
        }
    store.engine.dispose()
    return out


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
