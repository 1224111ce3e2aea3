"""A few seconds of fuzzing in every run; `python -m tests.fuzz_parse` goes on for as long as one likes."""

from __future__ import annotations

import itertools

import pytest

from news.errors import ParseError
from news.types import ParsedEntry, ParsedFeed
from tests import fuzz_parse


def test_eighty_damaged_feeds_end_in_a_feed_or_an_error_of_ours() -> None:
    report = fuzz_parse.run(20260610, until=lambda so_far: so_far.inputs == 80)
    assert report.findings == []
    assert report.inputs == 80
    # It is a trial only if both ends are met.
    assert report.kinds["rss20"] > 10
    assert report.kinds["NotAFeed"] > 5


def test_every_seed_of_the_fuzzing_can_be_read_but_the_page() -> None:
    answers = [fuzz_parse.answer(body, "") for body in fuzz_parse.corpus()]
    assert [str(answer)[:8] for answer in answers if isinstance(answer, str)] == ["NotAFeed"]
    assert len({answer.kind for answer in answers if isinstance(answer, ParsedFeed)}) >= 5


def test_the_same_seed_gives_the_same_inputs() -> None:
    once, again = (list(itertools.islice(fuzz_parse.inputs(7), 50)) for _ in range(2))
    assert once == again
    assert len(set(once)) > 45


@pytest.mark.parametrize(
    "bad",
    [
        ParsedEntry(key="1", url="", title="a\u202eb", text="", published_at=None),
        ParsedEntry(key="1", url="", title="", text="x", published_at=None),
        ParsedEntry(key="1", url="javascript:x", title="a", text="", published_at=None),
        ParsedEntry(key="1", url="", title="a", text="\x07", published_at=None),
    ],
)
def test_the_fuzzing_sees_what_is_wrong(bad: ParsedEntry) -> None:
    assert fuzz_parse.faults(ParsedFeed("", "", "", "rss20", (bad,)))


def test_the_fuzzing_sees_an_error_that_is_not_of_the_family(monkeypatch: pytest.MonkeyPatch) -> None:
    def parse(*_: object, **__: object) -> ParsedFeed:
        raise KeyError("oh")

    monkeypatch.setattr(fuzz_parse, "parse", parse)
    report = fuzz_parse.run(1, until=lambda so_far: so_far.inputs == 3)
    assert [words for words, _ in report.findings] == ["KeyError: 'oh'"] * 3
    assert not issubclass(KeyError, ParseError)
