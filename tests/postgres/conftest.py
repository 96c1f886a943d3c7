from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from tests.support.host import host_environment
from tests.support.postgres import Cluster, postgres

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A server for the whole session."""
    with postgres() as cluster:
        yield cluster


@pytest.fixture
def env(cluster: Cluster, tmp_path: Path) -> dict[str, str]:
    """A host with an empty database of its own."""
    address = cluster.create_database(f"test_{uuid.uuid4().hex}")
    return host_environment(tmp_path, DATABASE_URL=address)
