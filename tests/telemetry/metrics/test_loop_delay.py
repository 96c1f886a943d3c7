"""How late the event loop is."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from telemetry.metrics.loop_delay import EVERY, LoopDelay


def _watched(main: Any) -> Any:
    reader = InMemoryMetricReader()
    delay = LoopDelay(MeterProvider([reader], shutdown_on_exit=False))
    asyncio.run(main(delay))
    data: Any = reader.get_metrics_data()
    if data is None:
        return None
    [metric] = data.resource_metrics[0].scope_metrics[0].metrics
    assert (metric.name, metric.unit) == ("corkboard.eventloop.delay", "s")
    [point] = metric.data.data_points
    return point


def test_who_blocks_the_loop_is_seen() -> None:
    """By the time that everybody else waited."""

    async def main(delay: LoopDelay) -> None:
        delay.watch()
        delay.watch()
        # Wherever between two calls it begins, it is in the way of the next.
        time.sleep(EVERY * 3)  # noqa: ASYNC251 # what a view must not do
        await asyncio.sleep(EVERY * 1.5)

    point = _watched(main)
    assert point.count >= 1
    assert point.max >= EVERY * 2 * 0.9


def test_an_idle_loop_is_not_late() -> None:
    """A quarter of a second apart."""

    async def main(delay: LoopDelay) -> None:
        delay.watch()
        await asyncio.sleep(EVERY * 3.5)

    point = _watched(main)
    # A busy machine may let it wait, but not each time.
    assert 1 <= point.count <= 3
    assert point.min < EVERY


def test_it_ends_when_it_is_told_to() -> None:
    """And another loop is another to watch."""

    async def main(delay: LoopDelay) -> None:
        delay.watch()
        delay.stop()
        await asyncio.sleep(EVERY * 1.5)

    assert _watched(main) is None
