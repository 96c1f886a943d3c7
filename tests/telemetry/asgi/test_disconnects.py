"""A client that leaves: an outcome, never an error, and nothing stays open."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from opentelemetry.trace import StatusCode

from tests.telemetry.asgi.driving import Client, answering, run, visit
from tests.telemetry.asgi.observed import Observed

if TYPE_CHECKING:
    from telemetry.scope import Message, Receive, Send


async def _polls_for_the_client(scope: Message, receive: Receive, send: Send) -> None:
    """A stream that stops when it is told that nobody reads, as Django and Starlette do."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"first", "more_body": True})
    while (await receive())["type"] != "http.disconnect":
        pass


async def _never_done(scope: Message, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await asyncio.Event().wait()


def _assert_disconnected(observed: Observed) -> None:
    assert observed.attributes["corkboard.outcome"] == "disconnected"
    assert "error.type" not in observed.attributes
    assert observed.span.status.status_code is StatusCode.UNSET
    assert observed.span.events == ()
    assert observed.active == [0]
    [point] = observed.points("http.server.request.duration")
    assert point.count == 1
    assert "error.type" not in point.attributes


def test_a_disconnect_message_before_the_last_byte() -> None:
    """The application was told and stopped."""
    observed = Observed(_polls_for_the_client)
    client = Client()
    client.leave()
    run(visit(observed.edge, client=client))
    _assert_disconnected(observed)


def test_what_is_sent_to_nobody_does_not_complete_the_response() -> None:
    """An application may go on to the last byte after it was told."""

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await _polls_for_the_client(scope, receive, send)
        await send({"type": "http.response.body", "body": b"last"})

    observed = Observed(app)
    client = Client()
    client.leave()
    run(visit(observed.edge, client=client))
    _assert_disconnected(observed)


@pytest.mark.parametrize("message", [0, 1, 2], ids=["headers", "body", "last"])
def test_a_refused_message(message: int) -> None:
    """`send` raises OSError once the client is gone (ASGI 2.4); the server still hears of it."""
    observed = Observed(answering(200, b"row"))
    with pytest.raises(OSError, match="gone"):
        run(visit(observed.edge, client=Client(refuses=message)))
    _assert_disconnected(observed)


def test_an_error_after_the_client_left_is_not_the_pages() -> None:
    """What an application raises on finding nobody there is no fault of its own."""

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        with suppress(OSError):
            await answering()(scope, receive, send)
        raise RuntimeError("nobody reads this")

    observed = Observed(app)
    with pytest.raises(RuntimeError):
        run(visit(observed.edge, client=Client(refuses=0)))
    _assert_disconnected(observed)


def test_a_cancelled_request() -> None:
    """A server that cancels, at a disconnect or at its own end, is obeyed and not an error."""
    observed = Observed(_never_done)

    async def cancel() -> None:
        request = asyncio.create_task(visit(observed.edge))
        await asyncio.sleep(0)
        assert observed.active == [1]
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request

    run(cancel())
    _assert_disconnected(observed)


BODY = {"type": "http.response.body", "body": b"row"}
PART = {"type": "http.response.zerocopysend", "file": 3}
# The messages of whole bodies: ASGI's extensions send files in their place.
WHOLE: dict[str, list[Message]] = {
    "body": [BODY],
    "parts": [{**BODY, "more_body": True}, BODY],
    "path": [{"type": "http.response.pathsend", "path": "/tmp/page"}],
    "file": [PART],
    "parts of files": [{**PART, "more_body": True}, {**BODY, "more_body": True}, PART],
}


@pytest.mark.parametrize("messages", WHOLE.values(), ids=WHOLE)
def test_a_disconnect_after_the_last_byte_is_how_a_server_says_done(
    messages: list[Message],
) -> None:
    """Listening on after the response is what Django does with every request."""

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for message in messages:
            await send(message)
        while (await receive())["type"] != "http.disconnect":
            pass

    observed = Observed(app)
    client = Client()
    client.leave()
    run(visit(observed.edge, client=client))
    assert observed.attributes["corkboard.outcome"] == "served"


def test_a_disconnect_between_two_parts_of_files() -> None:
    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({**PART, "more_body": True})
        await _polls_for_the_client(scope, receive, send)

    observed = Observed(app)
    client = Client()
    client.leave()
    run(visit(observed.edge, client=client))
    _assert_disconnected(observed)


def test_a_cancellation_after_the_last_byte_takes_nothing_back() -> None:
    """The visitor has the whole page; a server that stops then did not make it an error."""

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await answering()(scope, receive, send)
        await asyncio.Event().wait()

    observed = Observed(app)

    async def cancel() -> None:
        request = asyncio.create_task(visit(observed.edge))
        await asyncio.sleep(0)
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request

    run(cancel())
    assert observed.attributes["corkboard.outcome"] == "served"
    assert "error.type" not in observed.attributes
    assert observed.span.status.status_code is StatusCode.UNSET
    assert observed.active == [0]
