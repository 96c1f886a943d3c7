"""Fixtures only; what they use is beside this file and in `tests.support`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.end_to_end.hosts import Host
from tests.support.host import copy_host

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def host(_host_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Host:
    """A host of the module's own: what its tests only read, they share."""
    return Host.of(copy_host(_host_template, tmp_path_factory.mktemp("end-to-end") / "host"))
