"""Exporters for the terminal: a tree for each request, and a line for each log record."""

from telemetry.export.console.logs import ConsoleLogRecordExporter
from telemetry.export.console.metrics import ConsoleMetricExporter
from telemetry.export.console.spans import ConsoleSpanExporter

__all__ = ["ConsoleLogRecordExporter", "ConsoleMetricExporter", "ConsoleSpanExporter"]
