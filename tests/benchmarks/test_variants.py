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
from benchmarks.variants import VARIANTS, Variant
from tests.support.processes import HOST, refusing_port
from tests.support.servers import serve_uvicorn

if TYPE_CHECKING:
    from collections.abc import Mapping

# The last column of each line that the interpreter writes for a module.
_IMPORTED = re.compile(r"^import time:.*\| +(\S+)$", re.MULTILINE)


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """Of the prepared host."""
    return prepare(tmp_path_factory.mktemp("host"))


@pytest.mark.parametrize("variant", VARIANTS, ids=[each.name for each in VARIANTS])
def test_no_host_but_the_seeds_imports_logfire(
    variant: Variant, environment: Mapping[str, str]
) -> None:
    """Logfire's plugin for pydantic would import it in each host, which would then take more."""
    nowhere = f"{HOST}:{refusing_port()}"
    variables = variant.environment(f"http://{nowhere}", f"http://key@{nowhere}/1")
    env = {**environment, **variables, "PYTHONPROFILEIMPORTTIME": "1"}
    # In a new interpreter: a fork has the modules of its parent.
    with (
        serve_uvicorn(variant.app, env=env, python=Path(sys.executable)) as server,
        closing(Client(server.port)) as client,
    ):
        for page in choose_pages(environment):
            client.request_page(page, 1)
        imported = set(_IMPORTED.findall(server.output()))
    packages = {module.partition(".")[0] for module in imported}
    assert {"pydantic", "django", "datasette"} <= packages
    assert ("logfire" in packages) is (variant.name == "seed")
