from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.telemetry.django.small_django import write_project

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A small Django project's folder."""
    write_project(tmp_path)
    return tmp_path
