"""python -m llm ask, as a program: its answers, its JSON, its exit status, and what it says when it fails."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from llm.__main__ import main
from news.store import Store
from tests.conftest import NOW
from tests.groq_server import GroqServer
from tests.news.made import ago, collect, entry, subscribe

ROOT = Path(__file__).parents[2]


@pytest.fixture
def news(store: Store, database: Path) -> Path:
    """A database with two outlets that tell of one strike, and one of them later in other words."""
    harbour, ledger = subscribe(store, "harbour"), subscribe(store, "ledger")
    told = "Dockers in Oslo began a strike on Tuesday. About 400 workers took part."
    collect(store, harbour, entry("strike", "Dockers strike in Oslo", told, at=ago(5)), at=ago(4))
    collect(
        store, ledger, entry("port", "Port at a standstill", "The Oslo dockers' strike stopped 12 ships.", at=ago(3))
    )
    collect(store, harbour, entry("strike", "Dockers strike in Oslo", told.replace("400", "650"), at=ago(5)), at=ago(1))
    return database


def run(database: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("GROQ", "DATABASE"))}
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "llm", *words],
        cwd=ROOT,
        env={**inherited, "DATABASE_URL": f"sqlite:///{database}", "PYTHONIOENCODING": "utf-8", **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


def answered(database: Path, *words: str, **environment: str) -> dict[str, Any]:
    done = run(database, "ask", *words, "--json", **environment)
    assert (done.returncode, done.stderr) == (0, "")
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_without_a_key_it_quotes_outlets_with_links_and_says_so_in_json(news):
    told = answered(news, "How many dockers took part in the Oslo strike?", "--now", NOW.isoformat())
    assert {"answer", "state", "citations", "ledger", "usage", "model"} <= told.keys()
    assert (told["state"], told["model"], told["usage"]) == ("done", "extractive", None)
    assert {citation["feed"] for citation in told["citations"]} == {"Harbour", "Ledger"}
    assert set(told["citations"][0]) == {"n", "title", "url", "feed", "published_at", "passage"}
    assert told["citations"][0]["url"].startswith("https://outlet.example/")
    assert all(f"[{citation['n']}]" in told["answer"] for citation in told["citations"])
    assert told["ledger"]["used"] <= told["ledger"]["budget"]
    assert "About 650 workers" in told["answer"]


def test_as_of_a_moment_only_what_was_known_then_is_told(news):
    told = answered(news, "How many dockers took part in the Oslo strike?", "--as-of", ago(3.5).isoformat())
    assert "About 400 workers" in told["answer"]
    assert {citation["feed"] for citation in told["citations"]} == {"Harbour"}


def test_the_answer_streams_as_text_with_its_sources_below(news):
    done = run(news, "ask", "dockers strike Oslo", "--now", NOW.isoformat(), "--k", "1")
    assert (done.returncode, done.stderr) == (0, "")
    answer, sources = done.stdout.split("\n\nSources\n")
    assert answer.startswith("From one outlet, ")
    assert sources.startswith("[1] ")
    assert "https://outlet.example/" in sources


def test_with_a_key_the_model_is_asked_with_the_passages(news):
    with GroqServer() as server:
        server.says("Dockers struck in Oslo [1]. Ships waited [2].\x1b[31m")
        done = run(
            news, "ask", "dockers strike Oslo", "--now", NOW.isoformat(),
            GROQ_API_KEY="gsk_canary", GROQ_BASE_URL=server.url, GROQ_MODEL="openai/gpt-oss-20b",
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Dockers struck in Oslo [1]. Ships waited [2].")
    assert "\x1b" not in done.stdout
    assert done.stdout.count("https://outlet.example/") == 2
    assert server.last.body["model"] == "openai/gpt-oss-20b"
    system, question = server.last.messages
    assert "2026-06-10" in system["content"]
    assert '"outlet":"Harbour"' in question["content"]


def test_any_server_with_openais_paths_answers_without_a_key_with_the_model_it_has(news):
    with GroqServer(models=[{"id": "nomic-embed-text"}, {"id": "qwen3:4b"}], strict=True) as server:
        text = (
            "Dockers struck [1].\n\n<next>\nHow long will the strike last?\nWho pays?!? Dockers?\nWhich ships waited?"
        )
        server.says(text)
        told = answered(news, "dockers strike Oslo", "--now", NOW.isoformat(), GROQ_BASE_URL=server.url)
    assert (told["model"], told["answer"]) == ("qwen3:4b", "Dockers struck [1].")
    assert [server.listings[0].path, server.last.path] == ["/v1/models", "/v1/chat/completions"]
    assert told["follow_ups"] == ["How long will the strike last?", "Who pays?!? Dockers?", "Which ships waited?"]
    assert 0 < told["first_s"] <= told["seconds"]
    assert told["tokens_per_s"] is None or told["tokens_per_s"] > 0
    assert told["resumable"] is False
    assert (told["ledger"]["how"], told["ledger"]["bound"]) == ("estimate", "budget")


def test_an_address_with_v1_and_a_model_asks_for_no_list(news):
    with GroqServer() as server:
        server.says("Dockers struck [1].")
        told = answered(
            news, "dockers", "--now", NOW.isoformat(), GROQ_BASE_URL=f"{server.url}/v1", GROQ_MODEL="gpt-oss:20b"
        )
    assert (told["model"], server.listings, server.last.path) == ("gpt-oss:20b", [], "/v1/chat/completions")


def test_a_refused_key_is_one_sentence_and_status_1(news):
    with GroqServer(keys=["gsk_good"]) as server:
        done = run(news, "ask", "dockers", GROQ_API_KEY="gsk_canary", GROQ_BASE_URL=server.url)
    assert (done.returncode, done.stdout) == (1, "")
    assert len(done.stderr.strip().splitlines()) == 1
    assert "gsk_canary" not in done.stderr


def test_an_answer_that_breaks_off_keeps_its_text_and_is_status_1(news):
    with GroqServer() as server:
        server.says("Dockers struck in Oslo [1]. Ships", mode="clean_eof")
        done = run(
            news,
            "ask",
            "dockers strike",
            "--json",
            "--now",
            NOW.isoformat(),
            GROQ_API_KEY="gsk_x",
            GROQ_BASE_URL=server.url,
        )
    told = json.loads(done.stdout)
    assert (done.returncode, told["state"]) == (1, "interrupted")
    assert told["answer"].startswith("Dockers struck in Oslo [1].")
    assert done.stderr.strip() == told["reason"] != ""


@pytest.mark.parametrize(
    "words",
    [
        [], ["ask"], ["ask", "  "], ["tell", "x"], ["ask", "x", "--as-of", "yesterday"], ["ask", "x", "--k", "0"],
        ["ask", "x", "--nonsense"],
    ],
)  # fmt: skip
def test_a_bad_argument_is_one_sentence_and_status_2(words, capsys):
    with pytest.raises(SystemExit) as left:
        main(words)
    told = capsys.readouterr()
    assert (left.value.code, told.out) == (2, "")
    assert len(told.err.strip().splitlines()) == 1


def test_a_database_that_cannot_be_used_is_one_sentence_and_status_1(monkeypatch, capsys):
    monkeypatch.setenv("DATABASE_URL", "nonsense://x")
    assert main(["ask", "dockers"]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert "DATABASE_URL" in told.err


def test_an_empty_database_is_an_honest_answer(database, monkeypatch, capsys):
    monkeypatch.delenv("GROQ_API_KEY", raising=False)
    monkeypatch.delenv("GROQ_BASE_URL", raising=False)
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{database}")
    assert main(["ask", "dockers", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["answer"] == "The stored articles do not cover this."
