"""What happens when telemetry itself fails while a request is served: the page goes out.

The SDK guards neither processors nor hooks, so everything of ours that runs on
the request's path is guarded here.
"""

from __future__ import annotations

import logging

from telemetry.state import state

logger = logging.getLogger("telemetry")


def raise_failures(flag: bool = True) -> None:
    """Let failures through instead of counting them.

    For test suites, this package's and its users': what is only counted in
    production must be seen by the test that caused it.
    """
    state.raise_failures = flag


def failed(place: str, error: BaseException) -> None:
    """Count a failure of our own, and log the first at each place."""
    if state.raise_failures:
        raise error
    with state.lock:
        state.failures[place] += 1
        first = state.failures[place] == 1
    if first:
        logger.error(
            "telemetry failed in %s and carried on; further failures there are only counted",
            place,
            exc_info=error,
        )
