"""The grouping of the whole archive holds what was measured of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.eval import stories
from tests.eval.archive import read, weeks

ARCHIVE = Path(os.environ.get("BROADSHEET_ARCHIVE", "archive"))


@pytest.mark.archive
@pytest.mark.skipif(not ARCHIVE.is_dir(), reason="the archive is needed")
def test_the_stories_of_weeks_that_were_not_tuned_on_are_as_good_as_told() -> None:
    found = stories.measure(list(read(weeks(ARCHIVE, ()))), compare=False)
    assert found["report"]["articles"] > 1_000
    assert found["report"]["pairs_precision"] > 0.945
    assert found["report"]["bcubed_f1"] > 0.92
    figures = found["figures"]
    assert figures["judged"] > 0.9 * figures["shown"] > 50
    assert figures["right"] > 0.9 * figures["judged"]
