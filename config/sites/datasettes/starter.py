"""Starts a Datasette on a site's files."""

import asyncio
import itertools
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from config.sites.datasettes.files import DatabaseFile, SiteFolder
from config.sites.datasettes.kept import KeptDatasette, Recipe
from config.sites.datasettes.metadata import site_metadata
from config.sites.datasettes.metrics import measured_startup
from config.sites.datasettes.opening import IMMUTABLE, BusyDatabaseError, Mode, choose_mode
from config.sites.directory import RegisteredSite

AT_ONCE = 2
"""Number of concurrent starts.

With more, each would be slower, and its files more likely to be replaced meanwhile.
"""
START_SECONDS = 30.0
LOCK_SECONDS = 1.0
"""How long to wait for a writer. Not in a thread, since many sites may be locked at once."""
_LOCK_STEP_SECONDS = 0.05


class FilesReplacedError(Exception):
    """A file was replaced while a Datasette was being started on it."""


class Starter:
    """Starts Datasettes with the same settings for all sites.

    `secret` returns the signing key of a site's Datasette. It must be the same in every
    worker: otherwise one would refuse the cookies of another.
    """

    def __init__(self, *, secret: Callable[[str], str], settings: Mapping[str, Any]) -> None:
        self._secret = secret
        self._settings = settings
        self._turns = asyncio.Semaphore(AT_ONCE)
        # Created on first use, in the worker, not in the process that forks it.
        self._folder: Path | None = None
        self._numbers = itertools.count()

    async def start(
        self, site: RegisteredSite, folder: SiteFolder, files: Sequence[DatabaseFile]
    ) -> KeptDatasette:
        """Start a Datasette on `files`, with all its connections open on exactly these.

        Raises FilesReplacedError if one of them was replaced meanwhile,
        UnreadableDatabaseError, TimeoutError, or the exception of a plugin's hook.
        """
        modes = await _modes(files)
        recipe = Recipe(
            databases=list(zip(files, modes, strict=True)),
            metadata=site_metadata(site),
            settings=self._settings,
            secret=self._secret(site.subdomain),
            internal=self._new_internal(),
        )
        async with self._turns, asyncio.timeout(START_SECONDS):
            # The wait for the semaphore may have been long.
            await _verify(recipe, folder)
            with measured_startup():
                datasette = await KeptDatasette.start(recipe)
        try:
            await _verify(recipe, folder)
        except BaseException:
            await datasette.stop()
            raise
        return datasette

    def close(self) -> None:
        """Remove the files of closed Datasettes. Blocks."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def _new_internal(self) -> Path:
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="corkboard-internal-"))
        return self._folder / f"{next(self._numbers)}.db"


async def _modes(files: Sequence[DatabaseFile]) -> list[Mode]:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + LOCK_SECONDS
    while True:
        try:
            return await asyncio.to_thread(lambda: [choose_mode(file) for file in files])
        except BusyDatabaseError:
            if loop.time() >= deadline:
                raise
        await asyncio.sleep(_LOCK_STEP_SECONDS)


async def _verify(recipe: Recipe, folder: SiteFolder) -> None:
    """Raise FilesReplacedError if the files at these paths are no longer the same."""
    seen = await asyncio.to_thread(folder.look)
    # SQLite detects changes in place itself, unless the file was opened as
    # immutable.
    same = len(seen) == len(recipe.databases) and all(
        before == after if mode == IMMUTABLE else before.place == after.place
        for (before, mode), after in zip(recipe.databases, seen, strict=True)
    )
    if not same:
        raise FilesReplacedError(", ".join(str(file.path) for file, _ in recipe.databases))
