"""What contrib's ASGI middleware promises beside its attributes: its own tests ask for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.instrumentation.propagators import (
    TraceResponsePropagator,
    get_global_response_propagator,
    set_global_response_propagator,
)
from opentelemetry.trace import SpanKind, format_span_id, format_trace_id
from opentelemetry.util.http import parse_excluded_urls

from telemetry.asgi.edge import Edge
from telemetry.asgi.options import EdgeOptions
from telemetry.asgi.trust import Trust
from tests.telemetry.asgi.driving import Client, answering, http_scope, run, visit, websocket_scope
from tests.telemetry.asgi.observed import Observed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.sdk.trace import ReadableSpan

    from telemetry.scope import Message, Receive, Send

SAMPLED = (b"traceparent", b"00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01")


@pytest.fixture
def propagator() -> Iterator[None]:
    """Install contrib's response propagator."""
    before = get_global_response_propagator()  # type: ignore[no-untyped-call]
    set_global_response_propagator(TraceResponsePropagator())  # type: ignore[no-untyped-call]
    yield
    set_global_response_propagator(before)  # type: ignore[no-untyped-call]


def _headers(message: Message) -> list[tuple[bytes, bytes]]:
    return [(bytes(name), bytes(value)) for name, value in message.get("headers", ())]


def _of(span: ReadableSpan) -> bytes:
    context = span.get_span_context()
    assert context is not None
    ids = f"{format_trace_id(context.trace_id)}-{format_span_id(context.span_id)}"
    return f"00-{ids}-{context.trace_flags:02x}".encode()


async def accepting(scope: Message, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.accept", "headers": [(b"x-mine", b"1")]})
    await send({"type": "websocket.send", "text": "hello"})
    await send({"type": "websocket.close"})


@pytest.mark.usefixtures("propagator")
def test_a_response_propagator_s_header_is_there_once() -> None:
    """The edge's own is of the same name."""
    observed = Observed(answering(headers=[(b"x-mine", b"1")]))
    client = run(visit(observed.edge))
    assert _headers(client.sent[0]) == [
        (b"x-mine", b"1"),
        (b"traceresponse", _of(observed.span)),
        (b"access-control-expose-headers", b"traceresponse"),
    ]


@pytest.mark.parametrize("propagated", [False, True])
def test_a_websocket_s_acceptance_has_the_header(
    request: pytest.FixtureRequest, propagated: bool
) -> None:
    """With or without a propagator, and messages have none."""
    if propagated:
        request.getfixturevalue("propagator")
    observed = Observed(accepting)
    client = Client({"type": "websocket.connect"})
    run(observed.edge(websocket_scope(), client.receive, client.send))
    accepted, sent, _ = client.sent
    exposed = [(b"access-control-expose-headers", b"traceresponse")] if propagated else []
    assert _headers(accepted) == [
        (b"x-mine", b"1"),
        (b"traceresponse", _of(observed.span)),
        *exposed,
    ]
    assert "headers" not in sent


def test_within_a_span_the_request_is_internal() -> None:
    """A child, whatever the client's header says; with its metrics and its route."""
    observed = Observed(answering(), trust=Trust("trust"))
    tracer = observed.edge.tracer

    async def outer() -> None:
        with tracer.start_as_current_span("outer", kind=SpanKind.SERVER):
            await visit(observed.edge, headers=[SAMPLED])

    run(outer())
    inner, around = observed.spans
    assert (inner.kind, around.kind) == (SpanKind.INTERNAL, SpanKind.SERVER)
    assert inner.parent is not None
    assert around.context is not None
    assert inner.parent.span_id == around.context.span_id
    assert inner.links == ()
    assert len(observed.points("http.server.request.duration")) == 1


def test_a_request_in_the_context_of_another_is_not_its_child() -> None:
    """uvicorn starts a pipelined request in the task of the one before."""
    observed = Observed(answering())

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        if scope["path"] == "/first":
            await visit(observed.edge, "/second")
        await answering()(scope, receive, send)

    observed.edge.app = app
    run(visit(observed.edge, "/first"))
    assert [span.kind for span in observed.spans] == [SpanKind.SERVER] * 2
    assert len({span.context.trace_id for span in observed.spans if span.context}) == 2


@pytest.mark.parametrize(
    "odd",
    [
        {"query_string": "a=1"},
        {"query_string": ""},
        {"client": None},
        {"server": None},
        {"client": ("127.0.0.1", None)},
        {"server": ("/run/host.sock", None)},
        {"headers": ()},
        {"http_version": None},
        {"scheme": None},
        {"root_path": None},
        {"state": {"a": 1}},
        {"extensions": None},
    ],
    ids=str,
)
def test_an_odd_scope_is_traced(odd: dict[str, Any]) -> None:
    """Contrib takes each of them."""
    observed = Observed(answering(), query_string=True, client_address=True, user_agent=True)
    client = Client()
    run(observed.edge({**http_scope(), **odd}, client.receive, client.send))
    assert observed.span.attributes is not None
    assert observed.span.attributes["http.response.status_code"] == 200
    assert observed.span.attributes.get("url.query") == (odd.get("query_string") or None)


@pytest.mark.parametrize(
    "missing",
    ["query_string", "client", "server", "root_path", "http_version", "scheme", "raw_path"],
)
def test_a_scope_without_a_key_is_traced(missing: str) -> None:
    """Those that ASGI's specification has as optional, and the others."""
    observed = Observed(answering(), query_string=True, client_address=True)
    scope = http_scope("/x")
    del scope[missing]
    client = Client()
    run(observed.edge(scope, client.receive, client.send))
    assert observed.span.attributes is not None
    assert observed.span.attributes["url.path"] == "/x"


def test_what_the_application_puts_into_the_scope_is_seen_outside() -> None:
    """As routers do: middleware around the edge reads it."""

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        scope["endpoint"] = "mine"
        scope["path"] = "/changed"
        await answering()(scope, receive, send)

    observed = Observed(app)
    scope = http_scope("/x")
    for _ in range(2):
        client = Client()
        run(observed.edge(scope, client.receive, client.send))
        assert scope["endpoint"] == "mine"
    # The second request too: nothing of the edge's is left. What was asked for is not changed.
    paths = [span.attributes["url.path"] for span in observed.spans if span.attributes]
    assert paths == ["/x", "/changed"]
    assert not [key for key in scope if key.startswith("telemetry")]


@pytest.mark.parametrize("excluded", ["/health,/x$", parse_excluded_urls("/health,/x$")])
def test_excluded_urls_are_a_text_or_a_list(excluded: Any) -> None:
    """In the place that contrib has them, by name, and in the options."""
    observed = Observed(answering())
    provider: dict[str, Any] = {"tracer": observed.edge.tracer}
    edges = (
        Edge(answering(), excluded, **provider),
        Edge(answering(), excluded_urls=excluded, exclude_spans=["send"], **provider),
        Edge(answering(), EdgeOptions(excluded_urls=excluded, **provider)),
    )
    for edge in edges:
        run(visit(edge, "/x"))
        assert observed.spans == ()
    run(visit(edges[0], "/y"))
    assert len(observed.spans) == 1
    with pytest.raises(TypeError, match="wanted excluded_urls in the EdgeOptions"):
        Edge(answering(), EdgeOptions(), excluded_urls=excluded)
