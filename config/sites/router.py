"""Routes a request by its Host header to Django or to a site's Datasette."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from urllib.parse import quote

import telemetry
from config import paths
from config.sites.datasettes.pool import DatasettePool, NoDatabasesError, SiteUnavailableError
from config.sites.directory import DirectoryUnavailableError, RegisteredSite, SiteDirectory
from config.sites.hosts import (
    Host,
    find_root,
    find_subdomain,
    home_address,
    host_header,
    parse_host,
)
from config.sites.responses import (
    not_found,
    redirect,
    refuse_host,
    refuse_websocket,
    unavailable,
)
from telemetry.scope import ASGIApp, Receive, Scope, Send


class SubdomainRouter:
    """Answers `SUBDOMAIN.ROOT` with that site's Datasette, all else with `app`.

    Lifespan is handled here: Django raises an exception for it, and the Datasettes
    must be closed.

    Args:
        app: Serves the root domains themselves, and `/health/` for any Host, since a
            health check uses an address and no name.
        other_names: Further hosts of `app`. Other names are refused.
        https: Whether plain HTTP requests to a site are redirected to HTTPS.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        root_domains: Sequence[str],
        other_names: Sequence[str],
        directory: SiteDirectory,
        pool: DatasettePool,
        https: bool,
    ) -> None:
        self.app = app
        self._root_domains = root_domains
        # Requests without a Host header (HTTP/1.0) go to Django, which handles them.
        self._apps_names = frozenset((*root_domains, *other_names, ""))
        self._directory = directory
        self._pool = pool
        self._https = https

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            # Neither Django nor Datasette supports it. Both would raise an exception, with
            # which any client could fill the log.
            await refuse_websocket(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        host = parse_host(host_header(scope["headers"]))
        if host.name in self._apps_names or scope["path"] in paths.PROBES:
            await self.app(scope, receive, send)
            return
        root = find_root(host.name, self._root_domains)
        if root is None:
            await refuse_host()(scope, receive, send)
            return
        home = f"{scope.get('scheme', 'http')}://{home_address(host, self._root_domains)}/"
        try:
            site = await self._directory.find(find_subdomain(host.name, root))
        except DirectoryUnavailableError as error:
            telemetry.set_failure(error)
            text = "This page can't be shown at the moment. Please try again in a while."
            await unavailable("Out of order", text, home)(scope, receive, send)
            return
        if site is None:
            telemetry.set_outcome("unknown_site")
            await redirect(home)(scope, receive, send)
            return
        telemetry.set_site(site.subdomain)
        if self._https and scope.get("scheme") == "http":
            await redirect(_https_location(scope, host), status=301)(scope, receive, send)
            return
        await self._serve(site, home, scope, receive, send)

    async def _serve(
        self, site: RegisteredSite, home: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        try:
            async with self._pool.lease(site) as app:
                await app(scope, receive, send)
        except NoDatabasesError:
            text = "This site has no documents yet. Please come back later."
            await not_found(site.title, text, home)(scope, receive, send)
        except SiteUnavailableError as error:
            telemetry.set_failure(error)
            text = "The documents of this site can't be shown at the moment. Please try again soon."
            await unavailable(site.title, text, home)(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        sweep: asyncio.Task[None] | None = None
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                sweep = asyncio.create_task(self._pool.sweep(self._directory.find))
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                if sweep is not None:
                    sweep.cancel()
                    with suppress(asyncio.CancelledError):
                        await sweep
                await self._pool.close()
                await send({"type": "lifespan.shutdown.complete"})
                return


def _https_location(scope: Scope, host: Host) -> str:
    # As in Django's redirect: the same host and port, and the path as it was encoded.
    path: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
    query: bytes = scope.get("query_string") or b""
    target = path + b"?" + query if query else path
    return f"https://{host.name}{host.suffix}{target.decode('latin-1')}"
