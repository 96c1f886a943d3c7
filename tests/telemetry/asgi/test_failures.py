"""Telemetry that fails inside: the page is served, the failure counted and said once."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider as SDKMeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.sampling import Sampler
from opentelemetry.trace import (
    NonRecordingSpan,
    NoOpTracer,
    SpanContext,
    TraceFlags,
    get_current_span,
    use_span,
)

import telemetry
from telemetry.logs.context import context_of
from telemetry.metrics.provider import MeterProvider
from telemetry.state import state
from tests.telemetry.asgi.driving import Client, answering, http_scope, run, visit
from tests.telemetry.asgi.observed import Observed

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.trace import Span

    from telemetry.scope import Message, Receive, Send


class BrokenError(Exception):
    pass


def _break(*args: Any, **kwargs: Any) -> Any:
    raise BrokenError


class BrokenTracer(NoOpTracer):
    start_span = _break


class BrokenSampler(Sampler):
    should_sample = _break

    def get_description(self) -> str:
        return "broken"


class BrokenAtStart(SpanProcessor):
    on_start = _break


class BrokenAtEnd(SpanProcessor):
    on_end = _break


class BrokenPropagator:
    inject = _break


def _hello() -> Any:
    return answering(200, b"hello")


START = "edge.request_start"
END = "edge.request_end"
BROKEN: dict[str, tuple[Callable[[], Observed], str]] = {
    "tracer": (lambda: Observed(_hello(), tracer=BrokenTracer()), START),
    "sampler": (lambda: Observed(_hello(), sampler=BrokenSampler()), START),
    "on_start": (lambda: Observed(_hello(), processors=[BrokenAtStart()]), START),
    "on_end": (lambda: Observed(_hello(), processors=[BrokenAtEnd()]), END),
    "span details": (lambda: Observed(_hello(), default_span_details=_break), START),
    "start of the pipeline": (lambda: Observed(_hello(), ready=_break), START),
}
each_place = pytest.mark.parametrize(("build", "origin"), BROKEN.values(), ids=BROKEN)


@pytest.mark.usefixtures("as_in_production")
@each_place
def test_the_page_is_served(
    build: Callable[[], Observed], origin: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Whole; every failure is counted, the first is logged with its traceback."""
    observed = build()
    for _ in range(3):
        client = run(visit(observed.edge))
        assert (client.status, client.body) == (200, b"hello")
    assert state.failures == {origin: 3}
    [logged] = [record for record in caplog.records if record.name == "telemetry"]
    assert origin in logged.getMessage()
    assert logged.exc_info is not None
    assert logged.exc_info[0] is BrokenError
    assert all(value == 0 for value in observed.active), "a count that went up came down"


@pytest.mark.usefixtures("as_in_production")
@pytest.mark.parametrize("provider", [SDKMeterProvider, MeterProvider])
def test_a_request_whose_site_has_no_label_is_not_active_for_ever(
    provider: type[SDKMeterProvider],
) -> None:
    """Nor is one before it, measured in full, or one after it."""
    reader, sites = InMemoryMetricReader(), iter([None, "one", None, ["no text"], "one", None])

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        site: Any = next(sites)
        if site is not None:
            telemetry.set_site(site)
        await _hello()(scope, receive, send)

    edge = Observed(app, meter_provider=provider([reader], shutdown_on_exit=False)).edge
    for _ in range(6):
        assert run(visit(edge)).status == 200
    assert state.failures == {END: 1}
    data = reader.get_metrics_data()
    assert data is not None
    active = [
        point.value  # type: ignore[union-attr] # a sum's
        for scope in data.resource_metrics[0].scope_metrics
        for metric in scope.metrics
        if metric.name == "http.server.active_requests"
        for point in metric.data.data_points
    ]
    assert active == [0]


class ForeignSpan(NonRecordingSpan):
    """A span of another package, with flags and no ids of its own."""

    trace_flags = 1


class ForeignTracer(NoOpTracer):
    def start_span(self, *args: Any, **kwargs: Any) -> Span:
        return ForeignSpan(SpanContext(7, 8, is_remote=False, trace_flags=TraceFlags(1)))


def test_a_foreign_span_is_asked_for_its_context() -> None:
    """Whatever else it has. Its ids are in the response, and exemplars have them."""
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], shutdown_on_exit=False)
    observed = Observed(_hello(), tracer=ForeignTracer(), meter_provider=provider)
    client = run(visit(observed.edge))
    assert client.status == 200
    assert dict(client.sent[0]["headers"])[b"traceresponse"] == f"00-{7:032x}-{8:016x}-01".encode()
    with use_span(ForeignSpan(SpanContext(9, 10, is_remote=False, trace_flags=TraceFlags(1)))):
        provider.get_meter("telemetry").create_histogram("within").record(1)
    data = reader.get_metrics_data()
    assert data is not None
    exemplars = {
        (exemplar.trace_id, exemplar.span_id)
        for scope in data.resource_metrics[0].scope_metrics
        for metric in scope.metrics
        for point in metric.data.data_points
        for exemplar in point.exemplars
    }
    assert exemplars == {(7, 8), (9, 10)}


@pytest.mark.usefixtures("as_in_production")
def test_a_line_of_the_server_has_the_route_though_the_end_has_failed() -> None:
    """The route that a host has set on the span."""

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        get_current_span().set_attribute("http.route", "/host/{x}")
        # No number, at which the end fails.
        await send({"type": "http.response.start", "status": "200", "headers": []})

    async def request() -> str | None:
        await visit(Observed(app).edge)
        line = logging.LogRecord("uvicorn.error", logging.ERROR, "server", 1, "", (), None)
        return context_of(line).route

    assert run(request()) == "/host/{x}"
    assert state.failures == {END: 1}


@each_place
def test_the_test_that_caused_it_sees_it(build: Callable[[], Observed], origin: str) -> None:
    """Under `raise_failures()`, which TELEMETRY_RAISE_FAILURES sets for a whole suite."""
    with pytest.raises(BrokenError):
        run(visit(build().edge))


@pytest.mark.usefixtures("as_in_production")
def test_an_application_s_error_is_not_replaced_by_ours() -> None:
    """The server must hear of the application's."""

    async def app(*args: Any) -> None:
        raise LookupError("the application's own")

    observed = Observed(app, processors=[BrokenAtEnd()])
    with pytest.raises(LookupError, match="own"):
        run(visit(observed.edge))
    assert state.failures == {END: 1}


@pytest.mark.usefixtures("as_in_production")
@pytest.mark.parametrize(
    "wrong",
    [
        {"headers": [(b"host", b"\xff\xfe:99999999")]},
        {"headers": [(b"traceparent", b"\xff"), (b"tracestate", b"=,=")]},
        {"headers": [(b"", b""), (b"user-agent", b"\x00" * 70000)]},
        {"headers": None},
        {"path": "/\ud800\udfff\udc80"},
        {"scheme": None, "http_version": None, "server": None, "client": None},
        {"method": ""},
    ],
    ids=str,
)
def test_nothing_that_a_client_or_a_server_sends_breaks_it(wrong: Message) -> None:
    """Not even counted as a failure: it is measured like any other request."""
    observed = Observed(_hello(), excluded_urls="nothing-like-this")
    client = Client()
    run(observed.edge({**http_scope(), **wrong}, client.receive, client.send))
    assert client.status == 200
    assert state.failures == {}
    assert observed.counted == 1
    assert observed.attributes["corkboard.outcome"] == "served"
