"""Small events for the event processor, with spans and requests that they belong to."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.context import Context, attach, detach
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON

from telemetry.errors.sentry.events import RECORD, EventProcessor
from telemetry.request import RequestRecord, attach_record
from tests.telemetry.asgi.driving import http_scope
from tests.telemetry.settings.reading import read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from telemetry.settings import Settings

TRACE_URL = "https://traces.example.org/{trace_id}/?again={trace_id}"
SETTINGS = read(SENTRY_DSN="https://key@example.org/1", TELEMETRY_TRACE_URL=TRACE_URL)
ID = "c0" * 16
# Sentry's SDK generates ids where there is no trace.
MADE_UP = {"trace": {"trace_id": "f" * 32, "span_id": "f" * 16}}


class MinutesLostError(Exception):
    pass


def process(
    event: dict[str, Any] | None = None,
    error: BaseException | None = None,
    *,
    traced: bool = True,
    settings: Settings = SETTINGS,
    record: RequestRecord | None = None,
    log_record: logging.LogRecord | None = None,
) -> Any:
    """Return the processor's result for an event."""
    hint: dict[str, Any] = {RECORD: record} if record is not None else {}
    if log_record is not None:
        hint["log_record"] = log_record
    if error is not None:
        hint["exc_info"] = (type(error), error, error.__traceback__)
    given: Any = {"event_id": ID, "contexts": dict(MADE_UP)} | (event or {})
    return EventProcessor(settings, traced=traced)(given, hint)


def a_span(sampled: bool = True) -> trace.Span:
    provider = TracerProvider(ALWAYS_ON if sampled else ALWAYS_OFF, shutdown_on_exit=False)
    return provider.get_tracer("test").start_span("x", Context())


def record_of(span: trace.Span | None = None, **scope: Any) -> RequestRecord:
    return RequestRecord("GET", span or a_span(), http_scope(**scope))


@contextmanager
def serving(record: RequestRecord) -> Iterator[RequestRecord]:
    """Make a record the current request, and its span the current one."""
    token = attach(attach_record(record, trace.set_span_in_context(record.span)))
    try:
        yield record
    finally:
        detach(token)


def log(name: str = "host") -> logging.LogRecord:
    return logging.LogRecord(name, logging.ERROR, "host.py", 1, "text", None, None)


def trace_context(span: trace.Span) -> dict[str, str]:
    """Return the trace context of a span."""
    context = span.get_span_context()
    return {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}
