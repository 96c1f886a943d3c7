"""The options of the edge."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from telemetry.asgi.trust import Trust
from telemetry.metrics.sites import SiteLabels

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from opentelemetry.metrics import Meter, MeterProvider
    from opentelemetry.trace import Span, Tracer, TracerProvider
    from opentelemetry.util.http import ExcludeList

    from telemetry.scope import Message, Scope

    SpanDetails = Callable[[Scope], tuple[str, Mapping[str, Any]]]
    RequestHook = Callable[[Span, Scope], None]
    MessageHook = Callable[[Span, Scope, Message], None]


async def _nothing() -> None:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeOptions:
    """What an `Edge` records, and which hooks it calls.

    The first group has the arguments of contrib's ``OpenTelemetryMiddleware``, with its names.
    """

    excluded_urls: ExcludeList | str | None = None
    """Comma-separated regular expressions: URLs that are neither traced nor counted."""
    default_span_details: SpanDetails | None = None
    """Returns a span name, which the route does not replace, and more attributes for a scope."""
    server_request_hook: RequestHook | None = None
    client_request_hook: MessageHook | None = None
    """Called with the SERVER span for each message that is received."""
    client_response_hook: MessageHook | None = None
    """Called with the SERVER span for each message that is sent."""
    tracer_provider: TracerProvider | None = None
    """The global provider, unless given."""
    meter_provider: MeterProvider | None = None
    """The global provider, unless given."""
    tracer: Tracer | None = None
    """Used instead of a tracer from the tracer provider."""
    meter: Meter | None = None
    """Used instead of a meter from the meter provider."""
    http_capture_headers_server_request: Sequence[str] = ()
    http_capture_headers_server_response: Sequence[str] = ()
    http_capture_headers_sanitize_fields: Sequence[str] = ()

    trust: Trust = field(default_factory=Trust)
    """How a client's trace context is used; by default the request's span links to it."""
    started: Callable[[], Awaitable[None]] = _nothing
    """Awaited when the server starts the application."""
    stopping: Callable[[], Awaitable[None]] = _nothing
    """Awaited before the lifespan's shutdown is completed."""
    unannounced: Callable[[], None] | None = None
    """Called when the lifespan ends before the server stops, by an error of the application."""
    ready: Callable[[], None] | None = None
    """Called at each request. Starts the pipeline if the server has no lifespan."""
    datasette_excluded_urls: str = ""
    """Like ``excluded_urls``, for the requests that Datasette serves."""
    untraced_paths: str = ""
    """Comma-separated regular expressions, matched from the start of the path. These requests are
    counted, and not traced if the tracer provider has a `RequestSampler`."""
    unlogged_paths: str = ""
    """Comma-separated regular expressions, matched from the start of the path. These requests have
    no access line unless the status is 5xx or there is none."""
    client_address: bool = False
    """Whether spans and access lines record the client's address."""
    user_agent: bool = False
    """Whether spans and access lines record the ``User-Agent`` header."""
    query_string: bool = False
    """Whether spans record the query string unchanged. Only for a pipeline that redacts it."""
    event_url: str | None = None
    """URL template of the error tracker, with ``{trace_id}`` or ``{event_id}`` in it. The span of a
    request that caused an error event has the URL of the first one."""
    server_timing: bool = False
    """Whether each response has its trace in ``Server-Timing``, for agents in browsers."""
    access_log: bool = False
    """Whether each request is logged to the logger ``telemetry.access``."""
    was_kept: Callable[[int], bool] | None = None
    """Returns whether the unsampled trace of an id is exported, by tail sampling."""
    site_labels: SiteLabels = field(default_factory=SiteLabels)
    """Limits the values of the site attribute of metrics."""
