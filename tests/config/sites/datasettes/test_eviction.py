import asyncio
from pathlib import Path

import pytest

from config.sites.datasettes.pool import SiteUnavailableError
from config.sites.directory import RegisteredSite
from tests.config.sites.datasettes.plugins import Watcher
from tests.config.sites.datasettes.support import SlowReader, open_pool, put

SITES = [RegisteredSite(f"{name}.ca", name.title(), "CA") for name in ("a", "b", "c", "d")]
A, B, C, D = SITES


@pytest.fixture(autouse=True)
def _sites(tmp_path: Path) -> None:
    for site in SITES:
        put(tmp_path, site, f"{site.name} 1", f"{site.name} 2", f"{site.name} 3")


def test_the_least_recently_used_goes_first(tmp_path: Path, watcher: Watcher) -> None:
    """And is started again when it is asked for."""

    async def visit() -> None:
        async with open_pool(tmp_path, room=2) as pool:
            for site in (A, B, A, C):
                await pool.text(site)
            await pool.settled()
            a, b, c = watcher.started
            assert watcher.stopped == [b]
            assert watcher.running == [a, c]
            assert await pool.text(B) == "B 1"
            await pool.settled()
            assert watcher.stopped == [b, a]

    asyncio.run(visit())


@pytest.mark.usefixtures("rows_route")
def test_who_is_still_reading_is_not_cut_off(tmp_path: Path, watcher: Watcher) -> None:
    """A stream holds its Datasette however long it takes; then it makes way."""

    async def visit() -> None:
        async with open_pool(tmp_path, room=1) as pool:
            async with pool.lease(A) as app:
                reader = SlowReader(app, "/-/rows")
                assert await reader.read() == b"1 A 1\n"
                for site in (B, C, D):
                    assert await pool.text(site) == f"{site.name} 1"
                await pool.settled()
                # One is kept besides: room for one, and one that is in use.
                assert len(watcher.running) <= 2
                assert watcher.started[0] in watcher.running
                assert await reader.rest() == b"1 A 1\n2 A 2\n3 A 3\n"
            await pool.settled()
            assert len(watcher.running) == 1

    asyncio.run(visit())


def test_what_is_in_use_makes_way_when_it_is_not(tmp_path: Path, watcher: Watcher) -> None:
    """While all are in use there are more than there is room for, and not a moment longer."""

    async def visit() -> None:
        async with open_pool(tmp_path, room=1) as pool:
            async with pool.lease(A), pool.lease(B), pool.lease(C):
                await pool.settled()
                assert len(watcher.running) == 3
            await pool.settled()
            assert len(watcher.running) == 1

    asyncio.run(visit())


def test_all_are_served_where_there_is_room_for_one(tmp_path: Path, watcher: Watcher) -> None:
    """Nobody loses a Datasette between its start and the request that waited for it."""

    async def visit() -> None:
        async with open_pool(tmp_path, room=1) as pool:

            async def read(site: RegisteredSite) -> None:
                assert await pool.text(site) == f"{site.name} 1"

            await asyncio.gather(*(read(site) for _ in range(10) for site in SITES))
            await pool.settled()
            assert len(watcher.running) == 1

    asyncio.run(visit())

    assert len(watcher.stopped) == len(watcher.started)


def test_what_nobody_asks_for_is_let_go(tmp_path: Path, watcher: Watcher) -> None:
    """A replaced file and a site that is no longer registered, without a request for either."""
    registered = {site.subdomain: site for site in (A, B, D)}

    async def find(subdomain: str) -> RegisteredSite | None:
        return registered.get(subdomain)

    async def visit() -> None:
        async with open_pool(tmp_path) as pool:
            # Lets go of none of the broken ones' notes, and says nothing of them.
            (tmp_path / "d.ca" / "meetings.db").write_bytes(b"broken")
            with pytest.raises(SiteUnavailableError):
                await pool.text(D)
            for site in (A, B, C):
                await pool.text(site)
            a, b, c = watcher.started
            put(tmp_path, A, "A anew")
            sweep = asyncio.create_task(pool.sweep(find, every=0.01))
            await watcher.until_stopped(2)
            await asyncio.sleep(0.05)
            sweep.cancel()
            assert watcher.running == [b]
            assert sorted(map(id, watcher.stopped)) == sorted(map(id, [a, c]))

    asyncio.run(asyncio.wait_for(visit(), 20))
