"""Limits the repeated log records about an unreachable backend."""

from __future__ import annotations

import logging
from threading import Lock
from time import monotonic

from opentelemetry.instrumentation.utils import is_instrumentation_enabled

from telemetry.forks import renew_in_children
from telemetry.registry import log_fields as f

EVERY = 600.0
"""Seconds in which one record from the same line of code passes."""
OWN = 60
"""Number of our own records that pass in that time. One line of code logs the beginnings of all
outages, of each signal and destination, and each of them counts."""
MAX_SOURCES = 1000


# Beginnings of the names of threads that send: those of Sentry's SDK, which urllib3 logs each retry
# of, those of OpenTelemetry's, and that which calls an installed exporter of metrics.
_SENDERS = ("sentry-sdk.", "Otel", "telemetry-metrics")


def is_of_sender(record: logging.LogRecord) -> bool:
    """Whether a thread of another package that sends telemetry has logged the record."""
    return str(record.threadName).startswith(_SENDERS)


class Throttle(logging.Filter):
    """Passes log records about exports once in ten minutes for each line of code, ours `OWN` times.

    Applies to records of OpenTelemetry's loggers, and to records that other loggers
    emit during an export, or on a thread that sends. The next record that passes has the
    number of dropped ones, as ``throttled``.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lock = Lock()
        renew_in_children(self, "_lock")
        # For each, when its first record passed, and the numbers of those that passed since then
        # and that did not.
        self._sources: dict[tuple[str, int], tuple[float, int, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record passes."""
        if (
            record.name.partition(".")[0] != "opentelemetry"
            and is_instrumentation_enabled()
            and not is_of_sender(record)
        ):
            return True
        source, now = (record.name, record.lineno), monotonic()
        most = OWN if record.name == "telemetry" else 1
        with self._lock:
            first, passed, throttled = self._sources.get(source, (None, 0, 0))
            if first is not None and now - first < EVERY:
                if passed < most:
                    self._sources[source] = first, passed + 1, throttled
                    return True
                self._sources[source] = first, passed, throttled + 1
                return False
            if first is None and len(self._sources) >= MAX_SOURCES:
                return False
            self._sources[source] = now, 1, 0
        if throttled:
            setattr(record, str(f.THROTTLED), throttled)
        return True
