"""All environment variables that this layer reads itself.

Those that it passes on to OpenTelemetry's SDK are in `telemetry.settings.passed_on`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

from telemetry.registry.attributes import SIGNALS
from telemetry.registry.redaction import KINDS, MAX_TEXT
from telemetry.settings import installed, parse
from telemetry.settings.parse import LogLevels
from telemetry.settings.variable import Variable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from telemetry.registry.attributes import Signal


Protocol = Literal["http/protobuf", "grpc"]
SpooledSignal = Literal["traces", "metrics", "logs", "errors"]
Compression = Literal["none", "gzip", "deflate"]
TraceparentPolicy = Literal["link", "trust", "ignore"]
ConsoleMode = Literal["tree", "compact", "off"]
LogFormat = Literal["json", "text"]
AccessLog = Literal["stdout", "all", "none"]
Temporality = Literal["cumulative", "delta", "lowmemory"]
HistogramAggregation = Literal["explicit_bucket_histogram", "base2_exponential_bucket_histogram"]

GRPC_ENDPOINT = "http://localhost:4317"
"""Default of OTEL_EXPORTER_OTLP_ENDPOINT for the protocol grpc."""

TRACES_EXPORTER: Variable[tuple[str, ...] | None] = Variable(
    "OTEL_TRACES_EXPORTER",
    "Exporters of traces: a comma list of `logfire`, `otlp`, `console`, `none`, or any installed "
    "exporter.",
    installed.exporter_names("traces"),
    None,
    default_text="by what else is set",
    example="logfire,otlp",
)
METRICS_EXPORTER: Variable[tuple[str, ...] | None] = Variable(
    "OTEL_METRICS_EXPORTER",
    "Exporters of metrics: a comma list of `logfire`, `otlp`, `prometheus`, `console`, `none`, or "
    "any installed exporter.",
    installed.exporter_names("metrics"),
    None,
    default_text="by what else is set",
)
LOGS_EXPORTER: Variable[tuple[str, ...] | None] = Variable(
    "OTEL_LOGS_EXPORTER",
    "Exporters of logs: a comma list of `logfire`, `otlp`, `console`, `none`, or any installed "
    "exporter.",
    installed.exporter_names("logs"),
    None,
    default_text="by what else is set",
)

OTLP_ENDPOINT = Variable(
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "Address of the OTLP receiver. {forms} is the whole address for one signal, and turns on that "
    "signal alone.",
    parse.url,
    "http://localhost:4318",
    default_text=f"http://localhost:4318, for grpc {GRPC_ENDPOINT}",
    example="http://localhost:4318",
    forms="OTEL_EXPORTER_OTLP_{}_ENDPOINT",
    kinds=SIGNALS,
)
OTLP_PROTOCOL: Variable[Protocol] = Variable(
    "OTEL_EXPORTER_OTLP_PROTOCOL",
    "Protocol of OTLP: `http/protobuf` or `grpc`. {forms} sets it for one signal.",
    parse.one_of(*get_args(Protocol)),
    "http/protobuf",
    forms="OTEL_EXPORTER_OTLP_{}_PROTOCOL",
    kinds=SIGNALS,
)
OTLP_HEADERS: Variable[Mapping[str, str]] = Variable(
    "OTEL_EXPORTER_OTLP_HEADERS",
    "Headers to send to the OTLP receiver, as `name=value,name=value`. {forms} sets them for one "
    "signal.",
    parse.headers,
    {},
    secret=True,
    forms="OTEL_EXPORTER_OTLP_{}_HEADERS",
    kinds=SIGNALS,
)
OTLP_COMPRESSION: Variable[Compression] = Variable(
    "OTEL_EXPORTER_OTLP_COMPRESSION",
    "Compression of OTLP: `none`, `gzip`, or with http/protobuf `deflate`. {forms} sets it for one "
    "signal.",
    parse.one_of(*get_args(Compression)),
    "none",
    forms="OTEL_EXPORTER_OTLP_{}_COMPRESSION",
    kinds=SIGNALS,
)
OTLP_TIMEOUT = Variable(
    "OTEL_EXPORTER_OTLP_TIMEOUT",
    "Seconds for one export by OTLP, retries included. {forms} sets it for one signal.",
    parse.timeout,
    10.0,
    unit="s",
    forms="OTEL_EXPORTER_OTLP_{}_TIMEOUT",
    kinds=SIGNALS,
)
OTLP_CERTIFICATE = Variable(
    "OTEL_EXPORTER_OTLP_CERTIFICATE",
    "File with the certificates that the OTLP receiver's is verified with. {forms} sets it for one "
    "signal.",
    parse.certificates,
    None,
    default_text="the system's",
    forms="OTEL_EXPORTER_OTLP_{}_CERTIFICATE",
    kinds=SIGNALS,
)
OTLP_CLIENT_KEY = Variable(
    "OTEL_EXPORTER_OTLP_CLIENT_KEY",
    "File with the private key of the client certificate. {forms} sets it for one signal.",
    parse.readable_file,
    None,
    forms="OTEL_EXPORTER_OTLP_{}_CLIENT_KEY",
    kinds=SIGNALS,
)
OTLP_CLIENT_CERTIFICATE = Variable(
    "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE",
    "File with the client certificate that is shown to the OTLP receiver. {forms} sets it for one "
    "signal.",
    parse.readable_file,
    None,
    forms="OTEL_EXPORTER_OTLP_{}_CLIENT_CERTIFICATE",
    kinds=SIGNALS,
)
OTLP_INSECURE: Variable[bool | None] = Variable(
    "OTEL_EXPORTER_OTLP_INSECURE",
    "With grpc, whether an endpoint without a scheme is reached without TLS. {forms} sets it for "
    "one signal.",
    parse.true_or_false,
    None,
    default_text="by the endpoint's scheme",
    forms="OTEL_EXPORTER_OTLP_{}_INSECURE",
    kinds=SIGNALS,
)
OTLP_CREDENTIAL_PROVIDER = Variable(
    "OTEL_PYTHON_EXPORTER_OTLP_HTTP_CREDENTIAL_PROVIDER",
    "Installed credential provider that makes the HTTP session for OTLP. {forms} sets it for one "
    "signal.",
    installed.credential_provider,
    None,
    forms="OTEL_PYTHON_EXPORTER_OTLP_HTTP_{}_CREDENTIAL_PROVIDER",
    kinds=SIGNALS,
)
GRPC_CREDENTIAL_PROVIDER = Variable(
    "OTEL_PYTHON_EXPORTER_OTLP_GRPC_CREDENTIAL_PROVIDER",
    "Installed credential provider for OTLP over grpc. {forms} sets it for one signal.",
    installed.credential_provider,
    None,
    forms="OTEL_PYTHON_EXPORTER_OTLP_GRPC_{}_CREDENTIAL_PROVIDER",
    kinds=SIGNALS,
)
GRPC_RETRYABLE: Variable[tuple[str, ...]] = Variable(
    "OTEL_PYTHON_EXPORTER_OTLP_GRPC_RETRYABLE_ERROR_CODES",
    "gRPC status codes after which an export is retried: a comma list of names.",
    parse.grpc_codes,
    (),
    default_text="those of OTLP's specification",
)
TEMPORALITY: Variable[Temporality] = Variable(
    "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
    "Temporality of metrics sent by OTLP: `cumulative`, `delta`, or `lowmemory`. Logfire always "
    "gets `delta`.",
    parse.one_of(*get_args(Temporality)),
    "cumulative",
)
HISTOGRAM_AGGREGATION: Variable[HistogramAggregation] = Variable(
    "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
    "Aggregation of histograms sent by OTLP: `explicit_bucket_histogram` or "
    "`base2_exponential_bucket_histogram`. Logfire always gets the latter.",
    parse.one_of(*get_args(HistogramAggregation)),
    "explicit_bucket_histogram",
)

LOGFIRE_TOKEN: Variable[tuple[str, ...]] = Variable(
    "LOGFIRE_TOKEN",
    "Logfire write token, which names its region. A comma list is several destinations.",
    parse.tokens,
    (),
    secret=True,
)
LOGFIRE_BASE_URL = Variable(
    "LOGFIRE_BASE_URL",
    "Address of Logfire, in place of the one of the token's region.",
    parse.base_url,
    None,
)
LOGFIRE_SEND: Variable[bool | None] = Variable(
    "LOGFIRE_SEND_TO_LOGFIRE",
    "Whether a token turns Logfire on: `false` never, `true` under DEBUG too.",
    parse.boolean_unless("if-token-present"),
    None,
    default_text="if-token-present",
)
LOGFIRE_SERVICE_NAME = Variable(
    "LOGFIRE_SERVICE_NAME",
    "Name of the service, where neither OTEL_SERVICE_NAME nor OTEL_RESOURCE_ATTRIBUTES has one.",
    parse.text,
    None,
)
LOGFIRE_SERVICE_VERSION = Variable(
    "LOGFIRE_SERVICE_VERSION",
    "Release, where neither OTEL_RESOURCE_ATTRIBUTES nor SENTRY_RELEASE has one.",
    parse.text,
    None,
)
LOGFIRE_ENVIRONMENT = Variable(
    "LOGFIRE_ENVIRONMENT",
    "Environment, where neither OTEL_RESOURCE_ATTRIBUTES nor SENTRY_ENVIRONMENT has one.",
    parse.text,
    None,
)
LOGFIRE_SAMPLE_RATE = Variable(
    "LOGFIRE_TRACE_SAMPLE_RATE",
    "Ratio of traces to keep, 0 to 1, where OTEL_TRACES_SAMPLER is not set.",
    parse.ratio,
    None,
)

SERVICE_NAME = Variable(
    "OTEL_SERVICE_NAME",
    "Name of the service.",
    parse.text,
    None,
    default_text="given by the host, else the name of the program",
)
RESOURCE_ATTRIBUTES: Variable[Mapping[str, str]] = Variable(
    "OTEL_RESOURCE_ATTRIBUTES",
    "Resource attributes of everything that is sent, as `key=value,key=value`.",
    parse.pairs,
    {},
    example="deployment.environment.name=staging",
)
SENTRY_DSN = Variable(
    "SENTRY_DSN",
    "DSN of a project in Bugsink or Sentry: errors are sent there, with or without any exporter. "
    "No transactions and no sessions are sent.",
    parse.dsn,
    None,
    example="https://KEY@bugsink.example.org/1",
    secret=True,
)
SENTRY_ENVIRONMENT = Variable(
    "SENTRY_ENVIRONMENT",
    "Environment, unless OTEL_RESOURCE_ATTRIBUTES has deployment.environment.name.",
    parse.text,
    None,
    default_text="`development` under DEBUG, else `production`",
)
SENTRY_RELEASE = Variable(
    "SENTRY_RELEASE",
    "Release, unless OTEL_RESOURCE_ATTRIBUTES has service.version.",
    parse.text,
    None,
    default_text="what RELEASE_FILE holds, else `development`",
)
SSL_CERT_FILE = Variable(
    "SSL_CERT_FILE",
    "File with the certificates of the authorities that are trusted when error events are sent. "
    "Read by Sentry's SDK.",
    parse.text,
    None,
    default_text="that of REQUESTS_CA_BUNDLE, else those of the package certifi",
    shared=True,
)
REQUESTS_CA_BUNDLE = Variable(
    "REQUESTS_CA_BUNDLE",
    "As SSL_CERT_FILE, where that is not set. Has no effect on OTLP: see "
    "OTEL_EXPORTER_OTLP_CERTIFICATE.",
    parse.text,
    None,
    shared=True,
)
CLIENT_CERT_FILE = Variable(
    "CLIENT_CERT_FILE",
    "File with the client's certificate for sending error events. Read by Sentry's SDK.",
    parse.text,
    None,
    shared=True,
)
CLIENT_KEY_FILE = Variable(
    "CLIENT_KEY_FILE",
    "File with the key of CLIENT_CERT_FILE, unless that file has it.",
    parse.text,
    None,
    shared=True,
)
RELEASE_FILE = Variable(
    "RELEASE_FILE",
    "File that holds the release. An image has it baked in.",
    parse.text,
    "/.release",
)

SAMPLER = Variable(
    "OTEL_TRACES_SAMPLER",
    "Sampler: one of OpenTelemetry's, any installed one, or `tail`, which keeps the traces that "
    "failed or were slow, and a ratio of the rest. The default keeps every trace.",
    installed.sampler_name,
    "parentbased_always_on",
    example="tail",
)
SAMPLER_ARG = Variable(
    "OTEL_TRACES_SAMPLER_ARG",
    "Argument of the sampler. For those that keep a ratio of the traces: the ratio, 0 to 1.",
    parse.ratio,
    1.0,
    write=str,
    example="0.05",
)
SAMPLE: Variable[tuple[parse.SampleRatio, ...]] = Variable(
    "TELEMETRY_SAMPLE",
    "Ratios of traces by site or route, with the sampler `tail`: a comma list of "
    "`site=NAME:RATIO` and `route=ROUTE:RATIO`. The first that applies is used, and "
    "OTEL_TRACES_SAMPLER_ARG where none does.",
    parse.sample_ratios,
    (),
    example="site=alameda.ca:1,route=/{database}/{table}:0.01",
)
ID_GENERATOR: Variable[str | None] = Variable(
    "OTEL_PYTHON_ID_GENERATOR",
    "Installed generator of trace and span ids.",
    installed.id_generator,
    None,
    default_text="random",
)
SDK_DISABLED = Variable(
    "OTEL_SDK_DISABLED",
    "Whether traces, metrics and logs are turned off. Errors are still sent to SENTRY_DSN.",
    parse.true_or_false,
    False,
)
PROPAGATORS: Variable[tuple[str, ...]] = Variable(
    "OTEL_PROPAGATORS",
    "Propagators of the trace context: a comma list of installed ones, or `none`.",
    installed.propagators,
    ("tracecontext", "baggage"),
)
INTERNAL_METRICS = Variable(
    "OTEL_PYTHON_SDK_INTERNAL_METRICS_ENABLED",
    "Whether metrics about export (`otel.sdk.*`) are recorded, where metrics are exported. The "
    "default is this layer's: OpenTelemetry's is false.",
    parse.true_or_false,
    True,
)
METRIC_INTERVAL = Variable(
    "OTEL_METRIC_EXPORT_INTERVAL",
    "Milliseconds between two exports of metrics.",
    parse.milliseconds,
    60.0,
    write=lambda seconds: f"{seconds * 1000:.0f}",
    unit="s",
)
PROMETHEUS_HOST = Variable(
    "OTEL_EXPORTER_PROMETHEUS_HOST",
    "Address that each worker listens on, to be scraped, with the exporter `prometheus`.",
    parse.host,
    "localhost",
)
PROMETHEUS_PORT = Variable(
    "OTEL_EXPORTER_PROMETHEUS_PORT",
    "Port that a worker listens on with the exporter `prometheus`: the first that is free, of a "
    "hundred from this one upward.",
    parse.port,
    9464,
)
PROMETHEUS_ALLOWED_HOSTS: Variable[tuple[str, ...]] = Variable(
    "TELEMETRY_PROMETHEUS_ALLOWED_HOSTS",
    "Host names that workers may be scraped by, with the exporter `prometheus`: a comma list, for "
    "the `Host` header. IP addresses, `localhost` and `OTEL_EXPORTER_PROMETHEUS_HOST` always may.",
    parse.host_names,
    (),
)
EXCLUDED_URLS = Variable(
    "OTEL_PYTHON_EXCLUDED_URLS",
    "URLs that are neither traced nor counted: a comma list of regular expressions. {forms} "
    "replaces it for the edge, or for one of the frameworks.",
    parse.patterns,
    "",
    forms="OTEL_PYTHON_{}_EXCLUDED_URLS",
    kinds=("asgi", "django", "datasette"),
)
UNTRACED_PATHS = Variable(
    "TELEMETRY_UNTRACED_PATHS",
    "Paths whose requests are counted and not traced, not even if they fail: a comma list of "
    "regular expressions, matched from the start of the path. `none` traces every path.",
    parse.patterns_or_none,
    # Django's STATIC_URL, Datasette's three kinds of static files, the favicon of both, and
    # health checks, which are frequent.
    r"/static/,/-/static/,/-/static-plugins/,/favicon\.ico$,/health/(ready)?$",
)
UNLOGGED_PATHS = Variable(
    "TELEMETRY_UNLOGGED_PATHS",
    "Paths whose requests have no access line, unless they fail: a comma list of regular "
    "expressions, matched from the start of the path. `none` logs every path.",
    parse.patterns_or_none,
    "/health/(ready)?$",
)
ACCESS_LOG: Variable[AccessLog] = Variable(
    "TELEMETRY_ACCESS_LOG",
    "Where the access line of each request goes: `stdout`; `all`, which is standard output and the "
    "log exporters, as a log record; or `none`.",
    parse.one_of(*get_args(AccessLog)),
    "stdout",
)
CAPTURE_REQUEST_HEADERS: Variable[tuple[str, ...]] = Variable(
    "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST",
    "Request headers to record on the SERVER span: a comma list of regular expressions.",
    parse.pattern_items,
    (),
)
CAPTURE_RESPONSE_HEADERS: Variable[tuple[str, ...]] = Variable(
    "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_RESPONSE",
    "Response headers to record on the SERVER span: a comma list of regular expressions.",
    parse.pattern_items,
    (),
)
SANITIZE_FIELDS: Variable[tuple[str, ...]] = Variable(
    "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SANITIZE_FIELDS",
    "Recorded headers whose value is replaced by `[REDACTED]`: a comma list of regular "
    "expressions.",
    parse.pattern_items,
    (),
)
DISABLED_INSTRUMENTATIONS: Variable[tuple[str, ...]] = Variable(
    "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS",
    "Instrumentations that are not loaded: a comma list of names such as `django`, `datasette` or "
    "`requests`, or `*` for all.",
    parse.items,
    (),
)
DJANGO_INSTRUMENT = Variable(
    "OTEL_PYTHON_DJANGO_INSTRUMENT",
    "Whether Django is instrumented.",
    parse.boolean,
    True,
)
DJANGO_POSITION = Variable(
    "OTEL_PYTHON_DJANGO_MIDDLEWARE_POSITION",
    "Position of the middleware in Django's MIDDLEWARE.",
    parse.whole,
    0,
)
DJANGO_REQUEST_ATTRS: Variable[tuple[str, ...]] = Variable(
    "OTEL_PYTHON_DJANGO_TRACED_REQUEST_ATTRS",
    "Attributes of Django's request to record on the SERVER span: a comma list.",
    parse.items,
    (),
)

CLIENT_ADDRESS = Variable(
    "TELEMETRY_CLIENT_ADDRESS",
    "Whether access lines and SERVER spans have the client's address, which is personal data.",
    parse.boolean,
    False,
)

USER_AGENT = Variable(
    "TELEMETRY_USER_AGENT",
    "Whether SERVER spans, access lines and error events have the client's `User-Agent`, which is "
    "personal data.",
    parse.boolean,
    False,
)
LOCAL_VARIABLES = Variable(
    "TELEMETRY_LOCAL_VARIABLES",
    "Whether error events have the local variables of each frame, which may hold anything.",
    parse.boolean,
    False,
)
REDACT = Variable(
    "TELEMETRY_REDACT",
    "What is redacted in everything that is sent or logged: a comma list of "
    f"{', '.join(f'`{kind}`' for kind in KINDS)}; or `none`. Secrets among the environment "
    "variables always are.",
    parse.redaction_kinds,
    frozenset(KINDS),
    default_text="all of them",
    example="credentials,emails,sql",
)
TEXT_LENGTH_LIMIT = Variable(
    "TELEMETRY_TEXT_LENGTH_LIMIT",
    "Number of characters of a text that are searched for private data and sent, 1,024 to 32,768; "
    "`[…]` replaces the rest. Of a longer traceback, the end is searched, and of earlier frames "
    "the files and lines are sent. The time that a text can take grows with it. With "
    "`TELEMETRY_REDACT=none`, 32,768 are sent.",
    parse.text_length,
    4096,
    default_text=f"4096, or {MAX_TEXT} under DEBUG",
)

LOG_FORMAT: Variable[LogFormat | None] = Variable(
    "LOG_FORMAT",
    "Format of log lines on standard output: `json` or `text`.",
    parse.one_of(*get_args(LogFormat)),
    None,
    default_text="`text` under DEBUG, else `json`",
)
LOG_LEVEL = Variable(
    "LOGLEVEL",
    "Lowest level that is logged, then levels of single loggers: `INFO,django.db=DEBUG`.",
    parse.log_levels,
    LogLevels("INFO", {}),
    write=lambda levels: levels.general,
)
DEBUG = Variable(
    "DEBUG",
    "Django's debug mode. Under it, exporters that are not set are `console`.",
    parse.truth,
    False,
)

TRACEPARENT: Variable[TraceparentPolicy] = Variable(
    "TELEMETRY_TRACEPARENT",
    "What to do with a caller's `traceparent`: `link` to it from a new trace, `trust` it as the "
    "parent, or `ignore` it.",
    parse.one_of(*get_args(TraceparentPolicy)),
    "link",
)
TRUST_SECRET = Variable(
    "TELEMETRY_TRUST_SECRET",
    "Secret that a caller sends in `X-Service-Secret`, to have its `traceparent` trusted.",
    parse.text,
    None,
    secret=True,
)
SERVER_TIMING = Variable(
    "TELEMETRY_SERVER_TIMING",
    "Whether each response has its trace in `Server-Timing: traceparent;desc=...`, by which agents "
    "in browsers, such as Splunk's and Dynatrace's, join their traces with it.",
    parse.boolean,
    False,
)
TRACE_URL = Variable(
    "TELEMETRY_TRACE_URL",
    "Address of a page that shows a trace, with `{trace_id}` in it. Error events link to it.",
    parse.url_with(parse.TRACE_ID),
    None,
    example="https://traces.example.org/trace/{trace_id}",
)
EVENT_URL = Variable(
    "TELEMETRY_EVENT_URL",
    "Address of a page that shows a trace's errors, with `{trace_id}` or `{event_id}` in it. Spans "
    "link to it.",
    parse.url_with(parse.TRACE_ID, parse.EVENT_ID),
    None,
    default_text="Bugsink's search, at SENTRY_DSN's address",
    example="https://bugsink.example.org/issues/1/?q=trace:{trace_id}",
)
FOLD_BELOW = Variable(
    "TELEMETRY_FOLD_BELOW",
    "Execution time, in `ms` or `s`, below which a query of Datasette that succeeds has no span of "
    "its own and is counted in the query statistics on the local root span. `0ms` gives every "
    "query a span.",
    parse.seconds,
    0.025,
    write=parse.duration,
    unit="s",
)
DATASETTE_QUERIES = Variable(
    "TELEMETRY_DATASETTE_QUERIES",
    "Whether queries are recorded where Datasette has no telemetry of its own, which is before "
    "1.0a41. Newer releases record them themselves.",
    parse.boolean,
    True,
)
SLOW = Variable(
    "TELEMETRY_SLOW",
    "Duration, in `ms` or `s`, from which the sampler `tail` keeps a trace.",
    parse.seconds,
    5.0,
    write=parse.duration,
    unit="s",
)
SITE_LIMIT = Variable(
    "TELEMETRY_SITE_LIMIT",
    "Number of sites that metrics have by name. All others are `other`.",
    parse.whole,
    100,
)
TRACE_LIMIT = Variable(
    "TELEMETRY_TRACE_LIMIT",
    "Number of traces a minute that each process keeps because they failed or were slow, with the "
    "sampler `tail`. Of further ones the ratio decides. Requests that cause their failure "
    "themselves can use half of it.",
    parse.whole,
    60,
)
TRACE_SPAN_LIMIT = Variable(
    "TELEMETRY_TRACE_SPAN_LIMIT",
    "Number of spans of a trace that the sampler `tail` keeps for a failure that the request "
    "caused itself. Of more spans only the failed ones, and those that they are in, are kept.",
    parse.positive,
    10,
)
EVENT_LIMIT = Variable(
    "TELEMETRY_EVENT_LIMIT",
    "Number of error events a minute that each process sends. The first of each group is always "
    "sent. Requests that cause their failure themselves can use half of it.",
    parse.whole,
    60,
)
EVENT_GROUP_LIMIT = Variable(
    "TELEMETRY_EVENT_GROUP_LIMIT",
    "Number of error events of one group a minute that each process sends.",
    parse.whole,
    5,
)
REQUEST_ERRORS = Variable(
    "TELEMETRY_REQUEST_ERRORS",
    "Whether a failure that the request caused itself, such as by a malformed parameter of "
    "Datasette, is an error event.",
    parse.boolean,
    True,
)
BSP_SCHEDULE_DELAY = Variable(
    "OTEL_BSP_SCHEDULE_DELAY",
    "Milliseconds between two exports of spans.",
    parse.delay,
    5000,
    unit="ms",
)
BSP_MAX_QUEUE_SIZE = Variable(
    "OTEL_BSP_MAX_QUEUE_SIZE",
    "Number of spans that wait for export. Where there are more, the oldest is dropped.",
    parse.positive,
    2048,
)
BSP_MAX_EXPORT_BATCH_SIZE = Variable(
    "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
    "Number of spans in one export. At most OTEL_BSP_MAX_QUEUE_SIZE.",
    parse.positive,
    512,
)
BLRP_SCHEDULE_DELAY = Variable(
    "OTEL_BLRP_SCHEDULE_DELAY",
    "Milliseconds between two exports of log records.",
    parse.delay,
    1000,
    unit="ms",
)
BLRP_MAX_QUEUE_SIZE = Variable(
    "OTEL_BLRP_MAX_QUEUE_SIZE",
    "Number of log records that wait for export. Where there are more, the oldest is dropped.",
    parse.positive,
    2048,
)
BLRP_MAX_EXPORT_BATCH_SIZE = Variable(
    "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE",
    "Number of log records in one export. At most OTEL_BLRP_MAX_QUEUE_SIZE.",
    parse.positive,
    512,
)
QUEUE_BYTES = Variable(
    "TELEMETRY_QUEUE_BYTES",
    "Number of bytes of one signal that wait for one destination, and are being sent to it. Where "
    "there are more, the oldest items are dropped, those that tell of a failure last.",
    parse.positive,
    16_000_000,
)
SPOOL_DIR: Variable[str | None] = Variable(
    "TELEMETRY_SPOOL_DIR",
    "Folder where items wait that can't be sent now, redacted. Any process that has the same "
    "folder sends them later. On a local file system.",
    parse.folder,
    None,
    default_text="none: they wait in memory",
    example="/var/lib/corkboard/spool",
)
_SPOOLED: tuple[SpooledSignal, ...] = get_args(SpooledSignal)
SPOOL_SIGNALS: Variable[tuple[SpooledSignal, ...]] = Variable(
    "TELEMETRY_SPOOL_SIGNALS",
    "What waits in that folder: a comma list of `traces`, `metrics`, `logs` and `errors`.",
    parse.each_of(*_SPOOLED),
    _SPOOLED,
    write=",".join,
)
SPOOL_BYTES = Variable(
    "TELEMETRY_SPOOL_BYTES",
    "Number of bytes in that folder. Where there are more, the oldest items are dropped, those "
    "that tell of a failure last.",
    parse.positive,
    256_000_000,
)
SPOOL_AGE = Variable(
    "TELEMETRY_SPOOL_AGE",
    "Time, in `ms` or `s`, after which items in that folder are dropped.",
    parse.positive_seconds,
    86_400.0,
    write=parse.duration,
    unit="s",
)
SPOOL_SYNC = Variable(
    "TELEMETRY_SPOOL_SYNC",
    "Whether each file in that folder is written to the disk before it counts as kept. It then "
    "survives a loss of power, and not only the end of the process.",
    parse.boolean,
    False,
)
SHUTDOWN_TIMEOUT = Variable(
    "TELEMETRY_SHUTDOWN_TIMEOUT",
    "Time, in `ms` or `s`, that a worker takes at most to send what is queued before it stops.",
    parse.seconds,
    2.0,
    write=parse.duration,
    unit="s",
)
CONSOLE: Variable[ConsoleMode] = Variable(
    "TELEMETRY_CONSOLE",
    "What the exporter `console` prints of a request: its `tree`, one `compact` line, or `off`.",
    parse.one_of(*get_args(ConsoleMode)),
    "tree",
)
NO_COLOR = Variable(
    "NO_COLOR",
    "If set to anything, the console has no colour.",
    parse.is_set,
    False,
    default_text="",
    shared=True,
)
RAISE_FAILURES = Variable(
    "TELEMETRY_RAISE_FAILURES",
    "Whether telemetry's own failures are raised instead of counted. For test suites.",
    parse.boolean,
    False,
)

EXPORTERS: dict[Signal, Variable[tuple[str, ...] | None]] = {
    "traces": TRACES_EXPORTER,
    "metrics": METRICS_EXPORTER,
    "logs": LOGS_EXPORTER,
}
"""By signal."""
