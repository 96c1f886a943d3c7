"""The variants: one host with different kinds of telemetry, each a running server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks.hosts.variables import RECEIVER, SENTRY_SINK
from telemetry.configuration import PYDANTIC_PLUGINS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BARE = "bare"
OURS = "ours"
CONTRIB = "contrib"


@dataclass(frozen=True, slots=True)
class Variant:
    """A kind of telemetry for the host, and the variables that set its destinations."""

    name: str
    description: str
    receiver_variable: str = ""
    sink_variable: str = ""
    module: str = ""
    """In `benchmarks.hosts`; the name unless given."""
    variables: Mapping[str, str] = field(default_factory=dict)
    keeps: float = 1.0
    """Part of the traces that its sampler keeps."""
    arguments: Sequence[str] = ("--no-access-log",)
    """Of uvicorn."""

    @property
    def app(self) -> str:
        """The entry module, in uvicorn's format."""
        return f"benchmarks.hosts.{self.module or self.name}:application"

    @property
    def sends(self) -> bool:
        """Whether the variant sends data to a receiver."""
        return bool(self.receiver_variable)

    def environment(self, receiver: str, sink: str) -> Mapping[str, str]:
        """Return the variables to add to those of the host."""
        found = {self.receiver_variable: receiver, self.sink_variable: sink}
        return {**self.variables, **{name: address for name, address in found.items() if name}}


OTLP = "OTEL_EXPORTER_OTLP_ENDPOINT"
SENTRY = "SENTRY_DSN"
NO_LINES = {"DJANGO_SETTINGS_MODULE": "benchmarks.hosts.no_lines"}
VARIANTS: Sequence[Variant] = (
    Variant(BARE, "the host without telemetry"),
    Variant(
        "uvicorn",
        "the same, with uvicorn's own access lines",
        module=BARE,
        variables=NO_LINES,
        arguments=(),
    ),
    Variant("least", "the bare host behind a wrapper: a context, a header, a line"),
    Variant(OURS, "config.asgi with an OTLP endpoint and a DSN, all traces", OTLP, SENTRY),
    Variant(
        "tail",
        "the same, with the sampler `tail` at 5 %",
        OTLP,
        SENTRY,
        OURS,
        {"OTEL_TRACES_SAMPLER": "tail", "OTEL_TRACES_SAMPLER_ARG": "0.05"},
        keeps=0.05,
    ),
    Variant(
        "logfire",
        "config.asgi with Logfire's token and a DSN",
        "LOGFIRE_BASE_URL",
        SENTRY,
        OURS,
        {"LOGFIRE_TOKEN": "benchmark"},
    ),
    Variant("lines", "config.asgi with nothing configured: JSON lines", module="logging_only"),
    Variant(
        "nothing",
        "the same, and logging_config() not called",
        module="logging_only",
        variables=NO_LINES,
    ),
    Variant(CONTRIB, "contrib's ASGI and Django, SDK, OTLP/HTTP", RECEIVER),
    Variant(
        "seed",
        "Logfire beside Sentry, 10 % transactions",
        RECEIVER,
        SENTRY_SINK,
        # As where Logfire is used: with its plugin.
        variables={PYDANTIC_PLUGINS: ""},
    ),
)
