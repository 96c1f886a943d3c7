"""Base classes of exporters that wrap another exporter to count, redact or add attributes."""

from __future__ import annotations

from opentelemetry.sdk._logs.export import LogRecordExporter
from opentelemetry.sdk.trace.export import SpanExporter


class SpanExporterWrapper(SpanExporter):
    """Delegates shutdown and flush to the wrapped exporter. Subclasses define `export`."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return self._exporter.force_flush(timeout_millis)


class LogRecordExporterWrapper(LogRecordExporter):
    """Delegates shutdown and flush to the wrapped exporter. Subclasses define `export`."""

    def __init__(self, exporter: LogRecordExporter) -> None:
        self._exporter = exporter

    def shutdown(self) -> None:
        self._exporter.shutdown()  # type: ignore[no-untyped-call]

    def force_flush(self, timeout_millis: int = 10_000) -> bool:
        return self._exporter.force_flush(timeout_millis)
