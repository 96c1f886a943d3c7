"""Contrib's own tests: its source distributions, as a package index has them, and what they import.

They are not copied into this repository: their licence is Apache 2.0, and they change with each
release.
"""

from __future__ import annotations

import subprocess
import sys
import tarfile
from importlib.metadata import version
from typing import TYPE_CHECKING

from tests.support.cache import cache_of, cached, digest

if TYPE_CHECKING:
    from pathlib import Path

LIBRARY = "library"
"""The folder of the package that the tests import."""


def package_of(name: str) -> str:
    """The distribution of an instrumentation: ``asgi`` or ``django``."""
    return f"opentelemetry-instrumentation-{name}"


def contribs_tests(name: str) -> Path:
    """Give a folder with ``tests`` of the release that is installed, and `LIBRARY`."""
    release = version(package_of(name))

    def build(folder: Path) -> None:
        folder.mkdir()
        source = [f"{package_of(name)}=={release}"]
        # Built metadata is asked for by pip: with the build system that is installed here.
        _pip("download", *source, "--no-binary", ":all:", "--no-build-isolation", "--dest", folder)
        _pip("install", f"opentelemetry-test-utils=={release}", "--target", folder / LIBRARY)
        [archive] = folder.glob("*.tar.gz")
        with tarfile.open(archive) as packed:
            packed.extractall(folder, filter="data")
        archive.unlink()
        [unpacked] = (each for each in folder.iterdir() if each.name != LIBRARY)
        (unpacked / "tests").rename(folder / "tests")

    return cached(cache_of("contrib"), digest(name, release), build)


def _pip(command: str, *arguments: object) -> None:
    options = ["--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run(
        [sys.executable, "-m", "pip", command, *options, *map(str, arguments)],
        check=True,
        timeout=300,
    )
