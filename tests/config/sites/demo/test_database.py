import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from config.sites.demo.database import write_database
from config.sites.demo.places import PLACES


def test_a_crash_leaves_what_was_there(tmp_path: Path) -> None:
    """No half-made database, no leftover, and an older database is untouched."""
    path = tmp_path / "alameda.ca" / "meetings.db"
    write_database(path, PLACES[0], 12, lambda _: None)
    before = path.read_bytes()

    def crash(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_database(path, PLACES[0], 40, crash)

    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_progress_adds_up(tmp_path: Path) -> None:
    """Every page is reported once, in batches."""
    steps: list[int] = []

    write_database(tmp_path / "meetings.db", PLACES[1], 1203, steps.append)

    assert sum(steps) == 1203
    assert len(steps) > 1


def test_pages_read_like_a_councils(tmp_path: Path) -> None:
    """Varied text with motions and votes, and none of it twice."""
    path = tmp_path / "meetings.db"
    write_database(path, PLACES[2], 600, lambda _: None)

    with closing(sqlite3.connect(path)) as database:
        texts = [text for (text,) in database.execute("SELECT text FROM minutes")]
    assert len(set(texts)) == len(texts) == 400
    assert all("MOTION: Councilmember" in text and "roll call vote" in text for text in texts)
    assert not any("{" in text for text in texts)
