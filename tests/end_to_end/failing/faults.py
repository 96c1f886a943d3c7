"""The fault itself, and what a host does on threads and in tasks."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

logger = logging.getLogger("failing.host")


class FaultError(Exception):
    """What every failure here is, named by its text."""


def fail(name: str) -> None:
    """Raise, with a local variable that must not be sent."""
    # Put together here: the lines around it are sent, as the code that they are.
    password = "-".join(("planted", "local"))  # noqa: F841
    raise FaultError(name)


async def fail_later(name: str) -> None:
    fail(name)


def in_a_thread() -> None:
    thread = threading.Thread(target=fail, args=("thread",))
    thread.start()
    thread.join()


async def in_a_dropped_task() -> None:
    asyncio.create_task(fail_later("dropped-task"))  # noqa: RUF006 # nobody waits for it
    await asyncio.sleep(0.01)
    gc.collect()


async def in_the_loops_pool() -> None:
    await asyncio.get_running_loop().run_in_executor(None, fail, "loop-pool")


async def in_the_loops_pool_dropped() -> None:
    asyncio.get_running_loop().run_in_executor(None, fail, "dropped-pool")
    await asyncio.sleep(0.05)
    gc.collect()


def in_a_pool() -> None:
    with ThreadPoolExecutor() as pool:
        pool.submit(fail, "pool").result()


def logged_and_raised() -> None:
    try:
        fail("logged-and-raised")
    except FaultError:
        logger.exception("logged before it is raised again")
        raise


def raised_from_a_logged_one() -> None:
    try:
        fail("raised-from")
    except FaultError as error:
        logger.exception("logged before another is raised from it")
        raise LookupError("raised-from-another") from error


def raised_while_handling() -> None:
    try:
        fail("handled")
    except FaultError:
        logger.exception("logged, and then another mistake")
        raise LookupError("while-handling")  # noqa: B904 # the second fault is the point


def handled() -> None:
    with suppress(FaultError):
        fail("handled-quietly")
