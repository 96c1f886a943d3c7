"""One builder at a time, across the workers of a test run."""

from __future__ import annotations

import fcntl
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock; the system lets go of it even if we are killed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextmanager
def first_alone(path: Path) -> Iterator[None]:
    """Run the block; others that come with the same path wait until the first has ended."""
    with path.open("ab") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        if not path.stat().st_size:
            yield
            handle.write(b"ended")
            return
    yield
