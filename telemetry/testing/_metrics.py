"""Data points out of an OTLP metrics request."""

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

from telemetry.otlp_values import mapping
from telemetry.testing.received import Attributes, ReceivedPoint

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
        ExportMetricsServiceRequest,
    )

_DataPoint = NumberDataPoint | HistogramDataPoint | ExponentialHistogramDataPoint | SummaryDataPoint


def points(request: ExportMetricsServiceRequest) -> Iterator[ReceivedPoint]:
    """Yield every data point of every metric in the order they were sent."""
    for group in request.resource_metrics:
        resource = mapping(group.resource.attributes)
        for scoped in group.scope_metrics:
            schema_url = scoped.schema_url or group.schema_url
            for metric in scoped.metrics:
                yield from _points(metric, scoped.scope.name, schema_url, resource)


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
    """Give bucket i's upper bound as base ** (i + 1), base = 2 ** (2 ** -scale).

    Negative buckets mirror the positive ones, so their upper bound is the
    mirrored lower one, and they come largest magnitude first.
    """
    exponent = 2.0**-point.scale
    negative = list(enumerate(point.negative.bucket_counts, point.negative.offset))
    for index, count in reversed(negative):
        yield -(2.0 ** (exponent * index)), count
    if point.zero_count:
        yield point.zero_threshold, point.zero_count
    for index, count in enumerate(point.positive.bucket_counts, point.positive.offset):
        yield 2.0 ** (exponent * (index + 1)), count
