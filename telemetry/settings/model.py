"""The typed settings."""

from __future__ import annotations

import copy
import sys
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, TypeVar, cast

from telemetry.registry.attributes import SIGNALS, Signal
from telemetry.settings import passed_on
from telemetry.settings import variables as v
from telemetry.settings.passed_on import ExemplarFilter
from telemetry.settings.variables import (
    AccessLog,
    Compression,
    ConsoleMode,
    HistogramAggregation,
    LogFormat,
    Protocol,
    Temporality,
    TraceparentPolicy,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telemetry.settings.parse import SampleRatio
    from telemetry.settings.reader import Reader
    from telemetry.settings.variable import Variable

__all__ = [
    "SIGNALS",
    "AccessLog",
    "BudgetSettings",
    "ConsoleMode",
    "ExemplarFilter",
    "LimitSettings",
    "LogFormat",
    "LogfireProject",
    "OTLPSettings",
    "PrometheusSettings",
    "QueueSettings",
    "RedactionSettings",
    "SamplerSettings",
    "SentrySettings",
    "Settings",
    "Signal",
    "TraceparentPolicy",
    "read_fields",
    "variable_of",
]

T = TypeVar("T")

_VARIABLE, _KIND = "variable", "kind"


def value_of(variable: Variable[T], kind: str | None = None) -> T:
    """Declare a field whose value is that of one variable. `read_fields` reads it.

    Its default is the variable's, and a secret is left out of the ``repr``.
    """
    metadata = {_VARIABLE: variable, _KIND: kind}
    if isinstance(variable.default, dict):
        made: Any = field(
            default_factory=lambda: copy.copy(variable.default),
            repr=not variable.secret,
            metadata=metadata,
        )
    else:
        made = field(default=variable.default, repr=not variable.secret, metadata=metadata)
    return cast("T", made)


def variable_of(name: str) -> Variable[Any] | None:
    """Return the variable that a field of `Settings` is read from, or None if there are several."""
    (found,) = (each for each in fields(Settings) if each.name == name)
    return cast("Variable[Any] | None", found.metadata.get(_VARIABLE))


def read_fields(reader: Reader, model: type[Any], kind: str | None = None) -> dict[str, Any]:
    """Read the fields of a model that have one variable each.

    Args:
        reader: Reader of the environment.
        model: `Settings` or a part of it.
        kind: Form of the variables that takes precedence, such as a signal.
    """
    found = {}
    for each in fields(model):
        variable = each.metadata.get(_VARIABLE)
        if variable is not None:
            with reader.setting(each.name):
                found[each.name] = reader.get(variable, each.metadata[_KIND] or kind)
    return found


@dataclass(frozen=True, slots=True)
class OTLPSettings:
    """Settings of one signal's OTLP exporter. Headers may contain secrets."""

    protocol: Protocol
    endpoint: str = field(repr=False)
    """Address of the receiver. May contain a user and a password."""
    headers: Mapping[str, str] = value_of(v.OTLP_HEADERS)
    compression: Compression = v.OTLP_COMPRESSION.default
    timeout: float = value_of(v.OTLP_TIMEOUT)
    """Seconds for one export, retries included."""
    certificate: str | None = value_of(v.OTLP_CERTIFICATE)
    client_key: str | None = value_of(v.OTLP_CLIENT_KEY)
    client_certificate: str | None = value_of(v.OTLP_CLIENT_CERTIFICATE)
    insecure: bool | None = value_of(v.OTLP_INSECURE)
    """gRPC only, and only where the endpoint has no scheme. None: with TLS."""
    credential_provider: str | None = value_of(v.OTLP_CREDENTIAL_PROVIDER)
    """HTTP only. Name of the installed package that creates the session, as the SDK's variable."""
    grpc_credential_provider: str | None = value_of(v.GRPC_CREDENTIAL_PROVIDER)
    """gRPC only. Name of the installed package that creates the channel's credentials."""
    grpc_retryable: tuple[str, ...] = value_of(v.GRPC_RETRYABLE)
    """Status codes after which an export is retried. Empty: those of OTLP's specification."""
    grpc_proxy: Variable[str | None] | None = None
    """gRPC only. The variable that names the proxy. None: none is used."""
    temporality: Temporality = value_of(v.TEMPORALITY)  # noqa: RUF009 # a `field`
    histograms: HistogramAggregation = value_of(v.HISTOGRAM_AGGREGATION)  # noqa: RUF009 # a `field`


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """The queue of one signal's items for one destination."""

    schedule_delay: float
    """Seconds between two exports."""
    max_size: int
    """Number of items that wait."""
    max_batch: int
    """Number of items in one export."""
    max_bytes: int
    """Number of bytes that wait or are being sent."""
    variable: str
    """The variable that sets ``max_size``."""


@dataclass(frozen=True, slots=True)
class LimitSettings:
    """OpenTelemetry's limits of spans and log records. Lengths are numbers of characters."""

    attributes: int = value_of(passed_on.ATTRIBUTE_COUNT_LIMIT)
    events: int = value_of(passed_on.SPAN_EVENT_COUNT_LIMIT)
    links: int = value_of(passed_on.SPAN_LINK_COUNT_LIMIT)
    span_attributes: int | None = value_of(passed_on.SPAN_ATTRIBUTE_COUNT_LIMIT)
    """None, here and below: as the general limit."""
    span_length: int | None = value_of(passed_on.SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT)
    event_attributes: int | None = value_of(passed_on.EVENT_ATTRIBUTE_COUNT_LIMIT)
    link_attributes: int | None = value_of(passed_on.LINK_ATTRIBUTE_COUNT_LIMIT)
    record_attributes: int | None = value_of(passed_on.LOG_ATTRIBUTE_COUNT_LIMIT)
    record_length: int | None = value_of(passed_on.LOG_ATTRIBUTE_VALUE_LENGTH_LIMIT)


@dataclass(frozen=True, slots=True)
class SpoolSettings:
    """Where items wait on disk that can't be sent now."""

    folder: str | None = value_of(v.SPOOL_DIR)
    """Absolute path. None: they wait in memory."""
    signals: tuple[v.SpooledSignal, ...] = value_of(v.SPOOL_SIGNALS)
    max_bytes: int = value_of(v.SPOOL_BYTES)
    max_age: float = value_of(v.SPOOL_AGE)
    """Seconds."""
    sync: bool = value_of(v.SPOOL_SYNC)
    """Whether each file is written to the disk at once."""


@dataclass(frozen=True, slots=True)
class BudgetSettings:
    """Limits of one process for what clients can cause without end."""

    traces: int = value_of(v.TRACE_LIMIT)
    """Traces kept by rule a minute."""
    spans_of_a_trace: int = value_of(v.TRACE_SPAN_LIMIT)
    """Of a trace whose failure its request has caused."""
    events: int = value_of(v.EVENT_LIMIT)
    """Error events a minute."""
    events_of_a_group: int = value_of(v.EVENT_GROUP_LIMIT)
    request_errors: bool = value_of(v.REQUEST_ERRORS)
    """Whether failures that the request has caused are error events."""


@dataclass(frozen=True, slots=True)
class LogfireProject:
    """One Logfire project: a token and the address of its region."""

    token: str = field(repr=False)
    base_url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class PrometheusSettings:
    """Where workers are scraped: each on the first free port from ``port`` upward."""

    host: str = value_of(v.PROMETHEUS_HOST)
    """An IPv6 address has no brackets."""
    port: int = value_of(v.PROMETHEUS_PORT)
    allowed_hosts: tuple[str, ...] = value_of(v.PROMETHEUS_ALLOWED_HOSTS)

    def address(self, port: int | None = None) -> str:
        """Return the URL of a worker that listens on ``port``, or on the first one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{port or self.port}"


@dataclass(frozen=True, slots=True)
class SentrySettings:
    """Destination of error events."""

    dsn: str = field(repr=False)
    event_url: str | None = None
    """Address with ``{trace_id}`` or ``{event_id}``, or None where it can't be derived."""
    certificate: str | None = None
    """File with the certificates of trusted authorities. None: those of the package certifi."""
    client_certificate: str | None = value_of(v.CLIENT_CERT_FILE)
    client_key: str | None = value_of(v.CLIENT_KEY_FILE)


@dataclass(frozen=True, slots=True)
class RedactionSettings:
    """What is redacted before export."""

    kinds: frozenset[str] = value_of(v.REDACT)
    """Kinds of private data, from `telemetry.registry.redaction.KINDS`."""
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """Values of secret variables, the longest first. Redacted wherever they occur."""
    text_length: int = value_of(v.TEXT_LENGTH_LIMIT)
    """Number of characters of a text that are searched."""


@dataclass(frozen=True, slots=True)
class SamplerSettings:
    """A sampler. ``name`` is OpenTelemetry's or ``tail``; ``arg`` is the text as given."""

    name: str = value_of(v.SAMPLER)
    arg: str | None = None
    ratios: tuple[SampleRatio, ...] = ()
    """With ``tail``: ratios by site and route, of which the first that applies is used."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of this layer, built by `read_settings`.

    The fields are in the order of `telemetry config`.
    """

    service_name: str
    release: str
    environment: str
    names_itself: bool = False
    """Whether the service name is that of the running program, since no variable or host set it."""
    debug: bool = v.DEBUG.default
    exporters: Mapping[Signal, tuple[str, ...]] = field(default_factory=dict)
    """Exporter names by signal, in the configured order. Empty: the signal is not exported."""
    otlp: Mapping[Signal, OTLPSettings] = field(default_factory=dict)
    """Settings by signal. Only for signals that use ``otlp``."""
    logfire: tuple[LogfireProject, ...] = ()
    prometheus: PrometheusSettings = field(default_factory=PrometheusSettings)
    sentry: SentrySettings | None = None
    sampler: SamplerSettings = field(default_factory=SamplerSettings)
    fold_below: float = value_of(v.FOLD_BELOW)
    """Seconds. Shorter queries have no span and are counted in the query statistics."""
    datasette_queries: bool = value_of(v.DATASETTE_QUERIES)
    slow: float = value_of(v.SLOW)
    """Seconds. The sampler ``tail`` keeps requests that took this long."""
    site_limit: int = value_of(v.SITE_LIMIT)
    traceparent: TraceparentPolicy = value_of(v.TRACEPARENT)  # noqa: RUF009 # a `field`
    trust_secret: str | None = value_of(v.TRUST_SECRET)
    server_timing: bool = value_of(v.SERVER_TIMING)
    """Whether responses have their trace in ``Server-Timing``."""
    trace_url: str | None = value_of(v.TRACE_URL)
    """Address of a page that shows a trace, with the placeholder ``{trace_id}``."""
    event_url: str | None = value_of(v.EVENT_URL)
    """As in `SentrySettings`, if a variable sets it. Also for a client of the host."""
    metric_interval: float = value_of(v.METRIC_INTERVAL)
    """Seconds between two exports of metrics."""
    metric_timeout: float = value_of(passed_on.METRIC_EXPORT_TIMEOUT)
    """Seconds for one collection and export of metrics."""
    span_export_delay: int = value_of(v.BSP_SCHEDULE_DELAY)
    """Milliseconds between two exports of spans."""
    span_queue_size: int = value_of(v.BSP_MAX_QUEUE_SIZE)
    span_batch_size: int = value_of(v.BSP_MAX_EXPORT_BATCH_SIZE)
    log_export_delay: int = value_of(v.BLRP_SCHEDULE_DELAY)
    """Milliseconds between two exports of log records."""
    log_queue_size: int = value_of(v.BLRP_MAX_QUEUE_SIZE)
    log_batch_size: int = value_of(v.BLRP_MAX_EXPORT_BATCH_SIZE)
    queue_bytes: int = value_of(v.QUEUE_BYTES)
    """Bytes of one signal that wait for one destination."""
    internal_metrics: bool = value_of(v.INTERNAL_METRICS)
    """Whether the metrics ``otel.sdk.*`` are recorded."""
    shutdown_timeout: float = value_of(v.SHUTDOWN_TIMEOUT)
    """Seconds to export what is queued at shutdown."""
    console: ConsoleMode = value_of(v.CONSOLE)  # noqa: RUF009 # a `field`
    color: bool = not v.NO_COLOR.default
    client_address: bool = value_of(v.CLIENT_ADDRESS)
    """Whether to record the client's address."""
    user_agent: bool = value_of(v.USER_AGENT)
    """Whether to record the client's User-Agent."""
    local_variables: bool = value_of(v.LOCAL_VARIABLES)
    """Whether error events have the local variables of each frame."""
    resource_attributes: Mapping[str, str] = value_of(v.RESOURCE_ATTRIBUTES)
    untraced_paths: str = value_of(v.UNTRACED_PATHS)
    unlogged_paths: str = value_of(v.UNLOGGED_PATHS)
    access_log: AccessLog = value_of(v.ACCESS_LOG)  # noqa: RUF009 # a `field`
    excluded_urls: str = value_of(v.EXCLUDED_URLS, "asgi")
    django_excluded_urls: str = value_of(v.EXCLUDED_URLS, "django")
    datasette_excluded_urls: str = value_of(v.EXCLUDED_URLS, "datasette")
    capture_request_headers: tuple[str, ...] = value_of(v.CAPTURE_REQUEST_HEADERS)
    capture_response_headers: tuple[str, ...] = value_of(v.CAPTURE_RESPONSE_HEADERS)
    sanitize_headers: tuple[str, ...] = value_of(v.SANITIZE_FIELDS)
    id_generator: str | None = value_of(v.ID_GENERATOR)
    attribute_length: int = value_of(passed_on.ATTRIBUTE_VALUE_LENGTH_LIMIT)
    """Maximum number of characters of an attribute, unless a narrower limit is set."""
    limits: LimitSettings = field(default_factory=LimitSettings)
    exemplars: ExemplarFilter = value_of(passed_on.EXEMPLAR_FILTER)  # noqa: RUF009 # a `field`
    propagators: tuple[str, ...] = value_of(v.PROPAGATORS)
    disabled_instrumentations: tuple[str, ...] = value_of(v.DISABLED_INSTRUMENTATIONS)
    django_instrument: bool = value_of(v.DJANGO_INSTRUMENT)
    django_middleware_position: int = value_of(v.DJANGO_POSITION)
    django_request_attributes: tuple[str, ...] = value_of(v.DJANGO_REQUEST_ATTRS)
    raise_failures: bool = value_of(v.RAISE_FAILURES)
    budgets: BudgetSettings = field(default_factory=BudgetSettings)
    spool: SpoolSettings = field(default_factory=SpoolSettings)
    redaction: RedactionSettings = field(default_factory=RedactionSettings)
    notes: tuple[str, ...] = ()
    """Notes for the operator, logged once: variables that are set and not used."""

    def queue(self, signal: Signal) -> QueueSettings:
        """Return the settings of one signal's queues. A batch is at most as large as its queue."""
        if signal == "metrics":
            # What is collected at one time is sent at once, so only bytes limit it.
            limits = 0, sys.maxsize, sys.maxsize, v.QUEUE_BYTES
        elif signal == "traces":
            limits = (
                self.span_export_delay,
                self.span_queue_size,
                self.span_batch_size,
                v.BSP_MAX_QUEUE_SIZE,
            )
        else:
            limits = (
                self.log_export_delay,
                self.log_queue_size,
                self.log_batch_size,
                v.BLRP_MAX_QUEUE_SIZE,
            )
        delay, size, batch, variable = limits
        return QueueSettings(delay / 1000, size, min(batch, size), self.queue_bytes, str(variable))

    @property
    def prints_traces(self) -> bool:
        """Whether the terminal shows a trace for each request."""
        return "console" in self.exporters.get("traces", ()) and self.console != "off"

    @property
    def active(self) -> bool:
        """Whether any signal, or errors, are exported."""
        return self.sentry is not None or any(self.exporters.values())
