"""Where the reports of one event differ in a figure: who says what, in whose words. Pure; precision first.

What the figures are, and when two of them can count one thing, is `news.figures`' to say. Here the figures of a story's
entries become accounts that a page can show.
"""

from __future__ import annotations

from collections.abc import Collection

from news.figures import Difference, differences
from news.types import Account, Disagreement, Entry


def disagreements(story: Collection[Entry]) -> tuple[Disagreement, ...]:
    """The figures in which the entries of one story differ; () for those of one outlet, which corrects itself."""
    if len({entry.feed for entry in story}) < 2:
        return ()
    urls = {entry.id: entry.url for entry in story}
    return tuple(_told(difference, urls) for difference in differences(story))


def _told(difference: Difference, urls: dict[int, str]) -> Disagreement:
    accounts = tuple(
        Account(figure.feed, figure.says, figure.quote, urls[figure.entry_id], figure.at)
        for figure in difference.figures
    )
    return Disagreement(f"the {difference.kind}", accounts, difference.moved)
