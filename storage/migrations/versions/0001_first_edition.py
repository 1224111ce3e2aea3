"""The first edition: feeds, entries and their versions, conversations and their turns."""

from __future__ import annotations

from typing import Any

from alembic import op
from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from storage.fulltext import fulltext
from storage.tables import Instant

revision = "0001"
down_revision = None

# The tables as they were then: later migrations change these, not those of the day.
metadata = MetaData()


def _text(name: str, **more: Any) -> Column[str]:
    return Column(name, Text, nullable=False, server_default="", **more)


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False, server_default=text("false"))


def _count(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False, server_default="0")


Table("meta", metadata, Column("key", String(64), primary_key=True), _text("value"))

Table(
    "feeds",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("url", Text, nullable=False, unique=True),
    _text("title"),
    _text("site_url"),
    _text("language"),
    _text("topic"),
    _flag("sample"),
    _flag("paused"),
    _flag("rested"),
    Column("added_at", Instant, nullable=False),
    Column("removed_at", Instant),
    Column("checked_at", Instant),
    Column("succeeded_at", Instant),
    Column("due_at", Instant, nullable=False),
    Column("lease_until", Instant),
    _text("lease_owner"),
    _count("failures"),
    _text("error"),
    Column("error_detail", JSON),
    _text("etag"),
    _text("last_modified"),
    _text("body_hash"),
    _text("moved_to"),
    _count("moved_count"),
    Column("keep_days", Integer),
    _flag("full_text"),
)

Table(
    "entries",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("feed_id", ForeignKey("feeds.id", ondelete="CASCADE"), nullable=False),
    Column("key", Text, nullable=False),
    _text("url"),
    _text("canonical_url"),
    _text("author"),
    _text("picture"),
    Column("categories", JSON),
    Column("enclosures", JSON),
    Column("published_at", Instant, nullable=False),
    _flag("dated"),
    Column("first_seen_at", Instant, nullable=False),
    _count("edits"),
    _text("feed_digest"),
    Column("text_from", String(16), nullable=False, server_default="feed"),
    _count("article_tries"),
    Column("article_tried_at", Instant),
    _text("article_error"),
    UniqueConstraint("feed_id", "key"),
    Index("entries_by_time", "published_at", "id"),
    Index("entries_by_feed", "feed_id", "published_at"),
    Index("entries_by_article", "canonical_url"),
)

Table(
    "versions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("entry_id", ForeignKey("entries.id", ondelete="CASCADE"), nullable=False),
    Column("title", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("valid_from", Instant, nullable=False),
    Column("valid_until", Instant),
    UniqueConstraint("entry_id", "valid_from"),
)

Table(
    "tombstones",
    metadata,
    Column("feed_id", ForeignKey("feeds.id", ondelete="CASCADE"), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("pruned_at", Instant, nullable=False),
)
Table("mutes", metadata, Column("kind", String(16), primary_key=True), Column("value", Text, primary_key=True))

Table(
    "conversations",
    metadata,
    Column("id", String(32), primary_key=True),
    _text("title"),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("deleted_at", Instant),
    Index("conversations_by_time", "updated_at"),
)

Table(
    "turns",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("conversation_id", ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    Column("position", Integer, nullable=False),
    Column("question", Text, nullable=False),
    Column("pinned", JSON),
    _text("answer"),
    Column("state", String(16), nullable=False),
    _text("reason"),
    Column("details", JSON),
    Column("asked_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    UniqueConstraint("conversation_id", "position"),
)


def upgrade() -> None:
    connection = op.get_bind()
    metadata.create_all(connection)
    fulltext(connection.dialect.name).create(connection)
