"""A metric reader that collects on a thread of its own, one collection at a time."""

from __future__ import annotations

import logging
import math
import time
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.metrics import MetricsTimeoutError
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

from telemetry.failsafe import failed
from telemetry.forks import ForkLock, call_in_children
from telemetry.settings.passed_on import METRIC_EXPORT_TIMEOUT

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricExporter

logger = logging.getLogger("telemetry")


class PeriodicReader(PeriodicExportingMetricReader):
    """Collects and exports regularly, and when it is flushed.

    The SDK's reader exports one collection at a time, in any order: what its thread had collected
    before a flush could be exported after what the flush collected. Of cumulative metrics, the last
    values would then be replaced by earlier ones. Here, the next collection begins after the export
    of the one before. A fork waits for it, too: the SDK's reader never exports in a child that is
    forked meanwhile.

    Args:
        exporter: where to.
        interval: seconds between two collections; `math.inf` for flushes only.
        timeout: seconds for one collection and its export.
    """

    def __init__(self, exporter: MetricExporter, interval: float, timeout: float) -> None:
        # Without a thread of the SDK's.
        super().__init__(exporter, math.inf, timeout * 1000)
        self._interval = interval
        self._timeout = timeout
        self._turn = ForkLock()
        self._ended = Event()
        self._collecting: Thread | None = None
        self._has_begun = False
        # Whether the last collection took too long. Logged once until one does not.
        self._is_late = False
        call_in_children(self._forked)

    def begin(self) -> None:
        """Collect regularly from now on. The meter provider calls it once it has the reader.

        A collection before that would be a warning of the SDK's, and give nothing.
        """
        self._has_begun = True
        if self._interval < math.inf and not self._ended.is_set():
            self._collecting = Thread(target=self._run, name="telemetry-metrics", daemon=True)
            self._collecting.start()

    def _forked(self) -> None:
        has_ended = self._ended.is_set()
        # Another thread may have held its lock.
        self._ended = Event()
        self._collecting = None
        if has_ended:
            self._ended.set()
        elif self._has_begun:
            self.begin()

    def _run(self) -> None:
        while not self._ended.wait(self._interval):
            self._collect_now()
        self._collect_now()

    def _collect_now(self) -> None:
        try:
            with self._turn:
                self.collect(timeout_millis=self._timeout * 1000)
            self._is_late = False
        except MetricsTimeoutError:
            if not self._is_late:
                logger.warning(
                    "the callbacks of observable instruments took longer than %s (%g ms): no "
                    "metrics are exported while they do",
                    METRIC_EXPORT_TIMEOUT,
                    self._timeout * 1000,
                )
            self._is_late = True
        except Exception as error:  # noqa: BLE001 # the thread goes on
            failed("metrics.collection", error)

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        """Collect and export now, after a collection that is under way."""
        with self._turn:
            return super().force_flush(timeout_millis)

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        """Collect and export for the last time, and end the thread."""
        deadline = time.monotonic() + timeout_millis / 1000
        is_first = not self._ended.is_set()
        self._ended.set()
        if self._collecting is not None:
            # It collects once more.
            self._collecting.join(max(0.0, deadline - time.monotonic()))
        elif is_first:
            self._collect_now()
        super().shutdown(max(0.0, deadline - time.monotonic()) * 1000, **kwargs)
