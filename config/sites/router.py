"""Sends a request to its site's Datasette or to Django, by the Host header."""

from collections.abc import Sequence

import telemetry
from config.asgi_types import ASGIApp, Receive, Scope, Send
from config.sites.datasettes import Datasettes, NoDatabasesError
from config.sites.directory import RegisteredSite, SiteDirectory
from config.sites.hosts import find_root, find_subdomain, home_address, host_header, parse_host
from config.sites.responses import not_found, redirect, refuse_websocket


class SubdomainRouter:
    """Answers `SUBDOMAIN.ROOT` with that site's Datasette, all else with `app`.

    Lifespan is answered here: Django raises on it, and the Datasettes have to
    be closed by somebody.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        root_domains: Sequence[str],
        directory: SiteDirectory,
        datasettes: Datasettes,
    ) -> None:
        self.app = app
        self._root_domains = root_domains
        self._directory = directory
        self._datasettes = datasettes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] in ("http", "websocket"):
            app = await self._choose(scope)
            await app(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    async def _choose(self, scope: Scope) -> ASGIApp:
        host = parse_host(host_header(scope["headers"]))
        root = find_root(host.name, self._root_domains)
        is_websocket = scope["type"] == "websocket"
        if root is None or host.name == root:
            # Django raises on a websocket, and its log would be a stranger's to fill.
            return refuse_websocket if is_websocket else self.app
        home = f"{scope.get('scheme', 'http')}://{home_address(host, self._root_domains)}/"
        site = await self._directory.find(find_subdomain(host.name, root))
        if site is None:
            telemetry.set_outcome("unknown_site")
            return refuse_websocket if is_websocket else redirect(home)
        return await self._site_app(site, home, is_websocket)

    async def _site_app(self, site: RegisteredSite, home: str, is_websocket: bool) -> ASGIApp:
        telemetry.set_site(site.subdomain)
        try:
            return await self._datasettes.get(site)
        except NoDatabasesError:
            if is_websocket:
                return refuse_websocket
            text = "This site has no documents yet. Please come back later."
            return not_found(f"{site.name}, {site.state}", text, home)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self._datasettes.close()
                await send({"type": "lifespan.shutdown.complete"})
                return
