"""A copy is what was copied: across databases, while others write, after it broke off; and what is damaged is told."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, delete, func, insert, select, update

from desk.conversations import Conversations
from desk.readers import Reader, Readers
from desk.reading import Reading
from desk.usage import Spent, Usages
from news.errors import Detail
from news.store import Schedule, Store
from news.story_store import Stories
from news.types import Mute
from storage import tables as t
from storage.copying import MANIFEST, UNFINISHED, Sum, copy, sum_of
from storage.engine import StorageError, connect, reading, writing
from tests.conftest import NOW
from tests.news.made import collect, entry, holding, subscribe

ROOT = Path(__file__).parents[2]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Any]:
    """Makes engines on new SQLite files, by name; gone in the end."""
    with ExitStack() as opened:

        def made(name: str) -> Engine:
            engine = connect(f"sqlite:///{tmp_path / name}.db")
            opened.callback(engine.dispose)
            return engine

        yield made


@pytest.fixture
def other(engine: Engine, request: pytest.FixtureRequest, place: Any) -> Iterator[Engine]:
    """A database of the other kind, empty."""
    if engine.dialect.name == "sqlite":
        engine = connect(request.getfixturevalue("postgres_url"))
        yield engine
        engine.dispose()
    else:
        yield place("other")


def furnished(engine: Engine, entries: int = 1_200) -> Store:
    """Something in every table."""
    store, desk = Store(engine), Conversations(engine)
    outlet, gone = subscribe(store), subscribe(store, "gone", topic="Welt")
    store.save_failure(gone.id, now=NOW, schedule=Schedule(NOW), error="Gone.", detail=Detail(404, (("a", "b"),), "x"))
    store.remove_feed(gone.id, now=NOW)
    collect(store, outlet, *(entry(str(n), f"Volcano {n} 火山", "Text " * (n % 9)) for n in range(entries)))
    collect(store, outlet, entry("1", "Other words"), at=NOW + timedelta(hours=1))
    store.keep_entries(outlet.id, 1)
    collect(store, outlet, entry("old", at=NOW - timedelta(days=9)))
    assert store.prune(NOW) == 1
    store.mute(Mute("word", "golf"))
    for question in "ab":
        turn = desk.add_turn(desk.new_id(), question, now=NOW, pinned=(7,))
        desk.save_turn(turn.id, answer="So.", state="done", details={"n": [1, None, "ä"]}, now=NOW)
        desk.share(desk.recent()[0].id)
    Stories(store).group(most=100)
    marks = Reading(engine)
    marks.mark("followed", 7, now=NOW)
    marks.looked(now=NOW)
    Readers(engine).seen(Reader("ann", "Ann"), now=NOW)
    with writing(engine) as connection:
        connection.execute(insert(t.follows).values(reader="ann", feed_id=outlet.id))
        connection.execute(insert(t.charges).values(id="1", at=NOW, reader="ann", address="a", model="m", tokens=9))
    usages = Usages(engine)
    for cost in (0.1 + 0.2, None):
        usages.record(Spent(NOW, "answer", "m", cost=cost, first_s=1 / 3))
    return store


def held(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """All that is stored, in an order that no collation changes."""
    with reading(engine) as connection:
        return {
            table.name: sorted(
                (tuple(row) for row in connection.execute(select(table)) if row[0] not in ("analysis", MANIFEST)),
                key=repr,
            )
            for table in t.metadata.sorted_tables
        }


def test_a_database_goes_to_the_other_kind_and_back_with_all_that_is_in_it(
    engine: Engine, other: Engine, place: Any
) -> None:
    furnished(engine)
    before = held(engine)
    assert all(before.values()), "something is in every table"
    sums = copy(engine, other)
    assert held(other) == before
    assert sums["entries"].rows == 1_200
    back = place("back")
    assert copy(other, back) == sums
    assert held(back) == before


def test_a_copy_is_searched_and_added_to_as_what_it_was_copied_from(engine: Engine, other: Engine) -> None:
    store = furnished(engine, 40)
    copy(engine, other)
    made = Store(other)
    found = {one.url for one in holding(store, ["volcano"])}
    assert {one.url for one in holding(made, ["volcano"])} == found
    assert len(found) == 39
    new = subscribe(made, "new")
    assert new.id == max(feed.id for feed in store.feeds()) + 2  # past the one that was removed
    assert collect(made, new, entry("fresh", "Comet")).new == 1
    Usages(other).record(Spent(NOW, "answer", "m"))
    with reading(other) as connection:
        assert connection.execute(select(func.count()).select_from(t.usage)).scalar() == 3


def test_a_copy_that_broke_off_goes_on_and_follows_what_changed_in_between(engine: Engine, other: Engine) -> None:
    store = furnished(engine)

    def stumble(table: str, done: int, _total: int) -> None:
        if (table, done) == ("versions", 500):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copy(engine, other, told=stumble)
    with reading(other) as connection:
        assert connection.execute(select(func.count()).select_from(t.versions)).scalar() == 500
    collect(store, store.feeds()[0], entry("2", "Changed"), entry("new"), at=NOW + timedelta(hours=2))
    with writing(engine) as connection:
        connection.execute(delete(t.entries).where(t.entries.c.key.in_(["3", "4"])))
        connection.execute(update(t.feeds).values(title="Renamed"))
    copied: dict[str, int] = {}
    copy(engine, other, told=lambda table, done, _: copied.update({table: done}))
    assert held(other) == held(engine)
    assert copied["entries"] == 1_199


def test_one_moment_is_copied_while_others_write(engine: Engine, other: Engine) -> None:
    store = furnished(engine)
    before = held(engine)

    def write(table: str, done: int, _total: int) -> None:
        collect(store, store.feeds()[0], entry(f"{table} {done}"), entry("2", f"{table} {done}"))

    copy(engine, other, told=write)
    assert held(other) == before
    assert held(engine) != before


def test_a_database_that_holds_something_is_not_copied_over(engine: Engine, other: Engine) -> None:
    furnished(engine, 3)
    subscribe(Store(other))
    before = held(other)
    with pytest.raises(StorageError, match="holds something already"):
        copy(engine, other)
    assert held(other) == before
    with writing(other) as connection:
        connection.execute(delete(t.feeds))
    copy(engine, other)
    with pytest.raises(StorageError, match="holds something already"):
        copy(engine, other)


def test_a_copy_that_differs_in_the_end_is_told_and_put_right_by_another_try(engine: Engine, other: Engine) -> None:
    furnished(engine, 40)

    def meddle(table: str, _done: int, _total: int) -> None:
        if table == "turns":
            with writing(other) as connection:
                connection.execute(update(t.entries).where(t.entries.c.id == 7).values(author="Somebody else"))

    with pytest.raises(StorageError, match=r"not what was copied \(entries\)"):
        copy(engine, other, told=meddle)
    copy(engine, other)
    assert held(other) == held(engine)


def test_a_backup_in_which_one_letter_changed_is_not_taken(engine: Engine, other: Engine, place: Any) -> None:
    furnished(engine, 40)
    backup = place("backup")
    copy(engine, backup, keep_manifest=True)
    with writing(backup) as connection:
        connection.execute(update(t.turns).where(t.turns.c.question == "a").values(answer="So!"))
    with pytest.raises(StorageError, match="backup is damaged"):
        copy(backup, other)


def test_what_an_old_file_holds_that_no_database_takes_is_made_storable(database: Path, postgres_url: str) -> None:
    with closing(sqlite3.connect(database)) as raw:
        raw.execute("INSERT INTO mutes (reader, kind, value) VALUES ('', 'word', 'a' || char(0) || 'b')")
        raw.commit()
    source, target = connect(f"sqlite:///{database}"), connect(postgres_url)
    copy(source, target)
    assert held(target)["mutes"] == [("", "word", "a\ufffdb")]
    source.dispose()
    target.dispose()


def test_a_sum_does_not_depend_on_the_order_of_rows_and_changes_with_any_of_them(engine: Engine, other: Engine) -> None:
    rows = [("word", word) for word in ("Ä", "a", "_", "Z", "火", "é")]
    sums = []
    for database, given in ((engine, rows), (other, random.Random(1).sample(rows, len(rows)))):
        with writing(database) as connection:
            connection.execute(insert(t.mutes), [{"kind": kind, "value": value} for kind, value in given])

    for database in (engine, other):
        with reading(database) as connection:
            sums.append(sum_of(connection, t.mutes))
    assert sums[0] == sums[1]
    assert sums[0].rows == 6
    with writing(engine) as connection:
        connection.execute(update(t.mutes).where(t.mutes.c.value == "a").values(value="b"))
    with reading(engine) as connection:
        changed = sum_of(connection, t.mutes)
    assert isinstance(changed, Sum)
    assert changed != sums[0]


# ---------------------------------------------------------------- the command line


def command(url: str, *words: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "DATABASE_URL": url}
    return subprocess.Popen(
        [sys.executable, "-m", "storage", *words], cwd=ROOT, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def run(url: str, *words: str) -> tuple[int, str, str]:
    process = command(url, *words)
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def test_backup_restore_and_copy_from_the_command_line(database: Path, tmp_path: Path, postgres_url: str) -> None:
    engine = connect(f"sqlite:///{database}")
    furnished(engine, 40)
    before = held(engine)
    engine.dispose()
    backup, url = tmp_path / "kept" / "monday.db", f"sqlite:///{database}"
    code, out, err = run(url, "backup", str(backup))
    assert (code, err) == (0, "")
    assert "Copied and checked." in out
    assert backup.stat().st_mode & 0o077 == 0
    assert run(url, "backup", str(backup))[0::2] == (
        1, "The database to copy to holds something already; choose an empty one.\n",
    )  # fmt: skip
    assert run(postgres_url, "restore", str(backup))[0] == 0
    restored = connect(postgres_url)
    assert held(restored) == before
    restored.dispose()
    again = f"sqlite:///{tmp_path / 'again.db'}"
    assert run(postgres_url, "copy", again)[0] == 0
    engine = connect(again)
    assert held(engine) == before
    engine.dispose()


def test_a_copy_killed_in_the_middle_goes_on_from_the_command_line(database: Path, postgres_url: str) -> None:
    engine = connect(f"sqlite:///{database}")
    furnished(engine, 6_000)
    target = connect(postgres_url)
    process = command(f"sqlite:///{database}", "copy", postgres_url)
    while True:
        with reading(target) as connection:
            if connection.execute(select(func.count()).select_from(t.entries)).scalar_one() >= 500:
                break
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    with reading(target) as connection:
        assert connection.execute(select(t.meta.c.key).where(t.meta.c.key == UNFINISHED)).scalar() == UNFINISHED
    assert run(f"sqlite:///{database}", "copy", postgres_url)[0] == 0
    assert held(target) == held(engine)
    engine.dispose()
    target.dispose()


def test_what_cannot_be_done_is_one_sentence(database: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{database}"
    assert run(url, "restore", str(tmp_path / "none.db")) == (1, "", f"There is no file '{tmp_path / 'none.db'}'.\n")
    code, out, err = run(url, "copy", "nonsense")
    assert (code, out, err.count("\n")) == (1, "", 1)
    (tmp_path / "file").write_text("")
    code, out, err = run(url, "backup", str(tmp_path / "file" / "b.db"))
    assert (code, out, err.count("\n")) == (1, "", 1)
