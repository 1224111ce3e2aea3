"""Ask, in a real browser: a newcomer, streams, stops, reloads, failures."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import accumulate
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from news import sample
from tests.browser.app_server import AppServer
from tests.browser.conftest import KEY
from tests.groq_server import GroqServer

QUESTION = sample.QUESTIONS[0]


@pytest.fixture(scope="module")
def groq() -> Iterator[GroqServer]:
    with GroqServer(keys=[KEY]) as server:
        yield server


@pytest.fixture(scope="module")
def groq_app(tmp_path_factory: pytest.TempPathFactory, groq: GroqServer) -> Iterator[AppServer]:
    """The app with a key and the sample edition, answering from the test's model server."""
    folder = tmp_path_factory.mktemp("groq")
    with AppServer(folder, GROQ_API_KEY=KEY, GROQ_BASE_URL=groq.url) as server:
        yield server


def load_sample(page: Page) -> None:
    """The one button, unless it was pressed before."""
    ready = page.get_by_placeholder("Ask about the news").or_(
        page.get_by_role("button", name="Load the sample edition")
    )
    expect(ready.first).to_be_visible()
    button = page.get_by_role("button", name="Load the sample edition")
    if button.count():
        button.click()
    expect(page.get_by_role("heading", name="What would you like to know?")).to_be_visible(timeout=60_000)


def ask(page: Page, question: str) -> None:
    """Type a question and send it. While the page is being drawn the box takes no Enter, and keeps what was typed."""
    box = page.get_by_placeholder("Ask about the news")
    box.fill(question)
    for _ in range(5):
        expect(box).to_be_enabled()
        box.press("Enter")
        with suppress(AssertionError):
            return expect(box).to_have_value("", timeout=5_000)
    raise AssertionError("the box takes no question")


def answer_of(page: Page, place: int = -1) -> str:
    """The text of an answer on the page, the last one by default, without what stands below it."""
    return page.get_by_label("Chat message from assistant").nth(place).locator("[class*=st-key-answer-]").inner_text()


def idle(page: Page) -> None:
    """Wait until the page's script has ended."""
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning", timeout=60_000)


def still(thing: Locator) -> None:
    """Wait until it keeps its place: what opens above it may still be growing though the script has ended."""
    box = None
    for _ in range(100):
        before, box = box, thing.bounding_box()
        if box is not None and box == before:
            return
        thing.page.wait_for_timeout(200)
    raise AssertionError("it never held still")


def choose(page: Page, menu: Locator, option: str | re.Pattern[str]) -> None:
    """Open a menu and press an option. A menu moves with its button, so also out of sight."""
    still(menu)
    menu.click()
    page.get_by_role("menuitem", name=option, exact=True).click()
    idle(page)


def test_a_newcomer_without_a_key_loads_the_sample_and_reads_a_cited_answer(
    sample_app: AppServer, open_page: Callable[..., Page]
) -> None:
    page = open_page(sample_app.url)
    expect(page.get_by_role("heading", name="Choose your news")).to_be_visible()
    load_sample(page)
    expect(page.get_by_text("No model key")).to_be_visible()
    ask(page, QUESTION)
    answer = page.get_by_label("Chat message from assistant").last
    link = answer.locator("a", has_text=re.compile(r"^\[1\]$")).first
    expect(link).to_be_visible(timeout=30_000)
    assert re.fullmatch(r"https://[\w.-]+\.example/.*", link.get_attribute("href") or "")
    idle(page)
    answer.get_by_text(re.compile(r"sources? cited of")).click()
    expect(answer.get_by_text(re.compile(r"\d+ \w+ 20\d\d, \d\d:\d\d")).first).to_be_visible()


def test_a_reload_shows_the_same_conversation_and_its_address_is_unguessable(
    groq_app: AppServer, groq: GroqServer, open_page: Callable[..., Page]
) -> None:
    page = open_page(groq_app.url)
    load_sample(page)
    groq.says("The ferry struck the quay [1]. **Nobody** died [2].")
    ask(page, QUESTION)
    expect(page.get_by_text("Nobody died")).to_be_visible()
    idle(page)
    assert re.search(r"\?c=[0-9a-f]{32}$", page.url)
    before = answer_of(page)
    page.reload()
    expect(page.get_by_text("Nobody died")).to_be_visible()
    idle(page)
    assert answer_of(page) == before
    assert page.get_by_label("Chat message from user").inner_text() == QUESTION


def test_a_follow_up_is_sent_with_the_turn_before_it_and_the_fenced_passages(
    groq_app: AppServer, groq: GroqServer, open_page: Callable[..., Page]
) -> None:
    page = open_page(groq_app.url)
    load_sample(page)
    groq.says("The first answer [1].")
    ask(page, QUESTION)
    expect(page.get_by_text("The first answer")).to_be_visible()
    idle(page)
    groq.says("The second answer [1].")
    ask(page, "And who said so?")
    expect(page.get_by_text("The second answer")).to_be_visible()
    idle(page)
    roles = [message["role"] for message in groq.last.messages]
    assert roles == ["system", "user", "assistant", "user"]
    assert groq.last.messages[1]["content"] == QUESTION
    assert groq.last.messages[2]["content"] == "The first answer."
    assert groq.last.messages[3]["content"].endswith("And who said so?")
    assert '"outlet":' in groq.last.messages[3]["content"]


def test_a_thousand_deltas_arrive_without_lag_and_under_a_sixth_of_the_bytes(
    groq_app: AppServer, groq: GroqServer, open_page: Callable[..., Page]
) -> None:
    page = open_page(groq_app.url)
    load_sample(page)
    deltas = [f"word{n:04} " if n % 50 else f"word{n:04}.\n\n" for n in range(1, 1001)]
    groq.says(deltas=deltas, per_second=500)
    received: list[int] = []
    page.on("websocket", lambda socket: None)
    client = page.context.new_cdp_session(page)
    client.send("Network.enable")
    client.on("Network.webSocketFrameReceived", lambda event: received.append(len(event["response"]["payloadData"])))
    ask(page, QUESTION)
    expect(page.get_by_text("word0001").first).to_be_visible()
    expect(page.get_by_text("word1000").first).to_be_visible(timeout=60_000)
    shown = time.monotonic()
    finished = max(groq.requests, key=lambda request: request.deltas)  # a summary may have been asked for since
    assert finished.done.wait(10)
    idle(page)
    one_update_a_delta = sum(accumulate(len(delta) for delta in deltas))
    on_the_wire = sum(received) * 3 // 4  # binary frames are told as base64
    assert on_the_wire < one_update_a_delta / 6
    # The last word is on the page soon after the server sent it, beside the time that sending took.
    took = (finished.closed_at or 0.0) - finished.at
    assert shown - (finished.closed_at or 0.0) < took


def test_stop_keeps_what_was_written_and_closes_the_providers_connection(
    groq_app: AppServer, groq: GroqServer, open_page: Callable[..., Page]
) -> None:
    page = open_page(groq_app.url)
    load_sample(page)
    groq.says(deltas=[f"part{n:03} " for n in range(600)], per_second=20)
    ask(page, QUESTION)
    expect(page.get_by_text("part010")).to_be_visible()
    page.get_by_role("button", name="Stop script").click()
    idle(page)
    assert groq.wait_for(lambda: groq.last.aborted, 10)
    kept = answer_of(page)
    assert "part010" in kept
    page.reload()
    expect(page.get_by_text("You stopped this answer.")).to_be_visible()
    assert "part010" in answer_of(page)
    assert page.get_by_label("Chat message from user").inner_text() == QUESTION


def test_stop_works_while_the_provider_says_nothing(
    groq_app: AppServer, groq: GroqServer, open_page: Callable[..., Page]
) -> None:
    page = open_page(groq_app.url)
    load_sample(page)
    groq.says(deltas=["Only this "], mode="stall")
    ask(page, QUESTION)
    expect(page.get_by_text("Only this")).to_be_visible()
    page.get_by_role("button", name="Stop script").click()
    idle(page)
    page.reload()
    expect(page.get_by_text("You stopped this answer.")).to_be_visible()
    assert "Only this" in answer_of(page)
    groq.release()


def test_a_reload_in_mid_stream_goes_on_with_the_same_answer(
    groq_app: AppServer, groq: GroqServer, open_page: Callable[..., Page]
) -> None:
    page = open_page(groq_app.url)
    load_sample(page)
    sent = groq.count
    groq.says(deltas=[f"piece{n:03} " for n in range(120)], per_second=30)
    ask(page, QUESTION)
    expect(page.get_by_text("piece010")).to_be_visible()
    page.reload()
    expect(page.get_by_text("piece119")).to_be_visible(timeout=60_000)
    idle(page)
    assert groq.count == sent + 1
    assert all(f"piece{n:03}" in answer_of(page) for n in range(120))


def test_a_click_elsewhere_in_mid_stream_does_not_cut_the_answer(
    groq_app: AppServer, groq: GroqServer, open_page: Callable[..., Page]
) -> None:
    page = open_page(groq_app.url)
    load_sample(page)
    sent = groq.count
    groq.says(deltas=[f"bit{n:03} " for n in range(120)], per_second=30)
    ask(page, QUESTION)
    expect(page.get_by_text("bit010")).to_be_visible()
    page.get_by_placeholder("Search chats").fill("ferry")
    page.get_by_placeholder("Search chats").press("Enter")
    expect(page.get_by_text("bit119")).to_be_visible(timeout=60_000)
    idle(page)
    assert groq.count == sent + 1


def test_a_second_question_in_mid_stream_keeps_the_first_and_its_partial_answer(
    groq_app: AppServer, groq: GroqServer, open_page: Callable[..., Page]
) -> None:
    page = open_page(groq_app.url)
    load_sample(page)
    groq.says(deltas=[f"early{n:03} " for n in range(600)], per_second=20)
    groq.says("The later answer [1].")
    ask(page, QUESTION)
    expect(page.get_by_text("early010")).to_be_visible()
    page.get_by_role("button", name="Stop script").click()
    ask(page, "And what came later?")
    expect(page.get_by_text("The later answer")).to_be_visible()
    idle(page)
    page.reload()
    expect(page.get_by_text("The later answer")).to_be_visible()
    assert "early010" in answer_of(page, 0)
    asked = page.get_by_label("Chat message from user")
    assert [asked.nth(0).inner_text(), asked.nth(1).inner_text()] == [QUESTION, "And what came later?"]


def test_a_server_that_is_killed_in_mid_stream_keeps_the_question_and_what_was_written(
    tmp_path: Path, groq: GroqServer, open_page: Callable[..., Page]
) -> None:
    app = AppServer(tmp_path, GROQ_API_KEY=KEY, GROQ_BASE_URL=groq.url).start()
    try:
        page = open_page(app.url)
        load_sample(page)
        groq.says(deltas=[f"last{n:03} " for n in range(600)], per_second=20)
        ask(page, QUESTION)
        expect(page.get_by_text("last040")).to_be_visible()
        address = page.url
        app.kill()
        app.start()
        page.goto(address)
        expect(page.get_by_text("cut off before it was finished")).to_be_visible()
        assert "last020" in answer_of(page)
        assert page.get_by_label("Chat message from user").inner_text() == QUESTION
        expect(page.get_by_role("button", name="Try again")).to_be_visible()
    finally:
        app.stop()


def test_each_failure_is_one_sentence_and_the_question_is_not_lost(
    groq_app: AppServer, groq: GroqServer, open_page: Callable[..., Page]
) -> None:
    page = open_page(groq_app.url)
    load_sample(page)
    groq.fails(401, message="Invalid API Key", code="invalid_api_key")
    ask(page, QUESTION)
    expect(page.get_by_text("does not accept the key")).to_be_visible()
    idle(page)
    assert page.get_by_label("Chat message from user").last.inner_text() == QUESTION
    groq.fails(429, retry_after=3600, message="Rate limit reached on tokens per day (TPD) for org_canary0123")
    ask(page, "And now?")
    expect(page.get_by_text("tokens a day")).to_be_visible()
    idle(page)
    assert "org_canary" not in page.content()
    assert KEY not in page.content()
    page.reload()
    expect(page.get_by_text("tokens a day")).to_be_visible()
    assert page.get_by_label("Chat message from user").last.inner_text() == "And now?"


def test_no_network_is_one_sentence_and_asking_again_works(tmp_path: Path, open_page: Callable[..., Page]) -> None:
    server = GroqServer()
    server.__enter__()
    base = server.url
    server.__exit__(None, None, None)
    with AppServer(tmp_path, GROQ_API_KEY=KEY, GROQ_BASE_URL=base) as app:
        page = open_page(app.url)
        load_sample(page)
        ask(page, QUESTION)
        expect(page.get_by_text("could not be reached")).to_be_visible(timeout=60_000)
        idle(page)
        with GroqServer(port=int(base.rsplit(":", 1)[1])) as revived:
            revived.says("Back again [1].")
            page.get_by_role("button", name="Try again").click()
            expect(page.get_by_text("Back again")).to_be_visible()
            idle(page)
            assert page.get_by_label("Chat message from user").count() == 1


def test_a_key_never_reaches_the_log(groq_app: AppServer) -> None:
    assert KEY not in groq_app.log
    assert "Traceback" not in groq_app.log
