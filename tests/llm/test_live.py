"""An answer goes on without the page that asked for it, and ends when nobody looks any more."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from llm.assistant import Answer, ask
from llm.base import Interrupted, RateLimited
from llm.live import FAULT, Live, Pace, Queued, Slots, Waiting
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
        live = Live(ask_it, save=save, grace_s=grace_s, **given)
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
    live = lives(model, save=kept, grace_s=0.05)
    with_pages = pieces(live)
    assert first_text(with_pages) == "Oil"
    with_pages.close()
    assert live.wait(LONG)
    assert live.state == "stopped"
    assert kept.saves[-1] == ("stopped", "Oil ")
    assert model.script[0].closed.is_set()


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
