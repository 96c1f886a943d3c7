"""Passes the log bridge's records to the exporters, once this process exports."""

from __future__ import annotations

import os
from collections import deque
from threading import Lock
from typing import TYPE_CHECKING

from opentelemetry.sdk._logs import LoggerProvider

if TYPE_CHECKING:
    from collections.abc import Iterable

    from opentelemetry._logs import LogRecord
    from opentelemetry.sdk._logs import LogRecordLimits, LogRecordProcessor
    from opentelemetry.sdk.resources import Resource

MAX_HELD = 1000


class BridgedLogs:
    """Buffers the last ``MAX_HELD`` records until this process exports.

    A server's main process logs before it forks its workers, and must not start an
    exporter's thread before that. It sends its records when it ends.
    """

    def __init__(
        self,
        resource: Resource,
        processors: Iterable[LogRecordProcessor],
        limits: LogRecordLimits,
    ) -> None:
        self.provider = LoggerProvider(resource, shutdown_on_exit=False, log_record_limits=limits)
        for processor in processors:
            self.provider.add_log_record_processor(processor)
        self._held: deque[tuple[str, LogRecord]] | None = deque(maxlen=MAX_HELD)
        self._lock = Lock()

    @property
    def holds(self) -> bool:
        """Whether records are buffered."""
        return bool(self._held)

    def watch_forks(self) -> None:
        """Drop the buffer in forked children: the parent sends it."""
        os.register_at_fork(after_in_child=self._forked)

    def emit(self, name: str, record: LogRecord) -> None:
        """Send a record of the logger ``name``, or buffer it."""
        if self._held is not None:
            with self._lock:
                if self._held is not None:
                    self._held.append((name, record))
                    return
        self.provider.get_logger(name).emit(record)

    def release(self) -> None:
        """Send the buffered records, and stop buffering."""
        with self._lock:
            held, self._held = self._held, None
        for name, record in held or ():
            self.provider.get_logger(name).emit(record)

    def _forked(self) -> None:
        self._lock = Lock()
        if self._held is not None:
            self._held.clear()
