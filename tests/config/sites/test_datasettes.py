import asyncio
import contextvars
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from datasette import hookimpl
from datasette.app import Datasette
from datasette.plugins import pm

from config.sites.datasettes import Datasettes, NoDatabasesError
from config.sites.directory import RegisteredSite
from tests.config.sites.support import get, make_database

ALAMEDA = RegisteredSite("alameda.ca", "Alameda", "CA")
ASHLAND = RegisteredSite("ashland.or", "Ashland", "OR")
VISITOR: contextvars.ContextVar[str] = contextvars.ContextVar("visitor", default="nobody")


class Watcher:
    """A Datasette plugin that notes what happens to instances, and to whom."""

    def __init__(self) -> None:
        self.started: list[Datasette] = []
        self.stopped: list[Datasette] = []
        self.visitors: list[str] = []
        self.error: Exception | None = None

    @hookimpl  # type: ignore[untyped-decorator]  # pluggy's, through Datasette
    def startup(self, datasette: Datasette) -> None:
        self.started.append(datasette)
        self.visitors.append(VISITOR.get())
        if self.error:
            raise self.error

        async def background(_datasette: Datasette) -> None:
            self.visitors.append(VISITOR.get())

        datasette.add_background_task(background)

    @hookimpl  # type: ignore[untyped-decorator]  # pluggy's, through Datasette
    def shutdown(self, datasette: Datasette) -> None:
        self.stopped.append(datasette)


@pytest.fixture
def watcher() -> Iterator[Watcher]:
    watcher = Watcher()
    pm.register(watcher)
    yield watcher
    pm.unregister(watcher)


def _datasettes(sites_dir: Path) -> Datasettes:
    return Datasettes(sites_dir, secret=lambda subdomain: f"secret of {subdomain}")


def test_one_datasette_a_site_is_built_and_kept(tmp_path: Path, watcher: Watcher) -> None:
    """Requests that arrive together, and all later ones, share one instance."""
    make_database(tmp_path / "alameda.ca" / "meetings.db")
    make_database(tmp_path / "ashland.or" / "meetings.db")

    async def visit() -> None:
        datasettes = _datasettes(tmp_path)
        apps = await asyncio.gather(*(datasettes.get(ALAMEDA) for _ in range(20)))
        apps.append(await datasettes.get(ALAMEDA))
        assert all(app is apps[0] for app in apps)
        assert await datasettes.get(ASHLAND) is not apps[0]
        await datasettes.close()

    asyncio.run(visit())

    assert len(watcher.started) == 2
    assert watcher.stopped == watcher.started


def test_start_up_belongs_to_nobody(tmp_path: Path, watcher: Watcher) -> None:
    """Neither start-up nor background tasks inherit the first visitor's context."""
    make_database(tmp_path / "alameda.ca" / "meetings.db")

    async def visit() -> None:
        VISITOR.set("the first one")
        datasettes = _datasettes(tmp_path)
        await get(await datasettes.get(ALAMEDA), "http://alameda.ca.localhost/")
        await datasettes.close()

    asyncio.run(visit())

    assert watcher.visitors == ["nobody", "nobody"]


def test_a_visitor_who_leaves_takes_nothing_along(tmp_path: Path, watcher: Watcher) -> None:
    """Cancelling the request that began the build doesn't cancel the build."""
    make_database(tmp_path / "alameda.ca" / "meetings.db")

    async def visit() -> None:
        datasettes = _datasettes(tmp_path)
        first = asyncio.create_task(datasettes.get(ALAMEDA))
        second = asyncio.create_task(datasettes.get(ALAMEDA))
        await asyncio.sleep(0)
        first.cancel()
        await second
        assert first.cancelled()
        await datasettes.close()

    asyncio.run(visit())

    assert len(watcher.started) == 1


def test_every_database_is_served_under_the_sites_title(tmp_path: Path) -> None:
    """The main one is first; databases can't be downloaded."""
    for name in ("meetings.db", "a/budget.db", "elections.db"):
        make_database(tmp_path / "alameda.ca" / name)

    async def visit() -> None:
        datasettes = _datasettes(tmp_path)
        app = await datasettes.get(ALAMEDA)
        listed: list[dict[str, Any]] = (await get(app, "http://x/-/databases.json")).json()[
            "databases"
        ]
        assert [database["name"] for database in listed] == ["meetings", "budget", "elections"]
        assert "Alameda, CA" in (await get(app, "http://x/")).text
        assert (await get(app, "http://x/meetings.db")).status_code == 403
        await datasettes.close()

    asyncio.run(visit())


def test_a_site_without_databases_is_looked_at_again(tmp_path: Path) -> None:
    """Data that arrives later is served without a restart."""

    async def visit() -> None:
        datasettes = _datasettes(tmp_path)
        for _ in range(2):
            with pytest.raises(NoDatabasesError):
                await datasettes.get(ALAMEDA)
        make_database(tmp_path / "alameda.ca" / "meetings.db")
        await datasettes.get(ALAMEDA)
        await datasettes.close()

    asyncio.run(visit())


def test_a_failed_build_is_tried_again(tmp_path: Path, watcher: Watcher) -> None:
    """All who waited learn of the failure; the next request starts afresh."""
    make_database(tmp_path / "alameda.ca" / "meetings.db")
    watcher.error = RuntimeError("out of order")

    async def visit() -> None:
        datasettes = _datasettes(tmp_path)
        waiting = [datasettes.get(ALAMEDA) for _ in range(3)]
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert results == [watcher.error] * 3
        watcher.error = None
        await datasettes.get(ALAMEDA)
        await datasettes.close()

    asyncio.run(visit())

    assert len(watcher.started) == 2


def test_each_site_signs_with_its_own_secret(tmp_path: Path, watcher: Watcher) -> None:
    """What one worker signs another accepts, and another site does not."""
    for site in (ALAMEDA, ASHLAND):
        make_database(tmp_path / site.subdomain / "meetings.db")

    async def sign() -> None:
        for site in (ALAMEDA, ASHLAND):
            datasettes = _datasettes(tmp_path)
            await datasettes.get(site)
            await datasettes.close()
        datasettes = _datasettes(tmp_path)
        await datasettes.get(ALAMEDA)
        await datasettes.close()

    asyncio.run(sign())

    first, other, again = (datasette.sign("x") for datasette in watcher.started)
    assert first == again
    assert first != other
