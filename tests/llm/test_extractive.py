"""Answers by quotation: the right sentences, word for word, and an honest no."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm.base import Interrupted
from llm.citations import draw
from llm.extractive import ExtractiveModel, answer
from llm.prompt import Turn, make_messages
from tests.llm.passages import a_passage

OIL = [
    a_passage(
        1,
        feed="Harbour Post",
        title="Oil price climbs",
        text="Crude oil rose 4 percent on Monday. Traders in Oslo went home early. The weather was mild.",
    ),
    a_passage(
        2,
        feed="Daily Ledger",
        title="Markets at close",
        text="Shares were flat. The oil price rose to 91 dollars after the strait was closed. Gold fell.",
    ),
    a_passage(3, feed="Harbour Post", title="Ferries", text="Two ferries collided near Bergen. Nobody was hurt."),
]


def asked(question: str, passages=OIL, turns=()) -> str:
    with ExtractiveModel().stream(make_messages("system", list(turns), passages, question)) as stream:
        return "".join(delta.text for delta in stream)


def test_the_best_sentences_are_quoted_with_their_outlet_and_number():
    text = asked("How much did the oil price rise?")
    assert text.startswith("From 2 outlets, 10 June 2026:\n\n- ")
    assert "- Daily Ledger: “The oil price rose to 91 dollars after the strait was closed.” [2]" in text
    assert "- Harbour Post: “Crude oil rose 4 percent on Monday.” [1]" in text
    assert "ferries" not in text


@pytest.mark.parametrize(
    ("days", "told"),
    [
        ([(2026, 5, 20), (2026, 5, 20)], "20 May 2026"),
        ([(2026, 5, 20), (2026, 5, 18)], "18 to 20 May 2026"),
        ([(2026, 4, 30), (2026, 5, 20)], "30 April to 20 May 2026"),
        ([(2026, 1, 2), (2025, 12, 30)], "30 December 2025 to 2 January 2026"),
    ],
)
def test_an_answer_begins_with_the_days_of_what_it_quotes(days, told):
    passages = [
        a_passage(n, feed=f"Outlet {n}", title=title, published_at=datetime(*day, 23, 59, tzinfo=UTC))
        for n, (day, title) in enumerate(zip(days, ("The oil price rose", "Oil: a price war begins"), strict=True), 1)
    ]
    assert asked("oil price", passages).startswith(f"From 2 outlets, {told}:\n\n- ")


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(
        ["oil price", "Who collided near Bergen?", "gold", "What did traders in Oslo do?", "weather strait"]
    )
)
def test_every_quotation_stands_in_its_passage_word_for_word(question):
    for quote, n in re.findall(r"“(.*)” \[(\d)\]", asked(question)):
        passage = OIL[int(n) - 1]
        assert (
            quote in (passage.title, *re.findall(r"[^.]+\.", passage.text.replace(". ", "."))) or quote in passage.text
        )


def test_one_outlet_comes_once_before_any_comes_twice():
    told = [
        ("A", "The storm hit Porto with winds of 90 knots."),
        ("A", "In Vigo the storm tore roofs off and wind cut the power."),
        ("A", "Braga closed schools because of wind and storm."),
        ("B", "Storm Ines and its wind reached Lugo before midnight."),
        ("C", "Farmers near Faro lost orchards to the storm and strong wind."),
    ]
    passages = [a_passage(n, feed=feed, title="", text=text) for n, (feed, text) in enumerate(told, start=1)]
    outlets = re.findall(r"^- (\w):", asked("Where did the storm bring wind?", passages), re.MULTILINE)
    assert sorted(outlets[:3]) == ["A", "B", "C"]
    assert outlets.count("A") == 2


def test_the_same_sentence_in_two_outlets_is_quoted_once():
    passages = [
        a_passage(n, feed=f"Wire {n}", title="", text="The bridge over the Tajo was closed on Tuesday morning.")
        for n in (1, 2)
    ]
    assert asked("Why was the bridge closed?", passages).count("- Wire") == 1


@pytest.mark.parametrize("question", ["Who discovered penicillin?", "What did Ursula Meier say in Zürich?", "volcano"])
def test_what_the_passages_do_not_hold_is_said_and_the_nearest_named(question):
    text = asked(question)
    assert text.startswith("The stored articles do not answer this.")
    assert re.findall(r"“(.*)” \[(\d)\]", text) == [
        ("Oil price climbs", "1"),
        ("Markets at close", "2"),
        ("Ferries", "3"),
    ]


def test_without_passages_it_says_so():
    assert asked("Anything?", []) == "The stored articles do not cover this."


def test_a_question_for_all_the_news_gets_the_headlines():
    text = asked("What is the latest news?")
    assert re.findall(r"“(.*)” \[(\d)\]", text) == [
        ("Oil price climbs", "1"),
        ("Markets at close", "2"),
        ("Ferries", "3"),
    ]


def test_a_question_about_one_pinned_article_quotes_how_it_begins():
    text = asked("What is this about?", OIL[:1])
    quoted = [quote for quote, _ in re.findall(r"“(.*)” \[(\d)\]", text)]
    assert quoted[:2] == ["Oil price climbs", "Crude oil rose 4 percent on Monday."]


def test_a_follow_up_is_understood_by_the_question_before_it():
    assert "collided" in asked("And was anybody hurt there?", turns=[Turn("What did the ferries near Bergen do?", "…")])


def test_japanese_is_cut_found_and_quoted_in_its_own_marks():
    passages = [
        a_passage(1, feed="港新聞", title="原油価格が上昇", text="原油価格は月曜日に4％上昇した。天気は穏やかだった。"),
        a_passage(2, feed="港新聞", title="フェリー衝突", text="フェリー2隻が衝突した。けが人はいない。"),
    ]
    text = asked("原油価格はどうなりましたか？", passages)
    assert "- 港新聞: 「原油価格は月曜日に4％上昇した。」 [1]" in text
    assert "フェリー" not in text
    assert "「フェリー2隻が衝突した。」 [2]" in asked("フェリーの衝突について教えて", passages)
    assert asked("大統領選挙の結果は？", passages).startswith("The stored articles do not answer this.")


def test_a_number_in_brackets_within_a_quotation_is_not_a_citation():
    passages = [
        a_passage(
            1,
            feed="Wire [2]",
            title="",
            text="The court [3] ruled 【2】 on *Smith* _v_ `Jones` ［1］ and oil [1].",
        ),
        a_passage(2),
        a_passage(3),
    ]
    text = asked("What did the court rule on oil?", passages)
    shown = draw(text, passages)
    assert shown.count("](https://outlet") == 1
    assert shown.rstrip().endswith('[&#91;1&#93;](https://outlet1.test/1 "Wire &#91;2&#93;")')
    assert "\\*Smith\\* \\_v\\_ \\`Jones\\`" in shown


def test_a_word_in_which_the_feed_cut_a_long_text_off_is_not_quoted():
    told = "The Varno ferry sank in the storm. " + "The harbour was closed for hours and the coast guard searched. " * 4
    cut = a_passage(text=f"{told}The Varno ferry had no radio on board, says the World Maritime Organizatio")
    for question in ("Had the Varno ferry a radio on board?", "What is this about?"):
        assert "Organizatio" not in answer(question, [cut])
    assert "says the World Maritime …”" in answer("Had the Varno ferry a radio on board?", [cut])


def test_the_last_word_of_a_short_text_without_a_full_stop_is_quoted():
    short = a_passage(text="The Varno ferry had no radio on board, says the World Maritime Organization")
    assert "Maritime Organization …”" in answer("Had the Varno ferry a radio on board?", [short])


def test_a_sentence_that_the_feed_cut_off_is_marked():
    assert "“The minister said oil would …”" in asked(
        "oil minister", [a_passage(1, title="", text="The minister said oil would")]
    )


def test_a_sentence_without_end_is_shortened():
    (quote,) = re.findall("“(.*)”", asked("oil", [a_passage(1, title="", text="oil " + "word " * 400)]))
    assert len(quote) < 330
    assert quote.endswith(" …")


def test_it_streams_word_by_word_at_the_pace_that_is_asked_for():
    pauses = []
    messages = make_messages("system", [], OIL, "oil price")
    with ExtractiveModel(pace_s=0.02, sleep=pauses.append).stream(messages) as stream:
        deltas = [delta.text for delta in stream]
    assert len(deltas) > 15
    assert max(map(len, deltas)) < 20
    assert pauses == [0.02] * len(deltas)
    assert "".join(deltas) == asked("oil price")
    assert stream.finish == "stop"


def test_closing_it_ends_it():
    with ExtractiveModel().stream(make_messages("system", [], OIL, "oil price")) as stream:
        deltas = iter(stream)
        next(deltas)
        stream.close()
        with pytest.raises(Interrupted):
            next(deltas)


def test_a_plain_question_without_a_fence_is_answered_honestly():
    assert answer("", ()) == "The stored articles do not cover this."


def test_equal_input_gives_an_equal_answer():
    assert asked("How much did the oil price rise?") == asked("How much did the oil price rise?")


def test_asked_to_go_on_it_writes_simply_the_rest():
    whole = asked("How much did the oil price rise?")
    messages = make_messages("system", [], OIL, "How much did the oil price rise?", begun=whole[:70])
    with ExtractiveModel().stream(messages) as stream:
        rest = "".join(delta.text for delta in stream)
    assert whole.endswith(rest)
    assert len(rest) < len(whole) - 10
    assert whole[:70].endswith(rest[: len(rest) - len(whole) + 70])


def test_a_summary_is_no_earlier_question():
    with_summary = make_messages("system", [], OIL, "Why?", summary="They spoke of ferries and what was said before.")
    with ExtractiveModel().stream(with_summary) as stream:
        assert "".join(delta.text for delta in stream) == asked("Why?")
