"""What Django logs of a request that it refuses: 4xx is the visitor's doing, not a failure."""

from __future__ import annotations

import logging


def is_refusal(record: logging.LogRecord) -> bool:
    """Whether Django logs an answer of 4xx: a forged host name, too many fields, a missing page."""
    status = getattr(record, "status_code", None)
    return record.name.startswith("django.") and isinstance(status, int) and 400 <= status < 500


def level_of(record: logging.LogRecord) -> tuple[int, str]:
    """The level and its name; a refusal's is WARNING at most, where Django has ERROR."""
    if record.levelno > logging.WARNING and is_refusal(record):
        return logging.WARNING, "WARNING"
    return record.levelno, record.levelname
