"""How late the event loop is: the one number that tells of a view that blocks everybody."""

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
"""Seconds."""


class LoopDelay:
    """Asks a loop to be called back in a moment, and records how late that was.

    A timer and no task: whoever closes the loop need not know of it.
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
        """Watch the running loop. Cheap to call again."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self.stop()
            self._loop = loop
            self._ask(loop)

    def stop(self) -> None:
        """Watch no more."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop = None

    def _ask(self, loop: asyncio.AbstractEventLoop) -> None:
        due = loop.time() + EVERY
        # Not in the context of the request that happens to be the first.
        self._timer = loop.call_at(due, self._called, loop, due, context=Context())

    def _called(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        self._delays.record(max(loop.time() - due, 0.0))
        self._ask(loop)
