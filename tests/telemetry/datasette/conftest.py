from __future__ import annotations

import pytest

from tests.telemetry.datasette.recorded import Recorded, run_scenarios


@pytest.fixture(scope="session")
def recorded() -> Recorded:
    """Spans and points of a Datasette behind the edge, from a separate process."""
    return run_scenarios()
