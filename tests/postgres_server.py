"""A real Postgres for tests: Debian's binaries on a socket in a folder of its own, gone with the process that began it.

Nothing is written through to the disk: what is tested is what the program does, not what a power cut does to Postgres.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg

_AS_USER = "postgres"  # initdb refuses root
_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "listen_addresses": "",
    "max_connections": "80",
    "shared_buffers": "128MB",
    "autovacuum": "off",
    "log_min_messages": "fatal",
}


def binaries() -> Path | None:
    """The folder of initdb and postgres, the newest version's; None where Postgres is not installed."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    return folders[-1] if folders else None


class PostgresServer:
    """Begins at `start`, stops at `stop`, may be stopped and started in between. Superuser without a password."""

    def __init__(self, **settings: str) -> None:
        found = binaries()
        if found is None:
            raise RuntimeError("Postgres is not installed (Debian: postgresql).")
        self._bin = found
        # Not a folder of pytest's: those are closed to other users.
        self.folder = Path(tempfile.mkdtemp(prefix="bs-pg-"))
        self._user: dict[str, Any] = {}
        if os.name == "posix" and os.geteuid() == 0:
            shutil.chown(self.folder, _AS_USER, _AS_USER)
            self._user = {"user": _AS_USER, "group": _AS_USER, "extra_groups": []}
        self._settings = {**_SETTINGS, **settings}
        self._process: subprocess.Popen[bytes] | None = None
        self._run(
            "initdb", "-D", str(self._data), "-U", _AS_USER, "-A", "trust", "-N", "-E", "UTF8", "--locale=C.UTF-8"
        )

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def url(self, database: str = "postgres") -> str:
        """The address of a database, as `DATABASE_URL` gives it."""
        return f"postgresql+psycopg://{_AS_USER}@/{database}?host={self.folder}"

    @contextmanager
    def database(self, name: str, template: str = "template0") -> Iterator[str]:
        """The address of a new database, a copy of another; gone in the end."""
        self.run(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        yield self.url(name)
        self.run(f"DROP DATABASE {name} WITH (FORCE)")

    def run(self, statement: str) -> None:
        """Run a statement as an administrator."""
        with psycopg.connect(self.url().replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(statement)

    def start(self) -> None:
        """Begin to serve; returns when connections are taken."""
        options = [f"--{name}={value}" for name, value in self._settings.items()]
        self._process = subprocess.Popen(
            [self._bin / "postgres", "-D", self._data, f"--unix_socket_directories={self.folder}", *options],
            cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            preexec_fn=_die_with_parent if sys.platform == "linux" else None, **self._user,
        )  # fmt: skip
        for _ in range(600):
            with suppress(psycopg.OperationalError):
                return self.run("SELECT 1")
            time.sleep(0.05)
        raise RuntimeError("Postgres did not start.")

    def stop(self, *, at_once: bool = False) -> None:
        """Stop serving: connections are cut; `at_once` as in a crash."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT if at_once else signal.SIGINT)
            self._process.wait(30)
            self._process = None

    def close(self) -> None:
        """Stop, and leave nothing behind."""
        self.stop(at_once=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, name: str, *arguments: str) -> None:
        subprocess.run(
            [self._bin / name, *arguments], check=True, cwd=self.folder, stdout=subprocess.DEVNULL, **self._user
        )


def _die_with_parent() -> None:
    """Linux: a test run that is killed leaves no server."""
    ctypes.CDLL(None).prctl(1, signal.SIGINT)
