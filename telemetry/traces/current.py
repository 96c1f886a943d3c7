"""Makes a span the current one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry import context as context_api
from opentelemetry import trace
from opentelemetry.trace import Status, StatusCode

from telemetry.logs.plain import text

if TYPE_CHECKING:
    from types import TracebackType

    from opentelemetry.trace import Span


def failure_of(error: BaseException) -> Status:
    """The status of a span whose block an exception has left."""
    return Status(StatusCode.ERROR, f"{type(error).__name__}: {text(error)}")


class CurrentSpan:
    """Makes a span the current one, as `opentelemetry.trace.use_span`, but without a generator.

    Args:
        span: the span.
        end_on_exit: whether the span ends with the block.
        record_exception: whether an exception that leaves the block is recorded as an event.
        set_status_on_exception: whether it becomes the span's status.
    """

    __slots__ = ("_end", "_record", "_set_status", "_span", "_token")

    def __init__(
        self,
        span: Span,
        *,
        end_on_exit: bool,
        record_exception: bool,
        set_status_on_exception: bool,
    ) -> None:
        self._span = span
        self._end = end_on_exit
        self._record = record_exception
        self._set_status = set_status_on_exception
        self._token: Any = None

    def __enter__(self) -> Span:
        self._token = context_api.attach(trace.set_span_in_context(self._span))
        return self._span

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        span = self._span
        context_api.detach(self._token)
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
