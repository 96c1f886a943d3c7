"""Sites whose databases are replaced all the time, and what each edition says."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING

from tests.config.sites.support import make_database

if TYPE_CHECKING:
    import threading
    from pathlib import Path
    from random import Random

DOCUMENTS = 40
# From the moment that a file is in its place: the issue's own figure, on an idle machine.
SERVED_WITHIN_SECONDS = 1.0


class Editions:
    """One site's editions, all made beforehand, published one after the other."""

    def __init__(self, name: str, published: Path, archive: Path, editions: int) -> None:
        self.name = name
        self._place = published / name / "meetings.db"
        self._place.parent.mkdir(parents=True)
        self._archive = archive
        self._texts: list[dict[str, str]] = []
        for number in range(editions):
            path = archive / f"{name}-{number}.db"
            make_database(path, *(f"{name} {number} page {i}" for i in range(DOCUMENTS)))
            if number % 2:
                # Sealed: these are opened as immutable.
                path.chmod(0o444)
            self._texts.append(_read(path))
        self._begun: list[float] = []
        self._published: list[float] = []
        self.publish()

    @property
    def exhausted(self) -> bool:
        """Whether the last edition is out."""
        return len(self._published) == len(self._texts)

    def publish(self) -> None:
        """Put the next edition in its place, as a deployment does: in one step."""
        number = len(self._published)
        coming = self._place.with_name(".coming.db")
        os.link(self._archive / f"{self.name}-{number}.db", coming)
        # It may be served before this thread gets to note that it is out.
        self._begun.append(time.monotonic())
        os.replace(coming, self._place)
        self._published.append(time.monotonic())

    def found(self, rows: dict[str, str]) -> int | None:
        """Which edition it is, the whole of it and nothing else."""
        # No text is in two of them.
        return self._texts.index(rows) if rows in self._texts else None

    def is_out(self, edition: int, when: float) -> bool:
        """Whether it may have been in its place by then."""
        return edition < len(self._begun) and self._begun[edition] <= when

    def age(self, edition: int, when: float) -> float:
        """For how many seconds there had been a newer one."""
        newer = self._published[edition + 1 : edition + 2]
        return max(when - newer[0], 0.0) if newer else 0.0


def publish_until(stop: threading.Event, sites: list[Editions], random: Random) -> None:
    """Replace one site's file after the other, some 20 in a second."""
    while not stop.wait(0.05):
        site = random.choice(sites)
        if not site.exhausted:
            site.publish()


def _read(path: Path) -> dict[str, str]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        return dict(database.execute("SELECT id, text FROM minutes ORDER BY rowid").fetchall())
