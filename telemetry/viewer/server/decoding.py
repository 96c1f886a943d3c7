"""From the body of an OTLP/HTTP request to its message."""

from __future__ import annotations

import base64
import json
import zlib
from typing import TYPE_CHECKING, Any

from google.protobuf import json_format
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

if TYPE_CHECKING:
    from google.protobuf.message import Message

MESSAGES: dict[str, type[Message]] = {
    "traces": ExportTraceServiceRequest,
    "metrics": ExportMetricsServiceRequest,
    "logs": ExportLogsServiceRequest,
}
PROTOBUF = "application/x-protobuf"
JSON = "application/json"
MAX_BYTES = 64 * 1024 * 1024
"""Of a body, before and after it is unpacked: what OpenTelemetry's exporters send at most."""

# In JSON these are hexadecimal, where protobuf's own mapping has base64.
# Source: OTLP specification, "JSON Protobuf Encoding".
_IDS = {"traceId", "spanId", "parentSpanId", "trace_id", "span_id", "parent_span_id"}


class RefusedError(Exception):
    """What was sent can't be taken, with the status to answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def decode(signal: str, content_type: str, encoding: str, body: bytes) -> Any:
    """The message.

    Raises:
        RefusedError: naming what was given and what is wanted.
    """
    message = MESSAGES[signal]()
    content = _unpacked(encoding, body)
    try:
        if content_type == PROTOBUF:
            message.ParseFromString(content)
        elif content_type == JSON:
            readable = _with_ids_as_base64(json.loads(content))
            json_format.ParseDict(readable, message, ignore_unknown_fields=True)
        else:
            raise RefusedError(
                415, f"Content-Type is {content_type!r}: wanted {PROTOBUF} or {JSON}"
            )
    except (DecodeError, json_format.ParseError, ValueError, RecursionError) as error:
        raise RefusedError(400, f"not an OTLP request for {signal}: {error}") from error
    return message


def _unpacked(encoding: str, body: bytes) -> bytes:
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "deflate"):
        raise RefusedError(
            415, f"Content-Encoding is {encoding!r}: wanted gzip, deflate or identity"
        )
    # Either of the two, by its first bytes.
    unpacker = zlib.decompressobj(wbits=32 + zlib.MAX_WBITS)
    try:
        content = unpacker.decompress(body, MAX_BYTES)
    except zlib.error as error:
        raise RefusedError(
            400, f"Content-Encoding is {encoding}, the body isn't: {error}"
        ) from error
    if unpacker.unconsumed_tail:
        raise RefusedError(413, f"more than {MAX_BYTES} bytes, unpacked")
    if not unpacker.eof:
        raise RefusedError(400, f"the body ends before its {encoding} does")
    return content


def _with_ids_as_base64(value: Any) -> Any:
    if isinstance(value, list):
        return [_with_ids_as_base64(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: base64.b64encode(bytes.fromhex(item)).decode()
        if key in _IDS and isinstance(item, str)
        else _with_ids_as_base64(item)
        for key, item in value.items()
    }
