"""Environments of another composition than ours."""

from __future__ import annotations

import os
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.cache import UNUSED_SECONDS
from tests.support.environment import clean_environment
from tests.support.venvs import host_python, venv_of, venv_with

if TYPE_CHECKING:
    from pathlib import Path

OLD_DATASETTE = "==1.0a28"


def _run(python: Path, code: str) -> str:
    done = subprocess.run(
        [python, "-I", "-c", code],
        cwd=python.parent,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    return done.stdout.strip()


def test_an_older_datasette_can_be_had_beside_ours() -> None:
    """Upstream's version and our package in one environment, made once."""
    python = host_python(OLD_DATASETTE)
    code = "import datasette.version as d, telemetry; print(d.__version__, telemetry.__file__)"
    version, path = _run(python, code).split()
    assert version == "1.0a28"
    assert path.startswith(str(python.parents[1])), "from the wheel, not from the checkout"
    assert host_python(OLD_DATASETTE) == python


def test_an_extra_of_ours_can_be_had(tmp_path: Path) -> None:
    """By its name in the wheel, which without it has no such thing."""
    code = "import importlib.util as u; print(u.find_spec('sentry_sdk') is not None)"
    for extras, expected in ((["sentry"], "True"), ([], "False")):
        assert _run(venv_with([], extras=extras, cache=tmp_path), code) == expected


def test_old_ones_are_removed_when_a_new_one_is_made(tmp_path: Path) -> None:
    """Each change to the package makes one, so they would pile up."""
    for name, age in (("old", UNUSED_SECONDS + 60), ("recent", UNUSED_SECONDS - 60)):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    made = venv_with([], cache=tmp_path)
    names = {path.name for path in tmp_path.iterdir() if path.is_dir()}
    assert names > {"recent", made.parents[1].name}
    [dependencies] = names - {"recent", made.parents[1].name}
    assert dependencies != "old"


def test_a_failed_build_is_not_kept(tmp_path: Path) -> None:
    """Nobody finds half an environment, and uv's own words are in the failure."""
    impossible = ["opentelemetry-api<1"]
    with pytest.raises(AssertionError, match="opentelemetry-api"):
        venv_with(impossible, cache=tmp_path)
    assert [entry.suffix for entry in tmp_path.iterdir()] == [".lock"]


def test_an_override_takes_the_place_of_a_requirement(tmp_path: Path) -> None:
    """What nobody has is left out of the question, and nothing of ours is there."""
    python = venv_of(["certifi>9999"], overrides=["certifi"], cache=tmp_path)
    code = "import certifi, importlib.util as u; print(u.find_spec('telemetry'))"
    assert _run(python, code) == "None"
