"""What only a server does: go away, come back, refuse, hang, fill up. A real Postgres is stopped, killed and filled."""

from __future__ import annotations

import os
import random
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, func, insert, select, text

from desk.conversations import Conversations
from news.store import Schedule, Store, Validators
from news.types import ParsedEntry, ParsedFeed
from storage import tables as t
from storage.engine import StorageError, connect, reading, writing
from storage.fulltext import Document, any_of, any_phrase, fulltext
from tests.conftest import NOW
from tests.postgres_server import PostgresServer
from tests.storage.test_engine import at_once, put, rows

PATIENT_MS = 20_000


@pytest.fixture
def engine(postgres_url: str) -> Iterator[Engine]:
    """An engine that loses patience soon."""
    engine = connect(postgres_url, busy_timeout_ms=200)
    yield engine
    engine.dispose()


@pytest.fixture
def own_server(postgres: PostgresServer) -> Iterator[PostgresServer]:
    """A Postgres of this test's own, to be stopped and crashed; what it acknowledges has left its memory."""
    server = PostgresServer(synchronous_commit="on")
    server.start()
    yield server
    server.close()


def refused(url: str) -> str:
    """What is said of a database that cannot be opened, and at once."""
    with pytest.raises(StorageError) as caught:
        connect(url, busy_timeout_ms=600_000)
    return str(caught.value)


# ---------------------------------------------------------------- opening


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_an_address_is_taken_as_hosters_give_it(postgres_url: str, scheme: str) -> None:
    engine = connect(postgres_url.replace("postgresql+psycopg", scheme))
    put(engine, "a")
    assert rows(engine) == {"a": ""}
    engine.dispose()


def test_many_processes_may_open_a_new_database_at_once(postgres: PostgresServer) -> None:
    script = """
import sys
from storage.engine import connect
from news.store import Store
print("ready", flush=True)
sys.stdin.readline()
print(len(Store(connect(sys.argv[1])).feeds()))
"""
    with postgres.database("new") as url:
        assert at_once(script, url, processes=3) == [("0\n", "")] * 3


def test_a_wrong_name_user_or_number_of_connections_is_a_sentence(postgres: PostgresServer) -> None:
    assert "check all three" in refused(postgres.url("nowhere"))
    assert "check all three" in refused(postgres.url().replace("postgres@", "nobody@"))
    postgres.run("CREATE ROLE crowded LOGIN CONNECTION LIMIT 0")
    with pytest.raises(StorageError, match="takes no more connections now"):
        connect(postgres.url("empty").replace("postgres@", "crowded@"), busy_timeout_ms=100)


def test_a_database_that_cannot_hold_every_script_is_a_sentence(postgres: PostgresServer) -> None:
    postgres.run("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    assert "ENCODING 'UTF8'" in refused(postgres.url("latin"))


def test_a_server_that_is_not_there_is_waited_for_and_then_a_sentence(postgres: PostgresServer, tmp_path: Path) -> None:
    nowhere = postgres.url().replace(str(postgres.folder), str(tmp_path))
    for url in (nowhere, "postgresql://user:hunter2@127.0.0.1:1/name"):
        with pytest.raises(StorageError, match="cannot be reached") as caught:
            connect(url, busy_timeout_ms=100)
        assert "hunter2" not in str(caught.value)


# ---------------------------------------------------------------- going away and coming back


def kill_backends(postgres: PostgresServer, engine: Engine) -> None:
    """As an administrator, or a hoster's proxy, does it."""
    postgres.run(
        f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = '{engine.url.database}'"
    )


def test_a_connection_that_was_cut_while_nobody_used_it_is_never_lent(postgres: PostgresServer, engine: Engine) -> None:
    put(engine, "before")
    kill_backends(postgres, engine)
    put(engine, "after")
    assert rows(engine) == {"before": "", "after": ""}


def test_a_connection_cut_in_the_middle_of_a_write_is_a_sentence_and_nothing_of_it_is_kept(
    postgres: PostgresServer, engine: Engine
) -> None:
    put(engine, "whole")

    def cut() -> None:
        with writing(engine) as connection:
            connection.execute(insert(t.meta).values(key="half", value=""))
            kill_backends(postgres, engine)
            connection.execute(insert(t.meta).values(key="other half", value=""))

    with pytest.raises(StorageError, match="cannot be reached; what was kept is safe"):
        cut()
    assert rows(engine) == {"whole": ""}
    put(engine, "next")
    assert rows(engine) == {"whole": "", "next": ""}


def test_an_answer_is_saved_though_its_connection_is_cut_in_the_middle_of_saving(
    postgres: PostgresServer, engine: Engine
) -> None:
    desk = Conversations(engine)
    turn = desk.add_turn(desk.new_id(), "Why?", now=NOW)
    cut: list[str] = []

    def cut_once(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("UPDATE turns") and not cut:
            cut.append(statement)
            kill_backends(postgres, engine)

    event.listen(engine, "before_cursor_execute", cut_once)
    desk.save_turn(turn.id, answer="Because.", state="done", now=NOW)
    assert len(cut) == 1
    kept = desk.turn(turn.id)
    assert kept is not None
    assert (kept.answer, kept.state) == ("Because.", "done")


@pytest.mark.parametrize("at_once", [False, True], ids=["stopped", "crashed"])
def test_a_server_that_is_gone_for_a_while_loses_nothing_acknowledged_and_is_found_again(
    own_server: PostgresServer, at_once: bool
) -> None:
    patient = connect(own_server.url(), busy_timeout_ms=PATIENT_MS)
    hasty = connect(own_server.url(), busy_timeout_ms=50)
    acknowledged: list[str] = []
    told: list[str] = []
    done = threading.Event()

    def write() -> None:
        number = 0
        while not done.is_set():
            number += 1
            try:
                put(patient, str(number))
            except StorageError as error:  # cut in its middle; all others wait
                told.append(str(error))
            else:
                acknowledged.append(str(number))

    thread = threading.Thread(target=write)
    thread.start()
    while len(acknowledged) < 20:
        time.sleep(0.01)
    own_server.stop(at_once=at_once)
    with pytest.raises(StorageError, match="cannot be reached"):
        rows(hasty)
    before = len(acknowledged)
    time.sleep(0.5)
    assert len(acknowledged) <= before + 1
    own_server.start()
    while len(acknowledged) < before + 20:
        time.sleep(0.01)
    done.set()
    thread.join()
    assert set(acknowledged) <= set(rows(hasty))
    assert len(told) <= 1
    assert {sentence.partition(";")[0] for sentence in told} <= {"The database cannot be reached"}
    patient.dispose()
    hasty.dispose()


# ---------------------------------------------------------------- refusing, hanging, filling up


def test_a_statement_that_takes_too_long_is_ended_and_told(postgres_url: str) -> None:
    engine = connect(postgres_url, statement_timeout_ms=50)
    with pytest.raises(StorageError, match="took too long"), reading(engine) as connection:
        connection.execute(select(func.pg_sleep(60)))
    assert rows(engine) == {}
    engine.dispose()


def test_a_row_that_another_write_holds_is_waited_for_and_then_a_sentence(engine: Engine) -> None:
    put(engine, "held")
    row = select(t.meta.c.value).where(t.meta.c.key == "held").with_for_update()
    with writing(engine) as connection:
        connection.execute(row)
        with pytest.raises(StorageError, match="busy with another write"), writing(engine) as other:
            other.execute(row)


def test_two_writes_that_wait_for_each_other_are_told_apart(engine: Engine, postgres_url: str) -> None:
    patient = connect(postgres_url, busy_timeout_ms=PATIENT_MS)
    put(patient, "a")
    put(patient, "b")
    barrier, ends = threading.Barrier(2), []

    def write(*keys: str) -> None:
        try:
            with writing(patient) as connection:
                for key in keys:
                    connection.execute(select(t.meta.c.value).where(t.meta.c.key == key).with_for_update())
                    with suppress(threading.BrokenBarrierError):
                        barrier.wait(5)
        except StorageError as error:
            barrier.abort()
            ends.append(str(error))
        else:
            barrier.abort()
            ends.append("kept")

    threads = [threading.Thread(target=write, args=keys) for keys in (("a", "b"), ("b", "a"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ends) == ["The database is busy with another write; try again in a moment.", "kept"]
    patient.dispose()


def test_a_database_that_may_only_be_read_is_a_sentence(postgres: PostgresServer, engine: Engine) -> None:
    postgres.run(f"ALTER DATABASE {engine.url.database} SET default_transaction_read_only = on")
    kill_backends(postgres, engine)
    with pytest.raises(StorageError, match="may only be read"):
        put(engine, "a")
    assert rows(engine) == {}


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("disk_full", "The disk is full"),
        ("out_of_memory", "run out of memory"),
        ("serialization_failure", "busy with another write"),
        ("io_error", "cannot read or write its files"),
        ("index_corrupted", "is damaged"),
        ("raise_exception", "the log has the reason"),
    ],
)
def test_what_the_server_says_of_itself_is_a_sentence(engine: Engine, condition: str, words: str) -> None:
    def fail() -> None:
        with writing(engine) as connection:
            connection.execute(insert(t.meta).values(key="a", value=""))
            connection.exec_driver_sql(f"DO $$ BEGIN RAISE EXCEPTION 'secret' USING ERRCODE = '{condition}'; END $$")

    with pytest.raises(StorageError, match=words):
        fail()
    assert rows(engine) == {}


def test_a_full_disk_is_a_sentence_keeps_all_that_was_kept_and_takes_more_when_there_is_room(
    own_server: PostgresServer,
) -> None:
    disk = own_server.folder / "small"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m,mode=0777", "tmpfs", str(disk)]
    if subprocess.run(mount, stderr=subprocess.DEVNULL, check=False).returncode:
        pytest.skip("no disk of its own may be mounted here")
    try:
        os.chown(disk, own_server.folder.stat().st_uid, -1)
        own_server.run(f"CREATE TABLESPACE small LOCATION '{disk}'")
        own_server.run("CREATE DATABASE small TABLESPACE small")
        engine = connect(own_server.url("small"))
        kept: list[str] = []

        def fill() -> None:
            while True:
                key = str(len(kept))
                put(engine, key, random.Random(key).randbytes(100_000).hex())  # random, so that it cannot be compressed
                kept.append(key)

        with pytest.raises(StorageError, match="The disk is full"):
            fill()
        assert set(rows(engine)) == set(kept)
        assert len(kept) > 3
        subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
        put(engine, "after")
        assert "after" in rows(engine)
        engine.dispose()
    finally:
        own_server.stop(at_once=True)
        subprocess.run(["umount", str(disk)], check=True)


# ---------------------------------------------------------------- what feeds and readers send


HOSTILE = "NUL \0, half \ud83d, quote ' \" \\ $$ ; -- :name %s %(x)s {0} & | ! <-> :* 火山"


def test_text_that_no_database_takes_is_kept_without_what_is_wrong(store: Store) -> None:
    feed, _ = store.add_feed(f"https://a.example/{HOSTILE}", title=HOSTILE, topic=HOSTILE, now=NOW)
    item = ParsedEntry(
        f"key {HOSTILE}", f"https://a.example/{HOSTILE}", HOSTILE, HOSTILE, author=HOSTILE, picture=HOSTILE,
        categories=(HOSTILE,), enclosures=((HOSTILE, "audio/mpeg"),),
    )  # fmt: skip
    parsed = ParsedFeed(HOSTILE, HOSTILE, "en", "rss20", (item,))
    for _ in range(2):  # the second time it is the same entry, unchanged
        told = store.save_success(
            feed.id, now=NOW, schedule=Schedule(NOW), validators=Validators(HOSTILE, HOSTILE, "h"), parsed=parsed
        )
    assert (told.new, told.edited) == (0, 0)
    (found,) = store.entries()
    assert found.title == found.text == HOSTILE.replace("\0", "\ufffd").replace("\ud83d", "?")


def test_what_a_reader_or_a_model_writes_is_kept_without_what_is_wrong(engine: Engine) -> None:
    desk = Conversations(engine)
    turn = desk.add_turn(desk.new_id(), HOSTILE, now=NOW)
    desk.save_turn(turn.id, answer=HOSTILE, state="done", reason=HOSTILE, details={"d": HOSTILE}, now=NOW)
    kept = desk.turn(turn.id)
    assert kept is not None
    assert kept.answer == kept.question == turn.question == HOSTILE.replace("\0", "\ufffd").replace("\ud83d", "?")
    assert kept.details == {"d": HOSTILE}
    assert [one.id for one in desk.recent(search="火山")] == [one.id for one in desk.recent()] != []
    for id_ in ("\0", "\ud83d", "' OR 1=1 --", "x" * 100_000):
        assert (desk.get(id_), desk.turns(id_), desk.turn(id_), desk.shared(id_)) == (None, [], None, None)


@pytest.mark.parametrize("term", ["o'neil", "back\\slash", "a&b", "x|y", "!no", "pre:*", "as:a", "<->", "''", "\\'"])
def test_a_term_is_never_read_as_a_query(engine: Engine, term: str) -> None:
    index = fulltext("postgresql")
    with writing(engine) as connection:
        index.add(connection, [Document(1, NOW, term, f"before {term} after"), Document(2, NOW, "other", "")])
        assert index.held(connection, [term, "nothing"]) == {term: 1, "nothing": 0}
        assert len(index.newest(connection, [any_of([term], "title")], limit=9)[0]) == 1
        assert list(connection.execute(index.matching(any_phrase([["before", term, "after"]]))).scalars()) == [1]
        assert list(connection.execute(index.matching(any_phrase([["after", term]]))).scalars()) == []


def test_every_term_of_the_longest_text_is_found_and_phrases_as_far_as_places_are_counted(engine: Engine) -> None:
    index = fulltext("postgresql")
    words = [f"w{number}" for number in range(20_000)]
    with writing(engine) as connection:
        index.add(connection, [Document(1, NOW, "", " ".join(words)), Document(2, NOW, "", "same " * 20_000)])
        assert set(index.held(connection, [words[0], words[16_382], words[-1], "same"]).values()) == {1}
        for at, found in ((10_000, [1]), (16_380, [1]), (19_000, [])):
            query = any_phrase([words[at : at + 2]])
            assert list(connection.execute(index.matching(query)).scalars()) == found


def test_readers_see_what_many_processes_add_and_count_each_article_once(postgres_url: str, engine: Engine) -> None:
    script = """
import sys
from datetime import datetime
from news.store import Schedule, Store, Validators
from news.types import ParsedEntry, ParsedFeed
from storage.engine import connect
store, now = Store(connect(sys.argv[1])), datetime.fromisoformat(sys.argv[2])
feed, _ = store.add_feed(f"https://{sys.argv[0] or 'x'}.example/{__import__('os').getpid()}", now=now)
print("ready", flush=True)
sys.stdin.readline()
for n in range(20):
    items = tuple(ParsedEntry(f"{n}-{m}", f"https://x.example/{feed.id}-{n}-{m}", f"{n} {m}", "") for m in range(5))
    store.save_success(feed.id, now=now, schedule=Schedule(now), validators=Validators(),
                       parsed=ParsedFeed("", "", "en", "rss20", items))
"""
    store, counted, done = Store(engine), [0], threading.Event()

    def look() -> None:
        while not done.is_set():
            counted.append(store.horizon().articles)

    looker = threading.Thread(target=look)
    looker.start()
    try:
        assert at_once(script, postgres_url, NOW.isoformat(), processes=3) == [("", "")] * 3
    finally:
        done.set()
        looker.join()
    assert counted == sorted(counted)
    assert store.horizon().articles == store.stats().entries == 3 * 20 * 5
    with reading(engine) as connection:
        assert connection.execute(text("SELECT count(*) FROM versions_text")).scalar() == 300
