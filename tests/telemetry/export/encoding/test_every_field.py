"""Every field of OTLP that can hold text is redacted: the protocol's own schema lists them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from google.protobuf.descriptor import FieldDescriptor
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.metrics._internal.exemplar import Exemplar
from opentelemetry.sdk.metrics._internal.point import Buckets
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    ExponentialHistogram,
    ExponentialHistogramDataPoint,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import (
    Link,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
)

from telemetry.export.encoding.requests import Sources, encode_request
from telemetry.export.encoding.spans import encode_span
from telemetry.export.encoding.values import ValueEncoder
from telemetry.export.exporters import metric_items
from telemetry.export.processors import log_item
from telemetry.redaction.redactor import Redactor
from telemetry.settings.model import RedactionSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

# In each field another one, so that the field of a word that is left is known.
SECRET = "Sk7Qz{}w9XvR4mLb2TnY8cHd"
REDACTOR = Redactor(RedactionSettings())

# Fields of the schema that are never sent.
NOT_SENT = {
    # Telemetry sends no references to a string table, and no entities.
    "opentelemetry.proto.resource.v1.Resource.entity_refs",
    # The schema's own names of kinds.
    "opentelemetry.proto.metrics.v1.Metric.summary",
    "opentelemetry.proto.metrics.v1.Metric.metadata",
    "opentelemetry.proto.trace.v1.Span.Link.trace_state",
}


def planted(place: str) -> str:
    """A word that is redacted wherever it is, for one field."""
    return f"x {SECRET.format(10 + len(place))} {place}"


def attributes(place: str) -> dict[str, Any]:
    return {
        f"{planted(f'{place}.key')}": 1,
        "text": planted(f"{place}.text"),
        "list": (planted(f"{place}.list"),),
        "map": {planted(f"{place}.mapkey"): planted(f"{place}.map")},
        "bytes": planted(f"{place}.bytes").encode(),
        "object": Unprintable(planted(f"{place}.object")),
    }


class Unprintable:
    def __init__(self, text: str) -> None:
        self._text = text

    def __str__(self) -> str:
        return self._text


def resource() -> Resource:
    found = Resource({})
    # The SDK's constructor leaves out what is no attribute.
    found._attributes = attributes("resource")  # type: ignore[assignment]
    found._schema_url = f"https://x.example/{planted('resource.schema')}"
    return found


def scope() -> InstrumentationScope:
    return InstrumentationScope(
        planted("scope.name"),
        planted("scope.version"),
        f"https://x.example/{planted('scope.schema')}",
        attributes("scope"),
    )


def traces() -> bytes:
    state = TraceState([("x", "Sk7Qz42w9XvR4mLb2TnY8cHd")])
    context = SpanContext(1, 2, is_remote=False, trace_flags=TraceFlags(1), trace_state=state)
    event = Event(planted("event.name"), timestamp=1)
    event._attributes = attributes("event")
    link = Link(context)
    link._attributes = attributes("link")
    span = ReadableSpan(
        planted("span.name"),
        context=context,
        parent=context,
        resource=resource(),
        attributes=attributes("span"),
        events=[event],
        links=[link],
        kind=SpanKind.SERVER,
        status=Status(StatusCode.ERROR, planted("status")),
        start_time=1,
        end_time=2,
        instrumentation_scope=scope(),
    )
    source = Sources(REDACTOR).of(resource(), scope())
    return encode_request([(source, encode_span(span, ValueEncoder(REDACTOR)), 1, False)])


def logs() -> bytes:
    body: Any = {planted("body.key"): [planted("body"), Unprintable(planted("body.object"))]}
    record: Any = LogRecord(  # type: ignore[call-overload]
        timestamp=1,
        observed_timestamp=1,
        trace_id=1,
        span_id=2,
        trace_flags=TraceFlags(1),
        severity_text=planted("severity"),
        severity_number=SeverityNumber.INFO,
        body=body,
        attributes=attributes("record"),
        event_name=planted("event_name"),
    )
    data = ReadableLogRecord(record, resource(), scope())
    return encode_request([log_item(data, ValueEncoder(REDACTOR), Sources(REDACTOR))])


def metrics() -> bytes:
    exemplars = [Exemplar(attributes("exemplar"), 1, 1, 2, 3)]
    number = NumberDataPoint(attributes("number"), 1, 2, 3, exemplars)
    histogram = HistogramDataPoint(
        attributes("histogram"), 1, 2, 3, 4.0, [1, 2], [1.0], 0.1, 2.0, exemplars
    )
    exponential = ExponentialHistogramDataPoint(
        attributes("exponential"), 1, 2, 3, 4.0, 1, 0, Buckets(1, [1]), Buckets(1, [1]), 1, 0, 1,
        exemplars,
    )  # fmt: skip
    delta = AggregationTemporality.DELTA
    data: tuple[Any, ...] = (
        Gauge([number]),
        Sum([number], delta, is_monotonic=True),
        Histogram([histogram], delta),
        ExponentialHistogram([exponential], delta),
    )
    found = [
        Metric(planted("metric.name"), planted("metric.description"), planted("unit"), each)
        for each in data
    ]
    collected = MetricsData([ResourceMetrics(resource(), [ScopeMetrics(scope(), found, "")], "")])

    def fail(_count: int, error: Exception) -> None:
        raise error

    return encode_request(metric_items(collected, ValueEncoder(REDACTOR), Sources(REDACTOR), fail))


def texts(descriptor: Any, seen: frozenset[str] = frozenset()) -> Iterator[str]:
    """The full names of a message's fields, and its messages' fields, that can hold text."""
    if descriptor.full_name in seen:
        return
    for field in descriptor.fields:
        if field.full_name in NOT_SENT:
            continue
        if field.message_type is not None:
            yield from texts(field.message_type, seen | {descriptor.full_name})
        elif field.type in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES):
            yield field.full_name


def sent(message: Any) -> Iterator[tuple[str, str]]:
    """The texts of a message, each with its field's name."""
    for field, value in message.ListFields():
        values = value if field.is_repeated else [value]
        for each in values:
            if field.message_type is not None:
                yield from sent(each)
            elif field.type in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES):
                yield field.full_name, each.decode("latin-1") if isinstance(each, bytes) else each


@pytest.mark.parametrize(
    ("request_type", "encode"),
    [
        (ExportTraceServiceRequest, traces),
        (ExportLogsServiceRequest, logs),
        (ExportMetricsServiceRequest, metrics),
    ],
    ids=["traces", "logs", "metrics"],
)
def test_every_text_of_a_request_is_redacted(request_type: Any, encode: Any) -> None:
    """And every field of the schema was filled: a new one can't be forgotten."""
    message = request_type()
    message.ParseFromString(encode())
    found = list(sent(message))
    expected = set(texts(request_type.DESCRIPTOR))
    ids = {name for name in expected if name.endswith(("trace_id", "span_id"))}
    assert {name for name, _ in found} | ids >= expected
    assert [(name, text) for name, text in found if "9XvR4mLb" in text] == []
