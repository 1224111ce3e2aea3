"""Full text, the one part in which databases differ. Terms come from outside, so that every database finds the same.

The index is contentless: it holds terms, never a second copy of the articles, and a row is taken out by giving the
same terms again. Whoever makes the terms keeps the version of their analysis with the database and rebuilds on change.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

TITLE_WEIGHT, TEXT_WEIGHT = 2.0, 1.0


@dataclass(frozen=True, slots=True)
class Document:
    """The terms of a version's title and text, joined by spaces; `id` is the version's."""

    id: int
    title: str
    text: str


class FTS5:
    """SQLite's full-text index. Its ascii tokenizer only splits at spaces here: terms are letters and digits."""

    # Higher is better; bind the result of `any_of` as :terms.
    scores = (
        f"SELECT rowid AS id, -bm25(versions_text, {TITLE_WEIGHT}, {TEXT_WEIGHT}) AS score "
        "FROM versions_text WHERE versions_text MATCH :terms"
    )

    # The versions that a query matches; bind it as :muted.
    matches = "SELECT rowid AS id FROM versions_text WHERE versions_text MATCH :muted"

    def create(self, connection: Connection) -> None:
        """Make the empty index."""
        connection.execute(
            text("CREATE VIRTUAL TABLE IF NOT EXISTS versions_text USING fts5(title, text, content='', tokenize=ascii)")
        )

    def add(self, connection: Connection, documents: Iterable[Document]) -> None:
        """Index new versions."""
        self._each(connection, "INSERT INTO versions_text(rowid, title, text) VALUES (:id, :title, :text)", documents)

    def remove(self, connection: Connection, documents: Iterable[Document]) -> None:
        """Take versions out again; the terms must be those they were added with."""
        self._each(
            connection,
            "INSERT INTO versions_text(versions_text, rowid, title, text) VALUES ('delete', :id, :title, :text)",
            documents,
        )

    def clear(self, connection: Connection) -> None:
        """Empty the index."""
        connection.execute(text("INSERT INTO versions_text(versions_text) VALUES ('delete-all')"))

    def any_of(self, terms: Sequence[str]) -> str:
        """A query that matches a version holding any of `terms`. Quoted, so no term is read as query language."""
        return " OR ".join('"' + term.replace('"', "") + '"' for term in terms)

    def any_phrase(self, phrases: Iterable[Sequence[str]]) -> str:
        """A query that matches a version holding any of these phrases: terms that follow each other."""
        return self.any_of([" ".join(phrase) for phrase in phrases])

    def _each(self, connection: Connection, statement: str, documents: Iterable[Document]) -> None:
        rows = [{"id": d.id, "title": d.title, "text": d.text} for d in documents]
        if rows:
            connection.execute(text(statement), rows)
