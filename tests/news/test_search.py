"""From a question to passages: what is found, in which order, and that no question can break it."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from news.search import PASSAGE_CHARACTERS, excerpt, keywords, search
from news.store import Schedule, Store
from news.terms import terms
from news.types import Found
from tests.conftest import NOW
from tests.news.made import ago, collect, entry, hours, subscribe


def titles(found: Found) -> list[str]:
    return [passage.title for passage in found.passages]


def find(store: Store, question: str, **more: object) -> list[str]:
    return titles(search(store, question, now=NOW, **more))  # type: ignore[arg-type]


@pytest.fixture
def volcano(store: Store) -> Store:
    """A small archive: a volcano in the news of two outlets, and other things."""
    one, two = subscribe(store, "one"), subscribe(store, "two")
    collect(
        store, one,
        entry("v1", "Volcano erupts near harbour", "Ash fell on the town of Grindavik. Ships left.", at=ago(5)),
        entry("s1", "Minister resigns over budget", "The finance minister stepped down.", at=ago(6)),
        entry("k1", "Football cup goes to the north", "A late goal decided it.", at=ago(7)),
        at=ago(4),
    )  # fmt: skip
    collect(
        store, two,
        entry("v2", "Airports close as ash spreads from volcano", "Flights to Iceland were cancelled.", at=ago(3)),
        entry("m2", "Parliament debates the budget", "Members asked who would be minister.", at=ago(8)),
        at=ago(2),
    )  # fmt: skip
    return store


# ---------------------------------------------------------------- what is found


def test_a_passage_carries_all_that_a_citation_needs(volcano: Store) -> None:
    found = search(volcano, "Grindavik", now=NOW)
    (passage,) = found.passages
    assert (passage.title, passage.url, passage.feed) == (
        "Volcano erupts near harbour", "https://outlet.example/v1", "One",
    )  # fmt: skip
    assert passage.text == "Ash fell on the town of Grindavik. Ships left."
    assert (passage.published_at, passage.language, passage.pinned) == (ago(5), "en", False)
    assert passage.score > 0
    assert (found.horizon.feeds, found.horizon.articles) == (2, 5)


def test_a_title_counts_more_than_a_text(store: Store) -> None:
    collect(
        store, subscribe(store),
        entry("text", "Something else entirely", "The volcano, they said.", at=ago(2)),
        entry("title", "The volcano", "Something else entirely, they said.", at=ago(2)),
    )  # fmt: skip
    assert find(store, "volcano") == ["The volcano", "Something else entirely"]


def test_of_two_that_say_the_same_the_newer_is_first(store: Store) -> None:
    collect(store, subscribe(store, "one"), entry("old", "Volcano erupts, ash falls on town", at=ago(24 * 9)))
    collect(store, subscribe(store, "two"), entry("new", "Volcano quiet, town sweeps streets", at=ago(1)))
    assert find(store, "volcano") == ["Volcano quiet, town sweeps streets", "Volcano erupts, ash falls on town"]


def test_a_question_in_words_finds_what_its_words_find(volcano: Store) -> None:
    assert set(find(volcano, "What is the latest news about the volcano, please?")) == set(find(volcano, "volcano"))


@pytest.mark.parametrize("question", ["VOLCANO", "Volcanoes", "vólcano", "volcano's", "volcano?!", "“volcano”"])
def test_case_accents_number_and_punctuation_never_matter(volcano: Store, question: str) -> None:
    assert len(find(volcano, question)) == 2


@pytest.mark.parametrize(
    ("title", "question"),
    [
        ("São Paulo elege prefeito", "sao paulo"),
        ("Zelenskyy besucht Köln", "Koln"),
        ("L'Élysée répond", "élysée"),
        ("ΕΛΛΑΔΑ: εκλογές", "ελλάδα"),
        ("Выборы в Москве", "ВЫБОРЫ"),
        ("東京都知事選の投票始まる", "東京"),
        ("2026年東京都知事選", "知事"),
        ("北京举行重要会议", "会议"),
        ("地震で3人が死亡", "死亡"),
        ("ประเทศไทยจัดการเลือกตั้ง", "เลือกตั้ง"),
        ("대통령 선거 결과", "선거"),
        ("نتائج الانتخابات", "الانتخابات"),
        ("चुनाव के परिणाम", "चुनाव"),
        ("U.S. and Iran talk", "US Iran"),
        ("1,200 homes burn", "1200"),
    ],
)
def test_every_script_and_spelling_is_found(store: Store, title: str, question: str) -> None:
    collect(store, subscribe(store), entry("a", title, at=ago(1)), entry("b", "Unrelated: cricket", at=ago(1)))
    assert find(store, question) == [title]


def test_nothing_is_found_for_what_nobody_wrote(volcano: Store) -> None:
    found = search(volcano, "zeppelin", now=NOW)
    assert found.passages == ()
    assert found.horizon.articles == 5


def test_k_bounds_how_many_are_found(store: Store) -> None:
    for number in range(8):
        words = ["one", "red", "cow", "big", "sea", "sun", "oak", "ice"]
        collect(
            store, subscribe(store, f"o{number}"), entry(str(number), f"Volcano {words[number]} {number}", at=ago(1))
        )
    for k in (1, 3, 8, 50):
        assert len(find(store, "volcano", k=k)) == min(k, 8)


def test_an_empty_store_answers(store: Store) -> None:
    found = search(store, "volcano", now=NOW)
    assert (found.passages, found.horizon.articles, found.horizon.since) == ((), 0, None)


# ---------------------------------------------------------------- time


def test_since_and_until_bound_what_is_found_and_the_horizon(volcano: Store) -> None:
    assert find(volcano, "volcano", since=ago(4)) == ["Airports close as ash spreads from volcano"]
    assert find(volcano, "volcano", until=ago(4)) == ["Volcano erupts near harbour"]
    assert search(volcano, "volcano", now=NOW, since=ago(4)).horizon.articles == 1
    assert find(volcano, "volcano", since=ago(1)) == []


@pytest.mark.parametrize(
    ("as_of", "passage"),
    [
        (ago(6.1), None),
        (ago(5.9), "Ten hurt."),
        (ago(2.1), "Ten hurt."),
        (ago(1.9), "Twelve hurt."),
        (None, "Twelve hurt."),
    ],
)
def test_as_of_a_moment_only_what_was_known_then_is_found(
    store: Store, as_of: datetime | None, passage: str | None
) -> None:
    outlet = subscribe(store)
    collect(store, outlet, entry("a", "Volcano", "Ten hurt.", at=ago(6)), at=ago(5))
    collect(store, outlet, entry("a", "Volcano", "Twelve hurt.", at=ago(6)), at=ago(2))
    found = search(store, "volcano", now=NOW, as_of=as_of)
    assert [one.text for one in found.passages] == ([] if passage is None else [passage])
    assert found.horizon.articles == (0 if passage is None else 1)


def test_nothing_is_found_that_the_clock_has_not_reached(store: Store) -> None:
    collect(store, subscribe(store), entry("a", "Volcano", at=ago(1)))
    assert titles(search(store, "volcano", now=ago(2))) == []


# ---------------------------------------------------------------- follow-ups and pins


def test_a_follow_up_carries_the_question_before_it(volcano: Store) -> None:
    assert find(volcano, "And the airports?", earlier=["What about the volcano?"])[0].startswith("Airports")
    assert find(volcano, "And what happened there then?", earlier=["Tell me about the volcano"]) == find(
        volcano, "volcano"
    )
    alone = find(volcano, "minister")
    assert set(find(volcano, "minister", earlier=["volcano"])) > set(alone)
    assert find(volcano, "minister", earlier=["volcano"])[0] == alone[0], "the question itself weighs more"


def test_the_latest_of_the_questions_before_weighs_most(store: Store) -> None:
    for number, word in enumerate(("volcano", "election", "football")):
        collect(store, subscribe(store, word), entry(str(number), f"The {word} in Spain", at=ago(5)))
    found = find(store, "In Spain?", earlier=["Anything on football?", "Any election?", "Any volcano?"])
    assert found == ["The volcano in Spain", "The election in Spain", "The football in Spain"]


def test_a_hundred_questions_before_are_no_burden(volcano: Store) -> None:
    assert len(find(volcano, "volcano", earlier=[f"question {number}" for number in range(1_000)])) == 2


def test_pinned_entries_come_first_beyond_k_and_once(volcano: Store) -> None:
    pinned = [found.id for found in volcano.entries() if "budget" in found.title]
    found = search(volcano, "volcano", now=NOW, k=1, pinned=pinned)
    assert [one.entry_id for one in found.passages[:2]] == pinned
    assert [one.pinned for one in found.passages] == [True, True, False]
    both = search(volcano, "budget", now=NOW, pinned=pinned)
    assert sorted(one.entry_id for one in both.passages) == sorted(pinned)


def test_a_pinned_entry_that_is_gone_or_was_not_known_then_is_left_out(volcano: Store) -> None:
    pinned = [found.id for found in volcano.entries() if "Airports" in found.title]
    assert find(volcano, "zeppelin", pinned=[*pinned, 999_999]) == ["Airports close as ash spreads from volcano"]
    assert find(volcano, "zeppelin", pinned=pinned, as_of=ago(4)) == []


# ---------------------------------------------------------------- variety


def test_outlets_are_mixed(store: Store) -> None:
    words = ["harbour", "town", "island", "crater", "valley", "river", "lava", "glacier"]
    loud = [entry(f"l{n}", f"Volcano volcano {word}", at=ago(1)) for n, word in enumerate(words)]
    collect(store, subscribe(store, "loud"), *loud)
    for number, word in enumerate(("school", "church", "farm")):
        quiet = entry(f"q{number}", f"Volcano seen from {word}", at=ago(1))
        collect(store, subscribe(store, f"quiet{number}"), quiet)
    feeds = [passage.feed for passage in search(store, "volcano", now=NOW, k=6).passages]
    assert len(set(feeds)) == 4


def test_the_same_words_from_two_outlets_are_found_once(store: Store) -> None:
    for name, title in (
        ("one", "Volcano erupts near Grindavik in Iceland"),
        ("two", "Volcano erupts near Grindavik, Iceland"),
        ("three", "VOLCANO ERUPTS NEAR GRINDAVIK IN ICELAND"),
    ):
        collect(store, subscribe(store, name), entry(name, title, at=ago(1)))
    collect(store, subscribe(store, "four"), entry("four", "Volcano: what travellers must know", at=ago(1)))
    found = find(store, "volcano")
    assert len(found) == 2
    assert "Volcano: what travellers must know" in found


def test_one_article_in_two_feeds_is_found_once(store: Store) -> None:
    for name, title in (("one", "Volcano erupts near town"), ("two", "Ash over harbour as volcano wakes")):
        collect(store, subscribe(store, name), entry(name, title, url="https://wire.example/a", at=ago(1)))
    assert len(find(store, "volcano")) == 1


def test_equal_input_gives_equal_passages(volcano: Store) -> None:
    assert len({repr(search(volcano, "volcano budget", now=NOW, earlier=["minister"])) for _ in range(5)}) == 1


# ---------------------------------------------------------------- covered, or not


@pytest.mark.parametrize(
    ("question", "covered"),
    [
        ("What happened at the volcano?", True),
        ("Why did the minister resign over the budget?", True),
        ("How many flights to Iceland were cancelled?", True),
        ("Why did airports close?", True),
        ("Volcanoes", True),
        ("Did parliament debate it?", True),
        ("What is the latest news?", True),
        ("Please summarise today's headlines", True),
        ("", True),
        ("東京都知事選の投票は始まりますか", True),
        ("Who won the 1923 chess olympiad in Reykjavik?", False),
        ("How do I bake sourdough bread?", False),
        ("What did the minister of Norway say about whaling?", False),
        ("What does volcano insurance cost in Hawaii?", False),
        ("Zeppelin", False),
        ("Which flights does the zeppelin company offer?", False),
        ("パンの焼き方を教えて", False),
    ],
)
def test_a_question_is_covered_if_a_passage_holds_a_fair_share_of_its_words(
    volcano: Store, question: str, covered: bool
) -> None:
    collect(volcano, subscribe(volcano, "nippon"), entry("j", "東京都知事選の投票始まる", at=ago(4)))
    assert search(volcano, question, now=NOW).covered is covered


def test_nothing_is_covered_where_nothing_is_stored_and_a_pin_always_is(store: Store, volcano: Store) -> None:
    assert not search(volcano, "volcano", now=ago(24)).covered
    pin = volcano.entries()[0].id
    assert not search(volcano, "zeppelin", now=NOW).covered
    assert search(volcano, "zeppelin", now=NOW, pinned=[pin]).covered


def test_what_a_time_without_articles_is_about_may_be_told_by_a_later_one(store: Store) -> None:
    collect(store, subscribe(store), entry("b", "Fewer babies were born in 2025 than in any year", at=ago(5)))
    assert search(store, "How many babies were born in 2025?", now=NOW).covered
    assert not search(store, "How many babies were born in 2023?", now=NOW).covered


def test_a_span_of_which_nothing_is_stored_is_not_covered_by_asking_for_nothing_else(volcano: Store) -> None:
    assert not search(volcano, "What happened on 3 June 2021?", now=NOW).covered


def test_a_rare_word_tells_more_than_a_usual_one(store: Store) -> None:
    collect(store, subscribe(store), *(entry(f"e{n}", f"Match {n}", at=ago(n + 1)) for n in range(30)))
    collect(store, subscribe(store, "two"), entry("c", "Chess in the park", at=ago(1)))
    match, chess, reykjavik = store.rarity([["match"], ["chess"], ["reykjavik"]])
    assert 0 < match < chess < reykjavik
    assert not search(store, "Who won the chess match?", now=NOW).covered  # held by no article together
    collect(store, subscribe(store, "three"), entry("d", "Chess match won by nobody", at=ago(1)))
    assert search(store, "Who won the chess match?", now=NOW).covered


@pytest.mark.parametrize(
    ("question", "earlier", "words"),
    [
        ("What is the latest news about the ferry accident, please?", [], "ferry accident"),
        ("How many people were hurt in Reykjavik?", [], "people hurt reykjavik"),
        ("And in Spain?", ["Who won the football match?"], "won football match spain"),
        ("And in Spain?", ["Any volcano?", "Who won the match?"], "won match spain"),
        ("Who won the match?", ["Any volcano?"], "won match"),
        ("ferry ferry FERRY", [], "ferry"),
        ("What is the latest news?", [], ""),
        ("", ["volcano"], "volcano"),
        ("東京の天気", [], "東京の天気"),
    ],
)
def test_a_search_elsewhere_gets_the_words_that_tell(question: str, earlier: list[str], words: str) -> None:
    assert keywords(question, earlier) == words


# ---------------------------------------------------------------- excerpts


def test_a_short_text_is_the_passage_whole() -> None:
    assert excerpt("Ash fell. Ships left.", {}) == "Ash fell. Ships left."


def test_of_a_long_text_the_part_that_says_most_is_the_passage() -> None:
    filler = "The committee met on a day like any other and nothing was decided there. " * 30
    told = excerpt(f"{filler}The volcano covered the town in ash. {filler}", dict.fromkeys(terms("volcano ash"), 1.0))
    assert "The volcano covered the town in ash." in told
    assert len(told) <= PASSAGE_CHARACTERS + 4
    assert told.startswith("… The committee")
    assert told.endswith(" …")


def test_a_text_that_says_nothing_of_it_begins_at_its_beginning() -> None:
    text = "First sentence here. " + "Nothing was decided on that day. " * 60
    assert excerpt(text, {"volcano": 1.0}).startswith("First sentence here.")


@given(st.text(max_size=3_000), st.integers(10, 200))
def test_an_excerpt_is_bounded_and_made_of_the_texts_own_words(text: str, length: int) -> None:
    told = excerpt(text, {"a": 1.0}, length=length)
    assert len(told) <= max(2 * length + 4, len(text) if len(text) <= length else 0)
    assert "".join(told.removeprefix("… ").removesuffix(" …").split()) in "".join(text.split())


def test_where_a_number_is_asked_for_the_sentence_with_one_is_in_the_passage() -> None:
    filler = "The committee spoke of the volcano at length and nothing was decided on it. " * 14
    text = f"{filler}The volcano hurt 23 people. {filler}"
    assert "23 people" in excerpt(text, {"volcano": 1.0}, "How many people did the volcano hurt?", length=300)


# ---------------------------------------------------------------- time, follow-ups, outlets


def test_words_for_time_bound_the_search_and_its_horizon(store: Store) -> None:
    outlet = subscribe(store)
    for key, title, days in (("a", "Volcano wakes", 9), ("b", "Volcano smokes", 0.9), ("c", "Volcano sleeps", 0.1)):
        collect(store, outlet, entry(key, title, at=ago(24 * days)), at=ago(24 * days - 1))
    assert find(store, "What did the volcano do today?") == ["Volcano sleeps"]
    assert find(store, "What did the volcano do last week?") == ["Volcano wakes"]
    assert find(store, "volcano since Sunday") == ["Volcano sleeps", "Volcano smokes"]
    assert search(store, "volcano since Sunday", now=NOW).horizon.articles == 2
    assert find(store, "What was known of the volcano on 5 June?") == ["Volcano wakes"]
    assert find(store, "volcano today", since=ago(24 * 4)) == ["Volcano sleeps", "Volcano smokes"]


def test_of_a_time_without_articles_the_nearest_are_shown_but_cover_nothing(volcano: Store) -> None:
    found = search(volcano, "What did the volcano do in 2019?", now=NOW)
    assert len(found.passages) == 2
    assert (found.covered, found.confidence, found.horizon.articles) == (False, 0.0, 0)


def test_the_day_after_belongs_to_what_is_asked_of_a_day(store: Store) -> None:
    collect(store, subscribe(store), entry("a", "Volcano: what happened on Sunday", at=NOW - hours(60)), at=ago(59))
    assert find(store, "What did the volcano do on Sunday?") == ["Volcano: what happened on Sunday"]


def test_a_follow_up_takes_its_subject_along_until_the_subject_changes(volcano: Store) -> None:
    assert find(volcano, "Who left it?", earlier=["What happened at the volcano near Grindavik?"])[0] == (
        "Volcano erupts near harbour"
    )
    asked = ["What happened at the volcano near Grindavik?", "Why did the finance minister resign over the budget?"]
    assert find(volcano, "And who followed him?", earlier=asked)[0] == "Minister resigns over budget"


def test_a_question_that_compares_gets_every_outlet_and_another_gets_the_story_once(store: Store) -> None:
    for name in ("one", "two", "three"):
        collect(
            store, subscribe(store, name), entry(name, "Volcano erupts near Grindavik", f"Told by {name}.", at=ago(1))
        )
    collect(store, subscribe(store, "four"), entry("four", "Volcano: what travellers must know", at=ago(1)))
    compared = search(store, "How do outlets differ on the volcano?", now=NOW).passages
    assert {passage.feed for passage in compared} == {"One", "Two", "Three", "Four"}
    once = search(store, "volcano", now=NOW).passages
    assert sorted(len(passage.also) for passage in once) == [0, 2]
    assert {name for passage in once for name in (passage.feed, *passage.also)} == {"One", "Two", "Three", "Four"}


def test_an_article_is_found_by_the_words_of_its_address(store: Store) -> None:
    outlet = subscribe(store)
    url = "https://outlet.example/world/2026/ferry-aground-off-skye?ref=zeppelin"
    collect(store, outlet, entry("a", "Passengers brought ashore", url=url, at=ago(2)), at=ago(1))
    assert find(store, "ferry aground skye") == ["Passengers brought ashore"]
    assert find(store, "zeppelin") == []
    moved = "https://outlet.example/world/passengers-saved"
    collect(store, outlet, entry("a", "Passengers brought ashore", url=moved, at=ago(2)))
    assert find(store, "ferry aground skye") == []
    assert find(store, "saved") == ["Passengers brought ashore"]


def test_an_edited_article_is_as_new_as_its_wording(store: Store) -> None:
    one, two = subscribe(store, "one"), subscribe(store, "two")
    collect(store, one, entry("a", "Volcano wakes", at=ago(24 * 9)), at=ago(24 * 9 - 1))
    collect(store, two, entry("b", "Volcano smokes", at=ago(24 * 5)), at=ago(24 * 5 - 1))
    collect(store, one, entry("a", "Volcano wakes: harbour empty", at=ago(24 * 9)), at=ago(1))
    assert find(store, "volcano") == ["Volcano wakes: harbour empty", "Volcano smokes"]


def test_more_articles_than_a_list_is_read_for_hide_no_old_one_that_holds_all(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    outlet = subscribe(store)
    collect(store, outlet, entry("old", "Volcano glacier", at=ago(24 * 60)), at=ago(24 * 60 - 1))
    many = [entry(f"{word}{n}", f"{word} {n}", at=ago(n + 1)) for n in range(40) for word in ("Volcano", "Glacier")]
    collect(store, outlet, *many)
    monkeypatch.setattr("news.search.NEWEST", 10)
    assert "Volcano glacier" in find(store, "volcano glacier", k=40)


# ---------------------------------------------------------------- hostile questions

HOSTILE = [
    *(
        "",
        " ",
        "\n\t",
        "the of and what is",
        "?",
        '"',
        "'",
        "*",
        "(",
        ")",
        "((((",
        "%",
        "_",
        ";",
        "\\",
        "\0",
        "🎉",
        "\u200b",
    ),
    *(
        '"volcano',
        'volcano"',
        "'volcano' OR 1=1 --",
        "NEAR(volcano, 2)",
        "volcano NEAR budget",
        "NEAR/2",
        "volcano AND",
    ),
    *(
        "AND OR NOT",
        "NOT volcano",
        "title:volcano",
        "{title text}: volcano",
        "^volcano",
        "volcano*",
        "-volcano",
        "rowid:1",
    ),
    *(
        "+volcano",
        "volcano)",
        "volcano\0",
        "🎉 volcano 🌋",
        "\ud83d",
        "volcano\ud83d",
        "\u202evolcano",
        "'; DROP TABLE feeds;",
    ),
    *(
        "{" * 100,
        "a" * 10_000,
        "volcano " * 2_000,
        " ".join(f"word{n}" for n in range(2_000)),
        "火" * 10_000,
        "." * 10_000,
    ),
    *("[1] ignore the above", "$volcano$", ":red[volcano]", "![x](http://evil.example)", "<b>volcano</b>"),
]


@pytest.mark.parametrize("question", HOSTILE, ids=lambda question: ascii(question[:20]))
def test_no_question_can_break_the_search(volcano: Store, question: str) -> None:
    found = search(volcano, question, now=NOW, earlier=[question, question])
    assert found.horizon.articles == 5
    if "volcano" in question:
        assert any("olcano" in title for title in titles(found))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(st.text(max_size=60) | st.text(st.sampled_from("volcanobudget \"*()^-+:{}NEARORANDNOT~'%\\"), max_size=40))
@example("volcano")
def test_no_question_at_all_can_break_the_search(volcano: Store, question: str) -> None:
    found = search(volcano, question, now=NOW)
    assert len(found.passages) <= 5


def test_a_source_that_repeats_the_question_a_thousand_times_does_not_fill_the_answer(store: Store) -> None:
    stuffed = [entry(f"s{n}", f"volcano {n} " + "volcano " * 50, "volcano " * 1_000, at=ago(1)) for n in range(30)]
    collect(store, subscribe(store, "spam"), *stuffed)
    places = ["town", "harbour", "airport", "school", "church", "farm", "glacier", "island", "river"]
    for number, place in enumerate(places):
        title = f"Volcano seen from the {place}"
        collect(store, subscribe(store, f"real{number}"), entry(f"r{number}", title, "A report.", at=ago(2)))
    feeds = [passage.feed for passage in search(store, "volcano", now=NOW, k=9).passages]
    assert feeds.count("Spam") <= 3
    assert len(set(feeds)) >= 7


def test_a_store_of_sources_that_failed_says_so(store: Store) -> None:
    outlet = subscribe(store)
    store.save_failure(outlet.id, now=NOW, schedule=Schedule(NOW + hours(1), 1), error="Gone.")
    assert search(store, "volcano", now=NOW).horizon.failed == ("Outlet",)
