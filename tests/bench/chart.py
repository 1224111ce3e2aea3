"""`python -m tests.bench.chart < figures.json` draws docs/search.svg from what `python -m tests.bench search` printed.

Needs altair and vl-convert-python (tests/bench/requirements.txt).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import altair

CHART = Path(__file__).parents[2] / "docs" / "search.svg"

if __name__ == "__main__":
    rows = [
        {"articles": one["articles"], "milliseconds": one[f"{name}_cpu_ms"], "search": name}
        for one in json.load(sys.stdin)["search"]
        for name in ("p50", "p95")
    ]
    base = altair.Chart(altair.InlineData(rows)).encode(
        altair.X("articles:Q", scale=altair.Scale(type="log"), axis=altair.Axis(format=",", tickCount=4)),
        altair.Y("milliseconds:Q", scale=altair.Scale(domainMin=0), title="processor milliseconds of a search"),
        altair.Color("search:N", title=None),
    )
    (base.mark_line() + base.mark_point(filled=True)).properties(width=420, height=200).save(CHART)
