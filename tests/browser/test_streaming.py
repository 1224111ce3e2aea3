"""How an answer comes onto the page: block by block, without a jump, told while it waits, heard once."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.app_server import AppServer
from tests.browser.conftest import KEY
from tests.browser.test_ask import QUESTION, answer_of, ask, idle, load_sample
from tests.groq_server import GroqServer

EVERY_KIND = """The ferry struck the quay at dawn [1]. Nobody was hurt, and the harbour was closed while divers looked.

### What is known

The port says so [2]. **Bold** and *emphasis* here.

- first item of a list
- second item [1]

  with a second paragraph

- third item

After the list.

1. one
2. two

> A quote of somebody.

| a | b |
|---|---|
| 1 | 2 |

```
code here
  more
```

The end of it [3].
"""
SPOKEN_TOO = "\n\n### Head\n\n- and **bold** [1][2].\n> well-known 2 - 1\n\n| a | b |\n|---|:-:|\n| 1 | 2 |\n"
PLACES = """() => {
    const answer = [...document.querySelectorAll('[data-testid="stChatMessage"]')].at(-1);
    const top = answer.getBoundingClientRect().top;
    return [...answer.querySelectorAll('[data-testid="stMarkdown"] :is(p, h3, h4, h5, li, table, pre, blockquote)')]
        .filter(part => !part.closest('[data-testid="stExpander"]'))
        .map(part => {
            const box = part.getBoundingClientRect();
            return [part.tagName, part.textContent, Math.round(box.top - top), Math.round(box.height)];
        });
}"""
# At each frame: the height of the newest answer, and where its paragraphs, headings and items begin.
WATCH = """() => {
    window.frames_seen = [];
    const look = () => {
        const answers = document.querySelectorAll('[data-testid="stChatMessageContent"]');
        if (answers.length === 2) {
            const top = answers[1].getBoundingClientRect().top;
            const parts = [...answers[1].querySelectorAll('[data-testid="stMarkdown"] :is(p, h5, li)')];
            window.frames_seen.push([
                answers[1].getBoundingClientRect().height,
                parts.map(part => part.getBoundingClientRect().top - top),
            ]);
        }
        window.looking = requestAnimationFrame(look);
    };
    look();
}"""
# The seconds that are told to be left, each once.
COUNTDOWN = """() => {
    window.countdown = [];
    new MutationObserver(() => {
        const told = document.body.textContent.match(/Going on in (\\d+) s/);
        if (told && window.countdown.at(-1) !== Number(told[1])) window.countdown.push(Number(told[1]));
    }).observe(document.body, {subtree: true, childList: true, characterData: true});
}"""
# What is put into live regions of closed shadow roots, as a screen reader would hear it.
HEAR = """
    window.heard = [];
    const attach = Element.prototype.attachShadow;
    Element.prototype.attachShadow = function (how) {
        const root = attach.call(this, how);
        if (how.mode === "closed")
            new MutationObserver(() => root.textContent && window.heard.push(root.textContent))
                .observe(root, {subtree: true, childList: true, characterData: true});
        return root;
    };
"""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, groq: GroqServer) -> Iterator[AppServer]:
    """The app with room for one answer at a time, answering from the test's model server."""
    folder = tmp_path_factory.mktemp("streaming")
    with AppServer(folder, GROQ_API_KEY=KEY, GROQ_BASE_URL=groq.url, ANSWERS_AT_ONCE="1") as server:
        yield server


@pytest.fixture
def page(app: AppServer, open_page: Callable[..., Page]) -> Page:
    """A new conversation about the sample edition."""
    page = open_page(app.url)
    load_sample(page)
    idle(page)
    return page


def last_answer(page: Page) -> Locator:
    return page.get_by_label("Chat message from assistant").last


def stop(page: Page) -> None:
    page.get_by_role("button", name="Stop script").click()
    idle(page)


def frames_of(page: Page) -> list[bytes]:
    """What comes on the page's websocket from now on, message by message; the list grows."""
    frames: list[bytes] = []
    client = page.context.new_cdp_session(page)
    client.send("Network.enable")
    client.on(
        "Network.webSocketFrameReceived",
        lambda event: frames.append(base64.b64decode(event["response"]["payloadData"] + "==")),
    )
    return frames


def test_a_finished_paragraph_is_not_sent_again(page: Page, groq: GroqServer) -> None:
    deltas = [f"word{n:04} " if n % 100 else f"word{n:04}.\n\n" for n in range(1, 2_001)]
    frames = frames_of(page)
    groq.says(deltas=deltas, per_second=500)
    ask(page, QUESTION)
    expect(page.get_by_text("word2000")).to_be_visible(timeout=60_000)
    idle(page)
    assert sum(map(len, frames)) < 8 * sum(map(len, deltas))
    markdown = [frame for frame in frames if b"word" in frame and b"plain_answer" not in frame]
    # When the answer has ended the page is drawn anew, once, with what stands below it.
    last = next(place for place, frame in enumerate(markdown) if b"word2000" in frame)
    markdown = markdown[: 1 + last]
    for paragraph in range(20):
        first = f"word{100 * paragraph + 1:04} ".encode()
        places = [place for place, frame in enumerate(markdown) if first in frame]
        assert places
        assert places == list(range(places[0], places[-1] + 1))
    assert last_answer(page).locator("p").filter(has_text=re.compile(r"word\d{4}")).count() == 20


def test_a_replayed_answer_looks_like_the_streamed_one(page: Page, groq: GroqServer) -> None:
    groq.says(EVERY_KIND, per_second=100)
    ask(page, QUESTION)
    expect(page.get_by_text("The end of it")).to_be_visible()
    expect(last_answer(page).locator("pre")).to_be_visible()
    idle(page)
    streamed = page.evaluate(PLACES)
    page.reload()
    expect(page.get_by_text("The end of it")).to_be_visible()
    expect(last_answer(page).locator("pre")).to_be_visible()
    idle(page)
    page.wait_for_function(f"places => JSON.stringify(({PLACES})()) === JSON.stringify(places)", arg=streamed)
    assert [place[0] for place in streamed].count("LI") == 5


def test_nothing_jumps_while_an_answer_comes(page: Page, groq: GroqServer) -> None:
    # Not a list that becomes a loose one: that is another list.
    deltas = re.findall(
        r"\S+\s*",
        EVERY_KIND.partition("> A quote")[0].replace("\n\n  with", " with").replace("\n\n- third", "\n- third") * 3,
    )
    groq.says(deltas=[*deltas, "The end."], per_second=60, reasoning="They ask for ferries.")
    page.evaluate(WATCH)
    ask(page, QUESTION)
    expect(page.get_by_text("The end.")).to_be_visible()
    seen: list[tuple[float, list[float]]] = page.evaluate("cancelAnimationFrame(window.looking), window.frames_seen")
    idle(page)
    assert len(seen) > 20
    for (height, tops), (later, tops_later) in pairwise(seen):
        assert later >= height - 1
        assert all(abs(was - now) < 1 for was, now in zip(tops, tops_later, strict=False))


def test_a_wait_is_counted_down_and_then_answered(page: Page, groq: GroqServer) -> None:
    asked = groq.count
    groq.fails(429, retry_after=6, message="Rate limit reached on tokens per minute (TPM)")
    groq.says("After the pause [1].")
    page.evaluate(COUNTDOWN)
    ask(page, QUESTION)
    expect(page.get_by_text("After the pause")).to_be_visible()
    expect(page.get_by_text("Going on in")).to_have_count(0)
    idle(page)
    seconds: list[int] = page.evaluate("window.countdown")
    assert len(seconds) > 2
    assert all(later < before for before, later in pairwise(seconds))
    assert groq.count == asked + 2


def test_stop_ends_a_wait_and_nothing_is_asked_again(page: Page, groq: GroqServer) -> None:
    asked = groq.count
    groq.fails(429, retry_after=8, message="Rate limit reached on tokens per minute (TPM)")
    ask(page, QUESTION)
    expect(page.get_by_text("Going on in")).to_be_visible()
    stop(page)
    page.reload()
    expect(page.get_by_text("You stopped this answer.")).to_be_visible()
    # It is stored as stopped when its thread has ended, so nobody is left who could ask.
    assert groq.count == asked + 1
    assert page.get_by_label("Chat message from user").inner_text() == QUESTION


def test_who_waits_for_a_turn_is_told_the_place(
    app: AppServer, page: Page, groq: GroqServer, open_page: Callable[..., Page]
) -> None:
    groq.says(deltas=[f"long{n:03} " for n in range(600)], per_second=20)
    groq.says("Now it is mine [1].")
    ask(page, QUESTION)
    expect(page.get_by_text("long010")).to_be_visible()
    second, third = open_page(app.url), open_page(app.url)
    for place, waiting in enumerate((second, third), start=1):
        ask(waiting, QUESTION)
        expect(waiting.get_by_text(f"1 answer is being written; yours is number {place} in line.")).to_be_visible()
    asked = groq.count
    stop(second)
    expect(third.get_by_text("yours is number 1 in line.")).to_be_visible()
    assert groq.count == asked
    stop(page)
    expect(third.get_by_text("Now it is mine")).to_be_visible()
    expect(third.get_by_text("in line")).to_have_count(0)
    second.reload()
    expect(second.get_by_text("You stopped this answer.")).to_be_visible()


def test_what_the_model_thinks_is_folded_and_gone_with_the_first_word(page: Page, groq: GroqServer) -> None:
    groq.says(
        "Here it is [1].", reasoning=["They ask for <b>ferries</b>.\n", "Passage $1$ says it."], mode="stall", after=0
    )
    ask(page, QUESTION)
    thinking = last_answer(page).get_by_text("Thinking")
    expect(thinking).to_be_visible()
    expect(page.get_by_text("Passage $1$ says it.")).not_to_be_visible()
    thinking.click()
    expect(page.get_by_text("They ask for <b>ferries</b>.")).to_be_visible()
    expect(page.get_by_text("Passage $1$ says it.")).to_be_visible()
    groq.release()
    expect(page.get_by_text("Here it is")).to_be_visible()
    expect(page.get_by_text("Thinking")).to_have_count(0)
    idle(page)
    page.reload()
    expect(page.get_by_text("Here it is")).to_be_visible()
    assert "They ask for" not in page.content()


def test_a_finished_answer_is_heard_once_and_can_be_copied(
    app: AppServer, groq: GroqServer, open_page: Callable[..., Page]
) -> None:
    page = open_page(app.url)
    page.context.add_init_script(HEAR)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(app.url)
    load_sample(page)
    client = page.context.new_cdp_session(page)
    client.send("Accessibility.enable")
    hosts: set[str] = set()
    page.on("request", lambda request: hosts.add(request.url.split("/")[2] if "//" in request.url else ""))

    def told() -> list[Any]:
        nodes = client.send("Accessibility.getFullAXTree")["nodes"]
        regions = {node["nodeId"] for node in nodes if node.get("role", {}).get("value") == "status"}
        return [node["name"]["value"] for node in nodes if node.get("parentId") in regions]

    groq.says(deltas=[f"heard{n:02} " for n in range(40)] + [SPOKEN_TOO], per_second=40)
    ask(page, QUESTION)
    expect(page.get_by_text("heard20")).to_be_visible()
    assert page.evaluate("window.heard") == []
    expect(page.get_by_text("heard39")).to_be_visible()
    page.wait_for_function("window.heard.length")
    spoken = " ".join(f"heard{n:02}" for n in range(40)) + "\nHead\nand bold.\nwell-known 2 - 1\na b\n1 2"
    assert told() == [spoken.replace("\n", " ")]
    idle(page)
    page.get_by_placeholder("Search chats").fill("nothing like it")
    page.get_by_placeholder("Search chats").press("Enter")
    expect(page.get_by_text("No chat with these words.")).to_be_visible()
    idle(page)
    last_answer(page).get_by_role("button", name="Copy").click()
    expect(last_answer(page).get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("heard00 heard01")
    assert "\n\n- and **bold** [1][2]." in copied
    assert re.search(r"\| 1 \| 2 \|\n\n\[1\] .+ https://\S+\n\[2\] .+ https://\S+$", copied)
    assert page.evaluate("window.heard") == [spoken]
    page.reload()
    expect(page.get_by_text("heard39")).to_be_visible()
    idle(page)
    assert page.evaluate("window.heard") == []
    assert "heard39" in answer_of(page)
    assert hosts == {app.url.removeprefix("http://")}
