"""Waits for what is in flight, and not a moment longer than it was told to."""

from __future__ import annotations

import asyncio
import time
from threading import Thread
from typing import TYPE_CHECKING

from telemetry.failsafe import failed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Flush:
    """Runs several blocking flushes side by side, each on a daemon thread.

    The SDK's ``force_flush`` ignores its timeout: on a dead backend one took 42
    seconds and then returned True. Only a daemon thread can be left behind; a
    pool's threads are joined when the interpreter exits.
    """

    def __init__(self, flushers: Iterable[Callable[[], object]]) -> None:
        self._threads = [
            Thread(target=_guarded, args=(flush,), name="telemetry-flush", daemon=True)
            for flush in flushers
        ]

    def run(self, timeout: float, left: Callable[[], int] = lambda: 0) -> bool:
        """Whether all of them ended within ``timeout`` seconds.

        One that gives up by itself after as long may return before it is seen to be late:
        by then, ``left`` says how much was not sent.
        """
        deadline = time.monotonic() + timeout
        for thread in self._threads:
            thread.start()
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        if any(thread.is_alive() for thread in self._threads):
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
        failed("a flush", error)
