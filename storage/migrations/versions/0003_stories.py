"""The story of each entry; what a reader did with stories, and when the front page was last looked at."""

from alembic import op
from sqlalchemy import Column, Integer, String

from storage.tables import Instant

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("entries", Column("story_id", Integer))
    op.add_column("entries", Column("grouped_in", Integer, nullable=False, server_default="0"))
    op.create_index("entries_by_arrival", "entries", ["first_seen_at", "id"])
    op.create_index("entries_by_story", "entries", ["story_id", "first_seen_at", "id"])
    op.create_index("entries_by_grouping", "entries", ["grouped_in"])
    op.create_index("versions_by_time", "versions", ["valid_from"])
    op.create_table(
        "marks",
        Column("reader", String(32), primary_key=True, server_default=""),
        Column("kind", String(16), primary_key=True),
        Column("entry_id", Integer, primary_key=True, autoincrement=False),
        Column("at", Instant, nullable=False),
    )
    op.create_table(
        "looks",
        Column("reader", String(32), primary_key=True, server_default=""),
        Column("last_at", Instant, nullable=False),
        Column("before_at", Instant),
    )
