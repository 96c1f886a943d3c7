from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from telemetry import failsafe
from telemetry.state import state

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def counted() -> Iterator[None]:
    """Failures are counted as in production, and not raised."""
    failsafe.raise_failures(False)
    state.failures.clear()
    yield
    state.failures.clear()
