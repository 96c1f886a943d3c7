"""Spans of Datasette's tracer: light ones and wrapped ones, compared with the SDK's own."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from datasette.database import QueryInterrupted
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import context as context_api
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.metrics.view import View
from opentelemetry.sdk.trace import SpanLimits
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
)

from telemetry.datasette.meter import DatasetteMeter
from telemetry.metrics.provider import MeterProvider
from telemetry.request import RequestRecord, attach_record
from tests.telemetry.datasette.traced import KINDS, Traced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.trace import Span

    from tests.telemetry.reported import Reported

NAMES = ("db.query", "db.query.execute", "db.write.execute", "datasette.startup")
REMOTE = SpanContext(0xABC, 0xDEF, True, TraceFlags(TraceFlags.SAMPLED))

KEYS = st.sampled_from(["a", "b", "c", "datasette.truncated", "db.namespace"])
SCALARS = (
    st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=9) | st.none()
)
VALUES = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(KEYS, SCALARS, max_size=2)
ATTRIBUTES = st.dictionaries(KEYS, VALUES, max_size=4)
OPERATIONS = st.one_of(
    st.tuples(st.just("set_attribute"), KEYS, VALUES),
    st.tuples(st.just("set_attributes"), ATTRIBUTES),
    st.tuples(st.just("add_event"), st.text(max_size=5), ATTRIBUTES, st.integers(1, 99)),
    st.tuples(st.just("update_name"), st.text(max_size=5)),
    st.tuples(st.just("set_status"), st.sampled_from([*StatusCode]), st.none() | st.text()),
    st.tuples(st.just("set_status"), st.builds(Status, st.just(StatusCode.ERROR), st.text())),
    st.tuples(st.just("end"), st.integers(100, 200)),
)


@given(
    name=st.sampled_from(NAMES),
    limits=st.sampled_from([None, SpanLimits(max_attribute_length=6)]),
    attributes=st.none() | ATTRIBUTES,
    operations=st.lists(OPERATIONS, max_size=10),
)
def test_the_same_calls_give_the_same_span(
    name: str, limits: SpanLimits | None, attributes: Any, operations: list[tuple[Any, ...]]
) -> None:
    """Though the attributes of light queries are cleaned when they are read."""
    logging.disable(logging.WARNING)
    try:
        described = []
        for kind in KINDS:
            traced = Traced(kind, limits=limits)
            span = traced.datasette.start_span(
                name, kind=SpanKind.CLIENT, attributes=attributes, start_time=50
            )
            for call, *arguments in operations:
                getattr(span, call)(*arguments)
            if span.is_recording():
                span.end(300)
            [found] = traced.described
            # Floats that are no numbers are not equal to themselves.
            found["attributes"] = {k: repr(v) for k, v in found["attributes"].items()}
            described.append(found)
        assert described[0] == described[1] == described[2]
    finally:
        logging.disable(logging.NOTSET)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("given", "limits"),
    [
        ({"a": ["b", 1, None]}, None),
        ({"a": "a long text", "b": 1}, SpanLimits(max_attribute_length=6)),
        ({"a": 1, "b": 2, "c": 3}, SpanLimits(max_span_attributes=2)),
        ({"": 1, "b": 2}, None),
        ({"a": {"b": [1, {"c": "d"}]}, "b": b"x"}, None),
    ],
)
def test_attributes_are_read_as_they_are_exported(
    given: Any, limits: SpanLimits | None, name: str
) -> None:
    """Before the end and after it, by a processor or an exporter, and as JSON."""
    found = []
    for kind in ("light", "plain"):
        traced = Traced(kind, limits=limits)
        span: Any = traced.datasette.start_span(name)
        span.set_attributes(given)
        before = repr(dict(span.attributes))
        span.set_attribute("late", "x")
        span.end()
        [ended] = traced.ended
        found.append((before, repr(dict(ended.attributes or {})), ended.dropped_attributes))
    assert found[0] == found[1]


@pytest.mark.parametrize("name", NAMES)
def test_a_light_span_takes_links(name: str) -> None:
    """When it starts and later, as the SDK's does."""
    found = []
    for kind in ("light", "plain"):
        traced = Traced(kind)
        span = traced.datasette.start_span(name, links=[Link(REMOTE, {"n": 1})])
        span.add_link(REMOTE, {"n": 2})
        span.add_link(trace.INVALID_SPAN_CONTEXT)
        span.end()
        found.append(
            [(link.context, dict(link.attributes or {})) for link in traced.ended[0].links]
        )
    assert found[0] == found[1] == [(REMOTE, {"n": 1}), (REMOTE, {"n": 2})]


CHANGES: list[tuple[str, tuple[Any, ...]]] = [
    ("set_attribute", ("late", 1)),
    ("set_attribute", ("db.system", "late")),
    ("set_attributes", ({"late": 1},)),
    ("add_event", ("late",)),
    ("update_name", ("late",)),
    ("set_status", (StatusCode.ERROR, "late")),
    ("record_exception", (sqlite3.OperationalError("late"),)),
    ("end", (999,)),
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change[0])
@pytest.mark.parametrize("name", NAMES)
def test_a_change_of_an_ended_span_is_ignored(
    name: str, change: tuple[str, tuple[Any, ...]], caplog: pytest.LogCaptureFixture
) -> None:
    """With a warning, as the SDK has it, and without a second export."""
    call, arguments = change
    for kind in KINDS:
        traced = Traced(kind)
        span = traced.datasette.start_span(name, attributes={"a": 1}, start_time=1)
        span.end(2)
        before = traced.described
        caplog.clear()
        getattr(span, call)(*arguments)
        assert traced.described == before
        assert "ended span" in caplog.text
        assert not span.is_recording()


@pytest.mark.parametrize("kind", ["light", "adapted"])
def test_a_query_names_its_system_as_the_conventions_do_today(kind: str) -> None:
    """However Datasette, or a plugin, sets it."""
    traced = Traced(kind)
    for calls in (
        (("set_attribute", "db.system", "sqlite"),),
        (("set_attributes", {"db.system": "sqlite"}),),
        (("set_attribute", "db.system", "other"), ("set_attribute", "db.system", "sqlite")),
    ):
        span = traced.datasette.start_span("db.query")
        for name, *arguments in calls:
            getattr(span, name)(*arguments)
        span.end()
        assert dict(traced.ended[-1].attributes or {}) == {"db.system.name": "sqlite"}


def _failure_of(statement: str) -> Exception:
    with closing(sqlite3.connect(":memory:")) as connection, pytest.raises(sqlite3.Error) as caught:
        connection.execute(statement)
    return caught.value


@pytest.mark.parametrize("kind", ["light", "adapted"])
@pytest.mark.parametrize("name", NAMES)
def test_a_failed_query_has_the_result_code_of_sqlite(kind: str, name: str) -> None:
    """On the query and on its phases, for errors of SQLite and for Datasette's time limit."""
    traced = Traced(kind)
    failures: list[tuple[Exception, str | None]] = [
        (_failure_of("select nothing"), "SQLITE_ERROR"),
        (QueryInterrupted(_failure_of("select nothing"), "select 1", {}), "SQLITE_INTERRUPT"),
        (LookupError("a plugin's"), None),
    ]
    for error, code in failures:
        span = traced.datasette.start_span(name)
        span.record_exception(error, {"more": 1})
        span.end()
        ended = traced.ended[-1]
        expected = code if name != "datasette.startup" else None
        assert (ended.attributes or {}).get("db.response.status_code") == expected
        [event] = ended.events
        assert (event.name, (event.attributes or {})["more"]) == ("exception", 1)
        assert str(error) == (event.attributes or {})["exception.message"]


def _lose(span: Span) -> None:
    assert trace.get_current_span() is span
    raise LookupError("lost")


@pytest.mark.parametrize("name", NAMES)
def test_every_argument_of_the_start(name: str) -> None:
    """By position and by name, as the API has them."""
    above = trace.set_span_in_context(NonRecordingSpan(REMOTE))
    arguments: tuple[Any, ...] = (
        *(name, above, SpanKind.CLIENT, {"a": 1}, [Link(REMOTE)], 5, False, False),
    )
    current: tuple[Any, ...] = (*arguments, False)
    keywords: dict[str, Any] = {
        "context": above,
        "kind": SpanKind.CLIENT,
        "attributes": {"a": 1},
        "links": [Link(REMOTE)],
        "start_time": 5,
        "record_exception": False,
        "set_status_on_exception": False,
        "end_on_exit": False,
    }
    found = []
    for kind in KINDS:
        traced = Traced(kind)
        traced.datasette.start_span(*arguments).end(9)
        blocks: list[Any] = [
            traced.datasette.start_as_current_span(*current),
            traced.datasette.start_as_current_span(name, **keywords),
        ]
        for block in blocks:
            with pytest.raises(LookupError, match="lost"), block as span:
                _lose(span)
            assert span.is_recording()
            assert trace.get_current_span() is trace.INVALID_SPAN
            span.end(9)
        assert [span.parent for span in traced.ended] == [REMOTE] * 3
        found.append(traced.described)
    assert found[0] == found[1] == found[2]
    assert found[0][0] == found[0][1] == found[0][2]
    assert found[0][0]["events"] == []
    assert found[0][0]["status"] == (StatusCode.UNSET, None)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("flags", [(True, True), (True, False), (False, True), (False, False)])
def test_what_leaves_the_own_block_of_a_light_span(name: str, flags: tuple[bool, bool]) -> None:
    """As `start_span` was asked to record it."""
    found = []
    for kind in ("light", "plain"):
        traced = Traced(kind)
        span = traced.datasette.start_span(
            name, record_exception=flags[0], set_status_on_exception=flags[1], start_time=5
        )
        with pytest.raises(LookupError), span:
            raise LookupError("lost")
        [described] = traced.described
        found.append({**described, "times": ()})
    assert found[0] == found[1]
    assert len(found[0]["events"]) == flags[0]
    assert (found[0]["status"][0] is StatusCode.ERROR) == flags[1]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("flags", [(True, True), (True, False), (False, True)])
def test_what_leaves_the_block(name: str, flags: tuple[bool, bool]) -> None:
    """An exception is an event, a status, or both, as the caller has asked for."""
    found = []
    record, set_status = flags
    for kind in KINDS:
        traced = Traced(kind)
        with (
            pytest.raises(LookupError),
            traced.datasette.start_as_current_span(
                name, record_exception=record, set_status_on_exception=set_status, start_time=5
            ) as span,
        ):
            raise LookupError("lost")
        assert not span.is_recording()
        [described] = traced.described
        found.append({**described, "times": ()})
    assert found[0] == found[1] == found[2]
    assert len(found[0]["events"]) == record
    assert (found[0]["status"][0] is StatusCode.ERROR) == set_status


@pytest.fixture(params=["tables", "sdk"])
def reader(request: pytest.FixtureRequest) -> Iterator[tuple[InMemoryMetricReader, MeterProvider]]:
    """Datasette's instruments, as tables and as the SDK's, which a view needs."""
    found = InMemoryMetricReader()
    views = [View(instrument_name="anything", name="else")] if request.param == "sdk" else []
    provider = MeterProvider(
        [found], shutdown_on_exit=False, adapters={"datasette": DatasetteMeter}, views=views
    )
    yield found, provider
    provider.shutdown()


def _points(reader: InMemoryMetricReader) -> dict[str, list[tuple[dict[str, Any], float]]]:
    data: Any = reader.get_metrics_data()
    return {
        metric.name: [
            (dict(point.attributes), point.sum if hasattr(point, "sum") else point.value)
            for point in metric.data.data_points
        ]
        for resource in (data.resource_metrics if data else ())
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }


EXPECTED: dict[str, tuple[dict[str, Any], StatusCode | None, bool]] = {
    "failed": ({}, StatusCode.ERROR, False),
    "without a status": ({}, None, False),
    "suppressed": ({"datasette.sql_error_suppressed": True}, None, True),
    "not suppressed": ({"datasette.sql_error_suppressed": False}, None, False),
    "interrupted": ({"datasette.interrupted": True}, None, True),
    "interrupted at the limit of all": ({"datasette.interrupted": True}, StatusCode.ERROR, False),
    "suppressed with a status": (
        {"datasette.sql_error_suppressed": True},
        StatusCode.ERROR,
        True,
    ),
}


@pytest.mark.parametrize("case", EXPECTED)
@pytest.mark.parametrize("kind", ["light", "adapted", "unsampled"])
def test_an_expected_failure_is_no_error_of_the_duration(
    kind: str, case: str, reader: tuple[InMemoryMetricReader, MeterProvider]
) -> None:
    """Known at the end of the query, after Datasette has measured it; be it recorded or not."""
    known, status, is_expected = EXPECTED[case]
    found, provider = reader
    traced = Traced(kind)
    duration = provider.get_meter("datasette").create_histogram("db.client.operation.duration")
    with traced.datasette.start_as_current_span("db.query") as span:
        duration.record(2.0, {"db.system": "sqlite", "error.type": "LookupError"})
        assert _points(found) == {}
        span.set_attributes(known)
        if status is not None:
            span.set_status(status, "lost")
    expected = {"db.system.name": "sqlite"}
    if not is_expected:
        expected["error.type"] = "LookupError"
    assert _points(found) == {"db.client.operation.duration": [(expected, 2.0)]}
    # Once, though the span is ended again.
    span.end()
    assert _points(found) == {"db.client.operation.duration": [(expected, 2.0)]}


@pytest.mark.parametrize("kind", ["light", "adapted", "unsampled"])
def test_expected_and_other_failures_are_two_series(
    kind: str, reader: tuple[InMemoryMetricReader, MeterProvider]
) -> None:
    """Of the same database and operation, in any order."""
    found, provider = reader
    traced = Traced(kind)
    duration = provider.get_meter("datasette").create_histogram("durations")
    for amount, is_suppressed in ((1.0, False), (2.0, True), (4.0, False), (8.0, True)):
        with traced.datasette.start_as_current_span("db.query") as span:
            duration.record(amount, {"a": "b", "error.type": "LookupError"})
            span.set_attribute("datasette.sql_error_suppressed", is_suppressed)
    duration.record(16.0, {"a": "b"})
    points = _points(found)["durations"]
    assert sorted(points, key=str) == sorted(
        [({"a": "b", "error.type": "LookupError"}, 5.0), ({"a": "b"}, 26.0)], key=str
    )


@pytest.mark.parametrize("is_suppressed", [False, True])
@pytest.mark.parametrize("kind", ["light", "adapted", "unsampled"])
def test_each_failure_of_a_query_is_measured(
    kind: str, is_suppressed: bool, reader: tuple[InMemoryMetricReader, MeterProvider]
) -> None:
    """Two before its end, and one after it."""
    found, provider = reader
    traced = Traced(kind)
    duration = provider.get_meter("datasette").create_histogram("durations")
    failed = {"error.type": "LookupError"}
    with traced.datasette.start_as_current_span("db.query") as span:
        duration.record(1.0, failed)
        duration.record(2.0, failed)
        span.set_attribute("datasette.sql_error_suppressed", is_suppressed)
        span.end()
        duration.record(4.0, failed)
    assert _points(found) == {"durations": [({} if is_suppressed else failed, 7.0)]}


@pytest.mark.parametrize("kind", ["light", "adapted"])
def test_other_measurements_are_made_at_once(
    kind: str, reader: tuple[InMemoryMetricReader, MeterProvider]
) -> None:
    """Those without an error, and those outside of a query."""
    found, provider = reader
    traced = Traced(kind)
    meter = provider.get_meter("datasette")
    duration = meter.create_histogram("durations")
    interrupted = meter.create_counter("interrupted")
    failed = {"error.type": "LookupError"}
    with traced.datasette.start_as_current_span("db.query"):
        duration.record(1.0, {"db.namespace": "minutes"})
        duration.record(2.0)
        interrupted.add(1, failed)
        interrupted.add(1, failed)
        assert _points(found) == {
            "durations": [({"db.namespace": "minutes"}, 1.0), ({}, 2.0)],
            "interrupted": [(failed, 2)],
        }
        with traced.datasette.start_as_current_span("db.query.execute"):
            duration.record(4.0, failed)
    duration.record(8.0, failed)
    assert (failed, 12.0) in _points(found)["durations"]


def test_measurements_have_the_site_of_the_request_that_is_served(
    reader: tuple[InMemoryMetricReader, MeterProvider],
) -> None:
    """Not of one that has ended, nor of one that the router has not named."""
    found, provider = reader
    counter = provider.get_meter("datasette").create_counter("count")
    histogram = provider.get_meter("datasette").create_histogram("durations")
    record = RequestRecord("GET", trace.INVALID_SPAN)
    token = context_api.attach(attach_record(record, Context()))
    try:
        for site, ended in ((None, False), ("alameda.ca", False), ("alameda.ca", True)):
            record.site, record.ended = site, ended
            counter.add(1, {"a": "b"})
            histogram.record(1.0, {"a": "b"})
    finally:
        context_api.detach(token)
    for name in ("count", "durations"):
        values = {(known.get("corkboard.site"), known["a"]): n for known, n in _points(found)[name]}
        assert values == {(None, "b"): 2, ("alameda.ca", "b"): 1}


def _served(traced: Traced) -> tuple[RequestRecord, Span, Context]:
    """A request of the edge: its record, its span, and the context in which it is served."""
    record = RequestRecord("GET", trace.INVALID_SPAN)
    context = attach_record(record, Context())
    span = traced.edge.start_span("GET", context, SpanKind.SERVER)
    record.span = span
    return record, span, trace.set_span_in_context(span, context)


@pytest.mark.parametrize("kind", ["light", "adapted", "unsampled"])
def test_the_span_of_a_request_adds_to_the_edges(kind: str) -> None:
    """Name, status, end and its own attributes are the edge's, and the route is the record's."""
    traced = Traced(kind)
    record, edge, context = _served(traced)
    token = context_api.attach(context)
    try:
        with traced.datasette.start_as_current_span(
            "GET", Context(), SpanKind.SERVER, {"url.path": "/secret"}
        ) as span:
            assert span.is_recording()
            assert span.get_span_context() == edge.get_span_context()
            span.set_attribute("http.route", r"/(?P<database>[^\/\.]+)$")
            span.set_attributes({"url.path": "/secret", "datasette.own": 1})
            span.set_attribute("http.response.status_code", 200)
            span.update_name("GET /secret")
            span.set_status(StatusCode.ERROR, "no")
            span.add_event("an event")
            span.record_exception(LookupError("lost"), {"more": 1}, 5)
            with traced.datasette.start_as_current_span("db.query"):
                pass
            span.end()
        assert record.route == "/{database}"
    finally:
        context_api.detach(token)
    assert edge.is_recording() == (kind != "unsampled")
    edge.end()
    edge.end()
    if kind == "unsampled":
        assert traced.ended == ()
        return
    query, server = traced.described
    assert (query["name"], query["parent"]) == ("db.query", "GET")
    assert server["attributes"] == {"datasette.own": 1}
    assert server["status"] == (StatusCode.UNSET, None)
    assert [name for name, *_ in server["events"]] == ["an event", "exception"]
    [_, exception] = traced.ended[-1].events
    assert ((exception.attributes or {})["more"], exception.timestamp) == (1, 5)


@pytest.mark.parametrize("kind", ["light", "adapted"])
def test_an_exception_in_a_request_is_left_to_the_edge(kind: str) -> None:
    """Its span would have two events otherwise."""
    traced = Traced(kind)
    _, edge, context = _served(traced)
    token = context_api.attach(context)
    try:
        with (
            pytest.raises(LookupError),
            traced.datasette.start_as_current_span("GET", kind=SpanKind.SERVER),
        ):
            raise LookupError
    finally:
        context_api.detach(token)
    edge.end()
    [server] = traced.described
    assert (server["events"], server["status"]) == ([], (StatusCode.UNSET, None))


@pytest.mark.parametrize("kind", ["light", "adapted"])
def test_a_span_of_the_host_around_datasette_is_the_parent(kind: str) -> None:
    """And not the edge's, though the request is the edge's."""
    traced = Traced(kind)
    record, edge, context = _served(traced)
    token = context_api.attach(context)
    try:
        with (
            traced.plugin.start_as_current_span("around"),
            traced.datasette.start_as_current_span("GET", kind=SpanKind.SERVER) as span,
            traced.datasette.start_as_current_span("db.query"),
        ):
            span.set_attribute("http.route", "/-/versions$")
    finally:
        context_api.detach(token)
    edge.end()
    parents = {each["name"]: each["parent"] for each in traced.described}
    assert parents["db.query"] == "around"
    assert record.route is not None


@pytest.mark.parametrize("kind", ["light", "adapted"])
@pytest.mark.parametrize("way", ["excluded", "datasette_excluded"])
def test_an_excluded_request_has_no_span(kind: str, way: str) -> None:
    """By the edge's list or by Datasette's, which counts once Datasette serves the request."""
    traced = Traced(kind)
    record, _, context = _served(traced)
    setattr(record, way, True)
    token = context_api.attach(context)
    try:
        span = traced.datasette.start_span("GET", kind=SpanKind.SERVER)
    finally:
        context_api.detach(token)
    assert not span.get_span_context().is_valid
    assert record.excluded


def _describe_and_lose(span: Span) -> None:
    span.set_attribute("user_agent.original", "planted")
    span.set_attribute("http.route", r"/(?P<database>[^\/\.]+)$")
    span.update_name("GET something")
    span.set_attribute("url.scheme", "http")
    _lose(span)


@pytest.mark.parametrize("kind", ["light", "adapted"])
def test_a_request_without_an_edge_has_a_span_that_its_route_names(kind: str) -> None:
    """And that does not have the visitor's user agent."""
    traced = Traced(kind)
    with (
        pytest.raises(LookupError, match="lost"),
        traced.datasette.start_as_current_span("GET", kind=SpanKind.SERVER) as span,
    ):
        _describe_and_lose(span)
    [server] = traced.described
    assert server["name"] == "GET /{database}"
    assert server["kind"] is SpanKind.SERVER
    assert server["attributes"] == {"http.route": "/{database}", "url.scheme": "http"}
    assert server["status"] == (StatusCode.ERROR, "LookupError: lost")
    assert [name for name, *_ in server["events"]] == ["exception"]


@pytest.mark.parametrize("kind", ["light", "adapted"])
@pytest.mark.parametrize("way", ["start_span", "start_as_current_span"])
def test_a_query_after_the_request_is_a_trace_that_links_to_it(kind: str, way: str) -> None:
    """The task has the request's context; its spans would be of that trace for ever."""
    traced = Traced(kind)
    record, edge, context = _served(traced)
    token = context_api.attach(context)
    try:
        with traced.datasette.start_as_current_span("GET", kind=SpanKind.SERVER):
            record.ended = True
            edge.end()
            if way == "start_span":
                traced.datasette.start_span("db.query", links=[Link(REMOTE)]).end()
            else:
                with traced.datasette.start_as_current_span("db.query", links=[Link(REMOTE)]):
                    traced.datasette.start_span("db.query.execute").end()
                    with traced.datasette.start_as_current_span("db.query.execute"):
                        pass
    finally:
        context_api.detach(token)
    cause = edge.get_span_context()
    [query] = [span for span in traced.ended if span.name == "db.query"]
    assert query.parent is None
    assert query.context is not None
    assert query.context.trace_id != cause.trace_id
    assert [link.context for link in query.links] == [REMOTE, cause]
    phases = [span for span in traced.ended if span.name == "db.query.execute"]
    assert [phase.parent for phase in phases] == [query.context] * len(phases)
    assert len(phases) == (0 if way == "start_span" else 2)


@pytest.mark.parametrize("kind", ["light", "adapted"])
@pytest.mark.parametrize("way", ["start_span", "start_as_current_span"])
def test_a_query_that_outlives_its_request_stays_in_its_trace(kind: str, way: str) -> None:
    """It was started by the request, and so were its phases."""
    traced = Traced(kind)
    record, edge, context = _served(traced)
    token = context_api.attach(context)
    try:
        with traced.datasette.start_as_current_span("db.query"):
            record.ended = True
            edge.end()
            if way == "start_span":
                traced.datasette.start_span("db.query.execute").end()
            else:
                with traced.datasette.start_as_current_span("db.query.execute"):
                    pass
    finally:
        context_api.detach(token)
    parents = {each["name"]: each["parent"] for each in traced.described}
    assert parents == {"GET": None, "db.query.execute": "db.query", "db.query": "GET"}
    assert {span.context.trace_id for span in traced.ended if span.context} == {
        edge.get_span_context().trace_id
    }
    assert all(span.links == () for span in traced.ended)


@pytest.mark.parametrize("kind", ["light", "adapted"])
def test_work_after_an_unrecorded_request_has_no_link(kind: str) -> None:
    """There is nothing that it could lead to."""
    traced = Traced(kind)
    record = RequestRecord("GET", trace.INVALID_SPAN)
    record.ended = True
    token = context_api.attach(attach_record(record, Context()))
    try:
        traced.datasette.start_span("db.query").end()
        with traced.datasette.start_as_current_span("db.query"):
            pass
    finally:
        context_api.detach(token)
    assert [(span.parent, span.links) for span in traced.ended] == [(None, ())] * 2


@pytest.mark.parametrize("kind", ["light", "adapted", "unsampled"])
def test_the_failure_of_a_write_in_the_background_is_reported(
    kind: str, reported: Reported
) -> None:
    """No caller waits for the write, so no caller would report its failure."""
    traced = Traced(kind)
    cause = [Link(REMOTE)]
    calls: list[tuple[str, Any]] = [
        ("db.write.execute", cause),
        ("db.write.execute", ()),
        ("db.query", cause),
    ]
    for name, links in calls:
        with (
            pytest.raises(LookupError, match="lost"),
            traced.datasette.start_as_current_span(name, Context(), links=links),
        ):
            raise LookupError("lost")
    with traced.datasette.start_as_current_span("db.write.execute", Context(), links=cause):
        pass
    assert [repr(error) for error in reported.errors] == ["LookupError('lost')"]
    assert reported.caught_by == ["datasette"]
    if kind != "unsampled":
        statuses = [span.status.status_code for span in traced.ended]
        assert statuses == [StatusCode.ERROR] * 3 + [StatusCode.UNSET]


@pytest.mark.parametrize("kind", ["light", "adapted"])
def test_a_link_that_is_added_later_is_exported(kind: str) -> None:
    """Of a query, and by the span that stands for Datasette's SERVER span."""
    traced = Traced(kind)
    _, edge, context = _served(traced)
    token = context_api.attach(context)
    try:
        with traced.datasette.start_as_current_span("GET", kind=SpanKind.SERVER) as server:
            server.add_link(REMOTE, {"why": "continued"})
            with traced.datasette.start_as_current_span("db.query") as query:
                query.add_link(REMOTE)
    finally:
        context_api.detach(token)
    edge.end()
    assert {span.name: [link.context for link in span.links] for span in traced.ended} == {
        "db.query": [REMOTE],
        "GET": [REMOTE],
    }
