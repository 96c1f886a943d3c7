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

    Example:
        >>> from opentelemetry import trace
        >>> from telemetry.testing import OTLPReceiver
        >>> with OTLPReceiver() as receiver:
        ...     settings = telemetry.configure({"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url})
        ...     tracer = trace.get_tracer("my-host")
        ...     with tracer.start_as_current_span("import"):
        ...         pass
        ...     undelivered = telemetry.flush()
        >>> [request] = [r for r in receiver.requests if r.path == "/v1/traces"]
        >>> request.status, request.headers["content-type"]
        (200, 'application/x-protobuf')
    """

    path: str
    headers: Mapping[str, str]
    size: int
    decoded_size: int
    status: int


@dataclass(frozen=True, slots=True)
class ReceivedEvent:
    """An event of a span.

    Example:
        >>> from opentelemetry import trace
        >>> from telemetry.testing import OTLPReceiver
        >>> with OTLPReceiver() as receiver:
        ...     settings = telemetry.configure({"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url})
        ...     tracer = trace.get_tracer("my-host")
        ...     with tracer.start_as_current_span("import") as span:
        ...         span.add_event("started", {"rows": 3})
        ...     undelivered = telemetry.flush()
        >>> [event] = receiver.spans[0].events
        >>> event.name, dict(event.attributes)
        ('started', {'rows': 3})
    """

    name: str
    attributes: Attributes
    time_ns: int


@dataclass(frozen=True, slots=True)
class ReceivedLink:
    """A link of a span, ids in hex.

    Example:
        >>> from opentelemetry import trace
        >>> from telemetry.testing import OTLPReceiver
        >>> with OTLPReceiver() as receiver:
        ...     settings = telemetry.configure({"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url})
        ...     tracer = trace.get_tracer("my-host")
        ...     with tracer.start_as_current_span("first") as first:
        ...         pass
        ...     links = [trace.Link(first.get_span_context())]
        ...     with tracer.start_as_current_span("second", links=links):
        ...         pass
        ...     undelivered = telemetry.flush()
        >>> first, second = receiver.spans
        >>> second.links[0].span_id == first.span_id
        True
    """

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

    Example:
        >>> from opentelemetry import trace
        >>> from telemetry.testing import OTLPReceiver
        >>> with OTLPReceiver() as receiver:
        ...     settings = telemetry.configure({"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url})
        ...     with trace.get_tracer("my-host").start_as_current_span("import"):
        ...         trace.get_current_span().add_event("started")
        ...     undelivered = telemetry.flush()
        >>> [span] = receiver.spans
        >>> span.kind, span.status, span.parent_span_id, [event.name for event in span.events]
        ('INTERNAL', 'UNSET', '', ['started'])
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

    Example:
        >>> from opentelemetry import metrics
        >>> from telemetry.testing import Capture
        >>> capture = Capture()
        >>> capture.start()
        >>> settings = telemetry.configure()
        >>> capture.clear()  # as the fixture does before each test
        >>> metrics.get_meter("my-host").create_counter("imports").add(2, {"kind": "pdf"})
        >>> [point] = capture.points("imports", kind="pdf")
        >>> point.type, point.value, dict(point.attributes)
        ('sum', 2, {'kind': 'pdf'})
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
    """A log record. `trace_id` and `span_id` are empty outside a span.

    Example:
        >>> import logging
        >>> from telemetry.logs.bridge import LogBridge
        >>> from telemetry.testing import OTLPReceiver
        >>> logging.getLogger("my-host").addHandler(LogBridge())
        >>> with OTLPReceiver() as receiver:
        ...     settings = telemetry.configure({"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url})
        ...     telemetry.report_errors()
        ...     logging.getLogger("my-host").warning("imported %d rows", 3)
        ...     undelivered = telemetry.flush()
        >>> [record] = [record for record in receiver.logs if record.scope == "my-host"]
        >>> record.body, record.severity_text, record.trace_id
        ('imported 3 rows', 'WARN', '')
    """

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
