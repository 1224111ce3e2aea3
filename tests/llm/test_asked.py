"""What a question asks for, and whether a sentence holds it."""

from __future__ import annotations

import pytest

from llm.asked import found_at, holds, read_question
from llm.evidence import Text


def read(question: str) -> tuple[str, list[str], str]:
    """The kind, the nouns, the verb."""
    asked = read_question(question)
    assert asked is not None
    return asked.kind, [noun.text for noun in asked.nouns], asked.verb.text if asked.verb else ""


@pytest.mark.parametrize(
    ("question", "kind", "nouns", "verb"),
    [
        ("How many seats did the party win?", "count", ["seats"], "win"),
        ("how many were hurt in the blast?", "count", [], ""),
        ("How many men got the death sentence?", "count", ["men"], ""),
        ("How many new victims has the inquiry found?", "count", ["new", "victims"], "found"),
        ("How much did the Spanish museum pay for the cannon?", "amount", [], "pay"),
        ("What did the drone show cost?", "amount", [], "cost"),
        ("How much cannabis was in the parcel?", "amount", ["cannabis"], ""),
        ("How fast was the Audi?", "amount", [], ""),
        ("How old was he when he died?", "age", [], ""),
        ("How long was the speech?", "span", [], ""),
        ("How many years in prison did she get?", "span", [], ""),
        ("What was the score?", "score", [], ""),
        ("What's the name of the aid ship?", "name", ["ship"], "aid"),
        ("What was the whale that charmed Germany called?", "name", ["whale"], ""),
        ("Why did Macron veto the law?", "reason", [], "veto"),
        ("Why did Putin call off his trip?", "reason", [], "cancel"),
        ("What did the actor die of?", "reason", [], "actor"),
        ("Which castle did Israel take?", "which", ["castle"], ""),
        ("On which day did the king arrive?", "time", [], "arrive"),
        ("Which city held the games?", "place", [], ""),
        ("Who murdered the journalist?", "person", [], "murdered"),
        ("Who is the director of Kidnap Game?", "person", ["director"], ""),
        ("Did the Swiss vote for the cap?", "yes", [], "vote"),
        ("Did the Senate approve him, and who is it?", "person", [], "approve"),
        ("What did the pope say?", "open", [], "pope"),
        ("How do the papers differ on Rome?", "open", [], "differ"),
    ],
)
def test_a_question_shows_what_would_answer_it(question: str, kind: str, nouns: list[str], verb: str) -> None:
    assert read(question) == (kind, nouns, verb)


@pytest.mark.parametrize(
    "question",
    [
        "¿Cuántos murieron en Valencia?",
        "Wie viele starben?",
        "Was kostet Brot?",
        "Is brood duur?",
        "東京の橋",
        "",
        "Rome floods",
    ],
)
def test_what_does_not_ask_in_english_is_not_read(question: str) -> None:
    assert read_question(question) is None


def test_words_that_only_ask_or_name_a_day_need_not_stand_in_an_article() -> None:
    asked = read_question("How many people were arrested in London on Saturday?")
    assert asked is not None
    assert [word.text for word in asked.words] == ["arrested", "London"]


def held(question: str, sentence: str) -> float:
    asked = read_question(question)
    assert asked is not None
    text = Text("", sentence, None)
    return holds(asked, text, 0, found_at(asked.nouns, text), found_at([asked.verb] if asked.verb else [], text))


@pytest.mark.parametrize(
    ("question", "with_it", "without"),
    [
        ("How many seats did the party win?", "It won 12 seats in March.", "It won in March with many seats."),
        ("How many people were arrested?", "Police made 43 arrests.", "Police made arrests at the march."),
        ("How much did the museum pay for it?", "It was bought for $2m.", "It was bought by 3 museums in 1990."),
        ("How fast was the Audi?", "The Audi drove at 90 miles an hour.", "The Audi hit 2 cars."),
        ("How old is Gukesh?", "Gukesh, 20, laughed.", "Gukesh beat 3 others."),
        ("How long did the final last?", "The final took five hours.", "The final had five sets."),
        ("What is the name of the judge?", "The judge, Nicholas Rowland, said no.", "The judge said no to Britain."),
        ("Who wrote the comic?", "The comic is by Lee Lai.", "The comic won a prize."),
        ("Where was the deal signed?", "It was signed in Astana.", "It was signed at last."),
        ("Which castle did Israel take?", "Troops took Beaufort castle.", "Troops went on."),
        ("Why did she go?", "She left over the drones.", "She left."),
        ("What did he die of?", "He died of cancer.", "He died in his sleep."),
        ("What was the score?", "Santos beat Cuenca 3-0.", "Santos met Cuenca."),
        ("Since when is he in office?", "He took office on 29 May 2023.", "He took office."),
        ("What colour is the pool?", "The pool is painted blue.", "The pool is painted."),
    ],
)
def test_a_sentence_holds_what_is_asked_for_or_less_of_it(question: str, with_it: str, without: str) -> None:
    assert held(question, with_it) == 1.0
    assert held(question, without) < 1.0


def test_what_stands_in_the_question_itself_answers_nothing() -> None:
    assert held("Who beat Zverev in Paris?", "Zverev played in Paris.") == 0.0
    assert held("How many of the 43 arrested were hurt?", "Police arrested 43.") == 0.0


def test_a_hostile_question_is_read_in_bounds() -> None:
    asked = read_question("how many " + "people and " * 10_000)
    assert asked is not None
    assert len(asked.text) <= 600
