"""Readers: whose conversations, mutes and costs these are, what each follows, what was sent with a shared key."""

from alembic import op
from sqlalchemy import Column, ForeignKey, Integer, String, Text, column, select, table

from storage.tables import Instant

revision = "0004"
down_revision = "0003"

MUTES = table("mutes", column("reader"), column("kind"), column("value"))


def upgrade() -> None:
    for name in ("conversations", "usage"):
        op.add_column(name, Column("reader", String(32), nullable=False, server_default=""))
    op.drop_index("conversations_by_time", "conversations")
    op.create_index("conversations_by_time", "conversations", ["reader", "updated_at"])
    muted = [{"reader": "", **row._mapping} for row in op.get_bind().execute(select(MUTES.c.kind, MUTES.c.value))]
    op.drop_table("mutes")  # SQLite cannot add a column to a primary key
    op.create_table(
        "mutes",
        Column("reader", String(32), primary_key=True, server_default=""),
        Column("kind", String(16), primary_key=True),
        Column("value", Text, primary_key=True),
    )
    if muted:
        op.bulk_insert(MUTES, muted)
    op.create_table(
        "readers",
        Column("id", String(32), primary_key=True),
        Column("name", Text, nullable=False, server_default=""),
        Column("first_seen_at", Instant, nullable=False),
        Column("last_seen_at", Instant, nullable=False),
    )
    op.create_table(
        "follows",
        Column("reader", String(32), primary_key=True),
        Column("feed_id", Integer, ForeignKey("feeds.id", ondelete="CASCADE"), primary_key=True),
    )
    op.create_index("follows_by_feed", "follows", ["feed_id"])
    op.create_table(
        "charges",
        Column("id", String(32), primary_key=True),
        Column("at", Instant, nullable=False),
        Column("reader", String(32), nullable=False, server_default=""),
        Column("address", String(32), nullable=False, server_default=""),
        Column("model", Text, nullable=False, server_default=""),
        Column("tokens", Integer, nullable=False, server_default="0"),
    )
    op.create_index("charges_by_time", "charges", ["at"])
    for whose in ("reader", "address", "model"):
        op.create_index(f"charges_by_{whose}", "charges", [whose, "at", "tokens"])
