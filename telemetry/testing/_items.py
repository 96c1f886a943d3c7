"""Converts spans, log records and data points from OTLP requests to dataclasses."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AggregationTemporality,
    ExponentialHistogram,
    ExponentialHistogramDataPoint,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    Sum,
    Summary,
    SummaryDataPoint,
)

from telemetry.export.decoding import items, kind_name, mapping, plain, status_name
from telemetry.testing.received import (
    Attributes,
    ReceivedEvent,
    ReceivedLink,
    ReceivedLog,
    ReceivedPoint,
    ReceivedSpan,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
        ExportMetricsServiceRequest,
    )
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
    from opentelemetry.proto.trace.v1.trace_pb2 import Span


def spans(request: ExportTraceServiceRequest) -> Iterator[ReceivedSpan]:
    """Yield the request's spans in the order they were sent."""
    for resource, scope, schema_url, span in items("traces", request):
        yield _span(span, scope.name, schema_url, resource)


def _span(span: Span, scope: str, schema_url: str, resource: Attributes) -> ReceivedSpan:
    return ReceivedSpan(
        name=span.name,
        kind=kind_name(span.kind),
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_span_id=span.parent_span_id.hex(),
        attributes=mapping(span.attributes),
        events=tuple(
            ReceivedEvent(event.name, mapping(event.attributes), event.time_unix_nano)
            for event in span.events
        ),
        links=tuple(
            ReceivedLink(link.trace_id.hex(), link.span_id.hex(), mapping(link.attributes))
            for link in span.links
        ),
        status=status_name(span.status.code),
        status_message=span.status.message,
        start_ns=span.start_time_unix_nano,
        end_ns=span.end_time_unix_nano,
        trace_state=span.trace_state,
        flags=span.flags,
        scope=scope,
        schema_url=schema_url,
        resource=resource,
        size=span.ByteSize(),
    )


def logs(request: ExportLogsServiceRequest) -> Iterator[ReceivedLog]:
    """Yield the request's log records in the order they were sent."""
    for resource, scope, schema_url, record in items("logs", request):
        yield ReceivedLog(
            body=plain(record.body),
            severity_text=record.severity_text,
            severity_number=record.severity_number,
            attributes=mapping(record.attributes),
            trace_id=record.trace_id.hex(),
            span_id=record.span_id.hex(),
            event_name=record.event_name,
            time_ns=record.time_unix_nano or record.observed_time_unix_nano,
            scope=scope.name,
            schema_url=schema_url,
            resource=resource,
        )


_DataPoint = NumberDataPoint | HistogramDataPoint | ExponentialHistogramDataPoint | SummaryDataPoint


def points(request: ExportMetricsServiceRequest) -> Iterator[ReceivedPoint]:
    """Yield every data point of every metric in the order they were sent."""
    for resource, scope, schema_url, metric in items("metrics", request):
        yield from _points(metric, scope.name, schema_url, resource)


def _points(
    metric: Metric, scope: str, schema_url: str, resource: Attributes
) -> Iterator[ReceivedPoint]:
    kind = metric.WhichOneof("data")
    if kind is None:
        return
    data = getattr(metric, kind)
    for point in data.data_points:
        yield ReceivedPoint(
            name=metric.name,
            unit=metric.unit,
            description=metric.description,
            type=kind,
            temporality=_temporality(data),
            monotonic=bool(getattr(data, "is_monotonic", False)),
            attributes=mapping(point.attributes),
            value=_value(point),
            count=getattr(point, "count", None),
            sum=getattr(point, "sum", None),
            buckets=tuple(_buckets(point)),
            exemplar_trace_ids=tuple(
                exemplar.trace_id.hex() for exemplar in getattr(point, "exemplars", ())
            ),
            start_ns=point.start_time_unix_nano,
            time_ns=point.time_unix_nano,
            scope=scope,
            schema_url=schema_url,
            resource=resource,
        )


def _temporality(data: Sum | Gauge | Histogram | ExponentialHistogram | Summary) -> str:
    if isinstance(data, Gauge | Summary):
        return ""
    name = AggregationTemporality.Name(data.aggregation_temporality)
    return name.removeprefix("AGGREGATION_TEMPORALITY_").lower()


def _value(point: _DataPoint) -> int | float | None:
    if not isinstance(point, NumberDataPoint):
        return None
    return point.as_int if point.WhichOneof("value") == "as_int" else point.as_double


def _buckets(point: _DataPoint) -> Iterator[tuple[float, int]]:
    if isinstance(point, HistogramDataPoint):
        yield from zip((*point.explicit_bounds, math.inf), point.bucket_counts, strict=False)
    elif isinstance(point, ExponentialHistogramDataPoint):
        yield from _exponential_buckets(point)


def _exponential_buckets(point: ExponentialHistogramDataPoint) -> Iterator[tuple[float, int]]:
    """Yield the upper bound and the count of each bucket.

    The bound of bucket i is base ** (i + 1), with base = 2 ** (2 ** -scale). Negative
    buckets mirror the positive ones: their upper bound is the mirrored lower one, and
    those of the largest magnitude come first.
    """
    exponent = 2.0**-point.scale
    negative = list(enumerate(point.negative.bucket_counts, point.negative.offset))
    for index, count in reversed(negative):
        yield -(2.0 ** (exponent * index)), count
    if point.zero_count:
        yield point.zero_threshold, point.zero_count
    for index, count in enumerate(point.positive.bucket_counts, point.positive.offset):
        yield 2.0 ** (exponent * (index + 1)), count
