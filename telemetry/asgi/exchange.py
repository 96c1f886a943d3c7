"""The messages of one request, between the server and the application."""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import TYPE_CHECKING

from telemetry.request import ids_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry.request import RequestRecord
    from telemetry.scope import Message, Receive, Send

TRACE_RESPONSE = b"traceresponse"
MAX_BODY = 65_536
"""Bytes of a request's body that are kept until the request has ended."""

# A body, and ASGI's extensions that take its place. Only the server knows how long a file is.
_BODIES = ("http.response.body", "http.response.pathsend", "http.response.zerocopysend")


class Exchange:
    """Wraps ``receive`` and ``send``, and records the status, sizes, waits and disconnects."""

    __slots__ = (
        "_on_receive",
        "_on_send",
        "_receive",
        "_request_received",
        "_send",
        "_server_timing",
        "body_size",
        "complete",
        "received",
        "record",
        "status",
        "waited",
    )

    def __init__(
        self,
        record: RequestRecord,
        receive: Receive,
        send: Send,
        *,
        server_timing: bool = False,
        on_receive: Callable[[Message], None] | None = None,
        on_send: Callable[[Message], None] | None = None,
    ) -> None:
        self.record = record
        self.status: int | None = None
        self.complete = False
        # Bytes of the response's and the request's body.
        self.body_size = 0
        self.received = 0
        # Seconds spent waiting for the client to send its body or to accept the response.
        self.waited = 0.0
        # Whether the whole request has been received. After that, `receive` waits for a
        # disconnect, which is not counted in `waited`.
        self._request_received = False
        self._receive = receive
        self._send = send
        self._server_timing = server_timing
        # None unless headers are captured or propagated, or a hook is set.
        self._on_receive = on_receive
        self._on_send = on_send

    async def receive(self) -> Message:
        """Receive the next message from the server."""
        if self._request_received:
            message = await self._receive()
        else:
            began = perf_counter()
            message = await self._receive()
            self.waited += perf_counter() - began
            self._request_received = not message.get("more_body", False)
        if message["type"] == "http.request":
            if not self.received:
                # The same object, unless it is longer.
                self.record.body = message.get("body", b"")[:MAX_BODY]
            self.received += len(message.get("body", b""))
        elif message["type"] in ("http.disconnect", "websocket.disconnect"):
            # After a complete response, a disconnect only marks the end of the request.
            if not self.complete and message["type"] == "http.disconnect":
                self.record.outcome = "disconnected"
            self.complete = True
        if self._on_receive is not None:
            self._on_receive(message)
        return message

    async def send(self, message: Message) -> None:
        """Send a message of the application to the server."""
        kind = message["type"]
        if kind in ("http.response.start", "websocket.http.response.start"):
            self.status = message["status"]
            message = self._with_trace(message)
        elif kind in _BODIES:
            self.body_size += len(message.get("body", b""))
            if not message.get("more_body", False) and self.record.outcome != "disconnected":
                self.complete = True
        elif kind == "websocket.accept":
            self.status = 101
            message = self._with_trace(message)
        elif kind == "websocket.close":
            self.complete = True
            # Closed before it was accepted: the server responds with 403 (ASGI specification).
            self.status = self.status or 403
        if self._on_send is not None:
            self._on_send(message)
        began = perf_counter()
        try:
            await self._send(message)
        except OSError:
            # ASGI 2.4: a server raises OSError when the client has disconnected.
            self.record.outcome = "disconnected"
            raise
        finally:
            self.waited += perf_counter() - began

    def _with_trace(self, message: Message) -> Message:
        ids = ids_of(self.record)
        if ids is None:
            return message
        # W3C Trace Context Level 2, section 4. A copy: the application may reuse its message.
        value = f"00-{ids[0]}-{ids[1]}-{ids[2]}"
        headers = [*message.get("headers", ())]
        if self._server_timing:
            headers += _server_timing(value)
        headers.append((TRACE_RESPONSE, value.encode()))
        return {**message, "headers": headers}

    def ended(self, error: BaseException | None) -> BaseException | None:
        """Set the outcome; return the application's error, or None if the client disconnected."""
        record = self.record
        if isinstance(error, asyncio.CancelledError):
            # The server cancels the task. After a complete response nothing is lost.
            error = None
            if not self.complete:
                record.outcome = "disconnected"
        if record.outcome == "disconnected":
            return None
        failure = error or record.failure
        if error is not None or (self.status is not None and self.status >= 500):
            record.outcome = "error"
        return failure


def _server_timing(value: str) -> list[tuple[bytes, bytes]]:
    """Return the header that agents in browsers read the trace from, and what lets them read it.

    Source: Splunk's browser agent, which takes no other flags than ``01``. W3C Trace Context
    Level 2 has a second one, which says that the id is random.
    """
    known = f"{value[:-2]}{int(value[-2:], 16) & 1:02x}"
    return [
        (b"server-timing", f'traceparent;desc="{known}"'.encode()),
        (b"access-control-expose-headers", b"Server-Timing"),
    ]
