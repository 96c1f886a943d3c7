"""What a developer reads on stderr: a tree for each request, and a line for each log record."""

from telemetry.exporters.console.logs import ConsoleLogRecordExporter
from telemetry.exporters.console.metrics import ConsoleMetricExporter
from telemetry.exporters.console.spans import ConsoleSpanExporter

__all__ = ["ConsoleLogRecordExporter", "ConsoleMetricExporter", "ConsoleSpanExporter"]
