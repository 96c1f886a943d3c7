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
