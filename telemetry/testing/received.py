"""What arrived at a receiver, as frozen dataclasses of plain Python values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

# An attribute or a log body can nest lists and mappings; spelling that out
# would make every assertion in a test narrow a union first.
Value: TypeAlias = object
Attributes: TypeAlias = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """One export call, whether or not its payload was accepted.

    `size` is the body's length in bytes as it came over the wire and
    `decoded_size` the same uncompressed. gRPC decompresses before we see the
    message, so the two are equal there. Header names are lower case.
    """

    path: str
    headers: Mapping[str, str]
    size: int
    decoded_size: int
    status: int


@dataclass(frozen=True, slots=True)
class ReceivedEvent:
    """An event on a span."""

    name: str
    attributes: Attributes
    time_ns: int


@dataclass(frozen=True, slots=True)
class ReceivedLink:
    """A span's link to another span, ids in hex."""

    trace_id: str
    span_id: str
    attributes: Attributes


@dataclass(frozen=True, slots=True)
class ReceivedSpan:
    """A span; ids in hex, `parent_span_id` empty for a root.

    `kind` and `status` are OTLP's names without their prefix: `SERVER`,
    `INTERNAL`; `UNSET`, `OK`, `ERROR`. Times are nanoseconds since the epoch.
    `schema_url` is the scope's, or the resource's where the scope has none.
    `size` is the bytes of the span alone, uncompressed protobuf.
    """

    name: str
    kind: str
    trace_id: str
    span_id: str
    parent_span_id: str
    attributes: Attributes
    events: tuple[ReceivedEvent, ...]
    links: tuple[ReceivedLink, ...]
    status: str
    status_message: str
    start_ns: int
    end_ns: int
    trace_state: str
    flags: int
    scope: str
    schema_url: str
    resource: Attributes
    size: int


@dataclass(frozen=True, slots=True)
class ReceivedPoint:
    """One data point of one metric.

    `type` is `sum`, `gauge`, `histogram`, `exponential_histogram` or
    `summary`, and `temporality` is `delta`, `cumulative` or empty. `value`
    belongs to sums and gauges; `count`, `sum` and `buckets` to the others.
    `buckets` pairs each upper bound (the last is infinite for `histogram`)
    with the count in that bucket alone.
    """

    name: str
    unit: str
    description: str
    type: str
    temporality: str
    monotonic: bool
    attributes: Attributes
    value: int | float | None
    count: int | None
    sum: float | None
    buckets: tuple[tuple[float, int], ...]
    exemplar_trace_ids: tuple[str, ...]
    start_ns: int
    time_ns: int
    scope: str
    schema_url: str
    resource: Attributes


@dataclass(frozen=True, slots=True)
class ReceivedLog:
    """A log record; `trace_id` and `span_id` are empty outside a span."""

    body: Value
    severity_text: str
    severity_number: int
    attributes: Attributes
    trace_id: str
    span_id: str
    event_name: str
    time_ns: int
    scope: str
    schema_url: str
    resource: Attributes
