"""The interpreters of this machine that the package supports."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from tests.support.paths import ROOT

RUNNING = f"{sys.version_info[0]}.{sys.version_info[1]}"
_VERSION = "import sys, ssl, sqlite3, venv; print('%d.%d' % sys.version_info[:2])"


def supported() -> list[str]:
    """The versions of Python that the metadata names."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    prefix = "Programming Language :: Python :: "
    return [each.removeprefix(prefix) for each in project["classifiers"] if prefix in each]


def interpreters() -> dict[str, Path]:
    """An interpreter for each supported version that is installed, by version.

    From the PATH and from pyenv; the one that runs the tests is always there.
    """
    found = {RUNNING: Path(sys.executable)}
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    for version in supported():
        candidates = [Path(which)] if (which := shutil.which(f"python{version}")) else []
        candidates += sorted(pyenv.glob(f"versions/{version}.*/bin/python"), reverse=True)
        for candidate in candidates:
            if version not in found and _is(candidate, version):
                found[version] = candidate
    return {version: found[version] for version in supported() if version in found}


def _is(python: Path, version: str) -> bool:
    # A shim of pyenv is on the PATH and does not run.
    done = subprocess.run([python, "-c", _VERSION], capture_output=True, text=True, timeout=60)
    return done.returncode == 0 and done.stdout.strip() == version
