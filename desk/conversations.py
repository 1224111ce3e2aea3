"""Conversations and their turns, kept so that neither a reload nor a crash loses a question.

A turn is stored before its answer begins, with the state "streaming"; whoever writes the answer saves it as it grows.
A turn knows the turn it was asked after, its parent. Turns with one parent are branches: a question edited, an answer
asked for again. All are kept, and the conversation keeps the tip of the branch that is shown, so that tabs agree.
Ids are 128 random bits, and still each conversation has its reader: `Conversations` are one reader's, and an id of
somebody else's is to them an id that was never given. Another one, for sharing, shows a conversation to everybody.

NotYours: a question was to be kept in a conversation of somebody else.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, get_args

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Row,
    Select,
    case,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from storage import tables as t
from storage.engine import reading, sweep, write, writing
from storage.tables import storable

State = Literal["streaming", "done", "stopped", "interrupted", "failed"]
Rating = Literal[-1, 0, 1]
TITLE_CHARACTERS = 70
SEARCH_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Turn:
    """A question and its answer. `answer` is the model's raw text; `details` what is needed to draw it again.

    `parent` is the id of the turn it was asked after, "" for a first one; `siblings` are the ids of all turns with this
    parent, itself included, in the order they were asked. `summary` sums up the conversation up to and with this
    turn, "" if nothing does. `rating` and `note` are what the reader thinks of the answer.
    """

    id: str
    parent: str
    siblings: tuple[str, ...]
    question: str
    pinned: tuple[int, ...]
    answer: str
    state: State
    reason: str
    details: Mapping[str, Any]
    asked_at: datetime
    updated_at: datetime
    rating: Rating = 0
    note: str = ""
    summary: str = ""


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation without its turns. `pinned` and `dropped` are keys of what the reader wants in the window or not.

    `shared` is the id under which others may read it, "" if they may not.
    """

    id: str
    title: str
    created_at: datetime
    updated_at: datetime
    pinned: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    shared: str = ""


@dataclass(frozen=True, slots=True)
class Shared:
    """A conversation as it is shown to others: its branch of now, without any id that could change it.

    For an id its turns have their number, "1", "2", …; ratings, notes, summaries and other branches are not in it.
    """

    title: str
    updated_at: datetime
    turns: tuple[Turn, ...]


class NotYours(Exception):
    """The conversation belongs to another reader."""


class Conversations:
    """A reader's conversations, behind an engine of `storage.engine.connect`. Raises `StorageError`.

    `reader` is an id as `desk.readers` gives them, "" the owner of a personal instance.
    """

    def __init__(self, engine: Engine, reader: str = "") -> None:
        self.engine = engine
        self.reader = reader

    def of(self, reader: str) -> Conversations:
        """The conversations of another reader."""
        return Conversations(self.engine, reader)

    def new_id(self) -> str:
        """An id nobody can guess. The conversation is stored with its first turn."""
        return secrets.token_hex(16)

    # The list

    def recent(self, *, limit: int = 30, search: str = "") -> list[Conversation]:
        """The newest conversations in which something was asked; `search` looks for words in titles and turns."""
        c = t.conversations.c
        query = self._conversations().where(_asked())
        for word in storable(search[:SEARCH_CHARACTERS]).split()[:8]:
            # One conversation after the other, so that the newest that match end the search.
            said = or_(*(one.icontains(word, autoescape=True) for one in (t.turns.c.question, t.turns.c.answer)))
            query = query.where(or_(c.title.icontains(word, autoescape=True), _asked(said)))
        with reading(self.engine) as connection:
            rows = connection.execute(query.order_by(c.updated_at.desc(), c.id).limit(limit))
            return [_conversation(row) for row in rows]

    def count(self) -> int:
        """How many conversations there are in which something was asked."""
        query = select(func.count()).select_from(t.conversations).where(self._own, _THERE, _asked())
        with reading(self.engine) as connection:
            return connection.execute(query).scalar_one()

    def get(self, conversation_id: str) -> Conversation | None:
        """A conversation; None if there is none with this id, or it was removed."""
        query = self._conversations().where(t.conversations.c.id == conversation_id)
        with reading(self.engine) as connection:
            row = connection.execute(query).one_or_none()
        return _conversation(row) if row else None

    def is_free(self, conversation_id: str) -> bool:
        """Whether this reader may ask under this id: it is nobody else's."""
        query = select(t.conversations.c.reader).where(t.conversations.c.id == conversation_id)
        with reading(self.engine) as connection:
            return connection.execute(query).scalar() in (None, self.reader)

    # Turns and their branches

    def turns(self, conversation_id: str) -> list[Turn]:
        """The turns of the branch that is shown, oldest first; empty if there is no conversation with this id."""
        with reading(self.engine) as connection:
            return _branch(connection, conversation_id, self._own)

    def turn(self, turn_id: str) -> Turn | None:
        """A turn of any branch; None if there is none with this id, or its conversation was removed."""
        with reading(self.engine) as connection:
            row = connection.execute(
                select(t.turns).join(t.conversations).where(t.turns.c.id == turn_id, self._own, _THERE)
            ).one_or_none()
            if row is None:
                return None
            return _turn(row, _siblings(connection, row.conversation_id, row.parent))

    def add_turn(
        self,
        conversation_id: str,
        question: str,
        *,
        now: datetime,
        pinned: Sequence[int] = (),
        after: str | None = None,
    ) -> Turn:
        """Store a question whose answer is about to begin, and show its branch; the first one makes the title.

        `after` is the turn it follows: "" for none, None for the tip of the branch that is shown. No question is lost:
        a conversation that another tab removed meanwhile comes back, and where `after` is gone, the tip stands for it.
        Raises `NotYours`.
        """
        turn_id = secrets.token_hex(16)
        question = storable(question)
        with writing(self.engine) as connection:
            tip = self._open(connection, conversation_id, now)
            own = t.turns.c.conversation_id == conversation_id
            if after and not connection.execute(select(t.turns.c.id).where(own, t.turns.c.id == after)).scalar():
                after = None
            parent = tip if after is None else after
            last = connection.execute(select(func.max(t.turns.c.position)).where(own)).scalar()
            connection.execute(
                insert(t.turns).values(
                    id=turn_id, conversation_id=conversation_id, parent=parent, position=(last or 0) + 1,
                    question=question, pinned=list(pinned), state="streaming", details={}, asked_at=now, updated_at=now,
                )
            )  # fmt: skip
            siblings = _siblings(connection, conversation_id, parent)
            c = t.conversations.c
            connection.execute(
                update(t.conversations)
                .where(c.id == conversation_id)
                .values(
                    tip=turn_id, updated_at=now, deleted_at=None,
                    title=case((c.title == "", _title(question)), else_=c.title),
                )
            )  # fmt: skip
        return Turn(turn_id, parent, siblings, question, tuple(pinned), "", "streaming", "", {}, now, now)

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
        self._set_turn(
            turn_id,
            answer=storable(answer),
            state=state,
            reason=storable(reason),
            details=dict(details or {}),
            updated_at=now,
        )

    def switch(self, conversation_id: str, turn_id: str) -> None:
        """Show the branch through this turn, down to the newest turn below it. Nothing happens if it is gone."""
        with writing(self.engine) as connection:
            if self._tip(connection, conversation_id) is None:
                return
            if below := _below(_skeleton(connection, conversation_id), {turn_id}):
                _show(connection, conversation_id, below[-1])

    def remove_turn(self, turn_id: str) -> None:
        """Delete a turn and all that was asked after it.

        If it was shown, the newest branch with the same parent is shown instead, else what was asked before it.
        """
        owner = select(t.turns.c.conversation_id, t.turns.c.parent).where(t.turns.c.id == turn_id)
        with writing(self.engine) as connection:
            turn = connection.execute(owner).one_or_none()
            if turn is None or (tip := self._tip(connection, turn.conversation_id)) is None:
                return
            skeleton = _skeleton(connection, turn.conversation_id)
            gone = _below(skeleton, {turn_id})
            connection.execute(delete(t.turns).where(t.turns.c.id.in_(gone)))
            if tip in gone:
                siblings = {row.id for row in skeleton if row.parent == turn.parent and row.id != turn_id}
                _show(connection, turn.conversation_id, next(reversed(_below(skeleton, siblings)), turn.parent))

    def rate(self, turn_id: str, rating: Rating, note: str = "") -> None:
        """Keep what the reader thinks of an answer: 1 good, -1 bad, 0 nothing any more."""
        if rating not in get_args(Rating):
            raise ValueError(f"no rating: {rating!r}")
        self._set_turn(turn_id, rating=rating, note=storable(note))

    def fold(self, turn_id: str, summary: str) -> None:
        """Keep a summary of the conversation up to and with this turn."""
        self._set_turn(turn_id, summary=storable(summary))

    # What the reader decides about a conversation

    def rename(self, conversation_id: str, title: str) -> None:
        """Give a conversation another title."""
        self._set(conversation_id, title=_title(storable(title)))

    def choose(self, conversation_id: str, *, pinned: Collection[str], dropped: Collection[str], now: datetime) -> None:
        """Keep what the reader wants in the window and what not; may come before the first question.

        Raises `NotYours`.
        """
        with writing(self.engine) as connection:
            self._open(connection, conversation_id, now)
            connection.execute(
                update(t.conversations)
                .where(t.conversations.c.id == conversation_id)
                .values(pinned=list(pinned), dropped=list(dropped))
            )

    def share(self, conversation_id: str) -> str:
        """The id under which others may read the conversation, and what is asked in it later; "" if it is gone.

        It stays the same until `unshare`, and says nothing of the conversation's own.
        """
        c = t.conversations.c
        with writing(self.engine) as connection:
            connection.execute(
                update(t.conversations)
                .where(c.id == conversation_id, self._own, c.share_id.is_(None))
                .values(share_id=secrets.token_hex(16))
            )
            query = select(c.share_id).where(c.id == conversation_id, self._own, _THERE)
            return connection.execute(query).scalar() or ""

    def unshare(self, conversation_id: str) -> None:
        """Nobody may read it any more by the id it was shared under; that id never comes back."""
        self._set(conversation_id, share_id=None)

    def shared(self, share_id: str) -> Shared | None:
        """What any reader shared under this id; None if nothing is (any more), or the conversation was removed."""
        shared = t.conversations.c.share_id == share_id
        with reading(self.engine) as connection:
            row = connection.execute(_CONVERSATIONS.where(shared)).one_or_none()
            if row is None:
                return None
            turns = _branch(connection, row.id, shared)
        return Shared(row.title, row.updated_at, tuple(_for_others(turn, n) for n, turn in enumerate(turns, 1)))

    # Removing

    def remove(self, conversation_id: str, *, now: datetime) -> None:
        """Hide a conversation; `restore` brings it back."""
        self._set(conversation_id, deleted_at=now)

    def restore(self, conversation_id: str) -> None:
        """Undo `remove`."""
        self._set(conversation_id, deleted_at=None)

    def purge(self, before: datetime) -> int:
        """Delete for good what any reader removed before then, or began before then without a question.

        Returns how many conversations that were.
        """
        c = t.conversations.c
        with writing(self.engine) as connection:
            gone = delete(t.conversations).where(or_(c.deleted_at < before, (c.updated_at < before) & ~_asked()))
            return connection.execute(gone).rowcount

    def delete_everything(self) -> None:
        """Delete every conversation of every reader for good, and what the answers cost."""
        with writing(self.engine) as connection:
            connection.execute(delete(t.turns))
            connection.execute(delete(t.conversations))
            connection.execute(delete(t.usage))
        sweep(self.engine)

    @property
    def _own(self) -> ColumnElement[bool]:
        """Whether a conversation is this reader's. In every statement but those for `shared` and for all readers."""
        return t.conversations.c.reader == self.reader

    def _conversations(self) -> Select[Any]:
        return _CONVERSATIONS.where(self._own)

    def _open(self, connection: Connection, conversation_id: str, now: datetime) -> str:
        """Make the conversation if it is missing; its tip, as `_tip`. Raises `NotYours`."""
        tip = self._tip(connection, conversation_id)
        if tip is not None:
            return tip
        new = insert(t.conversations).values(id=conversation_id, reader=self.reader, created_at=now, updated_at=now)
        with suppress(IntegrityError), connection.begin_nested():  # another tab may be quicker
            connection.execute(new)
        tip = self._tip(connection, conversation_id)
        if tip is None:
            raise NotYours("This chat belongs to somebody else. Begin a new one.")
        return tip

    def _tip(self, connection: Connection, conversation_id: str) -> str | None:
        """The tip of the branch that is shown, None without a conversation; until the write ends nobody moves it."""
        row = select(t.conversations.c.tip).where(t.conversations.c.id == conversation_id, self._own)
        return connection.execute(row.with_for_update()).scalar()

    def _set(self, conversation_id: str, **values: Any) -> None:
        change = update(t.conversations).where(t.conversations.c.id == conversation_id, self._own)
        with writing(self.engine) as connection:
            connection.execute(change.values(**values))

    def _set_turn(self, turn_id: str, **values: Any) -> None:
        own = exists().where(t.conversations.c.id == t.turns.c.conversation_id, self._own)
        write(self.engine, update(t.turns).where(t.turns.c.id == turn_id, own).values(**values))


_THERE = t.conversations.c.deleted_at.is_(None)
_CONVERSATIONS = select(
    *(t.conversations.c[name] for name in ("id", "title", "created_at", "updated_at", "pinned", "dropped", "share_id"))
).where(_THERE)


def _asked(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether the conversation has a turn for which this holds."""
    return exists().where(t.turns.c.conversation_id == t.conversations.c.id, *conditions)


def _branch(connection: Connection, conversation_id: str, readable: ColumnElement[bool]) -> list[Turn]:
    """The turns from the first to the tip. One statement reads all branches, so that they are of one moment."""
    rows = connection.execute(
        select(t.turns, t.conversations.c.tip)
        .join(t.conversations)
        .where(t.turns.c.conversation_id == conversation_id, readable, _THERE)
        .order_by(t.turns.c.position)
    ).all()
    siblings: dict[str, list[str]] = {}
    for row in rows:
        siblings.setdefault(row.parent, []).append(row.id)
    by_id = {row.id: row for row in rows}
    branch = []
    place = rows[0].tip if rows else ""
    while place in by_id:
        row = by_id.pop(place)
        branch.append(_turn(row, tuple(siblings[row.parent])))
        place = row.parent
    return branch[::-1]


def _siblings(connection: Connection, conversation_id: str, parent: str) -> tuple[str, ...]:
    """All turns with this parent, in the order they were asked."""
    query = select(t.turns.c.id).where(t.turns.c.conversation_id == conversation_id, t.turns.c.parent == parent)
    return tuple(connection.execute(query.order_by(t.turns.c.position)).scalars())


def _skeleton(connection: Connection, conversation_id: str) -> Sequence[Row[str, str, int]]:
    """Which turn hangs on which, for all branches, in the order they were asked: parents first."""
    query = select(t.turns.c.id, t.turns.c.parent, t.turns.c.position)
    rows = connection.execute(query.where(t.turns.c.conversation_id == conversation_id)).all()
    # Sorted here: told to sort, SQLite would go by position and read every answer to get at the parent.
    return sorted(rows, key=lambda row: row.position)


def _below(skeleton: Sequence[Row[str, str, int]], turns: Collection[str]) -> list[str]:
    """These turns and all that hang on them, the newest last."""
    found: dict[str, None] = {}
    for row in skeleton:
        if row.id in turns or row.parent in found:
            found[row.id] = None
    return list(found)


def _show(connection: Connection, conversation_id: str, tip: str) -> None:
    connection.execute(update(t.conversations).where(t.conversations.c.id == conversation_id).values(tip=tip))


def _title(question: str) -> str:
    title = " ".join(question.split())
    if len(title) <= TITLE_CHARACTERS:
        return title
    return title[:TITLE_CHARACTERS].rsplit(" ", 1)[0].rstrip(" ,;:.") + "…"


def _conversation(row: Row[Any]) -> Conversation:
    return Conversation(
        id=row.id,
        title=row.title,
        created_at=row.created_at,
        updated_at=row.updated_at,
        pinned=tuple(row.pinned or ()),
        dropped=tuple(row.dropped or ()),
        shared=row.share_id or "",
    )


def _turn(row: Row[Any], siblings: tuple[str, ...]) -> Turn:
    return Turn(
        id=row.id,
        parent=row.parent,
        siblings=siblings,
        question=row.question,
        pinned=tuple(row.pinned or ()),
        answer=row.answer,
        state=row.state,
        reason=row.reason,
        details=row.details or {},
        asked_at=row.asked_at,
        updated_at=row.updated_at,
        rating=row.rating,
        note=row.note,
        summary=row.summary,
    )


def _for_others(turn: Turn, number: int) -> Turn:
    parent = str(number - 1) if number > 1 else ""
    return replace(turn, id=str(number), parent=parent, siblings=(str(number),), rating=0, note="", summary="")
