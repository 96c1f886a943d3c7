"""The design that this project started from: Logfire and Sentry, configured as in its snippets.

Those snippets are calls in the host's files. Here they wrap the host, at the
same stages of a request.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import logfire
import sentry_sdk
from sentry_sdk.integrations.asgi import SentryAsgiMiddleware

from benchmarks.hosts.control import with_control
from benchmarks.hosts.root import build
from benchmarks.hosts.variables import RECEIVER, SENTRY_SINK

if TYPE_CHECKING:
    from telemetry.scope import ASGIApp, Receive, Scope, Send


def _with_datasette_span(app: ASGIApp) -> ASGIApp:
    """Wrap an application in the span that the seed starts in the router for a subdomain."""
    from django.conf import settings

    from config.sites.hosts import find_root, find_subdomain, host_header, parse_host

    async def spanned(scope: Scope, receive: Receive, send: Send) -> None:
        subdomain = ""
        if scope["type"] == "http":
            host = parse_host(host_header(scope["headers"]))
            root = find_root(host.name, settings.ROOT_DOMAINS)
            subdomain = find_subdomain(host.name, root) if root else ""
        if not subdomain:
            await app(scope, receive, send)
            return
        with logfire.span(
            "datasette_request",
            subdomain=subdomain,
            path=scope.get("path", ""),
            method=scope.get("method", "GET"),
        ):
            await app(scope, receive, send)

    return spanned


def _build() -> ASGIApp:
    sentry_sdk.init(
        dsn=os.environ[SENTRY_SINK],
        environment="production",
        release="development",
        traces_sample_rate=0.1,
    )
    # Its console output is on by default, and the seed does not disable it.
    logfire.configure(
        token="benchmark",
        advanced=logfire.AdvancedOptions(base_url=os.environ[RECEIVER]),
    )
    # In the settings, where the seed has this call, it crashes the host.
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    logfire.instrument_django()
    # Sentry's middleware declares other ASGI types.
    observed: ASGIApp = SentryAsgiMiddleware(_with_datasette_span(build()))

    def flush() -> None:
        logfire.DEFAULT_LOGFIRE_INSTANCE.config.get_tracer_provider().force_flush()
        sentry_sdk.flush()

    return with_control(observed, flush)


application = _build()
