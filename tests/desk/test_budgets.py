"""Budgets: what is charged never passes a limit in any minute or day, and who is refused is told the right moment."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, func, select

from desk.budgets import DAY, MINUTE, Asking, Budgets, Quota, Quotas, Refused, Used, over, quota
from storage import tables as t
from storage.engine import connect, reading

MODEL = "openai/gpt-oss-120b"


def limits(**scopes: Quota) -> Callable[[Quota], Quotas]:
    return lambda _: Quotas(**scopes)


def asking(id_: int | str, tokens: int = 100, *, reader: str = "r", address: str = "m", model: str = MODEL) -> Asking:
    return Asking(str(id_), model, tokens, reader, address)


@pytest.fixture
def budgets(engine: Engine) -> Budgets:
    return Budgets(engine)


@pytest.mark.parametrize(
    ("used", "tokens", "broken"),
    [
        (Used(0, 0, 0, 0), 100, {}),
        (Used(1, 1, 100, 100), 100, {}),
        (Used(2, 2, 0, 0), 1, {"questions_a_minute": 1}),
        (Used(0, 5, 0, 0), 1, {"questions_a_day": 1}),
        (Used(0, 0, 950, 950), 100, {"tokens_a_minute": 50}),
        (Used(0, 0, 0, 4_990), 100, {"tokens_a_day": 90}),
        (Used(4, 5, 1_000, 5_000), 7, {"questions_a_minute": 3, "questions_a_day": 1, "tokens_a_minute": 7,
                                       "tokens_a_day": 7}),
        (Used(0, 0, 0, 0), 9_000, {}),  # more than a minute ever holds: only alone
        (Used(0, 0, 1, 1), 9_000, {"tokens_a_minute": 1, "tokens_a_day": 1}),
    ],
)  # fmt: skip
def test_a_question_breaks_the_limits_that_it_would_pass(used: Used, tokens: int, broken: dict[str, int]) -> None:
    assert dict(over(Quota(2, 5, 1_000, 5_000), used, tokens)) == broken
    assert dict(over(Quota(), used, tokens)) == {}


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("6 a minute, 60 a day", Quota(6, 60)),
        ("100,000 tokens a day", Quota(tokens_a_day=100_000)),
        ("6/minute; 8000 tokens per minute\n1 question a day", Quota(6, 1, 8_000)),
        ("0 A Minute", Quota(0)),
    ],
)
def test_a_quota_is_read_as_its_owner_writes_it(words: str, meant: Quota) -> None:
    assert quota(words) == meant


@pytest.mark.parametrize("words", ["", "many", "6", "6 an hour", "-1 a day", "6 a minute and 60 a day"])
def test_what_is_no_quota_is_refused_in_a_sentence(words: str) -> None:
    with pytest.raises(ValueError, match="is no limit; write it like"):
        quota(words)


def test_the_owner_s_limits_come_before_and_the_provider_s_bound_them() -> None:
    assert Quota(6, None, 500).over(Quota(30, 1_000, None, 9)) == Quota(6, 1_000, 500, 9)
    assert Quota(6, None, 500).within(Quota(3, 10, None, None)) == Quota(3, 10, 500, None)


def test_a_minute_holds_so_many_questions_and_then_the_oldest_must_leave_it(budgets: Budgets, now: datetime) -> None:
    two = limits(reader=Quota(questions_a_minute=2))
    for n, seconds in enumerate((0, 20)):
        assert budgets.charge(asking(n), two, now=now + timedelta(seconds=seconds)) is None
    refused = budgets.charge(asking(2), two, now=now + timedelta(seconds=30))
    assert refused == Refused("reader", "questions", MINUTE, now + MINUTE)
    assert budgets.charge(asking(2), two, now=refused.until - timedelta(seconds=1)) == refused
    assert budgets.charge(asking(2), two, now=refused.until) is None
    assert budgets.charge(asking(3), two, now=refused.until) == Refused(
        "reader", "questions", MINUTE, now + timedelta(seconds=20) + MINUTE
    )


def test_tokens_free_up_when_enough_of_them_have_left(budgets: Budgets, now: datetime) -> None:
    thousand = limits(everyone=Quota(tokens_a_minute=1_000))
    for n in range(4):
        assert budgets.charge(asking(n, 250), thousand, now=now + timedelta(seconds=n)) is None
    for tokens, after in ((1, 0), (250, 0), (251, 1), (750, 2), (751, 3), (5_000, 3)):
        refused = budgets.charge(asking("x", tokens), thousand, now=now + timedelta(seconds=10))
        assert refused is not None
        assert refused.until == now + timedelta(seconds=after) + MINUTE
        assert refused.scope == "everyone"
        assert refused.what == "tokens"


def test_a_day_is_the_24_hours_before_now(budgets: Budgets, now: datetime) -> None:
    three = limits(reader=Quota(questions_a_day=3))
    for n in range(3):
        assert budgets.charge(asking(n), three, now=now + timedelta(hours=n)) is None
    refused = budgets.charge(asking(3), three, now=now + timedelta(hours=20))
    assert refused == Refused("reader", "questions", DAY, now + DAY)
    assert budgets.charge(asking(3), three, now=now + DAY) is None


def test_who_is_over_several_limits_is_told_the_moment_when_none_holds_any_more(
    budgets: Budgets, now: datetime
) -> None:
    both = limits(reader=Quota(questions_a_minute=1), everyone=Quota(questions_a_day=1))
    assert budgets.charge(asking(0), both, now=now) is None
    refused = budgets.charge(asking(1), both, now=now + timedelta(seconds=1))
    assert refused == Refused("everyone", "questions", DAY, now + DAY)


def test_each_has_a_budget_of_their_own_and_all_have_one_together(budgets: Budgets, now: datetime) -> None:
    quotas = limits(reader=Quota(1), address=Quota(2), everyone=Quota(3))

    def scope(n: int, reader: str, address: str, model: str = MODEL) -> str:
        refused = budgets.charge(asking(n, reader=reader, address=address, model=model), quotas, now=now)
        return refused.scope if refused else ""

    assert scope(0, "anna", "home") == ""
    assert scope(1, "anna", "cafe") == "reader"
    assert scope(2, "bert", "home") == ""
    assert scope(3, "carl", "home") == "address"
    assert scope(4, "carl", "") == ""
    assert scope(5, "dora", "cafe") == "everyone"
    assert scope(6, "dora", "cafe", "another/model") == ""  # a provider counts each model for itself
    assert scope(7, "", "", "another/model") == ""


def test_trying_again_is_not_charged_twice(budgets: Budgets, now: datetime) -> None:
    one = limits(reader=Quota(1), everyone=Quota(tokens_a_minute=1_000))
    for tokens in (900, 900, 450):
        assert budgets.charge(asking("same", tokens), one, now=now) is None
    assert budgets.used(now=now) == Used(1, 1, 450, 450)


def test_what_an_answer_took_takes_the_place_of_what_it_could_have_taken(budgets: Budgets, now: datetime) -> None:
    thousand = limits(everyone=Quota(tokens_a_minute=1_000))
    assert budgets.charge(asking(0, 900), thousand, now=now) is None
    assert budgets.charge(asking(1, 900), thousand, now=now) is not None
    budgets.settle("0", 100)
    assert budgets.charge(asking(1, 900), thousand, now=now) is None
    assert budgets.lately(MODEL, now=now + timedelta(seconds=5)) == (1_000, now + MINUTE)
    assert budgets.lately("another", now=now) == (0, now)
    budgets.release("1")
    assert budgets.used(now=now, model=MODEL) == Used(1, 1, 100, 100)
    assert budgets.used(now=now, reader="nobody") == Used()


def test_charges_go_when_no_limit_looks_back_to_them(budgets: Budgets, engine: Engine, now: datetime) -> None:
    for days in range(5):
        budgets.charge(asking(days), limits(), now=now + timedelta(days=days, seconds=days))
    with reading(engine) as connection:
        assert connection.execute(select(func.count()).select_from(t.charges)).scalar() == 1


def test_what_the_provider_said_is_known_to_every_process(budgets: Budgets, now: datetime) -> None:
    heard: list[Quota] = []

    def quotas(said: Quota) -> Quotas:
        heard.append(said)
        return Quotas()

    budgets.charge(asking(0), quotas, now=now)
    budgets.say(MODEL, Quota(questions_a_day=1_000, tokens_a_minute=8_000))
    budgets.say(MODEL, Quota(questions_a_day=1_000, tokens_a_minute=8_000))
    other = Budgets(connect(budgets.engine.url.render_as_string(hide_password=False)))
    other.charge(asking(1), quotas, now=now)
    assert heard == [Quota(), Quota(questions_a_day=1_000, tokens_a_minute=8_000)]
    assert other.said("another") == Quota()
    other.engine.dispose()


def test_an_address_is_kept_as_what_nobody_can_read_it_from(budgets: Budgets) -> None:
    home = budgets.machine("84.208.20.110")
    assert len(home) == 32
    other = Budgets(connect(budgets.engine.url.render_as_string(hide_password=False)))
    assert other.machine("84.208.20.110") == home
    assert other.machine("::ffff:84.208.20.110") == home
    assert other.machine("84.208.20.111") not in ("", home)
    other.engine.dispose()


def test_another_instance_calls_the_same_machine_by_another_name(budgets: Budgets, tmp_path: object) -> None:
    other = Budgets(connect(f"sqlite:///{tmp_path}/other.db"))
    assert other.machine("84.208.20.110") != budgets.machine("84.208.20.110")
    other.engine.dispose()


def test_a_household_is_one_machine_and_private_addresses_are_none(budgets: Budgets) -> None:
    assert budgets.machine("2a01:799:1::1") == budgets.machine("2a01:799:1:0:ffff::2") != ""
    assert budgets.machine("2a01:799:2::1") != budgets.machine("2a01:799:1::1")
    for address in ("", "127.0.0.1", "::1", "10.0.0.7", "192.168.1.2", "172.16.3.4", "fe80::1", "fd00::1", "nonsense"):
        assert budgets.machine(address) == ""


def test_at_any_hour_any_minute_and_day_stay_within_the_limits(budgets: Budgets, now: datetime) -> None:
    dice = random.Random(8)
    quotas = limits(everyone=Quota(5, 120, 2_000, 40_000), reader=Quota(2, 30))
    admitted: list[tuple[datetime, str, int]] = []
    at = now
    for n in range(900):
        at += timedelta(seconds=dice.choice((0, 0, 1, 5, 30, 400)))
        reader, tokens = dice.choice("abcdef"), dice.randrange(50, 1_500)
        refused = budgets.charge(asking(n, tokens, reader=reader), quotas, now=at)
        if refused is None:
            admitted.append((at, reader, tokens))
        else:
            assert at < refused.until <= at + DAY
    for moment, reader, _ in admitted:
        for span, questions, tokens, own in ((MINUTE, 5, 2_000, 2), (DAY, 120, 40_000, 30)):
            within = [row for row in admitted if moment - span < row[0] <= moment]
            assert len(within) <= questions
            assert sum(row[2] for row in within) <= tokens
            assert sum(row[1] == reader for row in within) <= own
    assert len(admitted) > 50


def test_threads_that_ask_at_once_do_not_take_the_same_place(budgets: Budgets, now: datetime) -> None:
    quotas = limits(everyone=Quota(tokens_a_minute=1_000))
    engines = [connect(budgets.engine.url.render_as_string(hide_password=False)) for _ in range(2)]
    start = threading.Barrier(16)
    told: list[Refused | None] = []

    def ask(n: int) -> None:
        start.wait(10)
        told.extend(Budgets(engines[n % 2]).charge(asking(f"{n}-{k}", 90), quotas, now=now) for k in range(3))

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(told) == 48
    assert told.count(None) == 11
    assert {refused.until for refused in told if refused} == {now + MINUTE}
    for engine in engines:
        engine.dispose()
