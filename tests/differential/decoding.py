"""Turns OTLP's payloads into plain values, with every field that is set.

Not the dataclasses of `telemetry.testing`: they leave out what their users don't need.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

if TYPE_CHECKING:
    from google.protobuf.descriptor import FieldDescriptor
    from google.protobuf.message import Message

SIGNALS: dict[str, tuple[str, type[Message]]] = {
    "/v1/traces": ("traces", ExportTraceServiceRequest),
    "/v1/metrics": ("metrics", ExportMetricsServiceRequest),
    "/v1/logs": ("logs", ExportLogsServiceRequest),
    "/opentelemetry.proto.collector.trace.v1.TraceService/Export": (
        "traces",
        ExportTraceServiceRequest,
    ),
    "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export": (
        "metrics",
        ExportMetricsServiceRequest,
    ),
    "/opentelemetry.proto.collector.logs.v1.LogsService/Export": ("logs", ExportLogsServiceRequest),
}


def decode(path: str, payload: bytes) -> tuple[str, dict[str, Any]]:
    """Give the signal and the content of one export. Raises KeyError for an unknown path."""
    signal, message = SIGNALS[path]
    return signal, plain(message.FromString(payload))


def plain(message: Message) -> Any:
    """Give a message as a dict of the fields that are set; attributes become dicts of theirs."""
    if isinstance(message, AnyValue):
        return _value(message)
    return {field.name: _field(field, value) for field, value in message.ListFields()}


def _value(message: AnyValue) -> Any:
    kind = message.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return [_value(each) for each in message.array_value.values]
    if kind == "kvlist_value":
        return {each.key: _value(each.value) for each in message.kvlist_value.values}
    found = getattr(message, kind)
    return found.hex() if isinstance(found, bytes) else found


def _field(field: FieldDescriptor, value: Any) -> Any:
    if field.message_type is not None:
        if not field.is_repeated:
            return plain(value)
        if field.message_type.name == "KeyValue":
            return {each.key: _value(each.value) for each in value}
        return [plain(each) for each in value]
    items = list(value) if field.is_repeated else [value]
    if field.enum_type is not None:
        names = field.enum_type.values_by_number
        items = [names[each].name if each in names else each for each in items]
    items = [each.hex() if isinstance(each, bytes) else each for each in items]
    return items if field.is_repeated else items[0]
