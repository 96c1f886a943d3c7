"""`python -m benchmarks.export`: what encoding, queueing and sending cost a span and a record."""

from __future__ import annotations

import gc
import sys
import time
from dataclasses import dataclass
from functools import partial
from statistics import median
from textwrap import fill
from typing import TYPE_CHECKING, Any

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk import trace as sdk
from opentelemetry.sdk._logs import LoggerProvider, LogRecordProcessor
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from benchmarks.command import run_in_rounds, say
from benchmarks.machine import machine, packages
from benchmarks.receivers import span_receiver
from benchmarks.recorded import query, small_page
from telemetry.export.catalog import destinations, senders
from telemetry.export.encoding.logs import encode_log_record
from telemetry.export.encoding.requests import Sources
from telemetry.export.encoding.spans import encode_span
from telemetry.export.encoding.values import ValueEncoder
from telemetry.export.processors import OTLPLogRecordProcessor, OTLPSpanProcessor
from telemetry.redaction.redactor import Redactor
from telemetry.settings import read_settings
from telemetry.traces.light import LightSpan
from telemetry.traces.provider import TracerProvider

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from opentelemetry.sdk._logs import ReadWriteLogRecord
    from opentelemetry.sdk.trace import ReadableSpan

    from telemetry.settings.model import Signal

ITEMS = 10_240
"""Number of items in a measurement: twenty exports."""
_ROOM = 50_000
_RESOURCE = Resource({"service.name": "corkboard"})
_SCOPE = "telemetry.datasette"
SDK, UNREDACTED, REDACTED = "OpenTelemetry's SDK", "ours, nothing redacted", "ours"
WAYS = (SDK, UNREDACTED, REDACTED)


@dataclass(frozen=True, slots=True)
class Way:
    """A way to export: passes an item on, waits until all have arrived, and stops."""

    pass_on: Callable[[Any], object]
    flush: Callable[[], object]
    stop: Callable[[], object]


def main(arguments: Sequence[str] | None = None) -> int:
    return run_in_rounds("export", __doc__, _run, arguments)


def _run(rounds: int) -> Iterator[str]:
    # A request with a path of its own, and a query of one of fifty statements, in turn. Of the
    # paths the caches hold less than half.
    wanted = [small_page(number) if number % 2 else query(number % 50) for number in range(ITEMS)]
    of_sdk = _ended(wanted, sdk.TracerProvider(resource=_RESOURCE, shutdown_on_exit=False))
    # As the edge's and Datasette's are.
    ours = _ended(
        wanted, TracerProvider(resource=_RESOURCE, shutdown_on_exit=False, light={_SCOPE})
    )
    if not all(isinstance(span, LightSpan) for span in ours):
        raise AssertionError("wanted light spans")
    spans = {SDK: of_sdk, UNREDACTED: ours, REDACTED: ours}
    records = dict.fromkeys(WAYS, _emitted(_record(number) for number in range(ITEMS)))
    yield "CPU of the process for each item, in microseconds (medians), and the ratio to the"
    yield f"SDK's of the same round, least and most; {rounds} rounds of {ITEMS} items, each with"
    yield "empty caches."
    for title, items, measure in (
        ("a span, encoded", spans, partial(_encoding, "traces")),
        ("a span, from its end to the backend, gzip", spans, partial(_exporting, "traces")),
        ("a log record, encoded", records, partial(_encoding, "logs")),
        ("a log record, from its end to the backend, gzip", records, partial(_exporting, "logs")),
    ):
        say(title)
        found = [[measure(way, items[way]) for way in WAYS] for _ in range(rounds)]
        yield ""
        yield f"{title}:"
        for index, way in enumerate(WAYS):
            line = f"  {way:<28}{median(costs[index] for costs in found):>7.1f}"
            if index:
                ratios = [costs[index] / costs[0] for costs in found]
                line += f"{median(ratios):>8.2f}  ({min(ratios):.2f} to {max(ratios):.2f})"
            yield line
    yield ""
    yield "The SDK redacts nothing. Half of the spans, and all records, have a text of their"
    yield "own. Our spans are light ones, as the edge's and Datasette's are."
    yield ""
    yield fill(machine(), 80)
    yield fill(packages(), 80, break_on_hyphens=False)


class _Spans(SpanProcessor):
    def __init__(self) -> None:
        self.ended: list[ReadableSpan] = []

    def on_end(self, span: ReadableSpan) -> None:
        self.ended.append(span)


class _Records(LogRecordProcessor):
    def __init__(self) -> None:
        self.emitted: list[ReadWriteLogRecord] = []

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        self.emitted.append(log_record)

    def shutdown(self) -> None:
        """Nothing waits."""

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return True


def _ended(wanted: Iterable[ReadableSpan], provider: sdk.TracerProvider) -> list[ReadableSpan]:
    """Give spans as a provider passes them to a processor."""
    found = _Spans()
    provider.add_span_processor(found)
    tracer = provider.get_tracer(_SCOPE)
    for span in wanted:
        tracer.start_span(span.name, kind=span.kind, attributes=span.attributes).end()
    return found.ended


def _emitted(wanted: Iterable[LogRecord]) -> list[ReadWriteLogRecord]:
    """Give log records as the SDK passes them to a processor."""
    provider, found = LoggerProvider(_RESOURCE, shutdown_on_exit=False), _Records()
    provider.add_log_record_processor(found)
    logger = provider.get_logger("telemetry.access")
    for record in wanted:
        logger.emit(record)
    return found.emitted


def _record(number: int) -> LogRecord:
    record = LogRecord(
        timestamp=number + 1,
        observed_timestamp=number + 1,
        severity_number=SeverityNumber.INFO,
        severity_text="INFO",
        body=f"GET /meetings/minutes/{number} 200",
        attributes={
            "http.request.method": "GET",
            "http.response.status_code": 200,
            "http.route": "/{database}/{table}",
            "url.path": f"/meetings/minutes/{number}",
            "corkboard.site": "alameda.ca",
            "corkboard.outcome": "served",
        },
    )
    record.trace_id, record.span_id = number + 1, number + 1
    return record


def _redactor(way: str) -> Redactor:
    kinds = "none" if way == UNREDACTED else "all"
    return Redactor(read_settings({"TELEMETRY_REDACT": kinds}).redaction)


def _encoding(signal: Signal, way: str, items: Sequence[Any]) -> float:
    encode: Callable[[Sequence[Any]], object]
    if way == SDK:
        of_sdk = encode_spans if signal == "traces" else encode_logs

        def encode(batch: Sequence[Any]) -> object:
            return of_sdk(batch).SerializeToString()
    else:
        values = ValueEncoder(_redactor(way) if way != UNREDACTED else None)
        one: Any = encode_span if signal == "traces" else encode_log_record

        def encode(batch: Sequence[Any]) -> object:
            return [one(item, values) for item in batch]

    gc.collect()
    began = time.process_time()
    for index in range(0, len(items), 512):
        encode(items[index : index + 512])
    return (time.process_time() - began) / len(items) * 1e6


def _exporting(signal: Signal, way: str, items: Sequence[Any]) -> float:
    with span_receiver() as receiver:
        chosen = _of_sdk(signal, receiver.url) if way == SDK else _ours(signal, way, receiver.url)
        # The connection, and what is imported for the first answer.
        chosen.pass_on(items[0])
        chosen.flush()
        gc.collect()
        began = time.process_time()
        for item in items:
            chosen.pass_on(item)
        chosen.flush()
        used = time.process_time() - began
        chosen.stop()
    return used / len(items) * 1e6


def _of_sdk(signal: Signal, url: str) -> Way:
    processor: Any
    if signal == "traces":
        spans = OTLPSpanExporter(f"{url}/v1/traces", compression=Compression.Gzip)
        processor = BatchSpanProcessor(spans, max_queue_size=_ROOM)
        return Way(processor.on_end, processor.force_flush, processor.shutdown)
    records = OTLPLogExporter(f"{url}/v1/logs", compression=Compression.Gzip)
    processor = BatchLogRecordProcessor(records, max_queue_size=_ROOM)
    return Way(processor.on_emit, processor.force_flush, processor.shutdown)


def _ours(signal: Signal, way: str, url: str) -> Way:
    settings = read_settings(
        {
            "OTEL_EXPORTER_OTLP_ENDPOINT": url,
            "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
            "OTEL_BSP_MAX_QUEUE_SIZE": str(_ROOM),
            "OTEL_BLRP_MAX_QUEUE_SIZE": str(_ROOM),
        }
    )
    redactor = _redactor(way)
    (destination,) = destinations(settings, signal, redactor)
    (sender,) = senders(settings, [destination])
    outbox = destination.outbox
    if outbox is None:
        raise AssertionError("OTLP's destinations have an outbox")
    values, sources = ValueEncoder(None if way == UNREDACTED else redactor), Sources()
    if signal == "traces":
        pass_on: Callable[[Any], object] = OTLPSpanProcessor(
            [(outbox, None)], values, sources, _ready
        ).on_end
    else:
        pass_on = OTLPLogRecordProcessor([outbox], values, sources, _ready).on_emit

    def flush() -> None:
        if not sender.flush(time.monotonic() + 60) or destination.statistics.failed:
            raise AssertionError(f"not delivered: {destination.statistics.reasons}")

    return Way(pass_on, flush, sender.close)


def _ready() -> None:
    pass


if __name__ == "__main__":
    sys.exit(main())
