"""The first version: its commit, its files from git's history and its environment."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

from tests.support.cache import cache_of, cached, digest
from tests.support.environment import clean_environment
from tests.support.paths import ROOT
from tests.support.venvs import build_wheel, create_venv, python_of

COMMIT = "733c9593b297673578e375578e9851b6c6f7f7b9"
HOST_FILES = ("config", "django_plugins", "manage.py", "gunicorn.conf.py")
REQUIREMENTS = ROOT / "requirements" / "dev.txt"
PROGRAMS = Path(__file__).parent / "programs"


@dataclass(frozen=True)
class Version:
    """One of the two versions.

    Args:
        name: `baseline` or `tree`.
        python: the interpreter of an environment that has the package.
        folder: the folder that the host runs in.
        source: the folder with the package's own repository.
    """

    name: str
    python: Path
    folder: Path
    source: Path

    @property
    def package(self) -> Path:
        """The folder that `telemetry` is imported from."""
        if self.source == ROOT:
            return ROOT / "telemetry"
        return self.packages / "telemetry"

    @property
    def packages(self) -> Path:
        """The folder that the environment's packages are in."""
        library = f"python{sys.version_info[0]}.{sys.version_info[1]}"
        return self.python.parent.parent / "lib" / library / "site-packages"


def tree() -> Version:
    """Give the version that is checked out, in the environment that runs the tests."""
    return Version("tree", Path(sys.executable), ROOT, ROOT)


def baseline() -> Version:
    """Give the first version, installed from a wheel in an environment of its own.

    Raises:
        AssertionError: the history does not have the commit, or an installation failed.
    """
    source = archive()
    host = cached(cache_of("differential"), f"host-{digest(COMMIT, HOST_FILES)}", _copy_host)
    locked = REQUIREMENTS.read_bytes()
    python = python_of(cached(cache_of("differential"), f"venv-{digest(COMMIT, locked)}", _install))
    return Version("baseline", python, host, source)


def archive() -> Path:
    """Give a folder with all files of the commit."""
    return cached(cache_of("differential"), f"archive-{digest(COMMIT)}", _extract)


def _extract(folder: Path) -> None:
    command = ["git", "archive", "--format=tar", COMMIT]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=60)
    if done.returncode:
        raise AssertionError(
            f"The history of this checkout lacks commit {COMMIT}, which the tree is compared "
            "with. A shallow clone gets it with `git fetch --unshallow`, and in a workflow "
            f"`actions/checkout` with `fetch-depth: 0`.\n{done.stderr.decode()}"
        )
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as files:
        files.extractall(folder, filter="data")


def _copy_host(folder: Path) -> None:
    # Without the package: Python would import it from here and not from the environment.
    source = archive()
    folder.mkdir()
    for name in HOST_FILES:
        if (source / name).is_dir():
            shutil.copytree(source / name, folder / name)
        else:
            shutil.copy(source / name, folder / name)


def _install(folder: Path) -> None:
    create_venv(folder)
    python = python_of(folder)
    _uv("sync", "--python", python, "--require-hashes", REQUIREMENTS)
    # Built from a copy: hatchling must not write into the archive.
    source = shutil.copytree(archive(), folder.parent / "source")
    wheel = build_wheel(folder.parent / "wheel", source)
    _uv("install", "--python", python, "--no-deps", wheel)


def _uv(*arguments: str | Path) -> None:
    command = [sys.executable, "-m", "uv", "--quiet", "pip", *map(str, arguments)]
    done = subprocess.run(
        command, cwd=ROOT, env=clean_environment(), capture_output=True, text=True, timeout=500
    )
    if done.returncode:
        raise AssertionError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
