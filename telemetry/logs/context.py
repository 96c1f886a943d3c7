"""The trace, site and route of a log record."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from opentelemetry import trace

from telemetry.request import any_record, request_record

if TYPE_CHECKING:
    import logging

    from opentelemetry.trace import SpanContext

    from telemetry.request import RequestRecord

# Attribute of a record with an explicit LogContext, used instead of the current one.
ATTRIBUTE = "telemetry_context"


class LogContext(NamedTuple):
    """Ids and flags are hexadecimal, as OpenTelemetry specifies for formats other than OTLP."""

    trace_id: str = ""
    span_id: str = ""
    trace_flags: str = ""
    site: str | None = None
    route: str | None = None

    @classmethod
    def of(cls, span: SpanContext, record: RequestRecord | None) -> LogContext:
        """The context of a span and a request record."""
        site, route = (record.site, record.route) if record is not None else (None, None)
        if not span.is_valid:
            return cls(site=site, route=route)
        return cls(
            trace.format_trace_id(span.trace_id),
            trace.format_span_id(span.span_id),
            f"{span.trace_flags:02x}",
            site,
            route,
        )


NOWHERE = LogContext()


def current_context() -> LogContext:
    """The current log context; its ids are empty outside a trace."""
    span = trace.get_current_span().get_span_context()
    outlived = any_record()
    if outlived is not None and outlived.ended:
        own = outlived.span.get_span_context()
        if own.span_id == span.span_id:
            # A task that outlives its request is not attributed to it.
            return NOWHERE
    return LogContext.of(span, request_record())


def context_of(record: logging.LogRecord) -> LogContext:
    """The context that was set on the record, or the current one."""
    attached = getattr(record, ATTRIBUTE, None)
    return attached if isinstance(attached, LogContext) else current_context()
