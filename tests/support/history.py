"""Earlier commits of this project: their files from git's history, and their packages installed."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tarfile
from typing import TYPE_CHECKING

from tests.support.cache import cache_of, cached, digest
from tests.support.environment import clean_environment
from tests.support.paths import ROOT
from tests.support.venvs import build_wheel, create_venv, python_of

if TYPE_CHECKING:
    from pathlib import Path

REQUIREMENTS = ROOT / "requirements" / "dev.txt"


def archive(commit: str) -> Path:
    """Give a folder with all files of a commit.

    Raises:
        AssertionError: the history does not have it.
    """

    def extract(folder: Path) -> None:
        command = ["git", "archive", "--format=tar", commit]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=60)
        if done.returncode:
            raise AssertionError(
                f"The history of this checkout lacks commit {commit}, which the tree is compared "
                "with. A shallow clone gets it with `git fetch --unshallow`, and in a workflow "
                f"`actions/checkout` with `fetch-depth: 0`.\n{done.stderr.decode()}"
            )
        with tarfile.open(fileobj=io.BytesIO(done.stdout)) as files:
            files.extractall(folder, filter="data")

    return cached(cache_of("history"), f"archive-{digest(commit)}", extract)


def installed(commit: str) -> Path:
    """Give the Python of an environment with a commit's wheel and the tree's locked requirements.

    Raises:
        AssertionError: the history does not have the commit, or an installation failed.
    """

    def install(folder: Path) -> None:
        create_venv(folder)
        python = python_of(folder)
        _uv("sync", "--python", python, "--require-hashes", REQUIREMENTS)
        # Built from a copy: hatchling must not write into the archive.
        source = shutil.copytree(archive(commit), folder.parent / f"{folder.name}-source")
        wheel = build_wheel(folder.parent / f"{folder.name}-wheel", source)
        _uv("install", "--python", python, "--no-deps", wheel)
        shutil.rmtree(source)
        shutil.rmtree(wheel.parent)

    name = f"venv-{digest(commit, REQUIREMENTS.read_bytes())}"
    return python_of(cached(cache_of("history"), name, install))


def _uv(*arguments: str | Path) -> None:
    command = [sys.executable, "-m", "uv", "--quiet", "pip", *map(str, arguments)]
    done = subprocess.run(
        command, cwd=ROOT, env=clean_environment(), capture_output=True, text=True, timeout=500
    )
    if done.returncode:
        raise AssertionError(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
