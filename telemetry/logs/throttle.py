"""A backend that is down is one fact, not a line for each try."""

from __future__ import annotations

import logging
from threading import Lock
from time import monotonic

from opentelemetry.instrumentation.utils import is_instrumentation_enabled

from telemetry.registry import log_fields as f

EVERY = 600.0
"""Seconds."""
MAX_PLACES = 1000


class Throttle(logging.Filter):
    """Of what exporting logs, lets the same through once in ten minutes.

    That is: what OpenTelemetry logs of itself, and what others log while
    something is exported. The same means from the same line of code. The next
    that is let through says how many were not, as ``throttled``.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lock = Lock()
        self._places: dict[tuple[str, int], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether it is let through."""
        if record.name.partition(".")[0] != "opentelemetry" and is_instrumentation_enabled():
            return True
        place, now = (record.name, record.lineno), monotonic()
        with self._lock:
            last, throttled = self._places.get(place, (None, 0))
            if last is not None and now - last < EVERY:
                self._places[place] = last, throttled + 1
                return False
            if last is None and len(self._places) >= MAX_PLACES:
                return False
            self._places[place] = now, 0
        if throttled:
            setattr(record, str(f.THROTTLED), throttled)
        return True
