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
"""Seconds between two measurements while requests arrive."""
RESTS = 4
"""How many times as many seconds pass between two measurements while none does."""


class LoopDelay:
    """Schedules a timer on an event loop, and records how late it runs, in seconds.

    A timer and not a task, which would have to be cancelled before the loop is closed. It rests
    while no requests arrive: otherwise it is most of what telemetry does in an idle process.
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
        # The loop's times of the last measurement and the next one.
        self._measured = self._due = 0.0
        # Whether a request has arrived since, and whether none had before it.
        self._has_arrived = self._rests = False

    def watch(self) -> None:
        """Measure the running loop. Called for each request that arrives."""
        self._has_arrived = True
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self.stop()
            self._loop = loop
            self._measured = loop.time()
            self._schedule(loop, self._measured + EVERY)
        elif self._rests:
            self._resume(loop)

    def stop(self) -> None:
        """Stop measuring."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop = None
        self._rests = False

    def _resume(self, loop: asyncio.AbstractEventLoop) -> None:
        """Measure when it would be due without the rest.

        Not some time after the request, which would never see what the request does before.
        """
        self._rests = False
        now = loop.time()
        if self._timer is None or now >= self._due:
            # The loop is late: it will be made.
            return
        self._timer.cancel()
        passed = (now - self._measured) // EVERY
        self._schedule(loop, self._measured + (passed + 1) * EVERY)

    def _schedule(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        self._due = due
        # An empty context: the current one may be that of the first request.
        self._timer = loop.call_at(due, self._on_timer, loop, due, context=Context())

    def _on_timer(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        now = self._measured = loop.time()
        self._delays.record(max(now - due, 0.0))
        self._rests = not self._has_arrived
        self._has_arrived = False
        self._schedule(loop, now + (EVERY * RESTS if self._rests else EVERY))
