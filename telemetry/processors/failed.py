"""Notes where an exception happened, for whoever reports it later."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.trace import StatusCode

from telemetry import failures
from telemetry.failsafe import failed

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan


class FailedSpanProcessor(SpanProcessor):
    """Notes, on an exception that ends a span, which span that was."""

    def on_end(self, span: ReadableSpan) -> None:
        # Whoever reports the exception has left this span by then.
        try:
            if span.status.status_code is StatusCode.ERROR:
                error = sys.exc_info()[1]
                context = span.get_span_context()
                if error is not None and context is not None and _ended_by(span, error):
                    failures.happened_in(error, failures.Place.of(context))
        except Exception as error:  # noqa: BLE001 # the SDK guards nothing
            failed("the processor of failed spans", error)


def _ended_by(span: ReadableSpan, error: BaseException) -> bool:
    # Another may be in flight, where a span is started while one is handled.
    if not span.events or span.events[-1].name != "exception":
        return False
    told = (span.events[-1].attributes or {}).get("exception.type")
    return str(told).rpartition(".")[2] == type(error).__qualname__.rpartition(".")[2]
