"""Which databases a site has on disk, and whether they are still the same."""

import os
import stat
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

MAIN_DATABASE = "meetings.db"

# File systems stamp changes with a clock of milliseconds, some of two seconds:
# a second change within one tick leaves no trace.
_STAMP_TICK_NS = 2_000_000_000


@dataclass(frozen=True, slots=True)
class DatabaseFile:
    """A database as it lay on disk; if two are equal, nobody has touched it in between."""

    path: Path
    device: int
    inode: int
    size: int
    modified_ns: int
    sealed: bool
    """Its permissions let nobody write it, and no writer has left a journal beside it."""

    @property
    def place(self) -> tuple[Path, int, int]:
        """What stays the same while it is only written to."""
        return self.path, self.device, self.inode


class _Listing(NamedTuple):
    stamp: tuple[int, int, int]
    settled: bool
    folders: list[Path]
    databases: list[Path]
    links: list[Path]
    """To what may be a database."""


class SiteFolder:
    """A site's folder, to be looked at often.

    A folder's entries are listed again only when it has changed: one of these may
    hold a hundred thousand scanned pages beside its databases. Not thread-safe.
    """

    def __init__(self, sites_dir: Path, subdomain: str) -> None:
        self._sites_dir = sites_dir
        self._subdomain = subdomain
        self._listings: dict[Path, _Listing] = {}

    def look(self) -> tuple[DatabaseFile, ...]:
        """The databases beneath, the main one first; none if there is no such folder.

        Links are followed and then judged: what lies outside `sites_dir`, however
        it was reached, is not a site's. Hidden files are left out, half-written
        databases among them. Raises OSError for what may not be looked at.
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
        # Of a link and its target, one is served.
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
    """Whether a writer is at work, or left something undone that a reader has to know of."""
    return any(_has_content(Path(f"{database}{suffix}")) for suffix in ("-wal", "-journal"))


def _has_content(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except FileNotFoundError:
        return False
