"""Starts a viewer by its command, for tests."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.support import web
from tests.support.environment import clean_environment
from tests.support.processes import HOST, Program, accepts_connections, free_port, program
from tests.support.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx


@contextmanager
def serve_viewer() -> Iterator[tuple[Program, httpx.Client]]:
    """Run a viewer, and give it with a client."""
    port = free_port()
    command = [sys.executable, "-m", "telemetry", "viewer", "--port", str(port)]
    with program(command, env=clean_environment()) as running:
        # Its environment may have to be made first.
        running.wait_until(lambda: accepts_connections(port), timeout=5 * PATIENCE)
        with web.client(base_url=f"http://{HOST}:{port}") as client:
            yield running, client
