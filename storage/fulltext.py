"""Full text, the one part in which databases differ. Terms come from outside, so that every database finds the same.

The index holds terms, never a second copy of the articles, and a row is taken out by giving the same terms again.
Whoever makes the terms keeps the version of their analysis with the database and rebuilds on change.

News is asked about from now backwards. So rows are numbered by the hour from which a wording is valid, and below that
by the version: the newest that hold a term are the end of its list, and a span of time is a piece of it. To ask for
them costs what is asked for, not what is stored.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import Connection, Select, column, select, text

Part = Literal["title", "text", "address"]
PARTS: tuple[Part, ...] = ("title", "text", "address")
HOUR = _IDS = 32
"""So many bits of a row's number are the version's id; above them is the hour, as `hour` counts."""
_VERSION = (1 << _IDS) - 1
_LAST = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Document:
    """The terms of a version's title, its text and the words of its address, joined by spaces.

    `id` is the version's, `since` the moment from which it is valid.
    """

    id: int
    since: datetime
    title: str
    text: str
    address: str = ""


def hour(moment: datetime) -> int:
    """Whole hours since 1970; a moment before that is 1970."""
    return max(0, int(moment.astimezone(UTC).timestamp()) // 3600)


@dataclass(frozen=True, slots=True)
class Query:
    """Matches a version that holds, in these parts, of each group of phrases one.

    A phrase is terms that follow each other, joined by spaces; mostly it is a single term.
    """

    groups: tuple[tuple[str, ...], ...]
    parts: tuple[Part, ...] = PARTS


def any_of(terms: Sequence[str], part: Part | None = None) -> Query:
    """Matches a version holding any of `terms`, in one part of it or in any."""
    return Query((tuple(terms),), (part,) if part else PARTS)


def all_of(groups: Sequence[Sequence[str]]) -> Query:
    """Matches a version holding of each group of terms one."""
    return Query(tuple(map(tuple, groups)))


def any_phrase(phrases: Iterable[Sequence[str]]) -> Query:
    """Matches a version whose title or text holds any of these phrases.

    The address is left out: a section's name in it ("/sport/") says nothing of the words of an article.
    """
    return Query((tuple(map(" ".join, phrases)),), ("title", "text"))


class FullText(ABC):
    """An index of terms. Terms are data: none is ever read as query language."""

    @abstractmethod
    def create(self, connection: Connection) -> None:
        """Make the empty index, in place of another that may be there."""

    @abstractmethod
    def add(self, connection: Connection, documents: Iterable[Document]) -> None:
        """Index new versions."""

    @abstractmethod
    def remove(self, connection: Connection, documents: Iterable[Document]) -> None:
        """Take versions out again; all of a document must be as it was added."""

    @abstractmethod
    def clear(self, connection: Connection) -> None:
        """Empty the index."""

    @abstractmethod
    def newest(
        self,
        connection: Connection,
        queries: Sequence[Query],
        *,
        limit: int,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> list[list[int]]:
        """For each query the rows of the newest versions that it matches, valid from within these hours, newest first.

        A row's number is read by `version` and `HOUR`.
        """

    @abstractmethod
    def held(self, connection: Connection, terms: Sequence[str]) -> dict[str, int]:
        """How many versions hold each term. Reads a term's whole list: keep what it says."""

    @abstractmethod
    def matching(self, query: Query) -> Select[Any]:
        """The ids of all versions that a query matches, to be part of another statement."""


def fulltext(dialect: str) -> FullText:
    """The index for a database of this kind, as SQLAlchemy names it."""
    return FTS5() if dialect == "sqlite" else TSVector()


class FTS5(FullText):
    """SQLite's full-text index. Its ascii tokenizer only splits at spaces here: terms are letters and digits."""

    def create(self, connection: Connection) -> None:
        connection.execute(text("DROP TABLE IF EXISTS versions_text_terms"))
        connection.execute(text("DROP TABLE IF EXISTS versions_text"))
        connection.execute(
            text(f"CREATE VIRTUAL TABLE versions_text USING fts5({', '.join(PARTS)}, content='', tokenize=ascii)")
        )
        connection.execute(text("CREATE VIRTUAL TABLE versions_text_terms USING fts5vocab(versions_text, row)"))

    def add(self, connection: Connection, documents: Iterable[Document]) -> None:
        self._each(
            connection,
            "INSERT INTO versions_text(rowid, title, text, address) VALUES (:id, :title, :text, :address)",
            documents,
        )

    def remove(self, connection: Connection, documents: Iterable[Document]) -> None:
        self._each(
            connection,
            "INSERT INTO versions_text(versions_text, rowid, title, text, address) "
            "VALUES ('delete', :id, :title, :text, :address)",
            documents,
        )

    def clear(self, connection: Connection) -> None:
        connection.execute(text("INSERT INTO versions_text(versions_text) VALUES ('delete-all')"))

    def newest(
        self,
        connection: Connection,
        queries: Sequence[Query],
        *,
        limit: int,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> list[list[int]]:
        first, last = _rows(since, until)
        cursor = connection.connection.cursor()
        try:
            return [
                [
                    row
                    for (row,) in cursor.execute(
                        "SELECT rowid FROM versions_text WHERE versions_text MATCH ? AND rowid BETWEEN ? AND ? "
                        "ORDER BY rowid DESC LIMIT ?",
                        (self._match(query), first, last, limit),
                    )
                ]
                for query in queries
            ]
        finally:
            cursor.close()

    def held(self, connection: Connection, terms: Sequence[str]) -> dict[str, int]:
        cursor = connection.connection.cursor()
        try:
            asked = "SELECT doc FROM versions_text_terms WHERE term = ?"
            return {term: (cursor.execute(asked, (term,)).fetchone() or (0,))[0] for term in terms}
        finally:
            cursor.close()

    def matching(self, query: Query) -> Select[Any]:
        found = text(f"SELECT rowid & {_VERSION} AS id FROM versions_text WHERE versions_text MATCH :query")
        return select(found.bindparams(query=self._match(query)).columns(column("id")).subquery().c.id)

    def _match(self, query: Query) -> str:
        """A query in the language of FTS5, its terms quoted."""
        parts = "" if query.parts == PARTS else "{" + " ".join(query.parts) + "} : "
        groups = (" OR ".join('"' + phrase.replace('"', "") + '"' for phrase in group) for group in query.groups)
        return " AND ".join(f"{parts}({group})" for group in groups)

    def _each(self, connection: Connection, statement: str, documents: Iterable[Document]) -> None:
        # In the order of their numbers: an index that is given a lower one writes out what it has first.
        numbered = sorted(((_row(document), document) for document in documents), key=lambda pair: pair[0])
        if numbered:
            rows = [{"id": id_, "title": d.title, "text": d.text, "address": d.address} for id_, d in numbered]
            connection.execute(text(statement), rows)


class TSVector(FullText):
    """Postgres's: a `tsvector` a part, under one GIN index.

    GIN knows no order, so the newest holders of a term are either those of its whole list, sorted, or the table read
    from its newest row backwards until enough hold it. The planner has to know the term to choose, so every statement
    is planned with its values (`prepare_threshold` in `storage.engine`).

    A `tsvector` counts places up to 16,383, and 256 of a term: a phrase beyond is not found as one, its terms are.
    """

    def create(self, connection: Connection) -> None:
        connection.execute(text("DROP TABLE IF EXISTS versions_text"))
        columns = ", ".join(f"{part} tsvector NOT NULL" for part in PARTS)
        connection.execute(text(f"CREATE TABLE versions_text (id bigint PRIMARY KEY, {columns})"))
        # Without fastupdate each search would read through what was not sorted in yet.
        index = f"gin ({', '.join(PARTS)}) WITH (fastupdate = off)"
        connection.execute(text(f"CREATE INDEX versions_text_terms ON versions_text USING {index}"))

    def add(self, connection: Connection, documents: Iterable[Document]) -> None:
        made = list(documents)
        if made:
            columns: dict[str, list[Any]] = {"id": [_row(document) for document in made]}
            columns |= {part: [_vector(getattr(document, part)) for document in made] for part in PARTS}
            vectors = ", ".join(f"CAST(made.{part} AS tsvector)" for part in PARTS)
            rows = "unnest(CAST(:id AS bigint[]), " + ", ".join(f"CAST(:{part} AS text[])" for part in PARTS) + ")"
            connection.execute(
                text(
                    f"INSERT INTO versions_text (id, {', '.join(PARTS)}) "
                    f"SELECT made.id, {vectors} FROM {rows} AS made (id, {', '.join(PARTS)})"
                ),
                columns,
            )

    def remove(self, connection: Connection, documents: Iterable[Document]) -> None:
        ids = [_row(document) for document in documents]
        if ids:
            connection.execute(text("DELETE FROM versions_text WHERE id = ANY(:ids)"), {"ids": ids})

    def clear(self, connection: Connection) -> None:
        connection.execute(text("TRUNCATE versions_text"))

    def newest(
        self,
        connection: Connection,
        queries: Sequence[Query],
        *,
        limit: int,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> list[list[int]]:
        first, last = _rows(since, until)
        values: dict[str, Any] = {"first": first, "last": last, "limit": limit}
        # One statement: a question is up to a hundred lists, and each journey to the server takes its time.
        lists = [
            f"ARRAY(SELECT id FROM versions_text WHERE {self._holds(query, values)} AND id BETWEEN :first AND :last "
            "ORDER BY id DESC LIMIT :limit)"
            for query in queries
        ]
        return list(connection.execute(text(f"SELECT {', '.join(lists)}"), values).one()) if lists else []

    def held(self, connection: Connection, terms: Sequence[str]) -> dict[str, int]:
        values: dict[str, Any] = {}
        counts = [f"(SELECT count(*) FROM versions_text WHERE {self._holds(any_of([term]), values)})" for term in terms]
        if not counts:
            return {}
        return dict(zip(terms, connection.execute(text(f"SELECT {', '.join(counts)}"), values).one(), strict=True))

    def matching(self, query: Query) -> Select[Any]:
        values: dict[str, Any] = {}
        found = text(f"SELECT id & {_VERSION} AS id FROM versions_text WHERE {self._holds(query, values)}")
        return select(found.bindparams(**values).columns(column("id")).subquery().c.id)

    def _holds(self, query: Query, values: dict[str, Any]) -> str:
        """The condition of a query on a row; what it binds is added to `values`."""
        conditions = []
        for group in query.groups:
            name = f"query{len(values)}"
            values[name] = " | ".join(
                "(" + " <-> ".join(map(_quoted, phrase.split(" "))) + ")" for phrase in group if phrase
            )
            conditions.append(" OR ".join(f"{part} @@ CAST(:{name} AS tsquery)" for part in query.parts))
        return " AND ".join(f"({condition})" for condition in conditions)


def version(row: int) -> int:
    """The id of the version that a row's number says."""
    return row & _VERSION


def _row(document: Document) -> int:
    return hour(document.since) << _IDS | document.id


def _rows(since: datetime | None, until: datetime | None) -> tuple[int, int]:
    """The first and the last number of the rows of these hours."""
    return hour(since) << _IDS if since else 0, ((hour(until) + 1) << _IDS) - 1 if until else _LAST


def _vector(terms: str) -> str:
    """Terms joined by spaces as a `tsvector` is written: each with its places."""
    places: dict[str, list[str]] = {}
    for place, term in enumerate(terms.split(" "), 1):
        if term:
            places.setdefault(term, []).append(str(place))
    return " ".join(f"{_quoted(term)}:{','.join(at)}" for term, at in places.items())


def _quoted(term: str) -> str:
    """A term as `tsvector` and `tsquery` read it, whatever is in it."""
    return "'" + term.replace("\\", "\\\\").replace("'", "''") + "'"
