"""Where the user's caches are, and how what takes long to make gets there."""

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
    """This package's own, by the XDG Base Directory Specification."""
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "corkboard-telemetry"


def made_once(finished: Path, make: Callable[[Path], None]) -> Path:
    """`finished`, a file or a folder: complete where it is there, and made by one at a time.

    Args:
        finished: its name tells all that goes into it, such as by a digest.
        make: makes it at the path that it is given.

    Raises:
        OSError: what `make` raises, and if there is no room.
    """
    base = finished.parent
    base.mkdir(parents=True, exist_ok=True)
    with (base / f"{finished.name}.lock").open("w") as lock:
        # The system lets go of it, even if we are killed.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not finished.exists():
            with tempfile.TemporaryDirectory(dir=base, prefix=f"{finished.name}.") as folder:
                # Renamed when complete: one that failed half-way is not there.
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
    """Run a program that makes a part of it, in silence.

    Raises:
        OSError: it failed, or took longer than `timeout` seconds; with the end of what it said.
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
        said = done.stdout.strip()[-4000:]
        raise OSError(f"{command[0]} failed with {done.returncode}:\n{said}")
