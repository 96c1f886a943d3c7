"""The host, and a page that says what its process has loaded and started."""

from __future__ import annotations

import json
import sys
import threading
from typing import TYPE_CHECKING, Any

from config.asgi import application as host

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]


async def application(scope: Message, receive: Receive, send: Send) -> None:
    """Answer `/_inspect`; the rest is the host's."""
    if scope["type"] != "http" or scope["path"] != "/_inspect":
        await host(scope, receive, send)
        return
    found = {
        "modules": sorted(sys.modules),
        "threads": sorted(thread.name for thread in threading.enumerate()),
    }
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps(found).encode()})
