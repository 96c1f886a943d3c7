"""Fixtures only; what they use is beside this file and in `tests.support`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.chaos.promises import Promise
from tests.end_to_end.hosts import Host
from tests.support.host import copy_host
from tests.support.processes import free_port

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def host(_host_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Host:
    """A host whose sites and database the tests only read."""
    return Host.of(copy_host(_host_template, tmp_path_factory.mktemp("chaos") / "host"))


@pytest.fixture
def promise(host: Host, tmp_path: Path) -> Promise:
    """The variables of servers that share a folder and a backend's port."""
    return Promise(host, tmp_path / "spool", free_port())
