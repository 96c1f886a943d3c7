"""Receiver of OTLP over HTTP: `POST /v1/traces`, `/v1/metrics` and `/v1/logs`."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from datasette import Response
from google.protobuf import json_format
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from telemetry.export.decoding import JSON, MAX_BYTES, PROTOBUF, RefusedError
from telemetry.export.lenient import decode_parts
from telemetry.viewer.server import rows
from telemetry.viewer.server.values import cut

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from telemetry.viewer.server.received import Received
    from telemetry.viewer.server.rows import Rows
    from telemetry.viewer.server.store import Store

MAX_WAITING_BYTES = 2 * MAX_BYTES
"""Limit of the bodies that are in memory at once, in bytes, before they are decompressed."""
BODY_SECONDS = 10.0
"""Time in which a body must have arrived."""
_RETRY_SECONDS = "1"
_MAX_REASON = 200


class _Signal(NamedTuple):
    answer: Any
    rejected: str
    """Field of the partial success."""
    convert: Callable[..., Rows]


_SIGNALS = {
    "traces": _Signal(ExportTraceServiceResponse, "rejected_spans", rows.spans),
    "metrics": _Signal(ExportMetricsServiceResponse, "rejected_data_points", rows.metrics),
    "logs": _Signal(ExportLogsServiceResponse, "rejected_log_records", rows.logs),
}


class Receiver:
    """Datasette view for all three, for a route with the group `signal`."""

    def __init__(self, store: Store, received: Received) -> None:
        self._store = store
        self._received = received
        self.waiting = 0
        """Bytes of the bodies that are in memory now."""
        # One request is decoded at a time: each may take some hundred MB.
        self._decoding = asyncio.Lock()

    async def __call__(self, request: Any, signal: str) -> Response:
        """Store a request's items, and answer how many of them were rejected."""
        if request.method != "POST":
            return Response.text("OTLP is sent by POST.", status=405, headers={"Allow": "POST"})
        content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        encoding = request.headers.get("content-encoding", "").strip().lower()
        try:
            rejected, why = await self._receive(request, signal, content_type, encoding)
        except RefusedError as error:
            self._received.add("refused", cut(f"{error.status}: {error}", _MAX_REASON))
            return _refusal(error, content_type)
        answer = _SIGNALS[signal].answer()
        if rejected:
            setattr(answer.partial_success, _SIGNALS[signal].rejected, rejected)
            answer.partial_success.error_message = why
        if content_type == JSON:
            body = json.dumps(json_format.MessageToDict(answer))
            return Response(body, content_type=JSON)
        return Response(answer.SerializeToString(), content_type=PROTOBUF)

    async def _receive(
        self, request: Any, signal: str, content_type: str, encoding: str
    ) -> tuple[int, str]:
        with self._room(_length(request)):
            try:
                async with asyncio.timeout(BODY_SECONDS):
                    body = await _body(request)
            except TimeoutError:
                raise RefusedError(
                    408, f"the body did not arrive within {BODY_SECONDS:g} s"
                ) from None
            async with self._decoding:
                now = time.time_ns()
                # In a thread: decompressing and decoding a large body takes long.
                found, rejected = await asyncio.to_thread(
                    _rows, signal, content_type, encoding, body, now
                )
                try:
                    await self._store.add(found, now)
                except sqlite3.Error as error:
                    # A full disk, for one.
                    raise RefusedError(503, f"can't be stored: {error}") from error
        self._count(signal, found, len(body))
        for reason, count in rejected.items():
            self._received.add("refused", f"{signal}: {reason}", count)
        return sum(rejected.values()), "; ".join(sorted(rejected))

    def _count(self, signal: str, found: Rows, size: int) -> None:
        self._received.add("requests", signal)
        self._received.add("bytes", signal, size)
        for name, listed in (
            ("spans", found.spans),
            ("log records", found.logs),
            ("data points", found.points),
        ):
            if listed:
                self._received.add("items", name, len(listed))
        for row in found.odd:
            for what in {oddity.what for oddity in row["what"]}:
                self._received.add("odd", f"{row['kind']}: {what}")

    @contextmanager
    def _room(self, size: int) -> Iterator[None]:
        """Reserve memory for a body. Raises RefusedError if there is none."""
        if size > MAX_BYTES:
            raise RefusedError(413, f"more than {MAX_BYTES} bytes")
        if self.waiting + size > MAX_WAITING_BYTES:
            raise RefusedError(503, f"more than {MAX_WAITING_BYTES} bytes are being received")
        self.waiting += size
        try:
            yield
        finally:
            self.waiting -= size


def _length(request: Any) -> int:
    try:
        return max(int(request.headers.get("content-length", "")), 0)
    except ValueError:
        # Sent in chunks, of a length that is not known.
        return MAX_BYTES


async def _body(request: Any) -> bytes:
    return b"".join([chunk async for chunk in _chunks(request)])


async def _chunks(request: Any) -> Any:
    size = 0
    while True:
        message = await request.receive()
        if message["type"] != "http.request":
            raise RefusedError(400, "the sender closed the connection within the body")
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > MAX_BYTES:
            raise RefusedError(413, f"more than {MAX_BYTES} bytes")
        yield chunk
        if not message.get("more_body", False):
            return


def _rows(
    signal: str, content_type: str, encoding: str, body: bytes, received: int
) -> tuple[Rows, dict[str, int]]:
    decoded = decode_parts(signal, content_type, encoding, body)
    if decoded.rejected and not decoded.parts:
        why = "; ".join(sorted(decoded.rejected))
        status = 413 if all("more than" in reason for reason in decoded.rejected) else 400
        raise RefusedError(status, f"nothing in it can be stored: {why}")
    found = _SIGNALS[signal].convert(decoded.parts, received)
    return found, dict(decoded.rejected)


def _refusal(error: RefusedError, content_type: str) -> Response:
    # Source: OTLP specification, "Failures": a `google.rpc.Status`, in the request's encoding.
    if content_type == PROTOBUF:
        body: Any = Status(message=str(error)).SerializeToString()
    else:
        content_type, body = JSON, json.dumps({"message": str(error)})
    headers = {"Retry-After": _RETRY_SECONDS} if error.status == 503 else {}
    return Response(body, status=error.status, content_type=content_type, headers=headers)
