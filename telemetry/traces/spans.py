"""Spans that are measured by the monotonic clock, and that mark the exceptions they record.

The SDK ends a span at the time of the system clock. If that clock is set back meanwhile, the span
ends before it has started. It also has no hook for a recorded exception, of which an ended span
has only the text. Both are methods of the span. The class that the SDK's tracer uses has a private
name, which is replaced. Without it a started span gets the class below, which costs a microsecond.
"""

from __future__ import annotations

from time import perf_counter_ns, time_ns
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk import trace as sdk
from opentelemetry.trace import Status

from telemetry import private_api
from telemetry.failsafe import failed
from telemetry.logs.plain import without_headers
from telemetry.traces.exceptions import (
    EXCEPTION,
    exception_attributes,
    failed_status,
    record_exception,
)

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import StatusCode

# Looked up once: `super()` in each call takes as long as reading a clock.
_add_event, _set_status, _start, _end = (
    sdk.Span.add_event,
    sdk.Span.set_status,
    sdk.Span.start,
    sdk.Span.end,
)


def record_spans() -> None:
    """Have the SDK create `RecordedSpan`. Otherwise the processor changes each span's class."""
    private_api.replace(private_api.SDK_SPAN, RecordedSpan)


class RecordedSpan(sdk.Span):
    """A span of the SDK, as `record_spans` or `RecordedSpanProcessor` makes it."""

    clock_offset: int
    """Nanoseconds from the monotonic clock to the system clock, when the span was started."""

    def start(self, start_time: int | None = None, parent_context: Context | None = None) -> None:
        """Start the span; its clock is that of now, though the caller may give another start."""
        self.clock_offset = time_ns() - perf_counter_ns()
        _start(self, start_time, parent_context)

    def end(self, end_time: int | None = None) -> None:
        """End the span, at the latest time of its clock unless given; never before its start."""
        if end_time is None:
            end_time = self.clock_offset + perf_counter_ns()
        start_time = self.start_time
        # Datasette reads the system clock for the start and the end of a wait.
        if start_time is not None and end_time < start_time:
            end_time = start_time
        _end(self, end_time)

    def add_event(self, name: str, attributes: Any = None, timestamp: int | None = None) -> None:
        """Add an event, at a time between the span's start and end unless given."""
        if timestamp is None:
            timestamp = self.clock_offset + perf_counter_ns()
        if name == EXCEPTION:
            attributes = exception_attributes(attributes)
        _add_event(self, name, attributes, timestamp)

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        """Set the status. Its description has no header of the request."""
        if isinstance(status, Status):
            status = failed_status(status)
        elif description is not None:
            description = without_headers(description)
        _set_status(self, status, description)

    def record_exception(
        self,
        exception: BaseException,
        attributes: Any = None,
        timestamp: int | None = None,
        escaped: bool = False,
    ) -> None:
        """Record an exception, and set the span as its origin, for its error event."""
        record_exception(self, exception, attributes, timestamp, escaped=escaped)


class RecordedSpanProcessor(sdk.SpanProcessor):
    """Makes each started span a `RecordedSpan`. It has to be the first processor."""

    def on_start(self, span: sdk.Span, parent_context: Context | None = None) -> None:
        if span.__class__ is RecordedSpan:
            return
        try:
            # Not by the span's start, which the caller may have given.
            span.clock_offset = time_ns() - perf_counter_ns()  # type: ignore[attr-defined]
            span.__class__ = RecordedSpan
        except Exception as error:  # noqa: BLE001 # the SDK guards nothing
            failed("errors.span_processor", error)
