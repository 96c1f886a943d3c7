"""Exporters that count delivered and undelivered items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.sdk._logs.export import LogRecordExporter, LogRecordExportResult
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from telemetry.export.wrappers import LogRecordExporterWrapper, SpanExporterWrapper

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk._logs import ReadableLogRecord
    from opentelemetry.sdk.trace import ReadableSpan

    from telemetry.export.statistics import ExportStatistics


class CountedSpanExporter(SpanExporterWrapper):
    """Wraps a span exporter and counts the results of its exports."""

    def __init__(self, exporter: SpanExporter, statistics: ExportStatistics) -> None:
        super().__init__(exporter)
        self._tally = statistics

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export the spans, and count the result."""
        result = SpanExportResult.FAILURE
        try:
            result = self._exporter.export(spans)
        finally:
            self._tally.count(len(spans), delivered=result is SpanExportResult.SUCCESS)
        return result


class CountedLogRecordExporter(LogRecordExporterWrapper):
    """Wraps a log exporter and counts the results of its exports."""

    def __init__(self, exporter: LogRecordExporter, statistics: ExportStatistics) -> None:
        super().__init__(exporter)
        self._tally = statistics

    def export(self, batch: Sequence[ReadableLogRecord]) -> Any:
        """Export the records, and count the result."""
        result: Any = LogRecordExportResult.FAILURE
        try:
            result = self._exporter.export(batch)
        finally:
            self._tally.count(len(batch), delivered=result is LogRecordExportResult.SUCCESS)
        return result
