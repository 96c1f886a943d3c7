"""Virtual environments outside the tree, for what can't share ours."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.environment import clean_environment
from tests.support.locks import locked
from tests.support.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence

UNUSED_SECONDS = 3 * 24 * 3600


def build_wheel(folder: Path) -> Path:
    """Build the project's wheel into `folder`."""
    _run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder)
    [wheel] = folder.glob("*.whl")
    return wheel


def venv_with(requirements: Sequence[str], *, cache: Path | None = None) -> Path:
    """Give the Python of an environment that holds `requirements` and our wheel.

    Cached by content, of the requirements and of the package: one that is
    there is complete and current, and one unused for days is removed. A wheel
    and not an editable install, which would put `config` and `tests` on the
    path besides.
    """
    base = cache or _cache()
    name = _digest(requirements)
    finished = base / name
    with locked(base / f"{name}.lock"):
        if not finished.exists():
            with tempfile.TemporaryDirectory(dir=base, prefix=f"{name}.") as folder:
                unfinished = Path(folder) / "venv"
                create_venv(unfinished)
                wheel = build_wheel(Path(folder))
                install(python_of(unfinished), *requirements, str(wheel))
                unfinished.rename(finished)
                _remove_unused(base)
        os.utime(finished)
    return python_of(finished)


def _remove_unused(base: Path) -> None:
    # Every change to the package makes a new one. Lock files stay: they are
    # empty, and removing one that somebody waits for would let two build.
    for entry in base.iterdir():
        if entry.is_dir() and time.time() - entry.stat().st_mtime > UNUSED_SECONDS:
            shutil.rmtree(entry, ignore_errors=True)


def create_venv(folder: Path) -> None:
    """Create an empty environment of our own Python, without pip."""
    # Relocatable, because it is renamed: scripts would name the old folder.
    _uv("venv", "--relocatable", "--python", sys.executable, folder)


def install(python: Path, *requirements: str) -> None:
    """Install into that environment."""
    _uv("pip", "install", "--python", python, *requirements)


def python_of(folder: Path) -> Path:
    """Give an environment's interpreter."""
    return folder / "bin" / "python"


def _cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "corkboard-telemetry" / "venvs"


def _digest(requirements: Sequence[str]) -> str:
    digest = hashlib.sha256(repr((sys.version, sorted(requirements))).encode())
    sources = sorted((ROOT / "telemetry").rglob("*.py"))
    for path in [ROOT / "pyproject.toml", *sources]:
        content = path.read_bytes()
        digest.update(f"{path.relative_to(ROOT)}:{len(content)}:".encode() + content)
    return digest.hexdigest()[:16]


def _uv(*arguments: str | Path) -> None:
    _run(sys.executable, "-m", "uv", "--quiet", *arguments)


def _run(*command: str | Path) -> None:
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=110,
    )
    if done.returncode:
        raise AssertionError(f"{' '.join(map(str, command))} failed:\n{done.stdout}")
