"""Conversations: kept whole, in order and in branches, found again, and readable by nobody who has not their id."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, func, insert, select

from desk.conversations import TITLE_CHARACTERS, Conversations, Turn
from storage import tables as t
from storage.engine import StorageError, connect, reading, writing
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


# ---------------------------------------------------------------- branches


class Chat:
    """A conversation that is told in short questions: `asks("b", after="a")`."""

    def __init__(self, desk: Conversations) -> None:
        self.desk, self.id = desk, desk.new_id()
        self.ids: dict[str, str] = {"": ""}

    def asks(self, *questions: str, after: str | None = None) -> Turn:
        for question in questions:
            parent = after if after is None else self.ids[after]
            turn = self.desk.add_turn(self.id, question, now=NOW, after=parent)
            self.ids[question], after = turn.id, None
        return turn

    def shows(self) -> str:
        """The questions of the branch that is shown, each of one letter."""
        turns = self.desk.turns(self.id)
        assert [turn.parent for turn in turns] == ["", *(turn.id for turn in turns[:-1])][: len(turns)]
        return "".join(turn.question for turn in turns)

    def branches_at(self, question: str) -> str:
        turn = self.desk.turn(self.ids[question])
        assert turn
        names = {turn_id: name for name, turn_id in self.ids.items()}
        return "".join(names[sibling] for sibling in turn.siblings)

    def switch(self, question: str) -> str:
        self.desk.switch(self.id, self.ids[question])
        return self.shows()

    def remove(self, question: str) -> str:
        self.desk.remove_turn(self.ids[question])
        return self.shows()


@pytest.fixture
def chat(desk: Conversations) -> Chat:
    return Chat(desk)


def test_a_question_follows_the_tip_unless_it_says_what_it_follows(chat: Chat) -> None:
    chat.asks("a", "b")
    turn = chat.asks("c")
    assert (turn.parent, turn.siblings) == (chat.ids["b"], (turn.id,))
    assert chat.shows() == "abc"
    assert chat.desk.turns(chat.id)[-1] == chat.desk.turn(turn.id) == turn


def test_a_question_edited_and_an_answer_asked_for_again_are_branches_that_are_kept(chat: Chat) -> None:
    chat.asks("a", "b", "c")
    edited = chat.asks("B", after="a")
    assert chat.shows() == "aB"
    assert edited.siblings == (chat.ids["b"], chat.ids["B"])
    assert chat.branches_at("b") == chat.branches_at("B") == "bB"
    assert [turn.siblings for turn in chat.desk.turns(chat.id)] == [(chat.ids["a"],), edited.siblings]
    chat.asks("d", "e")
    assert chat.shows() == "aBde"
    assert chat.switch("b") == "abc"
    chat.asks("f")
    assert chat.shows() == "abcf"


def test_a_first_question_has_branches_too(chat: Chat) -> None:
    chat.asks("a", "b")
    chat.asks("A", after="")
    assert chat.shows() == "A"
    assert chat.branches_at("a") == "aA"
    assert chat.switch("a") == "ab"


def test_a_switch_goes_down_to_the_newest_turn_below(chat: Chat) -> None:
    chat.asks("a", "b", "c", "d")
    chat.asks("D", after="c")
    chat.asks("C", after="b")
    chat.asks("A", after="")
    assert chat.switch("a") == "abC", "C was asked last of all that is below a"
    assert chat.switch("c") == "abcD"
    assert chat.switch("d") == "abcd"
    chat.asks("e")
    assert chat.switch("C") == "abC"
    assert chat.switch("b") == "abcde"


def test_a_switch_to_a_turn_of_nowhere_or_of_another_conversation_changes_nothing(chat: Chat) -> None:
    other = Chat(chat.desk)
    other.asks("x")
    chat.asks("a", "b")
    for turn_id in (other.ids["x"], chat.desk.new_id(), ""):
        chat.desk.switch(chat.id, turn_id)
        chat.desk.switch(other.id, turn_id)
        chat.desk.switch(chat.desk.new_id(), turn_id)
    assert (chat.shows(), other.shows()) == ("ab", "x")


def test_tabs_and_processes_agree_on_the_branch_that_is_shown(chat: Chat) -> None:
    chat.asks("a", "b")
    chat.asks("B", after="a")
    engine = connect(str(chat.desk.engine.url))
    other = Conversations(engine)
    assert [turn.question for turn in other.turns(chat.id)] == ["a", "B"]
    other.switch(chat.id, chat.ids["b"])
    assert chat.shows() == "ab"
    engine.dispose()


def test_a_turn_that_is_removed_takes_with_it_what_was_asked_after_it(chat: Chat) -> None:
    chat.asks("a", "b", "c", "d")
    assert chat.remove("c") == "ab"
    chat.desk.save_turn(chat.ids["d"], answer="Too late", state="done", now=NOW)
    assert chat.desk.turn(chat.ids["d"]) is None
    chat.asks("e")
    assert chat.remove("a") == ""
    chat.asks("f")
    assert chat.shows() == "f"


def test_when_the_branch_that_is_shown_is_removed_the_newest_beside_it_is_shown(chat: Chat) -> None:
    chat.asks("a", "b", "c")
    chat.asks("B", "C", after="a")
    chat.asks("β", "γ", after="a")
    chat.switch("b")
    chat.asks("d")
    assert chat.shows() == "abcd"
    assert chat.remove("b") == "aβγ"
    assert chat.branches_at("β") == "Bβ"
    assert chat.remove("γ") == "aβ", "nothing is beside it, so its parent is the end"
    assert chat.remove("β") == "aBC"
    assert chat.remove("B") == "a"


def test_a_branch_that_is_not_shown_can_be_removed_without_moving_the_reader(chat: Chat) -> None:
    chat.asks("a", "b", "c")
    chat.asks("B", after="a")
    assert chat.remove("b") == "aB"
    chat.desk.remove_turn(chat.desk.new_id())
    assert chat.shows() == "aB"


def test_a_question_after_a_turn_that_another_tab_removed_is_not_lost(chat: Chat) -> None:
    other = Chat(chat.desk)
    other.asks("x")
    chat.asks("a", "b")
    chat.remove("b")
    turn = chat.asks("c", after="b")
    assert (turn.parent, chat.shows()) == (chat.ids["a"], "ac")
    chat.ids["x"] = other.ids["x"]
    assert (chat.asks("d", after="x").parent, chat.shows()) == (chat.ids["c"], "acd")


def test_two_tabs_that_ask_after_the_same_turn_at_once_keep_both_questions(chat: Chat) -> None:
    chat.asks("a")
    start, failures = threading.Barrier(8), list[BaseException]()

    def ask_in_tab(name: str) -> None:
        try:
            start.wait(10)
            chat.desk.add_turn(chat.id, name, now=NOW, after=chat.ids["a"])
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=ask_in_tab, args=(name,)) for name in "bcdefghi"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    (_, shown) = chat.desk.turns(chat.id)
    siblings = [chat.desk.turn(turn_id) for turn_id in shown.siblings]
    assert sorted(turn.question for turn in siblings if turn) == list("bcdefghi")
    assert shown.siblings[-1] == shown.id, "the last one asked is shown"


def test_a_turn_is_found_by_its_id_unless_its_conversation_was_removed(chat: Chat) -> None:
    turn = chat.asks("a")
    assert chat.desk.turn(turn.id) == turn
    assert chat.desk.turn(chat.desk.new_id()) is None
    chat.desk.remove(chat.id, now=NOW)
    assert chat.desk.turn(turn.id) is None


def test_a_conversation_is_read_with_one_statement_however_long_it_is(chat: Chat) -> None:
    statements: list[str] = []
    event.listen(chat.desk.engine, "before_cursor_execute", lambda *told: statements.append(told[2]))
    for questions in ("ab", "cdefghijklmnopqrstuvwxyz"):
        chat.asks(*questions)
        statements.clear()
        assert len(chat.desk.turns(chat.id)) == len(chat.ids) - 1
        assert [kind for kind in (s.split()[0] for s in statements) if kind != "BEGIN"] == ["SELECT"]


def test_two_thousand_turns_are_read_and_removed_whatever_hangs_on_what(chat: Chat) -> None:
    first = chat.asks("0")
    more = [
        {
            "id": f"turn {number}", "parent": f"turn {number - 1}" if number > 1 else first.id, "position": number + 1,
            "conversation_id": chat.id, "question": str(number), "state": "done", "asked_at": NOW, "updated_at": NOW,
        }
        for number in range(1, 2_000)
    ]  # fmt: skip
    with writing(chat.desk.engine) as connection:
        connection.execute(insert(t.turns), more)
    chat.desk.switch(chat.id, first.id)
    turns = chat.desk.turns(chat.id)
    assert [turn.question for turn in turns] == [str(number) for number in range(2_000)]
    chat.desk.remove_turn(turns[1].id)
    assert chat.shows() == "0"


# ---------------------------------------------------------------- feedback, summaries, the window


def test_ratings_notes_and_summaries_stay_when_the_answer_is_saved_again(chat: Chat) -> None:
    turn = chat.asks("a")
    assert (turn.rating, turn.note, turn.summary) == (0, "", "")
    chat.desk.rate(turn.id, -1, "Wrong island")
    chat.desk.fold(turn.id, "They spoke of a volcano.")
    chat.desk.save_turn(turn.id, answer="It erupted.", state="done", now=NOW)
    (kept,) = chat.desk.turns(chat.id)
    assert (kept.rating, kept.note, kept.summary) == (-1, "Wrong island", "They spoke of a volcano.")
    chat.desk.rate(turn.id, 0)
    (kept,) = chat.desk.turns(chat.id)
    assert (kept.rating, kept.note) == (0, "")


@pytest.mark.parametrize("rating", [2, -2, None, "1"])
def test_what_is_no_rating_is_refused(chat: Chat, rating: object) -> None:
    turn = chat.asks("a")
    with pytest.raises(ValueError, match="no rating"):
        chat.desk.rate(turn.id, rating)  # type: ignore[arg-type]
    assert chat.desk.turns(chat.id) == [turn]


def test_what_is_pinned_and_dropped_may_be_chosen_before_the_first_question(desk: Conversations) -> None:
    chat = desk.new_id()
    desk.choose(chat, pinned=["entry:7", "turn:a"], dropped=["entry:9"], now=NOW)
    assert (desk.recent(), desk.count(), desk.turns(chat)) == ([], 0, [])
    ask(desk, "What about the volcano?", chat=chat, minute=1)
    conversation = desk.get(chat)
    assert conversation
    assert (conversation.pinned, conversation.dropped) == (("entry:7", "turn:a"), ("entry:9",))
    assert desk.recent() == [conversation]
    assert (conversation.title, conversation.updated_at) == ("What about the volcano?", NOW + MINUTE)
    desk.choose(chat, pinned=[], dropped=[], now=NOW + 2 * MINUTE)
    conversation = desk.get(chat)
    assert conversation
    assert (conversation.pinned, conversation.dropped, conversation.updated_at) == ((), (), NOW + MINUTE)


def test_a_conversation_whose_turns_were_all_removed_is_not_listed(chat: Chat) -> None:
    chat.asks("a")
    chat.remove("a")
    assert (chat.desk.recent(), chat.desk.count()) == ([], 0)
    chat.asks("b")
    assert titles(chat.desk) == ["a"], "it keeps its title"


def test_a_conversation_is_got_by_its_id_unless_it_was_removed(desk: Conversations) -> None:
    chat = ask(desk)
    assert desk.get(chat) == desk.recent()[0]
    assert desk.get(desk.new_id()) is None
    desk.remove(chat, now=NOW)
    assert desk.get(chat) is None


# ---------------------------------------------------------------- sharing


def test_a_shared_conversation_is_read_by_another_id_as_it_is_now(chat: Chat) -> None:
    chat.asks("a", "b")
    chat.asks("B", after="a")
    share = chat.desk.share(chat.id)
    assert chat.desk.share(chat.id) == share
    conversation = chat.desk.get(chat.id)
    assert conversation
    assert conversation.shared == share
    shared = chat.desk.shared(share)
    assert shared
    assert (shared.title, [turn.question for turn in shared.turns]) == ("a", ["a", "B"])
    chat.switch("b")
    shared = chat.desk.shared(share)
    assert shared
    assert [turn.question for turn in shared.turns] == ["a", "b"]


def test_who_holds_the_shared_id_sees_no_id_no_note_and_no_other_branch(chat: Chat) -> None:
    for question in "abc":
        turn = chat.asks(question)
        chat.desk.rate(turn.id, 1, "My private note")
        chat.desk.fold(turn.id, "My private summary")
    chat.asks("hidden", after="a")
    chat.switch("b")
    share = chat.desk.share(chat.id)
    shared = chat.desk.shared(share)
    assert shared
    seen = repr(shared)
    assert [word for word in ("private", "hidden", chat.id, *filter(None, chat.ids.values())) if word in seen] == []
    assert [(turn.id, turn.parent, turn.siblings) for turn in shared.turns] == [
        ("1", "", ("1",)), ("2", "1", ("2",)), ("3", "2", ("3",)),
    ]  # fmt: skip


def test_a_shared_id_opens_nothing_for_writing(chat: Chat) -> None:
    chat.asks("a")
    share = chat.desk.share(chat.id)
    before = chat.desk.shared(share)
    assert (chat.desk.turns(share), chat.desk.get(share), chat.desk.share(share)) == ([], None, "")
    chat.desk.rename(share, "Taken over")
    chat.desk.remove(share, now=NOW)
    chat.desk.unshare(share)
    chat.desk.switch(share, chat.ids["a"])
    chat.desk.add_turn(share, "intruder", now=NOW)
    for turn_id in ("1", share):
        chat.desk.remove_turn(turn_id)
        chat.desk.rate(turn_id, -1, "intruder")
        chat.desk.fold(turn_id, "intruder")
        chat.desk.save_turn(turn_id, answer="intruder", state="done", now=NOW)
    assert chat.desk.shared(share) == before
    assert chat.shows() == "a"


def test_the_shared_id_says_nothing_of_the_conversation_and_each_sharing_has_its_own(desk: Conversations) -> None:
    chats = [ask(desk, str(number)) for number in range(50)]
    shares = [desk.share(chat) for chat in chats]
    assert len({*chats, *shares}) == 100
    assert all(len(share) == 32 and set(share) <= set("0123456789abcdef") for share in shares)
    desk.unshare(chats[0])
    assert desk.shared(shares[0]) is None
    assert [one.shared for one in desk.recent(limit=100) if one.id in chats[:2]].count("") == 1
    again = desk.share(chats[0])
    assert again not in shares
    assert desk.shared(shares[0]) is None
    assert desk.shared(again)


def test_a_removed_conversation_is_not_shared_and_no_other_id_is_either(desk: Conversations) -> None:
    chat = ask(desk)
    assert [desk.shared(one) for one in (chat, desk.new_id(), "", "None")] == [None] * 4
    share = desk.share(chat)
    desk.remove(chat, now=NOW)
    assert (desk.shared(share), desk.share(chat)) == (None, "")
    desk.restore(chat)
    assert desk.shared(share)
    assert desk.share(desk.new_id()) == ""


# ---------------------------------------------------------------- removing for good


def test_what_was_removed_long_ago_is_purged_with_its_turns(desk: Conversations, engine: Engine) -> None:
    old, young, kept, begun = ask(desk, "Old?"), ask(desk, "Young?"), ask(desk, "Kept?"), desk.new_id()
    desk.choose(begun, pinned=["entry:1"], dropped=[], now=NOW)
    desk.remove(old, now=NOW)
    desk.remove(young, now=NOW + 2 * MINUTE)
    assert desk.purge(NOW) == 0
    assert desk.purge(NOW + MINUTE) == 2
    desk.restore(old)
    desk.restore(young)
    assert (desk.get(old), desk.get(begun), desk.turns(old)) == (None, None, [])
    assert sorted(titles(desk)) == ["Kept?", "Young?"]
    assert desk.get(kept)
    with reading(engine) as connection:
        assert connection.execute(select(func.count()).select_from(t.turns)).scalar() == 2


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
    desk.fold(turn.id, text)
    desk.rate(turn.id, 1, text)
    desk.choose(chat, pinned=[text], dropped=[text, "e1"], now=NOW)
    (kept,) = desk.turns(chat)
    expected = text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")  # Postgres keeps no NUL
    assert (kept.question, kept.answer, kept.reason, kept.details) == (expected, expected, expected, {"raw": text})
    assert (kept.summary, kept.note) == (expected, expected)
    conversation = desk.get(chat)
    assert conversation
    assert (conversation.pinned, conversation.dropped) == ((text,), (text, "e1"))
    assert desk.recent(search=text) == [conversation]
    assert desk.count() == 1


def test_details_that_are_no_json_are_an_error_and_change_nothing(desk: Conversations) -> None:
    chat = desk.new_id()
    turn = desk.add_turn(chat, "Why?", now=NOW)
    with pytest.raises(StorageError):
        desk.save_turn(turn.id, answer="No", state="done", details={"thing": object()}, now=NOW)
    assert desk.turns(chat) == [turn]
