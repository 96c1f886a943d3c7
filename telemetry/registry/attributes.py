"""Every attribute that this layer sets or rewrites. Standard names where there is one."""

from __future__ import annotations

from typing import Literal, get_args

from telemetry.registry.names import Attribute

SCHEMA_URL = "https://opentelemetry.io/schemas/1.30.0"
"""The first version of the conventions in which every name that we emit is current."""

Outcome = Literal["served", "unknown_site", "disconnected", "error"]
OUTCOMES: frozenset[str] = frozenset(get_args(Outcome))

SITE = Attribute(
    "corkboard.site",
    "The registered site that served the request. A host name alone never becomes one.",
)
OUTCOME = Attribute(
    "corkboard.outcome",
    "How the request ended, as the edge saw it.",
    values=OUTCOMES,
)
CLIENT_WAIT = Attribute(
    "corkboard.client.wait_time",
    "Seconds that the request waited for its client, to send its body or to take the answer. "
    "Absent below 0.01.",
)
EVENT_IDS = Attribute(
    "corkboard.error.event_ids",
    "The error events that the request led to in Bugsink or Sentry, at most eight.",
)
EVENT_URL = Attribute(
    "corkboard.error.url", "Where these events are shown: TELEMETRY_EVENT_URL's page."
)
INTERNAL_CLIENT = Attribute(
    "datasette.internal_client",
    "True on a request that a plugin made through `datasette.client`: never counted as one.",
)
DESTINATIONS = Attribute(
    "corkboard.destinations",
    "Where each signal goes, on the start-up record. Never holds a secret.",
)

LOGFIRE_TYPE = Attribute(
    "logfire.span_type", "To Logfire only: `span`; `log` for what its own functions logged."
)
LOGFIRE_MESSAGE = Attribute(
    "logfire.msg", "To Logfire only: what its pages show of a span; of a request, its path."
)
LOGFIRE_LEVEL = Attribute(
    "logfire.level_num",
    "To Logfire only: 17 for an error, 13 for a request that was answered with 4xx.",
)

CLIENT_ADDRESS = Attribute(
    "client.address",
    "The address that the server names: personal data, only with TELEMETRY_CLIENT_ADDRESS.",
)

QUERIES = Attribute(
    "corkboard.queries.count",
    "How many of Datasette's queries are no spans: they were fast and succeeded. On the span "
    "above all, as are all of `corkboard.queries`. Seconds, unless it says otherwise.",
)
QUERIES_EXECUTION = Attribute(
    "corkboard.queries.execution_time", "How long these took in SQLite, all together."
)
QUERIES_WAITING = Attribute(
    "corkboard.queries.waiting_time",
    "How long these waited, for a thread or for writes before them, all together.",
)
QUERIES_LONGEST = Attribute("corkboard.queries.longest", "The longest execution of one of these.")
QUERIES_LONGEST_WAIT = Attribute(
    "corkboard.queries.longest_wait", "The longest that one of these waited."
)
QUERIES_ROWS = Attribute("corkboard.queries.rows", "How many rows these returned.")
QUERIES_SUPPRESSED = Attribute(
    "corkboard.queries.suppressed",
    "How many of these failed as Datasette expected: it tries what columns hold.",
)
QUERIES_INTERRUPTED = Attribute(
    "corkboard.queries.interrupted",
    "How many of these ran into a time limit as Datasette expected: it suggests facets.",
)
DATABASES = Attribute(
    "corkboard.queries.databases", "The databases asked, the one that took longest first."
)
DATABASES_COUNT = Attribute("corkboard.queries.databases.count", "Queries of each of these.")
DATABASES_EXECUTION = Attribute(
    "corkboard.queries.databases.execution_time", "Execution time of each of these."
)
STATEMENTS = Attribute(
    "corkboard.queries.statements",
    "The five statements, or functions run with a connection, that took longest, each cut to 256 "
    "characters.",
)
STATEMENTS_COUNT = Attribute("corkboard.queries.statements.count", "How often each was run.")
STATEMENTS_EXECUTION = Attribute(
    "corkboard.queries.statements.execution_time", "Execution time of each of these."
)
STATEMENTS_LONGEST = Attribute(
    "corkboard.queries.statements.longest", "The longest execution of each of these."
)
REPEATED = Attribute(
    "corkboard.queries.repeated",
    "Statements that were run five times or more, but for names and values: a query in a loop. "
    "One of each sort, at most three.",
)
REPEATED_COUNT = Attribute("corkboard.queries.repeated.count", "How many were alike.")
SPANS_DROPPED = Attribute(
    "corkboard.spans.dropped",
    "How many spans of this trace there was no room for until it was decided to keep it.",
)

SIGNAL = Attribute("corkboard.signal", "What was exported.", values=("traces", "logs"))
EXPORTER = Attribute("corkboard.exporter", "The exporter's name, as OTEL_TRACES_EXPORTER has it.")
EXPORT_OUTCOME = Attribute(
    "corkboard.export.outcome",
    "What became of it: `failed` is given up by the exporter, after its retries.",
    values=("delivered", "failed"),
)
PLACE = Attribute("corkboard.place", "Where telemetry failed, as the log has it.")

HTTP_REQUEST_METHOD = Attribute(
    "http.request.method",
    "The method, or `_OTHER` for one that RFC 9110, 5789 and 10008 do not know.",
    values=[
        *("CONNECT", "DELETE", "GET", "HEAD", "OPTIONS"),
        *("PATCH", "POST", "PUT", "QUERY", "TRACE", "_OTHER"),
    ],
)
HTTP_REQUEST_METHOD_ORIGINAL = Attribute(
    "http.request.method_original",
    "The method as sent, when it differs from `http.request.method`; cut to 32 characters.",
)
HTTP_RESPONSE_STATUS_CODE = Attribute(
    "http.response.status_code", "The status sent. Absent when no response was started."
)
STATUS_CLASS = Attribute(
    "corkboard.status_class",
    "The first digit of the status; `none` where no response was begun.",
    values=("1xx", "2xx", "3xx", "4xx", "5xx", "none"),
)
HTTP_ROUTE = Attribute(
    "http.route",
    "The route in readable form, such as `/{database}/{table}`. Absent when none matched.",
)
ERROR_TYPE = Attribute(
    "error.type",
    "The exception's class when one escaped or became an error page, else the 5xx status.",
)
URL_PATH = Attribute("url.path", "The path without its query string, cut to 1,024 characters.")
URL_QUERY = Attribute(
    "url.query",
    "The query string, cut to 2,048 characters, without its values, but for those of the "
    "parameters listed below. Absent when there is none.",
)
URL_SCHEME = Attribute("url.scheme", "The scheme.", values=("http", "https", "ws", "wss"))
SERVER_ADDRESS = Attribute(
    "server.address",
    "The Host header without its port, cut to 253 characters. A client can send anything here.",
)
SERVER_PORT = Attribute("server.port", "The port that the Host header names, if it names one.")
NETWORK_PROTOCOL_VERSION = Attribute(
    "network.protocol.version", "HTTP's version.", values=("1.0", "1.1", "2", "3")
)
USER_AGENT_SYNTHETIC_TYPE = Attribute(
    "user_agent.synthetic.type",
    "What kind of program the client says it is, when it is not a browser.",
    values=("bot", "test"),
)
USER_AGENT_ORIGINAL = Attribute(
    "user_agent.original",
    "The client's `User-Agent`, cut to 256 characters: only with TELEMETRY_USER_AGENT.",
)
CODE_FUNCTION_NAME = Attribute("code.function.name", "The Django view that served the request.")

DB_SYSTEM_NAME = Attribute(
    "db.system.name",
    "Always `sqlite`. Datasette says `db.system`, the name before semantic conventions 1.30.",
)

DB_RESPONSE_STATUS_CODE = Attribute(
    "db.response.status_code",
    "SQLite's result code of a query that failed, such as `SQLITE_ERROR`.",
)

SERVICE_NAME = Attribute("service.name", "The service. Never `unknown_service`.")
SERVICE_VERSION = Attribute("service.version", "The release.")
SERVICE_INSTANCE_ID = Attribute("service.instance.id", "A random id for each worker process.")
DEPLOYMENT_ENVIRONMENT_NAME = Attribute(
    "deployment.environment.name", "The environment, such as `production`."
)
