"""The edge: one SERVER span and one set of HTTP metrics for each request."""

from __future__ import annotations

import re
import sys
from functools import cached_property, lru_cache
from time import perf_counter
from typing import TYPE_CHECKING, Any

from opentelemetry import context as context_api
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware, asgi_setter
from opentelemetry.instrumentation.propagators import get_global_response_propagator
from opentelemetry.instrumentation.utils import is_http_instrumentation_enabled
from opentelemetry.metrics import Histogram, NoOpMeter, get_meter
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.util.http import (
    normalise_request_header_name,
    normalise_response_header_name,
    parse_excluded_urls,
)

from telemetry.asgi.error_page import send_error_page
from telemetry.asgi.exchange import TRACE_RESPONSE, Exchange
from telemetry.asgi.headers import (
    address_attributes,
    captured_headers,
    client_address,
    first_values,
    full_url,
    protocol_of,
    query_string,
    user_agent,
)
from telemetry.asgi.lifespan import Lifespan
from telemetry.asgi.options import EdgeOptions
from telemetry.errors import failures
from telemetry.errors.sqlite_functions import add_cause, report_held
from telemetry.exceptions import InstrumentationError
from telemetry.failsafe import failed
from telemetry.logs.access import log_request
from telemetry.logs.context import mark_context
from telemetry.logs.plain import text
from telemetry.registry import attributes as a
from telemetry.registry.metrics import (
    ACTIVE_REQUESTS,
    REQUEST_DURATION,
    REQUEST_SIZE,
    RESPONSE_SIZE,
    SITE_DURATION,
)
from telemetry.registry.redaction import MARGIN
from telemetry.request import (
    NO_SPAN,
    RECORD_KEY,
    SCOPE_KEY,
    SPAN_KEY,
    RequestRecord,
    attach_record,
    ids_of,
    ids_of_span,
    leave,
)
from telemetry.scope import application_path
from telemetry.settings import parse
from telemetry.traces.unrecorded import UnrecordedTracer
from telemetry.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from opentelemetry.metrics import Meter, UpDownCounter
    from opentelemetry.trace import Link
    from opentelemetry.util.http import ExcludeList

    from telemetry.registry.names import MetricName
    from telemetry.scope import ASGIApp, Message, Receive, Send

    Key = tuple[Any, ...]

# FastAPI (0.165) makes a SERVER span of its own, in a trace of its own, and measures the
# request again, unless a scope has this key: FastAPI's own mark of a request that is seen to.
_FASTAPI = "fastapi.telemetry"
# Characters. The SDK does not limit the description of a span's status; the exception's event
# holds the same text.
MAX_DESCRIPTION = 4096 + MARGIN
# Read once, since an enumeration looks its members up in Python.
_SERVER = SpanKind.SERVER
# Seconds. A shorter wait for the client is not recorded.
MIN_CLIENT_WAIT = 0.01


class Edge(OpenTelemetryMiddleware):
    """OpenTelemetry's ASGI middleware with its own ``__call__``; options and hooks are the same.

    A version that corrects contrib's middleware through hooks alone costs two and a
    half times as much, ends the span before the application returns, and exports the
    query string. `telemetry.registry.omissions` lists what contrib sends and this
    does not.

    Args:
        app: the ASGI application.
        options: what is recorded and which hooks are called; or ``excluded_urls``, as in contrib.
        **contrib: arguments of contrib's middleware, in place of options.

    Raises:
        InstrumentationError: if ``app`` is already an edge or contrib's middleware.

    Example:
        >>> from telemetry.asgi.edge import Edge
        >>> async def application(scope, receive, send):
        ...     await send({"type": "http.response.start", "status": 204, "headers": []})
        ...     await send({"type": "http.response.body", "body": b""})
        >>> application = Edge(application, excluded_urls="/health/")
    """

    def __init__(
        self,
        app: ASGIApp,
        options: EdgeOptions | ExcludeList | str | None = None,
        **contrib: Any,
    ) -> None:
        if isinstance(app, OpenTelemetryMiddleware):
            raise InstrumentationError(
                f"the application is wrapped in {type(app).__name__} already: wrap it once, with "
                "telemetry.asgi_wrapper(), where the application is put together"
            )
        if not isinstance(options, EdgeOptions):
            # Spans of receive and send are not made.
            contrib.pop("exclude_spans", None)
            given = {name: value for name, value in contrib.items() if value is not None}
            options = EdgeOptions(**({"excluded_urls": options} | given))
        elif contrib:
            raise TypeError(f"wanted {', '.join(sorted(contrib))} in the EdgeOptions")
        self.options = options
        tracer = options.tracer or trace.get_tracer(
            "telemetry", __version__, options.tracer_provider, schema_url=a.SCHEMA_URL
        )
        # Otherwise spans have ids only.
        self.is_recording = not isinstance(tracer, UnrecordedTracer)
        super().__init__(
            app,
            # An empty list would be asked for each request.
            excluded_urls=options.excluded_urls or None,
            # Contrib wraps the hooks: an exception in one is recorded on the span.
            server_request_hook=options.server_request_hook,
            client_request_hook=options.client_request_hook,
            client_response_hook=options.client_response_hook,
            tracer=tracer,
            # Contrib would create the instruments of the old conventions, or those
            # that OTEL_SEMCONV_STABILITY_OPT_IN selects. The edge creates the stable ones.
            meter=NoOpMeter("telemetry"),
            http_capture_headers_server_request=[*options.http_capture_headers_server_request],
            http_capture_headers_server_response=[*options.http_capture_headers_server_response],
            http_capture_headers_sanitize_fields=[*options.http_capture_headers_sanitize_fields],
        )
        # Attributes of the edge's own are plain values, and short. Others' may be any. Contrib has
        # read its variables where there are no headers in the options.
        self.start_checked: Any = None
        if options.default_span_details is None and not self.http_capture_headers_server_request:
            self.start_checked = getattr(tracer, "start_checked", None)
        self.datasette_excluded_urls = (
            parse_excluded_urls(options.datasette_excluded_urls)
            if options.datasette_excluded_urls
            else None
        )
        # FastAPI's module has the key's name.
        self.seen_to = {_FASTAPI: None} if _FASTAPI in sys.modules else {}
        self.headers_shown = _shown(options)
        # Whether spans have attributes that few hosts want.
        self.describes_more = bool(
            options.client_address
            or options.user_agent
            or options.default_span_details is not None
            or self.http_capture_headers_server_request
        )
        self.untraced = _matcher(options.untraced_paths)
        self.unlogged = _matcher(options.unlogged_paths)

    @cached_property
    def metrics(self) -> _Metrics:
        """The instruments. They are created for the first request: the provider is set by then."""
        options = self.options
        return _Metrics(
            options.meter
            or get_meter("telemetry", __version__, options.meter_provider, schema_url=a.SCHEMA_URL)
        )

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """The ASGI application."""
        kind = scope["type"]
        if kind == "lifespan":
            options = self.options
            await Lifespan(options.started, options.stopping, options.unannounced)(
                self.app, scope, receive, send
            )
            return
        if kind not in ("http", "websocket") or SCOPE_KEY in scope:
            await self.app(scope, receive, send)
            return
        outer = context_api.get_current()
        # In an empty context nothing is suppressed.
        if outer and not is_http_instrumentation_enabled():
            await self.app(scope, receive, send)
            return
        began = perf_counter()
        try:
            if self.options.ready is not None:
                self.options.ready()
            request = _ServerRequest(self, outer, scope, receive, send)
        except Exception as error:  # noqa: BLE001 # the page comes first
            failed("edge.request_start", error)
            await self.app(scope, receive, send)
            return
        token = context_api.attach(request.context)
        escaped: BaseException | None = None
        try:
            # Contrib's wrapper catches exceptions of the hook.
            if self.server_request_hook and not request.record.excluded:
                self.server_request_hook(request.record.span, scope)
            await self.app(request.scope, request.exchange.receive, request.exchange.send)
        except BaseException as error:
            escaped = error
            if isinstance(error, Exception) and kind == "http":
                await request.send_error_page_for(error)
            # The server logs it.
            raise
        finally:
            try:
                request.end(escaped, perf_counter() - began)
            except Exception as error:  # noqa: BLE001
                failed("edge.request_end", error)
            finally:
                context_api.detach(token)
                leave(request.record)
                # A server may use the scope again.
                scope.pop(SCOPE_KEY, None)


class _ServerRequest:
    """State of one request at the edge. Call `end` exactly once."""

    __slots__ = (
        "_edge",
        "_path",
        "_protocol",
        "_running",
        "context",
        "exchange",
        "record",
        "scope",
    )

    def __init__(
        self, edge: Edge, outer: Context, scope: Message, receive: Receive, send: Send
    ) -> None:
        self._edge = edge
        # Whether it is counted as an active request.
        self._running = False
        websocket = scope["type"] == "websocket"
        # A WebSocket handshake is a GET, but ASGI gives no method for it.
        method = "GET" if websocket else scope.get("method", "")
        protocol = self._protocol = protocol_of(
            method, scope.get("scheme"), scope.get("http_version")
        )
        headers = first_values(scope.get("headers") or ())
        path = self._path = application_path(scope)
        excluded, of_datasette = edge.excluded_urls, edge.datasette_excluded_urls
        if excluded and excluded.url_disabled(full_url(scope, path, headers)):
            self.record = RequestRecord(protocol.method, trace.INVALID_SPAN, {**scope})
            self.record.excluded = True
            self.context = attach_record(self.record, Context())
        else:
            self._start(outer, scope, headers)
            if of_datasette is not None and of_datasette.url_disabled(
                full_url(scope, path, headers)
            ):
                self.record.datasette_excluded = True
        # Not a copy, as with contrib: what the application sets is seen by what is around it.
        if edge.seen_to:
            scope.update(edge.seen_to)
        scope[SCOPE_KEY] = self.record
        self.scope = scope
        self.exchange = Exchange(
            self.record,
            receive,
            send,
            server_timing=edge.options.server_timing,
            on_receive=self._received if edge.client_request_hook else None,
            on_send=self._sent
            if (
                edge.http_capture_headers_server_response
                or edge.client_response_hook
                or _response_propagator()
            )
            else None,
        )
        if not websocket and not self.record.excluded:
            # Last: the code above may raise, and then nothing would decrement the counter.
            edge.metrics.active.aggregate(1, protocol.key, protocol.labels, None)
            self._running = True

    def _start(self, outer: Context, scope: Message, headers: Mapping[bytes, bytes]) -> None:
        edge, options, protocol = self._edge, self._edge.options, self._protocol
        kind = _SERVER
        links: Sequence[Link] = ()
        if outer and RECORD_KEY not in outer and _has_span(outer):
            # As with contrib: within a span of whatever calls the application. That of a request
            # that has ended is a server's, which serves the next one in its context.
            kind, parent = SpanKind.INTERNAL, outer
        else:
            parent, links = options.trust.start(scope, headers)
        name = "HTTP" if protocol.method == "_OTHER" else protocol.method
        attributes: dict[str, Any] = {}
        if edge.is_recording:
            attributes |= protocol.attributes
            name = self._add_attributes(attributes, scope, headers, name)
        # A copy: an application may change its scope, and refers to the record there.
        record = self.record = RequestRecord(protocol.method, trace.INVALID_SPAN, {**scope})
        record.headers_shown = edge.headers_shown
        if edge.untraced is not None and edge.untraced(self._path):
            record.untraced = True
        # Before the span is started: the sampler reads the record.
        context = Context({**parent, RECORD_KEY: record})
        if edge.start_checked is not None and kind is _SERVER:
            record.span = edge.start_checked(name, context, kind, attributes, links)
        else:
            record.span = edge.tracer.start_span(
                name, context=context, kind=kind, links=links, attributes=attributes
            )
        self.context = Context({**parent, RECORD_KEY: record, SPAN_KEY: record.span})

    def _add_attributes(
        self,
        attributes: dict[str, Any],
        scope: Message,
        headers: Mapping[bytes, bytes],
        name: str,
    ) -> str:
        """Add what the scope says of the request, and return the span's name."""
        edge, options = self._edge, self._edge.options
        attributes |= address_attributes(scope, headers)
        if options.query_string and (query := query_string(scope)) is not None:
            attributes[a.URL_QUERY] = query
        if not edge.describes_more:
            return name
        if options.client_address and (address := client_address(scope)) is not None:
            attributes[a.CLIENT_ADDRESS] = address
        if options.user_agent and (agent := user_agent(scope)) is not None:
            attributes[a.USER_AGENT_ORIGINAL] = agent
        if options.default_span_details is not None:
            name, extra = options.default_span_details(scope)
            attributes |= extra
        if edge.http_capture_headers_server_request:
            attributes |= captured_headers(
                scope.get("headers") or (),
                edge.http_capture_headers_server_request,
                edge.http_capture_headers_sanitize_fields,
                normalise_request_header_name,
            )
        return name

    async def send_error_page_for(self, error: Exception) -> None:
        """Send an error page if the application raised before it sent a response."""
        exchange, outcome = self.exchange, self.record.outcome
        if exchange.status is not None or outcome == "disconnected":
            return
        try:
            await send_error_page(exchange)
        except OSError:
            # The client has disconnected. That is not why the application failed, so
            # the outcome stays.
            self.record.outcome = outcome
        except Exception as problem:  # noqa: BLE001 # the server handles the first exception
            failed("edge.error_page", problem)

    def end(self, escaped: BaseException | None, seconds: float) -> None:
        """End the span and record the metrics and the access line.

        Args:
            escaped: the exception that the application raised, or None.
            seconds: duration of the application's call.
        """
        record, exchange = self.record, self.exchange
        failure = exchange.ended(escaped)
        if escaped is not None:
            # The server logs it, when the context is gone.
            mark_context(escaped, record)
        self._report(escaped, failure)
        # A host may set it until here.
        route = record.own_route = record.route
        record.ended = True
        if record.excluded:
            # A framework's list of excluded URLs may apply after the span was
            # started. The span is not ended, so it is not exported.
            self._count(None)
            return
        known: dict[str, Any] = {}
        if exchange.status is not None:
            known[a.HTTP_RESPONSE_STATUS_CODE] = exchange.status
        if route is not None:
            known[a.HTTP_ROUTE] = route
        if record.outcome == "error":
            known[a.ERROR_TYPE] = (
                type(failure).__qualname__ if failure is not None else str(exchange.status)
            )
        try:
            self._count(known, seconds)
            if record.span.is_recording():
                self._describe(known, failure)
        finally:
            # Also after an error above: a span that is not ended is not exported.
            record.span.end()
        options = self._edge.options
        if options.access_log and not self._is_unlogged():
            log_request(
                record,
                status=exchange.status,
                size=exchange.body_size,
                seconds=seconds,
                kept=self._is_kept(),
                address=client_address(record.scope) if options.client_address else None,
                agent=user_agent(record.scope) if options.user_agent else None,
            )

    def _is_unlogged(self) -> bool:
        unlogged, status = self._edge.unlogged, self.exchange.status
        if unlogged is None or status is None or status >= 500:
            return False
        return bool(unlogged(self._path))

    def _is_kept(self) -> bool:
        span, was_kept = ids_of_span(self.record.span), self._edge.options.was_kept
        # The flag "sampled", by its bit.
        if span.trace_flags & 1:
            return True
        return was_kept is not None and was_kept(span.trace_id)

    def _describe(self, known: dict[str, Any], failure: BaseException | None) -> None:
        record, span = self.record, self.record.span
        known[a.OUTCOME] = record.outcome
        if self.exchange.waited >= MIN_CLIENT_WAIT:
            known[a.CLIENT_WAIT] = round(self.exchange.waited, 6)
        if record.site is not None:
            known[a.SITE] = record.site
        if record.cause is not None and record.outcome == "error":
            known[a.CAUSE] = record.cause
        if record.events:
            known[a.EVENT_IDS] = tuple(record.events)
            if url := self._event_url(record.events[0]):
                known[a.EVENT_URL] = url
        span.set_attributes(known)
        route = known.get(a.HTTP_ROUTE)
        if route is not None and self._edge.options.default_span_details is None:
            name = "HTTP" if record.method == "_OTHER" else record.method
            span.update_name(f"{name} {route}")
        if record.outcome == "error":
            if failure is None:
                span.set_status(Status(StatusCode.ERROR))
            else:
                # str() of an exception may raise.
                span.set_status(Status(StatusCode.ERROR, text(failure)[:MAX_DESCRIPTION]))
                span.record_exception(failure)

    def _report(self, escaped: BaseException | None, failure: BaseException | None) -> None:
        """Report the request's errors while its context is still attached."""
        record = self.record
        if escaped is not None and failure is None:
            # The client has disconnected. The server logs the exception that this
            # caused, which must not become an error event.
            failures.mark_reported(escaped)
        if record.outcome == "error":
            # Two errors if rendering the error page failed as well.
            for error in (record.failure, escaped):
                if error is not None:
                    add_cause(error, record)
                    failures.find_cause(error, record)
                    failures.report(error, "asgi", record)
        if record.unseen:
            for unseen in report_held(record):
                record.span.record_exception(unseen)

    def _event_url(self, event_id: str) -> str:
        ids = ids_of(self.record)
        trace_id = "" if ids is None else ids[0]
        url = self.record.event_url
        if url is None:
            url = self._edge.options.event_url or ""
        return url.replace(parse.TRACE_ID, trace_id).replace(parse.EVENT_ID, event_id)

    def _count(self, known: dict[str, Any] | None, seconds: float = 0.0) -> None:
        if not self._running:
            return
        edge, exchange, protocol = self._edge, self.exchange, self._protocol
        metrics = edge.metrics
        if known is None:
            metrics.active.aggregate(-1, protocol.key, protocol.labels, None)
            return
        method, scheme, version = protocol.key
        route, error = known.get(a.HTTP_ROUTE), known.get(a.ERROR_TYPE)
        key = method, scheme, version, exchange.status, route, error
        is_measured = False
        try:
            site = self.record.site
            if site is not None:
                site = edge.options.site_labels.label(site)
            is_measured = metrics.ended(seconds, exchange.body_size, key, site, self.context)
        finally:
            # Whatever fails, a request that has ended is not active.
            if not is_measured:
                metrics.active.aggregate(-1, protocol.key, protocol.labels, None)
        if is_measured and not exchange.received:
            return
        attributes = {**protocol.ended_labels, **known}
        if exchange.received:
            metrics.request_size.aggregate(exchange.received, key, attributes, None)
        if not is_measured:
            metrics.ended_first(seconds, exchange, key, attributes, site, self.context)

    def _received(self, message: Message) -> None:
        self._edge.client_request_hook(self.record.span, self.scope, message)

    def _sent(self, message: Message) -> None:
        edge, span = self._edge, self.record.span
        try:
            if self._edge.client_response_hook:
                self._edge.client_response_hook(span, self.scope, message)
            if message["type"] not in ("http.response.start", "websocket.accept"):
                return
            if self._edge.http_capture_headers_server_response:
                span.set_attributes(
                    captured_headers(
                        message.get("headers") or (),
                        self._edge.http_capture_headers_server_response,
                        edge.http_capture_headers_sanitize_fields,
                        normalise_response_header_name,
                    )
                )
            propagator = _response_propagator()
            if propagator:
                own = len(message.get("headers", ()))
                propagator.inject(
                    message, context=trace.set_span_in_context(span, Context()), setter=asgi_setter
                )
                _drop_own(message, own)
        except Exception as error:  # noqa: BLE001 # the page comes first
            failed("edge.response_start", error)


def _shown(options: EdgeOptions) -> re.Pattern[str] | None:
    """An expression for the names of request headers that may be in messages, in small letters."""
    wanted = [*options.http_capture_headers_server_request]
    if options.user_agent:
        wanted.append("user-agent")
    joined = "|".join(f"(?:{pattern})" for pattern in wanted)
    return re.compile(joined, re.IGNORECASE) if joined else None


def _drop_own(message: Message, number: int) -> None:
    """Drop the edge's own header, the last of the first ``number``, if it was added again."""
    headers = message.get("headers", [])
    added = {name for name, _ in headers[number:]}
    if number and TRACE_RESPONSE in added and headers[number - 1][0] == TRACE_RESPONSE:
        message["headers"] = [*headers[: number - 1], *headers[number:]]


def _has_span(context: Context) -> bool:
    span: Any = context.get(SPAN_KEY)
    return span is not None and span.get_span_context().is_valid


def _matcher(paths: str) -> Callable[[str], object] | None:
    expression = "|".join(parse.items(paths))
    return re.compile(expression).match if expression else None


class _Metrics:
    """What the edge measures.

    ``aggregate`` of each takes an amount, a key, attributes and None: there is no exemplar. The key
    identifies the attributes, so that tables need not look at them.

    Args:
        meter: creates the instruments.
    """

    def __init__(self, meter: Meter) -> None:
        self.active = _without_exemplars(
            meter.create_up_down_counter(
                str(ACTIVE_REQUESTS),
                unit=ACTIVE_REQUESTS.unit,
                description=ACTIVE_REQUESTS.description,
            )
        )
        self.duration: Any = _histogram(meter, REQUEST_DURATION)
        self.request_size = _without_exemplars(_histogram(meter, REQUEST_SIZE))
        self.response_size = _without_exemplars(_histogram(meter, RESPONSE_SIZE))
        self.site_duration: Any = _histogram(meter, SITE_DURATION)
        together = getattr(self.duration, "together", None)
        self._together: Any = None
        if together is not None:
            self._together = together(self.site_duration, self.response_size, self.active)

    def ended(
        self, seconds: float, size: int, key: Key, site: str | None, context: Context
    ) -> bool:
        """Measure a request that has ended, and that it is not active any more.

        Args:
            seconds: its duration.
            size: bytes of the response's body.
            key: identifies the attributes that HTTP has of it.
            site: the label of its site.
            context: has its span.

        Returns:
            False if none with the same attributes was measured before; then nothing is measured.
        """
        if self._together is None:
            return False
        sample = self.duration.find_sample(seconds, context)
        # Sizes have no exemplars: the duration of the same request has them.
        samples = sample, sample, None, None
        is_measured: bool = self._together.measure(
            (*key, site), (seconds, seconds, size, -1), samples
        )
        return is_measured

    def ended_first(
        self,
        seconds: float,
        exchange: Exchange,
        key: Key,
        attributes: Mapping[str, Any],
        site: str | None,
        context: Context,
    ) -> None:
        """Measure the same of a request that is not active any more; see `ended`."""
        status_class = _status_class(exchange.status)
        by_site: dict[str, Any] = {a.STATUS_CLASS: status_class}
        if site is not None:
            by_site[a.SITE] = site
        if self._together is None:
            self.duration.record(seconds, attributes, context=context)
            self.site_duration.record(seconds, by_site, context=context)
            self.response_size.aggregate(exchange.body_size, key, attributes, None)
            return
        sample, of_site = self.duration.find_sample(seconds, context), (status_class, site)
        self.duration.aggregate(seconds, key, attributes, sample)
        self.site_duration.aggregate(seconds, of_site, by_site, sample)
        self.response_size.aggregate(exchange.body_size, key, attributes, None)
        # Method, scheme and version: those of an active request.
        self._together.learn((*key, site), (key, of_site, key, key[:3]))


def _without_exemplars(instrument: Histogram | UpDownCounter) -> Any:
    # Of a table, unless each measurement is an exemplar.
    return instrument if getattr(instrument, "unsampled", None) is NO_SPAN else _Other(instrument)


class _Other:
    """An instrument that is not measured into a table."""

    def __init__(self, instrument: Histogram | UpDownCounter) -> None:
        self._record = instrument.record if isinstance(instrument, Histogram) else instrument.add

    def aggregate(
        self, amount: float, _key: Key, attributes: Mapping[str, Any], _sample: None
    ) -> None:
        self._record(amount, attributes, context=NO_SPAN)


def _histogram(meter: Meter, metric: MetricName) -> Histogram:
    return meter.create_histogram(
        str(metric),
        unit=metric.unit,
        description=metric.description,
        explicit_bucket_boundaries_advisory=metric.buckets,
    )


@lru_cache(maxsize=1024)
def _status_class(status: int | None) -> str:
    found = f"{(status or 0) // 100}xx"
    return found if found in (a.STATUS_CLASS.values or ()) else "none"


_response_propagator: Any = get_global_response_propagator
