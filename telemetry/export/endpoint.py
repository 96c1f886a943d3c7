"""How OTLP reaches a destination."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.sdk.metrics.export import AggregationTemporality
    from opentelemetry.sdk.metrics.view import Aggregation
    from opentelemetry.sdk.trace import ReadableSpan

    from telemetry.export.answers import Answer
    from telemetry.export.encoding.values import ValueEncoder


class Client(Protocol):
    """Sends one request at a time to one endpoint."""

    def send(self, body: bytes, timeout: float) -> Answer:
        """Send one request, for at most ``timeout`` seconds. Never raises."""

    def close(self) -> None:
        """Close the connection."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """How one signal is sent to one destination by OTLP."""

    url: str = field(repr=False)
    """Address of the signal. May contain a user and a password."""
    protocol: Literal["http", "grpc"]
    make_client: Callable[[], Client] = field(repr=False)
    """Creates the client. Called in the process and on the thread that sends.

    Raises whatever a credential provider raises, and OSError for a certificate's file.
    """
    timeout: float
    """Seconds for one request."""
    grpc_retried: frozenset[str]
    """gRPC status codes after which a request is sent again."""
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
