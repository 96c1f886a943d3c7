"""How a database can be opened, found out before a Datasette is built for it."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Literal

from config.sites.datasettes.files import DatabaseFile, has_journal

# What Datasette puts behind `?mode=` in the URI of every connection. Said for
# immutable files too: with `immutable=1` alone, SQLite makes the file it misses.
Mode = Literal["ro", "ro&immutable=1"]
READ_ONLY: Mode = "ro"
IMMUTABLE: Mode = "ro&immutable=1"

# What ends or escapes a path in SQLite's URIs. Datasette does not quote it, and
# would open, or make, another file.
_NOT_IN_URIS = frozenset("?#%")

# By version and by what is there already.
_CANT_WRITE_BESIDE = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
_PRIMARY_CODE = 0xFF


class UnreadableDatabaseError(Exception):
    """Not a database, damaged, or not ours to read."""


class BusyDatabaseError(UnreadableDatabaseError):
    """A writer holds it; it may be free in a moment."""


def choose_mode(file: DatabaseFile) -> Mode:
    """Open `file`, read its schema, and say how it should be opened from now on.

    Immutable, which saves SQLite's locks and Datasette's counts, only where no
    one writes in place: readers would be given pages of two versions at once.
    Never waits. Raises UnreadableDatabaseError, or BusyDatabaseError for a lock.
    """
    if not _NOT_IN_URIS.isdisjoint(str(file.path)):
        raise UnreadableDatabaseError(f"{file.path}: wanted a path without ?, # and %")
    if file.sealed:
        _read_schema(file.path, IMMUTABLE)
        return IMMUTABLE
    try:
        _read_schema(file.path, READ_ONLY)
    except UnreadableDatabaseError as error:
        # WAL mode needs a file beside the database. Where none can be made, and
        # no writer has made one, nobody is writing.
        if _code(error.__cause__) not in _CANT_WRITE_BESIDE or has_journal(file.path):
            raise
        _read_schema(file.path, IMMUTABLE)
        return IMMUTABLE
    return READ_ONLY


def _read_schema(path: Path, mode: Mode) -> None:
    try:
        with closing(sqlite3.connect(f"file:{path}?mode={mode}", uri=True, timeout=0)) as database:
            database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error as error:
        busy = _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
        kind = BusyDatabaseError if busy else UnreadableDatabaseError
        raise kind(f"{path}: {error}") from error


def _code(error: BaseException | None) -> int:
    # Low byte: SQLite's extended codes refine a primary one.
    return getattr(error, "sqlite_errorcode", 0) & _PRIMARY_CODE
