"""A host whose lifespan does what `LIFESPAN` says. `application` is wrapped, `bare` is not."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

import telemetry

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    Message = MutableMapping[str, Any]

MODE = os.environ.get("LIFESPAN", "unsupported")


async def _lifespan(
    receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    if MODE == "unsupported":
        raise TypeError("only http here")
    await receive()
    if MODE == "raises":
        raise RuntimeError("no database")
    if MODE == "failed":
        await send({"type": "lifespan.startup.failed", "message": "no database"})
        return
    await send({"type": "lifespan.startup.complete"})
    if MODE == "raises later":
        raise RuntimeError("no database")
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


async def bare(
    scope: Message,
    receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    """Answer every request."""
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"page", "more_body": True})
    if scope["path"] == "/slow":
        await asyncio.sleep(float(scope["query_string"]))
    await send({"type": "http.response.body", "body": b""})


telemetry.configure(default_service_name="lifespan")
application = telemetry.asgi_wrapper(bare)
