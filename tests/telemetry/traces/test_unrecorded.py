"""Where nothing is configured and log lines are ours: ids, and nothing else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import context as context_api
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import NoOpTracer

from telemetry.datasette.tracer import DatasetteTracer
from telemetry.request import RequestRecord, attach_record
from telemetry.traces.unrecorded import UnrecordedTracer, UnrecordedTracerProvider
from tests.telemetry.scripts import printed

if TYPE_CHECKING:
    from pathlib import Path

    from tests.telemetry.reported import Reported

BEGIN = """
import asyncio, logging.config, sys
import telemetry
{first}
telemetry.configure()
logging.config.dictConfig(telemetry.logging_config(debug=False))
from tests.telemetry.asgi.driving import answering, visit
application = telemetry.asgi_wrapper(answering())
"""
VISIT = "asyncio.run(visit(application, '/x', headers={headers!r}))\n"
OTHERS = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
provider = TracerProvider()
provider.add_span_processor(
    SimpleSpanProcessor(ConsoleSpanExporter(formatter=lambda span: span.to_json(None) + chr(10)))
)
trace.set_tracer_provider(provider)
"""
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def _lines(tmp_path: Path, code: str, **env: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in printed(tmp_path, code, **env).splitlines()]


def test_each_request_has_ids_of_its_own(tmp_path: Path) -> None:
    """New ones, not sampled; the SDK is not needed for them."""
    code = BEGIN.format(first="") + VISIT.format(headers=()) * 2
    code += "assert not any(name.startswith('opentelemetry.sdk') for name in sys.modules)\n"
    one, two = _lines(tmp_path, code)
    assert one["trace_id"] != two["trace_id"]
    for line in (one, two):
        assert (len(line["trace_id"]), len(line["span_id"])) == (32, 16)
        assert (line["trace_flags"], line["trace_kept"]) == ("00", False)


@pytest.mark.parametrize(("policy", "believed"), [("link", False), ("trust", True)])
def test_a_caller_is_believed_as_far_as_ever(tmp_path: Path, policy: str, believed: bool) -> None:
    """A stranger's id is none of ours."""
    headers = [(b"traceparent", PARENT.encode())]
    code = BEGIN.format(first="") + VISIT.format(headers=headers)
    [line] = _lines(tmp_path, code, TELEMETRY_TRACEPARENT=policy)
    assert (line["trace_id"] in PARENT) is believed


def test_somebody_elses_provider_gets_its_spans(tmp_path: Path) -> None:
    """Whose they are, and the line has its ids."""
    code = BEGIN.format(first=OTHERS) + VISIT.format(headers=())
    span, line = _lines(tmp_path, code)
    assert span["name"] == "GET"
    assert span["context"]["trace_id"] == f"0x{line['trace_id']}"
    assert int(line["trace_flags"], 16) & 1


def test_a_host_whose_lines_are_its_own_is_left_alone(tmp_path: Path) -> None:
    """No edge, no provider, no line."""
    code = """
        import telemetry
        from opentelemetry import trace
        telemetry.configure()
        before = trace.get_tracer_provider()
        application = object()
        assert telemetry.asgi_wrapper(application) is application
        telemetry.instrument()
        assert trace.get_tracer_provider() is before
        print("left alone")
    """
    assert printed(tmp_path, code) == "left alone"


def test_a_server_span_that_is_not_recorded_has_its_route_only() -> None:
    """Metrics and log lines need it; the other attributes would be kept for nothing."""
    span: Any = UnrecordedTracer().start_span("GET")
    assert span.get_span_context().is_valid
    assert not span.is_recording()
    span.set_attribute("url.path", "/secret")
    assert span.attributes == {}
    span.set_attribute("http.route", "/{a}")
    span.set_attributes({"http.route": "/{b}", "url.path": "/secret"})
    assert span.attributes == {"http.route": "/{b}"}
    with trace.use_span(span):
        child = UnrecordedTracer().start_span("child")
    assert child.get_span_context() == span.get_span_context()


def test_tracers_of_some_scopes_are_adapted_where_nothing_is_recorded() -> None:
    """Datasette's gives the edge its routes; every other one is the API's."""
    provider = UnrecordedTracerProvider({"datasette": DatasetteTracer})
    assert isinstance(provider.get_tracer("datasette", "1"), DatasetteTracer)
    assert type(provider.get_tracer("a plugin", "1")) is NoOpTracer
    record = RequestRecord("GET", trace.INVALID_SPAN)
    token = context_api.attach(attach_record(record, Context()))
    try:
        span = provider.get_tracer("datasette").start_span("GET", kind=trace.SpanKind.SERVER)
        span.set_attribute("http.route", "/-/versions$")
    finally:
        context_api.detach(token)
    assert record.route == "/-/versions"


def test_queries_are_as_without_telemetry_where_nothing_is_recorded() -> None:
    """The request's span stays the current one for log lines, and its route the application's."""
    tracer = UnrecordedTracerProvider({"datasette": DatasetteTracer}).get_tracer("datasette")
    server = UnrecordedTracer().start_span("GET")
    with trace.use_span(server):
        for name in ("db.query", "db.query.execute", "db.write.execute", "render"):
            with tracer.start_as_current_span(name) as span:
                assert trace.get_current_span() is server
                span.set_attribute("http.route", "/none")
            assert not span.is_recording()
            tracer.start_span(name).set_attribute("http.route", "/none")
    assert server.attributes == {}  # type: ignore[attr-defined]


def test_a_query_within_a_query_of_nothing_recorded_ends_like_any() -> None:
    """Their blocks may be within each other, in any number, and be left by an exception."""
    tracer = UnrecordedTracerProvider({"datasette": DatasetteTracer}).get_tracer("datasette")
    with (
        pytest.raises(LookupError, match="lost"),
        tracer.start_as_current_span("db.query"),
        tracer.start_as_current_span("db.query"),
    ):
        raise LookupError("lost")
    with tracer.start_as_current_span("db.query") as span:
        span.end()


def test_the_failure_of_a_write_in_the_background_is_reported_where_nothing_is_recorded(
    reported: Reported,
) -> None:
    """No caller waits for it. One that has a caller is the caller's."""
    tracer = UnrecordedTracerProvider({"datasette": DatasetteTracer}).get_tracer("datasette")
    cause = [trace.Link(trace.SpanContext(1, 2, is_remote=False))]
    calls: list[tuple[str, Any]] = [("db.write.execute", cause), ("db.write.execute", ())]
    for name, links in [*calls, ("db.query", cause)]:
        with (
            pytest.raises(LookupError, match="lost"),
            tracer.start_as_current_span(name, Context(), links=links),
        ):
            raise LookupError("lost")
    assert [repr(error) for error in reported.errors] == ["LookupError('lost')"]


def test_a_meter_provider_that_is_set_late_measures_the_requests_after_it(tmp_path: Path) -> None:
    """Until then nothing is measured, and a request that began before it ends as it began."""
    code = (
        BEGIN.format(first="")
        + """
from opentelemetry import metrics
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

logging.getLogger("telemetry.access").disabled = True
reader = InMemoryMetricReader()

def points(name):
    data = reader.get_metrics_data()
    found = data.resource_metrics[0].scope_metrics[0].metrics if data is not None else ()
    return [point for each in found if each.name == name for point in each.data.data_points]

async def wait_until_measured():
    provider = MeterProvider([reader], shutdown_on_exit=False)

    async def within(scope, receive, send):
        metrics.set_meter_provider(provider)
        await answering()(scope, receive, send)

    # Before the edge begins, and while it serves.
    await visit(application, "/")
    application.app = within
    await visit(application, "/")
    application.app = answering()
    assert not points("http.server.active_requests")
    visits = 0
    while not (found := points("http.server.request.duration")):
        await visit(application, "/")
        visits += 1
    [duration], [active] = found, points("http.server.active_requests")
    print(duration.count, active.value, visits > 0)

asyncio.run(wait_until_measured())
"""
    )
    assert printed(tmp_path, code) == "1 0 True"
