from __future__ import annotations

from dataclasses import replace

import pytest

from news.coverage import COVERED, MANY_ARTICLES, Asked, confidence, evidence, missing
from news.terms import forms
from news.types import Passage
from tests.news.made import NOW

ASKED = "Why did the bridge in Lugano collapse?"
BRIDGE = Passage(
    1, "Bridge in Lugano collapses at night", "Engineers blame salt for the collapse of the bridge in Lugano.", "",
    "Outlet 1", NOW, score=40,
)  # fmt: skip
SAME = replace(BRIDGE, entry_id=2, title="Lugano bridge collapse: engineers blame salt", feed="Outlet 2")
STRANGE = replace(BRIDGE, entry_id=3, title="Tunnel opens", text="A tunnel to Chur was opened by the king.", score=12)


def asked(question: str) -> Asked:
    return dict.fromkeys(forms(question), 6.0)


def of(question: str, *passages: Passage, articles: int = 40_000) -> float:
    return confidence(question, asked(question), passages, articles)


def test_articles_about_one_thing_with_all_words_cover_a_question() -> None:
    assert of(ASKED, BRIDGE, SAME) > COVERED


def test_a_name_that_no_article_holds_is_evidence_against_it() -> None:
    other = "Why did the bridge in Bergamo collapse?"
    assert evidence(other, asked(other), [BRIDGE, SAME]).names == 1
    assert of(other, BRIDGE, SAME) < of(ASKED, BRIDGE, SAME)


def test_so_is_a_number() -> None:
    question = "Why did the bridge in Lugano collapse in 1987?"
    assert evidence(question, asked(question), [BRIDGE]).names == 1


def test_in_german_a_capital_is_no_name() -> None:
    question = "Warum ist die Brücke in der Nacht eingestürzt?"
    assert evidence(question, asked(question), [BRIDGE]).names == 0


def test_a_word_of_the_same_family_is_not_missed() -> None:
    found = evidence("Is the bridge collapsing?", asked("Is the bridge collapsing?"), [BRIDGE])
    assert found.rare == 0


def test_articles_about_one_here_and_one_there_tell_less_than_two_about_one_thing() -> None:
    apart = evidence(ASKED, asked(ASKED), [BRIDGE, STRANGE])
    assert apart.together < evidence(ASKED, asked(ASKED), [BRIDGE, SAME]).together
    assert of(ASKED, BRIDGE, STRANGE) < of(ASKED, BRIDGE, SAME)


def test_what_stands_low_for_what_was_asked_covers_nothing() -> None:
    assert of(ASKED, replace(STRANGE, score=3)) < COVERED


@pytest.mark.parametrize(("articles", "covered"), [(MANY_ARTICLES - 1, True), (40_000, False)])
def test_in_a_small_store_the_share_of_words_decides(articles: int, covered: bool) -> None:
    chance = replace(BRIDGE, score=2)
    assert (of("Lugano bridge", chance, articles=articles) >= COVERED) is covered


def test_without_passages_nothing_is_covered_and_without_terms_everything_is() -> None:
    assert of(ASKED) == 0.0
    assert confidence("What is the latest news?", {}, [BRIDGE], 40_000) == 1.0


def test_pairs_of_characters_are_weighed_apart() -> None:
    question = "東京都知事選の結果は"
    told = replace(BRIDGE, title="東京都知事選の結果が判明", text="東京都知事選の結果が判明しました。", score=60)
    assert of(question, told, replace(told, feed="Outlet 2")) > COVERED > of(question, replace(STRANGE, score=2))


def test_names_and_rare_words_that_no_passage_holds_are_told_as_written() -> None:
    question = "Who paid for the Gotthard bridge, and was it 1987?"
    worth = dict.fromkeys(forms(question), 3.0)
    assert missing(question, worth, [BRIDGE]) == ("Gotthard", "1987")
    assert missing(question, {**worth, ("paid",): 8.0}, [BRIDGE]) == ("paid", "Gotthard", "1987")
    assert missing("東京の橋", asked("東京の橋"), [BRIDGE]) == ()
