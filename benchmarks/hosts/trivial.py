"""The least that an application can do."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from telemetry.scope import Receive, Scope, Send

_HEADERS = [(b"content-type", b"text/plain"), (b"content-length", b"3")]


async def trivial(_scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with a word."""
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
    await send({"type": "http.response.body", "body": b"ok\n"})
