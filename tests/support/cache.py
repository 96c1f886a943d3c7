"""Folders that take long to make: outside the tree, made once for all runs and workers."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import time
from typing import TYPE_CHECKING

from telemetry.cache import cache_folder, made_once

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

UNUSED_SECONDS = 3 * 24 * 3600


def cached(base: Path, name: str, build: Callable[[Path], None]) -> Path:
    """Give the folder `name` in `base`; `build` makes it where it is missing.

    The name is a digest of all that goes in: a folder that is there is
    complete and current, and one unused for days is removed.
    """

    def make(unfinished: Path) -> None:
        build(unfinished)
        _remove_unused(base)

    finished = made_once(base / name, make)
    os.utime(finished)
    return finished


def cache_of(kind: str) -> Path:
    """Give the folder of one kind of them, where the user's caches are."""
    return cache_folder() / kind


def digest(*parts: object) -> str:
    """Name all that goes into a folder, our Python besides; parts are told apart by `repr`."""
    return hashlib.sha256(repr((sys.version, parts)).encode()).hexdigest()[:16]


def _remove_unused(base: Path) -> None:
    # Every change to the package makes a new one. Lock files stay: they are
    # empty, and removing one that somebody waits for would let two build.
    for entry in base.iterdir():
        if entry.is_dir() and time.time() - entry.stat().st_mtime > UNUSED_SECONDS:
            shutil.rmtree(entry, ignore_errors=True)
