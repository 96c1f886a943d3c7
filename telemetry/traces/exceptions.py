"""Records exceptions on spans, those included that can't be described."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.trace import Status

from telemetry.errors import failures
from telemetry.logs.plain import text, without_headers
from telemetry.tracebacks import format_exception

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.trace import Span

EXCEPTION: Final = "exception"
"""Name of the event of an exception (OpenTelemetry's semantic conventions)."""


def record_exception(
    span: Span,
    exception: BaseException,
    attributes: Mapping[str, Any] | None,
    timestamp: int | None,
    *,
    escaped: bool,
) -> None:
    """Record an exception as the SDK does, and set the span as its origin, for its error event.

    With placeholders if its text or traceback raises.

    Args:
        span: the span.
        exception: the exception, of which any method may raise.
        attributes: further attributes of the event.
        timestamp: of the event, in nanoseconds; the present time unless given.
        escaped: whether it has left the span's block.
    """
    if span.is_recording():
        failures.set_origin(exception, failures.Origin.of(span.get_span_context()))
    kind = type(exception)
    module, name = kind.__module__, kind.__qualname__
    known = {
        "exception.type": f"{module}.{name}" if module and module != "builtins" else name,
        "exception.message": _message(exception),
        "exception.stacktrace": _stacktrace(exception),
        "exception.escaped": str(escaped),
        **(attributes or {}),
    }
    span.add_event(EXCEPTION, known, timestamp)


def exception_attributes(attributes: Mapping[str, Any] | None) -> dict[str, Any]:
    """The attributes of an event "exception", without the values of the request's headers."""
    return {
        name: without_headers(value) if isinstance(value, str) else value
        for name, value in (attributes or {}).items()
    }


def failed_status(status: Status) -> Status:
    """The status of a span, without the values of the request's headers in its description."""
    description = status.description
    if not description:
        return status
    found = without_headers(description)
    return status if found is description else Status(status.status_code, found)


def _message(exception: BaseException) -> str:
    try:
        return str(exception)
    except Exception:  # noqa: BLE001 # of the exception that is recorded
        return text(exception)


def _stacktrace(exception: BaseException) -> str:
    try:
        return format_exception(exception)
    except Exception:  # noqa: BLE001 # of the exception that is recorded
        return "".join(traceback.format_tb(exception.__traceback__))
