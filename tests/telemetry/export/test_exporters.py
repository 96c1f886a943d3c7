"""Exporters for the processors and readers of other packages' configurations: what they return."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry._logs import LogRecord
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk._logs.export import LogRecordExportResult
from opentelemetry.sdk.metrics import Exemplar
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Buckets,
    ExponentialHistogram,
    ExponentialHistogramDataPoint,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricExportResult,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, TraceFlags

from telemetry.export.exporters import (
    OTLPLogRecordExporter,
    OTLPMetricExporter,
    OTLPSpanExporter,
)
from telemetry.export.otlp import endpoint
from telemetry.redaction.redactor import Redactor
from telemetry.settings import read_settings
from telemetry.state import state
from telemetry.testing import OTLPReceiver
from tests.support.odd_server import Odd, OddServer, answer
from tests.telemetry.export.test_sender import names, partial

if TYPE_CHECKING:
    from collections.abc import Iterator

    from telemetry.settings.model import Signal


@pytest.fixture
def server() -> Iterator[OddServer]:
    with OddServer() as server:
        yield server


def make(kind: Any, signal: Signal, url: str, timeout: str = "30") -> Any:
    """Make an exporter of one signal."""
    settings = read_settings(
        {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_EXPORTER_OTLP_TIMEOUT": timeout}
    )
    return kind(endpoint(settings.otlp[signal], signal), Redactor(settings.redaction))


def a_span(name: str, **instead: Any) -> ReadableSpan:
    context = SpanContext(1, 2, is_remote=False, trace_flags=TraceFlags(1))
    made: dict[str, Any] = {"context": context, "resource": Resource({}), **instead}
    return ReadableSpan(name, **made)


def a_record(body: str) -> ReadableLogRecord:
    return ReadableLogRecord(LogRecord(body=body), Resource({}))


def collected(*metrics: Metric) -> MetricsData:
    """Give metrics as a reader collects them."""
    scoped = ScopeMetrics(InstrumentationScope("test"), list(metrics), "")
    return MetricsData([ResourceMetrics(Resource({}), [scoped], "")])


def gauge(name: str, *values: Any) -> Metric:
    points = [NumberDataPoint({"series": n}, 1, 2, value) for n, value in enumerate(values)]
    return Metric(name, None, None, Gauge(points))


def test_what_is_delivered_is_a_success() -> None:
    """Of all three signals; and an export without an item is one without a request."""
    with OTLPReceiver() as receiver:
        spans = make(OTLPSpanExporter, "traces", receiver.url)
        logs = make(OTLPLogRecordExporter, "logs", receiver.url)
        metrics = make(OTLPMetricExporter, "metrics", receiver.url)
        assert spans.export([]) is SpanExportResult.SUCCESS
        assert metrics.export(collected(gauge("empty"))) is MetricExportResult.SUCCESS
        assert receiver.requests == []
        assert spans.export([a_span("one")]) is SpanExportResult.SUCCESS
        assert logs.export([a_record("two")]) is LogRecordExportResult.SUCCESS
        assert metrics.export(collected(gauge("three", 3))) is MetricExportResult.SUCCESS
        for exporter in (spans, logs, metrics):
            assert exporter.force_flush()
            exporter.shutdown()
        assert [span.name for span in receiver.spans] == ["one"]
        assert [record.body for record in receiver.logs] == ["two"]
        assert [point.value for point in receiver.metrics] == [3]


def test_what_a_backend_cannot_take_now_is_sent_again(
    server: OddServer, caplog: pytest.LogCaptureFixture
) -> None:
    """After the pause that it asks for. Nothing is logged: nothing was lost."""
    answers = [answer(429, Retry_After="0"), answer(503, Retry_After="0"), answer(200)]
    server.reply = lambda _: answers[len(server.requests) - 1]
    exporter = make(OTLPSpanExporter, "traces", server.url)
    assert exporter.export([a_span("one")]) is SpanExportResult.SUCCESS
    assert [names(request) for request in server.requests] == [["one"]] * 3
    assert caplog.messages == []
    exporter.shutdown()


@pytest.mark.parametrize(
    ("odd", "said"),
    [
        # A pause that ends after the timeout of an export is not begun.
        (answer(429, Retry_After="60"), "status 429"),
        (answer(503), "status 503"),
        (answer(403), "status 403"),
    ],
)
def test_what_is_given_up_is_a_failure(
    server: OddServer, caplog: pytest.LogCaptureFixture, odd: Odd, said: str
) -> None:
    """One line says why, and how many items were dropped; it is sent once."""
    server.reply = lambda _: odd
    exporter = make(OTLPLogRecordExporter, "logs", server.url, timeout="0.5")
    items = [a_record("one"), a_record("two")]
    assert exporter.export(items) is LogRecordExportResult.FAILURE
    exporter.shutdown()
    assert len(server.requests) == 1
    [line] = [record.getMessage() for record in caplog.records if record.name == "telemetry"]
    assert f"can't be delivered: {said}. 2 were dropped" in line


def test_what_is_rejected_is_a_failure(server: OddServer, caplog: pytest.LogCaptureFixture) -> None:
    """A partial success is not sent again, since the others were accepted."""
    server.reply = lambda _: answer(
        200, partial(1, "too old"), Content_Type="application/x-protobuf"
    )
    exporter = make(OTLPSpanExporter, "traces", server.url)
    assert exporter.export([a_span("one"), a_span("two")]) is SpanExportResult.FAILURE
    exporter.shutdown()
    assert len(server.requests) == 1
    assert "1 rejected: too old. 1 were dropped" in caplog.text


def test_an_exporter_that_is_shut_down_sends_nothing_again(server: OddServer) -> None:
    """The SDK shuts it down at the end of a program, which must not wait for the backend."""
    server.reply = lambda _: answer(503, Retry_After="0")
    exporter = make(OTLPSpanExporter, "traces", server.url)
    exporter.shutdown()
    assert exporter.export([a_span("one")]) is SpanExportResult.FAILURE
    assert len(server.requests) == 1


@pytest.mark.usefixtures("counted")
def test_a_span_that_cannot_be_encoded_costs_itself() -> None:
    """One without a context, for example. It is counted, and the others arrive."""
    with OTLPReceiver() as receiver:
        exporter = make(OTLPSpanExporter, "traces", receiver.url)
        spans = [a_span("one"), a_span("bad", context=None), a_span("two")]
        assert exporter.export(spans) is SpanExportResult.SUCCESS
        exporter.shutdown()
        assert [span.name for span in receiver.spans] == ["one", "two"]
    assert state.failures == {"export.encoding": 1}


class OddData:
    """Metric data of a kind that OTLP does not have."""

    data_points: tuple[object, ...] = ()


def histogram(**instead: Any) -> Metric:
    made: dict[str, Any] = {
        "attributes": {},
        "start_time_unix_nano": 1,
        "time_unix_nano": 2,
        "count": 1,
        "sum": 2.0,
        "bucket_counts": [0, 1],
        "explicit_bounds": [1.0],
        "min": 2.0,
        "max": 2.0,
        **instead,
    }
    points = [HistogramDataPoint(**made)]
    return Metric("bad", None, None, Histogram(points, AggregationTemporality.DELTA))


def exponential(counts: list[int]) -> Metric:
    none = Buckets(0, [])
    point = ExponentialHistogramDataPoint({}, 1, 2, 1, 1.0, 1, 0, Buckets(0, counts), none, 0, 1, 1)
    data = ExponentialHistogram([point], AggregationTemporality.DELTA)
    return Metric("bad", None, None, data)


BAD: dict[str, Metric] = {
    "an unknown kind of data": Metric("bad", None, None, OddData()),  # type: ignore[arg-type]
    "a count below zero": histogram(count=-1),
    "a bucket above 64 bits": exponential([2**64]),
    "a sum that is no number": histogram(sum="2.0"),
    "a maximum above any float": histogram(max=10**400),
    "a value that is no number": gauge("bad", "3"),
}


@pytest.mark.usefixtures("counted")
@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_a_metric_that_cannot_be_encoded_costs_itself(bad: Metric) -> None:
    """It is counted, and the other metrics of the collection arrive."""
    with OTLPReceiver() as receiver:
        exporter = make(OTLPMetricExporter, "metrics", receiver.url)
        exported = exporter.export(collected(gauge("one", 1), bad, gauge("two", 2)))
        exporter.shutdown()
        assert exported is MetricExportResult.SUCCESS
        assert [(point.name, point.value) for point in receiver.metrics] == [("one", 1), ("two", 2)]
    assert state.failures == {"export.encoding": 1}


def test_an_exemplar_outside_a_trace_has_no_ids(server: OddServer) -> None:
    """Its value and its attributes arrive."""
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
        ExportMetricsServiceRequest,
    )

    point = NumberDataPoint({}, 1, 2, 7, [Exemplar({"page": 3}, 7, 2)])
    exporter = make(OTLPMetricExporter, "metrics", server.url)
    exporter.export(collected(Metric("measured", None, None, Gauge([point]))))
    exporter.shutdown()
    [request] = server.requests
    message = ExportMetricsServiceRequest.FromString(request.body)
    [metric] = message.resource_metrics[0].scope_metrics[0].metrics
    [exemplar] = metric.gauge.data_points[0].exemplars
    assert (exemplar.as_int, exemplar.time_unix_nano) == (7, 2)
    assert (exemplar.span_id, exemplar.trace_id) == (b"", b"")
    assert [each.key for each in exemplar.filtered_attributes] == ["page"]
