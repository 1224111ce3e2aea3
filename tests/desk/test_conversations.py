"""Conversations: kept whole, in order, found again, and readable by nobody who has not their id."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from desk.conversations import TITLE_CHARACTERS, Conversations
from storage.engine import StorageError, connect
from tests.conftest import NOW

MINUTE = timedelta(minutes=1)


@pytest.fixture
def desk(engine: Engine) -> Conversations:
    return Conversations(engine)


def ask(desk: Conversations, question: str = "What about the volcano?", *, minute: int = 0, chat: str = "") -> str:
    """A conversation's id, with one more question in it."""
    chat = chat or desk.new_id()
    desk.add_turn(chat, question, now=NOW + minute * MINUTE)
    return chat


def titles(desk: Conversations, **more: object) -> list[str]:
    return [one.title for one in desk.recent(**more)]  # type: ignore[arg-type]


def test_ids_are_long_random_and_fit_a_url(desk: Conversations) -> None:
    ids = {desk.new_id() for _ in range(2_000)}
    assert len(ids) == 2_000
    assert all(len(one) == 32 and set(one) <= set("0123456789abcdef") for one in ids)
    # Every place takes every value: no counter, clock or machine in it.
    assert all(len({one[place] for one in ids}) == 16 for place in range(32))


def test_an_id_nobody_used_has_no_turns_and_is_not_listed(desk: Conversations) -> None:
    assert desk.turns(desk.new_id()) == []
    assert desk.turns("'; DROP TABLE turns; --") == []
    assert (desk.recent(), desk.count()) == ([], 0)


def test_a_question_is_stored_before_its_answer_begins(desk: Conversations) -> None:
    chat = desk.new_id()
    turn = desk.add_turn(chat, "What about the volcano?", now=NOW, pinned=(7, 3))
    assert desk.turns(chat) == [turn]
    assert (turn.question, turn.state, turn.answer, turn.pinned, turn.details) == (
        "What about the volcano?", "streaming", "", (7, 3), {},
    )  # fmt: skip
    assert (turn.asked_at, turn.updated_at) == (NOW, NOW)


def test_an_answer_is_saved_as_it_grows_with_all_that_draws_it_again(desk: Conversations) -> None:
    chat = desk.new_id()
    turn = desk.add_turn(chat, "What about the volcano?", now=NOW)
    desk.save_turn(turn.id, answer="It", state="streaming", now=NOW + MINUTE)
    assert desk.turns(chat)[0].answer == "It"
    details = {"passages": [{"title": "火山", "n": 1}], "ledger": None, "usage": {"prompt": 7}}
    desk.save_turn(turn.id, answer="It erupted [1].", state="done", reason="", details=details, now=NOW + 2 * MINUTE)
    (kept,) = desk.turns(chat)
    assert (kept.answer, kept.state, kept.details) == ("It erupted [1].", "done", details)
    assert (kept.asked_at, kept.updated_at) == (NOW, NOW + 2 * MINUTE)


@pytest.mark.parametrize("state", ["stopped", "interrupted", "failed"])
def test_an_answer_that_broke_off_keeps_its_words_and_its_reason(desk: Conversations, state: str) -> None:
    chat = desk.new_id()
    turn = desk.add_turn(chat, "Why?", now=NOW)
    desk.save_turn(turn.id, answer="Half an", state=state, reason="The key was refused.", now=NOW)  # type: ignore[arg-type]
    (kept,) = desk.turns(chat)
    assert (kept.question, kept.answer, kept.state, kept.reason) == ("Why?", "Half an", state, "The key was refused.")


def test_turns_stay_in_the_order_they_were_asked_whatever_the_clock_says(desk: Conversations) -> None:
    chat = desk.new_id()
    for number in range(12):
        desk.add_turn(chat, f"Question {number}", now=NOW - number * MINUTE)
    assert [turn.question for turn in desk.turns(chat)] == [f"Question {number}" for number in range(12)]


def test_a_turn_that_is_removed_leaves_the_others_in_order(desk: Conversations) -> None:
    chat = desk.new_id()
    turns = [desk.add_turn(chat, f"Question {number}", now=NOW) for number in range(3)]
    desk.remove_turn(turns[1].id)
    desk.save_turn(turns[1].id, answer="Too late", state="done", now=NOW)
    desk.add_turn(chat, "Question 3", now=NOW)
    assert [turn.question for turn in desk.turns(chat)] == ["Question 0", "Question 2", "Question 3"]
    desk.remove_turn(desk.turns(chat)[-1].id)
    desk.add_turn(chat, "Question 4", now=NOW)
    assert [turn.question for turn in desk.turns(chat)] == ["Question 0", "Question 2", "Question 4"]


def test_two_writers_in_one_conversation_lose_no_turn(desk: Conversations, engine: Engine) -> None:
    chat = desk.new_id()
    failures: list[BaseException] = []

    def write(name: int) -> None:
        try:
            for number in range(15):
                turn = desk.add_turn(chat, f"{name}-{number}", now=NOW)
                desk.save_turn(turn.id, answer=f"Answer {name}-{number}", state="done", now=NOW)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    turns = desk.turns(chat)
    assert len(turns) == 120
    assert all(turn.answer == f"Answer {turn.question}" for turn in turns)
    for name in range(8):
        own = [turn.question for turn in turns if turn.question.startswith(f"{name}-")]
        assert own == [f"{name}-{number}" for number in range(15)]
    assert desk.count() == 1


def test_another_process_sees_what_was_asked(desk: Conversations, engine: Engine) -> None:
    chat = ask(desk)
    other = connect(str(engine.url))
    assert [turn.question for turn in Conversations(other).turns(chat)] == ["What about the volcano?"]
    other.dispose()


# ---------------------------------------------------------------- the list


def test_conversations_are_listed_by_their_last_question(desk: Conversations) -> None:
    first, _ = ask(desk, "First?", minute=0), ask(desk, "Second?", minute=1)
    assert titles(desk) == ["Second?", "First?"]
    ask(desk, "More?", minute=2, chat=first)
    assert titles(desk) == ["First?", "Second?"]
    assert titles(desk, limit=1) == ["First?"]
    assert desk.count() == 2


@pytest.mark.parametrize(
    ("question", "title"),
    [
        ("Why?", "Why?"),
        ("  Two \n lines\tof it ", "Two lines of it"),
        ("word " * 40, "word word word word word word word word word word word word word word…"),
        ("x" * 200, "x" * TITLE_CHARACTERS + "…"),
        ("火" * 200, "火" * TITLE_CHARACTERS + "…"),
    ],
)
def test_the_first_question_is_the_title(desk: Conversations, question: str, title: str) -> None:
    chat = ask(desk, question)
    ask(desk, "And then?", chat=chat)
    assert titles(desk) == [title]
    assert desk.turns(chat)[0].question == question


def test_a_conversation_can_be_renamed(desk: Conversations) -> None:
    chat = ask(desk)
    desk.rename(chat, "  My\nvolcano ")
    assert titles(desk) == ["My volcano"]
    ask(desk, "More?", chat=chat)
    assert titles(desk) == ["My volcano"]


def test_a_removed_conversation_is_hidden_and_undo_brings_it_back(desk: Conversations) -> None:
    chat, other = ask(desk, "First?"), ask(desk, "Second?", minute=1)
    desk.remove(chat, now=NOW)
    assert (titles(desk), desk.turns(chat), desk.count()) == (["Second?"], [], 1)
    assert desk.recent(search="first") == []
    desk.restore(chat)
    assert titles(desk) == ["Second?", "First?"]
    assert [turn.question for turn in desk.turns(chat)] == ["First?"]
    assert len(desk.turns(other)) == 1


def test_a_question_asked_in_a_conversation_that_another_tab_removed_is_not_lost(desk: Conversations) -> None:
    chat = ask(desk, "First?")
    desk.remove(chat, now=NOW)
    desk.add_turn(chat, "Second?", now=NOW + MINUTE)
    assert [turn.question for turn in desk.turns(chat)] == ["First?", "Second?"]
    assert titles(desk) == ["First?"]


def test_deleting_everything_leaves_nothing(desk: Conversations) -> None:
    chat = ask(desk)
    desk.delete_everything()
    assert (desk.recent(), desk.count(), desk.turns(chat)) == ([], 0, [])


def test_what_was_deleted_is_not_left_in_the_file(desk: Conversations, database: Path) -> None:
    chat = desk.new_id()
    for number in range(200):
        turn = desk.add_turn(chat, f"My secret question {number}", now=NOW)
        desk.save_turn(turn.id, answer="A secret answer. " * 20, state="done", now=NOW)

    def kept() -> bytes:
        return b"".join(path.read_bytes() for path in sorted(database.parent.glob(f"{database.name}*")))

    assert kept().count(b"secret") > 100
    size = len(kept())
    desk.delete_everything()
    assert b"secret" not in kept()
    assert len(kept()) < size / 2


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("volcano", ["In Iceland?"]),
        ("VOLCANO ash", ["In Iceland?"]),
        ("iceland", ["In Iceland?"]),
        ("über", ["Über die Wahl?"]),
        ("ÜBER", ["Über die Wahl?"]),
        ("выборы", ["Über die Wahl?"]),
        ("volcano wahl", []),
        ("100%", ["Is 100% true?"]),
        ("%", ["Is 100% true?"]),
        ("_", []),
        ("'", []),
        ("\\", []),
        ("", ["Is 100% true?", "Über die Wahl?", "In Iceland?"]),
    ],
)
def test_conversations_are_found_by_words_of_titles_questions_and_answers(
    desk: Conversations, words: str, found: list[str]
) -> None:
    iceland, wahl, true = desk.new_id(), desk.new_id(), desk.new_id()
    turn = desk.add_turn(iceland, "In Iceland?", now=NOW)
    desk.save_turn(turn.id, answer="The volcano spread ash.", state="done", now=NOW)
    turn = desk.add_turn(wahl, "Über die Wahl?", now=NOW + MINUTE)
    desk.save_turn(turn.id, answer="ВЫБОРЫ", state="done", now=NOW)
    desk.add_turn(true, "Is 100% true?", now=NOW + 2 * MINUTE)
    assert titles(desk, search=words) == found


def test_a_search_of_a_thousand_words_is_bounded(desk: Conversations) -> None:
    ask(desk)
    assert titles(desk, search="volcano " * 1_000) == ["What about the volcano?"]


# ---------------------------------------------------------------- hostile text


@pytest.mark.parametrize("text", ["half \ud83d", "\udfff", "nul \0 nul", "\u202e", "x" * 100_000, "$&'\"<b>"])
def test_any_text_of_a_reader_or_a_model_is_stored(desk: Conversations, text: str) -> None:
    chat = desk.new_id()
    turn = desk.add_turn(chat, text, now=NOW)
    desk.save_turn(turn.id, answer=text, state="failed", reason=text, details={"raw": text}, now=NOW)
    desk.rename(chat, text)
    (kept,) = desk.turns(chat)
    expected = text.encode("utf-8", "replace").decode()
    assert (kept.question, kept.answer, kept.reason, kept.details) == (expected, expected, expected, {"raw": text})
    assert desk.count() == 1


def test_details_that_are_no_json_are_an_error_and_change_nothing(desk: Conversations) -> None:
    chat = desk.new_id()
    turn = desk.add_turn(chat, "Why?", now=NOW)
    with pytest.raises(StorageError):
        desk.save_turn(turn.id, answer="No", state="done", details={"thing": object()}, now=NOW)
    assert desk.turns(chat) == [turn]
