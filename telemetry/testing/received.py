"""What a receiver received, as frozen dataclasses of plain Python values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

# An attribute or a log body can nest lists and mappings. With an exact type,
# each assertion in a test would have to narrow a union first.
Value: TypeAlias = object
Attributes: TypeAlias = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """One export request, whether or not its payload was accepted.

    `size` is the body's length in bytes as received, and `decoded_size` that
    after decompression. gRPC decompresses before we see the message, so there
    the two are equal. Header names are lower case.
    """

    path: str
    headers: Mapping[str, str]
    size: int
    decoded_size: int
    status: int


@dataclass(frozen=True, slots=True)
class ReceivedEvent:
    """An event of a span."""

    name: str
    attributes: Attributes
    time_ns: int


@dataclass(frozen=True, slots=True)
class ReceivedLink:
    """A link of a span, ids in hex."""

    trace_id: str
    span_id: str
    attributes: Attributes


@dataclass(frozen=True, slots=True)
class ReceivedSpan:
    """A span. Ids are in hex; `parent_span_id` is empty for a root.

    `kind` and `status` are OTLP's names without their prefix: `SERVER`,
    `INTERNAL`; `UNSET`, `OK`, `ERROR`. Times are nanoseconds since the epoch.
    `schema_url` is the scope's, or the resource's where the scope has none.
    `size` is the number of bytes of the span alone, as uncompressed protobuf.
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
    `summary`, and `temporality` is `delta`, `cumulative` or empty. Sums and
    gauges have a `value`; the others have `count`, `sum` and `buckets`.
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
    """A log record. `trace_id` and `span_id` are empty outside a span."""

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
