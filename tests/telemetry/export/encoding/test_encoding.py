"""Our bytes, decoded with opentelemetry-proto, are those of the SDK's encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry._logs import LogRecord
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValueList
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord as ProtoLogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics.export import MetricsData, ResourceMetrics, ScopeMetrics
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext

from telemetry.export.decoding import plain
from telemetry.export.encoding.logs import encode_log_record
from telemetry.export.encoding.metrics import encode_metric
from telemetry.export.encoding.requests import Sources, encode_request
from telemetry.export.encoding.spans import encode_span
from telemetry.export.encoding.values import ValueEncoder
from telemetry.redaction.redactor import MAX_DEPTH
from tests.support.paths import ROOT
from tests.telemetry.export.encoding import generated
from tests.telemetry.scripts import printed

if TYPE_CHECKING:
    from opentelemetry.sdk._logs import ReadableLogRecord
    from opentelemetry.sdk.metrics.export import Metric

# Shared by all examples, so that what is cached meets what only equals it.
VALUES = ValueEncoder(None)
SOURCES = Sources()


def never(error: Exception) -> None:
    raise error


@given(generated.SPANS)
def test_a_span(span: ReadableSpan) -> None:
    """With its resource and scope, as a request of one span."""
    source = SOURCES.of(span.resource, span.instrumentation_scope)
    item = source, encode_span(span, VALUES), 1, False
    request = ExportTraceServiceRequest.FromString(encode_request([item]))
    assert request == encode_spans([span])


class OthersSpan(ReadableSpan):
    """A span of another package, with names that light spans have, too."""

    values = parent_id = trace_id = span_id = trace_flags = has_more = "of another package"


def test_a_span_of_another_package_is_read_by_the_sdk_s_names() -> None:
    context = SpanContext(1, 2, is_remote=False)
    parent = SpanContext(1, 3, is_remote=True)
    span = OthersSpan(
        "one",
        context,
        parent,
        Resource({}),
        {"a": 1},
        links=[Link(parent)],
        start_time=1,
        end_time=2,
    )
    item = SOURCES.of(span.resource, None), encode_span(span, VALUES), 1, False
    request = ExportTraceServiceRequest.FromString(encode_request([item]))
    assert request == encode_spans([span])


@given(generated.LOG_RECORDS)
def test_a_log_record(record: ReadableLogRecord) -> None:
    """With a body and attributes of any nesting."""
    source = SOURCES.of(record.resource, record.instrumentation_scope)
    item = source, encode_log_record(record, VALUES), 1, False
    request = ExportLogsServiceRequest.FromString(encode_request([item]))
    assert request == encode_logs([record])


@given(generated.METRICS, generated.RESOURCES)
def test_a_metric(metric: Metric, resource: Resource) -> None:
    """Of every kind, with exemplars."""
    scope = InstrumentationScope("scope", "1", "https://schema.example")
    body, number = encode_metric(metric, VALUES, never)
    item = SOURCES.of(resource, scope), body, number, False
    request = ExportMetricsServiceRequest.FromString(encode_request([item]))
    scoped = ScopeMetrics(scope, [metric], "")
    assert request == encode_metrics(MetricsData([ResourceMetrics(resource, [scoped], "")]))
    assert number == len(metric.data.data_points)


@given(st.lists(st.tuples(generated.RESOURCES, generated.SCOPES), min_size=1, max_size=3))
def test_items_are_grouped(sources: list[tuple[Resource, Any]]) -> None:
    """Each source is in a request once, with its items in their order."""
    found = [SOURCES.of(*source) for source in sources * 2]
    items = [(source, b"\x58" + bytes((number,)), 1, False) for number, source in enumerate(found)]
    request = ExportMetricsServiceRequest.FromString(encode_request(items))
    resources = [each.SerializeToString() for each in request.resource_metrics]
    scopes = [scope for each in request.resource_metrics for scope in each.scope_metrics]
    assert len(resources) == len({resource for resource, _ in found})
    assert len(scopes) == len(set(found))
    # An unknown field of a metric, which a message keeps: which items are where.
    numbers = [[each.SerializeToString()[1] for each in scope.metrics] for scope in scopes]
    assert sorted(number for each in numbers for number in each) == [*range(len(items))]
    assert all(each == sorted(each) for each in numbers)
    for each in numbers:
        assert len({found[number] for number in each}) == 1


@given(st.dictionaries(generated.KEYS, st.floats(), max_size=4))
def test_numbers_that_equal_nothing(attributes: dict[str, float]) -> None:
    """NaN, which a comparison of messages cannot see, is compared as bytes."""
    from opentelemetry.exporter.otlp.proto.common._internal import _encode_attributes

    ours = Span.FromString(VALUES.attributes(b"\x4a", attributes))
    theirs = Span(attributes=_encode_attributes(attributes))
    assert ours.SerializeToString() == theirs.SerializeToString()


def expected(value: Any) -> Any:
    """Give what should arrive of a value, by OpenTelemetry's mapping of arbitrary data."""
    if isinstance(value, bool | float | bytes) or value is None:
        return value
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**63 else str(value)
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()
    if isinstance(value, dict):
        return {expected(str(key)): expected(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [expected(item) for item in value]
    return expected(str(value))


@given(generated.EVERYTHING)
def test_any_value_can_be_encoded(value: Any) -> None:
    """What the SDK's encoder refuses, or what loses it the batch, is escaped or converted."""
    encoded = VALUES.attributes(b"\x0a", {"key": value})
    [pair] = KeyValueList.FromString(encoded).values
    found = plain(pair.value)
    assert repr(found) == repr(expected(value))


def test_what_the_limits_of_the_sdk_dropped_is_counted() -> None:
    """Attributes, events and links of a span, and the attributes of its events and links."""
    limits = SpanLimits(
        max_span_attributes=1,
        max_events=1,
        max_links=1,
        max_event_attributes=1,
        max_link_attributes=1,
    )
    ended = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False, span_limits=limits)
    provider.add_span_processor(SimpleSpanProcessor(ended))
    two = {"one": 1, "two": 2}
    links = [Link(SpanContext(1, number, is_remote=True), two) for number in (1, 2, 3)]
    span = provider.get_tracer("test").start_span("limited", attributes=two, links=links)
    for number in range(4):
        span.add_event(str(number), two)
    span.end()
    [found] = ended.get_finished_spans()
    message = Span.FromString(encode_span(found, VALUES))
    assert message.dropped_attributes_count == 1
    assert (message.dropped_events_count, message.dropped_links_count) == (3, 2)
    assert message.events[0].dropped_attributes_count == 1
    assert message.links[0].dropped_attributes_count == 1
    [theirs] = encode_spans([found]).resource_spans[0].scope_spans[0].spans
    assert message == theirs


@pytest.mark.filterwarnings("ignore:Log record attributes were dropped")
def test_what_the_limits_dropped_of_a_log_record_is_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """By OpenTelemetry's own variable."""
    monkeypatch.setenv("OTEL_ATTRIBUTE_COUNT_LIMIT", "1")
    emitted = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
    provider = LoggerProvider(shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(emitted))
    provider.get_logger("test").emit(LogRecord(body="limited", attributes={"one": 1, "two": 2}))
    [found] = emitted.get_finished_logs()
    message = ProtoLogRecord.FromString(encode_log_record(found, VALUES))
    assert message.dropped_attributes_count == 1
    [theirs] = encode_logs([found]).resource_logs[0].scope_logs[0].log_records
    assert message == theirs


def test_items_without_a_resource_or_a_scope_have_empty_ones() -> None:
    """As the SDK's encoder has it for a scope that is missing."""
    item = SOURCES.of(None, None), b"", 1, False
    [group] = ExportTraceServiceRequest.FromString(encode_request([item])).resource_spans
    assert not group.resource.attributes
    assert (group.scope_spans[0].scope.name, group.schema_url) == ("", "")


def test_more_sources_and_values_than_a_cache_holds_are_encoded_alike() -> None:
    """The second time, some come from a cache and the others are encoded anew."""
    sources, values = Sources(), ValueEncoder(None)
    resource = Resource({"service.name": "host"})
    scopes = [InstrumentationScope(f"scope {number}") for number in range(1100)]
    assert [sources.of(resource, each) for each in scopes] == [
        sources.of(resource, each) for each in scopes
    ]
    # Those at the begin are used again and again, as a route or a method is.
    numbers = [number for each in range(10_000) for number in (each, each % 10)]
    for number in numbers:
        pair = values.attributes(b"\x0a", {"number": number})
        [found] = KeyValueList.FromString(pair).values
        assert plain(found.value) == number
        assert values.text(str(number)) == str(number).encode()


def test_a_value_that_is_nested_too_deeply_is_a_text_from_there_on() -> None:
    """Receivers refuse messages of more than a hundred levels."""
    value: Any = "innermost"
    for _ in range(200):
        value = [value]
    [pair] = KeyValueList.FromString(VALUES.attributes(b"\x0a", {"deep": value})).values
    found = plain(pair.value)
    depth = 0
    while isinstance(found, list):
        [found], depth = found, depth + 1
    assert depth == MAX_DEPTH
    assert isinstance(found, str)
    assert found == "[" * (200 - depth) + "'innermost'" + "]" * (200 - depth)


@pytest.mark.parametrize("order", [(1, 1.0, True), (True, 1.0, 1), (0.0, -0.0, 0, False)])
def test_what_is_equal_is_not_the_same(order: tuple[Any, ...]) -> None:
    """1, 1.0 and True are one key of a dict, and so are 0.0 and -0.0."""
    values = ValueEncoder(None)
    encoded = [values.attributes(b"\x4a", {"equal": each}) for each in order * 2]
    assert len(set(encoded)) == len(order)
    assert encoded[: len(order)] == encoded[len(order) :]


def test_rules_that_are_added_later_apply_to_what_is_cached() -> None:
    """`telemetry.redact()` after an attribute was encoded: it is encoded anew."""
    code = """
import telemetry
from telemetry.export.encoding.values import ValueEncoder
from telemetry.redaction.redactor import Redactor
from telemetry.settings import read_settings

values = ValueEncoder(Redactor(read_settings({}).redaction))
for _ in range(2):
    before = values.attributes(b"J", {"parcel": "4711-planted"}), values.text("parcel 4711-planted")
telemetry.redact(names=["parcel"], patterns=["[0-9]{4}-planted"])
after = values.attributes(b"J", {"parcel": "4711-planted"}), values.text("parcel 4711-planted")
print(*(b"planted" in each for each in (*before, *after)))
"""
    assert printed(ROOT, code) == "True True False False"


@pytest.mark.parametrize("attributes", ["{'name': planted}", "{'name': (planted,)}"])
def test_rules_that_are_added_while_a_value_is_encoded_apply_to_the_next(attributes: str) -> None:
    """What was redacted by the rules before is not kept by those who begin anew meanwhile."""
    code = f"""
import telemetry
from telemetry.export.encoding.values import ValueEncoder
from telemetry.redaction.redactor import Redactor
from telemetry.settings import read_settings

planted = "4711-planted"
waiting = []

class Interrupted(Redactor):
    def interrupt(self, found):
        if waiting and planted in str(found):
            waiting.pop()
            telemetry.redact(patterns=["[0-9]{{4}}-planted"])
            # As another thread does.
            values.attributes(b"J", {{"other": "1"}})
        return found

    def value(self, *args):
        return self.interrupt(super().value(*args))

    def text(self, text):
        return self.interrupt(super().text(text))

values = ValueEncoder(Interrupted(read_settings({{}}).redaction))
waiting.append(1)
for _ in range(2):
    print(planted.encode() in values.attributes(b"J", {attributes}))
"""
    assert printed(ROOT, code) == "True\nFalse"
