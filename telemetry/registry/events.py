"""Tags and contexts of error events that this package adds to those of Sentry's SDK."""

from __future__ import annotations

from telemetry.registry import attributes as a
from telemetry.registry.names import Attribute

SITE = Attribute(str(a.SITE), "Tag: registered site of the failed request.")
HTTP_ROUTE = Attribute(
    str(a.HTTP_ROUTE), "Tag, and the event's transaction: matched route of the failed request."
)
CAUSE = Attribute(
    str(a.CAUSE),
    "Tag: cause of the failure; `request` if what the client sent has caused it alone.",
    values=("request",),
)
LEFT_OUT_CONTEXT = Attribute(
    "left_out",
    "Context: events of the same group that were left out by a limit since the last one.",
)
LEFT_OUT_COUNT = Attribute("events", "In the context `left_out`: their number.")
TRACE_SAMPLED = Attribute(
    "trace.sampled",
    "Tag: the trace was sampled out, so the event has no link to it.",
    values=("false",),
)
CAUGHT_BY = Attribute(
    "caught.by",
    "Tag: component that caught the unhandled exception.",
    values=(
        *("asgi", "datasette", "django", "multiprocessing"),
        *("sys.excepthook", "sys.unraisablehook", "threading.excepthook"),
    ),
)
SHORTENED_CONTEXT = Attribute(
    "shortened",
    "Context: the event was larger than the error tracker accepts, and parts of it were left out.",
)
SHORTENED_PARTS = Attribute("parts", "In the context `shortened`: what was left out or cut.")
SHORTENED_SIZE = Attribute("bytes", "In the context `shortened`: size of the whole event as JSON.")
LINKS_CONTEXT = Attribute("links", "Context: addresses of related pages.")
LINKS_TRACE = Attribute(
    "trace", "In the context `links`: page of the trace, from TELEMETRY_TRACE_URL."
)
