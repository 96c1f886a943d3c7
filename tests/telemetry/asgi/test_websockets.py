"""Websockets: a span for each, named by how the handshake went, and no request counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from opentelemetry.trace import SpanKind, StatusCode

from tests.telemetry.asgi.driving import Client, run, websocket_scope
from tests.telemetry.asgi.observed import Observed

if TYPE_CHECKING:
    from telemetry.scope import Message, Receive, Send
    from tests.telemetry.asgi.driving import App

LEAVES = {"type": "websocket.disconnect", "code": 1001}


def _saying(*messages: Message) -> App:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await receive()
        for message in messages:
            await send(message)
        if messages[-1]["type"] == "websocket.accept":
            assert (await receive())["type"] == "websocket.disconnect"

    return app


async def _connect(app: App) -> None:
    client = Client({"type": "websocket.connect"}, LEAVES)
    await app(websocket_scope("/live"), client.receive, client.send)


@pytest.mark.parametrize(
    ("messages", "status"),
    [
        ([{"type": "websocket.accept"}], 101),
        ([{"type": "websocket.accept"}, {"type": "websocket.close"}], 101),
        ([{"type": "websocket.close"}], 403),
        (
            [
                {"type": "websocket.http.response.start", "status": 404, "headers": []},
                {"type": "websocket.http.response.body", "body": b""},
            ],
            404,
        ),
    ],
    ids=["accepted, client leaves", "accepted, closed", "rejected", "denied with a page"],
)
def test_the_status_is_that_of_the_handshake(messages: list[Message], status: int) -> None:
    """101 once accepted; 403 is what a server answers to a close before that (ASGI)."""
    observed = Observed(_saying(*messages))
    run(_connect(observed.edge))
    assert (observed.span.name, observed.span.kind) == ("GET", SpanKind.SERVER)
    assert observed.span.status.status_code is StatusCode.UNSET
    assert observed.attributes["http.response.status_code"] == status
    assert observed.attributes["url.scheme"] == "ws"
    assert observed.attributes["corkboard.outcome"] == "served"


def test_a_websocket_is_not_counted() -> None:
    """An hour's connection is no request duration, nor an active request."""
    observed = Observed(_saying({"type": "websocket.accept"}))
    run(_connect(observed.edge))
    assert observed.counted == 0
    assert observed.active == []


def test_an_exception_is_an_error_all_the_same() -> None:
    """Django raises on every websocket."""

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        raise ValueError("Django can only handle ASGI/HTTP connections, not websocket.")

    observed = Observed(app)
    with pytest.raises(ValueError, match="not websocket"):
        run(_connect(observed.edge))
    assert observed.span.status.status_code is StatusCode.ERROR
    assert observed.attributes["error.type"] == "ValueError"
