"""A whole database into another, row by row: a backup is a copy into a SQLite file, restoring one a copy out of it.

The source is read at one moment, while others go on writing. A copy that broke off goes on when it is begun again: rows
that are there already are compared, and what changed in between is put right. In the end what was made is read again,
counted, and hashed row by row, so that it does not matter which kind of database either is.

The full-text index is not copied: it is made of what is, when the news is opened there.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Connection,
    Engine,
    Table,
    and_,
    bindparam,
    delete,
    func,
    insert,
    select,
    tuple_,
    update,
)

from storage.engine import StorageError, alone, reading, writing
from storage.tables import meta, metadata, storable

ROWS = 500
"""So many are one transaction."""
UNFINISHED = "copy unfinished"
MANIFEST = "copy"
_ANALYSIS = "analysis"  # where `news.store` keeps how the index was made; without it, it is made anew
_OWN = (UNFINISHED, MANIFEST, _ANALYSIS)  # keys of `meta` that belong to a database, not to what it holds

Row = tuple[Any, ...]
Told = Callable[[str, int, int], None]
"""Called with a table's name, how many of its rows are done, and how many there are."""


@dataclass(frozen=True, slots=True)
class Sum:
    """How many rows a table has, and a hash of all of them that does not depend on their order."""

    rows: int = 0
    hash: str = ""


def copy(
    source: Engine, target: Engine, *, told: Told = lambda *_: None, keep_manifest: bool = False
) -> dict[str, Sum]:
    """Make `target` hold what `source` holds now; both opened by `connect`. Gives the sum of each table.

    `target` must be empty, or a copy that broke off; nobody may write to it meanwhile. With `keep_manifest` it keeps
    the sums, and a copy out of it is held against them. Raises `StorageError`, also where the two differ in the end.
    """
    _begin(target)
    with reading(source) as given:
        promised = _manifest(given)
        for table in reversed(metadata.sorted_tables):
            _take_out(given, table, target)
        sums = {table.name: _fill(given, table, target, told) for table in metadata.sorted_tables}
    if promised is not None and promised != sums:
        raise StorageError("The backup is damaged: it does not hold what was put into it. Take an older one.")
    with reading(target) as made:
        differing = [table.name for table in metadata.sorted_tables if sum_of(made, table) != sums[table.name]]
    if differing:
        raise StorageError(f"The copy is not what was copied ({', '.join(differing)}); begin it again.")
    with writing(target) as connection:
        _go_on_counting(connection)
        connection.execute(delete(meta).where(meta.c.key == UNFINISHED))
        if keep_manifest:
            told_sums = json.dumps({name: [one.rows, one.hash] for name, one in sums.items()})
            connection.execute(insert(meta).values(key=MANIFEST, value=told_sums))
    return sums


def _begin(target: Engine) -> None:
    with writing(target) as connection:
        alone(connection, "copy")
        if connection.execute(select(meta.c.key).where(meta.c.key == UNFINISHED)).first():
            return
        for table in metadata.sorted_tables:
            there = select(*table.primary_key)
            if table is meta:
                there = there.where(meta.c.key != _ANALYSIS)
            if connection.execute(there.limit(1)).first():
                raise StorageError("The database to copy to holds something already; choose an empty one.")
        connection.execute(insert(meta).values(key=UNFINISHED, value=""))
        connection.execute(delete(meta).where(meta.c.key == _ANALYSIS))


def _manifest(connection: Connection) -> dict[str, Sum] | None:
    """The sums that a backup was made with, None if this is none."""
    kept = connection.execute(select(meta.c.value).where(meta.c.key == MANIFEST)).scalar()
    return {name: Sum(*one) for name, one in json.loads(kept).items()} if kept else None


def _fill(given: Connection, table: Table, target: Engine, told: Told) -> Sum:
    """Put in what is missing or differs."""
    total = given.execute(select(func.count()).select_from(table)).scalar_one()
    with reading(target) as connection:
        empty = connection.execute(select(*table.primary_key).limit(1)).first() is None
    adding = _Adding()
    done = 0
    for rows in _batches(given, table):
        adding.add(rows)
        with writing(target) as connection:
            there = {} if empty else _there(connection, table, [_key(table, row) for row in rows])
            fresh = [row for row in rows if _key(table, row) not in there]
            changed = [row for row in rows if there.get(_key(table, row), row) != row]
            if fresh:
                connection.execute(_insert(table), [_named(table, row) for row in fresh])
            if changed:
                connection.execute(_update(table), [_named(table, row) for row in changed])
        done += len(rows)
        told(table.name, done, total)
    return adding.sum


def _take_out(given: Connection, table: Table, target: Engine) -> None:
    """Delete what the source no longer has: it was copied before the copy broke off."""
    with reading(target) as connection:
        rows = map(tuple, connection.execute(select(*table.primary_key)))
        keys = [key for key in rows if not (table is meta and key[0] in _OWN)]
    for start in range(0, len(keys), ROWS):
        some = keys[start : start + ROWS]
        there = _there(given, table, some)
        gone = [key for key in some if key not in there]
        if gone:
            with writing(target) as connection:
                connection.execute(delete(table).where(_among(table, gone)))


def _go_on_counting(connection: Connection) -> None:
    """Postgres numbers new rows from a sequence that knows nothing of rows that came with their numbers."""
    if connection.dialect.name == "sqlite":
        return
    for table in metadata.sorted_tables:
        column = table.autoincrement_column
        if column is not None:
            last = select(func.coalesce(func.max(column), 1), func.count() > 0).subquery()
            sequence = func.pg_get_serial_sequence(table.name, column.name)
            connection.execute(select(func.setval(sequence, *last.c)))


# ---------------------------------------------------------------- rows


def _batches(connection: Connection, table: Table) -> Iterator[list[Row]]:
    """All rows of a table, as they are compared: by the columns in their order, in that of the primary key."""
    keys = list(table.primary_key)
    after: Row | None = None
    while True:
        query = select(table).order_by(*keys).limit(ROWS)
        if after is not None:
            query = query.where(tuple_(*keys) > tuple_(*after))
        rows = [tuple(row) for row in connection.execute(query)]
        if not rows:
            return
        after = _key(table, rows[-1])
        mine = [_clean(row) for row in rows if not (table is meta and row[0] in _OWN)]
        if mine:
            yield mine


def _clean(row: Row) -> Row:
    """A row of an old SQLite file may hold what no database takes any more."""
    return tuple(storable(value) if isinstance(value, str) else value for value in row)


def _key(table: Table, row: Row) -> Row:
    columns = list(table.columns)
    return tuple(row[columns.index(column)] for column in table.primary_key)


def _among(table: Table, keys: Sequence[Row]) -> Any:
    columns = list(table.primary_key)
    return columns[0].in_([key[0] for key in keys]) if len(columns) == 1 else tuple_(*columns).in_(keys)


def _there(connection: Connection, table: Table, keys: Sequence[Row]) -> dict[Row, Row]:
    rows = (tuple(row) for row in connection.execute(select(table).where(_among(table, keys))))
    return {_key(table, row): row for row in rows}


def _values(table: Table) -> dict[str, Any]:
    # What is nothing must stay that, and not become the word null.
    plain = JSON(none_as_null=True)
    return {
        column.name: bindparam(f"to_{column.name}", type_=plain if isinstance(column.type, JSON) else column.type)
        for column in table.columns
    }


def _insert(table: Table) -> Any:
    return insert(table).values(_values(table))


def _update(table: Table) -> Any:
    ours = and_(*(column == bindparam(f"to_{column.name}", type_=column.type) for column in table.primary_key))
    return update(table).where(ours).values(_values(table))


def _named(table: Table, row: Row) -> Mapping[str, Any]:
    return {f"to_{column.name}": value for column, value in zip(table.columns, row, strict=True)}


class _Adding:
    """The sum of a table whose rows are added one after the other, in any order."""

    def __init__(self) -> None:
        self._rows = self._hash = 0

    def add(self, rows: Sequence[Row]) -> None:
        for row in rows:
            told = json.dumps(row, default=_told, sort_keys=True).encode()
            self._hash = (self._hash + int.from_bytes(hashlib.sha256(told).digest())) % (1 << 256)
            self._rows += 1

    @property
    def sum(self) -> Sum:
        return Sum(self._rows, f"{self._hash:064x}")


def _told(value: object) -> str:
    if isinstance(value, date | datetime):
        return value.isoformat()
    raise TypeError(f"a column holds {type(value).__name__}, which has no place in a hash")


def sum_of(connection: Connection, table: Table) -> Sum:
    """The sum of what a table holds now."""
    adding = _Adding()
    for rows in _batches(connection, table):
        adding.add(rows)
    return adding.sum
