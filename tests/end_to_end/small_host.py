"""A host that is neither Django nor Datasette: it says what it knows of its caller."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from opentelemetry import baggage, trace

import telemetry

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    Message = MutableMapping[str, Any]


async def _answer(
    scope: Message,
    _receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    if scope["type"] != "http":
        raise RuntimeError("only http here")
    state = trace.get_current_span().get_span_context().trace_state
    known = {"baggage": dict(baggage.get_all()), "tracestate": dict(state)}
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps(known).encode()})


telemetry.configure(default_service_name="small")
application = telemetry.asgi_wrapper(_answer)
