"""Routes a request by its Host header to Django or to a site's Datasette."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress

import telemetry
from config import paths
from config.protection import protected, with_protected_cookies
from config.sites.datasettes.pool import DatasettePool, NoDatabasesError, SiteUnavailableError
from config.sites.directory import DirectoryUnavailableError, RegisteredSite, SiteDirectory
from config.sites.hosts import (
    encoded_target,
    find_root,
    find_subdomain,
    home_name,
    host_header,
    is_acceptable,
    parse_host,
)
from config.sites.responses import (
    not_found,
    redirect,
    refuse_host,
    refuse_target,
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
        https: Whether plain HTTP requests are redirected to HTTPS.
        public_port: Port that browsers use. None: that of the scheme, and without `https` the
            server's. It is never the client's, whose Host header may have any.
        started: Called once start-up is complete, also of what is around the router.
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
        public_port: int | None = None,
        started: Callable[[], object] | None = None,
    ) -> None:
        self.app = app
        self._root_domains = root_domains
        # Requests without a Host header (HTTP/1.0) go to Django, which handles them.
        self._apps_names = frozenset((*root_domains, *other_names, ""))
        self._directory = directory
        self._pool = pool
        self._https = https
        self._public_port = public_port
        self._started = started

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
        send = protected(send, scope, https=self._https)
        if scope["path"] in paths.PROBES:
            await self.app(scope, receive, send)
            return
        host = parse_host(host_header(scope["headers"]))
        if not is_acceptable(scope):
            await refuse_target()(scope, receive, send)
            return
        root = find_root(host.name, self._root_domains)
        if host.name in self._apps_names:
            await self._serve_home(host.name, scope, receive, send)
            return
        if root is None:
            await refuse_host()(scope, receive, send)
            return
        home = f"{self._origin(scope, home_name(host, self._root_domains))}/"
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
        name = f"{site.subdomain}.{root}"
        if self._is_plain(scope):
            await self._redirect_to_https(name, scope, receive, send)
            return
        send = with_protected_cookies(send, https=self._https)
        await self._serve(site, home, self._with_host(scope, name), receive, send)

    async def _serve_home(self, name: str, scope: Scope, receive: Receive, send: Send) -> None:
        if name in self._root_domains and self._is_plain(scope):
            # Django would redirect to the port that the client has sent.
            await self._redirect_to_https(name, scope, receive, send)
            return
        await self.app(self._with_host(scope, name) if name else scope, receive, send)

    def _is_plain(self, scope: Scope) -> bool:
        return self._https and scope.get("scheme") != "https"

    async def _redirect_to_https(
        self, name: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        location = f"{self._origin(scope, name)}{encoded_target(scope)}"
        await redirect(location, status=301)(scope, receive, send)

    def _origin(self, scope: Scope, name: str) -> str:
        """The address of one of our names, of what is configured and nothing that was sent."""
        scheme = "https" if self._https or scope.get("scheme") == "https" else "http"
        return f"{scheme}://{name}{self._port(scope, scheme)}"

    def _port(self, scope: Scope, scheme: str) -> str:
        port = self._public_port
        if port is None and scheme == "http":
            port = (scope.get("server") or ("", None))[1]
        return "" if port in (None, 443 if scheme == "https" else 80) else f":{port}"

    def _with_host(self, scope: Scope, name: str) -> Scope:
        """The scope with our own name and port as its Host, from which applications make links."""
        scheme = "https" if scope.get("scheme") == "https" else "http"
        host = f"{name}{self._port(scope, scheme)}".encode("latin-1")
        headers = [(key, host if key == b"host" else value) for key, value in scope["headers"]]
        return {**scope, "headers": headers}

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
                if self._started is not None:
                    self._started()
            elif message["type"] == "lifespan.shutdown":
                if sweep is not None:
                    sweep.cancel()
                    with suppress(asyncio.CancelledError):
                        await sweep
                await self._pool.close()
                await send({"type": "lifespan.shutdown.complete"})
                return
