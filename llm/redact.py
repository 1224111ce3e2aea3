"""Keeps keys and organisation ids out of text, and prompts out of logs."""

from __future__ import annotations

import logging
import re
import traceback

_SECRET = re.compile(r"\b(?:gsk_|sk-|org[_-])[A-Za-z0-9_-]{4,}|(?<=://)[^/@\s]+(?=@)|(?<=Bearer )\S+")
_keys: set[str] = set()


def remember(key: str) -> None:
    """Hide this key, of whatever form, from now on. Shorter than 8 characters it would hide ordinary words."""
    if len(key) >= 8:
        _keys.add(key)


def redact(text: str) -> str:
    """`text` without API keys (of a known form, or remembered), organisation ids and passwords in addresses."""
    for key in tuple(_keys):
        text = text.replace(key, "[hidden]")
    return _SECRET.sub("[hidden]", text)


class Redact(logging.Filter):
    """A filter to add to log handlers (one on a logger would miss its children).

    Debug records of the SDK and the HTTP client hold whole requests with the prompt, so they are dropped.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.INFO and record.name.partition(".")[0] in ("groq", "httpx", "httpcore"):
            return False
        try:
            text = record.getMessage()
        except Exception:  # noqa: BLE001 - a record whose arguments do not fit its text must not break its logger
            text = str(record.msg)
        record.msg, record.args = redact(text), None
        if record.exc_info and record.exc_info[0]:
            record.exc_text = "".join(traceback.format_exception(*record.exc_info)).rstrip()
            record.exc_info = None
        if record.exc_text:
            record.exc_text = redact(record.exc_text)
        if record.stack_info:
            record.stack_info = redact(record.stack_info)
        return True
