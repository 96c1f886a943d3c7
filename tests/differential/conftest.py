"""Fixtures only; see `recordings` for what is recorded, and when."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.differential.recordings import Recordings
from tests.support.host import host_template

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Recordings:
    """Both versions' recordings, made by the first worker that asks for them."""
    base = tmp_path_factory.getbasetemp()
    # Under xdist the base is one folder a worker, inside one that all share.
    shared: Path = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    return Recordings(shared / "differential", lambda: host_template(shared))
