"""Fixtures only; what they use is beside this file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.telemetry.viewer.serving import serve_viewer

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx


@pytest.fixture(scope="package")
def viewer() -> Iterator[httpx.Client]:
    """A client of one that all tests of a worker share: each asks for what it has sent."""
    with serve_viewer() as (running, client):
        yield client
        client.close()
        assert running.stop() == 0
        assert "Traceback" not in running.output()
