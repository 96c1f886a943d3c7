"""Records the span in which an exception was raised, for error events."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.trace import SpanProcessor

from telemetry.errors import failures
from telemetry.failsafe import failed

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import Span


class FailedSpanProcessor(SpanProcessor):
    """Sets the origin of an exception to the span that records it.

    An ended span has only the exception's text, and may be ended later or on another thread. So
    the exception is marked when it is recorded, by replacing ``record_exception`` of each span:
    the SDK has no hook for it.
    """

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        try:
            span.record_exception = _RecordException(span)  # type: ignore[method-assign]
        except Exception as error:  # noqa: BLE001 # the SDK guards nothing
            failed("errors.span_processor", error)


class _RecordException:
    """``record_exception`` of one span."""

    __slots__ = ("_span",)

    def __init__(self, span: Span) -> None:
        # A weak reference: a reference cycle would delay freeing the span until
        # garbage collection.
        self._span = weakref.ref(span)

    def __call__(self, exception: BaseException, *args: Any, **kwargs: Any) -> None:
        span = self._span()
        if span is None:
            return
        if span.is_recording():
            failures.set_origin(exception, failures.Origin.of(span.get_span_context()))
        type(span).record_exception(span, exception, *args, **kwargs)
