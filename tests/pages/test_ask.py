"""Ask, without a browser: what a reader does in a chat, what the model's server then gets, and what is kept."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest
from streamlit.testing.v1 import AppTest

import pages
from desk.conversations import Turn
from desk.export import as_json
from llm.base import Message
from llm.prompt import SYSTEM, read_passages
from llm.window import TAKEN_OUT
from news import parse
from news.editions import load_sample
from news.sample import QUESTIONS
from pages.parts.checks import in_words
from pages.parts.turns import exchanges
from tests.groq_server import GroqServer, Request
from tests.llm.harmony import prompt_tokens
from tests.pages.conftest import NASTY, App, assert_plain

Shown = Callable[[AppTest], str]
KEY = "gsk_canaryCANARYcanary0123456789"
QUESTION, OTHER, THIRD = QUESTIONS[:3]
SEVERAL = "The ferry struck the quay in the morning [1]. It was going slowly, says the port [2]."


@pytest.fixture
def groq(app: App, monkeypatch: pytest.MonkeyPatch) -> Iterator[GroqServer]:
    """The model server that the app has a key for; the app has the sample edition."""
    load_sample(app.store, parse, now=pages.now())
    with GroqServer(keys=[KEY]) as server:
        monkeypatch.setenv("GROQ_API_KEY", KEY)
        monkeypatch.setenv("GROQ_BASE_URL", server.url)
        yield server
        for live in app.part.lives.values():
            live.stop()
            live._keeper.join(10)


def ask(at: AppTest, question: str) -> None:
    """Type a question and send it; returns when its answer has ended."""
    at.chat_input(key="question").set_value(question).run()
    assert not at.exception


def turns(app: App, at: AppTest) -> list[Turn]:
    return app.part.conversations.turns(chat_of(at))


def chat_of(at: AppTest) -> str:
    chat = at.query_params["c"]
    return chat if isinstance(chat, str) else chat[0]


def reopen(app: App, chat: str) -> AppTest:
    """The chat in a new session, as a reload or another tab has it."""
    at = app.open()
    at.query_params["c"] = chat
    at.run()
    assert not at.exception
    return at


def choose(at: AppTest, turn: Turn, option: str) -> None:
    """Choose in the menu below an answer."""
    at.menu_button(key=f"more-{turn.id}").click(option).run()
    assert not at.exception


def press(at: AppTest, key: str) -> None:
    at.button(key=key).click().run()
    assert not at.exception


def offered(at: AppTest) -> set[str]:
    return {button.label for button in at.button}


def answered(server: GroqServer) -> list[Request]:
    """The requests for answers, not those for summaries."""
    return [request for request in server.requests if request.messages[0]["content"].startswith(SYSTEM)]


def asked(server: GroqServer) -> list[str]:
    """The questions in the last request, oldest first, the newest without its passages."""
    found = [message["content"] for message in answered(server)[-1].messages if message["role"] == "user"]
    found[-1] = read_passages([Message("user", found[-1])])[1]
    return found


def plainly(markdown: str) -> str:
    return markdown.replace("\\", "")


def chat_text(at: AppTest) -> str:
    return "\n".join(str(part.value) for message in at.chat_message for part in message.markdown)


# ---------------------------------------------------------------- branches


def test_an_answer_asked_for_again_is_kept_beside_the_first_and_one_can_switch(app: App, groq: GroqServer):
    at = app.open()
    groq.says("The first answer [1].").says("The second answer [1].")
    ask(at, QUESTION)
    (first,) = turns(app, at)
    choose(at, first, "Ask again")
    (second,) = turns(app, at)
    assert second.siblings == (first.id, second.id)
    assert "The second answer" in chat_text(at)
    assert "The first answer" not in chat_text(at)
    press(at, f"chevron_left-{second.id}")
    assert "The first answer" in chat_text(at)
    assert "The second answer" not in chat_text(at)
    reloaded = reopen(app, chat_of(at))
    assert "The first answer" in chat_text(reloaded)
    press(reloaded, f"chevron_right-{first.id}")
    assert "The second answer" in chat_text(reloaded)
    assert groq.count == 2


def test_another_model_can_be_asked_again(app: App, groq: GroqServer):
    at = app.open()
    groq.says("The large one says so [1].").says("The small one says so [1].")
    ask(at, QUESTION)
    (first,) = turns(app, at)
    menu = at.menu_button(key=f"more-{first.id}").options
    other = next(option for option in menu if "gpt-oss-20b" in option.replace("\\", ""))
    choose(at, first, other)
    assert [request.body["model"] for request in groq.requests] == ["openai/gpt-oss-120b", "openai/gpt-oss-20b"]
    assert [turn.answer for turn in turns(app, at)] == ["The small one says so [1]."]
    ask(at, OTHER)
    assert groq.last.body["model"] == "openai/gpt-oss-120b"


def test_a_question_edited_in_the_middle_makes_a_branch_whose_requests_hold_its_own_turns_alone(
    app: App, groq: GroqServer
):
    at = app.open()
    ask(at, "Which ferry was it?")
    ask(at, "Who steered it?")
    first, second = turns(app, at)
    choose(at, first, "Edit the question")
    assert at.text_area(key=f"edited-{first.id}").value == "Which ferry was it?"
    at.text_area(key=f"edited-{first.id}").set_value("Which quay was it?")
    next(button for button in at.button if button.label == "Ask").click().run()
    assert not at.exception
    assert asked(groq) == ["Which quay was it?"]
    ask(at, "When was it built?")
    assert asked(groq) == ["Which quay was it?", "When was it built?"]
    edited, after = turns(app, at)
    assert edited.siblings == (first.id, edited.id)
    press(at, f"chevron_left-{edited.id}")
    assert turns(app, at)[0].id == first.id
    assert [turn.id for turn in turns(app, at)] == [first.id, second.id]
    ask(at, "What became of it?")
    assert asked(groq) == ["Which ferry was it?", "Who steered it?", "What became of it?"]
    reloaded = reopen(app, chat_of(at))
    assert "What became of it" in chat_text(reloaded)
    assert "When was it built" not in chat_text(reloaded)
    press(reloaded, f"chevron_right-{first.id}")
    assert [turn.id for turn in turns(app, at)] == [edited.id, after.id]


def test_a_question_that_is_left_as_it_is_asks_nothing(app: App, groq: GroqServer):
    at = app.open()
    ask(at, QUESTION)
    (turn,) = turns(app, at)
    choose(at, turn, "Edit the question")
    next(button for button in at.button if button.label == "Leave it").click().run()
    assert not at.text_area
    choose(at, turn, "Edit the question")
    at.text_area(key=f"edited-{turn.id}").set_value("   ")
    next(button for button in at.button if button.label == "Ask").click().run()
    assert groq.count == 1
    assert [turn.question for turn in turns(app, at)] == [QUESTION]


# ---------------------------------------------------------------- answers that end badly


def test_a_cut_answer_goes_on_in_its_place_with_the_same_numbers_and_one_more_request(
    app: App, groq: GroqServer, shown: Shown
):
    at = app.open()
    groq.says(SEVERAL + " Nobody knows", mode="cut")
    ask(at, QUESTION)
    (cut,) = turns(app, at)
    assert cut.state == "interrupted"
    assert {"Continue", "Try again"} <= offered(at)
    groq.says("port [2]. Nobody knows why yet [3].")
    press(at, f"resume-{cut.id}")
    (whole,) = turns(app, at)
    assert groq.count == 2
    assert (whole.id, whole.state) == (cut.id, "done")
    assert whole.answer == SEVERAL + " Nobody knows why yet [3]."
    numbered = [[passage["entry_id"] for passage in turn.details["passages"]] for turn in (cut, whole)]
    assert numbered[0] == numbered[1]
    assert [citation["n"] for citation in whole.details["citations"]] == [1, 2, 3]
    assert chat_text(at).count("struck the quay") == 1
    assert not {"Continue", "Try again"} & offered(at)
    assert "struck the quay" in chat_text(reopen(app, chat_of(at)))


def test_a_broken_answer_can_be_asked_for_again_and_is_kept(app: App, groq: GroqServer):
    at = app.open()
    groq.says("Half of it [1] and", mode="cut").says("All of it [1].")
    ask(at, QUESTION)
    (cut,) = turns(app, at)
    press(at, f"again-{cut.id}")
    (whole,) = turns(app, at)
    assert whole.siblings == (cut.id, whole.id)
    assert app.part.conversations.turn(cut.id).answer.startswith("Half of it")
    assert (whole.answer, groq.count) == ("All of it [1].", 2)


def test_what_there_is_of_an_answer_is_not_lost_when_it_cannot_go_on(app: App, groq: GroqServer, shown: Shown):
    at = app.open()
    groq.says(SEVERAL + " And", mode="cut")
    ask(at, QUESTION)
    (cut,) = turns(app, at)
    groq.fails(401, message="Invalid API Key", code="invalid_api_key")
    press(at, f"resume-{cut.id}")
    (still,) = turns(app, at)
    assert still.answer == cut.answer
    assert still.details == cut.details
    assert "does not accept the key" in still.reason
    assert "struck the quay" in chat_text(at)
    groq.says("port [2]. And on [3].")
    press(at, f"resume-{cut.id}")
    assert turns(app, at)[0].answer == SEVERAL + " And on [3]."


def test_an_older_answer_goes_on_where_it_stands(app: App, groq: GroqServer):
    at = app.open()
    groq.says(SEVERAL + " And", mode="cut").says("Something else [1].")
    ask(at, QUESTION)
    ask(at, OTHER)
    before = turns(app, at)
    groq.says("port [2]. And so on [3].")
    press(at, f"resume-{before[0].id}")
    assert asked(groq)[0] == QUESTION or groq.last.messages[-2]["role"] == "assistant"
    assert [turn.id for turn in turns(app, at)] == [turn.id for turn in before]
    assert chat_text(at).index("And so on") < chat_text(at).index("Something else")


def test_trying_an_older_failed_question_again_loses_nothing_that_was_asked_after_it(app: App, groq: GroqServer):
    at = app.open()
    groq.fails(401, message="Invalid API Key", code="invalid_api_key")
    groq.says("The second question's answer [1].").says("The first question's answer [1].")
    ask(at, QUESTION)
    ask(at, OTHER)
    failed, answered = turns(app, at)
    press(at, f"again-{failed.id}")
    assert app.part.conversations.turn(answered.id).answer == "The second question's answer [1]."
    (again,) = turns(app, at)
    press(at, f"chevron_left-{again.id}")
    assert [turn.id for turn in turns(app, at)] == [failed.id, answered.id]


def test_a_failed_question_that_is_tried_again_leaves_no_empty_branch(app: App, groq: GroqServer):
    at = app.open()
    groq.fails(401, message="Invalid API Key", code="invalid_api_key").says("At last [1].")
    ask(at, QUESTION)
    (failed,) = turns(app, at)
    press(at, f"again-{failed.id}")
    (turn,) = turns(app, at)
    assert (turn.question, turn.answer, turn.siblings) == (QUESTION, "At last [1].", (turn.id,))


def test_a_model_that_is_gone_is_told_once_a_session(
    app: App, groq: GroqServer, shown: Shown, monkeypatch: pytest.MonkeyPatch
):
    groq.strict = True
    monkeypatch.setenv("GROQ_MODEL", "llama-3.3-70b-versatile")
    at = app.open()
    ask(at, QUESTION)
    ask(at, OTHER)
    assert [request.body["model"] for request in groq.requests] == [
        "llama-3.3-70b-versatile", "openai/gpt-oss-120b", "openai/gpt-oss-120b",
    ]  # fmt: skip
    notice = "no longer offers"
    assert shown(at).count(notice) == 1
    assert all(notice in turn.details["notice"] for turn in turns(app, at))
    at.run()
    assert shown(at).count(notice) == 1


# ---------------------------------------------------------------- what the reader says of an answer


def test_a_thumb_and_its_note_are_kept_and_exported(app: App, groq: GroqServer):
    at = app.open()
    ask(at, QUESTION)
    (turn,) = turns(app, at)
    at.feedback(key=f"rate-{turn.id}").set_value(0).run()
    at.text_input(key=f"note-{turn.id}").set_value("It misses the wind.").run()
    reloaded = reopen(app, chat_of(at))
    assert reloaded.feedback(key=f"rate-{turn.id}").value == 0
    assert reloaded.text_input(key=f"note-{turn.id}").value == "It misses the wind."
    (told,) = json.loads(as_json("Ferry", exchanges(turns(app, at))))["exchanges"]
    assert (told["rating"], told["note"]) == (-1, "It misses the wind.")


def test_a_note_outlives_its_thumb(app: App, groq: GroqServer):
    at = app.open()
    ask(at, QUESTION)
    (turn,) = turns(app, at)
    at.feedback(key=f"rate-{turn.id}").set_value(1).run()
    at.text_input(key=f"note-{turn.id}").set_value("Well put.").run()
    at.feedback(key=f"rate-{turn.id}").set_value(None).run()
    assert turns(app, at)[0].rating == 0
    at.feedback(key=f"rate-{turn.id}").set_value(1).run()
    assert (turns(app, at)[0].rating, turns(app, at)[0].note) == (1, "Well put.")
    assert at.text_input(key=f"note-{turn.id}").value == "Well put."


def test_questions_to_ask_next_are_the_models_then_those_of_unused_passages(app: App, groq: GroqServer):
    at = app.open()
    groq.says("It struck the quay [1].\n\n<next>\nWho steered the ferry?\nIs the ferry repaired?\n")
    ask(at, QUESTION)
    (turn,) = turns(app, at)
    assert "<next" not in plainly(chat_text(at))
    assert "Who steered" not in chat_text(at)
    assert turn.details["follow_ups"][:2] == ["Who steered the ferry?", "Is the ferry repaired?"]
    assert len(turn.details["follow_ups"]) == 3
    ask_next = [at.button(key=f"next-{turn.id}-{place}") for place in range(3)]
    assert "“" in ask_next[2].label  # made of a headline
    press(at, f"next-{turn.id}-0")
    assert [turn.question for turn in turns(app, at)] == [QUESTION, "Who steered the ferry?"]
    assert asked(groq) == [QUESTION, "Who steered the ferry?"]
    assert not [button for button in at.button if (button.key or "").startswith(f"next-{turn.id}")]


# ---------------------------------------------------------------- the sidebar


def test_a_new_chat_is_another_one_also_after_the_first_question_of_a_session(app: App, groq: GroqServer):
    at = app.open()
    ask(at, QUESTION)
    first = chat_of(at)
    next(button for button in at.button if button.label == "New chat").click().run()
    assert QUESTION not in chat_text(at)
    assert [title.value for title in at.title] == ["What would you like to know?"]
    ask(at, OTHER)
    assert chat_of(at) != first
    assert [turn.question for turn in turns(app, at)] == [OTHER]
    press(at, f"chat-{first}")
    assert QUESTION[:20] in chat_text(at)


def test_a_chat_can_be_named_deleted_and_brought_back(app: App, groq: GroqServer, shown: Shown):
    at = app.open()
    ask(at, QUESTION)
    chat = chat_of(at)
    at.menu_button(key="chat_menu").click("Rename").run()
    at.text_input(key="new_title").set_value("The *ferry*")
    next(button for button in at.button if button.label == "Rename").click().run()
    assert app.part.conversations.get(chat).title == "The *ferry*"
    at.menu_button(key="chat_menu").click("Delete").run()
    assert not at.exception
    assert app.part.conversations.get(chat) is None
    ask(at, OTHER)
    assert chat_of(at) != chat
    next(button for button in at.button if button.label == "Undo delete").click().run()
    assert [turn.question for turn in turns(app, at)] == [QUESTION]
    assert "Undo delete" not in offered(at)


def test_chats_are_found_by_what_was_asked_and_answered(app: App, groq: GroqServer, shown: Shown):
    at = app.open()
    groq.says("It was the tide [1].")
    ask(at, QUESTION)
    first = chat_of(at)
    next(button for button in at.button if button.label == "New chat").click().run()
    at.text_input(key="chat_search").set_value("tide").run()
    assert [b.key for b in at.button if (b.key or "").startswith("chat-")] == [f"chat-{first}"]
    at.text_input(key="chat_search").set_value("zeppelin").run()
    assert "No chat with these words." in shown(at)


def test_a_shared_chat_shows_what_is_asked_later_until_it_is_taken_back(app: App, groq: GroqServer, shown: Shown):
    at = app.open()
    ask(at, QUESTION)
    at.menu_button(key="chat_menu").click("Share").run()
    press(at, "share")
    link = at.code[0].value
    given = link.rpartition("s=")[2]
    assert given != chat_of(at)
    assert link.endswith(f"/shared?s={given}")
    guest = app.open("shared", s=given)
    assert "ferry" in chat_text(guest)
    assert not guest.chat_input
    ask(at, OTHER)
    guest.run()
    assert len(guest.chat_message) == 4
    press(at, "unshare")
    guest.run()
    assert "There is nothing here" in shown(guest)
    assert not guest.chat_message


# ---------------------------------------------------------------- the window


def test_the_sum_of_the_ledger_is_the_sum_at_the_server(app: App, groq: GroqServer):
    at = app.open()
    for question in (QUESTION, OTHER, THIRD):
        ask(at, question)
        ledger = turns(app, at)[-1].details["ledger"]
        body = groq.last.body
        assert ledger["how"] == "exact"
        assert ledger["used"] == prompt_tokens(body["messages"]) + body["max_completion_tokens"]
        assert ledger["used"] <= ledger["budget"] <= 7_000


def look_first(at: AppTest) -> None:
    at.session_state["look_first"] = True


def test_what_is_shown_before_it_is_sent_is_what_is_sent(app: App, groq: GroqServer, shown: Shown):
    at = app.open()
    ask(at, QUESTION)
    look_first(at)
    ask(at, OTHER)
    assert groq.count == 1
    words = [code.value for code in at.code]
    press(at, "send_draft")
    assert groq.count == 2
    assert words == [message["content"] for message in groq.last.messages]
    assert [turn.question for turn in turns(app, at)] == [QUESTION, OTHER]
    assert not [button for button in at.button if button.key == "send_draft"]


def test_a_question_that_is_pressed_is_shown_before_it_is_sent_too(app: App, groq: GroqServer):
    at = app.open()
    ask(at, QUESTION)
    (turn,) = turns(app, at)
    look_first(at)
    press(at, f"next-{turn.id}-0")
    assert groq.count == 1
    press(at, "drop_draft")
    assert groq.count == 1
    assert len(turns(app, at)) == 1


def test_a_draft_stays_in_its_chat(app: App, groq: GroqServer):
    at = app.open()
    ask(at, QUESTION)
    first = chat_of(at)
    look_first(at)
    ask(at, OTHER)
    next(button for button in at.button if button.label == "New chat").click().run()
    assert not [button for button in at.button if button.key == "send_draft"]
    press(at, f"chat-{first}")
    press(at, "send_draft")
    assert asked(groq) == [QUESTION, OTHER]


def test_a_passage_that_is_taken_out_is_not_sent_and_can_come_back(app: App, groq: GroqServer, shown: Shown):
    at = app.open()
    look_first(at)
    ask(at, QUESTION)
    first = next(button.key for button in at.button if re.fullmatch(r"drop-draft-\d+", button.key or ""))
    title = read_passages([Message("user", at.code[-1].value)])[0][0].title
    press(at, first)
    assert TAKEN_OUT in plainly(shown(at))
    assert title not in at.code[-1].value
    press(at, "send_draft")
    assert title not in groq.last.messages[-1]["content"]
    ask(at, QUESTION)
    press(at, first)
    assert TAKEN_OUT not in plainly(shown(at))
    press(at, "send_draft")
    assert title in groq.last.messages[-1]["content"]


def test_a_turn_that_is_taken_out_is_not_sent_and_a_pinned_one_always_is(app: App, groq: GroqServer, shown: Shown):
    at = app.open()
    at.session_state["budget"] = 3_000
    groq.says("The tide was high, and the wind was strong [1]. " * 8)
    ask(at, QUESTION)
    (turn,) = turns(app, at)
    look_first(at)
    ask(at, OTHER)
    key = f"drop-draft-{turn.id}"
    press(at, key)
    assert TAKEN_OUT in plainly(shown(at))
    press(at, key.replace("drop", "pin"))
    assert TAKEN_OUT not in plainly(shown(at))
    press(at, "send_draft")
    at.session_state["look_first"] = False
    for _ in range(4):
        groq.says("Another long answer that takes some room in the window of this chat [1]. " * 8)
        ask(at, THIRD)
    assert QUESTION in asked(groq)
    ledger = turns(app, at)[-1].details["ledger"]
    assert ledger["used"] <= 3_000
    assert [line["key"] for line in ledger["lines"] if line["pinned"] and line["kept"]] == [turn.id]


def test_turns_that_no_longer_fit_are_summed_up_after_the_answer_and_the_beginning_stays(app: App, groq: GroqServer):
    at = app.open()
    at.session_state["budget"] = 3_000
    for number in range(12):
        ask(at, f"{QUESTION} ({number})")
        for live in app.part.lives.values():
            assert live.done.is_set()
            live._keeper.join(10)
    told = answered(groq)
    minutes = [request for request in groq.requests if request not in told]
    assert len(told) == 12
    assert minutes
    assert "<summary>" in told[-1].messages[2]["content"]
    grown = [after.messages[: len(before.messages) - 1] == before.messages[:-1] for before, after in pairwise(told)]
    assert grown.count(False) <= len(minutes)
    assert any(grown)
    spent = app.part.usages.by_day(turns(app, at)[0].asked_at)
    assert sum(day.answers for day in spent) == 12


# ---------------------------------------------------------------- hostile words


def test_hostile_words_stay_words_wherever_a_reader_or_a_model_puts_them(app: App, groq: GroqServer):
    at = app.open()
    for nasty in NASTY:
        groq.says(f"Nothing [1].\n\n<next>\nWhat of {nasty}?\n")
        ask(at, nasty)
        turn = turns(app, at)[-1]
        at.menu_button(key="chat_menu").click("Rename").run()
        at.text_input(key="new_title").set_value(nasty)
        next(button for button in at.button if button.label == "Rename").click().run()
        choose(at, turn, "What was sent")
        at.feedback(key=f"rate-{turn.id}").set_value(1).run()
        at.text_input(key=f"note-{turn.id}").set_value(nasty).run()
        assert not at.exception
        drawn = [str(part.value) for part in (*at.markdown, *at.caption, *at.title)]
        assert_plain([*drawn, *(b.label for b in at.button if not (b.key or "").startswith("again"))])


def test_below_an_answer_stands_what_came_of_checking_it(app: App, groq: GroqServer):
    groq.says("Forty-one people were hurt [1]. A whale swam to Lisbon [2].")
    at = app.open()
    ask(at, QUESTION)
    labels = [expander.label for expander in at.expander]
    assert any(re.fullmatch(r"2 claims: 1 supported, 1 (partly|not found|contradicted)", label) for label in labels), (
        labels
    )
    again = reopen(app, chat_of(at))
    assert [expander.label for expander in again.expander] == labels


def test_a_claim_is_shown_with_its_verdict_its_quote_and_what_failed_and_nothing_in_it_is_live():
    failed = [
        {"kind": "number", "claimed": "53", "found": "Forty-one"},
        {"kind": "place", "claimed": NASTY[0], "found": ""},
    ]
    check = {
        "claim": NASTY[1],
        "verdict": "contradicted",
        "quote": NASTY[2],
        "passage": 2,
        "found": 2,
        "failed": failed,
    }
    drawn = in_words(check)
    assert_plain([drawn])
    assert "Contradicted" in drawn
    assert "the passage has “Forty" in drawn
    assert "found by Broadsheet in passage 2" in drawn
