"""Sentry's scope of one request, and the header from which its transactions continue a trace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import sentry_sdk
from opentelemetry import trace

from telemetry.errors.sentry.isolation import Isolation
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


def test_each_request_has_a_scope_of_its_own() -> None:
    """A tag that a host sets in one request is not on the events of the next."""
    seen = Seen()
    app = Isolation(seen, lambda: False)
    _visit(app)
    _visit(app)
    first, second = seen.scopes
    assert first is not second
    assert sentry_sdk.get_isolation_scope() not in (first, second)
