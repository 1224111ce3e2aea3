"""`python -m tests.eval.sample --archive DIR` makes the small frozen part of the archive that the tests measure on.

Reworded headlines of W24 and W25 with all their wordings, and articles of these weeks around them, drawn with a fixed
seed; some of those are reworded too. Descriptions are cut to what a teaser has. The file is
tests/data/retrieval.ndjson.gz.
"""

from __future__ import annotations

import argparse
import gzip
import html
import json
import random
from pathlib import Path

from tests.eval.archive import Item, read, weeks
from tests.eval.retrieval import reworded

SAMPLE = Path(__file__).parents[1] / "data" / "retrieval.ndjson.gz"
REWORDED, OTHERS = 120, 1_900
DESCRIPTION = 200


def chosen(items: list[Item]) -> list[Item]:
    """What is kept, in the order of collection."""
    draw = random.Random(26)
    links = sorted({item.link for item in items})
    asked = draw.sample([one.link for one in reworded(items)], REWORDED)
    kept = {*asked, *draw.sample([link for link in links if link not in asked], OTHERS)}
    return sorted((item for item in items if item.link in kept), key=lambda item: (item.collected_at, item.link))


def line_of(item: Item) -> str:
    """An item as a line of an archive file."""
    row = {
        "id": item.id, "title": html.escape(item.title), "description": html.escape(item.text[:DESCRIPTION]),
        "link": item.link, "source": item.source, "pubDate": item.published_at.isoformat(),
        "collectedAt": item.collected_at.isoformat(),
    }  # fmt: skip
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.eval.sample", description=__doc__)
    parser.add_argument("--archive", type=Path, required=True)
    lines = map(line_of, chosen(list(read(weeks(parser.parse_args().archive, ("W24", "W25"))))))
    with gzip.GzipFile(SAMPLE, "wb", mtime=0) as file:
        file.writelines(line.encode() for line in lines)
