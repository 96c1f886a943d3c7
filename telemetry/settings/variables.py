"""Every environment variable that this layer reads itself.

OpenTelemetry's constructors read more (``OTEL_BSP_*``, ``OTEL_BLRP_*``, the
limits, ``OTEL_PROPAGATORS``, ...): those keep their specified meaning.
"""

from __future__ import annotations

from telemetry.registry.names import Variable

TRACES_EXPORTER = Variable(
    "OTEL_TRACES_EXPORTER",
    "A comma list of `logfire`, `otlp`, `console`, `none`, or any installed exporter.",
    default="by what else is set",
    example="logfire,otlp",
)
METRICS_EXPORTER = Variable(
    "OTEL_METRICS_EXPORTER", "The same for metrics, and `prometheus`, which is scraped."
)
LOGS_EXPORTER = Variable("OTEL_LOGS_EXPORTER", "The same for logs.")

OTLP_ENDPOINT = Variable(
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "Where OTLP goes. `OTEL_EXPORTER_OTLP_{TRACES,METRICS,LOGS}_ENDPOINT` turns on and sets "
    "one signal. The other OTEL_EXPORTER_OTLP_* variables are honoured as specified, "
    "the timeout in seconds.",
    default="http://localhost:4318, for grpc http://localhost:4317",
    example="http://localhost:4318",
)
OTLP_PROTOCOL = Variable(
    "OTEL_EXPORTER_OTLP_PROTOCOL", "`http/protobuf` or `grpc`.", default="http/protobuf"
)
OTLP_HEADERS = Variable(
    "OTEL_EXPORTER_OTLP_HEADERS", "Headers to send, as `name=value,name=value`.", secret=True
)

LOGFIRE_TOKEN = Variable(
    "LOGFIRE_TOKEN",
    "A Logfire write token; a comma list is several destinations. Its region is in the token.",
    secret=True,
)
LOGFIRE_BASE_URL = Variable("LOGFIRE_BASE_URL", "Logfire's address, where the token's is wrong.")
LOGFIRE_SEND = Variable(
    "LOGFIRE_SEND_TO_LOGFIRE",
    "`false` keeps a token from sending; `true` sends under DEBUG too.",
    default="if-token-present",
)
LOGFIRE_SERVICE_NAME = Variable("LOGFIRE_SERVICE_NAME", "After OTEL_SERVICE_NAME.")
LOGFIRE_SERVICE_VERSION = Variable("LOGFIRE_SERVICE_VERSION", "After SENTRY_RELEASE.")
LOGFIRE_ENVIRONMENT = Variable("LOGFIRE_ENVIRONMENT", "After SENTRY_ENVIRONMENT.")
LOGFIRE_SAMPLE_RATE = Variable("LOGFIRE_TRACE_SAMPLE_RATE", "After OTEL_TRACES_SAMPLER: a ratio.")

SERVICE_NAME = Variable("OTEL_SERVICE_NAME", "The service's name.", default="the host's own")
RESOURCE_ATTRIBUTES = Variable(
    "OTEL_RESOURCE_ATTRIBUTES",
    "`key=value,key=value`, on everything sent.",
    example="deployment.environment.name=staging",
)
SENTRY_DSN = Variable(
    "SENTRY_DSN",
    "Where errors go: a Bugsink's or Sentry's address for one project, with or without any "
    "exporter. Errors only: no transactions, no sessions.",
    example="https://KEY@bugsink.example.org/1",
    secret=True,
)
SENTRY_ENVIRONMENT = Variable(
    "SENTRY_ENVIRONMENT",
    "The environment, unless OTEL_RESOURCE_ATTRIBUTES names it.",
    default="`development` under DEBUG, else `production`",
)
SENTRY_RELEASE = Variable(
    "SENTRY_RELEASE",
    "The release, unless OTEL_RESOURCE_ATTRIBUTES has service.version.",
    default="what RELEASE_FILE holds, else `development`",
)
RELEASE_FILE = Variable("RELEASE_FILE", "The file baked into the image.", default="/.release")

SAMPLER = Variable(
    "OTEL_TRACES_SAMPLER",
    "One of OpenTelemetry's samplers, or any installed one; or `tail`, which keeps what failed or "
    "was slow, and a ratio of the rest.",
    default="every trace is kept",
    example="tail",
)
SAMPLER_ARG = Variable(
    "OTEL_TRACES_SAMPLER_ARG", "The ratio, 0 to 1.", default="1.0", example="0.05"
)
ID_GENERATOR = Variable("OTEL_PYTHON_ID_GENERATOR", "An installed id generator.", default="random")
SDK_DISABLED = Variable(
    "OTEL_SDK_DISABLED",
    "`true` turns traces, metrics and logs off. Errors still go to SENTRY_DSN.",
    default="false",
)
PROPAGATORS = Variable(
    "OTEL_PROPAGATORS", "How callers pass their trace on.", default="tracecontext,baggage"
)
METRIC_INTERVAL = Variable(
    "OTEL_METRIC_EXPORT_INTERVAL", "Milliseconds between metric exports.", default="60000"
)
PROMETHEUS_HOST = Variable(
    "OTEL_EXPORTER_PROMETHEUS_HOST",
    "Where the exporter `prometheus` is scraped: the address that each worker listens on.",
    default="localhost",
)
PROMETHEUS_PORT = Variable(
    "OTEL_EXPORTER_PROMETHEUS_PORT",
    "The first port that is tried: each worker takes the first that is free from there upward, of "
    "a hundred.",
    default="9464",
)
EXCLUDED_URLS = Variable(
    "OTEL_PYTHON_EXCLUDED_URLS",
    "Comma list of regular expressions: URLs that are neither traced nor counted. "
    "`OTEL_PYTHON_{ASGI,DJANGO,DATASETTE}_EXCLUDED_URLS` replace it for the edge or one side.",
)
UNTRACED_PATHS = Variable(
    "TELEMETRY_UNTRACED_PATHS",
    "Comma list of regular expressions, matched from the start of a request's path: requests that "
    "are counted and not traced, not even if they fail. `none` traces everything.",
    default=r"`/static/,/-/static/,/-/static-plugins/,/favicon\.ico$,/health/(ready)?$`",
)
UNLOGGED_PATHS = Variable(
    "TELEMETRY_UNLOGGED_PATHS",
    "The same for requests that have no access line, unless they fail. `none` logs everything.",
    default="`/health/(ready)?$`",
)
CAPTURE_REQUEST_HEADERS = Variable(
    "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST",
    "Comma list of regular expressions: request headers to record on the SERVER span.",
)
CAPTURE_RESPONSE_HEADERS = Variable(
    "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_RESPONSE", "The same for the response."
)
SANITIZE_FIELDS = Variable(
    "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SANITIZE_FIELDS",
    "Comma list of regular expressions: headers whose value is replaced by `[REDACTED]`.",
)
DJANGO_INSTRUMENT = Variable(
    "OTEL_PYTHON_DJANGO_INSTRUMENT", "`False` leaves Django alone.", default="True"
)
DJANGO_POSITION = Variable(
    "OTEL_PYTHON_DJANGO_MIDDLEWARE_POSITION", "Where the middleware goes.", default="0"
)
DJANGO_REQUEST_ATTRS = Variable(
    "OTEL_PYTHON_DJANGO_TRACED_REQUEST_ATTRS",
    "Comma list of attributes of Django's request to record on the SERVER span.",
)

CLIENT_ADDRESS = Variable(
    "TELEMETRY_CLIENT_ADDRESS",
    "Whether access lines and SERVER spans name the client's address, which is personal data.",
    default="false",
)

USER_AGENT = Variable(
    "TELEMETRY_USER_AGENT",
    "Whether SERVER spans, access lines and error events have the client's `User-Agent`, which is "
    "personal data.",
    default="false",
)
LOCAL_VARIABLES = Variable(
    "TELEMETRY_LOCAL_VARIABLES",
    "Whether error events have the local variables of each frame: they may hold anything.",
    default="false",
)
REDACT = Variable(
    "TELEMETRY_REDACT",
    "What is taken out before anything leaves: a comma list of `credentials`, `emails`, "
    "`query_strings`, `sql`; or `none`. The secrets among the variables themselves always are.",
    default="all of them",
    example="credentials,emails,sql",
)

LOG_FORMAT = Variable(
    "LOG_FORMAT",
    "What log lines on standard output are: `json` or `text`.",
    default="`text` under DEBUG, else `json`",
)
LOG_LEVEL = Variable(
    "LOGLEVEL",
    "The least level that is logged, and that of single loggers: `INFO,django.db=DEBUG`.",
    default="INFO",
)
DEBUG = Variable("DEBUG", "The host's: true means the console unless told otherwise.")

TRACEPARENT = Variable(
    "TELEMETRY_TRACEPARENT",
    "What to do with a caller's `traceparent`: `link` to it from a trace of our own, `trust` it "
    "as the parent, or `ignore` it.",
    default="link",
)
TRUST_SECRET = Variable(
    "TELEMETRY_TRUST_SECRET",
    "Callers who send this in `X-Service-Secret` are trusted.",
    secret=True,
)
TRACE_URL = Variable(
    "TELEMETRY_TRACE_URL",
    "A page that shows a trace, with `{trace_id}` in it: error events link there.",
    example="https://traces.example.org/trace/{trace_id}",
)
EVENT_URL = Variable(
    "TELEMETRY_EVENT_URL",
    "A page that shows a trace's errors, with `{trace_id}` or `{event_id}` in it: spans link "
    "there.",
    default="Bugsink's search, at SENTRY_DSN's address",
    example="https://bugsink.example.org/issues/1/?q=trace:{trace_id}",
)
FOLD_BELOW = Variable(
    "TELEMETRY_FOLD_BELOW",
    "Queries of Datasette that succeeded and took SQLite less are no spans but an account on the "
    "span above all. `0ms` keeps each. `ms` or `s`.",
    default="25ms",
)
SLOW = Variable(
    "TELEMETRY_SLOW",
    "The sampler `tail` keeps every trace that took this long. `ms` or `s`.",
    default="5s",
)
SITE_LIMIT = Variable(
    "TELEMETRY_SITE_LIMIT",
    "How many sites metrics name; the rest are `other`.",
    default="100",
)
SHUTDOWN_TIMEOUT = Variable(
    "TELEMETRY_SHUTDOWN_TIMEOUT",
    "How long a stopping worker waits for what is in flight. `ms` or `s`.",
    default="2s",
)
CONSOLE = Variable(
    "TELEMETRY_CONSOLE",
    "What the `console` exporter prints of a request: its `tree`, one `compact` line, or `off`.",
    default="tree",
)
NO_COLOR = Variable("NO_COLOR", "Set: no colour on the console.")
RAISE_FAILURES = Variable(
    "TELEMETRY_RAISE_FAILURES",
    "For test suites: telemetry's own failures are raised instead of counted.",
    default="false",
)
