"""Chooses how to open a database, before a Datasette is built for it."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Literal

from config.sites.datasettes.files import DatabaseFile, has_journal

# Datasette puts this after `?mode=` in the URI of every connection. `ro` is needed for
# immutable files too: with `immutable=1` alone, SQLite creates a missing file.
Mode = Literal["ro", "ro&immutable=1"]
READ_ONLY: Mode = "ro"
IMMUTABLE: Mode = "ro&immutable=1"

# Characters that end or escape a path in SQLite's URIs. Datasette does not quote the
# path, and would open or create another file.
_NOT_IN_URIS = frozenset("?#%")

# SQLite's error depends on its version and on the files that exist.
_CANT_WRITE_BESIDE = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)
_PRIMARY_CODE = 0xFF


class UnreadableDatabaseError(Exception):
    """Not a database, damaged, or without permission to read."""


class BusyDatabaseError(UnreadableDatabaseError):
    """A writer has locked the database, possibly for a moment only."""


def choose_mode(file: DatabaseFile) -> Mode:
    """Open `file`, read its schema, and return the mode to open it with from now on.

    Immutable mode saves SQLite's locks and Datasette's counts. It is chosen only if the file
    is not written in place: readers would get pages of two versions at once. Never waits.
    Raises UnreadableDatabaseError, or BusyDatabaseError for a lock.
    """
    if not _NOT_IN_URIS.isdisjoint(str(file.path)):
        raise UnreadableDatabaseError(f"{file.path}: wanted a path without ?, # and %")
    if file.sealed:
        _read_schema(file.path, IMMUTABLE)
        return IMMUTABLE
    try:
        _read_schema(file.path, READ_ONLY)
    except UnreadableDatabaseError as error:
        # WAL mode needs a file beside the database. If none can be created, and no
        # writer has created one, the database is not being written.
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
