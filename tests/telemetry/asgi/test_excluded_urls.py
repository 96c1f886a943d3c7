"""OTEL_PYTHON_ASGI_EXCLUDED_URLS and its like: neither traced nor counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from opentelemetry import trace

from telemetry import request_record
from tests.telemetry.asgi.driving import answering, run, visit
from tests.telemetry.asgi.observed import Observed

if TYPE_CHECKING:
    from telemetry.scope import Message, Receive, Send


@pytest.mark.parametrize(
    "pattern", ["health", "^http://alameda.ca.civic.band/health$", "x,/health"]
)
def test_an_excluded_request_leaves_nothing(pattern: str) -> None:
    """Contrib's matching: a comma list of expressions, searched for in the whole address."""
    observed = Observed(answering(), excluded_urls=pattern)

    assert run(visit(observed.edge, "/health")).status == 200
    assert observed.spans == ()
    assert observed.counted == 0
    assert observed.active == []

    run(visit(observed.edge, "/other"))
    assert observed.span.name == "GET"
    assert observed.counted == 1


def test_what_happens_inside_an_excluded_request_is_silent_too() -> None:
    """Datasette's spans inside it would otherwise be roots of their own."""

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        with observed.tracer.start_as_current_span("db.query"):
            await answering()(scope, receive, send)

    observed = Observed(app, excluded_urls="health")
    run(visit(observed.edge, "/health"))
    assert [span.name for span in observed.spans] == []
    run(visit(observed.edge, "/other"))
    assert {span.name for span in observed.spans} == {"GET", "db.query"}


def test_a_stranger_s_trace_does_not_enter_an_excluded_request() -> None:
    """Nothing in it belongs to any trace."""
    seen = []

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        seen.append(trace.get_current_span().get_span_context().is_valid)
        await answering()(scope, receive, send)

    observed = Observed(app, excluded_urls="health")
    forged = (b"traceparent", b"00-" + b"a" * 32 + b"-" + b"b" * 16 + b"-01")
    run(visit(observed.edge, "/health", headers=[forged]))
    assert seen == [False]


def test_a_framework_may_exclude_what_the_edge_has_begun() -> None:
    """Django's own list is known to its middleware only: not exported, not counted, not active."""

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        record = request_record()
        assert record is not None
        record.excluded = True
        await answering()(scope, receive, send)

    observed = Observed(app)
    run(visit(observed.edge))
    assert observed.spans == ()
    assert observed.counted == 0
    assert observed.active == [0]


def test_datasette_s_list_marks_what_datasette_would_serve() -> None:
    """The edge matches it; whether Datasette serves the request is not known yet."""
    seen = []

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        seen.append(scope["telemetry.request"].datasette_excluded)
        await answering()(scope, receive, send)

    observed = Observed(app, datasette_excluded_urls="/-/static")
    run(visit(observed.edge, "/-/static/app.css"))
    run(visit(observed.edge, "/"))
    assert seen == [True, False]
    assert len(observed.spans) == 2, "it was Django after all"
