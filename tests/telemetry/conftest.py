from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from telemetry import failsafe
from telemetry.state import state
from tests.telemetry.reported import Reported, listening

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def raising() -> Iterator[None]:
    """Raise failures of telemetry, which production only counts."""
    failsafe.raise_failures()
    yield
    failsafe.raise_failures(False)


@pytest.fixture
def reported() -> Iterator[Reported]:
    """Record the failures that are reported during the test."""
    with listening() as heard:
        yield heard


@pytest.fixture
def additions() -> Iterator[None]:
    """The redaction rules that the test adds are gone after it, for redactors of modules too."""
    before = state.redaction_rules
    yield
    state.redaction_rules = before
    for follower in tuple(state.redactors):
        follower.learn()
