"""Processors whose exporter and thread are created with the first span or record.

A batch processor starts its thread when it is created, and a gRPC exporter opens
its channel. Created before gunicorn forks its workers (``--preload``), the thread
would exist in the master only, and all workers would share one channel.

``ready`` is called before the exporter is created. It starts the rest of the
pipeline in a script, where no server does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from opentelemetry.sdk._logs import LogRecordProcessor
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, SimpleLogRecordProcessor
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor

from telemetry.export.counted import CountedLogRecordExporter, CountedSpanExporter
from telemetry.failsafe import failed
from telemetry.forks import ForkLock

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.context import Context
    from opentelemetry.sdk._logs import ReadWriteLogRecord
    from opentelemetry.sdk._logs.export import LogRecordExporter
    from opentelemetry.sdk.trace import ReadableSpan, Span
    from opentelemetry.sdk.trace.export import SpanExporter

    from telemetry.export.destination import Destination
    from telemetry.settings import Settings

P = TypeVar("P", SpanProcessor, LogRecordProcessor)


class _Deferred(Generic[P]):
    """Creates a processor once, on first use."""

    def __init__(self, make: Callable[[], P], ready: Callable[[], None]) -> None:
        self._make: Callable[[], P] = make
        self._ready = ready
        self._lock = ForkLock()
        self.made: P | None = None

    def get(self) -> P:
        made = self.made
        if made is None:
            # Outside the lock: `ready` writes log records, which come through here again.
            self._ready()
            with self._lock:
                made = self.made
                if made is None:
                    made = self.made = self._make()
        return made


class DeferredSpanProcessor(SpanProcessor):
    """Passes ended spans to a destination: in batches, or at once where it is immediate."""

    def __init__(
        self,
        destination: Destination[SpanExporter],
        build: Callable[[], SpanExporter],
        settings: Settings,
        ready: Callable[[], None],
    ) -> None:
        self.destination = destination
        queue = settings.queue("traces")

        def make() -> SpanProcessor:
            exporter = CountedSpanExporter(build(), destination.statistics)
            if destination.immediate:
                return SimpleSpanProcessor(exporter)
            return BatchSpanProcessor(
                exporter,
                max_queue_size=queue.max_size,
                max_export_batch_size=queue.max_batch,
                schedule_delay_millis=queue.schedule_delay * 1000,
            )

        self._processor: _Deferred[SpanProcessor] = _Deferred(make, ready)

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        # Also on start: metrics that a script records within its first span need the
        # meter provider by then.
        if self._processor.made is None:
            try:
                self._processor.get()
            except Exception as error:  # noqa: BLE001 # the SDK guards nothing
                failed("export.traces", error)

    def on_end(self, span: ReadableSpan) -> None:
        try:
            context = span.get_span_context()
            if context is not None and context.trace_flags.sampled:
                self.destination.statistics.accept()
                self._processor.get().on_end(span)
        except Exception as error:  # noqa: BLE001 # the SDK guards nothing
            failed("export.traces", error)

    def shutdown(self) -> None:
        if self._processor.made is not None:
            self._processor.made.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        made = self._processor.made
        return made is None or made.force_flush(timeout_millis)


class DeferredLogRecordProcessor(LogRecordProcessor):
    """Passes log records to a destination: in batches, or at once where it is immediate."""

    def __init__(
        self,
        destination: Destination[LogRecordExporter],
        build: Callable[[], LogRecordExporter],
        settings: Settings,
        ready: Callable[[], None],
    ) -> None:
        self.destination = destination
        queue = settings.queue("logs")

        def make() -> LogRecordProcessor:
            exporter = CountedLogRecordExporter(build(), destination.statistics)
            if destination.immediate:
                return SimpleLogRecordProcessor(exporter)
            return BatchLogRecordProcessor(
                exporter,
                max_queue_size=queue.max_size,
                max_export_batch_size=queue.max_batch,
                schedule_delay_millis=queue.schedule_delay * 1000,
            )

        self._processor: _Deferred[LogRecordProcessor] = _Deferred(make, ready)

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        try:
            self.destination.statistics.accept()
            self._processor.get().on_emit(log_record)
        except Exception as error:  # noqa: BLE001 # the SDK guards nothing
            failed("export.logs", error)

    def shutdown(self) -> None:
        if self._processor.made is not None:
            self._processor.made.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> Any:
        made = self._processor.made
        return made is None or made.force_flush(timeout_millis)
