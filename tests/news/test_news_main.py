"""The command line, as processes of its own: what it prints, where, and with which status."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from news.__main__ import main
from tests import feeds
from tests.conftest import NOW
from tests.feed_server import FeedServer
from tests.news.made import ago

ROOT = Path(__file__).parents[2]
MOMENT, LATER = "2026-06-10T12:00:00Z", "2026-06-10T14:00:00Z"


class Shell:
    """Runs `python -m news` on a database of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.database = folder / "news.db"
        self.settings = {"DATABASE_URL": f"sqlite:///{self.database}", "ALLOW_PRIVATE_FEEDS": "1"}

    def __call__(self, *words: str, status: int = 0, **settings: str) -> tuple[str, str]:
        """What the verb printed on stdout and stderr."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if name not in ("GROQ_API_KEY", "DATABASE_URL", "ALLOW_PRIVATE_FEEDS")
        }
        done = subprocess.run(
            [sys.executable, "-W", "error", "-m", "news", *words],
            cwd=ROOT, env={**kept, **self.settings, **settings}, capture_output=True, timeout=60, check=False,
        )  # fmt: skip
        told = done.stdout.decode("utf-8"), done.stderr.decode("utf-8")
        assert done.returncode == status, told
        assert "Traceback" not in told[1]
        return told

    def json(self, *words: str, status: int = 0, **settings: str) -> dict[str, Any]:
        """The one JSON object that the verb printed."""
        out, err = self(*words, "--json", status=status, **settings)
        assert err == ""
        found = json.loads(out)
        assert isinstance(found, dict)
        return found


@pytest.fixture
def news(tmp_path: Path, empty_database: Path) -> Shell:
    shell = Shell(tmp_path)
    shell.database.write_bytes(empty_database.read_bytes())
    return shell


@pytest.fixture
def server() -> Iterator[FeedServer]:
    with FeedServer() as server:
        yield server


def item(key: str, title: str, hours: float, summary: str = "") -> feeds.Item:
    return feeds.entry(title, guid=key, link=f"https://outlet.example/{key}", summary=summary, date=ago(hours))


def test_every_verb_as_a_process_of_its_own(news: Shell, server: FeedServer) -> None:
    server.serve(
        "/one", feeds.rss(item("a", "Volcano erupts", 6, "Ash fell."), item("b", "火山が噴火", 3), title="One")
    )
    server.serve("/two", feeds.atom(item("c", "Flights halted by volcano", 1), title="Outlet Two"))
    out, err = news(
        "add", server.url("/one"), server.url("/two"), server.url("/dead"), "--topic", "World", "--now", MOMENT
    )
    assert (out, err) == ("3 feeds added, 0 there already.\n", "")

    report = news.json("refresh", "--now", MOMENT)
    assert 0 < report.pop("seconds") < 60
    (failure,) = report.pop("failures")
    assert failure["url"] == server.url("/dead")
    assert failure["reason"].endswith(".")
    assert report == {"feeds": 3, "updated": 2, "unchanged": 0, "failed": 1, "skipped": 0, "new": 3, "edited": 0}
    found = news.json("search", "volcano", "--now", LATER)
    assert [sorted(result) for result in found["results"]] == [
        ["feed", "passage", "published_at", "rank", "score", "title", "url"]
    ] * 2
    assert [result["rank"] for result in found["results"]] == [1, 2]
    assert {(result["feed"], result["title"], result["url"]) for result in found["results"]} == {
        ("One", "Volcano erupts", "https://outlet.example/a"),
        ("Outlet Two", "Flights halted by volcano", "https://outlet.example/c"),
    }
    assert (found["horizon"]["feeds"], found["horizon"]["articles"]) == (2, 3)
    out, _ = news("search", "火山", "--now", LATER, PYTHONIOENCODING="ascii", LC_ALL="C")
    assert "1. 火山が噴火" in out
    assert out.endswith("Searched 3 articles of 2 feeds.\n")

    stats = news.json("stats")
    assert {name: stats[name] for name in ("feeds", "failing", "entries", "versions", "edited")} == {
        "feeds": 3, "failing": 1, "entries": 3, "versions": 3, "edited": 0,
    }  # fmt: skip
    assert stats["newest"] == "2026-06-10T11:00:00+00:00"

    out, _ = news("export")
    listed = news.folder / "list.opml"
    listed.write_text(out, "utf-8")
    out, err = news("import", str(listed), DATABASE_URL=f"sqlite:///{news.folder / 'new' / 'other.db'}")
    assert (out, err) == ("3 feeds added, 0 there already.\n", "")
    out, _ = news("prune", "--now", (NOW + timedelta(days=100)).isoformat())
    assert out == "3 articles deleted.\n"
    assert news("add", "javascript:alert(1)", status=2)[1].count("\n") == 1


def test_a_reader_that_has_had_enough_is_no_traceback(news: Shell) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "news", "stats"],
        cwd=ROOT, env={**os.environ, **news.settings}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout
    process.stdout.close()  # long before there is anything to print
    assert process.stderr
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(30) == 1


# ---------------------------------------------------------------- in this process, which is quicker


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(news: Shell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run one verb here; its status, stdout and stderr."""
    for name, value in news.settings.items():
        monkeypatch.setenv(name, value)

    def run_it(*words: str) -> tuple[int, str, str]:
        try:
            status = main(words)
        except SystemExit as end:
            status = int(str(end.code))
        out, err = capsys.readouterr()
        return status, out, err

    return run_it


def told(run: Run, *words: str) -> dict[str, Any]:
    status, out, err = run(*words, "--json")
    assert (status, err) == (0, "")
    found = json.loads(out)
    assert isinstance(found, dict)
    return found


def test_the_clock_of_a_replay_decides_what_is_due_known_and_edited(run: Run, server: FeedServer) -> None:
    rest = [item("b", "Budget talks", 3)]
    server.serve("/one", feeds.rss(item("a", "Volcano: ten hurt", 6), *rest), etag='"1"')
    assert run("add", server.url("/one"), "--now", MOMENT)[0] == 0
    assert told(run, "refresh", "--now", MOMENT)["new"] == 2
    assert told(run, "refresh", "--now", MOMENT)["feeds"] == 0, "nothing is due yet"
    assert told(run, "refresh", "--all", "--now", MOMENT)["unchanged"] == 1
    server.serve("/one", feeds.rss(item("a", "Volcano: twelve hurt", 6), *rest), etag='"2"')
    report = told(run, "refresh", "--now", LATER)
    assert (report["updated"], report["new"], report["edited"]) == (1, 0, 1)

    def titles(*words: str) -> list[str]:
        return [result["title"] for result in told(run, "search", "volcano", "--now", LATER, *words)["results"]]

    assert titles() == ["Volcano: twelve hurt"]
    assert titles("--as-of", "2026-06-10T13:59:59Z") == ["Volcano: ten hurt"]
    assert titles("--as-of", "2026-06-10T15:00:00+03:00") == ["Volcano: ten hurt"]
    assert titles("--as-of", "2026-06-10T05:59:59") == []
    assert titles("--since", "2026-06-10T06:00") == ["Volcano: twelve hurt"]
    assert titles("--since", "2026-06-10T06:01") == titles("--until", "2026-06-10T06:00") == []
    assert told(run, "search", "volcano budget", "--k", "1", "--now", LATER)["horizon"]["articles"] == 2
    assert len(told(run, "search", "volcano budget", "--k", "1", "--now", LATER)["results"]) == 1


def test_a_refresh_says_in_words_what_came_and_what_failed_and_why(run: Run, server: FeedServer) -> None:
    server.serve("/one", feeds.rss(item("a", "A", 1)))
    run("add", server.url("/one"), server.url("/dead"))
    status, out, err = run("refresh")
    assert status == 0
    assert re.fullmatch(r"2 feeds: 1 updated, 0 unchanged, 1 failed\. 1 new article, 0 edited, [\d.]+ s\.\n", out)
    assert re.fullmatch(re.escape(server.url("/dead")) + r": [^\n]+\.\n", err)


def test_adding_and_importing_twice_adds_once(run: Run, tmp_path: Path) -> None:
    urls = ("https://a.example/feed", "HTTPS://A.example:443/feed#top", "https://b.example/feed")
    assert run("add", *urls) == (0, "2 feeds added, 1 there already.\n", "")
    (tmp_path / "list.opml").write_text(run("export")[1])
    assert run("import", str(tmp_path / "list.opml")) == (0, "0 feeds added, 2 there already.\n", "")


def test_a_refresh_of_which_nothing_worked_has_status_one_and_says_why(run: Run, server: FeedServer) -> None:
    run("add", server.url("/dead"))
    status, out, _ = run("refresh", "--json")
    report = json.loads(out)
    assert (status, report["feeds"], report["failed"]) == (1, 1, 1)
    assert report["failures"][0]["reason"].endswith(".")


def test_private_addresses_are_refused_unless_they_are_allowed(
    run: Run, server: FeedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.serve("/one", feeds.rss(item("a", "A", 1)))
    run("add", server.url("/one"))
    monkeypatch.setenv("ALLOW_PRIVATE_FEEDS", "")
    assert run("add", server.url("/two"))[0] == 2, "its port is not one of the public ones"
    status, out, _ = run("refresh", "--json")
    assert (status, json.loads(out)["failures"][0]["url"]) == (1, server.url("/one"))
    assert server.requests == []
    monkeypatch.setenv("ALLOW_PRIVATE_FEEDS", "yes")
    assert told(run, "refresh", "--all")["updated"] == 1


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("sing",),
        ("add",),
        ("add", "not a url"),
        ("add", "ftp://example.org/feed"),
        ("add", "javascript:alert(1)"),
        ("add", "https://good.example/feed", "https://user:pw@example.org/"),
        ("import",),
        ("import", "no/such/file.opml"),
        ("import", "."),
        ("search",),
        ("search", "two", "words"),
        ("search", "volcano", "--k", "0"),
        ("search", "volcano", "--k", "many"),
        ("search", "volcano", "--k", "²"),
        ("search", "volcano", "--since", "yesterday"),
        ("search", "volcano", "--as-of", "2026-13-40"),
        ("stats", "--now", "0001-01-01T00:00:00+14:00"),
        ("prune", "--now", "9999-12-31T23:59:59Z"),
        ("prune", "--now", "1"),
        ("refresh", "--every"),
        ("stats", "extra"),
    ],
)
def test_a_bad_argument_is_one_sentence_and_status_two(run: Run, words: tuple[str, ...]) -> None:
    status, out, err = run(*words)
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert err.endswith(".\n")
    assert run("stats", "--json")[1].startswith('{"feeds": 0,'), "nothing was half done"


@pytest.mark.parametrize("verb", ["", "add", "import", "export", "refresh", "search", "stats", "prune"])
def test_every_verb_has_its_help(run: Run, verb: str) -> None:
    status, out, err = run(*[verb][: bool(verb)], "--help")
    assert (status, err) == (0, "")
    assert out.startswith("usage: python -m news")
    assert not verb or "--now ISO" in out


def test_a_file_that_is_no_list_is_one_sentence_and_status_one(run: Run, tmp_path: Path) -> None:
    for name, data in (("a.png", b"\x89PNG\r\n\x1a\n\0\0"), ("empty", b""), ("page.html", b"<!doctype html><p>Hi")):
        (tmp_path / name).write_bytes(data)
        status, out, err = run("import", str(tmp_path / name))
        assert (status, out) == (1, "")
        assert err.count("\n") == 1


def test_outlines_that_are_no_feeds_are_named_and_the_rest_is_kept(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "list.opml"
    path.write_text(
        '<opml version="2.0"><body><outline text="World"><outline type="rss" text="A" xmlUrl="https://a.example/?x=1&y=2"/>'
        '<outline type="rss" text="B" xmlUrl="file:///etc/passwd"/></outline></body></opml>'
    )
    status, out, err = run("import", str(path))
    assert (status, out) == (0, "1 feed added, 0 there already.\n")
    assert err.count("\n") == 1
    assert run("export")[1].count("https://a.example/?x=1&amp;y=2") == 1


def test_a_database_that_cannot_be_used_is_one_sentence_and_status_one(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "a.jpg").write_bytes(b"no database " * 100)
    for url, told in (
        ("nonsense", "DATABASE_URL"),
        (f"sqlite:///{tmp_path}", "cannot be opened"),
        (f"sqlite:///{tmp_path / 'a.jpg' / 'news.db'}", "cannot be made"),
        (f"sqlite:///{tmp_path / 'a.jpg'}", "damaged"),
    ):
        monkeypatch.setenv("DATABASE_URL", url)
        for words in (("stats", "--json"), ("refresh",), ("search", "volcano")):
            status, out, err = run(*words)
            assert (status, out) == (1, "")
            assert err.count("\n") == 1
            assert told in err


def test_a_search_that_finds_nothing_worked(run: Run) -> None:
    status, out, _ = run("search", "zeppelin", "--json")
    assert status == 0
    assert json.loads(out)["results"] == []
    assert run("search", '"')[0] == 0
    assert run("search", "")[0] == 0


def test_half_a_character_in_an_argument_breaks_nothing(run: Run) -> None:
    assert run("search", "vol\udcffcano")[0] == 0
    assert run("add", "https://a.example/feed", "--topic", "half \udcff")[0] == 0


def test_topic_titles_and_counts_read_well(run: Run) -> None:
    assert run("add", "https://a.example/feed", "--topic", "World")[1] == "1 feed added, 0 there already.\n"
    assert 'text="World"' in run("export")[1]
    assert run("prune")[1] == "0 articles deleted.\n"
