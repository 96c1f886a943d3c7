"""Which traces are kept that the sampler did not, whole; and what there is no room for."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from threading import Thread
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, StatusCode, TraceFlags

from telemetry.datasette.sql_errors import is_statement_error
from telemetry.datasette.tracer import DatasetteTracer
from telemetry.registry import attributes as a
from telemetry.registry.datasette import SCOPE
from telemetry.traces import tail as module
from telemetry.traces.tail import TailSampler, TailSpanProcessor

S = 1_000_000_000


class Tail:
    """A provider of the SDK's that samples nothing by ratio, unless told otherwise."""

    def __init__(self, ratio: float = 0.0) -> None:
        self._exported = InMemorySpanExporter()
        self.processor = TailSpanProcessor(
            SimpleSpanProcessor(self._exported), slow=5, is_expected=is_statement_error
        )
        provider = TracerProvider(TailSampler(ratio), shutdown_on_exit=False)
        provider.add_span_processor(self.processor)
        self.tracer = provider.get_tracer("host")
        self.datasette = DatasetteTracer(provider.get_tracer(SCOPE))

    def begin(self, name: str = "GET", above: Span | None = None, **more: Any) -> Span:
        context = trace.set_span_in_context(above) if above is not None else Context()
        kind = SpanKind.INTERNAL if above is not None else SpanKind.SERVER
        return self.tracer.start_span(name, context, kind, start_time=0, **more)

    def request(
        self, status: int = 200, seconds: float = 0.1, *, failed_child: bool = False
    ) -> Span:
        root = self.begin()
        child = self.begin("child", root)
        if failed_child:
            child.set_status(StatusCode.ERROR)
        child.end(0)
        root.set_attribute(a.HTTP_RESPONSE_STATUS_CODE, status)
        if status >= 500:
            root.set_status(StatusCode.ERROR)
        root.end(int(seconds * S))
        return root

    @property
    def all(self) -> tuple[ReadableSpan, ...]:
        return self._exported.get_finished_spans()

    @property
    def names(self) -> list[str]:
        return [span.name for span in self.all]


@pytest.fixture(autouse=True)
def _raising(raising: None) -> None:
    pass


@pytest.mark.parametrize(
    ("request_", "kept"),
    [
        ({}, False),
        ({"status": 500}, True),
        ({"status": 404}, False),
        ({"failed_child": True}, True),
        ({"status": 404, "failed_child": True}, False),
        ({"seconds": 4.9}, False),
        ({"seconds": 5}, True),
        ({"status": 404, "seconds": 5}, True),
    ],
    ids=str,
)
def test_what_failed_or_was_slow_is_kept_whole(request_: dict[str, Any], kept: bool) -> None:
    """Not what a scanner asks for, whatever failed while nothing was found."""
    tail = Tail()
    tail.request(**request_)
    assert tail.names == (["child", "GET"] if kept else [])
    assert tail.processor.sampled_out == (0 if kept else 2)


@pytest.mark.parametrize(
    ("known", "kept"),
    [
        ({a.CLIENT_WAIT: 6.0}, False),
        ({a.CLIENT_WAIT: 1.0}, True),
        ({a.HTTP_RESPONSE_STATUS_CODE: 101}, False),
    ],
)
def test_a_slow_client_makes_no_slow_trace(known: dict[str, Any], kept: bool) -> None:
    """Or anybody could have theirs kept; a websocket lasts as long as its visitor likes."""
    tail = Tail()
    root = tail.begin()
    root.set_attributes(known)
    root.end(10 * S)
    assert tail.names == (["GET"] if kept else [])


def test_what_is_kept_by_rule_counts_for_itself() -> None:
    """It is marked as sampled, and that no ratio was applied; its ids are its own."""
    tail = Tail()
    root = tail.request(status=500)
    for span in tail.all:
        context = span.get_span_context()
        assert context is not None
        assert context.trace_id == root.get_span_context().trace_id
        assert context.trace_flags.sampled
        assert context.trace_state["ot"] == "th:0"
    # What was passed on to others while it ran was the ratio's decision.
    assert not root.get_span_context().trace_flags.sampled


def test_what_is_sampled_is_passed_on_at_once() -> None:
    """With the ratio it was sampled by; nothing is held."""
    tail = Tail(ratio=1)
    root = tail.begin()
    tail.begin("child", root).end()
    assert tail.names == ["child"]
    root.end()
    assert {span.context.trace_state["ot"] for span in tail.all} == {"th:0"}


@pytest.mark.parametrize("flags", [0, 1])
def test_a_clients_flag_changes_nothing(flags: int) -> None:
    """The edge links to it."""
    tail = Tail()
    theirs = SpanContext(1 << 100, 1, True, TraceFlags(flags))
    tail.begin(links=[Link(theirs)]).end(0)
    assert tail.names == []


@pytest.mark.parametrize(
    ("error", "kept"),
    [
        (sqlite3.connect(":memory:").execute, False),
        (lambda _: (_ for _ in ()).throw(sqlite3.DatabaseError("malformed")), True),
        (lambda _: 1 / 0, True),
    ],
    ids=["statement", "file", "function"],
)
def test_a_statement_that_was_refused_is_no_failure(error: Any, kept: bool) -> None:
    """Visitors type them. A damaged file is one, and a function that raised."""
    tail = Tail()
    root = tail.begin()
    context = trace.set_span_in_context(root)
    with (
        pytest.raises((sqlite3.Error, ZeroDivisionError)),
        tail.datasette.start_as_current_span("db.query", context),
    ):
        error("select nope")
    root.end(0)
    assert tail.names == (["db.query", "GET"] if kept else [])


@pytest.mark.parametrize("elsewhere", [False, True], ids=["handled", "another thread"])
def test_a_failed_span_is_judged_by_what_it_recorded(elsewhere: bool) -> None:
    """Not by what is being handled where, and when, it ends."""
    for error, kept in (
        (sqlite3.DatabaseError("malformed"), True),
        (_error_of("select nope"), False),
    ):
        tail = Tail()
        root = tail.begin()
        span = tail.datasette.start_span("db.query.execute", trace.set_span_in_context(root))
        span.record_exception(error)
        span.set_status(StatusCode.ERROR)
        if elsewhere:
            thread = Thread(target=span.end)
            thread.start()
            thread.join()
        else:
            # Of the other sort.
            with suppress(sqlite3.Error):
                try:
                    raise _error_of("select nope") if kept else sqlite3.DatabaseError("malformed")
                finally:
                    span.end()
        root.end(0)
        assert tail.names == (["db.query.execute", "GET"] if kept else [])


def _error_of(statement: str) -> sqlite3.Error:
    with closing(sqlite3.connect(":memory:")) as database:
        try:
            database.execute(statement)
        except sqlite3.Error as error:
            return error
    raise AssertionError(f"{statement} succeeded")


def test_a_trace_that_led_to_an_event_is_kept() -> None:
    """Somebody is about to follow its link. Told too late, it says so."""
    tail = Tail()
    root = tail.begin()
    trace_id = root.get_span_context().trace_id
    assert tail.processor.keep(trace_id)
    root.end(0)
    assert tail.names == ["GET"]
    assert tail.processor.keep(trace_id)
    gone = tail.request()
    assert not tail.processor.keep(gone.get_span_context().trace_id)
    assert not tail.processor.keep(12345)


@pytest.mark.parametrize("status", [200, 500])
def test_late_children_are_decided_with_their_trace(status: int) -> None:
    """Unless they fail themselves."""
    tail = Tail()
    root = tail.begin()
    late, failing = tail.begin("late", root), tail.begin("failing", root)
    root.set_attribute(a.HTTP_RESPONSE_STATUS_CODE, status)
    if status == 500:
        root.set_status(StatusCode.ERROR)
    root.end(0)
    late.end(0)
    failing.set_status(StatusCode.ERROR)
    failing.end(0)
    assert tail.names == (["GET", "late", "failing"] if status == 500 else ["failing"])


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize("begun", ["during", "after"])
def test_what_links_to_a_trace_is_decided_with_it(status: int, begun: str) -> None:
    """A write that nobody waited for, whether it ends before its request or after."""
    tail = Tail()
    root = tail.begin()
    link = [Link(root.get_span_context())]
    write = tail.begin("db.write.execute", links=link) if begun == "during" else None
    root.set_attribute(a.HTTP_RESPONSE_STATUS_CODE, status)
    if status == 500:
        root.set_status(StatusCode.ERROR)
    root.end(0)
    write = write or tail.begin("db.write.execute", links=link)
    write.end(0)
    assert sorted(tail.names) == (["GET", "db.write.execute"] if status == 500 else [])


def test_what_failed_while_nothing_was_found_is_excused_for_good() -> None:
    """Also where a write of that request, which ends well, decides last."""
    tail = Tail()
    root = tail.begin()
    child = tail.begin("child", root)
    child.set_status(StatusCode.ERROR)
    child.end(0)
    write = tail.begin("db.write.execute", links=[Link(root.get_span_context())])
    root.set_attribute(a.HTTP_RESPONSE_STATUS_CODE, 404)
    root.end(0)
    write.end(0)
    assert tail.names == []


def test_a_linked_failure_is_kept_though_its_cause_was_not() -> None:
    """It is a failure."""
    tail = Tail()
    root = tail.request()
    write = tail.begin("db.write.execute", links=[Link(root.get_span_context())])
    write.set_status(StatusCode.ERROR)
    write.end(0)
    assert tail.names == ["db.write.execute"]


def test_two_requests_of_one_trusted_trace_wait_for_each_other() -> None:
    """A caller may have several under way: the trace is decided once."""
    tail = Tail()
    parent = trace.NonRecordingSpan(SpanContext(1 << 100, 1, True, TraceFlags(0)))
    context = trace.set_span_in_context(parent)
    first, second = (tail.tracer.start_span(name, context) for name in ("first", "second"))
    first.end()
    assert tail.names == []
    second.set_status(StatusCode.ERROR)
    second.end()
    assert tail.names == ["first", "second"]


def test_one_trace_has_room_for_so_many_spans(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest is counted, on its root and in all."""
    monkeypatch.setattr(module, "MAX_SPANS", 3)
    tail = Tail()
    root = tail.begin()
    for _ in range(5):
        tail.begin("child", root).end(0)
    root.set_status(StatusCode.ERROR)
    root.end(0)
    assert tail.names == ["child"] * 3 + ["GET"]
    assert (tail.all[-1].attributes or {})[a.SPANS_DROPPED] == 2
    assert tail.processor.dropped == 2


def test_all_traces_together_have_room_for_so_much(monkeypatch: pytest.MonkeyPatch) -> None:
    """Long texts count; what is decided makes room again."""
    monkeypatch.setattr(module, "MAX_BYTES", 24_000)
    tail = Tail()
    for _ in range(3):
        root = tail.begin()
        for _ in range(3):
            tail.begin("child", root, attributes={"text": "x" * 3_000}).end(0)
        root.set_status(StatusCode.ERROR)
        root.end(0)
    assert tail.names == ["child", "child", "GET"] * 3
    assert tail.processor.dropped == 3


def test_what_failed_has_room_where_others_have_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest could be worked out, and a failure could not."""
    monkeypatch.setattr(module, "MAX_BYTES", 12_000)
    tail = Tail()
    root = tail.begin()
    for _ in range(9):
        tail.begin("child", root).end(0)
    failing = tail.begin("failing", root)
    failing.set_status(StatusCode.ERROR)
    failing.end(0)
    root.end(0)
    assert tail.names == ["child", "child", "failing", "GET"]


def test_a_trace_that_never_ends_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """By what is known of it; its own end is then judged alone."""
    monkeypatch.setattr(module, "MAX_TRACES", 2)
    tail = Tail()
    failing, quiet = tail.begin("failing"), tail.begin("quiet")
    child = tail.begin("child", failing)
    child.set_status(StatusCode.ERROR)
    child.end(0)
    for _ in range(2):
        tail.begin("another")
    assert tail.names == ["child"]
    quiet.end(9 * S)
    failing.end(0)
    assert tail.names == ["child", "quiet", "failing"]


def test_a_fork_forgets_what_its_parent_holds() -> None:
    """The parent decides on it; what the fork adds to the trace is the fork's."""
    tail = Tail()
    root = tail.begin()
    tail.begin("parent's", root).end(0)
    tail.processor.forked()
    failing = tail.begin("failing", root)
    failing.set_status(StatusCode.ERROR)
    failing.end(0)
    root.end(0)
    assert tail.names == ["failing", "GET"]


@pytest.mark.parametrize("fails", [False, True])
def test_at_the_end_of_a_child_all_is_decided(fails: bool) -> None:
    """Though its root is open: by what has failed so far, for what comes later too."""
    tail = Tail()
    root = tail.begin()
    child = tail.begin("child", root)
    if fails:
        child.set_status(StatusCode.ERROR)
    child.end(0)
    quiet = tail.begin("quiet")
    tail.begin("below", quiet).end(0)
    tail.processor.decide_all()
    assert tail.names == (["child"] if fails else [])
    tail.begin("late", root).end(0)
    assert tail.names == (["child", "late"] if fails else [])


def test_decisions_are_remembered_for_so_many_traces(monkeypatch: pytest.MonkeyPatch) -> None:
    """A span that ends later than that is judged alone."""
    monkeypatch.setattr(module, "MAX_DECIDED", 1)
    tail = Tail()
    root = tail.begin()
    late = tail.begin("late", root)
    root.set_status(StatusCode.ERROR)
    root.end(0)
    tail.request()
    late.end(0)
    assert tail.names == ["GET"]
    assert not tail.processor.was_kept(root.get_span_context().trace_id)


@pytest.mark.parametrize("ratio", [-0.1, 1.1])
def test_a_ratio_that_is_none_is_an_error(ratio: float) -> None:
    """It names the argument."""
    with pytest.raises(ValueError, match="ratio="):
        TailSampler(ratio)
