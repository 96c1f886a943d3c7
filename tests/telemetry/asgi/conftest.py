from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from telemetry import failsafe
from telemetry.state import state

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def _failures_are_raised() -> Iterator[None]:
    """A failure that production only counts is one that these tests must see."""
    failsafe.raise_failures()
    yield
    failsafe.raise_failures(False)


@pytest.fixture
def as_in_production(_failures_are_raised: None) -> Iterator[None]:
    """Failures are counted, from zero."""
    failsafe.raise_failures(False)
    state.failures.clear()
    yield
    state.failures.clear()
