"""The `extra` fields of a log record."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from telemetry.logs.context import ATTRIBUTE, CAUSE_GROUP, FIELDS, Missing
from telemetry.logs.plain import all_without_headers, event_of, plain, text

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from telemetry.logs.context import LogContext

# What structlog adds for its formatter, to a record whose message is the event's dictionary.
_STRUCTLOG = frozenset({"_logger", "_name", "_record", "_from_structlog", "exc_info"})
# Attributes of every record, of formatters and of servers, which are not `extra`.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {
    "message",
    "asctime",
    "taskName",  # since Python 3.12
    "color_message",  # uvicorn's: the message with escape codes
    ATTRIBUTE,
    CAUSE_GROUP,
}


def extra_of(
    record: logging.LogRecord, context: LogContext, taken: Container[str] = ()
) -> dict[str, Any]:
    """The extra fields by name, with values as `plain` returns them.

    A name in ``taken`` gets the prefix ``extra.``. Django's ``request`` is left out:
    its text has the query string. So are the fields of the context that
    `telemetry.logs.fields` has set on the record, as its context has them already.
    """
    known = dict(zip(map(str, FIELDS), context, strict=True))
    return {
        _unused(text(name), taken): all_without_headers(plain(value))
        for name, value in _fields(record)
        if not isinstance(value, Missing)
        and not (name in known and value == known[name])
        and not (name == "request" and not isinstance(value, str | int))
    }


def _fields(record: logging.LogRecord) -> Iterator[tuple[str, object]]:
    own = _STANDARD
    event = event_of(record)
    if event is not None:
        own = _STANDARD | _STRUCTLOG
        yield from ((name, value) for name, value in event.fields.items() if name not in _STRUCTLOG)
    yield from ((name, value) for name, value in vars(record).items() if name not in own)


def _unused(name: str, taken: Container[str]) -> str:
    return f"extra.{name}" if name in taken else name
