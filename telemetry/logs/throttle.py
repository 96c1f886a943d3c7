"""Limits the repeated log records about an unreachable backend."""

from __future__ import annotations

import logging
from threading import Lock
from time import monotonic

from opentelemetry.instrumentation.utils import is_instrumentation_enabled

from telemetry.registry import log_fields as f

EVERY = 600.0
"""Minimum time in seconds between two records from the same line of code."""
MAX_SOURCES = 1000


class Throttle(logging.Filter):
    """Passes log records about exports once in ten minutes for each line of code.

    Applies to records of OpenTelemetry's loggers, and to records that other loggers
    emit during an export. The next record that passes has the number of dropped ones,
    as ``throttled``.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lock = Lock()
        self._sources: dict[tuple[str, int], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record passes."""
        if record.name.partition(".")[0] != "opentelemetry" and is_instrumentation_enabled():
            return True
        source, now = (record.name, record.lineno), monotonic()
        with self._lock:
            last, throttled = self._sources.get(source, (None, 0))
            if last is not None and now - last < EVERY:
                self._sources[source] = last, throttled + 1
                return False
            if last is None and len(self._sources) >= MAX_SOURCES:
                return False
            self._sources[source] = now, 0
        if throttled:
            setattr(record, str(f.THROTTLED), throttled)
        return True
