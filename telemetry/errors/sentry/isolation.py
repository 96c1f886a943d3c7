"""Isolates Sentry's scope for each request, so that tags of a host apply to one request only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sentry_sdk

if TYPE_CHECKING:
    from telemetry.scope import Message, Receive, Send


class Isolation:
    """ASGI middleware between the edge and the application.

    Sentry's ASGI middleware does this and more that telemetry does differently or
    not at all. It takes 44 microseconds a request instead of 3.
    """

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """The ASGI application."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        with sentry_sdk.isolation_scope():
            await self.app(scope, receive, send)
