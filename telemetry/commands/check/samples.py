"""A span, a measurement and a log record of one trace, created as the host creates them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import format_span_id, format_trace_id, set_span_in_context

from telemetry.export.resource import build_resource
from telemetry.metrics.provider import MeterProvider
from telemetry.registry.process_metrics import CHECKS
from telemetry.registry.spans import CHECK
from telemetry.version import __version__

if TYPE_CHECKING:
    from telemetry.redaction.redactor import Redactor
    from telemetry.settings import Settings


class Samples:
    """The samples, by signal, in the form that exporters take."""

    def __init__(self, settings: Settings, redactor: Redactor) -> None:
        resource = build_resource(settings)
        spans = InMemorySpanExporter()
        # Not the host's sampler, which might drop the span.
        tracers = TracerProvider(resource=resource, sampler=ALWAYS_ON, shutdown_on_exit=False)
        tracers.add_span_processor(SimpleSpanProcessor(spans))
        span = tracers.get_tracer("telemetry", __version__).start_span(str(CHECK))
        context = span.get_span_context()
        self.trace_id = format_trace_id(context.trace_id)
        self.span_id = format_span_id(context.span_id)

        records = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
        loggers = LoggerProvider(resource=tracers.resource, shutdown_on_exit=False)
        loggers.add_log_record_processor(SimpleLogRecordProcessor(records))
        loggers.get_logger("telemetry", __version__).emit(
            LogRecord(
                severity_number=SeverityNumber.INFO,
                severity_text="INFO",
                body=str(CHECK),
                context=set_span_in_context(span),
            )
        )
        span.end()

        reader = InMemoryMetricReader()
        meters = MeterProvider(
            [reader], resource=tracers.resource, redactor=redactor, shutdown_on_exit=False
        )
        meter = meters.get_meter("telemetry", __version__)
        meter.create_counter(str(CHECKS), CHECKS.unit, CHECKS.description).add(1)
        self.of: dict[str, Any] = {
            "traces": spans.get_finished_spans(),
            "metrics": reader.get_metrics_data(),
            "logs": records.get_finished_logs(),
        }
