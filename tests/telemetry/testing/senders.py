"""The SDK's own exporters, pointed at a receiver and emptied at once."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from opentelemetry import trace
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.grpc import _log_exporter as grpc_logs
from opentelemetry.exporter.otlp.proto.grpc import metric_exporter as grpc_metrics
from opentelemetry.exporter.otlp.proto.grpc import trace_exporter as grpc_traces
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.metrics.view import (
    ExplicitBucketHistogramAggregation,
    ExponentialBucketHistogramAggregation,
    View,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

if TYPE_CHECKING:
    from collections.abc import Iterator


class Destination(Protocol):
    """A receiver, or a collector before one."""

    @property
    def url(self) -> str: ...

    @property
    def grpc_endpoint(self) -> str: ...


RESOURCE = Resource({"service.name": "sender"})


@contextmanager
def tracer_to(
    receiver: Destination,
    *,
    grpc: bool = False,
    compression: Compression = Compression.NoCompression,
    timeout: float = 10,
) -> Iterator[trace.Tracer]:
    """Give a tracer whose spans are sent as they end."""
    exporter = (
        grpc_traces.OTLPSpanExporter(endpoint=receiver.grpc_endpoint, timeout=timeout)
        if grpc
        else OTLPSpanExporter(
            endpoint=f"{receiver.url}/v1/traces", compression=compression, timeout=timeout
        )
    )
    provider = TracerProvider(resource=RESOURCE, shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    try:
        yield provider.get_tracer("tests.tracer", schema_url="https://example.org/schema/1")
    finally:
        provider.shutdown()


def send_span(tracer: trace.Tracer) -> None:
    """Send one span that has everything a span can have."""
    other = SpanContext(1, 2, is_remote=True, trace_state=TraceState([("vendor", "x")]))
    parent = SpanContext(
        3, 4, True, TraceFlags(TraceFlags.SAMPLED), TraceState([("vendor", "kept")])
    )
    span = tracer.start_span(
        "GET /thing",
        trace.set_span_in_context(trace.NonRecordingSpan(parent)),
        kind=SpanKind.SERVER,
        attributes={"text": "a", "whole": 1, "part": 0.5, "yes": True, "many": ["a", "b"]},
        links=[trace.Link(other, {"why": "linked"})],
    )
    span.add_event("happened", {"n": 1})
    span.set_status(Status(StatusCode.ERROR, "broke"))
    span.end()


@contextmanager
def meters_to(receiver: Destination, *, grpc: bool = False) -> Iterator[MeterProvider]:
    """Give a meter provider that sends when it is shut down."""
    exporter = (
        grpc_metrics.OTLPMetricExporter(endpoint=receiver.grpc_endpoint)
        if grpc
        else OTLPMetricExporter(endpoint=f"{receiver.url}/v1/metrics", compression=Compression.Gzip)
    )
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)
    views = [
        View(
            instrument_name="plain",
            aggregation=ExplicitBucketHistogramAggregation(boundaries=(1.0, 2.0)),
        ),
        View(
            instrument_name="exponential",
            aggregation=ExponentialBucketHistogramAggregation(max_scale=0),
        ),
    ]
    provider = MeterProvider([reader], resource=RESOURCE, views=views, shutdown_on_exit=False)
    try:
        yield provider
    finally:
        provider.shutdown()


def send_log(receiver: Destination, *, grpc: bool = False) -> None:
    """Send one log record with a structured body."""
    exporter = (
        grpc_logs.OTLPLogExporter(endpoint=receiver.grpc_endpoint)
        if grpc
        else OTLPLogExporter(endpoint=f"{receiver.url}/v1/logs", compression=Compression.Gzip)
    )
    provider = LoggerProvider(resource=RESOURCE, shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    provider.get_logger("tests.logger").emit(
        LogRecord(
            timestamp=1_000,
            context=trace.set_span_in_context(trace.NonRecordingSpan(SpanContext(5, 6, False))),
            severity_text="WARN",
            severity_number=SeverityNumber.WARN,
            body={"message": "hot", "degrees": [40, 41.5]},
            attributes={"room": "attic"},
            event_name="room.heated",
        )
    )
    provider.shutdown()
