"""What a reader did with the news: stories seen, followed and muted, articles saved, and when they last looked.

A mark names an entry. A story is marked by the entry whose number it had then, and looked up through that entry's story
now, so that no merge loses a mark. `reader` is "" for the owner of an instance of one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import ColumnElement, Engine, and_, delete, func, insert, or_, select, update

from storage import tables as t
from storage.engine import alone, reading, writing

Kind = Literal["seen", "followed", "muted", "saved"]
VISIT = timedelta(minutes=30)
"""Looks that are less apart are one visit."""


@dataclass(frozen=True, slots=True)
class Marks:
    """A reader's marks. Stories by the number they have now, `saved` by the article's entry; each with its moment.

    `saved_stories` are those in which an article is saved. A story that moved after it was seen has news.
    """

    seen: Mapping[int, datetime]
    followed: Mapping[int, datetime]
    muted: Mapping[int, datetime]
    saved: Mapping[int, datetime]
    saved_stories: Mapping[int, datetime]


class Reading:
    """One reader's marks and visits, behind an engine of `storage.engine.connect`. Raises `StorageError`."""

    def __init__(self, engine: Engine, reader: str = "") -> None:
        self.engine = engine
        self.reader = reader

    def of(self, reader: str) -> Reading:
        """What another reader did."""
        return Reading(self.engine, reader)

    def marks(self) -> Marks:
        """All marks, the newest first."""
        m = t.marks.c
        story = func.coalesce(t.entries.c.story_id, m.entry_id)
        query = (
            select(m.kind, m.entry_id, story, m.at)
            .select_from(t.marks.outerjoin(t.entries, t.entries.c.id == m.entry_id))
            .where(m.reader == self.reader)
            .order_by(m.at.desc(), m.entry_id.desc())
        )
        by_kind: dict[str, dict[int, datetime]] = {"seen": {}, "followed": {}, "muted": {}, "saved": {}}
        saved: dict[int, datetime] = {}
        with reading(self.engine) as connection:
            for kind, entry_id, number, at in connection.execute(query):
                by_kind.setdefault(kind, {}).setdefault(number, at)  # of marks that merged the newest
                if kind == "saved":
                    saved[entry_id] = at
        return Marks(by_kind["seen"], by_kind["followed"], by_kind["muted"], saved, by_kind["saved"])

    def mark(self, kind: Kind, entry_id: int, *, now: datetime) -> None:
        """Mark a story by its number, or save an article; a mark that is there gets the moment."""
        self.mark_all(kind, [entry_id], now=now)

    def mark_all(self, kind: Kind, entry_ids: list[int], *, now: datetime) -> None:
        """Mark several at once, such as all stories that a page showed."""
        m = t.marks.c
        with writing(self.engine) as connection:
            alone(connection, "marks")
            for entry_id in dict.fromkeys(entry_ids):
                same = and_(m.reader == self.reader, m.kind == kind, m.entry_id == entry_id)
                if not connection.execute(update(t.marks).where(same).values(at=now)).rowcount:
                    connection.execute(insert(t.marks).values(reader=self.reader, kind=kind, entry_id=entry_id, at=now))

    def unmark(self, kind: Kind, entry_id: int) -> None:
        """Take the mark off a story, by any number it had, or off a saved article."""
        m = t.marks.c
        marked: ColumnElement[bool] = m.entry_id == entry_id
        if kind != "saved":
            e, own = t.entries.c, t.entries.alias()
            story = select(func.coalesce(own.c.story_id, own.c.id)).where(own.c.id == entry_id).scalar_subquery()
            marked = or_(marked, m.entry_id.in_(select(e.id).where(e.story_id == story)))
        with writing(self.engine) as connection:
            connection.execute(delete(t.marks).where(m.reader == self.reader, m.kind == kind, marked))

    def looked(self, *, now: datetime) -> datetime | None:
        """Note a look at the front page; gives the last look of the visit before this one, None on the first visit.

        It stays the same throughout a visit. A clock that went back (a replay) begins anew.
        """
        own = t.looks.c.reader == self.reader
        with writing(self.engine) as connection:
            alone(connection, "looks")
            row = connection.execute(select(t.looks.c.last_at, t.looks.c.before_at).where(own)).one_or_none()
            if row is None:
                connection.execute(insert(t.looks).values(reader=self.reader, last_at=now))
                return None
            before: datetime | None = row.before_at
            if now < row.last_at:
                before = None
            elif now - row.last_at >= VISIT:
                before = row.last_at
            connection.execute(update(t.looks).where(own).values(last_at=now, before_at=before))
            return before
