"""A plain ASGI application, for what holds of every server and framework."""

from __future__ import annotations

import logging.config
from typing import TYPE_CHECKING, Any

from opentelemetry import trace

import telemetry
from tests.end_to_end.contract_failures import FAILURES

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]

telemetry.configure(default_service_name="contract")
logging.config.dictConfig(telemetry.logging_config())


async def _application(scope: Message, _receive: Receive, send: Send) -> None:
    if scope["type"] != "http":
        raise RuntimeError("only http here")
    telemetry.set_site("alameda.ca")
    path = scope["path"].removeprefix(scope["root_path"])
    _, kind, *rest = path.split("/")
    # As docs/guides/asgi.md has it.
    trace.get_current_span().set_attribute("http.route", f"/{kind}/{{name}}")
    start: Message = {"type": "http.response.start", "status": 200, "headers": []}
    if kind == "fails":
        raise FAILURES[rest[0]]()
    if kind == "nothing":
        return
    await send(start)
    await send({"type": "http.response.body", "body": path.encode(), "more_body": True})
    if kind == "stream":
        raise FAILURES[rest[0]]()
    if kind != "half":
        await send({"type": "http.response.body", "body": b""})


application = telemetry.asgi_wrapper(_application)
