"""How a destination is reached."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol
from urllib.parse import urlsplit

from telemetry.export.answers import judge

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.sdk.metrics.export import AggregationTemporality
    from opentelemetry.sdk.metrics.view import Aggregation
    from opentelemetry.sdk.trace import ReadableSpan

    from telemetry.export.answers import Answer, Verdict
    from telemetry.export.encoding.requests import Item
    from telemetry.export.encoding.values import ValueEncoder


class Client(Protocol):
    """Sends one request at a time to one endpoint."""

    def send(self, body: bytes, timeout: float) -> Answer:
        """Send one request, for at most ``timeout`` seconds. Never raises."""

    def close(self) -> None:
        """Close the connection."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """How one signal is sent to one destination."""

    url: str = field(repr=False)
    """Address of the signal. May contain a user and a password."""
    protocol: Literal["http", "grpc"]
    make_client: Callable[[], Client] = field(repr=False)
    """Creates the client. Called in the process and on the thread that sends.

    Raises whatever a credential provider raises, and OSError for a certificate's file.
    """
    timeout: float
    """Seconds for one request."""
    identity: str = field(default="", repr=False)
    """What tells it apart from others with the same address, such as a token."""
    judge: Callable[[Answer], Verdict] = field(default=judge, repr=False)
    """Says what an answer means."""
    shorten: Callable[[Item], Item | None] | None = None
    """Makes an item shorter that is too large by itself; None if it can't be."""
    added: Callable[[ReadableSpan, ValueEncoder], bytes] | None = None
    """Encodes attributes that only this destination gets, to append to a span."""
    temporality: Mapping[type, AggregationTemporality] = field(default_factory=dict)
    """By class of instrument."""
    aggregation: Mapping[type, Aggregation] = field(default_factory=dict)
    """By class of instrument, where it is not the default."""

    @property
    def origin(self) -> str:
        """What destinations that share a connection's thread have in common."""
        parts = urlsplit(self.url)
        return f"{self.protocol} {parts.scheme}://{parts.netloc}" if parts.netloc else self.url
