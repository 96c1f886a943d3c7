"""One Datasette for each site, built once and kept."""

import asyncio
import contextvars
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from datasette.app import Datasette

import telemetry
from config.asgi_types import ASGIApp
from config.sites.directory import RegisteredSite
from config.sites.files import find_databases

logger = logging.getLogger(__name__)

SETTINGS = {
    # Threads are per instance, and a host may keep hundreds of instances.
    "num_sql_threads": 2,
    "sql_time_limit_ms": 1000,
    "max_returned_rows": 1000,
    "allow_download": False,
}


class NoDatabasesError(Exception):
    """The site is registered, but there is nothing to serve yet."""


@dataclass(frozen=True)
class _Served:
    datasette: Datasette
    app: ASGIApp


class Datasettes:
    """Builds each site's Datasette on its first request and reuses it after.

    `secret` gives what a site's Datasette signs with: the same in every
    worker, or a cookie set by one would be refused by the next.
    """

    def __init__(self, sites_dir: Path, *, secret: Callable[[str], str]) -> None:
        # With rich installed, each 404 prints local variables, visitors'
        # cookies among them.
        telemetry.quiet_datasette_errors()
        self._sites_dir = sites_dir
        self._secret = secret
        self._builds: dict[str, asyncio.Task[_Served]] = {}

    async def get(self, site: RegisteredSite) -> ASGIApp:
        """The site's ASGI application. Raises NoDatabasesError if it has no data.

        Requests that arrive together await one build; a failed one is forgotten,
        so that the next request tries again.
        """
        build = self._builds.get(site.subdomain)
        if build is None:
            # In a context of its own: start-up and the background tasks begun
            # there would carry the first visitor's trace for ever.
            build = asyncio.create_task(self._build(site), context=contextvars.Context())
            self._builds[site.subdomain] = build
            build.add_done_callback(partial(self._forget_if_failed, site.subdomain))
        # Shielded: a visitor who leaves must not take the build from the others.
        return (await asyncio.shield(build)).app

    async def close(self) -> None:
        """Shut every Datasette down: plugins' hooks, background tasks, databases."""
        builds = list(self._builds.values())
        self._builds.clear()
        for result in await asyncio.gather(*map(_shut_down, builds), return_exceptions=True):
            if isinstance(result, Exception):
                logger.warning("A Datasette did not shut down cleanly", exc_info=result)

    async def _build(self, site: RegisteredSite) -> _Served:
        files = await asyncio.to_thread(find_databases, self._sites_dir, site.subdomain)
        if not files:
            raise NoDatabasesError(site.subdomain)
        datasette = Datasette(
            files=[str(path) for path in files],
            metadata={"title": f"{site.name}, {site.state}"},
            settings=SETTINGS,
            secret=self._secret(site.subdomain),
        )
        try:
            await datasette.invoke_startup()
            await datasette.start_background_tasks()
            return _Served(datasette, datasette.app())
        except BaseException:
            # Its threads and open files would outlive it otherwise.
            datasette.close()
            raise

    def _forget_if_failed(self, subdomain: str, build: asyncio.Task[_Served]) -> None:
        failed = build.cancelled() or build.exception() is not None
        if failed and self._builds.get(subdomain) is build:
            del self._builds[subdomain]


async def _shut_down(build: asyncio.Task[_Served]) -> None:
    if not build.done():
        build.cancel()
        await asyncio.wait([build])
    if not build.cancelled() and build.exception() is None:
        await build.result().datasette.invoke_shutdown()
