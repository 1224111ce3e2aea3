"""Full text, the one part in which databases differ. Terms come from outside, so that every database finds the same.

The index is contentless: it holds terms, never a second copy of the articles, and a row is taken out by giving the
same terms again. Whoever makes the terms keeps the version of their analysis with the database and rebuilds on change.

News is asked about from now backwards. So rows are numbered by the hour from which a wording is valid, and below that
by the version: the newest that hold a term are the end of its list, and a span of time is a piece of it. To ask for
them costs what is asked for, not what is stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from sqlalchemy import Connection, text

Part = Literal["title", "text", "address"]
PARTS: tuple[Part, ...] = ("title", "text", "address")
HOUR = _IDS = 32
"""So many bits of a row's number are the version's id; above them is the hour, as `hour` counts."""
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


class FTS5:
    """SQLite's full-text index. Its ascii tokenizer only splits at spaces here: terms are letters and digits."""

    # The versions whose title or text a query matches; bind it as :muted.
    matches = f"SELECT rowid & {(1 << _IDS) - 1} AS id FROM versions_text WHERE versions_text MATCH :muted"

    def create(self, connection: Connection) -> None:
        """Make the empty index, in place of another that may be there."""
        connection.execute(text("DROP TABLE IF EXISTS versions_text_terms"))
        connection.execute(text("DROP TABLE IF EXISTS versions_text"))
        connection.execute(
            text(f"CREATE VIRTUAL TABLE versions_text USING fts5({', '.join(PARTS)}, content='', tokenize=ascii)")
        )
        connection.execute(text("CREATE VIRTUAL TABLE versions_text_terms USING fts5vocab(versions_text, row)"))

    def add(self, connection: Connection, documents: Iterable[Document]) -> None:
        """Index new versions."""
        self._each(
            connection,
            "INSERT INTO versions_text(rowid, title, text, address) VALUES (:id, :title, :text, :address)",
            documents,
        )

    def remove(self, connection: Connection, documents: Iterable[Document]) -> None:
        """Take versions out again; all of a document must be as it was added."""
        self._each(
            connection,
            "INSERT INTO versions_text(versions_text, rowid, title, text, address) "
            "VALUES ('delete', :id, :title, :text, :address)",
            documents,
        )

    def clear(self, connection: Connection) -> None:
        """Empty the index."""
        connection.execute(text("INSERT INTO versions_text(versions_text) VALUES ('delete-all')"))

    def newest(
        self,
        connection: Connection,
        queries: Sequence[str],
        *,
        limit: int,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> list[list[int]]:
        """For each query the rows of the newest versions that it matches, valid from within these hours, newest first.

        A row's number is read by `version` and `HOUR`.
        """
        first = hour(since) << _IDS if since else 0
        last = ((hour(until) + 1) << _IDS) - 1 if until else _LAST
        cursor = connection.connection.cursor()
        try:
            return [
                [
                    row
                    for (row,) in cursor.execute(
                        "SELECT rowid FROM versions_text WHERE versions_text MATCH ? AND rowid BETWEEN ? AND ? "
                        "ORDER BY rowid DESC LIMIT ?",
                        (query, first, last, limit),
                    )
                ]
                for query in queries
            ]
        finally:
            cursor.close()

    def held(self, connection: Connection, terms: Sequence[str]) -> dict[str, int]:
        """How many versions hold each term. Reads a term's whole list: keep what it says."""
        cursor = connection.connection.cursor()
        try:
            asked = "SELECT doc FROM versions_text_terms WHERE term = ?"
            return {term: (cursor.execute(asked, (term,)).fetchone() or (0,))[0] for term in terms}
        finally:
            cursor.close()

    def any_of(self, terms: Sequence[str], part: Part | None = None) -> str:
        """A query that matches a version holding any of `terms`, in one part of it or in any.

        Quoted, so no term is read as query language.
        """
        found = " OR ".join('"' + term.replace('"', "") + '"' for term in terms)
        return f"{part} : ({found})" if part else found

    def all_of(self, groups: Sequence[Sequence[str]]) -> str:
        """A query that matches a version holding of each group of terms one."""
        return " AND ".join(f"({self.any_of(group)})" for group in groups)

    def any_phrase(self, phrases: Iterable[Sequence[str]]) -> str:
        """A query that matches a version whose title or text holds any of these phrases: terms that follow each other.

        The address is left out: a section's name in it ("/sport/") says nothing of the words of an article.
        """
        return "{title text} : (" + self.any_of([" ".join(phrase) for phrase in phrases]) + ")"

    def _each(self, connection: Connection, statement: str, documents: Iterable[Document]) -> None:
        # In the order of their numbers: an index that is given a lower one writes out what it has first.
        numbered = sorted(((hour(d.since) << _IDS | d.id, d) for d in documents), key=lambda pair: pair[0])
        if numbered:
            rows = [{"id": id_, "title": d.title, "text": d.text, "address": d.address} for id_, d in numbered]
            connection.execute(text(statement), rows)


def version(row: int) -> int:
    """The id of the version that a row's number says."""
    return row & ((1 << _IDS) - 1)
