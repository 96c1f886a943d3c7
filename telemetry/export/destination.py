"""Destinations of a signal, with the export statistics of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar
from urllib.parse import urlsplit, urlunsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from telemetry.settings.model import Signal

E = TypeVar("E")

ExportState = Literal["idle", "delivering", "failing"]
"""Result of the last export; ``idle`` before the first one."""


class ExportStatistics:
    """Counts the items passed to a destination, and the results of their export."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Reset in a new process. Includes the lock, which may have been held during the fork."""
        self._lock = Lock()
        self.accepted = 0
        self.delivered = 0
        self.failed = 0
        self.retried = 0
        self.state: ExportState = "idle"

    def accept(self) -> None:
        """Count one item that was passed to the destination."""
        with self._lock:
            self.accepted += 1

    def count(self, count: int, *, delivered: bool) -> None:
        """Count items that were exported, or discarded by the exporter."""
        with self._lock:
            if delivered:
                self.delivered += count
                self.state = "delivering"
            else:
                self.failed += count
                self.state = "failing"

    def retry(self) -> None:
        """Count one retry of a batch."""
        with self._lock:
            self.retried += 1

    @property
    def undelivered(self) -> int:
        """Number of items that did not arrive: queued, dropped from a full queue, or discarded."""
        return self.accepted - self.delivered

    @property
    def pending(self) -> int:
        """Number of items whose export has no result yet."""
        return self.accepted - self.delivered - self.failed


@dataclass(frozen=True, slots=True)
class Destination(Generic[E]):
    """One destination of one signal."""

    signal: Signal
    name: str
    """Name of the exporter, as in the environment variable."""
    address: str
    """Address to display. Contains no credentials."""
    build: Callable[[], E]
    """Creates the exporter. Called in the process that exports, after any fork."""
    immediate: bool = False
    """Whether each item is exported as it ends, on its own thread. True for the console."""
    statistics: ExportStatistics = field(default_factory=ExportStatistics)

    def __str__(self) -> str:
        return f"{self.name} ({self.address})" if self.address else self.name


def worst_state(destinations: Iterable[Destination[Any]]) -> ExportState:
    """Return the worst state of several destinations of one signal."""
    states = {destination.statistics.state for destination in destinations}
    ordered: tuple[ExportState, ...] = ("failing", "delivering", "idle")
    return next((state for state in ordered if state in states), "idle")


def without_credentials(url: str) -> str:
    """Return an address without its user, password and query string."""
    parts = urlsplit(url)
    netloc = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=netloc, query="", fragment=""))
