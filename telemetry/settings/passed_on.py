"""Environment variables that OpenTelemetry's SDK and other libraries read, and this layer does not.

They are declared for the reference, and parsed at start-up. A value for which the SDK would
raise an exception, later and in a worker, is reported as a problem. One for which the SDK only
logs a warning is a note.
"""

from __future__ import annotations

from telemetry.settings import parse
from telemetry.settings.variable import Variable

CONFIG_FILE = Variable(
    "OTEL_CONFIG_FILE",
    "Not used, and named by a note at start-up: configuration is by variables.",
    parse.text,
    None,
)

BSP_EXPORT_TIMEOUT = Variable(
    "OTEL_BSP_EXPORT_TIMEOUT",
    "Milliseconds for one export of spans. OpenTelemetry's SDK reads it and does not apply it: see "
    "OTEL_EXPORTER_OTLP_TIMEOUT.",
    parse.integer,
    30_000,
    unit="ms",
    strict=False,
)
BLRP_EXPORT_TIMEOUT = Variable(
    "OTEL_BLRP_EXPORT_TIMEOUT",
    "Milliseconds for one export of log records. OpenTelemetry's SDK reads it and does not apply "
    "it: see OTEL_EXPORTER_OTLP_TIMEOUT.",
    parse.integer,
    30_000,
    unit="ms",
    strict=False,
)

ATTRIBUTE_COUNT_LIMIT = Variable(
    "OTEL_ATTRIBUTE_COUNT_LIMIT",
    "Number of attributes of a span, event, link or log record. The oldest are dropped.",
    parse.whole,
    128,
)
ATTRIBUTE_VALUE_LENGTH_LIMIT = Variable(
    "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "Number of characters of an attribute's value on a span or log record. Longer ones are cut. "
    "The default is this layer's: OpenTelemetry has no limit.",
    parse.whole,
    # Enough for a long traceback, and a bound on values of several megabytes.
    32_768,
)
SPAN_ATTRIBUTE_COUNT_LIMIT = Variable(
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
    "Number of attributes of a span. The oldest are dropped.",
    parse.whole,
    None,
    default_text=f"that of {ATTRIBUTE_COUNT_LIMIT}",
)
SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT = Variable(
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
EVENT_ATTRIBUTE_COUNT_LIMIT = Variable(
    "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
    "Number of attributes of a span's event. The oldest are dropped.",
    parse.limit,
    None,
    default_text=f"that of {ATTRIBUTE_COUNT_LIMIT}",
)
LINK_ATTRIBUTE_COUNT_LIMIT = Variable(
    "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
    "Number of attributes of a span's link. The oldest are dropped.",
    parse.limit,
    None,
    default_text=f"that of {ATTRIBUTE_COUNT_LIMIT}",
)
LOG_ATTRIBUTE_COUNT_LIMIT = Variable(
    "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT",
    "Number of attributes of a log record. The oldest are dropped.",
    parse.limit,
    None,
    default_text=f"that of {ATTRIBUTE_COUNT_LIMIT}",
)
LOG_ATTRIBUTE_VALUE_LENGTH_LIMIT = Variable(
    "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "Number of characters of an attribute's value on a log record. Longer ones are cut.",
    parse.limit,
    None,
    default_text=f"that of {ATTRIBUTE_VALUE_LENGTH_LIMIT}",
)

METRIC_EXPORT_TIMEOUT = Variable(
    "OTEL_METRIC_EXPORT_TIMEOUT",
    "Milliseconds for one collection and export of metrics.",
    parse.number,
    30_000.0,
    unit="ms",
    strict=False,
)
EXEMPLAR_FILTER = Variable(
    "OTEL_METRICS_EXEMPLAR_FILTER",
    "Which measurements may become exemplars: `trace_based` those within a sampled span, "
    "`always_on` all, `always_off` none.",
    parse.exactly("trace_based", "always_on", "always_off"),
    "trace_based",
)

RESOURCE_DETECTORS: Variable[tuple[str, ...]] = Variable(
    "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS",
    "Further resource detectors: a comma list of installed ones.",
    parse.items,
    (),
)

# By urllib's and requests' rules: a name in lower case takes precedence.
HTTP_PROXY = Variable(
    "HTTP_PROXY",
    "Proxy for exports over HTTP to addresses that begin with `http:`.",
    parse.text,
    None,
    secret=True,
)
HTTPS_PROXY = Variable(
    "HTTPS_PROXY",
    "Proxy for exports over HTTP to addresses that begin with `https:`.",
    parse.text,
    None,
    secret=True,
)
NO_PROXY = Variable(
    "NO_PROXY",
    "Hosts, domains and networks that are reached without a proxy: a comma list.",
    parse.text,
    None,
)
