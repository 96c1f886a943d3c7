"""How long a test waits for what is sure to come."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

# Seconds. Ten times and more what any of it takes on an idle machine: a limit
# only ends a test that would otherwise wait for ever, and a busy machine must
# not reach it.
PATIENCE = 120.0


def wait_until(condition: Callable[[], T], timeout: float = PATIENCE, every: float = 0.05) -> T:
    """Return the value of `condition()` as soon as it is true.

    Raises AssertionError after `timeout` seconds.
    """
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {timeout} s"
        time.sleep(every)
    return value
