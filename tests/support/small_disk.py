"""A disk that is really full: a small file system that this process can fill and empty."""

from __future__ import annotations

import resource
import subprocess
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = resource.getpagesize()
# `cat` holds the namespace, and ends with the process that holds its standard input.
_HOLD = 'mount -t tmpfs -o size="$1" none /tmp && echo mounted && exec cat'


class NoSmallDiskError(Exception):
    """There is none on this machine; has what the system said."""


class Disk(Protocol):
    """A folder on a disk, and what makes the disk full."""

    folder: Path

    def fill(self) -> None:
        """Leave no room for a byte."""

    def empty(self) -> None:
        """Make room."""


class SmallDisk:
    """A file system in a mount namespace, which only `folder` leads to: ENOSPC."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"

    def fill(self) -> None:
        """Write until the kernel has no room."""
        with self._filler.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(PAGE))

    def empty(self) -> None:
        self._filler.unlink()


class LimitedDisk:
    """A folder in which this process may write no byte: EFBIG. It may do so nowhere else either."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(self) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, self._limits[1]))

    def empty(self) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, self._limits)


@contextmanager
def small_disk(size: int) -> Iterator[SmallDisk]:
    """Mount a file system of `size` bytes, without the rights of root.

    Raises:
        NoSmallDiskError: if the kernel does not let this user make a mount namespace.
    """
    command = ["unshare", "--map-root-user", "--mount", "sh", "-c", _HOLD, "sh", str(size)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        assert holder.stderr is not None
        try:
            if holder.stdout.readline() != "mounted\n":
                raise NoSmallDiskError(holder.stderr.read().strip())
            yield SmallDisk(Path(f"/proc/{holder.pid}/root/tmp"))
        finally:
            holder.stdin.close()
