"""Puts the request's site on everything that happens within it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from opentelemetry.sdk._logs import LogRecordProcessor
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.trace import StatusCode

from telemetry import failures
from telemetry.failsafe import failed
from telemetry.registry import attributes as a
from telemetry.request import request_record

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk._logs import ReadWriteLogRecord
    from opentelemetry.sdk.trace import ReadableSpan, Span


class RequestSpanProcessor(SpanProcessor):
    """Stamps ``corkboard.site`` on every span of a request, worker threads included.

    And notes, on an exception that ends a span, which span that was.
    """

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        # Datasette starts some spans with an empty parent context, so the
        # record is looked up in the current one. Background work has none:
        # leaving the attribute off beats guessing a site.
        try:
            record = request_record()
            if record is not None and record.site is not None:
                span.set_attribute(a.SITE, record.site)
        except Exception as error:  # noqa: BLE001 # the SDK guards nothing
            failed("the request's span processor", error)

    def on_end(self, span: ReadableSpan) -> None:
        # Whoever reports the exception has left this span by then.
        try:
            if span.status.status_code is StatusCode.ERROR:
                error = sys.exc_info()[1]
                context = span.get_span_context()
                if error is not None and context is not None and _ended_by(span, error):
                    failures.happened_in(error, failures.Place.of(context))
        except Exception as error:  # noqa: BLE001
            failed("the request's span processor", error)


class RequestLogProcessor(LogRecordProcessor):
    """Stamps ``corkboard.site`` and ``http.route`` on every log record of a request."""

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        try:
            record = request_record()
            if record is None:
                return
            known = {a.SITE: record.site, a.HTTP_ROUTE: record.route}
            log_record.log_record.attributes = {
                **(log_record.log_record.attributes or {}),
                **{key: value for key, value in known.items() if value is not None},
            }
        except Exception as error:  # noqa: BLE001 # the SDK guards nothing
            failed("the request's log processor", error)

    def shutdown(self) -> None:
        """Nothing is held."""

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Nothing is held."""
        return True


def _ended_by(span: ReadableSpan, error: BaseException) -> bool:
    # Another may be in flight, where a span is started while one is handled.
    if not span.events or span.events[-1].name != "exception":
        return False
    told = (span.events[-1].attributes or {}).get("exception.type")
    return str(told).rpartition(".")[2] == type(error).__qualname__.rpartition(".")[2]
