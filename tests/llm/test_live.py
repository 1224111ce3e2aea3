"""An answer goes on without the page that asked for it, and ends when nobody looks any more."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm.assistant import Answer, ask
from llm.base import Delta, Interrupted, RateLimited
from llm.blocks import cut
from llm.live import FAULT, Live, Pace, Queued, Slots, Waiting
from llm.marks import mark
from news.types import Found, Horizon
from tests.llm.fake_model import FakeModel
from tests.llm.passages import passages

NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)
LONG = 20.0  # seconds after which something that should have happened will not
NEVER = 3_600.0


class Kept:
    """What was saved, in order: (state, text)."""

    def __init__(self) -> None:
        self.saves: list[tuple[str, str]] = []

    def __call__(self, live: Live) -> None:
        self.saves.append((live.state, live.raw))


def answering(model: FakeModel) -> Callable[[], Answer]:
    found = Found(passages(3), Horizon(1, 3, None, None))
    return lambda: ask("What?", [], model=model, retrieve=lambda question, earlier: found, now=NOW)


@pytest.fixture
def lives() -> Iterator[Callable[..., Live]]:
    """Makes lives and starts them; stops what is left of them."""
    made: list[Live] = []

    def make(model: FakeModel | Callable[[], Answer], *, save=lambda live: None, grace_s=NEVER, **given) -> Live:
        ask_it = answering(model) if isinstance(model, FakeModel) else model
        live = Live(ask_it, save=save, grace_s=grace_s, **{"arrive_s": 0.0, **given})
        live.start()
        made.append(live)
        return live

    yield make
    for live in made:
        live.stop()
        assert live.wait(LONG)


def pieces(live: Live, *, every_s: float = 0.0, share: float = 0.0, idle_s: float = 0.25) -> Iterator[str]:
    """The pieces of all blocks, without rests; closing it is looking away."""
    return (piece for block in live.view(Pace(every_s=every_s, share=share, idle_s=idle_s)) for piece in block)


def first_text(view: Iterator[str]) -> str:
    """The next piece that is not an idle tick."""
    return next(piece for piece in view if piece)


def test_a_viewer_sees_the_whole_answer_and_the_end(lives):
    kept = Kept()
    live = lives(FakeModel().says("Oil ", "rose ", "[1]."), save=kept)
    assert "".join(pieces(live)) == live.markdown == live.answer.markdown
    assert live.wait(LONG)
    assert (live.state, live.raw, live.reason, live.finished) == ("done", "Oil rose [1].", "", True)
    assert kept.saves[-1] == ("done", "Oil rose [1].")
    assert live.details["citations"][0]["n"] == 1


def test_a_viewer_that_comes_later_begins_with_all_the_text_so_far(lives):
    steps = threading.Semaphore(0)
    live = lives(FakeModel().waits("Oil ", "rose ", "again.", steps=steps))
    early = pieces(live)
    steps.release()
    assert first_text(early) == "Oil"
    steps.release()
    assert first_text(early) == " rose"
    late = pieces(live)
    assert first_text(late) == "Oil rose"
    steps.release()
    assert "".join(late) == " again."
    assert "".join(early) == " again."


def test_who_waits_for_the_first_words_is_told_whether_they_came(lives):
    steps = threading.Semaphore(0)
    live = lives(FakeModel().waits("Oil ", "rose.", steps=steps))
    assert not live.begins(0.01)
    steps.release()
    assert live.begins(LONG)
    nothing = lives(lambda: 1 / 0)
    assert nothing.begins(LONG)


def test_an_answer_outlives_the_page_that_asked(lives):
    steps = threading.Semaphore(0)
    live = lives(FakeModel().waits("Oil ", "rose.", steps=steps))
    page = pieces(live)
    steps.release()
    assert first_text(page) == "Oil"
    page.close()
    steps.release()
    assert "".join(pieces(live)) == "Oil rose."
    assert live.wait(LONG)
    assert live.state == "done"


def test_a_silent_provider_leaves_ticks_in_which_a_viewer_can_leave(lives):
    live = lives(FakeModel().falls_silent("Oil "))
    view = pieces(live, idle_s=0.01)
    assert first_text(view) == "Oil"
    assert [next(view) for _ in range(3)] == ["", "", ""]


def test_text_is_coalesced_between_two_pieces(lives):
    steps = threading.Semaphore(1)
    words = [f"word{n} " for n in range(500)]
    live = lives(FakeModel().waits(*words, steps=steps))
    view = pieces(live, every_s=0.2)
    assert first_text(view) == "word0"
    steps.release(500)
    rest = [piece for piece in view if piece]
    assert "".join(rest) == "".join([" ", *words[1:]]).rstrip()
    assert len(rest) < 100


def test_when_nobody_looks_any_more_the_answer_is_stopped(lives):
    kept = Kept()
    model = FakeModel().falls_silent("Oil ")
    live = lives(model, save=kept, grace_s=0.05, arrive_s=20.0)
    with_pages = pieces(live)
    assert first_text(with_pages) == "Oil"
    with_pages.close()
    assert live.wait(LONG)
    assert live.state == "stopped"
    assert kept.saves[-1] == ("stopped", "Oil ")
    assert model.script[0].closed.is_set()


def test_an_answer_that_is_wanted_goes_on_unseen_and_no_longer_than_that(lives):
    wanted = [True]
    steps = threading.Semaphore(1)
    model = FakeModel().waits("Oil ", "rose ", "again.", steps=steps)
    live = lives(model, grace_s=0.02, arrive_s=20.0, wanted=lambda: wanted[0])
    page = pieces(live)
    assert first_text(page) == "Oil"
    page.close()
    assert not live.wait(0.2)  # ten times the grace
    assert (live.state, live.deserted) == ("streaming", False)
    steps.release()
    again = pieces(live)
    assert "".join(islice((piece for piece in again if piece), 2)) == "Oil rose"
    again.close()
    wanted[0] = False
    assert live.wait(LONG)
    assert (live.state, live.deserted) == ("stopped", True)


def test_who_stops_an_answer_has_not_deserted_it(lives):
    live = lives(FakeModel().falls_silent("Oil "))
    assert first_text(pieces(live)) == "Oil"
    live.stop()
    assert live.wait(LONG)
    assert (live.state, live.deserted) == ("stopped", False)


def test_an_answer_that_nobody_ever_looked_at_is_stopped_too(lives):
    live = lives(FakeModel().falls_silent("Oil "), grace_s=0.01)
    assert live.wait(LONG)
    assert live.state == "stopped"


def test_an_answer_that_somebody_looks_at_is_not_stopped(lives):
    clock = [0.0]
    live = lives(FakeModel().falls_silent("Oil "), grace_s=1.0, clock=lambda: clock[0])
    view = pieces(live, idle_s=0.01)
    assert first_text(view) == "Oil"
    clock[0] = 100.0
    other = pieces(live, idle_s=0.01)
    assert next(other) == "Oil"
    other.close()  # wakes the keeper, long after the grace, with one viewer left
    assert [next(view) for _ in range(5)] == [""] * 5
    assert live.state == "streaming"


def test_the_page_that_asked_may_come_late_and_is_missed_soon_when_it_goes(lives):
    clock = [0.0]
    live = lives(FakeModel().falls_silent("Oil "), grace_s=0.05, arrive_s=20.0, clock=lambda: clock[0])
    clock[0] = 19.0
    page = pieces(live)
    assert first_text(page) == "Oil"
    assert live.state == "streaming"
    page.close()
    clock[0] += 1.0
    assert live.wait(LONG)
    assert live.state == "stopped"


def test_a_page_that_went_before_it_looked_at_a_word_is_missed_soon_too(lives):
    clock = [0.0]
    live = lives(FakeModel().falls_silent("Oil "), grace_s=0.05, arrive_s=20.0, clock=lambda: clock[0])
    with live.attended():
        clock[0] = 1.0
    clock[0] = 2.0
    assert live.wait(LONG)
    assert live.state == "stopped"


def test_a_reload_within_the_grace_keeps_the_answer(lives):
    clock = [0.0]
    steps = threading.Semaphore(1)
    live = lives(FakeModel().waits("Oil ", "rose.", steps=steps), grace_s=1.0, clock=lambda: clock[0])
    page = pieces(live)
    assert first_text(page) == "Oil"
    page.close()
    clock[0] += 0.9
    again = pieces(live)
    assert first_text(again) == "Oil"
    clock[0] += 100.0
    steps.release()
    assert "".join(again) == " rose."
    assert live.wait(LONG)
    assert live.state == "done"


def test_stop_ends_the_views_and_keeps_the_text(lives):
    kept = Kept()
    live = lives(FakeModel().falls_silent("Oil "), save=kept)
    view = pieces(live, idle_s=LONG)
    assert first_text(view) == "Oil"
    live.stop()
    assert list(view) == []
    assert live.wait(LONG)
    assert (live.state, kept.saves[-1]) == ("stopped", ("stopped", "Oil "))
    live.stop()
    assert live.state == "stopped"


def test_stop_while_the_answer_is_being_opened_is_not_lost(lives):
    opening, go_on = threading.Event(), threading.Event()
    model = FakeModel().says("Oil ", "rose.")

    def slow() -> Answer:
        opening.set()
        go_on.wait(LONG)
        return answering(model)()

    kept = Kept()
    live = lives(slow, save=kept)
    assert opening.wait(LONG)
    live.stop()
    assert list(pieces(live)) == []
    assert not live.finished
    go_on.set()
    assert live.wait(LONG)
    assert (live.state, live.raw) == ("stopped", "")
    assert kept.saves == [("stopped", "")]
    assert model.script[0].closed.is_set()


def test_what_fails_before_the_first_word_is_the_reason(lives):
    kept = Kept()
    error = RateLimited("Wait a minute.")
    live = lives(FakeModel().fails(error), save=kept)
    assert list(pieces(live)) == []
    assert live.wait(LONG)
    assert (live.state, live.reason, live.raw, live.details) == ("failed", "Wait a minute.", "", {})
    assert live.error is error
    assert kept.saves == [("failed", "")]


def test_a_fault_of_ours_is_one_sentence_for_the_reader(lives, caplog):
    live = lives(lambda: 1 / 0)
    assert live.wait(LONG)
    assert (live.state, live.reason) == ("failed", FAULT)
    assert "ZeroDivisionError" in caplog.text


def test_a_broken_stream_is_told_and_its_text_saved(lives):
    kept = Kept()
    live = lives(FakeModel().breaks_off("Oil ", error=Interrupted("The connection was cut.")), save=kept)
    assert "".join(pieces(live)) == "Oil"
    assert live.wait(LONG)
    assert (live.state, live.reason) == ("interrupted", "The connection was cut.")
    assert kept.saves[-1] == ("interrupted", "Oil ")


def test_text_is_saved_while_it_grows_and_not_at_every_word(lives):
    saved = threading.Event()
    saves: list[str] = []

    def save(live: Live) -> None:
        saves.append(live.raw)
        saved.set()

    steps = threading.Semaphore(0)
    live = lives(FakeModel().waits(*["word "] * 200, steps=steps), save=save, save_s=0.05)
    steps.release(100)
    assert saved.wait(LONG)
    deadline = time.monotonic() + LONG
    while saves[-1] != "word " * 100 and time.monotonic() < deadline:
        time.sleep(0.005)
    assert saves[-1] == "word " * 100
    assert live.state == "streaming"
    steps.release(100)
    assert live.wait(LONG)
    assert saves[-1] == "word " * 200
    assert len(saves) < 60


def test_a_database_that_fails_does_not_stop_the_answer(lives, caplog):
    def save(live: Live) -> None:
        raise OSError("disk full")

    live = lives(FakeModel().says("Oil ", "rose."), save=save)
    assert "".join(pieces(live)) == "Oil rose."
    assert live.wait(LONG)
    assert live.state == "done"
    assert "could not be saved" in caplog.text


def test_a_slow_database_does_not_hold_up_the_text(lives):
    saving, go_on = threading.Event(), threading.Event()

    def save(live: Live) -> None:
        saving.set()
        go_on.wait(LONG)

    steps = threading.Semaphore(1)
    live = lives(FakeModel().waits("Oil ", "rose.", steps=steps), save=save, save_s=0.0)
    view = pieces(live)
    assert first_text(view) == "Oil"
    assert saving.wait(LONG)
    steps.release()
    assert "".join(view) == " rose."
    assert not live.finished
    go_on.set()
    assert live.wait(LONG)


def test_twenty_viewers_see_the_same(lives):
    words = [f"word{n} " for n in range(300)]
    steps = threading.Semaphore(0)
    live = lives(FakeModel().waits(*words, steps=steps))
    seen: list[str] = []
    threads = [threading.Thread(target=lambda: seen.append("".join(pieces(live, every_s=0.001)))) for _ in range(20)]
    for thread in threads:
        thread.start()
    steps.release(300)
    for thread in threads:
        thread.join(LONG)
    assert seen == ["".join(words).rstrip()] * 20


def test_nothing_is_left_running_when_an_answer_has_ended(lives):
    live = lives(FakeModel().says("Oil."))
    assert live.wait(LONG)
    for thread in (live._reader, live._keeper):
        thread.join(LONG)
        assert not thread.is_alive()


# Blocks


def blocks(live: Live) -> list[str]:
    """The blocks as a page gets them."""
    return [block.text if block.finished else "".join(block) for block in live.view(Pace(every_s=0.0, share=0.0))]


def test_a_view_gives_the_answer_block_by_block(lives):
    live = lives(FakeModel().says("Oil ", "rose [1].\n", "\nThen\n- a\n\n", "- b\n", "\nthe ", "end.\n\n"))
    seen = blocks(live)
    assert [block.split(" ")[0] for block in seen] == ["Oil", "Then\n-", "the"]
    assert seen == [block.rstrip() for block in cut(live.markdown)]


def test_a_block_ends_when_the_next_one_begins(lives):
    steps = threading.Semaphore(0)
    live = lives(FakeModel().waits("Oil rose.", "\n\n", "Gas", " fell.", steps=steps))
    view = live.view(Pace(every_s=0.0, idle_s=0.01))
    first = next(view)
    pieces_of_first = iter(first)
    assert next(pieces_of_first) == ""
    steps.release(2)
    assert first_text(pieces_of_first) == "Oil rose."
    assert next(pieces_of_first) == ""
    steps.release()
    assert [piece for piece in pieces_of_first if piece] == []
    second = next(view)
    assert not second.finished
    pieces_of_second = iter(second)
    assert next(pieces_of_second) == "Gas"
    steps.release()
    assert "".join(pieces_of_second) == " fell."
    assert list(view) == []


def test_a_viewer_that_comes_later_gets_the_finished_blocks_whole(lives):
    steps = threading.Semaphore(3)
    live = lives(FakeModel().waits("One.\n\n", "Two.\n\n", "Thr", "ee.", steps=steps))
    assert list(islice((piece for block in live.view() for piece in block if piece), 3)) == ["One.", "Two.", "Thr"]
    late = live.view()
    assert [(block.finished, block.text) for block in islice(late, 2)] == [(True, "One."), (True, "Two.")]
    open_block = next(late)
    assert not open_block.finished
    steps.release()
    assert "".join(open_block) == "Three."


def test_a_block_that_is_followed_has_the_marks_that_a_replay_shows(lives):
    text = (
        "Text 1 and gas fell to nine.\n\n- Text [1].\n- More of **it** too.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\nEnd."
    )
    live = lives(FakeModel().says(*re.findall(r"\S+\s*", text)))
    assert live.wait(LONG)
    seen, answer = list(live.view()), live.answer
    whole = cut(mark(answer.raw, answer.passages, [each.as_dict() for each in answer.checks]).markdown)
    assert len(answer.checks) == 3
    assert [block.followed for block in seen] == [True, True, True, False]
    assert [block.marked for block in seen[:-1]] == [block.rstrip() for block in whole[:-1]]
    assert all("(#c" in block.marked for block in seen[:-1])
    assert seen[-1].marked == seen[-1].text


def test_when_it_has_ended_the_last_block_has_its_marks_too(lives):
    live = lives(FakeModel().says("First.\n\nGas fell to nine, and 41 ships sank."))
    assert live.wait(LONG)
    assert live.blocks == 2
    assert "(#c1" in list(live.view())[-1].marked


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.sampled_from(["Oil rose [1].", "2024. ", "**It", " fell.** ", "\n", "\n\n", "- ", "> ", "```\n"]),
        max_size=40,
    )
)
def test_whatever_is_written_marks_come_to_the_block_whose_words_they_mark(deltas):
    live = Live(answering(FakeModel().says(*deltas)), save=lambda live: None, grace_s=NEVER)
    live.start()
    seen = list(live.view())
    assert live.wait(LONG)
    for block in seen:
        left = re.sub(r"\s", "", block.text)
        for letter in re.sub(r"\s", "", block.marked):
            left = left.removeprefix(letter)
        assert left == ""


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from(["word", " ", "\n", "\n\n", "- ", "1", ". ", "[1]", "```\n"]), max_size=60))
def test_however_it_comes_a_viewer_sees_the_blocks_of_the_whole(deltas):
    live = Live(answering(FakeModel().says(*deltas)), save=lambda live: None, grace_s=NEVER)
    live.start()
    seen = blocks(live)
    assert live.wait(LONG)
    assert [block for block in seen if block] == [b.rstrip() for b in cut(live.markdown) if b.strip()]


@pytest.mark.parametrize(
    ("given", "new", "rested_s", "due"),
    [
        (0, 1, 0.06, True),  # a new block
        (0, 1, 0.04, False),  # but not too soon
        (300, 100, 0.06, True),  # a third more
        (300, 99, 0.06, False),
        (300, 1, 0.25, True),  # waited long enough
        (300, 1, 0.24, False),
    ],
)
def test_a_piece_is_due_when_it_is_worth_its_bytes_or_was_waited_for(given, new, rested_s, due):
    assert Pace(every_s=0.05, share=1 / 3, patience_s=0.25).due(given, new, rested_s) == due


@given(st.lists(st.integers(1, 40), min_size=1, max_size=300))
def test_the_updates_of_a_block_cost_a_few_times_the_block(deltas):
    """Without patience, the characters sent for a block that grows by `deltas` are bounded by the share."""
    pace = Pace(every_s=0.0, share=0.5, patience_s=NEVER)
    size = shown = sent = 0
    for delta in deltas:
        size += delta
        if pace.due(shown, size - shown, 1.0):
            shown = size
            sent += size
    assert sent <= 3 * size


# Waiting


def wait_for_status(live: Live, status: object) -> None:
    deadline = time.monotonic() + LONG
    while live.status != status and time.monotonic() < deadline:
        time.sleep(0.002)
    assert live.status == status


def test_a_wait_of_the_model_client_is_told_and_wakes_who_looks(lives):
    said, go_on = threading.Event(), threading.Event()

    def ask_it() -> Answer:
        live.waits(2.0, "Too busy.")
        said.set()
        go_on.wait(LONG)
        live.waits(0.0, "Too busy.")
        return answering(FakeModel().says("Oil."))()

    live = Live(ask_it, save=lambda live: None, grace_s=NEVER)
    view = pieces(live, idle_s=LONG)
    live.start()
    assert next(view) == ""
    assert said.wait(LONG)
    assert live.status == Waiting(2.0, "Too busy.")
    go_on.set()
    assert first_text(view) == "Oil."
    assert live.status is None
    assert live.wait(LONG)


def test_stop_ends_a_wait_of_the_model_client(lives):
    def ask_it() -> Answer:
        while True:
            live.waits(8.0, "Too busy.")
            time.sleep(0.005)

    live = Live(ask_it, save=lambda live: None, grace_s=NEVER)
    live.start()
    wait_for_status(live, Waiting(8.0, "Too busy."))
    live.stop()
    assert live.wait(LONG)
    assert (live.state, live.reason, live.status) == ("stopped", "", None)
    assert isinstance(live.error, Interrupted)
    assert live.error.cause == "stopped"


def test_stop_while_the_answer_is_being_opened_gives_up_the_opening(lives):
    opening, cancelled = threading.Event(), threading.Event()

    def ask_it() -> Answer:
        opening.set()
        assert cancelled.wait(LONG)
        raise Interrupted("The answer was stopped.", cause="stopped")

    live = lives(ask_it, cancel=cancelled.set)
    assert opening.wait(LONG)
    live.stop()
    assert live.wait(LONG)
    assert live.state == "stopped"


def test_an_answer_that_has_begun_is_closed_and_not_cancelled(lives):
    cancelled = threading.Event()
    live = lives(FakeModel().falls_silent("Oil "), cancel=cancelled.set)
    assert first_text(pieces(live)) == "Oil"
    live.stop()
    assert live.wait(LONG)
    assert not cancelled.is_set()


def test_what_the_model_thinks_is_there_while_it_thinks_and_is_no_text(lives):
    steps = threading.Semaphore(0)
    kept = Kept()
    live = lives(
        FakeModel().waits(Delta(reasoning="They ask "), Delta(reasoning="for oil."), "Oil.", steps=steps), save=kept
    )
    view = pieces(live, idle_s=0.01)
    steps.release(2)
    deadline = time.monotonic() + LONG
    while live.reasoning != "They ask for oil." and time.monotonic() < deadline:
        assert next(view) == ""
    assert live.reasoning == "They ask for oil."
    steps.release()
    assert first_text(view) == "Oil."
    assert live.wait(LONG)
    assert "They ask" not in repr((kept.saves, live.details, live.raw))


# The line


def test_while_the_process_is_busy_with_what_comes_first_no_more_than_the_least_are_written(lives):
    busy = threading.Event()
    busy.set()
    slots = Slots(3, least=2, busy=busy.is_set)
    steps = threading.Semaphore(0)
    running = [lives(FakeModel().waits("Oil.", steps=steps), slots=slots) for _ in range(2)]
    wait_until(lambda: slots.running == 2)
    third = lives(FakeModel().says("Third."), slots=slots)
    wait_for_status(third, Queued(1, 2))
    assert not third.answer
    busy.clear()
    assert third.wait(LONG)
    steps.release(2)
    assert all(live.wait(LONG) for live in running)


def test_no_more_answers_are_written_at_once_than_there_are_slots(lives):
    slots = Slots(2)
    steps = threading.Semaphore(0)
    running = [lives(FakeModel().waits("Oil.", steps=steps), slots=slots) for _ in range(2)]
    wait_until(lambda: slots.running == 2)
    third = lives(FakeModel().says("Third."), slots=slots)
    wait_for_status(third, Queued(1, 2))
    fourth = lives(FakeModel().says("Fourth."), slots=slots)
    wait_for_status(fourth, Queued(2, 2))
    assert not third.answer
    steps.release()
    assert third.wait(LONG)
    assert fourth.wait(LONG)
    steps.release()
    assert all(live.wait(LONG) for live in running)
    assert (third.markdown, fourth.markdown, fourth.status) == ("Third.", "Fourth.", None)
    wait_until(lambda: slots.running == 0)


def test_first_come_first_served_and_the_place_counts_down(lives):
    slots = Slots(1)
    gates = [threading.Semaphore(0) for _ in range(5)]
    order: list[int] = []

    def asking(number: int) -> Callable[[], Answer]:
        def ask_it() -> Answer:
            order.append(number)
            return answering(FakeModel().waits("Oil.", steps=gates[number]))()

        return ask_it

    waiting = []
    for number in range(5):
        waiting.append(lives(asking(number), slots=slots))
        if number:
            wait_for_status(waiting[-1], Queued(number, 1))
        else:
            wait_until(lambda: order == [0])
    for number in range(4):
        gates[number].release()
        assert waiting[number].wait(LONG)
        for place, live in enumerate(waiting[number + 2 :], start=1):
            wait_for_status(live, Queued(place, 1))
    gates[4].release()
    assert waiting[4].wait(LONG)
    assert order == [0, 1, 2, 3, 4]


def test_who_is_stopped_or_left_alone_leaves_the_line(lives):
    slots = Slots(1)
    steps = threading.Semaphore(0)
    first = lives(FakeModel().waits("Oil.", steps=steps), slots=slots)
    wait_until(lambda: slots.running == 1)
    stopped = lives(FakeModel(), slots=slots)
    wait_for_status(stopped, Queued(1, 1))
    deserted = lives(FakeModel(), slots=slots, grace_s=0.05)
    last = lives(FakeModel().says("Last."), slots=slots)
    assert deserted.wait(LONG)
    stopped.stop()
    assert stopped.wait(LONG)
    wait_for_status(last, Queued(1, 1))
    assert (stopped.state, deserted.state, deserted.reason) == ("stopped", "stopped", "")
    steps.release()
    assert last.wait(LONG)
    assert first.wait(LONG)
    assert last.markdown == "Last."


def test_a_stop_before_the_line_is_reached_is_not_lost():
    slots = Slots(1)
    with slots.turn(lambda status: None):
        live = Live(answering(FakeModel()), save=lambda live: None, slots=slots, grace_s=NEVER)
        live.stop()
        live.start()
        assert live.wait(LONG)
    assert live.state == "stopped"


def test_an_answer_that_fails_gives_its_slot_back(lives):
    slots = Slots(1)
    assert lives(lambda: 1 / 0, slots=slots).wait(LONG)
    assert lives(FakeModel().says("Oil."), slots=slots).wait(LONG)
    wait_until(lambda: slots.running == 0)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LONG
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.002)
    assert condition()
