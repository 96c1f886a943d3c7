"""Waits for what is in flight, and not a moment longer than it was told to."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from threading import Condition, Thread
from typing import TYPE_CHECKING

from telemetry.failsafe import failed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Flusher:
    """One blocking flush, on a daemon thread that is shared by all who ask for it meanwhile.

    The SDK's ``force_flush`` ignores its timeout: on a dead backend one took 42
    seconds and then returned True. Only a daemon thread can be left behind; a
    pool's threads are joined when the interpreter exits. One that was left goes
    on, and a second beside it would only wait for its lock: a program that
    flushes in a loop would add a thread each time.

    Args:
        flush: given the seconds that are left, which it may exceed.
    """

    def __init__(self, flush: Callable[[float], object]) -> None:
        self._flush = flush
        self._changed = Condition()
        self._thread: Thread | None = None
        self._asked = 0
        self._done = 0
        self._deadline = 0.0

    def ask(self, deadline: float) -> int:
        """Begin a flush, or one more after that which runs: it may have passed what came since.

        Returns:
            Which flush it is, for `wait`.
        """
        with self._changed:
            self._asked += 1
            self._deadline = max(self._deadline, deadline)
            if self._thread is None or not self._thread.is_alive():
                self._thread = Thread(target=self._run, name="telemetry-flush", daemon=True)
                self._thread.start()
            return self._asked

    def wait(self, asked: int, deadline: float) -> bool:
        """Whether that flush ended before ``deadline``, of the monotonic clock."""
        with self._changed:
            left = deadline - time.monotonic()
            return self._changed.wait_for(lambda: self._done >= asked, max(0.0, left))

    def _run(self) -> None:
        while True:
            with self._changed:
                if self._done == self._asked:
                    # Not by its own end, which comes when a next one may have been asked for.
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


async def off_the_loop(work: Callable[[], object]) -> None:
    """Run something that blocks on a daemon thread, and await its end."""
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
