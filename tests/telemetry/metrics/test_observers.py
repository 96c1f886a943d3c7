"""What telemetry counts of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from telemetry import failsafe
from telemetry.datasette.folding import DatasetteSpanProcessor
from telemetry.export.destination import Destination
from telemetry.export.statistics import ExportStatistics
from telemetry.metrics.observers import observe_telemetry
from telemetry.settings import SamplerSettings
from telemetry.state import state
from telemetry.traces.samplers import build_sampler
from telemetry.traces.tail import TailSpanProcessor

if TYPE_CHECKING:
    from telemetry.settings.model import Signal


def _tally(delivered: int, failed: int) -> ExportStatistics:
    statistics = ExportStatistics()
    statistics.count(delivered, delivered=True)
    statistics.count(failed, delivered=False)
    return statistics


def _points(reader: InMemoryMetricReader) -> dict[tuple[Any, ...], Any]:
    data: Any = reader.get_metrics_data()
    return {
        (metric.name, *(v for _, v in sorted((point.attributes or {}).items()))): point.value
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in metric.data.data_points
    }


def test_what_is_sent_and_lost_is_counted() -> None:
    """By signal, exporter and outcome; two projects of one backend are one exporter."""
    reader = InMemoryMetricReader()
    meter = MeterProvider([reader], shutdown_on_exit=False).get_meter("telemetry")
    metrics: Destination[Any] = Destination("metrics", "otlp", "c", lambda: None)
    metrics.statistics.retry()
    destinations: dict[Signal, list[Destination[Any]]] = {
        "traces": [
            Destination("traces", "logfire", "a", lambda: None, statistics=_tally(5, 1)),
            Destination("traces", "logfire", "b", lambda: None, statistics=_tally(2, 0)),
        ],
        "metrics": [metrics],
        "logs": [Destination("logs", "otlp", "c", lambda: None, statistics=_tally(0, 3))],
    }
    state.failures.clear()
    failsafe.raise_failures(False)
    failsafe.failed("export.flush", RuntimeError("planted"))
    failsafe.failed("export.flush", RuntimeError("planted"))
    events: Destination[Any] = Destination("errors", "sentry", "d", None, statistics=_tally(3, 2))
    events.statistics.retry()
    observe_telemetry(meter, destinations=destinations, events=events, folding=None, tail=None)
    assert _points(reader) == {
        ("corkboard.telemetry.exported", "delivered", "logfire", "traces"): 7,
        ("corkboard.telemetry.exported", "failed", "logfire", "traces"): 1,
        ("corkboard.telemetry.exported", "delivered", "otlp", "logs"): 0,
        ("corkboard.telemetry.exported", "failed", "otlp", "logs"): 3,
        ("corkboard.telemetry.exported", "delivered", "sentry", "errors"): 3,
        ("corkboard.telemetry.exported", "failed", "sentry", "errors"): 2,
        ("corkboard.telemetry.export.retries", "sentry", "errors"): 1,
        ("corkboard.telemetry.export.retries", "logfire", "traces"): 0,
        ("corkboard.telemetry.export.retries", "otlp", "metrics"): 1,
        ("corkboard.telemetry.export.retries", "otlp", "logs"): 0,
        ("corkboard.telemetry.failures", "export.flush"): 2,
    }
    state.failures.clear()


def test_what_is_folded_and_sampled_away_is_counted() -> None:
    """A request with a query of two spans, in a trace that nobody wants."""
    exported = InMemorySpanExporter()
    tail = TailSpanProcessor(SimpleSpanProcessor(exported))
    folding = DatasetteSpanProcessor(tail)
    sampler = build_sampler(SamplerSettings("tail", "0"))
    provider = TracerProvider(sampler, shutdown_on_exit=False)
    provider.add_span_processor(folding)
    with provider.get_tracer("host").start_as_current_span("GET /"):
        datasette = provider.get_tracer("datasette")
        with (
            datasette.start_as_current_span("db.query"),
            datasette.start_as_current_span("db.query.execute"),
        ):
            pass
    reader = InMemoryMetricReader()
    meter = MeterProvider([reader], shutdown_on_exit=False).get_meter("telemetry")
    nowhere: dict[Signal, list[Destination[Any]]] = {"traces": [], "metrics": [], "logs": []}
    observe_telemetry(meter, destinations=nowhere, events=None, folding=folding, tail=tail)
    assert _points(reader) == {
        ("corkboard.telemetry.spans.folded",): 2,
        ("corkboard.telemetry.spans.sampled_out",): 1,
        ("corkboard.telemetry.spans.dropped",): 0,
    }
    assert exported.get_finished_spans() == ()
