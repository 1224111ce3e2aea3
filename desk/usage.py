"""What models used and what it cost: one row a call, added up by day and by conversation.

The sums are the database's. A price may be unknown: a sum holds what is known, and says how many calls it leaves out.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Engine, case, func, insert, select

from storage import tables as t
from storage.engine import reading, writing
from storage.tables import storable

Kind = Literal["answer", "summary", "speech", "transcription"]


@dataclass(frozen=True, slots=True)
class Spent:
    """One call of a model. `conversation_id` and `turn_id` may be "" (a try in Settings, a briefing read aloud).

    Tokens as the provider counted them: `prompt` includes `cached`, `completion` includes `reasoning`. `cost` is in
    dollars, None if the price is unknown; `first_s` are the seconds to the first token, `seconds` those to the last.
    """

    at: datetime
    kind: Kind
    model: str
    conversation_id: str = ""
    turn_id: str = ""
    prompt: int = 0
    cached: int = 0
    completion: int = 0
    reasoning: int = 0
    cost: float | None = None
    first_s: float | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Total:
    """What calls used together. `cost` is the sum of what is known, None if nothing is; `unpriced` calls are not in."""

    answers: int
    prompt: int
    cached: int
    completion: int
    reasoning: int
    cost: float | None
    unpriced: int


@dataclass(frozen=True, slots=True)
class Day(Total):
    """What one model used on a day (UTC). `first_s` and `tokens_a_second` are those of its answers, None if not known.

    `first_s` is the mean; `tokens_a_second` the answers' tokens over their seconds, waiting for the first included.
    """

    day: date
    model: str
    first_s: float | None
    tokens_a_second: float | None


class Usages:
    """What a reader spent, behind an engine of `storage.engine.connect`. Raises `StorageError`.

    `reader` is as for `Conversations`, whose `delete_everything` deletes this too.
    """

    def __init__(self, engine: Engine, reader: str = "") -> None:
        self.engine = engine
        self.reader = reader

    def of(self, reader: str) -> Usages:
        """What another reader spent."""
        return Usages(self.engine, reader)

    def record(self, spent: Spent) -> None:
        """Keep one call."""
        values = {field.name: getattr(spent, field.name) for field in fields(spent)}
        values["model"] = storable(spent.model)
        with writing(self.engine) as connection:
            connection.execute(
                insert(t.usage).values(reader=self.reader, day=spent.at.astimezone(UTC).date(), **values)
            )

    def by_day(self, since: datetime) -> list[Day]:
        """What was used from then on, a row a day and model, oldest first."""
        u = t.usage.c
        timed = _of_answers(u.completion, u.seconds > 0)
        query = (
            select(
                *_totals(),
                u.day,
                u.model,
                func.avg(_of_answers(u.first_s)).label("first_s"),
                (func.sum(timed) * 1.0 / func.sum(_of_answers(u.seconds, u.seconds > 0))).label("tokens_a_second"),
            )
            .where(u.reader == self.reader, u.at >= since)
            .group_by(u.day, u.model)
            .order_by(u.day, u.model)
        )
        with reading(self.engine) as connection:
            return [Day(**row._mapping) for row in connection.execute(query)]

    def of_conversation(self, conversation_id: str) -> Total:
        """What a conversation used, all its branches and summaries included; zeros if nothing."""
        query = select(*_totals()).where(t.usage.c.conversation_id == conversation_id, t.usage.c.reader == self.reader)
        with reading(self.engine) as connection:
            return Total(**connection.execute(query).one()._mapping)


def _totals() -> list[ColumnElement[Any]]:
    u = t.usage.c
    return [
        func.count(_of_answers(u.id)).label("answers"),
        *(func.coalesce(func.sum(u[name]), 0).label(name) for name in ("prompt", "cached", "completion", "reasoning")),
        func.sum(u.cost).label("cost"),
        (func.count(u.id) - func.count(u.cost)).label("unpriced"),
    ]


def _of_answers(column: ColumnElement[Any], *conditions: ColumnElement[bool]) -> ColumnElement[Any]:
    """The column where the call was an answer, else null, which no sum, mean or count takes in."""
    condition = t.usage.c.kind == "answer"
    for one in conditions:
        condition &= one
    return case((condition, column))
