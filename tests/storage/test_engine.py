"""Opening a database, one write at a time, and sentences for what goes wrong."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from storage import tables as t
from storage.engine import StorageError, connect, reading, writing

ROOT = Path(__file__).parents[2]


def rows(engine: Engine) -> dict[str, str]:
    with reading(engine) as connection:
        return {row.key: row.value for row in connection.execute(select(t.meta)) if row.key != "analysis"}


def put(engine: Engine, key: str, value: str = "") -> None:
    with writing(engine) as connection:
        connection.execute(insert(t.meta).values(key=key, value=value))


def opened(path: Path, *, busy_timeout_ms: int = 200) -> Engine:
    return connect(f"sqlite:///{path}", busy_timeout_ms=busy_timeout_ms)


def at_once(script: str, *arguments: str, processes: int) -> list[tuple[str, str]]:
    """What so many processes print on stdout and stderr that all wait for a line before they begin."""
    waiting = [
        subprocess.Popen(
            [sys.executable, "-c", script, *arguments], cwd=ROOT, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        for _ in range(processes)
    ]  # fmt: skip
    for process in waiting:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
    for process in waiting:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    return [process.communicate(timeout=60) for process in waiting]


# ---------------------------------------------------------------- opening


def test_the_folder_and_the_tables_are_made_at_the_first_connect(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "news.db"
    engine = opened(path)
    put(engine, "a")
    engine.dispose()
    assert path.is_file()
    again = opened(path)
    assert rows(again) == {"a": ""}
    again.dispose()


def test_a_tilde_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    connect("sqlite:///~/papers/news.db").dispose()
    assert (tmp_path / "papers" / "news.db").is_file()


def test_many_processes_may_open_a_new_database_at_once(tmp_path: Path) -> None:
    script = """
import sys
from storage.engine import connect
from news.store import Store
print("ready", flush=True)
sys.stdin.readline()
print(len(Store(connect(sys.argv[1])).feeds()))
"""
    assert at_once(script, f"sqlite:///{tmp_path / 'new.db'}", processes=3) == [("0\n", "")] * 3


def test_opening_waits_for_who_writes_to_a_file_that_does_not_write_ahead_yet(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    with closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        done = threading.Timer(0.1, other.execute, ["COMMIT"])
        done.start()
        engine = opened(path, busy_timeout_ms=10_000)
        done.join()
        put(engine, "a")
        engine.dispose()


def test_every_connection_waits_writes_ahead_and_minds_foreign_keys(engine: Engine, database: Path) -> None:
    with reading(engine) as connection:
        told = [connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in ("journal_mode", "foreign_keys")]
    assert told == ["wal", 1]


# ---------------------------------------------------------------- writing


def test_a_write_is_kept_whole_or_not_at_all(engine: Engine) -> None:
    def stumble() -> None:
        with writing(engine) as connection:
            connection.execute(insert(t.meta).values(key="half", value=""))
            raise RuntimeError("stumbled")

    with pytest.raises(RuntimeError, match="stumbled"):
        stumble()
    assert rows(engine) == {}
    put(engine, "whole")
    assert rows(engine) == {"whole": ""}


def test_a_reader_sees_one_state_while_another_writes(engine: Engine) -> None:
    put(engine, "a", "before")
    with reading(engine) as connection:
        count = select(t.meta.c.value).where(t.meta.c.key == "a")
        assert connection.execute(count).scalar() == "before"
        with writing(engine) as other:
            other.execute(update(t.meta).where(t.meta.c.key == "a").values(value="after"))
        assert connection.execute(count).scalar() == "before"
    assert rows(engine) == {"a": "after"}


def test_sixteen_threads_that_read_and_then_write_lose_nothing(engine: Engine) -> None:
    put(engine, "sum", "0")
    failures: list[BaseException] = []

    def add() -> None:
        try:
            for _ in range(10):
                with writing(engine) as connection:
                    row = select(t.meta.c.value).where(t.meta.c.key == "sum").with_for_update()
                    value = connection.execute(row).scalar_one()
                    connection.execute(update(t.meta).where(t.meta.c.key == "sum").values(value=str(int(value) + 1)))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=add) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert rows(engine) == {"sum": "160"}


def test_processes_that_read_and_then_write_lose_nothing(engine: Engine, database: Path) -> None:
    put(engine, "sum", "0")
    script = """
import sys
from sqlalchemy import select, update
from storage import tables as t
from storage.engine import connect, writing
engine = connect(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
for _ in range(100):
    with writing(engine) as connection:
        value = connection.execute(select(t.meta.c.value).where(t.meta.c.key == "sum")).scalar_one()
        connection.execute(update(t.meta).where(t.meta.c.key == "sum").values(value=str(int(value) + 1)))
"""
    assert at_once(script, f"sqlite:///{database}", processes=3) == [("", "")] * 3
    assert rows(engine) == {"sum": "300"}


def test_lower_case_is_known_in_every_script(engine: Engine) -> None:
    with reading(engine) as connection:
        assert connection.execute(text("SELECT lower('ÄÖ ЖИЗНЬ Ωmega')")).scalar() == "äö жизнь ωmega"
        assert connection.execute(text("SELECT lower(NULL)")).scalar() is None


# ---------------------------------------------------------------- sentences


@pytest.mark.parametrize(
    "url",
    [
        "nonsense",
        "",
        "postgres://host:port/name",
        "postgresql+psycopg2://host/name",
        "mysql://host/name",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite://host/name",
        "postgresql://user:hunter2@host:port/name",
        "gopher://user:hunter2@host/name",
    ],
)
def test_a_bad_address_of_a_database_is_one_sentence_without_its_password(url: str) -> None:
    with pytest.raises(StorageError) as caught:
        connect(url)
    assert "DATABASE_URL" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(StorageError, match="folder of the database cannot be made"):
        opened(tmp_path / "file" / "news.db")


def test_a_database_that_cannot_be_opened_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "news.db").mkdir()
    with pytest.raises(StorageError, match="cannot be opened for writing"):
        opened(tmp_path / "news.db")


def test_a_database_that_may_only_be_read_is_a_sentence(engine: Engine, database: Path) -> None:
    with reading(engine) as connection:
        # What the rights of the file would do; the tests may run as root, who may do anything.
        connection.exec_driver_sql("PRAGMA query_only=ON")
    with pytest.raises(StorageError, match="cannot be opened for writing"):
        put(engine, "a")


def test_a_file_that_is_no_database_is_a_sentence_and_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "holiday.jpg"
    path.write_bytes(b"not a database at all " * 100)
    with pytest.raises(StorageError, match="damaged or is not one of Broadsheet's"):
        opened(path)
    assert path.read_bytes() == b"not a database at all " * 100


def test_a_database_of_a_newer_broadsheet_is_a_sentence_and_stays_as_it_is(engine: Engine, database: Path) -> None:
    with writing(engine) as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StorageError, match="made by a newer Broadsheet"):
        opened(database)
    with reading(engine) as connection:
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() == "9999"


def test_a_write_lock_held_by_another_process_is_a_sentence(database: Path) -> None:
    engine = opened(database)
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None); "
            "c.execute('BEGIN IMMEDIATE'); print('held', flush=True); sys.stdin.readline(); c.close()",
            str(database),
        ],
        text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert holder.stdout
    assert holder.stdout.readline() == "held\n"
    assert rows(engine) == {}, "readers do not wait for a writer"
    with pytest.raises(StorageError, match="busy with another write; try again"):
        put(engine, "a")
    holder.communicate("\n", timeout=30)
    put(engine, "a")
    assert rows(engine) == {"a": ""}
    engine.dispose()


def test_another_failure_of_the_database_is_a_sentence_with_its_cause(engine: Engine) -> None:
    put(engine, "twice")
    with pytest.raises(StorageError, match="the log has the reason") as caught:
        put(engine, "twice")
    assert isinstance(caught.value.__cause__, IntegrityError)


def test_an_error_of_the_program_is_not_dressed_as_one_of_the_database(engine: Engine) -> None:
    with pytest.raises(ZeroDivisionError), reading(engine):
        _ = 1 / 0
