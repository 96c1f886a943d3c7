"""How late the event loop is."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from telemetry.metrics.loop_delay import EVERY, RESTS, LoopDelay
from tests.support.clock import Clock, run_by


def _watched(main: Any, clock: Clock | None = None) -> Any:
    reader = InMemoryMetricReader()
    delay = LoopDelay(MeterProvider([reader], shutdown_on_exit=False))
    run_by(clock or Clock(), main(delay))
    data: Any = reader.get_metrics_data()
    if data is None:
        return None
    [metric] = data.resource_metrics[0].scope_metrics[0].metrics
    assert (metric.name, metric.unit) == ("corkboard.eventloop.delay", "s")
    [point] = metric.data.data_points
    return point


def test_who_blocks_the_loop_is_seen() -> None:
    """By the time that everybody else waited."""
    clock = Clock()

    async def main(delay: LoopDelay) -> None:
        delay.watch()
        delay.watch()
        # In the way of the first call, which is due after a third of it.
        clock.advance(EVERY * 3)
        await asyncio.sleep(EVERY * 1.5)

    point = _watched(main, clock)
    assert point.count == 2
    assert point.max == pytest.approx(EVERY * 2)
    assert point.min == pytest.approx(0)


def test_a_loop_that_waits_is_not_late() -> None:
    """Measured a quarter of a second apart, for as long as requests arrive."""

    async def main(delay: LoopDelay) -> None:
        for _ in range(35):
            delay.watch()
            await asyncio.sleep(EVERY / 10)

    point = _watched(main)
    assert EVERY == 0.25
    assert point.count == 3
    assert point.max == pytest.approx(0)


def test_it_rests_while_no_requests_arrive() -> None:
    """A second apart then, from the first quarter without a request."""

    async def main(delay: LoopDelay) -> None:
        delay.watch()
        await asyncio.sleep(EVERY * (2 + 3 * RESTS + 0.5))

    point = _watched(main)
    assert EVERY * RESTS == 1.0
    assert point.count == 2 + 3
    assert point.max == pytest.approx(0)


def test_a_request_ends_the_rest() -> None:
    """With the next quarter that would have been measured without it, wherever it arrives."""
    clock = Clock()
    measured = []

    async def main(delay: LoopDelay) -> None:
        began = clock()
        delay.watch()
        await asyncio.sleep(EVERY * (2 + 1.75))
        # A quarter of `EVERY` before the next one.
        for _ in range(4):
            delay.watch()
            # In the way of each.
            clock.advance(EVERY * 0.5)
            measured.append((clock() - began) / EVERY)
            await asyncio.sleep(EVERY * 0.5)

    point = _watched(main, clock)
    assert measured[0] == pytest.approx(4.25)
    # Two before the rest. Then at 4.25, due at 4, and three more, of which none is in the way.
    assert point.count == 2 + 4
    assert point.max == pytest.approx(EVERY * 0.25)


def test_a_measurement_that_is_late_already_is_made() -> None:
    """A request may be taken first by a loop that was blocked while nothing arrived."""
    clock = Clock()

    async def main(delay: LoopDelay) -> None:
        delay.watch()
        await asyncio.sleep(EVERY * 2.5)
        clock.advance(EVERY * 10)
        delay.watch()
        await asyncio.sleep(EVERY * 0.5)

    point = _watched(main, clock)
    assert point.count == 3
    # It was due at 6, and is made at 12.5.
    assert point.max == pytest.approx(EVERY * 6.5)


def test_it_ends_when_it_is_told_to() -> None:
    """And another loop is another to watch."""

    async def main(delay: LoopDelay) -> None:
        delay.watch()
        delay.stop()
        await asyncio.sleep(EVERY * 1.5)

    assert _watched(main) is None
