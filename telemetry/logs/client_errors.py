"""What clients cause in the logs of Django and of servers: it is not a failure of the host."""

from __future__ import annotations

import logging

# First parts of the names of loggers. Some log a line for each connection or malformed request.
_SERVERS = frozenset(
    {"uvicorn", "gunicorn", "hypercorn", "daphne", "granian", "websockets", "asyncio"}
)


def is_client_error(record: logging.LogRecord) -> bool:
    """Whether Django logged a 4xx response: an invalid host, too many fields, a missing page."""
    status = getattr(record, "status_code", None)
    return record.name.startswith("django.") and isinstance(status, int) and 400 <= status < 500


def is_by_client(record: logging.LogRecord) -> bool:
    """Whether any client can cause as many such records as it likes, without a failure.

    The few lines of a server's own start and end are among them.
    """
    if record.levelno <= logging.WARNING and record.name.partition(".")[0] in _SERVERS:
        return True
    return is_client_error(record)


def level_of(record: logging.LogRecord) -> tuple[int, str]:
    """The level and its name. A client error, which Django may log as ERROR, is WARNING at most."""
    if record.levelno > logging.WARNING and is_client_error(record):
        return logging.WARNING, "WARNING"
    return record.levelno, record.levelname
