"""Marks stand where claims end, and nothing that an answer holds can become one or break one."""

from __future__ import annotations

import random
import re
from collections import Counter
from datetime import UTC, datetime

import pytest
from markdown_it import MarkdownIt

from llm.citations import draw
from llm.grounding import review
from llm.marks import Marked, mark
from news.types import Passage

PASSAGES = [
    Passage(
        1, "Ferry hits quay", "Forty-one people were hurt when the ferry struck the quay on Monday, the hospital said.",
        "https://one.example/1", "One", datetime(2026, 6, 2, tzinfo=UTC),
    ),
    Passage(
        2, "Oil", "Oil rose 4 percent to 91 dollars after the strait was closed, traders said.", "https://two.example/2",
        "Two", datetime(2026, 6, 2, tzinfo=UTC),
    ),
]  # fmt: skip
HURT = "Forty-one people were hurt when the ferry struck the quay [1]."
WRONG = "Fifty-three people were hurt when the ferry struck the quay [1]."
UNFOUND = "The banks of Geneva closed for a week [2]."
UNCITED = "Oil rose 4 percent to 91 dollars after the strait was closed."
SIGN = ":gray[:small[:material/search_off:]]"
GOOD = ":gray[:small[:material/check:]]"


def marked(answer: str, *, hide: bool = False) -> Marked:
    return mark(answer, PASSAGES, [checked.as_dict() for checked in review(answer, PASSAGES)], hide=hide)


def plain(markdown: str) -> str:
    """Without links' addresses."""
    markdown = re.sub(r"\[&#91;(\d)&#93;\]\([^\s]+ \"[^\"]*\"\)", r"[\1]", markdown)
    return re.sub(r"\[(:\w+\[:small\[[^\[\]]*\]\])\]\(#c\d+ \"[^\"]*\"\)", r"\1", markdown)


def test_what_is_supported_has_a_faint_sign() -> None:
    assert marked(HURT) == Marked(f'{draw(HURT, PASSAGES)} [{GOOD}](#c1 "Supported: see why")')


def test_a_mark_leads_to_the_number_of_its_check() -> None:
    found = marked(f"{HURT} {UNFOUND}\n\n- {WRONG}\n- Short.\n- {UNCITED}").markdown
    assert re.findall(r"\(#c(\d+) \"(\w+)", found) == [
        ("1", "Supported"),
        ("2", "Not"),
        ("3", "Contradicted"),
        ("4", "Supported"),
    ]
    assert mark("", PASSAGES, []) == Marked("")
    assert mark(HURT, PASSAGES, []) == Marked(draw(HURT, PASSAGES))


def test_what_no_passage_says_is_dimmed_with_its_citation() -> None:
    assert plain(marked(f"{HURT} {UNFOUND} {HURT}").markdown) == (
        f"{HURT} {GOOD} :gray[{UNFOUND}] {SIGN} {HURT} {GOOD}"
    )


def test_a_contradicted_claim_says_what_the_passage_has() -> None:
    assert "passage 1 has “Forty\\-one”" in marked(WRONG).markdown


def test_a_passage_found_by_the_program_is_cited_as_found() -> None:
    assert plain(marked(UNCITED).markdown) == f"{UNCITED} :gray[:small[found]] [2]"
    assert "https://two.example/2" in marked(UNCITED).markdown


def test_what_a_later_sentence_of_its_line_cites_was_not_found_by_the_program() -> None:
    told = plain(marked(f"{UNCITED} Traders said so [1, 2].\n\n{UNCITED}\n[2] too.").markdown)
    assert told.startswith(f"{UNCITED} {GOOD} Traders")
    assert f"{UNCITED} :gray[:small[found]] [2]" in told


def test_what_no_article_says_can_be_left_out() -> None:
    answer = f"{HURT} {UNFOUND}\n\n- {UNFOUND}\n- {HURT}\n\n**Zinc fell hard in Peru.** {HURT}"
    without = marked(answer, hide=True)
    assert without.hidden == 3
    assert "Geneva" not in without.markdown
    assert "Peru" not in without.markdown
    assert plain(without.markdown).split() == f"{HURT} {GOOD} - {HURT} {GOOD} {HURT} {GOOD}".split()


def test_a_row_of_a_table_stays_a_row_and_leaves_as_a_row() -> None:
    table = "| what | how much |\n|---|---|\n| ferry hurt | 41 people |\n| Zurich gold bars | 900 tons |\n"
    rows = marked(table).markdown.splitlines()
    assert [row.count("|") for row in rows] == [3, 3, 3, 3]
    assert plain(rows[3]).endswith(f"{SIGN} |")
    assert marked(table, hide=True).markdown.splitlines() == draw(table, PASSAGES).splitlines()[:2] + rows[2:3]


def test_a_mark_never_stands_inside_code() -> None:
    answer = "The banks closed in Geneva: `see. The vaults too.` Then zinc fell in Peru."
    found = marked(answer).markdown
    assert all(":gray" not in span for span in re.findall("`[^`]*`", found))


def test_what_a_claim_emphasizes_is_dimmed_as_a_whole() -> None:
    assert plain(marked("**Zinc fell hard in Peru.** It rained a lot there.").markdown).startswith(
        f":gray[**Zinc fell hard in Peru.**] {SIGN} :gray[It rained"
    )


def test_checks_of_another_answer_do_no_harm() -> None:
    checks = [checked.as_dict() for checked in review(f"{UNFOUND} {WRONG} {UNFOUND}", PASSAGES)]
    assert "Short" in mark("Short.", PASSAGES, checks).markdown
    assert mark("", PASSAGES, checks).markdown == ""


PIECES = [
    "**", "*", "_", "`", "~~", "[", "]", "](", ")", "(", "{", "}", ":gray[", ":", "$", "|", "\n", "\n\n", "- ", "> ",
    "1. ", "# ", "<b>", "![x](https://evil.example/p.png)", "[1]", "[2]", "[99]", "\\", "\U000f0000", "\U000f0003",
    " ", " ", ". ", "! ", "Oil rose 4 percent.", "Zinc fell in Peru.", HURT, WRONG, UNFOUND, UNCITED, "```\n", "。",
]  # fmt: skip


@pytest.mark.parametrize("seed", range(300))
def test_whatever_an_answer_holds_marks_add_only_marks(seed: int) -> None:
    """Taken out again, what is left is the answer as it is drawn without; and no bracket of ours is left open."""
    chance = random.Random(seed)
    answer = "".join(chance.choice(PIECES) for _ in range(chance.randrange(1, 30)))
    checks = [checked.as_dict() for checked in review(answer, PASSAGES)]
    found = mark(answer, PASSAGES, checks).markdown
    without = draw(re.sub("[\U000f0000-\U000ffffd]", "\ufffd", answer), PASSAGES)
    assert not re.search("[\U000f0000-\U000ffffd]", found)
    left = letters(without)
    for letter in letters(found):  # what was drawn without marks is still there, in its order
        left = left.removeprefix(letter)
    assert left == ""
    assert found.count("\n") == without.count("\n")
    added = Counter(found) - Counter(without)
    assert added["["] == added["]"]
    (code, links), (code_without, links_without) = live(found), live(without)
    assert code == code_without
    assert links <= links_without | {passage.url for passage in PASSAGES} | {f"#c{n + 1}" for n in range(len(checks))}


def live(markdown: str) -> tuple[list[str], set[str]]:
    """What a parser finds in it: the contents of code, and where links and pictures lead."""
    tokens = [
        token
        for block in MarkdownIt("commonmark").enable("table").parse(markdown)
        for token in (block, *(block.children or ()))
    ]
    code = [token.content for token in tokens if token.type in ("code_inline", "fence", "code_block")]
    return code, {str(value) for token in tokens for name, value in token.attrs.items() if name in ("href", "src")}


def letters(markdown: str) -> str:
    return re.sub(r"\s", "", markdown)


@pytest.mark.parametrize("seed", range(100))
def test_left_out_or_not_nothing_is_raised_and_no_place_is_left(seed: int) -> None:
    chance = random.Random(1_000 + seed)
    answer = "".join(chance.choice(PIECES) for _ in range(chance.randrange(1, 40)))
    checks = [checked.as_dict() for checked in review(answer, PASSAGES)]
    found = mark(answer, PASSAGES, checks, hide=True)
    assert not re.search("[\U000f0000-\U000ffffd]", found.markdown)
    assert found.hidden <= len(checks)
