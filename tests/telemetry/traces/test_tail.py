"""Which traces are kept that the sampler did not, whole; and what there is no room for."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from threading import Thread
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import (
    Link,
    Span,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    TraceState,
)

from telemetry import failsafe
from telemetry.datasette.sql_errors import is_statement_error
from telemetry.datasette.tracer import DatasetteTracer
from telemetry.export.budgets import Budgets
from telemetry.registry import attributes as a
from telemetry.registry.datasette import SCOPE
from telemetry.settings.model import BudgetSettings
from telemetry.settings.parse import sample_ratios
from telemetry.settings.sampler import Ratios
from telemetry.state import state
from telemetry.traces import tail as module
from telemetry.traces.tail import TailSampler, TailSpanProcessor
from telemetry.traces.tracestate import is_kept_by_rule, kept_by_rule, sampled

S = 1_000_000_000


class Tail:
    """A provider of the SDK's that samples nothing by ratio, unless told otherwise."""

    def __init__(
        self, ratio: float = 0.0, budgets: Budgets | None = None, ratios: Ratios | None = None
    ) -> None:
        self._exported = InMemorySpanExporter()
        self.processor = TailSpanProcessor(
            SimpleSpanProcessor(self._exported),
            slow=5,
            is_expected=is_statement_error,
            budgets=budgets,
            ratios=ratios,
        )
        provider = TracerProvider(TailSampler(ratio, ratios), shutdown_on_exit=False)
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


def test_a_root_takes_room_until_its_trace_is_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    """A background write may end before the request that has caused it."""
    monkeypatch.setattr(module, "MAX_BYTES", 24_000)
    tail = Tail()
    root = tail.begin()
    links = [Link(root.get_span_context())]
    tail.begin("write", links=links, attributes={"text": "x" * 9_000}).end(0)
    tail.begin("child", root).end(0)
    root.end(6 * S)
    assert tail.names == ["write", "GET"]
    assert tail.processor.dropped == 1
    tail.request(seconds=6)
    assert tail.names == ["write", "GET", "child", "GET"]


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


def test_the_budget_limits_what_is_kept_by_rule() -> None:
    """Failed and slow ones together; what an event links to is asked for beforehand."""
    budgets = Budgets(BudgetSettings(traces=4))
    tail = Tail(budgets=budgets)
    tail.request(status=500)
    tail.request(seconds=7)
    root = tail.begin()
    trace_id = root.get_span_context().trace_id
    assert tail.processor.keep(trace_id)
    # It is paid for.
    assert tail.processor.keep(trace_id)
    root.set_status(StatusCode.ERROR)
    root.end(0)
    for _ in range(5):
        tail.request(status=500)
    assert tail.names.count("GET") == 4
    assert budgets.left_out.counts["traces"] == 4
    root = tail.begin()
    trace_id = root.get_span_context().trace_id
    assert not tail.processor.keep(trace_id)
    # The first event of its group.
    assert tail.processor.keep(trace_id, always=True)
    root.end(0)
    assert tail.names.count("GET") == 5


def test_a_trace_that_is_left_out_is_counted_once() -> None:
    """Its error event asks for it, and so does its end."""
    budgets = Budgets(BudgetSettings(traces=1))
    tail = Tail(budgets=budgets)
    tail.request(status=500)
    for status in (500, 200):
        root = tail.begin()
        for _ in range(3):
            assert not tail.processor.keep(root.get_span_context().trace_id)
        root.set_attribute("http.response.status_code", status)
        if status == 500:
            root.set_status(StatusCode.ERROR)
        root.end(0)
    assert tail.names.count("GET") == 1
    assert budgets.left_out.counts["traces"] == 2


def test_a_late_failure_is_part_of_the_budget() -> None:
    """A request could leave any number of them behind."""
    tail = Tail(budgets=Budgets(BudgetSettings(traces=3)))
    root = tail.begin()
    late = [tail.begin("late", root) for _ in range(9)]
    root.end(0)
    for span in late:
        span.set_status(StatusCode.ERROR)
        span.end(0)
    assert tail.names == ["late"] * 3


def _page(tail: Tail, *, cause: str | None, queries: int = 20) -> Span:
    """A page that fails in the last but one of its queries."""
    root = tail.begin()
    for number in range(queries):
        query = tail.begin("db.query", root)
        execute = tail.begin("db.query.execute", query)
        if number == queries - 2:
            execute.set_status(StatusCode.ERROR)
            query.set_status(StatusCode.ERROR)
        execute.end(0)
        query.end(0)
    root.set_attribute(a.HTTP_RESPONSE_STATUS_CODE, 500)
    if cause is not None:
        root.set_attribute(a.CAUSE, cause)
    root.set_status(StatusCode.ERROR)
    root.end(0)
    return root


def test_a_page_that_its_own_request_made_fail_has_the_failing_query_only() -> None:
    """The failed spans and those that they are in; a failure of the host has all of its spans."""
    budgets = Budgets(BudgetSettings())
    tail = Tail(budgets=budgets)
    _page(tail, cause="request")
    assert tail.names == ["db.query.execute", "db.query", "GET"]
    [root] = [span for span in tail.all if span.name == "GET"]
    assert dict(root.attributes or {})["corkboard.spans.left_out"] == 38
    assert budgets.left_out.counts["trace_spans"] == 38
    _page(tail, cause=None)
    assert len(tail.names) == 3 + 41


def test_a_hundred_failing_queries_are_no_more_than_the_limit() -> None:
    """The last ones, which are likely to be the cause."""
    tail = Tail(budgets=Budgets(BudgetSettings(spans_of_a_trace=4)))
    root = tail.begin()
    for number in range(100):
        query = tail.begin(f"query {number}", root)
        query.set_status(StatusCode.ERROR)
        query.end(0)
    root.set_attribute(a.CAUSE, "request")
    root.set_status(StatusCode.ERROR)
    root.end(0)
    assert tail.names == ["query 97", "query 98", "query 99", "GET"]


def test_an_event_of_the_host_keeps_the_whole_trace() -> None:
    """Though the page failed by its own address as well."""
    tail = Tail(budgets=Budgets(BudgetSettings()))
    root = tail.begin()
    tail.begin("child", root).end(0)
    assert tail.processor.keep(root.get_span_context().trace_id)
    root.set_attribute(a.CAUSE, "request")
    root.set_status(StatusCode.ERROR)
    root.end(0)
    assert tail.names == ["child", "GET"]


RULES = "site=alameda.ca:1,route=/{database}/{table}:0.25"


def _answered(tail: Tail, site: str | None, route: str | None, **more: Any) -> Span:
    root = tail.begin(**more)
    tail.begin("child", root).end(0)
    if site is not None:
        root.set_attribute(a.SITE, site)
    if route is not None:
        root.set_attribute(a.HTTP_ROUTE, route)
    root.end(0)
    return root


@pytest.mark.parametrize(
    ("site", "route", "ratio"),
    [
        ("alameda.ca", "/{database}/{table}", 1.0),
        ("alameda.ca", None, 1.0),
        ("oakland.ca", "/{database}/{table}", 0.25),
        ("oakland.ca", "/{database}", 0.5),
        (None, None, 0.5),
    ],
)
def test_ratios_by_site_and_route_are_applied_and_recorded(
    site: str | None, route: str | None, ratio: float
) -> None:
    """Exactly the traces whose randomness says so, each span with that threshold and the flag."""
    tail = Tail(0.5, ratios=Ratios(sample_ratios(RULES), 0.5))
    threshold = round((1 - ratio) * 2**56)
    begun = [_answered(tail, site, route).get_span_context().trace_id for _ in range(400)]
    expected = [trace_id for trace_id in begun if trace_id % 2**56 >= threshold]
    contexts = [span.get_span_context() for span in tail.all]
    assert sorted(c.trace_id for c in contexts if c) == sorted([*expected, *expected])
    states = {c.trace_state.get("ot") for c in contexts if c}
    assert states == {{1.0: "th:0", 0.5: "th:8", 0.25: "th:c"}[ratio]}
    assert all(c.trace_flags.sampled for c in contexts if c)
    # So counts scale up to what there was.
    assert len(expected) / ratio == pytest.approx(400, rel=0.5)


def test_with_ratios_a_failure_is_kept_by_rule() -> None:
    """What no ratio keeps: `th:0` says that none was applied."""
    tail = Tail(0.0, ratios=Ratios(sample_ratios("site=alameda.ca:0"), 0.0))
    tail.request(status=500)
    assert tail.names == ["child", "GET"]
    states = [c.trace_state.get("ot") for span in tail.all if (c := span.get_span_context())]
    assert states == ["th:0", "th:0"]


def test_a_late_span_and_a_linked_write_follow_the_ratio_of_their_request() -> None:
    """Each with the threshold of the request, the write with the randomness it was judged by."""
    tail = Tail(0.0, ratios=Ratios(sample_ratios("site=alameda.ca:0.999999"), 0.0))
    root = tail.begin()
    late = tail.begin("late", root)
    root.set_attribute(a.SITE, "alameda.ca")
    write = tail.begin("db.write.execute", links=[Link(root.get_span_context())])
    root.end(0)
    write.end(0)
    late.end(0)
    assert sorted(tail.names) == ["GET", "db.write.execute", "late"]
    states = {
        span.name: (c.trace_state.get("ot") or "").split(";")
        for span in tail.all
        if (c := span.get_span_context())
    }
    [threshold] = states["GET"]
    assert states["late"] == [threshold]
    randomness = root.get_span_context().trace_id % 2**56
    assert states["db.write.execute"] == [threshold, f"rv:{randomness:014x}"]


def test_a_trace_that_another_process_began_has_its_decision() -> None:
    """Ratios of this process do not change it, nor its tracestate."""
    tail = Tail(0.0, ratios=Ratios(sample_ratios("site=alameda.ca:1"), 0.0))
    for flags, names in ((1, ["GET"]), (0, [])):
        parent = trace.NonRecordingSpan(
            SpanContext(1 << 100, 1, True, TraceFlags(flags), TraceState([("ot", "th:8")]))
        )
        root = tail.tracer.start_span("GET", trace.set_span_in_context(parent))
        root.set_attribute(a.SITE, "alameda.ca")
        root.end()
        assert tail.names == names or flags == 0
    [span] = tail.all
    context = span.get_span_context()
    assert context is not None
    assert context.trace_state.get("ot") == "th:8"


@pytest.mark.parametrize("late", [False, True])
def test_every_decision_by_ratio_is_remembered_for_so_many_traces(
    monkeypatch: pytest.MonkeyPatch, late: bool
) -> None:
    """The spans that end after their request follow it, but for those of the oldest."""
    monkeypatch.setattr(module, "MAX_DECIDED", 2)
    tail = Tail(ratios=Ratios(sample_ratios("site=alameda.ca:0"), 1.0))
    roots = [tail.begin() for _ in range(4)]
    children = [tail.begin("child", root) for root in roots]
    for root in roots:
        root.end(1)
    assert tail.names == ["GET"] * 4
    for child in children[2:] if late else children[:2]:
        child.end(1)
    assert tail.names == ["GET"] * 4 + ["child"] * (2 if late else 0)


class Behind(SpanProcessor):
    """What the processor behind is asked to do."""

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def shutdown(self) -> None:
        self.calls.append("shutdown")

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        self.calls.append(timeout_millis)
        return timeout_millis > 5


def test_the_processor_behind_is_flushed_and_shut_down() -> None:
    """Its answer is passed on."""
    behind = Behind()
    processor = TailSpanProcessor(behind, slow=5)
    assert processor.force_flush(7)
    assert not processor.force_flush(3)
    processor.shutdown()
    assert behind.calls == [7, 3, "shutdown"]


def test_every_failure_keeps_its_trace_unless_some_are_expected() -> None:
    """As in a host without Datasette: a statement that was refused is one, too."""
    exported = InMemorySpanExporter()
    provider = TracerProvider(TailSampler(0), shutdown_on_exit=False)
    provider.add_span_processor(TailSpanProcessor(SimpleSpanProcessor(exported), slow=5))
    tracer = provider.get_tracer("host")
    root = tracer.start_span("GET", Context(), start_time=0)
    child = tracer.start_span("child", trace.set_span_in_context(root), start_time=0)
    child.set_attribute("db.response.status_code", "SQLITE_ERROR")
    child.set_status(StatusCode.ERROR)
    child.end(0)
    root.end(0)
    assert [span.name for span in exported.get_finished_spans()] == ["child", "GET"]


def test_a_span_that_can_not_be_judged_fails_no_request() -> None:
    """It is counted, and its trace is decided by its other spans."""
    failsafe.raise_failures(False)
    before = state.failures["traces.tail_sampling"]
    tail = Tail()
    root = tail.begin()
    child = tail.begin("child", root)
    child.set_attribute("db.response.status_code", {"a": 1})
    child.set_status(StatusCode.ERROR)
    child.end(0)
    assert state.failures["traces.tail_sampling"] == before + 1
    assert tail.names == []
    root.set_status(StatusCode.ERROR)
    root.end(0)
    assert tail.names == ["child", "GET"]


def test_a_trace_within_the_limit_is_kept_whole() -> None:
    """Though its own request has made it fail."""
    tail = Tail(budgets=Budgets(BudgetSettings(spans_of_a_trace=3)))
    root = tail.begin()
    for name in ("one", "two"):
        tail.begin(name, root).end(0)
    root.set_attribute(a.CAUSE, "request")
    root.set_status(StatusCode.ERROR)
    root.end(0)
    assert tail.names == ["one", "two", "GET"]
    assert a.SPANS_LEFT_OUT not in (tail.all[-1].attributes or {})


def test_only_a_threshold_of_zero_says_that_a_rule_has_kept_a_trace() -> None:
    """With entries of other vendors, and in front of other parts of ours."""
    kept = kept_by_rule(TraceState([("vendor", "1")]))
    assert kept.to_header() == "ot=th:0,vendor=1"
    assert is_kept_by_rule(kept)
    assert is_kept_by_rule(TraceState([("ot", "th:0;rv:00000000000001")]))
    for state_of in (None, TraceState(), sampled(2**55), TraceState([("ot", "rv:0;th:0")])):
        assert not is_kept_by_rule(state_of)
