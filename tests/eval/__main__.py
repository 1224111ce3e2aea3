"""`python -m tests.eval PART --archive DIR` measures on real headlines and prints one JSON object.

Parts: stories. It is tuned on the weeks W20 to W23; what counts are the figures of W24 to W26.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from tests.eval import stories
from tests.eval.archive import read, weeks


def main(given: list[str]) -> int:
    """Measure a part over all weeks given."""
    parser = argparse.ArgumentParser(prog="python -m tests.eval", description=__doc__)
    parser.add_argument("part", choices=["stories"])
    parser.add_argument("--archive", type=Path, required=True, help="folder of *.ndjson or *.ndjson.gz files")
    parser.add_argument("--weeks", nargs="*", default=(), metavar="W20", help="only these files")
    told = parser.parse_args(given)
    print(json.dumps(stories.measure(list(read(weeks(told.archive, told.weeks))))))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
