"""The edge's own error page: for an exception that nobody made one of."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from telemetry.errors import failures
from telemetry.state import state
from tests.telemetry.asgi.driving import Client, answering, run, visit, websocket_scope
from tests.telemetry.asgi.observed import Observed

if TYPE_CHECKING:
    from telemetry.scope import Message, Receive, Send
    from tests.telemetry.reported import Reported


class MinutesLostError(Exception):
    pass


async def fails(scope: Message, receive: Receive, send: Send) -> None:
    raise MinutesLostError("planted")


def failing_visit(observed: Observed, client: Client | None = None, **scope: Any) -> Client:
    """A visit that the server hears of, whatever the visitor gets."""
    client = client or Client()
    with pytest.raises(MinutesLostError):
        run(visit(observed.edge, client=client, **scope))
    return client


def test_the_visitor_gets_a_page_that_names_the_trace() -> None:
    """In plain text, and without a word of the exception."""
    observed = Observed(fails)
    client = failing_visit(observed)
    context = observed.span.context
    assert context is not None
    body = f"Internal Server Error\nReference: {context.trace_id:032x}\n".encode()
    assert (client.status, client.body) == (500, body)
    headers = dict(client.sent[0]["headers"])
    assert headers.pop(b"traceresponse").split(b"-")[1] in body
    assert headers == {
        b"content-type": b"text/plain; charset=utf-8",
        b"content-length": str(len(body)).encode(),
        b"cache-control": b"no-store",
        b"connection": b"close",
    }
    assert observed.attributes["http.response.status_code"] == 500


@pytest.mark.parametrize(
    ("version", "hangs_up"),
    [("1.0", True), ("1.1", True), ("2", False), ("3", False), (None, False)],
)
def test_the_connection_ends_where_one_is_all_there_is(version: str | None, hangs_up: bool) -> None:
    """HTTP/1's, before the response is complete; others' streams end by themselves."""
    client = failing_visit(Observed(fails), http_version=version)
    headers = dict(client.sent[0]["headers"])
    assert (headers.get(b"connection") == b"close") is hangs_up
    assert client.sent[-1]["more_body"] is hangs_up
    assert len(client.body) == int(headers[b"content-length"])


def test_what_is_not_traced_has_a_page_without_a_reference() -> None:
    """An id that leads nowhere would be read out in vain."""
    client = failing_visit(Observed(fails, excluded_urls=".*"))
    assert (client.status, client.body) == (500, b"Internal Server Error\n")
    assert b"traceresponse" not in dict(client.sent[0]["headers"])


@pytest.mark.parametrize("chunks", [0, 1, 2])
def test_a_response_that_has_begun_is_left_as_it_is(chunks: int) -> None:
    """The server cuts it short, which is all that is left to say."""

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(chunks):
            await send({"type": "http.response.body", "body": b"row", "more_body": True})
        raise MinutesLostError

    client = failing_visit(Observed(app))
    assert client.status == 200
    assert client.body == b"row" * chunks
    assert len(client.sent) == 1 + chunks


def test_a_response_that_is_complete_stays_it() -> None:
    """What fails after the last byte takes nothing back, and is a failure."""

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await answering(200, b"row")(scope, receive, send)
        raise MinutesLostError

    observed = Observed(app)
    client = failing_visit(observed)
    assert (client.status, client.body) == (200, b"row")
    assert observed.attributes["corkboard.outcome"] == "error"


def test_a_websocket_gets_no_page(reported: Reported) -> None:
    """It has no response; the server closes it."""
    client = Client({"type": "websocket.connect"})
    with pytest.raises(MinutesLostError):
        run(Observed(fails).edge(websocket_scope(), client.receive, client.send))
    assert client.sent == []
    assert len(reported.errors) == 1


def test_a_client_that_left_gets_no_page(reported: Reported) -> None:
    """What an application raises once the client has left is no failure, whoever logs it."""
    error = MinutesLostError()

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        raise error

    client = Client()
    client.leave()
    failing_visit(Observed(app), client)
    assert client.sent == []
    assert reported.errors == []
    assert failures.is_reported(error)


@pytest.mark.parametrize("error", [asyncio.CancelledError(), SystemExit(3), KeyboardInterrupt()])
def test_a_server_that_ends_sends_no_page(reported: Reported, error: BaseException) -> None:
    """The application did not fail; it was stopped."""

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        raise error

    client = Client()
    with suppress(type(error)):
        run(visit(Observed(app).edge, client=client))
    assert client.sent == []
    assert reported.errors == []


@pytest.mark.usefixtures("as_in_production")
@pytest.mark.parametrize("message", [0, 1], ids=["headers", "body"])
def test_a_failure_of_the_page_counts_although_the_client_leaves(
    reported: Reported, message: int
) -> None:
    """The server raises OSError then: no failure of ours, and the application had failed before."""
    observed = Observed(fails)
    failing_visit(observed, Client(refuses=message))
    assert state.failures == {}
    assert len(reported.errors) == 1
    assert observed.attributes["corkboard.outcome"] == "error"


@pytest.mark.usefixtures("as_in_production")
def test_a_server_that_cannot_send_hears_of_the_applications_exception() -> None:
    """Ours is counted, and does not take its place."""

    class Broken(Client):
        async def send(self, message: Message) -> None:
            raise LookupError("the server's own")

    failing_visit(Observed(fails), Broken())
    assert state.failures == {"edge.error_page": 1}


def test_a_page_is_told_once(reported: Reported) -> None:
    """By the edge, before the server logs it."""
    failing_visit(Observed(fails))
    assert (len(reported.errors), reported.caught_by) == (1, ["asgi"])
