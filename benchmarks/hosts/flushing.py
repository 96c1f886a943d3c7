"""Sends what the host has queued, so that a round's data are sent within the round."""

from __future__ import annotations

import time

from telemetry.state import state

# Seconds, far more than a receiver on the same machine takes.
_TIMEOUT = 60.0


def flush_items() -> None:
    """Send the queued spans, log records and events.

    Not `telemetry.flush()`, which also collects the metrics. A server does that once a
    minute, not once a round. The providers' `force_flush()` does not reach the senders.
    """
    pipeline = getattr(state.configured, "pipeline", None)
    if pipeline is None:
        return
    deadline = time.monotonic() + _TIMEOUT
    for sender in pipeline._senders:
        if not sender.flush(deadline):
            raise RuntimeError(f"not sent within {_TIMEOUT} s: {sender}")
