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


def _unrecorded_tracer() -> Any:
    return UnrecordedTracerProvider({"datasette": DatasetteTracer}).get_tracer("datasette")


def test_queries_have_the_ids_of_their_request_where_nothing_is_recorded() -> None:
    """Its span stays the current one for log lines, and its route is the application's."""
    tracer, server = _unrecorded_tracer(), UnrecordedTracer().start_span("GET")
    ids = server.get_span_context()
    with trace.use_span(server):
        for name in ("db.query", "db.query.execute", "db.write.execute", "render"):
            with tracer.start_as_current_span(name) as span:
                assert trace.get_current_span() is server
                assert span is not server
                span.set_attribute("http.route", "/none")
            started = tracer.start_span(name)
            started.set_attribute("http.route", "/none")
            for each in (span, started):
                assert each.get_span_context() == ids
                assert not each.is_recording()
                assert f"{ids.trace_id:032x}" in repr(each)
    # Also when another one is current, and when it is made the current one itself.
    assert span.get_span_context() == ids
    with trace.use_span(span):
        assert span.get_span_context() == trace.get_current_span().get_span_context() == ids
    assert server.attributes == {}  # type: ignore[attr-defined]


@pytest.mark.parametrize("way", ["start_span", "start_as_current_span"])
def test_work_after_a_request_has_none_of_its_ids_where_nothing_is_recorded(way: str) -> None:
    """Neither has what is started in a context without a span."""
    tracer, server = _unrecorded_tracer(), UnrecordedTracer().start_span("GET")
    record = RequestRecord("GET", server)
    token = context_api.attach(trace.set_span_in_context(server, attach_record(record, Context())))

    def started(**more: Any) -> Any:
        if way == "start_span":
            return tracer.start_span("job", **more).get_span_context()
        with tracer.start_as_current_span("job", **more) as span:
            current = trace.get_current_span().get_span_context()
            assert span.get_span_context() == current
            return current

    try:
        assert started() == server.get_span_context()
        assert not started(context=Context()).is_valid
        record.ended = True
        assert not started().is_valid
    finally:
        context_api.detach(token)


def test_a_request_within_a_request_has_its_ids_where_nothing_is_recorded(tmp_path: Path) -> None:
    """A plugin calls Datasette's client: what is logged there, and in queries, belongs to it."""
    code = """
import asyncio, logging, logging.config
import telemetry
telemetry.configure()
logging.config.dictConfig(telemetry.logging_config(debug=False))
telemetry.instrument()
from datasette import Response, hookimpl
from datasette.app import Datasette
from datasette.plugins import pm
from tests.telemetry.asgi.driving import visit

log = logging.getLogger("plugin")

class Plugin:
    __name__ = "plugin"

    @hookimpl
    def register_routes(self):
        async def outer(datasette):
            return Response.text((await datasette.client.get("/-/inner")).text)

        async def inner(datasette):
            log.warning("inner")
            work = datasette.get_internal_database().execute_fn
            await work(lambda _connection: log.warning("query"))
            return Response.text("")

        return [("/-/outer$", outer), ("/-/inner$", inner)]

pm.register(Plugin())
asyncio.run(visit(telemetry.asgi_wrapper(Datasette(memory=True).app()), "/-/outer"))
"""
    known = _lines(tmp_path, code, OTEL_PYTHON_DJANGO_INSTRUMENT="false")
    lines = {line["message"]: line for line in known}
    [served] = [line for line in lines.values() if line["logger"] == "telemetry.access"]
    assert served["http.route"] == "/-/outer"
    for message in ("inner", "query"):
        for name in ("trace_id", "span_id", "http.route"):
            assert lines[message][name] == served[name]


def test_a_query_within_a_query_of_nothing_recorded_ends_like_any() -> None:
    """Their blocks may be within each other, in any number, and be left by an exception."""
    tracer = _unrecorded_tracer()
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
    tracer, write = _unrecorded_tracer(), "db.write.execute"
    cause = [trace.Link(trace.SpanContext(1, 2, is_remote=False))]
    calls: list[tuple[str, dict[str, Any]]] = [
        (write, {"context": Context(), "links": cause}),
        (write, {"links": cause}),
        (write, {}),
        ("db.query", {"links": cause}),
    ]
    for number, (name, more) in enumerate(calls):
        with (
            pytest.raises(LookupError, match="lost"),
            tracer.start_as_current_span(name, **more),
        ):
            raise LookupError("lost", number)
    assert [error.args for error in reported.errors] == [("lost", 0), ("lost", 1)]
