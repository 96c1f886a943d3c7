"""A record's `extra`: what the code that logged it gave, beside the message."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from telemetry.logs.context import ATTRIBUTE
from telemetry.logs.plain import plain, text

if TYPE_CHECKING:
    from collections.abc import Container

# What a record has by itself, what formatters add, and what servers log for their own.
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {
    "message",
    "asctime",
    "taskName",  # since Python 3.12
    "color_message",  # uvicorn's: the message once more, with escape codes
    ATTRIBUTE,
}


def extra_of(record: logging.LogRecord, taken: Container[str] = ()) -> dict[str, Any]:
    """By name, as `plain` has it; ``extra.`` before a name that is taken.

    Django's ``request`` is left out: its text has the query string.
    """
    return {
        _free(text(name), taken): plain(value)
        for name, value in vars(record).items()
        if name not in _OWN and not (name == "request" and not isinstance(value, str | int))
    }


def _free(name: str, taken: Container[str]) -> str:
    return f"extra.{name}" if name in taken else name
