"""The fields of a JSON log line.

Source of the trace context's names: OpenTelemetry, "Trace Context in non-OTLP Log Formats".
"""

from __future__ import annotations

from telemetry.registry import attributes as a
from telemetry.registry.names import Attribute

TIME = Attribute("time", "Time of the record: UTC, RFC 3339, in milliseconds.")
LEVEL = Attribute("level", "Python's name of the level.")
LOGGER = Attribute("logger", "Name of the logger.")
MESSAGE = Attribute("message", "Message, up to the length of `TELEMETRY_TEXT_LENGTH_LIMIT`.")
TRACE_ID = Attribute(
    "trace_id", "Id of the current trace, 32 hexadecimal digits. Absent outside a trace."
)
SPAN_ID = Attribute(
    "span_id", "Id of the current span, 16 hexadecimal digits. Absent outside a trace."
)
TRACE_FLAGS = Attribute(
    "trace_flags", "W3C trace flags, two hexadecimal digits: `01` if the trace is sampled."
)
SITE = Attribute(str(a.SITE), "Registered site of the request.")
HTTP_ROUTE = Attribute(
    str(a.HTTP_ROUTE), "Matched route of the request. Absent before a route has matched."
)
SERVICE_VERSION = Attribute(str(a.SERVICE_VERSION), "Release of the service.")
EXCEPTION_TYPE = Attribute("exception.type", "Class of the logged exception.")
EXCEPTION_MESSAGE = Attribute("exception.message", "Message of the logged exception.")
EXCEPTION_STACKTRACE = Attribute("exception.stacktrace", "Traceback of the logged exception.")
THROTTLED = Attribute(
    "throttled",
    "Number of suppressed records of the same logger since the last one that was written. For "
    "exporters' errors.",
)

# Of the access line alone.
METHOD = Attribute(str(a.HTTP_REQUEST_METHOD), "Access line: request method.")
PATH = Attribute(str(a.URL_PATH), "Access line: path of the URL, without the query string.")
STATUS = Attribute(
    str(a.HTTP_RESPONSE_STATUS_CODE),
    "Access line: response status code; null if no response was started.",
)
MILLISECONDS = Attribute(
    "duration_ms", "Access line: milliseconds until the last byte of the response."
)
BYTES = Attribute(
    "http.response.body.size", "Access line: bytes of the response body that were sent."
)
OUTCOME = Attribute(str(a.OUTCOME), "Access line: how the request ended.", values=a.OUTCOME.values)
KEPT = Attribute("trace_kept", "Access line: whether the trace is exported.")
CLIENT_ADDRESS = Attribute(
    str(a.CLIENT_ADDRESS), "Access line: client address. Only with TELEMETRY_CLIENT_ADDRESS."
)
USER_AGENT = Attribute(
    str(a.USER_AGENT_ORIGINAL), "Access line: `User-Agent` header. Only with TELEMETRY_USER_AGENT."
)
ACCESS = (METHOD, PATH, STATUS, MILLISECONDS, BYTES, OUTCOME, KEPT)
