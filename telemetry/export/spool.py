"""A folder for items that can't be sent now. Any process that shares it sends them later.

Each file has the items of one request. A process that writes or sends a file holds a lock
(`flock`) on it, which the system releases when the process ends, however it ends: so each file is
sent by one process at a time, and the files of a dead process are taken over. A file is deleted
when the destination has accepted its items.

The locks work on one machine's file system, for containers on it too, and not on NFS.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import re
import struct
import time
import zlib
from bisect import insort
from contextlib import suppress
from dataclasses import dataclass
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from opentelemetry.instrumentation.utils import suppress_instrumentation

from telemetry.forks import ForkLock
from telemetry.settings.variables import SPOOL_AGE, SPOOL_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from telemetry.export.encoding.requests import Item
    from telemetry.settings.model import SpoolSettings

logger = logging.getLogger("telemetry")

LOOK_EVERY = 10.0
"""Seconds after which a process looks for files that other processes have left."""
SHARING = 8
"""Part of the free room that a process fills before it looks how much other processes have filled.
So that many of them never exceed the limit together.
"""
SPOOL_FULL, EXPIRED, CORRUPT = "spool_full", "spool_expired", "spool_corrupt"
REMOVED = "spool_removed"
"""Values of ``error.type`` for items that were dropped from the folder."""

_MAGIC = b"corkboard-telemetry spool 1\n"
_CONTENT = struct.Struct(">IQ")
_ITEM = struct.Struct(">IIIIB")
# The time of writing in nanoseconds, the number of spans, log records, data points or events,
# whether they tell of failures, and something that makes it unique.
_NAME = re.compile(r"(\d{20})-(\d+)-([fo])-[0-9a-f]{8}\.items")
# The content of a file whose items were sent, if it can't be deleted.
_DELIVERED = _MAGIC.replace(b"\n", b": delivered\n")
_BEING_WRITTEN = ".writing"
_SET_ASIDE = ".corrupt"
# Seconds after which a file that its process has not finished writing is deleted.
_ABANDONED = 60.0


class CorruptFileError(ValueError):
    """A file of the folder is not as it was written."""


@dataclass(slots=True)
class Segment:
    """A file that this process holds, and its items."""

    path: Path
    descriptor: int
    count: int
    size: int

    @property
    def is_gone(self) -> bool:
        """Whether another program has deleted the file."""
        return not os.fstat(self.descriptor).st_nlink

    def release(self) -> None:
        """Leave the file to any process."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


@dataclass(frozen=True, slots=True, order=True)
class _File:
    """A file of the folder, in the order in which files are dropped if there are too many."""

    is_failure: bool
    written: int
    path: Path
    count: int
    size: int


class SpoolFolder:
    """The folder of all destinations.

    Args:
        settings: where it is, and its limits.
    """

    def __init__(self, settings: SpoolSettings) -> None:
        if settings.folder is None:
            raise ValueError("there is no folder")
        self.root = Path(settings.folder)
        self.settings = settings
        # A fork waits for it: a file that is opened meanwhile would stay locked in the child.
        self.lock = ForkLock()
        self.spools: dict[str, Spool] = {}
        self.forked()

    def forked(self) -> None:
        """Begin anew in a forked child."""
        self.size = 0
        """Bytes of all files, as far as this process knows."""
        self._allowance = 0
        self._complained: set[str] = set()
        self._tidied = 0.0

    def complain(self, subject: str, text: str, *arguments: object) -> None:
        """Log a warning once, until `settle` says that the subject is in order again."""
        if subject not in self._complained:
            self._complained.add(subject)
            with suppress_instrumentation():
                logger.warning(text, *arguments)

    def settle(self, subject: str) -> None:
        """Note that a subject is in order."""
        self._complained.discard(subject)

    def make_room(self, size: int, *, is_failure: bool) -> None:
        """Drop the oldest files, ordinary ones first, until there is room.

        Args:
            size: bytes that are to be written.
            is_failure: whether they tell of a failure. Files that do are not dropped for others.

        Raises:
            OSError: if there is none, since other processes hold the files or all tell of failures.
        """
        most = self.settings.max_bytes
        if size > most:
            raise OSError(errno.EDQUOT, f"more than {most} bytes")
        with self.lock:
            if size <= self._allowance:
                self._allowance -= size
                return
            self._allowance = 0
            files = self._files()
            self.size = sum(file.size for file in files)
            for file in sorted(files):
                if self.size + size <= most or (file.is_failure and not is_failure):
                    break
                self._drop(file, SPOOL_FULL)
            if self.size + size > most:
                raise OSError(errno.EDQUOT, f"more than {most} bytes")
            self._allowance = (most - self.size - size) // SHARING

    def tidy(self) -> None:
        """Drop what is too old, also of destinations that are not configured any more."""
        with self.lock:
            now = time.monotonic()
            if now - self._tidied < LOOK_EVERY / 2:
                return
            self._tidied = now
            oldest = time.time_ns() - int(self.settings.max_age * 1e9)
            files = self._files()
            self.size = sum(file.size for file in files)
            for file in files:
                if file.written < oldest:
                    self._drop(file, EXPIRED)

    def _drop(self, file: _File, reason: str) -> None:
        segment = _hold(file.path)
        if segment is None:
            return
        with suppress(OSError):
            file.path.unlink()
            self.size -= file.size
            spool = self.spools.get(file.path.parent.name)
            if spool is not None:
                spool.forget(file.path.name)
                spool.on_drop(file.count, reason)
            if file.count:
                self.complain(
                    reason,
                    "items in the spool %s were dropped, the oldest first: %s sets its limit; "
                    "further ones are only counted",
                    self.root,
                    SPOOL_BYTES if reason == SPOOL_FULL else SPOOL_AGE,
                )
        segment.release()

    def _files(self) -> list[_File]:
        found: list[_File] = []
        with suppress(OSError):
            for folder in os.scandir(self.root):
                if folder.is_dir(follow_symlinks=False):
                    found += _files_in(folder.path)
        return found


def _files_in(folder: str) -> Iterator[_File]:
    with suppress(OSError):
        for entry in os.scandir(folder):
            with suppress(OSError):
                stat = entry.stat(follow_symlinks=False)
                name = entry.name.removesuffix(_SET_ASIDE)
                if named := _NAME.fullmatch(name):
                    # What was set aside was counted then, and what was delivered is not dropped.
                    is_counted = name != entry.name or stat.st_size == len(_DELIVERED)
                    count = 0 if is_counted else int(named[2])
                    is_failure, written = named[3] == "f", int(named[1])
                    yield _File(is_failure, written, Path(entry.path), count, stat.st_size)
                elif name.endswith(_BEING_WRITTEN) and time.time() - stat.st_mtime > _ABANDONED:
                    yield _File(
                        is_failure=False,
                        written=0,
                        path=Path(entry.path),
                        count=0,
                        size=stat.st_size,
                    )


class Spool:
    """The files of one destination.

    Args:
        folder: the folder of all destinations.
        name: name of the subfolder. The same for the same destination in any process.
    """

    def __init__(self, folder: SpoolFolder, name: str) -> None:
        self._folder = folder
        self.path = folder.root / name
        self.on_drop: Callable[[int, str], None] = lambda _count, _reason: None
        """Called with the number of items that were dropped, and the reason."""
        folder.spools[name] = self
        self._held: list[Segment] = []
        self.next_look = 0.0
        """When to look for files of other processes, by the monotonic clock."""
        self._names: list[str] = []

    def forked(self) -> None:
        """Begin anew in a forked child: what the parent holds is the parent's."""
        for segment in self._held:
            with suppress(OSError):
                segment.release()
        self._held = []
        self._names = []
        self.next_look = 0.0
        self._folder.forked()

    def forget(self, name: str) -> None:
        """Note that a file is gone."""
        with suppress(ValueError):
            self._names.remove(name)

    def put(self, items: Sequence[Item], *, hold: bool = False) -> Segment | None:
        """Write items to one file, or two: those that tell of a failure stay longer.

        Args:
            items: the items.
            hold: whether this process goes on with them. They are in one file then.

        Returns:
            The file, if it is held.

        Raises:
            OSError: if they can't be written. What was written is deleted.
        """
        # A fork waits: the child would have the lock of a file that is held meanwhile for a moment.
        with self._folder.lock:
            failures = [item for item in items if item[3]]
            if hold or not failures or len(failures) == len(items):
                segment = self._write(items, bool(failures))
                if hold:
                    return segment
                self.give_back(segment)
                return None
            ordinary = [item for item in items if not item[3]]
            written: list[Segment] = []
            try:
                for part, is_failure in ((ordinary, False), (failures, True)):
                    written.append(self._write(part, is_failure))
            except OSError:
                for segment in written:
                    self.remove(segment)
                raise
            for segment in written:
                self.give_back(segment)
            return None

    def _write(self, items: Sequence[Item], is_failure: bool) -> Segment:
        content = encode(items)
        count = sum(item[2] for item in items)
        name = f"{time.time_ns():020d}-{count}-{'f' if is_failure else 'o'}-{uuid4().hex[:8]}.items"
        with self._folder.lock:
            try:
                self._folder.make_room(len(content), is_failure=is_failure)
                self._make()
                segment = self._written(name, content, count)
            except OSError as error:
                self._folder.complain(
                    "write",
                    "the spool %s can't be written: %s. What can't be sent stays in memory",
                    self._folder.root,
                    error.strerror or type(error).__name__,
                )
                raise
            self._folder.settle("write")
            self._folder.size += len(content)
            self._held.append(segment)
            return segment

    def _make(self) -> None:
        try:
            self.path.mkdir(mode=0o700, parents=True)
        except FileExistsError:
            if not self.path.is_dir():
                raise
        else:
            self._removed()

    def _removed(self) -> None:
        """Count the files that were in the folder, if it is not there any more."""
        if self._names:
            lost = sum(int(named[2]) for name in self._names if (named := _NAME.fullmatch(name)))
            self._names.clear()
            self.on_drop(lost, REMOVED)
            self._folder.complain(
                "removed",
                "files of the spool %s were removed, and their items are lost; further ones are "
                "only counted",
                self._folder.root,
            )

    def _written(self, name: str, content: bytes, count: int) -> Segment:
        path = self.path / name
        unfinished = path.with_name(name + _BEING_WRITTEN)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(unfinished, flags, 0o600)
        try:
            # Held from the beginning, and under its final name too.
            flock(descriptor, LOCK_EX | LOCK_NB)
            view = memoryview(content)
            while view:
                view = view[os.write(descriptor, view) :]
            if self._folder.settings.sync:
                os.fdatasync(descriptor)
            unfinished.rename(path)
            if self._folder.settings.sync:
                _sync_folder(self.path)
        except OSError:
            with suppress(OSError):
                unfinished.unlink()
            os.close(descriptor)
            raise
        return Segment(path, descriptor, count, len(content))

    @property
    def has_files(self) -> bool:
        """Whether files are known that this process may send."""
        return bool(self._names)

    @property
    def stored(self) -> int:
        """Number of items in the files, of any process."""
        return sum(file.count for file in _files_in(str(self.path)))

    def look(self) -> None:
        """Look for files, of this process and of others."""
        self._folder.tidy()
        # Also while the folder is read: what another thread writes meanwhile would be overlooked.
        with self._folder.lock:
            names: list[str] = []
            with suppress(OSError):
                names = sorted(name for name in os.listdir(self.path) if _NAME.fullmatch(name))
            held = {segment.path.name for segment in self._held}
            self._names = [name for name in names if name not in held]
            self.next_look = time.monotonic() + LOOK_EVERY

    def take(self) -> tuple[Segment, list[Item]] | None:
        """Hold the oldest file that no process holds; None if there is none."""
        while True:
            with self._folder.lock:
                if not self._names:
                    return None
                name = self._names.pop(0)
                segment = _hold(self.path / name)
                if segment is None:
                    if not self.path.exists():
                        insort(self._names, name)
                        self._removed()
                    continue
                self._held.append(segment)
            try:
                items = decode(_read(segment.descriptor))
            except (CorruptFileError, OSError) as error:
                self._set_aside(segment, error)
                continue
            if items:
                return segment, items
            self.remove(segment)

    def _set_aside(self, segment: Segment, error: Exception) -> None:
        with suppress(OSError):
            segment.path.rename(segment.path.with_name(segment.path.name + _SET_ASIDE))
        with self._folder.lock:
            self._release(segment)
        self.on_drop(segment.count, CORRUPT)
        self._folder.complain(
            "corrupt",
            "%s can't be read (%s) and is set aside with the suffix %s",
            segment.path,
            error,
            _SET_ASIDE,
        )

    def remove(self, segment: Segment) -> None:
        """Delete a file that this process holds."""
        with self._folder.lock:
            try:
                segment.path.unlink(missing_ok=True)
                self._folder.size -= segment.size
            except OSError as error:
                self._mark_delivered(segment, error)
            self.forget(segment.path.name)
            self._release(segment)

    def _mark_delivered(self, segment: Segment, error: OSError) -> None:
        # Otherwise each look at the folder would find it and send it again.
        with suppress(OSError):
            os.pwrite(segment.descriptor, _DELIVERED, 0)
            os.ftruncate(segment.descriptor, len(_DELIVERED))
        self._folder.complain(
            "delete",
            "files of the spool %s can't be deleted: %s. They are cut, and deleted later",
            self._folder.root,
            error.strerror or type(error).__name__,
        )

    def give_back(self, segment: Segment) -> None:
        """Leave a file that this process holds to any process."""
        with self._folder.lock:
            insort(self._names, segment.path.name)
            self._release(segment)

    def _release(self, segment: Segment) -> None:
        segment.release()
        with suppress(ValueError):
            self._held.remove(segment)


def spool_name(signal: str, exporter: str, url: str, identity: str) -> str:
    """Return the name of a destination's subfolder.

    Args:
        signal: the signal.
        exporter: name of the exporter.
        url: address, which may have credentials: only a digest of it is in the name.
        identity: what tells apart destinations with the same address, such as a token. Likewise.
    """
    digest = hashlib.sha256(f"{url}\n{identity}".encode()).hexdigest()[:12]
    return f"{signal}-{exporter}-{digest}"


def encode(items: Sequence[Item]) -> bytes:
    """Return the content of a file with these items."""
    parts: list[bytes] = []
    for (resource, scope), body, number, is_failure in items:
        sizes = _ITEM.pack(len(resource), len(scope), len(body), number, is_failure)
        parts += (sizes, resource, scope, body)
    packed = zlib.compress(b"".join(parts), 1)
    return _MAGIC + _CONTENT.pack(zlib.crc32(packed), len(packed)) + packed


def decode(content: bytes) -> list[Item]:
    """Return the items of a file. None, if they were delivered and it can't be deleted.

    Raises:
        CorruptFileError: if it is not as `encode` made it.
    """
    if content == _DELIVERED:
        return []
    start = len(_MAGIC) + _CONTENT.size
    if len(content) < start or not content.startswith(_MAGIC):
        raise CorruptFileError("it is no file of this version's spool")
    checksum, size = _CONTENT.unpack_from(content, len(_MAGIC))
    packed = content[start:]
    if len(packed) != size or zlib.crc32(packed) != checksum:
        raise CorruptFileError("its content is not what was written")
    try:
        return [*_items(zlib.decompress(packed))]
    except (struct.error, zlib.error, EOFError) as error:
        raise CorruptFileError("it has no items of this version's spool") from error


def _items(data: bytes) -> Iterator[Item]:
    position = 0
    while position < len(data):
        *sizes, number, is_failure = _ITEM.unpack_from(data, position)
        position += _ITEM.size
        found: list[bytes] = []
        for size in sizes:
            found.append(data[position : position + size])
            position += size
        if position > len(data):
            raise EOFError
        resource, scope, body = found
        yield (resource, scope), body, number, bool(is_failure)


def _hold(path: Path) -> Segment | None:
    """Lock a file; None if it is gone, or another process holds it."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        flock(descriptor, LOCK_EX | LOCK_NB)
        stat = os.fstat(descriptor)
    except OSError:
        os.close(descriptor)
        return None
    if not stat.st_nlink:
        # Deleted by the process that held it.
        os.close(descriptor)
        return None
    named = _NAME.fullmatch(path.name)
    return Segment(path, descriptor, int(named[2]) if named else 0, stat.st_size)


def _read(descriptor: int) -> bytes:
    parts = []
    while part := os.read(descriptor, 1 << 20):
        parts.append(part)
    return b"".join(parts)


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
