"""The access log: one line for each request, written by the edge when the request has ended."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from telemetry.logs.context import ATTRIBUTE, LogContext
from telemetry.registry import log_fields as f
from telemetry.scope import MAX_PATH
from telemetry.terminal import printable

if TYPE_CHECKING:
    from telemetry.request import RequestRecord

LOGGER = "telemetry.access"
"""Name of the logger of access lines."""

logger = logging.getLogger(LOGGER)

# The beginning of uvicorn's line, which has the client's address and the query string.
_WEBSOCKET = '%s - "WebSocket %s"'


class ServersOwn(logging.Filter):
    """Drops uvicorn's access line of a WebSocket, which it writes to its error logger."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Return False for the access line of a WebSocket."""
        return not str(record.msg).startswith(_WEBSOCKET)


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
    path = str(record.scope.get("path", ""))[:MAX_PATH]
    known: dict[str, object] = {
        f.METHOD: record.method,
        f.PATH: path,
        f.STATUS: status,
        f.MILLISECONDS: round(seconds * 1000, 3),
        f.BYTES: size,
        f.OUTCOME: record.outcome,
        f.KEPT: kept,
        # Explicit, since the current context no longer has the request.
        ATTRIBUTE: LogContext.of(record.span.get_span_context(), record),
    }
    if address is not None:
        known[f.CLIENT_ADDRESS] = address
    if agent is not None:
        known[f.USER_AGENT] = agent
    answered = "no answer" if status is None else str(status)
    logger.log(
        level,
        "%s %s %s %.1f ms",
        record.method,
        printable(path),
        answered,
        seconds * 1000,
        extra={str(key): value for key, value in known.items()},
    )
