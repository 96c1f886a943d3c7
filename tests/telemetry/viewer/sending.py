"""OTLP's messages, made by hand: what a sender of any language sends."""

from __future__ import annotations

import time
from itertools import count
from typing import Any

from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

PROTOBUF = {"Content-Type": "application/x-protobuf"}
SECOND = 1_000_000_000

_numbers = count(int(time.time_ns()))


def new_id(size: int) -> bytes:
    """An id that no other test of this run has."""
    return next(_numbers).to_bytes(size, "big")


def pairs(values: dict[str, Any]) -> list[dict[str, Any]]:
    """Attributes, as protobuf's JSON has them."""
    return [{"key": key, "value": _value(value)} for key, value in values.items()]


def _named(attributes: dict[str, Any]) -> dict[str, Any]:
    return {k.replace("_", ".").replace("-", "_"): value for k, value in attributes.items()}


def _value(value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_value(item) for item in value]}}
    return {"stringValue": value}


class Trace:
    """A trace in the making; ends now unless its start is given."""

    def __init__(self, start: int | None = None) -> None:
        self.id = new_id(16)
        self.start = start or time.time_ns() - SECOND
        self.message = ExportTraceServiceRequest()
        resource = self.message.resource_spans.add()
        json_format.ParseDict({"attributes": pairs({"service.name": "sender"})}, resource.resource)
        self._scope = resource.scope_spans.add()
        self._scope.scope.name = "tests"

    def span(
        self,
        name: str,
        *,
        parent: bytes = b"",
        kind: int = 2,
        after_ms: float = 0,
        for_ms: float = 100,
        failed: bool = False,
        events: dict[str, dict[str, Any]] | None = None,
        **attributes: Any,
    ) -> bytes:
        """Add one and give its id. In names `_` stands for a dot and `-` for an underscore."""
        span = self._scope.spans.add(
            trace_id=self.id,
            span_id=new_id(8),
            parent_span_id=parent,
            name=name,
            kind=kind,
            start_time_unix_nano=self.start + int(after_ms * 1e6),
            end_time_unix_nano=self.start + int((after_ms + for_ms) * 1e6),
        )
        if failed:
            span.status.code = 2  # type: ignore[assignment]
        json_format.ParseDict(
            {
                "attributes": pairs(_named(attributes)),
                "events": [
                    {"name": event, "timeUnixNano": str(self.start), "attributes": pairs(values)}
                    for event, values in (events or {}).items()
                ],
            },
            span,
        )
        return span.span_id


def log_message(
    body: str, trace: Trace | None = None, span_id: bytes = b"", **attributes: Any
) -> ExportLogsServiceRequest:
    """One record, at severity WARN."""
    message = ExportLogsServiceRequest()
    scope = message.resource_logs.add().scope_logs.add()
    scope.scope.name = "tests.logger"
    record = scope.log_records.add(
        time_unix_nano=trace.start if trace else time.time_ns(),
        severity_number=13,
        severity_text="WARN",
        trace_id=trace.id if trace else b"",
        span_id=span_id,
    )
    record.body.string_value = body
    json_format.ParseDict({"attributes": pairs(_named(attributes))}, record)
    return message


def sum_message(name: str, instance: str, value: int) -> ExportMetricsServiceRequest:
    """One cumulative counter's point."""
    message = ExportMetricsServiceRequest()
    resource = message.resource_metrics.add()
    json_format.ParseDict(
        {"attributes": pairs({"service.name": "sender", "service.instance.id": instance})},
        resource.resource,
    )
    metric = resource.scope_metrics.add().metrics.add(name=name, unit="{request}")
    metric.sum.is_monotonic = True
    metric.sum.aggregation_temporality = 2  # type: ignore[assignment]
    metric.sum.data_points.add(as_int=value, time_unix_nano=time.time_ns())
    return message
