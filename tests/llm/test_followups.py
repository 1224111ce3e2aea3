"""What to ask next: taken off the stream unseen, and never at the cost of the answer."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from llm.followups import LONGEST, Ending, complete
from tests.llm.passages import a_passage

ANSWER = "Oil rose [1].\n\n- Gas fell [2]."
ASKED = ["Why did gas fall?", "Who sells oil?", "What comes next?"]
BLOCK = "\n\n<next>\n" + "\n".join(ASKED)


def ended(*deltas: str, broken: bool = False) -> tuple[str, list[str]]:
    ending = Ending()
    text = "".join(map(ending.feed, deltas)) + ending.close(broken=broken)
    return text, ending.questions


@pytest.mark.parametrize(
    "block",
    [
        BLOCK,
        BLOCK + "\n",
        BLOCK + "\n</next>\n",
        "\n<NEXT>\n\n1. Why did gas fall?\n2) **Who sells oil?**\n- What comes next? [1]",
        "\n\n**<next>**\n" + "\n".join(ASKED),
        " <next>\r\n" + "\r\n".join(ASKED),
        BLOCK + "\nAnd a fourth one?",
        "\n<next> Why did gas fall?\nWho sells oil?\nWhat comes next?",
    ],
)
def test_the_questions_are_taken_off_the_answer(block):
    text, asked = ended(ANSWER + block)
    assert (text.rstrip(), asked) == (ANSWER, ASKED)


def test_they_are_taken_off_letter_by_letter_and_nothing_of_them_is_seen():
    ending = Ending()
    seen = "".join(ending.feed(letter) for letter in ANSWER + BLOCK)
    assert seen == ANSWER
    assert ending.inside
    assert ending.close() == ""
    assert ending.questions == ASKED


def test_an_answer_that_has_none_comes_at_once_and_whole():
    ending = Ending()
    assert ending.feed("Oil rose ") == "Oil rose "
    assert ending.feed("a < b") == "a < b"
    assert ending.close() == ""
    assert not ending.questions


@pytest.mark.parametrize(
    "text",
    [
        "The tag <next> begins a block.",
        "`<next>` is a tag",
        "Oil rose <next",
        "Oil rose\n<nex",
        "<nextdoor> is a site",
        f"A <next> {'word ' * 60}?\nB",
    ],
)
def test_what_only_looks_like_the_mark_is_the_answer(text):
    assert ended(text) == (text, [])


def test_an_answer_that_goes_on_below_the_mark_is_shown():
    text, asked = ended("<next>\nOil rose 4 percent on Monday [1].")
    assert (text.strip(), asked) == ("Oil rose 4 percent on Monday [1].", [])
    text, asked = ended("Oil.\n<next>\nWhy?!?\nGas fell [2].\nShares too [3].")
    assert text == "Oil.\n\nGas fell [2].\nShares too [3]."
    assert asked == ["Why?!?"]


def test_of_two_blocks_the_last_counts():
    assert ended("A.\n<next>\nFirst one?\nB.\n<next>\nSecond one?") == ("A.\n\nB.", ["Second one?"])


def test_half_a_question_at_a_broken_end_is_dropped():
    assert ended("A.\n<next>\nFirst one?\nSecond", broken=True) == ("A.", ["First one?"])
    assert ended("A.\n<next> First", broken=True) == ("A.", [])
    assert ended("A.\n\n<nex", broken=True) == ("A.", [])
    assert ended("A < b and a <", broken=True) == ("A < b and a <", [])
    assert ended("A.\n<next>\nFirst one?\nSecond") == ("A.\n\nSecond", ["First one?"])


def test_a_question_is_plain_short_text():
    _, asked = ended("A.\n<next>\n**Who** \u202eowns\x00 `it` [2]?\n" + "long " * 30 + "?")
    assert asked == ["Who owns it?"]
    assert all(len(each) <= LONGEST for each in asked)


pieces = st.lists(
    st.sampled_from(
        ["Oil. ", "\n", "\n\n", "<next>", "<NE", "xt>", "Why so?", "**", "</next>", "<", "- a", "word " * 50]
    )
).map("".join)


@given(pieces, st.lists(st.integers(0, 400), max_size=8), st.booleans())
@example("a\n**<next>**\nWhy so?\nOil. ", [3, 5, 9], False)
def test_the_same_comes_out_however_it_is_cut(text, cuts, broken):
    places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    deltas = [text[a:b] for a, b in itertools.pairwise(places)]
    assert ended(*deltas, broken=broken) == ended(text, broken=broken)


@given(pieces)
def test_only_marks_and_questions_are_ever_taken_away(text):
    shown, _ = ended(text)
    lines = [line for line in text.split("\n") if not set("<?") & set(line) and line.strip(" *")]
    assert [line for line in shown.split("\n") if line in lines] == lines


def test_what_the_model_asks_comes_first_and_unused_passages_fill_up():
    passages = [a_passage(n, title=title) for n, title in enumerate(["Oil rises", "Ferry sinks", "Frogs rain"], 1)]
    assert complete(["Why?!? Oil?"], "What now?", (), passages, (1,)) == (
        "Why?!? Oil?",
        "What is known about “Ferry sinks”?",
        "What is known about “Frogs rain”?",
    )


def test_nothing_is_asked_again_and_nothing_twice():
    passages = [
        a_passage(n, title=title)
        for n, title in enumerate(
            ["Oil price rises", "Oil price rises again", "Ferry sinks", "Ferry sinks off Bergen", "Frogs"], 1
        )
    ]
    earlier = ["What is known about “Frogs”?"]
    asked = complete(["Who sank the ferry?", "who sank the FERRY?"], "Who sank the ferry?", earlier, passages, (1,))
    assert asked == ("What is known about “Ferry sinks”?",)


@pytest.mark.parametrize(
    ("question", "begins"),
    [
        ("What happened in Oslo?", "What is known about “"),
        ("Was ist in Oslo passiert und warum?", "Was ist über „"),
        ("Que sait-on des grèves ?", "Que sait-on de « "),
        ("¿Qué pasó en Oslo?", "¿Qué se sabe de «"),
        ("オスロで何がありましたか？", "「"),
        ("奥斯陆发生了什么？", "关于“"),
        ("Что случилось в Осло?", "Что известно о «"),
        ("Oslo", "What is known about “"),
    ],
)
def test_they_are_worded_in_the_language_of_the_question(question, begins):
    (asked,) = complete((), question, (), [a_passage(1, title="Dockers strike")], ())
    assert asked.startswith(begins)
    assert "Dockers strike" in asked


def test_a_headline_is_cut_at_a_word_and_loses_what_hides():
    (asked,) = complete((), "What?", (), [a_passage(1, title="\u202eevil\n" + "headline words " * 20)], ())
    assert len(asked) <= LONGEST
    assert "\u202e" not in asked
    assert asked.endswith("…”?")


FERRY = (
    a_passage(1, title="Ferry hits a breakwater", text="The ferry was late and nobody on the bridge saw it."),
    a_passage(2, title="Un ferri choca contra el rompeolas y deja heridos", text="El ferri llegaba tarde del puerto."),
    a_passage(3, title="Crew reported the faulty radar twice", text="The inquiry was told that they had done so."),
    a_passage(4, title="フェリーが防波堤に衝突", text="けが人が出た。"),
)


def test_what_is_in_another_language_is_not_asked_about_beside_what_is_in_ones_own():
    asked = complete([], "What happened to the ferry?", [], FERRY, [1])
    assert asked == ("What is known about “Crew reported the faulty radar twice”?",)
    assert complete([], "¿Qué pasó con el ferri en el puerto?", [], FERRY, [1]) == (
        "¿Qué se sabe de «Un ferri choca contra el rompeolas y deja heridos»?",
    )


def test_where_nothing_is_in_ones_own_language_the_others_are_asked_about():
    asked = complete([], "What happened to the ferry?", [], (FERRY[1], FERRY[3]), [])
    assert [each.split("“")[1][:6] for each in asked] == ["Un fer", "フェリーが防"]
