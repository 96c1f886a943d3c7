"""The fields of a JSON log line. Trace ids as OpenTelemetry has them in formats not its own."""

from __future__ import annotations

from telemetry.registry import attributes as a
from telemetry.registry.names import Attribute

TIME = Attribute("time", "When it was logged: UTC, RFC 3339, milliseconds.")
LEVEL = Attribute("level", "The record's level, as Python names it.")
LOGGER = Attribute("logger", "The logger's name.")
MESSAGE = Attribute("message", "The message, cut to 32,768 characters.")
TRACE_ID = Attribute("trace_id", "The current trace, 32 hexadecimal digits. Absent outside one.")
SPAN_ID = Attribute("span_id", "The current span, 16 hexadecimal digits.")
TRACE_FLAGS = Attribute("trace_flags", "`01` in its last bit if the trace was sampled.")
SITE = Attribute(str(a.SITE), "The site whose request logged it.")
HTTP_ROUTE = Attribute(str(a.HTTP_ROUTE), "The route of that request, where it is known already.")
SERVICE_VERSION = Attribute(str(a.SERVICE_VERSION), "The release.")
EXCEPTION_TYPE = Attribute("exception.type", "The class of an exception that was logged.")
EXCEPTION_MESSAGE = Attribute("exception.message", "Its text.")
EXCEPTION_STACKTRACE = Attribute("exception.stacktrace", "Its traceback.")
THROTTLED = Attribute(
    "throttled", "How often the same was not written meanwhile: what exporters say of a backend."
)

# Of the access line alone.
METHOD = Attribute(str(a.HTTP_REQUEST_METHOD), "Access line: the method.")
PATH = Attribute(str(a.URL_PATH), "Access line: the path without its query string.")
STATUS = Attribute(
    str(a.HTTP_RESPONSE_STATUS_CODE), "Access line: the status; null where none was sent."
)
MILLISECONDS = Attribute("duration_ms", "Access line: milliseconds, to the last byte.")
BYTES = Attribute("http.response.body.size", "Access line: bytes of the body that were sent.")
OUTCOME = Attribute(str(a.OUTCOME), "Access line: how the request ended.", values=a.OUTCOME.values)
KEPT = Attribute("trace_kept", "Access line: whether its trace is exported.")
CLIENT_ADDRESS = Attribute(
    str(a.CLIENT_ADDRESS), "Access line: the client's, only with TELEMETRY_CLIENT_ADDRESS."
)
USER_AGENT = Attribute(
    str(a.USER_AGENT_ORIGINAL), "Access line: the client's, only with TELEMETRY_USER_AGENT."
)
ACCESS = (METHOD, PATH, STATUS, MILLISECONDS, BYTES, OUTCOME, KEPT)
