"""Exporters around other exporters: the base of those that count, redact or describe."""

from __future__ import annotations

from opentelemetry.sdk._logs.export import LogRecordExporter
from opentelemetry.sdk.trace.export import SpanExporter


class SpanExporterWrapper(SpanExporter):
    """Shuts down and flushes the other exporter; a subclass says what is exported to it."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return self._exporter.force_flush(timeout_millis)


class LogRecordExporterWrapper(LogRecordExporter):
    """Shuts down and flushes the other exporter; a subclass says what is exported to it."""

    def __init__(self, exporter: LogRecordExporter) -> None:
        self._exporter = exporter

    def shutdown(self) -> None:
        self._exporter.shutdown()  # type: ignore[no-untyped-call]

    def force_flush(self, timeout_millis: int = 10_000) -> bool:
        return self._exporter.force_flush(timeout_millis)
