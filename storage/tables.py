"""The tables, once, for every database. Times are UTC; JSON columns hold what is only shown, never searched.

The full-text index over `versions` differs by database and lives in `storage.fulltext`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Date,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    UniqueConstraint,
    text,
    types,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator


class Instant(TypeDecorator[datetime]):
    """An aware UTC datetime. SQLite keeps no zone, so it is taken off there and put back on the way out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone cannot be stored")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def storable(words: str) -> str:
    """Any text as every database takes it: no halves of characters (a model's broken JSON), no NUL."""
    return words.encode("utf-8", "replace").decode("utf-8").replace("\0", "\ufffd")


class Text(TypeDecorator[str]):
    """Text that may come from anywhere: what a database would refuse in it is replaced, in values as in conditions."""

    impl: type[types.String] = types.Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return storable(value) if value else value


class String(Text):
    """The same with a greatest length."""

    impl = types.String
    cache_ok = True


metadata = MetaData()


def _text(name: str, **more: Any) -> Column[str]:
    return Column(name, Text, nullable=False, server_default="", **more)


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False, server_default=text("false"))


def _count(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False, server_default="0")


def _id(name: str) -> Column[str]:
    return Column(name, String(32), nullable=False, server_default="")


meta = Table("meta", metadata, Column("key", String(64), primary_key=True), _text("value"))

feeds = Table(
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
    # The state of polling.
    Column("checked_at", Instant),
    Column("succeeded_at", Instant),
    Column("due_at", Instant, nullable=False),
    Column("lease_until", Instant),
    _text("lease_owner"),
    _count("failures"),
    _text("error"),
    Column("error_detail", JSON),
    # What the last success said, sent back to ask conditionally.
    _text("etag"),
    _text("last_modified"),
    _text("body_hash"),
    # A permanent move is believed when it is seen twice.
    _text("moved_to"),
    _count("moved_count"),
    # What the reader decided about it: how long its entries stay (null: as long as any, 0: for ever), and whether the
    # articles are fetched whose text it only begins.
    Column("keep_days", Integer),
    _flag("full_text"),
)

entries = Table(
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
    # The feed's own wording, to tell an edit by: the text may come from the article's page.
    _text("feed_digest"),
    Column("text_from", String(16), nullable=False, server_default="feed"),
    _count("article_tries"),
    Column("article_tried_at", Instant),
    _text("article_error"),
    # The number of its story, that of the entry that began it; null until it is grouped. `grouped_in` counts the
    # writes of stories, so that a process reads what others wrote since it looked.
    Column("story_id", Integer),
    _count("grouped_in"),
    UniqueConstraint("feed_id", "key"),
    Index("entries_by_time", "published_at", "id"),
    Index("entries_by_feed", "feed_id", "published_at"),
    Index("entries_by_article", "canonical_url"),
    Index("entries_by_arrival", "first_seen_at", "id"),
    Index("entries_by_story", "story_id", "first_seen_at", "id"),
    Index("entries_by_grouping", "grouped_in"),
)

versions = Table(
    "versions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("entry_id", ForeignKey("entries.id", ondelete="CASCADE"), nullable=False),
    Column("title", Text, nullable=False),
    Column("text", Text, nullable=False),
    # Half-open: valid_from <= t < valid_until.
    Column("valid_from", Instant, nullable=False),
    Column("valid_until", Instant),
    UniqueConstraint("entry_id", "valid_from"),
    Index("versions_by_time", "valid_from"),
)

tombstones = Table(
    "tombstones",
    metadata,
    Column("feed_id", ForeignKey("feeds.id", ondelete="CASCADE"), primary_key=True),
    Column("key", Text, primary_key=True),
    Column("pruned_at", Instant, nullable=False),
)

# Who signed in. A column `reader` elsewhere holds such an id, or a visitor's, or "": the owner of a personal instance.
readers = Table(
    "readers",
    metadata,
    Column("id", String(32), primary_key=True),
    _text("name"),
    Column("first_seen_at", Instant, nullable=False),
    Column("last_seen_at", Instant, nullable=False),
)

# The feeds of readers who have feeds of their own; others see all.
follows = Table(
    "follows",
    metadata,
    Column("reader", String(32), primary_key=True),
    Column("feed_id", ForeignKey("feeds.id", ondelete="CASCADE"), primary_key=True),
    Index("follows_by_feed", "feed_id"),
)

# What a reader never wants to see: a word or phrase as it was typed, or the URL of a feed.
mutes = Table(
    "mutes",
    metadata,
    Column("reader", String(32), primary_key=True, server_default=""),
    Column("kind", String(16), primary_key=True),
    Column("value", Text, primary_key=True),
)

# What a reader did with a story or an article. It is known by an entry: a story by the one whose number it had then,
# so that a mark outlives a merge. No foreign key: what was marked may be pruned, and come back.
marks = Table(
    "marks",
    metadata,
    Column("reader", String(32), primary_key=True, server_default=""),
    Column("kind", String(16), primary_key=True),
    Column("entry_id", Integer, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
)

# A reader's visits to the front page: the last look, and the last one of the visit before.
looks = Table(
    "looks",
    metadata,
    Column("reader", String(32), primary_key=True, server_default=""),
    Column("last_at", Instant, nullable=False),
    Column("before_at", Instant),
)

conversations = Table(
    "conversations",
    metadata,
    Column("id", String(32), primary_key=True),
    _id("reader"),
    _text("title"),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("deleted_at", Instant),
    # The last turn of the branch that is shown; every tab shows the same.
    _id("tip"),
    # What the reader wants in the window and what not, as keys that only the chat understands.
    Column("pinned", JSON),
    Column("dropped", JSON),
    # Under this id, and never under its own, others may read it.
    Column("share_id", String(32)),
    Index("conversations_by_time", "reader", "updated_at"),
    Index("conversations_by_share", "share_id", unique=True),
)

turns = Table(
    "turns",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("conversation_id", ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False),
    # The turn before, "" for a first one: turns with the same parent are branches. No foreign key: SQLite follows one
    # only a thousand turns down. A position is larger than its parent's.
    _id("parent"),
    Column("position", Integer, nullable=False),
    Column("question", Text, nullable=False),
    Column("pinned", JSON),
    _text("answer"),
    Column("state", String(16), nullable=False),
    _text("reason"),
    # The rest of the answer as it was drawn: passages, ledger, usage, model, notice, horizon.
    Column("details", JSON),
    Column("asked_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    _count("rating"),
    _text("note"),
    # Sums up the conversation up to and with this turn.
    _text("summary"),
    UniqueConstraint("conversation_id", "position"),
    # Holds all that tells how turns hang together, so that no answer is read for it.
    Index("turns_by_parent", "conversation_id", "parent", "position", "id"),
)

# One row a call of a model. It outlives its conversation: what was spent was spent.
usage = Table(
    "usage",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", Instant, nullable=False),
    # The date of `at` in UTC, kept because databases disagree on how to take it from a time.
    Column("day", Date, nullable=False),
    _id("reader"),
    _id("conversation_id"),
    _id("turn_id"),
    Column("kind", String(16), nullable=False),
    _text("model"),
    # Tokens: prompt includes cached, completion includes reasoning.
    _count("prompt"),
    _count("cached"),
    _count("completion"),
    _count("reasoning"),
    # Dollars; null where the price is unknown.
    Column("cost", Float),
    Column("first_s", Float),
    Column("seconds", Float),
    Index("usage_by_time", "at"),
    Index("usage_by_conversation", "conversation_id"),
)

# What was sent with a key that readers share, for as long as a limit looks back: a row a request.
charges = Table(
    "charges",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("at", Instant, nullable=False),
    _id("reader"),
    # Of the reader's machine, as a hash.
    _id("address"),
    _text("model"),
    # Those set aside when it was sent; those it took, once that is known.
    _count("tokens"),
    Index("charges_by_time", "at"),
    # Each holds all that is summed up, so that no row is read for it.
    Index("charges_by_reader", "reader", "at", "tokens"),
    Index("charges_by_address", "address", "at", "tokens"),
    Index("charges_by_model", "model", "at", "tokens"),
)
