"""What is published: the layer alone, and it works alone."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING
from zipfile import ZipFile

import pytest

from tests.support.environment import clean_environment
from tests.support.venvs import build_wheel, create_venv, install, python_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def unexpected(names: Iterable[str]) -> list[str]:
    """Give what a wheel of ours has no business to hold."""
    return [
        name for name in names if not name.startswith("telemetry/") and ".dist-info/" not in name
    ]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("wheel"))


def test_the_wheel_holds_the_layer_only(wheel: Path) -> None:
    """Neither the host nor tests, but typing's marker, licence and entry points."""
    with ZipFile(wheel) as archive:
        names = archive.namelist()
        [entry_points] = [name for name in names if name.endswith("/entry_points.txt")]
        declared = archive.read(entry_points).decode()
    assert unexpected(names) == []
    assert "telemetry/py.typed" in names
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    assert "[opentelemetry_configurator]" in declared
    assert not [name for name in names if name.endswith(".pyc")]


def test_a_foreign_file_would_be_noticed() -> None:
    """The check above can fail."""
    names = ["telemetry/__init__.py", "x-0.1.dist-info/METADATA", "config/settings.py"]
    assert unexpected(names) == ["config/settings.py"]


def test_it_imports_where_nothing_else_is_installed(wheel: Path, tmp_path: Path) -> None:
    """Frameworks and vendors are extras; without them the package still imports."""
    create_venv(tmp_path / "venv")
    python = python_of(tmp_path / "venv")
    install(python, str(wheel))
    code = (
        "import importlib.util, telemetry, telemetry.testing\n"
        "others = ['django', 'datasette', 'djp', 'grpc', 'logfire', 'sentry_sdk', 'config']\n"
        "print(telemetry.__file__)\n"
        "print([name for name in others if importlib.util.find_spec(name)])\n"
    )
    done = subprocess.run(
        [python, "-I", "-c", code],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    path, others = done.stdout.splitlines()
    assert path.startswith(str(tmp_path))
    assert others == "[]"
