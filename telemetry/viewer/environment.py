"""The viewer's virtual environment in the user's cache, created once for each lock file.

Its Datasette plugin installs a tracer provider in every process that imports Datasette, and so
must not be installed beside the application.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import venv
from pathlib import Path
from typing import TYPE_CHECKING

from telemetry.cache import cache_folder, made_once, run_maker

if TYPE_CHECKING:
    from collections.abc import Callable

    Progress = Callable[[str], None]

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
# Seconds. Enough for a slow connection and an empty cache of wheels.
_TIMEOUT = 600


def make_environment(say: Progress, base: Path | None = None) -> Path:
    """Return the environment's Python. The environment is created if there is none.

    Args:
        say: Called with a message if the environment has to be created.
        base: Folder of the environments. By default, in the user's cache.

    Raises:
        OSError: The environment can't be created: no package index, or no space.
    """
    base = base or cache_folder() / "viewer"

    def make(folder: Path) -> None:
        say("Making the viewer's environment, once ...")
        _make(folder)

    return made_once(base / _name(), make) / "bin" / "python"


def _name() -> str:
    # A different lock file or Python needs a different environment.
    content = REQUIREMENTS.read_bytes() + sys.version.encode() + sys.base_prefix.encode()
    return hashlib.sha256(content).hexdigest()[:16]


def _make(folder: Path) -> None:
    beside_us = str(Path(sys.executable).parent)
    uv = shutil.which("uv", path=os.pathsep.join([beside_us, *os.get_exec_path()]))
    python = folder / "bin" / "python"
    venv.create(folder, with_pip=uv is None, symlinks=True)
    install: list[str | Path] = (
        [uv, "--quiet", "pip", "install", "--python", python]
        if uv
        else [python, "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    )
    try:
        run_maker([*install, "--require-hashes", "--requirement", REQUIREMENTS], timeout=_TIMEOUT)
    except OSError as error:
        raise OSError(f"its environment can't be made in {folder.parent}:\n{error}") from None
