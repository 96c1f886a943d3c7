"""The trace, site and route of a log record."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from opentelemetry import trace

from telemetry.registry import log_fields as f
from telemetry.request import any_record, ids_of, keep_header_values, last_request, request_record

if TYPE_CHECKING:
    import logging

    from opentelemetry.trace import SpanContext

    from telemetry.request import RequestRecord

# Attribute of a record with an explicit LogContext, used instead of the current one.
ATTRIBUTE = "telemetry_context"
_MARK = "_telemetry_context"
# Loggers that servers write to in the task of a request, when the application has returned.
_SERVERS = frozenset({"uvicorn.error", "gunicorn.error", "hypercorn.error"})
FIELDS = (f.TRACE_ID, f.SPAN_ID, f.TRACE_FLAGS, f.SITE, f.HTTP_ROUTE)
"""Names of what a `LogContext` has, in its order."""
_IDS = re.compile("[0-9a-f]{32} [0-9a-f]{16} [0-9a-f]{2}")
CAUSE_GROUP = "telemetry_cause_group"
"""Attribute of a log record about a failure that its request has caused: the failure's group."""


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

    @classmethod
    def of_request(cls, record: RequestRecord) -> LogContext:
        """The context of a request's SERVER span."""
        ids = ids_of(record)
        if ids is None:
            return cls(site=record.site, route=record.route)
        return cls(*ids, record.site, record.route)


NO_IDS = "", "", ""
"""The ids of a context without a trace."""
NOWHERE = LogContext()


class Missing(str):
    """The text of a field that a record does not have, for formats that need it."""

    __slots__ = ()


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
    """The context that was set on the record, the current one, or that of a request that ended.

    The last is for the server's own lines: the traceback of an exception that has left the
    application, and a response that is missing.
    """
    attached = getattr(record, ATTRIBUTE, None)
    if isinstance(attached, LogContext):
        return attached
    found = current_context()
    if found.trace_id:
        return found
    return _of_fields(record) or _of_exception(record) or _of_server(record) or found


def _of_fields(record: logging.LogRecord) -> LogContext | None:
    """The context whose fields are on a record that another thread logged, behind a queue."""
    values = [getattr(record, name, None) for name in FIELDS]
    trace_id, span_id, flags, site, route = (
        each if isinstance(each, str) and not isinstance(each, Missing) else None for each in values
    )
    if not (trace_id and span_id and flags and _IDS.fullmatch(f"{trace_id} {span_id} {flags}")):
        return None
    return LogContext(trace_id, span_id, flags, site, route)


def mark_context(error: BaseException, record: RequestRecord) -> None:
    """Set the context in which an exception was raised, for those who log it later."""
    context = LogContext.of_request(record)
    # Plain, and in `__dict__`: see `telemetry.errors.failures`.
    error.__dict__.setdefault(_MARK, tuple(context))
    keep_header_values(record)


def _of_exception(record: logging.LogRecord) -> LogContext | None:
    error = record.exc_info[1] if record.exc_info else None
    mark = error.__dict__.get(_MARK) if error is not None else None
    return LogContext(*mark) if mark else None


def _of_server(record: logging.LogRecord) -> LogContext | None:
    last = last_request() if record.name in _SERVERS else None
    if last is None:
        return None
    ids, site, route = last
    return LogContext(*(ids or NO_IDS), site, route)
