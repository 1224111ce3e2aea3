"""One way to a database: `connect` opens and migrates it, `reading` and `writing` lend a connection for one operation.

On SQLite a write begins with BEGIN IMMEDIATE: a transaction that reads first and writes later loses to any other writer
at once, whatever the busy timeout (measured: 585 of 640 writes of 16 threads lost, none with IMMEDIATE).

On Postgres writes run side by side. What one of them reads to decide what it writes, it locks: rows by
`with_for_update`, what is more than rows by `alone`. A connection is looked at before it is lent, and where none can be
had the operation waits as long as SQLite's would for another writer: a server that restarts is noticed as a pause.

StorageError  the database could not be opened, read or written; `str(error)` is a sentence for a reader
└── Away        it could not be reached, or went in the middle: whether the last write was kept is then not known
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any
from zlib import crc32

from sqlalchemy import Connection, Engine, Executable, create_engine, event, func, inspect, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoneFree

DEFAULT_URL = "sqlite:///data/broadsheet.db"
BUSY_TIMEOUT_MS = 10_000
STATEMENT_TIMEOUT_MS = 60_000
"""Longer than any statement should take. Postgres only."""
_MIGRATIONS = Path(__file__).parent / "migrations"
_LOCKS = 0x6273  # the first half of the numbers of our advisory locks; others may use the same database
_migrating = threading.Lock()
# SQLite has one writer. Threads of one process queue here, where a lock wakes the next at once; SQLite's own wait
# between processes sleeps and looks again.
_one_writer = threading.Lock()


class StorageError(Exception):
    """The database failed. The message is one sentence for a reader; the cause is chained."""


class Away(StorageError):
    """The database could not be reached, or went in the middle."""


def connect(
    url: str = DEFAULT_URL,
    *,
    busy_timeout_ms: int = BUSY_TIMEOUT_MS,
    statement_timeout_ms: int = STATEMENT_TIMEOUT_MS,
) -> Engine:
    """Open the database at `url` (SQLAlchemy's form, or a hoster's postgres://…) and bring its tables up to date.

    A SQLite file is made if it is missing. `busy_timeout_ms` is how long an operation waits for another process to end
    its write, and for a Postgres that does not answer; `statement_timeout_ms` is when Postgres gives a statement up.
    Raises `StorageError`.
    """
    try:
        engine = _engine(url, busy_timeout_ms, statement_timeout_ms)
    except (ArgumentError, NoSuchModuleError, ImportError, ValueError) as error:
        raise StorageError(
            "DATABASE_URL is not an address Broadsheet can use; it looks like sqlite:///data/broadsheet.db "
            "or postgresql://user:password@host/name."
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


def _engine(url: str, busy_timeout_ms: int, statement_timeout_ms: int) -> Engine:
    address = make_url(url)
    if address.drivername in ("postgres", "postgresql", "postgresql+psycopg"):
        return _postgres(address.set(drivername="postgresql+psycopg"), busy_timeout_ms, statement_timeout_ms)
    if address.get_backend_name() != "sqlite":
        raise ValueError("neither SQLite nor Postgres")
    if not address.database or address.database == ":memory:":
        raise ValueError("a database in memory is another one for each connection")
    path = Path(address.database).expanduser()
    path.parent.mkdir(parents=True, exist_ok=True)
    address = address.set(database=str(path))
    engine = create_engine(
        address,
        connect_args={"timeout": busy_timeout_ms / 1000},
        pool_size=8,
        max_overflow=24,
        hide_parameters=True,  # an error is logged; what readers asked is not
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver would begin transactions by its own rules
        cursor = connection.cursor()
        # SQLite's own lower() knows only A to Z, so that Ä would never be found by ä.
        connection.create_function("lower", 1, _lower, deterministic=True)
        cursor.execute(f"PRAGMA busy_timeout={busy_timeout_ms}")
        _write_ahead(cursor, busy_timeout_ms / 1000)
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA temp_store=MEMORY")
        # KiB a connection, of which there may be eight for good; with four times as much, searches took as long.
        cursor.execute("PRAGMA cache_size=-4000")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _write_ahead(cursor: Any, patience_s: float) -> None:
    """Turn on the write-ahead log, once a file. SQLite does not always wait for others who open a new file just now."""
    until = time.monotonic() + patience_s
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return


def _postgres(address: URL, busy_timeout_ms: int, statement_timeout_ms: int) -> Engine:
    engine = create_engine(
        address,
        connect_args={
            "connect_timeout": 5,
            "application_name": "broadsheet",
            # Plans are made for the values at hand (`storage.fulltext.TSVector`), and poolers need no statements kept.
            "prepare_threshold": None,
            **_KEEPALIVE,
        },
        pool_size=5,
        max_overflow=10,
        pool_pre_ping=True,
        pool_timeout=busy_timeout_ms / 1000,
        pool_recycle=600,  # seconds; hosters cut what is idle for long
        execution_options={"patience_s": busy_timeout_ms / 1000},
        hide_parameters=True,
        json_serializer=_json,
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                f"SET timezone = 'UTC'; SET statement_timeout = {statement_timeout_ms}; "
                f"SET lock_timeout = {busy_timeout_ms}; SET idle_in_transaction_session_timeout = '5min'"
            )
        connection.commit()

    return engine


# A host that is gone without a word is noticed within a minute.
_KEEPALIVE = {"keepalives_idle": 20, "keepalives_interval": 10, "keepalives_count": 3}


def _json(value: object) -> str:
    """Called by the driver, whose own errors alone pass as the database's."""
    try:
        return json.dumps(value)
    except (TypeError, ValueError) as error:
        from psycopg import DataError  # only now: to import it takes as long as all the rest of a command

        raise DataError("no JSON") from error


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def check(engine: Engine, *, patience_s: float = 1.0) -> None:
    """Raise `StorageError` unless the database answers, within about `patience_s`, and is at the newest migration."""
    asked = engine.execution_options(patience_s=patience_s)
    with _sentences(), _lent(asked) as connection:
        current = _revision(connection)
    if current > (newest := _newest()):
        raise StorageError(_NEWER)
    if current < newest:
        raise StorageError("The database was made by an older Broadsheet; start this one anew to bring it up to date.")


def _migrate(engine: Engine) -> None:
    newest = _newest()
    with _migrating, _lent(engine) as connection:
        if _revision(connection) == newest:
            return
        # Only now: Alembic takes a quarter of the time in which a command starts, and is seldom needed.
        from alembic import command
        from alembic.config import Config

        connection.rollback()
        connection = connection.execution_options(writes=True)
        with connection.begin():
            alone(connection, "migrate", long=True)
            if connection.dialect.name != "sqlite":
                encoding = connection.exec_driver_sql("SHOW server_encoding").scalar()
                if encoding != "UTF8":
                    raise StorageError("The database cannot hold every script; make it anew with ENCODING 'UTF8'.")
            current = _revision(connection)  # looked at again under the lock: another process may have been quicker
            if current > newest:
                raise StorageError(_NEWER)
            if current < newest:
                config = Config()
                config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
                config.attributes["connection"] = connection
                command.upgrade(config, "head")


def _newest() -> str:
    return max(path.stem.partition("_")[0] for path in (_MIGRATIONS / "versions").glob("*.py"))


def _revision(connection: Connection) -> str:
    """The migration that the database is at, "" for an empty one; revisions are numbered, and files begin with them."""
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return str(connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() or "")


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection that sees one state of the database. Raises `StorageError`."""
    options = {} if engine.dialect.name == "sqlite" else {"isolation_level": "REPEATABLE READ"}
    with _sentences(), _lent(engine) as connection, connection.execution_options(**options).begin():
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A connection inside one write transaction, committed at the end or undone whole. Raises `StorageError`.

    Keep it short: no network and no model call while it is open.
    """
    turn: AbstractContextManager[object] = _one_writer if engine.dialect.name == "sqlite" else nullcontext()
    with _sentences(), turn, _lent(engine) as connection, connection.execution_options(writes=True).begin():
        yield connection


def write(engine: Engine, statement: Executable) -> None:
    """One statement that does no harm when it is run twice, as a write of its own.

    Where the connection is cut in its middle it is run again, so that nobody notices. Raises `StorageError`.
    """
    for last in (False, True):
        try:
            with writing(engine) as connection:
                connection.execute(statement)
            return
        except Away:
            if last:
                raise


def alone(connection: Connection, section: str, *, long: bool = False) -> None:
    """Wait until no other write transaction is in this section, and keep others out until this one ends.

    What takes minutes says so (`long`): then neither the wait nor a statement is given up. On SQLite every write is
    alone from its beginning.
    """
    if connection.dialect.name != "sqlite":
        if long:
            connection.exec_driver_sql("SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0")
        connection.execute(select(func.pg_advisory_xact_lock(_LOCKS, crc32(section.encode()) - (1 << 31))))


@contextmanager
def _lent(engine: Engine) -> Iterator[Connection]:
    """A connection; where the server cannot be reached, tried again for the engine's patience."""
    end = time.monotonic() + engine.get_execution_options().get("patience_s", 0.0)
    wait = 0.05
    while True:
        try:
            connection = engine.connect()
            break
        except OperationalError as error:
            if not _may_come_back(error) or time.monotonic() + wait > end:
                raise
        time.sleep(wait)
        wait = min(2 * wait, 0.5)
    with connection:
        yield connection


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


_NEWER = "The database was made by a newer Broadsheet; update Broadsheet, or choose another DATABASE_URL."
_BUSY = "The database is busy with another write; try again in a moment."
_FULL = "The disk is full, so nothing more can be kept; free some space and try again."
_AWAY = "The database cannot be reached; what was kept is safe. Try again in a moment."
_REFUSED = "The database refused the user, the password or the name in DATABASE_URL; check all three."
_READ_ONLY = "The database may only be read by the user in DATABASE_URL; give that user the right to write."
_UNEXPECTED = "The database did not answer as expected; the log has the reason."
# What Postgres says, by the beginning of its code (SQLSTATE).
_POSTGRES = {
    "53100": _FULL,
    "53300": "The database takes no more connections now; try again in a moment.",
    "53": "The database has run out of memory or of another resource; try again in a moment.",
    "55P03": _BUSY,
    "40": _BUSY,
    "57014": "The database took too long and gave up; try again in a moment.",
    "57P04": _REFUSED,
    "57P": _AWAY,
    "25P03": _AWAY,
    "08": _AWAY,
    "58": "The database cannot read or write its files; its own log has the reason.",
    "XX": "The database is damaged; its own log has the reason.",
    "28": _REFUSED,
    "3D": _REFUSED,
    "25006": _READ_ONLY,
    "42501": _READ_ONLY,
}


@contextmanager
def _sentences() -> Iterator[None]:
    try:
        yield
    except NoneFree as error:
        raise StorageError("Too many readers ask the database at once; try again in a moment.") from error
    except DBAPIError as error:
        told = _of_sqlite(error) if isinstance(error.orig, sqlite3.Error) else _of_postgres(error)
        raise (Away if told == _AWAY else StorageError)(told) from error
    except SQLAlchemyError as error:
        raise StorageError(_UNEXPECTED) from error


def _of_sqlite(error: DBAPIError) -> str:
    words = str(error.orig).lower()
    if "locked" in words or "busy" in words:
        return _BUSY
    if "is full" in words or "no space" in words:
        return _FULL
    if "malformed" in words or "not a database" in words:
        return "The database file is damaged or is not one of Broadsheet's; move it away and start again."
    if "unable to open" in words or "readonly" in words:
        return "The database file cannot be opened for writing; check its folder and its rights."
    return _UNEXPECTED


def _of_postgres(error: DBAPIError) -> str:
    code = _code(error)
    if not code:
        return _AWAY if error.connection_invalidated or isinstance(error, OperationalError) else _UNEXPECTED
    return next((_POSTGRES[code[:length]] for length in (5, 3, 2) if code[:length] in _POSTGRES), _UNEXPECTED)


def _code(error: DBAPIError) -> str:
    """The code that Postgres gave. It gives none to who is refused at the door, but words."""
    if code := getattr(error.orig, "sqlstate", None):
        return str(code)
    words = str(error.orig)
    if "FATAL" not in words:
        return ""
    doors = {
        "too many": "53300", "connection slots": "53300",
        "starting up": "57P03", "shutting down": "57P03", "in recovery": "57P03",
    }  # fmt: skip
    return next((code for said, code in doors.items() if said in words), "28000")


def _may_come_back(error: DBAPIError) -> bool:
    return _of_postgres(error) in (_AWAY, _POSTGRES["53300"])
