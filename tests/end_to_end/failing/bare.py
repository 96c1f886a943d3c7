"""A bare ASGI application that fails: neither Django nor Datasette."""

from __future__ import annotations

from typing import TYPE_CHECKING

import telemetry
from tests.end_to_end.failing import faults

if TYPE_CHECKING:
    from telemetry.scope import Message, Receive, Send


async def _app(scope: Message, _receive: Receive, send: Send) -> None:
    if scope["type"] != "http":
        raise RuntimeError("only http here")
    if scope["path"] == "/half":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
    faults.fail("bare")


telemetry.configure(default_service_name="bare")
application = telemetry.asgi_wrapper(_app)
