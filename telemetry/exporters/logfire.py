"""Logfire, which speaks plain OTLP: its address and its Authorization header are all there is.

The classes take no arguments and read the environment, as the exporters behind
OpenTelemetry's entry points do; the pipeline calls the functions.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk import metrics
from opentelemetry.sdk.metrics.export import AggregationTemporality
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation

from telemetry.exporters.outlet import Tally
from telemetry.exporters.wire import CountingWire
from telemetry.logfire.spans import LogfireSpans

if TYPE_CHECKING:
    from telemetry.exporters.wire import Wire
    from telemetry.settings import Destination
    from telemetry.settings.model import Signal

# As its own SDK sends metrics. Other destinations keep the specification's defaults.
_DELTA: dict[type, AggregationTemporality] = {
    metrics.Counter: AggregationTemporality.DELTA,
    metrics.UpDownCounter: AggregationTemporality.CUMULATIVE,
    metrics.Histogram: AggregationTemporality.DELTA,
    metrics.ObservableCounter: AggregationTemporality.DELTA,
    metrics.ObservableUpDownCounter: AggregationTemporality.CUMULATIVE,
    metrics.ObservableGauge: AggregationTemporality.CUMULATIVE,
}


def span_exporter(destination: Destination, wire: Wire) -> LogfireSpans:
    """Spans to one project, with what its pages show of them."""
    return LogfireSpans(OTLPSpanExporter(**_arguments(destination, wire, "traces")))


def metric_exporter(destination: Destination, wire: Wire) -> OTLPMetricExporter:
    """Metrics to one project, as delta and with exponential histograms."""
    return OTLPMetricExporter(**_arguments(destination, wire, "metrics"), **_metric_form())


def log_exporter(destination: Destination, wire: Wire) -> OTLPLogExporter:
    """Log records to one project."""
    return OTLPLogExporter(**_arguments(destination, wire, "logs"))


class LogfireSpanExporter(LogfireSpans):
    """Spans to the project of the first LOGFIRE_TOKEN."""

    def __init__(self) -> None:
        super().__init__(OTLPSpanExporter(**_from_environment("traces")))


class LogfireMetricExporter(OTLPMetricExporter):
    """Metrics to the project of the first LOGFIRE_TOKEN."""

    def __init__(self) -> None:
        super().__init__(**_from_environment("metrics"), **_metric_form())


class LogfireLogRecordExporter(OTLPLogExporter):
    """Log records to the project of the first LOGFIRE_TOKEN."""

    def __init__(self) -> None:
        super().__init__(**_from_environment("logs"))


def _arguments(destination: Destination, wire: Wire, signal: Signal) -> dict[str, Any]:
    return {
        "endpoint": f"{destination.base_url}/v1/{signal}",
        "headers": {"Authorization": destination.token},
        "compression": Compression.Gzip,
        "session": wire.session(),
    }


def _metric_form() -> dict[str, Any]:
    return {
        "preferred_temporality": _DELTA,
        "preferred_aggregation": {metrics.Histogram: ExponentialBucketHistogramAggregation()},
    }


def _from_environment(signal: Signal) -> dict[str, Any]:
    from telemetry.settings import read_settings

    settings = read_settings({**os.environ, "OTEL_TRACES_EXPORTER": "logfire"})
    return _arguments(settings.logfire[0], CountingWire(Tally()), signal)
