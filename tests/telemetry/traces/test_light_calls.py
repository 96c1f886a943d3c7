"""Single calls on light spans, compared with the same calls on the SDK's spans."""

from __future__ import annotations

import asyncio
import copy
import io
import logging
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import baggage, trace
from opentelemetry import context as context_api
from opentelemetry.context import Context
from opentelemetry.sdk.trace import SpanLimits, SpanProcessor
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
)

from telemetry.request import RequestRecord, attach_record
from telemetry.settings import SamplerSettings
from telemetry.traces.provider import TracerProvider
from telemetry.traces.samplers import build_sampler
from tests.telemetry.traces.compared import (
    ALL,
    LIMITS,
    REMOTE,
    SCOPE,
    Counted,
    Leaving,
    encoded,
    providers,
    shown,
)

if TYPE_CHECKING:
    from opentelemetry.sdk import trace as sdk
    from opentelemetry.trace import Span

Change = tuple[str, tuple[Any, ...]]

CHANGES: list[Change] = [
    ("set_attribute", ("late", 1)),
    ("set_attributes", ({"late": 1},)),
    ("add_event", ("late",)),
    ("add_link", (REMOTE,)),
    ("update_name", ("late",)),
    ("set_status", (StatusCode.ERROR, "late")),
    ("set_status", (Status(StatusCode.OK),)),
    ("record_exception", (ValueError("late"),)),
    ("end", (999,)),
]


def _messages(caplog: pytest.LogCaptureFixture) -> list[str]:
    found = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    caplog.clear()
    # The SDK names the private method that it calls.
    return [message.replace("calling _", "calling ") for message in found]


@pytest.mark.parametrize(
    "change", CHANGES, ids=[f"{name}-{n}" for n, (name, _) in enumerate(CHANGES)]
)
def test_a_change_of_an_ended_span_is_ignored_with_a_warning(
    change: Change, caplog: pytest.LogCaptureFixture
) -> None:
    """By the same warning as the SDK's, and the processors get the span once."""
    found = []
    name, arguments = change
    for tracer, seen in providers():
        span = tracer.start_span("x", attributes={"a": 1}, start_time=1)
        span.end(2)
        [ended] = seen.ended
        before = shown(ended)
        getattr(span, name)(*arguments)
        assert seen.ended == [ended]
        assert shown(ended) == before
        assert not span.is_recording()
        found.append((before, _messages(caplog)))
    assert found[0] == found[1]
    assert len(found[0][1]) == 1


def _end_and_raise(span: Span) -> None:
    span.end()
    raise ValueError("late")


def test_leaving_the_block_of_an_ended_span_changes_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Neither the exception nor the second end does."""
    found = []
    for tracer, seen in providers():
        for block in (tracer.start_span("x"), tracer.start_as_current_span("y")):
            with pytest.raises(ValueError, match="late"), block as span:
                _end_and_raise(span)
        assert [(each.status.status_code, len(each.events)) for each in seen.ended] == [
            (StatusCode.UNSET, 0),
            (StatusCode.UNSET, 0),
        ]
        found.append(_messages(caplog))
    assert found[0] == found[1] == ["Calling end() on an ended span."] * 2


def test_a_span_starts_once(caplog: pytest.LogCaptureFixture) -> None:
    """`start` is part of the SDK's interface, and is called by the tracer."""
    found = []
    for tracer, seen in providers():
        span: Any = tracer.start_span("x", start_time=5)
        span.start(7)
        span.end(9)
        assert len(seen.started) == 1
        assert seen.ended[0].start_time == 5
        found.append(_messages(caplog))
    assert found[0] == found[1] == ["Calling start() on a started span."]


STATUSES: list[tuple[tuple[Any, ...], ...]] = [
    ((StatusCode.ERROR, "first"), (StatusCode.ERROR, "second")),
    ((StatusCode.ERROR, "first"), (StatusCode.OK,)),
    ((StatusCode.ERROR, "first"), (Status(StatusCode.OK),)),
    ((StatusCode.OK,), (StatusCode.ERROR, "late")),
    ((Status(StatusCode.OK),), (Status(StatusCode.ERROR, "late"),)),
    ((StatusCode.OK,), (StatusCode.UNSET,)),
    ((StatusCode.ERROR, "first"), (StatusCode.UNSET, "none")),
    ((StatusCode.ERROR, "first"), (Status(StatusCode.UNSET),)),
    ((StatusCode.OK, "a description is for errors"),),
    ((Status(StatusCode.ERROR, "own"), "given as well"),),
    ((Status(StatusCode.ERROR, "own"),), (Status(StatusCode.ERROR),)),
    ((StatusCode.ERROR, ""),),
    ((StatusCode.ERROR, 7),),
]


@pytest.mark.parametrize("calls", STATUSES)
def test_the_status_follows_the_rules_of_the_sdk(
    calls: tuple[tuple[Any, ...], ...], caplog: pytest.LogCaptureFixture
) -> None:
    """OK is final, UNSET is ignored, the last error counts, and only errors are described."""
    found = []
    for tracer, seen in providers():
        span = tracer.start_span("x")
        for arguments in calls:
            span.set_status(*arguments)
        span.end()
        [ended] = seen.ended
        found.append((ended.status.status_code, ended.status.description, _messages(caplog)))
    assert found[0] == found[1]


def _succeed_and_raise(span: Span, code: StatusCode) -> None:
    span.set_status(code)
    raise ValueError("lost")


@pytest.mark.parametrize("way", ["as_current", "with"])
def test_a_status_of_the_block_and_an_exception(way: str) -> None:
    """An exception that leaves the block replaces an error, and never OK."""
    found = []
    for tracer, seen in providers():
        for code in (StatusCode.OK, StatusCode.ERROR):
            start: Any = tracer.start_as_current_span if way == "as_current" else tracer.start_span
            with pytest.raises(ValueError, match="lost"), start("x") as span:
                _succeed_and_raise(span, code)
        statuses = [(each.status.status_code, each.status.description) for each in seen.ended]
        assert statuses == [(StatusCode.OK, None), (StatusCode.ERROR, "ValueError: lost")]
        assert [len(each.events) for each in seen.ended] == [1, 1]
        found.append(statuses)
    assert found[0] == found[1]


def test_a_span_without_a_given_time_has_the_times_of_its_block() -> None:
    """Its start, its events in order, and its end; the SDK's clock is the system's."""
    for tracer, seen in providers():
        with tracer.start_as_current_span("parent"), tracer.start_as_current_span("x") as span:
            span.add_event("one")
            span.record_exception(ValueError("two"))
            span.add_event("three", {"a": 1})
        child, parent = seen.ended
        assert len(child.events) == 3
        times: list[Any] = [
            parent.start_time,
            child.start_time,
            *(event.timestamp for event in child.events),
            child.end_time,
            parent.end_time,
        ]
        assert times == sorted(times)
        # Nanoseconds since 1970, not of a clock that began with the machine.
        assert times[0] > 1_600_000_000 * 10**9


def test_a_span_never_ends_before_it_has_started() -> None:
    """Where the SDK's would have a negative duration."""
    (tracer, seen), _ = providers()
    tracer.start_span("x", start_time=100).end(50)
    assert (seen.ended[0].start_time, seen.ended[0].end_time) == (100, 100)


@pytest.mark.parametrize("given", [{"exception.message": "own", "a": [1, 2]}, {}, None])
def test_an_exception_is_recorded_with_what_the_caller_adds(given: Any) -> None:
    """Attributes that replace those of the exception, the time, and whether it escaped."""
    found = []
    for tracer, seen in providers():
        span = tracer.start_span("x", start_time=1)
        span.record_exception(KeyError("lost"), given, 50, escaped=True)
        span.record_exception(ExceptionGroup("many", [OSError("one")]), given, 60)
        span.end(99)
        [ended] = seen.ended
        events = []
        for event in ended.events:
            known = dict(event.attributes or {})
            assert (
                "lost" in str(known.pop("exception.stacktrace")) or "many" in repr(known) or given
            )
            events.append((event.name, event.timestamp, known))
        found.append(events)
    assert found[0] == found[1]
    assert [time for _, time, _ in found[0]] == [50, 60]
    assert [known["exception.escaped"] for _, _, known in found[0]] == ["True", "False"]


def test_events_and_links_keep_the_attributes_they_were_given() -> None:
    """What the caller changes afterwards is not seen, and they can't be changed."""
    found = []
    for tracer, seen in providers():
        known: dict[str, Any] = {"a": [1]}
        span = tracer.start_span("x", links=[Link(REMOTE, known)], start_time=1)
        span.add_event("e", known, 2)
        span.add_link(REMOTE, known)
        span.set_attribute("list", known["a"])
        known["a"].append(2)
        known["b"] = 1
        span.end(3)
        [ended] = seen.ended
        of_event: Any = ended.events[0].attributes
        of_links: list[Any] = [link.attributes for link in ended.links]
        for attributes in (of_event, *of_links):
            with pytest.raises(TypeError):
                attributes["c"] = 1
        found.append((dict(of_event), *map(dict, of_links), dict(ended.attributes or {})))
        assert found[-1] == ({"a": (1,)}, {"a": (1,)}, {"a": (1,)}, {"list": (1,)})
    assert found[0] == found[1]


def test_the_attributes_of_a_span_are_read_only_and_current() -> None:
    """A mapping that is read once shows what is set later, before and after the end."""
    for tracer, seen in providers():
        span: Any = tracer.start_span("x", attributes={"a": 1})
        attributes = span.attributes
        with pytest.raises(TypeError):
            attributes["b"] = 2
        span.set_attribute("b", 2)
        assert dict(attributes) == {"a": 1, "b": 2}
        span.set_attributes({"a": 3, "c": (1, 2)})
        assert dict(attributes) == {"a": 3, "b": 2, "c": (1, 2)}
        span.end()
        ended: Any = seen.ended[0]
        with pytest.raises(TypeError):
            ended.attributes["d"] = 1
        assert dict(ended.attributes) == {"a": 3, "b": 2, "c": (1, 2)}


def test_what_the_caller_does_with_its_mapping_afterwards_is_not_seen() -> None:
    """Neither the one of `start_span` nor the one of `set_attributes` is kept."""
    for tracer, seen in providers():
        context = trace.set_span_in_context(tracer.start_span("parent"))
        for links in ([], [Link(REMOTE)]):
            at_start, later = {"a": 1}, {"b": 2}
            given = [*links]
            span = tracer.start_span("x", context, attributes=at_start, links=given)
            span.set_attributes(later)
            at_start["a"] = later["b"] = 9
            given.clear()
            span.end()
            assert dict(seen.ended[-1].attributes or {}) == {"a": 1, "b": 2}
            assert len(seen.ended[-1].links) == len(links)


LINKS: list[Any] = [
    None,
    (),
    [Link(trace.INVALID_SPAN_CONTEXT)],
    [Link(trace.INVALID_SPAN_CONTEXT, {"a": 1})],
    [Link(SpanContext(0, 0, True, trace_state=TraceState([("k", "v")])))],
    [Link(REMOTE), Link(REMOTE, {"n": 1}), Link(REMOTE, {"n": 2, "m": 3, "o": "long text"})],
    tuple(Link(REMOTE, {"n": number}) for number in range(200)),
]


@pytest.mark.parametrize("limits", [None, LIMITS], ids=["default", "small"])
@pytest.mark.parametrize("links", LINKS, ids=range(len(LINKS)))
@pytest.mark.parametrize("moment", ["start", "later"])
def test_links(moment: str, links: Any, limits: SpanLimits | None) -> None:
    """Those without anything are left out, and of too many the last are kept."""
    found = []
    for tracer, seen in providers(limits):
        if moment == "start":
            span = tracer.start_span("x", links=links, start_time=1)
        else:
            span = tracer.start_span("x", start_time=1)
            for link in links or ():
                span.add_link(link.context, link.attributes)
        span.end(2)
        found.append((shown(seen.ended[0]), encoded(seen.ended[0])))
    assert found[0] == found[1]


UNLIMITED = SpanLimits(
    **dict.fromkeys(
        [
            "max_span_attributes",
            "max_events",
            "max_links",
            "max_event_attributes",
            "max_link_attributes",
            "max_attributes",
            "max_attribute_length",
            "max_span_attribute_length",
        ],
        SpanLimits.UNSET,
    )
)
NONE_AT_ALL = SpanLimits(
    max_span_attributes=0,
    max_events=0,
    max_links=0,
    max_event_attributes=0,
    max_link_attributes=0,
    max_attribute_length=0,
)
APART = SpanLimits(max_attribute_length=9, max_span_attribute_length=3, max_span_attributes=5)


@pytest.mark.parametrize(
    "limits",
    [UNLIMITED, NONE_AT_ALL, APART, LIMITS, None],
    ids=["unlimited", "none", "apart", "small", "default"],
)
def test_limits(limits: SpanLimits | None, caplog: pytest.LogCaptureFixture) -> None:
    """None, zero, and a length for attributes of spans that is not that of events and links."""
    found = []
    for tracer, seen in providers(limits):
        long = "x" * 1000
        known: dict[str, Any] = {f"key {n}": [long, n, None] for n in range(200)}
        span = tracer.start_span(
            "x", attributes=known, links=[Link(REMOTE, {"l": long})], start_time=1
        )
        for n in range(200):
            span.set_attribute(f"single {n}", long)
            span.add_event(long, {"a": long, "b": 1, "c": [long]}, n)
            span.add_link(REMOTE, {"a": long, "b": 1, "c": [long]})
        # A value that is set again is as the newest.
        span.set_attribute("key 1", "again")
        span.set_attributes({"key 3": "again", "new": long})
        span.set_attributes({})
        span.end(300)
        [ended] = seen.ended
        found.append((shown(ended), encoded(ended), [*(ended.attributes or {})]))
        caplog.clear()
    assert found[0] == found[1]


def test_limits_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """`OTEL_SPAN_*` and `OTEL_ATTRIBUTE_*`, where the provider is given no limits."""
    for name, value in {
        "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "5",
        "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT": "2",
        "OTEL_SPAN_EVENT_COUNT_LIMIT": "1",
        "OTEL_SPAN_LINK_COUNT_LIMIT": "1",
    }.items():
        monkeypatch.setenv(name, value)
    for tracer, seen in providers():
        span = tracer.start_span("x", attributes={"a": 1, "b": "123456", "c": 3})
        for name in "de":
            span.add_event(name)
            span.add_link(REMOTE, {"name": name})
        span.end()
        [ended] = seen.ended
        assert dict(ended.attributes or {}) == {"b": "12345", "c": 3}
        assert [event.name for event in ended.events] == ["e"]
        assert [dict(link.attributes or {}) for link in ended.links] == [{"name": "e"}]
        assert (ended.dropped_attributes, ended.dropped_events, ended.dropped_links) == (1, 1, 1)


def test_the_context_that_is_given_counts_and_not_the_current_one() -> None:
    """For the parent only: neither its baggage nor its span becomes current."""
    found = []
    for tracer, seen in providers():
        elsewhere = baggage.set_baggage(
            "a", "b", trace.set_span_in_context(NonRecordingSpan(REMOTE))
        )
        with tracer.start_as_current_span("outer") as outer:
            with tracer.start_as_current_span("child", elsewhere) as child:
                assert trace.get_current_span() is child
                assert baggage.get_all() == {}
            assert trace.get_current_span() is outer
            tracer.start_span("root", Context()).end()
            tracer.start_span("sibling", elsewhere).end()
            assert trace.get_current_span() is outer
        assert trace.get_current_span() is trace.INVALID_SPAN
        found.append([(each.name, each.context, each.parent) for each in seen.ended])
    assert found[0] == found[1]
    assert [parent for _, _, parent in found[0]] == [REMOTE, None, REMOTE, None]


def test_the_current_context_outlives_the_span() -> None:
    """What was in it before the block is there within, and again afterwards."""
    (tracer, _), _ = providers()
    token = context_api.attach(baggage.set_baggage("kept", "yes"))
    try:
        with tracer.start_as_current_span("x"):
            assert baggage.get_all() == {"kept": "yes"}
            inner = context_api.attach(baggage.set_baggage("inner", "yes"))
            context_api.detach(inner)
        assert baggage.get_all() == {"kept": "yes"}
        assert trace.get_current_span() is trace.INVALID_SPAN
    finally:
        context_api.detach(token)


def test_a_span_that_does_not_end_on_exit_goes_on() -> None:
    """It can be made current again, be changed, and be ended later."""
    found = []
    for tracer, seen in providers():
        with tracer.start_as_current_span("x", end_on_exit=False, start_time=1) as span:
            pass
        assert span.is_recording()
        assert seen.ended == []
        with trace.use_span(span, end_on_exit=False):
            tracer.start_span("child", start_time=2).end(3)
        span.set_attribute("late", 1)
        span.end(9)
        found.append([shown(each) for each in seen.ended])
    assert found[0] == found[1]
    assert [each["parent"] is None for each in found[0]] == [False, True]


def test_every_argument_of_the_start_is_taken_by_position() -> None:
    """In the order of the API."""
    found = []
    for tracer, seen in providers():
        above = trace.set_span_in_context(NonRecordingSpan(REMOTE))
        arguments: tuple[Any, ...] = (
            *("x", above, SpanKind.PRODUCER, {"a": 1}, [Link(REMOTE)], 5, False, False),
        )
        current: tuple[Any, ...] = (*arguments, False)
        with pytest.raises(ValueError, match="lost"), tracer.start_span(*arguments):
            raise ValueError("lost")
        with (
            pytest.raises(ValueError, match="lost"),
            tracer.start_as_current_span(*current) as span,
        ):
            raise ValueError("lost")
        assert span.is_recording()
        span.end(9)
        one, two = map(shown, seen.ended)
        assert one["times"][0] == two["times"][0] == 5
        assert one["events"] == two["events"] == []
        found.append([{**each, "times": 0, "json": ""} for each in (one, two)])
    assert found[0] == found[1]


@pytest.mark.parametrize("error", [Leaving("gone"), GeneratorExit(), KeyboardInterrupt()])
def test_what_is_no_error_is_none_of_a_current_span(error: BaseException) -> None:
    """`start_as_current_span` records `Exception` only; the span's own block, everything."""
    found = []
    for tracer, seen in providers():
        with pytest.raises(type(error)), tracer.start_as_current_span("current"):
            raise error
        with pytest.raises(type(error)), tracer.start_span("own"):
            raise error
        found.append([(len(each.events), each.status.status_code) for each in seen.ended])
    assert found[0] == found[1] == [(0, StatusCode.UNSET), (1, StatusCode.ERROR)]


def test_a_generator_that_is_closed_ends_its_span() -> None:
    """Without an error."""
    for tracer, seen in providers():

        def pages(tracer: trace.Tracer = tracer) -> Any:
            with tracer.start_as_current_span("pages"):
                yield 1
                yield 2

        generator = pages()
        assert next(generator) == 1
        generator.close()
        [ended] = seen.ended
        assert (ended.status.status_code, ended.events) == (StatusCode.UNSET, ())
        assert trace.get_current_span() is trace.INVALID_SPAN


def test_an_exception_without_a_text_is_recorded_all_the_same() -> None:
    """With placeholders; the exception that is raised is the caller's."""

    class MuteError(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no text")

    (tracer, seen), _ = providers()
    for block in (tracer.start_as_current_span("x"), tracer.start_span("x")):
        with pytest.raises(MuteError), block:
            raise MuteError
    for ended in seen.ended:
        assert [event.name for event in ended.events] == ["exception"]
        known = ended.events[0].attributes or {}
        assert str(known["exception.type"]).endswith("MuteError")
        assert "test_light_calls" in str(known["exception.stacktrace"])
        assert ended.status.status_code is StatusCode.ERROR


class Adding(SpanProcessor):
    """A user's processor, which changes spans when they start."""

    def __init__(self, name: str, calls: list[Any]) -> None:
        self._name = name
        self._calls = calls

    def on_start(self, span: sdk.Span, parent_context: Context | None = None) -> None:
        self._calls.append((self._name, "start", dict(span.attributes or {})))
        span.set_attribute(self._name, len(span.attributes or {}))
        span.add_event(self._name, {"of": "processor"}, 3)
        span.add_link(REMOTE, {"by": self._name})
        span.update_name(f"{span.name} {self._name}")

    def on_end(self, span: sdk.ReadableSpan) -> None:
        self._calls.append((self._name, "end", span.name, dict(span.attributes or {})))

    def shutdown(self) -> None:
        self._calls.append((self._name, "shutdown"))

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        self._calls.append((self._name, "flush"))
        return self._name != "full"


def _two(**options: Any) -> list[tuple[TracerProvider, trace.Tracer]]:
    """A provider with light spans, and one without, with a tracer of each."""
    found = []
    for light in ((SCOPE,), ()):
        provider = TracerProvider(
            light=light,
            shutdown_on_exit=False,
            **{"id_generator": Counted(), "sampler": ALL, **options},
        )
        found.append((provider, provider.get_tracer(SCOPE, "1")))
    return found


def test_processors_see_and_change_spans_in_their_order() -> None:
    """Those added before the tracer, after it, and while a span is open."""
    found = []
    for provider, tracer in _two():
        calls: list[Any] = []
        exporter = InMemorySpanExporter()
        provider.add_span_processor(Adding("first", calls))
        before = tracer.start_span("before", start_time=1)
        provider.add_span_processor(Adding("second", calls))
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        after = tracer.start_span("after", attributes={"own": 1}, start_time=2)
        before.end(8)
        after.end(9)
        assert provider.force_flush()
        provider.add_span_processor(Adding("full", calls))
        assert not provider.force_flush()
        provider.shutdown()
        found.append((calls, [shown(each) for each in exporter.get_finished_spans()]))
    assert found[0] == found[1]
    calls, exported = found[0]
    assert [call[:2] for call in calls][-3:] == [
        (n, "shutdown") for n in ("first", "second", "full")
    ]
    assert ("second", "end", "before first", {"first": 0}) in calls
    assert exported[1]["attributes"] == repr({"own": 1, "first": 1, "second": 2})


def test_a_processor_is_given_the_context_of_the_parent() -> None:
    """With the parent's span and baggage, given or current."""

    class Baggage(SpanProcessor):
        def on_start(self, span: sdk.Span, parent_context: Context | None = None) -> None:
            parent = trace.get_current_span(parent_context).get_span_context()
            assert span.parent == (parent if parent.is_valid else None)
            for key, value in baggage.get_all(parent_context).items():
                span.set_attribute(key, str(value))

    for provider, tracer in _two():
        exporter = InMemorySpanExporter()
        provider.add_span_processor(Baggage())
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        with tracer.start_as_current_span("root"):
            token = context_api.attach(baggage.set_baggage("current", "1"))
            tracer.start_span("current").end()
            tracer.start_span("given", baggage.set_baggage("given", "2", Context())).end()
            context_api.detach(token)
        known = {span.name: dict(span.attributes or {}) for span in exporter.get_finished_spans()}
        assert known == {"current": {"current": "1"}, "given": {"given": "2"}, "root": {}}


def test_a_processor_that_raises_does_so_to_the_caller_as_with_the_sdk() -> None:
    """It is a user's, and the SDK guards none; the span has ended."""

    class Raising(SpanProcessor):
        def on_end(self, span: sdk.ReadableSpan) -> None:
            raise RuntimeError("a user's")

    for provider, tracer in _two():
        exporter = InMemorySpanExporter()
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        provider.add_span_processor(Raising())
        span = tracer.start_span("x")
        with pytest.raises(RuntimeError, match="a user's"):
            span.end()
        assert not span.is_recording()
        assert [each.name for each in exporter.get_finished_spans()] == ["x"]


def test_an_exporter_prints_the_same_json() -> None:
    """All that the SDK's console exporter reads of a span, and of its parent."""
    found = []
    for provider, tracer in _two():
        out = io.StringIO()
        provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter(out=out)))
        above = trace.set_span_in_context(NonRecordingSpan(REMOTE))
        links = [Link(REMOTE, {"l": (1.5, 2.5)})]
        root = tracer.start_span("root", above, SpanKind.SERVER, {"a": True}, links, 10**18)
        context = trace.set_span_in_context(root)
        child = tracer.start_span("child", context, SpanKind.CLIENT, start_time=10**18)
        child.add_event("e", {"text": "é"}, 10**18 + 1)
        child.set_status(StatusCode.ERROR, "lost")
        child.end(10**18 + 2)
        root.end(10**18 + 3)
        found.append(out.getvalue())
    assert found[0] == found[1]
    assert found[0].count('"name"') == 3


def test_a_span_is_read_the_same_before_its_end() -> None:
    """By a processor, a view or a log formatter, through the current span."""
    found = []
    for tracer, _ in providers():
        span: Any = tracer.start_span("x", kind=SpanKind.CLIENT, attributes={"a": 1}, start_time=1)
        span.add_event("e", timestamp=2)
        assert span.get_span_context() is span.get_span_context()
        assert span.context == span.get_span_context()
        assert not span.get_span_context().is_remote
        first = shown(span)
        printed = repr(span).partition("(")[2]
        span.end(9)
        found.append((first, printed, span.end_time, span.to_json(None)))
    assert found[0] == found[1]


def test_a_span_that_is_not_recorded_takes_every_call() -> None:
    """And has valid ids, so that a child of another scope is of the same trace."""
    for kind in (SpanKind.INTERNAL, SpanKind.SERVER):
        for provider, tracer in _two(sampler=ALWAYS_OFF):
            exporter = InMemorySpanExporter()
            provider.add_span_processor(SimpleSpanProcessor(exporter))
            with tracer.start_as_current_span("x", kind=kind, attributes={"a": 1}) as span:
                for name, arguments in CHANGES:
                    getattr(span, name)(*arguments)
                assert not span.is_recording()
                assert trace.get_current_span() is span
                context = span.get_span_context()
                assert context.is_valid
                assert not context.trace_flags.sampled
                inner = tracer.start_span("inner").get_span_context()
                assert inner.trace_id == context.trace_id
            assert exporter.get_finished_spans() == ()


def test_children_of_spans_of_other_scopes() -> None:
    """A light span below one of the SDK's, and one of the SDK's below a light span."""
    for provider, tracer in _two():
        exporter = InMemorySpanExporter()
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        other = provider.get_tracer("a plugin")
        with (
            other.start_as_current_span("1"),
            tracer.start_as_current_span("2"),
            other.start_as_current_span("3"),
            tracer.start_as_current_span("4"),
            tracer.start_as_current_span("5"),
        ):
            pass
        spans = sorted(exporter.get_finished_spans(), key=lambda span: span.name)
        contexts = [span.get_span_context() for span in spans]
        assert [span.parent for span in spans] == [None, *contexts[:-1]]
        assert len({context.trace_id for context in contexts if context}) == 1
        assert len({context.span_id for context in contexts if context}) == 5


def test_a_child_may_start_when_its_parent_has_ended() -> None:
    """A span that is passed on keeps its ids."""
    found = []
    for tracer, seen in providers():
        parent = tracer.start_span("parent")
        context = trace.set_span_in_context(parent)
        parent.end()
        tracer.start_span("child", context).end()
        child = seen.ended[1]
        assert child.parent == parent.get_span_context()
        found.append((child.context, child.parent))
    assert found[0] == found[1]


def test_a_child_that_links_to_an_untraced_request_is_not_recorded() -> None:
    """Below a span that is: the sampler is asked for what has links."""
    for provider, tracer in _two(sampler=build_sampler(SamplerSettings("always_on", None))):
        exporter = InMemorySpanExporter()
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        record = RequestRecord("GET", trace.INVALID_SPAN)
        record.untraced = True
        request = tracer.start_span("request", attach_record(record, Context()))
        assert not request.is_recording()
        with tracer.start_as_current_span("root"):
            for cause in (request.get_span_context(), REMOTE):
                tracer.start_span("write", links=[Link(cause)]).end()
        spans = exporter.get_finished_spans()
        assert [span.name for span in spans] == ["write", "root"]
        assert [link.context for link in spans[0].links] == [REMOTE]


class NamedIds(RandomIdGenerator):
    """A user's generator, such as X-Ray's."""

    def generate_trace_id(self) -> int:
        return 0xABC << 116 | super().generate_trace_id() >> 12

    def generate_span_id(self) -> int:
        return 0xDEF << 52 | super().generate_span_id() >> 12


def test_the_ids_are_those_of_the_installed_generator() -> None:
    """Of roots and of children; and whether the trace id is random."""
    for provider, tracer in _two(id_generator=NamedIds()):
        del provider
        with (
            tracer.start_as_current_span("root") as root,
            tracer.start_as_current_span("x") as child,
        ):
            for context in (root.get_span_context(), child.get_span_context()):
                assert context.trace_id >> 116 == 0xABC
                assert context.span_id >> 52 == 0xDEF
                assert context.trace_flags & TraceFlags.RANDOM_TRACE_ID
    for _, tracer in _two():
        with tracer.start_as_current_span("root"), tracer.start_as_current_span("x") as child:
            # Numbers in a row are not random.
            assert not child.get_span_context().trace_flags & TraceFlags.RANDOM_TRACE_ID


def test_threads_start_spans_of_one_provider_at_once() -> None:
    """Each has its own current span, children of a given context their parent, all their own id."""
    threads, each = 8, 200
    for provider, tracer in _two(id_generator=RandomIdGenerator()):
        exporter = InMemorySpanExporter()
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        ready = threading.Barrier(threads)
        shared = tracer.start_span("shared")
        above = trace.set_span_in_context(shared)

        def work(number: int, tracer: trace.Tracer = tracer, above: Context = above) -> None:
            ready.wait()  # noqa: B023 # the threads end within the iteration
            for _ in range(each):
                with (
                    tracer.start_as_current_span("root", attributes={"thread": number}),
                    tracer.start_as_current_span("child", attributes={"thread": number}),
                ):
                    tracer.start_span("of shared", above).end()

        with ThreadPoolExecutor(threads) as pool:
            assert [*pool.map(work, range(threads))] == [None] * threads
        shared.end()
        spans = exporter.get_finished_spans()
        assert len({span.context.span_id for span in spans if span.context}) == len(spans)
        roots = {s.context.span_id: s for s in spans if s.name == "root" and s.context}
        assert len(roots) == threads * each
        children = [span for span in spans if span.name == "child"]
        assert len(children) == threads * each
        for child in children:
            assert child.parent is not None
            root = roots[child.parent.span_id]
            assert (root.attributes or {})["thread"] == (child.attributes or {})["thread"]
        of_shared = [span.parent for span in spans if span.name == "of shared"]
        assert of_shared == [shared.get_span_context()] * (threads * each)


def test_tasks_have_their_own_current_spans() -> None:
    """Though they take turns between the start of a span and its children's."""

    async def served(tracer: trace.Tracer, number: int) -> None:
        with tracer.start_as_current_span("root", Context(), attributes={"n": number}):
            for _ in range(3):
                await asyncio.sleep(0)
                with tracer.start_as_current_span("child", attributes={"n": number}):
                    await asyncio.gather(inner(tracer, number), inner(tracer, number))

    async def inner(tracer: trace.Tracer, number: int) -> None:
        await asyncio.sleep(0)
        tracer.start_span("inner", attributes={"n": number}).end()

    async def all_at_once(tracer: trace.Tracer) -> None:
        await asyncio.gather(*(served(tracer, number) for number in range(20)))

    for provider, tracer in _two():
        exporter = InMemorySpanExporter()
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        asyncio.run(all_at_once(tracer))
        spans = {s.context.span_id: s for s in exporter.get_finished_spans() if s.context}
        assert len(spans) == 20 * (1 + 3 + 3 * 2)
        above = {"inner": "child", "child": "root"}
        for span in spans.values():
            if span.name == "root":
                assert span.parent is None
                continue
            assert span.parent is not None
            parent = spans[span.parent.span_id]
            assert parent.name == above[span.name]
            assert (parent.attributes or {})["n"] == (span.attributes or {})["n"]


def test_a_span_is_ended_by_another_thread() -> None:
    """As Datasette's threads end what the event loop has started."""
    found = []
    for tracer, seen in providers():
        span = tracer.start_span("x", start_time=1)

        def end(span: Span = span) -> None:
            span.set_attribute("thread", "other")
            span.add_event("there", timestamp=2)
            span.end(3)

        other = threading.Thread(target=end)
        other.start()
        other.join()
        assert not span.is_recording()
        found.append([shown(each) for each in seen.ended])
    assert found[0] == found[1]


def test_a_span_that_is_ended_while_it_ends_is_exported_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """By another thread or a signal handler, which may run wherever a function is called."""
    (tracer, seen), _ = providers()
    span = tracer.start_span("x")

    def interrupted() -> int:
        monkeypatch.undo()
        span.end()
        return time.perf_counter_ns()

    monkeypatch.setattr("telemetry.traces.light.perf_counter_ns", interrupted)
    span.end()
    [ended] = seen.ended
    assert ended.end_time is not None
    assert _messages(caplog) == ["Calling end() on an ended span."]


def test_a_provider_that_is_shut_down_still_starts_spans() -> None:
    """A request that is being served at the end fails in no span."""
    for provider, tracer in _two():
        provider.shutdown()
        with tracer.start_as_current_span("x") as span:
            span.set_attribute("a", 1)
        assert not span.is_recording()


@pytest.mark.filterwarnings("ignore:You should use instrumentation_scope:DeprecationWarning")
def test_the_scope_in_the_older_form() -> None:
    """Some exporters still read it."""
    found = []
    for tracer, seen in providers():
        tracer.start_span("x").end()
        found.append(seen.ended[0].instrumentation_info)
    assert found[0] == found[1]
    assert found[0] is not None
    assert (found[0].name, found[0].version) == (SCOPE, "1")


class UnreadableError(Exception):
    """An exception whose traceback can't be described."""

    @property
    def __notes__(self) -> Any:  # type: ignore[override]
        raise RuntimeError("no notes")


def test_an_exception_that_can_not_be_described_has_its_frames() -> None:
    """All that is known of where it was raised."""
    (tracer, seen), _ = providers()
    with pytest.raises(UnreadableError), tracer.start_as_current_span("x"):
        raise UnreadableError("lost")
    known = seen.ended[0].events[0].attributes or {}
    assert known["exception.message"] == "lost"
    assert "test_light_calls.py" in str(known["exception.stacktrace"])


def test_a_copied_event_or_link_is_equal() -> None:
    """What an exporter takes of a span may outlive it."""
    (tracer, seen), _ = providers()
    with tracer.start_as_current_span("x", links=[Link(REMOTE, {"a": 1})]) as span:
        span.add_event("e", {"b": 2}, 5)
    [ended] = seen.ended
    links = copy.deepcopy([dict(link.attributes or {}) for link in ended.links])
    assert links == [{"a": 1}]
    # The span's own lists are not what is read.
    events: Any = ended.events
    assert isinstance(events, tuple)
    assert [(event.name, dict(event.attributes)) for event in events] == [("e", {"b": 2})]


def test_a_status_of_another_type_is_ignored() -> None:
    """It could not be exported."""
    found = []
    for tracer, seen in providers():
        span = tracer.start_span("x", start_time=1)
        untyped: Any = span
        untyped.set_status("ERROR")
        span.end(2)
        found.append([shown(each) for each in seen.ended])
    assert found[0] == found[1]


def test_a_link_that_is_none_is_ignored() -> None:
    """A host may have none to give."""
    found = []
    for tracer, seen in providers():
        untyped: Any = tracer
        untyped.start_span("x", links=[None], start_time=1).end(2)
        found.append([shown(each) for each in seen.ended])
    assert found[0] == found[1]


def test_a_processor_may_take_the_context_by_its_name_only() -> None:
    """The SDK passes it so."""

    class Named(SpanProcessor):
        def __init__(self) -> None:
            self.contexts: list[Context | None] = []

        def on_start(self, span: sdk.Span, *, parent_context: Context | None = None) -> None:  # type: ignore[override]
            self.contexts.append(parent_context)

    for provider, tracer in _two():
        named = Named()
        provider.add_span_processor(named)
        tracer.start_span("x", Context({"key": "value"})).end()
        assert named.contexts == [{"key": "value"}]


def test_threads_set_attributes_of_one_span_at_once() -> None:
    """Of types that are cleaned: each caller finds its own there, and none an exception."""
    threads, each = 4, 300
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _, tracer in _two(span_limits=SpanLimits(max_span_attributes=threads * each + 1)):
            span: Any = tracer.start_span("x")

            def work(number: int, span: Any = span) -> None:
                for place in range(each):
                    span.set_attribute(f"{number}.{place}", [place])

            with ThreadPoolExecutor(threads) as pool:
                assert [*pool.map(work, range(threads))] == [None] * threads
            assert len(span.attributes) == threads * each
    finally:
        sys.setswitchinterval(interval)


def test_a_scope_may_have_no_version() -> None:
    """It is the same scope as the SDK's."""
    scopes = []
    for provider, _ in _two():
        span: Any = provider.get_tracer(SCOPE).start_span("x")
        scopes.append(span.instrumentation_scope)
    assert scopes[0] == scopes[1]
