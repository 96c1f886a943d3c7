"""Where a failure happened: in the innermost span, and in no request that is over."""

from __future__ import annotations

import asyncio
from threading import Thread
from typing import TYPE_CHECKING

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from telemetry.datasette.tracer import DatasetteTracer
from telemetry.errors import failures
from telemetry.errors.failures import Origin
from telemetry.registry.datasette import SCOPE
from telemetry.request import request_record
from telemetry.traces.spans import RecordedSpanProcessor
from tests.telemetry.asgi.driving import answering, run, visit
from tests.telemetry.asgi.observed import Observed
from tests.telemetry.reported import raised

if TYPE_CHECKING:
    from telemetry.scope import Message, Receive, Send

INNER, OUTER = Origin(1, 2, True), Origin(3, 4, False)


class MinutesLostError(Exception):
    pass


@pytest.fixture(autouse=True)
def _raising(raising: None) -> None:
    pass


def test_the_first_place_is_the_innermost() -> None:
    """The spans around it end by the same exception, later."""
    error = raised(MinutesLostError())
    failures.set_origin(error, None)
    assert failures.origin_of(error) is None
    failures.set_origin(error, INNER)
    failures.set_origin(error, OUTER)
    assert failures.origin_of(error) == INNER


def test_the_place_of_a_cause_is_the_failures() -> None:
    """Unless it has one of its own."""
    cause = raised(MinutesLostError())
    failures.set_origin(cause, INNER)
    error = raised(LookupError(), cause)
    assert failures.origin_of(error) == INNER
    failures.set_origin(error, OUTER)
    assert failures.origin_of(error) == OUTER
    assert failures.origin_of(raised(ValueError())) is None


def test_the_current_place_is_the_current_span() -> None:
    """Kept by the sampler or not; outside a span there is none."""
    assert failures.current_origin() is None
    for sampled in (True, False):
        provider = TracerProvider(shutdown_on_exit=False)
        if not sampled:
            provider = TracerProvider(ALWAYS_OFF, shutdown_on_exit=False)
        with provider.get_tracer("test").start_as_current_span("x") as span:
            context = span.get_span_context()
            origin = Origin(context.trace_id, context.span_id, sampled)
            assert failures.current_origin() == origin


def test_a_task_that_outlives_its_request_is_nowhere() -> None:
    """It has the visitor's span for as long as it runs; a live span of its own counts."""
    origins: list[Origin | None] = []
    done = asyncio.Event()

    async def background() -> None:
        with observed.tracer.start_as_current_span("stays open") as own:
            origins.extend([failures.current_origin(), Origin.of(own.get_span_context())])
            await done.wait()
            origins.extend([failures.current_origin(), Origin.of(own.get_span_context())])
        # Back to the request's own.
        origins.append(failures.current_origin())
        with trace.use_span(own):
            # Ended: where something was, and not where this is.
            origins.append(failures.current_origin())

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        tasks.append(asyncio.create_task(background()))
        origin = failures.current_origin()
        assert origin is not None
        assert origin.span_id != 0
        await asyncio.sleep(0)
        await answering()(scope, receive, send)

    tasks: list[asyncio.Task[None]] = []
    observed = Observed(app)

    async def outlive() -> None:
        await visit(observed.edge)
        done.set()
        await tasks[0]

    run(outlive())
    during, own, after, same, request, ended = origins
    assert during == own
    assert after == same == own
    assert request is None
    assert ended is None


def test_an_untraced_task_that_outlives_its_request_is_nowhere_either() -> None:
    """Where the sampler kept nothing, no span of its own can be told from the request's."""
    origins: list[Origin | None] = []
    done = asyncio.Event()

    async def background() -> None:
        await done.wait()
        origins.append(failures.current_origin())

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        origins.append(failures.current_origin())
        tasks.append(asyncio.create_task(background()))
        await answering()(scope, receive, send)

    tasks: list[asyncio.Task[None]] = []

    async def outlive() -> None:
        await visit(Observed(app, sampler=ALWAYS_OFF).edge)
        done.set()
        await tasks[0]

    run(outlive())
    within, after = origins
    assert within is not None
    assert not within.sampled
    assert after is None


def test_a_task_that_outlives_an_excluded_request_is_nowhere_too() -> None:
    """A framework's own list excluded it after its span had started: that one never ends."""
    origins: list[Origin | None] = []
    done = asyncio.Event()

    async def background() -> None:
        await done.wait()
        assert trace.get_current_span().is_recording()
        origins.append(failures.current_origin())

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        record = request_record()
        assert record is not None
        record.excluded = True
        tasks.append(asyncio.create_task(background()))
        await answering()(scope, receive, send)

    tasks: list[asyncio.Task[None]] = []

    async def outlive() -> None:
        await visit(Observed(app).edge)
        done.set()
        await tasks[0]

    run(outlive())
    assert origins == [None]


@pytest.mark.parametrize(
    ("scope", "name"),
    [("host", "work"), ("datasette", "db.query"), ("datasette", "datasette.startup")],
)
def test_the_place_does_not_depend_on_where_the_span_ends(scope: str, name: str) -> None:
    """Neither on its thread nor on what is being handled there."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(RecordedSpanProcessor())
    tracer = provider.get_tracer(scope)
    if scope == SCOPE:
        tracer = DatasetteTracer(tracer)
    span = tracer.start_span(name)
    error = raised(MinutesLostError())
    span.record_exception(error)
    other = raised(LookupError())
    try:
        raise other
    except LookupError:
        thread = Thread(target=span.end)
        thread.start()
        thread.join()
    assert failures.origin_of(error) == Origin.of(span.get_span_context())
    assert failures.origin_of(other) is None


def test_a_span_that_has_ended_is_not_where_a_failure_happened() -> None:
    """OpenTelemetry's SDK records no exception on it either."""
    span = _failing_tracer().start_span("over")
    span.end()
    error = raised(MinutesLostError())
    span.record_exception(error)
    assert failures.origin_of(error) is None


def _failing_tracer() -> trace.Tracer:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(RecordedSpanProcessor())
    return provider.get_tracer("test")
