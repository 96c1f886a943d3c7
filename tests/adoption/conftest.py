"""Fixtures only: what is built, once, and the index that has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.adoption.index import serve_index
from tests.support.venvs import build_sdist, build_wheel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the source distribution."""
    folder = tmp_path_factory.mktemp("dist")
    build_wheel(folder)
    build_sdist(folder)
    return folder


@pytest.fixture(scope="session")
def index(dist: Path) -> Iterator[str]:
    """The address of an index that has both."""
    with serve_index(dist) as url:
        yield url
