"""Exporters of other packages, which are created with the first span or record."""

from __future__ import annotations

from threading import Barrier, Thread
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry._logs import LogRecord
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult

from telemetry.export.deferred import DeferredLogRecordProcessor, DeferredSpanProcessor
from telemetry.export.destination import Destination
from telemetry.settings import read_settings
from telemetry.state import state
from tests.support.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable

SETTINGS = read_settings({})


def nothing() -> None:
    pass


def spans(
    build: Callable[[], Any], ready: Callable[[], None] = nothing, **more: Any
) -> DeferredSpanProcessor:
    to: Destination[Any] = Destination("traces", "planted", "", build, **more)
    return DeferredSpanProcessor(to, build, SETTINGS, ready)


def logs(build: Callable[[], Any], **more: Any) -> DeferredLogRecordProcessor:
    to: Destination[Any] = Destination("logs", "planted", "", build, **more)
    return DeferredLogRecordProcessor(to, build, SETTINGS, nothing)


def broken() -> Any:
    raise RuntimeError("planted")


def test_two_first_spans_at_once_create_one_exporter() -> None:
    """Both threads are about to create it; the second one uses what the first one has created."""
    made: list[InMemorySpanExporter] = []

    def build() -> InMemorySpanExporter:
        made.append(InMemorySpanExporter())
        return made[-1]

    both = Barrier(2, timeout=PATIENCE)

    def ready() -> None:
        both.wait()

    processor = spans(build, ready, immediate=True)
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(processor)
    tracer = provider.get_tracer("test")
    threads = [Thread(target=lambda: tracer.start_span("first").end()) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    [exporter] = made
    assert [span.name for span in exporter.get_finished_spans()] == ["first", "first"]


@pytest.mark.usefixtures("counted")
def test_an_exporter_that_cannot_be_created_fails_no_request() -> None:
    """Each span and record that is lost is counted as a failure of telemetry."""
    tracers = TracerProvider(shutdown_on_exit=False)
    tracers.add_span_processor(spans(broken))
    tracers.get_tracer("test").start_span("one").end()
    assert tracers.force_flush()
    tracers.shutdown()
    loggers = LoggerProvider(shutdown_on_exit=False)
    loggers.add_log_record_processor(logs(broken))
    loggers.get_logger("test").emit(LogRecord(body="two"))
    assert loggers.force_flush()
    loggers.shutdown()
    # A span counts when it starts and when it ends.
    assert state.failures == {"export.traces": 2, "export.logs": 1}


@pytest.mark.parametrize("immediate", [True, False])
def test_what_is_queued_is_exported_by_a_flush(immediate: bool) -> None:
    """In a batch, or at once as for a console; and the exporter is shut down with its provider."""
    exported = InMemorySpanExporter()
    records = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
    tracers = TracerProvider(shutdown_on_exit=False)
    tracers.add_span_processor(spans(lambda: exported, immediate=immediate))
    tracers.get_tracer("test").start_span("one").end()
    loggers = LoggerProvider(shutdown_on_exit=False)
    loggers.add_log_record_processor(logs(lambda: records, immediate=immediate))
    loggers.get_logger("test").emit(LogRecord(body="two"))
    assert bool(exported.get_finished_spans()) is immediate
    assert tracers.force_flush()
    assert loggers.force_flush()
    assert [span.name for span in exported.get_finished_spans()] == ["one"]
    assert [each.log_record.body for each in records.get_finished_logs()] == ["two"]
    tracers.shutdown()
    loggers.shutdown()


class RecordsAll(Sampler):
    """Samples spans by their name, and has the others recorded."""

    def should_sample(
        self, parent_context: Any, trace_id: int, name: str, *_: Any, **__: Any
    ) -> SamplingResult:
        sampled = name == "sampled"
        return SamplingResult(Decision.RECORD_AND_SAMPLE if sampled else Decision.RECORD_ONLY)

    def get_description(self) -> str:
        return "RecordsAll"


def test_a_span_that_is_only_recorded_is_not_exported() -> None:
    """A sampler has it recorded for the statistics of its request, for example."""
    exported = InMemorySpanExporter()
    processor = spans(lambda: exported, immediate=True)
    provider = TracerProvider(RecordsAll(), shutdown_on_exit=False)
    provider.add_span_processor(processor)
    for name in ("recorded", "sampled"):
        provider.get_tracer("test").start_span(name).end()
    assert processor.destination.statistics.accepted == 1
    assert [span.name for span in exported.get_finished_spans()] == ["sampled"]
