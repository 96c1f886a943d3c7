"""Spans and records on their way out: every part of them, and never one as it was."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, SpanContext, Status, StatusCode

from telemetry.export.redacted import RedactedLogRecordExporter, RedactedSpanExporter
from telemetry.failsafe import raise_failures
from telemetry.redaction.redactor import Redactor
from telemetry.settings.model import RedactionSettings
from telemetry.state import state

PRIVATE = "planted@example.org"


@pytest.fixture
def redactor() -> Redactor:
    return Redactor(RedactionSettings())


@pytest.fixture
def exported() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def provider(exported: InMemorySpanExporter, redactor: Redactor) -> TracerProvider:
    provider = TracerProvider(
        shutdown_on_exit=False, span_limits=SpanLimits(max_event_attributes=2, max_attributes=8)
    )
    provider.add_span_processor(SimpleSpanProcessor(RedactedSpanExporter(exported, redactor)))
    return provider


def test_no_part_of_a_span_tells(provider: TracerProvider, exported: InMemorySpanExporter) -> None:
    """Its name, attributes, events, links and status; what was dropped is still counted."""
    link = Link(SpanContext(1, 2, is_remote=True), {"x": PRIVATE, "n": 1})
    span = provider.get_tracer("t").start_span(f"to {PRIVATE}", links=[link])
    span.set_attributes({"x": PRIVATE, "password": "planted", "n": 1})
    span.add_event(f"event {PRIVATE}", {"a": 1, "x": PRIVATE, "b": 2})
    span.record_exception(ValueError(PRIVATE))
    span.set_status(Status(StatusCode.ERROR, PRIVATE))
    span.end()
    [found] = exported.get_finished_spans()
    assert "planted" not in found.to_json()
    assert found.name == "to [REDACTED]"
    assert dict(found.attributes or {}) == {"x": "[REDACTED]", "password": "[REDACTED]", "n": 1}
    assert [event.name for event in found.events] == ["event [REDACTED]", "exception"]
    assert dict(found.events[0].attributes or {}) == {"x": "[REDACTED]", "b": 2}
    assert found.events[0].dropped_attributes == 1
    assert dict(found.links[0].attributes or {}) == {"x": "[REDACTED]", "n": 1}
    assert (found.status.status_code, found.status.description) == (
        StatusCode.ERROR,
        "[REDACTED]",
    )
    context = span.get_span_context()
    assert found.get_span_context() == context
    assert found.links[0].context.trace_id == 1


def test_a_span_without_anything_private_is_passed_on_as_it_is(redactor: Redactor) -> None:
    """Without a copy."""
    passed: list[Any] = []

    class Exporter(InMemorySpanExporter):
        def export(self, spans: Any) -> Any:
            passed.extend(spans)
            return super().export(spans)

    recorded: list[Any] = []

    class Recorder(SimpleSpanProcessor):
        def on_end(self, span: Any) -> None:
            recorded.append(span)
            super().on_end(span)

    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(Recorder(RedactedSpanExporter(Exporter(), redactor)))
    with provider.get_tracer("t").start_as_current_span("GET /{database}") as span:
        span.set_attributes({"http.route": "/{database}", "url.path": "/meetings"})
        span.add_event("read", {"rows": 3})
    assert passed[0] is recorded[0]


def test_a_name_is_cut(provider: TracerProvider, exported: InMemorySpanExporter) -> None:
    """The SDK has no limit for it."""
    provider.get_tracer("t").start_span("x" * 100_000).end()
    assert len(exported.get_finished_spans()[0].name) == 1024


def test_no_part_of_a_record_tells(redactor: Redactor) -> None:
    """Body and attributes, and the application's own record is not touched."""
    exported = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
    provider = LoggerProvider(shutdown_on_exit=False)
    exporter = RedactedLogRecordExporter(exported, redactor)
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    body = {"told": [PRIVATE]}
    record = LogRecord(
        severity_number=SeverityNumber.INFO,
        body=body,
        attributes={"x": PRIVATE, "api_key": "planted", "n": 1},
    )
    provider.get_logger("t").emit(record)
    provider.get_logger("t").emit(LogRecord(body="nothing", attributes={"n": 1}))
    first, second = (data.log_record for data in exported.get_finished_logs())
    assert first.body == {"told": ["[REDACTED]"]}
    assert dict(first.attributes or {}) == {"x": "[REDACTED]", "api_key": "[REDACTED]", "n": 1}
    assert body == {"told": [PRIVATE]}
    assert second.body == "nothing"


def test_a_private_body_costs_a_record_nothing_else(redactor: Redactor) -> None:
    """Attributes with nothing private are passed on as they are."""
    exported = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
    provider = LoggerProvider(shutdown_on_exit=False)
    exporter = RedactedLogRecordExporter(exported, redactor)
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    provider.get_logger("t").emit(LogRecord(body=f"to {PRIVATE}", attributes={"n": 1}))
    provider.get_logger("t").emit(LogRecord(body=f"to {PRIVATE}"))
    first, second = (data.log_record for data in exported.get_finished_logs())
    assert first.body == second.body == "to [REDACTED]"
    assert (dict(first.attributes or {}), dict(second.attributes or {})) == ({"n": 1}, {})


class _Broken(Redactor):
    def attributes(self, attributes: Any) -> Any:
        raise RuntimeError("planted")

    def anything(self, value: Any, depth: int = 0) -> Any:
        raise RuntimeError("planted")


def test_what_cannot_be_redacted_is_not_exported() -> None:
    """And counted: rather none than one that tells."""
    raise_failures(False)
    state.failures.clear()
    broken = _Broken(RedactionSettings())
    spans = InMemorySpanExporter()
    records = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(RedactedSpanExporter(spans, broken)))
    provider.get_tracer("t").start_span("x", attributes={"x": PRIVATE}).end()
    logs = LoggerProvider(shutdown_on_exit=False)
    exporter = RedactedLogRecordExporter(records, broken)
    logs.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    logs.get_logger("t").emit(LogRecord(body=PRIVATE))
    assert (spans.get_finished_spans(), records.get_finished_logs()) == ((), ())
    assert dict(state.failures) == {
        "redaction.span": 1,
        "redaction.log_record": 1,
    }
