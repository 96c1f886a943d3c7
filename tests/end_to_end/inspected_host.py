"""The host, and a page that says what its process has loaded and started."""

from __future__ import annotations

from typing import TYPE_CHECKING

from config.asgi import application as host
from tests.end_to_end.inspection import PATH, send_inspection

if TYPE_CHECKING:
    from telemetry.scope import Message, Receive, Send


async def application(scope: Message, receive: Receive, send: Send) -> None:
    """Answer `/_inspect`; the rest is the host's."""
    if scope["type"] == "http" and scope["path"] == PATH:
        await send_inspection(send)
    else:
        await host(scope, receive, send)
