"""What a reader sees of the checks: marks, quotes, what is left out; a correction; the evidence, checked again."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.app_server import ROOT, AppServer
from tests.browser.conftest import SCREENSHOTS
from tests.browser.test_ask import QUESTION, ask, choose, idle, load_sample
from tests.groq_server import GroqServer

HURT = "The number of people hurt when the ferry Lady Corran struck the north breakwater has risen to 41 [1]."
WRONG = "The number of people hurt when the ferry Lady Corran struck the breakwater has risen to 53 [1]."
UNFOUND = "The captain was seen drinking whisky in a bar of Lisbon [2]."
UNCITED = "Four people are in intensive care."
ANSWER = f"""{HURT} {UNFOUND}

- **{WRONG}**
- {UNCITED}

| what | how many |
|---|---|
| Hurt in the ferry accident | 41 |
| Gold bars lost in Zurich | 900 |
"""


def answered(page: Page, groq: GroqServer, text: str = ANSWER) -> Locator:
    groq.says(text)
    ask(page, QUESTION)
    answer = page.get_by_label("Chat message from assistant").last
    expect(answer.get_by_text(re.compile(r"^\d+ claims?:"))).to_be_visible()
    idle(page)
    return answer


def text_of(answer: Locator) -> str:
    return answer.locator("[class*=st-key-answer-]").inner_text()


def test_marks_say_what_no_passage_bears_out_and_a_reload_shows_the_same(page: Page, groq: GroqServer) -> None:
    answer = answered(page, groq)
    dimmed = answer.locator("[class*=st-key-answer-] .stMarkdownColoredText", has_text="whisky")
    expect(dimmed.first).to_be_visible()
    expect(answer.get_by_text("passage 1 has “41”")).to_be_visible()
    expect(answer.locator("li", has_text="intensive care").get_by_text("found")).to_be_visible()
    assert answer.locator("li", has_text="intensive care").locator("a[href^=http]").count() == 1
    assert answer.locator("table tbody tr").count() == 2
    expect(answer.locator("tr", has_text="Zurich").get_by_role("img", name="search_off icon")).to_be_visible()
    assert answer.locator("p", has_text="has risen to 41").locator("a[href^=http]").count() == 2
    streamed = text_of(answer)
    page.reload()
    expect(answer.get_by_text("passage 1 has “41”")).to_be_visible()
    idle(page)
    assert text_of(answer) == streamed


def card_of(page: Page) -> Locator:
    return page.get_by_role("dialog", name="What bears this out")


# Where everything in the answer stands, wherever the page is scrolled to.
PLACES = """() => {
    const parts = [...document.querySelectorAll('[class*=st-key-answer-] *')].map(part => part.getBoundingClientRect());
    return parts.map(box => [box.left, box.top - parts[0].top, box.width, box.height].map(Math.round));
}"""


def test_a_mark_opens_its_quote_beside_it_and_nothing_moves(page: Page, groq: GroqServer) -> None:
    answer = answered(page, groq)
    before, address = page.evaluate(PLACES), page.url
    card = card_of(page)
    wrong = answer.locator("li", has_text="has risen to 53").get_by_role("link", name="Contradicted: see why")
    wrong.click()
    expect(card.get_by_text("number “53”, the passage has “41”")).to_be_visible()
    expect(card.locator("blockquote strong", has_text="hurt").first).to_be_visible()
    expect(card.get_by_role("link", name=re.compile(r"^\[1\] "))).to_have_attribute("href", re.compile("^https://"))
    mark, box = wrong.bounding_box(), card.bounding_box()
    assert mark
    assert box
    assert box["y"] >= mark["y"] + mark["height"] or box["y"] + box["height"] <= mark["y"]
    assert page.url == address
    assert page.evaluate(PLACES) == before
    answer.locator("p", has_text="has risen to 41").get_by_role("link", name="Supported: see why").click()
    expect(card.get_by_text("Supported", exact=True)).to_be_visible()
    expect(card.get_by_text("the passage has")).to_have_count(0)
    assert card.locator("strong").count() > 1
    page.mouse.click(5, 5)
    expect(card).to_be_hidden()


def test_marks_are_reached_named_and_opened_by_keyboard_alone(page: Page, groq: GroqServer) -> None:
    answer = answered(page, groq)
    marks = answer.locator("[class*=st-key-answer-] a[href^='#c']")
    expect(marks.last).to_have_accessible_name(re.compile(": see why$"))
    names = [mark.get_attribute("aria-label") for mark in marks.all()]
    assert len(names) == 6
    assert {name.partition(":")[0] for name in names if name} == {"Supported", "Contradicted", "Not found"}
    found = answer.locator("li", has_text="intensive care").get_by_role("link", name="Supported: see why")
    answer.locator("li", has_text="has risen to 53").get_by_role("link", name="Contradicted: see why").focus()
    page.keyboard.press("Tab")
    expect(found).to_be_focused()
    page.keyboard.press("Enter")
    card = card_of(page)
    expect(card.get_by_text("found by Broadsheet in passage")).to_be_visible()
    expect(card).to_be_focused()
    page.keyboard.press("Escape")
    expect(card).to_be_hidden()
    expect(found).to_be_focused()


def test_a_block_is_marked_while_the_next_is_written_and_its_mark_can_be_pressed(page: Page, groq: GroqServer) -> None:
    groq.says(deltas=[f"{WRONG}\n\n", *(f"later{n:03} " for n in range(60))], per_second=20)
    ask(page, QUESTION)
    mark = page.get_by_role("link", name="Contradicted: see why")
    mark.click()
    expect(page.get_by_text("later000")).to_be_visible()
    expect(page.get_by_text("later059")).to_have_count(0)
    expect(card_of(page).get_by_text("number “53”, the passage has “41”")).to_be_visible()
    expect(page.get_by_text("later059")).to_be_visible()  # pressing it did not stop the answer
    expect(page.get_by_text("You stopped this answer.")).to_have_count(0)


def test_who_was_given_the_link_opens_the_marks_too(
    app: AppServer, page: Page, groq: GroqServer, open_page: Callable[..., Page]
) -> None:
    answered(page, groq)
    choose(page, page.get_by_role("button", name="Chat menu"), "Share")
    page.get_by_role("button", name="Make the link").click()
    shared = page.get_by_test_id("stSidebar").get_by_test_id("stCode")
    expect(shared).to_be_visible()
    other = open_page(shared.inner_text().strip())
    other.get_by_role("link", name="Contradicted: see why").click()
    expect(card_of(other).get_by_text("number “53”, the passage has “41”")).to_be_visible()


def test_a_claim_opens_into_its_quote_with_the_words_that_carry_it(page: Page, groq: GroqServer) -> None:
    answer = answered(page, groq)
    answer.get_by_text(re.compile(r"^6 claims:")).click()
    expect(answer.get_by_text("no second model was asked")).to_be_visible()
    expect(answer.locator("blockquote strong", has_text="people hurt").first).to_be_visible()
    expect(answer.get_by_text("number “53”, the passage has “41”").first).to_be_visible()


@pytest.mark.parametrize("device", ["desktop", "phone"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_marks_fit_the_screen_in_light_and_dark(
    app: AppServer, groq: GroqServer, open_page: Callable[..., Page], device: str, dark: bool
) -> None:
    page = open_page(app.url, device=device, dark=dark)
    load_sample(page)
    answer = answered(page, groq)
    answer.get_by_text(re.compile(r"^6 claims:")).click()
    expect(answer.get_by_text("no second model was asked")).to_be_visible()
    idle(page)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    contrasts = page.evaluate(CONTRASTS)
    assert contrasts
    assert min(contrasts) >= 4.5, contrasts
    SCREENSHOTS.mkdir(exist_ok=True)
    page.set_viewport_size({"width": page.viewport_size["width"], "height": 1_900})
    answer.screenshot(path=SCREENSHOTS / f"marks-{device}-{'dark' if dark else 'light'}.png")
    page.set_viewport_size({"width": page.viewport_size["width"], "height": 844})
    answer.locator("li", has_text="has risen to 53").get_by_role("link", name="Contradicted: see why").click()
    card = card_of(page)
    expect(card.locator("blockquote")).to_be_visible()
    box = card.bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= page.viewport_size["width"]
    page.screenshot(path=SCREENSHOTS / f"claim-{device}-{'dark' if dark else 'light'}.png")


# The contrast of each dimmed or marked text with the page behind it, as WCAG 2 reckons it.
CONTRASTS = """() => {
    const parts = colour => colour.match(/[\\d.]+/g).slice(0, 3).map(Number);
    const light = colour => {
        const [r, g, b] = parts(colour).map(v => v / 255)
            .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = light(getComputedStyle(document.querySelector('[data-testid="stApp"]')).backgroundColor);
    return [...document.querySelectorAll('[class*=st-key-answer-] .stMarkdownColoredText')].map(part => {
        const own = light(getComputedStyle(part).color);
        return (Math.max(own, behind) + 0.05) / (Math.min(own, behind) + 0.05);
    });
}"""


def test_what_no_article_says_is_hidden_on_wish_and_shown_again(page: Page, app: AppServer, groq: GroqServer) -> None:
    page.get_by_role("link", name="Settings").click()
    page.get_by_text("Hide what no article says").click()
    idle(page)
    page.get_by_role("link", name="Ask", exact=True).click()
    expect(page.get_by_placeholder("Ask about the news")).to_be_visible()
    idle(page)
    answer = answered(page, groq)
    expect(answer.get_by_text("2 sentences hidden that no article says.")).to_be_visible()
    assert "Lisbon" not in text_of(answer)
    assert "Zurich" not in text_of(answer)
    assert "has risen to 41" in text_of(answer)
    answer.get_by_role("button", name="Show", exact=True).click()
    expect(answer.get_by_text("drinking whisky").first).to_be_visible()


def test_a_correction_is_another_version_and_the_first_is_kept(page: Page, groq: GroqServer) -> None:
    answer = answered(page, groq)
    groq.says(f"{HURT} Four people are in intensive care [1].", per_second=20)
    answer.get_by_role("button", name="Correct what was not found").click()
    expect(page.get_by_text("A corrected answer: 3 sentences")).to_be_visible()
    idle(page)
    sent = groq.last.messages
    assert sent[-2] == {"role": "assistant", "content": ANSWER}
    lines = [json.loads(line) for line in sent[-1]["content"].splitlines() if line.startswith("{")]
    assert any("whisky" in line["sentence"] for line in lines)
    assert len(lines) == 3
    expect(page.get_by_text(re.compile("^2 claims: 2 supported"))).to_be_visible()
    assert page.get_by_role("button", name="Correct what was not found").count() == 0
    page.get_by_role("button", name="Earlier").click()
    expect(page.get_by_text("drinking whisky").first).to_be_visible()
    idle(page)
    assert page.get_by_role("button", name="Correct what was not found").count() == 0  # it is asked for once


def test_a_correction_can_be_stopped_or_fail_and_be_tried_again(page: Page, groq: GroqServer) -> None:
    answer = answered(page, groq)
    groq.fails(400, message="No room.")
    answer.get_by_role("button", name="Correct what was not found").click()
    again = page.get_by_role("button", name="Try again")
    expect(again).to_be_visible()
    idle(page)
    groq.says(deltas=["Now ", *(f"part{n:03} " for n in range(400))], per_second=20)
    again.click()
    expect(page.get_by_text("part010")).to_be_visible()
    assert "No passage" not in groq.last.messages[-1]["content"]
    assert "no passage bears out" in groq.last.messages[-1]["content"]
    page.get_by_role("button", name="Stop the answer").click()
    idle(page)
    page.reload()
    expect(page.get_by_text("You stopped this answer.")).to_be_visible()
    expect(page.get_by_text("2 of 2")).to_be_visible()
    page.get_by_role("button", name="Earlier").click()
    expect(page.get_by_text("drinking whisky").first).to_be_visible()


def test_the_evidence_is_exported_opens_without_a_request_and_verifies(
    page: Page, groq: GroqServer, open_page: Callable[..., Page], tmp_path: Path
) -> None:
    answer = answered(page, groq)
    choose(page, answer.get_by_role("button", name="More"), "Evidence")
    for kind in ("HTML", "JSON"):
        with page.expect_download() as coming:
            page.get_by_role("button", name=f"Evidence as {kind}").click()
        file = tmp_path / f"evidence.{kind.lower()}"
        coming.value.save_as(file)
        told = verify(file)
        assert (told.returncode, told.stderr) == (0, "")
        assert told.stdout.startswith("All of it holds: ")
    (tmp_path / "evidence.json").write_text((tmp_path / "evidence.json").read_text().replace("whisky", "water"))
    assert verify(tmp_path / "evidence.json").returncode == 1
    opened = open_page(f"file://{tmp_path / 'evidence.html'}")
    asked: list[str] = []
    opened.on("request", lambda request: asked.append(request.url))
    opened.reload()
    expect(opened.get_by_text("What was checked")).to_be_visible()
    assert opened.locator("mark").count() > 3
    assert asked == [f"file://{tmp_path / 'evidence.html'}"]
    opened.screenshot(path=SCREENSHOTS / "evidence.png", full_page=True)


def verify(file: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "llm", "verify", str(file)], cwd=ROOT, capture_output=True, text=True, check=False
    )
