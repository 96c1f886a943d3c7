"""Flushes with a timeout that holds."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from functools import partial
from threading import Condition, Thread
from typing import TYPE_CHECKING, Any

from telemetry.failsafe import failed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


logger = logging.getLogger("telemetry")


class Flusher:
    """Runs a blocking flush on a daemon thread. Concurrent callers share the thread.

    The SDK's ``force_flush`` ignores its timeout: with a dead backend one call took 42
    seconds and then returned True. Only a daemon thread can be abandoned: the interpreter
    joins a pool's threads at exit. An abandoned thread keeps running, and the next flush
    uses it again: a second thread would only wait for the same lock, and a program that
    flushes in a loop would add one each time.

    Args:
        flush: Called with the remaining seconds, which it may exceed.
    """

    def __init__(self, flush: Callable[[float], object]) -> None:
        self._flush = flush
        self._changed = Condition()
        self._thread: Thread | None = None
        self._asked = 0
        self._done = 0
        self._deadline = 0.0

    def ask(self, deadline: float) -> int:
        """Start a flush. If one is running, another follows it, for items added meanwhile.

        Returns:
            Number of the flush, for `wait`.
        """
        with self._changed:
            self._asked += 1
            self._deadline = max(self._deadline, deadline)
            if self._thread is None or not self._thread.is_alive():
                self._thread = Thread(target=self._run, name="telemetry-flush", daemon=True)
                self._thread.start()
            return self._asked

    def wait(self, asked: int, deadline: float) -> bool:
        """Whether a flush ended before ``deadline`` (monotonic clock)."""
        with self._changed:
            left = deadline - time.monotonic()
            return self._changed.wait_for(lambda: self._done >= asked, max(0.0, left))

    def _run(self) -> None:
        while True:
            with self._changed:
                if self._done == self._asked:
                    # Set here, under the lock: the thread is still alive for a moment afterwards,
                    # and a flush requested in that moment would be lost.
                    self._thread = None
                    return
                asked, deadline = self._asked, self._deadline
            try:
                _guarded(partial(self._flush, max(0.0, deadline - time.monotonic())))
            finally:
                with self._changed:
                    self._done = asked
                    self._changed.notify_all()


def run_all(
    flushers: Iterable[Flusher], timeout: float, left: Callable[[], int] = lambda: 0
) -> bool:
    """Run flushes side by side. Returns whether all of them finished within ``timeout`` seconds.

    Args:
        flushers: the flushes.
        timeout: seconds.
        left: how many items are unsent. A flush that gives up by itself after as long may return
            before it is seen to be late; if items are left then, it has not finished.
    """
    deadline = time.monotonic() + timeout
    asked = [(flusher, flusher.ask(deadline)) for flusher in flushers]
    if not all(flusher.wait(flush, deadline) for flusher, flush in asked):
        return False
    return time.monotonic() < deadline or not left()


class ProviderFlush:
    """ForceFlush of an OpenTelemetry provider whose telemetry a pipeline sends."""

    def __init__(self) -> None:
        self._pipeline: Callable[[float], bool] | None = None
        self._longest_end = 0.0
        self.others: list[Any] = []
        """The processors or readers that do not send through the pipeline."""

    def attach(self, pipeline: Callable[[float], bool], longest_end: float) -> None:
        """Flush a pipeline, for the processors and readers that the provider has already.

        Args:
            pipeline: flushes it for at most a number of seconds. Returns whether all that waited
                was delivered or written to the spool.
            longest_end: seconds that a shutdown may take for it.
        """
        self._pipeline, self._longest_end = pipeline, longest_end
        self.others = []

    @property
    def is_attached(self) -> bool:
        """Whether there is a pipeline."""
        return self._pipeline is not None

    def __call__(self, timeout_millis: float) -> bool:
        """Send what waits. Returns whether all of it was delivered within ``timeout_millis``."""
        deadline = time.monotonic() + timeout_millis / 1000
        flushed = self._pipeline is None or self._pipeline(timeout_millis / 1000)
        for each in self.others:
            left = deadline - time.monotonic()
            try:
                done = left > 0 and each.force_flush(int(left * 1000)) is not False
            except Exception:
                logger.exception("force_flush() of %r failed", each)
                done = False
            flushed = done and flushed
        return flushed

    def end(self, timeout_millis: float = math.inf) -> None:
        """Send what the pipeline has, at a provider's Shutdown."""
        if self._pipeline is not None:
            self._pipeline(min(timeout_millis / 1000, self._longest_end))


async def off_the_loop(work: Callable[[], object]) -> None:
    """Run blocking work on a daemon thread, and await its end."""
    loop = asyncio.get_running_loop()
    done = asyncio.Event()

    def run() -> None:
        _guarded(work)
        loop.call_soon_threadsafe(done.set)

    Thread(target=run, name="telemetry-flush", daemon=True).start()
    await done.wait()


def _guarded(work: Callable[[], object]) -> None:
    try:
        work()
    except Exception as error:  # noqa: BLE001 # a lost batch must not fail the shutdown
        failed("export.flush", error)
