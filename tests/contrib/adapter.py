"""A plugin of pytest that has contrib's own tests run against this package.

Contrib's tests make its middleware and its instrumentor by name. Both names become ours before the
tests are imported, with what is private turned on, clients trusted, and Django's routes as Django
has them: each of these is a difference of its own, and would hide all others. The outcome of each
test is written to the file that CONTRIB_OUTCOMES names.
"""

from __future__ import annotations

import asyncio
import json
import os
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asgiref import testing
from opentelemetry.instrumentation import asgi as contrib_asgi
from opentelemetry.instrumentation.instrumentor import (  # type: ignore[attr-defined]
    BaseInstrumentor,
)
from opentelemetry.instrumentation.propagators import get_global_response_propagator
from opentelemetry.metrics import NoOpMeter, get_meter
from opentelemetry.util.http import (
    OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SANITIZE_FIELDS,
    OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST,
    OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_RESPONSE,
    get_custom_headers,
)

from telemetry.asgi.edge import Edge
from telemetry.asgi.exchange import TRACE_RESPONSE
from telemetry.asgi.options import EdgeOptions
from telemetry.asgi.trust import Trust

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from telemetry.scope import ASGIApp, Message, Receive, Send

_OUTCOMES: dict[str, str] = {}
# What the tests give in place of what the environment says.
_HEADERS = {
    "http_capture_headers_server_request": OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST,
    "http_capture_headers_server_response": (
        OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_RESPONSE
    ),
    "http_capture_headers_sanitize_fields": (
        OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SANITIZE_FIELDS
    ),
}


class TrustingEdge(Edge):
    """The edge for contrib's arguments, with what it does not record by default.

    Its instruments are of contrib's scope, by which the tests find them. The histogram by site, and
    its own header, are left out: each response and each list of metrics has them that they compare.
    """

    def __init__(self, app: ASGIApp, *positional: Any, **given: Any) -> None:
        names = ("excluded_urls", "default_span_details", "server_request_hook")
        given |= dict(zip(names, positional, strict=False))
        given.pop("exclude_spans", None)
        for name, variable in _HEADERS.items():
            if given.get(name) is None:
                given[name] = get_custom_headers(variable)
        known = {name: value for name, value in given.items() if value is not None}
        scope = f"opentelemetry.instrumentation.{os.environ['CONTRIB_PACKAGE']}"
        known.setdefault("meter", get_meter(scope, "", known.get("meter_provider")))
        super().__init__(
            app,
            EdgeOptions(
                trust=Trust("trust"),
                client_address=True,
                user_agent=True,
                query_string=True,
                **known,
            ),
        )

        self.metrics.site_duration = NoOpMeter("telemetry").create_histogram("by.site")

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        async def send_without_trace(message: Message) -> None:
            if "headers" in message and get_global_response_propagator() is None:  # type: ignore[no-untyped-call]
                own = [pair for pair in message["headers"] if bytes(pair[0]) != TRACE_RESPONSE]
                message = {**message, "headers": own}
                if not own and message["type"] == "websocket.accept":
                    del message["headers"]
            await send(message)

        await super().__call__(scope, receive, send_without_trace)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Keep the outcome of a test: the worst of its phases and its subtests."""
    if report.outcome != "passed" or (report.when == "call" and report.nodeid not in _OUTCOMES):
        _OUTCOMES[report.nodeid] = report.outcome


def pytest_sessionfinish() -> None:
    """Write the outcomes."""
    Path(os.environ["CONTRIB_OUTCOMES"]).write_text(json.dumps(_OUTCOMES))


async def _receive_output(communicator: Any, _timeout: float = 1) -> Any:
    """Wait for what the application sends until it has returned; contrib's tests do for 10 ms."""
    output = asyncio.ensure_future(communicator.output_queue.get())
    # An application that waits for the next message sends no more.
    await asyncio.wait({output, communicator.future}, timeout=1, return_when="FIRST_COMPLETED")
    if not output.done():
        output.cancel()
        if communicator.future.done():
            communicator.future.result()
        raise TimeoutError
    return output.result()


def pytest_configure() -> None:
    """Put ours in the place of contrib's, unless contrib's are asked for."""
    communicators: Any = testing
    communicators.ApplicationCommunicator.receive_output = _receive_output
    if "CONTRIB_ITSELF" in os.environ:
        return
    contrib_asgi.OpenTelemetryMiddleware = TrustingEdge  # type: ignore[misc]
    if os.environ["CONTRIB_PACKAGE"] == "django":
        from opentelemetry.instrumentation import django

        contrib_django: Any = django
        contrib_django.DjangoInstrumentor = Instrumentor


class Instrumentor:
    """Our Django instrumentor, and the edge around each request of Django's test clients."""

    def __init__(self) -> None:
        self._middle: Callable[[], None] = lambda: None

    def instrument(self, **given: Any) -> None:
        """Instrument Django, by contrib's arguments and the variables that its tests set."""
        from django.test import client
        from opentelemetry.instrumentation.django.middleware.otel_middleware import (
            _DjangoMiddleware,
        )

        from telemetry.django import middleware as ours
        from telemetry.django.instrumentor import DjangoInstrumentor

        excluded = given.pop("excluded_urls", None)
        if excluded is None:
            excluded = os.environ.get("OTEL_PYTHON_DJANGO_EXCLUDED_URLS", "")
        attributes = os.environ.get("OTEL_PYTHON_DJANGO_TRACED_REQUEST_ATTRS", "")
        # Its tests set the hooks of its class.
        _DjangoMiddleware._otel_request_hook = given.pop("request_hook", None)
        _DjangoMiddleware._otel_response_hook = given.pop("response_hook", None)

        def request_hook(span: Any, request: Any) -> None:
            if (hook := _DjangoMiddleware._otel_request_hook) is not None:
                hook(span, request)

        def response_hook(span: Any, request: Any, response: Any) -> None:
            if (hook := _DjangoMiddleware._otel_response_hook) is not None:
                hook(span, request, response)

        # Without our check of the order, which refuses tests that have made clients before.
        BaseInstrumentor.instrument(
            DjangoInstrumentor(),
            **given,
            excluded_urls=excluded,
            request_hook=request_hook,
            response_hook=response_hook,
            traced_request_attributes=[each for each in attributes.split(",") if each],
        )
        # Functions of classes and modules, which are replaced.
        clients: Any = client
        middleware: Any = ours
        before = (
            middleware.readable_route,
            clients.ClientHandler.__call__,
            clients.AsyncClientHandler.__call__,
        )
        providers = {name: given.get(name) for name in ("tracer_provider", "meter_provider")}
        middleware.readable_route = lambda route: route or before[0](route)
        clients.ClientHandler.__call__ = _with_edge(before[1], excluded, providers)
        clients.AsyncClientHandler.__call__ = _with_async_edge(before[2], excluded, providers)

        def restore() -> None:
            middleware.readable_route = before[0]
            clients.ClientHandler.__call__ = before[1]
            clients.AsyncClientHandler.__call__ = before[2]

        self._middle = restore

    def uninstrument(self, **_given: Any) -> None:
        """Undo it."""
        from telemetry.django.instrumentor import DjangoInstrumentor

        self._middle()
        self._middle = lambda: None
        DjangoInstrumentor().uninstrument()


def _with_edge(
    call: Callable[..., Any], excluded: str, providers: dict[str, Any]
) -> Callable[..., Any]:
    def called(handler: Any, environ: dict[str, Any]) -> Any:
        found: list[Any] = []

        async def application(_scope: Message, _receive: Receive, send: Send) -> None:
            # Within the edge's context, on this thread, as in the test client.
            found.append(call(handler, environ))
            await _send(found[0], send)

        edge = TrustingEdge(application, excluded_urls=excluded, **providers)
        asyncio.run(_request(edge, _scope_of(environ), found))
        return found[0]

    return called


def _with_async_edge(
    call: Callable[..., Any], excluded: str, providers: dict[str, Any]
) -> Callable[..., Any]:
    async def called(handler: Any, scope: Message) -> Any:
        found: list[Any] = []

        async def application(_scope: Message, _receive: Receive, send: Send) -> None:
            found.append(await call(handler, scope))
            await _send(found[0], send)

        edge = TrustingEdge(application, excluded_urls=excluded, **providers)
        await _request(edge, {**scope, "http_version": "1.1"}, found)
        return found[0]

    return called


async def _request(edge: Edge, scope: Message, found: list[Any]) -> None:
    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        # A header that the edge has added is the response's.
        if message["type"] == "http.response.start" and found:
            for name, value in message["headers"]:
                if name.lower() not in (b"set-cookie", b"content-type"):
                    found[0].headers[name.decode("latin-1")] = value.decode("latin-1")

    await edge(scope, receive, send)


async def _send(response: Any, send: Send) -> None:
    headers = [
        (name.lower().encode("latin-1"), value.encode("latin-1"))
        for name, value in response.items()
    ]
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": response.content})


def _scope_of(environ: dict[str, Any]) -> Message:
    """What a server would have made of the test client's request."""
    headers = [
        (name[5:].replace("_", "-").lower().encode(), str(value).encode("latin-1"))
        for name, value in environ.items()
        if name.startswith("HTTP_")
    ]
    headers += [
        (name.replace("_", "-").lower().encode(), str(environ[name]).encode())
        for name in ("CONTENT_TYPE", "CONTENT_LENGTH")
        if environ.get(name)
    ]
    if "HTTP_HOST" not in environ:
        headers.append((b"host", environ["SERVER_NAME"].encode()))
    environ.setdefault("wsgi.input", BytesIO())
    path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": environ["SERVER_PROTOCOL"].removeprefix("HTTP/"),
        "method": environ["REQUEST_METHOD"],
        "scheme": environ.get("wsgi.url_scheme", "http"),
        "path": path,
        "raw_path": path.encode(),
        "query_string": environ.get("QUERY_STRING", "").encode("latin-1"),
        "root_path": environ.get("SCRIPT_NAME", ""),
        "headers": headers,
        "server": (environ["SERVER_NAME"], int(environ["SERVER_PORT"])),
        "client": (environ["REMOTE_ADDR"], 0),
    }
