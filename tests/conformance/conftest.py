from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.support.environment import clean_environment
from tests.support.paths import ROOT
from tests.telemetry.adapters.recorded import Recorded, run_scenarios


def _emitted(whose: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.conformance.emit", whose],
        cwd=ROOT,
        env=clean_environment(OTEL_SEMCONV_STABILITY_OPT_IN="http"),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    emitted: dict[str, Any] = json.loads(done.stdout)
    return emitted


@pytest.fixture(scope="session")
def contrib() -> dict[str, Any]:
    """What contrib's instrumentations made of the requests in `emit`."""
    return _emitted("contrib")


@pytest.fixture(scope="session")
def ours() -> dict[str, Any]:
    """What ours made of the same requests."""
    return _emitted("ours")


@pytest.fixture(scope="session")
def datasette() -> Recorded:
    """What a Datasette behind the edge left."""
    return run_scenarios()
