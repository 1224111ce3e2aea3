"""The window, visible: the meter, its list, and what is shown before it is sent, in a real browser."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from llm.base import Message
from llm.prompt import read_passages
from llm.window import TAKEN_OUT
from tests.browser.test_ask import QUESTION, ask, idle
from tests.groq_server import GroqServer, Request
from tests.llm.harmony import prompt_tokens

SLOW = 60_000


def answered(page: Page, groq: GroqServer, text: str, question: str = QUESTION) -> None:
    groq.says(text)
    ask(page, question)
    expect(page.get_by_text(text.split(" [")[0])).to_be_visible(timeout=SLOW)
    idle(page)


def meter(page: Page) -> Locator:
    return page.get_by_text(re.compile(r"^(about )?[\d,]+ of [\d,]+ tokens: system")).last


def open_list(page: Page) -> Locator:
    """The open list below the meter."""
    page.get_by_role("button", name="Details").click()
    body = page.get_by_test_id("stPopoverBody")
    expect(body.get_by_text("What goes with the next question")).to_be_visible()
    idle(page)
    return body


def look_first(page: Page) -> None:
    open_list(page).get_by_text("Show me what is sent before it is sent").click()
    idle(page)
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("stPopoverBody")).to_have_count(0)
    idle(page)


def draft(page: Page) -> Locator:
    """The draft that waits for the reader's word."""
    expect(page.get_by_text("This would be sent:")).to_be_visible(timeout=SLOW)
    idle(page)
    return page.get_by_label("Chat message from assistant").last


def words(page: Page) -> list[str]:
    """What is shown word for word, message by message."""
    shown = draft(page)
    if not shown.get_by_test_id("stCode").first.is_visible():
        shown.get_by_text("Word for word").click()
    expect(shown.get_by_test_id("stCode").first).to_be_visible()
    return [code.text_content() or "" for code in shown.locator("code").all()]


def send(page: Page, groq: GroqServer) -> Request:
    before = groq.count
    page.get_by_role("button", name="Send", exact=True).click()
    assert groq.wait_for(lambda: groq.count == before + 1, 60)
    expect(page.get_by_text("This would be sent:")).to_have_count(0, timeout=SLOW)
    idle(page)
    return groq.last


def sum_shown(text: str) -> int:
    found = re.search(r"([\d,]+) of [\d,]+ tokens", text)
    assert found
    return int(found[1].replace(",", ""))


def test_what_is_shown_is_what_is_sent_to_the_last_byte_and_token(page: Page, groq: GroqServer) -> None:
    answered(page, groq, "It struck the quay [1].")
    look_first(page)
    before = groq.count
    ask(page, "And who steered it? \N{EURO SIGN}5 <b>a</b> $x$ \N{FIRE}")
    shown = words(page)
    told = sum_shown(draft(page).inner_text())
    assert groq.count == before
    request = send(page, groq)
    assert [message["content"] for message in request.messages] == shown
    assert told == prompt_tokens(request.messages) + request.body["max_completion_tokens"]


def test_the_list_opens_beside_a_draft_and_a_turn_can_be_taken_out_and_let_in(page: Page, groq: GroqServer) -> None:
    answered(page, groq, "It struck the quay [1].")
    expect(meter(page)).to_contain_text("1 turn")  # a moment after the answer has ended
    without = sum_shown(meter(page).inner_text())
    look_first(page)
    ask(page, "And who steered it?")
    assert QUESTION in words(page)
    body = open_list(page)
    expect(body.get_by_text(QUESTION)).to_be_visible()
    body.get_by_role("button", name="Take out").click()
    expect(body.get_by_text(TAKEN_OUT)).to_be_visible()
    idle(page)
    assert page.get_by_text("This app has encountered an error").count() == 0
    page.keyboard.press("Escape")
    assert sum_shown(meter(page).inner_text()) < without
    assert QUESTION not in words(page)
    request = send(page, groq)
    assert QUESTION not in [message["content"] for message in request.messages]
    body = open_list(page)
    body.get_by_role("button", name="Let in").click()
    idle(page)
    page.keyboard.press("Escape")
    ask(page, "And what came then?")
    assert QUESTION in words(page)
    assert QUESTION in [message["content"] for message in send(page, groq).messages]


def test_a_passage_that_is_taken_out_of_a_draft_is_not_sent(page: Page, groq: GroqServer) -> None:
    look_first(page)
    ask(page, QUESTION)
    passages, _ = read_passages([Message("user", words(page)[-1])])
    shown = draft(page)
    shown.get_by_role("button", name="Take out").first.click()
    expect(shown.get_by_text(TAKEN_OUT)).to_be_visible()
    idle(page)
    request = send(page, groq)
    sent, _ = read_passages([Message("user", request.messages[-1]["content"])])
    gone = [passage.title for passage in passages if passage.title not in {one.title for one in sent}]
    assert gone == [passages[0].title]
    expect(page.get_by_label("Chat message from assistant")).to_have_count(1)
