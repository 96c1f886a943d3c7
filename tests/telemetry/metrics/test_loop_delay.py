"""How late the event loop is."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from telemetry.metrics.loop_delay import EVERY, LoopDelay
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


def test_an_idle_loop_is_not_late() -> None:
    """A quarter of a second apart."""

    async def main(delay: LoopDelay) -> None:
        delay.watch()
        await asyncio.sleep(EVERY * 3.5)

    point = _watched(main)
    assert EVERY == 0.25
    assert point.count == 3
    assert point.max == pytest.approx(0)


def test_it_ends_when_it_is_told_to() -> None:
    """And another loop is another to watch."""

    async def main(delay: LoopDelay) -> None:
        delay.watch()
        delay.stop()
        await asyncio.sleep(EVERY * 1.5)

    assert _watched(main) is None
