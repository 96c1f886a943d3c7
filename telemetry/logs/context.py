"""Where a record was logged: the trace, the site and the route of the moment."""

from __future__ import annotations

import logging
from typing import NamedTuple

from opentelemetry import trace

from telemetry.request import any_record, request_record

# Set on a record by whoever knows better than the moment does.
ATTRIBUTE = "telemetry_context"


class LogContext(NamedTuple):
    """Ids are hexadecimal, as OpenTelemetry has them in formats that are not its own."""

    trace_id: str = ""
    span_id: str = ""
    trace_flags: str = ""
    site: str | None = None
    route: str | None = None


NOWHERE = LogContext()


def current_context() -> LogContext:
    """The context of this moment; empty where there is no trace."""
    record = request_record()
    span = trace.get_current_span().get_span_context()
    site, route = (record.site, record.route) if record is not None else (None, None)
    if not span.is_valid:
        return NOWHERE if record is None else LogContext(site=site, route=route)
    outlived = any_record()
    if outlived is not None and outlived.ended:
        own = outlived.span.get_span_context()
        if own.span_id == span.span_id:
            # A task that outlives its request is not that one visitor's.
            return NOWHERE
    return LogContext(
        trace.format_trace_id(span.trace_id),
        trace.format_span_id(span.span_id),
        f"{span.trace_flags:02x}",
        site,
        route,
    )


class ContextFilter(logging.Filter):
    """Notes the context on every record: for handlers that format on another thread."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let it pass, with its context."""
        if not hasattr(record, ATTRIBUTE):
            setattr(record, ATTRIBUTE, current_context())
        return True


def context_of(record: logging.LogRecord) -> LogContext:
    """What was noted on the record, or the context of this moment."""
    noted = getattr(record, ATTRIBUTE, None)
    return noted if isinstance(noted, LogContext) else current_context()
