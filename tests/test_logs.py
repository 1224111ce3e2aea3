"""The log is a line an event, whatever is in it."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
from websockets.asyncio.client import connect as connect_socket

from llm.redact import Redact
from logs import KeyValues, question
from news.editions import load_sample
from news.parse import ParserPool
from news.store import Store
from storage.engine import connect
from tests.bench.readers import KEY, Reader, Seen
from tests.browser.app_server import ROOT, AppServer
from tests.groq_server import GroqServer

HOSTILE = 'Rain"\n\r\u2028\x85time=2026 level=info event=forged \x1b[31m red \u202e Ελλάδα'


def line(message: str, *args: object, level: int = logging.INFO, **extra: object) -> str:
    """How this would be written, by a handler as `begin` makes it."""
    record = logging.getLogger("news.test").makeRecord("news.test", level, "x.py", 1, message, args, None, extra=extra)
    assert Redact().filter(record)
    return KeyValues().format(record)


def read(text: str) -> dict[str, str]:
    """What a program reads from a line: plain values, and JSON strings."""
    pairs = re.findall(r'(\w+)=("(?:[^"\\]|\\.)*"|[^ "]*)(?: |$)', text)
    assert " ".join(f"{name}={value}" for name, value in pairs) == text
    return {name: json.loads(value) if value.startswith('"') else value for name, value in pairs}


def test_an_event_is_a_line_of_keys_and_values() -> None:
    told = read(line("refreshed", host="post.example", new=3, seconds=0.25))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", told.pop("time"))
    assert told == {
        "level": "info", "from": "news.test", "event": "refreshed", "host": "post.example", "new": "3",
        "seconds": "0.250",
    }  # fmt: skip


def test_a_sentence_is_text_and_no_event() -> None:
    told = read(line("No vocabulary (%s): tokens are estimated.", "OSError", level=logging.WARNING))
    assert told["text"] == "No vocabulary (OSError): tokens are estimated."
    assert "event" not in told


@pytest.mark.parametrize("hostile", [HOSTILE, "", " ", "=", 'a"b', "a b=c", "\\", "\ud800", "\x00"])
def test_nothing_in_a_value_ends_its_value_or_its_line(hostile: str) -> None:
    for written in (line("feed", error=hostile, new=1), line("It failed: %s", hostile)):
        assert written.isascii()
        assert len(written.splitlines()) == 1
    assert read(line("feed", error=hostile, new=1))["error"] == hostile
    assert read(line("feed", error=hostile, new=1))["new"] == "1"
    assert read(line("It failed: %s", hostile))["text"] == f"It failed: {hostile}"


def test_a_traceback_stays_in_its_line_and_keeps_no_key() -> None:
    try:
        raise ValueError("gsk_canaryCANARYcanary and\nevent=forged")
    except ValueError:
        record = logging.LogRecord("llm", logging.ERROR, "x.py", 1, "feed_failed", (), sys.exc_info())
    Redact().filter(record)
    told = read(KeyValues().format(record))
    assert told["event"] == "feed_failed"
    assert "ValueError: [hidden] and\nevent=forged" in told["trace"]


def test_keys_and_passwords_are_hidden_in_every_value() -> None:
    written = line(
        "feed", error="Bearer abcdef", url="https://me:secret@x.example/", key="gsk_abcdefgh", org="org_01abcdef"
    )
    assert not re.search("abcdef|secret", written)
    assert read(written)["error"] == "Bearer [hidden]"


def test_a_long_value_is_cut() -> None:
    assert len(read(line("feed", error="x" * 100_000))["error"]) < 3_000


def test_what_a_thread_does_for_a_question_carries_its_id_and_what_others_do_does_not() -> None:
    written = []

    def answer() -> None:
        question.set("0123456789ab")
        written.append(line("searched", passages=8))

    thread = threading.Thread(target=answer)
    thread.start()
    thread.join()
    assert read(written[0])["question"] == "0123456789ab"
    assert "question" not in read(line("searched", passages=8))


def test_a_process_that_began_writes_all_that_is_logged_in_it_this_way() -> None:
    script = (
        "import logging, logs; import streamlit.logger as s; other = s.get_logger('streamlit.web'); logs.begin(); "
        "logs.begin(); logging.getLogger('news.x').info('looked', extra={'due': 2}); other.error('odd\\nthing'); "
        "logging.getLogger('httpx').info('POST with a prompt'); logging.getLogger('news.x').debug('small')"
    )
    ran = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    told = [read(one) for one in ran.stderr.splitlines()]
    assert [(one["from"], one.get("event"), one.get("text")) for one in told] == [
        ("news.x", "looked", None),
        ("streamlit.web", None, "odd\nthing"),
    ]


WORDS = "Which secret does Kestrel keep in the harbour?"


def test_all_that_is_done_for_a_question_is_told_under_one_id_and_nothing_of_what_it_says(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'broadsheet.db'}"
    engine = connect(url)
    with ParserPool(1) as parser:
        load_sample(Store(engine), parser, now=datetime.now(UTC))
    engine.dispose()
    with GroqServer() as model:
        model.fails(500, message="Kestrel is ill.", of_question=True).says("Nobody reports what Kestrel keeps.")
        with AppServer(tmp_path, DATABASE_URL=url, GROQ_API_KEY=KEY, GROQ_BASE_URL=model.url) as app:
            with ThreadPoolExecutor(1) as aside:  # another test's browser may have a loop in this thread
                seen = aside.submit(asyncio.run, asked(app, WORDS)).result()
            assert any("Nobody reports" in text for text in seen.answer.values())
            lines = [read(line) for line in app.log.splitlines() if line.startswith("time=")]
        printed = app.log
    ids = {line["question"] for line in lines if "question" in line}
    assert len(ids) == 1
    steps = ["asked", "searched", "request_failed", "retry", "requested", "answered"]
    assert [line["event"] for line in lines if "question" in line and line["event"] in steps] == steps
    (ended,) = [line for line in lines if line.get("event") == "answered"]
    assert (ended["state"], ended["prompt"], ended["completion"]) == ("done", "421", "58")
    assert float(ended["seconds"]) > 0
    for secret in ("Kestrel", "harbour", KEY, "127.0.0.1/", "Nobody"):
        assert secret not in printed


async def asked(app: AppServer, words: str) -> Seen:
    """What a reader sees who asks this."""
    address = f"ws://127.0.0.1:{app.port}/_stcore/stream"
    async with connect_socket(address, subprotocols=["streamlit"], max_size=None) as socket:
        reader = Reader(socket)
        await reader.open()
        return await reader.ask(words)
