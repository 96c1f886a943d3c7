"""Every span that this package starts or rewrites."""

from __future__ import annotations

from telemetry.registry import attributes as a
from telemetry.registry.names import SpanName

QUERY_STATISTICS = (
    a.QUERIES,
    a.QUERIES_EXECUTION,
    a.QUERIES_WAITING,
    a.QUERIES_LONGEST,
    a.QUERIES_LONGEST_WAIT,
    a.QUERIES_ROWS,
    a.QUERIES_SUPPRESSED,
    a.QUERIES_INTERRUPTED,
    a.DATABASES,
    a.DATABASES_COUNT,
    a.DATABASES_EXECUTION,
    a.STATEMENTS,
    a.STATEMENTS_COUNT,
    a.STATEMENTS_EXECUTION,
    a.STATEMENTS_LONGEST,
    a.REPEATED,
    a.REPEATED_COUNT,
)
"""Query statistics, on the local root span of a trace."""

# Only on spans that are exported to Logfire.
LOGFIRE = (a.LOGFIRE_TYPE, a.LOGFIRE_MESSAGE, a.LOGFIRE_LEVEL)
# Where the operator asks for it.
OPTIONAL = (a.CLIENT_ADDRESS, a.USER_AGENT_ORIGINAL)
SAMPLING = (a.SPANS_DROPPED, a.SPANS_LEFT_OUT)
"""On the local root span of a trace that the sampler ``tail`` kept by rule."""

SERVER = SpanName(
    "{http.request.method} {http.route}",
    "A request, served by Django or by Datasette. Without a matched route, the name is the method "
    "alone. An unknown method is named `HTTP`.",
    kind="SERVER",
    attributes=(
        a.HTTP_REQUEST_METHOD,
        a.HTTP_REQUEST_METHOD_ORIGINAL,
        a.HTTP_RESPONSE_STATUS_CODE,
        a.HTTP_ROUTE,
        a.URL_PATH,
        a.URL_QUERY,
        a.URL_SCHEME,
        a.SERVER_ADDRESS,
        a.SERVER_PORT,
        a.NETWORK_PROTOCOL_VERSION,
        a.USER_AGENT_SYNTHETIC_TYPE,
        a.CODE_FUNCTION_NAME,
        a.ERROR_TYPE,
        a.EVENT_IDS,
        a.EVENT_URL,
        a.OUTCOME,
        a.CAUSE,
        a.CLIENT_WAIT,
        a.SITE,
        *QUERY_STATISTICS,
        *SAMPLING,
        *OPTIONAL,
    ),
)
CLIENT_REQUEST = SpanName(
    "datasette.client {http.request.method} {http.route}",
    "Request that a plugin made through `datasette.client`. A child of its caller's span.",
    kind="INTERNAL",
    attributes=(
        a.HTTP_REQUEST_METHOD,
        a.HTTP_RESPONSE_STATUS_CODE,
        a.HTTP_ROUTE,
        a.URL_PATH,
        a.ERROR_TYPE,
        a.INTERNAL_CLIENT,
        a.SITE,
    ),
)
CHECK = SpanName(
    "telemetry check", "Test span of `python -m telemetry check`.", kind="INTERNAL", attributes=()
)
