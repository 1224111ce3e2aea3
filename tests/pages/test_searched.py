"""What an answer looked at, below it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pages
from news.edits import Edit, diff
from news.types import Horizon, ParsedEntry
from pages._searched import changes, line, reworded, table, troubles
from tests.llm.passages import a_passage
from tests.pages.conftest import NASTY, App, assert_plain

FIRST, LAST = datetime(2026, 5, 1, tzinfo=UTC), datetime(2026, 6, 12, tzinfo=UTC)


def test_the_line_says_how_much_was_searched_from_when_to_when_and_what_was_wrong() -> None:
    assert line(Horizon(24, 1_240, FIRST, LAST)) == ("Searched 1,240 articles of 24 feeds, 1 May 2026 to 12 June 2026.")
    assert line(Horizon(1, 1, FIRST, FIRST, ("A",), ("B", "C"))) == (
        "Searched 1 article of 1 feed, 1 May 2026. 1 feed failed, 2 feeds may be out of date."
    )
    assert line(Horizon(2, 0, None, None)) == "Searched 0 articles of 2 feeds."


def test_feeds_that_failed_and_stale_ones_are_named_but_not_without_end() -> None:
    failed, stale = troubles(Horizon(3, 9, FIRST, LAST, ("One", "Two"), tuple(f"Feed {n}" for n in range(20))))
    assert failed == "Failed when last fetched: One, Two."
    assert stale.startswith("Not fetched for a day, or silent for longer than usual: Feed 0, ")
    assert stale.endswith("Feed 11 and 8 more.")


def test_what_an_outlet_reworded_after_the_question_is_shown_and_nothing_in_it_is_live(app: App) -> None:
    feed, at = app.feed("Harbour Post"), pages.now()

    def says(title: str, hours: float) -> None:
        entry = ParsedEntry("k", "https://a.example/1", title, "Text.", published_at=at - timedelta(hours=9))
        app.save(feed, entry, at=at - timedelta(hours=hours))

    for hours, title in ((8, "Ferry hits quay"), (5, "Ferry hits quay, 12 hurt"), (1, f"Ferry hits quay {NASTY[4]}")):
        says(title, hours)
    entry = app.store.entries()[0]
    passage = a_passage(entry_id=entry.id, feed=NASTY[2])
    assert len(changes(app.store, passage, at - timedelta(hours=6))) == 2
    assert changes(app.store, passage, at) == []
    (only,) = changes(app.store, passage, at - timedelta(hours=2))
    assert "~~" in only
    assert "12 hurt" in only
    assert_plain([only])


def test_of_a_long_text_only_the_words_around_a_change_are_shown() -> None:
    words = [f"w{n}" for n in range(60)]
    runs = diff(" ".join(words), " ".join([*words[:30], "new", *words[30:]]))
    shown = reworded(Edit(LAST, (), runs))
    assert "**new**" in shown
    assert "w29" in shown
    assert "w31" in shown
    assert "w3 " not in shown


def test_who_says_what_is_a_table_in_which_nothing_is_live() -> None:
    account = {"feed": NASTY[0], "says": "13", "quote": NASTY[5], "url": "https://a.example/1", "at": LAST.isoformat()}
    drawn = table([account, account | {"url": "javascript:alert(1)", "quote": NASTY[3]}])
    rows = drawn.split("\n")
    assert len(rows) == 4
    assert all(len(row.replace("\\|", "").split("|")) == 6 for row in rows)
    assert_plain(rows[2:])
