"""The tracer provider: one door for Datasette, the SDK's for everybody else."""

from __future__ import annotations

from opentelemetry import trace
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from telemetry.datasette.tracer import DatasetteTracer
from telemetry.registry.datasette import SCOPE
from telemetry.traces.provider import TracerProvider


def _provider() -> tuple[TracerProvider, InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False, adapters={SCOPE: DatasetteTracer})
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider, exporter


def test_only_datasette_s_tracer_is_adapted() -> None:
    """Scope `datasette`, and not what merely begins like it: plugins name their own."""
    provider, exporter = _provider()
    for scope in ("datasette", "datasette-search", "else"):
        tracer = provider.get_tracer(scope, "1", "https://opentelemetry.io/schemas/1.29.0")
        with tracer.start_as_current_span("db.query") as span:
            span.set_attribute("db.system", "sqlite")
    found = {
        span.instrumentation_scope.name: (
            span.instrumentation_scope.schema_url,
            *(span.attributes or {}),
        )
        for span in exporter.get_finished_spans()
        if span.instrumentation_scope
    }
    assert found == {
        "datasette": ("https://opentelemetry.io/schemas/1.30.0", "db.system.name"),
        "datasette-search": ("https://opentelemetry.io/schemas/1.29.0", "db.system"),
        "else": ("https://opentelemetry.io/schemas/1.29.0", "db.system"),
    }


def test_an_adapted_span_is_a_span_in_every_way() -> None:
    """Whatever Datasette, or a plugin that asks for the current span, does with one."""
    provider, exporter = _provider()
    with provider.get_tracer("datasette").start_as_current_span("db.query") as span:
        assert trace.get_current_span() is span
        assert span.is_recording()
        span.set_attributes({"db.system": "sqlite", "db.namespace": "minutes"})
        span.add_event("waited", {"ms": 3})
        span.record_exception(LookupError("lost"))
        span.set_status(trace.StatusCode.ERROR, "lost")
        span.update_name("db.query minutes")
    [ended] = exporter.get_finished_spans()
    assert ended.name == "db.query minutes"
    assert dict(ended.attributes or {}) == {"db.system.name": "sqlite", "db.namespace": "minutes"}
    assert [event.name for event in ended.events] == ["waited", "exception"]
    assert (ended.status.status_code, ended.status.description) == (
        trace.StatusCode.ERROR,
        "lost",
    )


def test_an_exception_inside_is_recorded_as_the_api_does() -> None:
    """One event, the status, and the exception goes on."""
    provider, exporter = _provider()
    try:
        with provider.get_tracer("datasette").start_as_current_span("db.query"):
            raise LookupError("lost")
    except LookupError:
        pass
    [ended] = exporter.get_finished_spans()
    assert [event.name for event in ended.events] == ["exception"]
    assert ended.status.status_code is trace.StatusCode.ERROR


def test_a_span_can_be_given_everything_at_its_start() -> None:
    """The arguments of the API, by position and by name."""
    provider, exporter = _provider()
    tracer = provider.get_tracer("datasette")
    linked = tracer.start_span("first", None, SpanKind.CLIENT, {"a": 1}, (), 1000)
    linked.end(2000)
    link = trace.Link(linked.get_span_context())
    with tracer.start_as_current_span("second", attributes={"b": 2}, links=[link]):
        pass
    first, second = exporter.get_finished_spans()
    assert (first.kind, first.start_time, first.end_time) == (SpanKind.CLIENT, 1000, 2000)
    assert dict(first.attributes or {}) == {"a": 1}
    assert dict(second.attributes or {}) == {"b": 2}
    assert [one.context for one in second.links] == [first.context]
