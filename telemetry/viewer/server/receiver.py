"""Receiver of OTLP over HTTP: `POST /v1/traces`, `/v1/metrics` and `/v1/logs`."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from datasette import Response
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from telemetry.export.decoding import JSON, MAX_BYTES, PROTOBUF, RefusedError, decode
from telemetry.viewer.server import rows

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from telemetry.viewer.server.store import Store

_ANSWERS = {
    "traces": ExportTraceServiceResponse,
    "metrics": ExportMetricsServiceResponse,
    "logs": ExportLogsServiceResponse,
}


def receiver(store: Store) -> Callable[..., Awaitable[Response]]:
    """Return the view for all three, for a route with the group `signal`."""

    async def receive(request: Any, signal: str) -> Response:
        if request.method != "POST":
            return Response.text("OTLP is sent by POST.", status=405, headers={"Allow": "POST"})
        content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        body = await request.post_body(max_bytes=MAX_BYTES)
        encoding = request.headers.get("content-encoding", "").strip().lower()
        try:
            # In a thread: decompressing and decoding a large body takes long.
            found = await asyncio.to_thread(_rows, signal, content_type, encoding, body)
        except RefusedError as error:
            return _refusal(error, content_type)
        if signal == "traces":
            await store.add_spans(found)
        elif signal == "metrics":
            await store.add_metrics(*found)
        else:
            await store.add_logs(found)
        answer = _ANSWERS[signal]()
        if content_type == JSON:
            return Response("{}", content_type=JSON)
        return Response(answer.SerializeToString(), content_type=PROTOBUF)

    return receive


def _rows(signal: str, content_type: str, encoding: str, body: bytes) -> Any:
    message = decode(signal, content_type, encoding, body)
    return {"traces": rows.spans, "metrics": rows.metrics, "logs": rows.logs}[signal](message)


def _refusal(error: RefusedError, content_type: str) -> Response:
    # Source: OTLP specification, "Failures": a `google.rpc.Status`, in the request's encoding.
    if content_type == PROTOBUF:
        body: Any = Status(message=str(error)).SerializeToString()
    else:
        content_type, body = JSON, json.dumps({"message": str(error)})
    return Response(body, status=error.status, content_type=content_type)
