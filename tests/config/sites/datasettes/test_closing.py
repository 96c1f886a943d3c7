import asyncio
import gc
import os
import tempfile
import threading
from pathlib import Path

import pytest

from config.sites.directory import RegisteredSite
from tests.config.sites.datasettes.plugins import Watcher
from tests.config.sites.datasettes.support import ALAMEDA, ASHLAND, open_pool, put
from tests.support.waiting import PATIENCE

SITES = [RegisteredSite(f"{name}.ca", name, "CA") for name in "abc"]


def _resources() -> tuple[int, int]:
    """Threads and open files."""
    gc.collect()
    # Python's own pool for blocking calls grows up to its limit when it is busy.
    threads = [thread for thread in threading.enumerate() if "asyncio_" not in thread.name]
    return len(threads), len(os.listdir("/proc/self/fd"))


async def _instances(wanted: int) -> int:
    """How many Datasettes are in memory, as soon as it is the number that is wanted."""
    for _ in range(1000):
        gc.collect()
        found = sum(type(thing).__name__ == "_SiteDatasette" for thing in gc.get_objects())
        if found == wanted:
            break
        # The thread that closed the last one lets go of it a moment after it has said so.
        await asyncio.sleep(0.01)
    return found


def test_nothing_is_left_of_what_was_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No instance in memory, no thread, no open or temporary file."""
    for site in SITES:
        put(tmp_path / "sites", site)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))

    async def visit() -> None:
        usage: list[tuple[int, int]] = []
        for _ in range(2):
            async with open_pool(tmp_path / "sites", room=1) as pool:
                for number in range(12):
                    await pool.text(SITES[number % 3])
                await pool.settled()
                assert await _instances(1) == 1
                # One internal database, in use.
                assert len(list(temporary.glob("*/*.db"))) == 1
            assert list(temporary.iterdir()) == []
            usage.append(_resources())
        # Less, where an earlier test had left something.
        (threads, files), (threads_after, files_after) = usage
        assert threads_after <= threads
        assert files_after <= files

    asyncio.run(visit())


def test_closing_waits_for_a_query_without_holding_up_anyone(
    tmp_path: Path, watcher: Watcher
) -> None:
    """Datasette joins its threads when it closes; others are served meanwhile."""
    for site in (ALAMEDA, ASHLAND):
        put(tmp_path, site)
    loop: asyncio.AbstractEventLoop
    running: asyncio.Event
    may_end = threading.Event()

    def slow(_connection: object) -> bool:
        loop.call_soon_threadsafe(running.set)
        return may_end.wait(PATIENCE)

    async def visit() -> None:
        nonlocal loop, running
        loop, running = asyncio.get_running_loop(), asyncio.Event()
        async with open_pool(tmp_path, room=1) as pool:
            await pool.text(ALAMEDA)
            # Nobody's request: a plugin's own, or one whose visitor has left.
            query = asyncio.ensure_future(
                watcher.started[0].get_database("meetings").execute_fn(slow)
            )
            await running.wait()
            # Evicts the other, and is answered while that is closing.
            assert await pool.text(ASHLAND) == "Minutes of Ashland"
            closed = asyncio.ensure_future(pool.settled())
            for _ in range(20):
                await asyncio.sleep(0.01)
                assert await pool.text(ASHLAND) == "Minutes of Ashland"
            assert not query.done()
            assert not closed.done()
            may_end.set()
            await closed
            assert await query, "a loop that was held up would have waited in vain"

    asyncio.run(visit())
