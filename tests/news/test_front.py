"""What a front page shows: stories by weight, one of them whole, and what is new in them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from news import front as page
from news.front import Section, fresh, front, story, weight, what_is_new
from news.store import Filter, Store
from news.story_store import Stories
from news.types import Entry, Mute
from storage import tables as t
from storage.engine import writing
from tests.conftest import NOW
from tests.news.made import ago, collect, entry, hours, subscribe

FERRY = "Ferry runs aground off Lady Corran"
RATES = "Bank of Marenia raises interest rates"
COPY = (
    "A ferry with 200 people aboard ran aground off Lady Corran in heavy fog, the coast guard said on Tuesday. Boats "
    "from three harbours took all passengers to Port Ellery, where a school gym was opened for the night."
)


def told(
    store: Store, outlet: str, title: str, *, at: float, text: str = "", key: str = "", topic: str = "", url: str = ""
) -> None:
    """An article that `outlet` published so many hours ago, collected five minutes later, and grouped."""
    feed = next((f for f in store.feeds() if f.title == outlet.title()), None) or subscribe(store, outlet, topic=topic)
    made = entry(
        key or f"{outlet}-{title}", title, text, at=ago(at), url=url or f"https://{outlet}.example/{key or title}"
    )
    collect(store, feed, made, at=ago(at) + timedelta(minutes=5))
    Stories(store).group()


@pytest.fixture
def ferry(store: Store) -> Store:
    """A story of three outlets, one of them with two reports, and two small ones."""
    told(store, "post", FERRY, at=9, text="The coast guard says that 14 people were hurt.", topic="World")
    told(store, "wire", f"{FERRY}, 14 hurt", at=8, text=COPY, topic="World")
    told(store, "ledger", f"{FERRY}: captain questioned", at=5, text="Captain Ilse Marwen was drunk.", topic="Sea")
    told(store, "wire", f"{FERRY}: inquiry begins", at=2.5, text="An inquiry began in Port Ellery.")
    told(store, "ledger", RATES, at=3, text="To seven percent.")
    told(store, "post", "Whale seen in harbour", at=30, text="It was large.")
    return store


def test_the_story_that_most_tell_leads_and_says_who_tells_it(ferry: Store) -> None:
    shown = front(ferry, now=NOW)
    assert [card.lead.title.partition(" o")[0] for card in shown.cards] == [
        "Ferry runs aground", "Bank", "Whale seen in harbour",
    ]  # fmt: skip
    card = shown.cards[0]
    assert [(outlet.name, outlet.reports) for outlet in card.outlets] == [("Wire", 2), ("Post", 1), ("Ledger", 1)]
    assert (card.id, card.reports, card.origins) == (1, 4, 4)
    assert (card.first_at, card.first_feed, card.last_at) == (ago(9), "Post", ago(2.5))
    assert card.moved_at == ago(2.5) + timedelta(minutes=5)
    assert sum(card.hours) == 4
    assert [place for place, number in enumerate(card.hours) if number] == [14, 15, 18, 21]
    assert {card.lead.feed, *(other.feed for other in card.others)} == {"Wire", "Post", "Ledger"}
    assert card.topic == "World"
    assert not card.sample
    assert shown.total == 3


def test_weights_fall_and_sections_are_the_topics_of_the_stories(ferry: Store) -> None:
    shown = front(ferry, now=NOW)
    weights = [card.weight for card in shown.cards]
    assert weights == sorted(weights, reverse=True)
    assert shown.sections == (Section("World", 2), Section("Sea", 1))
    assert [card.id for card in front(ferry, Filter(topics=("Sea",)), now=NOW).cards] == [5, 1]


def test_an_article_that_two_feeds_carry_is_one_report_of_one_origin(store: Store) -> None:
    for outlet in ("post-world", "post-home"):
        told(store, outlet, FERRY, at=2, text=COPY, key="a", url="https://post.example/ferry")
    told(store, "wire", f"{FERRY}: the night", at=1, text="Nobody slept. Fog lay over the sea until the morning came.")
    (card,) = front(store, now=NOW).cards
    assert (card.reports, card.origins, len(card.outlets)) == (2, 2, 3)


def test_wire_copy_in_other_outlets_is_not_an_origin_of_its_own(store: Store) -> None:
    for number, outlet in enumerate(("post", "wire", "ledger")):
        told(store, outlet, FERRY, at=3 - number, text=f"{outlet}. {COPY}")
    (card,) = front(store, now=NOW).cards
    assert (card.reports, card.origins) == (3, 1)


def test_the_page_is_that_of_a_moment(ferry: Store) -> None:
    shown = front(ferry, Filter(as_of=ago(6)), now=NOW)
    assert [(card.id, card.reports) for card in shown.cards] == [(1, 2), (6, 1)]
    assert shown.until == ago(6)
    assert front(ferry, Filter(as_of=ago(40)), now=NOW).cards == ()


def test_without_news_for_a_while_the_page_is_that_of_the_last(ferry: Store) -> None:
    shown = front(ferry, now=NOW + timedelta(days=9))
    assert [card.id for card in shown.cards] == [card.id for card in front(ferry, now=ago(2.5)).cards]
    assert shown.until == ago(2.5)


def test_a_span_that_is_chosen_is_kept_to(ferry: Store) -> None:
    shown = front(ferry, Filter(since=ago(4)), now=NOW)
    assert [(card.id, card.reports, card.first_at) for card in shown.cards] == [(1, 1, ago(9)), (5, 1, ago(3))]
    assert [card.days for card in shown.cards] == [1, 0]  # the first was told before: these are not all its reports
    assert (shown.since, shown.until) == (ago(4), NOW)
    assert front(ferry, Filter(since=ago(1)), now=NOW).total == 0


def test_what_is_muted_is_out_and_what_is_followed_rises(ferry: Store) -> None:
    assert [card.id for card in front(ferry, now=NOW, muted={1}).cards] == [5, 6]
    plain = {card.id: card.weight for card in front(ferry, now=NOW).cards}
    followed = {card.id: card.weight for card in front(ferry, now=NOW, followed={5}).cards}
    assert (followed[5], followed[1]) == (2 * plain[5], plain[1])
    ferry.mute(Mute("word", "captain"))
    assert [card.reports for card in front(ferry, now=NOW).cards] == [3, 1, 1]
    ferry.mute(Mute("feed", "https://wire.example/feed"))
    assert {outlet.name for card in front(ferry, now=NOW).cards for outlet in card.outlets} == {"Post", "Ledger"}


def test_what_has_no_story_yet_is_its_own(store: Store) -> None:
    for outlet in ("post", "wire"):
        collect(store, subscribe(store, outlet), entry(outlet, FERRY, at=ago(1)))
    assert [card.reports for card in front(store, now=NOW).cards] == [1, 1]
    whole = story(store, 2, now=NOW)
    assert whole is not None
    assert [one.id for one in whole.entries] == [2]


def test_pages_follow_each_other_without_gap_or_repetition(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "WEIGHED", 5)
    names = "Ellery Osterby Karlsund Varno Marenia Orvania Corran Tolmin Brask Ivelle Sandau Merrow".split()
    post, wire = subscribe(store, "post"), subscribe(store, "wire")
    for number, name in enumerate(names):
        collect(store, post, entry(name, f"{name} votes", at=ago(number + 1)), at=ago(number))
        if number % 3:
            collect(store, wire, entry(f"{name} 2", f"{name} votes", at=ago(number + 1)), at=ago(number))
    with writing(store.engine) as connection:
        for id_, one in store.entries_by_id(range(1, 30)).items():
            number = names.index(one.title.split()[0])
            connection.execute(update(t.entries).where(t.entries.c.id == id_).values(story_id=100 + number))
    whole = [card.id for card in front(store, now=NOW, limit=100).cards]
    pages = [front(store, now=NOW, limit=4, offset=offset) for offset in range(0, 13, 4)]
    assert [card.id for each in pages for card in each.cards] == whole
    assert {each.total for each in pages} == {len(whole)}
    assert len(whole) == 12


def test_the_lead_is_of_the_last_hours(store: Store) -> None:
    told(store, "post", f"{FERRY} with 200 aboard", at=30, text=COPY + COPY)
    told(store, "wire", f"{FERRY} with 200 aboard, coast guard says", at=29, text=COPY + COPY)
    told(store, "ledger", f"{FERRY} with 200 aboard: captain arrested", at=1, text=COPY)
    (card,) = front(store, now=NOW).cards
    assert card.reports == 3
    assert card.lead.title.endswith("captain arrested")


def test_figures_and_edits_are_on_the_card(store: Store) -> None:
    told(store, "post", "Lady Corran ferry sinks: at least 5 killed", at=5, key="a")
    told(store, "wire", "Lady Corran ferry sinks, death toll rises to 7", at=3)
    told(store, "post", "Lady Corran ferry sinks: at least 6 killed", at=1, key="a", url="https://post.example/a")
    (card,) = front(store, now=NOW).cards
    assert card.edited == 1
    assert [[figure.value for figure in difference.figures] for difference in card.differences] == [[6.0, 7.0]]


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 40), st.floats(0, 200), st.booleans())
def test_more_outlets_origins_reports_and_followers_weigh_more_and_age_less(
    outlets: int, origins: int, recent: int, age: float, followed: bool
) -> None:
    def of(**more: float) -> float:
        given = {"outlets": outlets, "origins": origins, "recent": recent, "age_h": age, "followed": followed} | more
        return weight(**given)  # type: ignore[arg-type]

    assert of(outlets=outlets + 1) > of()
    assert of(origins=origins + 1) > of()
    assert of(recent=recent + 1) > of()
    assert of(age_h=age + 1) < of()
    assert of(followed=True) >= of()
    assert of() > 0


# ---------------------------------------------------------------- a story


def test_a_story_tells_all_of_it(ferry: Store) -> None:
    told(ferry, "wire", f"{FERRY}, 15 hurt", at=1, key="late", text=COPY)
    collect(
        ferry, ferry.feeds()[-1],
        entry("late", f"{FERRY}, 16 hurt", COPY, at=ago(1), url="https://wire.example/late"), at=ago(0.5),
    )  # fmt: skip
    whole = story(ferry, 1, now=NOW)
    assert whole is not None
    assert [one.feed for one in whole.entries] == ["Post", "Wire", "Ledger", "Wire", "Wire"]
    assert [(outlet.name, outlet.reports) for outlet in whole.outlets] == [("Post", 1), ("Wire", 3), ("Ledger", 1)]
    assert {id_: len(mine) for id_, mine in whole.by_outlet.items()} == {
        outlet.feed_id: outlet.reports for outlet in whole.outlets
    }
    assert whole.first.feed == "Post"
    assert whole.lead in whole.entries
    assert [report.entry for report in whole.timeline] == list(whole.entries)
    assert len(whole.origins) == 4
    assert whole.topic == "World"
    (changed,) = whole.edits.values()
    assert "".join(run.text for run in changed[0].title if run.kind == "added").strip() == "16"
    assert [one.feed for one in story(ferry, 1, now=NOW, as_of=ago(6)).entries] == ["Post", "Wire"]  # type: ignore[union-attr]


def test_a_story_is_found_by_a_number_it_had_before_it_was_merged(ferry: Store) -> None:
    with writing(ferry.engine) as connection:
        connection.execute(update(t.entries).where(t.entries.c.id == 5).values(story_id=1))
    whole = story(ferry, 5, now=NOW)
    assert whole is not None
    assert whole.id == 1
    assert len(whole.entries) == 5


def test_a_story_of_which_nothing_is_left_is_none(ferry: Store) -> None:
    assert story(ferry, 99, now=NOW) is None
    assert story(ferry, 1, now=NOW, as_of=ago(100)) is None
    for feed in ferry.feeds():
        ferry.remove_feed(feed.id, now=NOW)
    assert story(ferry, 1, now=NOW) is None


def test_a_date_of_long_ago_is_no_first_report(store: Store) -> None:
    collect(store, subscribe(store, "guide"), entry("g", f"{FERRY}: guide", at=ago(24 * 200)), at=ago(20))
    told(store, "post", FERRY, at=19)
    Stories(store).group()
    (card,) = front(store, now=NOW).cards
    whole = story(store, card.id, now=NOW)
    assert whole is not None
    assert len(whole.entries) == 2
    assert (card.first_feed, whole.first.feed) == ("Post", "Post")


# ---------------------------------------------------------------- what is new


def kinds(store: Store, since: datetime, now: datetime = NOW, **more: object) -> dict[int, list[tuple[str, str]]]:
    return {
        id_: [(new.kind, new.text) for new in news]
        for id_, news in fresh(store, since, now=now, **more).items()  # type: ignore[arg-type]
    }


def test_what_is_new_is_what_came_since(ferry: Store) -> None:
    assert kinds(ferry, ago(6)) == {
        1: [("outlet", "Ledger"), ("report", f"{FERRY}: inquiry begins")],
        5: [("story", RATES)],
    }
    assert kinds(ferry, ago(6), among={5}) == {5: [("story", RATES)]}
    assert kinds(ferry, ago(2)) == {}
    assert kinds(ferry, ago(6), now=ago(4)) == {1: [("outlet", "Ledger")]}


def test_what_is_collected_after_a_look_is_new_though_it_is_dated_before(store: Store) -> None:
    told(store, "post", FERRY, at=5)
    look = ago(5) + timedelta(minutes=2)
    assert list(kinds(store, look).values()) == [[("story", FERRY)]]


def test_an_edit_is_new_and_so_is_a_figure_that_moved(store: Store) -> None:
    told(store, "post", "Lady Corran ferry sinks: 5 killed", at=6, key="a")
    told(store, "wire", "Lady Corran ferry sinks off Ellery: 9 killed", at=5)
    told(store, "post", "Lady Corran ferry sinks off Tolmin: 5 killed", at=1, key="a", url="https://post.example/a")
    told(store, "wire", "Lady Corran ferry sinks off Ellery: 12 killed", at=0.5)
    (news,) = fresh(store, ago(2), now=NOW).values()
    assert [(new.kind, new.text, new.about) for new in news] == [
        ("figure", "9 → 12", "dead"),
        ("report", "Lady Corran ferry sinks off Ellery: 12 killed", ""),
        ("edit", "Lady Corran ferry sinks off Tolmin: 5 killed", ""),
    ]
    assert news[2].at == ago(1) + timedelta(minutes=5)
    assert list(kinds(store, ago(2), ago(0.7)).values()) == [[("edit", "Lady Corran ferry sinks off Tolmin: 5 killed")]]
    assert [new.text for new in fresh(store, ago(5.5), now=ago(4)).popitem()[1] if new.kind == "figure"] == ["5 → 9"]


def test_outlets_that_told_it_long_ago_are_not_new(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "MOST_READ", 2)
    told(store, "post", FERRY, at=9)
    for number in range(3):
        told(store, "wire", f"{FERRY}, hour {number}", at=8 - number)
    told(store, "post", f"{FERRY} again", at=1)
    assert list(kinds(store, ago(2)).values()) == [[("report", f"{FERRY} again")]]


@given(st.integers(0, 6), st.integers(0, 6))
def test_what_is_new_names_each_entry_that_came_once_and_no_other(before: int, after: int) -> None:
    entries = [
        Entry(n, n, n % 3, f"feed{n % 3}", "", "en", "", f"Title {n}", "", "", "", ago(20 - n), ago(20 - n), 0, False)
        for n in range(before + after)
    ]
    news = what_is_new(entries[:before], entries, since=ago(20 - before) - timedelta(minutes=1))
    if before:
        assert sorted(new.entry.id for new in news) == list(range(before, before + after))
        assert len({new.text for new in news if new.kind == "outlet"}) == max(
            0, min(3, before + after) - min(3, before)
        )
    else:
        assert [new.kind for new in news] == ["story"] * bool(after)
    assert what_is_new(entries, entries, since=NOW) == ()


def test_entries_of_other_feeds_do_not_change_what_a_filter_finds_new(ferry: Store) -> None:
    ledger = next(feed.id for feed in ferry.feeds() if feed.title == "Ledger")
    assert kinds(ferry, ago(6), wanted=Filter(feeds=(ledger,))) == {
        1: [("story", f"{FERRY}: captain questioned")],
        5: [("story", RATES)],
    }


def test_a_card_is_the_same_each_time_it_is_asked_for(ferry: Store) -> None:
    assert front(ferry, now=NOW) == front(ferry, now=NOW)
    assert replace(front(ferry, now=NOW + hours(1)).cards[0], weight=0, hours=()) == replace(
        front(ferry, now=NOW).cards[0], weight=0, hours=()
    )
