"""What a model writes becomes Markdown with our links alone, whatever it writes and however it is cut."""

from __future__ import annotations

import re
from itertools import pairwise
from time import perf_counter

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from llm.citations import HOLD, Citation, Linker, draw, numbered, unmarked
from llm.markdown import JOINER
from tests.llm.passages import a_passage, passages

PASSAGES = passages(4)
PIECES = st.sampled_from(
    [
        *"$:[](){}<>*_`~!#|\\-+.&@/ \"'=^1aw\n\r\t", "\n\n", "www", "www.", "http://", "https:", "//e.test", "material",
        "smile", ":red[", "```", "```\n", "\n```", "~~~\n", "![", "](", "](http://e.test/i.png)", "[1]", "[2](http://e)",
        "[1, 3-4]", "[9]", "$$", "<b>", "<br>", "&lt;", "&#58;", ":material/home:", "\n- ", "\n1. ", "\n2024. ", "\n> ",
        "> ```\n", "\n# ", "\n|a|b|\n|-|:-:|\n|", "`a|", "    ", "\n    ", "foo@", "[x]: http://e.test\n", "[^2]",
        ":::n\n",
        "\u2028", "\u2060", "【1】", "［2］", "【3†L1-L5】", "\\\\", "word ", "\n---\n", "**bold**", "\ud800", "(x)",
    ]
)  # fmt: skip
written = st.lists(PIECES, max_size=40).map("".join)


def a_link(n: int) -> str:
    return f'[&#91;{n}&#93;](https://outlet{n}.test/{n} "Outlet {n}\\: Headline {n}")'


def streamed(text: str, cuts: list[int]) -> tuple[str, tuple[int, ...]]:
    linker = Linker(PASSAGES)
    places = sorted({min(cut, len(text)) for cut in cuts} | {0, len(text)})
    pieces = [linker.feed(text[start:end]) for start, end in pairwise(places)]
    return "".join(pieces) + linker.close(), linker.cited


@settings(max_examples=300, deadline=None)
@given(written, st.lists(st.integers(0, 300), max_size=40))
def test_the_way_deltas_are_cut_makes_no_difference(text, cuts):
    whole = Linker(PASSAGES)
    assert streamed(text, cuts) == (whole.feed(text) + whole.close(), whole.cited)


@settings(max_examples=100, deadline=None)
@given(written)
@example("a" * 290 + "[1]" + "b" * 20)
@example("[" + "a" * 400 + "](http://e.test)")
@example("```" + "a" * 400 + "\nx")
@example(" " * 400 + "- a")
def test_one_character_at_a_time_is_no_different(text):
    whole = Linker(PASSAGES)
    assert streamed(text, list(range(len(text)))) == (whole.feed(text) + whole.close(), whole.cited)


def outside_code(markdown: str) -> str:
    """The Markdown without fenced code and code spans, as a parser would leave them out."""
    lines, fence = [], ""
    for line in markdown.split("\n"):
        run = re.match(r" {0,3}(`{3,}|~{3,})", line)
        if fence:
            if run and run[1].startswith(fence) and not line.strip().strip(fence[0]):
                fence = ""
        elif run and not (run[1][0] == "`" and "`" in line.strip().lstrip("`")):
            fence = run[1]
        else:
            # Behind an even number of backslashes a backtick still opens code: they escape one another.
            lines.append(re.sub(r"(?<![\\`])((?:\\\\)*)(`+)(?!`)([^\n]*?)(?<!`)\2(?!`)", r"\1", line))
    return "\n".join(lines)


@settings(max_examples=300, deadline=None)
@given(written)
@example("\\\\`foo@`")
@example("\\> ```\n")
def test_nothing_the_model_writes_becomes_a_link_a_picture_or_a_formula(text):
    prose = outside_code(draw(text, PASSAGES))
    for n in range(1, 5):
        prose = prose.replace(a_link(n), "")
    assert not re.search(r"[\[\]<$]", prose)
    assert not re.search(r"(?<!\\)(?:\\\\)*(?<!\\)[~!]", prose)
    assert not re.search(r"https?\\?:\\?/\\?/|www\\?\.|@(?!\u2060)", prose, re.IGNORECASE)
    assert not re.search(r"(?<!\\)&(?!#\d\d;|lt;|gt;)", prose)
    assert not re.search(r":(?:material[/_]\w+|streamlit|smile)\\?:", prose)


@settings(max_examples=100, deadline=None)
@given(written)
def test_a_fence_in_the_first_column_is_always_closed(text):
    opened = ""
    for line in draw(text, PASSAGES).split("\n"):
        if not opened and re.fullmatch("`{3,}|~{3,}", line):
            opened = line
        elif opened and re.fullmatch(r" {0,3}" + re.escape(opened) + re.escape(opened[0]) + r"*\s*", line):
            opened = ""
    assert opened == ""


@given(st.lists(st.sampled_from([*"[`!<(", "[a", "](", "\\"]), max_size=600).map("".join))
@settings(max_examples=50, deadline=None)
def test_never_more_than_the_bound_is_kept_back(text):
    linker = Linker(PASSAGES)
    shown = ""
    for character in text:
        shown += linker.feed(character)
        assert len(linker._held) < HOLD


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("Fact [1].", f"Fact {a_link(1)}."),
        ("Both [1][2].", f"Both {a_link(1)}{a_link(2)}."),
        ("Both [1, 2].", f"Both {a_link(1)}{a_link(2)}."),
        ("All [1-3], and [2–4]", f"All {a_link(1)}{a_link(2)}{a_link(3)}, and {a_link(2)}{a_link(3)}{a_link(4)}"),
        ("A note [^2].", f"A note {a_link(2)}."),
        ("Wide 【1】［2］【3†L1-L5】.", f"Wide {a_link(1)}{a_link(2)}{a_link(3)}."),
        ("[ 4 ]", a_link(4)),
        ("[1](https://evil.test)", a_link(1)),
        ("![x][1]", f"\\!&#91;x&#93;{a_link(1)}"),
        ("Wow![1]", f"Wow\\!{a_link(1)}"),
        ("**[1]** _[2]_", f"**{a_link(1)}** _{a_link(2)}_"),
        ("[see [2] there](https://evil.test)", f"see {a_link(2)} there"),
    ],
)
def test_known_numbers_become_our_links(text, markdown):
    assert draw(text, PASSAGES) == markdown


@pytest.mark.parametrize(
    "text", ["[5]", "[0]", "[2026]", "[5-9]", "[99](https://evil.test)", "【7】", "(1)", "1", "[a1]", "[]"]
)
def test_unknown_numbers_stay_text(text):
    linker = Linker(PASSAGES)
    markdown = linker.feed(text) + linker.close()
    assert "](" not in markdown
    assert linker.cited == ()


def test_of_mixed_numbers_only_the_known_ones_are_links():
    assert draw("[1, 9]", PASSAGES) == f"{a_link(1)}&#91;9&#93;"


def test_cited_numbers_come_in_order_of_first_appearance():
    linker = Linker(PASSAGES)
    linker.feed("[3] [1] [3] [9] `[2]`.")
    linker.close()
    assert linker.cited == (3, 1)
    assert linker.citations == (Citation(3, PASSAGES[2]), Citation(1, PASSAGES[0]))


def test_a_passage_without_an_address_is_cited_as_text():
    linker = Linker([a_passage(1, url=""), a_passage(2, url="javascript:alert(1)")])
    assert linker.feed("A [1], b [2].") + linker.close() == "A &#91;1&#93;, b &#91;2&#93;."
    assert linker.cited == (1, 2)


def test_a_hostile_headline_stays_in_the_title_of_its_link():
    passage = a_passage(1, feed='A "B"', title="x](https://evil.test) ![y](z)\n$5$ :smile:")
    markdown = draw("[1]", [passage])
    assert markdown.startswith('[&#91;1&#93;](https://outlet1.test/1 "A \\"B\\"\\: x&#93;(https')
    assert not re.search(r"[\[\]<$\n]", markdown.removeprefix("[").replace("](", "", 1))


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("![a cat](https://evil.test/c.png)", "a cat"),
        ("[here](https://evil.test)", "here"),
        ('[here](<https://evil.test> "t")', "here"),
        ("[Mr Smith](the minister) left", "&#91;Mr Smith&#93;(the minister) left"),
        ("[x][ref]", "&#91;x&#93;&#91;ref&#93;"),
        ("<img src=x>", "&lt;img src=x>"),
        ("a<br>b<br/>c<BR />d", "a b c d"),
        ("$5 and $6", "&#36;5 and &#36;6"),
        (":red[x]", "\\:red&#91;x&#93;"),
        (":smile:", f"\\:smile{JOINER}\\:"),
        (":material/home:", f"\\:material{JOINER}/home{JOINER}\\:"),
        ("at 10:30:45", "at 10\\:30\\:45"),
        ("https://evil.test/a", f"https\\:{JOINER}//evil.test/a"),
        ("http:![x](y)//evil.test", "http\\:x//evil.test"),
        ("http:![/](y)/evil.test", f"http\\:{JOINER}//evil.test"),
        ("ww![w](y).evil.test", f"www{JOINER}.evil.test"),
        ("a@b.test", f"a\\@{JOINER}b.test"),
        ("~5 to ~6", "\\~5 to \\~6"),
        ("&lt;b&gt; AT&T", "\\&lt;b\\&gt; AT\\&T"),
        ("\\[1\\] \\* \\x", "&#91;1&#93; \\* &#92;x"),
        ("\\【1】", "【1】"),
        ("\u202egnol\u2060 \u200bx", "gnol x"),
        ("[^a]: note", "&#91;^a&#93;\\: note"),
        ("[a]: https://evil.test", f"&#91;a&#93;\\: https\\:{JOINER}//evil.test"),
    ],
)
def test_what_is_not_plain_text_is_shown_as_text(text, markdown):
    assert draw(text, PASSAGES) == markdown


@pytest.mark.parametrize(
    "text",
    [
        "One.\n\nTwo, *three* and **four**.\n",
        "- a\n- b\n  - c\n\n    more of c\n\n1. d\n   - e\n",
        "> quoted\n> again\n",
        "| a | b |\n|:--|--:|\n| 1 | `x` |\n",
        "Code `a*b[1]` here.",
        "```\nx = [1] ![y](z) $5 <b>\n```\n",
        "~~~\nx\n~~~\n",
        "a  \nb",
        "---\n",
    ],
)
def test_useful_markdown_passes_unchanged(text):
    assert draw(text, PASSAGES) == text


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("# One\n## Two\n##### Five", "### One\n#### Two\n###### Five"),
        ("#hash", "\\#hash"),
        ("2024. What a year", "2024\\. What a year"),
        ("    not code [1]", f"not code {a_link(1)}"),
        ("- a\n\n          not code [1]", f"- a\n\n  not code {a_link(1)}"),
        ("```mermaid\ngraph\n```\n", "```\ngraph\n```\n"),
        ("~~~math\nx\n~~~\n", "~~~\nx\n~~~\n"),
        ("- a\n  ```py\n  x\n  ```\n- b", "- a\n```\n  x\n```\n- b"),
        ("> ```\n> x\n> ```\nafter [1]", f"> \n```\nx\n```\nafter {a_link(1)}"),
        ("> ```\n> x\nafter [1]", f"> \n```\nx\n```\nafter {a_link(1)}"),
        ("```\nnever closed [1]", "```\nnever closed [1]\n```\n"),
        ("```\na\n~~~\n``\n````\nb [1]", f"```\na\n~~~\n``\n```\nb {a_link(1)}"),
        ("| `a|![x](https://evil.test/i.png)` |", "| \\`a|x\\` |"),
        ("a `never closed [1]\nb` [2]", f"a \\`never closed {a_link(1)}\nb\\` {a_link(2)}"),
    ],
)
def test_markdown_is_put_down_so_that_nothing_can_open_it_up(text, markdown):
    assert draw(text, PASSAGES) == markdown


def test_text_is_shown_as_it_comes_and_only_the_undecided_waits():
    linker = Linker(PASSAGES)
    assert [linker.feed(delta) for delta in ("Oil ", "rose ", "[", "1", "]", ". ", "![pic", "](htt", "p://x)")] == [
        "Oil ", "rose ", "", "", "", f"{a_link(1)}. ", "", "", "pic",
    ]  # fmt: skip


def test_the_time_for_hostile_brackets_grows_no_faster_than_their_number():
    def seconds(times: int) -> float:
        start = perf_counter()
        assert len(draw("[[[[[[![a](b" * times, PASSAGES)) > 12 * times
        return perf_counter() - start

    assert seconds(2_000) < 40 * seconds(200)


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("Oil rose [1][2]. Gas [1, 3] fell [^2].", "Oil rose. Gas fell."),
        ("Wide【1】 and ［2］ and 【3†L1】.", "Wide and and."),
        ("In [2026a] (1) \\[3\\]", "In [2026a] (1) \\[3\\]"),
    ],
)
def test_older_answers_lose_their_numbers(text, bare):
    assert unmarked(text) == bare


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("It rained [1].", "It rained [1]."),
        ("It rained [1, 2] and froze 【3†L1-L4】.", "It rained [1][2] and froze [3]."),
        ("All of it [1-3]", "All of it [1][2][3]"),
        ("Not ours [7], nor [1, 9].", "Not ours [7], nor [1, 9]."),
    ],
)
def test_every_form_of_a_citation_becomes_one(written: str, plain: str) -> None:
    assert numbered(written, 3) == plain
