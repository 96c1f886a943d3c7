"""Environment variables for OpenTelemetry's SDK and other libraries.

They are declared for the reference, and parsed at start-up by the rules of this package. The SDK
gets the values as arguments, since its own rules differ: it fails for an empty variable, and for
blanks around some values. Those of proxies are read by urllib's rules.
"""

from __future__ import annotations

from typing import Literal, get_args

from telemetry.registry.redaction import MAX_TEXT
from telemetry.settings import installed, parse
from telemetry.settings.variable import Variable

ExemplarFilter = Literal["trace_based", "always_on", "always_off"]

CONFIG_FILE = Variable(
    "OTEL_CONFIG_FILE",
    "Must not be set: a configuration file is not supported, and would replace all variables.",
    parse.nothing("configuration is by variables, and a configuration file is not supported"),
    None,
)
TRACER_PROVIDER = Variable(
    "OTEL_PYTHON_TRACER_PROVIDER",
    "Must not be set: the tracer provider is telemetry's.",
    parse.nothing("the tracer provider is telemetry's"),
    None,
)
METER_PROVIDER = Variable(
    "OTEL_PYTHON_METER_PROVIDER",
    "Must not be set: the meter provider is telemetry's.",
    parse.nothing("the meter provider is telemetry's"),
    None,
)
LOGGER_PROVIDER = Variable(
    "OTEL_PYTHON_LOGGER_PROVIDER",
    "Must not be set: the logger provider is telemetry's.",
    parse.nothing("the logger provider is telemetry's"),
    None,
)
CONTEXT = Variable(
    "OTEL_PYTHON_CONTEXT",
    "Installed implementation of OpenTelemetry's context.",
    installed.context,
    "contextvars_context",
)

BSP_EXPORT_TIMEOUT = Variable(
    "OTEL_BSP_EXPORT_TIMEOUT",
    "Milliseconds for one export of spans. OpenTelemetry's SDK reads it and does not apply it: see "
    "OTEL_EXPORTER_OTLP_TIMEOUT.",
    parse.delay,
    30_000,
    unit="ms",
)
BLRP_EXPORT_TIMEOUT = Variable(
    "OTEL_BLRP_EXPORT_TIMEOUT",
    "Milliseconds for one export of log records. OpenTelemetry's SDK reads it and does not apply "
    "it: see OTEL_EXPORTER_OTLP_TIMEOUT.",
    parse.delay,
    30_000,
    unit="ms",
)

ATTRIBUTE_COUNT_LIMIT = Variable(
    "OTEL_ATTRIBUTE_COUNT_LIMIT",
    "Number of attributes of a span, event, link or log record. The oldest are dropped.",
    parse.whole,
    128,
)
ATTRIBUTE_VALUE_LENGTH_LIMIT = Variable(
    "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "Number of characters of an attribute's value on a span or log record. Longer ones are cut, "
    "and a text to what TELEMETRY_TEXT_LENGTH_LIMIT says. The default is this layer's: "
    "OpenTelemetry has no limit.",
    parse.whole,
    # Enough for a long traceback, and a bound on values of several megabytes.
    MAX_TEXT,
)
SPAN_ATTRIBUTE_COUNT_LIMIT: Variable[int | None] = Variable(
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
    "Number of attributes of a span. The oldest are dropped.",
    parse.whole,
    None,
    default_text=f"that of {ATTRIBUTE_COUNT_LIMIT}",
)
SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT: Variable[int | None] = Variable(
    "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "Number of characters of an attribute's value on a span. Longer ones are cut.",
    parse.whole,
    None,
    default_text=f"that of {ATTRIBUTE_VALUE_LENGTH_LIMIT}",
)
SPAN_EVENT_COUNT_LIMIT = Variable(
    "OTEL_SPAN_EVENT_COUNT_LIMIT",
    "Number of events of a span. The oldest are dropped.",
    parse.whole,
    128,
)
SPAN_LINK_COUNT_LIMIT = Variable(
    "OTEL_SPAN_LINK_COUNT_LIMIT",
    "Number of links of a span. The oldest are dropped.",
    parse.whole,
    128,
)
# Parsed as the SDK does, which accepts `+5` and `1_000`. Those above have always been stricter.
EVENT_ATTRIBUTE_COUNT_LIMIT: Variable[int | None] = Variable(
    "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
    "Number of attributes of a span's event. The oldest are dropped.",
    parse.limit,
    None,
    default_text=f"that of {ATTRIBUTE_COUNT_LIMIT}",
)
LINK_ATTRIBUTE_COUNT_LIMIT: Variable[int | None] = Variable(
    "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
    "Number of attributes of a span's link. The oldest are dropped.",
    parse.limit,
    None,
    default_text=f"that of {ATTRIBUTE_COUNT_LIMIT}",
)
LOG_ATTRIBUTE_COUNT_LIMIT: Variable[int | None] = Variable(
    "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT",
    "Number of attributes of a log record. The oldest are dropped.",
    parse.limit,
    None,
    default_text=f"that of {ATTRIBUTE_COUNT_LIMIT}",
)
LOG_ATTRIBUTE_VALUE_LENGTH_LIMIT: Variable[int | None] = Variable(
    "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "Number of characters of an attribute's value on a log record. Longer ones are cut.",
    parse.limit,
    None,
    default_text=f"that of {ATTRIBUTE_VALUE_LENGTH_LIMIT}",
)

METRIC_EXPORT_TIMEOUT = Variable(
    "OTEL_METRIC_EXPORT_TIMEOUT",
    "Milliseconds for one collection and export of metrics.",
    parse.milliseconds,
    30.0,
    write=lambda seconds: f"{seconds * 1000:.0f}",
    unit="s",
)
EXEMPLAR_FILTER: Variable[ExemplarFilter] = Variable(
    "OTEL_METRICS_EXEMPLAR_FILTER",
    "Which measurements may become exemplars: `trace_based` those within a sampled span, "
    "`always_on` all, `always_off` none.",
    parse.one_of(*get_args(ExemplarFilter)),
    "trace_based",
)

RESOURCE_DETECTORS: Variable[tuple[str, ...]] = Variable(
    "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS",
    "Further resource detectors: a comma list of installed ones, or `*` for all.",
    installed.resource_detectors,
    (),
)


def _proxy(name: str, description: str) -> Variable[str | None]:
    return Variable(name, description, parse.proxy, None, secret=True, shared=True)


def _exceptions(name: str, description: str) -> Variable[str | None]:
    return Variable(name, description, parse.text, None, shared=True)


# By the rules of urllib and requests, and of gRPC: "Environment Variables" of gRPC Core.
HTTP_PROXY = _proxy(
    "HTTP_PROXY", "Proxy for exports over HTTP to addresses that begin with `http:`."
)
HTTP_PROXY_LOWER = _proxy(
    "http_proxy",
    "As HTTP_PROXY, over which it takes precedence. Also the proxy for exports over gRPC where "
    "neither grpc_proxy nor https_proxy is set.",
)
HTTPS_PROXY = _proxy(
    "HTTPS_PROXY", "Proxy for exports over HTTP to addresses that begin with `https:`."
)
HTTPS_PROXY_LOWER = _proxy(
    "https_proxy",
    "As HTTPS_PROXY, over which it takes precedence. Also the proxy for exports over gRPC where "
    "grpc_proxy is not set.",
)
ALL_PROXY = _proxy(
    "ALL_PROXY", "Proxy for exports over HTTP where no proxy is set for the address's scheme."
)
ALL_PROXY_LOWER = _proxy("all_proxy", "As ALL_PROXY, over which it takes precedence.")
HTTP_PROXIES = (
    HTTP_PROXY,
    HTTP_PROXY_LOWER,
    HTTPS_PROXY,
    HTTPS_PROXY_LOWER,
    ALL_PROXY,
    ALL_PROXY_LOWER,
)
GRPC_PROXY = _proxy(
    "grpc_proxy",
    "Proxy for exports over gRPC, `http://host:port`. gRPC reads this name only in lower case.",
)
NO_PROXY = _exceptions(
    "NO_PROXY",
    "Hosts, domains and networks that are reached over HTTP without a proxy: a comma list.",
)
NO_PROXY_LOWER = _exceptions(
    "no_proxy",
    "As NO_PROXY, over which it takes precedence. Also for exports over gRPC where no_grpc_proxy "
    "is not set.",
)
NO_GRPC_PROXY = _exceptions(
    "no_grpc_proxy",
    "Hosts, domains and networks that are reached over gRPC without a proxy: a comma list.",
)
