"""Figures in which reports of one event differ, or that moved."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from news.figures import differences, figures
from tests.news.test_grouping import told


@pytest.mark.parametrize(
    ("sentence", "kind", "value"),
    [
        ("Death toll from Varno quake rises to 46", "dead", 46),
        ("Ferry sinks off Port Ellery, killing at least 13 people", "dead", 13),
        ("Blast at gas plant kills 13, injures dozens in Ellery", "none", 0),
        ("Twelve dead as bus overturns near Karlsund", "dead", 12),
        ("1,430 people have been killed in Varno", "dead", 1430),
        ("12 Marenians among 13 killed in Ellery gas blast", "dead", 13),
        ("Police arrest more than 130 as fans celebrate", "arrested", 130),
        ("A magnitude 7.8 earthquake struck Varno", "magnitude", 7.8),
        ("Twin earthquakes of magnitude 7.2 and 7.5 struck Varno", "none", 0),
        ("A magnitude 7.2 earthquake hit Varno, followed by one of 7.5", "none", 0),
        ("Varno counts its losses after a 7.5 magnitude seismic doublet", "none", 0),
        ("Two still missing in flooded Karlsund cave", "missing", 2),
        ("Car hits crowd in Modane, 8 injured", "hurt", 8),
        ("A separate strike killed 8 people", "none", 0),
        ("More than 400 people have been killed since October", "none", 0),
        ("Father-of-eight killed in Ellery", "none", 0),
        ("Storm kills 5 in Varno and 7 dead in Marenia", "none", 0),
        ("Elections in 14 states, 3 parties", "none", 0),
        ("Army killed more than 13,000, president says", "dead", 13_000),
        ("No one was killed, the ministry said", "none", 0),
    ],
)
def test_a_figure_is_read_where_the_words_say_what_it_counts(sentence: str, kind: str, value: float):
    read = {figure.kind: figure.value for figure in figures(told(sentence))}
    assert read == ({} if kind == "none" else {kind: value})


def test_a_toll_that_grew_shows_each_number_by_who_told_it_first():
    entries = [
        told("Varno quake kills 41", "post", hours=0),
        told("Varno quake toll rises to 55", "wire", hours=9),
        told("Death toll in Varno at 55", "post", hours=10),
        told("Varno: toll climbs to 61", "ledger", hours=20),
    ]
    (difference,) = differences(reversed(entries))
    assert difference.moved
    assert [(figure.value, figure.feed) for figure in difference.figures] == [
        (41, "post"),
        (55, "wire"),
        (61, "ledger"),
    ]
    assert difference.figures[1].quote == "Varno quake toll rises to 55"


def test_outlets_that_say_different_numbers_at_one_time_differ():
    entries = [told("Varno blast: 7 killed", "post"), told("Six killed in Varno blast", "wire", hours=1)]
    (difference,) = differences(entries)
    assert not difference.moved
    assert {figure.value for figure in difference.figures} == {6, 7}


@pytest.mark.parametrize(
    ("sentence", "source"),
    [
        ("Bus crash in Varno kills 8 people, police say", "police"),
        (
            "Bus crash in Varno kills 8, the health ministry said on Saturday, after rescuers left.",
            "the health ministry",
        ),
        ("The quake killed 8 people, according to Varno's civil defence.", "Varno's civil defence"),
        ("Varno authorities say at least 8 people killed in a bus crash", "Varno authorities"),
        ("The ministry said on Sunday that 8 people were killed", "the ministry"),
        ("Interim president Delia Roe said 8 people were killed", "Interim president Delia Roe"),
        ("Bus crash in Varno kills 8 people", ""),
        ("Minister says 'never again' after 8 people killed in Varno", ""),
        ("Eight people killed in Varno, he said", ""),
        ("The army said it had looked into the strike in which 8 people were killed", ""),
        ("Bus crash kills 8 people as police said roads were icy", ""),
    ],
)
def test_whom_a_sentence_names_for_its_figure_is_read(sentence: str, source: str):
    (figure,) = figures(told(sentence))
    assert (figure.value, figure.source) == (8, source)


def growing(*said: tuple[int, str, int]) -> list:
    """Reports of one quake: the dead, by whom, after how many hours."""
    return [told(f"Varno quake toll rises to {dead}", feed, hours=hours) for dead, feed, hours in said]


@pytest.mark.parametrize(
    ("said", "in_short", "moved"),
    [
        ([(65, "post", 0), (80, "wire", 5), (90, "post", 9), (131, "wire", 20)], "rose from 65 to 131", True),
        ([(65, "post", 0), (80, "wire", 5), (65, "ledger", 6)], "65 → 80", True),  # only late
        ([(65, "post", 0), (80, "wire", 5), (65, "ledger", 16)], "80 or 65", False),  # not any more
        ([(65, "post", 0), (80, "wire", 5), (65, "ledger", 16), (80, "ledger", 20)], "65 → 80", True),  # caught up
        ([(65, "post", 0), (131, "wire", 9), (128, "ledger", 10)], "131 or 128", False),  # but not by who told early
        ([(65, "post", 0), (131, "wire", 9), (65, "post", 19), (131, "post", 20), (140, "wire", 21)],
         "65 → 131 → 140", True),
    ],
)  # fmt: skip
def test_numbers_that_rose_are_told_apart_from_outlets_that_differ(said: list, in_short: str, moved: bool):
    (difference,) = differences(growing(*said))
    assert (difference.in_short, difference.moved) == (in_short, moved)


@pytest.mark.parametrize(
    "entries",
    [
        [told("Varno blast: 7 killed", "post"), told("Seven killed in Varno blast", "wire")],  # the same number
        [told("Bus crash in Karlsund kills 4", "post"), told("Bus crash in Ellery kills 9", "wire", hours=2)],  # places
        [told("Varno strike kills 9", "post"), told("Varno strike kills 12", "wire", hours=40)],  # another day
        [told("Varno fire: 60 injured", "post"), told("Varno fire: over 58 injured", "wire", hours=1)],  # rounded
        [told("Varno fire: 60 injured", "post"), told("Varno fire: over 40 injured", "wire", hours=1)],  # no less
        [told("Varno blast: 40 killed", "post"), told("3 killed in Varno blast", "wire", hours=1)],  # far apart
        [told("Varno blast: 7 killed", "post"), told("Varno: 5 killed", "post", hours=1)],  # one outlet, and fewer
        [
            told("Varno hit: 12 killed"),
            told("Varno hit: 3 killed"),
            told("Varno hit: 2 killed"),
            told("Varno: 1 killed"),
        ],
        [],
    ],
)
def test_what_may_count_other_things_is_not_set_side_by_side(entries: list):
    assert differences(entries) == ()


def test_strikes_of_a_war_need_more_than_one_name_in_common():
    strikes = [told("Strike on Varno kills 4", "post"), told("Varno: 9 killed in strike", "wire", hours=5)]
    assert differences(strikes) == ()
    named = [
        told("Strike on Varno's Orlo Bridge kills 4", "post"),
        told("Orlo Bridge, Varno: 9 killed", "wire", hours=5),
    ]
    assert [figure.value for figure in differences(named)[0].figures] == [4, 9]


@given(st.lists(st.tuples(st.text(max_size=120), st.text(max_size=300)), max_size=6))
def test_any_entries_are_read(given_entries: list[tuple[str, str]]):
    for difference in differences([told(title, text=text) for title, text in given_entries]):
        assert len(difference.figures) > 1


COUNTING = st.sampled_from("killed 4 of 13 at least toll rises to injured missing magnitude 7.8 , . and".split())


@given(st.lists(COUNTING, max_size=100))
def test_words_that_look_like_figures_are_read_in_time(words: list[str]):
    figures(told(" ".join(words), text=" ".join(words) * 5))
