"""Which entries tell one event, as they arrive."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from news import grouping
from news.grouping import WAKING, WINDOW, Grouper, Repair
from news.types import Entry
from tests.conftest import NOW

_ids = count(1)
FEEDS = {"post": 1, "wire": 2, "ledger": 3, "gazette": 4}


def told(title: str, feed: str = "post", *, hours: float = 0, text: str = "", id_: int | None = None) -> Entry:
    """An entry that was first seen so many hours after `NOW`."""
    number = next(_ids) if id_ is None else id_
    at = NOW + timedelta(hours=hours)
    return Entry(
        id=number, version_id=number, feed_id=FEEDS.setdefault(feed, len(FEEDS) + 1), feed=feed, topic="",
        language="en", url=f"https://{feed}.example/{number}", title=title, text=text, author="", picture="",
        published_at=at, first_seen_at=at, edits=0, sample=False,
    )  # fmt: skip


def grouped(entries: Iterable[Entry], grouper: Grouper | None = None) -> list[int]:
    """The story of each, by the place of the entry that began it."""
    grouper = Grouper() if grouper is None else grouper
    entries = list(entries)
    place = {entry.id: n for n, entry in enumerate(entries)}
    return [place[grouper.add(entry)] for entry in entries]


FERRY = [
    ("Ferry runs aground off Lady Corran, 14 hurt", "post", 0),
    ("Bank of Marenia raises interest rates to seven percent", "wire", 1),
    ("Fourteen hurt as ferry runs aground near Lady Corran", "wire", 2),
    ("Ferry aground off Lady Corran: captain questioned", "ledger", 20),
    ("Orvania elects a new parliament", "post", 21),
]


def test_an_entry_joins_the_story_it_is_like_or_begins_one():
    assert grouped(told(title, feed, hours=hours) for title, feed, hours in FERRY) == [0, 1, 0, 0, 4]


def test_the_text_counts_where_the_titles_differ():
    text = "A passenger ferry with 200 people ran aground off Lady Corran; the coast guard took all to Ellery."
    assert grouped([told("What we know so far", text=text), told("Night of fear at sea", "wire", text=text)]) == [0, 0]


@pytest.mark.parametrize(
    "titles",
    [
        ["Two hurt in factory fire in Osterby", "Two hurt in flood at Karlsund"],
        ["Strike on Varno kills three", "Ceasefire talks on Varno resume in Geneva", "Varno's harvest fails again"],
    ],
)
def test_entries_that_share_only_a_topic_stay_apart(titles: list[str]):
    assert grouped(told(title, feed) for title, feed in zip(titles, FEEDS, strict=False)) == list(range(len(titles)))


def test_words_that_every_entry_has_join_nothing():
    teams = "Rovers Albion Harriers Wanderers United City Athletic Rangers Thistle Orient Vale Argyle".split()
    matches = [told(f"{one} beat {other} in cup final", "wire") for one in teams for other in teams if one < other]
    before = [told(f"Notice {n} of council {n} on street {n}") for n in range(40)]
    grouper = Grouper()
    grouped([*before, *matches], grouper)
    late = [told("Gunners beat Hornets in cup final", "post"), told("Villagers beat Pilgrims in cup final", "ledger")]
    assert grouped(late, grouper) == [0, 1]


def test_a_story_is_told_for_weeks_as_long_as_it_is_reported():
    days = [
        told(f"Search for the Corran ferry's missing captain, day {day}", "wire", hours=24 * day) for day in range(25)
    ]
    assert set(grouped(days)) == {0}


def test_an_old_small_story_is_forgotten_and_a_large_one_wakes():
    small = [told("Lost whale seen in Port Ellery harbour", feed) for feed in ("post", "wire")]
    large = [told("Corran ferry captain Ilse Marwen arrested", feed) for feed in ("post", "wire", "ledger") * 2]
    later = (WINDOW + timedelta(days=5)) / timedelta(hours=1)
    again = [
        told("Lost whale seen in Port Ellery harbour", "ledger", hours=later),
        told("Corran ferry captain Ilse Marwen arrested", "gazette", hours=later),
    ]
    stories = grouped([*small, *large, *again])
    assert stories[-2:] == [8, 2]


def test_even_a_large_story_sleeps_in_the_end():
    large = [told("Corran ferry captain Ilse Marwen arrested", feed) for feed in ("post", "wire", "ledger") * 2]
    later = (WAKING + timedelta(days=1)) / timedelta(hours=1)
    assert grouped([*large, told(large[0].title, "gazette", hours=later)])[-1] == 6


def test_editions_of_a_column_are_stories_of_their_own():
    columns = [
        told(f"News in brief for June {day}, 2026 - Morning", "wire", hours=24 * day, text="All that matters today.")
        for day in range(1, 5)
    ]
    assert grouped(columns) == [0, 1, 2, 3]


def test_a_title_with_a_date_is_no_column_the_first_time():
    first = told("Ferry tragedy of June 9: what is known", "post")
    assert grouped([told("Ferry tragedy of June 9: all that is known", "wire"), first]) == [0, 0]


def test_the_story_of_a_known_entry_does_not_change():
    grouper = Grouper()
    entries = [told(title, feed, hours=hours) for title, feed, hours in FERRY]
    assert grouped(entries, grouper) == grouped(entries, grouper)
    assert len(grouper) == len(entries)


def test_a_restored_grouper_goes_on_as_if_it_had_never_stopped():
    entries = [told(title, feed, hours=hours) for title, feed, hours in FERRY]
    late = [told("Ferry aground off Lady Corran towed free", "gazette", hours=30), told("Bees", "wire", hours=31)]
    whole = Grouper()
    stories = [whole.add(entry) for entry in entries]
    restored = Grouper.restored(zip(entries, stories, strict=True))
    assert [restored.add(entry) for entry in late] == [whole.add(entry) for entry in late] == [stories[0], late[1].id]


def test_repair_merges_stories_that_turned_out_to_be_one():
    one, other = (
        told("Ferry runs aground off Lady Corran, coast guard says", "post", text="Ferry aground. " * 3),
        told("Ferry runs aground off Lady Corran, coast guard says", "wire", text="Ferry aground. " * 3),
    )
    grouper = Grouper.restored([(one, one.id), (other, other.id)])
    grouper.add(told("Lady Corran ferry aground, says coast guard", "ledger", hours=1))
    repair = grouper.repair()
    assert repair.moved[other.id] == one.id
    assert (other.id, one.id) in repair.merged
    assert grouper.repair() == Repair()


def test_repair_takes_out_what_does_not_belong():
    ferry = [told("Ferry runs aground off Lady Corran", feed) for feed in ("post", "wire", "ledger")]
    stray = told("Bank of Marenia raises interest rates")
    grouper = Grouper.restored([(entry, ferry[0].id) for entry in [*ferry, stray]])
    grouper.add(told("Lady Corran ferry aground", "gazette", hours=1))
    assert grouper.repair().moved == {stray.id: stray.id}


def test_memory_is_bounded_however_many_entries_come_at_once(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(grouping, "LIVE", 50)
    grouper = Grouper()
    for n in range(400):
        grouper.add(told(f"Headline{n} of{n} the hour{n}", f"feed{n % 7}", hours=n / 100))
    assert len(grouper) <= 51
    for n in range(3):
        grouper.add(told(f"Much later {n}", hours=24 * 40 + n))
    assert len(grouper) == 3


def test_across_languages_names_and_numbers_can_be_enough():
    german = told(
        "Fähre Corran Star: Kapitänin Ilse Marwen in Port Ellery festgenommen, 214 Passagiere gerettet", "wire"
    )
    english = told("Captain Ilse Marwen of Corran Star arrested in Port Ellery; 214 passengers saved", "post")
    assert grouped([german, english]) == [0, 0]


SLOWLY = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
WORDS = st.sampled_from("ferry bank vote storm fire rate corran ellery marenia 14 2026 june 港 火災".split())


@SLOWLY
@given(
    st.lists(
        st.tuples(st.lists(WORDS, max_size=6), st.lists(WORDS, max_size=8), st.integers(0, 3), st.integers(0, 900)),
        max_size=24,
    )
)
def test_any_entries_in_any_order_of_time_have_one_story_each_that_one_of_them_began(
    given_entries: list[tuple[list[str], list[str], int, int]],
):
    def entries() -> list[Entry]:
        return [
            told(" ".join(title), f"feed{feed}", text=" ".join(text), hours=hours, id_=n + 1)
            for n, (title, text, feed, hours) in enumerate(given_entries)
        ]

    def run() -> dict[int, int]:
        grouper, stories = Grouper(), {}
        for n, entry in enumerate(entries()):
            stories[entry.id] = grouper.add(entry)
            if n % 7 == 6:
                stories.update(grouper.repair().moved)
        return stories

    stories = run()
    assert stories == run()
    assert set(stories) == set(range(1, len(given_entries) + 1))
    assert all(1 <= story <= id_ for id_, story in stories.items())


@SLOWLY
@given(st.text(max_size=300), st.text(max_size=600))
def test_any_text_is_grouped(title: str, text: str):
    grouper = Grouper()
    first = told(title, text=text)
    assert grouper.add(first) == first.id
    grouper.add(told(title, "wire", text=text))
    grouper.repair()
