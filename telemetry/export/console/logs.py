"""The console's log exporter: a line for each record."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, TextIO

from opentelemetry.sdk._logs.export import LogRecordExporter, LogRecordExportResult

from telemetry.registry import attributes as a
from telemetry.settings import variables as v
from telemetry.terminal import CYAN, DIM, RED, YELLOW, Terminal, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk._logs import ReadableLogRecord

    from telemetry.settings.model import ConsoleMode


class ConsoleLogRecordExporter(LogRecordExporter):
    """Prints each record on a line.

    Args:
        mode: ``off`` prints nothing; the others are alike.
        color: whether a terminal gets colour.
        stream: where to print; standard error unless given.
    """

    def __init__(
        self,
        mode: ConsoleMode = v.CONSOLE.default,
        *,
        color: bool = True,
        stream: TextIO | None = None,
    ) -> None:
        self._off = mode == "off"
        self._terminal = Terminal(stream, color=color)

    def export(self, batch: Sequence[ReadableLogRecord]) -> LogRecordExportResult:
        """Print the records."""
        if not self._off:
            self._terminal.write([self._line(data) for data in batch])
        return LogRecordExportResult.SUCCESS

    def _line(self, data: ReadableLogRecord) -> str:
        record = data.log_record
        nanoseconds = record.timestamp or record.observed_timestamp or 0
        when = datetime.fromtimestamp(nanoseconds / 1e9).astimezone().strftime("%H:%M:%S")
        severity = record.severity_text or "INFO"
        color = {"ERROR": RED, "FATAL": RED, "WARN": YELLOW}.get(severity, DIM)
        site = (record.attributes or {}).get(a.SITE)
        parts = [
            self._terminal.paint(when, DIM),
            self._terminal.paint(severity, color),
            self._terminal.paint(str(site), CYAN) if site else "",
            printable(str(record.body)),
        ]
        return " ".join(part for part in parts if part)

    def force_flush(self, timeout_millis: int = 10_000) -> bool:
        """Nothing is held back."""
        return True

    def shutdown(self) -> None:
        """Nothing is open."""
