"""Words for time in a question, in ten languages, as seen from a moment."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from news.times import When, read

NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)  # a Wednesday


def day(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-{text}").replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("question", "since", "until"),
    [
        ("What happened today?", "06-10", None),
        ("Please summarise today's headlines", "06-10", None),
        ("What did he say yesterday?", "06-09", "06-10"),
        ("news since Monday", "06-08", None),
        ("what happened on Sunday?", "06-07", "06-08"),
        ("last week in Iran", "06-01", "06-08"),
        ("What changed this week?", "06-08", None),
        ("over the weekend", "06-06", "06-08"),
        ("floods in May", "05-01", "06-01"),
        ("last month", "05-01", "06-01"),
        ("What happened between the 3rd and the 9th?", "06-03", "06-10"),
        ("from 3 June to 9 June", "06-03", "06-10"),
        ("on 3 June", "06-03", "06-04"),
        ("June 3rd", "06-03", "06-04"),
        ("3 June 2026", "06-03", "06-04"),
        ("since 2026-05-20", "05-20", None),
        ("before 1 June", None, "06-01"),
        ("by Friday", None, "06-06"),
        ("three days ago", "06-07", "06-08"),
        ("am 3. Juni in Berlin", "06-03", "06-04"),
        ("seit Montag", "06-08", None),
        ("letzte Woche", "06-01", "06-08"),
        ("im Mai", "05-01", "06-01"),
        ("zwischen dem 3. und dem 9. Juni", "06-03", "06-10"),
        ("vor zwei Tagen", "06-08", "06-09"),
        ("Que s'est-il passé hier à Paris ?", "06-09", "06-10"),
        ("entre le 3 et le 9 juin", "06-03", "06-10"),
        ("la semaine dernière", "06-01", "06-08"),
        ("depuis lundi", "06-08", None),
        ("la semana pasada", "06-01", "06-08"),
        ("entre el 3 y el 9 de junio", "06-03", "06-10"),
        ("desde el lunes", "06-08", None),
        ("il 3 giugno", "06-03", "06-04"),
        ("la settimana scorsa", "06-01", "06-08"),
        ("ontem em Lisboa", "06-09", "06-10"),
        ("em maio", "05-01", "06-01"),
        ("vorige week", "06-01", "06-08"),
        ("sinds maandag", "06-08", None),
        ("sedan måndag", "06-08", None),
        ("先週のニュース", "06-01", "06-08"),
        ("6月3日に何がありましたか", "06-03", "06-04"),
        ("6月3日から9日", "06-03", "06-10"),
        ("5月の地震", "05-01", "06-01"),
        ("昨日の東京", "06-09", "06-10"),
        ("上周发生了什么", "06-01", "06-08"),
        ("昨天的新闻", "06-09", "06-10"),
    ],
)
def test_words_for_time_are_a_range(question: str, since: str | None, until: str | None) -> None:
    when = read(question, NOW)
    assert (when.since, when.until) == (since and day(since), until and day(until))
    assert when.as_of is None


@pytest.mark.parametrize(
    ("question", "hours"),
    [
        ("in the last 24 hours", 24),
        ("the past couple of weeks", 14 * 24),
        ("in den letzten drei Tagen", 72),
        ("ces 3 derniers jours", 72),
        ("negli ultimi 3 giorni", 72),
        ("en los últimos 7 días", 168),
        ("nos últimos 7 dias", 168),
        ("de afgelopen 2 weken", 336),
        ("过去三天", 72),
        ("ここ3日", 72),
    ],
)
def test_the_last_of_something_counts_from_now(question: str, hours: int) -> None:
    when = read(question, NOW)
    assert (when.since, when.until) == (NOW - timedelta(hours=hours), None)


@pytest.mark.parametrize(
    "question",
    [
        "What was known on 3 June about the ship?",
        "the toll as of 3 June",
        "Was war am 3. Juni bekannt?",
        "6月3日時点で",
    ],
)
def test_what_was_known_then_is_a_moment_and_no_range(question: str) -> None:
    when = read(question, NOW)
    assert (when.since, when.until, when.as_of) == (None, None, day("06-04"))


@pytest.mark.parametrize(
    "question",
    [
        "May the force be with you", "He may resign", "the 2030 target", "Was ist hier passiert?", "30 February",
        "Boeing 737", "G7 summit", "", "the second round", "one in three", "4 dead", "🎉", "\0", "\ud83d",
    ],
)  # fmt: skip
def test_what_is_no_time_is_none(question: str) -> None:
    assert read(question, NOW) == When(rest=question)


@pytest.mark.parametrize("question", ["latest on Gaza", "neueste Nachrichten", "dernières nouvelles", "最新のニュース"])
def test_the_newest_may_be_asked_for(question: str) -> None:
    assert read(question, NOW).latest


def test_the_rest_of_a_question_is_what_it_is_about() -> None:
    assert read("What happened in Iran since last Monday?", NOW).rest.split() == ["What", "happened", "in", "Iran", "?"]
    assert "May" not in read("floods in May", NOW).rest


def test_a_year_that_is_over_is_a_range_and_one_to_come_is_none() -> None:
    assert read("who won in 2009?", NOW).since == datetime(2009, 1, 1, tzinfo=UTC)
    assert read("who will win in 2031?", NOW).since is None


def test_a_day_is_that_of_the_readers_zone() -> None:
    tokyo = timezone(timedelta(hours=9))
    since = read("today", datetime(2026, 6, 10, 3, tzinfo=tokyo)).since
    assert since == datetime(2026, 6, 10, tzinfo=tokyo)


@given(
    st.text(max_size=60)
    | st.text(st.sampled_from("since last 3 Monday May 2026-日月年前今昨 th between and"), max_size=60)
)
def test_no_text_breaks_it_and_a_range_is_in_order(question: str) -> None:
    when = read(question, NOW)
    assert when.since is None or when.until is None or when.since < when.until
    assert when.since is None or when.since <= NOW


@pytest.mark.parametrize(
    "piece", ["in ", "1 ", "last ", "between 1 and ", "3月", "一", "May 1 ", "the ", "vor zwei ", " "]
)
def test_time_grows_with_the_length_of_hostile_text_and_not_with_its_square(piece: str) -> None:
    def seconds(length: int) -> float:
        started = time.process_time()
        read((piece * length)[:length], NOW)
        return time.process_time() - started

    small = max(min(seconds(1_000) for _ in range(3)), 0.002)
    assert seconds(10_000) < 40 * small
