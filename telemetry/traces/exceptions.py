"""Records exceptions on spans, those included that can't be described."""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any

from telemetry.logs.plain import text

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.trace import Span


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
            "exception",
            {
                "exception.type": name
                if kind.__module__ == "builtins"
                else f"{kind.__module__}.{name}",
                "exception.message": text(exception),
                "exception.stacktrace": _stacktrace(exception),
                "exception.escaped": str(bool(kwargs.get("escaped", False))),
            },
        )


def _stacktrace(exception: BaseException) -> str:
    try:
        return "".join(traceback.format_exception(exception))
    except Exception:  # noqa: BLE001 # of the exception that is recorded
        return "".join(traceback.format_tb(exception.__traceback__))
