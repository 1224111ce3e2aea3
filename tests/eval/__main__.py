"""`python -m tests.eval PART [OPTION …]` measures one part and prints one JSON object.

Parts: retrieval, coverage, stories and grounding; each tells its options with `--help`.
"""

from __future__ import annotations

import json
import sys

from tests.eval import coverage, grounding, retrieval, stories

PARTS = {
    "retrieval": retrieval.main,
    "coverage": coverage.main,
    "stories": stories.main,
    "grounding": grounding.main,
}


def main(arguments: list[str]) -> int:
    """Measure the part that is named, with the options that follow."""
    if not arguments or arguments[0] not in PARTS:
        print(f"Name one of these parts: {', '.join(PARTS)}.", file=sys.stderr)
        return 2
    print(json.dumps(PARTS[arguments[0]](arguments[1:])))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
