"""Log exporter for the terminal, with one line for each record."""

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
    """Prints each log record on one line.

    Args:
        mode: ``off`` prints nothing; ``tree`` and ``compact`` have the same effect.
        color: Whether to use colours on a terminal.
        stream: Where to print. Standard error by default.
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
        """Return True: no record is buffered."""
        return True

    def shutdown(self) -> None:
        """Do nothing: no resource is open."""
