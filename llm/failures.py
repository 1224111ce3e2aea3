"""What a model server's failure means: its error body and headers -> our error, and whether another try may help. Pure.

Servers say the same things in many shapes: {"error": {…}}, {"error": "…"}, the bare object, plain text, and an error
event in the middle of a stream that has no status at all. `told` reads them all into `Told`, `judge` decides. The
sentences are ours throughout: a server's words may hold the organisation's id or a piece of the prompt, so they are
read here and shown to nobody.
"""

from __future__ import annotations

import email.utils
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from llm.base import (
    BadRequest,
    KeyRefused,
    LimitKind,
    Limits,
    ModelError,
    ModelGone,
    RateLimited,
    ServerFailed,
    TooLarge,
)
from llm.redact import redact

TRIES = 3
"""How often a question is sent at most."""


class Trouble(Exception):
    """`error`, worth `tries` in all, the next one `after_s` seconds from now (None: nobody said, so a moment)."""

    def __init__(self, error: ModelError, *, tries: int = TRIES, after_s: float | None = None) -> None:
        super().__init__()
        self.error = error
        self.tries = tries
        self.after_s = after_s

    def wait_s(self, tried: int) -> float:
        """Seconds to wait after `tried` tries: what the server asked for, else half a second, doubled each time."""
        return 0.5 * 2 ** (tried - 1) if self.after_s is None else self.after_s


@dataclass(frozen=True, slots=True)
class Told:
    """What a server said about a failure; `str` of it is fit for a log, `message` for nothing but reading here."""

    status: int = 0
    code: str = ""
    message: str = ""
    request: str = ""
    limit: int | None = None
    requested: int | None = None

    def __str__(self) -> str:
        return " ".join(part for part in (str(self.status or "no status"), self.code, self.request) if part)


def told(body: object, status: int = 0, headers: Mapping[str, str] | None = None, message: str = "") -> Told:
    """Read an error body of any shape. `message` is for a body without one; header names are lower-case."""
    if isinstance(body, str) and body.lstrip().startswith("{"):
        with suppress(ValueError, RecursionError):
            body = json.loads(body)
    if isinstance(body, Mapping) and body.get("error"):
        body = body["error"]
    fields: Mapping[str, Any] = body if isinstance(body, Mapping) else {}
    words = str(fields.get("message") or (body if isinstance(body, str) else "") or message)[:4_000]
    code = next((name for key in ("code", "type") if (name := token(fields.get(key)))), "")
    # An error event has no status of its own, but some servers write one into it.
    status = status or next((n for key in ("status_code", "status", "code") if (n := number(fields.get(key)))), 0)
    limit, requested = _sizes(fields, words.lower())
    return Told(status, code, words, token((headers or {}).get("x-request-id")), limit, requested)


def judge(told: Told, headers: Mapping[str, str], *, model: str, place: str, now: datetime) -> Trouble:
    """What this failure of `place` (a reader's name for the server) means. Header names are lower-case."""
    status, code, words = told.status, told.code.lower(), told.message.lower()
    if status in (401, 402, 403) or code in ("invalid_api_key", "authentication_error", "permission_denied"):
        return Trouble(KeyRefused(_refused(status, place, model), model=model), tries=1)
    if code == "model_terms_required":
        sentence = f"The owner of this key has to accept the terms of {model} at {place} first."
        return Trouble(KeyRefused(sentence, model=model), tries=1)
    if "decommissioned" in code + words or code == "model_not_found" or _no_such_model(status, words):
        return Trouble(ModelGone(f"{place} does not offer the model {model} to this key.", model=model), tries=1)
    if status == 413 or _never_fits(told) or _too_long(told):
        most = f" at once ({told.limit:,} tokens)" if told.limit else " at once"
        sentence = f"The question and its articles are more than {place} takes{most}. Lower the budget in Settings."
        return Trouble(TooLarge(sentence, model=model, limit=told.limit, requested=told.requested), tries=1)
    if status == 429 or (not status and ("rate_limit" in code or "rate limit" in words)):
        kind = _kind(words, headers)
        seconds = _retry_after(headers, now) or _asked_wait(words) or _reset(kind, headers)
        until = now + timedelta(seconds=seconds) if seconds else None
        return Trouble(limited(kind, until, model=model, place=place, now=now), after_s=seconds)
    if "unexpected endpoint" in words:  # LM Studio, with status 200
        return Trouble(BadRequest(_nowhere(place), model=model), tries=1)
    if "no models loaded" in words:
        sentence = f"{place} has no model loaded. Load one there, then ask again."
        return Trouble(BadRequest(sentence, model=model), tries=1)
    if status in (408, 409, 498) or status >= 500 or not status:
        after_s = _retry_after(headers, now)
        if "loading model" in words:  # llama.cpp, for as long as its file takes
            sentence = f"{place} is still loading its model. Try again in a moment."
            return Trouble(ServerFailed(sentence, model=model, status=status), after_s=after_s or _LOADING_S)
        busy = status in (498, 503, 529) or "capacity" in code + words or "overloaded" in words
        named = f" ({status})" if status else ""
        sentence = f"{place} is {'too busy' if busy else 'in trouble'} at the moment{named}. Try again soon."
        return Trouble(ServerFailed(sentence, model=model, status=status), after_s=after_s)
    if status == 404 or status < 400:
        return Trouble(BadRequest(_nowhere(place), model=model), tries=1)
    if status == 422:
        sentence = f"{place} could not work with this question (422). Ask it in other words."
        return Trouble(BadRequest(sentence, model=model), tries=2)
    named = f"{status}, {code}" if code else f"{status}"
    sentence = f"{place} did not accept the question ({named}). Ask in other words, or choose another model."
    return Trouble(BadRequest(sentence, model=model), tries=1)


def limited(kind: LimitKind, until: datetime | None, *, model: str, place: str, now: datetime) -> RateLimited:
    """The error for a limit that holds until then, in the words of its kind."""
    if until:
        day = "" if until.date() == now.date() else f" on {until:%d %B}"
        clock = f"{until:%H:%M:%S}" if until - now < timedelta(minutes=10) else f"{until:%H:%M}"
        end = f"It ends at {clock} UTC{day}, in {_in_words((until - now).total_seconds())}."
    else:
        end = "Try again tomorrow." if kind.endswith("day") else "Try again in a minute."
    return RateLimited(f"{_LIMITED[kind].format(place)} {end}{_ADVICE[kind]}", model=model, kind=kind, until=until)


def limits(headers: Mapping[str, str]) -> Limits:
    """What is left, from the `x-ratelimit-*` headers: requests of a day, tokens of a minute."""

    def count(name: str) -> int | None:
        text = headers.get(f"x-ratelimit-{name}", "")
        return int(text) if re.fullmatch(r"[0-9]{1,12}", text) else None

    return Limits(
        requests=count("limit-requests"),
        requests_left=count("remaining-requests"),
        requests_reset_s=duration(headers.get("x-ratelimit-reset-requests", "")),
        tokens=count("limit-tokens"),
        tokens_left=count("remaining-tokens"),
        tokens_reset_s=duration(headers.get("x-ratelimit-reset-tokens", "")),
    )


def duration(text: str) -> float | None:
    """Seconds of "2m59.56s", "644ms", "1h2m" or "12"; None if it is no duration. Never more than a week."""
    text = text.strip().lower()
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text):
        return min(float(text), _WEEK_S)
    if not re.fullmatch(rf"({_PART})+", text):
        return None
    parts = re.findall(_PART, text)
    return min(sum(float(amount) * _UNIT_S[unit] for amount, unit in parts), _WEEK_S)


def number(value: object) -> int:
    """A count as sent; 0 for anything else, whatever its type."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**12 else 0


def token(value: object) -> str:
    """A machine's word, safe in a sentence and a log; "" for anything longer or wilder."""
    if isinstance(value, str) and re.fullmatch(r"[A-Za-z][A-Za-z0-9_.-]{1,63}", value) and redact(value) == value:
        return value
    return ""


_LOADING_S = 5.0
_WEEK_S = 7 * 86_400.0
_UNIT_S = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_PART = r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|d|h|m|s)"

_LIMITED: dict[LimitKind, str] = {
    "requests a minute": "The limit of questions a minute at {} is reached for this key.",
    "requests a day": "The limit of questions a day at {} is reached for this key.",
    "tokens a minute": "The limit of tokens a minute at {} is reached for this key.",
    "tokens a day": "The limit of tokens a day at {} is reached for this key.",
    "unknown": "{} asks for a pause.",
}
_ADVICE: dict[LimitKind, str] = {
    "requests a minute": "",
    "requests a day": " Another model has a limit of its own.",
    "tokens a minute": " A smaller budget in Settings reaches further.",
    "tokens a day": " Another model has a limit of its own.",
    "unknown": "",
}


def _refused(status: int, place: str, model: str) -> str:
    if status == 402:
        return f"The account of this key at {place} has no credit left. Use another key, or none."
    if status == 403:
        return f"This key may not use {model or place}. Choose another model or another key in Settings."
    return f"{place} does not accept the key. Check it in Settings."


def _nowhere(place: str) -> str:
    return f"There is no chat at this address of {place}. Check the server's address in Settings."


def _no_such_model(status: int, words: str) -> bool:
    if status not in (400, 404):
        return False
    return "model" in words and ("not found" in words or "does not exist" in words or "no longer" in words)


def _never_fits(told: Told) -> bool:
    """A limit of tokens that this request alone passes: no wait makes room for it, whatever the status says."""
    over = bool(told.limit and told.requested and told.requested > told.limit)
    return over and told.status in (0, 429) and "token" in told.message.lower()


def _too_long(told: Told) -> bool:
    if told.status not in (0, 400, 422, 500):
        return False
    if told.code.lower() in ("context_length_exceeded", "exceed_context_size_error"):
        return True
    return bool(
        re.search(
            r"maximum context length|exceeds? the (available |model's )?context|context (window|length|size|overflow)|"
            r"reduce the length of (the|your) messages|prompt is too long",
            told.message.lower(),
        )
    )


def _sizes(fields: Mapping[str, Any], words: str) -> tuple[int | None, int | None]:
    """Tokens allowed and tokens asked for, from whatever fields or words a server has for them."""
    if window := number(fields.get("n_ctx")):  # llama.cpp
        return window, number(fields.get("n_prompt_tokens")) or None
    limit = re.search(
        r"\blimit:? ([0-9][0-9,]*)|context length (?:is|of|only supports)(?: only)? ([0-9]+)|"
        r"context size \(([0-9]+) tokens",
        words,
    )
    requested = re.search(
        r"\b(?:requested:?|resulted in)(?: about)? ~?([0-9][0-9,]*)|(?:input has|request \() ?([0-9]+) tokens", words
    )
    return _found(limit), _found(requested)


def _found(match: re.Match[str] | None) -> int | None:
    return next((int(group.replace(",", "")[:12]) for group in match.groups() if group), None) if match else None


def _kind(words: str, headers: Mapping[str, str]) -> LimitKind:
    """Which limit: the message names it ("on tokens per day (TPD)"), else the headers show what is at zero."""
    if found := re.search(r"\b(requests|tokens) per (min|day)", words):
        if found[2] == "day":
            return "requests a day" if found[1] == "requests" else "tokens a day"
        return "requests a minute" if found[1] == "requests" else "tokens a minute"
    if headers.get("x-ratelimit-remaining-requests") == "0":
        return "requests a day"
    if headers.get("x-ratelimit-remaining-tokens") == "0":
        return "tokens a minute"
    return "unknown"


def _retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds the server asked to wait: a number or an HTTP date. None if it did not, or not in the future."""
    asked = headers.get("retry-after", "")
    seconds = duration(asked)
    if seconds is None and asked:
        with suppress(ValueError, TypeError, OverflowError):
            when = email.utils.parsedate_to_datetime(asked)
            seconds = min(((when if when.tzinfo else when.replace(tzinfo=UTC)) - now).total_seconds(), _WEEK_S)
    return seconds if seconds and seconds > 0 else None


def _asked_wait(words: str) -> float | None:
    found = re.search(rf"try again in ((?:{_PART})+)", words)
    return duration(found[1]) if found else None


def _reset(kind: LimitKind, headers: Mapping[str, str]) -> float | None:
    """When the headers' own limits begin anew: they are those of requests a day and tokens a minute."""
    name = {"requests a day": "requests", "tokens a minute": "tokens"}.get(kind)
    return duration(headers.get(f"x-ratelimit-reset-{name}", "")) if name else None


def _in_words(seconds: float) -> str:
    for size, name in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {name}s"
    return "1 second" if round(seconds) <= 1 else f"{seconds:.0f} seconds"
