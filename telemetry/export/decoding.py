"""Decodes OTLP: requests to messages, items and plain values; and responses."""

from __future__ import annotations

import base64
import json
import zlib
from typing import TYPE_CHECKING, Any, NamedTuple

from google.protobuf import json_format
from google.protobuf.message import DecodeError
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.proto.trace.v1.trace_pb2 import Status as SpanStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

MESSAGES: dict[str, Any] = {
    "traces": ExportTraceServiceRequest,
    "metrics": ExportMetricsServiceRequest,
    "logs": ExportLogsServiceRequest,
}
LISTS = {
    "traces": ("resource_spans", "scope_spans", "spans"),
    "metrics": ("resource_metrics", "scope_metrics", "metrics"),
    "logs": ("resource_logs", "scope_logs", "log_records"),
}
PROTOBUF = "application/x-protobuf"
JSON = "application/json"
MAX_BYTES = 64 * 1024 * 1024
"""Limit of a body in bytes, compressed and decompressed: the most that OpenTelemetry's
exporters send.
"""

# Ids are hexadecimal in OTLP's JSON, where protobuf's JSON mapping uses base64.
# Source: OTLP specification, "JSON Protobuf Encoding".
IDS = {"traceId", "spanId", "parentSpanId", "trace_id", "span_id", "parent_span_id"}

NOT_CONVERTED = (json_format.ParseError, ValueError, TypeError, RecursionError, SystemError)
"""What protobuf raises for JSON that it can't convert; the last, for the name of an enumeration's
value with half of a surrogate pair.
"""


class RefusedError(Exception):
    """A request that can't be accepted, with the HTTP status of the response."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Item(NamedTuple):
    """A span, a log record or a metric, with its resource and instrumentation scope."""

    resource: dict[str, object]
    scope: Any
    """The message of the instrumentation scope."""
    schema_url: str
    """Schema URL of the scope, or of the resource where the scope has none."""
    item: Any


def decode(signal: str, content_type: str, encoding: str, body: bytes) -> Any:
    """Decode a request body.

    Raises:
        RefusedError: The body can't be decoded. Names what was given and what is wanted.
    """
    message = MESSAGES[signal]()
    content = unpacked(encoding, body)
    try:
        if content_type == PROTOBUF:
            message.ParseFromString(content)
        elif content_type == JSON:
            readable = with_ids_as_base64(json.loads(content))
            json_format.ParseDict(readable, message, ignore_unknown_fields=True)
        else:
            raise RefusedError(
                415, f"Content-Type is {content_type!r}: wanted {PROTOBUF} or {JSON}"
            )
    except (DecodeError, *NOT_CONVERTED) as error:
        raise RefusedError(400, f"not an OTLP request for {signal}: {error}") from error
    return message


def decode_response(body: bytes, content_type: str) -> tuple[int, str]:
    """Decode the response to a request that was accepted, whatever its signal.

    Args:
        body: Response body; empty for a complete success.
        content_type: Its media type. OTLP's are protobuf and JSON; any other may hold JSON.

    Returns:
        The number of rejected items, and the message that comes with them.

    Raises:
        DecodeError: It is not a response of OTLP.
    """
    # ExportMetricsServiceResponse and ExportLogsServiceResponse have the same field numbers.
    message = ExportTraceServiceResponse()
    if not body:
        return 0, ""
    if content_type.partition(";")[0].strip().lower() in ("", PROTOBUF, "application/grpc"):
        message.ParseFromString(body)
        partial = message.partial_success
        return partial.rejected_spans, partial.error_message
    try:
        found = json.loads(body)
        part = found.get("partialSuccess") or {}
        rejected = [value for key, value in part.items() if key.startswith("rejected")]
        return sum(int(value) for value in rejected), str(part.get("errorMessage", ""))
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise DecodeError(f"not a response of OTLP: {error}") from error


def decode_error(body: bytes, content_type: str) -> str:
    """Return the message of an error response: a ``google.rpc.Status``, JSON, or text."""
    media = content_type.partition(";")[0].strip().lower()
    try:
        if media == PROTOBUF:
            return str(Status.FromString(body).message)
        if media.endswith("json"):
            found = json.loads(body)
            wanted = next(
                (found[key] for key in ("message", "error", "detail") if key in found), ""
            )
            return wanted if isinstance(wanted, str) else json.dumps(wanted)
    except (DecodeError, ValueError, TypeError, RecursionError):
        pass
    return body.decode("utf-8", "replace")


def items(signal: str, message: Any) -> Iterator[Item]:
    """Yield the message's spans, log records or metrics in the order they were sent."""
    groups, scopes, listed = LISTS[signal]
    for group in getattr(message, groups):
        resource = mapping(group.resource.attributes)
        for scoped in getattr(group, scopes):
            schema_url = scoped.schema_url or group.schema_url
            for item in getattr(scoped, listed):
                yield Item(resource, scoped.scope, schema_url, item)


def kind_name(number: int) -> str:
    """Return the name of a span kind, such as `SERVER`; the number of one that is not known."""
    return _name(Span.SpanKind, number, "SPAN_KIND_")


def status_name(number: int) -> str:
    """Return the name of a span's status code, such as `ERROR`; the number if it is not known."""
    return _name(SpanStatus.StatusCode, number, "STATUS_CODE_")


def _name(enum: Any, number: int, prefix: str) -> str:
    # Enumerations of proto3 are open: a newer sender's values are kept as numbers.
    known = enum.DESCRIPTOR.values_by_number.get(number)
    return str(known.name).removeprefix(prefix) if known else str(number)


def plain(value: AnyValue) -> object:
    """Convert an attribute's value to a plain value. An unset one becomes None."""
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return [plain(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return mapping(value.kvlist_value.values)
    result: object = getattr(value, kind)
    return result


def mapping(pairs: Iterable[KeyValue]) -> dict[str, object]:
    """Convert a list of attributes to a dict."""
    return {pair.key: plain(pair.value) for pair in pairs}


def unpacked(encoding: str, body: bytes) -> bytes:
    """Decompress a body that has a ``Content-Encoding``.

    Raises:
        RefusedError: The encoding is not supported, or the body is damaged or too large. Names
            what was given and what is wanted.
    """
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "deflate"):
        raise RefusedError(
            415, f"Content-Encoding is {encoding!r}: wanted gzip, deflate or identity"
        )
    # Detects gzip or zlib from the header.
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


def with_ids_as_base64(value: Any) -> Any:
    """Return OTLP's JSON as protobuf's JSON mapping has it.

    Raises:
        ValueError: An id is not hexadecimal.
    """
    if isinstance(value, list):
        return [with_ids_as_base64(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: base64.b64encode(bytes.fromhex(item)).decode()
        if key in IDS and isinstance(item, str)
        else with_ids_as_base64(item)
        for key, item in value.items()
    }
