"""Fixtures only: both versions are recorded once for all workers of a test run."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from tests.differential.baseline import baseline, tree
from tests.differential.cases import record_cases
from tests.differential.recording import RUNS, record
from tests.differential.sites import build
from tests.differential.surfaces import arrange
from tests.support.locks import locked

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.differential.baseline import Version
    from tests.differential.surfaces import Surfaces

    Recorded = Callable[[str], dict[str, Surfaces]]


@pytest.fixture(scope="session")
def recorded(_host_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """Gives both versions' surfaces of one run, or of `cases`, by the version's name."""
    base = tmp_path_factory.getbasetemp()
    # Under xdist the base is one folder a worker, inside one that all share.
    shared = (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "differential"
    known: dict[str, dict[str, Surfaces]] = {}

    def built() -> Path:
        folder = shared / "built"
        with locked(shared / "built.lock"):
            if not folder.exists():
                build(_host_template, shared / "building")
                (shared / "building").rename(folder)
        return folder

    def recording(name: str, version: Version) -> Any:
        folder = shared / name / version.name
        folder.mkdir(parents=True)
        if name == "cases":
            return record_cases(version, built(), folder)
        return arrange(record(RUNS[name], version, built(), folder))

    def both(name: str) -> dict[str, Surfaces]:
        path = shared / f"{name}.json"
        with locked(shared / f"{name}.lock"):
            if not path.exists():
                versions = (baseline(), tree())
                built()
                # At the same time: both get the same share of a busy machine.
                with ThreadPoolExecutor(2) as threads:
                    found = list(threads.map(lambda each: recording(name, each), versions))
                pairs = {
                    each.name: surfaces for each, surfaces in zip(versions, found, strict=True)
                }
                path.with_suffix(".unfinished").write_text(json.dumps(pairs))
                path.with_suffix(".unfinished").rename(path)
        return dict(json.loads(path.read_text()))

    def give(name: str) -> dict[str, Surfaces]:
        if name not in known:
            known[name] = both(name)
        return known[name]

    return give
