"""The tables: what the migrations make is what `storage.tables` says, and times come back as they went in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, insert, select
from sqlalchemy.exc import StatementError

import storage
from desk.conversations import Conversations, Turn
from storage import tables as t
from storage.engine import StorageError, connect, reading, writing


def test_the_migrations_make_exactly_the_tables_of_the_module(engine: Engine) -> None:
    def ours(thing: Any, name: str | None, kind: str, _reflected: bool, _other: Any) -> bool:
        return not (kind == "table" and (name or "").startswith("versions_text"))  # the index is storage.fulltext's

    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": ours})
        assert compare_metadata(context, t.metadata) == []


def test_the_migrations_give_the_columns_the_defaults_of_the_module(
    engine: Engine, database: Path, tmp_path: Path
) -> None:
    def columns(database: Engine) -> dict[str, list[tuple[object, ...]]]:
        with database.connect() as connection:
            return {
                name: sorted(
                    (row.name, row.type, row.notnull, row.dflt_value, row.pk)
                    for row in connection.exec_driver_sql(f"PRAGMA table_info({name})")
                )
                for name in t.metadata.tables
            }

    plain = create_engine(f"sqlite:///{tmp_path / 'plain.db'}")
    t.metadata.create_all(plain)
    assert columns(engine) == columns(plain)
    plain.dispose()


def test_every_migration_is_in_a_file_that_begins_with_its_revision() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(storage.__file__).parent / "migrations"))
    scripts = list(ScriptDirectory.from_config(config).walk_revisions())
    assert scripts
    assert [Path(script.path).stem.partition("_")[0] for script in scripts] == [script.revision for script in scripts]
    assert [script.revision for script in scripts] == sorted((s.revision for s in scripts), reverse=True)


def test_the_comparison_of_tables_would_see_a_missing_column(engine: Engine) -> None:
    with writing(engine) as connection:
        connection.exec_driver_sql("ALTER TABLE feeds DROP COLUMN language")
    with engine.connect() as connection:
        found = compare_metadata(MigrationContext.configure(connection), t.metadata)
    assert [change[0] for change in found if isinstance(change, tuple)].count("add_column") == 1


def test_a_database_of_the_first_edition_keeps_its_conversations_in_order(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path / 'first.db'}"
    first = create_engine(address)
    with first.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(Path(storage.__file__).parent / "migrations"))
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        columns = [row.name for row in connection.exec_driver_sql("PRAGMA table_info(turns)")]
        assert columns[:3] == ["id", "conversation_id", "position"]
        assert "parent" not in columns
        for chat, positions in (("a", (1, 2, 4, 5)), ("b", (3,)), ("empty", ())):
            connection.exec_driver_sql(
                "INSERT INTO conversations (id, title, created_at, updated_at) VALUES (?, ?, ?, ?)",
                (chat, f"Chat {chat}", "2026-06-10 12:00:00.000000", "2026-06-10 13:00:00.000000"),
            )
            for position in reversed(positions):
                connection.exec_driver_sql(
                    "INSERT INTO turns (id, conversation_id, position, question, pinned, answer, state, details, "
                    "asked_at, updated_at) VALUES (?, ?, ?, 'Why?', '[7]', 'So.', 'done', '{\"n\": 1}', ?, ?)",
                    (f"{chat}{position}", chat, position, "2026-06-10 12:00:00.000000", "2026-06-10 12:30:00.000000"),
                )
    first.dispose()

    engine = connect(address)
    desk = Conversations(engine)
    turns = desk.turns("a")
    assert [(turn.id, turn.parent, turn.siblings) for turn in turns] == [
        ("a1", "", ("a1",)), ("a2", "a1", ("a2",)), ("a4", "a2", ("a4",)), ("a5", "a4", ("a5",)),
    ]  # fmt: skip
    assert turns[0] == Turn(
        "a1", "", ("a1",), "Why?", (7,), "So.", "done", "", {"n": 1},
        datetime(2026, 6, 10, 12, tzinfo=UTC), datetime(2026, 6, 10, 12, 30, tzinfo=UTC),
    )  # fmt: skip
    assert [turn.id for turn in desk.turns("b")] == ["b3"]
    assert desk.turns("empty") == []
    assert {one.id: (one.title, one.pinned, one.dropped, one.shared) for one in desk.recent()} == {
        "a": ("Chat a", (), (), ""), "b": ("Chat b", (), (), ""),
    }  # fmt: skip
    added = desk.add_turn("a", "And now?", now=datetime(2026, 6, 11, tzinfo=UTC))
    assert added.parent == "a5"
    assert desk.share("b") != desk.share("a")
    engine.dispose()


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 6, 10, 12, 30, 15, 123456, tzinfo=UTC),
        datetime(2026, 6, 10, 1, tzinfo=timezone(timedelta(hours=9))),
        datetime(1990, 1, 1, tzinfo=UTC),
    ],
)
def test_a_time_comes_back_as_the_same_moment_in_utc(engine: Engine, moment: datetime) -> None:
    with writing(engine) as connection:
        connection.execute(insert(t.feeds).values(url="https://a.example/", added_at=moment, due_at=moment))
    with reading(engine) as connection:
        back = connection.execute(select(t.feeds.c.added_at)).scalar_one()
        kept = connection.execute(select(t.feeds.c.checked_at)).scalar_one()
    assert back == moment
    assert back.tzinfo is UTC
    assert kept is None


def test_a_time_without_a_zone_is_refused(engine: Engine) -> None:
    naive = datetime(2026, 6, 10)  # noqa: DTZ001 - the mistake to be refused
    with pytest.raises(StorageError) as caught, writing(engine) as connection:
        connection.execute(insert(t.feeds).values(url="https://a.example/", added_at=naive, due_at=naive))
    assert isinstance(caught.value.__cause__, StatementError)


def test_what_hangs_on_a_feed_goes_with_it(engine: Engine) -> None:
    moment = datetime(2026, 6, 10, tzinfo=UTC)
    with writing(engine) as connection:
        connection.execute(insert(t.feeds).values(id=1, url="https://a.example/", added_at=moment, due_at=moment))
        connection.execute(
            insert(t.entries).values(id=1, feed_id=1, key="k", published_at=moment, first_seen_at=moment)
        )
        connection.execute(insert(t.versions).values(entry_id=1, title="", text="", valid_from=moment))
        connection.execute(insert(t.tombstones).values(feed_id=1, key="old", pruned_at=moment))
        connection.execute(t.feeds.delete())
    with reading(engine) as connection:
        assert [connection.execute(table.select()).all() for table in (t.entries, t.versions, t.tombstones)] == [[]] * 3
