"""What watches a process that was started by asgi.py: whether it is ready, and its figures."""

from __future__ import annotations

import logging
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from metrics import Metrics
from storage.engine import StorageError, check, connect
from tests.browser.app_server import ROOT, AppServer
from tests.postgres_server import PostgresServer


def get(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def figures(page: str) -> dict[str, float]:
    """What Prometheus would read, by name and labels."""
    return {
        f"{sample.name}{''.join(f' {label}={value}' for label, value in sorted(sample.labels.items()))}": sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


@pytest.fixture
def metrics() -> Iterator[Metrics]:
    counted = Metrics(lambda: {"streams_running": ("Answers being written", 3)})
    counted.begin()
    yield counted
    counted.close()


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> logging.Logger:
    for name in ("pages", "llm", "news"):
        caplog.set_level(logging.INFO, name)
    return logging.getLogger("news.test")


def test_figures_are_counted_from_the_events_of_the_log(metrics: Metrics, log: logging.Logger) -> None:
    ended = {"state": "done", "prompt": 1_000, "cached": 400, "completion": 50, "first_s": 0.4, "seconds": 3.0}
    log.info("answered", extra=ended)
    log.info("answered", extra=ended | {"state": "failed", "prompt": 0, "cached": 0, "completion": 0, "seconds": 0.0})
    log.info("feed", extra={"feed": 1, "host": "x.example", "outcome": "updated", "new": 7})
    log.info("feed", extra={"feed": 2, "host": "x.example", "outcome": "failed", "error": "gone"})
    log.info("refused", extra={"scope": "address", "span": "day"})
    log.warning("request_failed", extra={"error": "RateLimited", "said": "429"})
    log.info("retry", extra={"tried": 1})
    log.info("searched", extra={"passages": 8, "seconds": 0.02})
    log.info("answered by nobody, which is no event")
    told = figures(metrics.page().decode())
    expected = {
        "broadsheet_answers_total state=done": 1,
        "broadsheet_answers_total state=failed": 1,
        "broadsheet_answer_seconds_sum": 3.0,
        "broadsheet_answer_seconds_count": 1,
        "broadsheet_tokens_total kind=prompt": 1_000,
        "broadsheet_tokens_total kind=cached": 400,
        "broadsheet_tokens_total kind=completion": 50,
        "broadsheet_refreshes_total outcome=updated": 1,
        "broadsheet_refreshes_total outcome=failed": 1,
        "broadsheet_articles_total": 7,
        "broadsheet_budget_refusals_total scope=address span=day": 1,
        "broadsheet_request_failures_total error=RateLimited": 1,
        "broadsheet_retries_total": 1,
        "broadsheet_search_seconds_count": 1,
        "broadsheet_streams_running": 3,
    }
    assert {name: told.get(name) for name in expected} == expected
    assert told["process_resident_memory_bytes"] > 1e6


def test_what_is_so_now_is_asked_only_when_somebody_looks() -> None:
    asked = []

    def gauges() -> dict[str, tuple[str, float]]:
        asked.append(1)
        return {"feeds_due": ("Feeds that are due", len(asked))}

    counted = Metrics(gauges)
    assert asked == []
    assert figures(counted.page().decode())["broadsheet_feeds_due"] == 1
    assert figures(counted.page().decode())["broadsheet_feeds_due"] == 2


def test_a_database_of_another_version_is_not_ready(database: Path) -> None:
    engine = connect(f"sqlite:///{database}")
    check(engine)
    for version, sentence in (("0001", "older Broadsheet"), ("9999", "newer Broadsheet")):
        with sqlite3.connect(database) as connection:
            connection.execute("UPDATE alembic_version SET version_num = ?", (version,))
        connection.close()
        with pytest.raises(StorageError, match=sentence):
            check(engine)
    engine.dispose()


@pytest.fixture
def own_server(postgres: PostgresServer) -> Iterator[PostgresServer]:
    server = PostgresServer()
    server.start()
    yield server
    server.close()


def test_a_process_is_ready_while_its_database_answers_and_its_figures_are_there_anyway(
    own_server: PostgresServer, tmp_path: Path
) -> None:
    with AppServer(tmp_path, script="asgi.py", DATABASE_URL=own_server.url()) as app:
        assert get(f"{app.url}/ready") == (200, "ready\n")
        assert figures(get(f"{app.url}/metrics")[1])["broadsheet_feeds_due"] == 0
        own_server.stop()
        status, sentence = get(f"{app.url}/ready")
        assert (status, sentence) == (
            503,
            "The database cannot be reached; what was kept is safe. Try again in a moment.\n",
        )
        told = figures(get(f"{app.url}/metrics")[1])
        assert told["broadsheet_streams_running"] == 0
        assert "broadsheet_feeds_due" not in told
        own_server.start()
        assert get(f"{app.url}/ready") == (200, "ready\n")
        lines = [line for line in app.log.splitlines() if line.startswith("time=")]
    assert any("event=started database=postgresql access=personal" in line for line in lines)


def test_a_setting_that_cannot_be_read_is_told_as_a_reason(tmp_path: Path) -> None:
    with AppServer(tmp_path, script="asgi.py", READER_LIMITS="many") as app:
        status, sentence = get(f"{app.url}/ready")
    assert status == 503
    assert sentence.startswith("A setting of limits cannot be read:")


def test_without_the_client_of_prometheus_the_app_starts_and_has_no_figures() -> None:
    script = "import sys; sys.modules['prometheus_client'] = None; import asgi; print([r.path for r in asgi.ROUTES])"
    ran = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "['/ready']"
