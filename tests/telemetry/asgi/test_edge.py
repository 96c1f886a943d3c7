"""One request, one span, one count."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from opentelemetry import trace
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.instrumentation.utils import suppress_http_instrumentation
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import SpanKind, StatusCode

from telemetry import InstrumentationError, request_record
from telemetry.asgi import exchange
from telemetry.asgi.edge import Edge
from telemetry.asgi.exchange import Exchange
from telemetry.registry.redaction import MARGIN
from tests.support.clock import Clock
from tests.telemetry.asgi.driving import Client, answering, http_scope, run, visit
from tests.telemetry.asgi.observed import Observed

if TYPE_CHECKING:
    from telemetry.scope import Message, Receive, Send


def test_a_request_is_one_span_and_one_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names and values as they go on the wire; nothing private is among them."""
    # On a busy machine even this client would be worth mentioning.
    monkeypatch.setattr(exchange, "perf_counter", Clock())
    observed = Observed(answering(200, b"hello"))

    client = run(visit(observed.edge, "/meetings", headers=[(b"user-agent", b"Googlebot/2.1")]))

    assert (client.status, client.body) == (200, b"hello")
    span = observed.span
    assert (span.name, span.kind, span.parent) == ("GET", SpanKind.SERVER, None)
    assert span.status.status_code is StatusCode.UNSET
    assert observed.attributes == {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "url.path": "/meetings",
        "url.scheme": "http",
        "server.address": "alameda.ca.civic.band",
        "network.protocol.version": "1.1",
        "user_agent.synthetic.type": "bot",
        "corkboard.outcome": "served",
    }
    [point] = observed.points("http.server.request.duration")
    assert point.count == 1
    assert dict(point.attributes) == {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "url.scheme": "http",
        "network.protocol.version": "1.1",
    }
    [active] = observed.points("http.server.active_requests")
    assert active.value == 0
    assert dict(active.attributes) == {"http.request.method": "GET", "url.scheme": "http"}


def test_a_route_names_the_span_and_the_metric() -> None:
    """Whoever learns the route writes it on the record, and the edge does the rest."""

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        record = request_record()
        assert record is not None
        record.route = "/{database}"
        await answering()(scope, receive, send)

    observed = Observed(app)
    run(visit(observed.edge, "/meetings", method="POST"))

    assert observed.span.name == "POST /{database}"
    assert observed.attributes["http.route"] == "/{database}"
    [point] = observed.points("http.server.request.duration")
    assert point.attributes["http.route"] == "/{database}"


def test_the_application_runs_inside_the_span() -> None:
    """So that its own spans are children, and its scope is a copy that names the record."""
    seen = []

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        seen.append((trace.get_current_span(), scope["telemetry.request"]))
        await answering()(scope, receive, send)

    observed = Observed(app)
    scope = http_scope()
    client = Client()
    run(_call(observed.edge, scope, client))

    [(current, record)] = seen
    assert current.get_span_context() == observed.span.context
    assert record.span is current
    assert "telemetry.request" not in scope, "the scope is the server's"


async def _call(edge: Edge, scope: Message, client: Client) -> None:
    await edge(scope, client.receive, client.send)
    assert not trace.get_current_span().get_span_context().is_valid, "left attached"
    assert request_record() is None


def test_a_stream_ends_when_its_application_does() -> None:
    """Not with the first byte, and not before what the application does after the last."""
    open_after_the_last_byte = []
    observed = Observed(
        answering(
            200,
            *[b"row\n"] * 20,
            then=lambda: open_after_the_last_byte.append(observed.spans == ()),
        )
    )

    client = run(visit(observed.edge))

    assert client.body == b"row\n" * 20
    assert open_after_the_last_byte == [True]
    assert observed.span.end_time is not None
    assert observed.counted == 1


def test_an_unsampled_request_is_counted() -> None:
    """Metrics don't depend on what becomes of the trace."""
    observed = Observed(answering(404), sampler=ALWAYS_OFF)
    run(visit(observed.edge))
    assert observed.spans == ()
    assert observed.counted == 1
    assert observed.active == [0]


def test_an_unknown_method_has_a_closed_name() -> None:
    """A client can send any word; it becomes neither a span's name nor a label."""
    observed = Observed(answering())
    run(visit(observed.edge, method="FROBNICATE" * 999))
    assert observed.span.name == "HTTP"
    assert observed.attributes["http.request.method"] == "_OTHER"
    # To 32 once it is redacted: tests/telemetry/redaction/test_cutting.py.
    assert len(observed.attributes["http.request.method_original"]) == 32 + MARGIN
    [point] = observed.points("http.server.request.duration")
    assert point.attributes["http.request.method"] == "_OTHER"


def test_an_edge_inside_an_edge_passes_through() -> None:
    """Where a mounted application brings its own, the request stays one."""
    inner = Observed(answering())
    outer = Observed(inner.edge.__call__)
    assert run(visit(outer.edge)).status == 200
    assert (outer.counted, inner.counted) == (1, 0)
    assert inner.spans == ()
    assert outer.span.name == "GET"


@pytest.mark.parametrize("middleware", [Edge, OpenTelemetryMiddleware])
def test_wrapping_twice_is_an_error(middleware: type[OpenTelemetryMiddleware]) -> None:
    """Contrib's counts too: with both, every request would be two."""
    with pytest.raises(InstrumentationError, match=r"wrap it once.*telemetry\.asgi_wrapper"):
        Edge(middleware(answering()))


def test_the_standard_suppression_is_honoured() -> None:
    """OpenTelemetry's own way to say: not this one."""
    observed = Observed(answering())

    async def suppressed() -> Client:
        with suppress_http_instrumentation():
            return await visit(observed.edge)

    assert run(suppressed()).status == 200
    assert observed.spans == ()
    assert observed.counted == 0


def test_an_unknown_kind_of_scope_passes_untouched() -> None:
    """The protocol may grow; the edge leaves alone what it does not know."""
    seen = []

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        seen.append((scope["type"], isinstance(receive.__self__, Exchange)))  # type: ignore[attr-defined]

    observed = Observed(app)
    run(visit(observed.edge, type="telepathy"))
    assert seen == [("telepathy", False)]
    assert observed.spans == ()
