"""What each variable's value is, by kind of text: unset, an error at start-up, or accepted.

Written from the sources that each kind names, and not from the parsers.
"""

from __future__ import annotations

from dataclasses import dataclass

SPECIFICATION = "OpenTelemetry's specification, Environment Variable Specification"
EXPORTER = "OpenTelemetry's specification, OTLP Exporter Configuration"

INPUTS = {
    "comma": "{example},",
    "case": "{swapped}",
    "word": "some words",
    "negative": "-1",
    "zero": "0",
    "huge": "9223372036854775808",
    "nan": "nan",
    "infinite": "inf",
}
"""Text by column. ``empty`` and ``blank`` are unset for every variable, by the specification.

``{example}`` is a valid value of the kind, and ``{swapped}`` the same in the other case.
"""


@dataclass(frozen=True)
class Kind:
    """Variables with the same verdicts.

    ``verdicts`` has a letter for each of INPUTS: ``e`` an error, ``+`` accepted.
    """

    source: str
    example: str
    verdicts: str
    variables: tuple[str, ...]


def _signals(*names: str) -> tuple[str, ...]:
    """Each with its forms: OTEL_EXPORTER_OTLP_{}ENDPOINT."""
    return tuple(
        name.format(form) for name in names for form in ("", "TRACES_", "METRICS_", "LOGS_")
    )


EXAMPLES = {
    "PROTOCOL": "grpc",
    "COMPRESSION": "gzip",
    "TEMPORALITY_PREFERENCE": "delta",
    "DEFAULT_HISTOGRAM_AGGREGATION": "base2_exponential_bucket_histogram",
    "EXEMPLAR_FILTER": "always_on",
    "SAMPLER": "always_on",
    "LOG_FORMAT": "text",
    "TRACEPARENT": "trust",
    "CONSOLE": "compact",
    "ACCESS_LOG": "all",
}
"""By the end of a variable's name, a valid value where those of a kind differ."""

_TRACKER = {"SENTRY_DSN": "https://key@bugsink.example.org/1"}
BESIDE = {
    "OTEL_TRACES_SAMPLER_ARG": {"OTEL_TRACES_SAMPLER": "traceidratio"},
    "SSL_CERT_FILE": _TRACKER,
    "REQUESTS_CA_BUNDLE": _TRACKER,
    "CLIENT_CERT_FILE": _TRACKER,
    "CLIENT_KEY_FILE": _TRACKER,
}
"""What else is set, without which a variable is not judged."""

KINDS = {
    "list of exporters": Kind(
        f"{SPECIFICATION}: a comma list; DESIGN.md: case, blanks and a trailing comma are forgiven",
        "otlp",
        "++eeeeee",
        ("OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_LOGS_EXPORTER"),
    ),
    "list of installed names": Kind(
        f"{SPECIFICATION}, OTEL_PROPAGATORS: a comma list. The API fails for an empty item",
        "tracecontext",
        "++eeeeee",
        ("OTEL_PROPAGATORS",),
    ),
    "list of host names": Kind(
        "RFC 1123, 2.1: letters, digits, dots and hyphens; Docker's names have underscores too",
        "metrics.internal",
        "++ee++++",
        ("TELEMETRY_PROMETHEUS_ALLOWED_HOSTS",),
    ),
    "list of detectors": Kind(
        "opentelemetry.sdk.environment_variables: names of entry points, which have a case",
        "otel",
        "+eeeeeee",
        ("OTEL_EXPERIMENTAL_RESOURCE_DETECTORS",),
    ),
    "one installed name": Kind(
        "opentelemetry.environment_variables: the name of an entry point",
        "random",
        "eeeeeeee",
        ("OTEL_PYTHON_ID_GENERATOR",),
    ),
    "context": Kind(
        "opentelemetry.context: the name of an entry point. The API falls back with a log line",
        "contextvars_context",
        "eeeeeeee",
        ("OTEL_PYTHON_CONTEXT",),
    ),
    "credential provider": Kind(
        "opentelemetry.sdk.environment_variables: the name of an entry point; none is installed",
        "any",
        "eeeeeeee",
        _signals(
            "OTEL_PYTHON_EXPORTER_OTLP_HTTP_{}CREDENTIAL_PROVIDER",
            "OTEL_PYTHON_EXPORTER_OTLP_GRPC_{}CREDENTIAL_PROVIDER",
        ),
    ),
    "endpoint": Kind(
        f"{EXPORTER}: a URL with http or https",
        "http://localhost:4318",
        "e+eeeeee",
        _signals("OTEL_EXPORTER_OTLP_{}ENDPOINT"),
    ),
    "address": Kind("As an endpoint", "http://localhost:4318", "e+eeeeee", ("LOGFIRE_BASE_URL",)),
    "enumeration": Kind(
        f"{SPECIFICATION}, Enum: case-insensitive; what is unknown is refused, not ignored",
        "",
        "e+eeeeee",
        (
            *_signals("OTEL_EXPORTER_OTLP_{}PROTOCOL", "OTEL_EXPORTER_OTLP_{}COMPRESSION"),
            "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
            "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
            "OTEL_METRICS_EXEMPLAR_FILTER",
            "OTEL_TRACES_SAMPLER",
            "LOG_FORMAT",
            "TELEMETRY_TRACEPARENT",
            "TELEMETRY_CONSOLE",
            "TELEMETRY_ACCESS_LOG",
        ),
    ),
    "headers": Kind(
        f"{EXPORTER}: W3C Baggage's form, key=value",
        "x-key=value",
        "++eeeeee",
        _signals("OTEL_EXPORTER_OTLP_{}HEADERS"),
    ),
    "ratios": Kind(
        "docs/reference.md: a comma list of site=NAME:RATIO and route=ROUTE:RATIO",
        "site=alameda.ca:0.5",
        "++eeeeee",
        ("TELEMETRY_SAMPLE",),
    ),
    "attributes": Kind(
        f"{SPECIFICATION}, OTEL_RESOURCE_ATTRIBUTES: key=value pairs",
        "team=web",
        "++eeeeee",
        ("OTEL_RESOURCE_ATTRIBUTES",),
    ),
    "timeout": Kind(
        "OpenTelemetry Python: seconds; poll(2) takes at most 2**31 milliseconds",
        "10",
        "e+eeeeee",
        _signals("OTEL_EXPORTER_OTLP_{}TIMEOUT"),
    ),
    "length of a text": Kind(
        "docs/reference.md: a whole number from 1,024 to 32,768",
        "5000",
        "e+eeeeee",
        ("TELEMETRY_TEXT_LENGTH_LIMIT",),
    ),
    "file": Kind(
        f"{EXPORTER}: the path of a file",
        "/dev/null",
        "eeeeeeee",
        (
            *_signals(
                "OTEL_EXPORTER_OTLP_{}CERTIFICATE",
                "OTEL_EXPORTER_OTLP_{}CLIENT_KEY",
                "OTEL_EXPORTER_OTLP_{}CLIENT_CERTIFICATE",
            ),
            "RELEASE_FILE",
        ),
    ),
    "file of error events": Kind(
        "Sentry's SDK: the path of a file. Without a DSN, it is meant for other programs",
        "/dev/null",
        "eeeeeeee",
        ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CLIENT_CERT_FILE", "CLIENT_KEY_FILE"),
    ),
    "boolean of the specification": Kind(
        f"{SPECIFICATION}, Boolean: only true, in any case, is true; others must not be added",
        "true",
        "e+eeeeee",
        (
            *_signals("OTEL_EXPORTER_OTLP_{}INSECURE"),
            "OTEL_SDK_DISABLED",
            "OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED",
        ),
    ),
    "boolean": Kind(
        "The usual words of a boolean, which Logfire's SDK and Django's world have",
        "true",
        "e+ee+eee",
        (
            "LOGFIRE_SEND_TO_LOGFIRE",
            "OTEL_PYTHON_DJANGO_INSTRUMENT",
            "TELEMETRY_SERVER_TIMING",
            "TELEMETRY_CLIENT_ADDRESS",
            "TELEMETRY_USER_AGENT",
            "TELEMETRY_LOCAL_VARIABLES",
            "TELEMETRY_REQUEST_ERRORS",
            "TELEMETRY_DATASETTE_QUERIES",
            "TELEMETRY_SPOOL_SYNC",
            "TELEMETRY_RAISE_FAILURES",
        ),
    ),
    "status codes": Kind(
        "gRPC's list of status codes",
        "UNAVAILABLE",
        "++eeeeee",
        ("OTEL_PYTHON_EXPORTER_OTLP_GRPC_RETRYABLE_ERROR_CODES",),
    ),
    "tokens": Kind(
        "Logfire's SDK: a comma list of tokens, which are header values",
        "pylf_v1_us_0",
        "++e+++++",
        ("LOGFIRE_TOKEN",),
    ),
    "ratio": Kind(
        f"{SPECIFICATION}, OTEL_TRACES_SAMPLER_ARG: a number from 0 to 1",
        "0.5",
        "e+ee+eee",
        ("OTEL_TRACES_SAMPLER_ARG", "LOGFIRE_TRACE_SAMPLE_RATE"),
    ),
    "text": Kind(
        f"{SPECIFICATION}, String: any text",
        "some",
        "++++++++",
        (
            "LOGFIRE_SERVICE_NAME",
            "LOGFIRE_SERVICE_VERSION",
            "LOGFIRE_ENVIRONMENT",
            "OTEL_SERVICE_NAME",
            "SENTRY_ENVIRONMENT",
            "SENTRY_RELEASE",
            "TELEMETRY_TRUST_SECRET",
            "NO_COLOR",
            "NO_PROXY",
            "no_proxy",
            "no_grpc_proxy",
            # Another program's too: what is unknown is false.
            "DEBUG",
            "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS",
            "OTEL_PYTHON_DJANGO_TRACED_REQUEST_ATTRS",
        ),
    ),
    "expressions": Kind(
        "opentelemetry.util.http: a comma list of regular expressions, which most texts are",
        "/admin/",
        "++++++++",
        (
            "OTEL_PYTHON_EXCLUDED_URLS",
            "OTEL_PYTHON_ASGI_EXCLUDED_URLS",
            "OTEL_PYTHON_DJANGO_EXCLUDED_URLS",
            "OTEL_PYTHON_DATASETTE_EXCLUDED_URLS",
            "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST",
            "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_RESPONSE",
            "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SANITIZE_FIELDS",
            "TELEMETRY_UNTRACED_PATHS",
            "TELEMETRY_UNLOGGED_PATHS",
        ),
    ),
    "DSN": Kind(
        "Sentry's SDK Specification, DSN",
        "https://key@bugsink.example.org/1",
        "e+eeeeee",
        ("SENTRY_DSN",),
    ),
    "delay": Kind(
        f"{SPECIFICATION}: a duration in milliseconds. The SDK fails for 0; a thread waits at most "
        "threading.TIMEOUT_MAX",
        "1000",
        "e+eeeeee",
        (
            "OTEL_BSP_SCHEDULE_DELAY",
            "OTEL_BLRP_SCHEDULE_DELAY",
            "OTEL_METRIC_EXPORT_INTERVAL",
            "OTEL_METRIC_EXPORT_TIMEOUT",
            "OTEL_BSP_EXPORT_TIMEOUT",
            "OTEL_BLRP_EXPORT_TIMEOUT",
        ),
    ),
    "size": Kind(
        f"{SPECIFICATION}: a number of items. The SDK fails for 0, and deque() from 2**63",
        "500",
        "e+eeeeee",
        (
            "OTEL_BSP_MAX_QUEUE_SIZE",
            "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
            "OTEL_BLRP_MAX_QUEUE_SIZE",
            "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE",
            "TELEMETRY_QUEUE_BYTES",
            "TELEMETRY_SPOOL_BYTES",
            "TELEMETRY_TRACE_SPAN_LIMIT",
        ),
    ),
    "port": Kind("RFC 6335", "9464", "e+eeeeee", ("OTEL_EXPORTER_PROMETHEUS_PORT",)),
    "limit": Kind(
        f"{SPECIFICATION}, Attribute Limits: a number of at least 0. The SDK fails for others, "
        "and deque() from 2**63",
        "64",
        "e+ee+eee",
        (
            "OTEL_ATTRIBUTE_COUNT_LIMIT",
            "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
            "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
            "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
            "OTEL_SPAN_EVENT_COUNT_LIMIT",
            "OTEL_SPAN_LINK_COUNT_LIMIT",
            "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
            "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
            "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT",
            "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT",
            "OTEL_PYTHON_DJANGO_MIDDLEWARE_POSITION",
            "TELEMETRY_SITE_LIMIT",
            "TELEMETRY_TRACE_LIMIT",
            "TELEMETRY_EVENT_LIMIT",
            "TELEMETRY_EVENT_GROUP_LIMIT",
        ),
    ),
    "host": Kind(
        "OpenTelemetry's specification, Prometheus Exporter: the address to listen on",
        "localhost",
        "e+eeee++",
        ("OTEL_EXPORTER_PROMETHEUS_HOST",),
    ),
    "duration": Kind(
        "docs/configuration.md: a number with ms or s, since numbers alone have meant both",
        "5s",
        "e+eeeeee",
        (
            "TELEMETRY_FOLD_BELOW",
            "TELEMETRY_SLOW",
            "TELEMETRY_SPOOL_AGE",
            "TELEMETRY_SHUTDOWN_TIMEOUT",
        ),
    ),
    "page": Kind(
        "docs/reference.md: an address with a placeholder",
        "https://traces.example.org/{trace_id}",
        "+eeeeeee",
        ("TELEMETRY_TRACE_URL", "TELEMETRY_EVENT_URL"),
    ),
    "redaction": Kind(
        "docs/reference.md: a comma list of kinds",
        "emails",
        "++eeeeee",
        ("TELEMETRY_REDACT",),
    ),
    "signals": Kind(
        "docs/reference.md: a comma list of signals",
        "traces",
        "++eeeeee",
        ("TELEMETRY_SPOOL_SIGNALS",),
    ),
    "folder": Kind("Any path is that of a folder", "/tmp", "++++++++", ("TELEMETRY_SPOOL_DIR",)),
    "levels": Kind("Python's logging: names of levels", "INFO", "++eeeeee", ("LOGLEVEL",)),
    "proxy": Kind(
        "curl's and urllib's: an address, of which the scheme may be left out",
        "http://localhost:3128",
        "e+ee++++",
        (
            "HTTP_PROXY",
            "http_proxy",
            "HTTPS_PROXY",
            "https_proxy",
            "ALL_PROXY",
            "all_proxy",
            "grpc_proxy",
        ),
    ),
    "never": Kind(
        "docs/reference.md: what is not supported is refused",
        "any",
        "eeeeeeee",
        (
            "OTEL_CONFIG_FILE",
            "OTEL_PYTHON_TRACER_PROVIDER",
            "OTEL_PYTHON_METER_PROVIDER",
            "OTEL_PYTHON_LOGGER_PROVIDER",
        ),
    ),
}
