"""The host that end-to-end tests serve."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.support.civic import build_meetings


def test_sites_are_registered_and_their_databases_are_there(host_env: dict[str, str]) -> None:
    """Every registered site has searchable minutes, real or generated."""
    database = host_env["DATABASE_URL"].removeprefix("sqlite:///")
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute("select subdomain from sites").fetchall()
    assert rows
    for (subdomain,) in rows:
        meetings = Path(host_env["SITES_DIR"]) / subdomain / "meetings.db"
        with closing(sqlite3.connect(meetings)) as connection:
            [[count]] = connection.execute("select count(*) from minutes")
            [[found]] = connection.execute(
                "select count(*) from minutes_fts where minutes_fts match 'council*'"
            )
        assert 0 < found <= count


def test_each_test_has_a_host_of_its_own(host_env: dict[str, str], tmp_path: Path) -> None:
    """Paths lie in the test's folder, so that it may write."""
    assert Path(host_env["SITES_DIR"]).is_relative_to(tmp_path)
    assert Path(host_env["DATABASE_URL"].removeprefix("sqlite:///")).is_relative_to(tmp_path)


def test_without_the_real_minutes_nothing_is_written(tmp_path: Path) -> None:
    """A machine that has only the repository falls back to generated sites."""
    assert build_meetings(tmp_path / "site", source=tmp_path / "absent.csv.gz") is None
    assert not (tmp_path / "site").exists()
