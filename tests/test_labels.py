"""The labels made by hand hold together, and name articles that the archive has."""

from __future__ import annotations

import gzip
import json
import os
import re
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests import labels

ARCHIVE = os.environ.get("BROADSHEET_ARCHIVE", "")
TUNE = {"2026-W20", "2026-W21", "2026-W22", "2026-W23"}
ANSWERED = {"fact", "time", "compare", "follow-up", "japanese"}
UNANSWERED = {"uncovered", "premise", "year", "general", "near-miss", "too-early"}


def _week(moment: datetime) -> str:
    year, week, _ = moment.isocalendar()
    return f"{year}-W{week:02}"


def _in_set(item: dict[str, Any]) -> bool:
    return item["set"] == ("tune" if item["week"] in TUNE else "report")


def test_an_article_keeps_its_key_whatever_its_link_carries_along() -> None:
    plain = labels.article_key("https://www.example.com/a/1")
    assert re.fullmatch("[0-9a-f]{12}", plain)
    assert labels.article_key("http://www.example.com/a/1?from=rss&amp;x=1#top") == plain
    assert labels.article_key("https://www.example.com/a/2") != plain


def test_events_are_well_formed() -> None:
    events = labels.events()
    assert len(events) >= 150
    assert len({event["id"] for event in events}) == len(events)
    assert len({event["seed"] for event in events}) == len(events)
    for event in events:
        articles, near = event["articles"], event["near"]
        assert event["seed"] in articles, event["id"]
        assert len(set(articles)) == len(articles) >= 2, event["id"]
        assert len(set(near)) == len(near), event["id"]
        assert not set(articles) & set(near), event["id"]
        assert all(re.fullmatch("[0-9a-f]{12}", key) for key in articles + near), event["id"]
        assert _week(datetime.fromisoformat(event["day"])) == event["week"], event["id"]
        assert _in_set(event), event["id"]
        assert event["what"].strip(), event["id"]


def test_questions_are_well_formed() -> None:
    questions = labels.questions() + labels.refusals()
    assert len({question["id"] for question in questions}) == len(questions)
    assert len({(question["now"], question["question"]) for question in questions}) == len(questions)
    for question in questions:
        moment = datetime.fromisoformat(question["now"])
        assert moment.tzinfo == UTC, question["id"]
        assert _week(moment) == question["week"], question["id"]
        assert _in_set(question), question["id"]
        assert question["kind"] in (ANSWERED if question["answerable"] else UNANSWERED), question["id"]
        assert bool(question["answers"]) is question["answerable"], question["id"]
        assert len(set(question["answers"])) == len(question["answers"]), question["id"]
        assert question["question"].strip(), question["id"]
        assert question["why"].strip(), question["id"]
        assert all(earlier.strip() for earlier in question["earlier"]), question["id"]
        if question["kind"] == "follow-up":
            assert question["earlier"], question["id"]


def test_there_are_enough_questions_of_every_kind_in_both_halves() -> None:
    questions = labels.questions()
    kinds = Counter(question["kind"] for question in questions)
    assert kinds["japanese"] >= 15
    assert sum(not question["answerable"] for question in questions) >= 40
    assert sum(question["answerable"] for question in questions) >= 110
    assert set(kinds) == ANSWERED | UNANSWERED
    for half in ("tune", "report"):
        assert {question["kind"] for question in questions if question["set"] == half} == ANSWERED | UNANSWERED


def test_there_are_enough_hard_questions_with_and_without_an_answer_in_both_halves() -> None:
    for half, (without, answered) in {"tune": (120, 60), "report": (60, 40)}.items():
        counts = Counter(question["answerable"] for question in labels.refusals() if question["set"] == half)
        assert counts[False] >= without, half
        assert counts[True] >= answered, half


def test_weeks_are_covered_evenly() -> None:
    for items in (labels.events(), labels.questions()):
        weeks = Counter(item["week"] for item in items)
        assert len(weeks) == 7
        assert min(weeks.values()) >= len(items) // 14  # half of an even share


# ---------------------------------------------------------------- against the archive itself


@pytest.fixture(scope="module")
def archive() -> dict[str, tuple[str, datetime]]:
    """The outlet of each article and the moment its first wording was collected, by key."""
    found: dict[str, tuple[str, datetime]] = {}
    for path in sorted(Path(ARCHIVE).glob("*.ndjson.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                key, collected = labels.article_key(row["link"]), datetime.fromisoformat(row["collectedAt"])
                source, first = found.get(key, (row["source"], collected))
                found[key] = source, min(first, collected)
    return found


@pytest.mark.archive
@pytest.mark.skipif(not ARCHIVE, reason="BROADSHEET_ARCHIVE is not set")
def test_every_event_is_told_by_two_outlets_within_a_few_days(archive: dict[str, tuple[str, datetime]]) -> None:
    for event in labels.events():
        told = [archive[key] for key in event["articles"]]
        assert len({source for source, _ in told}) >= 2, event["id"]
        moments = [moment for _, moment in told]
        assert (max(moments) - min(moments)).days < 7, event["id"]
        assert archive[event["seed"]][1].date().isoformat() == event["day"], event["id"]
        assert all(key in archive for key in event["near"]), event["id"]


@pytest.mark.archive
@pytest.mark.skipif(not ARCHIVE, reason="BROADSHEET_ARCHIVE is not set")
def test_every_answer_was_there_when_the_question_was_asked(archive: dict[str, tuple[str, datetime]]) -> None:
    for question in labels.questions() + labels.refusals():
        now = datetime.fromisoformat(question["now"])
        for key in question["answers"]:
            source, first = archive[key]
            assert first <= now, question["id"]
            assert (source == "NHK World") is (question["language"] == "ja"), question["id"]


@pytest.mark.archive
@pytest.mark.skipif(not ARCHIVE, reason="BROADSHEET_ARCHIVE is not set")
def test_comparing_questions_have_answers_of_two_outlets(archive: dict[str, tuple[str, datetime]]) -> None:
    for question in labels.questions():
        if question["kind"] == "compare":
            assert len({archive[key][0] for key in question["answers"]}) >= 2, question["id"]
