"""What an error event carries beside what Sentry's SDK puts there itself."""

from __future__ import annotations

from telemetry.registry import attributes as a
from telemetry.registry.names import Attribute

SITE = Attribute(str(a.SITE), "Tag: the registered site whose request failed.")
HTTP_ROUTE = Attribute(str(a.HTTP_ROUTE), "Tag, and the event's transaction: never the path.")
TRACE_SAMPLED = Attribute(
    "trace.sampled",
    "Tag: the sampler did not keep the trace, so there is no link to it.",
    values=("false",),
)
CAUGHT_BY = Attribute(
    "caught.by",
    "Tag: what saw the exception that nobody handled.",
    values=(
        *("asgi", "datasette", "django"),
        *("sys.excepthook", "sys.unraisablehook", "threading.excepthook"),
    ),
)
LINKS_CONTEXT = Attribute("links", "Context: where to go on from the event.")
LINKS_TRACE = Attribute("trace", "In the context `links`: the trace, by TELEMETRY_TRACE_URL.")
