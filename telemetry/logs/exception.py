"""Fields of a logged exception."""

from __future__ import annotations

import logging
import sys
from typing import Any

from telemetry.logs.client_errors import is_client_error
from telemetry.logs.plain import event_of, text, without_headers
from telemetry.registry import log_fields as f
from telemetry.tracebacks import format_exception

_FORMATTER = logging.Formatter()


def exception_fields(record: logging.LogRecord) -> dict[str, str]:
    """Type, message and traceback of the record's exception, by OpenTelemetry's attribute names."""
    fields: dict[str, str] = {}
    if is_client_error(record):
        return fields
    found = _exc_info(record)
    error = found[1] if found else None
    if error is not None:
        fields[f.EXCEPTION_TYPE] = _class_of(error)
        fields[f.EXCEPTION_MESSAGE] = without_headers(text(error))
    traceback = traceback_of(record)
    if traceback:
        fields[f.EXCEPTION_STACKTRACE] = traceback
    return fields


def traceback_of(record: logging.LogRecord) -> str:
    """The traceback and the stack of a record, or an empty string. Never raises.

    A client error that Django logs has no traceback.
    """
    if is_client_error(record):
        return ""
    parts = []
    try:
        found = _exc_info(record)
        if found and found[0] is not None:
            parts.append(_formatted(found))
        elif record.exc_text:
            parts.append(record.exc_text)
        if record.stack_info:
            parts.append(_FORMATTER.formatStack(record.stack_info))
    except Exception as error:  # noqa: BLE001 # str() of an exception may raise
        parts.append(f"<traceback that can't be shown: {type(error).__name__}>")
    return without_headers(text("\n".join(parts)))


def _exc_info(record: logging.LogRecord) -> Any:
    """The record's exception as `sys.exc_info` gives one, or a false value."""
    event = None if record.exc_info else event_of(record)
    if event is None:
        return record.exc_info
    # structlog's formatter looks for it where the event has it.
    given = event.fields.get("exc_info")
    if isinstance(given, BaseException):
        return type(given), given, given.__traceback__
    return given if isinstance(given, tuple) and len(given) == 3 else given and sys.exc_info()


def _formatted(raised: Any) -> str:
    _, error, traceback = raised
    if isinstance(error, BaseException) and error.__traceback__ is traceback:
        return format_exception(error).removesuffix("\n")
    # A framework has left out some frames.
    return _FORMATTER.formatException(raised)


def _class_of(error: BaseException) -> str:
    kind = type(error)
    name = kind.__qualname__
    return name if kind.__module__ == "builtins" else f"{kind.__module__}.{name}"
