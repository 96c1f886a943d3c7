"""OpenTelemetry's log bridge for the standard library's `logging`.

Contrib's handler passes a record's attributes on unchanged, flushes on another
thread whenever `logging` is configured again or shut down, and sends log records
about failed exports to the same exporters.
"""

from __future__ import annotations

import logging
from contextvars import ContextVar
from typing import TYPE_CHECKING

from opentelemetry import trace
from opentelemetry._logs import LogRecord
from opentelemetry.context import Context
from opentelemetry.instrumentation.log_utils import std_to_otel
from opentelemetry.instrumentation.utils import is_instrumentation_enabled
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from telemetry.failsafe import failed
from telemetry.logs import access
from telemetry.logs.client_errors import is_by_client, level_of
from telemetry.logs.context import CAUSE_GROUP, LogContext, context_of
from telemetry.logs.exception import exception_fields
from telemetry.logs.extra import extra_of
from telemetry.logs.plain import message_of, text
from telemetry.logs.throttle import is_of_sender
from telemetry.registry import log_fields as f
from telemetry.request import NO_SPAN
from telemetry.state import state

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Send = Callable[[str, LogRecord], None]

# OpenTelemetry's names for Python's (logs data model, "Displaying Severity").
_SEVERITIES = {"WARNING": "WARN", "CRITICAL": "FATAL"}

_emitting = ContextVar("emitting", default=False)


def send_to(send: Send | None, admit: Callable[[Sequence[str]], bool] | None = None) -> None:
    """Send the records of every bridge by ``send(logger_name, record)``; None sends none.

    Args:
        send: sends a record.
        admit: returns whether another record is sent of what a client has caused, such as a
            failure, given its group.
    """
    state.emit_log_record = send
    state.admit_log_record = admit


class LogBridge(logging.Handler):
    """Handler that passes log records to the pipeline, or drops them if it exports no logs.

    Also drops records of OpenTelemetry's loggers and records that are logged during
    an export: with an unreachable backend, each would cause another one. And access
    lines, unless TELEMETRY_ACCESS_LOG is ``all``: spans and metrics have the same data.

    Example:
        >>> import logging
        >>> from telemetry.logs.bridge import LogBridge
        >>> logging.getLogger().addHandler(LogBridge())
    """

    skips_access_lines = True
    """Whether access lines are left out, unless TELEMETRY_ACCESS_LOG is ``all``."""

    def handle(self, record: logging.LogRecord) -> bool:
        """Emit without `logging`'s lock: the handler has no state, and requests need not wait."""
        wanted = bool(self.filter(record))
        if wanted:
            self.emit(record)
        return wanted

    def emit(self, record: logging.LogRecord) -> None:
        """Convert and send the record. Never raises, except under tests."""
        if (
            state.emit_log_record is None
            or _emitting.get()
            or record.name.partition(".")[0] == "opentelemetry"
            or (record.name == access.LOGGER and not state.export_access_lines)
            or not is_instrumentation_enabled()
            or is_of_sender(record)
            or not _is_admitted(record)
        ):
            return
        token = _emitting.set(True)
        try:
            state.emit_log_record(record.name, _log_record(record))
        except Exception as error:  # noqa: BLE001 # logging must not raise
            failed("logs.bridge", error)
        finally:
            _emitting.reset(token)


def _is_admitted(record: logging.LogRecord) -> bool:
    """False for what a client has caused, if the limit of such records is reached."""
    if state.admit_log_record is None:
        return True
    group = getattr(record, CAUSE_GROUP, None)
    if group is None and is_by_client(record):
        # A line of Django's or of a server's code.
        group = (record.name, str(record.lineno), str(getattr(record, "status_code", "")))
    return group is None or state.admit_log_record(group)


def _log_record(record: logging.LogRecord) -> LogRecord:
    context = context_of(record)
    known = {f.SITE: context.site, f.HTTP_ROUTE: context.route, **exception_fields(record)}
    extra = extra_of(record, context, known)
    level, name = level_of(record)
    return LogRecord(
        timestamp=int(record.created * 1e9),
        context=_span_context(context),
        severity_number=std_to_otel(level),
        severity_text=_SEVERITIES.get(name, text(name)),
        body=message_of(record),
        attributes={
            str(key): value for key, value in {**known, **extra}.items() if value is not None
        },
    )


def _span_context(context: LogContext) -> Context:
    if not context.trace_id:
        return NO_SPAN
    span = SpanContext(
        int(context.trace_id, 16),
        int(context.span_id, 16),
        is_remote=False,
        trace_flags=TraceFlags(int(context.trace_flags, 16)),
    )
    return trace.set_span_in_context(NonRecordingSpan(span), Context())
