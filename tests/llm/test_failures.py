"""Every way a model server fails, row by row: how often it is asked, what the reader is told, and what nobody is shown.

`ROWS` is the table. Each row is played by the test server; its number of requests and its sentence are exact. The same
rows then fail with a planted key, organisation and prompt, and nothing of those may come out anywhere.
"""

from __future__ import annotations

import itertools
import logging
import re
import socket
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from llm.assistant import Answer, ask
from llm.base import (
    BadRequest,
    Interrupted,
    KeyRefused,
    Message,
    ModelError,
    ModelGone,
    RateLimited,
    ServerFailed,
    TooLarge,
    Unreachable,
)
from llm.groq import GroqModel
from llm.memory import Memory
from llm.redact import Redact
from news.types import Found, Horizon
from tests.groq_server import MODELS, VOICES, GroqServer, limited_message, too_large_message

BIG = "openai/gpt-oss-120b"
NOON = datetime(2026, 6, 10, 12, tzinfo=UTC)
ORGANISATION = "org_01testorganisation"


@dataclass(frozen=True)
class Row:
    """What the server is told to do, and what must come of it.

    `arrived` is the text the reader keeps. With `ticking` the clock moves four seconds each time anybody looks at it.
    `error` None: the answer has an end, and it is the assistant that tells what is wrong with it.
    """

    name: str
    error: type[ModelError] | None
    sentence: str
    requests: int = 1
    fails: Mapping[str, Any] = field(default_factory=dict)
    says: Mapping[str, Any] = field(default_factory=dict)
    arrived: str = ""
    ticking: bool = False
    nobody_there: bool = False


def limit(what: str, short: str, wait: str) -> dict[str, Any]:
    return {"status": 429, "message": limited_message(BIG, what, short, wait), "code": "rate_limit_exceeded"}


def begun(mode: str, **more: Any) -> dict[str, Any]:
    return {"deltas": ["Frogs ", "in ", "Oslo."], "after": 2, "mode": mode, **more}


TOO_MUCH = "The question and its articles are more than 127.0.0.1 takes at once. Lower the budget in Settings."
TOO_MUCH_OF = TOO_MUCH.replace("at once", "at once (8,000 tokens)")
BUSY = "127.0.0.1 is too busy at the moment{}. Try again soon."
TROUBLE = "127.0.0.1 is in trouble at the moment{}. Try again soon."
GONE = f"127.0.0.1 does not offer the model {BIG} to this key. Choose another one in Settings."
NOWHERE = "There is no chat at this address of 127.0.0.1. Check the server's address in Settings."
UNREACHED = "127.0.0.1 could not be reached. Check the network and the server's address, then try again."
NOT_BEGUN = "The connection to 127.0.0.1 ended before the answer began. Try again."
NO_ANSWER = "127.0.0.1 sent something that is no answer. Try again, or check the server's address in Settings."
IN_MIDST = "127.0.0.1 ended the answer early."
CAPACITY = {"message": f"over capacity in {ORGANISATION}", "status_code": 503}

ROWS = (
    Row("400", BadRequest, "127.0.0.1 did not accept the question (400, error). Ask in other words, or choose another "
        "model.", fails={"status": 400}),
    Row("400 context", TooLarge, TOO_MUCH,
        fails={"status": 400, "code": "context_length_exceeded", "message": "Please reduce the length."}),
    Row("400 decommissioned", ModelGone, GONE,
        fails={"status": 400, "code": "model_decommissioned", "message": f"{BIG} has been decommissioned"}),
    Row("400 terms", KeyRefused, f"The owner of this key has to accept the terms of {BIG} at 127.0.0.1 first.",
        fails={"status": 400, "code": "model_terms_required", "message": "The model requires terms acceptance."}),
    Row("401", KeyRefused, "127.0.0.1 does not accept the key. Check it in Settings.",
        fails={"status": 401, "code": "invalid_api_key", "message": "Invalid API Key"}),
    Row("402", KeyRefused, "The account of this key at 127.0.0.1 has no credit left. Use another key, or none.",
        fails={"status": 402}),
    Row("403", KeyRefused, f"This key may not use {BIG}. Choose another model or another key in Settings.",
        fails={"status": 403}),
    Row("404 model", ModelGone, GONE,
        fails={"status": 404, "code": "model_not_found", "message": f"The model `{BIG}` does not exist"}),
    Row("404 path", BadRequest, NOWHERE,
        fails={"status": 404, "code": "unknown_url"}),
    Row("307", BadRequest, NOWHERE,
        fails={"status": 307, "headers": {"location": "http://127.0.0.1:9/"}}),
    Row("408", ServerFailed, TROUBLE.format(" (408)"), 3, fails={"status": 408}),
    Row("409", ServerFailed, TROUBLE.format(" (409)"), 3, fails={"status": 409}),
    Row("413 tokens", TooLarge, TOO_MUCH_OF,
        fails={"status": 413, "message": too_large_message(BIG, 8_000, 32_979), "code": "rate_limit_exceeded"}),
    Row("413 body", TooLarge, TOO_MUCH, fails={"status": 413, "body": "<html>Too big</html>"}),
    Row("422", BadRequest, "127.0.0.1 could not work with this question (422). Ask it in other words.", 2,
        fails={"status": 422}),
    Row("424", BadRequest, "127.0.0.1 did not accept the question (424, error). Ask in other words, or choose another "
        "model.", fails={"status": 424}),
    Row("429 nothing said", RateLimited, "127.0.0.1 asks for a pause. Try again in a minute.", 3,
        fails={"status": 429}),
    Row("429 short, requests a minute", RateLimited, "The limit of questions a minute at 127.0.0.1 is reached for this "
        "key. It ends at 12:00:06 UTC, in 2 seconds.", 3, fails=limit("requests per minute", "RPM", "2s")),
    Row("429 short, tokens a minute", RateLimited, "The limit of tokens a minute at 127.0.0.1 is reached for this key. "
        "It ends at 12:00:06 UTC, in 2 seconds. A smaller budget in Settings reaches further.", 3,
        fails=limit("tokens per minute", "TPM", "2s")),
    Row("429 long, requests a minute", RateLimited, "The limit of questions a minute at 127.0.0.1 is reached for this "
        "key. It ends at 12:00:50 UTC, in 50 seconds.", fails=limit("requests per minute", "RPM", "50s")),
    Row("429 long, tokens a minute", RateLimited, "The limit of tokens a minute at 127.0.0.1 is reached for this key. "
        "It ends at 12:07:12 UTC, in 7 minutes. A smaller budget in Settings reaches further.",
        fails=limit("tokens per minute", "TPM", "7m12.5s")),
    Row("429 requests a day", RateLimited, "The limit of questions a day at 127.0.0.1 is reached for this key. It ends "
        "at 15:12 UTC, in 3 hours. Another model has a limit of its own.",
        fails=limit("requests per day", "RPD", "3h12m0s")),
    Row("429 tokens a day", RateLimited, "The limit of tokens a day at 127.0.0.1 is reached for this key. It ends at "
        "02:00 UTC on 11 June, in 14 hours. Another model has a limit of its own.",
        fails=limit("tokens per day", "TPD", "14h")),
    Row("429 larger than the limit", TooLarge, TOO_MUCH_OF,
        fails={"status": 429, "message": too_large_message(BIG, 8_000, 32_979), "retry_after": 40}),
    Row("498", ServerFailed, BUSY.format(" (498)"), 3, fails={"status": 498, "code": "capacity_exceeded"}),
    Row("499", BadRequest, "127.0.0.1 did not accept the question (499, error). Ask in other words, or choose another "
        "model.", fails={"status": 499}),
    Row("500", ServerFailed, TROUBLE.format(" (500)"), 3, fails={"status": 500}),
    Row("502", ServerFailed, TROUBLE.format(" (502)"), 3, fails={"status": 502, "body": b"\xff\xfe broken"}),
    Row("503", ServerFailed, BUSY.format(" (503)"), 3, fails={"status": 503}),
    Row("503 for long", ServerFailed, BUSY.format(" (503)"), fails={"status": 503, "retry_after": 3_600}),
    Row("529", ServerFailed, BUSY.format(" (529)"), 3, fails={"status": 529}),
    Row("no connection", Unreachable, UNREACHED, 0, nobody_there=True),
    Row("reset before headers", Unreachable, UNREACHED, 3, fails={"status": 0}),
    Row("stall before headers", Unreachable, "127.0.0.1 did not answer in time. Try again in a moment.",
        says={"mode": "silence"}),
    Row("stall after headers", Unreachable, "127.0.0.1 did not answer in time. Try again in a moment.",
        says={"mode": "stall"}),
    Row("pings only", ServerFailed, "127.0.0.1 kept the line open but sent no answer. Try again in a moment.",
        says={"mode": "pings"}, ticking=True),
    Row("reset before the first word", Unreachable, NOT_BEGUN, 3, says={"mode": "cut"}),
    Row("end before the first word", Unreachable, NOT_BEGUN, 3, says={"mode": "clean_eof"}),
    Row("bad chunk before the first word", ServerFailed, NO_ANSWER, 3, says={"mode": "bad_json"}),
    Row("empty choices and no end", Unreachable, NOT_BEGUN, 3, says={"mode": "wrong_json"}),
    Row("error event before the first word", ServerFailed, BUSY.format(" (503)"), 3,
        says={"mode": "error_event", "error": CAPACITY}),
    Row("error data before the first word", ServerFailed, BUSY.format(" (503)"), 3,
        says={"mode": "error_data", "error": CAPACITY}),
    Row("x_groq.error before the first word", ServerFailed, BUSY.format(""), 3,
        says={"mode": "x_groq_error", "error": CAPACITY}),
    Row("error event of a limit", RateLimited, "The limit of tokens a minute at 127.0.0.1 is reached for this key. It "
        "ends at 12:07:12 UTC, in 7 minutes. A smaller budget in Settings reaches further.",
        says={"mode": "error_event", "error": {"message": limited_message(BIG, "tokens per minute", "TPM", "7m12.5s"),
                                               "code": "rate_limit_exceeded"}}),
    Row("error event of the context", TooLarge, TOO_MUCH,
        says={"mode": "error_event", "error": {"message": "Reduce.", "code": "context_length_exceeded"}}),
    Row("reset", Interrupted, "The connection to 127.0.0.1 ended before the answer did.", says=begun("cut"),
        arrived="Frogs in "),
    Row("end without a finish reason", Interrupted, "The connection to 127.0.0.1 ended before the answer did.",
        says=begun("clean_eof"), arrived="Frogs in "),
    Row("no more bytes", Interrupted, "127.0.0.1 stopped sending in the middle of the answer.", says=begun("stall"),
        arrived="Frogs in "),
    Row("no more than pings", Interrupted, "The answer took too long and was ended.", says=begun("pings"),
        arrived="Frogs in ", ticking=True),
    Row("bad chunk", Interrupted, "127.0.0.1 sent something unreadable in the middle of the answer.",
        says=begun("bad_json"), arrived="Frogs in "),
    Row("chunks of another shape", Interrupted, "The connection to 127.0.0.1 ended before the answer did.",
        says=begun("wrong_json"), arrived="Frogs in "),
    Row("error event", Interrupted, f"{IN_MIDST} {BUSY.format(' (503)')}", says=begun("error_event", error=CAPACITY),
        arrived="Frogs in "),
    Row("error data", Interrupted, f"{IN_MIDST} {BUSY.format(' (503)')}", says=begun("error_data", error=CAPACITY),
        arrived="Frogs in "),
    Row("x_groq.error", Interrupted, f"{IN_MIDST} {BUSY.format('')}", says=begun("x_groq_error", error=CAPACITY),
        arrived="Frogs in "),
    Row("length", None, "The answer reached its length limit.", says=begun("length"), arrived="Frogs in Oslo."),
    Row("content filter", None, "The model gave no answer. Ask again, or choose another model in Settings.",
        says={"mode": "content_filter"}),
    Row("content filter in the middle", None, "The provider's filter ended the answer here.",
        says=begun("content_filter"), arrived="Frogs in Oslo."),
    Row("nothing", None, "The model gave no answer. Ask again, or choose another model in Settings.",
        says={"mode": "empty"}),
    Row("only reasoning", None, "The model used up its reply by thinking. Ask again, or choose a lower effort in "
        "Settings.", says={"reasoning": "Hm.", "mode": "length"}),
)  # fmt: skip


class Time:
    """A clock that moves when somebody sleeps and, `ticking`, four seconds whenever somebody looks."""

    def __init__(self, ticking: bool = False) -> None:
        self.seconds = 0.0
        self.ticks = itertools.count(0, 4 if ticking else 0)

    def __call__(self) -> datetime:
        return NOON + timedelta(seconds=self.seconds + next(self.ticks))

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


@pytest.fixture
def server() -> Iterator[GroqServer]:
    with GroqServer() as server:
        yield server


def a_model(row: Row, server: GroqServer, *, key: str = "gsk_test1234", voiced: bool = False) -> GroqModel:
    """A model that will meet with this row's failure, however often it asks; `voiced`, it knows the live list."""
    clock = Time(row.ticking)
    address = server.url
    if row.nobody_there:
        with socket.socket() as taken:  # bound, but it does not listen
            taken.bind(("127.0.0.1", 0))
            address = f"http://127.0.0.1:{taken.getsockname()[1]}"
    stall_s = 0.5 if row.says.get("mode") in ("silence", "stall") else 30  # a busy machine is no stalled server
    given: dict[str, Any] = {"sleep": clock.sleep, "clock": clock, "memory": Memory(), "fallback": ()}
    model = GroqModel(key, base_url=address, stall_s=stall_s, **given)
    if voiced and not row.nobody_there:
        model.list_models()
    if row.fails:
        server.fails(**row.fails, times=9)
    if row.says:
        server.says(**row.says, times=9)
    return model


def meet(model: GroqModel, question: str = "What rained?") -> tuple[ModelError | None, Answer | None]:
    """What becomes of a question: the error before the first word, or the answer with how it ended."""
    found = Found((), Horizon(0, 0, None, None))
    try:
        answer = ask(question, [], model=model, retrieve=lambda question, earlier: found, now=NOON)
    except ModelError as error:
        return error, None
    list(answer)
    return None, answer


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_each_failure_has_its_error_its_sentence_and_its_number_of_requests(row: Row, server: GroqServer) -> None:
    error, answer = meet(a_model(row, server))
    # With the SDK's own retries left on, three tries would be nine requests.
    assert server.count == row.requests
    assert all(request.done.wait(5) for request in server.requests)
    if answer is None:
        assert type(error) is row.error
        assert (str(error), error.model) == (row.sentence, BIG)
    else:
        assert row.error in (None, Interrupted)
        assert (answer.raw, answer.state, answer.reason) == (row.arrived, "interrupted", row.sentence)


def test_the_table_has_every_status_that_groq_documents() -> None:
    statuses = {row.fails.get("status") for row in ROWS}
    assert statuses >= {400, 401, 403, 404, 408, 409, 413, 422, 424, 429, 498, 499, 500, 502, 503, 529}
    assert len({row.name for row in ROWS}) == len(ROWS)


# Nothing of a key, an organisation or a prompt comes out

PROMPT = "the-canary-of-the-prompt"


class Log(logging.Handler):
    """All records of all loggers at DEBUG, through the filter that the app puts on its handlers."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.addFilter(Redact())
        self.lines: list[str] = []
        self._levels: dict[str, int] = {}

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))

    def __enter__(self) -> Log:
        for name in ("", "app", *logging.root.manager.loggerDict):
            self._levels[name] = logging.getLogger(name).level
            logging.getLogger(name).setLevel(logging.DEBUG)
        logging.getLogger().addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger().removeHandler(self)
        for name, level in self._levels.items():
            logging.getLogger(name).setLevel(level)


def everything_of(error: BaseException) -> str:
    """All that can be read of an error and of those it hangs together with, suppressed or not."""
    seen: list[BaseException] = []
    coming: list[BaseException | None] = [error]
    while coming:
        if (one := coming.pop()) is not None and one not in seen:
            seen.append(one)
            coming += [one.__cause__, one.__context__]
    shown = [f"{one} {one!r} {one.args} {vars(one)}" for one in seen]
    return "\n".join([*shown, "".join(traceback.format_exception(error))])


def leaking(row: Row, key: str) -> Row:
    """The row, with a server that repeats the key, the organisation and the prompt wherever it can."""
    leak = f"key {key} of organization `org_01canary0000` asked {PROMPT}"
    told: dict[str, Any] = {}
    if row.fails.get("status"):
        headers = {**row.fails.get("headers", {}), "x-request-id": key, "x-organization": "org_01canary0000"}
        if "body" not in row.fails:
            told["message"] = f"{row.fails.get('message', '')} {leak}"
            told.setdefault("kind", "org_01canary0000")
            told["code"] = row.fails.get("code") or key
        return Row(row.name, row.error, "", fails={**row.fails, **told, "headers": headers})
    error = row.says.get("error", {})
    more = {"error": {**error, "message": f"{error.get('message', '')} {leak}", "type": key}} if row.says else {}
    return Row(row.name, row.error, "", says={**row.says, **more}, fails=row.fails, ticking=row.ticking,
               nobody_there=row.nobody_there)  # fmt: skip


@pytest.mark.parametrize("key", ["gsk_canaryCANARY0123456789", "canary.of-another.provider.0123"])
def test_no_failure_shows_a_key_an_organisation_or_a_prompt_on_a_page_or_in_a_log(key: str) -> None:
    shown: list[str] = []
    question = [Message("user", PROMPT)]

    def fail(*calls: Callable[[], object]) -> None:
        for call in calls:
            try:
                call()
            except ModelError as error:
                shown.append(everything_of(error))
                logging.getLogger("app").exception("It failed: %s", error)

    with Log() as log, GroqServer(models=[*MODELS, *VOICES]) as server:
        for row in ROWS:
            model = a_model(leaking(row, key), server, key=key, voiced=True)
            fail(
                lambda: list(model.stream(question)),  # noqa: B023 - called at once
                lambda: model.transcribe(PROMPT.encode()),  # noqa: B023
                lambda: model.speak(PROMPT),  # noqa: B023
                model.list_models,
            )
            server.forget()
        for address in (f"http://{key}@127.0.0.1:9/", "http://[broken"):
            fail(lambda: GroqModel(key, base_url=address, sleep=Time().sleep).stream(question))  # noqa: B023
        fail(lambda: GroqModel(f"{key}\n{key}").stream(question))
    text = "\n".join([*shown, *log.lines])
    assert len(shown) > 2 * len(ROWS)
    assert "HTTP Request" in text  # the log was really on
    for secret in (key, "org_01canary", PROMPT, "canary"):
        assert secret not in text, re.findall(f".*{re.escape(secret)}.*", text)[:3]
