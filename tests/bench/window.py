"""What the window costs: preparing the request of a long conversation, and what of it a provider's cache may serve."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial

from llm import prompt, summary, tokens
from llm.assistant import prepare, send
from llm.groq import GroqModel
from llm.memory import Memory
from llm.prompt import Turn
from llm.request import Request
from news.types import Found, Horizon, Passage
from tests.bench.press import NOW, Press
from tests.groq_server import GroqServer
from tests.llm.harmony import harmony

MODEL = "openai/gpt-oss-120b"
BUDGET, REPLY = 7_000, 1_200
HORIZON = Horizon(24, 10_000, NOW - timedelta(days=30), NOW)


def measure_window(turns: int = 500) -> dict[str, float]:
    """Milliseconds to prepare a question of a conversation: the first time, and again when one turn is new.

    And beside `langchain_core.messages.trim_messages`, where it is installed (`tests/bench/requirements.txt`): the same
    messages, budget and tokenizer; and once more with our counts, which are kept, lent to it.
    """
    press = Press(seed=3)
    tokens.warm()
    told = [_turn(press, n) for n in range(turns)]
    passages = tuple(_passage(press, n) for n in range(10))
    model = GroqModel("none", model=MODEL, ctx_length=BUDGET, reply_tokens=REPLY, memory=Memory())

    def ours() -> Request:
        return prepare("What happened then?", told, model=model, found=Found(passages, HORIZON), now=NOW)

    started = time.perf_counter()
    ours()
    cold = time.perf_counter() - started
    warm = _median(ours)
    told.append(_turn(press, turns))
    started = time.perf_counter()
    ours()
    grown = time.perf_counter() - started
    figures = {
        "turns": turns,
        "cold_ms": round(1000 * cold, 2),
        "warm_ms": round(1000 * warm, 2),
        "one_new_turn_ms": round(1000 * grown, 2),
        "warm_over_cold": round(warm / cold, 4),
    }
    theirs = _langchain(told)
    if theirs:
        warm = _median(ours)
        alone, lent = theirs
        figures |= {
            "langchain_ms": round(1000 * alone, 2),
            "langchain_over_ours": round(alone / warm, 1),
            "langchain_with_our_counts_ms": round(1000 * lent, 2),
            "langchain_with_our_counts_over_ours": round(lent / warm, 1),
        }
    else:
        print("langchain-core is not installed, so there is no comparison with it.", file=sys.stderr)
    return figures | measure_prefix()


def measure_prefix(turns: int = 40) -> dict[str, float]:
    """The share of prompt tokens that begin as the request before them began, over a conversation with a real server.

    Of all tokens, and of those that could be: the system message, the summary and the turns.
    """
    press = Press(seed=4)
    counter = tokens.counter(MODEL)
    told: list[Turn] = []
    folds = served = sent = passing = 0
    before = ""
    with GroqServer() as server:
        model = GroqModel("gsk_bench", base_url=server.url, ctx_length=BUDGET, reply_tokens=REPLY, memory=Memory())
        for n in range(turns):
            found = Found(tuple(_passage(press, 100 * n + place) for place in range(10)), HORIZON)
            question = f"What about {press.sentence(6)}?"
            request = prepare(question, told, model=model, found=found, now=NOW)
            answer = send(request, model=model)
            for _ in answer:
                pass
            body = "\n".join(f"{message['role']}\n{message['content']}" for message in server.last.messages)
            sent += request.ledger.prompt
            passing += request.ledger.total("passage") + request.ledger.total("question")
            served += counter.count(body[: _same(body, before)])
            before = body
            told.append(Turn(question, answer.raw, str(n), headlines=tuple(c.passage.title for c in answer.citations)))
            fold = summary.folding(told, answer.ledger, model)
            if fold:
                folds += 1
                text = summary.fold(fold, model=model).summary
                told = [replace(turn, summary=text) if turn.key == fold.key else turn for turn in told]
    return {
        "conversation_turns": turns,
        "folds": folds,
        "same_prefix_of_prompt": round(served / sent, 3),
        "same_prefix_of_what_stays": round(served / (sent - passing), 3),
    }


def _same(one: str, other: str) -> int:
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _turn(press: Press, n: int) -> Turn:
    return Turn(f"What about {press.sentence(5)}?", f"{press.sentence(60)} [1].", str(n))


def _passage(press: Press, n: int) -> Passage:
    entry = press.entry(n, hours=72)
    return Passage(n, entry.title, entry.text, entry.url, f"Press {n % 24}", entry.published_at or NOW)


def _median(call: Callable[[], object]) -> float:
    times = []
    for _ in range(20):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def _langchain(told: list[Turn]) -> tuple[float, float] | None:
    try:
        from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, trim_messages
    except ImportError:
        return None
    counter = tokens.counter(MODEL)
    roles = {"human": "user", "ai": "assistant", "system": "system"}
    system = prompt.system(NOW.date())
    messages: list[BaseMessage] = [SystemMessage(system)]
    for turn in told:
        asked, answered = prompt.pair(turn)
        messages += [HumanMessage(asked.content), AIMessage(answered.content)]
    messages.append(HumanMessage("What happened then?"))

    encoding = harmony()

    def counted(these: list[BaseMessage]) -> int:
        return sum(len(encoding.encode_ordinary(str(m.content))) + counter.message(roles[m.type]) for m in these)

    def kept(these: list[BaseMessage]) -> int:
        return sum(counter.count(str(m.content)) + counter.message(roles[m.type]) for m in these)

    def trim(count: Callable[[list[BaseMessage]], int]) -> object:
        return trim_messages(
            messages, max_tokens=BUDGET - REPLY, token_counter=count, strategy="last", start_on="human",
            include_system=True,
        )  # fmt: skip

    return _median(partial(trim, counted)), _median(partial(trim, kept))
