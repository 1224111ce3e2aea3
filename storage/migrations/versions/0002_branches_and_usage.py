"""Branches of a conversation, what is pinned and shared of it, feedback, summaries; what models used."""

from alembic import op
from sqlalchemy import JSON, Column, Date, Float, Integer, String, Text

from storage.tables import Instant

revision = "0002"
down_revision = "0001"

# Until now a conversation was one line of turns.
PARENT = """
UPDATE turns SET parent = COALESCE((
    SELECT earlier.id FROM turns AS earlier
    WHERE earlier.conversation_id = turns.conversation_id AND earlier.position < turns.position
    ORDER BY earlier.position DESC LIMIT 1
), '')
"""
TIP = """
UPDATE conversations SET tip = COALESCE((
    SELECT turns.id FROM turns WHERE turns.conversation_id = conversations.id ORDER BY turns.position DESC LIMIT 1
), '')
"""


def upgrade() -> None:
    op.add_column("turns", Column("parent", String(32), nullable=False, server_default=""))
    op.add_column("turns", Column("rating", Integer, nullable=False, server_default="0"))
    op.add_column("turns", Column("note", Text, nullable=False, server_default=""))
    op.add_column("turns", Column("summary", Text, nullable=False, server_default=""))
    op.add_column("conversations", Column("tip", String(32), nullable=False, server_default=""))
    op.add_column("conversations", Column("pinned", JSON))
    op.add_column("conversations", Column("dropped", JSON))
    op.add_column("conversations", Column("share_id", String(32)))
    op.create_index("conversations_by_share", "conversations", ["share_id"], unique=True)
    op.execute(PARENT)
    op.create_index("turns_by_parent", "turns", ["conversation_id", "parent", "position", "id"])
    op.execute(TIP)
    op.create_table(
        "usage",
        Column("id", Integer, primary_key=True),
        Column("at", Instant, nullable=False),
        Column("day", Date, nullable=False),
        Column("conversation_id", String(32), nullable=False, server_default=""),
        Column("turn_id", String(32), nullable=False, server_default=""),
        Column("kind", String(16), nullable=False),
        Column("model", Text, nullable=False, server_default=""),
        Column("prompt", Integer, nullable=False, server_default="0"),
        Column("cached", Integer, nullable=False, server_default="0"),
        Column("completion", Integer, nullable=False, server_default="0"),
        Column("reasoning", Integer, nullable=False, server_default="0"),
        Column("cost", Float),
        Column("first_s", Float),
        Column("seconds", Float),
    )
    op.create_index("usage_by_time", "usage", ["at"])
    op.create_index("usage_by_conversation", "usage", ["conversation_id"])
