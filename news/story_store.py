"""The story of each entry, kept. The database is the truth; a `Grouper` in memory knows the last days of it.

`Stories.group` gives every entry that has no story its own, in the order of arrival, a batch and a short write at a
time. Writes are counted, in `meta` and at each row that one gave a story to. So a process finds what another wrote
since, takes it into its memory, and only then goes on; a write that was overtaken by another is not made, and its
batch is begun again. A crash loses no more than the batch at hand, whose entries have no story then.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, bindparam, delete, func, insert, select, update

from news.grouping import LARGE, READ, WAKING, Grouper, Repair
from news.store import Store, deletions
from news.types import Entry
from storage import tables as t
from storage.engine import alone, reading, writing

BATCH = 400
"""Entries a write."""
REPAIR_EVERY = timedelta(hours=6)
"""How much time passes between two repairs, by when entries came."""
TRIES = 3
"""How often a batch is begun again; then another process is at it, and does the rest."""
_STATE = "stories"  # where `meta` keeps it
_e, _v = t.entries.c, t.versions.c
_PLACE = (
    update(t.entries)
    .where(_e.id == bindparam("entry"))
    .values(story_id=bindparam("story"), grouped_in=bindparam("write"))
)


@dataclass(frozen=True, slots=True)
class _State:
    """How many writes of stories there were, and up to which arrivals the stories are repaired."""

    writes: int = 0
    repaired_at: datetime | None = None


class _Overtaken(Exception):
    """Another process was quicker."""


class Stories:
    """Which entry is of which story, kept in the store's database. Safe to share by threads."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._lock = threading.Lock()
        self._grouper: Grouper | None = None
        self._state = _State()
        self._deletions = 0

    def group(self, *, most: int | None = None, stopped: Callable[[], bool] = lambda: False) -> int:
        """Give each entry that has no story its own, those that came first first; returns how many got one.

        To be called after each refresh; about `most` at once. `stopped` is asked before each batch. Raises
        `storage.engine.StorageError`; what was written by then stays, and the rest comes next time.
        """
        done = tries = 0
        with self._lock:
            while (most is None or done < most) and tries < TRIES and not stopped():
                try:
                    number = self._batch()
                except _Overtaken:
                    self._grouper = None
                    tries += 1
                    continue
                except BaseException:
                    self._grouper = None  # it may know of stories that were not written
                    raise
                if not number:
                    break
                done, tries = done + number, 0
        return done

    def waiting(self) -> int:
        """How many entries have no story yet."""
        with reading(self.store.engine) as connection:
            waiting = select(func.count()).select_from(t.entries).where(_e.story_id.is_(None))
            return connection.execute(waiting).scalar_one()

    # Inside

    def _batch(self) -> int:
        """Group the next entries, as far as the next repair, and repair if it is due."""
        with reading(self.store.engine) as connection:
            waiting = connection.execute(_worded().where(_e.story_id.is_(None)).limit(BATCH + 1))
            entries = [_entry(row) for row in waiting]
            if not entries:
                return 0
            grouper = self._current(connection)
        repaired_at = self._state.repaired_at or entries[0].first_seen_at
        placed: dict[int, int] = {}
        due = False
        for entry, following in zip(entries[:BATCH], [*entries[1:], None], strict=False):
            placed[entry.id] = grouper.add(entry)
            # What came at one moment came in no order that means anything, so it is repaired when all of it is there.
            last = following is None or following.first_seen_at != entry.first_seen_at
            if due := last and entry.first_seen_at - repaired_at >= REPAIR_EVERY:
                break
        self._write(Repair(moved=placed), repaired_at)
        if due:
            self._write(grouper.repair(), entry.first_seen_at)
        return len(placed)

    def _current(self, connection: Connection) -> Grouper:
        """The memory, with all that others wrote since."""
        state, deleted = _state(connection), deletions(connection)
        grouper = self._grouper
        if grouper is None:
            newest = select(func.max(_e.first_seen_at)).where(_e.story_id.is_not(None))
            last = connection.execute(newest).scalar()
            if last is None:
                grouper = Grouper()
            else:
                lately = _e.first_seen_at >= last - WAKING
                of_size = select(_e.story_id).where(lately).group_by(_e.story_id).having(func.count() >= LARGE)
                large = set(connection.execute(of_size).scalars())
                rows = _grouped(connection, lately)
                grouper = Grouper.restored(rows, repaired_at=state.repaired_at, large=large, until=last)
        else:
            if state.repaired_at != self._state.repaired_at:
                grouper.repaired(state.repaired_at)
            if state.writes != self._state.writes:
                for entry, story in _grouped(connection, _e.grouped_in > self._state.writes):
                    grouper.learn(entry, story)
            if deleted != self._deletions:
                there = set(connection.execute(select(_e.id).where(_e.id >= min(grouper.held, default=0))).scalars())
                for entry_id in grouper.held - there:
                    grouper.forget(entry_id)
        self._grouper, self._state, self._deletions = grouper, state, deleted
        return grouper

    def _write(self, repair: Repair, repaired_at: datetime) -> None:
        """Keep what changed, if nobody else has written since."""
        write = self._state.writes + 1
        with writing(self.store.engine) as connection:
            alone(connection, "stories")
            if _state(connection) != self._state:
                raise _Overtaken
            for gone, kept in repair.merged:
                connection.execute(update(t.entries).where(_e.story_id == gone).values(story_id=kept, grouped_in=write))
            if repair.moved:
                connection.execute(
                    _PLACE,
                    [{"entry": entry, "story": story, "write": write} for entry, story in repair.moved.items()],
                )
            state = _State(write, repaired_at)
            kept_as = json.dumps([state.writes, repaired_at.isoformat()])
            connection.execute(delete(t.meta).where(t.meta.c.key == _STATE))
            connection.execute(insert(t.meta).values(key=_STATE, value=kept_as))
        self._state = state


def _state(connection: Connection) -> _State:
    kept = connection.execute(select(t.meta.c.value).where(t.meta.c.key == _STATE)).scalar()
    if not kept:
        return _State()
    writes, repaired_at = json.loads(kept)
    return _State(writes, datetime.fromisoformat(repaired_at))


def _worded() -> Select[tuple[int, int, str, str, datetime, int | None]]:
    """What the grouper reads of entries, in the order in which they came; those of removed feeds too.

    Which feed answered first is chance, so what came at one moment is in the order of publication.
    """
    return (
        select(_e.id, _e.feed_id, _v.title, func.substr(_v.text, 1, READ).label("text"), _e.first_seen_at, _e.story_id)
        .join_from(t.entries, t.versions, and_(_v.entry_id == _e.id, _v.valid_until.is_(None)))
        .order_by(_e.first_seen_at, _e.published_at, _e.url, _e.id)
    )


def _grouped(connection: Connection, *conditions: ColumnElement[bool]) -> Iterator[tuple[Entry, int]]:
    rows = connection.execute(_worded().where(_e.story_id.is_not(None), *conditions).execution_options(yield_per=500))
    return ((_entry(row), row.story_id) for row in rows)


def _entry(row: Row[Any]) -> Entry:
    """An entry with what the grouper reads of it, and nothing else."""
    came = row.first_seen_at
    return Entry(row.id, 0, row.feed_id, "", "", "", "", row.title, row.text, "", "", came, came, 0, False)
