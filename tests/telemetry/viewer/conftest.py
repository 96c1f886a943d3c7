"""A viewer, as somebody starts it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.support import web
from tests.support.environment import clean_environment
from tests.support.processes import HOST, accepts_connections, free_port, program
from tests.support.waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx


@pytest.fixture(scope="package")
def viewer() -> Iterator[httpx.Client]:
    """A client of one that all tests of a worker share: each asks for what it has sent."""
    port = free_port()
    command = [sys.executable, "-m", "telemetry", "viewer", "--port", str(port)]
    with program(command, env=clean_environment()) as running:
        # Its environment may have to be made first.
        running.wait_until(lambda: accepts_connections(port), timeout=5 * PATIENCE)
        with web.client(base_url=f"http://{HOST}:{port}") as client:
            yield client
        assert running.stop() == 0
        assert "Traceback" not in running.output()
