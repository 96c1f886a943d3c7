"""A worker that is killed, and its successor."""

from __future__ import annotations

import os
import time
from itertools import pairwise
from signal import SIGCONT, SIGKILL, SIGSTOP
from typing import TYPE_CHECKING

import pytest

from telemetry.testing import OTLPReceiver
from tests.chaos.promises import SERVERS, Traffic, duplicates, spans, wait_for_all, workers
from tests.support.servers import serve_gunicorn
from tests.support.waiting import PATIENCE, wait_until

if TYPE_CHECKING:
    from tests.chaos.promises import Promise

pytestmark = pytest.mark.chaos

STORED = 100
BATCHES = 4
# Seconds.
DELAY = 0.5


@pytest.mark.parametrize("kind", ["UvicornWorker", "asgi"])
def test_what_was_on_disk_is_delivered(promise: Promise, kind: str) -> None:
    """All workers are killed during an outage, while requests come; each file is sent once."""
    # Small files: both of the new workers have some to send.
    variables = promise.variables(OTEL_BSP_MAX_EXPORT_BATCH_SIZE="10")
    with SERVERS[kind](env=variables) as server:
        with Traffic(lambda: server) as traffic:
            traffic.wait_for(STORED)
            wait_until(lambda: len(promise.stored(traffic.traces)) >= STORED)
            stored = promise.stored(traffic.traces)
            for worker in workers(server):
                os.kill(worker, SIGKILL)
            server.wait_for_workers(4)
            killed = len(traffic.answered)
            traffic.wait_for(killed + 10)
        with OTLPReceiver(promise.port) as receiver:
            wait_for_all(receiver, stored)
            # Of the workers that live, all.
            wait_for_all(receiver, traffic.traces[killed:])
            wait_until(lambda: promise.files() == [])
            server.stop()
    assert duplicates(spans(receiver)) == {}


def stopped_with_some(
    worker: int, traffic: Traffic, receiver: OTLPReceiver
) -> list[tuple[str, float]]:
    """Stop a worker that has answered requests whose spans it has not sent.

    Returns:
        All answers so far; none if it has sent all, and goes on.
    """
    count = len(traffic.answered)
    traffic.wait_for(count + 10)
    os.kill(worker, SIGSTOP)
    requests, before = len(receiver.requests), list(traffic.answered)
    arrived = set(spans(receiver))
    if before[-1][0] not in arrived and len(receiver.requests) == requests:
        return before
    os.kill(worker, SIGCONT)
    return []


def test_with_a_healthy_backend_a_schedule_delay_is_lost(promise: Promise) -> None:
    """What the worker has recorded since the last batch, and none from before that.

    How late a busy machine is shows in the time between two answers.
    """
    variables = promise.variables(OTEL_BSP_SCHEDULE_DELAY=f"{1000 * DELAY:g}")
    with (
        OTLPReceiver(promise.port) as receiver,
        serve_gunicorn(env=variables, workers=1) as server,
    ):
        with Traffic(lambda: server) as traffic:
            arrivals = []
            for number in range(BATCHES):
                receiver.wait_for(lambda r: len(r.requests) > number, PATIENCE)  # noqa: B023
                arrivals.append(time.monotonic())
            [worker] = workers(server)
            # However late this test is, there is something to lose: it looks while the worker is
            # stopped.
            before = wait_until(lambda: stopped_with_some(worker, traffic, receiver))
            os.kill(worker, SIGKILL)
            server.wait_for_workers(2)
            traffic.wait_for(len(before) + 10)
        server.stop()
    arrived = set(spans(receiver))
    lost = [(trace, at) for trace, at in before if trace not in arrived]
    assert 0 < len(lost) < len(before)
    # The last ones before the kill, without a gap.
    assert lost == before[-len(lost) :]
    longest_wait = max(later - earlier for (_, earlier), (_, later) in pairwise(before))
    most = 2 * DELAY + 10 * longest_wait
    lasted = lost[-1][1] - lost[0][1]
    print(f"{len(lost)} of {len(before)} spans, recorded in {lasted:.2f} s")
    assert lasted <= most
    # Whenever the kill comes.
    assert max(later - earlier for earlier, later in pairwise(arrivals)) <= most
