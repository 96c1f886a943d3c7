"""Spans out of an OTLP trace request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from telemetry.otlp_values import mapping
from telemetry.testing.received import Attributes, ReceivedEvent, ReceivedLink, ReceivedSpan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


def spans(request: ExportTraceServiceRequest) -> Iterator[ReceivedSpan]:
    """Yield the request's spans in the order they were sent."""
    for group in request.resource_spans:
        resource = mapping(group.resource.attributes)
        for scoped in group.scope_spans:
            schema_url = scoped.schema_url or group.schema_url
            for span in scoped.spans:
                yield _span(span, scoped.scope.name, schema_url, resource)


def _span(span: Span, scope: str, schema_url: str, resource: Attributes) -> ReceivedSpan:
    return ReceivedSpan(
        name=span.name,
        kind=Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
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
        status=Status.StatusCode.Name(span.status.code).removeprefix("STATUS_CODE_"),
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
