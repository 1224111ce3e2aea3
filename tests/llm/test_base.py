import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm.base import BadRequest, ChatModel, Delta, Interrupted, Message, Reply, Role, Stream, TooLarge, Usage
from llm.tokens import counter

GPT_OSS = "openai/gpt-oss-120b"


class Said(Stream):
    """A stream of our own that says these deltas."""

    def __init__(self, deltas: Sequence[Delta] = (Delta("Yes."),), before: Callable[[], object] = lambda: None) -> None:
        super().__init__(GPT_OSS)
        self.deltas = deltas
        self.before = before
        self.closed = 0

    def __iter__(self) -> Iterator[Delta]:
        for delta in self.deltas:
            self.before()
            yield delta
        self.finish, self.usage = "stop", Usage(prompt=5, completion=2)

    def close(self) -> None:
        self.closed += 1


class Model(ChatModel):
    """Keeps what it was asked; raises or answers with what it was given, in order."""

    name = GPT_OSS

    def __init__(
        self, *plan: Stream | Exception, system: str = "", ctx_length: int = 7_000, reply_tokens: int = 1_200
    ) -> None:
        super().__init__(system=system, ctx_length=ctx_length, reply_tokens=reply_tokens)
        self.plan = list(plan)
        self.sent: list[list[Message]] = []
        self.replies: list[int] = []
        self.most: int | None = None

    def _open(self, messages: Sequence[Message], reply_tokens: int) -> Stream:
        self.sent.append(list(messages))
        self.replies.append(reply_tokens)
        step = self.plan.pop(0) if self.plan else Said()
        if isinstance(step, Exception):
            raise step
        return step

    def ceiling(self) -> int | None:
        return self.most


def user(text: str) -> Message:
    return Message("user", text)


def assistant(text: str) -> Message:
    return Message("assistant", text)


def cost(messages: Sequence[Message]) -> int:
    """Tokens of messages, counted apart from the code under test."""
    count = counter(GPT_OSS)
    return sum(count.count(message.content) + count.message(message.role) for message in messages)


def history(turns: int, words: int = 40) -> list[Message]:
    return [
        message
        for n in range(turns)
        for message in (user(f"Question {n} " + "word " * words), assistant(f"Answer {n} " + "word " * words))
    ]


# The budget


def test_the_budget_of_a_call_is_read_and_obeyed() -> None:
    # The system this grew from deleted `ctx_length` before reading it, so that every call used the default.
    messages = [*history(20), user("And now?")]
    model = Model(ctx_length=100_000)
    model.stream(messages, ctx_length=800, reply_tokens=200)
    model.stream(messages, ctx_length=2_400, reply_tokens=200)
    model.stream(messages)
    small, medium, large = (cost(sent) for sent in model.sent)
    assert 400 < small <= 600
    assert 1_900 < medium <= 2_200
    assert large == cost([Message("system", ""), *messages]) - counter(GPT_OSS).message("system")
    assert model.replies == [200, 200, 1_200]


def test_the_budget_of_the_model_is_obeyed_when_the_call_names_none() -> None:
    model = Model(ctx_length=900, reply_tokens=300)
    model.stream([*history(20), user("And now?")])
    assert 400 < cost(model.sent[0]) <= 600


def test_what_the_server_is_known_to_take_holds_whatever_the_caller_says() -> None:
    model = Model(ctx_length=100_000, reply_tokens=300)
    model.most = 900
    model.stream([*history(20), user("And now?")], ctx_length=50_000)
    assert cost(model.sent[0]) <= 600


def test_the_reply_is_part_of_the_budget() -> None:
    model = Model()
    model.stream([*history(20), user("And now?")], ctx_length=2_000, reply_tokens=1_500)
    assert cost(model.sent[0]) <= 500


roles: st.SearchStrategy[Role] = st.sampled_from(["system", "user", "assistant"])


@settings(derandomize=True, deadline=None, max_examples=150)
@given(
    st.lists(st.tuples(roles, st.text(max_size=60)), max_size=30),
    st.text(min_size=1, max_size=80),
    st.integers(150, 1_500),
    st.integers(1, 300),
)
def test_the_sum_is_never_over_the_budget_and_system_and_question_survive_whole(
    given_messages: list[tuple[Role, str]], question: str, budget: int, reply: int
) -> None:
    messages = [*(Message(role, text) for role, text in given_messages), user(question)]
    model = Model(system="Be brief.")
    try:
        model.stream(messages, ctx_length=budget, reply_tokens=reply)
    except TooLarge:
        assert model.sent == []
        return
    (sent,) = model.sent
    assert cost(sent) + reply <= budget
    assert sent[-1] == user(question)
    systems = [message.content for message in messages if message.role == "system"]
    wanted = "\n\n".join(systems) if systems else "Be brief."
    assert [message.content for message in sent if message.role == "system"] == ([wanted] if wanted else [])
    kept = [message for message in sent if message.role != "system"]
    offered = [message for message in messages if message.role != "system"]
    assert kept == offered[len(offered) - len(kept) :]


# What is kept


def test_the_system_message_is_the_last_thing_to_go_not_the_first() -> None:
    model = Model(system="Only from the passages.")
    model.stream([*history(30), user("And now?")], ctx_length=500, reply_tokens=100)
    assert model.sent[0][0] == Message("system", "Only from the passages.")
    assert model.sent[0][-1] == user("And now?")


def test_a_system_message_in_the_messages_wins_over_the_models_and_comes_first() -> None:
    model = Model(system="The model's.")
    model.stream([user("One?"), assistant("Yes."), Message("system", "The call's."), user("Two?")])
    assert model.sent[0] == [Message("system", "The call's."), user("One?"), assistant("Yes."), user("Two?")]


def test_no_system_message_sends_none() -> None:
    model = Model()
    model.stream([user("One?")])
    assert model.sent[0] == [user("One?")]


def test_exchanges_leave_whole_and_oldest_first() -> None:
    model = Model()
    messages = history(12)
    model.stream([*messages, user("And now?")], ctx_length=900, reply_tokens=100)
    kept = model.sent[0][:-1]
    assert kept
    assert kept == messages[len(messages) - len(kept) :]
    assert kept[0].role == "user"


def test_neighbours_of_the_same_role_stay_apart_in_order_and_each_is_counted() -> None:
    # The old trimming merged them newest first and counted the merged ones not at all: 40 messages passed as "12".
    messages = [user(f"Note {n}: " + "word " * 10) for n in range(40)]
    model = Model()
    model.stream(messages, ctx_length=300, reply_tokens=50)
    sent = model.sent[0]
    assert cost(sent) <= 250
    assert sent == messages[len(messages) - len(sent) :]
    model.stream(messages)
    assert model.sent[1] == messages


def test_a_broken_answer_at_the_end_stays_with_its_question_to_be_continued() -> None:
    model = Model()
    model.stream([*history(20), user("And now?"), assistant("It has be")], ctx_length=400, reply_tokens=100)
    assert model.sent[0][-2:] == [user("And now?"), assistant("It has be")]


def test_a_question_too_large_by_itself_is_refused_without_asking() -> None:
    model = Model(system="Be brief.")
    with pytest.raises(TooLarge, match="question") as raised:
        model.stream([*history(3), user("word " * 500)], ctx_length=400, reply_tokens=100)
    assert raised.value.limit == 400
    assert model.sent == []


@pytest.mark.parametrize("messages", [[], [Message("system", "Be brief.")], [assistant("Hello.")]])
def test_without_a_question_nothing_is_sent(messages: list[Message]) -> None:
    model = Model()
    with pytest.raises(BadRequest):
        model.stream(messages)
    assert model.sent == []


# A server that takes less


def test_what_is_too_large_for_the_server_is_the_callers_to_shrink() -> None:
    model = Model(TooLarge("One.", limit=2_000, requested=4_000), Said())
    with pytest.raises(TooLarge, match="One"):
        model.stream([*history(20), user("And now?")])
    assert len(model.sent) == 1


def test_when_no_exchange_can_leave_the_caller_is_told_at_once_with_the_limit() -> None:
    model = Model(TooLarge("Too large.", limit=100, requested=400), Said())
    with pytest.raises(TooLarge) as raised:
        model.stream([user("passages " * 50)])
    assert (raised.value.limit, raised.value.requested) == (100, 400)
    assert len(model.sent) == 1


# Awaited whole


def test_complete_gives_the_whole_reply_without_its_reasoning_and_closes_the_stream() -> None:
    said = Said([Delta(reasoning="Hm."), Delta("Rain "), Delta("in Oslo.")])
    model = Model(said, system="Be brief.")
    reply = asyncio.run(model.complete([*history(30), user("Weather?")], ctx_length=600, reply_tokens=99))
    assert reply == Reply("Rain in Oslo.", GPT_OSS, "stop", Usage(prompt=5, completion=2))
    assert said.closed == 1
    assert model.replies == [99]
    assert cost(model.sent[0]) <= 501


def test_complete_raises_what_stream_raises() -> None:
    def cut() -> None:
        raise Interrupted("Cut.")

    said = Said(before=cut)
    with pytest.raises(Interrupted, match="Cut"):
        asyncio.run(Model(said).complete([user("Weather?")]))
    assert said.closed == 1
    with pytest.raises(TooLarge):
        asyncio.run(Model(TooLarge("Too large.")).complete([user("Weather?")]))


def test_a_cancelled_complete_closes_the_stream_and_does_not_hold_the_loop() -> None:
    reading, closed = threading.Event(), threading.Event()

    def stall() -> None:
        reading.set()
        closed.wait(10)

    class Stalled(Said):
        def close(self) -> None:
            super().close()
            closed.set()

    said = Stalled(before=stall)

    async def ask() -> None:
        task = asyncio.ensure_future(Model(said).complete([user("Weather?")]))
        await asyncio.to_thread(reading.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert closed.is_set()

    asyncio.run(ask())


def test_a_complete_cancelled_while_the_stream_is_opening_closes_it_when_it_opens() -> None:
    opening, go = threading.Event(), threading.Event()
    said = Said()

    class Slow(Model):
        def _open(self, messages: Sequence[Message], reply_tokens: int) -> Stream:
            opening.set()
            go.wait(10)
            return said

    async def ask() -> None:
        task = asyncio.ensure_future(Slow().complete([user("Weather?")]))
        await asyncio.to_thread(opening.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        go.set()

    asyncio.run(ask())  # waits for the thread
    assert said.closed >= 1
    assert said.finish == ""
