"""A clock that moves only when the test or a timer moves it, and an event loop that runs by it."""

from __future__ import annotations

import asyncio
import selectors
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")


class Clock:
    """Seconds, in place of `time.monotonic` or `time.perf_counter`."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        """Let this much time pass, as a computation does: the event loop can't run meanwhile."""
        self.now += seconds


class _Selector(selectors.DefaultSelector):
    """Moves the clock instead of waiting for the next timer."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(None if timeout is None else 0)
        if timeout and not ready:
            self._clock.advance(timeout)
        return ready


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self, clock: Clock) -> None:
        super().__init__(_Selector(clock))
        self._clock = clock

    def time(self) -> float:
        return self._clock()


def run_by(clock: Clock, work: Coroutine[Any, Any, T]) -> T:
    """Run to the end; what sleeps moves the clock and takes no time.

    Not for work that waits for threads, which the clock would overtake.
    """
    with asyncio.Runner(loop_factory=lambda: _Loop(clock)) as runner:
        return runner.run(work)
