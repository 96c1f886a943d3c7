"""TELEMETRY_UNTRACED_PATHS at the edge: counted as any other request, and not traced."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, DEFAULT_ON

import telemetry
from telemetry import request_record
from telemetry.asgi.trust import Trust
from tests.telemetry.asgi.driving import answering, run, visit
from tests.telemetry.asgi.observed import Observed

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.sampling import Sampler
    from opentelemetry.trace import SpanContext

    from telemetry.scope import Message, Receive, Send

CALLER = (b"traceparent", b"00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01")


def _points(observed: Observed) -> list[Any]:
    return observed.points("http.server.request.duration")


def test_an_untraced_request_is_counted() -> None:
    """By its route, and with no exemplar: that would lead to a trace that is nowhere."""

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        telemetry.set_site("alameda.ca")
        record = request_record()
        assert record is not None
        record.route = "/-/static/{path}"
        assert observed.active == [1]
        await answering(304)(scope, receive, send)

    observed = Observed(app, untraced_paths="/-/static/")
    assert run(visit(observed.edge, "/-/static/app.css")).status == 304
    assert observed.spans == ()
    [point] = _points(observed)
    assert (point.count, point.exemplars) == (1, [])
    assert dict(point.attributes) == {
        "http.request.method": "GET",
        "http.response.status_code": 304,
        "http.route": "/-/static/{path}",
        "network.protocol.version": "1.1",
        "url.scheme": "http",
    }
    assert observed.active == [0]

    run(visit(observed.edge, "/other"))
    assert observed.span.name == "GET /-/static/{path}"
    [point] = _points(observed)
    assert point.count == 2
    [exemplar] = point.exemplars
    context = observed.span.context
    assert context is not None
    assert exemplar.trace_id == context.trace_id, "a traced request has one"


@pytest.mark.parametrize("sampler", [ALWAYS_ON, DEFAULT_ON])
def test_no_span_below_it_is_exported(sampler: Sampler) -> None:
    """In a task, in a worker thread, at whatever depth; also where parents are not asked."""

    async def view() -> None:
        with observed.tracer.start_as_current_span("view"):
            await asyncio.wrap_future(pool.submit(copy_context().run, query))

    def query() -> None:
        observed.tracer.start_span("query").end()

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await asyncio.create_task(view())
        await answering()(scope, receive, send)

    with ThreadPoolExecutor(1) as pool:
        observed = Observed(app, sampler=sampler, untraced_paths="/static/")
        run(visit(observed.edge, "/static/app.css"))
        assert [span.name for span in observed.spans] == []
        run(visit(observed.edge, "/"))
        assert [span.name for span in observed.spans] == ["query", "view", "GET"]


@pytest.mark.parametrize("trusted", [False, True])
def test_its_trace_id_is_valid_and_unsampled(trusted: bool) -> None:
    """For log records and callees. A trusted caller's own sampling changes nothing."""
    seen: list[SpanContext] = []

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        with observed.tracer.start_as_current_span("inside"):
            seen.append(trace.get_current_span().get_span_context())
        seen.append(trace.get_current_span().get_span_context())
        seen.append(scope["telemetry.request"].span.get_span_context())
        await answering()(scope, receive, send)

    trust = Trust("trust" if trusted else "link")
    observed = Observed(app, untraced_paths="/static/", trust=trust)
    run(visit(observed.edge, "/static/app.css", headers=[CALLER]))
    assert all(context.is_valid and not context.trace_flags.sampled for context in seen)
    [trace_id] = {f"{context.trace_id:032x}" for context in seen}
    assert (trace_id == "a" * 32) is trusted
    assert observed.spans == ()


@pytest.mark.parametrize(
    ("path", "traced"),
    [
        ("/static/app.css", False),
        ("/favicon.ico", False),
        ("/minutes/static/app.css", True),
        ("/static", True),
        ("/favicon.icon", True),
        ("/favicon_ico", True),
        ("/", True),
    ],
)
def test_paths_are_matched_from_their_start(path: str, traced: bool) -> None:
    """A table may be called `static`; blanks and a trailing comma are forgiven."""
    observed = Observed(answering(), untraced_paths=r"/static/, /favicon\.ico$,")
    run(visit(observed.edge, path, query_string=b"next=/static/"))
    assert len(observed.spans) == traced
    assert observed.counted == 1


@pytest.mark.parametrize("nothing", ["", ","])
def test_no_expression_traces_everything(nothing: str) -> None:
    """An empty one would match every path."""
    observed = Observed(answering(), untraced_paths=nothing)
    run(visit(observed.edge, "/static/app.css"))
    assert observed.span.name == "GET"


def test_a_failing_one_is_counted_as_an_error() -> None:
    """It isn't traced either: that is known at its end only, when its children are gone."""

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        raise LookupError("the file is lost")

    observed = Observed(app, untraced_paths="/static/")
    with pytest.raises(LookupError):
        run(visit(observed.edge, "/static/app.css"))
    assert observed.spans == ()
    [point] = _points(observed)
    assert point.attributes["error.type"] == "LookupError"


def test_what_is_excluded_stays_uncounted() -> None:
    """Where both lists name a path, OTEL_PYTHON_EXCLUDED_URLS says more."""
    observed = Observed(answering(), excluded_urls="/static/", untraced_paths="/static/")
    run(visit(observed.edge, "/static/app.css"))
    assert observed.counted == 0
