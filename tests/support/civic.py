"""A site's database made of real council minutes."""

from __future__ import annotations

import csv
import gzip
from typing import TYPE_CHECKING

import sqlite_utils

from tests.support.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Beside the repository and not in it: 3 MB, for tests only.
SOURCE = ROOT.parent / "shared" / "civic-data" / "cleveland-oh-2013.csv.gz"


def build_meetings(folder: Path, source: Path = SOURCE) -> Path | None:
    """Write `folder/meetings.db`; None, and nothing written, without the source."""
    if not source.exists():
        return None
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "meetings.db"
    database = sqlite_utils.Database(path)
    try:
        minutes = database.table("minutes")
        minutes.insert_all(_rows(source), pk="id")
        minutes.enable_fts(["text"])
        database.vacuum()
    finally:
        database.close()
    return path


def _rows(source: Path) -> Iterator[dict[str, object]]:
    with gzip.open(source, "rt", encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            image = f"/{row['meeting']}/{row['date']}/{row['page']}.png"
            yield {**row, "page": int(row["page"]), "page_image": image}
