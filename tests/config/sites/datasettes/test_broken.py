import asyncio
import logging
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from config.sites.datasettes import starter
from config.sites.datasettes.pool import SiteUnavailableError
from config.sites.directory import RegisteredSite
from tests.config.sites.datasettes.plugins import Watcher
from tests.config.sites.datasettes.support import (
    ALAMEDA,
    ASHLAND,
    main_database,
    open_pool,
    put,
)
from tests.support.paths import ROOT
from tests.support.waiting import PATIENCE

PAGES = "http://x/meetings/minutes"


def _damage(path: Path) -> None:
    """Overwrite all pages but the first, which holds the schema."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (size - 4096))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"this is not a database" * 500, "file is not a database"),
        (b"SQLite format 3\x00" + b"\xff" * 8000, "file is not a database"),
    ],
)
def test_what_is_no_database_harms_nobody_else(
    tmp_path: Path,
    watcher: Watcher,
    caplog: pytest.LogCaptureFixture,
    content: bytes,
    reason: str,
) -> None:
    """Its site is out of order, said once; mended, it is served again."""
    main_database(tmp_path, ALAMEDA).parent.mkdir()
    main_database(tmp_path, ALAMEDA).write_bytes(content)
    put(tmp_path, ASHLAND)

    async def visit() -> None:
        async with open_pool(tmp_path) as pool:
            for _ in range(3):
                with pytest.raises(SiteUnavailableError, match=reason):
                    await pool.get(ALAMEDA)
                assert await pool.text(ASHLAND) == "Minutes of Ashland"
                pool.later(2)
            # Nothing was even started for it.
            assert len(watcher.started) == 1
            put(tmp_path, ALAMEDA)
            assert await pool.text(ALAMEDA) == "Minutes of Alameda"

    asyncio.run(visit())

    [record] = [found for found in caplog.records if found.levelno >= logging.WARNING]
    assert "alameda.ca" in record.getMessage()
    assert reason in record.getMessage()
    assert record.exc_info is None


def test_a_damaged_page_is_an_error_page(tmp_path: Path) -> None:
    """Datasette's own, on the pages that need it; other sites and pages work."""
    path = put(tmp_path, ALAMEDA, *("some text " * 100 for _ in range(100)))
    _damage(path)
    put(tmp_path, ASHLAND)

    async def visit() -> None:
        async with open_pool(tmp_path) as pool:
            assert (await pool.get(ALAMEDA, PAGES)).status_code == 500
            assert (await pool.get(ALAMEDA, "http://x/-/databases.json")).status_code == 200
            assert (await pool.get(ASHLAND, PAGES)).status_code == 200

    asyncio.run(visit())


def test_a_locked_site_is_waited_for_but_not_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer may finish within a second; others are served meanwhile."""
    path = put(tmp_path, ALAMEDA)
    put(tmp_path, ASHLAND)
    by_default = starter.LOCK_SECONDS
    assert by_default == 1

    async def visit() -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as writer:
            # A busy machine may take longer for what comes here than a writer is given.
            monkeypatch.setattr(starter, "LOCK_SECONDS", PATIENCE)
            async with open_pool(tmp_path) as pool:
                writer.execute("BEGIN EXCLUSIVE")
                locked = asyncio.create_task(pool.text(ALAMEDA))
                await asyncio.sleep(0.2)
                assert await pool.text(ASHLAND)
                assert not locked.done()
                writer.execute("ROLLBACK")
                assert await locked == "Minutes of Alameda"

            monkeypatch.setattr(starter, "LOCK_SECONDS", by_default)
            async with open_pool(tmp_path) as pool:
                writer.execute("BEGIN EXCLUSIVE")
                with pytest.raises(SiteUnavailableError, match="locked"):
                    await asyncio.wait_for(pool.text(ALAMEDA), PATIENCE)
                writer.execute("ROLLBACK")
                pool.later(1.1)
                assert await pool.text(ALAMEDA) == "Minutes of Alameda"

    asyncio.run(visit())


def test_many_locked_sites_hold_up_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than there are threads to look at disks, or turns to start in."""
    locked = [RegisteredSite(f"locked{number}.ca", "Locked", "CA") for number in range(20)]
    writers = [sqlite3.connect(put(tmp_path, site), isolation_level=None) for site in locked]
    put(tmp_path, ASHLAND)

    async def visit() -> None:
        async with open_pool(tmp_path) as pool:
            with monkeypatch.context() as patched:
                # Until the other site has been served, however long that takes.
                patched.setattr(starter, "LOCK_SECONDS", PATIENCE)
                waiting = [asyncio.create_task(pool.text(site)) for site in locked]
                await asyncio.sleep(0.1)
                assert await pool.text(ASHLAND) == "Minutes of Ashland"
                assert not any(task.done() for task in waiting)
            for task in waiting:
                task.cancel()
        async with open_pool(tmp_path) as pool:
            waiting = [asyncio.create_task(pool.text(site)) for site in locked]
            results = await asyncio.gather(*waiting, return_exceptions=True)
            assert {type(result) for result in results} == {SiteUnavailableError}

    try:
        for writer in writers:
            writer.execute("BEGIN EXCLUSIVE")
        asyncio.run(visit())
    finally:
        for writer in writers:
            writer.close()


AS_NOBODY = """
import asyncio, os, sys
from pathlib import Path
from tests.config.sites.datasettes.support import ALAMEDA, ASHLAND, open_pool

async def visit(*sites):
    async with open_pool(Path(sys.argv[1])) as pool:
        for site in sites:
            try:
                print(await pool.text(site))
            except Exception as error:
                print(type(error).__name__, error)

# What is imported late is imported now: the interpreter may be root's own.
asyncio.run(visit(ASHLAND))
if os.getuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
asyncio.run(visit(ASHLAND, ALAMEDA))
"""


def _as_another_user(sites_dir: Path) -> list[str]:
    """Visit both sites as a user without privileges, which root is not."""
    done = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, str(sites_dir)],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(sites_dir.parent / "tmp")},
        capture_output=True,
        text=True,
        timeout=5 * PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[1:]


@pytest.fixture
def open_sites() -> Iterator[Path]:
    """A folder of sites that every user may enter.

    pytest's own folders are their owner's alone, and each session that starts
    makes them so again.
    """
    with tempfile.TemporaryDirectory(prefix="corkboard-open-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        for inner in ("sites", "tmp"):
            (folder / inner).mkdir()
        (folder / "tmp").chmod(0o777)
        yield folder / "sites"
        # Or what a test has closed could not be removed.
        for path in folder.rglob("*"):
            path.chmod(0o777)


@pytest.mark.parametrize("what", ["file", "folder"])
def test_what_may_not_be_read_is_out_of_order(open_sites: Path, what: str) -> None:
    """Not empty: the data is there, and somebody has to be told."""
    path = put(open_sites, ALAMEDA)
    put(open_sites, ASHLAND)
    (path if what == "file" else path.parent).chmod(0)

    ashland, alameda = _as_another_user(open_sites)

    assert ashland == "Minutes of Ashland"
    assert alameda.startswith("SiteUnavailableError")
    assert "alameda.ca" in alameda


def test_a_wal_database_in_a_folder_of_another_user_is_read(open_sites: Path) -> None:
    """As on a read-only volume, where SQLite can't make the files that this mode needs."""
    put(open_sites, ASHLAND)
    path = put(open_sites, ALAMEDA)
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode=WAL")
    path.chmod(0o644)
    path.parent.chmod(0o555)

    assert _as_another_user(open_sites)[1] == "Minutes of Alameda"


def test_a_path_that_sqlite_would_misread_is_refused(tmp_path: Path) -> None:
    """Behind a question mark Datasette would open, and make, another file."""
    make = put(tmp_path, ALAMEDA).with_name("what?.db")
    main_database(tmp_path, ALAMEDA).rename(make)

    async def visit() -> None:
        async with open_pool(tmp_path) as pool:
            with pytest.raises(SiteUnavailableError, match=r"what\?\.db: wanted a path"):
                await pool.get(ALAMEDA)

    asyncio.run(visit())

    assert [path.name for path in make.parent.iterdir()] == ["what?.db"]
