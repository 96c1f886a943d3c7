from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from telemetry.testing import EventReceiver

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def errors() -> Iterator[EventReceiver]:
    """Where errors arrive."""
    with EventReceiver() as listening:
        yield listening
