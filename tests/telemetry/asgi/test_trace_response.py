"""The header that tells a visitor the trace's id, on whatever the application answers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON

from tests.telemetry.asgi.driving import Client, answering, run, visit, websocket_scope
from tests.telemetry.asgi.observed import Observed

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.sampling import Sampler

    from telemetry.scope import Message, Receive, Send


def trace_responses(client: Client) -> list[bytes]:
    """The header's values, in every message that has headers."""
    return [
        value
        for message in client.sent
        for name, value in message.get("headers", ())
        if name.lower() == b"traceresponse"
    ]


@pytest.mark.parametrize("status", [200, 204, 304, 404, 500])
def test_every_response_names_its_trace(status: int) -> None:
    """Once, in the form of W3C Trace Context Level 2: version, trace, span and flags.

    Those are that the trace is sampled and its id random.
    """
    observed = Observed(answering(status, b"row", headers=[(b"x-own", b"1")]))
    client = run(visit(observed.edge))
    context = observed.span.context
    assert context is not None
    expected = f"00-{context.trace_id:032x}-{context.span_id:016x}-03"
    assert trace_responses(client) == [expected.encode()]
    # The application's come first, in their order.
    assert client.sent[0]["headers"] == [
        (b"x-own", b"1"),
        (b"traceresponse", expected.encode()),
    ]


@pytest.mark.parametrize(("sampler", "flags"), [(ALWAYS_ON, b"03"), (ALWAYS_OFF, b"02")])
def test_the_flag_says_whether_the_trace_was_kept(sampler: Sampler, flags: bytes) -> None:
    """What is not kept has an id all the same, which its logs and errors carry."""
    client = run(visit(Observed(answering(), sampler=sampler).edge))
    [header] = trace_responses(client)
    version, trace_id, span_id, found = header.split(b"-")
    assert (version, found) == (b"00", flags)
    assert (len(trace_id), len(span_id)) == (32, 16)
    assert int(trace_id, 16)
    assert int(span_id, 16)


def test_what_is_excluded_has_no_trace_to_name() -> None:
    """The answer is the application's own."""
    headers = [(b"x-own", b"1")]
    client = run(visit(Observed(answering(headers=headers), excluded_urls=".*").edge))
    assert client.sent[0]["headers"] == headers


def test_the_applications_headers_are_its_own() -> None:
    """One that answers each request with the same message would collect a header with each."""
    headers = ((b"x-own", b"1"),)
    start: Message = {"type": "http.response.start", "status": 200, "headers": headers}

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send(start)
        await send({"type": "http.response.body", "body": b""})

    observed = Observed(app)
    clients = [run(visit(observed.edge)) for _ in range(3)]
    assert start == {"type": "http.response.start", "status": 200, "headers": headers}
    assert [len(trace_responses(client)) for client in clients] == [1, 1, 1]
    assert len({value for client in clients for value in trace_responses(client)}) == 3


def test_a_response_without_headers_gets_the_one() -> None:
    """ASGI lets an application leave them out."""

    start: Message = {"type": "http.response.start", "status": 200, "trailers": True}

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send(start)
        await send({"type": "http.response.body", "body": b""})

    client = run(visit(Observed(app).edge))
    assert len(trace_responses(client)) == 1
    assert client.sent[0]["trailers"] is True
    assert "headers" not in start


def test_a_websocket_that_is_refused_with_a_page_names_its_trace() -> None:
    """That page is a response as any, and so is the acceptance."""

    def saying(*messages: Message) -> Client:
        async def app(scope: Message, receive: Receive, send: Send) -> None:
            for message in messages:
                await send(message)

        client = Client({"type": "websocket.connect"})
        run(Observed(app).edge(websocket_scope(), client.receive, client.send))
        return client

    refused = saying(
        {"type": "websocket.http.response.start", "status": 404, "headers": []},
        {"type": "websocket.http.response.body", "body": b""},
    )
    assert len(trace_responses(refused)) == 1
    accepted = saying({"type": "websocket.accept"}, {"type": "websocket.close"})
    assert len(trace_responses(accepted)) == 1


def test_an_agent_in_a_browser_finds_the_trace() -> None:
    """Only if it is asked for. An application's own header stays."""
    headers = [(b"server-timing", b"db;dur=1")]
    observed = Observed(answering(headers=headers), server_timing=True)
    sent = run(visit(observed.edge)).sent[0]["headers"]
    context = observed.span.context
    assert context is not None
    # What Splunk's agent looks for.
    [found] = re.findall(
        rb"traceparent;desc=['\"]00-([0-9a-f]{32})-([0-9a-f]{16})-01['\"]",
        b", ".join(value for name, value in sent if name == b"server-timing"),
    )
    assert found == (f"{context.trace_id:032x}".encode(), f"{context.span_id:016x}".encode())
    assert sent[0] == headers[0]
    assert (b"access-control-expose-headers", b"Server-Timing") in sent
    assert len(trace_responses(run(visit(observed.edge)))) == 1
    without = run(visit(Observed(answering()).edge)).sent[0]["headers"]
    assert not [name for name, _ in without if name != b"traceresponse"]
