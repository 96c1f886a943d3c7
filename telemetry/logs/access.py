"""The access log: one line for each request, written by the edge when the request has ended.

A line goes through `logging`, as any record, if a handler of the host might take it. Otherwise the
same line is made directly, without a record, the search for its caller, and a dictionary.
"""

from __future__ import annotations

import logging
import time
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, NamedTuple

from telemetry.logs.context import ATTRIBUTE, NO_IDS, LogContext
from telemetry.logs.throttle import Throttle
from telemetry.registry import log_fields as f
from telemetry.registry.redaction import MARGIN
from telemetry.request import ids_of
from telemetry.scope import MAX_PATH
from telemetry.state import state
from telemetry.terminal import printable

if TYPE_CHECKING:
    from typing import TextIO

    from telemetry.request import RequestRecord

    # The fields of a `LogContext` and of an `Access`: in a tuple, which takes a call less.
    Where = tuple[str, str, str, str | None, str | None]
    Said = tuple[str, str, int | None, float, int, str, bool, str | None, str | None]

LOGGER = "telemetry.access"
"""Name of the logger of access lines."""

logger = logging.getLogger(LOGGER)

_MESSAGE = "%s %s %s %.1f ms"
# In the order of `Access`. Plain, since logging's `extra` is written for each request.
FIELDS = (*map(str, f.ACCESS), str(f.CLIENT_ADDRESS), str(f.USER_AGENT))

# The beginning of uvicorn's line, which has the client's address and the query string.
_WEBSOCKET = '%s - "WebSocket %s"'


class ServersOwn(logging.Filter):
    """Drops uvicorn's access line of a WebSocket, which it writes to its error logger."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return False for the access line of a WebSocket."""
        return not str(record.msg).startswith(_WEBSOCKET)


class Access(NamedTuple):
    """What an access line says of a request, its context apart."""

    method: str
    """A known method, or ``_OTHER``."""
    path: str
    status: int | None
    """None if no response was started."""
    milliseconds: float
    size: int
    """Of the response's body, in bytes."""
    outcome: str
    kept: bool
    """Whether the trace is exported."""
    address: str | None
    """The client's address; None leaves it out."""
    agent: str | None
    """The ``User-Agent`` header; None leaves it out."""

    @property
    def answer(self) -> str:
        """The status as it is shown in the message."""
        return "no answer" if self.status is None else str(self.status)

    def fields(self) -> dict[str, Any]:
        """The record's ``extra`` fields."""
        return {
            name: value
            for place, (name, value) in enumerate(zip(FIELDS, self, strict=True))
            if place < _ALWAYS or value is not None
        }


_ALWAYS = len(f.ACCESS)
_LogRecord, _StreamHandler = logging.LogRecord, logging.StreamHandler


def log_request(
    record: RequestRecord,
    *,
    status: int | None,
    size: int,
    seconds: float,
    kept: bool,
    address: str | None = None,
    agent: str | None = None,
) -> None:
    """Log a request that has ended.

    Args:
        record: the request's record.
        status: the response's status; None if no response was started.
        size: size of the response's body in bytes.
        seconds: duration of the request.
        kept: whether its trace is exported.
        address: the client's address; None leaves it out.
        agent: the ``User-Agent`` header; None leaves it out.
    """
    # Not ERROR: the failure behind a 5xx is logged as an error already, and is an error event.
    level = logging.WARNING if status is None or status >= 500 else logging.INFO
    if not logger.isEnabledFor(level):
        return
    path = str(record.scope.get("path", ""))[: MAX_PATH + MARGIN]
    # To a whole number first: rounding to digits takes eight times as long.
    milliseconds = int(seconds * 1e6 + 0.5) / 1000
    said = record.method, path, status, milliseconds, size, record.outcome, kept, address, agent
    # Explicit, since the current context no longer has the request.
    context = (*(ids_of(record) or NO_IDS), record.site, record.own_route)
    handler = _only_handler(level)
    if handler is not None and _write(handler, level, context, said):
        return
    access = Access(*said)
    arguments = access.method, shown_path(path), access.answer, milliseconds
    extra = {**access.fields(), ATTRIBUTE: LogContext(*context)}
    logger.log(level, _MESSAGE, *arguments, extra=extra)


def shown_path(path: str) -> str:
    """The path as the message has it: a long one without the segment in which it is cut.

    A message is redacted as a whole, and not cut after that.
    """
    if len(path) > MAX_PATH:
        path = f"{path[: MAX_PATH - 1].rpartition('/')[0]}/…"
    return printable(path)


def _write(handler: logging.StreamHandler[TextIO], level: int, context: Where, said: Said) -> bool:
    """Write the line as the handler would; False if it has to be formatted as any record."""
    formatter: Any = handler.formatter
    try:
        line = formatter.access_line(level, time.time(), context, said)
        if line is None:
            return False
        line += handler.terminator
        # As the handler does, which locks twice.
        with handler.lock or nullcontext():
            stream = handler.stream
            stream.write(line)
            if hasattr(stream, "flush"):
                stream.flush()
    except Exception:  # noqa: BLE001 # as logging does: the stream may be closed
        handler.handleError(logger.makeRecord(logger.name, level, __file__, 0, _MESSAGE, (), None))
    return True


def _only_handler(level: int) -> logging.StreamHandler[TextIO] | None:
    """The handler that would write an access line as JSON, if no other one needs a record of it."""
    # Runs for each request, since logging may be configured anew at any time.
    if logger.filters or logging.getLogRecordFactory() is not _LogRecord:
        return None
    found: Any = None
    current: logging.Logger | None = logger
    while current is not None:
        for handler in current.handlers:
            if handler.__class__ is _StreamHandler:
                if level < handler.level:
                    continue
                if found is not None or not hasattr(handler.formatter, "access_line"):
                    return None
                for each in handler.filters:
                    # Other filters may do more with a record, as other handlers may.
                    if each.__class__ is not Throttle:
                        return None
                found = handler
            elif level >= handler.level and (
                state.export_access_lines or not getattr(handler, "skips_access_lines", False)
            ):
                return None
        current = current.parent if current.propagate else None
    return found  # type: ignore[no-any-return] # of this class, as was checked
