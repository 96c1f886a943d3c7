"""The SDK's spans with a monotonic clock: otherwise they are the SDK's."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import context as context_api
from opentelemetry.context import Context
from opentelemetry.sdk import trace as sdk
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import INVALID_SPAN, Status, StatusCode

from telemetry.request import RequestRecord, attach_record
from telemetry.state import state
from telemetry.traces.provider import TracerProvider
from telemetry.traces.spans import RecordedSpanProcessor
from tests.telemetry.traces.compared import ALL, LIMITS, REMOTE, Counted, encoded, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.sdk.trace import SpanLimits
    from opentelemetry.trace import Tracer

CALLS: list[tuple[tuple[Any, ...], ...]] = [
    (("set_attribute", "a", 1), ("set_attributes", {"b": [1], "c": "a long text"})),
    (("add_event", "e", {"a": "a long text"}, 5), ("add_event", "e", None, 6)),
    (("add_event", "e", {}, 5), ("add_event", "f", {}, 6), ("add_event", "g", {}, 7)),
    (("add_link", REMOTE, {"a": 1}), ("update_name", "other")),
    (("set_status", StatusCode.ERROR, "lost"), ("set_status", StatusCode.OK)),
    (("set_status", StatusCode.OK), ("set_status", StatusCode.ERROR, "late")),
    (("set_status", Status(StatusCode.ERROR, "lost")), ("set_status", StatusCode.UNSET)),
    (("set_status", StatusCode.ERROR),),
    (("record_exception", LookupError("lost"), {"more": 1}, 5, True),),
    (("end", 9), ("set_attribute", "late", 1), ("add_event", "late"), ("end", 10)),
]


def _tracers(limits: SpanLimits | None) -> Iterator[tuple[Tracer, InMemorySpanExporter]]:
    for recorded in (True, False):
        provider = sdk.TracerProvider(
            ALL, span_limits=limits, id_generator=Counted(), shutdown_on_exit=False
        )
        if recorded:
            provider.add_span_processor(RecordedSpanProcessor())
        exporter = InMemorySpanExporter()
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        yield provider.get_tracer("a plugin", "1"), exporter


@pytest.mark.parametrize("limits", [None, LIMITS], ids=["default", "small"])
@pytest.mark.parametrize("calls", CALLS)
def test_the_same_calls_give_the_same_span(
    calls: tuple[tuple[Any, ...], ...],
    limits: SpanLimits | None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Status, events, links, limits, and what is ignored after the end."""
    found = []
    for tracer, exporter in _tracers(limits):
        span = tracer.start_span("x", start_time=1)
        for name, *arguments in calls:
            getattr(span, name)(*arguments)
        if span.is_recording():
            span.end(9)
        [ended] = exporter.get_finished_spans()
        described = shown(ended)
        warnings = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
        caplog.clear()
        found.append((described, encoded(ended), warnings))
    assert found[0] == found[1]


def test_a_span_never_ends_before_it_has_started() -> None:
    """Its clock runs evenly, and a caller may give its own times."""
    (tracer, exporter), _ = _tracers(None)
    tracer.start_span("given", start_time=100).end(50)
    span = tracer.start_span("clock")
    span.add_event("within")
    span.end()
    given, clock = exporter.get_finished_spans()
    assert (given.start_time, given.end_time) == (100, 100)
    times: list[Any] = [clock.start_time, clock.events[0].timestamp, clock.end_time]
    assert times == sorted(times)


@pytest.mark.parametrize("is_light", [True, False], ids=["light", "recorded"])
def test_a_failed_span_has_no_header_of_the_request(is_light: bool) -> None:
    """In a status as one object or as two arguments, and in an exception: Django quotes them."""
    record = RequestRecord("GET", INVALID_SPAN, {"headers": [(b"origin", b"https://planted.io")]})
    text = "Origin checking failed - https://planted.io does not match"
    token = context_api.attach(attach_record(record, Context()))
    try:
        (tracer, exporter), _ = _tracers(None)
        if is_light:
            provider = TracerProvider(light=["light"], shutdown_on_exit=False)
            provider.add_span_processor(SimpleSpanProcessor(exporter))
            tracer = provider.get_tracer("light")
        statuses: list[tuple[Any, ...]] = [
            (StatusCode.ERROR, text),
            (Status(StatusCode.ERROR, text),),
        ]
        for arguments in statuses:
            span = tracer.start_span("x", context=Context())
            span.set_status(*arguments)
            span.add_event("exception", {"exception.message": text, "n": 1})
            span.record_exception(LookupError(text))
            span.end()
    finally:
        context_api.detach(token)
    assert len(exporter.get_finished_spans()) == 2
    for ended in exporter.get_finished_spans():
        assert ended.status.status_code is StatusCode.ERROR
        assert str(ended.status.description).startswith("Origin checking failed - ")
        assert "planted" not in str(ended.to_json())
        assert [event.name for event in ended.events] == ["exception"] * 2
        assert (ended.events[0].attributes or {})["n"] == 1


class Slotted(sdk.Span):
    """A span of another package, whose class can't be changed."""

    __slots__ = ("more",)


def test_a_span_whose_class_can_not_be_changed_is_left_as_it_is() -> None:
    """The failure is counted, and its page is served."""
    before = state.failures["errors.span_processor"]
    span = Slotted("x", REMOTE)
    RecordedSpanProcessor().on_start(span)
    assert state.failures["errors.span_processor"] == before + 1
    assert type(span) is Slotted
