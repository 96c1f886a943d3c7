"""An ASGI layer inside the edge: streams, WebSockets, clients who leave, failures."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import djp
from opentelemetry import baggage, trace

import telemetry

from . import faults

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]


@djp.hookimpl(trylast=True)  # type: ignore[untyped-decorator]  # djp's own
def asgi_wrapper() -> Callable[[Any], Layer]:
    return Layer


class Layer:
    """Answers for paths that begin with `/layer/`; the rest is the host's."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        path: str = scope.get("path", "")
        if scope["type"] in ("http", "websocket") and path.startswith("/layer/"):
            name = path.removeprefix("/layer/").replace("-", "_")
            await PAGES[scope["type"]][name](scope, receive, send)
        else:
            await self.app(scope, receive, send)


async def _answer(send: Send, body: bytes = b"", status: int = 200, *headers: Any) -> None:
    await send({"type": "http.response.start", "status": status, "headers": list(headers)})
    await send({"type": "http.response.body", "body": body})


async def _read_body(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


async def fails(_scope: Message, _receive: Receive, _send: Send) -> None:
    faults.fail("in the layer")


async def fails_half_way(_scope: Message, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"half", "more_body": True})
    faults.fail("half-way")


async def streams(_scope: Message, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(20):
        await send({"type": "http.response.body", "body": b"x" * 10_000, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def streams_until_left(_scope: Message, receive: Receive, send: Send) -> None:
    """Begins an answer and ends when the client has left."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"begun", "more_body": True})
    while (await receive())["type"] != "http.disconnect":
        pass


async def fails_when_left(_scope: Message, receive: Receive, _send: Send) -> None:
    """Waits for a body that its client never sends."""
    while (await receive())["type"] != "http.disconnect":
        pass
    faults.fail("after the client left")


async def reads(_scope: Message, receive: Receive, send: Send) -> None:
    await _answer(send, b"%d" % len(await _read_body(receive)))


async def no_answer(_scope: Message, _receive: Receive, _send: Send) -> None:
    pass


async def headers(_scope: Message, _receive: Receive, send: Send) -> None:
    more = [(b"set-cookie", b"session=abcdefghijklmnop"), (b"x-odd", b"\xff\xfe"), (b"x-two", b"1")]
    await _answer(send, b"headers", 418, *more, (b"x-two", b"2"))


async def context(_scope: Message, _receive: Receive, send: Send) -> None:
    """Shows which part of the client's trace context is current here."""
    current = trace.get_current_span().get_span_context()
    known = {
        "baggage": dict(baggage.get_all()),
        "tracestate": dict(current.trace_state),
        "sampled": current.trace_flags.sampled,
        "trace": telemetry.trace_id(),
    }
    await _answer(send, json.dumps(known).encode())


async def names_site(_scope: Message, _receive: Receive, send: Send) -> None:
    telemetry.set_site("layer.example")
    faults.logger.info("after the site was named")
    await _answer(send, b"named")


async def sets_failure(_scope: Message, _receive: Receive, send: Send) -> None:
    telemetry.set_failure(faults.FaultError("never raised"))
    await _answer(send, b"failed", 500)


async def echoes(_scope: Message, receive: Receive, send: Send) -> None:
    """A WebSocket that repeats one message."""
    assert (await receive())["type"] == "websocket.connect"
    await send({"type": "websocket.accept"})
    message = await receive()
    await send({"type": "websocket.send", "text": message.get("text") or ""})
    await send({"type": "websocket.close", "code": 1000})


async def closes(_scope: Message, receive: Receive, send: Send) -> None:
    """A WebSocket that is refused."""
    await receive()
    await send({"type": "websocket.close", "code": 4000})


async def fails_in_websocket(_scope: Message, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    await receive()
    faults.fail("in a WebSocket")


PAGES: dict[str, dict[str, Callable[[Message, Receive, Send], Awaitable[None]]]] = {
    "http": {
        page.__name__: page
        for page in (
            *(fails, fails_half_way, streams, streams_until_left, fails_when_left, reads),
            *(no_answer, headers, context, names_site, sets_failure),
        )
    },
    "websocket": {page.__name__: page for page in (echoes, closes, fails_in_websocket)},
}
