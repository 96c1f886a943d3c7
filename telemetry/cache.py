"""The user's cache folder, and files in it that take long to build."""

from __future__ import annotations

import fcntl
import os
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


def cache_folder() -> Path:
    """This package's cache folder, by the XDG Base Directory Specification."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "corkboard-telemetry"


def made_once(finished: Path, make: Callable[[Path], None]) -> Path:
    """Return the path of a cached file or folder, which is built if it does not exist.

    It is renamed into place when it is complete. A lock lets one process build it at a time.

    Args:
        finished: the path; its name must identify the content, for example by a digest.
        make: builds the file or folder at the path that it is given.

    Raises:
        OSError: if `make` raises it, or the disk is full.
    """
    base = finished.parent
    base.mkdir(parents=True, exist_ok=True)
    with (base / f"{finished.name}.lock").open("w") as lock:
        # The system releases the lock when the process ends, also if it is killed.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not finished.exists():
            with tempfile.TemporaryDirectory(dir=base, prefix=f"{finished.name}.") as folder:
                # Renamed when complete: a failed build leaves nothing at the final path.
                unfinished = Path(folder) / "unfinished"
                make(unfinished)
                unfinished.rename(finished)
    return finished


def run_maker(
    command: Sequence[str | Path],
    *,
    timeout: float,
    folder: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> None:
    """Run a program that builds a cached file, without showing its output.

    Raises:
        OSError: if it fails, with the last 4000 characters of its output, or takes longer than
            `timeout` seconds.
    """
    try:
        done = subprocess.run(  # noqa: S603 - no input in it
            command,
            cwd=folder,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise OSError(f"{command[0]} took more than {timeout:g} s") from None
    if done.returncode:
        output = done.stdout.strip()[-4000:]
        raise OSError(f"{command[0]} failed with {done.returncode}:\n{output}")
