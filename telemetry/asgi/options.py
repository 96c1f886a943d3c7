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
    """What an `Edge` records, and what it calls.

    The first group are the arguments of contrib's ``OpenTelemetryMiddleware``, by its names.
    """

    excluded_urls: ExcludeList | str | None = None
    """Comma list of regular expressions: URLs that are neither traced nor counted."""
    default_span_details: SpanDetails | None = None
    """Gives the span's name and more attributes for a scope; the name is kept."""
    server_request_hook: RequestHook | None = None
    client_request_hook: MessageHook | None = None
    """Called with the SERVER span for each message that is received."""
    client_response_hook: MessageHook | None = None
    """Called with the SERVER span for each message that is sent."""
    tracer_provider: TracerProvider | None = None
    """The global one, unless given."""
    meter_provider: MeterProvider | None = None
    """The global one, unless given."""
    tracer: Tracer | None = None
    """In place of the tracer provider's."""
    meter: Meter | None = None
    """In place of the meter provider's."""
    http_capture_headers_server_request: Sequence[str] = ()
    http_capture_headers_server_response: Sequence[str] = ()
    http_capture_headers_sanitize_fields: Sequence[str] = ()

    trust: Trust = field(default_factory=Trust)
    """What is done with a caller's trace context; by default the request links to it."""
    started: Callable[[], Awaitable[None]] = _nothing
    """Awaited when the server starts the application."""
    stopping: Callable[[], Awaitable[None]] = _nothing
    """Awaited before the server hears that the application has stopped."""
    ready: Callable[[], None] | None = None
    """Called at each request; starts the pipeline where a server has no lifespan."""
    datasette_excluded_urls: str = ""
    """As ``excluded_urls``, for the requests that Datasette serves."""
    untraced_paths: str = ""
    """Comma list of regular expressions, matched from the path's start: requests that are counted
    and, where the tracer provider has our `RequestSampler`, not traced."""
    unlogged_paths: str = ""
    """Likewise, requests that have no access line unless they fail."""
    client_address: bool = False
    """Whether spans and access lines have the client's address."""
    user_agent: bool = False
    """Whether spans and access lines have the client's ``User-Agent``."""
    query_string: bool = False
    """Whether spans have the query string as it is: for a pipeline that redacts, as ours does."""
    event_url: str | None = None
    """A page of error events, with ``{trace_id}`` or ``{event_id}`` in it; the span of a request
    that led to one links there."""
    access_log: bool = False
    """Whether a line for each request goes to the logger ``telemetry.access``."""
    was_kept: Callable[[int], bool] | None = None
    """Whether the trace of that id is exported, though it was not sampled."""
    site_labels: SiteLabels = field(default_factory=SiteLabels)
    """How metrics name sites."""
