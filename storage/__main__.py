"""The database from the command line: python -m storage backup FILE | restore FILE | copy URL.

The database is that of DATABASE_URL, and the app may go on using it while it is read. Begin a command that broke off
again: it goes on. Exit status: 0 it worked; 1 it did not, with one sentence on stderr; 2 a bad argument.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from sqlalchemy import Engine

from storage.copying import copy
from storage.engine import DEFAULT_URL, StorageError, connect


def arguments() -> argparse.ArgumentParser:
    """The command line, verb by verb."""
    parser = argparse.ArgumentParser(prog="python -m storage", description="Copies of the whole database.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    backup = verbs.add_parser("backup", help="everything into one new file, while the app runs")
    backup.add_argument("file", type=Path, metavar="FILE")
    restore = verbs.add_parser("restore", help="a backup into the database of DATABASE_URL, which must be empty")
    restore.add_argument("file", type=Path, metavar="FILE")
    to = verbs.add_parser("copy", help="everything into another, empty database (SQLite or Postgres)")
    to.add_argument("url", metavar="URL")
    return parser


def main(words: Sequence[str] | None = None) -> int:
    """Run one verb."""
    given = arguments().parse_args(words)
    here = os.environ.get("DATABASE_URL") or DEFAULT_URL
    try:
        with ExitStack() as opened:

            def database(url: str) -> Engine:
                engine = connect(url)
                opened.callback(engine.dispose)
                return engine

            if given.verb == "backup":
                _private(given.file)
                sums = copy(database(here), database(_file(given.file)), told=_bar, keep_manifest=True)
            elif given.verb == "restore":
                if not given.file.is_file():
                    raise StorageError(f"There is no file '{given.file}'.")
                sums = copy(database(_file(given.file)), database(here), told=_bar)
            else:
                sums = copy(database(here), database(given.url), told=_bar)
    except StorageError as error:
        print(error, file=sys.stderr)
        return 1
    for name, one in sums.items():
        print(f"{name:>16}  {one.rows:>9,} rows  {one.hash[:16]}")
    print("Copied and checked.")
    return 0


def _file(path: Path) -> str:
    return f"sqlite:///{path}"


def _private(path: Path) -> None:
    """A backup holds what readers asked: nobody else on this machine may read it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
    except OSError as error:
        raise StorageError(f"The file cannot be written: {error.strerror}.") from error


def _bar(table: str, done: int, total: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{table:>16}  {done:,}/{total:,}", end="\n" if done >= total else "", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
