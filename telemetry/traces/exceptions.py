"""Records exceptions on spans, those included that can't be described."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.trace import Status

from telemetry.logs.plain import text, without_headers

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.trace import Span

EXCEPTION: Final = "exception"
"""Name of the event of an exception (OpenTelemetry's semantic conventions)."""


def record_exception(
    record: Callable[..., None], span: Span, exception: BaseException, *args: Any, **kwargs: Any
) -> None:
    """Record an exception as the SDK does; with placeholders if its text or traceback raises.

    Args:
        record: the SDK's method.
        span: its first argument.
        exception: the exception, of which any method may raise.
        *args, **kwargs: its further arguments.
    """
    try:
        record(span, exception, *args, **kwargs)
    except Exception:  # noqa: BLE001 # of the exception that is recorded
        kind = type(exception)
        name = kind.__qualname__
        span.add_event(
            EXCEPTION,
            {
                "exception.type": name
                if kind.__module__ == "builtins"
                else f"{kind.__module__}.{name}",
                "exception.message": text(exception),
                "exception.stacktrace": _stacktrace(exception),
                "exception.escaped": str(bool(kwargs.get("escaped", False))),
            },
        )


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


def _stacktrace(exception: BaseException) -> str:
    try:
        return "".join(traceback.format_exception(exception))
    except Exception:  # noqa: BLE001 # of the exception that is recorded
        return "".join(traceback.format_tb(exception.__traceback__))
