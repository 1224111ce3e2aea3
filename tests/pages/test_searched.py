"""What an answer looked at, below it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pages
from desk.basis import Account
from llm.markdown import literal
from news.edits import Edit, diff
from news.types import ParsedEntry
from pages.parts.searched import changes, reworded, table
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


def test_what_is_stored_beside_an_answer_is_told_below_it_and_nothing_in_it_is_live(app: App) -> None:
    chat, now = app.part.conversations.new_id(), pages.now()
    turn = app.part.conversations.add_turn(chat, "Why?", now=now)
    account = {"feed": NASTY[0], "says": "13", "quote": NASTY[1], "url": "https://a.example/1", "at": now.isoformat()}
    details = {
        "alone": [{"feed": NASTY[2], "figure": "57", "quote": NASTY[5], "outlets": 3}],
        "caveats": [f"No article found here says that {NASTY[3]}."],
        "disagreements": [{"about": NASTY[4], "moved": False, "accounts": [account, account]}],
        "horizon": {"feeds": 2, "articles": 9, "since": None, "until": None},
    }
    app.part.conversations.save_turn(turn.id, answer="So.", state="done", now=now, details=details)
    at = app.open()
    at.query_params["c"] = chat
    at.run()
    assert not at.exception
    captions = [str(caption.value) for caption in at.caption]
    assert sum("gives the figure 57" in caption for caption in captions) == 1
    assert sum("No article found here says" in caption for caption in captions) == 1
    assert literal("Searched 9 articles of 2 feeds.") in captions
    assert_plain([*captions, *(str(part.value) for part in at.markdown), *(each.label for each in at.expander)])
