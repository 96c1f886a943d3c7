"""Metrics as messages of OTLP, one series at a time."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.metrics.export import (
    ExponentialHistogram,
    Gauge,
    Histogram,
    Sum,
)

from telemetry.export.encoding.wire import (
    MAX_INT64,
    MAX_UINT64,
    MIN_INT64,
    delimited,
    pack_double,
    pack_fixed64,
    pack_sfixed64,
    sint32,
    unsigned64,
    varint,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from opentelemetry.sdk.metrics import Exemplar
    from opentelemetry.sdk.metrics.export import Metric

    from telemetry.export.encoding.values import ValueEncoder

# opentelemetry/proto/metrics/v1/metrics.proto: Metric
_NAME, _DESCRIPTION, _UNIT = b"\x0a", b"\x12", b"\x1a"
_GAUGE, _SUM, _HISTOGRAM, _EXPONENTIAL_HISTOGRAM = b"\x2a", b"\x3a", b"\x4a", b"\x52"
# Gauge, Sum, Histogram, ExponentialHistogram
_POINT, _TEMPORALITY, _IS_MONOTONIC = b"\x0a", b"\x10", b"\x18\x01"
# NumberDataPoint and HistogramDataPoint
_START, _TIME = b"\x11", b"\x19"
_AS_DOUBLE, _EXEMPLAR, _AS_INT, _ATTRIBUTES = b"\x21", b"\x2a", b"\x31", b"\x3a"
_COUNT, _H_SUM, _BUCKET_COUNTS, _BOUNDS = b"\x21", b"\x29", b"\x32", b"\x3a"
_H_EXEMPLAR, _H_ATTRIBUTES, _MIN, _MAX = b"\x42", b"\x4a", b"\x59", b"\x61"
# ExponentialHistogramDataPoint, where it differs
_E_ATTRIBUTES, _SCALE, _ZERO_COUNT, _POSITIVE, _NEGATIVE = (
    b"\x0a",
    b"\x30",
    b"\x39",
    b"\x42",
    b"\x4a",
)
_E_FLAGS, _E_EXEMPLAR, _E_MIN, _E_MAX, _ZERO_THRESHOLD = b"\x50", b"\x5a", b"\x61", b"\x69", b"\x71"
# Buckets
_OFFSET, _COUNTS = b"\x08", b"\x12"
# Exemplar
_X_TIME, _X_DOUBLE, _X_SPAN_ID, _X_TRACE_ID = b"\x11", b"\x19", b"\x22\x08", b"\x2a\x10"
_X_INT, _X_ATTRIBUTES = b"\x31", b"\x3a"


def encode_metric(
    metric: Metric, values: ValueEncoder, dropped: Callable[[Exception], None]
) -> tuple[bytes, int]:
    """Return a metric as the message ``Metric``, and the number of its data points.

    Args:
        metric: the metric with its data points.
        values: encodes the attributes.
        dropped: called with the error for each data point that can't be encoded, which is left
            out.

    Raises:
        TypeError: if the kind of its data is unknown.
    """
    data = metric.data
    field, point, options = _kind(data)
    points = []
    for each in data.data_points:
        try:
            points.append(delimited(_POINT, point(each, values)))
        except Exception as error:  # noqa: BLE001 # a value of any type costs its series only
            dropped(error)
    encoded = b"".join(
        (
            delimited(_NAME, values.text(metric.name)),
            delimited(_DESCRIPTION, values.text(metric.description)) if metric.description else b"",
            delimited(_UNIT, values.text(metric.unit)) if metric.unit else b"",
            delimited(field, b"".join((*points, options))),
        )
    )
    return encoded, len(points)


def _kind(data: Any) -> tuple[bytes, Callable[[Any, ValueEncoder], bytes], bytes]:
    if isinstance(data, Gauge):
        return _GAUGE, _gauge_point, b""
    temporality = _TEMPORALITY + varint(int(getattr(data, "aggregation_temporality", 0)))
    if isinstance(data, Sum):
        return _SUM, _sum_point, temporality + (_IS_MONOTONIC if data.is_monotonic else b"")
    if isinstance(data, Histogram):
        return _HISTOGRAM, _histogram_point, temporality
    if isinstance(data, ExponentialHistogram):
        return _EXPONENTIAL_HISTOGRAM, _exponential_point, temporality
    raise TypeError(f"{type(data).__name__} is no kind of metric data in OTLP")


def _gauge_point(point: Any, values: ValueEncoder) -> bytes:
    return _number_point(point, values, b"")


def _sum_point(point: Any, values: ValueEncoder) -> bytes:
    return _number_point(point, values, _time(_START, point.start_time_unix_nano))


def _number_point(point: Any, values: ValueEncoder, start: bytes) -> bytes:
    return b"".join(
        (
            start,
            _time(_TIME, point.time_unix_nano),
            _number(point.value, _AS_DOUBLE, _AS_INT),
            _exemplars(_EXEMPLAR, point.exemplars, values),
            values.attributes(_ATTRIBUTES, point.attributes),
        )
    )


def _histogram_point(point: Any, values: ValueEncoder) -> bytes:
    counts = [_unsigned(count) for count in point.bucket_counts]
    bounds = [float(bound) for bound in point.explicit_bounds]
    return b"".join(
        (
            _time(_START, point.start_time_unix_nano),
            _time(_TIME, point.time_unix_nano),
            _fixed(_COUNT, point.count),
            _H_SUM + pack_double(_float(point.sum)),
            delimited(_BUCKET_COUNTS, struct.pack(f"<{len(counts)}Q", *counts)) if counts else b"",
            delimited(_BOUNDS, struct.pack(f"<{len(bounds)}d", *bounds)) if bounds else b"",
            _exemplars(_H_EXEMPLAR, point.exemplars, values),
            values.attributes(_H_ATTRIBUTES, point.attributes),
            _MIN + pack_double(_float(point.min)),
            _MAX + pack_double(_float(point.max)),
        )
    )


def _exponential_point(point: Any, values: ValueEncoder) -> bytes:
    return b"".join(
        (
            values.attributes(_E_ATTRIBUTES, point.attributes),
            _time(_START, point.start_time_unix_nano),
            _time(_TIME, point.time_unix_nano),
            _fixed(_COUNT, point.count),
            # Tags from here on are those of HistogramDataPoint, but for what differs.
            _H_SUM + pack_double(_float(point.sum)),
            _SCALE + sint32(point.scale) if point.scale else b"",
            _fixed(_ZERO_COUNT, point.zero_count),
            _buckets(_POSITIVE, point.positive),
            _buckets(_NEGATIVE, point.negative),
            _E_FLAGS + varint(point.flags) if point.flags else b"",
            _exemplars(_E_EXEMPLAR, point.exemplars, values),
            _E_MIN + pack_double(_float(point.min)),
            _E_MAX + pack_double(_float(point.max)),
        )
    )


def _buckets(prefix: bytes, buckets: Any) -> bytes:
    if not buckets.bucket_counts:
        return b""
    counts = b"".join(varint(_unsigned(count)) for count in buckets.bucket_counts)
    offset = _OFFSET + sint32(buckets.offset) if buckets.offset else b""
    return delimited(prefix, offset + delimited(_COUNTS, counts))


def _exemplars(prefix: bytes, exemplars: Sequence[Exemplar], values: ValueEncoder) -> bytes:
    return b"".join(_of_exemplars(prefix, exemplars, values)) if exemplars else b""


def _of_exemplars(
    prefix: bytes, exemplars: Iterable[Exemplar], values: ValueEncoder
) -> Iterable[bytes]:
    for exemplar in exemplars:
        encoded = _time(_X_TIME, exemplar.time_unix_nano)
        encoded += _number(exemplar.value, _X_DOUBLE, _X_INT)
        if exemplar.span_id is not None and exemplar.trace_id is not None:
            encoded += _X_SPAN_ID + exemplar.span_id.to_bytes(8, "big")
            encoded += _X_TRACE_ID + exemplar.trace_id.to_bytes(16, "big")
        encoded += values.attributes(_X_ATTRIBUTES, exemplar.filtered_attributes)
        yield delimited(prefix, encoded)


def _time(prefix: bytes, nanoseconds: int | None) -> bytes:
    return prefix + pack_fixed64(unsigned64(nanoseconds)) if nanoseconds else b""


def _fixed(prefix: bytes, count: int) -> bytes:
    return prefix + pack_fixed64(_unsigned(count)) if count else b""


def _unsigned(count: int) -> int:
    if not 0 <= count <= MAX_UINT64:
        raise ValueError(f"a count of {count} is not between 0 and 2**64 - 1")
    return count


def _number(value: Any, as_double: bytes, as_int: bytes) -> bytes:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"a measurement of the type {type(value).__name__} is no number")
    if isinstance(value, int) and MIN_INT64 <= value <= MAX_INT64:
        return as_int + pack_sfixed64(value)
    return as_double + pack_double(_float(value))


def _float(value: Any) -> float:
    if not isinstance(value, int | float):
        raise TypeError(f"a measurement of the type {type(value).__name__} is no number")
    try:
        return float(value)
    except OverflowError:
        raise ValueError("a measurement above the largest number of 64 bits") from None
