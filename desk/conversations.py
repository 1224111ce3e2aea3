"""Conversations and their turns, kept so that neither a reload nor a crash loses a question.

A turn is stored before its answer begins, with the state "streaming"; whoever writes the answer saves it as it grows.
Ids are 128 random bits: whoever holds one may read the conversation.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Engine, Row, delete, func, insert, or_, select, update

from storage import tables as t
from storage.engine import reading, sweep, writing

State = Literal["streaming", "done", "stopped", "interrupted", "failed"]
TITLE_CHARACTERS = 70


@dataclass(frozen=True, slots=True)
class Turn:
    """A question and its answer. `answer` is the model's raw text; `details` what is needed to draw it again."""

    id: str
    question: str
    pinned: tuple[int, ...]
    answer: str
    state: State
    reason: str
    details: Mapping[str, Any]
    asked_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation without its turns, for lists."""

    id: str
    title: str
    created_at: datetime
    updated_at: datetime


class Conversations:
    """The reader's conversations, behind an engine of `storage.engine.connect`. Raises `StorageError`."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def new_id(self) -> str:
        """An id nobody can guess. The conversation is stored with its first turn."""
        return secrets.token_hex(16)

    def recent(self, *, limit: int = 30, search: str = "") -> list[Conversation]:
        """The newest conversations; `search` looks for words in titles, questions and answers."""
        c = t.conversations.c
        query = select(c.id, c.title, c.created_at, c.updated_at).where(c.deleted_at.is_(None))
        for word in search.split()[:8]:
            turns = select(t.turns.c.conversation_id).where(
                or_(
                    t.turns.c.question.icontains(word, autoescape=True),
                    t.turns.c.answer.icontains(word, autoescape=True),
                )
            )
            query = query.where(or_(c.title.icontains(word, autoescape=True), c.id.in_(turns)))
        with reading(self.engine) as connection:
            rows = connection.execute(query.order_by(c.updated_at.desc(), c.id).limit(limit))
            return [Conversation(*row) for row in rows]

    def turns(self, conversation_id: str) -> list[Turn]:
        """The turns of a conversation, oldest first; empty if there is none with this id."""
        with reading(self.engine) as connection:
            rows = connection.execute(
                select(t.turns)
                .join(t.conversations)
                .where(t.turns.c.conversation_id == conversation_id, t.conversations.c.deleted_at.is_(None))
                .order_by(t.turns.c.position)
            )
            return [_turn(row) for row in rows]

    def add_turn(self, conversation_id: str, question: str, *, now: datetime, pinned: Sequence[int] = ()) -> Turn:
        """Store a question whose answer is about to begin; the first one makes the conversation and its title.

        A conversation that was removed meanwhile, in another tab, comes back: no question is lost.
        """
        turn_id = secrets.token_hex(16)
        question = _storable(question)
        with writing(self.engine) as connection:
            known = connection.execute(
                update(t.conversations)
                .where(t.conversations.c.id == conversation_id)
                .values(updated_at=now, deleted_at=None)
            )
            if not known.rowcount:
                connection.execute(
                    insert(t.conversations).values(
                        id=conversation_id, title=_title(question), created_at=now, updated_at=now
                    )
                )
            last = connection.execute(
                select(func.max(t.turns.c.position)).where(t.turns.c.conversation_id == conversation_id)
            ).scalar()
            connection.execute(
                insert(t.turns).values(
                    id=turn_id, conversation_id=conversation_id, position=(last or 0) + 1, question=question,
                    pinned=list(pinned), state="streaming", details={}, asked_at=now, updated_at=now,
                )
            )  # fmt: skip
        return Turn(turn_id, question, tuple(pinned), "", "streaming", "", {}, now, now)

    def save_turn(
        self,
        turn_id: str,
        *,
        answer: str,
        state: State,
        now: datetime,
        reason: str = "",
        details: Mapping[str, Any] | None = None,
    ) -> None:
        """Store the answer as far as it has come. A turn that was deleted meanwhile stays deleted."""
        with writing(self.engine) as connection:
            connection.execute(
                update(t.turns)
                .where(t.turns.c.id == turn_id)
                .values(
                    answer=_storable(answer),
                    state=state,
                    reason=_storable(reason),
                    details=dict(details or {}),
                    updated_at=now,
                )
            )

    def remove_turn(self, turn_id: str) -> None:
        """Delete one turn."""
        with writing(self.engine) as connection:
            connection.execute(delete(t.turns).where(t.turns.c.id == turn_id))

    def rename(self, conversation_id: str, title: str) -> None:
        """Give a conversation another title."""
        self._set(conversation_id, title=_title(_storable(title)))

    def remove(self, conversation_id: str, *, now: datetime) -> None:
        """Hide a conversation; `restore` brings it back."""
        self._set(conversation_id, deleted_at=now)

    def restore(self, conversation_id: str) -> None:
        """Undo `remove`."""
        self._set(conversation_id, deleted_at=None)

    def delete_everything(self) -> None:
        """Delete every conversation for good."""
        with writing(self.engine) as connection:
            connection.execute(delete(t.turns))
            connection.execute(delete(t.conversations))
        sweep(self.engine)

    def count(self) -> int:
        """How many conversations there are."""
        with reading(self.engine) as connection:
            query = select(func.count()).where(t.conversations.c.deleted_at.is_(None))
            return connection.execute(query).scalar_one()

    def _set(self, conversation_id: str, **values: Any) -> None:
        with writing(self.engine) as connection:
            connection.execute(update(t.conversations).where(t.conversations.c.id == conversation_id).values(**values))


def _storable(text: str) -> str:
    """`text` without halves of characters (a model's broken JSON), which no database takes."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _title(question: str) -> str:
    title = " ".join(question.split())
    if len(title) <= TITLE_CHARACTERS:
        return title
    return title[:TITLE_CHARACTERS].rsplit(" ", 1)[0].rstrip(" ,;:.") + "…"


def _turn(row: Row[Any]) -> Turn:
    return Turn(
        id=row.id,
        question=row.question,
        pinned=tuple(row.pinned or ()),
        answer=row.answer,
        state=row.state,
        reason=row.reason,
        details=row.details or {},
        asked_at=row.asked_at,
        updated_at=row.updated_at,
    )
