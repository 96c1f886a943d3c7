"""Every attribute that this package sets or rewrites, by its standard name where there is one."""

from __future__ import annotations

from typing import Literal, get_args

from telemetry.failsafe import COMPONENTS
from telemetry.registry.names import Attribute

SCHEMA_URL = "https://opentelemetry.io/schemas/1.30.0"
"""The first version of the conventions in which every name that we emit is current."""

Signal = Literal["traces", "metrics", "logs"]
SIGNALS: tuple[Signal, ...] = get_args(Signal)

Outcome = Literal["served", "unknown_site", "disconnected", "error"]
OUTCOMES: frozenset[str] = frozenset(get_args(Outcome))

SITE = Attribute(
    "corkboard.site",
    "Registered site that served the request. An unregistered host name is never a site.",
)
OUTCOME = Attribute(
    "corkboard.outcome",
    "How the request ended.",
    values=OUTCOMES,
)
CAUSE = Attribute(
    "corkboard.cause",
    "Cause of the failure: `request` if only what the client sent has made Datasette fail, such as "
    "a malformed parameter or an unknown method. Absent for failures of the host.",
    values=("request",),
)
CLIENT_WAIT = Attribute(
    "corkboard.client.wait_time",
    "Seconds that the request waited for its client: for the request body, or for the client to "
    "receive the response. Absent below 0.01.",
)
EVENT_IDS = Attribute(
    "corkboard.error.event_ids",
    "Ids of the error events of the request in Bugsink or Sentry, at most eight.",
)
EVENT_URL = Attribute(
    "corkboard.error.url",
    "Page that shows the error events of the request, from TELEMETRY_EVENT_URL.",
)
INTERNAL_CLIENT = Attribute(
    "datasette.internal_client",
    "True for a request that a plugin made through `datasette.client`. It is not counted in "
    "request metrics.",
)
DESTINATIONS = Attribute(
    "corkboard.destinations",
    "Destinations of each signal, on the start-up log record. Contains no secrets.",
)

LOGFIRE_TYPE = Attribute(
    "logfire.span_type", "Logfire only: `span`, or `log` for a message of Logfire's manual API."
)
LOGFIRE_MESSAGE = Attribute(
    "logfire.msg",
    "Logfire only: message that Logfire's pages show for the span; for a request, its path.",
)
LOGFIRE_LEVEL = Attribute(
    "logfire.level_num",
    "Logfire only: severity number, 17 for an error and 13 for a request answered with 4xx.",
)

CLIENT_ADDRESS = Attribute(
    "client.address",
    "Client address as the ASGI server reports it. Personal data: recorded only with "
    "TELEMETRY_CLIENT_ADDRESS.",
)

QUERIES = Attribute(
    "corkboard.queries.count",
    "Number of aggregated queries: Datasette queries that were fast and succeeded, and have no "
    "span. Query statistics are on the local root span.",
)
QUERIES_EXECUTION = Attribute(
    "corkboard.queries.execution_time",
    "Total execution time of the aggregated queries in SQLite, in seconds.",
)
QUERIES_WAITING = Attribute(
    "corkboard.queries.wait_time",
    "Total time that the aggregated queries waited for a thread or for earlier writes, in seconds.",
)
QUERIES_LONGEST = Attribute(
    "corkboard.queries.max_execution_time",
    "Longest execution time of an aggregated query in SQLite, in seconds.",
)
QUERIES_LONGEST_WAIT = Attribute(
    "corkboard.queries.max_wait_time",
    "Longest time that an aggregated query waited for a thread or for earlier writes, in seconds.",
)
QUERIES_ROWS = Attribute(
    "corkboard.queries.rows", "Number of rows that the aggregated queries returned."
)
QUERIES_SUPPRESSED = Attribute(
    "corkboard.queries.suppressed",
    "Number of aggregated queries whose error Datasette expected, as when it probes the content "
    "of a column.",
)
QUERIES_INTERRUPTED = Attribute(
    "corkboard.queries.interrupted",
    "Number of aggregated queries that reached a time limit which Datasette expected, as for "
    "facet suggestions.",
)
DATABASES = Attribute(
    "corkboard.queries.databases",
    "Databases of the aggregated queries, by descending execution time.",
)
DATABASES_COUNT = Attribute(
    "corkboard.queries.databases.count",
    "Number of aggregated queries of each database, in the order of `corkboard.queries.databases`.",
)
DATABASES_EXECUTION = Attribute(
    "corkboard.queries.databases.execution_time",
    "Execution time of the aggregated queries of each database, in seconds.",
)
STATEMENTS = Attribute(
    "corkboard.queries.statements",
    "The five statements, or functions run with a connection, with the longest execution time of "
    "the aggregated queries. Each is in one line. One of more than 256 characters is truncated, "
    "and ends with eight digits of the hash of the redacted statement.",
)
STATEMENTS_COUNT = Attribute(
    "corkboard.queries.statements.count",
    "Number of executions of each statement, in the order of `corkboard.queries.statements`.",
)
STATEMENTS_EXECUTION = Attribute(
    "corkboard.queries.statements.execution_time",
    "Total execution time of each statement, in seconds.",
)
STATEMENTS_LONGEST = Attribute(
    "corkboard.queries.statements.max_execution_time",
    "Longest execution time of each statement, in seconds.",
)
REPEATED = Attribute(
    "corkboard.queries.repeated",
    "Statements of the same shape that were executed five times or more in one request, as by a "
    "query in a loop (N+1). Names and values are ignored; one example of each shape, at "
    "most three.",
)
REPEATED_COUNT = Attribute(
    "corkboard.queries.repeated.count",
    "Number of executions of each shape, in the order of `corkboard.queries.repeated`.",
)
SPANS_DROPPED = Attribute(
    "corkboard.spans.dropped",
    "Number of spans of the trace that tail sampling dropped because its buffer was full.",
)

SPANS_LEFT_OUT = Attribute(
    "corkboard.spans.left_out",
    "Number of spans of the trace that TELEMETRY_TRACE_SPAN_LIMIT has left out.",
)
LIMIT = Attribute(
    "corkboard.limit",
    "What left items out: `traces` TELEMETRY_TRACE_LIMIT, `trace_spans` "
    "TELEMETRY_TRACE_SPAN_LIMIT, `events` TELEMETRY_EVENT_LIMIT, `event_group` "
    "TELEMETRY_EVENT_GROUP_LIMIT, `request_errors` TELEMETRY_REQUEST_ERRORS, `log_records` the "
    "limits of events, for log records of what clients cause.",
    values=("traces", "trace_spans", "events", "event_group", "request_errors", "log_records"),
)

SIGNAL = Attribute(
    "corkboard.signal", "Signal that was exported.", values=("traces", "logs", "errors")
)
EXPORTER = Attribute(
    "corkboard.exporter",
    "Name of the exporter, as in OTEL_TRACES_EXPORTER; `sentry` for error events.",
)
EXPORT_OUTCOME = Attribute(
    "corkboard.export.outcome",
    "Result of the export: `failed` after the exporter's last retry.",
    values=("delivered", "failed"),
)
COMPONENT = Attribute(
    "corkboard.component",
    "Component of telemetry in which an internal error occurred.",
    values=COMPONENTS,
)

HTTP_REQUEST_METHOD = Attribute(
    "http.request.method",
    "HTTP request method; `_OTHER` for a method that RFC 9110, 5789 and 10008 don't define.",
    values=[
        *("CONNECT", "DELETE", "GET", "HEAD", "OPTIONS"),
        *("PATCH", "POST", "PUT", "QUERY", "TRACE", "_OTHER"),
    ],
)
HTTP_REQUEST_METHOD_ORIGINAL = Attribute(
    "http.request.method_original",
    "Request method as sent, where it differs from `http.request.method`. Truncated to 32 "
    "characters.",
)
HTTP_RESPONSE_STATUS_CODE = Attribute(
    "http.response.status_code", "HTTP response status code. Absent if no response was started."
)
STATUS_CLASS = Attribute(
    "corkboard.status_class",
    "Class of the HTTP response status code; `none` if no response was started.",
    values=("1xx", "2xx", "3xx", "4xx", "5xx", "none"),
)
HTTP_ROUTE = Attribute(
    "http.route",
    "Matched route in readable form, such as `/{database}/{table}`. Absent if no route matched.",
)
ERROR_TYPE = Attribute(
    "error.type",
    "Class of the exception that failed the request; without an exception, the 5xx status code.",
)
URL_PATH = Attribute("url.path", "Path of the URL. Truncated to 1,024 characters.")
URL_QUERY = Attribute(
    "url.query",
    "Query string of the URL, truncated to 2,048 characters. Values are redacted, except those of "
    'the parameters listed under "What is redacted".',
)
URL_SCHEME = Attribute("url.scheme", "Scheme of the URL.", values=("http", "https", "ws", "wss"))
SERVER_ADDRESS = Attribute(
    "server.address",
    "Host name of the `Host` header, at most 253 characters. The client chooses it.",
)
SERVER_PORT = Attribute("server.port", "Port of the `Host` header. Absent if the header has none.")
NETWORK_PROTOCOL_VERSION = Attribute(
    "network.protocol.version", "HTTP version.", values=("1.0", "1.1", "2", "3")
)
USER_AGENT_SYNTHETIC_TYPE = Attribute(
    "user_agent.synthetic.type",
    "Category of a synthetic `User-Agent`. Absent for browsers.",
    values=("bot", "test"),
)
USER_AGENT_ORIGINAL = Attribute(
    "user_agent.original",
    "`User-Agent` header, truncated to 256 characters. Personal data: recorded only with "
    "TELEMETRY_USER_AGENT.",
)
CODE_FUNCTION_NAME = Attribute("code.function.name", "Django view that served the request.")

DB_SYSTEM_NAME = Attribute(
    "db.system.name",
    "Always `sqlite`. Replaces Datasette's `db.system`, which semantic conventions 1.30 renamed.",
)

DB_RESPONSE_STATUS_CODE = Attribute(
    "db.response.status_code",
    "SQLite result code of a failed query, such as `SQLITE_ERROR`.",
)

SERVICE_NAME = Attribute("service.name", "Name of the service. Never `unknown_service`.")
SERVICE_VERSION = Attribute("service.version", "Release of the service.")
SERVICE_INSTANCE_ID = Attribute("service.instance.id", "Random id of the worker process.")
DEPLOYMENT_ENVIRONMENT_NAME = Attribute(
    "deployment.environment.name", "Deployment environment, such as `production`."
)
