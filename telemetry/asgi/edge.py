"""The edge: one SERVER span and one count for each request, whichever side serves it."""

from __future__ import annotations

import re
from time import perf_counter
from typing import TYPE_CHECKING, Any

from opentelemetry import context as context_api
from opentelemetry import trace
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.instrumentation.utils import is_http_instrumentation_enabled
from opentelemetry.metrics import NoOpMeter, get_meter
from opentelemetry.util.http import parse_excluded_urls

from telemetry.adapters.sites import SITE_LIMIT, SiteLabels
from telemetry.asgi.lifespan import Lifespan
from telemetry.asgi.server_request import SCOPE_KEY, ServerRequest
from telemetry.asgi.trust import Trust
from telemetry.errors import InstrumentationError
from telemetry.failsafe import failed
from telemetry.registry.metrics import (
    ACTIVE_REQUESTS,
    REQUEST_DURATION,
    REQUEST_SIZE,
    RESPONSE_SIZE,
    SITE_DURATION,
)
from telemetry.settings import parse
from telemetry.version import __version__

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from opentelemetry.metrics import Histogram, Meter

    from telemetry.asgi.exchange import Message, Receive, Send
    from telemetry.registry.names import MetricName

# The first version of the conventions in which every name that we emit is current.
SCHEMA_URL = "https://opentelemetry.io/schemas/1.30.0"


async def _nothing() -> None:
    pass


def _matcher(paths: str) -> Callable[[str], object] | None:
    expression = "|".join(parse.items(paths))
    return re.compile(expression).match if expression else None


def _histogram(meter: Meter, metric: MetricName) -> Histogram:
    return meter.create_histogram(
        str(metric),
        unit=metric.unit,
        description=metric.description,
        explicit_bucket_boundaries_advisory=metric.buckets,
    )


class Edge(OpenTelemetryMiddleware):
    """Contrib's ASGI middleware with a lean ``__call__``: its arguments and hooks are kept.

    Corrected through hooks alone, contrib's costs two and a half times as much,
    ends the span before the application is done and leaks the query string.
    What it sends and this does not is in `telemetry.registry.omissions`.

    Args:
        app: the ASGI application.
        trust: what to do with a caller's trace context; by default, link to it.
        started: awaited when the server starts the application.
        stopping: awaited before the server is told that the application has stopped.
        ready: called at each request; starts the pipeline where a server has no lifespan.
        datasette_excluded_urls: as ``excluded_urls``, for the requests that Datasette serves.
        untraced_paths: a comma list of expressions, matched from the path's start: requests that
            are counted and, where the tracer provider has our `RequestSampler`, not traced.
        unlogged_paths: likewise, requests that have no access line unless they fail.
        client_address: name the client's address, on spans and on access lines.
        user_agent: the same of what the client says it is.
        query_string: record it as it is: for a pipeline that redacts, as ours does.
        event_url: a page of error events, with ``{trace_id}`` or ``{event_id}`` in it: where a
            request led to one, its span links there.
        access_log: write a line for each request to the logger ``telemetry.access``.
        was_kept: whether the trace of that id is exported, though it was not sampled.
        site_labels: how metrics name sites; the first hundred by name unless given.
        **kwargs: contrib's: ``excluded_urls``, ``default_span_details``, ``server_request_hook``,
            ``client_request_hook``, ``client_response_hook``, ``tracer_provider``,
            ``meter_provider``, ``http_capture_headers_*``. Both message hooks are
            called with the SERVER span, since receive and send have none of their own.

    Raises:
        InstrumentationError: if ``app`` already is an edge.
    """

    def __init__(
        self,
        app: Any,
        *,
        trust: Trust | None = None,
        started: Callable[[], Awaitable[None]] = _nothing,
        stopping: Callable[[], Awaitable[None]] = _nothing,
        ready: Callable[[], None] | None = None,
        datasette_excluded_urls: str = "",
        untraced_paths: str = "",
        unlogged_paths: str = "",
        client_address: bool = False,
        user_agent: bool = False,
        query_string: bool = False,
        event_url: str | None = None,
        access_log: bool = False,
        was_kept: Callable[[int], bool] | None = None,
        site_labels: SiteLabels | None = None,
        **kwargs: Any,
    ) -> None:
        if isinstance(app, OpenTelemetryMiddleware):
            raise InstrumentationError(
                f"the application is wrapped in {type(app).__name__} already: wrap it once, with "
                "telemetry.asgi_wrapper(), where the application is put together"
            )
        tracer = kwargs.pop("tracer", None) or trace.get_tracer(
            "telemetry", __version__, kwargs.get("tracer_provider"), schema_url=SCHEMA_URL
        )
        meter = kwargs.pop("meter", None) or get_meter(
            "telemetry", __version__, kwargs.get("meter_provider"), schema_url=SCHEMA_URL
        )
        # Contrib would make the instruments of the old conventions, or of
        # whatever OTEL_SEMCONV_STABILITY_OPT_IN says; ours are the stable ones.
        super().__init__(app, tracer=tracer, meter=NoOpMeter("telemetry"), **kwargs)
        self.meter = meter
        self.trust = trust or Trust()
        self.span_details = kwargs.get("default_span_details")
        self.duration = _histogram(meter, REQUEST_DURATION)
        self.request_size = _histogram(meter, REQUEST_SIZE)
        self.response_size = _histogram(meter, RESPONSE_SIZE)
        self.site_duration = _histogram(meter, SITE_DURATION)
        self.site_labels = site_labels or SiteLabels(SITE_LIMIT)
        self.active_requests = meter.create_up_down_counter(
            str(ACTIVE_REQUESTS),
            unit=ACTIVE_REQUESTS.unit,
            description=ACTIVE_REQUESTS.description,
        )
        self.datasette_excluded_urls = (
            parse_excluded_urls(datasette_excluded_urls) if datasette_excluded_urls else None
        )
        self.untraced = _matcher(untraced_paths)
        self.unlogged = _matcher(unlogged_paths)
        self.client_address = client_address
        self.user_agent = user_agent
        self.query_string = query_string
        self.event_url = event_url
        self.access_log = access_log
        self.was_kept = was_kept
        self._lifespan = started, stopping
        self._ready = ready

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """The ASGI application."""
        kind = scope["type"]
        if kind == "lifespan":
            await Lifespan(*self._lifespan)(self.app, scope, receive, send)
            return
        if (
            kind not in ("http", "websocket")
            or SCOPE_KEY in scope
            or not is_http_instrumentation_enabled()
        ):
            await self.app(scope, receive, send)
            return
        began = perf_counter()
        try:
            if self._ready is not None:
                self._ready()
            request = ServerRequest(self, scope, receive, send)
        except Exception as error:  # noqa: BLE001 # the page comes first
            failed("the edge, at a request's start", error)
            await self.app(scope, receive, send)
            return
        token = context_api.attach(request.context)
        escaped: BaseException | None = None
        try:
            # Contrib's wrapper keeps a hook's exception from the request.
            if self.server_request_hook and not request.record.excluded:
                self.server_request_hook(request.record.span, scope)
            await self.app(request.scope, request.exchange.receive, request.exchange.send)
        except BaseException as error:
            escaped = error
            if isinstance(error, Exception) and kind == "http":
                await request.answer_for(error)
            # To the server, which logs it.
            raise
        finally:
            try:
                request.end(escaped, perf_counter() - began)
            except Exception as error:  # noqa: BLE001
                failed("the edge, at a request's end", error)
            finally:
                context_api.detach(token)
