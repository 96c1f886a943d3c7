"""Event loop scheduling delay, which shows code that blocks the event loop."""

from __future__ import annotations

import asyncio
from contextvars import Context
from typing import TYPE_CHECKING

from opentelemetry.metrics import get_meter

from telemetry.registry.process_metrics import LOOP_DELAY
from telemetry.version import __version__

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider

EVERY = 0.25
"""Seconds between two measurements."""


class LoopDelay:
    """Schedules a timer on an event loop, and records how late it runs, in seconds.

    A timer and not a task, which would have to be cancelled before the loop is closed.
    """

    def __init__(self, meter_provider: MeterProvider | None = None) -> None:
        meter = get_meter("telemetry", __version__, meter_provider)
        self._delays = meter.create_histogram(
            str(LOOP_DELAY),
            unit=LOOP_DELAY.unit,
            description=LOOP_DELAY.description,
            explicit_bucket_boundaries_advisory=LOOP_DELAY.buckets,
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None

    def watch(self) -> None:
        """Measure the running loop. Cheap to call again."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self.stop()
            self._loop = loop
            self._schedule(loop)

    def stop(self) -> None:
        """Stop measuring."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop = None

    def _schedule(self, loop: asyncio.AbstractEventLoop) -> None:
        due = loop.time() + EVERY
        # An empty context: the current one may be that of the first request.
        self._timer = loop.call_at(due, self._on_timer, loop, due, context=Context())

    def _on_timer(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        self._delays.record(max(loop.time() - due, 0.0))
        self._schedule(loop)
