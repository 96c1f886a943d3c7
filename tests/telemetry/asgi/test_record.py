"""The request record: written anywhere inside, read at the edge, over with the request."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

import pytest

import telemetry
from telemetry import request_record
from tests.telemetry.asgi.driving import answering, run, visit
from tests.telemetry.asgi.observed import Observed

if TYPE_CHECKING:
    from telemetry.scope import Message, Receive, Send


def test_what_a_child_task_writes_comes_back_out() -> None:
    """A context value would not: Django runs views in a child task."""

    async def view() -> None:
        telemetry.set_site("alameda.ca")
        telemetry.set_outcome("unknown_site")
        record = request_record()
        assert record is not None
        record.route = "/{table}"

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await asyncio.create_task(view())
        with observed.tracer.start_as_current_span("after"):
            await answering()(scope, receive, send)

    observed = Observed(app)
    run(visit(observed.edge))
    inner, server = observed.spans
    assert server.name == "GET /{table}"
    assert (
        dict(server.attributes or {}).items()
        >= {
            "corkboard.site": "alameda.ca",
            "corkboard.outcome": "unknown_site",
            "http.route": "/{table}",
        }.items()
    )
    assert dict(inner.attributes or {}) == {"corkboard.site": "alameda.ca"}


def test_a_worker_thread_reads_it_too() -> None:
    """Datasette's queries run in a pool, each in a copy of the request's context."""
    with ThreadPoolExecutor(1) as pool:

        async def app(scope: Message, receive: Receive, send: Send) -> None:
            telemetry.set_site("alameda.ca")
            await asyncio.wrap_future(pool.submit(copy_context().run, query))
            await answering()(scope, receive, send)

        def query() -> None:
            observed.tracer.start_span("query").end()

        observed = Observed(app)
        run(visit(observed.edge))
    assert dict(observed.spans[0].attributes or {}) == {"corkboard.site": "alameda.ca"}


def test_a_task_that_outlives_its_request_has_no_record() -> None:
    """It keeps the visitor's context for as long as it runs, and must not speak for the visitor."""
    seen: list[Any] = []
    done = asyncio.Event()

    async def background() -> None:
        seen.append(request_record() is not None)
        await done.wait()
        seen.append(request_record())
        telemetry.set_site("long.gone")
        observed.tracer.start_span("later").end()

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        telemetry.set_site("alameda.ca")
        tasks.append(asyncio.create_task(background()))
        await asyncio.sleep(0)
        await answering()(scope, receive, send)

    tasks: list[asyncio.Task[None]] = []
    observed = Observed(app)

    async def outlive() -> None:
        await visit(observed.edge)
        done.set()
        await tasks[0]

    run(outlive())
    assert seen == [True, None]
    server, later = observed.spans
    assert dict(server.attributes or {})["corkboard.site"] == "alameda.ca"
    assert dict(later.attributes or {}) == {}


def test_a_hundred_requests_at_once_keep_their_sites_apart() -> None:
    """Each span, its own and its children's, names the site of its own request."""
    everybody = asyncio.Barrier(100)

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        telemetry.set_site(scope["path"][1:])
        await everybody.wait()
        with observed.tracer.start_as_current_span(scope["path"]):
            await asyncio.sleep(0)
            await answering()(scope, receive, send)

    observed = Observed(app)
    most: list[int] = []

    async def all_at_once() -> None:
        visits = [asyncio.create_task(visit(observed.edge, f"/site-{n}")) for n in range(100)]
        await asyncio.sleep(0)
        most.extend(observed.active)
        await asyncio.gather(*visits)

    run(all_at_once())
    assert most == [100], "not at once, so nothing could have been mixed"
    servers = {
        span.context.trace_id: span for span in observed.spans if span.context and not span.parent
    }
    assert len(servers) == 100
    for span in observed.spans:
        assert span.context is not None
        server = servers[span.context.trace_id].attributes or {}
        assert dict(span.attributes or {})["corkboard.site"] == str(server["url.path"])[1:]
    assert observed.active == [0]
    assert observed.counted == 100


def test_outside_a_request_nothing_happens() -> None:
    """A script, or a host without configuration, calls the same functions."""
    telemetry.set_site("alameda.ca")
    telemetry.set_outcome("unknown_site")
    assert request_record() is None


def test_an_unknown_outcome_is_a_mistake_to_be_told() -> None:
    """The set is closed, since it may become a label."""
    with pytest.raises(ValueError, match=r"'lost': wanted one of .*unknown_site"):
        telemetry.set_outcome("lost")  # type: ignore[arg-type]
