"""One way to a database: `connect` opens and migrates it, `reading` and `writing` lend a connection for one operation.

On SQLite a write begins with BEGIN IMMEDIATE: a transaction that reads first and writes later loses to any other writer
at once, whatever the busy timeout (measured: 585 of 640 writes of 16 threads lost, none with IMMEDIATE).

StorageError: the database could not be opened, read or written; `str(error)` is a sentence for a reader.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any
from zlib import crc32

from sqlalchemy import Connection, Engine, create_engine, event, func, inspect, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

DEFAULT_URL = "sqlite:///data/broadsheet.db"
BUSY_TIMEOUT_MS = 10_000
_LOCKS = 0x6273  # the first half of the numbers of our advisory locks; others may use the same database
_migrating = threading.Lock()
# SQLite has one writer. Threads of one process queue here, where a lock wakes the next at once; SQLite's own wait
# between processes sleeps and looks again.
_one_writer = threading.Lock()


class StorageError(Exception):
    """The database failed. The message is one sentence for a reader; the cause is chained."""


def connect(url: str = DEFAULT_URL, *, busy_timeout_ms: int = BUSY_TIMEOUT_MS) -> Engine:
    """Open the database at `url` (SQLAlchemy form), make it if it is missing, and bring its tables up to date.

    `busy_timeout_ms` is how long a write to SQLite waits for another process to end its own. Raises `StorageError`.
    """
    try:
        engine = _engine(url, busy_timeout_ms)
    except (ArgumentError, NoSuchModuleError, ImportError, ValueError) as error:
        raise StorageError(
            "DATABASE_URL is not an address Broadsheet can use; it looks like sqlite:///data/broadsheet.db."
        ) from error
    except OSError as error:
        raise StorageError(f"The folder of the database cannot be made: {error.strerror}.") from error
    try:
        with _sentences():
            _migrate(engine)
    except StorageError:
        engine.dispose()
        raise
    return engine


def _engine(url: str, busy_timeout_ms: int) -> Engine:
    address = make_url(url)
    if address.get_backend_name() != "sqlite":
        return create_engine(address, pool_pre_ping=True, pool_size=5, max_overflow=10)
    if not address.database or address.database == ":memory:":
        raise ValueError("a database in memory is another one for each connection")
    path = Path(address.database).expanduser()
    path.parent.mkdir(parents=True, exist_ok=True)
    address = address.set(database=str(path))
    engine = create_engine(address, connect_args={"timeout": busy_timeout_ms / 1000}, pool_size=8, max_overflow=24)

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver would begin transactions by its own rules
        cursor = connection.cursor()
        # SQLite's own lower() knows only A to Z, so that Ä would never be found by ä.
        connection.create_function("lower", 1, _lower, deterministic=True)
        cursor.execute(f"PRAGMA busy_timeout={busy_timeout_ms}")
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA temp_store=MEMORY")
        cursor.execute("PRAGMA cache_size=-16000")  # KiB a connection
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _migrate(engine: Engine) -> None:
    folder = Path(__file__).parent / "migrations"
    newest = max(path.stem.partition("_")[0] for path in (folder / "versions").glob("*.py"))
    with _migrating, engine.connect() as connection:
        if _revision(connection) == newest:
            return
        # Only now: Alembic takes a quarter of the time in which a command starts, and is seldom needed.
        from alembic import command
        from alembic.config import Config

        connection.rollback()
        connection = connection.execution_options(writes=True)
        with connection.begin():
            current = _revision(connection)  # looked at again under the lock: another process may have been quicker
            if current > newest:
                raise StorageError(
                    "The database was made by a newer Broadsheet; update Broadsheet, or choose another DATABASE_URL."
                )
            if current < newest:
                config = Config()
                config.set_main_option("script_location", str(folder).replace("%", "%%"))
                config.attributes["connection"] = connection
                command.upgrade(config, "head")


def _revision(connection: Connection) -> str:
    """The migration that the database is at, "" for an empty one; revisions are numbered, and files begin with them."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return str(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() or "")


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection that sees one state of the database. Raises `StorageError`."""
    with _sentences(), engine.connect() as connection, connection.begin():
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A connection inside one write transaction, committed at the end or undone whole. Raises `StorageError`.

    Keep it short: no network and no model call while it is open.
    """
    turn: AbstractContextManager[object] = _one_writer if engine.dialect.name == "sqlite" else nullcontext()
    with (
        _sentences(),
        turn,
        engine.connect().execution_options(writes=True) as connection,
        connection.begin(),
    ):
        yield connection


def alone(connection: Connection, section: str) -> None:
    """Wait until no other write transaction is in this section, and keep others out until this one ends.

    On SQLite every write is alone from its beginning.
    """
    if connection.dialect.name != "sqlite":
        connection.execute(select(func.pg_advisory_xact_lock(_LOCKS, crc32(section.encode()) - (1 << 31))))


def sweep(engine: Engine) -> None:
    """After a deletion that a reader asked for: leave nothing of it in the file, and give the space back.

    SQLite keeps what was deleted until something else is written over it. Raises `StorageError`.
    """
    if engine.dialect.name != "sqlite":
        return
    with _sentences(), _one_writer, closing(engine.raw_connection()) as connection:
        try:
            connection.cursor().execute("VACUUM")
            connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.Error as error:
            raise StorageError(
                "What was deleted is gone, but the database file could not be made smaller: another process uses it."
            ) from error


@contextmanager
def _sentences() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        words = str(error.orig).lower()
        if "locked" in words or "busy" in words:
            told = "The database is busy with another write; try again in a moment."
        elif "is full" in words or "no space" in words:
            told = "The disk is full, so nothing more can be kept; free some space and try again."
        elif "malformed" in words or "not a database" in words:
            told = "The database file is damaged or is not one of Broadsheet's; move it away and start again."
        elif "unable to open" in words or "readonly" in words:
            told = "The database file cannot be opened for writing; check its folder and its rights."
        else:
            told = "The database did not answer as expected; the log has the reason."
        raise StorageError(told) from error
    except SQLAlchemyError as error:
        raise StorageError("The database did not answer as expected; the log has the reason.") from error
