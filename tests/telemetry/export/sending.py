"""Sends spans, log records and metrics as the pipeline does, and says what became of them."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider

from telemetry.export.catalog import destinations, senders
from telemetry.export.encoding.requests import Sources
from telemetry.export.encoding.values import ValueEncoder
from telemetry.export.exporters import OutboxMetricExporter
from telemetry.export.processors import OTLPLogRecordProcessor, OTLPSpanProcessor
from telemetry.export.spool import SpoolFolder
from telemetry.metrics.provider import MeterProvider
from telemetry.redaction.redactor import Redactor
from telemetry.settings import read_settings
from tests.support.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.sdk.trace import ReadableSpan

    from telemetry.export.destination import Destination
    from telemetry.export.statistics import ExportStatistics
    from telemetry.settings.model import Signal

# Long enough that only a test itself has items sent before.
NEVER = "3600000"


class Sending:
    """A part of the pipeline: destinations, providers and senders for some variables."""

    def __init__(self, **environ: str) -> None:
        slow = {
            "OTEL_BSP_SCHEDULE_DELAY": NEVER,
            "OTEL_BLRP_SCHEDULE_DELAY": NEVER,
            "OTEL_METRIC_EXPORT_INTERVAL": NEVER,
        }
        self.settings = read_settings({**slow, **environ})
        redactor = Redactor(self.settings.redaction)
        signals: tuple[Signal, ...] = ("traces", "metrics", "logs")
        self.known: dict[str, list[Destination[Any]]] = {
            signal: destinations(self.settings, signal, redactor) for signal in signals
        }
        folder = SpoolFolder(self.settings.spool) if self.settings.spool.folder else None
        known = [d for known in self.known.values() for d in known]
        self.senders = senders(self.settings, known, folder)
        values, sources = ValueEncoder(redactor), Sources(redactor)
        self._tracers = TracerProvider(shutdown_on_exit=False)
        self.spans = OTLPSpanProcessor(
            [(d.outbox, d.endpoint.added) for d in self.known["traces"] if d.outbox and d.endpoint],
            values,
            sources,
            lambda: None,
        )
        self._tracers.add_span_processor(self.spans)
        self.tracer = self._tracers.get_tracer("test")
        loggers = LoggerProvider(shutdown_on_exit=False)
        loggers.add_log_record_processor(
            OTLPLogRecordProcessor(
                [d.outbox for d in self.known["logs"] if d.outbox], values, sources, lambda: None
            )
        )
        self._logger = loggers.get_logger("test")
        self.readers = [
            PeriodicExportingMetricReader(
                OutboxMetricExporter(d.outbox, d.endpoint, sources, redactor),
                self.settings.metric_interval * 1000,
            )
            for d in self.known["metrics"]
            if d.outbox and d.endpoint
        ]
        self.meters = MeterProvider(self.readers, shutdown_on_exit=False)
        self.meter = self.meters.get_meter("test")

    def span(self, name: str, **attributes: Any) -> None:
        """Record a span."""
        self.tracer.start_span(name, attributes=attributes).end()

    def ended(self, span: ReadableSpan) -> None:
        """Pass an ended span on, as a tracer does."""
        self.spans.on_end(span)

    def log(
        self, body: Any, severity: SeverityNumber = SeverityNumber.INFO, **attributes: Any
    ) -> None:
        """Record a log record."""
        self._logger.emit(LogRecord(body=body, severity_number=severity, attributes=attributes))

    def flush(self, seconds: float = 30.0) -> bool:
        """Send what is queued, and say whether all of it was delivered or dropped."""
        deadline = time.monotonic() + seconds
        for reader in self.readers:
            reader.force_flush()
        for sender in self.senders:
            sender.hurry(deadline)
        done = [sender.flush(deadline) for sender in self.senders]
        return all(done)

    def attempt(self, attempts: int, requests: list[Any]) -> None:
        """Flush again and again, until as many requests have arrived."""
        while len(requests) < attempts:
            self.flush(0.05)

    def of(self, signal: str) -> ExportStatistics:
        """Return the statistics of a signal's only destination."""
        (destination,) = self.known[signal]
        return destination.statistics


@contextmanager
def sending(**environ: str) -> Iterator[Sending]:
    """Make a part of the pipeline for some variables."""
    made = Sending(**environ)
    try:
        yield made
    finally:
        for sender in made.senders:
            sender.close()
        for reader in made.readers:
            # It collects a last time, which is not sent, nor counted in the next test.
            reader.shutdown(PATIENCE * 1000)
