"""The flush of a server that stops without a word to its application.

uvicorn without a lifespan raises SIGTERM again once it has served, and the default action of the
signal ends the process: no exit handler runs. It does wait for its requests first.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from telemetry.export.flushing import off_the_loop

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import FrameType

logger = logging.getLogger("telemetry")


def flush_at_stop(flush: Callable[[], object], stopping: Callable[[], Awaitable[None]]) -> None:
    """Have uvicorn wait for a flush as for a request, when SIGTERM stops it.

    Its handler of the signal is called as before, and decides. Does nothing under another server:
    those without a lifespan end the process by Python's exit. Call it from a coroutine.

    Args:
        flush: sends what waits while requests are served to their end, which uvicorn's option
            ``--timeout-graceful-shutdown`` may cut short. It blocks.
        stopping: awaited after the last request.
    """
    handler: Any = signal.getsignal(signal.SIGTERM)
    server = getattr(handler, "__self__", None)
    if "uvicorn.server" not in {each.__module__ for each in type(server).__mro__}:
        return
    if threading.current_thread() is not threading.main_thread():
        return
    tasks = getattr(getattr(server, "server_state", None), "tasks", None)
    if not isinstance(tasks, set):
        logger.warning(
            "uvicorn runs without a lifespan, and this release of it can't wait for telemetry: "
            "what is pending at SIGTERM is lost. Use --lifespan auto"
        )
        return
    loop = asyncio.get_running_loop()

    async def end() -> None:
        own = asyncio.current_task()
        if tasks - {own}:
            await off_the_loop(flush)
        while requests := tasks - {own}:
            await asyncio.wait(requests)
        await stopping()

    def begin() -> None:
        task = loop.create_task(end())
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal begin
        handler(number, frame)
        begun, begin = begin, _nothing
        # Of a loop that has ended.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(begun)

    signal.signal(signal.SIGTERM, handle)


def _nothing() -> None:
    pass
