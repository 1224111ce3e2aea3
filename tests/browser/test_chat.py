"""A chat that loses nothing, in a real browser: tabs, phones, stops, kills, sharing, exports, voice, the keyboard."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.app_server import AppServer
from tests.browser.conftest import CHROMIUM, KEY
from tests.browser.test_ask import QUESTION, answer_of, ask, choose, idle, load_sample
from tests.browser.test_hostile import ALIVE, PAYLOADS
from tests.groq_server import MODELS, VOICES, GroqServer, Request, spoken

GRACE_S = 1.7
"""How long an answer is written that nobody looks at, with the time in which a lost session is noticed."""
CLOSES_S = 2.0
SLOW = 60_000


@pytest.fixture(scope="module")
def groq() -> Iterator[GroqServer]:
    with GroqServer(keys=[KEY], models=[*MODELS, *VOICES]) as server:
        yield server


def last_answer(page: Page) -> Locator:
    return page.get_by_label("Chat message from assistant").last


def answered(page: Page, groq: GroqServer, text: str, question: str = QUESTION) -> None:
    """Ask a question that is answered with `text`."""
    groq.says(text)
    ask(page, question)
    expect(page.get_by_text(re.split(r"[\[\n]", text)[0].strip()).last).to_be_visible(timeout=SLOW)
    idle(page)


def chat_menu(page: Page, option: str) -> None:
    choose(page, page.get_by_role("button", name="Chat menu"), option)


def closed_after(request: Request, moment: float) -> float:
    """Seconds from `moment`, of the server's clock, until the provider's connection was closed."""
    assert request.done.wait(30)
    assert request.aborted
    assert request.closed_at is not None
    return request.closed_at - moment


def long(word: str, count: int = 600) -> list[str]:
    return [f"{word}{n:03} " for n in range(count)]


# ---------------------------------------------------------------- stopping, leaving, coming back


def test_stop_is_told_at_once_and_the_answer_can_go_on(page: Page, groq: GroqServer) -> None:
    groq.says(deltas=["It began [1]. ", *long("part")], per_second=20)
    ask(page, QUESTION)
    expect(page.get_by_text("part010")).to_be_visible(timeout=SLOW)
    before = groq.count
    at = groq.clock()
    page.get_by_role("button", name="Stop script").click()
    assert closed_after(groq.last, at) < GRACE_S + CLOSES_S
    expect(page.get_by_text("You stopped this answer.")).to_be_visible()
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    kept = re.findall(r"part\d{3}", answer_of(page))
    groq.says("and here it ends [2].")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_text("and here it ends")).to_be_visible(timeout=SLOW)
    idle(page)
    assert answer_of(page).startswith("It began")
    assert re.findall(r"part\d{3}", answer_of(page)) == kept
    assert groq.count == before + 1
    assert page.get_by_label("Chat message from user").count() == 1
    numbers = [link.inner_text() for link in last_answer(page).locator("[class*=st-key-answer-] a[href^=http]").all()]
    assert numbers == ["[1]", "[2]"]


@pytest.mark.parametrize(("mode", "after"), [("silence", None), ("stall", 0)])
def test_stop_before_the_first_word_closes_the_connection(
    page: Page, groq: GroqServer, mode: Any, after: int | None
) -> None:
    before = groq.count
    groq.says("Never said.", mode=mode, after=after)
    ask(page, QUESTION)
    assert groq.wait_for(lambda: groq.count == before + 1, 30)
    request = groq.last
    expect(page.get_by_role("button", name="Stop script")).to_be_visible()
    at = groq.clock()
    page.get_by_role("button", name="Stop script").click()
    assert closed_after(request, at) < GRACE_S + CLOSES_S
    expect(page.get_by_text("You stopped this answer.")).to_be_visible()
    assert page.get_by_label("Chat message from user").inner_text() == QUESTION
    expect(page.get_by_role("button", name="Continue")).to_have_count(0)
    assert groq.count == before + 1


def test_a_closed_tab_closes_the_connection_and_keeps_what_was_written(
    app: AppServer, page: Page, groq: GroqServer, open_page: Callable[..., Page]
) -> None:
    groq.says(deltas=long("left"), per_second=20)
    ask(page, QUESTION)
    expect(page.get_by_text("left020")).to_be_visible(timeout=SLOW)
    address, request, at = page.url, groq.last, groq.clock()
    page.close()
    assert closed_after(request, at) < GRACE_S + CLOSES_S
    back = open_page(address)
    expect(back.get_by_text("stopped when nobody was there to read it")).to_be_visible()
    assert back.get_by_label("Chat message from user").inner_text() == QUESTION
    assert "left020" in answer_of(back)
    # All that came before the connection was closed is kept, but for what was on its way.
    kept = re.findall(r"left(\d{3})", answer_of(back))
    assert len(kept) >= request.deltas - 3
    assert kept == [f"{n:03}" for n in range(len(kept))]
    expect(back.get_by_role("button", name="Continue")).to_be_visible()


def test_who_goes_to_another_page_finds_the_whole_answer_on_the_way_back(
    page: Page, groq: GroqServer, open_page: Callable[..., Page]
) -> None:
    before = groq.count
    groq.says(deltas=long("away", 120), per_second=20)
    ask(page, QUESTION)
    expect(page.get_by_text("away005")).to_be_visible(timeout=SLOW)
    address = page.url
    page.get_by_role("link", name="Front page").click()
    expect(page.get_by_role("heading", name="Front page")).to_be_visible(timeout=SLOW)
    other = open_page(address)  # while it is written, without having been looked at for longer than the grace
    expect(other.get_by_text("away060")).to_be_visible(timeout=SLOW)
    other.close()
    assert groq.last.done.wait(30)
    assert not groq.last.aborted
    page.get_by_role("link", name="Ask", exact=True).click()  # leads back to the chat that was left
    expect(page.get_by_text("away119")).to_be_visible(timeout=SLOW)
    idle(page)
    assert re.findall(r"away(\d{3})", answer_of(page)) == [f"{n:03}" for n in range(120)]
    expect(page.get_by_text("stopped")).to_have_count(0)
    assert groq.count == before + 1
    page.get_by_role("link", name="Ask", exact=True).click()  # and from there to a new one
    expect(page.get_by_role("heading", name="What would you like to know?")).to_be_visible(timeout=SLOW)


def test_a_tab_closed_on_another_page_stops_the_answer_that_was_left(
    page: Page, groq: GroqServer, open_page: Callable[..., Page]
) -> None:
    groq.says(deltas=long("gone"), per_second=20)
    ask(page, QUESTION)
    expect(page.get_by_text("gone005")).to_be_visible(timeout=SLOW)
    address, request = page.url, groq.last
    page.get_by_role("link", name="Sources").click()
    expect(page.get_by_role("heading", name="Sources")).to_be_visible(timeout=SLOW)
    page.wait_for_timeout(1000 * GRACE_S + 500)
    assert not request.done.is_set()
    at = groq.clock()
    page.close()
    assert closed_after(request, at) < GRACE_S + CLOSES_S
    back = open_page(address)
    expect(back.get_by_text("stopped when nobody was there to read it")).to_be_visible()
    expect(back.get_by_role("button", name="Continue")).to_be_visible()


def test_two_tabs_show_the_same_answer_while_it_is_written_and_afterwards(
    page: Page, groq: GroqServer, open_page: Callable[..., Page]
) -> None:
    before = groq.count
    groq.says(deltas=long("both", 100), per_second=20)
    ask(page, QUESTION)
    expect(page.get_by_text("both005")).to_be_visible(timeout=SLOW)
    other = open_page(page.url)
    expect(other.get_by_text("both005")).to_be_visible(timeout=SLOW)
    assert "both099" not in other.content()
    for tab in (page, other):
        expect(tab.get_by_text("both099")).to_be_visible(timeout=SLOW)
        idle(tab)
    assert answer_of(page) == answer_of(other)
    assert groq.count == before + 1
    answered(other, groq, "Asked in the other tab [1].", "And then?")
    page.reload()
    expect(page.get_by_text("Asked in the other tab")).to_be_visible()
    idle(page)
    assert [answer_of(page, n) for n in (0, 1)] == [answer_of(other, n) for n in (0, 1)]


def test_a_phone_that_was_locked_shows_what_there_is_when_it_comes_back(
    app: AppServer, groq: GroqServer, open_page: Callable[..., Page]
) -> None:
    groq.forget()
    page = open_page(app.url, device="phone")
    load_sample(page)
    idle(page)
    groq.says(deltas=long("phone", 80), per_second=20)
    ask(page, QUESTION)
    expect(page.get_by_text("phone010")).to_be_visible(timeout=SLOW)
    request = groq.last
    client = page.context.new_cdp_session(page)
    client.send("Page.setWebLifecycleState", {"state": "frozen"})
    client.send("Network.enable")
    page.context.set_offline(True)
    assert request.done.wait(30)
    page.context.set_offline(False)
    client.send("Page.setWebLifecycleState", {"state": "active"})
    expect(page.get_by_text("phone010")).to_be_visible(timeout=SLOW)
    page.reload()
    expect(page.get_by_text("phone010")).to_be_visible(timeout=SLOW)
    idle(page)
    assert page.get_by_label("Chat message from user").inner_text() == QUESTION
    told = page.get_by_text("stopped when nobody was there to read it").or_(page.get_by_text("phone079"))
    expect(told.first).to_be_visible()


def test_an_answer_of_a_killed_server_goes_on_in_its_place(
    tmp_path: Path, groq: GroqServer, open_page: Callable[..., Page]
) -> None:
    groq.forget()
    killed = AppServer(tmp_path, GROQ_API_KEY=KEY, GROQ_BASE_URL=groq.url).start()
    try:
        page = open_page(killed.url)
        load_sample(page)
        groq.says(deltas=["It began [1]. ", *long("last")], per_second=20)
        ask(page, QUESTION)
        expect(page.get_by_text("last030")).to_be_visible(timeout=SLOW)
        address, before = page.url, groq.count
        killed.kill()
        killed.start()
        page.goto(address)
        expect(page.get_by_text("cut off before it was finished")).to_be_visible()
        kept = answer_of(page)
        assert "last010" in kept
        groq.says("and the rest of it [2].")
        page.get_by_role("button", name="Continue").click()
        expect(page.get_by_text("and the rest of it")).to_be_visible(timeout=SLOW)
        idle(page)
        assert answer_of(page).startswith(kept)
        assert groq.count == before + 1
        assert page.get_by_label("Chat message from user").count() == 1
    finally:
        killed.stop()


# ---------------------------------------------------------------- below an answer


def test_versions_are_switched_and_a_reload_shows_the_same(page: Page, groq: GroqServer) -> None:
    answered(page, groq, "The first version [1].")
    groq.says("The second version [1].")
    choose(page, last_answer(page).get_by_role("button", name="More"), re.compile("^Ask again with .*gpt-oss-20b"))
    expect(page.get_by_text("The second version")).to_be_visible(timeout=SLOW)
    idle(page)
    assert groq.last.body["model"] == "openai/gpt-oss-20b"
    expect(page.get_by_text("2 of 2")).to_be_visible()
    page.get_by_role("button", name="Earlier").click()
    expect(page.get_by_text("The first version")).to_be_visible()
    expect(page.get_by_text("The second version")).to_have_count(0)
    page.reload()
    expect(page.get_by_text("1 of 2")).to_be_visible()
    expect(page.get_by_text("The first version")).to_be_visible()


def test_questions_to_ask_next_are_not_there_while_an_answer_is_written(page: Page, groq: GroqServer) -> None:
    groq.says("It struck the quay [1].\n\n<next>\nWho steered the ferry?\nWas the tide high?\n")
    ask(page, QUESTION)
    follow_up = page.get_by_role("button", name="Who steered the ferry?")
    expect(follow_up).to_be_visible(timeout=SLOW)
    idle(page)
    assert "<next>" not in page.get_by_role("main").inner_text()
    groq.says(deltas=["Captain [1] ", *long("word", 150), "\n\n<ne", "xt>\n", "Raw ", "question?\n"], per_second=20)
    follow_up.click()
    expect(page.get_by_text("word010")).to_be_visible(timeout=SLOW)
    expect(follow_up).to_have_count(0)
    for gone in ("Who steered the ferry?", "Was the tide high?", "Raw question?"):
        assert page.get_by_role("button", name=gone).count() == 0
    assert page.get_by_text("word149").count() == 0  # it is still being written
    expect(page.get_by_role("button", name="Raw question?")).to_be_visible(timeout=SLOW)
    assert page.get_by_label("Chat message from user").last.inner_text() == "Who steered the ferry?"
    assert "next" not in answer_of(page)


def test_a_thumb_and_a_note_are_there_after_a_reload(page: Page, groq: GroqServer) -> None:
    answered(page, groq, "It was the tide [1].")
    last_answer(page).get_by_test_id("stFeedback").get_by_role("radio", name="Thumbs down").click()
    note = page.get_by_placeholder("A note, if you like")
    note.fill("Too short.")
    note.press("Enter")
    idle(page)
    page.reload()
    expect(page.get_by_placeholder("A note, if you like")).to_have_value("Too short.")
    chat_menu(page, "Export")
    whole = json.loads(downloaded(page, "JSON"))
    assert [(one["rating"], one["note"]) for one in whole["exchanges"]] == [(-1, "Too short.")]


# ---------------------------------------------------------------- sharing and exports


def downloaded(page: Page, kind: str) -> str:
    with page.expect_download() as coming:
        page.get_by_role("button", name=kind, exact=True).click()
    return coming.value.path().read_text()


class Links(HTMLParser):
    """The tags, the ids and the targets inside the page of an HTML file; it must be well nested."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: set[str] = set()
        self.inside: list[str] = []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "link", "br", "hr"):
            self.open.append(tag)
        given = dict(attributes)
        self.ids.add(given.get("id") or "")
        if (given.get("href") or "").startswith("#"):
            self.inside.append(str(given["href"])[1:])

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_a_chat_is_exported_in_three_forms(page: Page, groq: GroqServer) -> None:
    answered(page, groq, "It struck the quay [1]. **Nobody** died [2].")
    chat_menu(page, "Export")
    markdown, html, whole = (downloaded(page, kind) for kind in ("Markdown", "HTML", "JSON"))
    assert "## How many people were hurt" in markdown
    assert re.search(r"\[\\\[2\\\]\]\(https://\S+\)", markdown)
    found = Links(html)
    assert len(found.inside) == 2
    assert set(found.inside) <= found.ids
    (exchange,) = json.loads(whole)["exchanges"]
    assert exchange["answer"] == "It struck the quay [1]. **Nobody** died [2]."
    assert [source["n"] for source in exchange["sources"] if source["cited"]] == [1, 2]


def test_a_shared_chat_is_read_only_and_ends_when_it_is_taken_back(
    page: Page, groq: GroqServer, open_page: Callable[..., Page]
) -> None:
    answered(page, groq, "It struck the quay [1].")
    chat = page.url.rpartition("c=")[2]
    chat_menu(page, "Share")
    page.get_by_role("button", name="Make the link").click()
    link = page.get_by_test_id("stSidebar").get_by_test_id("stCode")
    expect(link).to_be_visible()
    address = link.inner_text().strip()
    guest = open_page(address)
    expect(guest.get_by_text("It struck the quay")).to_be_visible(timeout=SLOW)
    idle(guest)
    assert guest.get_by_test_id("stChatInput").count() == 0
    assert chat not in guest.content()
    answered(page, groq, "And later this [1].", "And later?")
    guest.reload()
    expect(guest.get_by_text("And later this")).to_be_visible(timeout=SLOW)
    assert chat not in guest.content()
    page.get_by_role("button", name="Stop sharing").click()
    expect(page.get_by_role("button", name="Make the link")).to_be_visible()
    guest.reload()
    expect(guest.get_by_text("There is nothing here")).to_be_visible(timeout=SLOW)
    assert "struck the quay" not in guest.content()


# ---------------------------------------------------------------- hostile words


def test_hostile_words_are_not_alive_in_titles_notes_names_and_questions_to_ask_next(
    page: Page, app: AppServer, groq: GroqServer, open_page: Callable[..., Page]
) -> None:
    foreign: list[str] = []
    ours = (app.url, app.url.replace("http", "ws", 1), "data:", "blob:")
    page.on("request", lambda request: request.url.startswith(ours) or foreign.append(request.url))
    payloads = [" ".join(payload.split())[:90] for payload in PAYLOADS]
    for start in range(0, len(payloads), 3):
        some = payloads[start : start + 3]
        asks = "\n".join(f"What of {payload}?" for payload in some)
        groq.says(f"Round {start} [1].\n\n<next>\n{asks}\n")
        ask(page, " ".join(some))
        expect(page.get_by_text(f"Round {start}")).to_be_visible(timeout=SLOW)
        idle(page)
        assert page.locator(ALIVE).count() == 0
    chat_menu(page, "Rename")
    page.get_by_label("Name", exact=True).fill(payloads[0] + payloads[3])
    page.get_by_role("button", name="Rename", exact=True).click()
    last_answer(page).get_by_test_id("stFeedback").get_by_role("radio", name="Thumbs up").click()
    note = page.get_by_placeholder("A note, if you like")
    note.fill(payloads[4])
    note.press("Enter")
    idle(page)
    chat_menu(page, "Share")
    page.get_by_role("button", name="Make the link").click()
    link = page.get_by_test_id("stSidebar").get_by_test_id("stCode")
    expect(link).to_be_visible()
    idle(page)
    assert page.locator(ALIVE).count() == 0
    guest = open_page(link.inner_text().strip())
    expect(guest.get_by_text("Round 0")).to_be_visible(timeout=SLOW)
    idle(guest)
    assert guest.locator(ALIVE).count() == 0
    assert foreign == []


# ---------------------------------------------------------------- voice


@pytest.fixture(scope="module")
def with_microphone(browser: Browser) -> Iterator[Browser]:
    """A chromium in which a microphone hums."""
    hums = ["--no-sandbox", "--disable-gpu", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    other = browser.browser_type.launch(executable_path=CHROMIUM, args=hums)
    yield other
    other.close()


def test_a_question_is_spoken_and_its_answer_read_aloud(
    app: AppServer, page: Page, groq: GroqServer, with_microphone: Browser
) -> None:
    context = with_microphone.new_context(permissions=["microphone"])
    speaker = context.new_page()
    speaker.set_default_timeout(20_000)
    speaker.goto(app.url)
    expect(speaker.get_by_role("heading", name="What would you like to know?")).to_be_visible(timeout=SLOW)
    idle(speaker)
    groq.heard = "How many people were hurt on the ferry?"
    groq.says("So many people [1].")
    voiced = len(groq.voiced)
    speaker.get_by_test_id("stChatInputMicButton").click()
    speaker.wait_for_timeout(700)
    speaker.get_by_test_id("stChatInputApproveButton").click()
    expect(speaker.get_by_text("So many people")).to_be_visible(timeout=SLOW)
    idle(speaker)
    assert speaker.get_by_label("Chat message from user").inner_text() == groq.heard
    name, audio = groq.voiced[voiced].body["file"]
    assert name.endswith(".wav")
    assert audio[:4] == b"RIFF"
    choose(speaker, last_answer(speaker).get_by_role("button", name="More"), "Read aloud")
    speaker.wait_for_function("document.querySelector('[data-testid=stAudio]')?.duration > 0")
    address = speaker.get_by_test_id("stAudio").get_attribute("src")
    sound = speaker.evaluate("async url => [...new Uint8Array(await (await fetch(url)).arrayBuffer())]", address)
    assert spoken(bytes(sound)).strip() == "So many people."
    context.close()


def test_where_no_model_hears_or_speaks_there_is_no_microphone_and_nothing_to_listen_to(
    tmp_path: Path, open_page: Callable[..., Page]
) -> None:
    with (
        GroqServer(keys=[KEY], models=MODELS[:2]) as silent,
        AppServer(tmp_path, GROQ_API_KEY=KEY, GROQ_BASE_URL=silent.url) as quiet,
    ):
        page = open_page(quiet.url)
        load_sample(page)
        answered(page, silent, "It struck the quay [1].")
        assert silent.listings
        assert page.get_by_test_id("stChatInputMicButton").count() == 0
        last_answer(page).get_by_role("button", name="More").click()
        expect(page.get_by_role("menuitem", name="What was sent")).to_be_visible()
        assert page.get_by_role("menuitem", name="Read aloud").count() == 0


# ---------------------------------------------------------------- the keyboard


USED = ("button", "link", "textbox", "combobox", "checkbox", "switch", "radio", "menuitem", "slider")


def nameless(page: Page) -> list[tuple[str, str]]:
    """What the accessibility tree holds that can be used and has no name, or only that of its picture."""
    client = page.context.new_cdp_session(page)
    nodes = client.send("Accessibility.getFullAXTree")["nodes"]
    client.detach()
    used = [
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in nodes
        if not node.get("ignored") and node.get("role", {}).get("value") in USED
    ]
    assert len(used) > 10
    return [(role, name) for role, name in used if not name.strip() or re.fullmatch(r"[a-z_]+ icon", name)]


def test_whatever_can_be_used_has_a_name_and_is_reached_with_tab(page: Page, groq: GroqServer) -> None:
    answered(page, groq, "The first version [1].")
    groq.says("The second version [1].")
    choose(page, last_answer(page).get_by_role("button", name="More"), "Ask again")
    expect(page.get_by_text("2 of 2")).to_be_visible(timeout=SLOW)
    idle(page)
    assert nameless(page) == []
    reached: set[str] = set()
    page.evaluate("document.activeElement.blur()")
    name = """() => {
        let at = document.activeElement;
        while (at.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
        return at.getAttribute('aria-label') || at.innerText || at.placeholder || at.textContent || at.tagName;
    }"""
    for _ in range(90):
        page.keyboard.press("Tab")
        reached.add(str(page.evaluate(name)).strip())
    everything = "\n".join(reached)
    for wanted in (
        "New chat",
        "Search chats",
        "Chat menu",
        "Ask about the news",
        "More",
        "Front page",
        "Copy",
        "Earlier",
        "Details",
    ):
        assert wanted in everything, (wanted, reached)
