"""The sites that both versions serve: small, the same in each run."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from tests.support.environment import without_shared
from tests.support.host import add_sites, host_environment

if TYPE_CHECKING:
    from pathlib import Path

SITE = "alpha.ca"
SEALED_SITE = "beta.ca"
EMPTY_SITE = "empty.ca"
BROKEN_SITE = "broken.ca"

# So few rows that no query ever reaches one of Datasette's time limits.
ROWS = 12
_CHANGED = 1_700_000_000

_SCHEMA = """
CREATE TABLE meetings (id INTEGER PRIMARY KEY, body TEXT);
CREATE TABLE minutes (
    id INTEGER PRIMARY KEY, title TEXT, day TEXT, tags TEXT, pages INTEGER,
    meeting INTEGER REFERENCES meetings (id)
);
CREATE TABLE "odd name, with/slash" ("a column" TEXT, "select" TEXT);
CREATE TABLE pairs (a TEXT, b TEXT, n REAL, PRIMARY KEY (a, b));
CREATE VIEW long_minutes AS SELECT id, title FROM minutes WHERE pages > 5;
CREATE VIRTUAL TABLE minutes_fts USING fts5 (title, content = 'minutes', content_rowid = 'id');
"""


def build(template: Path, folder: Path) -> None:
    """Write the host's database and sites into a new folder.

    Args:
        template: a prepared host, for its migrated database.
        folder: what `prepare` copies for each run, so that all have the same bytes.
    """
    folder.mkdir(parents=True)
    shutil.copy(template / "db.sqlite3", folder / "db.sqlite3")
    with closing(sqlite3.connect(folder / "db.sqlite3")) as database, database:
        database.execute("DELETE FROM sites")
    sites = (SITE, SEALED_SITE, EMPTY_SITE, BROKEN_SITE)
    named = [(name, name.partition(".")[0].title(), "CA", ROWS) for name in sites]
    add_sites(host_environment(folder), named)
    for name in (SITE, SEALED_SITE):
        _write_database(folder / "sites" / name / "meetings.db")
    _write_database(folder / "sites" / SITE / "more" / "budget.db")
    (folder / "sites" / SEALED_SITE / "meetings.db").chmod(0o444)
    (folder / "sites" / EMPTY_SITE).mkdir()
    broken = folder / "sites" / BROKEN_SITE / "meetings.db"
    broken.parent.mkdir()
    broken.write_bytes(b"no database" * 1000)


def prepare(built: Path, folder: Path) -> dict[str, str]:
    """Copy what was built into a new folder, and give the environment of a host there."""
    shutil.copytree(built, folder)
    return without_shared(host_environment(folder))


def _write_database(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as database, database:
        database.executescript(_SCHEMA)
        database.executemany(
            "INSERT INTO meetings VALUES (?, ?)", [(1, "Council"), (2, "Planning")]
        )
        database.executemany(
            "INSERT INTO minutes VALUES (?, ?, ?, ?, ?, ?)",
            [
                (
                    number,
                    f"Motion {number} on the ferry",
                    f"2026-01-{number % 4 + 1:02}",
                    json.dumps(["ferry", "harbour"][: number % 3]),
                    number,
                    number % 2 + 1,
                )
                for number in range(1, ROWS + 1)
            ],
        )
        database.executemany(
            "INSERT INTO pairs VALUES (?, ?, ?)",
            [(letter, str(number), number / 4) for letter in "xyz" for number in range(3)],
        )
        database.execute("INSERT INTO \"odd name, with/slash\" VALUES ('a', 'b')")
        database.execute("INSERT INTO minutes_fts (minutes_fts) VALUES ('rebuild')")
    # Long ago, so that the host takes the file for unchanged.
    os.utime(path, (_CHANGED, _CHANGED))
