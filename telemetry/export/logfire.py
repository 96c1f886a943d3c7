"""Exporters for Logfire, which accepts standard OTLP: only address and header are specific.

The classes take no arguments and read the environment, as OpenTelemetry's entry
points require. The pipeline calls the functions.
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
from opentelemetry.trace import SpanKind, StatusCode

from telemetry.export.destination import ExportStatistics
from telemetry.export.ended_spans import SpanCopy
from telemetry.export.transport import CountingTransport
from telemetry.export.wrappers import SpanExporterWrapper
from telemetry.registry import attributes as a

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExportResult

    from telemetry.export.transport import Transport
    from telemetry.settings import LogfireProject
    from telemetry.settings.model import Signal

# As Logfire's SDK sends metrics. Other destinations keep the specification's defaults.
_DELTA: dict[type, AggregationTemporality] = {
    metrics.Counter: AggregationTemporality.DELTA,
    metrics.UpDownCounter: AggregationTemporality.CUMULATIVE,
    metrics.Histogram: AggregationTemporality.DELTA,
    metrics.ObservableCounter: AggregationTemporality.DELTA,
    metrics.ObservableUpDownCounter: AggregationTemporality.CUMULATIVE,
    metrics.ObservableGauge: AggregationTemporality.CUMULATIVE,
}


class LogfireSpans(SpanExporterWrapper):
    """Wraps a span exporter and adds Logfire's message, level and type to each span."""

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export copies of the spans with the added attributes."""
        return self._exporter.export([SpanCopy(span, shown(span)) for span in spans])


def span_exporter(project: LogfireProject, transport: Transport) -> LogfireSpans:
    """Return an exporter of spans to one project, with the attributes that its pages show."""
    return LogfireSpans(OTLPSpanExporter(**_arguments(project, transport, "traces")))


def metric_exporter(project: LogfireProject, transport: Transport) -> OTLPMetricExporter:
    """Return an exporter of metrics to one project: delta, with exponential histograms."""
    return OTLPMetricExporter(**_arguments(project, transport, "metrics"), **_metric_form())


def log_exporter(project: LogfireProject, transport: Transport) -> OTLPLogExporter:
    """Return an exporter of log records to one project."""
    return OTLPLogExporter(**_arguments(project, transport, "logs"))


class LogfireSpanExporter(LogfireSpans):
    """Exports spans to the project of the first LOGFIRE_TOKEN."""

    def __init__(self) -> None:
        super().__init__(OTLPSpanExporter(**_from_environment("traces")))


class LogfireMetricExporter(OTLPMetricExporter):
    """Exports metrics to the project of the first LOGFIRE_TOKEN."""

    def __init__(self) -> None:
        super().__init__(**_from_environment("metrics"), **_metric_form())


class LogfireLogRecordExporter(OTLPLogExporter):
    """Exports log records to the project of the first LOGFIRE_TOKEN."""

    def __init__(self) -> None:
        super().__init__(**_from_environment("logs"))


def _arguments(project: LogfireProject, transport: Transport, signal: Signal) -> dict[str, Any]:
    return {
        "endpoint": f"{project.base_url}/v1/{signal}",
        "headers": {"Authorization": project.token},
        "compression": Compression.Gzip,
        "session": transport.session(),
    }


def _metric_form() -> dict[str, Any]:
    return {
        "preferred_temporality": _DELTA,
        "preferred_aggregation": {metrics.Histogram: ExponentialBucketHistogramAggregation()},
    }


def _from_environment(signal: Signal) -> dict[str, Any]:
    from telemetry.settings import read_settings

    settings = read_settings({**os.environ, "OTEL_TRACES_EXPORTER": "logfire"})
    return _arguments(settings.logfire[0], CountingTransport(ExportStatistics()), signal)


# OpenTelemetry's severity number.
_WARNING = 13
_ERROR = 17


def shown(span: ReadableSpan) -> dict[str, Any]:
    """Return the Logfire attributes that a span lacks. Spans of Logfire's functions lack few."""
    attributes = span.attributes or {}
    added: dict[str, Any] = {}
    if a.LOGFIRE_TYPE not in attributes:
        added[a.LOGFIRE_TYPE] = "span"
    if a.LOGFIRE_MESSAGE not in attributes:
        added[a.LOGFIRE_MESSAGE] = _message(span.name, attributes)
    if a.LOGFIRE_LEVEL not in attributes:
        level = _level(span, attributes.get(a.HTTP_RESPONSE_STATUS_CODE))
        if level is not None:
            added[a.LOGFIRE_LEVEL] = level
    return added


def _message(name: str, attributes: Mapping[str, Any]) -> str:
    """Return the span's name. For a request, the path replaces the route."""
    method, path = attributes.get(a.HTTP_REQUEST_METHOD), attributes.get(a.URL_PATH)
    if not (method and path):
        return name
    names = (method, path, f"{method} {path}", f"{method} {attributes.get(a.HTTP_ROUTE)}")
    return f"{method} {path}" if name in names else name


def _level(span: ReadableSpan, status: object) -> int | None:
    if span.status.status_code is StatusCode.ERROR:
        return _ERROR
    if span.kind is SpanKind.SERVER and isinstance(status, int) and status >= 400:
        return _ERROR if status >= 500 else _WARNING
    return None
