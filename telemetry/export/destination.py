"""The destinations of a signal, and the statistics of what is exported to each."""

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
"""Whether what was exported last has arrived."""


class ExportStatistics:
    """Counts the items that were handed to a destination, and the results of their export."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Begin to count, in a new process: a lock may have been held while it was forked."""
        self._lock = Lock()
        self.accepted = 0
        self.delivered = 0
        self.failed = 0
        self.retried = 0
        self.state: ExportState = "idle"

    def accept(self) -> None:
        """One item was handed over."""
        with self._lock:
            self.accepted += 1

    def count(self, count: int, *, delivered: bool) -> None:
        """Some were exported, or given up by the exporter."""
        with self._lock:
            if delivered:
                self.delivered += count
                self.state = "delivering"
            else:
                self.failed += count
                self.state = "failing"

    def retry(self) -> None:
        """A batch is sent once more."""
        with self._lock:
            self.retried += 1

    @property
    def undelivered(self) -> int:
        """What did not arrive: still queued, dropped from a full queue, or given up."""
        return self.accepted - self.delivered

    @property
    def pending(self) -> int:
        """What an exporter has not decided about yet."""
        return self.accepted - self.delivered - self.failed


@dataclass(frozen=True, slots=True)
class Destination(Generic[E]):
    """One destination of one signal."""

    signal: Signal
    name: str
    """The exporter's name, as the variable has it."""
    address: str
    """Where it goes, for people; never holds a secret."""
    build: Callable[[], E]
    """Makes the exporter. Called in the process that exports, after any fork."""
    immediate: bool = False
    """Exported as it ends, on its own thread: the console."""
    statistics: ExportStatistics = field(default_factory=ExportStatistics)

    def __str__(self) -> str:
        return f"{self.name} ({self.address})" if self.address else self.name


def worst_state(destinations: Iterable[Destination[Any]]) -> ExportState:
    """Of several destinations of one signal."""
    states = {destination.statistics.state for destination in destinations}
    ordered: tuple[ExportState, ...] = ("failing", "delivering", "idle")
    return next((state for state in ordered if state in states), "idle")


def without_credentials(url: str) -> str:
    """An address without the user and password, or the parameters, that it may hold."""
    parts = urlsplit(url)
    netloc = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=netloc, query="", fragment=""))
