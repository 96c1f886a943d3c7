"""Contrib's public contract: hooks, span details, the response propagator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry import trace
from opentelemetry.instrumentation.propagators import (
    TraceResponsePropagator,
    get_global_response_propagator,
    set_global_response_propagator,
)

from tests.telemetry.asgi.driving import answering, run, visit
from tests.telemetry.asgi.observed import Observed

if TYPE_CHECKING:
    from opentelemetry.trace import Span

    from telemetry.scope import Message, Receive, Send


def test_hooks_are_called_with_the_server_span() -> None:
    """With contrib's arguments; receive and send have no spans of their own."""
    calls: list[tuple[Any, ...]] = []

    def request_hook(span: Span, scope: Message) -> None:
        calls.append((span, scope["path"]))
        span.set_attribute("hook.request", True)

    def receive_hook(span: Span, scope: Message, message: Message) -> None:
        calls.append((span, scope["path"], message["type"]))

    def send_hook(span: Span, scope: Message, message: Message) -> None:
        calls.append((span, scope["path"], message["type"]))
        span.set_attribute("hook.response", message["type"])

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await receive()
        await answering()(scope, receive, send)

    observed = Observed(
        app,
        server_request_hook=request_hook,
        client_request_hook=receive_hook,
        client_response_hook=send_hook,
    )
    run(visit(observed.edge, "/meetings"))
    assert [call[1:] for call in calls] == [
        ("/meetings",),
        ("/meetings", "http.request"),
        ("/meetings", "http.response.start"),
        ("/meetings", "http.response.body"),
    ]
    assert all(call[0].get_span_context() == observed.span.context for call in calls)
    assert observed.attributes["hook.request"] is True
    assert observed.attributes["hook.response"] == "http.response.body"


def test_the_request_hooks_span_is_the_current_one() -> None:
    """As in contrib's: a hook may as well ask for the current span, or set baggage on it."""
    seen: list[Any] = []

    def hook(span: Any, scope: Any) -> None:
        seen.append(trace.get_current_span() is span)

    run(visit(Observed(answering(), server_request_hook=hook).edge))
    assert seen == [True]


def test_a_hook_that_raises_leaves_its_exception_on_the_span() -> None:
    """As contrib's does; the page is served and the request counted."""

    def hook(*args: Any) -> None:
        raise LookupError("in a hook")

    observed = Observed(
        answering(),
        server_request_hook=hook,
        client_request_hook=hook,
        client_response_hook=hook,
    )
    assert run(visit(observed.edge)).status == 200
    assert {event.name for event in observed.span.events} == {"exception"}
    assert observed.attributes["corkboard.outcome"] == "served"
    assert observed.active == [0]


def test_span_details_name_the_span_and_add_attributes() -> None:
    """A host that names its spans itself keeps its names, a route or none."""

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        scope["telemetry.request"].route = "/{database}"
        await answering()(scope, receive, send)

    observed = Observed(
        app, default_span_details=lambda scope: (f"page {scope['path']}", {"page.kind": "minutes"})
    )
    run(visit(observed.edge, "/2013"))
    assert observed.span.name == "page /2013"
    assert observed.attributes["page.kind"] == "minutes"
    assert observed.attributes["http.route"] == "/{database}"


def test_the_response_propagator_is_asked() -> None:
    """Contrib's OTEL_PYTHON_... distributions set one, so that a browser learns its trace."""
    before = get_global_response_propagator()  # type: ignore[no-untyped-call]
    set_global_response_propagator(TraceResponsePropagator())  # type: ignore[no-untyped-call]
    try:
        observed = Observed(answering(200, headers=[(b"x-page", b"3")]))
        client = run(visit(observed.edge))
    finally:
        set_global_response_propagator(before)  # type: ignore[no-untyped-call]
    headers = dict(client.sent[0]["headers"])
    context = observed.span.context
    assert context is not None
    assert f"{context.trace_id:032x}".encode() in headers[b"traceresponse"]
    assert headers[b"x-page"] == b"3"


def test_the_schema_is_named() -> None:
    """A backend that translates between versions of the conventions goes by it."""
    observed = Observed(answering())
    run(visit(observed.edge))
    scope = observed.span.instrumentation_scope
    assert scope is not None
    assert scope.name == "telemetry"
    assert scope.schema_url == "https://opentelemetry.io/schemas/1.30.0"
