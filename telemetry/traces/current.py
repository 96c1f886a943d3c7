"""Makes a span the current one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.context import Context, attach, detach, get_current
from opentelemetry.trace import Status, StatusCode

from telemetry.logs.plain import text
from telemetry.request import SPAN_KEY

if TYPE_CHECKING:
    from types import TracebackType

    from opentelemetry.trace import Span

_new: Any = object.__new__


def failure_of(error: BaseException) -> Status:
    """The status of a span whose block an exception has left."""
    return Status(StatusCode.ERROR, f"{type(error).__name__}: {text(error)}")


class CurrentSpan:
    """Makes a span the current one, as `opentelemetry.trace.use_span`, but without a generator.

    `current_span` makes it.
    """

    __slots__ = ("_end", "_record", "_set_status", "_span", "_token")

    _span: Span
    _end: bool
    _record: bool
    _set_status: bool
    _token: Any

    def __enter__(self) -> Span:
        span = self._span
        # As `set_span_in_context`, without its calls.
        self._token = attach(Context({**get_current(), SPAN_KEY: span}))
        return span

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        span = self._span
        detach(self._token)
        if error is None:
            if self._end:
                span.end()
            return
        try:
            # Others, such as GeneratorExit, are no errors.
            if isinstance(error, Exception) and span.is_recording():
                if self._record:
                    span.record_exception(error)
                if self._set_status:
                    span.set_status(failure_of(error))
        finally:
            if self._end:
                span.end()


def current_span(
    span: Span, *, end_on_exit: bool, record_exception: bool, set_status_on_exception: bool
) -> CurrentSpan:
    """A context manager within which a span is the current one.

    Args:
        span: the span.
        end_on_exit: whether the span ends with the block.
        record_exception: whether an exception that leaves the block is recorded as an event.
        set_status_on_exception: whether it becomes the span's status.
    """
    # Not by a constructor, which the interpreter calls in a slower way than a function.
    made: CurrentSpan = _new(CurrentSpan)
    made._span = span
    made._end = end_on_exit
    made._record = record_exception
    made._set_status = set_status_on_exception
    return made
