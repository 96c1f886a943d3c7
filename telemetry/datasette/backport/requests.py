"""The span of a request that Datasette serves, and its route."""

from __future__ import annotations

import functools
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.trace import SpanKind, Status, StatusCode

from telemetry import private_api
from telemetry.asgi.headers import address_attributes, connection_attributes, method_attributes
from telemetry.datasette.spans import RequestSpan
from telemetry.datasette.tracer import in_datasette_client
from telemetry.failsafe import failed
from telemetry.registry import attributes as a
from telemetry.registry import datasette as d

if TYPE_CHECKING:
    from telemetry.scope import ASGIApp, Message, Receive, Scope, Send

# The span of the request that is being routed. Not the current span: a plugin's ASGI
# middleware may have started another one.
_span: ContextVar[trace.Span | None] = ContextVar("telemetry.datasette.request", default=None)


def wrap_requests(version: str) -> None:
    """Give each application that ``Datasette.app()`` returns a span for each request."""
    tracer = trace.get_tracer(d.SCOPE, version, schema_url=d.SCHEMA_URL)
    app = private_api.get(private_api.DATASETTE_APP)
    if app is not None:

        @functools.wraps(app)
        def traced_app(datasette: Any) -> Any:
            return _TracedRequests(app(datasette), tracer)

        private_api.replace(private_api.DATASETTE_APP, traced_app)
    resolve = private_api.get(private_api.DATASETTE_ROUTES)
    if resolve is not None:

        @functools.wraps(resolve)
        def resolve_routes(routes: Any, path: Any) -> Any:
            found = resolve(routes, path)
            try:
                span, (match, _) = _span.get(), found
                if span is not None and match is not None:
                    span.set_attribute(a.HTTP_ROUTE, match.re.pattern)
            except Exception as error:  # noqa: BLE001 # the page comes first
                failed("datasette.backport", error)
            return found

        private_api.replace(private_api.DATASETTE_ROUTES, resolve_routes)


class _TracedRequests:
    """Starts a SERVER span for each request, which `DatasetteTracer` may replace.

    A client's ``traceparent`` is not extracted: the edge decides whether to trust it.
    """

    def __init__(self, app: ASGIApp, tracer: trace.Tracer) -> None:
        self._app = app
        self._tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        method, attributes = method_attributes(scope["method"])
        with self._tracer.start_as_current_span(method, kind=SpanKind.SERVER) as span:
            token = _span.set(span)
            try:
                await self._app(scope, receive, _with_status(span, attributes, scope, send))
            finally:
                _span.reset(token)


def _with_status(span: trace.Span, attributes: dict[str, Any], scope: Scope, send: Send) -> Send:
    """Set the attributes that are known now; with the response's start, its status."""
    if isinstance(span, RequestSpan) or not span.is_recording():
        # Behind the edge, which sets them.
        return send
    known = {**connection_attributes(scope), **address_attributes(scope)}
    attributes |= {key: known[key] for key in (a.URL_SCHEME, a.URL_PATH) if key in known}
    if in_datasette_client():
        attributes[a.INTERNAL_CLIENT] = True
    span.set_attributes(attributes)

    async def send_with_status(message: Message) -> None:
        if message["type"] == "http.response.start":
            status = message["status"]
            span.set_attribute(a.HTTP_RESPONSE_STATUS_CODE, status)
            if status >= 500:
                span.set_status(Status(StatusCode.ERROR))
                span.set_attribute(a.ERROR_TYPE, str(status))
        await send(message)

    return send_with_status
