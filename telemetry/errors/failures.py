"""What failed, told once: to whoever tracks errors, by whoever sees the exception first.

One exception passes many on its way out: a span that it ends, a thread, a
framework's error page, the edge, the server's log. Each tells of it here or
logs it, and the exception itself carries the note that it has been told; what
was raised `from` it is the same failure. Nothing here knows a vendor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from opentelemetry import trace

from telemetry.failsafe import failed
from telemetry.request import any_record, request_record
from telemetry.state import state

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from opentelemetry.trace import SpanContext

    from telemetry.request import RequestRecord

    Listener = Callable[[Exception, str, RequestRecord | None], None]
    Keeper = Callable[[int], bool]

# Plain values, since an exception may be pickled. In `__dict__` and not by
# setattr: an exception may be a frozen dataclass.
_ORIGIN = "_telemetry_place"
_EVENT = "_telemetry_event"


class Origin(NamedTuple):
    """The span in which something happened."""

    trace_id: int
    span_id: int
    sampled: bool

    @classmethod
    def of(cls, context: SpanContext) -> Origin:
        """A span's."""
        return cls(context.trace_id, context.span_id, context.trace_flags.sampled)


def report_to(listener: Listener | None) -> None:
    """Have failures told to `listener`: the exception, who caught it, and its request's record."""
    state.report_error = listener


def keep_traces_with(keeper: Keeper | None) -> None:
    """Have `keeper` keep the traces of what is told: given an id, it says whether it still can."""
    state.keep_trace = keeper


def is_kept(origin: Origin) -> bool:
    """Whether the trace is exported, or will be from now on: somebody is about to link to it."""
    return origin.sampled or (state.keep_trace is not None and state.keep_trace(origin.trace_id))


def report(error: BaseException, caught_by: str, record: RequestRecord | None = None) -> None:
    """Tell of an exception that nobody handled.

    Args:
        error: one that was told before adds nothing; what is no `Exception`, such as a
            cancellation, is no failure.
        caught_by: what saw it, for example ``datasette``.
        record: its request's, where that is not the current one.
    """
    if state.report_error is None or not isinstance(error, Exception):
        return
    try:
        record = record or request_record()
        if record is not None and record.outcome == "disconnected":
            # What fails after the visitor has left fails because of that.
            mark_reported(error)
        elif is_reported(error):
            if record is not None:
                record.note_event(event_id_of(error))
        else:
            state.report_error(error, caught_by, record)
    except Exception as problem:  # noqa: BLE001 # the page comes first
        failed("errors.report", problem)


def set_origin(error: BaseException, origin: Origin | None) -> None:
    """Note the span in which an exception happened. The first is the innermost, and stays."""
    if origin is not None:
        error.__dict__.setdefault(_ORIGIN, tuple(origin))


def origin_of(error: BaseException) -> Origin | None:
    """Where it happened, if a span ended by it."""
    for each in _causes(error):
        origin = each.__dict__.get(_ORIGIN)
        if origin is not None:
            return Origin(*origin)
    return None


def current_origin() -> Origin | None:
    """The current span, unless it is one that its request has left behind.

    A task that outlives its request keeps the request's span in its context:
    for as long as it runs, its failures would be that one visitor's.
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
    """Whether it, or what it was raised from, has been told already."""
    return any(_EVENT in each.__dict__ for each in _causes(error))


def event_id_of(error: BaseException) -> str:
    """The id of the event that it became, or an empty string."""
    told = (each.__dict__.get(_EVENT, "") for each in _causes(error))
    return next((event for event in told if event), "")


def mark_reported(error: BaseException, event_id: str = "") -> None:
    """Note that it, and what it was raised from, needs no telling any more."""
    for each in _causes(error):
        each.__dict__.setdefault(_EVENT, event_id)


def _causes(error: BaseException) -> Iterator[BaseException]:
    # Only `raise ... from`: what is raised while another is handled is a fault of its own.
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__
