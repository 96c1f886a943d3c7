"""Writes a municipality's database of meeting pages atomically."""

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

import sqlite_utils

from config.sites.demo.places import Place
from config.sites.demo.prose import CouncilWriter

Row = dict[str, Any]

_FIRST_MEETING = date(2016, 1, 5)
_AGENDA_PAGES, _MINUTES_PAGES = 4, 8
_BATCH = 500


def write_database(path: Path, place: Place, pages: int, progress: Callable[[int], object]) -> None:
    """Write `pages` pages of agendas and minutes to `path`, replacing it.

    `progress` is called with the number of pages just written. The database is
    renamed at the end, so that an unfinished one is never opened.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Hidden, so that the host doesn't serve it while it is being written.
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=".partial", dir=path.parent)
    os.close(handle)
    partial = Path(name)
    try:
        _fill(partial, place, pages, progress)
        partial.chmod(0o644)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _fill(path: Path, place: Place, pages: int, progress: Callable[[int], object]) -> None:
    # After a crash the file is discarded, so neither journal nor syncing is needed.
    database = sqlite_utils.Database(path)
    try:
        database.execute("PRAGMA journal_mode=OFF")
        database.execute("PRAGMA synchronous=OFF")
        for table in ("agendas", "minutes"):
            database.table(table).create(
                {
                    "id": str,
                    "meeting": str,
                    "date": str,
                    "page": int,
                    "text": str,
                    "page_image": str,
                },
                pk="id",
            )
        batches: dict[str, list[Row]] = {"agendas": [], "minutes": []}
        for count, (table, row) in enumerate(_pages(place, pages), start=1):
            batches[table].append(row)
            if count % _BATCH == 0 or count == pages:
                for name, rows in batches.items():
                    database.table(name).insert_all(rows)
                    rows.clear()
                progress(count - (count - 1) // _BATCH * _BATCH)
        for table in batches:
            database.table(table).create_index(["meeting", "date"])
            database.table(table).enable_fts(["text"], tokenize="porter")
    finally:
        database.close()


def _pages(place: Place, count: int) -> Iterator[tuple[str, Row]]:
    writer = CouncilWriter(place, Random(place.subdomain))  # noqa: S311 - not a secret
    day = _FIRST_MEETING
    written = 0
    while True:
        for table, pages in (("agendas", _AGENDA_PAGES), ("minutes", _MINUTES_PAGES)):
            write = writer.agenda_page if table == "agendas" else writer.minutes_page
            for page in range(1, pages + 1):
                if written == count:
                    return
                written += 1
                yield table, _row(table, day.isoformat(), page, write(day.isoformat(), page))
        day += timedelta(days=14)


def _row(table: str, day: str, page: int, text: str) -> Row:
    place = f"CityCouncil/{day}/{page}"
    return {
        "id": hashlib.sha256(f"{table}/{place}/{text}".encode()).hexdigest()[:12],
        "meeting": "CityCouncil",
        "date": day,
        "page": page,
        "text": text,
        "page_image": f"/{'_agendas/' if table == 'agendas' else ''}{place}.png",
    }
