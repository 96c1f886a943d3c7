"""Counts what the exporters deliver."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.sdk._logs.export import LogRecordExporter, LogRecordExportResult
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from telemetry.export.wrappers import LogRecordExporterWrapper, SpanExporterWrapper

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk._logs import ReadableLogRecord
    from opentelemetry.sdk.trace import ReadableSpan

    from telemetry.export.destination import Tally


class CountedSpanExporter(SpanExporterWrapper):
    """Another exporter, with a tally of what became of its spans."""

    def __init__(self, exporter: SpanExporter, tally: Tally) -> None:
        super().__init__(exporter)
        self._tally = tally

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export, and count."""
        result = SpanExportResult.FAILURE
        try:
            result = self._exporter.export(spans)
        finally:
            self._tally.settle(len(spans), delivered=result is SpanExportResult.SUCCESS)
        return result


class CountedLogRecordExporter(LogRecordExporterWrapper):
    """Another exporter, with a tally of what became of its records."""

    def __init__(self, exporter: LogRecordExporter, tally: Tally) -> None:
        super().__init__(exporter)
        self._tally = tally

    def export(self, batch: Sequence[ReadableLogRecord]) -> Any:
        """Export, and count."""
        result: Any = LogRecordExportResult.FAILURE
        try:
            result = self._exporter.export(batch)
        finally:
            self._tally.settle(len(batch), delivered=result is LogRecordExportResult.SUCCESS)
        return result
