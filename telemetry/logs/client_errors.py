"""Client errors in Django's log: a 4xx response is not a failure of the host."""

from __future__ import annotations

import logging


def is_client_error(record: logging.LogRecord) -> bool:
    """Whether Django logged a 4xx response: an invalid host, too many fields, a missing page."""
    status = getattr(record, "status_code", None)
    return record.name.startswith("django.") and isinstance(status, int) and 400 <= status < 500


def level_of(record: logging.LogRecord) -> tuple[int, str]:
    """The level and its name. A client error, which Django may log as ERROR, is WARNING at most."""
    if record.levelno > logging.WARNING and is_client_error(record):
        return logging.WARNING, "WARNING"
    return record.levelno, record.levelname
