"""The processor alone, on the SDK's own provider, with spans as Datasette makes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Span, SpanKind, StatusCode

import telemetry
from telemetry.datasette import folding as module
from telemetry.registry import attributes as a
from tests.telemetry.scripts import printed

if TYPE_CHECKING:
    from pathlib import Path

    from opentelemetry.sdk.trace import ReadableSpan

MS = 1_000_000
FAST, SLOW = 5 * MS, 60 * MS


class Stream:
    """Spans with times of their own, and what is left of them."""

    def __init__(self, **options: Any) -> None:
        self._exported = InMemorySpanExporter()
        provider = TracerProvider(
            shutdown_on_exit=False, span_limits=SpanLimits(max_span_attributes=8)
        )
        processor = telemetry.DatasetteSpanProcessor(SimpleSpanProcessor(self._exported), **options)
        provider.add_span_processor(processor)
        self.host = provider.get_tracer("a host")
        self.datasette = provider.get_tracer("datasette")

    def request(self) -> Span:
        return self.host.start_span("GET", kind=SpanKind.SERVER, start_time=0)

    def query(
        self, above: Span, execution: int = FAST, waiting: int = 0, failing: bool = False
    ) -> tuple[Span, Span]:
        """A whole query; its two spans."""
        query, execute = self.begin(above, waiting)
        if failing:
            query.set_status(StatusCode.ERROR)
        execute.end(waiting + execution)
        query.end(waiting + execution)
        return query, execute

    def begin(self, above: Span, waiting: int = 0) -> tuple[Span, Span]:
        query = self.datasette.start_span(
            "db.query", trace.set_span_in_context(above), start_time=0
        )
        query.set_attributes({"db.query.text": "select 1", "db.namespace": "meetings"})
        context = trace.set_span_in_context(query)
        return query, self.datasette.start_span("db.query.execute", context, start_time=waiting)

    @property
    def all(self) -> tuple[ReadableSpan, ...]:
        return self._exported.get_finished_spans()

    @property
    def exported(self) -> dict[str, ReadableSpan]:
        return {span.name: span for span in self.all}


@pytest.fixture(autouse=True)
def _raising(raising: None) -> None:
    pass


def test_fast_queries_are_an_account_on_the_local_root() -> None:
    """Not on the span right above them."""
    stream = Stream()
    request = stream.request()
    own = stream.host.start_span("own", trace.set_span_in_context(request))
    stream.query(own)
    stream.query(own, waiting=10 * MS)
    own.end()
    request.end()
    assert set(stream.exported) == {"own", "GET"}
    known = stream.exported["GET"].attributes or {}
    assert (known[a.QUERIES], known[a.QUERIES_EXECUTION]) == (2, 0.01)
    assert known[a.QUERIES_WAITING] == 0.01
    assert a.QUERIES not in (stream.exported["own"].attributes or {})


@pytest.mark.parametrize(
    "query",
    [
        {"execution": SLOW},
        {"execution": FAST, "failing": True},
    ],
    ids=["slow", "failing"],
)
def test_a_remarkable_query_stays_with_its_phase(query: dict[str, Any]) -> None:
    """The time that it was run counts, and how it ended."""
    stream = Stream()
    request = stream.request()
    stream.query(request, **query)
    stream.query(request)
    request.end()
    assert set(stream.exported) == {"db.query.execute", "db.query", "GET"}
    assert (stream.exported["GET"].attributes or {})[a.QUERIES] == 1


def test_a_wait_is_no_slow_query() -> None:
    """On a busy host each waits for a thread: its pages would be a hundred spans again."""
    stream = Stream()
    request = stream.request()
    stream.query(request, waiting=SLOW)
    stream.query(request, waiting=1 * MS)
    request.end()
    assert set(stream.exported) == {"GET"}
    known = stream.exported["GET"].attributes or {}
    assert (known[a.QUERIES_LONGEST_WAIT], known[a.QUERIES_WAITING]) == (0.06, 0.061)


def test_a_query_that_was_cut_short_stays() -> None:
    """What the visitor did not get to see is worth knowing."""
    stream = Stream()
    request = stream.request()
    query, execute = stream.begin(request)
    execute.end(FAST)
    query.set_attribute("datasette.truncated", True)
    query.end(FAST)
    request.end()
    assert "db.query" in stream.exported


def test_a_query_within_a_slow_one_is_folded_and_one_around_stays() -> None:
    """Nothing that stays is an orphan."""
    stream = Stream()
    request = stream.request()
    outer, execute = stream.begin(request)
    inner, _ = stream.query(execute, execution=SLOW)
    stream.query(execute)
    execute.end(FAST)
    outer.end(FAST)
    request.end()
    kept = {span.context.span_id for span in stream.all}
    assert {outer.get_span_context().span_id, inner.get_span_context().span_id} <= kept
    assert {span.parent.span_id for span in stream.all if span.parent is not None} <= kept
    assert (stream.exported["GET"].attributes or {})[a.QUERIES] == 1


def test_a_span_that_outlives_its_query_keeps_it() -> None:
    """It was seen to start, so the query is not folded before it ends."""
    stream = Stream()
    request = stream.request()
    query, execute = stream.begin(request)
    late = stream.host.start_span("late", trace.set_span_in_context(execute))
    execute.end(FAST)
    query.end(FAST)
    request.end()
    late.end()
    assert set(stream.exported) == {"db.query.execute", "db.query", "GET", "late"}


def test_other_scopes_are_nobodys_business() -> None:
    """A host may call its own spans as it likes."""
    stream = Stream()
    request = stream.request()
    stream.host.start_span("db.query", trace.set_span_in_context(request)).end()
    request.end()
    assert set(stream.exported) == {"db.query", "GET"}


def test_a_query_alone_is_a_trace() -> None:
    """A background task's, or one whose request has ended."""
    stream = Stream()
    request = stream.request()
    request.end()
    query, execute = stream.begin(request)
    execute.end(FAST)
    query.end(FAST)
    assert set(stream.exported) == {"db.query.execute", "db.query", "GET"}


def test_nothing_is_folded_at_zero() -> None:
    """As the variable's description has it."""
    stream = Stream(fold_below=0)
    request = stream.request()
    stream.query(request)
    request.end()
    assert set(stream.exported) == {"db.query.execute", "db.query", "GET"}


def test_what_never_ends_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its end, should it come, is passed on as it is."""
    monkeypatch.setattr(module, "MAX_OPEN", 4)
    monkeypatch.setattr(module, "MAX_DETAILS", 1)
    stream = Stream()
    first = stream.request()
    stream.query(first)
    others = [stream.request() for _ in range(4)]
    first.end()
    assert a.QUERIES not in (stream.exported["GET"].attributes or {})
    # What its account took is others' again.
    others[0].end()
    others[3].end()
    stream.query(others[1])
    others[1].end()
    assert (stream.all[-1].attributes or {})[a.STATEMENTS] == ("select 1",)


def test_what_a_span_has_dropped_is_still_told() -> None:
    """The copy that carries the account counts as the span did."""
    stream = Stream()
    request = stream.request()
    request.set_attributes({f"attribute.{n}": n for n in range(10)})
    stream.query(request)
    request.end()
    assert stream.exported["GET"].dropped_attributes == 2
    assert len(stream.exported["GET"].attributes or {}) > 8


def test_the_site_comes_from_the_local_root_without_our_edge() -> None:
    """Where `telemetry.set_site` put it, and from there to all below."""
    stream = Stream()
    request = stream.request()
    with trace.use_span(request):
        telemetry.set_site("alameda.ca")
    stream.query(request, execution=SLOW)
    request.end()
    assert {(span.attributes or {})[a.SITE] for span in stream.exported.values()} == {"alameda.ca"}


def test_the_package_does_not_load_the_sdk_for_it(tmp_path: Path) -> None:
    """Only who asks for it does; an unknown name is still an error."""
    code = """
        import sys, telemetry
        print("opentelemetry.sdk" in sys.modules, hasattr(telemetry, "DatasetteSpan"))
        print(telemetry.DatasetteSpanProcessor.__name__, "opentelemetry.sdk" in sys.modules)
    """
    assert printed(tmp_path, code) == "False False\nDatasetteSpanProcessor True"
