import asyncio
import logging
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest
from datasette.plugins import pm

from config.sites.datasettes.pool import NoDatabasesError, SiteUnavailableError
from tests.config.sites.datasettes.plugins import VISITOR, LifespanWatcher, Watcher
from tests.config.sites.datasettes.support import (
    ALAMEDA,
    ASHLAND,
    SlowReader,
    open_pool,
    put,
)
from tests.config.sites.support import make_database

QUERY = "http://x/meetings/-/query.json"


def test_one_datasette_a_site_is_started_and_kept(tmp_path: Path, watcher: Watcher) -> None:
    """Requests that arrive together, and all later ones, share one instance."""
    put(tmp_path, ALAMEDA)
    put(tmp_path, ASHLAND)

    async def visit() -> None:
        async with open_pool(tmp_path) as pool:
            texts = await asyncio.gather(*(pool.text(ALAMEDA) for _ in range(20)))
            texts.append(await pool.text(ALAMEDA))
            assert texts == ["Minutes of Alameda"] * 21
            assert await pool.text(ASHLAND) == "Minutes of Ashland"
            pool.later()
            assert await pool.text(ASHLAND) == "Minutes of Ashland"
            assert len(watcher.started) == 2

    asyncio.run(visit())

    assert sorted(map(id, watcher.stopped)) == sorted(map(id, watcher.started))


def test_start_up_belongs_to_nobody(tmp_path: Path, watcher: Watcher) -> None:
    """Neither start-up nor background tasks inherit the first visitor's context."""
    put(tmp_path, ALAMEDA)

    async def visit() -> None:
        VISITOR.set("the first one")
        async with open_pool(tmp_path) as pool:
            await pool.get(ALAMEDA)

    asyncio.run(visit())

    assert watcher.visitors == ["nobody", "nobody"]


def test_a_visitor_who_leaves_takes_nothing_along(tmp_path: Path, watcher: Watcher) -> None:
    """Cancelling the request that began the start-up doesn't cancel it."""
    put(tmp_path, ALAMEDA)

    async def visit() -> None:
        async with open_pool(tmp_path) as pool:
            first = asyncio.create_task(pool.text(ALAMEDA))
            second = asyncio.create_task(pool.text(ALAMEDA))
            await asyncio.sleep(0)
            first.cancel()
            assert await second == "Minutes of Alameda"
            assert first.cancelled()
            # Nobody holds it any more: it can be evicted.
            assert await pool.text(ALAMEDA) == "Minutes of Alameda"

    asyncio.run(visit())

    assert len(watcher.started) == 1


def test_every_database_is_served_as_the_sites_own(tmp_path: Path) -> None:
    """The main one first, under the site's title and description; none can be downloaded."""
    for name in ("meetings.db", "a/budget.db", "elections.db"):
        make_database(tmp_path / "alameda.ca" / name)

    async def visit() -> None:
        async with open_pool(tmp_path) as pool:
            listed = (await pool.get(ALAMEDA, "http://x/-/databases.json")).json()["databases"]
            assert [found["name"] for found in listed] == ["meetings", "budget", "elections"]
            page = (await pool.get(ALAMEDA, "http://x/")).text
            assert "<title>Alameda, CA" in page
            assert "Agendas and minutes of public meetings in Alameda" in page
            assert (await pool.get(ALAMEDA, "http://x/meetings.db")).status_code == 403
            stream = "http://x/meetings/minutes.csv?_stream=on"
            assert (await pool.get(ALAMEDA, stream)).status_code == 400
            settings = (await pool.get(ALAMEDA, "http://x/-/settings.json")).json()
            # Literals: upstream's.
            assert settings["sql_time_limit_ms"] == 3000
            assert settings["max_returned_rows"] == 1000
            assert settings["default_page_size"] == 100

    asyncio.run(visit())


def test_a_query_is_cut_off(tmp_path: Path) -> None:
    """By time and by rows, whatever a visitor writes."""
    put(tmp_path, ALAMEDA)
    numbers = "with recursive n(i) as (select 1 union all select i + 1 from n)"

    async def visit() -> None:
        async with open_pool(tmp_path) as pool:

            async def ask(sql: str) -> httpx.Response:
                return await pool.get(ALAMEDA, f"{QUERY}?{urlencode({'sql': sql})}")

            endless = await ask(f"{numbers} select sum(i) from n")
            assert endless.status_code == 400
            assert "SQL query took too long" in endless.text
            many = (await ask(f"{numbers} select i from n")).json()
            assert (len(many["rows"]), many["truncated"]) == (1000, True)

    asyncio.run(visit())


def test_a_site_without_databases_is_looked_at_again(tmp_path: Path) -> None:
    """Data that arrives later is served without a restart."""

    async def visit() -> None:
        async with open_pool(tmp_path) as pool:
            for _ in range(2):
                with pytest.raises(NoDatabasesError):
                    await pool.get(ALAMEDA)
            put(tmp_path, ALAMEDA)
            pool.later()
            assert await pool.text(ALAMEDA) == "Minutes of Alameda"

    asyncio.run(visit())


def test_a_failed_start_is_tried_again(
    tmp_path: Path, watcher: Watcher, caplog: pytest.LogCaptureFixture
) -> None:
    """All who waited learn of the failure; a second later it is tried afresh, not before."""
    put(tmp_path, ALAMEDA)
    watcher.error = RuntimeError("out of order")

    async def visit() -> None:
        async with open_pool(tmp_path) as pool:
            waiting = [pool.get(ALAMEDA) for _ in range(3)]
            results = await asyncio.gather(*waiting, return_exceptions=True)
            assert [type(result) for result in results] == [SiteUnavailableError] * 3
            pool.later(0.6)
            with pytest.raises(SiteUnavailableError, match="RuntimeError: out of order"):
                await pool.get(ALAMEDA)
            assert len(watcher.started) == 1
            pool.later(0.6)
            with pytest.raises(SiteUnavailableError):
                await pool.get(ALAMEDA)
            assert len(watcher.started) == 2
            watcher.error = None
            pool.later(1.1)
            assert await pool.text(ALAMEDA) == "Minutes of Alameda"

    asyncio.run(visit())

    [record] = [found for found in caplog.records if found.levelno >= logging.WARNING]
    assert "alameda.ca" in record.getMessage()
    assert record.exc_info is not None
    assert "RuntimeError" in str(record.exc_info[1].__class__)


def test_a_plugins_own_wrapper_has_a_lifespan(tmp_path: Path) -> None:
    """As under Datasette's own server: some open their resources there."""
    put(tmp_path, ALAMEDA)
    plugin = LifespanWatcher()
    pm.register(plugin)

    async def visit() -> None:
        async with open_pool(tmp_path) as pool, pool.lease(ALAMEDA):
            # Before the first request.
            assert plugin.seen == ["lifespan.startup"]

    try:
        asyncio.run(visit())
    finally:
        pm.unregister(plugin)

    assert plugin.seen == ["lifespan.startup", "lifespan.shutdown"]


def test_a_wrapper_that_refuses_to_start_leaves_nothing(tmp_path: Path, watcher: Watcher) -> None:
    """The background tasks, which run by then, are ended with all else."""
    put(tmp_path, ALAMEDA)
    plugin = LifespanWatcher()
    plugin.error = RuntimeError("no room")
    pm.register(plugin)

    async def visit() -> None:
        async with open_pool(tmp_path) as pool:
            with pytest.raises(SiteUnavailableError, match="no room"):
                await pool.get(ALAMEDA)
            assert watcher.stopped == watcher.started
            assert watcher.cancelled == watcher.started

    try:
        asyncio.run(visit())
    finally:
        pm.unregister(plugin)

    assert len(watcher.started) == 1


def test_each_site_signs_with_its_own_secret(tmp_path: Path, watcher: Watcher) -> None:
    """What one worker signs another accepts, and another site does not."""
    for site in (ALAMEDA, ASHLAND):
        put(tmp_path, site)

    async def sign() -> None:
        async with open_pool(tmp_path) as pool:
            await pool.get(ALAMEDA)
            await pool.get(ASHLAND)
        async with open_pool(tmp_path) as pool:
            await pool.get(ALAMEDA)

    asyncio.run(sign())

    first, other, again = (datasette.sign("x") for datasette in watcher.started)
    assert first == again
    assert first != other


def test_templates_are_compiled_once_for_all_sites(tmp_path: Path, watcher: Watcher) -> None:
    """A second site's first page runs the code that was compiled for the first."""
    put(tmp_path, ALAMEDA)
    put(tmp_path, ASHLAND)

    async def visit() -> None:
        async with open_pool(tmp_path) as pool:
            for site in (ALAMEDA, ASHLAND):
                assert (await pool.get(site, "http://x/meetings")).status_code == 200

    asyncio.run(visit())

    environments = [datasette.get_jinja_environment() for datasette in watcher.started]
    assert environments[0] is not environments[1]
    codes = [
        environment.get_template("database.html").root_render_func.__code__
        for environment in environments
    ]
    assert codes[0] is codes[1]


def test_a_closed_pool_serves_nobody(tmp_path: Path, watcher: Watcher) -> None:
    """Not even a site that it had, and whoever still reads does not keep the process."""
    put(tmp_path, ALAMEDA)

    async def visit() -> None:
        async with open_pool(tmp_path) as pool:
            leased = pool.lease(ALAMEDA)
            app = await leased.__aenter__()
            reader = SlowReader(app, "/meetings/minutes.json")
            await pool.close()
            assert watcher.stopped == watcher.started
            assert watcher.cancelled == watcher.started
            pool.later()
            with pytest.raises(SiteUnavailableError, match="stopping"):
                await pool.get(ALAMEDA)
            await reader.rest()
            await leased.__aexit__(None, None, None)

    asyncio.run(visit())


def test_datasettes_own_client_works(tmp_path: Path, watcher: Watcher) -> None:
    """A plugin's `datasette.client` is answered by the same instance."""
    put(tmp_path, ALAMEDA)

    async def visit() -> None:
        async with open_pool(tmp_path) as pool, pool.lease(ALAMEDA):
            answer = await watcher.started[0].client.get("/meetings/minutes/1.json?_shape=array")
            assert answer.json()[0]["text"] == "Minutes of Alameda"
            assert len(watcher.started) == 1

    asyncio.run(visit())
