"""Workers that replace each other while the backend comes and goes."""

from __future__ import annotations

from contextlib import ExitStack
from signal import SIGHUP
from typing import TYPE_CHECKING

import pytest

from telemetry.testing import OTLPReceiver
from tests.chaos.promises import (
    SERVERS,
    UNDELIVERED,
    Traffic,
    accessed,
    spans,
    wait_for_all,
    workers,
)
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from tests.chaos.promises import Promise, Serve
    from tests.support.servers import Server

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(900)]

REQUESTS, MANY_REQUESTS = 150, 1000
# Small files, so that each worker has some to send.
BATCH = 10
VARIABLES = {"OTEL_BSP_MAX_EXPORT_BATCH_SIZE": str(BATCH), "TELEMETRY_SHUTDOWN_TIMEOUT": "1s"}
# uvicorn's server closes connections from which it has not read a request yet, when it stops.
CLOSES_CONNECTIONS = {"uvicorn", "UvicornWorker"}
CLOSED = ("RemoteProtocolError(", "ReadError(")


@pytest.fixture
def requests(soak: bool) -> int:
    return MANY_REQUESTS if soak else REQUESTS


def check(receiver: OTLPReceiver, traffic: Traffic, *servers: Server, ended: int = 0) -> None:
    """Compare what was sent with what has arrived by the time that all servers have stopped.

    A worker that ends while the backend is there may have sent a batch whose acknowledgement it
    did not wait for. That batch is left on disk, and sent again by the next worker.

    Args:
        receiver: the backend.
        traffic: the requests. Those that were not answered may have been served, too.
        servers: those that have stopped.
        ended: number of workers that ended before.
    """
    arrived, sent = spans(receiver), traffic.traces
    assert set(sent) <= set(arrived)
    assert set(arrived) == {trace for server in servers for trace in accessed(server)}
    assert len(set(arrived) - set(sent)) <= len(traffic.failed)
    twice = len(arrived) - len(set(arrived))
    assert twice <= ended * BATCH
    for server in servers:
        assert UNDELIVERED.findall(server.output()) == []
        assert "Traceback" not in server.output()
    print(f"{len(sent)} spans, {twice} of them twice")


@pytest.mark.parametrize("kind", SERVERS)
def test_a_reload_loses_nothing(promise: Promise, kind: str, requests: int) -> None:
    """During an outage: the new workers send what the old ones have left."""
    with SERVERS[kind](env=promise.variables(VARIABLES)) as server:
        with Traffic(lambda: server) as traffic:
            traffic.wait_for(requests // 2)
            old = workers(server)
            assert len(old) == 2
            server.signal(SIGHUP)
            server.wait_for_workers(4)
            # They have ended before the backend is back.
            wait_until(lambda: not old & workers(server))
            traffic.wait_for(requests)
        # What a server has read is answered. Its access line follows the answer.
        wait_until(lambda: set(traffic.traces) <= set(accessed(server)))
        assert sorted(accessed(server)) == sorted(traffic.traces)
        if kind in CLOSES_CONNECTIONS:
            assert all(failure.startswith(CLOSED) for failure in traffic.failed)
        else:
            assert traffic.failed == []
        with OTLPReceiver(promise.port) as receiver:
            wait_for_all(receiver, traffic.traces)
            wait_until(lambda: promise.files() == [])
            server.stop()
    check(receiver, traffic, server)


@pytest.mark.parametrize("kind", ["UvicornWorker", "asgi"])
def test_recycling_loses_nothing(promise: Promise, kind: str, requests: int) -> None:
    """The backend is there, away and there again, while workers end after some requests."""
    serve = SERVERS[kind]
    limit = requests // 5
    variables = promise.variables(VARIABLES)
    with (
        OTLPReceiver(promise.port) as receiver,
        serve(env=variables, max_requests=limit) as server,
    ):
        # A worker that ends may close a connection that it has not read from.
        with Traffic(lambda: server) as traffic:
            traffic.wait_for(requests // 3)
            receiver.answer(503)
            traffic.wait_for(2 * requests // 3)
            receiver.answer(200)
            traffic.wait_for(requests)
        wait_for_all(receiver, traffic.traces)
        wait_until(lambda: promise.files() == [])
        server.stop()
    total = len(traffic.answered) + len(traffic.failed)
    check(receiver, traffic, server, ended=total // limit)


@pytest.mark.parametrize("serve", SERVERS.values(), ids=SERVERS)
def test_blue_and_green_share_a_folder(promise: Promise, serve: Serve, requests: int) -> None:
    """Blue is replaced by green during an outage, and green sends what blue has left."""
    with ExitStack() as stack:
        blue = stack.enter_context(serve(env=promise.variables(VARIABLES)))
        serving = blue
        with Traffic(lambda: serving) as traffic:
            traffic.wait_for(requests // 2)
            green = stack.enter_context(serve(env=promise.variables(VARIABLES)))
            serving = green
            count = len(traffic.answered)
            traffic.wait_for(count + 2)
            blue.stop()
            traffic.wait_for(requests)
        assert traffic.failed == []
        receiver = stack.enter_context(OTLPReceiver(promise.port))
        wait_for_all(receiver, traffic.traces)
        wait_until(lambda: promise.files() == [])
        green.stop()
    check(receiver, traffic, blue, green)
