"""Endpoint through which the benchmark reads a server's resource usage."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry.scope import ASGIApp, Receive, Scope, Send

PATH = "/-/benchmark"


def with_control(app: ASGIApp, flush: Callable[[], object] | None = None) -> ASGIApp:
    """Answer `PATH` with the process's usage: CPU seconds, memory, threads.

    Measured in the process: the system's figures for another process have a
    resolution of 10 ms and a different format on each system. `flush` is called
    first, so that the export of a round's data is counted in that round.
    """

    async def controlled(scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("path") != PATH:
            await app(scope, receive, send)
            return
        if flush is not None:
            await asyncio.to_thread(flush)
        await answer(send, _usage())

    return controlled


async def answer(send: Send, document: object) -> None:
    """Send a document as JSON."""
    body = json.dumps(document).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _usage() -> dict[str, float]:
    resident = int(Path("/proc/self/statm").read_text().split()[1])
    return {
        "cpu_seconds": time.process_time(),
        # This runs on the event loop.
        "loop_seconds": time.thread_time(),
        "resident_megabytes": resident * os.sysconf("SC_PAGE_SIZE") / 1e6,
        "threads": threading.active_count(),
    }
