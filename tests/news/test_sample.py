import json
import re
from collections import defaultdict
from datetime import UTC, datetime, timedelta, timezone
from urllib.parse import urlsplit

import pytest

from news import sample
from news.parse import parse
from news.sample import QUESTIONS, SampleFeed, edition
from news.terms import terms
from news.types import ParsedEntry, ParsedFeed

NOW = datetime(2026, 11, 22, 12, 30, 45, tzinfo=UTC)
WRITTEN = json.loads(sample.SAMPLE.read_text(encoding="utf-8"))
TITLES = {outlet["id"]: outlet["title"] for outlet in WRITTEN["outlets"]}


def read(feed: SampleFeed, body: int = -1, now: datetime = NOW) -> ParsedFeed:
    return parse(feed.bodies[body][1], feed.url, {}, now=now)


@pytest.fixture(scope="module")
def newest() -> dict[str, ParsedFeed]:
    """Each outlet's last body as the parser reads it, by the outlet's title."""
    return {feed.title: read(feed) for feed in edition(NOW)}


def written(article: dict) -> dict:
    """The last wording of an article."""
    return article.get("later", [article])[-1]


def entry(newest: dict[str, ParsedFeed], article: dict) -> ParsedEntry:
    (found,) = (
        entry for entry in newest[TITLES[article["outlet"]]].entries if entry.url.endswith("/" + article["slug"])
    )
    return found


def stories() -> dict[str, list[dict]]:
    found = defaultdict(list)
    for article in WRITTEN["articles"]:
        if "story" in article:
            found[article["story"]].append(article)
    return found


def test_the_edition_has_many_outlets_and_stories_told_by_several():
    assert len(edition(NOW)) >= 7
    assert 55 <= len(WRITTEN["articles"]) <= 70
    tellings = [{article["outlet"] for article in articles} for articles in stories().values()]
    assert len(tellings) >= 12
    assert all(2 <= len(outlets) <= 5 for outlets in tellings)
    assert sum("story" not in article for article in WRITTEN["articles"]) >= 10


def test_the_parser_reads_every_article_word_for_word(newest):
    for article in WRITTEN["articles"]:
        parsed = entry(newest, article)
        assert parsed.title == written(article)["headline"]
        assert parsed.text == "\n\n".join(written(article)["text"])
        assert parsed.author == article.get("author", "") or not article.get("author")
        assert article["category"] in parsed.categories
        assert parsed.key == parsed.url
    assert sum(len(feed.entries) for feed in newest.values()) == len(WRITTEN["articles"])
    assert sum(feed.dropped for feed in newest.values()) == 0


def test_the_feeds_are_of_three_formats_and_say_who_and_in_which_language_they_are(newest):
    assert {feed.kind for feed in newest.values()} == {"rss20", "atom10", "rss10"}
    for feed in edition(NOW):
        parsed = newest[feed.title]
        assert parsed.title == feed.title
        assert parsed.language.lower() == feed.language.lower()
        assert urlsplit(parsed.site_url).hostname == urlsplit(feed.url).hostname


def test_several_languages_tell_the_same_stories(newest):
    languages = {TITLES[outlet["id"]]: outlet["language"][:2] for outlet in WRITTEN["outlets"]}
    told = {
        story: {languages[TITLES[article["outlet"]]] for article in articles} for story, articles in stories().items()
    }
    assert sum(len(spoken) > 1 for spoken in told.values()) >= 6
    assert {"en", "es", "de"} <= set().union(*told.values())


@pytest.mark.parametrize(
    ("story", "figures"),
    [
        ("ferry", {"post": "41", "wire": "38", "diario": "38", "tageblatt": "41", "radio": "29"}),
        ("rates", {"wire": "5.8 percent", "ledger": "5.9%", "tageblatt": "5,9 Prozent"}),
        ("storm", {"wire": "3,200", "diario": "3.500", "post": "3,500"}),
        ("recall", {"switchyard": "19 fires", "ledger": "17 fires"}),
        ("hack", {"post": "Eleven clinics", "wire": "14 clinics"}),
        ("merger", {"ledger": "1,100", "wire": "900", "post": "600"}),
        ("capes", {"whistle": "fourteen", "wire": "12 riders", "diario": "catorce"}),
        ("doors", {"lantern": "Thirty-four", "wire": "31 artefacts", "diario": "34 piezas"}),
        ("octopus", {"lodestone": "4,730", "wire": "5,000"}),
        ("wren", {"switchyard": "34 languages", "ledger": "32 languages"}),
    ],
)
def test_outlets_differ_in_their_figures(newest, story, figures):
    articles = {article["outlet"]: article for article in stories()[story]}
    for outlet, figure in figures.items():
        parsed = entry(newest, articles[outlet])
        assert figure in f"{parsed.title} {parsed.text}"
    assert len({re.sub(r"\D", "", figure) or figure for figure in figures.values()}) > 1


def test_edited_articles_have_each_wording_in_the_body_of_its_time():
    edited = [article for article in WRITTEN["articles"] if "later" in article]
    assert len(edited) >= 2
    for article in edited:
        (feed,) = (feed for feed in edition(NOW) if feed.title == TITLES[article["outlet"]])
        seen = {}
        for body, (collected_at, _) in enumerate(feed.bodies):
            for found in read(feed, body).entries:
                if found.url.endswith("/" + article["slug"]):
                    seen.setdefault((found.title, found.text), (collected_at, found.key, found.published_at))
        wordings = [article, *article["later"]]
        assert [title for title, _ in seen] == [wording["headline"] for wording in wordings]
        assert len({key for _, key, _ in seen.values()}) == 1
        assert len({published_at for _, _, published_at in seen.values()}) == 1
        for wording, (collected_at, _, _) in zip(wordings, seen.values(), strict=True):
            hours = (NOW - collected_at) / timedelta(hours=1)
            assert hours == pytest.approx(wording["hours_ago"], abs=0.02)
        figures = [set(re.findall(r"\d+", " ".join([wording["headline"], *wording["text"]]))) for wording in wordings]
        assert wordings[0]["headline"] != wordings[1]["headline"]
        assert figures[0] != figures[1]


def test_no_body_knows_of_what_came_after_it():
    for feed in edition(NOW):
        moments = [collected_at for collected_at, _ in feed.bodies]
        assert moments == sorted(set(moments))
        assert moments[-1] == NOW.replace(second=0)
        for body, moment in enumerate(moments):
            assert all(found.published_at <= moment for found in read(feed, body).entries)


def test_the_articles_are_of_the_last_four_days(newest):
    ages = [NOW - found.published_at for feed in newest.values() for found in feed.entries]
    assert min(ages) > timedelta(0)
    assert max(ages) <= timedelta(days=4, minutes=1)
    for day in range(4):
        assert any(timedelta(days=day) <= age < timedelta(days=day + 1) for age in ages)


def test_the_same_minute_gives_the_same_bytes_and_the_next_day_other_articles():
    assert edition(NOW) == edition(NOW.replace(second=2).astimezone(timezone(timedelta(hours=5, minutes=30))))
    today = {found.key for feed in edition(NOW) for found in read(feed).entries}
    tomorrow = NOW + timedelta(days=1)
    assert not today & {found.key for feed in edition(tomorrow) for found in read(feed, now=tomorrow).entries}


def test_everything_is_marked_as_a_sample_and_nothing_can_be_a_real_address(newest):
    for feed in edition(NOW):
        assert re.search(r"\((sample|muestra|Muster)\)$", feed.title)
        assert urlsplit(feed.url).hostname.endswith(".example")
        assert b"invented" in feed.bodies[-1][1]
        assert all(urlsplit(found.url).hostname.endswith(".example") for found in newest[feed.title].entries)


def test_articles_are_the_length_of_a_wire_item(newest):
    for feed in newest.values():
        for found in feed.entries:
            assert 60 <= len(found.text.split()) <= 165, found.title
            assert 6 <= len(found.title.split()) <= 14, found.title
            assert "\n\n" in found.text


def test_each_question_has_an_article_that_speaks_of_most_of_it(newest):
    assert len(QUESTIONS) == 5
    entries = [found for feed in newest.values() for found in feed.entries]
    for question in QUESTIONS:
        asked = set(terms(question))
        shared = max(len(asked & set(terms(f"{found.title} {found.text}"))) / len(asked) for found in entries)
        assert shared >= 0.6, question
