"""The app on Postgres: a question is answered, kept, and found again, whatever becomes of the connections."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from streamlit.testing.v1 import AppTest

import pages
from news import parse
from news.editions import load_sample
from news.sample import QUESTIONS
from tests.pages.conftest import ROOT, App
from tests.pages.test_ask import ask, chat_of, turns
from tests.postgres_server import PostgresServer


@pytest.fixture
def server(postgres: PostgresServer) -> Iterator[PostgresServer]:
    """A Postgres of this test's own."""
    server = PostgresServer(synchronous_commit="on")
    server.start()
    yield server
    server.close()


@pytest.fixture
def app_url(server: PostgresServer) -> str:
    return server.url()


def test_an_answer_is_kept_and_shown_again_when_the_database_has_been_away(
    app: App, server: PostgresServer, shown: Callable[[AppTest], str]
) -> None:
    load_sample(app.store, parse, now=pages.now())
    at = app.open()
    ask(at, QUESTIONS[0])
    (turn,) = turns(app, at)
    assert (turn.state, turn.question) == ("done", QUESTIONS[0])
    server.stop(at_once=True)
    server.start()
    again = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30)
    again.query_params["c"] = chat_of(at)
    again.run()
    assert not again.exception
    assert QUESTIONS[0].removesuffix("?") in shown(again)
    ask(again, QUESTIONS[1])
    assert [turn.question for turn in turns(app, at)] == list(QUESTIONS[:2])


def test_a_database_that_is_away_is_a_sentence(
    app: App, server: PostgresServer, shown: Callable[[AppTest], str]
) -> None:
    app.store.engine.update_execution_options(patience_s=0.1)
    at = app.open()
    server.stop()
    at.run()
    assert not at.exception
    assert "The database cannot be reached; what was kept is safe. Try again in a moment." in shown(at)
    server.start()
    at.run()
    assert not at.exception
    assert "cannot be reached" not in shown(at)
