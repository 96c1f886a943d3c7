"""What the hosts of the benchmark import."""

from __future__ import annotations

import re
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from benchmarks.client import Client
from benchmarks.pages import choose_pages, prepare
from benchmarks.variants import VARIANTS
from tests.support.servers import serve_uvicorn

if TYPE_CHECKING:
    from collections.abc import Mapping

# The last column of each line that the interpreter writes for a module.
_IMPORTED = re.compile(r"^import time:.*\| +(\S+)$", re.MULTILINE)
_NOWHERE = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """Of the prepared host."""
    return prepare(tmp_path_factory.mktemp("host"))


@pytest.mark.parametrize(("name", "imports"), [("bare", False), ("ours", False), ("seed", True)])
def test_logfire_is_imported_where_it_is_used(
    name: str, imports: bool, environment: Mapping[str, str]
) -> None:
    """Its pydantic plugin would import it in each host, which would then take more."""
    [variant] = [each for each in VARIANTS if each.name == name]
    sink = f"{_NOWHERE.replace('//', '//key@')}/1"
    env = {**environment, **variant.environment(_NOWHERE, sink), "PYTHONPROFILEIMPORTTIME": "1"}
    # Its program, since a fork has modules of the tests'.
    with (
        serve_uvicorn(variant.app, env=env, python=Path(sys.executable)) as server,
        closing(Client(server.port)) as client,
    ):
        for page in choose_pages(environment):
            client.request_page(page, 1)
        imported = set(_IMPORTED.findall(server.output()))
    # By its submodules: the line of a package comes last, and not at all if its import fails.
    assert {"pydantic", "django", "datasette"} <= imported
    assert any(module.startswith("logfire.") for module in imported) is imports
