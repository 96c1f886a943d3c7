"""The last release: its commit, its files from git's history and its environment."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.support import history
from tests.support.cache import cache_of, cached, digest
from tests.support.paths import ROOT
from tests.upgrade import released

COMMIT = released.COMMIT
HOST_FILES = ("config", "django_plugins", "manage.py", "gunicorn.conf.py")
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
    """Give the last release, installed from a wheel in an environment of its own.

    Raises:
        AssertionError: the history does not have the commit, or an installation failed.
    """
    host = cached(cache_of("differential"), f"host-{digest(COMMIT, HOST_FILES)}", _copy_host)
    return Version("baseline", history.installed(COMMIT), host, archive())


def archive() -> Path:
    """Give a folder with all files of the commit."""
    return history.archive(COMMIT)


def _copy_host(folder: Path) -> None:
    # Without the package: Python would import it from here and not from the environment.
    source = archive()
    folder.mkdir()
    for name in HOST_FILES:
        if (source / name).is_dir():
            shutil.copytree(source / name, folder / name)
        else:
            shutil.copy(source / name, folder / name)
