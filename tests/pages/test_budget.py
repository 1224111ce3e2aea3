"""Public mode on one key with Groq's free limits: the provider never has to say no, and who must wait is told how long.

The model server is a real one; what it received is counted by its own log and not by ours.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from desk.budgets import MINUTE, Quota, Quotas, Refused
from desk.readers import Reader, reader_id
from llm.base import Left, Limits, Message, RateLimited
from llm.groq import GroqModel
from llm.memory import Memory
from pages.parts import budget
from pages.parts.budget import FREE, Payer, quotas, told
from tests.groq_server import USAGE, GroqServer, Request
from tests.pages.conftest import ROOT, App

KEY = "gsk_sharedSHAREDshared"
REAL = USAGE["prompt_tokens"] - 128 + USAGE["completion_tokens"]
QUESTIONS, VISITORS = 200, 50


def visitor(n: int) -> Reader:
    return Reader(reader_id("visitor", str(n)), owner=False, visitor=True)


@pytest.fixture
def shared(app: App, monkeypatch: pytest.MonkeyPatch) -> App:
    monkeypatch.setenv("GROQ_API_KEY", KEY)
    return app


@pytest.fixture
def set_clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    def set_clock(at: datetime) -> None:
        monkeypatch.setattr(budget, "now", lambda: at)

    return set_clock


def reserved(request: Request) -> int:
    """The most tokens that a request may take: never less than a token for each four letters of its prompt."""
    letters = sum(len(message["content"]) for message in request.messages)
    return letters // 6 + int(request.body["max_completion_tokens"])


def ask(app: App, reader: Reader, server: GroqServer, at: datetime, question: str = "What rained?") -> str:
    """Ask as a page does; "" or the sentence of the refusal."""
    model = GroqModel(KEY, base_url=server.url, memory=Memory(), clock=lambda: at)
    payer = Payer(app.part.of(reader), model)
    words = " ".join(f"{question} {n}" for n in range(300))
    try:
        with payer.metered(model).stream([Message("user", words)]) as stream:
            text = "".join(delta.text for delta in stream)
    except RateLimited as error:
        return str(error) if error.until and error.until > at else "It said no moment."
    assert text
    usage = stream.usage
    assert usage is not None
    payer.settle({"model": stream.model, "usage": {"prompt": usage.prompt, "cached": usage.cached,
                                                   "completion": usage.completion}})  # fmt: skip
    return ""


def test_200_questions_of_50_visitors_never_pass_the_free_plan_s_limits_and_every_refusal_tells_a_time(
    shared: App, set_clock: Callable[[datetime], None], now: datetime
) -> None:
    at, answered, refused = now, 0, []
    with GroqServer(clock=lambda: at.timestamp()) as server:
        headers = {"x-ratelimit-limit-requests": "1000", "x-ratelimit-limit-tokens": "8000"}
        server.says("It rained [1].", headers=headers, times=QUESTIONS)
        for n in range(QUESTIONS):
            at = now + timedelta(seconds=2 * n)
            set_clock(at)
            sentence = ask(shared, visitor(n % VISITORS), server, at)
            if sentence:
                refused.append((n, sentence))
            else:
                answered += 1
        requests = list(server.requests)
    assert answered == len(requests)
    assert answered + len(refused) == QUESTIONS
    assert answered > 60
    assert len(refused) > 20
    for n, sentence in refused:
        goes_on = re.search(r"You can go on at (\d\d):(\d\d):(\d\d)\.", sentence)
        assert goes_on, sentence
        hour, minute, second = map(int, goes_on.groups())
        assert (
            timedelta()
            < now.replace(hour=hour, minute=minute, second=second) - (now + timedelta(seconds=2 * n))
            <= MINUTE
        )
        assert "All readers together" in sentence
    for request in requests:
        before = [r for r in requests if request.at - 60 < r.at <= request.at and r is not request]
        assert len(before) + 1 <= 30
        assert sum(REAL for _ in before) + reserved(request) <= 8_000


def test_two_processes_with_all_visitors_at_once_stay_within_the_limits_together(shared: App) -> None:
    script = (
        "import sys, threading, json\n"
        "from datetime import datetime, UTC\n"
        "from desk.budgets import Asking, Budgets\n"
        "from llm.base import Message, RateLimited\n"
        "from llm.groq import GroqModel\n"
        "from llm.memory import Memory\n"
        "from llm.metered import Metered\n"
        "from pages.parts.budget import FREE, Quotas\n"
        "from storage.engine import connect\n"
        "url, address, first = sys.argv[1], sys.argv[2], int(sys.argv[3])\n"
        "budgets = Budgets(connect(url))\n"
        "told = []\n"
        "def ask(n):\n"
        "    for k in range(4):\n"
        "        id_ = f'{n}-{k}'\n"
        "        def charge(model, tokens):\n"
        "            asking = Asking(id_, model, tokens, f'visitor {n}')\n"
        "            refused = budgets.charge(asking, lambda said: Quotas(everyone=FREE), now=datetime.now(UTC))\n"
        "            if refused: raise RateLimited('No.', until=refused.until)\n"
        "        model = GroqModel('gsk_x', base_url=address, memory=Memory())\n"
        "        paid = Metered(model, charge=charge, release=lambda: budgets.release(id_), left=lambda: None)\n"
        "        try:\n"
        "            with paid.stream([Message('user', 'What rained? ' * 60)]) as stream:\n"
        "                for delta in stream: pass\n"
        "            budgets.settle(id_, stream.usage.prompt - stream.usage.cached + stream.usage.completion)\n"
        "            told.append('')\n"
        "        except RateLimited as error:\n"
        "            told.append(error.until.isoformat())\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "threads = [threading.Thread(target=ask, args=(n,)) for n in range(first, first + 25)]\n"
        "for t in threads: t.start()\n"
        "for t in threads: t.join()\n"
        "print(json.dumps(told))\n"
    )
    url = shared.store.engine.url.render_as_string(hide_password=False)
    usage = {**USAGE, "prompt_tokens": 300, "completion_tokens": 1_200, "prompt_tokens_details": {"cached_tokens": 0}}
    with GroqServer() as server:
        server.says("It rained.", usage=usage, times=QUESTIONS)
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", script, url, server.url, str(first)], cwd=ROOT, text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            )
            for first in (0, 25)
        ]  # fmt: skip
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        began = datetime.now(UTC)
        lines = []
        for process in processes:
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        for process in processes:
            out, _ = process.communicate(timeout=120)
            lines += json.loads(out.splitlines()[-1])
        requests = list(server.requests)
    assert len(lines) == QUESTIONS
    assert lines.count("") == len(requests)
    for line in filter(None, lines):
        assert datetime.fromisoformat(line) > began
    # All of it takes less than a minute. What is still open may take as much as what has ended took.
    assert 4 <= len(requests) <= 8_000 // 1_500


def test_a_visitor_has_a_share_and_another_has_one_too(
    shared: App, set_clock: Callable[[datetime], None], now: datetime
) -> None:
    shared.part.quotas = Quotas(reader=Quota(questions_a_minute=2))
    set_clock(now)
    with GroqServer() as server:
        server.says("It rained [1].", times=6)
        assert [ask(shared, visitor(1), server, now) for _ in range(2)] == ["", ""]
        assert ask(shared, visitor(1), server, now).startswith(
            "You have asked as much as one reader may in a minute. You can go on at 12:01:00. Or bring a key"
        )
        assert ask(shared, visitor(2), server, now) == ""
        owner = Reader(reader_id("member", "o"), "Owner", owner=True)
        assert [ask(shared, owner, server, now) for _ in range(3)] == ["", "", ""]
        assert server.count == 6


def test_a_question_is_made_to_fit_what_all_readers_left_of_the_minute(
    shared: App, set_clock: Callable[[datetime], None], now: datetime
) -> None:
    set_clock(now)
    model = GroqModel(KEY, memory=Memory(), clock=lambda: now)
    others, mine = (Payer(shared.part.of(visitor(n)), model) for n in (1, 2))
    assert mine.metered(model).left() == Left(8_000, now)
    others.charge(model.name, 5_000)
    assert mine.metered(model).left() == Left(3_000, now + MINUTE)
    said = Limits(tokens=8_000, tokens_left=1_000, tokens_reset_s=9)
    memory = Memory()
    known = GroqModel(KEY, memory=memory, clock=lambda: now)
    memory.say(known._who, known.name, said, now)
    assert mine.metered(known).left() == Left(1_000, now + timedelta(seconds=9))


def test_a_personal_instance_has_no_budgets(shared: App, now: datetime) -> None:
    shared.part.quotas = Quotas(reader=Quota(0), everyone=Quota(0))
    model = GroqModel(KEY, memory=Memory())
    payer = Payer(shared.part, model)
    assert payer.metered(model) is model
    payer.charge("m", 10**9)
    assert shared.part.budgets.used(now=datetime.now(UTC)).questions_a_day == 0


def test_what_the_provider_refuses_is_not_charged(
    shared: App, set_clock: Callable[[datetime], None], now: datetime
) -> None:
    set_clock(now)
    with GroqServer() as server:
        server.fails(429, retry_after=600, message="Rate limit reached on tokens per day (TPD): Limit 200000")
        model = GroqModel(KEY, base_url=server.url, memory=Memory(), clock=lambda: now)
        payer = Payer(shared.part.of(visitor(1)), model)
        with pytest.raises(RateLimited):
            payer.metered(model).stream([Message("user", "What?")])
    assert shared.part.budgets.used(now=now).questions_a_minute == 0


@pytest.mark.parametrize(
    ("given", "said", "everyone"),
    [
        (Quota(), Quota(), FREE),
        (Quota(), Quota(questions_a_day=1_000, tokens_a_minute=8_000), FREE),
        (Quota(), Quota(questions_a_day=500_000, tokens_a_minute=250_000), Quota(None, 500_000, 250_000, None)),
        (Quota(questions_a_minute=5), Quota(tokens_a_minute=8_000), Quota(5, 1_000, 8_000, 200_000)),
        (Quota(tokens_a_minute=90_000), Quota(tokens_a_minute=8_000), Quota(30, 1_000, 8_000, 200_000)),
    ],
)
def test_everybody_s_limits_are_the_owner_s_within_the_provider_s(given: Quota, said: Quota, everyone: Quota) -> None:
    assert quotas(Quotas(everyone=given), said, free=True).everyone == everyone


def test_a_server_of_the_owner_s_own_has_no_limits_but_those_given() -> None:
    assert quotas(Quotas(), Quota(), free=False).everyone == Quota()
    assert quotas(Quotas(everyone=Quota(5)), Quota(), free=False).everyone == Quota(5)


def test_a_refusal_says_whose_budget_it_is_and_when_it_ends(now: datetime) -> None:
    day = Refused("address", "questions", timedelta(days=1), now + timedelta(hours=20))
    assert told(day, now, UTC).startswith(
        "From your network was asked as much as may be in a day. You can go on Thursday 11 June, 08:00. Or bring a key"
    )


def test_the_threads_of_many_visitors_are_charged_one_by_one(
    shared: App, set_clock: Callable[[datetime], None], now: datetime
) -> None:
    shared.part.quotas = Quotas(everyone=Quota(questions_a_minute=7))
    set_clock(now)
    told: list[str] = []
    with GroqServer() as server:
        server.says("Rain [1].", usage={**USAGE, "prompt_tokens": 1, "completion_tokens": 1,
                                        "prompt_tokens_details": {"cached_tokens": 0}}, times=50)  # fmt: skip
        threads = [
            threading.Thread(target=lambda n=n: told.append(ask(shared, visitor(n), server, now, "?")))
            for n in range(20)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert server.count == told.count("")
    assert len(told) == 20
    assert 1 <= told.count("") <= 7
