"""The lifespan: started with the worker, flushed before the server hears that it is over."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from telemetry.asgi.edge import Edge
from telemetry.asgi.options import EdgeOptions
from tests.telemetry.asgi.driving import run

if TYPE_CHECKING:
    from telemetry.scope import Message, Receive, Send
    from tests.telemetry.asgi.driving import App


class Worker:
    """A server's side of the protocol; `log` is the order in which things happened."""

    def __init__(self, app: App) -> None:
        self.log: list[str] = []
        self._incoming = ["lifespan.startup", "lifespan.shutdown"]
        self._edge = Edge(app, EdgeOptions(started=self._started, stopping=self._stopping))

    def run(self) -> list[str]:
        run(self._edge({"type": "lifespan", "asgi": {}, "state": {}}, self._receive, self._send))
        return self.log

    async def _receive(self) -> Message:
        return {"type": self._incoming.pop(0)}

    async def _send(self, message: Message) -> None:
        self.log.append(message["type"])

    async def _started(self) -> None:
        self.log.append("started")

    async def _stopping(self) -> None:
        self.log.append("flushing")
        await asyncio.sleep(0.01)
        self.log.append("flushed")


WHOLE_LIFE = [
    "started",
    "lifespan.startup.complete",
    "flushing",
    "flushed",
    "lifespan.shutdown.complete",
]


async def _answers(scope: Message, receive: Receive, send: Send) -> None:
    while (await receive())["type"] != "lifespan.shutdown":
        await send({"type": "lifespan.startup.complete"})
    await send({"type": "lifespan.shutdown.complete"})


async def _raises_at_once(scope: Message, receive: Receive, send: Send) -> None:
    raise ValueError("Django can only handle ASGI/HTTP connections, not lifespan.")


async def _raises_after_listening(scope: Message, receive: Receive, send: Send) -> None:
    message = await receive()
    raise KeyError(message["type"])


async def _returns_at_once(scope: Message, receive: Receive, send: Send) -> None:
    pass


async def _returns_after_start_up(scope: Message, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "lifespan.startup.complete"})


@pytest.mark.parametrize(
    "app",
    [
        _answers,
        _raises_at_once,
        _returns_at_once,
        _returns_after_start_up,
    ],
)
def test_the_flush_is_over_before_the_server_is_told(app: App) -> None:
    """Whether the application speaks the protocol, refuses it, or falls silent half-way."""
    assert Worker(app).run() == WHOLE_LIFE


def test_the_application_s_own_shutdown_comes_before_the_flush() -> None:
    """What it logs while it closes is sent too."""
    log: list[str] = []

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        log.append("closed")
        await send({"type": "lifespan.shutdown.complete"})

    worker = Worker(app)
    worker.log = log
    assert worker.run() == [*WHOLE_LIFE[:2], "closed", *WHOLE_LIFE[2:]]


def test_a_failed_start_up_is_the_server_s_to_report() -> None:
    """Nothing is answered in the application's place: its word stands, and the server stops."""

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})

    assert Worker(app).run() == ["lifespan.startup.failed"]


def test_a_failed_start_up_that_raises_too_is_raised() -> None:
    """As Starlette does; what there is to say about it is sent first."""

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})
        raise RuntimeError("no database")

    worker = Worker(app)
    with pytest.raises(RuntimeError, match="no database"):
        worker.run()
    assert worker.log == ["lifespan.startup.failed", "flushing", "flushed"]


def test_a_start_up_that_raises_is_the_server_s_to_judge() -> None:
    """It begins to serve, or it does not, as without the edge."""
    worker = Worker(_raises_after_listening)
    with pytest.raises(KeyError, match=r"lifespan\.startup"):
        worker.run()
    assert worker.log == []


@pytest.mark.parametrize("answers", [False, True], ids=["raised", "answered and raised"])
def test_a_failed_shutdown_still_flushes(answers: bool) -> None:
    """The server reports the failure; the telemetry of the worker's life is not lost with it."""

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        if answers:
            await send({"type": "lifespan.shutdown.failed", "message": "still open"})
        raise RuntimeError("still open")

    worker = Worker(app)
    with pytest.raises(RuntimeError, match="still open"):
        worker.run()
    assert worker.log[:4] == WHOLE_LIFE[:4]
