"""How long a request waited for its client, and for nobody else."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from telemetry.asgi import exchange
from telemetry.registry import attributes as a
from tests.support.clock import Clock, run_by
from tests.telemetry.asgi.driving import Client, answering, visit
from tests.telemetry.asgi.observed import Observed

if TYPE_CHECKING:
    from telemetry.scope import Message, Receive, Send

DELAY = 0.03


async def _slow_itself(scope: Message, receive: Receive, send: Send) -> None:
    """Reads, works for a while, and listens for the client to leave meanwhile."""
    while (await receive()).get("more_body"):
        pass
    leaving = asyncio.ensure_future(receive())
    await asyncio.sleep(5 * DELAY)
    leaving.cancel()
    await answering()(scope, receive, send)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The edge's clock and the event loop's."""
    clock = Clock()
    monkeypatch.setattr(exchange, "perf_counter", clock)
    return clock


def _waited(clock: Clock, client: Client) -> object:
    observed = Observed(_slow_itself)
    with suppress(OSError):
        run_by(clock, visit(observed.edge, client=client))
    return (observed.span.attributes or {}).get(a.CLIENT_WAIT)


def test_a_quick_client_is_not_mentioned(clock: Clock) -> None:
    """However long the application itself takes, and listens for it to leave."""
    assert _waited(clock, Client()) is None


def test_its_body_and_the_answer_are_waited_for(clock: Clock) -> None:
    """Two messages of its own, and two of ours."""
    body: list[Message] = [
        {"type": "http.request", "body": b"a", "more_body": True},
        {"type": "http.request", "body": b"b"},
    ]
    assert _waited(clock, Client(*body, delay=DELAY)) == pytest.approx(4 * DELAY)


def test_one_that_leaves_is_timed_as_well(clock: Clock) -> None:
    """Up to the message that could not be sent."""
    assert _waited(clock, Client(refuses=1, delay=DELAY)) == pytest.approx(2 * DELAY)
