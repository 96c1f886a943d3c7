"""Reports each failure to the error tracker once.

One exception may be seen several times: by a span, a thread's hook, a framework's
error page, the edge and the server's log. Each of these reports or logs it. The
exception itself is marked as reported; an exception that was raised `from` it is
the same failure. This module does not depend on a vendor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from opentelemetry import trace

from telemetry.failsafe import failed
from telemetry.request import any_record, request_record
from telemetry.state import state

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from opentelemetry.trace import SpanContext

    from telemetry.request import RequestRecord

    Listener = Callable[[Exception, str, RequestRecord | None], None]
    Keeper = Callable[..., bool]

# The values are plain, since an exception may be pickled. They are set in
# `__dict__` and not by setattr: an exception may be a frozen dataclass.
_ORIGIN = "_telemetry_origin"
_EVENT = "_telemetry_event"
_CAUSE = "_telemetry_cause"
_DROPPED = "_telemetry_dropped"

BY_REQUEST = "request"
"""Cause of a failure that what the client sent has caused alone."""


class Origin(NamedTuple):
    """The span in which an exception was raised or an event occurred."""

    trace_id: int
    span_id: int
    sampled: bool

    @classmethod
    def of(cls, context: SpanContext) -> Origin:
        """The origin for a span's context."""
        return cls(context.trace_id, context.span_id, context.trace_flags.sampled)


def report_to(listener: Listener | None) -> None:
    """Report failures to `listener(exception, caught_by, request_record)`; None stops it."""
    state.report_error = listener


def keep_traces_with(keeper: Keeper | None) -> None:
    """Keep traces of reported failures by `keeper`, which returns whether it did.

    It is called with the trace id and the arguments ``by_request`` and ``always`` of `is_kept`.
    """
    state.keep_trace = keeper


def is_kept(origin: Origin, *, by_request: bool = False, always: bool = False) -> bool:
    """Keep the origin's trace, and return whether it is or will be exported.

    Called before an error event links to the trace.

    Args:
        origin: the failed span.
        by_request: whether the request has caused the failure.
        always: keep it whatever the limit of traces says.
    """
    if origin.sampled or state.keep_trace is None:
        return origin.sampled
    return state.keep_trace(origin.trace_id, by_request=by_request, always=always)


def find_causes_with(judge: Callable[[BaseException, Any, bytes], bool] | None) -> None:
    """Find causes by `judge(exception, scope, body)`: whether the request has caused a failure."""
    state.is_caused_by_request = judge


def find_cause(error: BaseException, record: RequestRecord | None) -> bool:
    """Mark the exception and the record if the request has caused the failure; return whether."""
    if record is None or state.is_caused_by_request is None:
        return False
    if _CAUSE not in error.__dict__:
        error.__dict__[_CAUSE] = ""
        try:
            if state.is_caused_by_request(error, record.scope, record.body):
                error.__dict__[_CAUSE] = BY_REQUEST
        except Exception as problem:  # noqa: BLE001 # it is reported as the host's
            failed("errors.cause", problem)
    if error.__dict__[_CAUSE]:
        record.cause = BY_REQUEST
    return bool(error.__dict__[_CAUSE])


def is_by_request(error: BaseException | None) -> bool:
    """Whether `find_cause` has found that the request has caused a failure."""
    return error is not None and bool(error.__dict__.get(_CAUSE))


def report(error: BaseException, caught_by: str, record: RequestRecord | None = None) -> None:
    """Report an unhandled exception.

    Args:
        error: the exception. Ignored if it was reported before, or is not an `Exception`,
            such as a cancellation.
        caught_by: what caught it, for example ``datasette``.
        record: the request's record; the current one unless given.
    """
    if state.report_error is None or not isinstance(error, Exception):
        return
    try:
        record = record or request_record()
        if record is not None and record.outcome == "disconnected":
            # After the client has disconnected, errors are a consequence of that.
            mark_reported(error)
        elif is_reported(error):
            if record is not None:
                record.note_event(event_id_of(error))
        else:
            state.report_error(error, caught_by, record)
    except Exception as problem:  # noqa: BLE001 # the page comes first
        failed("errors.report", problem)


def set_origin(error: BaseException, origin: Origin | None) -> None:
    """Set the span in which an exception was raised. The first call wins: it is the innermost."""
    if origin is not None:
        error.__dict__.setdefault(_ORIGIN, tuple(origin))


def origin_of(error: BaseException) -> Origin | None:
    """The origin of an exception or of its causes, or None."""
    for each in _causes(error):
        origin = each.__dict__.get(_ORIGIN)
        if origin is not None:
            return Origin(*origin)
    return None


def current_origin() -> Origin | None:
    """The current span, or None if it is the span of a request that has ended.

    A task that outlives its request keeps the request's span in its context. Without
    this check, all later failures of the task would link to that request.
    """
    span = trace.get_current_span()
    context = span.get_span_context()
    if not context.is_valid:
        return None
    record = any_record()
    if record is not None and record.ended:
        outlived = context.span_id == record.span.get_span_context().span_id
        if outlived or not span.is_recording():
            return None
    return Origin.of(context)


def is_reported(error: BaseException) -> bool:
    """Whether an exception, or one of its causes, was reported."""
    return any(_EVENT in each.__dict__ for each in _causes(error))


def event_id_of(error: BaseException) -> str:
    """The id of the error event of an exception, or an empty string if there is none."""
    event_ids = (
        each.__dict__.get(_EVENT, "") for each in _causes(error) if _DROPPED not in each.__dict__
    )
    return next((event_id for event_id in event_ids if event_id), "")


def own_event_id(error: BaseException) -> str:
    """The id of the error event of this very exception, or an empty string."""
    event_id: str = error.__dict__.get(_EVENT, "")
    return event_id


def mark_reported(error: BaseException, event_id: str = "") -> None:
    """Mark an exception and its causes as reported, with the id of the error event if any."""
    for each in _causes(error):
        each.__dict__.setdefault(_EVENT, event_id)


def mark_dropped(error: BaseException, event_id: str) -> None:
    """Mark that an error event was not sent. The exception and its causes stay reported."""
    for each in _causes(error):
        if each.__dict__.get(_EVENT) == event_id:
            each.__dict__[_DROPPED] = True


def _causes(error: BaseException) -> Iterator[BaseException]:
    # Only `raise ... from`: an exception raised while another is handled is a separate failure.
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__
