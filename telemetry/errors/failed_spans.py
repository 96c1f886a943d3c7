"""Notes in which span an exception happened, for what reports it later."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.trace import SpanProcessor

from telemetry.errors import failures
from telemetry.failsafe import failed
from telemetry.registry.datasette import SCOPE

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import Span


class FailedSpanProcessor(SpanProcessor):
    """Notes, on an exception that a span records, which span that was.

    When the span ends it has only the exception's text; and what thread it is ended on, and when,
    says nothing of the exception. So the exception is noted as it is recorded, by the method of
    this one span: the SDK offers no other place.
    """

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        try:
            scope = span.instrumentation_scope
            # Datasette's spans are wrapped already, and note it themselves.
            if scope is None or scope.name != SCOPE:
                span.record_exception = _Noting(span)  # type: ignore[method-assign]
        except Exception as error:  # noqa: BLE001 # the SDK guards nothing
            failed("errors.span_processor", error)


class _Noting:
    """``record_exception`` of one span."""

    __slots__ = ("_span",)

    def __init__(self, span: Span) -> None:
        # Not held: a span that holds itself would wait for the garbage collector.
        self._span = weakref.ref(span)

    def __call__(self, exception: BaseException, *args: Any, **kwargs: Any) -> None:
        span = self._span()
        if span is None:
            return
        if span.is_recording():
            failures.set_origin(exception, failures.Origin.of(span.get_span_context()))
        type(span).record_exception(span, exception, *args, **kwargs)
