"""The log: one line of key=value for each event, for people and for programs.

    log.info("refreshed", extra={"host": "post.example", "new": 3})

becomes, on standard error,

    time=2026-06-10T12:00:00.123Z level=info from=news.worker event=refreshed host=post.example new=3

Only a lone word is an event; what others log is `text`, a traceback is `trace`. Whatever is more than plain letters,
digits and a few signs is written as a JSON string, so nothing in it can end its value or its line, and without keys
(`llm.redact`). What belongs to a question carries its id, if `question` was set in the thread that does it.

What is never given to a logger: the text of a question or an answer, a prompt, the address of a reader.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime

from llm.redact import Redact, redact

question: ContextVar[str] = ContextVar("question", default="")
"""The id of the question that is being answered here; "" for none."""

OURS = ("pages", "llm", "news", "desk", "storage")
LONGEST = 2_000
"""Characters of a value; of a traceback ten times as many."""
_WORD = re.compile(r"[a-z][a-z_]*")
_PLAIN = re.compile(r"[A-Za-z0-9_.:/@+-]+")
_OF_ANY_RECORD = {*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"}


def fields(record: logging.LogRecord) -> dict[str, object]:
    """What an event tells, by name: what was given as `extra`."""
    return {name: value for name, value in vars(record).items() if name not in _OF_ANY_RECORD}


def event(record: logging.LogRecord) -> str:
    """The name of the event; "" for a record that is none."""
    return record.msg if isinstance(record.msg, str) and not record.args and _WORD.fullmatch(record.msg) else ""


class KeyValues(logging.Formatter):
    """Writes a record as one line."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        told: dict[str, object] = {
            "time": at.replace("+00:00", "Z"), "level": record.levelname.lower(), "from": record.name,
        }  # fmt: skip
        given = fields(record)
        if (id_ := question.get()) and "question" not in given:
            told["question"] = id_
        if name := event(record):
            told |= {"event": name, **given}
        else:
            told["text"] = record.getMessage()
        line = " ".join(f"{name}={_written(value, LONGEST)}" for name, value in told.items())
        trace = record.exc_text or ""
        if record.exc_info and record.exc_info[0]:
            trace = "".join(traceback.format_exception(*record.exc_info))
        return f"{line} trace={_written(trace.rstrip(), 10 * LONGEST)}" if trace else line


def _written(value: object, longest: int) -> str:
    if isinstance(value, float):
        return f"{value:.3f}"
    text = redact(str(value))
    if len(text) > longest:
        text = f"{text[:longest]}…"
    return text if _PLAIN.fullmatch(text) else json.dumps(text)


class _Stderr(logging.Handler):
    """Writes to what standard error is at the moment."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stderr.write(f"{self.format(record)}\n")
            sys.stderr.flush()
        except Exception:  # noqa: BLE001 - a record that cannot be written must not break what it tells of
            self.handleError(record)


def begin() -> None:
    """Let everything that is logged in this process, by whomever, go out this way. Once is enough."""
    root = logging.getLogger()
    if any(isinstance(handler, _Stderr) for handler in root.handlers):
        return
    handler = _Stderr()
    handler.setFormatter(KeyValues())
    handler.addFilter(Redact())
    root.addHandler(handler)
    for name in OURS:
        logging.getLogger(name).setLevel(logging.INFO)
    for name, logger in logging.root.manager.loggerDict.items():  # Streamlit gives each of its own a handler
        if name.partition(".")[0] == "streamlit" and isinstance(logger, logging.Logger):
            logger.handlers.clear()
            logger.propagate = True
