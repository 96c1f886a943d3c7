"""Where a record was logged: the trace, the site and the route of the moment."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from opentelemetry import trace

from telemetry.request import any_record, request_record

if TYPE_CHECKING:
    import logging

    from opentelemetry.trace import SpanContext

    from telemetry.request import RequestRecord

# Set on a record by whoever knows better than the moment does.
ATTRIBUTE = "telemetry_context"


class LogContext(NamedTuple):
    """Ids are hexadecimal, as OpenTelemetry has them in formats that are not its own."""

    trace_id: str = ""
    span_id: str = ""
    trace_flags: str = ""
    site: str | None = None
    route: str | None = None

    @classmethod
    def of(cls, span: SpanContext, record: RequestRecord | None) -> LogContext:
        """A span's, within a request's."""
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
    """The context of this moment; empty where there is no trace."""
    span = trace.get_current_span().get_span_context()
    outlived = any_record()
    if outlived is not None and outlived.ended:
        own = outlived.span.get_span_context()
        if own.span_id == span.span_id:
            # A task that outlives its request is not that one visitor's.
            return NOWHERE
    return LogContext.of(span, request_record())


def context_of(record: logging.LogRecord) -> LogContext:
    """What was noted on the record, or the context of this moment."""
    noted = getattr(record, ATTRIBUTE, None)
    return noted if isinstance(noted, LogContext) else current_context()
