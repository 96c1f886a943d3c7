"""Export statistics: what became of the items of one destination."""

from __future__ import annotations

from collections import Counter
from threading import RLock
from typing import Literal

ExportState = Literal["idle", "delivering", "failing"]
"""Result of the last export; ``idle`` before the first one."""


class ExportStatistics:
    """Counts the items passed to a destination, and the results of their export."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Reset in a new process. Includes the lock, which may have been held during the fork."""
        self._lock = RLock()
        self.accepted = 0
        self.delivered = 0
        self.failed = 0
        self.retried = 0
        self.spooled = 0
        """Number of items that were written to disk, for any process to send later."""
        self.reasons: Counter[str] = Counter()
        """Number of failed items by reason: ``queue_full``, a status, an exception."""
        self.state: ExportState = "idle"

    def accept(self, count: int = 1) -> None:
        """Count items that were passed to the destination."""
        with self._lock:
            self.accepted += count

    def count(self, count: int, *, delivered: bool) -> None:
        """Count items that were exported, or discarded by the exporter."""
        if delivered:
            with self._lock:
                self.delivered += count
                self.state = "delivering"
        else:
            self.fail(count, "export_failed")

    def fail(self, count: int, reason: str) -> None:
        """Count items that were discarded because their export failed."""
        with self._lock:
            self.failed += count
            self.reasons[reason] += count
            self.state = "failing"

    def drop(self, count: int, reason: str) -> None:
        """Count items that were discarded before an export was tried."""
        with self._lock:
            self.failed += count
            self.reasons[reason] += count

    def spool(self, count: int) -> None:
        """Count items that were written to disk."""
        with self._lock:
            self.spooled += count

    def attempt_failed(self) -> None:
        """Note that an attempt failed, and its items are kept."""
        with self._lock:
            self.state = "failing"

    def retry(self) -> None:
        """Count one retry of a batch."""
        with self._lock:
            self.retried += 1

    @property
    def undelivered(self) -> int:
        """Number of items that did not arrive and are not on disk: queued, dropped or discarded."""
        return self.accepted - self.delivered - self.spooled

    @property
    def pending(self) -> int:
        """Number of items whose export has no result yet."""
        return self.accepted - self.delivered - self.failed - self.spooled
