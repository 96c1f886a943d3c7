import asyncio
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from datasette.app import Datasette

from config.sites.datasettes.pool import NoDatabasesError
from tests.config.sites.datasettes.plugins import Watcher
from tests.config.sites.datasettes.support import (
    ALAMEDA,
    SlowReader,
    main_database,
    open_pool,
    put,
)
from tests.config.sites.support import make_database


def test_a_replaced_file_is_served(tmp_path: Path, watcher: Watcher) -> None:
    """From the next look on, which is half a second later."""
    put(tmp_path, ALAMEDA, "old")

    async def visit() -> None:
        async with open_pool(tmp_path) as pool:
            assert await pool.text(ALAMEDA) == "old"
            put(tmp_path, ALAMEDA, "new")
            assert await pool.text(ALAMEDA) == "old"
            pool.later(0.5)
            assert await pool.text(ALAMEDA) == "new"
            assert len(watcher.started) == 2

    asyncio.run(visit())


@pytest.mark.usefixtures("rows_route")
def test_who_is_reading_ends_on_the_file_that_was_begun(tmp_path: Path, watcher: Watcher) -> None:
    """On all threads: one that opened the file only now would mix two versions."""
    put(tmp_path, ALAMEDA, "old 1", "old 2", "old 3")

    async def visit() -> None:
        async with open_pool(tmp_path) as pool:
            async with pool.lease(ALAMEDA) as app:
                reader = SlowReader(app, "/-/rows")
                # Nothing of the file was read yet, and only one thread was ever used.
                put(tmp_path, ALAMEDA, "new 1", "new 2")
                assert await reader.read() == b"1 old 1\n"
                pool.later()
                assert await pool.text(ALAMEDA) == "new 1"
                assert await reader.rest() == b"1 old 1\n2 old 2\n3 old 3\n"
                assert watcher.stopped == []
            await watcher.until_stopped(1)
            assert watcher.stopped == watcher.started[:1]

    asyncio.run(asyncio.wait_for(visit(), 20))


def test_what_was_replaced_is_closed_with_the_pool(tmp_path: Path, watcher: Watcher) -> None:
    """Though somebody was still reading from it when the host was stopped."""
    put(tmp_path, ALAMEDA, "old")

    async def visit() -> None:
        async with open_pool(tmp_path) as pool:
            leased = pool.lease(ALAMEDA)
            await leased.__aenter__()
            put(tmp_path, ALAMEDA, "new")
            pool.later()
            assert await pool.text(ALAMEDA) == "new"
            assert watcher.stopped == []
        assert sorted(map(id, watcher.stopped)) == sorted(map(id, watcher.started))
        await leased.__aexit__(None, None, None)

    asyncio.run(visit())

    assert len(watcher.stopped) == 2


def test_a_file_replaced_during_start_up_counts(tmp_path: Path, watcher: Watcher) -> None:
    """Connections opened before and after it would see different files."""
    put(tmp_path, ALAMEDA, "old")

    def replace_once(datasette: Datasette) -> None:
        if len(watcher.started) == 1:
            put(tmp_path, ALAMEDA, "new")

    watcher.on_startup = replace_once

    async def visit() -> None:
        async with open_pool(tmp_path) as pool:
            assert await pool.text(ALAMEDA) == "new"
            assert watcher.running == watcher.started[1:]

    asyncio.run(visit())


def test_a_file_written_in_place_during_start_up_is_no_reason_to_wait(
    tmp_path: Path, watcher: Watcher
) -> None:
    """A busy writer would keep its site away for ever; SQLite follows what it does."""
    path = put(tmp_path, ALAMEDA, "old")

    def write(_datasette: Datasette) -> None:
        with closing(sqlite3.connect(path)) as database, database:
            database.execute("UPDATE minutes SET text = 'written'")

    watcher.on_startup = write

    async def visit() -> None:
        async with open_pool(tmp_path) as pool:
            assert await pool.text(ALAMEDA) == "written"

    asyncio.run(visit())

    assert len(watcher.started) == 1


def test_a_file_that_came_or_went_counts(tmp_path: Path) -> None:
    """An added one is listed, a deleted one is not, and without any the site is empty."""
    put(tmp_path, ALAMEDA)
    budget = tmp_path / "alameda.ca" / "finance" / "budget.db"

    async def visit() -> None:
        async with open_pool(tmp_path) as pool:

            async def names() -> list[str]:
                pool.later()
                listed = (await pool.get(ALAMEDA, "http://x/-/databases.json")).json()
                return [found["name"] for found in listed["databases"]]

            assert await names() == ["meetings"]
            make_database(budget)
            assert await names() == ["meetings", "budget"]
            budget.unlink()
            assert await names() == ["meetings"]
            main_database(tmp_path, ALAMEDA).unlink()
            pool.later()
            with pytest.raises(NoDatabasesError):
                await pool.get(ALAMEDA)

    asyncio.run(visit())


@pytest.mark.parametrize("sealed", [True, False])
def test_a_deleted_file_is_never_made_again(tmp_path: Path, watcher: Watcher, sealed: bool) -> None:
    """SQLite makes what it misses where it may write; Datasette's write thread would."""
    path = put(tmp_path, ALAMEDA)
    if sealed:
        path.chmod(0o444)

    async def visit() -> None:
        async with open_pool(tmp_path) as pool:
            await pool.get(ALAMEDA)
            path.unlink()
            [datasette] = watcher.started
            with pytest.raises(sqlite3.OperationalError, match="unable to open"):
                await datasette.get_database("meetings").execute_isolated_fn(
                    lambda connection: connection.execute("select 1 from minutes")
                )
            assert not path.exists()

    asyncio.run(visit())


def test_databases_are_read_only(tmp_path: Path, watcher: Watcher) -> None:
    """Also on the connection that Datasette keeps for writing."""
    put(tmp_path, ALAMEDA)

    async def visit() -> None:
        async with open_pool(tmp_path) as pool:
            await pool.get(ALAMEDA)
            [datasette] = watcher.started
            with pytest.raises(sqlite3.OperationalError, match="readonly"):
                await datasette.get_database("meetings").execute_write("delete from minutes")

    asyncio.run(visit())


def test_what_is_written_in_place_is_served(tmp_path: Path) -> None:
    """At once where SQLite follows, after the next look in any case."""
    path = put(tmp_path, ALAMEDA, "old")

    async def visit() -> None:
        async with open_pool(tmp_path) as pool:
            assert await pool.text(ALAMEDA) == "old"
            with closing(sqlite3.connect(path)) as database, database:
                database.execute("UPDATE minutes SET text = 'written'")
            assert await pool.text(ALAMEDA) == "written"
            # Another program's copy over it: SQLite may believe its cache.
            make_database(tmp_path / "copy", "copied")
            path.write_bytes((tmp_path / "copy").read_bytes())
            pool.later()
            assert await pool.text(ALAMEDA) == "copied"

    asyncio.run(visit())


def test_a_sealed_file_is_immutable_to_datasette(tmp_path: Path, watcher: Watcher) -> None:
    """Nobody may write it, so nothing is locked or counted again; it can be replaced."""
    path = put(tmp_path, ALAMEDA, "old")
    path.chmod(0o444)

    async def visit() -> None:
        async with open_pool(tmp_path) as pool:
            assert await pool.text(ALAMEDA) == "old"
            first = watcher.started[0].get_database("meetings")
            assert not first.is_mutable
            assert first.cached_table_counts == {"minutes": 1}
            put(tmp_path, ALAMEDA, "new")
            path.chmod(0o444)
            pool.later()
            assert await pool.text(ALAMEDA) == "new"
            assert watcher.started[1].get_database("meetings").hash != first.hash

    asyncio.run(visit())


def test_a_sites_new_name_is_shown(tmp_path: Path, watcher: Watcher) -> None:
    """And with it when the site was last updated; at once, since nothing has to be looked at."""
    put(tmp_path, ALAMEDA)
    renamed = replace(ALAMEDA, name="City of Alameda", last_updated="2026-11-25")

    async def visit() -> None:
        async with open_pool(tmp_path) as pool:
            assert "Alameda, CA" in (await pool.get(ALAMEDA, "http://x/")).text
            page = (await pool.get(renamed, "http://x/")).text
            assert "City of Alameda, CA" in page
            assert "2026-11-25" in page

    asyncio.run(visit())

    assert len(watcher.started) == 2
