"""What the environment said, after it was understood."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from telemetry.registry.redaction import KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping

Signal = Literal["traces", "metrics", "logs"]
SIGNALS: tuple[Signal, ...] = ("traces", "metrics", "logs")

TraceparentPolicy = Literal["link", "trust", "ignore"]
ConsoleMode = Literal["tree", "compact", "off"]

# Django's STATIC_URL, Datasette's three sorts of static file, and both sides' favicon.
# And what asks all day whether a worker is well.
UNTRACED_PATHS = r"/static/,/-/static/,/-/static-plugins/,/favicon\.ico$,/health/(ready)?$"
UNLOGGED_PATHS = "/health/(ready)?$"

# A long traceback has room in it; without a limit, which is the SDK's default, ten
# megabytes would have, too.
MAX_ATTRIBUTE_LENGTH = 32_768


@dataclass(frozen=True, slots=True)
class OTLPSettings:
    """One signal's way to an OTLP receiver. Headers may hold secrets."""

    protocol: Literal["http/protobuf", "grpc"]
    endpoint: str = field(repr=False)
    """May hold a user and a password."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    compression: Literal["none", "gzip", "deflate"] = "none"
    timeout: float = 10.0
    """Seconds for one export, retries included."""
    certificate: str | None = None
    client_key: str | None = None
    client_certificate: str | None = None
    insecure: bool | None = None
    """gRPC only: None lets the endpoint's scheme decide."""
    credential_provider: bool = False
    """HTTP only: an installed package makes the session, as a variable of the SDK's says."""


@dataclass(frozen=True, slots=True)
class Destination:
    """One Logfire project: a token and the address that its region names."""

    token: str = field(repr=False)
    base_url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class PrometheusSettings:
    """Where each worker is scraped: the first port that is free, from ``port`` upward."""

    host: str = "localhost"
    port: int = 9464


@dataclass(frozen=True, slots=True)
class SentrySettings:
    """Where errors go."""

    dsn: str = field(repr=False)
    event_url: str | None = None
    """With ``{trace_id}`` or ``{event_id}`` in it; None where nobody can know it."""


@dataclass(frozen=True, slots=True)
class RedactionSettings:
    """What is taken out before anything leaves."""

    kinds: frozenset[str] = frozenset(KINDS)
    """Of `telemetry.registry.redaction.KINDS`."""
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """The operator's own, of all variables: taken out wherever they are, the longest first."""


@dataclass(frozen=True, slots=True)
class SamplerSettings:
    """A head sampler; ``name`` is OpenTelemetry's, ``arg`` as given."""

    name: str = "parentbased_always_on"
    arg: str | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that the layer needs to know. Built by `read_settings`."""

    service_name: str
    release: str
    environment: str
    names_itself: bool = False
    """No variable and no host named the service: the name is what is running."""
    debug: bool = False
    exporters: Mapping[Signal, tuple[str, ...]] = field(default_factory=dict)
    """Exporter names by signal, in the order given; empty for a signal that goes nowhere."""
    otlp: Mapping[Signal, OTLPSettings] = field(default_factory=dict)
    """Only for signals that name ``otlp``."""
    logfire: tuple[Destination, ...] = ()
    prometheus: PrometheusSettings = field(default_factory=PrometheusSettings)
    sentry: SentrySettings | None = None
    trace_url: str | None = None
    """With ``{trace_id}`` in it."""
    resource_attributes: Mapping[str, str] = field(default_factory=dict)
    sampler: SamplerSettings = field(default_factory=SamplerSettings)
    id_generator: str | None = None
    metric_interval: float = 60.0
    """Seconds."""
    traceparent: TraceparentPolicy = "link"
    trust_secret: str | None = field(default=None, repr=False)
    attribute_length: int | None = MAX_ATTRIBUTE_LENGTH
    """Characters of one attribute; None leaves it to the variables that the SDK reads."""
    fold_below: float = 0.025
    """Seconds."""
    slow: float = 5.0
    """Seconds: ``tail`` keeps what took this long."""
    site_limit: int = 100
    shutdown_timeout: float = 2.0
    """Seconds."""
    console: ConsoleMode = "tree"
    color: bool = True
    excluded_urls: str = ""
    django_excluded_urls: str = ""
    datasette_excluded_urls: str = ""
    untraced_paths: str = UNTRACED_PATHS
    unlogged_paths: str = UNLOGGED_PATHS
    client_address: bool = False
    """Whether to record it."""
    user_agent: bool = False
    """Whether to record it."""
    local_variables: bool = False
    """Whether error events have those of each frame."""
    redaction: RedactionSettings = field(default_factory=RedactionSettings)
    capture_request_headers: tuple[str, ...] = ()
    capture_response_headers: tuple[str, ...] = ()
    sanitize_headers: tuple[str, ...] = ()
    django_instrument: bool = True
    django_middleware_position: int = 0
    django_request_attributes: tuple[str, ...] = ()
    raise_failures: bool = False
    notes: tuple[str, ...] = ()
    """What the operator should know once: variables that are set and not used."""

    @property
    def prints_traces(self) -> bool:
        """Whether standard output shows a trace for each request."""
        return "console" in self.exporters.get("traces", ()) and self.console != "off"

    @property
    def active(self) -> bool:
        """Whether anything goes anywhere: a signal, or errors."""
        return self.sentry is not None or any(self.exporters.values())
