"""Where the user's caches are, and how what takes long to make gets there."""

from __future__ import annotations

import fcntl
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


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
