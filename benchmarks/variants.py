"""The variants: one host with four kinds of telemetry, each a running server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.hosts.variables import RECEIVER, SENTRY_SINK

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BARE = "bare"


@dataclass(frozen=True, slots=True)
class Variant:
    """A kind of telemetry for the host, and the variables that set its destinations."""

    name: str
    description: str
    receiver_variable: str = ""
    sink_variable: str = ""

    @property
    def app(self) -> str:
        """The entry module, in uvicorn's format."""
        return f"benchmarks.hosts.{self.name}:application"

    @property
    def sends(self) -> bool:
        """Whether the variant sends data to a receiver."""
        return bool(self.receiver_variable)

    def environment(self, receiver: str, sink: str) -> Mapping[str, str]:
        """Return the variables to add to those of the host."""
        found = {self.receiver_variable: receiver, self.sink_variable: sink}
        return {name: address for name, address in found.items() if name}


VARIANTS: Sequence[Variant] = (
    Variant(BARE, "the host without telemetry"),
    Variant("ours", "config.asgi with an OTLP endpoint", "OTEL_EXPORTER_OTLP_ENDPOINT"),
    Variant("contrib", "contrib's ASGI and Django, SDK, OTLP/HTTP", RECEIVER),
    Variant("seed", "Logfire beside Sentry, 10 % transactions", RECEIVER, SENTRY_SINK),
)
