"""Who reads: what somebody may do, and what is known of those who signed in.

What belongs to one reader has a column `reader` in its table. There stands the id of somebody who signed in, a hash of
who vouches for them and of the name they have there; that of a visitor's browser; or "": the owner of a personal
instance.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, delete, exists, func, insert, select, update

from storage import tables as t
from storage.engine import reading, sweep, writing
from storage.tables import storable

NAME_CHARACTERS = 100


@dataclass(frozen=True, slots=True)
class Reader:
    """Who opened a page. `name` is for their own eyes and the owner's, "" for one who did not sign in.

    The `owner` may change what all readers share. One with `own_feeds` follows feeds of their own and sees no others.
    A `visitor` did not sign in on an instance that others share; what they did is found again by the same browser.
    """

    id: str = ""
    name: str = ""
    owner: bool = True
    own_feeds: bool = False
    visitor: bool = False

    @property
    def may_choose_feeds(self) -> bool:
        """Whether they may add and remove feeds, for themselves or for all."""
        return self.owner or self.own_feeds

    @property
    def shares(self) -> bool:
        """Whether others read here too."""
        return bool(self.id)


@dataclass(frozen=True, slots=True)
class Known:
    """What the owner is told of a reader who signed in."""

    id: str
    name: str
    first_seen_at: datetime
    last_seen_at: datetime
    feeds: int
    questions: int


def reader_id(kind: str, *names: str) -> str:
    """The id of whoever has these names: 128 bits of a hash, the same each time, from which no name can be read.

    `kind` keeps the names of one sort from being taken for those of another.
    """
    return hashlib.sha256("\0".join((kind, *names)).encode("utf-8", "replace")).hexdigest()[:32]


class Readers:
    """Those who signed in, behind an engine of `storage.engine.connect`. Raises `StorageError`."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def seen(self, reader: Reader, *, now: datetime) -> None:
        """Note that somebody who signed in is here."""
        r = t.readers.c
        name = storable(reader.name)[:NAME_CHARACTERS]
        with writing(self.engine) as connection:
            noted = update(t.readers).where(r.id == reader.id).values(name=name, last_seen_at=now)
            if not connection.execute(noted).rowcount:
                connection.execute(
                    insert(t.readers).values(id=reader.id, name=name, first_seen_at=now, last_seen_at=now)
                )

    def count(self) -> int:
        """How many have signed in."""
        with reading(self.engine) as connection:
            return connection.execute(select(func.count()).select_from(t.readers)).scalar_one()

    def known(self, since: datetime, *, limit: int = 100, offset: int = 0) -> list[Known]:
        """Those who signed in, the last seen first, with how many questions they asked since then."""
        r, c = t.readers.c, t.conversations.c
        feeds = select(func.count()).where(t.follows.c.reader == r.id).scalar_subquery()
        questions = (
            select(func.count())
            .select_from(t.turns.join(t.conversations))
            .where(c.reader == r.id, t.turns.c.asked_at >= since)
            .scalar_subquery()
        )
        query = select(r.id, r.name, r.first_seen_at, r.last_seen_at, feeds, questions)
        query = query.order_by(r.last_seen_at.desc(), r.id)
        with reading(self.engine) as connection:
            return [Known(*row) for row in connection.execute(query.limit(limit).offset(offset))]

    def questions(self, since: datetime) -> tuple[int, int]:
        """How many questions were asked since then by all readers together, and by how many readers."""
        query = (
            select(func.count(), func.count(t.conversations.c.reader.distinct()))
            .select_from(t.turns.join(t.conversations))
            .where(t.turns.c.asked_at >= since)
        )
        with reading(self.engine) as connection:
            asked, readers = connection.execute(query).one()
        return asked, readers

    def purge(self, before: datetime) -> int:
        """Delete for good the conversations that visitors left and did not come back to; gives how many.

        With their marks and looks.
        """
        c = t.conversations.c
        members = exists().where(t.readers.c.id == c.reader)
        with writing(self.engine) as connection:
            for table, last in ((t.marks, t.marks.c.at), (t.looks, t.looks.c.last_at)):
                known = exists().where(t.readers.c.id == table.c.reader)
                connection.execute(delete(table).where(table.c.reader != "", last < before, ~known))
            gone = delete(t.conversations).where(c.reader != "", c.updated_at < before, ~members)
            return connection.execute(gone).rowcount

    def forget(self, reader: str, *, now: datetime) -> None:
        """Delete for good all that belongs to a reader. Feeds that nobody follows any more are removed.

        Who signs in again begins anew, but for what they asked in the last 24 hours: else one had oneself forgotten to
        have another budget.
        """
        if not reader:
            raise ValueError("the owner of a personal instance is not one of its readers")
        f = t.follows.c
        with writing(self.engine) as connection:
            followed = list(connection.execute(select(f.feed_id).where(f.reader == reader)).scalars())
            for table in _OWNED:
                connection.execute(delete(table).where(table.c.reader == reader))
            connection.execute(delete(t.readers).where(t.readers.c.id == reader))
            connection.execute(delete(t.meta).where(t.meta.c.key.endswith(reader)))
            nobody = ~exists().where(f.feed_id == t.feeds.c.id)
            connection.execute(update(t.feeds).where(t.feeds.c.id.in_(followed), nobody).values(removed_at=now))
        sweep(self.engine)

    def forget_all(self) -> None:
        """Delete for good all that belongs to any reader, the owner's own too."""
        with writing(self.engine) as connection:
            for table in (*_OWNED, t.readers):
                connection.execute(delete(table))
        sweep(self.engine)


_OWNED = [table for table in t.metadata.sorted_tables if "reader" in table.c and table is not t.charges]
