"""Sentry's scope of one request, and the header from which its transactions continue a trace."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import sentry_sdk
from asgiref.compatibility import guarantee_single_callable
from opentelemetry import context as context_api
from opentelemetry import trace
from opentelemetry.context import Context

from telemetry.asgi.edge import Edge
from telemetry.errors.sentry.isolation import Isolation
from telemetry.request import RequestRecord, attach_record
from tests.telemetry.asgi.driving import Client, answering, http_scope, run
from tests.telemetry.errors.sentry.small_events import a_span, trace_context

if TYPE_CHECKING:
    from telemetry.scope import Message, Receive, Send


class Seen:
    """An application that keeps the headers and Sentry's scope of each request."""

    def __init__(self) -> None:
        self.headers: list[dict[bytes, bytes]] = []
        self.scopes: list[Any] = []

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        self.scopes.append(sentry_sdk.get_isolation_scope())
        self.headers.append(dict(scope["headers"]))
        await answering(200)(scope, receive, send)


def _visit(app: Any, **headers: bytes) -> None:
    given = [(name.replace("_", "-").encode(), value) for name, value in headers.items()]
    client = Client()
    run(app(http_scope(headers=given), client.receive, client.send))
    assert client.status == 200


def test_a_hosts_transaction_continues_the_requests_trace() -> None:
    """By Sentry's own header, without a decision about sampling, which is the host's."""
    seen = Seen()
    with trace.use_span(a_span()) as span:
        _visit(Isolation(seen, lambda: True))
    ids = trace_context(span)
    [headers] = seen.headers
    assert headers[b"sentry-trace"].decode() == f"{ids['trace_id']}-{ids['span_id']}"


@pytest.mark.parametrize("given", [b"", b"ab" * 16 + b"-" + b"cd" * 8 + b"-1"])
def test_a_trace_of_the_callers_is_left_to_the_host(given: bytes) -> None:
    """The header of a caller that uses Sentry's SDK is not replaced, not even an empty one."""
    seen = Seen()
    with trace.use_span(a_span()):
        _visit(Isolation(seen, lambda: True), sentry_trace=given)
    assert seen.headers[0][b"sentry-trace"] == given


def test_without_a_trace_or_a_client_of_the_hosts_no_header_is_added() -> None:
    """Telemetry's own client has no transactions."""
    seen = Seen()
    _visit(Isolation(seen, lambda: True))
    with trace.use_span(a_span()):
        _visit(Isolation(seen, lambda: False))
    assert [b"sentry-trace" in headers for headers in seen.headers] == [False, False]


def _isolated(app: Any) -> Edge:
    """The application as telemetry wraps it, each of whose requests has a record."""
    edge = Edge(app)
    edge.app = Isolation(edge.app, lambda: False)
    return edge


def test_each_request_has_a_scope_of_its_own() -> None:
    """A tag that a host sets in one request is not on the events of the next."""
    seen = Seen()
    app = _isolated(seen)
    _visit(app)
    _visit(app)
    first, second = seen.scopes
    assert first is not second
    assert sentry_sdk.get_isolation_scope() not in (first, second)


def _values(scope: sentry_sdk.Scope) -> dict[str, Any]:
    return {name: getattr(scope, name) for name in sentry_sdk.Scope.__slots__}


@pytest.mark.parametrize("which", ["isolation", "current"])
def test_a_scope_is_a_copy_of_the_one_outside(which: str) -> None:
    """Of all that it has, and a change of either is not one of the other."""
    get = getattr(sentry_sdk, f"get_{which}_scope")
    seen: dict[str, Any] = {}

    async def application(scope: Message, receive: Receive, send: Send) -> None:
        inner = get()
        inner._level = "fatal"
        inner.set_tag("place", "inside")
        seen.update(scope=inner, values=_values(inner), again=get())
        await answering(200)(scope, receive, send)

    with sentry_sdk.isolation_scope(), sentry_sdk.new_scope():
        outside = get()
        outside.set_tag("region", "bay")
        outside.add_breadcrumb({"message": "started"})
        outside.set_user({"id": "1"})
        expected = _values(outside.fork())
        _visit(_isolated(application))
        assert get() is outside
        assert outside._tags == {"region": "bay"}
    assert seen["again"] is seen["scope"]
    assert isinstance(seen["scope"], sentry_sdk.Scope)
    assert seen["values"] == expected | {
        "_level": "fatal",
        "_tags": {"region": "bay", "place": "inside"},
    }


def test_a_tag_of_a_task_is_on_the_events_of_its_request() -> None:
    """Django runs views in a task of their own."""
    tags = {}

    async def application(scope: Message, receive: Receive, send: Send) -> None:
        async def view() -> None:
            sentry_sdk.set_tag("agenda", "5")

        await asyncio.create_task(view())
        tags.update(sentry_sdk.get_isolation_scope()._tags)
        await answering(200)(scope, receive, send)

    _visit(_isolated(application))
    assert tags == {"agenda": "5"}
    assert "agenda" not in sentry_sdk.get_isolation_scope()._tags


@pytest.mark.parametrize("which", ["isolation_scope", "new_scope"])
def test_a_scope_within_a_request_ends_with_its_block(which: str) -> None:
    """It is that of the task that opened it, and no other's, as without telemetry."""
    get = sentry_sdk.get_isolation_scope if which == "isolation_scope" else _current
    seen: dict[str, Any] = {}

    async def application(scope: Message, receive: Receive, send: Send) -> None:
        opened, read = asyncio.Event(), asyncio.Event()

        async def other() -> None:
            await opened.wait()
            seen["other"] = get()
            read.set()

        task = asyncio.create_task(other())
        seen["before"] = get()
        with getattr(sentry_sdk, which)() as inner:
            inner.set_tag("item", "3")
            opened.set()
            await read.wait()
            seen.update(opened=inner, inside=get())
            with getattr(sentry_sdk, which)() as innermost:
                assert get() is innermost
                assert innermost._tags == {"item": "3"}
        seen["after"] = get()
        await task
        await answering(200)(scope, receive, send)

    outside = get()
    _visit(_isolated(application))
    assert seen["inside"] is seen["opened"]
    assert seen["inside"] is not seen["before"]
    assert seen["other"] is seen["before"]
    assert seen["after"] is seen["before"]
    assert get() is outside
    assert outside._tags == {}


def _current() -> sentry_sdk.Scope:
    return sentry_sdk.get_current_scope()


def test_a_scope_that_is_assigned_in_a_request_is_not_of_the_next() -> None:
    """Also where a server serves both in one context."""
    assigned = sentry_sdk.get_isolation_scope().fork()
    scopes = []

    async def application(scope: Message, receive: Receive, send: Send) -> None:
        scopes.append(sentry_sdk.get_isolation_scope())
        sentry_sdk.Scope.set_isolation_scope(assigned)
        scopes.append(sentry_sdk.get_isolation_scope())
        assigned.set_tag("item", "3")
        await answering(200)(scope, receive, send)

    async def both() -> None:
        app = _isolated(application)
        for _ in range(2):
            client = Client()
            await app(http_scope(), client.receive, client.send)

    run(both())
    first, second, third, fourth = scopes
    assert second is fourth is assigned
    assert len({id(scope) for scope in (first, third, assigned)}) == 3
    assert first._tags == third._tags == {}


def test_threads_that_read_a_scope_at_once_have_the_same() -> None:
    _visit(_isolated(answering(200)))
    for _ in range(50):
        record = RequestRecord("GET", trace.INVALID_SPAN)
        ready = threading.Barrier(4)

        def work(
            number: int,
            record: RequestRecord = record,
            ready: threading.Barrier = ready,
        ) -> sentry_sdk.Scope:
            token = context_api.attach(attach_record(record, Context()))
            ready.wait(60)
            try:
                sentry_sdk.set_tag(f"thread {number}", number)
                return sentry_sdk.get_isolation_scope()
            finally:
                context_api.detach(token)

        with ThreadPoolExecutor(4) as pool:
            scopes = [*pool.map(work, range(4))]
        assert len({id(scope) for scope in scopes}) == 1
        assert len(scopes[0]._tags) == 4


def test_other_middleware_may_wrap_it() -> None:
    """`asgiref`, which the edge's base class uses, takes it for an application of ASGI 3."""
    seen = Seen()
    isolation = Isolation(seen, lambda: False)
    wrapped = guarantee_single_callable(isolation)  # type: ignore[no-untyped-call]
    for app in (Edge(isolation), wrapped):
        for _ in range(2):
            _visit(app)
    assert len(seen.headers) == 4
