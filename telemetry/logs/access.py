"""The access line: one for each request, when it has ended, from whoever saw all of it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from telemetry.logs.context import ATTRIBUTE, LogContext
from telemetry.registry import log_fields as f
from telemetry.scope import MAX_PATH
from telemetry.terminal import printable

if TYPE_CHECKING:
    from telemetry.request import RequestRecord

logger = logging.getLogger("telemetry.access")

# With the client's address before it and the query string in it.
_WEBSOCKET = '%s - "WebSocket %s"'


class ServersOwn(logging.Filter):
    """Stops uvicorn's access line for a WebSocket, which it logs among its errors."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether it is another line."""
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
    """Write the line of a request that has ended.

    Args:
        record: what is known of it.
        status: None where no response was begun.
        size: bytes of the response's body.
        seconds: from its first byte to its last.
        kept: whether its trace is exported.
        address: the client's, where it is to be told.
        agent: what the client says it is, where that is to be told.
    """
    # Not an error: the failure that it came from has been logged as one, and tracked.
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
        # The request is over: the moment knows nothing of it any more.
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
