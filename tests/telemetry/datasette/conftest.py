from __future__ import annotations

import pytest

from tests.telemetry.datasette.recorded import Recorded, run_scenarios


@pytest.fixture(scope="session")
def recorded() -> Recorded:
    """What a real Datasette behind the edge left, in a process of its own."""
    return run_scenarios()
