"""The `extra` fields of a log record."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from telemetry.logs.context import ATTRIBUTE, CAUSE_GROUP
from telemetry.logs.plain import all_without_headers, plain, text

if TYPE_CHECKING:
    from collections.abc import Container

# Attributes of every record, of formatters and of servers, which are not `extra`.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {
    "message",
    "asctime",
    "taskName",  # since Python 3.12
    "color_message",  # uvicorn's: the message with escape codes
    ATTRIBUTE,
    CAUSE_GROUP,
}


def extra_of(record: logging.LogRecord, taken: Container[str] = ()) -> dict[str, Any]:
    """The extra fields by name, with values as `plain` returns them.

    A name in ``taken`` gets the prefix ``extra.``. Django's ``request`` is left out:
    its text has the query string.
    """
    return {
        _unused(text(name), taken): all_without_headers(plain(value))
        for name, value in vars(record).items()
        if name not in _STANDARD and not (name == "request" and not isinstance(value, str | int))
    }


def _unused(name: str, taken: Container[str]) -> str:
    return f"extra.{name}" if name in taken else name
