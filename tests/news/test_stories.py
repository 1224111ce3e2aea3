"""Entries of several feeds about one event."""

from __future__ import annotations

from itertools import count, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from news.stories import five_minutes, names, opening, origins, story_of, timeline
from news.types import Entry
from tests.news.made import ago

_ids = count(1)
_feeds: dict[str, int] = {}


def told(title: str, feed: str = "post", *, hours: float = 1, text: str = "") -> Entry:
    """An entry of the feed `feed`, published so many hours ago."""
    id_ = next(_ids)
    return Entry(
        id=id_, version_id=id_, feed_id=_feeds.setdefault(feed, len(_feeds)), feed=feed, topic="", language="en",
        url=f"https://{feed}.example/{id_}", title=title, text=text, author="", picture="", published_at=ago(hours),
        first_seen_at=ago(hours), edits=0, sample=False,
    )  # fmt: skip


def test_the_entry_that_most_others_agree_with_leads_and_those_nearest_to_it_follow():
    centre = told("US strikes Iran after helicopter downing near Hormuz", "wire", hours=5, text="x" * 300)
    near = told("US strikes Iran after downing of helicopter", "post", hours=4, text="x" * 300)
    other = told("US strikes Iran: helicopter downing near Hormuz answered", "ledger", hours=6, text="x" * 300)
    far = told("Helicopter downing near Hormuz sends oil up", "money", hours=1, text="x" * 300)
    story = story_of([far, near, centre, other])
    assert story.lead == centre
    assert set(story.others) == {near, other, far}


def test_an_entry_with_text_leads_before_one_that_is_only_a_headline():
    bare = told("Orvania elects parliament", "post", hours=1)
    full = told("Orvania elects a parliament", "wire", hours=8, text="The vote was close. " * 20)
    assert story_of([bare, full]).lead == full


def test_the_order_of_the_entries_given_does_not_matter():
    entries = [
        told("Ferry runs aground off Lady Corran", "post", hours=1),
        told("Lady Corran ferry runs aground", "wire", hours=1),
        told("Apples", "post", hours=1),
        told("Bridges", "wire", hours=3),
    ]
    assert len({repr(story_of(order)) for order in permutations(entries)}) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("One sentence.", "One sentence."),
        ("First one. Second one.\n\nA third that is longer than what is left of it.", "First one. Second one."),
        ("A headline-like text without an end", "A headline-like text without an end"),
    ],
)
def test_the_opening_is_the_first_whole_sentences(text: str, expected: str):
    assert opening(text, length=40) == expected


def test_an_endless_first_sentence_is_cut_at_a_word():
    cut = opening("word " * 500, length=100)
    assert cut.endswith("word …")
    assert len(cut) <= 102


def test_five_minutes_are_filled_in_order_and_hold_at_least_one_story():
    leads = [told(f"Headline number{n} of{n} today{n}", text="Ten words " * 5 + ".") for n in range(20)]
    assert five_minutes(leads, words=100) == 6
    assert five_minutes(leads, words=0) == 1
    assert five_minutes(leads) == 20
    assert five_minutes([]) == 0


def test_a_script_without_spaces_takes_time_to_read_too():
    long = [told(f"見出し{n}", text="日本語の長い文章です。" * 24) for n in range(40)]
    assert 1 < five_minutes(long, words=300) < 40


COPY = (
    "PORT ELLERY (Reuters) - A ferry with 200 people aboard ran aground off Lady Corran, the coast guard said. "
    "All were taken ashore in Port Ellery by noon, and fourteen were treated for bruises in its hospital."
)


def test_the_most_central_title_leads_a_story_not_the_first():
    first = told("Alarm at sea", "post", hours=9)
    centre = told("Ferry runs aground off Lady Corran, fourteen hurt", "wire", hours=7)
    others = [
        told("Fourteen hurt as ferry runs aground", "ledger", hours=6),
        told("Lady Corran: ferry runs aground", "money", hours=5),
    ]
    story = story_of([first, centre, *others])
    assert story.lead == centre
    assert story.first == first
    assert list(story.by_feed) == ["post", "wire", "ledger", "money"]


def test_a_timeline_tells_what_each_report_added():
    story = story_of(
        [
            told("Ferry runs aground off Lady Corran", "post", hours=9, text="It struck a rock in fog."),
            told("Ferry runs aground off Lady Corran", "wire", hours=8, text="It struck a rock in the fog."),
            told(
                "Lady Corran ferry aground", "ledger", hours=7,
                text="It struck a rock. The captain, Ilse Marwen, was questioned by police in Port Ellery at night.",
            ),
        ]
    )  # fmt: skip
    reports = timeline(story)
    assert [report.entry.feed for report in reports] == ["post", "wire", "ledger"]
    assert reports[0].added == "Ferry runs aground off Lady Corran"
    assert reports[1].added == ""
    assert reports[2].added.startswith("The captain, Ilse Marwen")


def test_copies_and_rewrites_of_one_text_are_one_origin():
    own = (
        "Our reporter on the quay saw the ferry list and lifeboats lowered while relatives waited in the rain for news."
    )
    story = story_of(
        [
            told("Ferry runs aground", "wire", hours=9, text=COPY),
            told("Ferry aground, 200 saved", "post", hours=8, text=COPY.replace("(Reuters) - ", "")),
            told("Passengers tell of grounding", "ledger", hours=7, text=own),
            told(
                "Captain questioned",
                "money",
                hours=6,
                text="ELLERY (Reuters) - Police questioned the captain at length.",
            ),
            told("Ferry sails again", "gazette", hours=5),
            told("Ferry sails again", "herald", hours=4),
        ]
    )
    assert [(origin.agency, [entry.feed for entry in origin.entries]) for origin in origins(story)] == [
        ("Reuters", ["wire", "post", "money"]),
        ("", ["ledger"]),
        ("", ["gazette", "herald"]),
    ]


def test_names_are_those_that_two_reports_have():
    story = story_of(
        [
            told("One", "post", text="Police in Port Ellery questioned Ilse Marwen. She left at night with Bo Lund."),
            told("Two", "wire", text="The captain, Ilse Marwen, was taken to Port Ellery."),
            told("Three", "ledger", text="A court freed Ilse Marwen."),
        ]
    )
    assert names(story) == ("Ilse Marwen", "Port Ellery")
    assert names(story, 1) == ("Ilse Marwen",)


def test_a_day_or_a_month_is_no_name_of_a_story():
    story = story_of(
        [
            told("One", "post", text="The police said on Tuesday that Theresa May was in Bonn in May."),
            told("Two", "wire", text="A court heard Theresa May on Tuesday, the last in May."),
        ]
    )
    assert names(story) == ("Theresa May",)


@given(st.lists(st.tuples(st.text(max_size=80), st.text(max_size=200), st.integers(0, 3)), min_size=1, max_size=6))
def test_any_entries_make_a_story_that_has_them_all(given_entries: list[tuple[str, str, int]]):
    entries = [told(title, f"feed{feed}", text=text, hours=feed) for title, text, feed in given_entries]
    story = story_of(entries)
    ids = sorted(entry.id for entry in entries)
    assert sorted(entry.id for entry in story.entries) == ids
    assert sorted(report.entry.id for report in timeline(story)) == ids
    assert sorted(entry.id for origin in origins(story) for entry in origin.entries) == ids
    assert sorted(entry.id for told_ in story.by_feed.values() for entry in told_) == ids
    names(story)
