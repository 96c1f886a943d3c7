"""Fields of a logged exception."""

from __future__ import annotations

import logging

from telemetry.logs.client_errors import is_client_error
from telemetry.logs.plain import text, without_headers
from telemetry.registry import log_fields as f

_FORMATTER = logging.Formatter()


def exception_fields(record: logging.LogRecord) -> dict[str, str]:
    """Type, message and traceback of the record's exception, by OpenTelemetry's attribute names."""
    fields: dict[str, str] = {}
    if is_client_error(record):
        return fields
    error = record.exc_info[1] if record.exc_info else None
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
        if record.exc_info and record.exc_info[0] is not None:
            parts.append(_FORMATTER.formatException(record.exc_info))
        elif record.exc_text:
            parts.append(record.exc_text)
        if record.stack_info:
            parts.append(_FORMATTER.formatStack(record.stack_info))
    except Exception as error:  # noqa: BLE001 # str() of an exception may raise
        parts.append(f"<traceback that can't be shown: {type(error).__name__}>")
    return without_headers(text("\n".join(parts)))


def _class_of(error: BaseException) -> str:
    kind = type(error)
    name = kind.__qualname__
    return name if kind.__module__ == "builtins" else f"{kind.__module__}.{name}"
