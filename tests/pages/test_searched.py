"""What an answer looked at, below it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pages
from desk.basis import Account
from news.edits import Edit, diff
from news.types import ParsedEntry
from pages._searched import changes, reworded, table
from tests.llm.passages import a_passage
from tests.pages.conftest import NASTY, App, assert_plain

LAST = datetime(2026, 6, 12, tzinfo=UTC)


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
    account = Account(NASTY[0], "13", NASTY[5], "https://a.example/1", LAST)
    drawn = table([account, replace(account, url="javascript:alert(1)", quote=NASTY[3])])
    rows = drawn.split("\n")
    assert len(rows) == 4
    assert all(len(row.replace("\\|", "").split("|")) == 6 for row in rows)
    assert_plain(rows[2:])
