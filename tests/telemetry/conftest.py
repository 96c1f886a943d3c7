from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from telemetry import failsafe
from tests.telemetry.told import Told, listening

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def raising() -> Iterator[None]:
    """A failure that production only counts is one that the test must see."""
    failsafe.raise_failures()
    yield
    failsafe.raise_failures(False)


@pytest.fixture
def told() -> Iterator[Told]:
    """What is told to whoever tracks errors."""
    with listening() as heard:
        yield heard
