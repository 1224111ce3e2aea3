"""Budgets of a key that readers share: a reader's, those of a machine, everybody's; by minute and by day.

Each request is charged before it is sent, with all the tokens it may take, in one short write that every process takes
its turn for; so no two of them can both take what is left. It is settled with what it took. What is charged in the 60
seconds and 24 hours before now counts: never more than a limit in any such span, wherever a provider's minute begins.
What must be too much is refused with the moment from which it is not.

A machine is known by a hash of its address and of a secret that stays in the database; charges are deleted as soon as
no limit looks back to them.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import json
import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, Engine, and_, delete, func, insert, select, update

from storage import tables as t
from storage.engine import alone, reading, writing
from storage.tables import storable

Scope = Literal["reader", "address", "everyone"]
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
_SECRET = "address secret"  # noqa: S105 - where `meta` keeps it
_SAID = "limits of "


@dataclass(frozen=True, slots=True)
class Quota:
    """The most that may be charged in any minute and any day; None where there is no limit."""

    questions_a_minute: int | None = None
    questions_a_day: int | None = None
    tokens_a_minute: int | None = None
    tokens_a_day: int | None = None

    def over(self, other: Quota) -> Quota:
        """These limits, and those of `other` where these have none."""
        return Quota(**{name: asdict(other)[name] if most is None else most for name, most in asdict(self).items()})

    def within(self, other: Quota) -> Quota:
        """Of each limit the lower one."""
        pairs = {name: (most, asdict(other)[name]) for name, most in asdict(self).items()}
        return Quota(**{name: min((m for m in pair if m is not None), default=None) for name, pair in pairs.items()})


@dataclass(frozen=True, slots=True)
class Quotas:
    """Whose limits are which."""

    reader: Quota = Quota()
    address: Quota = Quota()
    everyone: Quota = Quota()


@dataclass(frozen=True, slots=True)
class Asking:
    """A request that is to be charged. `id` is the same whenever it is tried again; `tokens` are the most it can take.

    `reader` and `address` are "" where nobody's budget but everyone's counts. Everyone's is counted by model, as
    providers do.
    """

    id: str
    model: str
    tokens: int
    reader: str = ""
    address: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """Whose budget is used up, of what and in which span, and the moment from which the same may be asked again."""

    scope: Scope
    what: Literal["questions", "tokens"]
    span: timedelta
    until: datetime


@dataclass(frozen=True, slots=True)
class Used:
    """What is charged in the minute and in the day before now."""

    questions_a_minute: int = 0
    questions_a_day: int = 0
    tokens_a_minute: int = 0
    tokens_a_day: int = 0


def over(quota: Quota, used: Used, tokens: int) -> Iterator[tuple[str, int]]:
    """The limits that a question of so many tokens would break, by name, with how much must leave the span before.

    What alone is more than a limit may be asked when nothing else is in its span: the provider knows what it takes.
    """
    for field in fields(Quota):
        most = getattr(quota, field.name)
        if most is None:
            continue
        asked = min(tokens, most) if field.name.startswith("tokens") else min(1, most)
        excess = getattr(used, field.name) + asked - most
        if excess > 0 or most == 0:
            yield field.name, excess


def quota(words: str) -> Quota:
    """A quota as its owner writes it: "6 a minute, 60 a day, 100,000 tokens a day". Raises `ValueError`."""
    limits: dict[str, int] = {}
    for part in re.split(r"[,;\n]\s+|[;\n]", words.strip()):
        found = re.fullmatch(
            r"([\d,_.]+)\s*(questions?|tokens?)?\s*(?:a|an|per|/)\s*(minute|day)", part.strip().lower()
        )
        if found is None:
            raise ValueError(
                f"“{part.strip()}” is no limit; write it like “6 a minute, 60 a day, 100,000 tokens a day”."
            )
        number, what, span = found.groups()
        name = f"{'tokens' if (what or '').startswith('token') else 'questions'}_a_{span}"
        limits[name] = int(re.sub(r"\D", "", number))
    return Quota(**limits)


class Budgets:
    """Charges, behind an engine of `storage.engine.connect`. Raises `StorageError`."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def charge(self, asking: Asking, quotas: Callable[[Quota], Quotas], *, now: datetime) -> Refused | None:
        """Charge a request before it is sent, if everybody's limits let it through; else say when they will.

        `quotas` gives the limits for what the provider said last of its own (`said`; nothing if it never did). A
        request that is charged already is charged anew, not once more.
        """
        c = t.charges.c
        with writing(self.engine) as connection:
            alone(connection, "budgets")
            connection.execute(delete(t.charges).where((c.at <= now - DAY) | (c.id == asking.id)))
            limits = quotas(_said(connection, asking.model))
            refusals = [
                refused
                for scope, limit, rows in (
                    ("reader", limits.reader, c.reader == asking.reader if asking.reader else None),
                    ("address", limits.address, c.address == asking.address if asking.address else None),
                    ("everyone", limits.everyone, c.model == asking.model),
                )
                if rows is not None and limit != Quota()
                for refused in _refusals(connection, scope, limit, rows, asking.tokens, now)
            ]
            if refusals:
                return max(refusals, key=lambda refused: refused.until)
            connection.execute(
                insert(t.charges).values(
                    id=asking.id, at=now, reader=asking.reader, address=asking.address, model=storable(asking.model),
                    tokens=asking.tokens,
                )
            )  # fmt: skip
        return None

    def settle(self, id_: str, tokens: int) -> None:
        """What a request took in the end."""
        with writing(self.engine) as connection:
            connection.execute(update(t.charges).where(t.charges.c.id == id_).values(tokens=tokens))

    def release(self, id_: str) -> None:
        """A request was never answered: it costs nothing."""
        with writing(self.engine) as connection:
            connection.execute(delete(t.charges).where(t.charges.c.id == id_))

    def say(self, model: str, limits: Quota) -> None:
        """The provider said what its limits are; every process goes by them from now on."""
        with reading(self.engine) as connection:
            if _said(connection, model) == limits:
                return
        key, value = _key(model), json.dumps(asdict(limits))
        with writing(self.engine) as connection:
            alone(connection, "budgets")
            connection.execute(delete(t.meta).where(t.meta.c.key == key))
            connection.execute(insert(t.meta).values(key=key, value=value))

    def said(self, model: str) -> Quota:
        """What the provider said last of its limits."""
        with reading(self.engine) as connection:
            return _said(connection, model)

    def used(self, *, now: datetime, model: str = "", reader: str = "") -> Used:
        """What is charged now: to a reader, or for a model, or altogether."""
        c = t.charges.c
        rows = and_(
            *(column == value for column, value in ((c.model, model), (c.reader, reader)) if value), c.at <= now
        )
        with reading(self.engine) as connection:
            return _used(connection, rows, now)

    def lately(self, model: str, *, now: datetime) -> tuple[int, datetime]:
        """The tokens charged for a model in the minute before now, and the moment when all of them have left it."""
        c = t.charges.c
        query = select(func.coalesce(func.sum(c.tokens), 0), func.max(c.at))
        with reading(self.engine) as connection:
            tokens, last = connection.execute(query.where(c.at > now - MINUTE, c.model == model)).one()
        return tokens, last + MINUTE if last else now

    def machine(self, address: str) -> str:
        """What a machine is called by, from its address; "" for one that is no machine's on the internet.

        Behind a proxy that does not say whom it speaks for, all have the proxy's private address, and cannot be told
        apart. A household has 2^64 addresses of the newer kind, so of these only the network counts.
        """
        try:
            ip = ipaddress.ip_address(address)
        except ValueError:
            return ""
        ip = getattr(ip, "ipv4_mapped", None) or ip
        if not ip.is_global:
            return ""
        network = ipaddress.ip_network((ip, 64 if ip.version == 6 else 32), strict=False)
        return hmac.new(self._secret(), str(network).encode(), hashlib.sha256).hexdigest()[:32]

    def _secret(self) -> bytes:
        kept = select(t.meta.c.value).where(t.meta.c.key == _SECRET)
        with reading(self.engine) as connection:
            secret = connection.execute(kept).scalar()
        if not secret:
            with writing(self.engine) as connection:
                alone(connection, "budgets")
                secret = connection.execute(kept).scalar()
                if not secret:
                    secret = secrets.token_hex(16)
                    connection.execute(insert(t.meta).values(key=_SECRET, value=secret))
        return str(secret).encode()


def _refusals(
    connection: Connection, scope: Any, limit: Quota, rows: ColumnElement[bool], tokens: int, now: datetime
) -> Iterator[Refused]:
    for name, excess in over(limit, _used(connection, rows, now), tokens):
        what, span = name.split("_a_")
        length = MINUTE if span == "minute" else DAY
        until = _free_at(connection, rows, what, length, excess, now)
        yield Refused(scope, "tokens" if what == "tokens" else "questions", length, until)


def _used(connection: Connection, rows: ColumnElement[bool], now: datetime) -> Used:
    c = t.charges.c
    lately = c.at > now - MINUTE
    tokens = func.coalesce(func.sum(c.tokens), 0)
    query = select(
        func.count().filter(lately), func.count(), func.coalesce(func.sum(c.tokens).filter(lately), 0), tokens
    )
    return Used(*connection.execute(query.where(c.at > now - DAY, rows)).one())


def _free_at(
    connection: Connection, rows: ColumnElement[bool], what: str, span: timedelta, excess: int, now: datetime
) -> datetime:
    """When so much of what is charged has left the span: the oldest charges leave it first."""
    c = t.charges.c
    charged = select(c.at, c.tokens).where(c.at > now - span, rows).order_by(c.at, c.id)
    at: datetime
    for at, taken in connection.execute(charged):
        excess -= taken if what == "tokens" else 1
        if excess <= 0:
            return at + span
    return now + span


def _said(connection: Connection, model: str) -> Quota:
    kept = connection.execute(select(t.meta.c.value).where(t.meta.c.key == _key(model))).scalar()
    return Quota(**json.loads(kept)) if kept else Quota()


def _key(model: str) -> str:
    return _SAID + hashlib.sha256(model.encode("utf-8", "replace")).hexdigest()[:32]
