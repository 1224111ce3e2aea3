"""What models used: kept call by call, added up by UTC day and model, and by conversation."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from sqlalchemy import Engine

from desk.conversations import Conversations
from desk.usage import Day, Spent, Total, Usages
from storage.engine import StorageError
from tests.conftest import NOW

DAY = timedelta(days=1)
LARGE, SMALL = "openai/gpt-oss-120b", "openai/gpt-oss-20b"
NOTHING = Total(answers=0, prompt=0, cached=0, completion=0, reasoning=0, cost=None, unpriced=0)


@pytest.fixture
def usages(engine: Engine) -> Usages:
    return Usages(engine)


def test_a_day_is_added_up_for_each_model(usages: Usages) -> None:
    for number in (1, 3):
        usages.record(
            Spent(
                NOW + timedelta(hours=number), "answer", LARGE, prompt=1_000 * number, cached=100, completion=200,
                reasoning=50, cost=0.25 * number, first_s=0.5 * number, seconds=2.0 * number,
            )
        )  # fmt: skip
    usages.record(Spent(NOW, "summary", LARGE, prompt=10, completion=5, cost=0.5, first_s=9.0, seconds=90.0))
    usages.record(Spent(NOW, "answer", SMALL, prompt=7, completion=3))
    assert usages.by_day(NOW - DAY) == [
        Day(
            day=date(2026, 6, 10), model=LARGE, answers=2, prompt=4_010, cached=200, completion=405, reasoning=100,
            cost=1.5, unpriced=0, first_s=1.0, tokens_a_second=50.0,
        ),
        Day(
            day=date(2026, 6, 10), model=SMALL, answers=1, prompt=7, cached=0, completion=3, reasoning=0,
            cost=None, unpriced=1, first_s=None, tokens_a_second=None,
        ),
    ]  # fmt: skip


def test_days_are_those_of_utc_oldest_first_from_the_moment_asked_for(usages: Usages) -> None:
    east = timezone(timedelta(hours=9))
    moments = [
        datetime(2026, 6, 12, tzinfo=UTC),
        datetime(2026, 6, 11, 23, 59, 59, 999999, tzinfo=UTC),
        datetime(2026, 6, 12, 8, 59, tzinfo=east),
        datetime(2026, 6, 9, 23, 59, 59, tzinfo=UTC),
    ]
    for number, moment in enumerate(moments):
        usages.record(Spent(moment, "answer", LARGE, prompt=10**number))
    since = datetime(2026, 6, 11, tzinfo=UTC)
    assert [(day.day, day.prompt) for day in usages.by_day(since)] == [
        (date(2026, 6, 11), 110), (date(2026, 6, 12), 1),
    ]  # fmt: skip
    assert [day.day.day for day in usages.by_day(since - 7 * DAY)] == [9, 11, 12]
    assert usages.by_day(since + 7 * DAY) == []


def test_a_price_that_is_not_known_is_told_beside_the_sum_of_the_others(usages: Usages) -> None:
    for cost in (0.25, None, 0.0):
        usages.record(Spent(NOW, "answer", LARGE, conversation_id="c", cost=cost))
    (day,) = usages.by_day(NOW)
    assert (day.cost, day.unpriced) == (0.25, 1)
    total = usages.of_conversation("c")
    assert (total.cost, total.unpriced) == (0.25, 1)


def test_seconds_that_are_not_known_or_zero_take_no_part_in_the_speed(usages: Usages) -> None:
    for completion, seconds in ((100, 2.0), (900, None), (900, 0.0)):
        usages.record(Spent(NOW, "answer", LARGE, completion=completion, seconds=seconds))
    (day,) = usages.by_day(NOW)
    assert (day.answers, day.completion, day.tokens_a_second) == (3, 1_900, 50.0)


def test_a_conversation_is_added_up_over_all_that_was_asked_for_it(usages: Usages) -> None:
    usages.record(Spent(NOW, "answer", LARGE, "c", "t1", prompt=10, cached=4, completion=5, reasoning=2, cost=0.5))
    usages.record(Spent(NOW + DAY, "summary", SMALL, "c", "t1", prompt=20, completion=1, cost=0.25))
    usages.record(Spent(NOW, "answer", LARGE, "other", prompt=1_000))
    usages.record(Spent(NOW, "speech", "playai-tts", prompt=1_000))
    assert usages.of_conversation("c") == Total(
        answers=1, prompt=30, cached=4, completion=6, reasoning=2, cost=0.75, unpriced=0
    )
    assert usages.of_conversation("nobody's") == NOTHING


def test_what_was_spent_outlives_its_conversation_but_not_the_deletion_of_everything(
    usages: Usages, engine: Engine
) -> None:
    desk = Conversations(engine)
    chat = desk.new_id()
    turn = desk.add_turn(chat, "Why?", now=NOW)
    usages.record(Spent(NOW, "answer", LARGE, chat, turn.id, prompt=10))
    desk.remove(chat, now=NOW)
    desk.purge(NOW + DAY)
    assert usages.of_conversation(chat).prompt == 10
    desk.delete_everything()
    assert (usages.of_conversation(chat), usages.by_day(NOW - DAY)) == (NOTHING, [])


def test_any_name_of_a_model_is_kept(usages: Usages) -> None:
    usages.record(Spent(NOW, "answer", "nul \0 half \ud83d " + "x" * 1_000))
    assert [day.model for day in usages.by_day(NOW)] == ["nul \ufffd half ? " + "x" * 1_000]


def test_a_time_without_a_zone_is_refused(usages: Usages) -> None:
    with pytest.raises(StorageError):
        usages.record(Spent(NOW.replace(tzinfo=None), "answer", LARGE))
    assert usages.by_day(NOW - 30 * DAY) == []
