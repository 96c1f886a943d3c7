"""Query folding of light spans, compared with that of the SDK's spans of the same calls."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import context as context_api
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import SpanLimits, SpanProcessor
from opentelemetry.trace import Link, SpanKind, StatusCode

import telemetry
from telemetry.asgi.edge import Edge
from telemetry.asgi.options import EdgeOptions
from telemetry.datasette import folding as module
from telemetry.datasette.query_statistics import QueryStatistics
from telemetry.export.encoding.spans import encode_span
from telemetry.export.encoding.values import ValueEncoder
from telemetry.registry import attributes as a
from telemetry.registry import datasette as d
from telemetry.request import RequestRecord, attach_record
from telemetry.state import state
from telemetry.traces.provider import TracerProvider
from tests.support.waiting import PATIENCE
from tests.telemetry.asgi.driving import answering, visit
from tests.telemetry.datasette.traced import ALL, KINDS, MS, Traced

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from opentelemetry.trace import Span, Tracer

FAST, SLOW = 5 * MS, 60 * MS
FOLDING = {"fold_below": 0.025}
# Slower than any test: what a busy machine makes slow is folded, too.
ALL_FOLDED = {"fold_below": 3600.0}


def _inside(span: Span) -> Context:
    return trace.set_span_in_context(span, Context())


def _query(traced: Traced, above: Span, *, text: str = "select 1", **more: Any) -> None:
    """One query of Datasette's, with times in nanoseconds.

    Args:
        traced: the provider.
        above: the parent.
        text: the statement.
        more: ``execution``, ``waiting``, ``database``, ``known`` for further attributes,
            ``error``, ``status``, ``phases``, ``event``, ``system``.
    """
    execution, waiting = more.get("execution", FAST), more.get("waiting", 0)
    end = waiting + execution
    query = traced.datasette.start_span("db.query", _inside(above), SpanKind.CLIENT, start_time=0)
    if more.get("system", True):
        query.set_attribute("db.system", "sqlite")
    query.set_attribute("db.namespace", more.get("database", "meetings"))
    query.set_attribute("db.query.text", text)
    query.set_attributes(more.get("known", {}))
    for name in more.get("phases", ("db.query.execute",)):
        is_wait = name == "db.write.queue_wait"
        phase = traced.datasette.start_span(
            name, _inside(query), start_time=0 if is_wait else waiting
        )
        if more.get("error") is not None and not is_wait:
            phase.record_exception(more["error"], timestamp=1)
            phase.set_status(StatusCode.ERROR, "lost")
        if more.get("event") and not is_wait:
            phase.add_event(more["event"], {"a": 1}, 1)
        phase.end(waiting if is_wait else end)
    if "status" in more:
        query.set_status(more["status"], "lost")
    query.end(end)


def _fast(traced: Traced, root: Span) -> None:
    for _ in range(3):
        _query(traced, root)


def _slow(traced: Traced, root: Span) -> None:
    _query(traced, root, execution=SLOW)
    _query(traced, root)


def _just_slow_enough(traced: Traced, root: Span) -> None:
    _query(traced, root, execution=25 * MS)
    _query(traced, root, execution=25 * MS - 1)


def _failing(traced: Traced, root: Span) -> None:
    _query(traced, root, error=LookupError("lost"))
    _query(traced, root, status=StatusCode.ERROR)
    _query(traced, root, status=StatusCode.OK)


def _with_an_event(traced: Traced, root: Span) -> None:
    _query(traced, root, event="a step")
    _query(traced, root)


def _cut_short(traced: Traced, root: Span) -> None:
    _query(traced, root, known={"datasette.truncated": True, "datasette.rows_returned": 101})
    _query(traced, root, known={"datasette.truncated": False, "datasette.rows_returned": 7})


def _expected(traced: Traced, root: Span) -> None:
    _query(traced, root, known={"datasette.sql_error_suppressed": True})
    _query(traced, root, known={"datasette.interrupted": True, "datasette.time_limit_ms": 5})
    _query(traced, root, known={"datasette.time_limit_ms": 5, "datasette.rows_returned": 3})


def _writes(traced: Traced, root: Span) -> None:
    phases = ("db.write.queue_wait", "db.write.execute")
    _query(traced, root, waiting=SLOW, phases=phases)
    _query(traced, root, waiting=1 * MS, execution=SLOW, phases=phases)
    _query(traced, root, waiting=SLOW, phases=("db.write.queue_wait",))


def _without_phases(traced: Traced, root: Span) -> None:
    _query(traced, root, phases=())
    _query(traced, root, phases=(), execution=SLOW)


def _several_phases(traced: Traced, root: Span) -> None:
    phases = ("db.query.execute", "db.query.execute", "db.query.execute")
    _query(traced, root, phases=phases, execution=8 * MS)
    _query(traced, root, phases=phases, execution=9 * MS)


def _loops(traced: Traced, root: Span) -> None:
    for number in range(6):
        _query(traced, root, text=f"select column_{number} from pages where id = {number}")
    for database in ("meetings", "minutes", "_internal"):
        _query(traced, root, database=database, execution=2 * MS)
    for number in range(20):
        _query(traced, root, text=f"pragma table_info([{number}])", database=str(number))


def _callbacks(traced: Traced, root: Span) -> None:
    _query(traced, root, text="", known={"datasette.callback": "Database.table_names"})
    _query(traced, root, text="")
    _query(traced, root, known={"datasette.rows_returned": True})
    _query(traced, root, known={"datasette.rows_returned": 2.5})


def _kept_with_odd_values(traced: Traced, root: Span) -> None:
    known: dict[str, Any] = {
        "list": ["a", "b"],
        "nested": {"c": [1, None]},
        "": "without a name",
        "long": "x" * 500,
        "bytes": b"x",
    }
    _query(traced, root, execution=SLOW, known=known)
    _query(traced, root, known=known)


def _kept_with_lists(traced: Traced, root: Span) -> None:
    known: dict[str, Any] = {"list": ["a", "b"]}
    _query(traced, root, execution=SLOW, known=known)
    _query(
        traced,
        root,
        execution=SLOW,
        text="select 'a statement longer than the small limit' as " + "x" * 40,
    )


def _too_many_attributes(traced: Traced, root: Span) -> None:
    # Without the attribute that is renamed, which has another place in the order then.
    known = {f"key {n}": n for n in range(200)}
    _query(traced, root, execution=SLOW, known=known, system=False)


def _nested(traced: Traced, root: Span) -> None:
    for inner in (FAST, SLOW):
        query = traced.datasette.start_span("db.query", _inside(root), start_time=0)
        phase = traced.datasette.start_span("db.query.execute", _inside(query), start_time=0)
        _query(traced, phase, execution=inner)
        _query(traced, query, execution=FAST)
        phase.end(FAST)
        query.end(FAST)


def _a_plugins_span_inside(traced: Traced, root: Span) -> None:
    for tracer in (traced.plugin, traced.edge):
        query = traced.datasette.start_span("db.query", _inside(root), start_time=0)
        phase = traced.datasette.start_span("db.query.execute", _inside(query), start_time=0)
        own = tracer.start_span("own", _inside(phase), start_time=0)
        _query(traced, own)
        own.end(1)
        phase.end(FAST)
        query.end(FAST)


def _a_phase_that_outlives_its_query(traced: Traced, root: Span) -> None:
    query = traced.datasette.start_span("db.query", _inside(root), start_time=0)
    phase = traced.datasette.start_span("db.query.execute", _inside(query), start_time=0)
    query.end(FAST)
    phase.end(SLOW)


def _names_of_datasette_in_another_scope(traced: Traced, root: Span) -> None:
    for tracer in (traced.plugin, traced.edge):
        for name in ("db.query", "db.query.execute"):
            tracer.start_span(name, _inside(root), start_time=0).end(1)


def _other_spans_of_datasette(traced: Traced, root: Span) -> None:
    other = traced.datasette.start_span("datasette.startup", _inside(root), start_time=0)
    _query(traced, other)
    other.end(FAST)
    traced.datasette.start_span("db.query.execute", _inside(root), start_time=0).end(1)


def _renamed(traced: Traced, root: Span) -> None:
    query = traced.datasette.start_span("db.query", _inside(root), start_time=0)
    query.update_name("another")
    query.end(SLOW)
    _query(traced, root)


# The exported spans below the root, and the queries that are folded.
STORIES: dict[Callable[[Traced, Span], None], tuple[int, int]] = {
    _fast: (0, 3),
    _slow: (2, 1),
    _just_slow_enough: (2, 1),
    _failing: (4, 1),
    _with_an_event: (2, 1),
    _cut_short: (2, 1),
    _expected: (0, 3),
    _writes: (5, 1),
    _without_phases: (1, 1),
    _several_phases: (4, 1),
    _loops: (0, 29),
    _callbacks: (0, 4),
    _kept_with_odd_values: (2, 1),
    _kept_with_lists: (4, 0),
    _too_many_attributes: (2, 0),
    _nested: (4, 4),
    _a_plugins_span_inside: (6, 2),
    _a_phase_that_outlives_its_query: (0, 1),
    _names_of_datasette_in_another_scope: (4, 0),
    _other_spans_of_datasette: (2, 1),
    _renamed: (1, 1),
}


def test_light_spans_of_queries_and_phases_have_one_class() -> None:
    """CPython makes an instruction fast for objects of one class at a time."""
    traced = Traced("light", FOLDING)
    spans = [
        traced.datasette.start_span(name, Context())
        for name in (d.QUERY, *sorted(d.PHASES), "datasette.startup")
    ]
    query, *phases, other = map(type, spans)
    assert {*phases} == {query}
    assert other is not query


def test_a_light_query_is_folded_whatever_its_spans_are_called_later() -> None:
    """A plugin may rename the current span, which is that of the phase, within a thread."""
    traced = Traced("light", FOLDING)
    root = traced.edge.start_span("GET", Context(), SpanKind.SERVER)
    query = traced.datasette.start_span(d.QUERY, _inside(root), start_time=0)
    phase = traced.datasette.start_span("db.query.execute", _inside(query), start_time=0)
    phase.update_name("a plugin's")
    query.update_name("db.query.execute")
    phase.end(FAST)
    query.end(FAST)
    root.end()
    [span] = traced.ended
    assert (span.attributes or {})[a.QUERIES] == 1


@pytest.mark.parametrize(
    "limits",
    [None, SpanLimits(max_span_attributes=8, max_attribute_length=60)],
    ids=["default", "small"],
)
@pytest.mark.parametrize("of_request", ["edge", "plugin"])
@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__.strip("_"))
def test_the_same_is_folded_and_the_same_is_exported(
    story: Callable[[Traced, Span], None],
    of_request: str,
    limits: SpanLimits | None,
    raising: None,
) -> None:
    """Below a light span and below one of the SDK's: spans, statistics and their numbers."""
    exported, counted = [], []
    for kind in KINDS:
        traced = Traced(kind, FOLDING, limits)
        tracer: Tracer = getattr(traced, of_request)
        root = tracer.start_span("GET", Context(), SpanKind.SERVER, {"n": 1}, start_time=0)
        story(traced, root)
        processor = traced.processor
        counted.append((processor.queries(root.get_span_context().span_id), processor.folded))
        root.end(100 * MS)
        assert processor.queries(root.get_span_context().span_id) == (0, 0.0)
        exported.append(traced.described)
    assert counted[0] == counted[1] == counted[2]
    assert exported[0] == exported[1]
    assert exported[1] == exported[2]
    *below, above = exported[0]
    assert above["name"] == "GET"
    queries = above["attributes"].get("corkboard.queries.count", 0)
    assert (len(below), queries) == STORIES[story]


def _statistics(kind: str, story: Callable[[Traced, Span], None]) -> dict[str, Any]:
    """The statistics of a story, by the ends of their names, and those of `queries`."""
    traced = Traced(kind, FOLDING)
    root = traced.edge.start_span("GET", Context(), SpanKind.SERVER, start_time=0)
    story(traced, root)
    number, execution = traced.processor.queries(root.get_span_context().span_id)
    root.end(100 * MS)
    begin = "corkboard.queries."
    known = (traced.ended[-1].attributes or {}).items()
    found = {name.removeprefix(begin): value for name, value in known if name.startswith(begin)}
    return {**found, "ended": (number, round(execution, 6))}


@pytest.mark.parametrize("kind", KINDS)
def test_the_figures_of_queries(kind: str, raising: None) -> None:
    """Of what was folded; `queries` counts the others as well, for the Server-Timing header."""
    slow = _statistics(kind, _slow)
    assert slow["ended"] == (2, 0.065)
    assert (slow["count"], slow["execution_time"], slow["max_execution_time"]) == (1, 0.005, 0.005)
    # Without a time limit it is not known how many rows there were.
    assert (slow["rows"], slow.get("interrupted"), slow.get("suppressed")) == (0, None, None)
    expected = _statistics(kind, _expected)
    assert (expected["suppressed"], expected["interrupted"], expected["rows"]) == (1, 1, 3)
    several = _statistics(kind, _several_phases)
    # Three phases at once: together they took longer than the query, and it has not waited.
    assert (several["execution_time"], several["wait_time"]) == (0.024, 0.0)
    writes = _statistics(kind, _writes)
    assert (writes["execution_time"], writes["wait_time"], writes["max_wait_time"]) == (
        *(0.005, 0.06, 0.06),
    )
    callbacks = _statistics(kind, _callbacks)
    assert set(callbacks["statements"]) == {"Database.table_names", "", "select 1"}
    assert callbacks["rows"] == 1
    loops = _statistics(kind, _loops)
    assert loops["repeated.count"] == (20, 6)
    assert len(loops["databases"]) == 17
    assert "other" in loops["databases"]
    assert sum(loops["databases.count"]) == loops["count"] == 29


@pytest.mark.parametrize("kind", KINDS)
def test_the_processor_behind_sees_the_start_of_what_it_will_get(kind: str, raising: None) -> None:
    """With the context of the parent: a root decides what becomes of its trace."""
    started: list[Any] = []

    class Behind(SpanProcessor):
        def on_start(self, span: Any, parent_context: Context | None = None) -> None:
            above = trace.get_current_span(parent_context).get_span_context()
            started.append((span.name, above.span_id))

    traced = Traced(kind)
    traced.provider.add_span_processor(telemetry.DatasetteSpanProcessor(Behind(), **FOLDING))
    root = traced.edge.start_span("GET", Context())
    own = traced.plugin.start_span("own", _inside(root))
    startup = traced.datasette.start_span("datasette.startup", _inside(own))
    alone = traced.datasette.start_span("db.query", Context())
    assert started == [
        ("GET", 0),
        ("own", root.get_span_context().span_id),
        ("datasette.startup", own.get_span_context().span_id),
        ("db.query", 0),
    ]
    for span in (alone, startup, own, root):
        span.end()


def _sites(traced: Traced) -> dict[str, Any]:
    return {span.name: (span.attributes or {}).get("corkboard.site") for span in traced.ended}


@pytest.mark.parametrize("kind", KINDS)
def test_the_site_of_the_request_is_on_each_span(kind: str, raising: None) -> None:
    """Also on those that started before the router knew it, where they are light ones."""
    traced = Traced(kind, FOLDING)
    record = RequestRecord("GET", trace.INVALID_SPAN)
    with _serving(traced, record) as root:
        early = traced.edge.start_span("early")
        record.site = "alameda.ca"
        _in_context(traced, SLOW)
        traced.plugin.start_span("of a plugin").end()
        early.end()
    root.end(100 * MS)
    found = _sites(traced)
    if kind == "light":
        assert found.pop("early") == found.pop("GET") == "alameda.ca"
    else:
        # The SDK's are given it when they start, so the edge sets it on its own.
        assert found.pop("early") is found.pop("GET") is None
    assert found == dict.fromkeys(("db.query.execute", "db.query", "of a plugin"), "alameda.ca")


@contextmanager
def _serving(traced: Traced, record: RequestRecord) -> Iterator[Span]:
    """A request whose record the edge has put into the context, and its span, which stays open."""
    context = attach_record(record, Context())
    root = traced.edge.start_span("GET", context, SpanKind.SERVER, start_time=0)
    token = context_api.attach(trace.set_span_in_context(root, context))
    try:
        yield root
    finally:
        context_api.detach(token)


def _in_context(traced: Traced, execution: int) -> None:
    """One query below the current span."""
    query = traced.datasette.start_span("db.query", start_time=0)
    phase = traced.datasette.start_span(
        "db.query.execute", trace.set_span_in_context(query), start_time=0
    )
    phase.end(execution)
    query.end(execution)


@pytest.mark.parametrize("kind", KINDS)
def test_a_span_after_the_request_has_no_site(kind: str, raising: None) -> None:
    """The task that starts it has the request's context, and its work is not the request's."""
    traced = Traced(kind, FOLDING)
    record = RequestRecord("GET", trace.INVALID_SPAN)
    record.site = "alameda.ca"
    record.ended = True
    context = attach_record(record, Context())
    token = context_api.attach(context)
    try:
        with traced.edge.start_as_current_span("late"):
            traced.edge.start_span("child").end()
            traced.plugin.start_span("of a plugin").end()
    finally:
        context_api.detach(token)
    assert _sites(traced) == dict.fromkeys(("late", "child", "of a plugin"))


@pytest.mark.parametrize("kind", KINDS)
def test_a_write_in_the_background_has_the_site_of_its_cause(kind: str, raising: None) -> None:
    """By the link to the request that has ended; a link to a stranger's trace names none."""
    traced = Traced(kind, FOLDING)
    record = RequestRecord("GET", trace.INVALID_SPAN)
    record.site = "alameda.ca"
    with _serving(traced, record) as root:
        _in_context(traced, FAST)
    root.end(1 * MS)
    cause = root.get_span_context()
    remote = trace.SpanContext(cause.trace_id, cause.span_id, is_remote=True)
    for name, link in (("db.write.execute", cause), ("db.write.queue_wait", remote)):
        traced.datasette.start_span(name, Context(), links=[Link(link)], start_time=0).end(1)
    traced.plugin.start_span("other", Context(), links=[Link(cause)]).end()
    found = _sites(traced)
    assert found["db.write.execute"] == "alameda.ca"
    assert found["db.write.queue_wait"] is None
    assert found["other"] is None
    writes = [span for span in traced.ended if span.name.startswith("db.write")]
    assert [span.parent for span in writes] == [None, None]


@pytest.mark.parametrize("kind", KINDS)
def test_the_sites_of_so_many_requests_are_remembered(
    kind: str, raising: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For writes that start later; of the oldest it is forgotten."""
    monkeypatch.setattr(module, "MAX_SITES", 2)
    traced = Traced(kind, FOLDING)
    causes = []
    for site in ("one", "two", "three"):
        record = RequestRecord("GET", trace.INVALID_SPAN)
        record.site = site
        with _serving(traced, record) as root:
            traced.plugin.start_span("of a plugin").end()
        root.end(1)
        causes.append(Link(root.get_span_context()))
    for cause in causes:
        traced.datasette.start_span("db.write.execute", Context(), links=[cause]).end()
    writes = [span for span in traced.ended if span.name == "db.write.execute"]
    sites = [(span.attributes or {}).get("corkboard.site") for span in writes]
    assert sites == [None, "two", "three"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_child_that_never_ends_is_forgotten_and_exported_if_it_does(
    kind: str, raising: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its parent has ended before it."""
    monkeypatch.setattr(module, "MAX_OPEN", 2)
    traced = Traced(kind, FOLDING)
    first = traced.edge.start_span("first", Context())
    query = traced.datasette.start_span("db.query", _inside(first))
    query.set_attribute("db.system", "sqlite")
    first.end()
    others = [traced.edge.start_span("other", Context()) for _ in range(2)]
    query.end()
    assert [span.name for span in traced.ended] == ["first", "db.query"]
    # As an exporter reads it, and as it is encoded.
    known: Any = traced.described[-1]["attributes"]
    assert known["db.system.name"] == "sqlite"
    if kind != "plain":
        assert b"db.system.name" in encode_span(traced.ended[-1], ValueEncoder(None))
    # Those that were not forgotten have their statistics, with room for a query again.
    monkeypatch.setattr(module, "MAX_OPEN", 9)
    _query(traced, others[1])
    for other in others:
        other.end()
    known = traced.ended[-1].attributes
    assert known["corkboard.queries.count"] == 1


@pytest.mark.parametrize("kind", KINDS)
def test_the_site_of_a_root_is_on_all_spans_below_without_a_record(
    kind: str, raising: None
) -> None:
    """As `telemetry.set_site` sets it where there is no edge."""
    traced = Traced(kind, FOLDING)
    root = traced.plugin.start_span("GET", Context(), SpanKind.SERVER, start_time=0)
    with trace.use_span(root, end_on_exit=False):
        telemetry.set_site("alameda.ca")
        _in_context(traced, SLOW)
        traced.edge.start_span("below").end()
    root.end(100 * MS)
    assert {*_sites(traced).values()} == {"alameda.ca"}
    assert len(traced.ended) == 4


@pytest.mark.parametrize("kind", KINDS)
def test_requests_in_threads_have_the_statistics_of_their_own_queries(
    kind: str, raising: None
) -> None:
    """However they alternate, and with a query's phase in another thread."""
    threads, requests, queries = 8, 20, 10
    traced = Traced(kind, ALL_FOLDED)
    ready = threading.Barrier(threads)

    def execute(context: Context) -> None:
        traced.datasette.start_span("db.query.execute", context).end()

    def serve(number: int) -> None:
        ready.wait()
        for _ in range(requests):
            with traced.edge.start_as_current_span("GET", attributes={"number": number}):
                for _ in range(queries):
                    with traced.datasette.start_as_current_span("db.query") as query:
                        query.set_attribute("db.query.text", f"select 'thread', x{number}x")
                        pool.submit(execute, context_api.get_current()).result()

    with ThreadPoolExecutor(2) as pool, ThreadPoolExecutor(threads) as servers:
        assert [*servers.map(serve, range(threads))] == [None] * threads
    assert len(traced.ended) == threads * requests
    for span in traced.ended:
        known: Any = span.attributes
        assert known["corkboard.queries.count"] == queries
        assert known["corkboard.queries.statements"] == (f"select 'thread', x{known['number']}x",)
        assert known["corkboard.queries.statements.count"] == (queries,)
    assert traced.processor.folded == threads * requests * queries * 2


@pytest.mark.parametrize("kind", KINDS)
def test_threads_that_work_for_one_request_lose_no_query(kind: str, raising: None) -> None:
    """The number on its span, and the rows, are those of all."""
    threads, queries = 8, 100
    traced = Traced(kind, ALL_FOLDED)
    root = traced.edge.start_span("GET", Context())
    above = _inside(root)
    ready = threading.Barrier(threads)

    def work(number: int) -> None:
        ready.wait()
        for _ in range(queries):
            with traced.datasette.start_as_current_span("db.query", above) as query:
                query.set_attribute("db.query.text", f"select {number}")
                query.set_attribute("datasette.rows_returned", 2)
                with traced.datasette.start_as_current_span("db.query.execute"):
                    pass

    with ThreadPoolExecutor(threads) as pool:
        assert [*pool.map(work, range(threads))] == [None] * threads
    assert traced.processor.queries(root.get_span_context().span_id)[0] == threads * queries
    root.end()
    [ended] = traced.ended
    known: Any = ended.attributes
    assert known["corkboard.queries.count"] == threads * queries
    assert known["corkboard.queries.rows"] == 2 * threads * queries


@pytest.mark.parametrize("kind", KINDS)
def test_requests_of_one_event_loop_have_their_own_statistics(kind: str, raising: None) -> None:
    """Their queries alternate, and some run at once within one request."""
    requests, queries = 20, 6
    traced = Traced(kind, ALL_FOLDED)

    async def query(text: str) -> None:
        with traced.datasette.start_as_current_span("db.query") as span:
            span.set_attribute("db.query.text", text)
            await asyncio.sleep(0)
            with traced.datasette.start_as_current_span("db.query.execute"):
                await asyncio.sleep(0)

    async def serve(number: int) -> None:
        with traced.edge.start_as_current_span("GET", Context(), attributes={"number": number}):
            texts = [f"select x{number}x" for _ in range(queries)]
            await query(texts[0])
            await asyncio.gather(*map(query, texts[1:]))

    async def serve_all() -> None:
        await asyncio.gather(*map(serve, range(requests)))

    asyncio.run(serve_all())
    assert len(traced.ended) == requests
    for span in traced.ended:
        known: Any = span.attributes
        assert known["corkboard.queries.count"] == queries
        assert known["corkboard.queries.statements"] == (f"select x{known['number']}x",)


class Unprintable:
    """A value of an attribute that can't be shown."""

    def __str__(self) -> str:
        raise RuntimeError("unprintable")


def test_a_query_that_can_not_be_read_is_exported_and_the_failure_is_counted() -> None:
    """The caller sees nothing of it, and the spans after it are folded as ever."""
    traced = Traced("light", FOLDING)
    before = state.failures["datasette.span_processor"]
    root = traced.edge.start_span("GET", Context(), start_time=0)
    _query(traced, root, known={"db.query.text": Unprintable()})
    _query(traced, root)
    root.end(100 * MS)
    assert state.failures["datasette.span_processor"] == before + 1
    assert [span.name for span in traced.ended] == ["db.query", "GET"]
    known: Any = traced.ended[1].attributes
    assert known["corkboard.queries.count"] == 1


def test_a_span_that_can_not_be_read_when_it_starts_is_exported() -> None:
    """The name that a plugin gives may be of another type: the page is served."""
    traced = Traced("plain", FOLDING)
    before = state.failures["datasette.span_processor"]
    name: Any = ["no", "text"]
    with traced.plugin.start_as_current_span(name):
        pass
    assert state.failures["datasette.span_processor"] > before
    assert [span.name for span in traced.ended] == [name]


def test_the_processor_behind_is_flushed_and_shut_down() -> None:
    """Its answer is passed on."""
    calls: list[Any] = []

    class Behind(SpanProcessor):
        def shutdown(self) -> None:
            calls.append("shutdown")

        def force_flush(self, timeout_millis: int = 30000) -> bool:
            calls.append(timeout_millis)
            return timeout_millis > 5

    processor = telemetry.DatasetteSpanProcessor(Behind())
    assert processor.force_flush(7)
    assert not processor.force_flush(3)
    processor.shutdown()
    assert calls == [7, 3, "shutdown"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_query_that_ends_after_its_local_root_is_exported(kind: str) -> None:
    """The statistics are on their way by then. It takes no room from other requests' statements."""
    traced = Traced(kind, FOLDING)
    for number in range(3):
        root = traced.edge.start_span("GET", Context(), start_time=0)
        _query(traced, root, text="select within")
        late = traced.datasette.start_span("db.query", _inside(root), start_time=0)
        late.set_attribute("db.query.text", f"select after {number}")
        phase = traced.datasette.start_span("db.query.execute", _inside(late), start_time=0)
        root.end(MS)
        phase.end(2 * MS)
        late.end(2 * MS)
    assert [each["name"] for each in traced.described] == [
        *("GET", "db.query.execute", "db.query") * 3
    ]
    for span in traced.ended:
        if span.name == "GET":
            known: Any = span.attributes
            assert known["corkboard.queries.statements"] == ("select within",)


def test_a_statement_with_a_running_number_is_one_statement() -> None:
    """Datasette numbers the parameters of its statements about permissions."""
    traced = Traced("light", ALL_FOLDED)
    root = traced.edge.start_span("GET", Context(), start_time=0)
    text = "select allow from rules where reason = :reason_{} and " + " or ".join(
        ["child = 7"] * 30
    )
    for number in (9, 10, 11):
        _query(traced, root, text=text.format(number))
    _query(traced, root, text=text.format(9).replace("child = 7", "child = 8"))
    root.end(100 * MS)
    known: Any = traced.ended[-1].attributes
    assert known["corkboard.queries.statements.count"] == (3, 1)
    assert known["corkboard.queries.statements"][0] == text.format(0)


def test_a_request_leaves_nothing_for_the_garbage_collector() -> None:
    """What is freed at once is used again at once, while it is still in a cache."""
    found: list[Any] = []

    class Behind(SpanProcessor):
        def on_end(self, span: Any) -> None:
            found.append(weakref.ref(span))

    provider = TracerProvider(ALL, shutdown_on_exit=False, light=("telemetry",))
    provider.add_span_processor(telemetry.DatasetteSpanProcessor(Behind()))
    edge = Edge(answering(), EdgeOptions(tracer_provider=provider))
    gc.disable()
    try:
        asyncio.run(visit(edge, "/", headers=[(b"accept", b"*/*")]))
        [span] = found
        assert span() is None
    finally:
        gc.enable()


def test_a_span_that_ends_while_queries_are_added_up_is_no_deadlock() -> None:
    """The garbage collector may run in the middle of anything, and a finalizer may end a span."""
    traced = Traced("light", ALL_FOLDED)
    root = traced.edge.start_span("GET", Context())
    other = traced.edge.start_span("other", _inside(root))

    class Finalizer:
        """An attribute whose value is looked at when its query is added up."""

        def __bool__(self) -> bool:
            _query(traced, root, text="select 2")
            below = traced.edge.start_span("below", Context())
            _query(traced, below)
            below.end()
            traced.processor.queries(other.get_span_context().span_id)
            return False

    def work() -> None:
        for suppressed in (False, Finalizer(), False):
            known = {d.ROWS: 1, d.SUPPRESSED: suppressed}
            _query(traced, root, known=known)
        root.end()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    found = {span.name: (span.attributes or {}).get(a.QUERIES) for span in traced.ended}
    # The one that ended after the local root is exported itself.
    assert found == {"below": 1, "db.query.execute": None, "db.query": None, "GET": 3}


def test_the_first_query_of_a_finalizer_counts_beside_that_of_the_code_around_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The statistics of a request are made for its first query, and it may run meanwhile."""
    traced = Traced("light", ALL_FOLDED)
    root = traced.edge.start_span("GET", Context())
    made: list[object] = []

    class Interrupted(QueryStatistics):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            made.append(self)
            if len(made) == 1:
                _query(traced, root, text="select 2")

    monkeypatch.setattr(module, "QueryStatistics", Interrupted)
    thread = threading.Thread(target=_query, args=(traced, root), daemon=True)
    thread.start()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    root.end()
    assert len(made) == 2
    [ended] = traced.ended
    assert (ended.attributes or {})[a.QUERIES] == 2


def test_open_spans_are_bounded_whatever_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Phases that never end, too."""
    monkeypatch.setattr(module, "MAX_OPEN", 10)
    traced = Traced("light", ALL_FOLDED)
    root = traced.edge.start_span("GET", Context())
    for _ in range(5):
        query = traced.datasette.start_span("db.query", _inside(root))
        for _ in range(10):
            traced.datasette.start_span("db.query.execute", _inside(query))
    assert len(traced.processor._open) == 10
