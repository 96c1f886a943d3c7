"""One request between the server and the application, watched from both sides."""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import TYPE_CHECKING

from opentelemetry import trace

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry.request import RequestRecord
    from telemetry.scope import Message, Receive, Send

TRACE_RESPONSE = b"traceresponse"


class Exchange:
    """Stands in for ``receive`` and ``send``: learns the status, and whether the client left."""

    __slots__ = (
        "_asked",
        "_on_receive",
        "_on_send",
        "_receive",
        "_send",
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
        on_receive: Callable[[Message], None] | None = None,
        on_send: Callable[[Message], None] | None = None,
    ) -> None:
        self.record = record
        self.status: int | None = None
        self.complete = False
        # Bytes of bodies.
        self.body_size = 0
        self.received = 0
        # Seconds, for the client: to send its body, or to take what it was sent.
        self.waited = 0.0
        # Whether all of the request is here; what is awaited then is that the client leaves.
        self._asked = False
        self._receive = receive
        self._send = send
        # None unless headers are captured, propagated back or hooked: most hosts pay nothing.
        self._on_receive = on_receive
        self._on_send = on_send

    async def receive(self) -> Message:
        """The server's next message."""
        if self._asked:
            message = await self._receive()
        else:
            began = perf_counter()
            message = await self._receive()
            self.waited += perf_counter() - began
            self._asked = not message.get("more_body", False)
        if message["type"] == "http.request":
            self.received += len(message.get("body", b""))
        elif message["type"] in ("http.disconnect", "websocket.disconnect"):
            # After the last byte a disconnect is how a server says "done".
            if not self.complete and message["type"] == "http.disconnect":
                self.record.outcome = "disconnected"
            self.complete = True
        if self._on_receive is not None:
            self._on_receive(message)
        return message

    async def send(self, message: Message) -> None:
        """The application's next message."""
        kind = message["type"]
        if kind in ("http.response.start", "websocket.http.response.start"):
            self.status = message["status"]
            message = self._with_trace(message)
        elif kind == "http.response.body":
            self.body_size += len(message.get("body", b""))
            if not message.get("more_body", False) and self.record.outcome != "disconnected":
                self.complete = True
        elif kind == "websocket.accept":
            self.status = 101
        elif kind == "websocket.close":
            self.complete = True
            # Closed before it was accepted: the server answers 403 (ASGI specification).
            self.status = self.status or 403
        if self._on_send is not None:
            self._on_send(message)
        began = perf_counter()
        try:
            await self._send(message)
        except OSError:
            # ASGI 2.4: a server raises OSError when the client is gone.
            self.record.outcome = "disconnected"
            raise
        finally:
            self.waited += perf_counter() - began

    def _with_trace(self, message: Message) -> Message:
        context = self.record.span.get_span_context()
        if not context.is_valid:
            return message
        # W3C Trace Context Level 2, section 4. A copy: the application may keep its own.
        value = (
            f"00-{trace.format_trace_id(context.trace_id)}-"
            f"{trace.format_span_id(context.span_id)}-{context.trace_flags:02x}"
        )
        headers = [*message.get("headers", ()), (TRACE_RESPONSE, value.encode())]
        return {**message, "headers": headers}

    def ended(self, error: BaseException | None) -> BaseException | None:
        """How it ended: sets the outcome, and returns the error that is the application's own."""
        record = self.record
        if isinstance(error, asyncio.CancelledError):
            # The server's doing. After the last byte the visitor has it all.
            error = None
            if not self.complete:
                record.outcome = "disconnected"
        if record.outcome == "disconnected":
            return None
        failure = error or record.failure
        if error is not None or (self.status is not None and self.status >= 500):
            record.outcome = "error"
        return failure
