"""Destinations of a signal."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar
from urllib.parse import urlsplit, urlunsplit

from telemetry.export.statistics import ExportStatistics
from telemetry.redaction.addresses import without_users

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from telemetry.export.endpoint import Endpoint
    from telemetry.export.outbox import Outbox
    from telemetry.export.statistics import ExportState
    from telemetry.settings.model import Signal

    Kind = Signal | Literal["errors"]

E = TypeVar("E")


@dataclass(frozen=True, slots=True)
class Destination(Generic[E]):
    """One destination of one signal."""

    signal: Kind
    name: str
    """Name of the exporter, as in the environment variable."""
    address: str
    """Address to display. Contains no credentials."""
    build: Callable[[], E] | None
    """Creates the exporter. Called in the process that exports, after any fork. None for OTLP,
    which has an endpoint.
    """
    endpoint: Endpoint | None = None
    """How OTLP reaches it. None for an exporter that is not OTLP's."""
    outbox: Outbox | None = None
    """What waits to be sent to the endpoint."""
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
    parts = urlsplit(without_users(url))
    netloc = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=netloc, query="", fragment=""))
