"""Fixtures only; what they use is in `tests.support`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.browser import Page, browser

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def page() -> Iterator[Page]:
    """A tab of a browser."""
    with browser() as page:
        yield page
