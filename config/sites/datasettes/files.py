"""Finds a site's databases on disk, and detects changes to them."""

import os
import stat
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

MAIN_DATABASE = "meetings.db"

# File systems record changes with a resolution of milliseconds, some of two seconds.
# A second change within that time is not visible.
_STAMP_TICK_NS = 2_000_000_000


@dataclass(frozen=True, slots=True)
class DatabaseFile:
    """State of a database file. If two are equal, the file has not been changed in between."""

    path: Path
    device: int
    inode: int
    size: int
    modified_ns: int
    sealed: bool
    """Whether its permissions forbid writing, and no writer has left a journal beside it."""

    @property
    def place(self) -> tuple[Path, int, int]:
        """The file's identity, which stays the same while it is written in place."""
        return self.path, self.device, self.inode


class _Listing(NamedTuple):
    stamp: tuple[int, int, int]
    settled: bool
    folders: list[Path]
    databases: list[Path]
    links: list[Path]
    """Symbolic links that may point to a database."""


class SiteFolder:
    """Folder of a site, for frequent checks.

    A folder is listed again only when it has changed, since it may contain 100,000
    scanned pages beside its databases. Not thread-safe.
    """

    def __init__(self, sites_dir: Path, subdomain: str) -> None:
        self._sites_dir = sites_dir
        self._subdomain = subdomain
        self._listings: dict[Path, _Listing] = {}

    def look(self) -> tuple[DatabaseFile, ...]:
        """Return the databases in the folder, the main one first, or none if there is no folder.

        Links are resolved first: files outside `sites_dir` are ignored, however they were
        reached. Hidden files are left out, which includes unfinished databases. Raises
        OSError for a file or folder without permission.
        """
        top = self._sites_dir.resolve()
        folder = (top / self._subdomain).resolve()
        if folder == top or not folder.is_relative_to(top):
            return ()
        names: dict[Path, Path] = {}
        for listing in self._walk(folder):
            names |= {path: path for path in listing.databases}
            names |= {link: link.resolve() for link in listing.links}
        ordered = sorted(names, key=lambda path: (path != folder / MAIN_DATABASE, path))
        # A link and its target are one database.
        found = dict.fromkeys(names[path] for path in ordered)
        files = (_describe(path) for path in found if path.is_relative_to(top))
        return tuple(file for file in files if file is not None)

    def _walk(self, folder: Path) -> Iterable[_Listing]:
        listings: dict[Path, _Listing] = {}
        waiting = [folder]
        while waiting:
            current = waiting.pop()
            listing = self._list(current)
            if listing is not None:
                listings[current] = listing
                waiting += listing.folders
        self._listings = listings
        return listings.values()

    def _list(self, folder: Path) -> _Listing | None:
        try:
            status = folder.stat()
            stamp = (status.st_dev, status.st_ino, status.st_mtime_ns)
            known = self._listings.get(folder)
            if known is not None and known.settled and known.stamp == stamp:
                return known
            settled = time.time_ns() - status.st_mtime_ns > _STAMP_TICK_NS
            with os.scandir(folder) as entries:
                return _sort(entries, stamp, settled)
        except (FileNotFoundError, NotADirectoryError):
            return None


def _sort(
    entries: Iterable[os.DirEntry[str]], stamp: tuple[int, int, int], settled: bool
) -> _Listing:
    listing = _Listing(stamp, settled, [], [], [])
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            listing.folders.append(Path(entry.path))
        elif entry.name.endswith(".db"):
            path = Path(entry.path)
            (listing.links if entry.is_symlink() else listing.databases).append(path)
    return listing


def _describe(path: Path) -> DatabaseFile | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    return DatabaseFile(
        path=path,
        device=status.st_dev,
        inode=status.st_ino,
        size=status.st_size,
        modified_ns=status.st_mtime_ns,
        sealed=not status.st_mode & 0o222 and not has_journal(path),
    )


def has_journal(database: Path) -> bool:
    """Whether a writer is active, or has left a journal that a reader must apply."""
    return any(_has_content(Path(f"{database}{suffix}")) for suffix in ("-wal", "-journal"))


def _has_content(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except FileNotFoundError:
        return False
