"""What every test has: a fixed moment, a fresh database, and no network but loopback."""

from __future__ import annotations

import ipaddress
import itertools
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from sqlalchemy import Engine

from news.store import Store
from storage.engine import connect
from tests.postgres_server import PostgresServer, binaries

NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)

# The same examples in every run; what a search with others finds is kept as an example.
hypothesis.settings.register_profile("steady", derandomize=True, deadline=None)
hypothesis.settings.load_profile("steady")

# ---------------------------------------------------------------- no network but loopback


class NetworkUsed(Exception):
    """A test tried to reach another machine."""


_attempts: list[str] = []
_connect, _connect_ex, _getaddrinfo = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo


def _is_loopback(host: object) -> bool:
    if host in (None, "", b"", "localhost", b"localhost"):
        return True
    try:
        return ipaddress.ip_address(host.decode() if isinstance(host, bytes) else str(host)).is_loopback
    except ValueError:
        return False


def _is_number(host: object) -> bool:
    try:
        ipaddress.ip_address(str(host))
    except ValueError:
        return False
    return True


def _refuse(what: object) -> None:
    _attempts.append(str(what))
    raise NetworkUsed(f"a test tried to reach {what}")


def _guarded(connect: Callable[..., Any]) -> Callable[..., Any]:
    def guard(self: socket.socket, address: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_loopback(address[0]):
            _refuse(address)
        return connect(self, address)

    return guard


def _lookup(host: Any, *args: Any, **more: Any) -> Any:
    if not _is_loopback(host) and not _is_number(host):  # a number is turned into an address without asking anyone
        _refuse(host)
    return _getaddrinfo(host, *args, **more)


# At import, before any module can keep the real ones as a default argument.
socket.socket.connect = _guarded(_connect)  # type: ignore[method-assign]
socket.socket.connect_ex = _guarded(_connect_ex)  # type: ignore[method-assign]
socket.getaddrinfo = _lookup


@pytest.fixture(autouse=True)
def no_network() -> Iterator[list[str]]:
    """Fails a test that tried to reach another machine, even if the code under test hid the refusal."""
    _attempts.clear()
    yield _attempts
    assert _attempts == [], f"the test tried to reach {', '.join(_attempts)}"


# ---------------------------------------------------------------- a moment and a database


@pytest.fixture
def now() -> datetime:
    """The moment at which tests take place: noon of 10 June 2026, UTC."""
    return NOW


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty SQLite file; copied by those who want to write."""
    path = tmp_path_factory.mktemp("database") / "empty.db"
    engine = connect(f"sqlite:///{path}")
    Store(engine)
    engine.dispose()  # the last connection folds the write-ahead log into the file
    return path


@pytest.fixture
def database(empty_database: Path, tmp_path: Path) -> Path:
    """A SQLite file of this test's own."""
    return Path(shutil.copy(empty_database, tmp_path / "broadsheet.db"))


# What is said of a database is said of every one: these tests run on SQLite and on a real Postgres. Those that ask for
# `database`, the SQLite file, are about that.
BOTH = {"storage", "news", "desk", "eval"}
_numbers = itertools.count()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Once more on Postgres: every test of these folders that has an engine."""
    asked = set(metafunc.fixturenames)
    folder, own = metafunc.definition.path.parent.name, hasattr(metafunc.module, "engine")
    if "engine" in asked and "database" not in asked and folder in BOTH and not own:
        metafunc.parametrize("engine", ["sqlite", "postgres"], indirect=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A running Postgres of this session's own, with a migrated, empty database named `empty`."""
    if binaries() is None:
        if os.environ.get("BROADSHEET_POSTGRES_TESTS") == "required":
            pytest.fail("Postgres is not installed (Debian: postgresql).")
        pytest.skip("Postgres is not installed (Debian: postgresql).")
    server = PostgresServer()
    try:
        server.start()
        with server.database("empty") as url:
            engine = connect(url)
            Store(engine)
            engine.dispose()
            yield server
    finally:
        server.close()


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> Iterator[str]:
    """The address of an empty Postgres database of this test's own."""
    with postgres.database(f"test{next(_numbers)}", template="empty") as url:
        yield url


@pytest.fixture(scope="session")
def emptied(postgres: PostgresServer) -> Iterator[Callable[[], str]]:
    """Gives the address of an empty database, the same each time: to empty one takes less than to make one.

    One whose tables themselves were changed by a test is left for another.
    """
    with ExitStack() as opened:
        made: list[tuple[str, str]] = []

        def address() -> str:
            if made and postgres.empty(made[-1][0]) == made[-1][1]:
                return postgres.url(made[-1][0])
            name = f"shared{next(_numbers)}"
            url = opened.enter_context(postgres.database(name, template="empty"))
            made.append((name, postgres.empty(name)))
            return url

        yield address


@pytest.fixture
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """An engine on this test's own database."""
    if getattr(request, "param", "sqlite") == "postgres":
        url = request.getfixturevalue("emptied")()
    else:
        url = f"sqlite:///{request.getfixturevalue('database')}"
    engine = connect(url)
    yield engine
    engine.dispose()


@pytest.fixture
def store(engine: Engine) -> Store:
    """A store on this test's own database."""
    return Store(engine)
