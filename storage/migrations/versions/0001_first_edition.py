"""The first edition: feeds, entries and their versions, conversations and their turns."""

from alembic import op

from storage.fulltext import FTS5
from storage.tables import metadata

revision = "0001"
down_revision = None


def upgrade() -> None:
    # The first migration may build from the tables of the day: no database is older. Later ones spell their changes.
    connection = op.get_bind()
    metadata.create_all(connection)
    FTS5().create(connection)
